//! The show on a running server: from the marker button to the chart, the reset, the page under load.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::process::measure;
use crate::{Line, median, text};
use showrunner_tests::http::{self, Outcome};

const ROUNDS: usize = 7;

/// A server and its address. Killed however the measurement ends.
pub struct Server(Child, pub String);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

pub fn serve(binary: &Path, data: &Path) -> Outcome<Server> {
    let mut child = Command::new(binary)
        .args(["serve", "--addr", "127.0.0.1:0", "--data-dir", &text(data)])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let out = child.stdout.take().ok_or("no output")?;
    for line in BufReader::new(out).lines() {
        if let Some(address) = line?.strip_prefix("Showrunner is ready at http://") {
            return Ok(Server(child, address.to_owned()));
        }
    }
    Err("the server did not start".into())
}

/// Seeds a data folder, measures, and resets it.
pub fn run(binary: &Path, work: &Path, lines: &mut Vec<Line>) -> Outcome<()> {
    let data = work.join("data-show");
    let _ = std::fs::remove_dir_all(&data);
    let seed = measure(binary, &["seed", "--data-dir", &text(&data)])?;
    eprintln!("seed: {:.1} s, {} MB", seed.wall, seed.peak / 1_000_000);
    lines.push(Line("seed of 58 days, generating 61, all zones".into(), "–".into(), format!("{:.1} s", seed.wall)));

    let server = serve(binary, &data)?;
    let address = server.1.as_str();
    let (mut chart, mut back) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        http::post(address, "/api/press", "step=2.1")?;
        wait(address, "/?step=2.1", "Waiting for end_file.txt")?;
        let begun = Instant::now();
        http::post(address, "/api/press", "step=2.2")?;
        // The run ends after the warehouse; the report names its last day, so the chart is asked for once and must have it.
        wait(address, "/?step=2.2", "Done in")?;
        wait(address, "/report", "29 Jul 2017")?;
        chart.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        reset(address, "step:2.1")?;
        wait(address, "/?step=2.1", "Upload as customer01")?;
        back.push(begun.elapsed().as_secs_f64());
        eprintln!("round {round}: chart {:.2} s, reset of the step {:.2} s", chart[round], back[round]);
    }
    lines.push(Line(
        "from the marker button to gold, warehouse and chart".into(),
        "median < 1.5 s".into(),
        format!("{:.2} s (median of {ROUNDS})", median(&mut chart)),
    ));
    lines.push(Line(
        "reset back to the step, with certificate".into(),
        "–".into(),
        format!("{:.2} s (median of {ROUNDS})", median(&mut back)),
    ));

    let (p50, p99, failed) = load(address, 100, Duration::from_secs(20));
    lines.push(Line(
        "show page, rendered on the server, 100 requests/s".into(),
        "p99 < 50 ms".into(),
        format!("p50 {p50:.1} ms, p99 {p99:.1} ms, {failed} failed"),
    ));

    let begun = Instant::now();
    reset(address, "all")?;
    wait(address, "/?step=1.1", "nothing yet")?;
    lines.push(Line(
        "reset of everything (58 days), with certificate".into(),
        "< 3 s".into(),
        format!("{:.2} s", begun.elapsed().as_secs_f64()),
    ));
    Ok(())
}

/// Confirms the dry run and waits for the certificate.
fn reset(address: &str, scope: &str) -> Outcome<()> {
    let (_, page) = http::get(address, &format!("/reset?scope={scope}"))?;
    let plan = page
        .split("name=\"plan\"")
        .nth(1)
        .and_then(|rest| rest.split("value=\"").nth(1)?.split('"').next())
        .ok_or("the reset page names no plan")?;
    let (_, answer) = http::post(address, "/api/confirm_reset", &format!("scope={scope}&plan={plan}"))?;
    let place = answer
        .lines()
        .find_map(|l| l.to_ascii_lowercase().starts_with("location:").then(|| l[9..].trim().to_owned()))
        .ok_or("the reset was not accepted")?;
    wait(address, &place, "verified")
}

fn wait(address: &str, path: &str, words: &str) -> Outcome<()> {
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until {
        if http::get(address, path)?.1.contains(words) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("'{words}' did not appear on {path}").into())
}

/// Requests at a fixed rate, whatever the answers take: latency counts from the time a request was due. Returns p50, p99 in ms.
fn load(address: &str, rate: usize, lasting: Duration) -> (f64, f64, usize) {
    let total = rate * lasting.as_secs() as usize;
    let (next, failed, times) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::with_capacity(total)));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= total {
                        break;
                    }
                    let due = begun + Duration::from_secs_f64(i as f64 / rate as f64);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    match http::get(address, "/") {
                        Ok((200, _)) => times
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .push(due.elapsed().as_secs_f64() * 1e3),
                        _ => {
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let mut times = times.into_inner().unwrap_or_default();
    times.sort_by(f64::total_cmp);
    let at = |q: f64| {
        times.get(((times.len() as f64 * q) as usize).min(times.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    };
    (at(0.5), at(0.99), failed.into_inner())
}
