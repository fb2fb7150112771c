//! Looking into a lake: what is shown is what is there, and nothing else can be opened.

use showrunner_lake::browse::{Content, differences};
use showrunner_lake::{ErrorKind, Identity};

use crate::support::{Fixture, date, day};

#[tokio::test(flavor = "multi_thread")]
async fn partitions_files_and_rows_are_those_of_the_log() {
    let f = Fixture::new().await;
    f.bronze("run-1", &[f.delivery(&day("2017-07-28")), f.delivery(&day("2017-07-29"))]).await.unwrap();
    let look = f.lake.look(&Identity::admin(), "bronze.ga_sessions").await.unwrap();
    let partitions = look.partitions();
    let dates: Vec<_> = partitions.iter().filter_map(|p| p.date).collect();
    assert_eq!(dates, [date("2017-07-29"), date("2017-07-28")]);
    assert_eq!(partitions.iter().map(|p| p.rows).sum::<u64>(), look.stat().rows());
    assert!(look.changed().is_some() && partitions.iter().all(|p| p.written > 0));
    let files = look.files(&partitions[0].folder).unwrap();
    assert_eq!((files.len(), files[0].run.as_deref()), (1, Some("run-1")));

    let preview = look.rows(&files[0].path, 3, 5).await.unwrap();
    assert_eq!(preview.rows.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
    let hits = preview.columns.iter().position(|c| c.name == "hits" && c.nested).unwrap();
    assert!(preview.rows[0].1[hits].as_ref().unwrap().contains("item"));
    let row = look.value(&files[0].path, 3, "", 0).await.unwrap();
    let Content::Record { fields, .. } = row.content else { panic!("a row is a record") };
    assert!(fields.iter().any(|f| f.path == "hits" && matches!(f.content, Content::List { .. })));
    let page = look.value(&files[0].path, 3, "hits.0.page.pagePath", 0).await.unwrap();
    assert!(matches!(&page.content, Content::Text { text, .. } if text.starts_with('/')), "{page:?}");

    for (what, kind) in [
        (look.file("../../../../../control.db").map(drop), ErrorKind::NotFound),
        (look.files("date=20170727/customer=customer01").map(drop), ErrorKind::NotFound),
        (look.value(&files[0].path, 1_000_000, "", 0).await.map(drop), ErrorKind::NotFound),
        (look.value(&files[0].path, 0, "hits.9999", 0).await.map(drop), ErrorKind::NotFound),
        (look.value(&files[0].path, 0, "nothing.here", 0).await.map(drop), ErrorKind::NotFound),
        (look.fields_at(99).await.map(drop), ErrorKind::Invalid),
        (look.fields_at(-1).await.map(drop), ErrorKind::Invalid),
        (f.lake.look(&Identity::admin(), "bronze.nothing").await.map(drop), ErrorKind::NotFound),
    ] {
        assert_eq!(what.map_err(|e| e.kind), Err(kind));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_says_which_run_did_what() {
    let f = Fixture::new().await;
    f.bronze("run-1", &[f.delivery(&day("2017-07-28")), f.delivery(&day("2017-07-29"))]).await.unwrap();
    f.bronze("run-2", &[f.delivery(&day("2017-07-29"))]).await.unwrap();
    let look = f.lake.look(&Identity::admin(), "bronze.ga_sessions").await.unwrap();
    let history = look.history(0, 10).await.unwrap();
    assert_eq!(history.total, 3);
    let found: Vec<_> = history
        .versions
        .iter()
        .map(|v| (v.version, v.run.as_deref(), v.added, v.removed, v.partitions, v.schema))
        .collect();
    assert_eq!(
        found,
        [(2, Some("run-2"), 1, 1, 1, false), (1, Some("run-1"), 2, 0, 2, false), (0, None, 0, 0, 0, true)]
    );
    assert_eq!(history.versions[0].named, ["date=20170729/customer=customer01"]);
    assert_eq!(history.versions[1].rows, f.number("SELECT count(*) FROM bronze.ga_sessions").await as u64);
    assert!(history.versions.iter().all(|v| v.at.is_some()));
    let second = look.history(1, 1).await.unwrap();
    assert_eq!((second.versions, second.total), (history.versions[1..2].to_vec(), 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_change_of_the_first_of_july_is_seen_in_the_data() {
    let f = Fixture::new().await;
    let days = ["2017-06-29", "2017-06-30", "2017-07-01", "2017-07-02"].map(day);
    f.play("run-1", &days).await;
    let look = f.lake.look(&Identity::admin(), "bronze.ga_sessions").await.unwrap();
    let first = look.first_values().await.unwrap();
    assert_eq!((first.days, first.days_total, first.begin), (4, 4, Some(date("2017-06-29"))));
    assert_eq!(first.first.get("clientId"), Some(&date("2017-07-01")));
    assert!(first.steady.contains("clientId"));
    assert_eq!(first.first.get("hits.page.pagePath"), first.begin.as_ref());
    assert!(first.known.contains("hits.product.productCouponCode") && !first.known.contains("date"));
    let around = look.values_around(date("2017-07-01")).await.unwrap();
    let client = around.fields.iter().find(|(path, ..)| path == "clientId").unwrap();
    assert!(client.1 == 0 && client.2 > 0, "{client:?}");
    assert_eq!(around.before, Some((date("2017-06-29"), date("2017-06-30"), 2)));
    assert_eq!(around.since, Some((date("2017-07-01"), date("2017-07-02"), 2)));

    // What the log declares is the newest schema from the first version on: between versions there is no difference.
    let fields = look.fields().await.unwrap();
    assert_eq!(differences(&look.fields_at(0).await.unwrap(), &fields), []);
    let silver = f.lake.look(&Identity::admin(), "silver.sessions").await.unwrap();
    assert_eq!(silver.first_values().await.unwrap().first.get("client_id"), Some(&date("2017-07-01")));
    let found = differences(&fields, &silver.fields().await.unwrap());
    let pair = found.iter().find(|d| d.before.as_ref().is_some_and(|b| b.0 == "clientId")).unwrap();
    assert_eq!(pair.after.as_ref().map(|a| a.0.as_str()), Some("client_id"));
}
