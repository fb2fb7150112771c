//! What a sample file says of a data set: its format, its columns and their types.

mod node;
mod tally;

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::Array;
use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use flate2::read::MultiGzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::csv;
use crate::error::ErrorKind;
use crate::lines::RowsError;
use crate::schema::{FieldSchema, FieldType, Mode};
use crate::sniff::{BOM, Compression, Format, sniff, sniff_content, strip_gz};
use node::Node;
use tally::Tally;

/// Bytes of a sample that are looked at, packed and unpacked.
pub const SAMPLE_LIMIT: usize = 16 << 20;
/// Rows that are looked at.
const ROWS: usize = 20_000;
/// Columns of a data set.
const COLUMNS: usize = 500;

/// What was found in a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    /// How rows are written.
    pub format: Format,
    /// Rows that were looked at.
    pub rows: u64,
    /// Top-level columns in the order in which they first came.
    pub columns: Vec<InferredColumn>,
}

/// What was found in a column of a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct InferredColumn {
    /// Its name as delivered, its type, its mode.
    pub field: FieldSchema,
    /// Values that are there.
    pub filled: u64,
    /// Different ones.
    pub distinct: u64,
    /// Values of another type than the column's: rows with them would be held back.
    pub misfits: u64,
    /// Some of the values, each once, in the order in which they came.
    pub values: Vec<String>,
    /// Whether practically all values are dates or instants of one and the same day.
    pub one_day: bool,
}

/// Reads a sample.
///
/// # Errors
/// What is wrong with the file, as the reader of deliveries says it.
pub fn infer(name: &str, bytes: &[u8]) -> Result<Inferred, ErrorKind> {
    let (_, compression) = sniff(name, &bytes[..bytes.len().min(4096)])?;
    let (name, unpacked) = match compression {
        Compression::None => (name.to_owned(), bytes.to_vec()),
        Compression::Gzip => (strip_gz(name).to_owned(), limited(MultiGzDecoder::new(bytes))?),
        Compression::Zip => first_entry(bytes)?,
    };
    let inferred = match sniff_content(&name, &unpacked)? {
        Format::Csv => of_csv(&unpacked)?,
        Format::NdJson => of_lines(&unpacked)?,
        Format::JsonArray => of_array(&unpacked)?,
        Format::Parquet => catch_unwind(AssertUnwindSafe(|| of_parquet(unpacked)))
            .unwrap_or_else(|_| Err(ErrorKind::Corrupt("its Parquet pages cannot be read".to_owned())))?,
    };
    if inferred.rows == 0 || inferred.columns.is_empty() {
        return Err(ErrorKind::Empty);
    }
    if inferred.columns.len() > COLUMNS {
        return Err(ErrorKind::Columns(format!("{} columns, more than {COLUMNS}", inferred.columns.len())));
    }
    Ok(inferred)
}

/// As much as is looked at.
fn limited(reader: impl Read) -> Result<Vec<u8>, ErrorKind> {
    let mut bytes = Vec::new();
    reader.take(SAMPLE_LIMIT as u64).read_to_end(&mut bytes).map_err(|e| ErrorKind::Corrupt(e.to_string()))?;
    Ok(bytes)
}

fn first_entry(bytes: &[u8]) -> Result<(String, Vec<u8>), ErrorKind> {
    let broken = |e: zip::result::ZipError| ErrorKind::Corrupt(e.to_string());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(broken)?;
        if entry.is_file() && !entry.name().starts_with("__MACOSX/") {
            return Ok((entry.name().to_owned(), limited(entry)?));
        }
    }
    Err(ErrorKind::Empty)
}

fn of_csv(text: &[u8]) -> Result<Inferred, ErrorKind> {
    let (header, rows) = csv::cells(text, ROWS).map_err(|error| match error {
        RowsError::Io(error) => ErrorKind::Corrupt(error.to_string()),
        RowsError::File(kind) => kind,
    })?;
    if let [only] = header.as_slice()
        && let Some(separator) = [';', '\t', '|'].into_iter().find(|c| only.contains(*c))
    {
        let name = if separator == '\t' { "tabs".to_owned() } else { format!("'{separator}'") };
        return Err(ErrorKind::Columns(format!("the cells are separated by {name}: commas are expected")));
    }
    if let Some(twice) = header.iter().enumerate().find(|(at, name)| header[..*at].contains(name)) {
        return Err(ErrorKind::Columns(format!("'{}' is there twice", twice.1)));
    }
    let mut columns: Vec<Tally> = header.iter().map(|_| Tally::default()).collect();
    for row in &rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            if let Some(text) = cell {
                column.text(text);
            }
        }
    }
    let columns = header.iter().zip(columns).map(|(name, tally)| tally.column(name)).collect();
    Ok(Inferred { format: Format::Csv, rows: rows.len() as u64, columns })
}

