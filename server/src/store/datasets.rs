//! Datasets that are being deleted, or were.

use super::{Store, explain};
use crate::error::Result;

/// A dataset that goes, or is gone.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DatasetDeletion {
    /// The reset that empties it; its certificate is the proof.
    pub run_id: String,
    /// Its name.
    pub dataset: String,
    /// What it was called.
    pub title: String,
    /// Who asked for it.
    pub by_whom: String,
    /// UTC milliseconds.
    pub asked_at: i64,
    /// UTC milliseconds; `None` while it is still there.
    pub deleted_at: Option<i64>,
}

const COLUMNS: &str = "run_id, dataset, title, by_whom, asked_at, deleted_at";

impl Store {
    /// Deletions, newest first.
    pub async fn dataset_deletions(&self, most: u32) -> Result<Vec<DatasetDeletion>> {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM dataset_deletions ORDER BY asked_at DESC, run_id LIMIT $1"))
            .bind(most)
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// A reset empties the dataset, which goes when that is verified.
    pub async fn dataset_goes(&self, dataset: &str, title: &str, run: &str, by: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO dataset_deletions (run_id, dataset, title, by_whom, asked_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (run_id) DO NOTHING",
        )
        .bind(run)
        .bind(dataset)
        .bind(title)
        .bind(by)
        .bind(self.clock.millis())
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        tx.event("dataset", dataset).await?;
        tx.commit().await
    }

    /// The dataset is gone, and what was found in these tables and said to it with it. False when that is on record already.
    pub async fn dataset_gone(&self, row: &DatasetDeletion, tables: &[String]) -> Result<bool> {
        let mut tx = self.begin().await?;
        let gone = sqlx::query("UPDATE dataset_deletions SET deleted_at = $2 WHERE run_id = $1 AND deleted_at IS NULL")
            .bind(&row.run_id)
            .bind(self.clock.millis())
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?
            .rows_affected()
            > 0;
        for table in tables {
            for statement in
                ["DELETE FROM privacy_tables WHERE name = $1", "DELETE FROM privacy_verdicts WHERE table_name = $1"]
            {
                sqlx::query(statement).bind(table).execute(&mut *tx.inner).await.map_err(explain)?;
            }
        }
        tx.event("dataset", &row.dataset).await?;
        tx.commit().await?;
        Ok(gone)
    }
}
