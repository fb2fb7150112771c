//! Uploads: fifty large files at once, and many connections that send nothing, while others look at pages.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::process::{peak_of, resident_of};
use crate::show::serve;
use crate::{Line, median};
use showrunner_tests::http::{self, Outcome};

const FILES: usize = 50;
const BYTES: usize = 100_000_000;
/// Connections that announce a file and send none of it; more than there are places.
const SILENT: usize = 200;

/// Measures on a new data folder.
pub fn run(binary: &Path, data: &Path, lines: &mut Vec<Line>) -> Outcome<()> {
    let _ = std::fs::remove_dir_all(data);
    let server = serve(binary, data)?;
    let address = server.1.as_str();
    http::post(address, "/api/change_customer", "change=create&customer=customer02")?;
    let form = "change=token&customer=customer02&title=bench&days=1";
    let (_, answer) = http::post(address, "/api/change_customer", form)?;
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).ok_or("no address")?;
    let (_, page) = http::get(address, location.trim())?;
    let at = page.find("sru_").ok_or("no token")?;
    let token: String =
        page[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();

    // What pages leave behind is there by now.
    std::thread::sleep(Duration::from_secs(2));
    let status = format!("/proc/{}/status", server.pid());
    let idle = resident_of(&status);
    let begun = Instant::now();
    let mut seconds = 0.0;
    let statuses = Mutex::new(Vec::new());
    let mut waits = during(address, || {
        std::thread::scope(|scope| {
            for file in 0..FILES {
                let (token, statuses) = (&token, &statuses);
                scope.spawn(move || {
                    let status = put(address, token, file, BYTES).unwrap_or(0);
                    statuses.lock().map(|mut all| all.push(status)).unwrap_or_default();
                });
            }
        });
        seconds = begun.elapsed().as_secs_f64();
    });
    let taken = statuses.into_inner()?.iter().filter(|status| **status == 201).count();
    lines.push(Line(
        format!("{FILES} uploads of 100 MB at once: memory above idle"),
        "< 512 MiB".into(),
        format!(
            "{} MiB; {taken} taken in {seconds:.1} s, {:.0} MB/s",
            peak_of(&status).saturating_sub(idle) >> 20,
            (taken * BYTES) as f64 / 1e6 / seconds
        ),
    ));
    lines.push(Line("the same: a page meanwhile".into(), "–".into(), said(&mut waits)));

    let mut silent = Vec::new();
    for file in 0..SILENT {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(head(address, &token, &format!("silent{file}"), BYTES).as_bytes())?;
        silent.push(stream);
    }
    let mut waits = during(address, || std::thread::sleep(Duration::from_secs(5)));
    lines.push(Line(format!("{SILENT} uploads that send nothing: a page meanwhile"), "–".into(), said(&mut waits)));
    drop(silent);
    drop(server);
    let _ = std::fs::remove_dir_all(data);
    Ok(())
}

fn said(waits: &mut [f64]) -> String {
    let slowest = waits.iter().copied().fold(0.0, f64::max);
    format!("median {:.0} ms, slowest {:.0} ms of {}", median(waits) * 1e3, slowest * 1e3, waits.len())
}

/// Seconds that a page took, again and again while `work` is done.
fn during(address: &str, work: impl FnOnce()) -> Vec<f64> {
    let (over, waits) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                if http::get(address, "/runs").is_ok_and(|(status, _)| status == 200)
                    && let Ok(mut all) = waits.lock()
                {
                    all.push(begun.elapsed().as_secs_f64());
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        work();
        over.store(true, Ordering::Relaxed);
    });
    waits.into_inner().unwrap_or_default()
}

fn head(address: &str, token: &str, file: &str, bytes: usize) -> String {
    format!(
        "PUT /upload/customer02/ga_sessions/2017-07-29/{file}.json HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-length: {bytes}\r\nconnection: close\r\n\r\n"
    )
}

fn put(address: &str, token: &str, file: usize, bytes: usize) -> Outcome<u16> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(head(address, token, &format!("file{file}"), bytes).as_bytes())?;
    let piece = vec![b'x'; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let now = left.min(piece.len());
        stream.write_all(&piece[..now])?;
        left -= now;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no HTTP answer")?)
}
