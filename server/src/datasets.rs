//! Datasets that an admin defines: created from a sample, changed in versions, deleted with proof; and the second one of the show.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use showrunner_generate::bicycles::{self, HIRES, STATIONS};
use showrunner_lake::defined::{Definition, Version, draft};
use showrunner_lake::keys::day_prefix;
use showrunner_lake::model::{Day, Zone};
use showrunner_lake::ports::Precondition;
use showrunner_pii::{Column, Settings, Table, scan};
use tokio_util::sync::CancellationToken;

use crate::AppState;
use crate::error::{Error, ErrorKind, Result};
use crate::ingestion::{IngestRequest, MarkerOutcome};
use crate::reset::{self, ResetPlan, ResetScope};
use crate::runs::{Job, NewRun, Reason};
use crate::store::{DatasetDeletion, Decision, Outcome, RunState};

/// Deletions that are looked at.
const RECENT: u32 = 200;

/// The datasets of London's bicycles, with their titles.
pub const BICYCLES: [(&str, &str); 2] =
    [(STATIONS, "Stations of London's public bicycles"), (HIRES, "Hires of London's public bicycles")];

/// Full names of a dataset's tables.
pub fn tables(definition: &Definition) -> Vec<String> {
    Zone::ALL.map(|zone| format!("{}.{}", zone.name(), definition.table(zone))).into()
}

fn conflict(words: impl Into<String>) -> Error {
    Error::new(ErrorKind::Conflict, words)
}

impl AppState {
    /// A dataset that is defined.
    pub fn definition(&self, name: &str) -> Result<Definition> {
        self.lake.definition(name).ok_or_else(|| {
            let name: String = name.chars().take(60).collect();
            Error::new(ErrorKind::NotFound, format!("There is no dataset '{name}' that an admin defined."))
        })
    }

    /// Defines a dataset by what a sample file says. Returns its name.
    pub async fn create_dataset(
        &self,
        name: &str,
        title: &str,
        file: &str,
        sample: Vec<u8>,
        by: &str,
    ) -> Result<String> {
        let name = name.trim().to_owned();
        let title = if title.trim().is_empty() { name.clone() } else { title.trim().to_owned() };
        let (draft_name, file) = (name.clone(), file.to_owned());
        let definition = tokio::task::spawn_blocking(move || {
            let mut draft = draft(&draft_name, &title, &file, &sample)?;
            expect(&mut draft);
            Ok::<_, showrunner_lake::Error>(draft.definition)
        });
        let definition =
            definition.await.map_err(|e| Error::with(ErrorKind::Internal, "The sample could not be read.", e))??;
        self.define(definition, 0, by).await?;
        Ok(name)
    }

    /// Puts a version in force. Where that makes tables anew, the days that were in them are ingested again: returns that run.
    pub async fn define(&self, definition: Definition, after: u32, by: &str) -> Result<(Version, Option<String>)> {
        self.engine.refuse_during_reset().await?;
        // No run of the dataset begins between the look and the change.
        let turn = self.reconciler.hold().await;
        self.refuse_while_moved(&definition.name).await?;
        if self.leaves(&definition.name).await? {
            return Err(conflict(format!("{} is being deleted.", definition.name)));
        }
        let version = self.lake.define(definition, after, by, self.clock.millis()).await?;
        self.know_jobs().await?;
        self.store.tell("dataset", &version.definition.name).await?;
        drop(turn);
        let run = if version.rebuilt { self.ingest_again(&version.definition.name, by).await? } else { None };
        Ok((version, run))
    }

    /// What makes each table of the lake, those of defined datasets included.
    pub fn lineage_jobs(&self) -> Result<Vec<showrunner_lake::lineage::Job>> {
        let mut jobs = self.jobs.clone();
        jobs.extend(self.lake.defined_jobs()?);
        Ok(jobs)
    }

    async fn know_jobs(&self) -> Result<()> {
        let jobs = self.lineage_jobs()?;
        self.store.know_jobs(&jobs).await?;
        crate::lineage::spread(&self.store, &self.lake, &jobs).await
    }

