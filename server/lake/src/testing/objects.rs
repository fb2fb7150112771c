//! The contract of [`Objects`].

use std::io::Read;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::kind;
use crate::ErrorKind;
use crate::ports::{Objects, Precondition};

const A: &str = "contract-bucket-a";
const B: &str = "contract-bucket-b";

/// Runs every rule against a fresh, empty store from `make`.
///
/// # Panics
/// When a rule is broken.
pub async fn objects_contract<F: AsyncFn() -> Box<dyn Objects>>(make: F) {
    let fresh = async || {
        let objects = make().await;
        for bucket in [A, B] {
            objects.create_bucket(bucket).await.expect("a bucket can be created");
        }
        objects
    };
    buckets(&*make().await).await;
    written_objects_come_back(&*fresh().await).await;
    overwriting_and_generations(&*fresh().await).await;
    absent_has_one_winner(&*fresh().await).await;
    streams_are_whole_or_not_there(&*fresh().await).await;
    lists(&*fresh().await).await;
    copies(&*fresh().await).await;
    deletions(&*fresh().await).await;
    checksums(&*fresh().await).await;
    bad_keys(&*fresh().await).await;
    sweeping_spares_objects(&*fresh().await).await;
    uploads_go_on_where_they_were(&*fresh().await).await;
}

async fn put(objects: &dyn Objects, key: &str, data: &str) -> crate::ports::ObjectMeta {
    objects.put(A, key, Bytes::from(data.to_owned()), Precondition::None).await.expect("an object can be written")
}

async fn keys(objects: &dyn Objects, bucket: &str, prefix: &str) -> Vec<String> {
    objects.list(bucket, prefix).await.expect("a bucket can be listed").into_iter().map(|meta| meta.key).collect()
}

fn stream(chunks: Vec<std::io::Result<Bytes>>) -> BoxStream<'static, std::io::Result<Bytes>> {
    futures::stream::iter(chunks).boxed()
}

async fn buckets(objects: &dyn Objects) {
    assert_eq!(kind(objects.list(A, "").await), ErrorKind::NotFound, "list without the bucket");
    assert_eq!(
        kind(objects.put(A, "k", Bytes::new(), Precondition::None).await),
        ErrorKind::NotFound,
        "put without the bucket"
    );
    assert_eq!(kind(objects.get(A, "k").await), ErrorKind::NotFound, "get without the bucket");
    objects.create_bucket(A).await.expect("a bucket can be created");
    put(objects, "k", "x").await;
    objects.create_bucket(A).await.expect("creating it again does nothing");
    assert_eq!(keys(objects, A, "").await, ["k"], "creating it again keeps the objects");
    assert_eq!(kind(objects.create_bucket("Not A Bucket").await), ErrorKind::Invalid);
}

async fn written_objects_come_back(objects: &dyn Objects) {
    let large = "0123456789abcdef".repeat(200_000);
    for (key, data) in [
        ("empty", ""),
        ("a", "x"),
        ("deep/er/and deeper/key.json.gz", "data"),
        ("Upper", "1"),
        ("upper2", "2"),
        ("large", &large),
    ] {
        let meta = put(objects, key, data).await;
        assert_eq!((meta.bucket.as_str(), meta.key.as_str(), meta.size), (A, key, data.len() as u64));
        let off = meta.updated.timestamp_micros() - meta.generation;
        assert!(off.abs() < 1_000_000, "a generation is the time in microseconds: {off} off");
        assert_eq!(objects.head(A, key).await.expect("head"), meta);
        assert_eq!(objects.get(A, key).await.expect("get"), data);
        let mut read = String::new();
        objects.open(A, key).expect("open").read_to_string(&mut read).expect("read");
        assert_eq!(read, data);
        if let Some(path) = objects.local_path(A, key) {
            assert_eq!(std::fs::read(path).expect("the local path can be read"), data.as_bytes());
        }
    }
    assert_eq!(kind(objects.get(A, "missing").await), ErrorKind::NotFound);
    assert_eq!(kind(objects.head(A, "missing").await), ErrorKind::NotFound);
    assert_eq!(kind(objects.head(A, "deep/er").await), ErrorKind::NotFound, "a folder is no object");
    assert_eq!(kind(objects.head(B, "a").await), ErrorKind::NotFound, "buckets are apart");
    assert_eq!(kind(objects.open(A, "missing").map(drop)), ErrorKind::NotFound);
    assert!(objects.local_path(A, "missing").is_none_or(|path| !path.exists()));
}

