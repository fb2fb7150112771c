//! Named points at which a test kills the process: `SHOWRUNNER_KILL_AT=name[:n]` aborts at the n-th time (from 1) that the
//! point is reached. Not in release builds.

/// Ends the process here if this point was asked for.
#[cfg(debug_assertions)]
pub(crate) fn reach(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static WANTED: OnceLock<Option<(String, u32)>> = OnceLock::new();
    static SEEN: AtomicU32 = AtomicU32::new(0);
    let wanted = WANTED.get_or_init(|| {
        let text = crate::config::kill_at()?;
        // The point's own name has one colon; a number behind the last one is the count.
        let counted = text.rsplit_once(':').and_then(|(name, n)| Some((name.to_owned(), n.parse().ok()?)));
        Some(counted.unwrap_or((text, 1)))
    });
    if let Some((at, n)) = wanted
        && at == name
        && SEEN.fetch_add(1, Ordering::SeqCst) + 1 == *n
    {
        eprintln!("killed at {name}");
        std::process::abort();
    }
}

/// Ends the process here if this point was asked for.
#[cfg(not(debug_assertions))]
pub(crate) fn reach(_name: &str) {}
