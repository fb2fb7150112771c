//! Stories through the whole router: duplicated, edited by two at once, put on stage, and found again after a restart.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::path::Path;
use std::sync::Arc;

use app::wire::StoryForm;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, header};
use showrunner::AppState;
use showrunner::clock::{RandomIds, SystemClock};
use showrunner::config::Config;
use showrunner::runs::{Job, NewRun};
use showrunner::store::{ClockChange, FILE_NAME, Outcome};
use showrunner::story::Depth;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

mod session;

use session::{HOST, session};

const SHIPPED: &str = "web-analytics";
const COPY: &str = "web-analytics-2";

struct Site {
    state: Arc<AppState>,
    router: Router,
    admin: HeaderValue,
    presenter: HeaderValue,
}

impl Site {
    async fn open(folder: &Path) -> Site {
        let config = Config::for_tests(folder);
        let state = showrunner::build(&config, Arc::new(SystemClock), Arc::new(RandomIds)).await.unwrap();
        let router = showrunner::http::router(state.clone(), CancellationToken::new());
        let (admin, presenter) = (session(&router, "admin").await, session(&router, "presenter").await);
        Site { state, router, admin, presenter }
    }

    async fn send(&self, request: Request<Body>) -> (u16, String, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let to = parts.headers.get(header::LOCATION).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = to_bytes(body, 10_000_000).await.unwrap();
        (parts.status.as_u16(), to, String::from_utf8_lossy(&body).into_owned())
    }

    async fn get(&self, who: &HeaderValue, path: &str) -> (u16, String) {
        let request = Request::get(path)
            .header(header::HOST, HOST)
            .header(header::COOKIE, who)
            .header(header::ACCEPT, "text/html")
            .body(Body::empty());
        let (status, _, body) = self.send(request.unwrap()).await;
        (status, body)
    }

    /// Posts a form as a browser without JavaScript does. Where it leads.
    async fn post(&self, who: &HeaderValue, function: &str, fields: &[(&str, &str)]) -> String {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(format!("/api/{function}"))
            .header(header::HOST, HOST)
            .header(header::COOKIE, who)
            .header(header::ACCEPT, "text/html")
            .header(header::REFERER, format!("http://{HOST}/stories"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form));
        let (status, to, body) = self.send(request.unwrap()).await;
        assert_eq!(status, 302, "{function}: {body}");
        to
    }

    /// The fields of a form, as a browser sends them.
    async fn save(&self, who: &HeaderValue, form: &StoryForm) -> String {
        let mut fields = vec![
            ("story".to_owned(), form.story.clone()),
            ("base".to_owned(), form.base.clone()),
            ("title".to_owned(), form.title.clone()),
        ];
        for (at, step) in form.steps.iter().enumerate() {
            for (name, value) in [
                ("does", &step.does),
                ("title", &step.title),
                ("say", &step.say.replace('\n', "\r\n")),
                ("minutes", &step.minutes),
                ("short", &step.short),
                ("depth", &step.depth),
            ] {
                fields.push((format!("steps[{at}][{name}]"), value.clone()));
            }
        }
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(who, "save_story", &fields).await
    }

    async fn form(&self) -> StoryForm {
        let kept = self.state.stage.find(&self.state.store, COPY).await.unwrap();
        showrunner::stories::form(&kept.story, kept.version())
    }

    async fn put(&self, story: &str, depth: &str) -> String {
        self.post(&self.presenter, "put_on_stage", &[("story", story), ("depth", depth)]).await
    }
}

/// One test, one runtime: see tests/customers.rs.
#[tokio::test(flavor = "multi_thread")]
async fn stories() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::open(folder.path()).await;
    a_shipped_story_is_duplicated_and_the_duplicate_edited(&site).await;
    what_is_wrong_is_said_and_nothing_typed_is_lost(&site).await;
    the_second_of_two_is_told(&site).await;
    the_stage_decides_what_the_show_is(&site).await;
    what_is_on_stage_stays_while_something_is_under_way(&site).await;
    a_presenter_edits_nothing(&site).await;
    // The pages' tasks hold the first server's topics for as long as the process lives: the second one gets the database.
    site.state.store.close().await;
    let again = tempfile::tempdir().unwrap();
    std::fs::copy(folder.path().join(FILE_NAME), again.path().join(FILE_NAME)).unwrap();
    a_restart_keeps_all_of_it(again.path()).await;
}