async fn overwriting_and_generations(objects: &dyn Objects) {
    let mut last = put(objects, "k", "0").await;
    for n in 1..20 {
        let next = put(objects, "k", &n.to_string()).await;
        assert!(next.generation > last.generation, "each write has a later generation");
        assert_eq!(objects.get(A, "k").await.expect("get"), n.to_string());
        assert_eq!(objects.head(A, "k").await.expect("head"), next);
        last = next;
    }
    // A reader that opened it before keeps what it opened.
    let mut reader = objects.open(A, "k").expect("open");
    put(objects, "k", "new").await;
    let mut read = String::new();
    reader.read_to_string(&mut read).expect("read");
    assert_eq!(read, "19");
}

async fn absent_has_one_winner(objects: &dyn Objects) {
    let first =
        objects.put(A, "once", Bytes::from_static(b"1"), Precondition::Absent).await.expect("it is not there yet");
    let second = objects.put(A, "once", Bytes::from_static(b"2"), Precondition::Absent).await;
    assert_eq!(kind(second), ErrorKind::Exists);
    assert_eq!(objects.get(A, "once").await.expect("get"), "1", "the loser changes nothing");
    assert_eq!(objects.head(A, "once").await.expect("head"), first);
    for round in 0..8 {
        let key = format!("race/{round}");
        let writers = (0..8).map(|n| objects.put(A, &key, Bytes::from(format!("writer {n}")), Precondition::Absent));
        let results = futures::future::join_all(writers).await;
        let winners: Vec<usize> = (0..8).filter(|n| results[*n].is_ok()).collect();
        assert_eq!(winners.len(), 1, "exactly one writer wins");
        assert!(results.into_iter().filter_map(Result::err).all(|e| e.kind == ErrorKind::Exists));
        assert_eq!(objects.get(A, &key).await.expect("get"), format!("writer {}", winners[0]));
    }
    assert!(objects.delete(A, "once").await.expect("delete"));
    objects.put(A, "once", Bytes::new(), Precondition::Absent).await.expect("after a deletion it is absent again");
}

async fn streams_are_whole_or_not_there(objects: &dyn Objects) {
    let chunk = Bytes::from(vec![7_u8; 300_000]);
    let meta = objects
        .put_stream(A, "s", stream((0..10).map(|_| Ok(chunk.clone())).collect()), 3_000_000)
        .await
        .expect("exactly the limit fits");
    assert_eq!(meta.size, 3_000_000);
    assert_eq!(objects.get(A, "s").await.expect("get").len(), 3_000_000);
    let again = objects
        .put_stream(
            A,
            "s",
            stream(vec![Ok(Bytes::from_static(b"a")), Ok(Bytes::new()), Ok(Bytes::from_static(b"b"))]),
            2,
        )
        .await
        .expect("overwrites");
    assert!(again.generation > meta.generation);
    assert_eq!(objects.get(A, "s").await.expect("get"), "ab");
    let empty = objects.put_stream(A, "empty", stream(vec![]), 0).await.expect("an empty stream is an empty object");
    assert_eq!(empty.size, 0);

    let large = objects.put_stream(A, "s", stream(vec![Ok(chunk.clone()), Ok(chunk.clone())]), 599_999).await;
    assert_eq!(kind(large), ErrorKind::TooLarge);
    let broken = objects
        .put_stream(A, "new", stream(vec![Ok(chunk), Err(std::io::Error::other("connection lost"))]), u64::MAX)
        .await;
    kind(broken);
    assert_eq!(objects.get(A, "s").await.expect("get"), "ab", "a failed write changes nothing");
    assert_eq!(keys(objects, A, "").await, ["empty", "s"], "a failed write leaves nothing");
    assert_eq!(kind(objects.put_stream("contract-no-bucket", "k", stream(vec![]), 1).await), ErrorKind::NotFound);
}

