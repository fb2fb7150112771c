//! What is somebody else's, and what is ours and not as it was made.

use chrono::TimeDelta;
use google_cloud_pubsub::model;
use google_cloud_wkt as wkt;
use serde_json::{Value, json};
use showrunner_gcp::cloud::{Outcome, State};
use showrunner_gcp::{Call, GcpConfig};
use showrunner_lake::clock::system_clock;

use super::{Peers, down, line, red, up};

const BUCKET: &str = "sa-ingestion-taken-dev";
const DATASET: &str = "sa_bq_dataset_taken_dev";
const TOPIC: &str = "sa-taken-dev-ga-sessions-stream";

pub async fn what_others_have_is_named_and_left_alone(peers: &Peers) {
    let project = "contract-project";
    let full_topic = format!("projects/{project}/topics/{TOPIC}");
    let bigquery = peers.rest(&peers.bigquery.proxy.url, "bigquery/v2");
    let create = Call::post("create", &["b"], Some(json!({"name": BUCKET, "labels": {"showrunner": "other-dev"}})));
    peers.storage().send(create.with("project", project)).await.expect("a bucket");
    peers.object(BUCKET, "precious").await;
    let dataset = json!({"datasetReference": {"projectId": project, "datasetId": DATASET}, "location": "US"});
    let call = Call::post("create", &["projects", project, "datasets"], Some(dataset));
    bigquery.send(call).await.expect("a dataset");
    let topics = peers.topic_admin().await;
    topics.create_topic().set_name(&full_topic).send().await.expect("a topic");
    let before = peers.storage().send(Call::get("read", &["b", BUCKET])).await.expect("a bucket");

    let cloud = peers.cloud(&peers.config("taken-dev")).await;
    let found = cloud.check().await;
    for (what, command) in [
        (
            format!("bucket {BUCKET}"),
            format!("gcloud storage buckets describe gs://{BUCKET} --format='value(labels.showrunner)'"),
        ),
        (
            format!("topic {TOPIC}"),
            format!("gcloud pubsub topics describe {TOPIC} --project={project} --format='value(labels.showrunner)'"),
        ),
        (format!("dataset {DATASET}"), format!("bq show --format=prettyjson {project}:{DATASET}")),
    ] {
        let line = line(&found, &what);
        assert_eq!((line.state, line.command.as_ref()), (State::Failed, Some(&command)));
        assert!(line.found.contains("showrunner=taken-dev"), "{line:?}");
    }

    let steps = up(&cloud).await;
    let of = |outcome| steps.iter().filter(move |step| step.outcome == outcome).map(|step| step.what.as_str());
    assert_eq!(
        of(Outcome::Refused).collect::<Vec<_>>(),
        [format!("bucket {BUCKET}"), format!("dataset {DATASET}"), format!("topic {TOPIC}")]
    );
    assert_eq!(
        of(Outcome::NotTried).collect::<Vec<_>>(),
        [
            format!("subscription {TOPIC}-warehouse"),
            format!("subscription {TOPIC}-bronze"),
            format!("notifications of {BUCKET}")
        ]
    );
    assert_eq!(of(Outcome::Created).count(), 5, "{steps:#?}");

    let plan = cloud.tear_down_plan().await.expect("listings");
    let others: Vec<String> = plan.others.iter().map(|item| item.what()).collect();
    let done = down(&cloud).await;
    assert!(done.is_clean() && done.steps.iter().all(|step| step.outcome == Outcome::Deleted), "{done:#?}");
    assert_eq!(done.steps.len(), 5, "{done:#?}");
    for what in [format!("bucket {BUCKET}"), format!("topic {TOPIC}"), format!("dataset {DATASET}")] {
        assert!(others.contains(&what), "{what} is not named: {others:?}");
        assert!(done.left.others.iter().any(|item| item.what() == what), "{what} is gone");
    }
    let after = peers.storage().send(Call::get("read", &["b", BUCKET])).await.expect("a bucket");
    assert_eq!(after, before);
    assert_eq!(peers.objects(BUCKET, "versions").await.len(), 1);
    let call = Call::get("list", &["b", BUCKET, "notificationConfigs"]);
    assert_eq!(peers.storage().pages(call, "items").await.expect("a listing"), Vec::<Value>::new());
    let topic = topics.get_topic().set_topic(&full_topic).send().await.expect("the topic is there");
    assert!(topic.labels.is_empty(), "{topic:?}");
    let path = ["projects", project, "datasets", DATASET];
    bigquery.send(Call::get("read", &path)).await.expect("the dataset is there");
}

pub async fn what_is_not_as_it_was_made_has_its_line(peers: &Peers) {
    let config = peers.config("changed-dev");
    let cloud = peers.cloud(&config).await;
    assert!(up(&cloud).await.iter().all(|step| !step.outcome.is_red()));
    let short = "sa-changed-dev-ga-sessions-stream-warehouse";
    let name = format!("projects/contract-project/subscriptions/{short}");
    let admin = peers.subscription_admin().await;
    let made = admin.get_subscription().set_subscription(&name).send().await.expect("it was made");
    admin.delete_subscription().set_subscription(&name).send().await.expect("deleted");
    let policy = model::ExpirationPolicy::new().set_ttl(wkt::Duration::clamp(5 * 86_400, 0));
    let changed = made.set_expiration_policy(policy).set_ack_deadline_seconds(10).set_enable_message_ordering(false);
    admin.create_subscription().with_request(changed).send().await.expect("made anew");

    let found = cloud.check().await;
    let lines: Vec<(&str, &str)> =
        red(&found).iter().map(|line| (line.what.as_str(), line.command.as_deref().unwrap_or_default())).collect();
    let what = format!("subscription {short}");
    let update = format!("gcloud pubsub subscriptions update {short} --project=contract-project");
    let remake =
        format!("gcloud pubsub subscriptions delete {short} --project=contract-project && showrunner --id=x cloud up");
    assert_eq!(
        lines,
        [
            (what.as_str(), remake.as_str()),
            (&what, &format!("{update} --expiration-period=never")),
            (&what, &format!("{update} --ack-deadline=60")),
        ],
        "{found:#?}"
    );
    assert!(found.iter().any(|line| line.found.contains("for 5 days")), "{found:#?}");
    let steps = up(&cloud).await;
    let step = steps.iter().find(|step| step.what == what).expect("a step");
    assert_eq!((step.outcome, step.command.as_deref()), (Outcome::WasThere, Some(remake.as_str())), "left as it is");

    // The same show, wanted elsewhere.
    let elsewhere = peers.cloud(&GcpConfig { location: "EU".to_owned(), ..config.clone() }).await;
    let found = elsewhere.check().await;
    for what in ["bucket sa-datalake-changed-dev", "dataset sa_bq_dataset_changed_dev"] {
        let line = line(&found, what);
        assert_eq!(line.state, State::Failed, "{line:?}");
        assert!(line.found.contains("US") && line.found.contains("EU"), "{line:?}");
    }
    let steps = up(&elsewhere).await;
    assert_eq!(steps.iter().filter(|step| step.outcome == Outcome::Refused).count(), 5, "{steps:#?}");

    let hour = TimeDelta::hours(1);
    let late = peers.cloud(&config).await.with_clock(std::sync::Arc::new(move || system_clock()() + hour));
    let found = late.check().await;
    let clock = line(&found, "clock");
    assert_eq!(clock.state, State::Failed);
    assert!(clock.found.ends_with("s ahead of Google's"), "{clock:?}");
    assert!(down(&cloud).await.is_clean());
}
