//! From nothing to nothing, also when it is cut on the way.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use serde_json::json;
use showrunner_gcp::cloud::{Contents, Kind, Outcome, State};
use showrunner_gcp::{Access, Call, CloudObjects, PubSubTopics};
use showrunner_lake::ports::{Objects, Precondition, Topics, Uploads};

use super::{Peers, down, is_state, line, outcomes, red, up};

const SHOW: &str = "whole-dev";
const INGESTION: &str = "sa-ingestion-whole-dev";
const SOURCE: &str = "sa-source-data-whole-dev";

pub async fn from_nothing_to_nothing(peers: &Peers) {
    let config = peers.config(SHOW);
    let cloud = peers.cloud(&config).await;

    let nothing = cloud.check().await;
    let missing: Vec<_> = nothing.iter().filter(is_state(State::Missing)).collect();
    assert_eq!(missing.len(), 11, "{nothing:#?}");
    assert!(missing.iter().all(|finding| finding.command.as_deref() == Some("showrunner --id=x cloud up")));
    assert_eq!(red(&nothing).len(), 11, "{nothing:#?}");
    assert_eq!(line(&nothing, "clock").state, State::Ok);
    for what in ["token", "APIs", "permissions", "public data", "quota of queries"] {
        assert_eq!(line(&nothing, what).state, State::NotAsked);
    }
    assert_eq!(down(&cloud).await.steps, [], "nothing is there to be deleted");

    let steps = up(&cloud).await;
    let mut expected = vec![Outcome::Created; 12];
    expected[10] = Outcome::NotAsked;
    assert_eq!(outcomes(&steps), expected, "{steps:#?}");
    let built = cloud.check().await;
    assert!(built.iter().all(|finding| matches!(finding.state, State::Ok | State::NotAsked)), "{built:#?}");

    let again = up(&cloud).await;
    expected.fill(Outcome::WasThere);
    expected[10] = Outcome::NotAsked;
    assert_eq!(outcomes(&again), expected, "{again:#?}");
    assert!(again.iter().all(|step| step.command.is_none()), "{again:#?}");
    let call = Call::get("list", &["b", INGESTION, "notificationConfigs"]);
    let configs = peers.storage().pages(call, "items").await.expect("a listing");
    assert_eq!(configs.len(), 1, "{configs:?}");
    assert_eq!(
        (&configs[0]["topic"], &configs[0]["event_types"]),
        (
            &json!("//pubsub.googleapis.com/projects/contract-project/topics/sa-whole-dev-ingestion-notifications"),
            &json!(["OBJECT_FINALIZE"])
        )
    );

    fill(peers, &config).await;
    let kept = cloud.check().await;
    let of_ingestion: Vec<_> = kept.iter().filter(|finding| finding.what.ends_with(INGESTION)).collect();
    for flag in ["--clear-soft-delete", "--no-versioning"] {
        let command = format!("gcloud storage buckets update gs://{INGESTION} {flag}");
        let found = of_ingestion.iter().find(|finding| finding.command.as_ref() == Some(&command));
        assert_eq!(found.map(|finding| finding.state), Some(State::Warn), "{flag}: {kept:#?}");
    }
    assert_eq!(red(&kept), Vec::<&_>::new());

    let plan = cloud.tear_down_plan().await.expect("listings");
    let counted = |kind, name: &str| {
        let item = plan.ours.iter().find(|item| (item.kind, item.name.as_str()) == (kind, name));
        item.unwrap_or_else(|| panic!("{name}: {plan:#?}")).contents
    };
    let of = |contents: Option<Contents>| contents.map(|c| (c.objects, c.parts, c.versions, c.soft_deleted));
    assert_eq!(of(counted(Kind::Bucket, INGESTION)), Some((3, 1, 2, 1)), "{plan:#?}");
    assert_eq!(of(counted(Kind::Bucket, SOURCE)), Some((40, 1, 0, 0)), "{plan:#?}");
    assert_eq!(counted(Kind::Dataset, "sa_bq_dataset_whole_dev").map(|contents| contents.tables), Some(1));
    counted(Kind::Snapshot, "sa-whole-dev-before");
    let kinds: Vec<Kind> = plan.ours.iter().map(|item| item.kind).collect();
    let count = |kind| kinds.iter().filter(|other| **other == kind).count();
    assert_eq!(
        [Kind::Bucket, Kind::Subscription, Kind::Snapshot, Kind::Topic, Kind::Dataset].map(count),
        [3, 3, 1, 2, 2],
        "{plan:#?}"
    );

    let done = down(&cloud).await;
    assert!(done.is_clean() && done.steps.iter().all(|step| step.outcome == Outcome::Deleted), "{done:#?}");
    assert_eq!(done.steps.len(), plan.ours.len());
    let buckets = peers.buckets().await;
    assert!(buckets.iter().all(|bucket| !bucket.contains(SHOW)), "{buckets:?}");
    let second = down(&cloud).await;
    assert!(second.is_clean() && second.steps.is_empty(), "{second:#?}");
    assert_eq!(cloud.check().await.iter().filter(is_state(State::Missing)).count(), 11);
}

