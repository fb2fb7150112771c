//! Topics and subscriptions: the contract, the semantics against a model, crashes and a failing disk.

mod contract;
mod faults;
mod kill;
mod model;
mod properties;
mod support;
