//! What we really send to Cloud Storage: JSON requests against Google's description, gRPC messages as Google's own classes read them.

use std::collections::HashMap;
use std::io::Read;

use bytes::Bytes;
use futures::StreamExt;
use prost::Message;
use serde_json::{Value, json};
use showrunner_gcp::{Access, CloudObjects, Endpoint};
use showrunner_lake::ports::{Objects, Precondition, Uploads};

use super::fake::Fake;
use super::grpc::{Asked, Grpc, Say};
use super::wire::told;
use super::{http, recorded};

const BUCKET: &str = "sa-ingestion-shape-dev";
const WHAT: &str = "the shapes of requests to Cloud Storage";

#[tokio::test(flavor = "multi_thread")]
async fn contents_are_sent_as_google_describes() {
    let Some(fake) = Fake::start(WHAT, &[]) else { return };
    let front: http::Server = recorded::front(&fake.http).await;
    let mut config = fake.config("shape-dev");
    config.endpoints.storage = Endpoint::parse("the front", &front.url).expect("a loopback address");
    let objects = CloudObjects::connect(&config, &Access::anonymous()).await.expect("clients");
    objects.create_bucket(BUCKET).await.expect("a bucket");
    let key = "customer01/b d e?#%/käse.json";
    objects.put(BUCKET, key, Bytes::from_static(b"first"), Precondition::Absent).await.expect("written");
    objects.put(BUCKET, key, Bytes::from_static(b"again"), Precondition::None).await.expect("written");
    objects.put(BUCKET, "end_file.txt", Bytes::new(), Precondition::Absent).await.expect("written");
    let data = Bytes::from(vec![7; 9 << 20]);
    let chunks: Vec<_> = data.chunks(1 << 20).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    objects.put_stream(BUCKET, "large", futures::stream::iter(chunks).boxed(), u64::MAX).await.expect("written");
    let part = futures::stream::iter([Ok(Bytes::from_static(b"part"))]).boxed();
    objects.append(BUCKET, "upload", 0, part, u64::MAX).await.expect("a part");
    assert_eq!(objects.sums(BUCKET, "upload", 0).await.expect("sums").crc32c, crc32c::crc32c(b"part"));
    assert_eq!(objects.get(BUCKET, key).await.expect("read"), "again");
    let opened = objects.clone();
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        opened.open(BUCKET, key).expect("opened").read_to_string(&mut text).map(|_| text)
    });
    assert_eq!(read.await.expect("it ends").expect("read"), "again");
    fake.assert_understood();
    let mut methods = recorded::check("storage.v1", &front.seen());
    methods.sort();
    assert!(methods.is_empty() || methods == ["storage.objects.get", "storage.objects.insert"], "{methods:?}");
}

#[derive(Clone, PartialEq, Message)]
struct Object {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "6")]
    size: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Listed {
    #[prost(message, repeated, tag = "1")]
    objects: Vec<Object>,
}

#[derive(Clone, PartialEq, Message)]
struct Rewritten {
    #[prost(bool, tag = "3")]
    done: bool,
    #[prost(message, optional, tag = "5")]
    resource: Option<Object>,
}

#[derive(Clone, PartialEq, Message)]
struct Bucket {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(map = "string, string", tag = "15")]
    labels: HashMap<String, String>,
}

/// Two parts of an upload lie in the bucket.
fn usual(asked: &Asked, _: &[Asked]) -> Say {
    let part = |at: u64| Object { name: format!(".uploads/key/{at:020}"), size: 5 };
    Say::Message(match asked.method.as_str() {
        "ListObjects" => Listed { objects: vec![part(0), part(5)] }.encode_to_vec(),
        "RewriteObject" => Rewritten { done: true, resource: Some(part(0)) }.encode_to_vec(),
        "ComposeObject" | "GetObject" => part(0).encode_to_vec(),
        "GetBucket" => Bucket { name: "projects/_/buckets/b".to_owned(), ..Bucket::default() }.encode_to_vec(),
        _ => Vec::new(),
    })
}

/// Buckets, listings, copies and composing go by gRPC, which has no description but Google's own classes.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_as_google_reads_them() {
    let grpc = Grpc::scripted(usual).await;
    let endpoint = Endpoint::parse("the test's server", &grpc.url).expect("a loopback address");
    let mut config = showrunner_gcp::GcpConfig {
        project: "p".to_owned(),
        location: "US".to_owned(),
        show: "shape-dev".to_owned(),
        impersonate: None,
        endpoints: Default::default(),
    };
    config.endpoints.storage = endpoint.clone();
    config.endpoints.storage_control = endpoint;
    let objects = CloudObjects::connect(&config, &Access::anonymous()).await.expect("clients");
    objects.create_bucket(BUCKET).await.expect("a bucket");
    objects.complete(BUCKET, "key").await.expect("composed");
    objects.copy((BUCKET, "a"), (BUCKET, "b")).await.expect("copied");
    objects.head(BUCKET, "a").await.expect("read");
    objects.delete(BUCKET, "a").await.expect("deleted");
    objects.list(BUCKET, "customer01/").await.expect("a list");
    objects.sweep(BUCKET).await.expect("swept");

    let seen = grpc.seen();
    let Some(told) = told(&seen, WHAT).expect("Google's classes read every message") else { return };
    let of = |method: &str| -> Vec<&Value> {
        seen.iter().zip(&told).filter(|(asked, _)| asked.is(method)).map(|(_, told)| &told.message).collect()
    };
    let bucket = format!("projects/_/buckets/{BUCKET}");
    assert_eq!(
        of("CreateBucket"),
        [&json!({
            "parent": "projects/_",
            "bucketId": BUCKET,
            "bucket": {
                "project": "projects/p",
                "location": "US",
                "labels": {"showrunner": "shape-dev"},
                "softDeletePolicy": {"retentionDuration": "0s"},
                "iamConfig": {"uniformBucketLevelAccess": {"enabled": true}},
            },
        })]
    );
    let part = |at: u64| json!({"name": format!(".uploads/key/{at:020}")});
    assert_eq!(
        of("ComposeObject"),
        [&json!({"destination": {"name": "key", "bucket": bucket}, "sourceObjects": [part(0), part(5)]})]
    );
    assert_eq!(
        of("RewriteObject"),
        [&json!({
            "sourceBucket": bucket, "sourceObject": "a", "destinationBucket": bucket, "destinationName": "b",
        })]
    );
    assert_eq!(of("GetObject"), [&json!({"bucket": bucket, "object": "a"})]);
    assert_eq!(of("GetBucket"), [&json!({"name": bucket})]);
    assert!(of("DeleteObject").contains(&&json!({"bucket": bucket, "object": "a"})));
    let listed = json!({"parent": bucket, "prefix": "customer01/", "pageSize": 1000});
    assert!(of("ListObjects").contains(&&listed), "{:?}", of("ListObjects"));
}
