use bytes::Bytes;

use super::*;
use crate::objects::DiskObjects;
use crate::ports::Precondition;

const BUCKET: &str = "sa-ingestion-x-dev";

async fn store(keys: &[&str]) -> (tempfile::TempDir, DiskObjects) {
    let folder = tempfile::tempdir().unwrap();
    let objects = DiskObjects::open(folder.path()).unwrap();
    objects.create_bucket(BUCKET).await.unwrap();
    for key in keys {
        put(&objects, key).await;
    }
    (folder, objects)
}

async fn put(objects: &DiskObjects, key: &str) {
    objects.put(BUCKET, key, Bytes::from_static(b"123"), Precondition::None).await.unwrap();
}

async fn keys(objects: &DiskObjects) -> Vec<String> {
    objects.list(BUCKET, "").await.unwrap().into_iter().map(|meta| meta.key).collect()
}

fn day(customer: &str, date: &str) -> Day {
    Day { customer: customer.to_owned(), dataset: "ga_sessions".to_owned(), date: date.parse().unwrap() }
}

fn known(customers: &[&str]) -> Known {
    Known { customers: customers.iter().map(|c| (*c).to_owned()).collect(), datasets: vec!["ga_sessions".to_owned()] }
}

#[tokio::test]
async fn folders_with_marker_files_and_late_files() {
    // In the order of writing.
    let (_folder, objects) = store(&[
        "customer01/ga_sessions/2017-07-30/b.json.gz",
        "customer01/ga_sessions/2017-07-30/a.json.gz",
        "customer01/ga_sessions/2017-07-30/end_file.txt",
        "customer01/ga_sessions/2017-07-30/c.json.gz",
        "customer01/ga_sessions/2017-07-31/a.json.gz",
        "customer01/ga_sessions/2017-07-31/END_FILE.TXT",
        "customer01/ga_sessions/2017-07-31/my_end_file.txt",
        "customer01/ga_sessions/2017-07-31/end_file.txt.bak",
        "customer01/ga_sessions/2017-07-31/sub/end_file.txt",
        "customer02/ga_sessions/2017-07-01/end_file.txt",
        "customer01/ga_sessions/end_file.txt",
        "end_file.txt",
    ])
    .await;
    let summary = async || {
        let folders = day_folders(&objects, BUCKET).await.unwrap();
        let names = |files: &[ObjectMeta]| {
            files.iter().map(|f| f.key.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        let line = |f: &DayFolder| {
            let marker = f.marker.as_ref().map_or("-", |m| m.key.rsplit('/').next().unwrap());
            format!("{} {}: {} | {marker} | {}", f.day.customer, f.day.date, names(&f.files), f.late.join(" "))
        };
        folders.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        summary().await,
        [
            "customer01 2017-07-30: a.json.gz b.json.gz c.json.gz | end_file.txt | c.json.gz",
            "customer01 2017-07-31: END_FILE.TXT a.json.gz end_file.txt.bak my_end_file.txt | - | ",
            "customer02 2017-07-01:  | end_file.txt | ",
        ]
    );
    // The marker again: the late file belongs to it now. A file again: it is late.
    put(&objects, "customer01/ga_sessions/2017-07-30/end_file.txt").await;
    assert_eq!(summary().await[0], "customer01 2017-07-30: a.json.gz b.json.gz c.json.gz | end_file.txt | ");
    put(&objects, "customer01/ga_sessions/2017-07-30/a.json.gz").await;
    assert_eq!(summary().await[0], "customer01 2017-07-30: a.json.gz b.json.gz c.json.gz | end_file.txt | a.json.gz");
}

const OURS: [&str; 5] = [
    "customer01/ga_sessions/2017-07-30/a.json.gz",
    "customer01/ga_sessions/2017-07-30/end_file.txt",
    "customer01/ga_sessions/2017-07-31/a.json.gz",
    "customer010/ga_sessions/2017-07-30/a.json.gz",
    "customer02/ga_sessions/2017-07-30/a.json.gz",
];
const FOREIGN: [(&str, &str); 6] = [
    ("customer01/ga_sessions/2017-07-30/sub/a", "lies below"),
    ("customer01/ga_sessions/notes.txt", "lies above"),
    ("customer01/orders/2017-07-30/a.csv", "no dataset `orders`"),
    ("customer01/ga_sessions/2017-7-30/a", "no date"),
    ("notes.txt", "lies above"),
    ("someone/ga_sessions/2017-07-30/a.json.gz", "no customer `someone`"),
];

#[tokio::test]
async fn a_purge_takes_its_scope_and_spares_what_is_foreign() {
    let known = known(&["customer01", "customer010", "customer02"]);
    let cases: [(Scope, &[usize]); 6] = [
        (Scope::All, &[0, 1, 2, 3, 4]),
        (Scope::Customer("customer01".to_owned()), &[0, 1, 2]),
        (Scope::Customer("customer03".to_owned()), &[]),
        (Scope::Days(vec![day("customer01", "2017-07-30")]), &[0, 1]),
        (
            Scope::Days(vec![
                day("customer02", "2017-07-30"),
                day("customer01", "2017-07-31"),
                day("customer01", "2017-07-01"),
            ]),
            &[2, 4],
        ),
        (Scope::Days(vec![]), &[]),
    ];
    for (scope, goes) in cases {
        let all: Vec<&str> = OURS.into_iter().chain(FOREIGN.map(|(key, _)| key)).collect();
        let (folder, objects) = store(&all).await;
        let leftover = folder.path().join("buckets").join(BUCKET).join("half#1");
        std::fs::write(&leftover, "x").unwrap();

        let planned = plan(&objects, BUCKET, std::slice::from_ref(&scope), &known).await.unwrap().remove(0);
        let count = goes.len() as u64;
        let expected = PurgeItem {
            place: "ingestion".to_owned(),
            table: String::new(),
            count,
            rows: 0,
            files: count,
            bytes: 3 * count,
        };
        assert_eq!(planned, expected, "{scope:?}");
        let among_others = plan(&objects, BUCKET, &[Scope::All, scope.clone()], &known).await.unwrap();
        assert_eq!(among_others[1], planned, "{scope:?}");
        assert_eq!(keys(&objects).await.len(), all.len(), "a plan deletes nothing");

        assert_eq!(purge(&objects, BUCKET, &scope, &known).await.unwrap(), planned);
        let mut left: Vec<&str> =
            all.iter().enumerate().filter(|(i, _)| !goes.contains(i)).map(|(_, key)| *key).collect();
        left.sort_unstable();
        assert_eq!(keys(&objects).await, left, "{scope:?}");
        assert!(!leftover.exists());

        let again = purge(&objects, BUCKET, &scope, &known).await.unwrap();
        assert_eq!((again.count, again.bytes), (0, 0), "a second press is a no-op");
        let foreign = stray(&objects, BUCKET, &known).await.unwrap();
        assert_eq!(foreign.len(), FOREIGN.len());
    }
}

#[tokio::test]
async fn foreign_objects_are_named_with_the_reason() {
    let all: Vec<&str> = OURS.into_iter().chain(FOREIGN.map(|(key, _)| key)).collect();
    let (_folder, objects) = store(&all).await;
    let foreign = stray(&objects, BUCKET, &known(&["customer01", "customer010", "customer02"])).await.unwrap();
    for object in &foreign {
        let (_, words) = FOREIGN.into_iter().find(|(key, _)| *key == object.key).unwrap();
        assert!(object.reason.contains(words), "{object:?}");
        assert_eq!((object.bucket.as_str(), object.size), (BUCKET, 3));
    }
    assert_eq!(foreign.len(), FOREIGN.len());
    let nobody = stray(&objects, BUCKET, &known(&[])).await.unwrap();
    assert_eq!(nobody.len(), all.len());
}

#[tokio::test]
async fn source_days_are_the_data_files() {
    let key = |date: &str| SourceKey::Data(date.parse().unwrap()).to_string();
    let manifest = SourceKey::Manifest("2017-06-01".parse().unwrap()).to_string();
    let (_folder, objects) = store(&[&key("2017-06-02"), &key("2017-06-01"), &manifest, "notes.txt"]).await;
    let days = source_days(&objects, BUCKET).await.unwrap();
    let days: Vec<_> = days.into_iter().map(|(date, meta)| (date.to_string(), meta.key)).collect();
    assert_eq!(days, ["2017-06-01", "2017-06-02"].map(|date| (date.to_owned(), key(date))));
}

#[tokio::test]
async fn the_checksum_sees_every_change_of_names_and_contents() {
    let (_folder, objects) = store(&["a", "b/c", "d"]).await;
    let sum = async || source_checksum(&objects, BUCKET, &Checksums::default()).await.unwrap();
    let write = async |key: &str, data: &'static str| {
        objects.put(BUCKET, key, Bytes::from_static(data.as_bytes()), Precondition::None).await.unwrap();
    };
    let (first, count) = sum().await;
    assert_eq!((first.len(), count), (8, 3));
    write("d", "123").await;
    assert_eq!(sum().await, (first.clone(), 3), "the same content written again is the same");
    write("d", "124").await;
    let changed = sum().await;
    assert_ne!(changed.0, first, "content");
    write("d", "123").await;
    objects.copy((BUCKET, "d"), (BUCKET, "e")).await.unwrap();
    let more = sum().await;
    assert_eq!(more.1, 4);
    assert_ne!(more.0, first, "one more");
    objects.delete(BUCKET, "d").await.unwrap();
    let renamed = sum().await;
    assert_ne!(renamed.0, first, "a name");
    objects.copy((BUCKET, "e"), (BUCKET, "d")).await.unwrap();
    objects.delete(BUCKET, "e").await.unwrap();
    assert_eq!(sum().await.0, first, "back as it was");
}