    async fn refuse_while_moved(&self, dataset: &str) -> Result<()> {
        for run in self.store.active_runs().await? {
            let days = serde_json::from_str::<Job>(&run.job)?.days();
            if days.iter().any(|day| day.dataset == dataset) {
                return Err(conflict(format!("{} moves days of {dataset}. Wait until it is over.", run.id)));
            }
        }
        Ok(())
    }

    /// Whether a dataset is being deleted.
    async fn leaves(&self, dataset: &str) -> Result<bool> {
        for row in self.store.dataset_deletions(RECENT).await? {
            if row.dataset == dataset && row.deleted_at.is_none() {
                let state = self.store.run(&row.run_id).await?.state;
                return Ok(!matches!(state, RunState::Failed | RunState::Stopped));
            }
        }
        Ok(false)
    }

    /// Ingests the days again that were ingested before the tables were made: a killed process may have left that undone.
    async fn ingest_again(&self, dataset: &str, by: &str) -> Result<Option<String>> {
        let kept = self.lake.defined()?;
        let kept = kept.iter().find(|kept| kept.newest().is_some_and(|version| version.definition.name == dataset));
        let Some(made) = kept.and_then(|kept| kept.made()).map(|version| version.at) else { return Ok(None) };
        // Oldest decision first: of a day that was delivered more than once, the newest run has it.
        let mut ingested = BTreeMap::new();
        for row in self.store.deliveries().await? {
            if let (true, Decision::Ingested, Some(run)) = (row.day.dataset == dataset, row.decision, row.run_id) {
                ingested.insert(row.day, run);
            }
        }
        let mut days = Vec::new();
        for (day, run) in ingested {
            // Created, not ended: no run of the dataset was under way when the tables were made.
            if self.store.run(&run).await?.created_at < made {
                days.push(day);
            }
        }
        if days.is_empty() {
            return Ok(None);
        }
        let request = IngestRequest {
            days,
            until: Zone::Warehouse,
            reason: Reason::Reingest,
            by: by.to_owned(),
            story_step: None,
        };
        self.reconciler.ingest(request).await.map(Some)
    }

    /// What deleting a dataset would take.
    pub async fn dataset_deletion(&self, name: &str) -> Result<ResetPlan> {
        let mut plan = reset::plan(self, &ResetScope::Dataset(name.to_owned())).await?;
        plan.items.retain(|item| item.place != "messages");
        Ok(plan)
    }

    /// Why a dataset cannot be deleted; `None` if it can.
    pub fn keeps_dataset(&self, definition: &Definition) -> Option<String> {
        let policies = self.lake.policies();
        let named: Vec<String> = tables(definition);
        let protects = |table: &showrunner_lake::policy::TableName| {
            named.contains(&format!("{}.{}", table.zone.name(), table.table))
        };
        policies
            .tables()
            .find(|table| protects(table))
            .map(|table| format!("Policies protect {}.{}: drop them first.", table.zone.name(), table.table))
    }

    /// Begins to delete a dataset: a reset empties it, and it goes when that is verified. Returns the reset's run.
    pub async fn delete_dataset(&self, name: &str, digest: &str, by: &str) -> Result<String> {
        let definition = self.definition(name)?;
        if let Some(reason) = self.keeps_dataset(&definition) {
            return Err(conflict(reason));
        }
        self.engine.refuse_during_reset().await?;
        let plan = self.dataset_deletion(name).await?;
        if plan.digest != digest {
            return Err(conflict(
                "Something changed since this list was made, so nothing was deleted. Look at the list once more, then confirm.",
            ));
        }
        let job = Job::Reset { scope: plan.scope, before: plan.before };
        let started = self.engine.start(NewRun { job, started_by: by.to_owned(), story_step: None }).await?;
        self.store.dataset_goes(name, &definition.title, &started.run_id, by).await?;
        Ok(started.run_id)
    }

    /// Gives datasets up whose reset is verified.
    pub async fn finish_dataset_deletions(&self) -> Result<()> {
        for row in self.store.dataset_deletions(RECENT).await? {
            if row.deleted_at.is_none() {
                self.finish_dataset_deletion(&row).await?;
            }
        }
        Ok(())
    }

