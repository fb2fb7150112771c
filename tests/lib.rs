//! End-to-end tests live in `e2e/`, browser specs in `browser/`, measurements in `bench/`. This is what they share.

use std::io::Write;

pub mod http;

/// Says that a test was left out and why, past the runner's capture, which swallows `println!` of a test that passes.
pub fn left_out(test: &str, why: &str) {
    let _ = std::io::stderr().write_all(format!("left out: {test}: {why}\n").as_bytes());
}
