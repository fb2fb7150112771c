//! What the pages ask of the server: one trait per domain, implemented in `server`, given by context.

use std::sync::Arc;

use async_trait::async_trait;

use crate::wire::*;

/// What a caller wants to do; checked in the first line of every server function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// See pages.
    View,
    /// Press the story's buttons, start, stop and retry runs, upload.
    Present,
    /// Reset.
    Reset,
}

/// The policy choke point.
#[async_trait]
pub trait Policy: Send + Sync {
    /// `Ok` when the person behind the current request may do it.
    async fn authorize(&self, permission: Permission) -> Result<(), WireError>;
}

/// The story and its steps.
#[async_trait]
pub trait Show: Send + Sync {
    /// Bar of every page.
    async fn shell(&self) -> Result<ShellView, WireError>;
    /// The show page with this step, or the current one.
    async fn show(&self, step: Option<String>) -> Result<ShowView, WireError>;
    /// Presses the step's button. Returns where to look next (an address within the site).
    async fn press(&self, step: String) -> Result<String, WireError>;
    /// Ingests a day (`customer/dataset/date`) once more.
    async fn reingest(&self, day: String) -> Result<String, WireError>;
    /// The lake page.
    async fn lake(&self, table: Option<String>) -> Result<LakeView, WireError>;
}

/// Runs.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Newest first.
    async fn runs(&self) -> Result<Vec<RunRow>, WireError>;
    /// One run.
    async fn run(&self, id: String) -> Result<RunView, WireError>;
    /// Asks a run to stop at the next safe point.
    async fn stop_run(&self, id: String) -> Result<String, WireError>;
    /// Runs a failed or stopped run again.
    async fn retry_run(&self, id: String) -> Result<String, WireError>;
}

/// Reports.
#[async_trait]
pub trait Reports: Send + Sync {
    /// The first report.
    async fn report(&self) -> Result<ReportView, WireError>;
}

/// Reset.
#[async_trait]
pub trait Resets: Send + Sync {
    /// Dry run for a scope (`all`, `customer:…`, `step:…`), or the certificate of a run.
    async fn reset(&self, scope: Option<String>, run: Option<String>) -> Result<ResetView, WireError>;
    /// Confirms a dry run by its plan digest. Returns where to look.
    async fn confirm_reset(&self, scope: String, plan: String) -> Result<String, WireError>;
}

/// Everything together, as given by context.
#[derive(Clone)]
pub struct Services {
    /// Policy.
    pub policy: Arc<dyn Policy>,
    /// Show.
    pub show: Arc<dyn Show>,
    /// Runs.
    pub runs: Arc<dyn Runs>,
    /// Reports.
    pub reports: Arc<dyn Reports>,
    /// Reset.
    pub resets: Arc<dyn Resets>,
}
