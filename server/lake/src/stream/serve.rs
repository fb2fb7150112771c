//! The warehouse elsewhere follows the tables of the stream: a message is acknowledged when both have its row.

use arrow::record_batch::RecordBatch;

use super::identity::Holds;
use super::{Kept, Sinks};
use crate::Result;

impl Sinks {
    /// Appends rows that were just committed. After an error, the tables are compared before anything else is appended.
    pub(super) async fn serve<H: Holds>(&self, kept: &Kept<H>, rows: impl Iterator<Item = &RecordBatch>) -> Result<()> {
        let Some(served) = &self.parts.served else { return Ok(()) };
        let mut level = kept.level.lock().await;
        if !*level {
            served.catch_up(&kept.table, &H::columns()).await?;
            *level = true;
            return Ok(());
        }
        // Also when this is given up half-way.
        *level = false;
        for batch in rows.filter(|batch| batch.num_rows() > 0) {
            served.append(&kept.table.shape.name, batch).await?;
        }
        *level = true;
        Ok(())
    }

    /// Appends what the warehouse elsewhere lacks: at the start, and after an error.
    pub(super) async fn catch_up(&self) -> Result<()> {
        let Some(served) = &self.parts.served else { return Ok(()) };
        let mut level = self.rows.level.lock().await;
        if !*level {
            served.catch_up(&self.rows.table, &super::Rows::columns()).await?;
            *level = true;
        }
        let mut level = self.errors.level.lock().await;
        if !*level {
            served.catch_up(&self.errors.table, &super::Errors::columns()).await?;
            *level = true;
        }
        Ok(())
    }
}
