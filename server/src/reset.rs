//! Reset: everything in scope back to how it was, planned, confirmed, executed as a run, verified.

mod certificate;
mod plan;
mod scope;
mod steps;

pub use certificate::{Certificate, CertificateLine};
pub use plan::{PlanItem, ResetPlan, StayItem, found, plan, plan_of, total};
pub use scope::{Before, ResetScope};
pub(crate) use steps::{accept, step};

use crate::AppState;
use crate::error::Result;
use crate::runs::{Job, NewRun};

/// What became of a confirmed reset.
#[derive(Debug, Clone, PartialEq)]
pub enum ResetStart {
    /// A run does it (a new one, or the one that is under way).
    Started(String),
    /// There is nothing in scope: no run was started.
    Nothing,
    /// Things changed since the plan was shown: this is the plan now.
    Changed(Box<ResetPlan>),
}

/// Starts the reset whose plan had this digest (`None`: whatever the plan is now).
pub async fn start(
    state: &AppState,
    scope: ResetScope,
    digest: Option<&str>,
    by: &str,
    story_step: Option<String>,
) -> Result<ResetStart> {
    if let Some(run_id) = state.store.active_reset().await? {
        return Ok(ResetStart::Started(run_id));
    }
    let plan = plan(state, &scope).await?;
    if plan.total() == 0 {
        return Ok(ResetStart::Nothing);
    }
    if digest.is_some_and(|digest| digest != plan.digest) {
        return Ok(ResetStart::Changed(Box::new(plan)));
    }
    let job = Job::Reset { scope, before: plan.before };
    let started = state.engine.start(NewRun { job, started_by: by.to_owned(), story_step }).await?;
    Ok(ResetStart::Started(started.run_id))
}
