//! Datasets through the whole router: a sample becomes a dataset, days of it become tables, a version makes them anew, and it goes with proof.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

mod session;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, header};
use showrunner::clock::{RandomIds, SystemClock};
use showrunner::config::Config;
use showrunner::store::RunState;
use showrunner::{AppState, Background};
use showrunner_generate::bicycles::{HIRES, hires_csv};
use showrunner_lake::{Identity, QueryLimits};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const WITHIN: Duration = Duration::from_secs(120);

struct Site {
    state: Arc<AppState>,
    router: Router,
    cookie: HeaderValue,
    background: Background,
}

impl Site {
    async fn open(folder: &std::path::Path) -> Site {
        let config = Config::for_tests(folder);
        let state = showrunner::build(&config, Arc::new(SystemClock), Arc::new(RandomIds)).await.unwrap();
        let background = state.start().await.unwrap();
        let router = showrunner::http::router(state.clone(), CancellationToken::new());
        let cookie = session::session(&router, "admin").await;
        Site { state, router, cookie, background }
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: String) -> (u16, String, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1:3000")
            .header(header::REFERER, "http://127.0.0.1:3000/datasets")
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, kind)
            .header(header::ACCEPT, "text/html")
            .body(Body::from(body))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 20_000_000).await.unwrap();
        let to = parts.headers.get(header::LOCATION).map_or("", |v| v.to_str().unwrap()).to_owned();
        (parts.status.as_u16(), to, String::from_utf8_lossy(&body).into_owned())
    }

    /// Sends a sample; where the browser is led.
    async fn sample(&self, name: &str, file: &str, text: &str) -> String {
        let part = |name: &str, more: &str, value: &str| {
            format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n\r\n{value}\r\n")
        };
        let named = format!("; filename=\"{file}\"");
        let body = part("name", "", name) + &part("title", "", "Hires") + &part("sample", &named, text) + "--b--\r\n";
        let (status, to, _) = self.send("POST", "/datasets/sample", "multipart/form-data; boundary=b", body).await;
        assert_eq!(status, 303);
        to
    }

    async fn change(&self, fields: &[(String, String)]) -> String {
        self.press("/api/change_dataset", fields).await
    }

    async fn save(&self, fields: &[(String, String)]) -> String {
        self.press("/api/save_dataset", fields).await
    }

    async fn press(&self, path: &str, fields: &[(String, String)]) -> String {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let (status, to, text) = self.send("POST", path, "application/x-www-form-urlencoded", body).await;
        assert_eq!(status, 302, "{text}");
        to
    }

    async fn page(&self, path: &str) -> String {
        let (status, _, text) = self.send("GET", path, "text/plain", String::new()).await;
        assert_eq!(status, 200, "{path}");
        text
    }

    async fn over(&self, to: &str) -> RunState {
        let run = to.rsplit(['/', '=']).next().unwrap();
        tokio::time::timeout(WITHIN, self.state.engine.wait(run)).await.unwrap().unwrap().state
    }

    async fn number(&self, sql: &str) -> i64 {
        let limits = QueryLimits { rows: 10, timeout: WITHIN };
        let answer = self.state.lake.query(&Identity::admin(), sql, limits).await.unwrap();
        let column = arrow::compute::cast(answer.batches[0].column(0), &arrow::datatypes::DataType::Int64).unwrap();
        arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&column).value(0)
    }
}

/// What an address says that leads back with an error.
fn said(to: &str) -> String {
    use base64::Engine;
    let (_, query) = to.split_once('?').unwrap();
    let error = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "__err");
    let error = error.unwrap_or_else(|| panic!("no error: {to}")).1;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(error.as_ref()).unwrap()).unwrap()
}

fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// A version that a process kept and was killed before it made the tables for.
fn killed_before_the_tables(folder: &std::path::Path, at: i64) {
    let file = folder.join(format!("datasets/{HIRES}.json"));
    let mut kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let versions = kept["versions"].as_array_mut().unwrap();
    let mut next = versions.last().unwrap().clone();
    next["version"] = (versions.len() + 1).into();
    next["at"] = at.into();
    next["rebuilt"] = true.into();
    next["definition"]["cluster"] = serde_json::json!(["start_station_id"]);
    versions.push(next);
    std::fs::write(&file, kept.to_string()).unwrap();
}

