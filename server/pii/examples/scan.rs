//! `cargo run --example scan FILE…`: every finding of a file with its reasons, for those who work on the detectors.

use std::path::Path;

use showrunner_pii::{Settings, read_csv, scan};

fn main() {
    for path in std::env::args().skip(1) {
        match read_csv(Path::new(&path)) {
            Err(error) => println!("{error}"),
            Ok(table) => {
                let report = scan(&table, Settings::default());
                println!("{path}: {}", report.about);
                for column in report.columns {
                    if let Some(finding) = column.finding {
                        println!(
                            "  {} {} {} {:.2}",
                            column.column, finding.info_type, finding.likelihood, finding.hit_rate
                        );
                        println!("    + {}", finding.evidence_for.join(" "));
                        println!("    - {}", finding.evidence_against.join(" "));
                    } else {
                        println!("  {} -", column.column);
                        for other in column.considered.iter().take(2) {
                            println!("    {} {}: {}", other.info_type, other.likelihood, other.reason);
                        }
                    }
                }
            }
        }
    }
}
