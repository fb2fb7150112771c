//! The facade as the server uses it, on small generated days.

mod browse;
mod console;
mod defined;
mod elsewhere;
mod enforced;
mod jobs_contract;
mod pipeline;
mod query;
mod reset;
mod support;
mod warehouse_contract;
