//! Silver and gold from hand-made sessions (`tests/data/ga_sessions_small.ndjson`, which says in its
//! values what each case is), from random mixes of them, and from real rows where they are present.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

mod goldens;
mod kpis;
mod properties;
mod stream;
mod support;