fn of_lines(text: &[u8]) -> Result<Inferred, ErrorKind> {
    let text = text.strip_prefix(BOM).unwrap_or(text);
    // The last line of a sample that was cut is none.
    let whole =
        if text.len() < SAMPLE_LIMIT { text } else { &text[..text.iter().rposition(|b| *b == b'\n').unwrap_or(0)] };
    let (mut rows, mut fault) = (Vec::new(), None);
    for line in whole.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(ROWS) {
        match serde_json::from_slice(line) {
            Ok(node @ Node::Record(_)) => rows.push(node),
            Ok(_) => fault = Some("a line is no JSON object".to_owned()),
            Err(error) => fault = Some(error.to_string()),
        }
    }
    match (rows.is_empty(), fault) {
        (true, Some(fault)) => Err(ErrorKind::Corrupt(format!("no line is a JSON object ({fault})"))),
        _ => Ok(of_nodes(Format::NdJson, &rows)),
    }
}

fn of_array(text: &[u8]) -> Result<Inferred, ErrorKind> {
    if text.len() >= SAMPLE_LIMIT {
        return Err(ErrorKind::TooLarge(format!("a sample takes up to {} MB", SAMPLE_LIMIT >> 20)));
    }
    let text = text.strip_prefix(BOM).unwrap_or(text);
    let rows: Vec<Node> = serde_json::from_slice(text).map_err(|e| ErrorKind::Corrupt(e.to_string()))?;
    Ok(of_nodes(Format::JsonArray, &rows[..rows.len().min(ROWS)]))
}

fn of_nodes(format: Format, rows: &[Node]) -> Inferred {
    let mut all = Tally::default();
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if let Node::Record(fields) = row {
            for (name, value) in fields {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
                all.child(name).node(value);
            }
        }
    }
    let columns = names.into_iter().map(|name| std::mem::take(all.child(name)).column(name)).collect();
    Inferred { format, rows: rows.len() as u64, columns }
}

fn of_parquet(bytes: Vec<u8>) -> Result<Inferred, ErrorKind> {
    let corrupt = |e: &dyn std::fmt::Display| ErrorKind::Corrupt(e.to_string());
    let bytes = bytes::Bytes::from(bytes);
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| corrupt(&e))?;
    let schema = builder.schema().clone();
    let fields = schema.fields().iter().map(|field| of_arrow(field, field.name())).collect::<Result<Vec<_>, _>>()?;
    let mut tallies: Vec<Tally> = fields.iter().map(|_| Tally::default()).collect();
    let mut rows = 0;
    for batch in builder.with_batch_size(4096).build().map_err(|e| corrupt(&e))? {
        let batch = batch.map_err(|e| corrupt(&e))?;
        rows += batch.num_rows() as u64;
        for (tally, column) in tallies.iter_mut().zip(batch.columns()).filter(|(_, c)| !c.data_type().is_nested()) {
            let format = ArrayFormatter::try_new(column, &FormatOptions::default()).map_err(|e| corrupt(&e))?;
            (0..column.len()).filter(|row| column.is_valid(*row)).for_each(|row| {
                tally.text(&format.value(row).to_string());
            });
        }
        if rows as usize >= ROWS {
            break;
        }
    }
    // The file says what its columns are: of the values only how many there are is counted.
    let column = |(field, tally): (FieldSchema, Tally)| {
        let counted = tally.column(&field.name);
        InferredColumn { field, misfits: 0, ..counted }
    };
    Ok(Inferred { format: Format::Parquet, rows, columns: fields.into_iter().zip(tallies).map(column).collect() })
}

