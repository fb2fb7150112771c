//! The reconciler: ingestion is the markers that exist minus the markers in the ledger. A notification only wakes it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use showrunner_lake::calls::{self, Call};
use showrunner_lake::ingestion::{DayFolder, day_folders};
use showrunner_lake::keys::{check_customer, check_dataset, marker_key};
use showrunner_lake::model::{Day, Zone};
use showrunner_lake::ports::{Precondition, PullRequest};
use showrunner_lake::{Lake, NOTIFICATION_SUBSCRIPTION};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::runs::{DeliveredDay, Engine, Job, NewRun, Reason};
use crate::store::{Claim, Decision, DeliveredFile, DeliveryRow, Store, day_path};

/// It looks again this often even if no notification came.
const SAFETY_NET: Duration = Duration::from_secs(5);

/// Starts a run for each marker that nobody decided about. Cheap to clone.
#[derive(Clone)]
pub struct Reconciler {
    store: Store,
    lake: Arc<Lake>,
    engine: Arc<Engine>,
    /// One decision at a time within this process; the ledger's key decides between processes.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Somebody knows of a reason to look. However many do, it looks once.
    woken: Arc<Notify>,
}

/// What became of a marker that was written here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkerOutcome {
    /// It started this run.
    Started(String),
    /// Ignored: the day was claimed or ingested by an earlier marker.
    Duplicate,
    /// Not accepted: the reason.
    Refused(String),
}

/// A day folder of the ingestion bucket with what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderState {
    /// The day.
    pub day: Day,
    /// Files without the marker.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The marker's generation, if there is one.
    pub marker: Option<i64>,
    /// The decision that stands for the day: that of the marker that was taken, else of the newest one.
    pub decision: Option<Decision>,
    /// Why.
    pub reason: Option<String>,
    /// The run that has the day.
    pub run_id: Option<String>,
    /// Files that are not among those that the day's run listed: they came (or changed) after the marker.
    pub late: Vec<String>,
    /// Markers that were ignored because the day was taken.
    pub duplicates: u64,
}

/// Who delivers by `showrunner ingest` or re-ingests, and how far.
#[derive(Debug, Clone)]
pub struct IngestRequest {
    /// Days whose files lie in the ingestion bucket.
    pub days: Vec<Day>,
    /// Last zone.
    pub until: Zone,
    /// Why.
    pub reason: Reason,
    /// Who asks.
    pub by: String,
    /// Story step.
    pub story_step: Option<String>,
}

impl Reconciler {
    /// A reconciler that does nothing until asked.
    pub fn new(store: Store, lake: Arc<Lake>, engine: Arc<Engine>) -> Self {
        Reconciler { store, lake, engine, turn: Arc::default(), woken: Arc::default() }
    }

    /// Lets it look soon; returns at once.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Waits until somebody has called [`Reconciler::wake`]. Only one waits at a time.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Looks now, upon each notification and each [`Reconciler::wake`], whenever a run is over, and every few seconds, until the token is cancelled.
    pub async fn work(self, halt: CancellationToken) {
        loop {
            if let Err(error) = self.reconcile().await {
                tracing::warn!("{}", error.chain());
            }
            tokio::select! {
                () = halt.cancelled() => return,
                result = self.lake.topics().wait(NOTIFICATION_SUBSCRIPTION) => {
                    let pulled = match result {
                        Ok(()) => self.pull().await,
                        Err(error) => Err(error.into()),
                    };
                    if let Err(error) = pulled {
                        tracing::warn!("{}", error.chain());
                        tokio::time::sleep(SAFETY_NET).await;
                    }
                }
                () = self.engine.run_over.notified() => {}
                () = self.woken() => {}
                () = tokio::time::sleep(SAFETY_NET) => {}
            }
        }
    }

    /// Decides about each marker that is not in the ledger. Returns the runs that were started. Does nothing while a reset is active.
    pub async fn reconcile(&self) -> Result<Vec<String>> {
        let _turn = self.turn.lock().await;
        let mut started = Vec::new();
        if self.store.active_reset().await?.is_some() {
            return Ok(started);
        }
        let log = self.engine.call_log();
        let folders = calls::noted(log.clone(), self.folders()).await?;
        let looked = log.finish();
        for folder in folders {
            if folder.marker.is_some()
                && let Some(MarkerOutcome::Started(run_id)) = self.decide(&folder, "marker", None, &looked).await?
            {
                started.push(run_id);
            }
        }
        Ok(started)
    }

