//! Runs: what every button starts. Durable, resumable, one after another.

mod control;
mod engine;
mod ingest;
mod job;
mod outcome;
mod seed;
mod step;
mod upload;
mod words;

pub use control::LiveProgress;
pub use engine::{Engine, EngineConfig, NewRun, Started};
pub use job::{DeliveredDay, Job, Reason};
pub(crate) use job::{counted, fingerprint};
pub use outcome::{BronzeStep, CopyOutcome, DeliverOutcome, ListOutcome, SourceOutcome, Summary};
pub(crate) use seed::SourceManifest;
pub(crate) use step::{Step, StepEnd};
