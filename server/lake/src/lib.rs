//! The embedded data plane. See ARCHITECTURE.md at the top of the repository.

mod error;
mod lake;
pub mod model;
pub mod ports;

pub use error::{Error, ErrorKind, Result};
pub use lake::*;