    /// Writes the day's marker, as the customer would, and decides about it at once.
    pub async fn write_marker(&self, day: &Day, by: &str, story_step: Option<&str>) -> Result<MarkerOutcome> {
        self.check(day).await?;
        self.engine.refuse_during_reset().await?;
        let _turn = self.turn.lock().await;
        let log = self.engine.call_log();
        let folder = calls::noted(log.clone(), async {
            let bucket = &self.lake.names().ingestion;
            self.lake.objects().put(bucket, &marker_key(day), Bytes::new(), Precondition::None).await?;
            self.folder(day).await
        })
        .await?;
        match self.decide(&folder, by, story_step, &log.finish()).await? {
            Some(outcome) => Ok(outcome),
            // Decided within the same instant by somebody else.
            None => Ok(MarkerOutcome::Duplicate),
        }
    }

    /// No marker is decided, and no ingestion started, while this is held.
    pub async fn hold(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Ingests a day once more with the files that are in its folder now, late ones included. Returns the run.
    pub async fn reingest(&self, day: &Day, by: &str) -> Result<String> {
        self.ingest(IngestRequest {
            days: vec![day.clone()],
            until: Zone::Warehouse,
            reason: Reason::Reingest,
            by: by.to_owned(),
            story_step: None,
        })
        .await
    }

    /// Starts one run for days whose files are delivered; writes the markers that are missing. What was decided about the markers
    /// before gives way: the caller asks for it explicitly.
    pub async fn ingest(&self, request: IngestRequest) -> Result<String> {
        for day in &request.days {
            self.check(day).await?;
        }
        self.engine.refuse_during_reset().await?;
        let _turn = self.turn.lock().await;
        let log = self.engine.call_log();
        let days = calls::noted(log.clone(), self.delivered_days(&request.days)).await?;
        let claims = days.iter().map(|day| claim(day, true)).collect();
        let mut calls: Vec<Call> = days.iter().flat_map(|day| self.engine.uploads_of(&day.day)).collect();
        calls.extend(log.finish());
        let job = Job::Ingest { days, until: request.until, reason: request.reason };
        let new = NewRun { job, started_by: request.by, story_step: request.story_step };
        Ok(self.engine.queue(new, claims, calls).await?.run_id)
    }

    /// The days' files as they are now, with their markers, those written that are missing.
    async fn delivered_days(&self, wanted: &[Day]) -> Result<Vec<DeliveredDay>> {
        let (objects, bucket) = (self.lake.objects(), &self.lake.names().ingestion);
        let mut days = Vec::new();
        for day in wanted {
            let mut folder = self.folder(day).await?;
            if folder.files.is_empty() {
                return Err(Error::new(ErrorKind::Invalid, nothing_delivered(day)));
            }
            if folder.marker.is_none() {
                // Announced with the claim below: should the process end in between, the marker is found at the next start.
                folder.marker = Some(objects.put(bucket, &marker_key(day), Bytes::new(), Precondition::None).await?);
            }
            days.push(delivered(&folder));
        }
        Ok(days)
    }

    /// All day folders, with what was decided about them. Newest first.
    pub async fn folder_states(&self) -> Result<Vec<FolderState>> {
        let ledger = self.store.deliveries().await?;
        let mut states: Vec<FolderState> = self
            .folders()
            .await?
            .into_iter()
            .map(|folder| {
                let of_day: Vec<&DeliveryRow> = ledger.iter().filter(|row| row.day == folder.day).collect();
                state(&folder, &of_day)
            })
            .collect();
        states.sort_by(|a, b| b.day.date.cmp(&a.day.date).then_with(|| a.day.cmp(&b.day)));
        Ok(states)
    }

    /// Decides about one marker; `None` if that was done before.
    async fn decide(
        &self,
        folder: &DayFolder,
        by: &str,
        story_step: Option<&str>,
        calls: &[Call],
    ) -> Result<Option<MarkerOutcome>> {
        let Some(marker) = &folder.marker else {
            return Ok(None);
        };
        let day = &folder.day;
        let ledger = self.store.deliveries_of(day).await?;
        if ledger.iter().any(|row| row.generation == marker.generation) {
            return Ok(None);
        }
        let owner = ledger.iter().rev().find(|row| matches!(row.decision, Decision::Claimed | Decision::Ingested));
        // Generation 0: that run is writing its own marker right now, this may be it.
        if let Some(owner) = owner
            && owner.generation == 0
        {
            return Ok(None);
        }
        if self.check(day).await.is_err() {
            // Not a known customer's: left alone, and started once it is.
            return Ok(None);
        }
        if folder.files.is_empty() {
            let reason = nothing_delivered(day);
            self.store.decide(day, marker.generation, Decision::Refused, &reason, None).await?;
            return Ok(Some(MarkerOutcome::Refused(reason)));
        }
        if let Some(owner) = owner {
            let verb = if owner.decision == Decision::Ingested { "ingested" } else { "being ingested" };
            let run = owner.run_id.as_deref().unwrap_or("an earlier run");
            let reason = format!("Duplicate, ignored: {} is {verb} by {run} already.", day_path(day));
            self.store.decide(day, marker.generation, Decision::Duplicate, &reason, owner.run_id.as_deref()).await?;
            if let Some(run) = &owner.run_id {
                self.store.add_calls(run, calls).await?;
            }
            return Ok(Some(MarkerOutcome::Duplicate));
        }
        let delivered = delivered(folder);
        let claims = vec![claim(&delivered, false)];
        let job = Job::Ingest { days: vec![delivered], until: Zone::Warehouse, reason: Reason::Marker };
        let new = NewRun { job, started_by: by.to_owned(), story_step: story_step.map(str::to_owned) };
        let calls = [self.engine.uploads_of(day), calls.to_vec()].concat();
        match self.engine.queue(new, claims, calls).await {
            Ok(started) if started.fresh => Ok(Some(MarkerOutcome::Started(started.run_id))),
            // An explicit re-ingestion of the day is under way: it reads the same files.
            Ok(started) => {
                let reason =
                    format!("Duplicate, ignored: {} is being ingested by {} already.", day_path(day), started.run_id);
                self.store.decide(day, marker.generation, Decision::Duplicate, &reason, Some(&started.run_id)).await?;
                Ok(Some(MarkerOutcome::Duplicate))
            }
            Err(error) if error.kind == ErrorKind::Conflict => {
                tracing::info!("{}", error.message);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// An error if the day is of no known customer or dataset.
    async fn check(&self, day: &Day) -> Result<()> {
        check_customer(&day.customer)?;
        check_dataset(&day.dataset)?;
        if !self.store.customers().await?.iter().any(|customer| customer.id == day.customer) {
            return Err(Error::new(ErrorKind::NotFound, format!("There is no customer `{}`.", day.customer)));
        }
        if !self.lake.datasets().contains(&day.dataset) {
            return Err(Error::new(ErrorKind::NotFound, format!("There is no dataset `{}`.", day.dataset)));
        }
        Ok(())
    }

    async fn folders(&self) -> Result<Vec<DayFolder>> {
        Ok(day_folders(self.lake.objects(), &self.lake.names().ingestion).await?)
    }

    async fn folder(&self, day: &Day) -> Result<DayFolder> {
        let folders = self.folders().await?.into_iter();
        let empty = DayFolder { day: day.clone(), files: Vec::new(), marker: None, late: Vec::new() };
        Ok(folders.into_iter().find(|folder| folder.day == *day).unwrap_or(empty))
    }

    /// Takes what waits: its content does not matter, [`Reconciler::reconcile`] reads the buckets.
    async fn pull(&self) -> Result<()> {
        let _alone = self.engine.pulling.lock().await;
        let topics = self.lake.topics();
        loop {
            let messages = topics.pull(NOTIFICATION_SUBSCRIPTION, PullRequest::now(1_000)).await?;
            if messages.is_empty() {
                return Ok(());
            }
            let ids: Vec<String> = messages.into_iter().map(|message| message.ack_id).collect();
            topics.acknowledge(NOTIFICATION_SUBSCRIPTION, &ids).await?;
        }
    }
}

fn nothing_delivered(day: &Day) -> String {
    format!("Refused: the folder {} holds no files. Upload them first, then write end_file.txt again.", day_path(day))
}

fn delivered(folder: &DayFolder) -> DeliveredDay {
    DeliveredDay {
        day: folder.day.clone(),
        generation: folder.marker.as_ref().map_or(0, |marker| marker.generation),
        files: folder
            .files
            .iter()
            .map(|meta| DeliveredFile {
                name: file_name(&meta.key).to_owned(),
                size: meta.size,
                generation: meta.generation,
            })
            .collect(),
    }
}

fn claim(day: &DeliveredDay, again: bool) -> Claim {
    Claim { day: day.day.clone(), generation: day.generation, files: day.files.clone(), again }
}

fn state(folder: &DayFolder, ledger: &[&DeliveryRow]) -> FolderState {
    let taken = ledger
        .iter()
        .rev()
        .find(|row| matches!(row.decision, Decision::Claimed | Decision::Ingested | Decision::Failed));
    let stands = taken.or(ledger.last());
    let late = match taken {
        None => Vec::new(),
        Some(row) => folder
            .files
            .iter()
            .filter(|meta| {
                !row.files.iter().any(|file| file.name == file_name(&meta.key) && file.generation == meta.generation)
            })
            .map(|meta| file_name(&meta.key).to_owned())
            .collect(),
    };
    FolderState {
        day: folder.day.clone(),
        files: folder.files.len() as u64,
        bytes: folder.files.iter().map(|meta| meta.size).sum(),
        marker: folder.marker.as_ref().map(|marker| marker.generation),
        decision: stands.map(|row| row.decision),
        reason: stands.and_then(|row| row.reason.clone()),
        run_id: stands.and_then(|row| row.run_id.clone()),
        late,
        duplicates: ledger.iter().filter(|row| row.decision == Decision::Duplicate).count() as u64,
    }
}

fn file_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}