/// The form of the page as it was drawn.
fn form(state: &AppState, after: u32) -> Vec<(String, String)> {
    let definition = state.definition(HIRES).unwrap();
    let mut fields = vec![field("dataset", HIRES), field("title", &definition.title)];
    fields.push(field("after", &after.to_string()));
    fields.push(field("day", definition.day.as_deref().unwrap_or_default()));
    for (at, column) in definition.columns.iter().enumerate() {
        let kind = format!("{:?}", column.field.field_type).to_uppercase();
        fields.push((format!("columns[{at}][name]"), column.name.clone()));
        fields.push((format!("columns[{at}][kind]"), kind));
        if definition.key.contains(&column.name) {
            fields.push((format!("columns[{at}][key]"), "1".into()));
        }
        if let Some(place) = definition.cluster.iter().position(|name| *name == column.name) {
            fields.push((format!("columns[{at}][cluster]"), (place + 1).to_string()));
        }
        if column.measure {
            fields.push((format!("columns[{at}][measure]"), "1".into()));
        }
        fields.push((format!("columns[{at}][expected]"), column.expected.clone().unwrap_or_default()));
    }
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_lives_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::open(folder.path()).await;
    let date = "2017-07-29".parse().unwrap();
    let (text, dirt) = hires_csv(site.state.config.generated.seed, date);

    // Rubbish is said, and defines nothing.
    for (name, file, sample, expected) in [
        ("Hires", "a.csv", text.as_str(), "no dataset name"),
        ("ga_sessions", "a.csv", text.as_str(), "already"),
        (HIRES, "a.csv", "a;b\n1;2\n", "separated"),
        (HIRES, "a.pdf", "%PDF", "format is not known"),
        (HIRES, "a.csv", "", "empty"),
        (HIRES, "", "x", "No sample"),
    ] {
        let to = site.sample(name, file, sample).await;
        assert!(said(&to).contains(expected), "{expected}: {}", said(&to));
    }
    assert!(site.state.lake.defined().unwrap().is_empty());

    let to = site.sample(HIRES, "hires.csv", &text).await;
    assert_eq!(to, format!("/datasets?dataset={HIRES}#dataset"));
    let page = site.page("/datasets?dataset=london_cycle_hire").await;
    for words in ["start_station_name", "version 1", "London bicycles", "14"] {
        assert!(page.contains(words), "{words}");
    }

    let deliver = [
        field("change", "deliver"),
        field("dataset", HIRES),
        field("customer", "customer01"),
        field("date", "2017-07-29"),
    ];
    let to = site.change(&deliver).await;
    assert_eq!(site.over(&to).await, RunState::Done);
    let rows = format!("SELECT count(*) FROM warehouse.{HIRES}");
    assert_eq!(site.number(&rows).await as u64, dirt.hires());
    assert!(site.page(&to).await.contains("held back"), "the run says what was held back");
    for path in
        ["/lake/silver.london_cycle_hire", "/lake/gold.london_cycle_hire_daily", "/lineage", "/lake", "/runs", "/"]
    {
        site.page(path).await;
    }
    let lineage = site.page("/lineage?column=gold.london_cycle_hire_daily.duration_sum").await;
    assert!(lineage.contains("bronze.london_cycle_hire"), "a sum is walked back to what was delivered");

    // Another title leaves the tables; a stale form is refused; another key makes the tables anew and ingests the day again.
    let mut titled = form(&site.state, 1);
    titled[1].1 = "Hires of bicycles".into();
    assert_eq!(site.save(&titled).await, format!("/datasets?dataset={HIRES}#dataset"));
    assert!(said(&site.save(&titled).await).contains("Somebody"), "version 2 is there meanwhile");
    let mut fields = form(&site.state, 2);
    fields.retain(|(name, _)| name != "columns[0][key]");
    let to = site.save(&fields).await;
    assert!(to.starts_with("/runs/"), "{to}");
    assert_eq!(site.over(&to).await, RunState::Done);
    assert_eq!(site.number(&rows).await as u64, dirt.hires() + dirt.repeated, "without a key nothing is a repetition");
    let mut wrong = form(&site.state, 3);
    wrong.push(field("columns[0][kind]", "GEOGRAPHY"));
    wrong.retain(|(name, value)| name != "columns[0][kind]" || value == "GEOGRAPHY");
    assert!(said(&site.save(&wrong).await).contains("GEOGRAPHY"));

    // A restart knows it all.
    let later = site.state.clock.millis() + 1;
    site.background.stop().await;
    drop((site.router, site.state));
    // A copy: within one process the topics of the first are let go late.
    let copied = tempfile::tempdir().unwrap();
    copy(folder.path(), copied.path());
    let folder = copied;
    killed_before_the_tables(folder.path(), later);
    let site = Site::open(folder.path()).await;
    let again = async {
        while site.number(&rows).await as u64 != dirt.hires() + dirt.repeated {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(WITHIN, again).await.unwrap();
    let cluster = site.state.lake.warehouse().table(HIRES).await.unwrap().cluster;
    assert_eq!(cluster, ["start_station_id"], "the tables are those of version 4, and their day was ingested again");
    assert_eq!(site.state.definition(HIRES).unwrap().title, "Hires of bicycles");
    let page = site.page("/datasets?dataset=london_cycle_hire&version=1").await;
    assert!(page.contains("This is version 1"));

    // Nothing goes without its list, and nothing else goes with it.
    let sessions = site.state.lake.tables().await.unwrap().iter().filter(|t| t.table == "ga_sessions").count();
    let old = [field("change", "delete"), field("dataset", HIRES), field("plan", "old")];
    assert!(said(&site.change(&old).await).contains("changed"));
    let plan = site.state.dataset_deletion(HIRES).await.unwrap();
    assert!(site.page("/datasets?dataset=london_cycle_hire&delete=1").await.contains(&plan.digest));
    let to = site.change(&[field("change", "delete"), field("dataset", HIRES), field("plan", &plan.digest)]).await;
    assert_eq!(site.over(&to).await, RunState::Done);
    let gone = async {
        while site.state.lake.definition(HIRES).is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(WITHIN, gone).await.unwrap();
    site.state.finish_dataset_deletions().await.unwrap();
    let page = site.page("/datasets").await;
    assert!(page.contains("Deleted datasets") && page.contains("Proof"), "the certificate is linked");
    let left: Vec<_> =
        site.state.lake.tables().await.unwrap().into_iter().filter(|t| t.table.contains("cycle")).collect();
    assert!(left.is_empty() && !folder.path().join(format!("datasets/{HIRES}.json")).exists());
    assert_eq!(site.state.lake.tables().await.unwrap().iter().filter(|t| t.table == "ga_sessions").count(), sessions);
    let keys = site.state.lake.objects().list(&site.state.lake.names().ingestion, "").await.unwrap();
    assert!(keys.iter().all(|meta| !meta.key.contains(HIRES)), "{keys:?}");

    // Both datasets of bicycles by one press.
    assert_eq!(site.change(&[field("change", "bicycles")]).await, "/datasets");
    assert_eq!(site.state.lake.defined().unwrap().len(), 2);
    assert!(!site.page("/datasets").await.contains("Add London bicycles"));
    site.background.stop().await;
}
