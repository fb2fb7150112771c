//! Renders every page on the server, as it reads without JavaScript.

mod fakes;
mod looking;
mod rendered;
mod streaming;

use fakes::Mood;
use rendered::{Page, count, page, page_in, tag};

const PAGES: [&str; 39] = [
    "/",
    "/?step=2.2",
    "/lake",
    "/lake/bronze.visits",
    "/lake/bronze.visits?tab=schema&find=pagePath",
    "/lake/bucket/ingestion?prefix=customer01/",
    "/runs",
    "/runs/run-0059-7f3a",
    "/runs/run-0059-7f3a/calls",
    "/runs/run-0059-7f3a/calls?step=bronze&page=2",
    "/report",
    "/reset",
    "/reset?run=reset-0007",
    "/stream",
    "/stream?still",
    "/privacy",
    "/people",
    "/settings",
    "/settings?check=google-cloud",
    "/sign-in",
    "/lineage",
    "/lineage?find=revenue",
    "/sql",
    "/sql?q=one",
    "/sql?q=both",
    "/sql?q=wrong",
    "/sql?q=policy",
    "/sql?q=waiting",
    "/policies",
    "/customers",
    "/customers?customer=customer02",
    "/datasets",
    "/datasets?dataset=hires",
    "/upload?customer=customer02",
    "/stories",
    "/stories?delete=visits-2",
    "/stories/visits-2",
    "/stories/visits-2?depth=20",
    "/stories/visits-2/edit",
];

#[tokio::test]
async fn every_page_has_its_landmarks() {
    for address in PAGES {
        for mood in [Mood::Busy, Mood::Idle, Mood::Blocked, Mood::Fresh] {
            let Page { html, status } = page(address, mood).await;
            let case = format!("{address} {mood:?}");
            assert_eq!(count(&html, "<main "), 1, "{case}");
            assert_eq!(count(&html, "<h1"), 1, "{case}");
            assert!(tag(&html, "<html").contains("lang=\"en\""), "{case}");
            assert!(html.contains("<title>") && html.contains(" · Showrunner</title>"), "{case}");
            assert!(tag(&html, "class=\"skip\"").contains("href=\"#main\""), "{case}");
            // What is not in the bar's row of pages marks none of them.
            let marked =
                !["/reset", "/people", "/settings", "/sign-in", "/customers", "/datasets", "/upload", "/stories"]
                    .iter()
                    .any(|other| address.starts_with(other));
            assert_eq!(count(&html, "aria-current=\"page\""), usize::from(marked), "{case}");
            assert_eq!(count(&html, "<table"), count(&html, "<tbody"), "{case}");
            assert_eq!(count(&html, "<table"), count(&html, "<thead"), "{case}");
            assert!(count(&html, "btn primary") <= 1, "{case}");
            assert!(status.is_empty(), "{case}: {status:?}");
            assert!(!html.contains("href=\"#\""), "{case}: a link that leads nowhere");
        }
    }
}