async fn lists(objects: &dyn Objects) {
    assert_eq!(keys(objects, A, "").await, Vec::<String>::new());
    let mut all = ["a/b/c", "a/b.txt", "a-b", "a/bc/d", "b", "a/B", "a/b/d e", "ä", "zone=1/x"];
    for key in all {
        put(objects, key, key).await;
    }
    all.sort_unstable();
    let prefixes = ["", "a", "a/", "a/b", "a/b/", "a/b/c", "a/bc", "b", "c", "a/b/c/", "zone=", "ä", "/", "A"];
    for prefix in prefixes {
        let expected: Vec<&str> = all.into_iter().filter(|key| key.starts_with(prefix)).collect();
        let listed = objects.list(A, prefix).await.expect("list");
        assert_eq!(listed.iter().map(|meta| meta.key.as_str()).collect::<Vec<_>>(), expected, "prefix {prefix:?}");
        for meta in listed {
            assert_eq!(objects.head(A, &meta.key).await.expect("head"), meta, "list and head agree");
        }
    }
    assert_eq!(keys(objects, B, "").await, Vec::<String>::new(), "buckets are apart");
}

async fn copies(objects: &dyn Objects) {
    let source = put(objects, "from", "data").await;
    for target in [(A, "to"), (B, "deep/to"), (A, "to")] {
        let copy = objects.copy((A, "from"), target).await.expect("copy");
        assert_eq!((copy.bucket.as_str(), copy.key.as_str(), copy.size), (target.0, target.1, 4));
        assert!(copy.generation > source.generation, "a copy has its own generation");
        assert_eq!(objects.head(target.0, target.1).await.expect("head"), copy);
        assert_eq!(objects.get(target.0, target.1).await.expect("get"), "data");
    }
    assert_eq!(objects.head(A, "from").await.expect("head"), source, "the source stays untouched");
    put(objects, "to", "other").await;
    assert_eq!(objects.get(A, "from").await.expect("get"), "data", "a copy is a thing of its own");
    assert_eq!(kind(objects.copy((A, "missing"), (A, "to")).await), ErrorKind::NotFound);
    assert_eq!(objects.get(A, "to").await.expect("get"), "other", "a failed copy changes nothing");
    assert_eq!(kind(objects.copy((A, "from"), ("contract-no-bucket", "to")).await), ErrorKind::NotFound);
}

async fn deletions(objects: &dyn Objects) {
    put(objects, "d/x", "1").await;
    put(objects, "d/y", "1").await;
    assert!(objects.delete(A, "d/x").await.expect("delete"), "it was there");
    assert!(!objects.delete(A, "d/x").await.expect("delete"), "it was not there any more");
    assert!(!objects.delete(A, "d").await.expect("delete"), "a folder is no object");
    assert_eq!(keys(objects, A, "").await, ["d/y"]);
    assert_eq!(kind(objects.get(A, "d/x").await), ErrorKind::NotFound);
    assert!(objects.delete(A, "d/y").await.expect("delete"));
    put(objects, "d", "a name that was a folder is free").await;
    assert!(objects.delete(A, "d").await.expect("delete"));
    assert_eq!(keys(objects, A, "").await, Vec::<String>::new(), "the bucket stays when its last object goes");
}

async fn checksums(objects: &dyn Objects) {
    // RFC 3720 B.4, and the usual check value.
    for (data, crc) in [("", 0), ("123456789", 0xE306_9283), (&"\0".repeat(32), 0x8A91_36AA)] {
        put(objects, "crc", data).await;
        assert_eq!(objects.crc32c(A, "crc").await.expect("crc32c"), crc, "{data:?}");
    }
    assert_eq!(kind(objects.crc32c(A, "missing").await), ErrorKind::NotFound);
}

