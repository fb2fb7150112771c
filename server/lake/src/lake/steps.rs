//! The steps of the pipeline.

use std::sync::Arc;

use super::{Inner, Lake, distinct, read_only};
use crate::datasets::{Dataset, EventFields};
use crate::defined::Defined;
use crate::model::{Day, ProgressSink, Zone, ZoneOutcome};
use crate::silver::{Rows, Silver};
use crate::warehouse::serve::{SERVING, Serve};
use crate::{Error, ErrorKind, Result};

/// Whose rows a step moves.
pub(super) enum Whose {
    BuiltIn(Arc<Dataset>),
    Defined(Arc<Defined>),
}

pub(super) fn unknown(dataset: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("There is no dataset `{dataset}`."))
}

impl Lake {
    /// Known datasets: the one that is built in (`ga_sessions`), then those that an admin defined.
    pub fn datasets(&self) -> Vec<String> {
        let built_in = self.inner.datasets.iter().map(|d| d.name.clone());
        built_in.chain(self.inner.defined.all().iter().map(|d| d.definition.name.clone())).collect()
    }

    /// What a stream must know of a dataset's records.
    pub(crate) fn event_fields(&self, dataset: &str) -> Result<EventFields> {
        self.inner.datasets.iter().find(|d| d.name == dataset).and_then(|d| d.events).ok_or_else(|| unknown(dataset))
    }

    /// Recomputes silver for these days from bronze.
    pub async fn silver(&self, run_id: &str, days: &[Day], progress: Arc<dyn ProgressSink>) -> Result<ZoneOutcome> {
        let workers = self.inner.config.workers;
        let silver = match self.inner.whose(days.iter())? {
            None => return Ok(ZoneOutcome::default()),
            Some(Whose::BuiltIn(dataset)) => Silver {
                from: self.inner.table(Zone::Bronze, &dataset.name)?,
                tables: self.inner.zone(Zone::Silver),
                rows: Rows::Sessions,
                workers,
            },
            Some(Whose::Defined(defined)) => Silver {
                from: defined.table(Zone::Bronze)?.clone(),
                tables: vec![defined.table(Zone::Silver)?.clone()],
                rows: Rows::Silver(defined.plan().clone()),
                workers,
            },
        };
        let (run_id, days) = (run_id.to_owned(), distinct(days));
        self.work.run(async move { silver.run(&run_id, &days, progress).await }).await
    }

    /// Recomputes gold for these days from silver; tables that span days are recomputed for the customers concerned.
    pub async fn gold(&self, run_id: &str, days: &[Day], progress: Arc<dyn ProgressSink>) -> Result<ZoneOutcome> {
        let whose = self.inner.whose(days.iter())?;
        let (run_id, days) = (run_id.to_owned(), distinct(days));
        match whose {
            None => Ok(ZoneOutcome::default()),
            Some(Whose::BuiltIn(_)) => {
                let gold = self.inner.gold();
                self.work.run(async move { gold.run(&run_id, &days, progress).await }).await
            }
            Some(Whose::Defined(defined)) => {
                let gold = Silver {
                    from: defined.table(Zone::Silver)?.clone(),
                    tables: vec![defined.table(Zone::Gold)?.clone()],
                    rows: Rows::Gold(defined.plan().clone()),
                    workers: self.inner.config.workers,
                };
                self.work.run(async move { gold.run(&run_id, &days, progress).await }).await
            }
        }
    }

    /// Loads these days' date partitions of the warehouse from silver.
    pub async fn load_warehouse(
        &self,
        run_id: &str,
        days: &[Day],
        progress: Arc<dyn ProgressSink>,
    ) -> Result<ZoneOutcome> {
        let (from, table) = match self.inner.whose(days.iter())? {
            None => return Ok(ZoneOutcome::default()),
            Some(Whose::BuiltIn(_)) => (self.inner.table(Zone::Silver, "sessions")?, SERVING.to_owned()),
            Some(Whose::Defined(defined)) => {
                (defined.table(Zone::Silver)?.clone(), defined.definition.table(Zone::Warehouse))
            }
        };
        let serve = Serve { from, table: self.inner.warehouse.handle(&table)?, served: self.inner.served.clone() };
        let (run_id, days) = (run_id.to_owned(), distinct(days));
        self.work.run(async move { serve.run(&run_id, &days, progress).await }).await
    }
}

impl Inner {
    /// The one dataset of these days; `None` if there are no days.
    pub(super) fn whose<'a>(&self, mut days: impl Iterator<Item = &'a Day>) -> Result<Option<Whose>> {
        if self.read_only {
            return Err(read_only());
        }
        let Some(first) = days.next() else {
            return Ok(None);
        };
        if days.any(|d| d.dataset != first.dataset) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "A step takes days of one dataset. Start one step for each dataset.",
            ));
        }
        if let Some(built_in) = self.datasets.iter().find(|d| d.name == first.dataset) {
            return Ok(Some(Whose::BuiltIn(built_in.clone())));
        }
        self.defined.find(&first.dataset).map(|d| Some(Whose::Defined(d))).ok_or_else(|| unknown(&first.dataset))
    }
}
