//! Finds columns that hold personal data, and says why it thinks so.
//!
//! A column is judged by several signals: its name, the form of its values (with checksums where there are any), dictionaries, and
//! what the table is about. Each signal gives points for or against an info type; one signal alone never makes a finding very likely.
//! Nothing here knows a lake, a page or a network.

mod checks;
mod context;
mod detect;
mod dictionary;
mod free_text;
mod hints;
mod kinds;
mod mask;
mod model;
mod profile;
mod read;
mod scan;
mod words;

pub use kinds::{InfoType, Likelihood};
pub use mask::mask;
pub use model::{Assessment, Column, Considered, Finding, Settings, Table, TableReport};
pub use read::{ReadError, read_csv, read_csv_bytes};
pub use scan::scan;
