//! Lineage: queries with known answers, and what the lake's own tables are made of.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

mod corpus;
mod jobs;
