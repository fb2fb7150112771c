//! Dead letters as they are stored, to be looked at and repaired.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};

use super::identity::Identity;
use super::{DeadLetter, Sinks};
use crate::delta::Table;
use crate::zone::read_columns;
use crate::{Error, ErrorKind, Result};

impl Sinks {
    /// Messages with an error record that nobody has repaired, newest first: of each the newest attempt.
    ///
    /// # Errors
    /// Those of reading the table.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        let open = {
            let errors = self.errors.fresh().await?;
            let rows = self.rows.fresh().await?;
            let mut open = errors.held.open(&rows.held.0);
            open.truncate(limit);
            open
        };
        self.read_letters(open).await
    }

    /// The newest attempt at a message that has an error record, repaired or not.
    ///
    /// # Errors
    /// Those of reading the table.
    pub async fn dead_letter(&self, run_id: &str, seq: u64) -> Result<Option<DeadLetter>> {
        let newest = self.errors.fresh().await?.held.newest(run_id, seq);
        Ok(self.read_letters(newest.into_iter().collect()).await?.pop())
    }

    /// These records, in this order.
    async fn read_letters(&self, wanted: Vec<(Identity, i64)>) -> Result<Vec<DeadLetter>> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let table = self.errors.table.clone();
        let current = table.current().await?;
        let read = move || {
            let mut places: HashMap<Identity, usize> = HashMap::new();
            let mut dates: Vec<Option<NaiveDate>> = Vec::new();
            for (place, (identity, received)) in wanted.into_iter().enumerate() {
                dates.push(DateTime::from_timestamp_micros(received).map(|time| time.date_naive()));
                places.insert(identity, place);
            }
            let mut found: BTreeMap<usize, DeadLetter> = BTreeMap::new();
            let mut files: Vec<_> = current.files.iter().filter(|file| dates.contains(&file.date())).collect();
            files.sort_by_key(|file| std::cmp::Reverse(file.written()));
            for file in files {
                if found.len() == places.len() {
                    break;
                }
                take(&table, &read_columns(&table, file, &table.shape.schema)?, &places, &mut found)?;
            }
            Ok(found.into_values().collect())
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|e| Err(Error::with(ErrorKind::Internal, "Reading error records was cut short.", e)))
    }
}

/// Adds those rows of a file that are wanted.
fn take(
    table: &Arc<Table>,
    rows: &RecordBatch,
    places: &HashMap<Identity, usize>,
    found: &mut BTreeMap<usize, DeadLetter>,
) -> Result<()> {
    let missing = || {
        Error::new(
            ErrorKind::Internal,
            format!("{} does not have the columns that it was made with.", table.full_name()),
        )
    };
    let text = |name: &str| rows.column_by_name(name).and_then(|c| c.as_string_opt::<i32>()).ok_or_else(missing);
    let number =
        |name: &str| rows.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>()).ok_or_else(missing);
    let time = |name: &str| {
        rows.column_by_name(name).and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>()).ok_or_else(missing)
    };
    let (runs, ids, customers) = (text("run_id")?, text("message_id")?, text("customer")?);
    let (payloads, attributes, reasons) = (text("payload_string")?, text("attributes")?, text("error_message")?);
    let (seqs, attempts) = (number("seq")?, number("attempt")?);
    let (received, published) = (time("timestamp")?, time("publish_time")?);
    let at = |micros: i64| -> DateTime<Utc> { DateTime::from_timestamp_micros(micros).unwrap_or_default() };
    for row in 0..rows.num_rows() {
        let identity = Identity {
            run: runs.value(row).to_owned(),
            seq: u64::try_from(seqs.value(row)).unwrap_or_default(),
            attempt: u32::try_from(attempts.value(row)).unwrap_or_default(),
        };
        let Some(place) = places.get(&identity) else { continue };
        let letter = DeadLetter {
            run_id: identity.run,
            seq: identity.seq,
            attempt: identity.attempt,
            message_id: ids.value(row).to_owned(),
            received: at(received.value(row)),
            published: at(published.value(row)),
            customer: if customers.is_valid(row) { customers.value(row).to_owned() } else { String::new() },
            payload: payloads.value(row).to_owned(),
            attributes: serde_json::from_str(attributes.value(row)).unwrap_or_default(),
            reason: reasons.value(row).to_owned(),
        };
        found.insert(*place, letter);
    }
    Ok(())
}
