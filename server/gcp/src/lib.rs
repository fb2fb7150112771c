//! The lake's ports on Google Cloud, by Google's own clients where they can do it and by plain REST where they cannot
//! (docs/decisions/0016-google-cloud.md). One layer of credentials for all of them, every endpoint configurable, a deadline on every call.

pub mod cloud;
mod config;
mod credentials;
mod datalake;
mod differences;
mod error;
mod objects;
mod rest;
mod retry;
mod topics;
mod warehouse;

pub use config::{Endpoint, Endpoints, GcpConfig, LABEL};
pub use credentials::Access;
pub use datalake::datalake;
pub use differences::{DIFFERENCES, Difference, Proof};
pub use objects::CloudObjects;
pub use rest::{Call, Pace, Rest};
pub use retry::{ATTEMPTS, DEADLINE};
pub use topics::PubSubTopics;
pub use warehouse::{Answer, BigQueryWarehouse, Dataset, Masking, QueryCost, QueryLimits, RowPolicy, WarehouseOptions};