async fn a_shipped_story_is_duplicated_and_the_duplicate_edited(site: &Site) {
    let to = site.post(&site.admin, "change_story", &[("change", "duplicate"), ("story", SHIPPED)]).await;
    assert_eq!(to, format!("/stories/{COPY}/edit"));
    let (status, page) = site.get(&site.admin, &to).await;
    assert!(status == 200 && page.contains("Version 1, ") && page.contains("steps[15][say]"), "{status}");
    let mut form = site.form().await;
    assert_eq!(form.title, "Web analytics: a day arrives (copy)");
    form.title = "For <b>a bank</b>".into();
    form.steps[3].say = "Ours.\nOn {said}.".into();
    form.steps[3].short = "1:30".into();
    assert_eq!(site.save(&site.admin, &form).await, format!("/stories/{COPY}"));
    let (_, page) = site.get(&site.presenter, &format!("/stories/{COPY}?depth=5")).await;
    for words in ["For &lt;b&gt;a bank", "<p>Ours.</p>", "<p>On 29 Jul.</p>", "6 steps, planned 5:45", "0:45 too long"]
    {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("2.3 Find the day"), "a step of the longer shows only");
    let (_, page) = site.get(&site.presenter, &format!("/stories/{SHIPPED}?depth=20")).await;
    assert!(page.contains("13 steps, planned 19:00") && !page.contains("Ours."), "the shipped one is as it was");
    let (status, page) = site.get(&site.admin, &format!("/stories/{SHIPPED}/edit")).await;
    assert!(status == 422 && page.contains("Duplicate it, and edit the duplicate"), "{status}");
    let (_, page) = site.get(&site.admin, "/stories").await;
    assert!(page.contains("Version 2, ") && page.contains("On stage, 45 minutes"));
}

