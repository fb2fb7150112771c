use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::StreamExt;

use super::upload::PART;
use super::*;

const BUCKET: &str = "bucket-a";

async fn store() -> (tempfile::TempDir, DiskObjects) {
    let folder = tempfile::tempdir().unwrap();
    let objects = DiskObjects::open(folder.path()).unwrap();
    objects.create_bucket(BUCKET).await.unwrap();
    (folder, objects)
}

async fn put(objects: &DiskObjects, key: &str, data: &'static str) -> ObjectMeta {
    objects.put(BUCKET, key, Bytes::from_static(data.as_bytes()), Precondition::None).await.unwrap()
}

async fn keys_of(objects: &DiskObjects, prefix: &str) -> Vec<String> {
    objects.list(BUCKET, prefix).await.unwrap().into_iter().map(|meta| meta.key).collect()
}

#[tokio::test]
async fn generations_rise_although_the_clock_stands_still_or_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = |micros| -> Clock { Arc::new(move || DateTime::<Utc>::from_timestamp_micros(micros).unwrap()) };
    let mut last = 0;
    for micros in [5_000_000, 5_000_000, 4_000_000] {
        // A fresh store each time: what it knows comes from the files.
        let objects = DiskObjects::open_with_clock(folder.path(), at(micros)).unwrap();
        objects.create_bucket(BUCKET).await.unwrap();
        for _ in 0..3 {
            let meta = put(&objects, "k", "x").await;
            assert!(meta.generation > last, "{} after {last}", meta.generation);
            assert_eq!(objects.head(BUCKET, "k").await.unwrap(), meta);
            last = meta.generation;
        }
    }
    assert_eq!(last, 5_000_008);
}

#[tokio::test]
async fn odd_keys_come_back_as_they_went_in() {
    let (_folder, objects) = store().await;
    let odd = [
        "a b",
        "a#b",
        "#",
        "a#1b",
        "%41",
        "%2e%2e/x",
        "a+b&c=d",
        "ä/ö.json",
        "日本",
        "~",
        "{x}",
        "[1]",
        "a?b",
        "a*b",
        "'\"<>|",
        "...",
        ".hidden",
        "a:b",
        "dir.json/x",
        "trailing.",
        " lead",
    ];
    for key in odd {
        put(&objects, key, "x").await;
        assert_eq!(objects.get(BUCKET, key).await.unwrap(), "x", "{key}");
        assert_eq!(objects.head(BUCKET, key).await.unwrap().key, key);
    }
    let mut sorted: Vec<&str> = odd.to_vec();
    sorted.sort_unstable();
    assert_eq!(keys_of(&objects, "").await, sorted);
    for key in odd {
        assert!(objects.delete(BUCKET, key).await.unwrap(), "{key}");
    }
    assert_eq!(keys_of(&objects, "").await, Vec::<String>::new());
}

#[tokio::test]
async fn keys_that_the_disk_cannot_hold_are_refused() {
    let (folder, objects) = store().await;
    put(&objects, "file", "x").await;
    put(&objects, "dir/file", "x").await;
    let long = "x".repeat(256);
    let cases =
        ["../x", "a/../b", "/a", "a/", "a//b", ".", "a\\b", "a\nb", "", "a#1", "x/b#22", &long, "file/below", "dir"];
    for key in cases {
        for when in [Precondition::None, Precondition::Absent] {
            let error = objects.put(BUCKET, key, Bytes::new(), when).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid, "{key}: {error}");
        }
        assert!(objects.local_path(BUCKET, key).is_none(), "{key}");
    }
    for bucket in ["..", ".staging", "A", "a", "a/b", ""] {
        assert_eq!(objects.list(bucket, "").await.unwrap_err().kind, ErrorKind::Invalid, "{bucket}");
    }
    for key in ["file/below", "dir"] {
        assert_eq!(objects.get(BUCKET, key).await.unwrap_err().kind, ErrorKind::NotFound, "{key}");
        assert!(!objects.delete(BUCKET, key).await.unwrap());
    }
    assert_eq!(keys_of(&objects, "").await, ["dir/file", "file"]);
    assert_eq!(keys_of(&objects, "../").await, Vec::<String>::new());
    assert_eq!(objects.sweep(BUCKET).await.unwrap(), 0);
    assert!(!folder.path().join("buckets/x").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_not_followed() {
    let (folder, objects) = store().await;
    put(&objects, "real", "inside").await;
    let bucket = folder.path().join("buckets").join(BUCKET);
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    for (target, link) in [
        (outside.clone(), "folder"),
        (outside.join("secret"), "file"),
        (bucket.join("real"), "inner"),
        (bucket.clone(), "loop"),
    ] {
        std::os::unix::fs::symlink(target, bucket.join(link)).unwrap();
    }
    assert_eq!(keys_of(&objects, "").await, ["real"]);
    assert_eq!(keys_of(&objects, "folder/").await, Vec::<String>::new());
    for key in ["folder/secret", "file", "inner", "loop/real"] {
        let kinds = [
            objects.get(BUCKET, key).await.unwrap_err().kind,
            objects.open(BUCKET, key).err().unwrap().kind,
            objects.head(BUCKET, key).await.unwrap_err().kind,
            objects.crc32c(BUCKET, key).await.unwrap_err().kind,
            objects.copy((BUCKET, key), (BUCKET, "copy")).await.unwrap_err().kind,
            objects.copy((BUCKET, "real"), (BUCKET, key)).await.unwrap_err().kind,
            objects.put(BUCKET, key, Bytes::new(), Precondition::None).await.unwrap_err().kind,
            objects.delete(BUCKET, key).await.unwrap_err().kind,
        ];
        assert_eq!(kinds, [ErrorKind::Invalid; 8], "{key}");
        assert!(objects.local_path(BUCKET, key).is_none());
    }
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "secret");
    assert_eq!(fs::read_to_string(bucket.join("real")).unwrap(), "inside");
    assert_eq!(objects.sweep(BUCKET).await.unwrap(), 0);
}

