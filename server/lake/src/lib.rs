//! The embedded data plane. See ARCHITECTURE.md at the top of the repository.

pub mod clock;
mod error;
pub mod ingestion;
pub mod keys;
mod lake;
pub mod model;
pub mod objects;
pub mod ports;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod topic;

pub use error::{Error, ErrorKind, Result};
pub use lake::*;
