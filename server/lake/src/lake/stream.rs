//! What the subscribers of the stream need of the lake.

use std::sync::Arc;

use super::{Lake, read_only};
use crate::datasets::{Dataset, GA_SESSIONS};
use crate::delta::Table;
use crate::model::Zone;
use crate::ports::Topics;
use crate::stream::{BRONZE_TABLE, ERRORS_TABLE, ROWS_TABLE};
use crate::warehouse::Follower;
use crate::{Error, ErrorKind, Result};

/// See [`Lake::stream`].
pub(crate) struct StreamParts {
    pub topics: Arc<dyn Topics>,
    pub bronze: Arc<Table>,
    pub rows: Arc<Table>,
    pub errors: Arc<Table>,
    /// The warehouse elsewhere, if there is one.
    pub served: Option<Follower>,
    pub dataset: Arc<Dataset>,
    pub workers: usize,
    pub threads: tokio::runtime::Handle,
}

impl Lake {
    /// What the subscribers of the stream work with.
    pub(crate) fn stream(&self) -> Result<StreamParts> {
        let inner = &self.inner;
        let dataset = inner.datasets.iter().find(|d| d.name == GA_SESSIONS).cloned();
        let dataset =
            dataset.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("There is no dataset `{GA_SESSIONS}`.")))?;
        if inner.read_only {
            return Err(read_only());
        }
        Ok(StreamParts {
            topics: inner.topics.clone(),
            bronze: inner.table(Zone::Bronze, BRONZE_TABLE)?,
            rows: inner.warehouse.handle(ROWS_TABLE)?,
            errors: inner.warehouse.handle(ERRORS_TABLE)?,
            served: inner.served.clone(),
            dataset,
            workers: inner.config.workers,
            threads: self.stream.handle()?,
        })
    }
}
