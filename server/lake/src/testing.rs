//! Contract suites: what every back end of a port must do. A back end's test hands in how to make an empty one.
//!
//! The suites panic with the broken rule, as tests do.

mod jobs;
mod objects;
mod serving;
mod topic;
mod warehouse;

pub use jobs::ingest_jobs_contract;
pub use objects::objects_contract;
pub use serving::{Fails, MemoryWarehouse};
pub use topic::{TopicHarness, topic_contract};
pub use warehouse::warehouse_contract;

use crate::ports::WarehouseTable;
use crate::{ErrorKind, Result};

/// The tables of a warehouse that the stream is appended to.
///
/// # Panics
/// When the lake has no serving table.
pub fn stream_tables() -> [WarehouseTable; 2] {
    [crate::stream::rows_table().expect("a serving table"), crate::stream::errors_table()]
}

/// The kind of the error, which must be one.
#[track_caller]
fn kind<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => {
            assert!(error.message.len() > 10, "errors are sentences: {:?}", error.message);
            error.kind
        }
    }
}
