//! The stream: how soon a record is visible, how many a second both subscribers take, what two hundred watching browsers cost.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::measure;
use crate::show::serve;
use crate::{Line, text};
use showrunner_tests::http::{self, Outcome};

/// Browsers that watch at once.
const WATCHING: usize = 200;
/// For so long.
const WATCHED_FOR: Duration = Duration::from_secs(15);

/// Measures on a data folder whose source bucket is filled.
pub fn run(binary: &Path, data: &Path, lines: &mut Vec<Line>) -> Outcome<()> {
    let wanted = "p99 < 1 s";
    for (rate, records, payload, wanted) in [
        ("1", "20", "full", wanted),
        ("1000", "20000", "full", "1,000/s, bounded memory"),
        ("1000", "20000", "flattened", "–"),
    ] {
        let (summary, peak) = stream(binary, data, &["--rate", rate, "--records", records, "--payload", payload])?;
        lines.push(Line(
            format!("{payload} sessions at {rate}/s into both sinks: publish to visible in a query"),
            wanted.into(),
            format!(
                "p50 {} ms, p99 {} ms; {} a second, {} MB",
                whole(&summary["latency_ms"]["p50"]),
                whole(&summary["latency_ms"]["p99"]),
                whole(&summary["records_per_second"]),
                peak / 1_000_000
            ),
        ));
    }
    for (payload, records, wanted) in [("flattened", "300000", "≥ 20,000/s"), ("full", "30000", "≥ 1,000/s")] {
        let (summary, peak) = stream(binary, data, &["--burst", "--records", records, "--payload", payload])?;
        lines.push(Line(
            format!("{payload} sessions as fast as they go, from the first publish until both sinks have {records}"),
            wanted.into(),
            format!("{} a second, {} MB", whole(&summary["records_per_second"]), peak / 1_000_000),
        ));
    }
    watched(binary, data, lines)
}

/// The summary of the command, and its peak memory.
fn stream(binary: &Path, data: &Path, args: &[&str]) -> Outcome<(Value, u64)> {
    let data = text(data);
    let usage = measure(binary, &[&["stream", "--data-dir", data.as_str()], args].concat())?;
    eprintln!("stream {}: {}", args.join(" "), usage.output.split_whitespace().collect::<String>());
    Ok((serde_json::from_str(&usage.output)?, usage.peak))
}

fn whole(value: &Value) -> String {
    format!("{:.0}", value.as_f64().unwrap_or(f64::NAN))
}

/// Frames of the board, as so many browsers get them: how much later than the first one.
fn watched(binary: &Path, data: &Path, lines: &mut Vec<Line>) -> Outcome<()> {
    let server = serve(binary, data)?;
    let address = server.1.as_str();
    let days: Value = serde_json::from_str(body(&http::get(address, "/api/stream")?.1))?;
    let day = days["control"]["Start"]["days"].as_array().and_then(|days| days.last()).and_then(|day| day[0].as_str());
    let day = day.ok_or("there is no day to publish")?;
    let form = format!("day={day}&rate=100&payload=full&dates=original&end=loop");
    http::post(address, "/api/start_stream", &form)?;
    let arrived: Mutex<HashMap<String, Vec<Instant>>> = Mutex::default();
    let until = Instant::now() + WATCHED_FOR;
    std::thread::scope(|scope| {
        for _ in 0..WATCHING {
            scope.spawn(|| watch(address, until, &arrived));
        }
    });
    let page: Value = serde_json::from_str(body(&http::get(address, "/api/stream")?.1))?;
    let rate = page["board"]["tiles"].as_array().and_then(|tiles| tiles.get(1)).map(|tile| tile["value"].to_string());
    http::post(address, "/api/change_stream", "change=stop")?;
    let arrived = arrived.into_inner().unwrap_or_default();
    let mut late = Vec::new();
    let frames = arrived.len();
    for times in arrived.values() {
        if let Some(first) = times.iter().min() {
            late.extend(times.iter().map(|at| at.duration_since(*first).as_secs_f64() * 1e3));
        }
    }
    late.sort_by(f64::total_cmp);
    let p99 = late.get((late.len() as f64 * 0.99) as usize).copied().unwrap_or(f64::NAN);
    lines.push(Line(
        format!("{WATCHING} browsers watch a stream at 100/s: a frame's arrival after the first one's"),
        "p99 < 250 ms".into(),
        format!(
            "p99 {p99:.0} ms over {frames} frames and {} deliveries; {} records a second meanwhile",
            late.len(),
            rate.unwrap_or_default().trim_matches('"')
        ),
    ));
    Ok(())
}

fn body(answer: &str) -> &str {
    // Chunked or not, the JSON is one object.
    let start = answer.find('{').unwrap_or(answer.len());
    let end = answer.rfind('}').map_or(answer.len(), |at| at + 1);
    &answer[start..end]
}

fn watch(address: &str, until: Instant, arrived: &Mutex<HashMap<String, Vec<Instant>>>) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let Ok(cookie) = showrunner_tests::http::session(address, false) else { return };
    let asked =
        format!("GET /events HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\ncookie: {cookie}\r\n\r\n");
    if stream.write_all(asked.as_bytes()).is_err() {
        return;
    }
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    let mut line = String::new();
    while Instant::now() < until {
        line.clear();
        match reader.read_line(&mut line) {
            Ok(0) => return,
            Ok(_) if line.starts_with("data: {\"type\":\"frame\"") => {
                let now = Instant::now();
                let mut arrived = arrived.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                arrived.entry(std::mem::take(&mut line)).or_default().push(now);
            }
            // Other events, and silence.
            _ => {}
        }
    }
}
