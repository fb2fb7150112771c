//! The subscribers of the stream, over a small lake.

mod compaction;
mod crash;
mod letters;
mod properties;
mod reset;
mod sinks;
mod support;
