//! Rows of a REST answer as Arrow batches.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use showrunner_lake::{Error, ErrorKind, Result};

use super::types::Kind;

/// Columns of a query's answer: names and types, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns(Vec<(String, Kind)>);

impl Columns {
    /// From the `schema` of an answer; statements without rows have none.
    pub(super) fn of(schema: Option<&Value>) -> Result<Columns> {
        let fields = schema.and_then(|schema| schema.get("fields")).and_then(Value::as_array);
        Ok(Columns(fields.into_iter().flatten().map(Kind::of_rest).collect::<Result<_>>()?))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.0.iter().map(|(name, kind)| Field::new(name, kind.arrow(), true)).collect::<Vec<_>>(),
        ))
    }

    /// The rows as Arrow's columns.
    pub(super) fn batches(&self, rows: &[Value]) -> Result<Vec<RecordBatch>> {
        if self.is_empty() || rows.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |error: arrow::error::ArrowError| {
            Error::with(ErrorKind::Internal, format!("BigQuery's rows do not fit their schema: {error}."), error)
        };
        let mut decoder =
            ReaderBuilder::new(self.schema()).with_batch_size(rows.len()).build_decoder().map_err(failed)?;
        let objects = rows.iter().map(|row| object(&self.0, row)).collect::<Result<Vec<_>>>()?;
        decoder.serialize(&objects).map_err(failed)?;
        Ok(decoder.flush().map_err(failed)?.into_iter().collect())
    }
}

fn strange(what: &Value) -> Error {
    let text: String = what.to_string().chars().take(80).collect();
    Error::new(ErrorKind::Internal, format!("BigQuery answered with {text} where its schema says something else."))
}

/// A row or a STRUCT: `{"f": [{"v": …}, …]}`.
fn object(fields: &[(String, Kind)], row: &Value) -> Result<Value> {
    let cells = row
        .get("f")
        .and_then(Value::as_array)
        .filter(|cells| cells.len() == fields.len())
        .ok_or_else(|| strange(row))?;
    let values = fields
        .iter()
        .zip(cells)
        .map(|((name, kind), cell)| Ok((name.clone(), value(kind, cell.get("v").unwrap_or(&Value::Null))?)));
    Ok(Value::Object(values.collect::<Result<Map<_, _>>>()?))
}

/// A cell in the spelling of Arrow's JSON reader, which takes numbers, decimals and dates as the strings that BigQuery sends.
fn value(kind: &Kind, cell: &Value) -> Result<Value> {
    if let Kind::Array(item) = kind {
        let items = cell.as_array().map(Vec::as_slice).unwrap_or_default(); // a NULL array is an empty one
        return Ok(Value::Array(
            items.iter().map(|cell| value(item, cell.get("v").unwrap_or(&Value::Null))).collect::<Result<_>>()?,
        ));
    }
    if cell.is_null() {
        return Ok(Value::Null);
    }
    let text = || cell.as_str().ok_or_else(|| strange(cell));
    match kind {
        Kind::Struct(fields) => object(fields, cell),
        Kind::Scalar { sql: "BOOL", .. } => text()?.parse().map(Value::Bool).map_err(|_| strange(cell)),
        // Asked for as microseconds since the epoch.
        Kind::Scalar { sql: "TIMESTAMP", .. } => text()?.parse::<i64>().map(Value::from).map_err(|_| strange(cell)),
        Kind::Scalar { sql: "BYTES", .. } => {
            let bytes = STANDARD.decode(text()?).map_err(|_| strange(cell))?;
            Ok(Value::String(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
        }
        _ => Ok(Value::from(text()?)),
    }
}

#[cfg(test)]
mod tests {
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_type_arrives() {
        let field = |name: &str, kind: &str| Kind::parse(kind).expect(kind).to_rest(name);
        let schema = json!({"fields": [
            field("s", "STRING"), field("i", "INT64"), field("f", "FLOAT64"), field("b", "BOOL"), field("d", "DATE"),
            field("t", "TIMESTAMP"), field("n", "NUMERIC"), field("m", "NUMERIC(10, 2)"), field("y", "BYTES"), field("big", "BIGNUMERIC"),
            field("st", "STRUCT<a INT64, b ARRAY<STRING>>"), field("ar", "ARRAY<STRUCT<x BOOL>>"),
        ]});
        let columns = Columns::of(Some(&schema)).expect("a schema");
        let v = |value: Value| json!({"v": value});
        let row = json!({"f": [
            v(json!("x")), v(json!("-7")), v(json!("NaN")), v(json!("true")), v(json!("2017-07-01")), v(json!("1498867200000001")),
            v(json!("12.500000001")), v(json!("3.14")), v(json!("YWJj")), v(json!("1e40")),
            v(json!({"f": [{"v": "1"}, {"v": [{"v": "p"}, {"v": "q"}]}]})),
            v(json!([{"v": {"f": [{"v": "false"}]}}])),
        ]});
        let nothing =
            json!({"f": (0..12).map(|n| v(if n == 11 { json!([]) } else { Value::Null })).collect::<Vec<_>>()});
        let batches = columns.batches(&[row, nothing]).expect("rows");
        let [batch] = batches.as_slice() else { panic!("{batches:?}") };
        let shown = |row: usize| -> Vec<String> {
            let options = FormatOptions::default().with_null("-");
            batch
                .columns()
                .iter()
                .map(|c| ArrayFormatter::try_new(c, &options).expect("shown").value(row).to_string())
                .collect()
        };
        assert_eq!(
            shown(0),
            [
                "x",
                "-7",
                "NaN",
                "true",
                "2017-07-01",
                "2017-07-01T00:00:00.000001Z",
                "12.500000001",
                "3.14",
                "616263",
                "1e40",
                "{a: 1, b: [p, q]}",
                "[{x: false}]"
            ]
        );
        assert_eq!(shown(1), ["-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "[]"]);
        assert!(columns.batches(&[json!({"f": [{"v": "x"}]})]).is_err(), "a row of other columns");
        assert!(Columns::of(None).expect("no schema").is_empty());
    }
}
