//! What a reset covers, and what it must leave as it was.

use serde::{Deserialize, Serialize};
use showrunner_lake::model::{Day, Scope};

use crate::store::{CustomerRow, RunRow, ShowStepRow, StreamRow};

/// What a reset covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetScope {
    /// Every customer's data.
    All,
    /// One customer's data.
    Customer(String),
    /// All days of a dataset.
    Dataset(String),
    /// Back to before a step of a story.
    Step {
        /// Story id.
        story: String,
        /// The step that is pressed next afterwards.
        step: String,
        /// The days of this step and those behind it.
        days: Vec<Day>,
        /// This step and those behind it.
        steps: Vec<String>,
    },
}

impl ResetScope {
    /// `all`, `customer:customer01`, `dataset:hires`, `step:2.1`
    pub fn value(&self) -> String {
        match self {
            ResetScope::All => "all".to_owned(),
            ResetScope::Customer(id) => format!("customer:{id}"),
            ResetScope::Dataset(name) => format!("dataset:{name}"),
            ResetScope::Step { step, .. } => format!("step:{step}"),
        }
    }

    /// Behind the word 'Reset'.
    pub fn title(&self) -> String {
        match self {
            ResetScope::All => "everything".to_owned(),
            ResetScope::Customer(id) | ResetScope::Dataset(id) => id.clone(),
            ResetScope::Step { step, .. } => format!("back to step {step}"),
        }
    }

    /// In the data plane's terms. Back to a step, the stream goes as a whole: its records have days of their own.
    pub(super) fn of_lake(&self) -> Vec<Scope> {
        match self {
            ResetScope::All => vec![Scope::All],
            ResetScope::Customer(id) => vec![Scope::Customer(id.clone())],
            ResetScope::Dataset(name) => vec![Scope::Dataset(name.clone())],
            ResetScope::Step { days, .. } => vec![Scope::Days(days.clone()), Scope::Stream],
        }
    }

    /// Whether a stream is of this scope.
    pub(super) fn has_stream(&self, stream: &StreamRow) -> bool {
        match self {
            ResetScope::Customer(id) => stream.customer == *id,
            // What is streamed is of the dataset that is built in.
            ResetScope::Dataset(_) => false,
            ResetScope::All | ResetScope::Step { .. } => true,
        }
    }

    pub(super) fn has_day(&self, day: &Day) -> bool {
        match self {
            ResetScope::All => true,
            ResetScope::Customer(id) => day.customer == *id,
            ResetScope::Dataset(name) => day.dataset == *name,
            ResetScope::Step { days, .. } => days.contains(day),
        }
    }

    /// Whether a run is of this scope: by its customer, its days, or the step that started it.
    pub(super) fn has_run(&self, run: &RunRow, days: &[Day]) -> bool {
        match self {
            ResetScope::All => true,
            ResetScope::Customer(id) => run.customer.as_ref() == Some(id) || days.iter().any(|day| day.customer == *id),
            ResetScope::Dataset(name) => days.iter().any(|day| day.dataset == *name),
            ResetScope::Step { steps, .. } => {
                run.story_step.as_ref().is_some_and(|step| steps.contains(step))
                    || (!days.is_empty() && days.iter().all(|day| self.has_day(day)))
            }
        }
    }

    /// Whether a pressed step of a story is of this scope. `touched` are the stories of which a step ran for the customer.
    pub(super) fn has_step(&self, pressed: &ShowStepRow, touched: &[String]) -> bool {
        match self {
            ResetScope::All => true,
            ResetScope::Customer(_) | ResetScope::Dataset(_) => touched.contains(&pressed.story),
            ResetScope::Step { story, steps, .. } => pressed.story == *story && steps.contains(&pressed.step),
        }
    }
}

/// What a reset must not change, taken before it began: a resumed reset still compares with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Checksum over the source bucket.
    pub source: String,
    /// Objects in it.
    pub source_objects: u64,
    /// Checksum over all schemas.
    pub schemas: String,
    /// Name and value.
    pub settings: Vec<(String, String)>,
    /// Checksum over all policies; runs of earlier versions have none.
    #[serde(default)]
    pub policies: Option<String>,
    /// Customers.
    pub customers: Vec<CustomerRow>,
    /// What was in scope, by place: objects, partitions, runs.
    pub counts: Vec<(String, u64)>,
}