async fn what_is_wrong_is_said_and_nothing_typed_is_lost(site: &Site) {
    let mut form = site.form().await;
    form.title = " ".into();
    form.steps[0].say = "Typed with care.".into();
    form.steps[1].minutes = "half a minute".into();
    form.steps[3].depth = "45".into();
    let to = site.save(&site.admin, &form).await;
    assert!(to.starts_with(&format!("/stories/{COPY}/edit?draft=")), "{to}");
    let (status, page) = site.get(&site.admin, &to).await;
    assert_eq!(status, 200);
    for words in [
        "Typed with care.",
        "value=\"half a minute\"",
        "A title is needed.",
        "A time from 0:05 to 60:00",
        "It needs step 2.1 Upload 2017-07-29",
        "fields cannot be saved as typed",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert_eq!(site.form().await.base, "2", "nothing was saved");
    let (status, _) = site.get(&site.presenter, &to).await;
    assert_eq!(status, 403);
    let audit = site.state.store.audit_trail(None, 10).await.unwrap();
    assert!(audit[0].action == "save_story" && audit[0].subject.contains("kept as a draft"), "{:?}", audit[0]);
    assert!(audit.iter().all(|row| !row.subject.contains("care")), "no text is told");
}

async fn the_second_of_two_is_told(site: &Site) {
    let (mut first, mut second) = (site.form().await, site.form().await);
    first.steps[2].say = "The first.".into();
    second.steps[2].say = "The second.".into();
    assert_eq!(site.save(&site.admin, &first).await, format!("/stories/{COPY}"));
    let to = site.save(&site.admin, &second).await;
    assert!(to.contains("/edit?draft="), "{to}");
    assert_eq!(site.form().await.steps[2].say, "The first.");
    let (_, page) = site.get(&site.admin, &to).await;
    for words in ["saved version 3", "Nothing was written over it", "The second.", "The newest version has: The first."]
    {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("name=\"base\" value=\"3\""), "who saves again has seen it");
    second.base = "3".into();
    assert_eq!(site.save(&site.admin, &second).await, format!("/stories/{COPY}"));
    assert_eq!(site.state.store.story_versions(COPY).await.unwrap().len(), 4, "nothing is lost");
}

async fn the_stage_decides_what_the_show_is(site: &Site) {
    let (_, page) = site.get(&site.presenter, "/").await;
    assert!(
        page.contains("a day arrives")
            && !page.contains("a day arrives · ")
            && page.contains("Many small files become one")
    );
    site.state.store.change_clock(SHIPPED, "2.3", ClockChange::Start).await.unwrap();
    let before = site.state.store.last_event_id().await.unwrap();
    assert_eq!(site.put(SHIPPED, "5").await, "/");
    let (_, page) = site.get(&site.presenter, "/").await;
    assert!(page.contains("a day arrives · 5 minutes") && page.contains("Mobile checkout, United Kingdom"));
    for gone in ["Many small files become one", "See where the data is", "step=2.3"] {
        assert!(!page.contains(gone), "{gone}");
    }
    let show = site.state.store.presentation(SHIPPED).await.unwrap();
    assert!(show.step.is_none() && show.since.is_none(), "{show:?}");
    let told = site.state.store.events_after(before, 10).await.unwrap();
    assert!(told.iter().any(|event| event.what == "story"), "open pages hear of it");
    let (status, page) = site.get(&site.presenter, "/?step=2.3").await;
    assert!(status == 404 && page.contains("Step 2.3 is part of a show of 20 minutes"), "{status}");
    let (status, _) = site.get(&site.presenter, "/reset?scope=step:2.1").await;
    assert_eq!(status, 200);

    assert_eq!(site.put(COPY, "20").await, "/");
    let (_, page) = site.get(&site.presenter, "/?step=2.1").await;
    assert!(page.contains("For &lt;b&gt;a bank&lt;/b&gt; · 20 minutes") && page.contains("<p>Ours.</p>"));
    for (depth, words) in [("6", "no such depth"), ("", "no such depth")] {
        let to = site.put(SHIPPED, depth).await;
        assert!(to.contains("__err="), "{depth} {words}: {to}");
    }
    assert!(site.put("none", "5").await.contains("__err="));
    // Not while it is on stage.
    let to = site.post(&site.admin, "change_story", &[("change", "delete"), ("story", COPY)]).await;
    assert!(to.contains("__err="), "{to}");
    assert!(site.state.store.story(COPY).await.unwrap().is_some());
    let (_, page) = site.get(&site.admin, &format!("/stories?delete={COPY}")).await;
    assert!(page.contains("It is on stage. Put another one on stage first."));
    // What is saved is told at once.
    let mut form = site.form().await;
    form.steps[3].say = "Better.".into();
    form.steps[5].depth = "45".into();
    assert_eq!(site.save(&site.admin, &form).await, format!("/stories/{COPY}"));
    let (_, page) = site.get(&site.presenter, "/?step=2.1").await;
    assert!(page.contains("<p>Better.</p>") && !page.contains("step=2.3"));
}

async fn what_is_on_stage_stays_while_something_is_under_way(site: &Site) {
    let day = ["2017-07-29".parse().unwrap()].to_vec();
    let job = Job::Seed { customer: "customer01".into(), dataset: "ga_sessions".into(), history: day, stage: vec![] };
    // The lane was not started: it stays queued.
    let run = site.state.engine.start(NewRun { job, started_by: "test".into(), story_step: None }).await.unwrap();
    let to = site.put(SHIPPED, "45").await;
    assert!(to.contains("__err="), "{to}");
    assert_eq!(site.state.stage.told().story.id, COPY);
    let mut form = site.form().await;
    form.steps[5].depth = "20".into();
    let to = site.save(&site.admin, &form).await;
    let (_, page) = site.get(&site.admin, &to).await;
    assert!(page.contains(&format!("{} is under way", run.run_id)), "{to}");
    let mut form = site.form().await;
    form.steps[3].say = "Words only.".into();
    assert_eq!(site.save(&site.admin, &form).await, format!("/stories/{COPY}"));
}

async fn a_presenter_edits_nothing(site: &Site) {
    let form = site.form().await;
    for to in [
        site.post(&site.presenter, "change_story", &[("change", "duplicate"), ("story", SHIPPED)]).await,
        site.post(&site.presenter, "change_story", &[("change", "delete"), ("story", COPY)]).await,
        site.save(&site.presenter, &form).await,
    ] {
        assert!(to.contains("__err="), "{to}");
    }
    assert_eq!(site.state.store.stories().await.unwrap().len(), 1);
    let audit = site.state.store.audit_trail(None, 3).await.unwrap();
    assert!(audit.iter().all(|row| row.outcome == Outcome::Refused), "{audit:?}");
    let (status, page) = site.get(&site.presenter, "/stories").await;
    assert!(status == 200 && page.contains("Put on stage") && !page.contains("Duplicate web-analytics"));
    let viewer = session(&site.router, "viewer").await;
    assert_eq!(site.get(&viewer, "/stories").await.0, 403);
}

async fn a_restart_keeps_all_of_it(folder: &Path) {
    let site = Site::open(folder).await;
    let told = site.state.stage.told();
    assert_eq!((told.story.id.as_str(), told.story.depth), (COPY, Depth::Twenty));
    assert_eq!(told.story.step("2.1").unwrap().say, "Words only.");
    assert!(told.story.step("2.3").is_none() && told.whole.step("2.3").is_some());
    assert_eq!(site.state.store.story_versions(COPY).await.unwrap().len(), 6);
}
