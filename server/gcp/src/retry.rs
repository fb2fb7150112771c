//! How often and how long Google is asked again: 429 and 5xx where Google says that it is safe, with jitter, and never without end.

use std::time::Duration;

use google_cloud_gax::retry_policy::{Aip194Strict, RetryPolicy, RetryPolicyExt};

use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// Attempts at one call at most.
pub const ATTEMPTS: u32 = 6;
/// One call with all its attempts.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The pauses between attempts.
pub(crate) fn backoff() -> ExponentialBackoff {
    ExponentialBackoffBuilder::new()
        .with_initial_delay(Duration::from_millis(250))
        .with_maximum_delay(Duration::from_secs(8))
        .clamp()
}

/// Retries by AIP-194: what Google says is safe, and calls that may be repeated.
pub(crate) fn policy() -> impl RetryPolicy {
    Aip194Strict.with_time_limit(DEADLINE).with_attempt_limit(ATTEMPTS)
}

/// As [`policy`], for a look that somebody waits for: an address at which nobody answers is a finding, not worth a minute.
pub(crate) fn looking() -> impl RetryPolicy {
    Aip194Strict.with_time_limit(DEADLINE / 6).with_attempt_limit(ATTEMPTS)
}
