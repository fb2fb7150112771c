//! `make bench`: measures the released binary and prints the table of docs/performance.md. Ratios are against something measured in the
//! same run, since machines differ and are noisy. Nothing here is a test: it never fails for being slow.

mod pii;
mod process;
mod show;
mod stream;
mod trust;
mod uploads;

use std::path::{Path, PathBuf};
use std::time::Instant;

use process::{Usage, measure};
use showrunner_tests::http::Outcome;

/// What is measured, what it should be, what it is.
struct Line(String, String, String);

fn main() -> Outcome<()> {
    let binary =
        PathBuf::from(std::env::var_os("SHOWRUNNER_BIN").ok_or("SHOWRUNNER_BIN names no binary: run `make bench`")?);
    let work = PathBuf::from(
        std::env::var_os("SHOWRUNNER_BENCH_DIR").ok_or("SHOWRUNNER_BENCH_DIR names no folder: run `make bench`")?,
    );
    let site = std::env::var_os("SHOWRUNNER_SITE_DIR").map(PathBuf::from);
    std::fs::create_dir_all(&work)?;
    let mut lines = Vec::new();

    // `showrunner-bench stream` measures the stream alone.
    if std::env::args().any(|word| word == "stream") {
        let data = work.join("data-stream");
        let _ = std::fs::remove_dir_all(&data);
        measure(&binary, &["seed", "--days", "1", "--data-dir", &text(&data)])?;
        stream::run(&binary, &data, &mut lines)?;
        return print(&lines);
    }

    // `showrunner-bench pii` measures the scan for personal data alone.
    if std::env::args().any(|word| word == "pii") {
        pii::run(&binary, &work, &mut lines)?;
        return print(&lines);
    }

    // `showrunner-bench trust` measures policies, lineage and a crowd alone.
    if std::env::args().any(|word| word == "trust") {
        trust::run(&binary, &work.join("data-trust"), &mut lines)?;
        return print(&lines);
    }

    // `showrunner-bench uploads` measures uploads alone.
    if std::env::args().any(|word| word == "uploads") {
        uploads::run(&binary, &work.join("data-uploads"), &mut lines)?;
        return print(&lines);
    }

    let source = work.join("source");
    let files = day_files(&binary, &source, "2017-06-01", "2017-07-31", "2650")?;
    let gz: u64 = files.iter().map(|f| f.metadata().map(|m| m.len()).unwrap_or(0)).sum();
    eprintln!("source: {} files, {:.0} MB gz", files.len(), gz as f64 / 1e6);

    ingest(&binary, &work, &files, &mut lines)?;
    linear(&binary, &work, &mut lines)?;
    show::run(&binary, &work, &mut lines)?;
    stream::run(&binary, &work.join("data-show"), &mut lines)?;
    pii::run(&binary, &work, &mut lines)?;
    trust::run(&binary, &work.join("data-trust"), &mut lines)?;
    uploads::run(&binary, &work.join("data-uploads"), &mut lines)?;
    client(site.as_deref(), &mut lines);

    print(&lines)
}

fn print(lines: &[Line]) -> Outcome<()> {
    println!("| what | wanted | measured |\n|---|---|---|");
    for Line(what, wanted, measured) in lines {
        println!("| {what} | {wanted} | {measured} |");
    }
    Ok(())
}

/// Generated once, kept for the next run.
fn day_files(binary: &Path, dir: &Path, from: &str, to: &str, per_day: &str) -> Outcome<Vec<PathBuf>> {
    if !dir.join("manifest.json").is_file() {
        eprintln!("generating {from} to {to} ({per_day} sessions a day)");
        let begun = Instant::now();
        measure(
            binary,
            &[
                "generate",
                "--from",
                from,
                "--to",
                to,
                "--seed",
                "42",
                "--sessions-per-day",
                per_day,
                "--out",
                &text(dir),
            ],
        )?;
        eprintln!("generated in {:.1} s", begun.elapsed().as_secs_f64());
    }
    let mut files: Vec<_> = std::fs::read_dir(dir)?
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "gz"))
        .collect();
    files.sort();
    Ok(files)
}

