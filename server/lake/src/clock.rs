//! The clock, injected wherever time affects a result.

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Tells the time. Tests hand in one that they control.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The machine's clock: the data plane's only place that asks it.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
pub fn system_clock() -> Clock {
    Arc::new(Utc::now)
}
