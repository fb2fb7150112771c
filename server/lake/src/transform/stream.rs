//! Sessions of a stream: silver's own statement, asked which row each of its rows came from.

use arrow::array::{AsArray, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{Expr, Ident, SelectItem, SetExpr, Statement as SqlStatement};

use super::bronze::ROW;
use super::session::Prepared;
use crate::{Error, ErrorKind, Result};

/// What the statement is for.
pub(super) const TITLE: &str = "One row for each session of a stream, as silver computes it";
/// The relation of the statement whose rows are numbered.
const NUMBERED: &str = "d";

/// The statement with the number of the row in its projection, and without an order, since the number is one.
pub(super) fn numbered(sql: &str) -> Result<String> {
    let unusable = || Error::new(ErrorKind::Internal, "sessions.sql must be one SELECT that calls its rows `d`.");
    let mut statements = DFParser::parse_sql(sql)
        .map_err(|error| Error::with(ErrorKind::Internal, "sessions.sql cannot be parsed.", error))?;
    let Some(Statement::Statement(statement)) = statements.pop_front() else { return Err(unusable()) };
    let SqlStatement::Query(mut query) = *statement else { return Err(unusable()) };
    query.order_by = None;
    let SetExpr::Select(select) = query.body.as_mut() else { return Err(unusable()) };
    let number = Expr::CompoundIdentifier(vec![Ident::new(NUMBERED), Ident::new(ROW)]);
    select.projection.push(SelectItem::UnnamedExpr(number));
    Ok(query.to_string())
}

/// The rows of the statement in the order of the rows that they came from, without their number.
pub(super) fn in_order(rows: &[RecordBatch], statement: &Prepared, expected: usize) -> Result<RecordBatch> {
    let failed = |error| Error::with(ErrorKind::Internal, "The sessions of a stream could not be put in order.", error);
    let schema: &SchemaRef = statement.schema();
    let all = concat_batches(schema, rows).map_err(failed)?;
    let number = schema.index_of(ROW).map_err(failed)?;
    let numbers = all.column(number).as_primitive::<Int64Type>();
    let mut places = vec![u64::MAX; expected];
    for (place, number) in numbers.values().iter().enumerate() {
        if let Some(slot) = usize::try_from(*number).ok().and_then(|number| places.get_mut(number)) {
            *slot = place as u64;
        }
    }
    if all.num_rows() != expected || places.contains(&u64::MAX) {
        return Err(Error::new(
            ErrorKind::Internal,
            format!("sessions.sql gave {} rows for {expected} sessions of a stream.", all.num_rows()),
        ));
    }
    let columns: Vec<usize> = (0..schema.fields().len()).filter(|column| *column != number).collect();
    let all = all.project(&columns).map_err(failed)?;
    if places.iter().enumerate().all(|(row, place)| row as u64 == *place) {
        return Ok(all);
    }
    take_record_batch(&all, &UInt64Array::from(places)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_the_last_column_and_nothing_is_ordered() {
        let sql = "-- title: T\nSELECT d.a AS b FROM day_sessions d ORDER BY b";
        assert_eq!(numbered(sql).unwrap(), "SELECT d.a AS b, d._row FROM day_sessions d");
        for bad in ["SELECT 1 UNION SELECT 2", "DROP TABLE t", "SELEC"] {
            assert_eq!(numbered(bad).unwrap_err().kind, ErrorKind::Internal, "{bad}");
        }
    }
}
