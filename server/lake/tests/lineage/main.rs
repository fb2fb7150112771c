//! Lineage: queries with known answers, and what the lake's own tables are made of.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

mod corpus;
mod jobs;

use std::sync::Arc;

use showrunner_lake::{Lake, LakeConfig};

/// A lake without any data.
async fn empty() -> (tempfile::TempDir, Arc<Lake>) {
    let dir = tempfile::tempdir().unwrap();
    let config = LakeConfig {
        data_dir: dir.path().to_path_buf(),
        id: "demo".to_owned(),
        stage: "dev".to_owned(),
        workers: 1,
        query_memory: 1 << 28,
    };
    let lake = Lake::open_read_only(config).await.unwrap();
    (dir, lake)
}
