//! The subscribers of the stream, over a small lake.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compaction;
mod crash;
mod letters;
mod properties;
mod reset;
mod served;
mod sinks;
mod support;
