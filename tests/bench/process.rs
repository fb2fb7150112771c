//! Runs a program and reads what it used, from /proc (Linux).

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use showrunner_tests::http::Outcome;

/// What a program used.
pub struct Usage {
    /// Seconds of user CPU.
    pub user: f64,
    /// Seconds of system CPU.
    pub system: f64,
    /// Seconds of wall time.
    pub wall: f64,
    /// Peak resident bytes.
    pub peak: u64,
    /// Its standard output.
    pub output: String,
}

/// Runs to the end; an error if it fails.
pub fn measure(program: &Path, arguments: &[&str]) -> Outcome<Usage> {
    let before = children()?;
    let begun = Instant::now();
    let discard = program.ends_with("gzip");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(if discard { Stdio::null() } else { Stdio::piped() })
        .stderr(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    // The output of our programs is short, so that it fits the pipe while nobody reads.
    let ended = loop {
        peak = peak.max(peak_of(&status));
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let wall = begun.elapsed().as_secs_f64();
    let mut output = String::new();
    if let Some(mut out) = child.stdout.take() {
        std::io::Read::read_to_string(&mut out, &mut output)?;
    }
    if !ended.success() {
        return Err(
            format!("{} {} failed ({ended}): {output}", program.display(), arguments.first().unwrap_or(&"")).into()
        );
    }
    let after = children()?;
    Ok(Usage { user: after.0 - before.0, system: after.1 - before.1, wall, peak, output })
}

/// Peak resident bytes of a process, 0 when it is gone. By the path of its `status` in /proc, as below.
pub fn peak_of(status: &str) -> u64 {
    bytes_of(status, "VmHWM:")
}

/// Resident bytes of a process now, 0 when it is gone.
pub fn resident_of(status: &str) -> u64 {
    bytes_of(status, "VmRSS:")
}

fn bytes_of(status: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with(name));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// User and system seconds of all children that have ended: fields 16 and 17 of proc(5)'s stat, in hundredths.
fn children() -> Outcome<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> =
        stat.rsplit_once(')').ok_or("/proc/self/stat is not as expected")?.1.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
    Ok((ticks(13), ticks(14)))
}
