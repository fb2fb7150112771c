//! Policies, from outside: what an identity gets by any way in, and what it never gets.

mod browse;
mod lasting;
mod leaks;
mod masks;
mod rows;
mod statements;
#[path = "../lake/support.rs"]
#[expect(dead_code, reason = "shared with another target, which uses the rest")]
mod support;
mod world;