/// Objects, old versions, deleted ones that are kept, parts of uploads and streams, a table, a snapshot.
async fn fill(peers: &Peers, config: &showrunner_gcp::GcpConfig) {
    let access = Access::anonymous();
    let objects = CloudObjects::connect(config, &access).await.expect("clients");
    for n in 0..40 {
        peers.object(SOURCE, &format!("days/{n}")).await;
    }
    peers.object(SOURCE, ".streams/0123456789abcdef/000").await;
    peers.object(INGESTION, "deleted").await;
    peers.patch_bucket(INGESTION, json!({"softDeletePolicy": {"retentionDurationSeconds": "604800"}})).await;
    assert!(objects.delete(INGESTION, "deleted").await.expect("it goes"));
    peers.patch_bucket(INGESTION, json!({"versioning": {"enabled": true}})).await;
    for key in ["a", "b/c", "b/d e?#%"] {
        objects.put(INGESTION, key, Bytes::from_static(b"first"), Precondition::None).await.expect("written");
    }
    for _ in 0..2 {
        objects.put(INGESTION, "a", Bytes::from_static(b"again"), Precondition::None).await.expect("written");
    }
    let part = futures::stream::iter([Ok(Bytes::from_static(b"part"))]).boxed();
    objects.append(INGESTION, "upload", 0, part, u64::MAX).await.expect("a part");
    let topics = PubSubTopics::connect(config, &access).await.expect("clients");
    let subscription = showrunner_lake::stream::BRONZE_SUBSCRIPTION;
    topics.create_snapshot("before", subscription, Default::default()).await.expect("a snapshot");
    let dataset = "sa_bq_dataset_whole_dev";
    let table = json!({
        "tableReference": {"projectId": config.project, "datasetId": dataset, "tableId": "t"},
        "schema": {"fields": [{"name": "n", "type": "INTEGER"}]},
    });
    let path = ["projects", &config.project, "datasets", dataset, "tables"];
    let bigquery = peers.rest(&peers.bigquery.proxy.url, "bigquery/v2");
    bigquery.send(Call::post("create", &path, Some(table))).await.expect("a table");
}

pub async fn a_tear_down_that_is_cut_goes_on(peers: &Peers) {
    let cloud = peers.cloud(&peers.config("cut-dev")).await;
    let bucket = "sa-datalake-cut-dev";
    assert!(up(&cloud).await.iter().all(|step| !step.outcome.is_red()));
    for n in 0..60 {
        peers.object(bucket, &format!("t/{n}")).await;
    }
    // Refused in the middle of the objects: the rest of the project goes all the same, and says what is left.
    let order = r#"{"match":{"surface":"json","method":"DELETE","path":"/o/"},"status":403,"after":20,"times":null}"#;
    peers.fake.control("POST", "faults", order);
    let cut = down(&cloud).await;
    let failed: Vec<_> = cut.steps.iter().filter(|step| step.outcome == Outcome::Failed).collect();
    assert_eq!(failed.len(), 1, "{cut:#?}");
    assert_eq!(failed[0].what, format!("bucket {bucket}"));
    assert_eq!(failed[0].command.as_deref(), Some("showrunner --id=x cloud down --yes"));
    let left: Vec<String> = cut.left.ours.iter().map(|item| item.what()).collect();
    assert_eq!(left, [format!("bucket {bucket}")]);
    peers.fake.control("DELETE", "faults", "");
    assert_eq!(peers.objects(bucket, "versions").await.len(), 40);

    // Killed in the middle: nobody hears the rest of the answers.
    let order = r#"{"match":{"surface":"json","method":"DELETE","path":"/o/"},"delay_ms":400,"times":null}"#;
    peers.fake.control("POST", "faults", order);
    let killed = tokio::time::timeout(Duration::from_millis(700), down(&cloud)).await;
    assert!(killed.is_err(), "it was to be killed in the middle");
    peers.fake.control("DELETE", "faults", "");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let left = peers.objects(bucket, "versions").await.len();
    assert!(left > 0 && left < 40, "{left} are left");
    let done = down(&cloud).await;
    assert!(done.is_clean(), "{done:#?}");
    assert_eq!(done.steps.len(), 1, "{done:#?}");
    assert_eq!(done.steps[0].said, format!("with {left} objects, all versions"));
    assert!(!peers.buckets().await.iter().any(|name| name == bucket));

    // Something comes between the last object and its bucket.
    assert!(up(&cloud).await.iter().all(|step| !step.outcome.is_red()));
    let order =
        r#"{"match":{"surface":"json","method":"DELETE","path":"/b/sa-datalake-cut-dev$"},"status":409,"times":2}"#;
    peers.fake.control("POST", "faults", order);
    let done = down(&cloud).await;
    assert!(done.is_clean() && done.steps.iter().all(|step| step.outcome == Outcome::Deleted), "{done:#?}");
    peers.fake.control("DELETE", "faults", "");
}
