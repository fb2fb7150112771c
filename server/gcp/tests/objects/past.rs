//! What a bucket keeps of objects that are gone, when somebody switched that on.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use showrunner_lake::ports::{Objects, Past, Precondition};

use crate::fake::Fake;
use crate::objects;

const BUCKET: &str = "sa-ingestion-past-dev";

#[tokio::test(flavor = "multi_thread")]
async fn older_versions_are_counted_and_go_and_the_newest_stays() {
    let Some(fake) = Fake::start("older versions in Cloud Storage", &[]) else { return };
    let objects = objects(&fake, "past-dev").await;
    objects.create_bucket(BUCKET).await.expect("a bucket");
    let put =
        async |key: &str| objects.put(BUCKET, key, Bytes::from_static(b"x"), Precondition::None).await.expect("put");
    let past = async |prefix: &str, since| objects.past(BUCKET, prefix, since).await.expect("counted");
    let ever = DateTime::<Utc>::UNIX_EPOCH;
    put("customer01/a").await;
    put("customer01/a").await;
    assert_eq!(past("", ever).await, Past::default(), "a bucket of ours keeps nothing");

    fake.ask("PATCH", &format!("/storage/v1/b/{BUCKET}"), r#"{"versioning":{"enabled":true}}"#);
    put("customer01/a").await;
    let kept = put("customer01/a").await.generation;
    put("customer01/b").await;
    assert!(objects.delete(BUCKET, "customer01/b").await.expect("deleted"));
    put("others/c").await;
    put("others/c").await;
    assert_eq!(past("customer01/", ever).await, Past { versions: 3, soft_deleted: 0 });
    assert_eq!(objects.forget_past(BUCKET, "customer01/").await.expect("deleted"), 3);
    assert_eq!(objects.forget_past(BUCKET, "customer01/").await.expect("nothing to delete"), 0);
    assert_eq!(past("customer01/", ever).await, Past::default());
    assert_eq!(past("others/", ever).await.versions, 1, "what is somebody else's stays");
    assert_eq!(objects.head(BUCKET, "customer01/a").await.expect("it is there").generation, kept);

    let policy = r#"{"versioning":{"enabled":false},"softDeletePolicy":{"retentionDurationSeconds":"604800"}}"#;
    fake.ask("PATCH", &format!("/storage/v1/b/{BUCKET}"), policy);
    assert!(objects.delete(BUCKET, "customer01/a").await.expect("deleted"));
    assert_eq!(past("customer01/", ever).await, Past { versions: 0, soft_deleted: 1 });
    let later = DateTime::from_timestamp(4_000_000_000, 0).expect("a time");
    assert_eq!(past("customer01/", later).await, Past::default(), "what went before counts for another reset");
    fake.assert_understood();
}