#[tokio::test]
async fn every_id_that_is_referred_to_is_there_once() {
    for address in PAGES {
        for mood in [Mood::Busy, Mood::Idle, Mood::Blocked, Mood::Fresh] {
            let html = page(address, mood).await.html;
            for attribute in ["aria-describedby=\"", "aria-labelledby=\"", "href=\"#"] {
                for id in html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
                    assert_eq!(count(&html, &format!(" id=\"{id}\"")), 1, "{address} {mood:?}: {attribute}{id}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_primary_button_is_the_first_stop_after_the_bar() {
    for mood in [Mood::Busy, Mood::Idle, Mood::Blocked] {
        let html = page("/", mood).await.html;
        let main = html.split_once("<main").expect("a main").1;
        let stops = ["<a ", "<button", "<input", "<summary", "<select"];
        let first = stops
            .iter()
            .filter_map(|stop| main.find(stop))
            .min_by_key(|at| if main[*at..].starts_with("<input type=\"hidden\"") { usize::MAX } else { *at })
            .expect("something to press");
        let stop = main[first..].split('>').next().expect("a tag");
        assert!(stop.contains("btn primary"), "{mood:?}: {stop}");
        assert_eq!(count(&html, "btn primary"), 1);
    }
}

#[tokio::test]
async fn a_button_that_cannot_be_pressed_says_why_and_does_not_submit() {
    for (mood, why) in [(Mood::Blocked, "Upload a day first: the folder is empty."), (Mood::Busy, "Pressed 14:06:12.")]
    {
        let html = page("/", mood).await.html;
        let button = tag(&html, "btn primary");
        assert!(button.contains("aria-disabled=\"true\""), "{button}");
        assert!(button.contains("aria-describedby=\"why\""), "{button}");
        assert!(button.contains("type=\"button\""), "{button}");
        let reason = html.split_once(tag(&html, "id=\"why\"")).expect("the reason").1;
        let reason = reason.split('<').next().expect("its text");
        assert_eq!(reason, why);
    }
    let button = page("/", Mood::Idle).await.html;
    let button = tag(&button, "btn primary");
    assert!(button.contains("type=\"submit\"") && !button.contains("aria-disabled"), "{button}");
}

#[tokio::test]
async fn every_form_works_by_itself() {
    for (address, mood, action, method, fields) in [
        ("/", Mood::Idle, "/api/press", "post", &[("step", "2.2")][..]),
        ("/", Mood::Busy, "/api/stop_run", "post", &[("id", "run-0059-7f3a")]),
        ("/", Mood::Idle, "/api/skip_step", "post", &[("step", "2.2"), ("how", "out")]),
        ("/", Mood::Idle, "/api/open_step", "post", &[("step", "2.2")]),
        ("/", Mood::Idle, "/api/change_clock", "post", &[("step", "2.2"), ("change", "start")]),
        ("/", Mood::Busy, "/api/change_clock", "post", &[("step", "2.2"), ("change", "pause")]),
        ("/", Mood::Idle, "/api/change_audience", "post", &[("change", "freeze")]),
        ("/", Mood::Blocked, "/api/change_audience", "post", &[("change", "follow")]),
        ("/", Mood::Idle, "/api/reingest", "post", &[("day", "customer01/visits/2017-07-29")]),
        ("/", Mood::Idle, "/upload", "post", &[("day", "customer01/visits/2017-07-29")]),
        ("/runs/run-0059-7f3a", Mood::Idle, "/api/retry_run", "post", &[("id", "run-0059-7f3a")]),
        ("/reset", Mood::Idle, "/api/confirm_reset", "post", &[("scope", "step:2.1"), ("plan", "3f9a")]),
        ("/reset?scope=all", Mood::Idle, "/api/confirm_reset", "post", &[("scope", "all"), ("plan", "3f9a")]),
        ("/reset", Mood::Idle, "/reset", "get", &[]),
        ("/sql", Mood::Idle, "/sql", "get", &[]),
        ("/sql?q=policy", Mood::Idle, "/api/change_policies", "post", &[("sql", "DROP DATA_POLICY a")]),
        ("/customers", Mood::Idle, "/api/change_customer", "post", &[]),
        ("/datasets", Mood::Idle, "/datasets/sample", "post", &[]),
        ("/datasets?dataset=hires", Mood::Idle, "/api/change_dataset", "post", &[("dataset", "hires")]),
        ("/datasets?dataset=hires", Mood::Idle, "/api/save_dataset", "post", &[("dataset", "hires"), ("after", "2")]),
        ("/upload", Mood::Idle, "/api/complete_day", "post", &[("day", "customer02/visits/2017-07-29")]),
        ("/upload", Mood::Idle, "/upload", "get", &[]),
        ("/stories", Mood::Idle, "/api/put_on_stage", "post", &[("story", "visits"), ("depth", "5")]),
        ("/stories", Mood::Idle, "/api/change_story", "post", &[("story", "visits"), ("change", "duplicate")]),
        ("/stories/visits-2/edit", Mood::Idle, "/api/save_story", "post", &[("story", "visits-2"), ("base", "2")]),
        ("/policies", Mood::Idle, "/api/story_policies", "post", &[]),
        ("/policies", Mood::Idle, "/api/add_row_policy", "post", &[]),
        ("/policies", Mood::Idle, "/api/add_mask", "post", &[]),
        ("/report", Mood::Idle, "/api/view_as", "post", &[("back", "/report")]),
        ("/report", Mood::Blocked, "/api/view_as", "post", &[("back", "/report")]),
        ("/reset?scope=all", Mood::Idle, "/api/set_theme", "post", &[("back", "/reset?scope=all")]),
        (
            "/lake/bronze.visits?tab=schema&find=pagePath",
            Mood::Idle,
            "/lake/bronze.visits",
            "get",
            &[("tab", "schema"), ("find", "pagePath")],
        ),
    ] {
        let html = page(address, mood).await.html;
        let form = tag(&html, &format!("action=\"{action}\""));
        assert!(form.starts_with("<form"), "{form}");
        assert!(form.contains(&format!("method=\"{method}\"")), "{form}");
        let inside = html.split_once(form).expect("the form").1;
        let inside = inside.split_once("</form>").expect("its end").0;
        for (name, value) in fields {
            let input = tag(inside, &format!("name=\"{name}\""));
            assert!(input.contains(&format!("value=\"{value}\"")), "{address} {input}");
        }
        assert!(inside.contains("<button"), "{address} {action}");
    }
    let html = page("/", Mood::Idle).await.html;
    assert!(tag(&html, "action=\"/upload\"").contains("enctype=\"multipart/form-data\""));
    assert!(tag(&html, "type=\"file\"").contains("multiple"));
    let html = page("/upload", Mood::Idle).await.html;
    assert!(tag(&html, "enctype=\"multipart/form-data\"").contains("method=\"post\""));
}

#[tokio::test]
async fn the_theme_is_an_attribute_of_the_document() {
    for (theme, attribute) in
        [("light", Some("data-theme=\"light\"")), ("dark", Some("data-theme=\"dark\"")), ("system", None)]
    {
        let html = page_in("/report", Mood::Idle, theme).await.html;
        let document = tag(&html, "<html");
        match attribute {
            Some(attribute) => assert!(document.contains(attribute), "{document}"),
            None => assert!(!document.contains("data-theme"), "{document}"),
        }
        let button = tag(&html, &format!("value=\"{theme}\""));
        assert!(button.contains("aria-pressed=\"true\""), "{button}");
    }
}

#[tokio::test]
async fn without_javascript_a_page_refreshes_only_while_something_runs() {
    for (address, mood, refreshes) in [
        ("/", Mood::Busy, true),
        ("/", Mood::Idle, false),
        ("/runs", Mood::Idle, true),
        ("/runs", Mood::Fresh, false),
        ("/reset", Mood::Idle, false),
    ] {
        let html = page(address, mood).await.html;
        let found = html.contains("<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>");
        assert_eq!(found, refreshes, "{address} {mood:?}");
    }
}

#[tokio::test]
async fn the_audience_screen_has_nothing_to_press_and_names_nothing() {
    for mood in [Mood::Busy, Mood::Idle, Mood::Blocked, Mood::Fresh, Mood::Locked] {
        let Page { html, status } = page("/audience", mood).await;
        let body = html.split_once("<body").expect("a body").1;
        for control in
            ["<button", "<form", "<input", "<nav", "<summary", "class=\"topbar\"", "popover", "aria-keyshortcuts"]
        {
            assert!(!body.contains(control), "{mood:?}: {control}");
        }
        // The skip link is the only one.
        assert_eq!(count(body, "<a "), 1, "{mood:?}");
        for secret in ["run-0", "presenter", "customer01", "/runs", "/lake", "/api/press", "Say"] {
            assert!(!body.contains(secret), "{mood:?}: {secret}");
        }
        assert_eq!(count(body, "<h1"), 1, "{mood:?}");
        assert_eq!(count(body, "<main "), 1, "{mood:?}");
        assert!(html.contains("<noscript><meta http-equiv=\"refresh\""), "it follows without JavaScript as well");
        assert!(status.is_empty());
    }
    let html = page("/audience", Mood::Idle).await.html;
    for shown in
        ["29 Jul has arrived", "<dd>1,987</dd>", "151,681", "In every zone", "29 Jul · 1,987", "has the day", "--n:7"]
    {
        assert!(html.contains(shown), "{shown}");
    }
    let busy = page("/audience", Mood::Busy).await.html;
    assert!(busy.contains("<dd>1,240</dd>") && busy.contains("--at:52.4%") && busy.contains("Silver, step 3 of 5"));
    // Blank on purpose and without a server look alike: nothing but the mark.
    for mood in [Mood::Fresh, Mood::Broken] {
        let html = page("/audience", mood).await.html;
        let main = html.split_once("<main").expect("a main").1.split_once("</main>").expect("its end").0;
        assert!(main.contains("blank") && main.contains("Showrunner") && !main.contains("1,987"), "{mood:?}: {main}");
        assert!(!html.contains("The control database"), "{mood:?}");
    }
    let dark = page_in("/audience", Mood::Idle, "dark").await.html;
    assert!(tag(&dark, "<html").contains("data-theme=\"dark\""));
}

#[tokio::test]
async fn the_clock_is_rendered_with_what_the_server_counted() {
    let html = page("/", Mood::Busy).await.html;
    let clock = html.split_once("class=\"clock\"").expect("a clock").1.split_once("</section>").expect("its end").0;
    for shown in ["7:42", "of 20:00", "0:42 behind", "--at:38.5%", "--min:240", "4:35", "Pause", "Back to 0:00"] {
        assert!(clock.contains(shown), "{shown}: {clock}");
    }
    assert_eq!(count(clock, "<i "), 3);
    let html = page("/", Mood::Fresh).await.html;
    assert!(html.contains("Start the clock") && !html.contains("Back to 0:00") && !html.contains("on time"));
    assert!(page("/", Mood::Blocked).await.html.contains("Skipped: 1:30"));
}

#[tokio::test]
async fn what_a_press_does_is_said_before_it() {
    let html = page("/", Mood::Idle).await.html;
    let skip = html.split_once("Skip…").expect("a way to skip").1;
    let (means, button) = (skip.find("steps 2.3 and 2.4 are left out too"), skip.find("Skip this step"));
    assert!(means.is_some() && means < button);
    assert!(
        html.contains("Write end_file.txt, and go on") && html.contains("The audience sees 2.1 Upload 2017-07-29.")
    );
    assert!(html.contains("story-step skipped"));
    // What runs is not skipped.
    assert!(!page("/", Mood::Busy).await.html.contains("Skip…"));
    let frozen = page("/", Mood::Blocked).await.html;
    assert!(
        frozen.contains("Frozen at 14:06:12") && tag(&frozen, "value=\"follow\"").contains("aria-pressed=\"true\"")
    );
    assert!(tag(&frozen, "value=\"blank\"").contains("aria-pressed=\"false\""));
    assert!(page("/", Mood::Fresh).await.html.contains("The screen is blank."));
}

#[tokio::test]
async fn each_key_has_one_element_that_it_presses() {
    for mood in [Mood::Busy, Mood::Idle, Mood::Blocked] {
        let html = page("/", mood).await.html;
        let named: Vec<&str> = html
            .split("aria-keyshortcuts=\"")
            .skip(1)
            .flat_map(|rest| rest.split('"').next().expect("a value").split(' '))
            .collect();
        for key in ["n", "ArrowRight", "PageDown", "p", "ArrowLeft", "PageUp", "g", "f", "b", ".", "?"] {
            assert_eq!(named.iter().filter(|name| **name == key).count(), 1, "{mood:?}: {key} in {named:?}");
        }
    }
}

#[tokio::test]
async fn progress_is_spoken_by_its_step() {
    let html = page("/", Mood::Busy).await.html;
    let bar = tag(&html, "role=\"progressbar\"");
    for attribute in ["aria-valuetext=\"Silver, step 3 of 5\"", "aria-valuenow=\"52\"", "aria-valuemax=\"100\""] {
        assert!(bar.contains(attribute), "{bar}");
    }
    let segments = html.split_once(bar).expect("the bar").1.split_once("</div>").expect("its end").0;
    assert_eq!(count(segments, "<i "), 5, "{segments}");
}

#[tokio::test]
async fn a_page_that_is_not_there_says_so() {
    for address in ["/nothing", "/runs/run-0059-7f3a/more"] {
        let Page { html, status } = page(address, Mood::Idle).await;
        assert!(html.contains("<h1>No such page</h1>"), "{address}");
        assert_eq!(status, [404], "{address}");
    }
    let Page { html, status } = page("/runs/run-0000-0000", Mood::Idle).await;
    assert!(html.contains("There is no run run-0000-0000. Open the list of runs."));
    assert_eq!(status, [404]);
}

#[tokio::test]
async fn a_page_that_cannot_be_read_says_why_once_and_offers_to_try_again() {
    for address in [
        "/",
        "/lake",
        "/lake/bronze.visits",
        "/lake/bucket/ingestion",
        "/runs",
        "/runs/run-0059-7f3a",
        "/runs/run-0059-7f3a/calls",
        "/report",
        "/reset",
        "/sql",
    ] {
        let Page { html, status } = page(address, Mood::Broken).await;
        assert!(status.iter().all(|code| *code == 503) && !status.is_empty(), "{address} {status:?}");
        let main = html.split_once("<main").expect("a main").1;
        assert_eq!(count(&html, "<strong>The control database is locked."), 1, "{address}");
        assert!(main.contains("Request r-42"), "{address}");
        assert!(tag(main, "rel=\"external\"").contains("href=\"\""), "{address}");
        assert!(html.contains("class=\"nav\""), "{address}: the bar stays");
    }
}

#[tokio::test]
async fn an_error_of_a_form_post_is_shown_once_at_the_button() {
    let error = app::wire::WireError {
        request_id: "r-7".into(),
        ..app::wire::WireError::new(app::wire::ErrorCode::Conflict, "It is running <already>.")
    };
    for address in ["/?step=2.2", "/runs/run-0059-7f3a", "/reset"] {
        let back = app::address_with_error(address, "/api/press", error.clone());
        let html = page(&back, Mood::Idle).await.html;
        let shown = html.split_once("class=\"action-error\"").expect("a place for errors").1;
        let shown = shown.split_once("</div></div></div>").expect("its end").0;
        assert!(shown.contains("It is running &lt;already&gt;."), "{shown}");
        assert!(shown.contains("Request r-7"), "{shown}");
        assert_eq!(count(&html, "It is running &lt;already&gt;."), 1, "{address}");
        let clean = page(address, Mood::Idle).await.html;
        assert!(!clean.contains("It is running"), "{address}");
    }
}

#[tokio::test]
async fn nothing_to_delete_cannot_be_confirmed() {
    let html = page("/reset", Mood::Fresh).await.html;
    let button = tag(&html, "btn danger");
    assert!(button.contains("type=\"button\"") && button.contains("aria-disabled=\"true\""), "{button}");
    let html = page("/reset", Mood::Idle).await.html;
    assert!(html.contains("Delete 15 items"));
    let (list, button) = (html.find(">Stays<"), html.find("btn danger"));
    assert!(list < button, "the button comes after the list");
    let html = page("/reset?run=reset-0007", Mood::Idle).await.html;
    assert!(html.contains("Back to step 2.1, verified") && !html.contains("btn danger"));
}

#[test]
fn endpoints_are_below_api_and_differ() {
    let mut paths: Vec<_> = app::api::ENDPOINTS.iter().map(|endpoint| endpoint.path).collect();
    assert!(paths.iter().all(|path| path.starts_with("/api/")), "{paths:?}");
    let all = paths.len();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), all);
    for endpoint in app::api::ENDPOINTS {
        use app::services::Permission::{Administer, Enter, Inspect, Switch, Upload, View, Watch};
        let reads = matches!(endpoint.permission, View | Inspect | Switch | Upload | Enter | Watch | Administer);
        assert!(reads || endpoint.mutation, "{endpoint:?}");
    }
}
