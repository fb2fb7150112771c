//! A show in a project: checked, built up, torn down, against the fake of Cloud Storage, Google's Pub/Sub emulator and `bqemulator`.

#[path = "support/bigquery.rs"]
mod bigquery;
#[path = "support/emulator.rs"]
mod emulator;
#[path = "support/fake.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod fake;
#[path = "support/http.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod http;
#[path = "cloud/others.rs"]
mod others;
#[path = "support/recorded.rs"]
mod recorded;
#[path = "cloud/whole.rs"]
mod whole;

use std::sync::Mutex;

use google_cloud_pubsub::client::{SubscriptionAdmin, TopicAdmin};
use serde_json::{Value, json};
use showrunner_gcp::cloud::{Cloud, Finding, Outcome, State, Step, TornDown};
use showrunner_gcp::{Access, Call, Endpoint, Endpoints, GcpConfig, Pace, Rest};

use bigquery::Peer;
use emulator::Emulator;
use fake::Fake;
use http::Server;

/// All peers, which take seconds to start: one set for all tests, whose shows lie side by side in one project.
struct Peers {
    fake: Fake,
    /// In front of it, for what is judged.
    storage: Server,
    emulator: Emulator,
    bigquery: Peer,
}

impl Peers {
    async fn start(what: &str) -> Option<Peers> {
        let fake = Fake::start(what, &[])?;
        let emulator = Emulator::start(what)?;
        let storage = recorded::front(&fake.http).await;
        Some(Peers { fake, storage, emulator, bigquery: Peer::start(what).await? })
    }

    fn config(&self, show: &str) -> GcpConfig {
        let endpoint = |url: &str| Endpoint::parse("a peer", url).expect("a loopback address");
        GcpConfig {
            project: "contract-project".to_owned(),
            location: "US".to_owned(),
            show: show.to_owned(),
            impersonate: None,
            endpoints: Endpoints {
                storage: endpoint(&self.storage.url),
                storage_control: endpoint(&self.fake.grpc),
                pubsub: endpoint(&format!("http://{}", self.emulator.address)),
                bigquery: endpoint(&self.bigquery.proxy.url),
                bigquery_grpc: endpoint(&self.bigquery.grpc),
            },
        }
    }

    async fn cloud(&self, config: &GcpConfig) -> Cloud {
        let access = Access::of(config).expect("nobody is asked");
        Cloud::connect(config, &access).await.expect("clients").called("showrunner --id=x")
    }

    /// A surface of a peer, as somebody else uses it.
    fn rest(&self, url: &str, path: &str) -> Rest {
        let endpoint = Endpoint::parse("a peer", url).expect("a loopback address");
        Rest::new(&endpoint, path, Access::anonymous(), Pace::default()).expect("a surface")
    }

    fn storage(&self) -> Rest {
        self.rest(&self.fake.http, "storage/v1")
    }

    /// Writes an object past our client: its content is JSON.
    async fn object(&self, bucket: &str, name: &str) {
        let call = Call::post("write", &["b", bucket, "o"], Some(json!({"content": "x"})));
        let call = call.with("uploadType", "media").with("name", name);
        self.rest(&self.fake.http, "upload/storage/v1").send(call).await.expect("written");
    }

    async fn patch_bucket(&self, bucket: &str, body: Value) {
        self.storage().send(Call::patch("change", &["b", bucket], body)).await.expect("changed");
    }

    /// What lies in a bucket, by the fake's own listing.
    async fn objects(&self, bucket: &str, which: &'static str) -> Vec<Value> {
        let call = Call::get("list", &["b", bucket, "o"]).with(which, "true");
        self.storage().pages(call, "items").await.expect("a listing")
    }

    async fn buckets(&self) -> Vec<String> {
        let call = Call::get("list", &["b"]).with("project", "contract-project");
        let found = self.storage().pages(call, "items").await.expect("a listing");
        found.iter().map(|bucket| bucket["name"].as_str().expect("a name").to_owned()).collect()
    }

    async fn topic_admin(&self) -> TopicAdmin {
        let builder = TopicAdmin::builder().with_endpoint(format!("http://{}", self.emulator.address));
        let nobody = google_cloud_auth::credentials::anonymous::Builder::new().build();
        builder.with_credentials(nobody).build().await.expect("a client")
    }

    async fn subscription_admin(&self) -> SubscriptionAdmin {
        let builder = SubscriptionAdmin::builder().with_endpoint(format!("http://{}", self.emulator.address));
        let nobody = google_cloud_auth::credentials::anonymous::Builder::new().build();
        builder.with_credentials(nobody).build().await.expect("a client")
    }
}

/// Builds up, and that every step was told as it ended.
async fn up(cloud: &Cloud) -> Vec<Step> {
    let told = Mutex::new(Vec::new());
    let steps = cloud.build_up(&|step| told.lock().expect("a list").push(step.what.clone())).await;
    let mut told = told.into_inner().expect("a list");
    let mut whats: Vec<String> = steps.iter().map(|step| step.what.clone()).collect();
    told.sort();
    whats.sort();
    assert_eq!(told, whats);
    steps
}

async fn down(cloud: &Cloud) -> TornDown {
    cloud.tear_down(&|_| {}).await.expect("listings")
}

fn outcomes(steps: &[Step]) -> Vec<Outcome> {
    steps.iter().map(|step| step.outcome).collect()
}

fn red(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.state.is_red()).collect()
}

/// The one line about something.
fn line<'a>(findings: &'a [Finding], what: &str) -> &'a Finding {
    let lines: Vec<&Finding> = findings.iter().filter(|finding| finding.what == what).collect();
    assert_eq!(lines.len(), 1, "{what}: {findings:#?}");
    lines[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_show_in_a_project() {
    let Some(peers) = Peers::start("checking, building up and tearing down a project").await else { return };
    whole::from_nothing_to_nothing(&peers).await;
    whole::a_tear_down_that_is_cut_goes_on(&peers).await;
    others::what_others_have_is_named_and_left_alone(&peers).await;
    others::what_is_not_as_it_was_made_has_its_line(&peers).await;
    peers.fake.assert_understood();
    for (surface, requests, expected) in [
        (
            "storage.v1",
            peers.storage.seen(),
            &[
                "storage.buckets.get",
                "storage.buckets.list",
                "storage.buckets.patch",
                "storage.buckets.delete",
                "storage.notifications.insert",
                "storage.notifications.list",
                "storage.objects.list",
                "storage.objects.delete",
            ][..],
        ),
        (
            "bigquery.v2",
            peers.bigquery.proxy.seen(),
            &["bigquery.datasets.get", "bigquery.datasets.insert", "bigquery.datasets.delete", "bigquery.tables.list"],
        ),
    ] {
        // The clock is read off an answer to nothing in particular.
        let requests: Vec<_> = requests.into_iter().filter(|request| request.path() != "/storage/v1").collect();
        let methods = recorded::check(surface, &requests);
        for method in expected {
            let judged = methods.is_empty() || methods.iter().any(|found| found == method);
            assert!(judged, "{method} was not judged: {methods:?}");
        }
    }
}

fn is_state(state: State) -> impl Fn(&&Finding) -> bool {
    move |finding| finding.state == state
}
