//! Looking into a table that is not seen whole.

use showrunner_lake::Identity;
use showrunner_lake::browse::Content;

use crate::world::{World, analyst, nobody};

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_shows_rows_that_are_seen_and_nothing_of_files() {
    let world = World::new().await;
    let table = "silver.sessions";
    let lake = &world.f.lake;
    let (whole, seen) =
        (lake.look(&Identity::admin(), table).await.unwrap(), lake.look(&analyst(), table).await.unwrap());
    assert!(whole.injected().is_none() && whole.stat().bytes() > 0);
    let count = world.number(&analyst(), "SELECT count(*) FROM silver.sessions").await as u64;
    assert_eq!(seen.injected().map(|i| i.row_policies.clone()), Some(vec!["germany".to_owned()]));
    assert_eq!((seen.stat().rows(), seen.stat().bytes(), seen.stat().files()), (count, 0, 0));
    let partitions = seen.partitions();
    assert_eq!(partitions.iter().map(|p| p.rows).sum::<u64>(), count);
    assert!(partitions.iter().all(|p| p.bytes == 0 && p.files == 0 && p.rows > 0));
    let mut rows = 0;
    for partition in &partitions {
        let files = seen.files(&partition.folder).unwrap();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        assert_eq!(seen.file(&file.path).unwrap(), *file);
        let preview = seen.rows(&file.path, 0, 1_000).await.unwrap();
        assert!(!preview.columns.iter().any(|c| c.name == "browser"), "a denied column is not shown");
        let at = |name: &str| preview.columns.iter().position(|c| c.name == name).unwrap();
        for (_, cells) in &preview.rows {
            assert_eq!(cells[at("country")].as_deref(), Some("Germany"));
            assert_eq!(cells[at("city")].as_deref(), Some(""));
            assert_eq!(cells[at("region")], None);
            assert!(cells[at("full_visitor_id")].as_deref().is_some_and(|id| id.starts_with("XXXXX")));
        }
        rows += preview.rows.len() as u64;
        let node = seen.value(&file.path, 0, "country", 0).await.unwrap();
        assert_eq!(node.content, Content::Text { text: "Germany".into(), cut: false });
        assert!(seen.value(&file.path, 0, "browser", 0).await.is_err());
        assert!(seen.value(&file.path, 1_000, "", 0).await.is_err(), "rows behind those that are seen do not exist");
    }
    assert_eq!(rows, count);
    let real = whole.files(&partitions[0].folder).unwrap()[0].path.clone();
    assert!(seen.file(&real).is_err() && seen.rows(&real, 0, 1).await.is_err(), "files have no address");
    assert_eq!(seen.history(0, 10).await.unwrap().total, 0);
    assert!(seen.first_values().await.unwrap().known.is_empty());
    assert!(seen.values_around(crate::support::date("2017-07-29")).await.unwrap().fields.is_empty());
    let none = lake.look(&nobody(), table).await.unwrap();
    assert_eq!((none.stat().rows(), none.partitions().len()), (0, 0));
    let free = lake.look(&nobody(), "gold.daily_kpis").await.unwrap();
    assert!(free.injected().is_none(), "a table without policies is seen as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_values_are_masked_in_the_browser() {
    let world = World::plain().await;
    world
        .run(&[
            "CREATE DATA_POLICY null_it OPTIONS (data_policy_type = 'DATA_MASKING_POLICY', masking_expression = 'ALWAYS_NULL')",
            "GRANT FINE_GRAINED_READ ON DATA_POLICY null_it TO 'user:analyst.de@example.com'",
            "ALTER TABLE bronze.ga_sessions ALTER COLUMN hits.page.pagePath SET OPTIONS (data_policies = ['null_it'])",
        ])
        .await;
    for (who, reads) in [(Identity::admin(), true), (analyst(), false), (nobody(), false)] {
        let look = world.f.lake.look(&who, "bronze.ga_sessions").await.unwrap();
        let file = look.files(&look.partitions()[0].folder).unwrap()[0].path.clone();
        let page = look.value(&file, 0, "hits.0.page", 0).await.unwrap();
        let Content::Record { fields, .. } = page.content else { panic!("{page:?}") };
        assert_eq!(fields.iter().any(|f| f.name == "pagePath"), reads, "{}", who.user());
        assert!(fields.iter().any(|f| f.name == "hostname"), "{}", who.user());
    }
}
