//! Rows as BigQuery Storage Write takes them: Arrow's IPC messages, not more than fit into a request.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, Scalar, StructArray, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::is_not_null;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use showrunner_lake::{Error, ErrorKind, Result};

/// Bytes of rows in a request at most: Google takes 10 MB with everything around them.
const LIMIT: usize = 9_000_000;

/// Rows of one request.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// How many.
    pub rows: usize,
    /// An IPC record batch message.
    pub batch: Bytes,
}

/// The IPC schema message, and the rows in as many parts as are needed, in their order.
pub(crate) fn parts(rows: &RecordBatch, shown: &str) -> Result<(Bytes, Vec<Part>)> {
    split(rows, LIMIT, shown)
}

fn split(rows: &RecordBatch, limit: usize, shown: &str) -> Result<(Bytes, Vec<Part>)> {
    let mut parts = Vec::new();
    let (schema, _) = encoded(&rows.slice(0, 0), shown)?;
    let mut waiting = vec![rows.clone()];
    while let Some(rows) = waiting.pop() {
        let number = rows.num_rows();
        if number == 0 {
            continue;
        }
        let (_, batch) = encoded(&rows, shown)?;
        if batch.len() <= limit {
            parts.push(Part { rows: number, batch });
            continue;
        }
        if number == 1 {
            let message = format!(
                "A row for {shown} has {} bytes; BigQuery takes {limit} at a time. Make it smaller.",
                batch.len()
            );
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        // As many pieces as its size asks for, so that little is encoded twice.
        let pieces = (batch.len() / limit + 1).min(number);
        let each = number.div_ceil(pieces);
        waiting.extend((0..number).step_by(each).rev().map(|from| rows.slice(from, each.min(number - from))));
    }
    Ok((schema, parts))
}

/// The schema's message, and the rows'.
fn encoded(rows: &RecordBatch, shown: &str) -> Result<(Bytes, Bytes)> {
    let failed = |error: ArrowError| {
        Error::with(ErrorKind::Internal, format!("The rows for {shown} could not be written as Arrow: {error}."), error)
    };
    let mut writer = StreamWriter::try_new(Vec::new(), rows.schema_ref()).map_err(failed)?;
    let schema = writer.get_ref().len();
    writer.write(rows).map_err(failed)?;
    let all = Bytes::from(std::mem::take(writer.get_mut()));
    Ok((all.slice(..schema), all.slice(schema..)))
}

/// With NULL lists as empty ones, all the way down: BigQuery's arrays are never NULL.
pub(crate) fn without_null_lists(rows: &RecordBatch, schema: SchemaRef) -> Result<RecordBatch> {
    let columns = rows.columns().iter().map(filled).collect::<std::result::Result<Vec<_>, _>>();
    columns.and_then(|columns| RecordBatch::try_new(schema, columns)).map_err(|error| {
        Error::with(ErrorKind::Internal, format!("The rows' lists could not be filled: {error}."), error)
    })
}

fn filled(array: &ArrayRef) -> std::result::Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::List(field) => {
            let array = if array.null_count() == 0 {
                array.clone()
            } else {
                let values = new_empty_array(field.data_type());
                let empty = ListArray::try_new(field.clone(), OffsetBuffer::from_lengths([0]), values, None)?;
                zip(&is_not_null(array)?, array, &Scalar::new(empty))?
            };
            let Some(list) = array.as_any().downcast_ref::<ListArray>() else { return Ok(array) };
            let values = filled(list.values())?;
            Ok(Arc::new(ListArray::try_new(field.clone(), list.offsets().clone(), values, None)?))
        }
        DataType::Struct(fields) => {
            let Some(all) = array.as_any().downcast_ref::<StructArray>() else { return Ok(array.clone()) };
            let columns = all.columns().iter().map(filled).collect::<std::result::Result<Vec<_>, _>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), columns, all.nulls().cloned())?))
        }
        _ => Ok(array.clone()),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};
    use arrow::ipc::reader::StreamReader;
    use arrow::json::ReaderBuilder;

    use super::*;

    fn read(schema: &Bytes, part: &Part) -> RecordBatch {
        let all = [schema.as_ref(), part.batch.as_ref()].concat();
        let mut batches: Vec<RecordBatch> =
            StreamReader::try_new(all.as_slice(), None).expect("a schema").map(|b| b.expect("a batch")).collect();
        assert_eq!(batches.len(), 1);
        batches.remove(0)
    }

    #[test]
    fn parts_are_small_enough_and_hold_each_row_once_in_order() {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
        let text: Vec<String> = (0..1000).map(|n| "x".repeat(if n == 700 { 3000 } else { n % 90 })).collect();
        let text: ArrayRef = Arc::new(StringArray::from(text));
        let rows = RecordBatch::try_from_iter([("n", numbers), ("s", text)]).expect("rows");
        for (limit, at_least) in [(usize::MAX, 1), (20_000, 3), (5_000, 12)] {
            let (schema, parts) = split(&rows, limit, "d.t").expect("parts");
            assert!(parts.len() >= at_least && parts.iter().all(|part| part.batch.len() <= limit), "{limit}");
            let back: Vec<RecordBatch> = parts.iter().map(|part| read(&schema, part)).collect();
            assert_eq!(arrow::compute::concat_batches(&rows.schema(), &back).expect("rows"), rows);
            assert!(parts.iter().zip(&back).all(|(part, back)| part.rows == back.num_rows()));
        }
        let error = split(&rows, 2_000, "d.t").expect_err("a row of 3000 bytes");
        assert_eq!(error.kind, ErrorKind::TooLarge);
        assert!(parts(&rows.slice(0, 0), "d.t").expect("nothing").1.is_empty());
    }

    #[test]
    fn lists_are_never_null() {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let list = |name: &str, of: DataType| Field::new_list(name, Field::new("element", of, true), true);
        let inner = DataType::Struct(vec![text("a"), list("b", DataType::Int64)].into());
        let schema = Arc::new(Schema::new(vec![list("l", DataType::Utf8), list("s", inner)]));
        let mut decoder = ReaderBuilder::new(schema.clone()).build_decoder().expect("a decoder");
        let lines = r#"{"l":["x"],"s":[{"a":"1","b":null},{"a":null,"b":[7]}]}
{"l":null,"s":null}
{"l":["y",null],"s":[]}"#;
        decoder.decode(lines.as_bytes()).expect("JSON");
        let rows = decoder.flush().expect("rows").expect("rows");
        let full = without_null_lists(&rows.slice(1, 2), schema.clone()).expect("filled");
        assert_eq!((full.column(0).null_count(), full.num_rows()), (0, 2));
        let shown = arrow::util::pretty::pretty_format_batches(&[without_null_lists(&rows, schema).expect("filled")]);
        let shown = shown.expect("a table").to_string();
        for part in ["[{a: 1, b: []}, {a: , b: [7]}]", "| []    | []", "| [y, ] | []"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