    async fn finish_dataset_deletion(&self, row: &DatasetDeletion) -> Result<()> {
        if self.store.run(&row.run_id).await?.state != RunState::Done {
            return Ok(());
        }
        let _turn = self.reconciler.hold().await;
        // Whatever came since keeps it.
        if reset::total(&self.dataset_deletion(&row.dataset).await?.items) > 0 {
            return Ok(());
        }
        let named = match self.lake.definition(&row.dataset) {
            Some(definition) => tables(&definition),
            None => Vec::new(),
        };
        self.lake.undefine(&row.dataset).await?;
        self.know_jobs().await?;
        if !self.store.dataset_gone(row, &named).await? {
            return Ok(());
        }
        let subject = format!("{}, proof {}", row.dataset, row.run_id);
        self.store.audit(&row.by_whom, "admin", "delete_dataset", &subject, Outcome::Done).await
    }

    /// Defines the datasets of London's bicycles that are not there yet, each from a generated sample.
    pub async fn add_bicycles(&self, by: &str) -> Result<()> {
        for (name, title) in BICYCLES {
            if self.lake.definition(name).is_none() {
                let date = self.stage.told().story.data.stage.from;
                let sample = self.bicycles(name, date)?;
                self.create_dataset(name, title, &format!("{name}.csv"), sample, by).await?;
            }
        }
        Ok(())
    }

    fn bicycles(&self, dataset: &str, date: NaiveDate) -> Result<Vec<u8>> {
        let seed = self.config.generated.seed;
        match dataset {
            STATIONS => Ok(bicycles::stations_csv(seed).into_bytes()),
            HIRES => Ok(bicycles::hires_csv(seed, date).0.into_bytes()),
            _ => {
                Err(Error::new(ErrorKind::Invalid, format!("No day of {dataset} can be generated: deliver its files.")))
            }
        }
    }

    /// Delivers a generated day of a dataset of bicycles as a customer, with its marker. Returns the run that ingests it.
    pub async fn deliver_bicycles(&self, day: &Day, by: &str) -> Result<Option<String>> {
        self.engine.refuse_during_reset().await?;
        let bytes = self.bicycles(&day.dataset, day.date)?;
        let key = format!("{}{}_{}.csv", day_prefix(day), day.dataset, day.date.format("%Y%m%d"));
        let log = self.engine.upload_log(day);
        let put = self.lake.objects().put(&self.lake.names().ingestion, &key, bytes.into(), Precondition::None);
        showrunner_lake::calls::noted(log, put).await?;
        match self.reconciler.write_marker(day, by, None).await? {
            MarkerOutcome::Started(run) => Ok(Some(run)),
            MarkerOutcome::Duplicate => self.reconciler.reingest(day, by).await.map(Some),
            MarkerOutcome::Refused(reason) => Err(Error::new(ErrorKind::Invalid, reason)),
        }
    }
}

/// Expects the personal data that the sample seems to hold.
fn expect(draft: &mut showrunner_lake::defined::Draft) {
    let columns = draft.sampled.iter().map(|sampled| Column {
        name: sampled.column.clone(),
        declared: None,
        values: sampled.values.iter().cloned().map(Some).collect(),
    });
    let table = Table { name: draft.definition.name.clone(), columns: columns.collect() };
    for assessed in scan(&table, Settings { demographics: true }).columns {
        let column = draft.definition.columns.iter_mut().find(|column| column.name == assessed.column);
        if let (Some(column), Some(finding)) = (column, assessed.finding) {
            column.expected = Some(finding.info_type.name().to_owned());
        }
    }
}

/// Ends what a killed process left undone, then removes datasets that were emptied, until `halt`.
pub async fn work(state: Arc<AppState>, halt: CancellationToken) {
    for name in state.lake.datasets() {
        if let Err(error) = state.ingest_again(&name, "showrunner").await {
            tracing::warn!("{}", error.chain());
        }
    }
    let mut events = state.store.subscribe_events();
    loop {
        if let Err(error) = state.finish_dataset_deletions().await {
            tracing::warn!("{}", error.chain());
        }
        tokio::select! {
            () = halt.cancelled() => return,
            changed = events.changed() => if changed.is_err() { return },
        }
    }
}