fn ingest(binary: &Path, work: &Path, files: &[PathBuf], lines: &mut Vec<Line>) -> Outcome<()> {
    let names: Vec<String> = files.iter().map(|f| text(f)).collect();
    let data = work.join("data-ingest");
    let (mut ratios, mut bronze, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    let mut peak = 0;
    let mut cores = Vec::new();
    for round in 0..3 {
        let mut arguments = vec!["-dc"];
        arguments.extend(names.iter().map(String::as_str));
        let gzip = measure(Path::new("gzip"), &arguments)?;
        let usage = ingest_until(binary, &data, &names, "bronze")?;
        eprintln!(
            "round {round}: gzip {:.2} s user; bronze {:.2} s user, {:.2} s wall, {} MB",
            gzip.user,
            usage.user,
            usage.wall,
            usage.peak / 1_000_000
        );
        ratios.push(usage.user / gzip.user);
        cores.push((usage.user + usage.system) / usage.wall);
        bronze.push(usage.wall);
        peak = peak.max(usage.peak);
        let whole = ingest_until(binary, &data, &names, "warehouse")?;
        let zones = zone_seconds(&whole.output);
        eprintln!("round {round}: all zones {:.2} s wall, {} MB; zones {zones:?}", whole.wall, whole.peak / 1_000_000);
        rest.push(zones.iter().filter(|(zone, _)| zone != "bronze").map(|(_, s)| s).sum());
    }
    lines.push(Line(
        "bronze, 61 days: user CPU against `gzip -dc` of the same files".into(),
        "≤ 1.6×".into(),
        format!("{:.2}× (median of 3)", median(&mut ratios)),
    ));
    lines.push(Line(
        "bronze, 61 days: wall".into(),
        "–".into(),
        format!("{:.2} s, {:.2} cores busy", median(&mut bronze), median(&mut cores)),
    ));
    lines.push(Line("bronze, 61 days: peak memory".into(), "< 400 MB".into(), format!("{} MB", peak / 1_000_000)));
    lines.push(Line(
        "silver, gold and warehouse, 61 days: wall".into(),
        "< 15 s".into(),
        format!("{:.2} s", median(&mut rest)),
    ));
    Ok(())
}

fn ingest_until(binary: &Path, data: &Path, files: &[String], until: &str) -> Outcome<Usage> {
    let _ = std::fs::remove_dir_all(data);
    let data = text(data);
    let mut arguments =
        vec!["ingest", "--data-dir", &data, "--customer", "customer01", "--dataset", "ga_sessions", "--until", until];
    arguments.extend(files.iter().map(String::as_str));
    measure(binary, &arguments)
}

/// Ten times the days, each a tenth the size would hide a cost for each day; so days are equally small in both.
fn linear(binary: &Path, work: &Path, lines: &mut Vec<Line>) -> Outcome<()> {
    let few = day_files(binary, &work.join("source-61"), "2017-06-01", "2017-07-31", "120")?;
    let many = day_files(binary, &work.join("source-610"), "2016-01-01", "2017-09-01", "120")?;
    let data = work.join("data-linear");
    let mut per_day = Vec::new();
    for files in [&few, &many] {
        let names: Vec<String> = files.iter().map(|f| text(f)).collect();
        let usage = ingest_until(binary, &data, &names, "warehouse")?;
        eprintln!(
            "{} days: {:.2} s user, {:.2} s wall, {} MB",
            files.len(),
            usage.user,
            usage.wall,
            usage.peak / 1_000_000
        );
        per_day.push((usage.user + usage.system) / files.len() as f64);
    }
    lines.push(Line(
        format!("all zones, {} small days against {}: CPU for each day", many.len(), few.len()),
        "1× (linear)".into(),
        format!("{:.2}×", per_day[1] / per_day[0]),
    ));
    let _ = std::fs::remove_dir_all(&data);
    Ok(())
}

fn client(site: Option<&Path>, lines: &mut Vec<Line>) {
    let size = site.and_then(|s| s.join("pkg/showrunner.wasm.br").metadata().ok()).map(|m| m.len());
    lines.push(Line(
        "WebAssembly, brotli".into(),
        "< 350 KB".into(),
        size.map_or("not built".into(), |n| format!("{:.0} KB", n as f64 / 1e3)),
    ));
}

/// The `seconds` object of the summary that `ingest` prints.
fn zone_seconds(output: &str) -> Vec<(String, f64)> {
    let summary: serde_json::Value = serde_json::from_str(output.trim()).unwrap_or_default();
    let seconds = summary["seconds"].as_object().cloned().unwrap_or_default();
    seconds.into_iter().filter_map(|(zone, s)| Some((zone, s.as_f64()?))).collect()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
