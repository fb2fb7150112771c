//! What goes wrong on the way: nothing is lost, nothing is there twice, and somebody else's bucket is left alone.

use bytes::Bytes;
use futures::StreamExt;
use showrunner_gcp::{Access, CloudObjects};
use showrunner_lake::ErrorKind;
use showrunner_lake::ports::{Objects, Precondition, Uploads};

use crate::fake::Fake;
use crate::objects;

const BUCKET: &str = "sa-ingestion-fault-dev";

async fn ready(for_what: &str) -> Option<(Fake, CloudObjects)> {
    let fake = Fake::start(for_what, &[])?;
    let objects = objects(&fake, "fault-dev").await;
    objects.create_bucket(BUCKET).await.expect("a bucket");
    Some((fake, objects))
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_waited_out() {
    let Some((fake, objects)) = ready("429 and 503 of Cloud Storage").await else { return };
    for (surface, status) in [("json", 429), ("json", 503), ("grpc", 503)] {
        let order = format!(r#"{{"match":{{"surface":"{surface}"}},"status":{status},"retry_after":1,"times":2}}"#);
        fake.control("POST", "faults", &order);
        let key = format!("{surface}/{status}");
        objects.put(BUCKET, &key, Bytes::from_static(b"x"), Precondition::Absent).await.expect("after two refusals");
        assert_eq!(objects.head(BUCKET, &key).await.expect("it is there").size, 1);
        fake.control("DELETE", "faults", "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_not_taken_for_somebody_elses_object() {
    let Some((fake, objects)) = ready("lost answers of Cloud Storage").await else { return };
    let order = r#"{"match":{"surface":"json","method":"POST","path":"upload"},"drop_response":true,"times":1}"#;
    fake.control("POST", "faults", order);
    let first = objects.put(BUCKET, "once", Bytes::from_static(b"mine"), Precondition::Absent).await.expect("ours");
    assert_eq!(objects.head(BUCKET, "once").await.expect("it is there"), first);
    let second = objects.put(BUCKET, "once", Bytes::from_static(b"other"), Precondition::Absent).await;
    assert_eq!(second.expect_err("it is taken").kind, ErrorKind::Exists);
    assert_eq!(objects.get(BUCKET, "once").await.expect("whole"), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_goes_on() {
    let Some((fake, objects)) = ready("a cut upload to Cloud Storage").await else { return };
    let data = Bytes::from((0..20_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
    let order = r#"{"match":{"surface":"json","method":"POST"},"cut_after_bytes":3000000,"after":1,"times":2}"#;
    fake.control("POST", "faults", order);
    let chunks: Vec<_> = data.chunks(700_001).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let stream = futures::stream::iter(chunks).boxed();
    let put = objects.put_stream(BUCKET, "large", stream, u64::MAX).await;
    put.unwrap_or_else(|e| panic!("goes on behind the cut: {e} {:#}", fake.control("GET", "calls", "")));
    assert_eq!(objects.list(BUCKET, "").await.expect("a listing").len(), 1);
    assert_eq!(objects.crc32c(BUCKET, "large").await.expect("a checksum"), crc32c::crc32c(&data));
    let cut = r#"{"match":{"surface":"json","method":"GET"},"cut_download_after":1000000,"times":1}"#;
    fake.control("POST", "faults", cut);
    assert_eq!(objects.get(BUCKET, "large").await.expect("read on behind the cut"), data);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_parts_than_can_be_composed_at_a_time() {
    let Some((fake, objects)) = ready("uploads in many parts").await else { return };
    let mut whole = Vec::new();
    for n in 0..70_u8 {
        let part = vec![n; 1_000 + usize::from(n)];
        let stream = futures::stream::iter([Ok(Bytes::from(part.clone()))]).boxed();
        let there = objects.append(BUCKET, "many", whole.len() as u64, stream, u64::MAX).await.expect("a part");
        whole.extend(part);
        assert_eq!(there, whole.len() as u64);
    }
    let sums = objects.sums(BUCKET, "many", 1_500).await.expect("sums");
    assert_eq!(sums.crc32c, crc32c::crc32c(&whole[1_500..]));
    objects.complete(BUCKET, "many").await.expect("composed");
    assert_eq!(objects.get(BUCKET, "many").await.expect("whole"), whole);
    assert_eq!(objects.uploaded(BUCKET, "many").await.expect("a question"), None);
    fake.assert_understood();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_without_our_label_is_left_alone() {
    let Some((fake, _)) = ready("buckets of others").await else { return };
    let other = objects(&fake, "other-dev").await;
    let refused = other.create_bucket(BUCKET).await.expect_err("not ours");
    assert_eq!(refused.kind, ErrorKind::Denied);
    assert!(refused.message.contains("--update-labels"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_identity_is_told_so() {
    let options = ["--require-token", "some-token"];
    let Some(fake) = Fake::start("refused identities at Cloud Storage", &options) else { return };
    let objects = CloudObjects::connect(&fake.config("fault-dev"), &Access::anonymous()).await.expect("clients");
    let refused = objects.put(BUCKET, "x", Bytes::new(), Precondition::None).await.expect_err("nobody may");
    assert_eq!(refused.kind, ErrorKind::Denied, "{refused}");
}
