//! The embedded data plane. See ARCHITECTURE.md at the top of the repository.

mod bronze;
pub mod browse;
pub mod calls;
pub mod clock;
mod datasets;
pub mod defined;
mod delta;
mod error;
mod gold;
pub mod google;
pub mod ingestion;
pub mod keys;
mod lake;
pub mod lineage;
pub mod model;
pub mod objects;
pub mod policy;
pub mod ports;
mod purge;
mod query;
pub mod replay;
mod resident;
mod silver;
pub mod stream;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod topic;
pub mod transform;
pub mod warehouse;
mod zone;

pub use error::{Error, ErrorKind, Position, Result};
pub use lake::*;
pub use policy::Identity;
pub use query::{Cost, ScanCost};
