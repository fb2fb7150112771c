//! The story's saved queries on seeded data.

use std::sync::Arc;
use std::time::Duration;

use showrunner::clock::{RandomIds, SystemClock};
use showrunner::config::Config;
use showrunner::runs::{Job, NewRun};
use showrunner::story::fill;
use showrunner_lake::{Identity, QueryLimits};

#[tokio::test(flavor = "multi_thread")]
async fn every_saved_query_runs_and_a_date_filter_saves_partitions() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(folder.path());
    config.generated.sessions_per_day = 300;
    let state = showrunner::build(&config, Arc::new(SystemClock), Arc::new(RandomIds)).await.unwrap();
    let _background = state.start_engine().await.unwrap();
    let history = ["2017-07-27", "2017-07-28"].map(|d| d.parse().unwrap()).to_vec();
    let told = state.stage.told();
    let story = &told.story;
    let job = Job::Seed { customer: story.customer.clone(), dataset: story.dataset.clone(), history, stage: vec![] };
    let run = NewRun { job, started_by: "presenter".into(), story_step: None };
    let run = state.engine.start(run).await.unwrap();
    let over = tokio::time::timeout(Duration::from_secs(120), state.engine.wait(&run.run_id)).await;
    assert_eq!(over.unwrap().unwrap().error, None);

    let limits = QueryLimits { rows: 1_000, timeout: Duration::from_secs(60) };
    assert!(story.queries.len() >= 4);
    for query in &story.queries {
        let ask = async |sql: &str| {
            let sql = fill(sql, story, None);
            assert!(!sql.contains('{'), "{}: a placeholder is left: {sql}", query.title);
            let answer = state
                .lake
                .ask(&Identity::admin(), &sql, limits, None)
                .await
                .unwrap_or_else(|e| panic!("{}: {e}", query.title));
            assert!(answer.batches.iter().any(|b| b.num_rows() > 0) && !answer.cut, "{}", query.title);
            answer.cost
        };
        let cost = ask(&query.sql).await;
        assert!(!cost.scans.is_empty(), "{}", query.title);
        if let Some(without) = &query.without {
            let all = ask(without).await;
            assert_eq!((cost.partitions(), all.partitions()), ((1, 2), (2, 2)), "{}", query.title);
            assert!(cost.bytes_read < all.bytes_read && cost.rows_read < all.rows_read, "{}", query.title);
        }
    }
    let same: Vec<_> = story.queries.iter().filter(|q| q.title.contains("hits") || q.title.contains("Hits")).collect();
    assert_eq!(same.len(), 2, "bronze and silver answer the same question");
    let rows = async |sql: &str| {
        let batches = state.lake.ask(&Identity::admin(), &fill(sql, story, None), limits, None).await.unwrap().batches;
        arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
    };
    assert_eq!(rows(&same[0].sql).await, rows(&same[1].sql).await);
}
