//! Topics and subscriptions: the contract, the semantics against a model, crashes and a failing disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

mod contract;
mod faults;
mod kill;
mod model;
mod properties;
mod support;
