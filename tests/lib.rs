//! End-to-end tests live in `e2e/`, browser specs in `browser/`, measurements in `bench/`. This is what they share.

pub mod http;
