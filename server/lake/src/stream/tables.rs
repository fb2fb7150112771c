//! The tables of the stream.

use crate::Result;
use crate::delta::Table;
use crate::model::Zone;
use crate::ports::WarehouseTable;
use crate::warehouse::serve::serving_table;

/// Rows as streamed, nested: the bronze sink's table.
pub(crate) const BRONZE_TABLE: &str = "ga_sessions_stream";
/// Sessions in the shape of the serving table: the warehouse sink's table.
pub(crate) const ROWS_TABLE: &str = "ga_sessions_stream";
/// Messages that could not be read: Dataflow's name for the dead letters of a table.
pub(crate) const ERRORS_TABLE: &str = "ga_sessions_stream_error_records";

/// The columns that a streamed session has besides those of the serving table.
const ADDED: [(&str, &str); 6] = [
    ("run_id", "STRING"),
    ("seq", "INT64"),
    ("message_id", "STRING"),
    ("publish_time", "TIMESTAMP"),
    ("ingest_time", "TIMESTAMP"),
    ("viewed", "ARRAY<STRING>"),
];

const ERROR_COLUMNS: [(&str, &str); 11] = [
    ("date", "DATE"),
    ("timestamp", "TIMESTAMP"),
    ("run_id", "STRING"),
    ("seq", "INT64"),
    ("attempt", "INT64"),
    ("message_id", "STRING"),
    ("publish_time", "TIMESTAMP"),
    ("customer", "STRING"),
    ("payload_string", "STRING"),
    ("attributes", "JSON"),
    ("error_message", "STRING"),
];

/// Whether the table holds what was streamed, and nothing else.
pub(crate) fn is_stream(table: &Table) -> bool {
    match table.shape.zone {
        Zone::Bronze => table.shape.name == BRONZE_TABLE,
        Zone::Warehouse => title(&table.shape.name).is_some(),
        Zone::Silver | Zone::Gold => false,
    }
}

/// What a table of the warehouse holds, if it is one of the stream's.
pub(crate) fn title(table: &str) -> Option<&'static str> {
    match table {
        ROWS_TABLE => Some("Sessions as streamed, each message a row"),
        ERRORS_TABLE => Some("Messages of the stream that could not be read, with the reason"),
        _ => None,
    }
}

/// The shape of [`ROWS_TABLE`]: the serving table's, and where each row came from.
pub(crate) fn rows_table() -> Result<WarehouseTable> {
    let mut table = serving_table()?;
    ROWS_TABLE.clone_into(&mut table.name);
    table.columns.extend(owned(&ADDED));
    Ok(table)
}

/// The shape of [`ERRORS_TABLE`].
pub(crate) fn errors_table() -> WarehouseTable {
    WarehouseTable {
        name: ERRORS_TABLE.to_owned(),
        columns: owned(&ERROR_COLUMNS),
        partition: "date".to_owned(),
        cluster: Vec::new(),
    }
}

fn owned(columns: &[(&str, &str)]) -> Vec<(String, String)> {
    columns.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
}