async fn bad_keys(objects: &dyn Objects) {
    let long = "x/".repeat(512) + "x";
    for key in ["", "/", "/a", "a/", "a//b", "..", "a/../../b", "./a", "a\\b", "a\nb", "a\0b", &long] {
        assert_eq!(kind(objects.put(A, key, Bytes::new(), Precondition::None).await), ErrorKind::Invalid, "{key:?}");
        assert_eq!(kind(objects.get(A, key).await), ErrorKind::Invalid, "{key:?}");
        assert_eq!(kind(objects.delete(A, key).await), ErrorKind::Invalid, "{key:?}");
        assert_eq!(kind(objects.put_stream(A, key, stream(vec![]), 1).await), ErrorKind::Invalid, "{key:?}");
        assert!(objects.local_path(A, key).is_none(), "{key:?}");
    }
    assert_eq!(keys(objects, A, "").await, Vec::<String>::new());
}

async fn sweeping_spares_objects(objects: &dyn Objects) {
    put(objects, "a/b", "1").await;
    put(objects, "c", "").await;
    let before = objects.list(A, "").await.expect("list");
    objects.sweep(A).await.expect("sweep");
    assert_eq!(objects.sweep(A).await.expect("sweep"), 0, "nothing is left after a sweep");
    assert_eq!(objects.list(A, "").await.expect("list"), before);
    assert_eq!(kind(objects.sweep("contract-no-bucket").await), ErrorKind::NotFound);
}

async fn uploads_go_on_where_they_were(objects: &dyn Objects) {
    const KEY: &str = "a/b.json";
    let part = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
    assert_eq!(objects.uploaded(A, KEY).await.expect("a question"), None);
    put(objects, KEY, "old").await;

    let broken = stream(vec![part("012"), part("345"), Err(std::io::Error::other("gone"))]);
    assert_eq!(kind(objects.append(A, KEY, 0, broken, 100).await), ErrorKind::Invalid);
    assert_eq!(objects.uploaded(A, KEY).await.expect("a question"), Some(6), "what came before the failure stays");
    assert_eq!(keys(objects, A, "").await, [KEY], "and is no object");
    assert_eq!(objects.get(A, KEY).await.expect("the old object"), "old");
    let under_way = objects.uploads(A, "a/").await.expect("a listing");
    assert_eq!(under_way.iter().map(|u| (u.key.as_str(), u.size)).collect::<Vec<_>>(), [(KEY, 6)]);

    for at in [3, 7] {
        let again = stream(vec![part("x")]);
        assert_eq!(kind(objects.append(A, KEY, at, again, 100).await), ErrorKind::Conflict, "behind {at}");
    }
    assert_eq!(objects.append(A, KEY, 6, stream(vec![part("6789")]), 10).await.expect("the rest"), 10);
    let sums = objects.sums(A, KEY, 0).await.expect("sums");
    assert_eq!(sums.crc32c, crc32c::crc32c(b"0123456789"));
    assert_eq!(objects.sums(A, KEY, 6).await.expect("sums").crc32c, crc32c::crc32c(b"6789"));
    let meta = objects.complete(A, KEY).await.expect("an object");
    assert_eq!(
        (meta.size, objects.get(A, KEY).await.expect("the new object")),
        (10, Bytes::from_static(b"0123456789"))
    );
    assert_eq!(objects.uploaded(A, KEY).await.expect("a question"), None);
    assert_eq!(kind(objects.complete(A, KEY).await), ErrorKind::NotFound, "there is nothing to complete");

    let more = stream(vec![part("0123456789")]);
    assert_eq!(kind(objects.append(A, "c", 0, more, 9).await), ErrorKind::TooLarge);
    assert!(objects.discard(A, "c").await.expect("dropped"));
    assert!(!objects.discard(A, "c").await.expect("gone already"));
    assert_eq!(objects.append(A, KEY, 0, stream(vec![]), 9).await.expect("an empty one"), 0);
    assert_eq!(objects.complete(A, KEY).await.expect("an empty object").size, 0);
    assert!(objects.uploads(A, "").await.expect("a listing").is_empty());
    for key in ["../x", "a/../x", "a\\b"] {
        assert_eq!(kind(objects.append(A, key, 0, stream(vec![]), 9).await), ErrorKind::Invalid, "{key}");
    }
}