#[tokio::test]
async fn sweep_removes_what_a_killed_process_left() {
    let (folder, objects) = store().await;
    put(&objects, "a/whole", "x").await;
    let bucket = folder.path().join("buckets").join(BUCKET);
    fs::create_dir_all(bucket.join("b/c")).unwrap();
    fs::write(bucket.join("a/half#1"), "x").unwrap();
    let dead = folder.path().join("buckets/.staging/99").join(BUCKET);
    fs::create_dir_all(&dead).unwrap();
    fs::write(dead.join("1#1"), "x").unwrap();
    assert_eq!(keys_of(&objects, "").await, ["a/whole"]);
    // The temporary file, two folders, and the staged file.
    assert_eq!(objects.sweep(BUCKET).await.unwrap(), 4);
    assert_eq!(objects.sweep(BUCKET).await.unwrap(), 0);
    assert_eq!(keys_of(&objects, "").await, ["a/whole"]);
    assert!(!dead.exists() && !bucket.join("b").exists());
}

#[tokio::test]
async fn nothing_stays_of_a_write_that_fails_or_is_given_up() {
    let (folder, objects) = store().await;
    let staging = folder.path().join("buckets/.staging/1").join(BUCKET);
    let broken =
        futures::stream::iter([Ok(Bytes::from(vec![7; PART + 1])), Err(std::io::Error::other("connection lost"))])
            .boxed();
    let error = objects.put_stream(BUCKET, "k", broken, u64::MAX).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("Send it again"), "{error}");
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 0);

    // A browser that goes away: the future is dropped while it waits for more.
    let waiting = futures::stream::iter([Ok(Bytes::from(vec![7; PART]))]).chain(futures::stream::pending()).boxed();
    let upload = objects.put_stream(BUCKET, "k", waiting, u64::MAX);
    let mut upload = Box::pin(upload);
    while !staging.join("2#1").exists() {
        assert!(futures::poll!(&mut upload).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(objects.sweep(BUCKET).await.unwrap(), 0, "a live upload is no leftover");
    assert!(staging.join("2#1").exists());
    drop(upload);
    // object_store removes it on another thread; the sweep takes whatever is there still.
    objects.sweep(BUCKET).await.unwrap();
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 0);
    assert_eq!(objects.head(BUCKET, "k").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_copy_is_a_file_of_its_own() {
    let (folder, objects) = store().await;
    let source = put(&objects, "from", "x").await;
    let copy = objects.copy((BUCKET, "from"), (BUCKET, "to/copy")).await.unwrap();
    assert!(copy.generation > source.generation);
    let path = objects.local_path(BUCKET, "to/copy").unwrap();
    assert_eq!(path, fs::canonicalize(folder.path()).unwrap().join("buckets").join(BUCKET).join("to/copy"));
    assert_eq!(objects.head(BUCKET, "from").await.unwrap(), source);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::nlink(&fs::metadata(path).unwrap()), 1);
}
