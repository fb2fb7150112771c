//! End-to-end tests live in `e2e/`, browser specs in `browser/`, measurements in `bench/`. This is what they share.

use std::io::Write;
use std::path::{Path, PathBuf};

pub mod discovery;
pub mod http;

/// Says that a test was left out and why, past the runner's capture, which swallows `println!` of a test that passes.
pub fn left_out(test: &str, why: &str) {
    let _ = std::io::stderr().write_all(format!("left out: {test}: {why}\n").as_bytes());
}

/// The debug binary: `SHOWRUNNER_BIN`, or `debug/showrunner` in the target folder. `None`, said to be left out, where it is not built.
pub fn binary(test: &str) -> Option<PathBuf> {
    let found = match std::env::var_os("SHOWRUNNER_BIN") {
        Some(path) => PathBuf::from(path),
        None => {
            let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
            let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"));
            target.join("debug/showrunner")
        }
    };
    if found.is_file() {
        return Some(found);
    }
    left_out(test, "no binary; `make test` builds it");
    None
}
