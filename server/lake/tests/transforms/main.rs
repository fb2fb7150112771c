//! Silver and gold from hand-made sessions (`tests/data/ga_sessions_small.ndjson`, which says in its
//! values what each case is), from random mixes of them, and from real rows where they are present.

mod goldens;
mod kpis;
mod properties;
mod support;
