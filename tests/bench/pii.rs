//! The scan for personal data: a wide file of 100 columns and 10,000 rows.

use std::fmt::Write;
use std::path::Path;

use showrunner_tests::http::Outcome;

use crate::Line;
use crate::process::measure;

const COLUMNS: usize = 100;
const ROWS: usize = 10_000;

/// Writes the file and has it scanned.
pub fn run(binary: &Path, work: &Path, lines: &mut Vec<Line>) -> Outcome<()> {
    let path = work.join("wide.csv");
    std::fs::write(&path, wide())?;
    let file = path.to_string_lossy().into_owned();
    let used = measure(binary, &["pii", "--format", "json", &file])?;
    lines.push(Line(
        format!("personal data in {COLUMNS} columns × {ROWS} rows, reading the file included"),
        "< 2 s on two cores".to_owned(),
        format!("{:.2} s, {:.2} s of CPU", used.wall, used.user + used.system),
    ));
    Ok(())
}

/// Ten sorts of columns in turn, nearly all values distinct.
fn wide() -> String {
    const FIRST: [&str; 5] = ["Emma", "Oliver", "Priya", "Tomasz", "Ngozi"];
    const LAST: [&str; 5] = ["Whitfield", "Patel", "Nowak", "Okafor", "Baker"];
    let mut out = (0..COLUMNS).map(|n| format!("col{n}")).collect::<Vec<_>>().join(",");
    let mut state = 42u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..ROWS {
        out.push('\n');
        for column in 0..COLUMNS {
            if column > 0 {
                out.push(',');
            }
            let n = random(1_000_000);
            let (first, last) = (FIRST[(n % 5) as usize], LAST[(n / 5 % 5) as usize]);
            let _ = match column % 10 {
                0 => write!(out, "{first} {last}"),
                1 => write!(out, "{}{n}@example.com", first.to_lowercase()),
                2 => write!(out, "07700 {n:06}"),
                3 => write!(out, "{} {last} Street", n % 200 + 1),
                4 => write!(out, "{}-{:02}-{:02}", 1940 + n % 65, n % 12 + 1, n % 28 + 1),
                5 => write!(out, "GGOE{n:06}"),
                6 => write!(out, "{}.{:02}", n / 100, n % 100),
                7 => write!(out, "7377432489{n:09}"),
                8 => write!(out, "{}.{}.{}.{}", n % 223 + 1, n % 256, n / 256 % 256, n % 254 + 1),
                _ => write!(out, "Asked for the catalogue and a quote call {n}"),
            };
        }
    }
    out
}