/// The field that reads an Arrow column.
fn of_arrow(field: &Field, path: &str) -> Result<FieldSchema, ErrorKind> {
    let scalar =
        |field_type| FieldSchema { name: field.name().clone(), field_type, mode: Mode::Nullable, fields: Vec::new() };
    Ok(match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => scalar(FieldType::String),
        DataType::Boolean => scalar(FieldType::Boolean),
        DataType::Date32 | DataType::Date64 => scalar(FieldType::Date),
        DataType::Timestamp(..) => scalar(FieldType::Timestamp),
        DataType::Dictionary(_, value) => of_arrow(&Field::new(field.name(), value.as_ref().clone(), true), path)?,
        number if number.is_integer() => scalar(FieldType::Integer),
        number if number.is_floating() => scalar(FieldType::Float),
        DataType::Struct(fields) => FieldSchema {
            fields: fields.iter().map(|f| of_arrow(f, &format!("{path}.{}", f.name()))).collect::<Result<_, _>>()?,
            ..scalar(FieldType::Record)
        },
        DataType::List(item) | DataType::LargeList(item) => {
            let item = of_arrow(&Field::new(field.name(), item.data_type().clone(), true), path)?;
            FieldSchema { mode: Mode::Repeated, ..item }
        }
        other => {
            return Err(ErrorKind::Columns(format!("'{path}' is {other}, which no column of a data set can be")));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(inferred: &Inferred) -> Vec<(&str, FieldType, Mode)> {
        inferred.columns.iter().map(|c| (c.field.name.as_str(), c.field.field_type, c.field.mode)).collect()
    }

    #[test]
    fn a_csv_says_what_its_columns_are() {
        let text = "id,when,day,price,open,code,note,gone\n\
                    1,2017-07-29 10:00:00 UTC,2017-07-29,1.5,true,007,a,\n\
                    2,2017-07-29T11:00:00Z,2017-07-29,2,false,008,\"b, c\",\n";
        let inferred = infer("sample.csv", text.as_bytes()).unwrap();
        assert_eq!((inferred.format, inferred.rows), (Format::Csv, 2));
        use FieldType as T;
        let expected = [
            ("id", T::Integer),
            ("when", T::Timestamp),
            ("day", T::Date),
            ("price", T::Float),
            ("open", T::Boolean),
            // A leading zero would be lost.
            ("code", T::String),
            ("note", T::String),
            ("gone", T::String),
        ];
        assert_eq!(types(&inferred), expected.map(|(name, t)| (name, t, Mode::Nullable)));
        let when = &inferred.columns[1];
        assert!(when.one_day && !inferred.columns[0].one_day);
        assert_eq!((when.filled, when.distinct, inferred.columns[7].filled), (2, 2, 0));
    }

    #[test]
    fn a_few_dirty_values_do_not_make_a_column_text() {
        let mut text = "id,day\n".to_owned();
        for n in 0..997 {
            text.push_str(&format!("{n},2017-07-29\n"));
        }
        text.push_str("n/a,\nn/a,\n??,2017-07-30\n");
        let inferred = infer("a.csv", text.as_bytes()).unwrap();
        assert_eq!(inferred.columns[0].field.field_type, FieldType::Integer);
        assert_eq!(inferred.columns[0].misfits, 3);
        assert!(inferred.columns[1].one_day);
        let few = infer("a.csv", b"id\n1\n2\nx\n").unwrap();
        assert_eq!(few.columns[0].field.field_type, FieldType::String);
    }

    #[test]
    fn nested_json_keeps_the_order_of_its_fields() {
        let text = r#"{"z":{"b":1,"a":"x"},"list":[{"n":1},{"m":true}],"tags":["a"],"big":"12345678901234567890"}
                      {"z":null,"extra":2.0}"#;
        for (name, text) in [("a.json", text.to_owned()), ("b.json", format!("[{}]", text.replace("}\n", "},\n")))] {
            let inferred = infer(name, text.as_bytes()).unwrap();
            use {FieldType as T, Mode as M};
            let expected = [
                ("z", T::Record, M::Nullable),
                ("list", T::Record, M::Repeated),
                ("tags", T::String, M::Repeated),
                ("big", T::String, M::Nullable),
                ("extra", T::Float, M::Nullable),
            ];
            assert_eq!(types(&inferred), expected, "{name}");
            let names: Vec<_> = inferred.columns[0].field.fields.iter().map(|f| f.name.as_str()).collect();
            assert_eq!(names, ["b", "a"]);
        }
    }

    #[test]
    fn what_is_no_sample_is_said() {
        for (name, text, expected) in [
            ("a.csv", "", "empty"),
            ("a.csv", "a,b\n", "empty"),
            ("a.csv", "a;b\n1;2\n", "separated by ';'"),
            ("a.csv", "a,a\n1,2\n", "there twice"),
            ("a.json", "{oops}\n", "no line is a JSON object"),
            ("a.json", "[1", "damaged"),
            ("a.pdf", "%PDF", "format is not known"),
            ("a.parquet", "PAR1xxxx", "damaged"),
        ] {
            let error = infer(name, text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn packed_samples_are_unpacked() {
        use std::io::Write;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(b"id\n1\n").unwrap();
        assert_eq!(infer("a.csv.gz", &gz.finish().unwrap()).unwrap().rows, 1);
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("inner.csv", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(b"id,x\n1,2\n3,4\n").unwrap();
        let inferred = infer("a.zip", &zip.finish().unwrap().into_inner()).unwrap();
        assert_eq!((inferred.rows, inferred.columns.len()), (2, 2));
    }

    #[test]
    fn parquet_says_itself_what_it_is() {
        use arrow::array::{ArrayRef, Int32Array, StringArray};
        use std::sync::Arc;
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("n", Arc::new(Int32Array::from(vec![Some(1), None]))),
            ("s", Arc::new(StringArray::from(vec!["1", "2"]))),
        ];
        let batch = arrow::record_batch::RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let inferred = infer("a.parquet", &bytes).unwrap();
        let expected = [("n", FieldType::Integer, Mode::Nullable), ("s", FieldType::String, Mode::Nullable)];
        assert_eq!(types(&inferred), expected);
        assert_eq!((inferred.columns[0].filled, inferred.columns[1].distinct), (1, 2));
    }
}
