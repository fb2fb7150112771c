//! Trust: the report behind policies, a scan for personal data, a large lineage graph; and a crowd: a hundred presenters' pages at once,
//! ten thousand bad sign-ins.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::process::measure;
use crate::show::serve;
use crate::{Line, median, text};
use showrunner_tests::http::{self, Outcome};

const TABLES: usize = 200;
const COLUMNS: usize = 15;
const PRESENTERS: usize = 100;
const BAD: usize = 10_000;
/// Each asks for another part of the report, so that no answer of before is given again.
const FILTERS: [&str; 6] = [
    "/report",
    "/report?country=Germany",
    "/report?device=mobile",
    "/report?from=2017-06-10&to=2017-07-10",
    "/report?channel=Organic+Search",
    "/report?from=2017-07-01&device=desktop",
];

/// Measures on a new data folder with the whole history.
pub fn run(binary: &Path, data: &Path, lines: &mut Vec<Line>) -> Outcome<()> {
    let _ = std::fs::remove_dir_all(data);
    measure(binary, &["seed", "--data-dir", &text(data)])?;
    let server = serve(binary, data)?;
    let address = server.1.as_str();

    let plain = each(|| times(address, &FILTERS, ""));
    http::post(address, "/api/story_policies", "")?;
    let (mut plain, mut behind) = (plain?, each(|| times(address, &FILTERS, "view_as=analyst-germany"))?);
    let slowest = behind.iter().copied().fold(0.0, f64::max);
    lines.push(Line(
        "report of 61 days behind row and column policies, any filter".into(),
        "< 300 ms".into(),
        format!(
            "median {:.0} ms, slowest {slowest:.0} ms; without policies {:.0} ms",
            median(&mut behind),
            median(&mut plain)
        ),
    ));

    let begun = Instant::now();
    http::post(address, "/api/change_privacy", "change=scan")?;
    lines.push(Line(
        "scan of all tables for personal data, from the press".into(),
        "–".into(),
        format!("{:.2} s", begun.elapsed().as_secs_f64()),
    ));

    let events: Vec<_> = (0..TABLES).map(event).collect();
    let (status, answer) = http::post(address, "/api/v1/lineage", &serde_json::to_string(&events)?)?;
    if status != 201 {
        return Err(format!("lineage of others was not taken: {answer}").into());
    }
    for (what, path) in [
        ("all of it", "/lineage?view=all"),
        ("the path of one column", "/lineage?column=external.bench/table199.column7"),
        ("a search", "/lineage?find=column7"),
    ] {
        let mut took = times(address, &[path; 15], "")?;
        let bytes = http::get(address, path)?.1.len();
        lines.push(Line(
            format!("lineage with {TABLES} tables and {} columns more: {what}", TABLES * COLUMNS),
            "–".into(),
            format!("median {:.0} ms, {} KB", median(&mut took), bytes / 1000),
        ));
    }

    let pages = ["/", "/lake", "/runs", "/report", "/stream"];
    let mut alone = times(address, &pages, "")?;
    let all = Mutex::new(Vec::new());
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for presenter in 0..PRESENTERS {
            let (all, page) = (&all, pages[presenter % pages.len()]);
            scope.spawn(move || {
                let took = times(address, &[page], "").unwrap_or_else(|_| vec![f64::INFINITY]);
                all.lock().map(|mut all| all.extend(took)).unwrap_or_default();
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    let mut all = all.into_inner()?;
    let slowest = all.iter().copied().fold(0.0, f64::max);
    lines.push(Line(
        format!("{PRESENTERS} presenters open a page at once"),
        "–".into(),
        format!(
            "all there after {seconds:.2} s; median {:.0} ms, slowest {slowest:.0} ms; alone {:.0} ms",
            median(&mut all),
            median(&mut alone)
        ),
    ));

    let over = AtomicBool::new(false);
    let (mut waits, mut slowed) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        let bad = scope.spawn(|| {
            let mut slowed = 0;
            for _ in 0..BAD {
                slowed += usize::from(matches!(http::post(address, "/sign-in", "role=root"), Ok((429, _))));
            }
            over.store(true, Ordering::Relaxed);
            slowed
        });
        while !over.load(Ordering::Relaxed) {
            waits.extend(times(address, &["/"], "").unwrap_or_else(|_| vec![f64::INFINITY]));
            std::thread::sleep(Duration::from_millis(20));
        }
        slowed = bad.join().unwrap_or_default();
    });
    let slowest = waits.iter().copied().fold(0.0, f64::max);
    lines.push(Line(
        format!("{BAD} bad sign-ins in a row: the show page meanwhile"),
        "–".into(),
        format!(
            "median {:.0} ms, slowest {slowest:.0} ms of {}; {slowed} were told to wait",
            median(&mut waits),
            waits.len()
        ),
    ));
    Ok(())
}

/// Milliseconds of each answer. An answer that is no page is an error.
fn times(address: &str, paths: &[&str], cookie: &str) -> Outcome<Vec<f64>> {
    let mut times = Vec::new();
    for path in paths {
        let begun = Instant::now();
        let (status, answer) = http::get_with(address, path, cookie)?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        if status != 200 || !answer.contains("<h1") {
            return Err(format!("{path}: {status}").into());
        }
    }
    Ok(times)
}

/// Five rounds of it.
fn each(measured: impl Fn() -> Outcome<Vec<f64>>) -> Outcome<Vec<f64>> {
    let mut all = Vec::new();
    for _ in 0..5 {
        all.extend(measured()?);
    }
    Ok(all)
}

/// A table that another tool makes of one before it, and of one of ours.
fn event(at: usize) -> serde_json::Value {
    let input = match at {
        0 => json!({ "namespace": "bench", "name": "origin" }),
        _ => json!({ "namespace": "bench", "name": format!("table{}", at - 1) }),
    };
    let fields: serde_json::Map<String, serde_json::Value> = (0..COLUMNS)
        .map(|column| {
            let field =
                json!({ "namespace": input["namespace"], "name": input["name"], "field": format!("column{column}") });
            (format!("column{column}"), json!({ "inputFields": [field] }))
        })
        .collect();
    json!({
        "eventType": "COMPLETE", "eventTime": "2017-07-29T10:00:00Z", "producer": "urn:bench",
        "run": { "runId": format!("01890a5d-ac96-774b-bcce-{at:012x}") },
        "job": { "namespace": "bench", "name": format!("job{at}") },
        "inputs": [input],
        "outputs": [{ "namespace": "bench", "name": format!("table{at}"), "facets": { "columnLineage": {
            "_producer": "urn:bench", "_schemaURL": "urn:bench", "fields": fields,
        } } }],
    })
}
