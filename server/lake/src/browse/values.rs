//! The first rows of a file, and one row with its nested values unfolded as far as somebody asks. A row may have 750 KB, so lists are
//! given in windows, deeper values only by their size, and only the columns that are asked for are read.

use std::fs::File;
use std::path::PathBuf;

use arrow::array::{Array, ArrayRef, LargeListArray, ListArray, StructArray};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Look, blocking};
use crate::delta::io_error;
use crate::zone::damaged;
use crate::{Error, ErrorKind, Result};

/// So many elements of a list are given at once.
pub const LIST_WINDOW: usize = 20;
/// A text is cut here where many are shown.
const TEXT_IN_LIST: usize = 300;
/// A text is cut here where it alone is asked for.
const TEXT_ALONE: usize = 20_000;
/// A cell of the table of rows.
const TEXT_IN_CELL: usize = 60;

/// A column of the table of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewColumn {
    /// Its name.
    pub name: String,
    /// Whether it is a record or a list, to be unfolded.
    pub nested: bool,
    /// Whether it is a number.
    pub number: bool,
}

/// Some rows of a file, at the top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The columns in the file; partition columns are in its folder's name.
    pub columns: Vec<PreviewColumn>,
    /// Index of the row in the file, and a short text for each column; `None` = null.
    pub rows: Vec<(usize, Vec<Option<String>>)>,
}

/// A value with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Name of the field, or index in the list.
    pub name: String,
    /// Where it is in the row: `hits.3.product.0.v2ProductName`.
    pub path: String,
    /// What is there.
    pub content: Content,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Null,
    /// A scalar as text; `cut` = there is more of it.
    Text {
        /// The text.
        text: String,
        /// Whether there is more.
        cut: bool,
    },
    /// A record, unfolded.
    Record {
        /// Fields with a value.
        fields: Vec<Node>,
        /// How many have none.
        empty: usize,
    },
    /// A window of a list, unfolded.
    List {
        /// The elements in the window.
        items: Vec<Node>,
        /// Index of the first of them.
        from: usize,
        /// How many the list has.
        total: usize,
    },
    /// A record that is not unfolded, with its number of fields that have a value.
    FoldedRecord(usize),
    /// A list that is not unfolded, with its length.
    FoldedList(usize),
}

impl Look {
    /// Rows of a file at the top level: `take` of them behind the first `skip`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if this version has no such file.
    pub async fn rows(&self, path: &str, skip: usize, take: usize) -> Result<Preview> {
        if let Some(seen) = &self.seen {
            let file = self.file(path)?;
            let batch = seen.read(&self.table, &self.current, &file.path, (skip, take), None).await?;
            return preview(&batch, skip).map_err(|e| damaged(self.table.dir(), &e));
        }
        let file = self.on_disk(path)?;
        blocking(move || {
            let batch = read(&file, skip, take, None)?;
            preview(&batch, skip).map_err(|e| damaged(&file, &e))
        })
        .await
    }

    /// The value at `at` in a row (the whole row when it is empty), one level unfolded; a list from its element `from` on.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such file, row or value.
    pub async fn value(&self, path: &str, row: usize, at: &str, from: usize) -> Result<Node> {
        let column = at.split('.').next().filter(|name| !name.is_empty()).map(str::to_owned);
        let at = at.to_owned();
        let seen = match &self.seen {
            None => None,
            Some(seen) => {
                let path = self.file(path)?.path;
                Some(seen.read(&self.table, &self.current, &path, (row, 1), column.as_deref()).await?)
            }
        };
        let file = if seen.is_some() { self.table.dir().to_owned() } else { self.on_disk(path)? };
        blocking(move || {
            let batch = match seen {
                Some(seen) => seen,
                None => read(&file, row, 1, column.as_deref())?,
            };
            if batch.num_rows() == 0 {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!("The file has no row {}. Choose one from the list of rows.", row + 1),
                ));
            }
            let found = find(StructArray::from(batch), &at, from).map_err(|e| damaged(&file, &e))?;
            found.ok_or_else(|| {
                let at: String = at.chars().take(160).collect();
                Error::new(ErrorKind::NotFound, format!("The row has nothing at '{at}'. Go back to the whole row."))
            })
        })
        .await
    }

    fn on_disk(&self, path: &str) -> Result<PathBuf> {
        Ok(self.table.dir().join(&self.live(path)?.path))
    }
}

/// Rows of the file in one batch; only `column` when it is given.
fn read(path: &std::path::Path, skip: usize, take: usize, column: Option<&str>) -> Result<RecordBatch> {
    let file = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::with(
            ErrorKind::NotFound,
            "The file was deleted by a reset just now. Open the list of partitions.",
            e,
        ),
        _ => io_error("reading", path, e),
    })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(path, &e))?;
    let mask = match column {
        Some(name) => ProjectionMask::roots(builder.parquet_schema(), builder.schema().index_of(name)),
        None => ProjectionMask::all(),
    };
    let reader = builder
        .with_projection(mask)
        .with_batch_size(take.max(1))
        .with_offset(skip)
        .with_limit(take)
        .build()
        .map_err(|e| damaged(path, &e))?;
    let schema = arrow::record_batch::RecordBatchReader::schema(&reader);
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| damaged(path, &e))?;
    arrow::compute::concat_batches(&schema, &batches).map_err(|e| damaged(path, &e))
}

type Arrow<T> = Result<T, arrow::error::ArrowError>;

fn preview(batch: &RecordBatch, skip: usize) -> Arrow<Preview> {
    let nested = |t: &DataType| matches!(t, DataType::Struct(_) | DataType::List(_) | DataType::LargeList(_));
    let columns = batch
        .schema()
        .fields()
        .iter()
        .map(|f| PreviewColumn {
            name: f.name().clone(),
            nested: nested(f.data_type()),
            number: f.data_type().is_numeric(),
        })
        .collect();
    let rows = (0..batch.num_rows())
        .map(|row| {
            let cells = batch.columns().iter().map(|column| cell(column, row)).collect::<Arrow<_>>()?;
            Ok((skip + row, cells))
        })
        .collect::<Arrow<_>>()?;
    Ok(Preview { columns, rows })
}

fn cell(column: &ArrayRef, row: usize) -> Arrow<Option<String>> {
    Ok(match content(column, row, "", 0, 0, TEXT_IN_CELL)? {
        Content::Null => None,
        Content::Text { text, cut } => Some(if cut { format!("{text}…") } else { text }),
        Content::FoldedRecord(fields) => Some(words(fields, "field")),
        Content::FoldedList(items) => Some(words(items, "item")),
        Content::Record { .. } | Content::List { .. } => None,
    })
}

fn words(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// Follows a path of field names and indexes from the one row.
fn find(row: StructArray, at: &str, from: usize) -> Arrow<Option<Node>> {
    let mut array: ArrayRef = std::sync::Arc::new(row);
    let mut index = 0;
    let mut name = String::new();
    for part in at.split('.').filter(|part| !part.is_empty()) {
        if array.is_null(index) {
            return Ok(None);
        }
        let next = if let Some(record) = array.as_any().downcast_ref::<StructArray>() {
            record.column_by_name(part).map(|column| (column.clone(), index))
        } else {
            let wanted: Option<usize> = part.parse().ok();
            items(&array, index).zip(wanted).filter(|(items, wanted)| *wanted < items.len())
        };
        let Some((found, position)) = next else { return Ok(None) };
        (array, index, name) = (found, position, part.to_owned());
    }
    let limit = if at.is_empty() { TEXT_IN_LIST } else { TEXT_ALONE };
    let content = content(&array, index, at, 2, from, limit)?;
    Ok(Some(Node { name, path: at.to_owned(), content }))
}

/// The list at this place.
fn items(array: &ArrayRef, index: usize) -> Option<ArrayRef> {
    let any = array.as_any();
    any.downcast_ref::<ListArray>()
        .map(|list| list.value(index))
        .or_else(|| any.downcast_ref::<LargeListArray>().map(|list| list.value(index)))
}

/// The value, unfolded `levels` deep.
fn content(array: &ArrayRef, index: usize, path: &str, levels: usize, from: usize, limit: usize) -> Arrow<Content> {
    if array.is_null(index) {
        return Ok(Content::Null);
    }
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let next = levels.saturating_sub(1);
    let limit_below = limit.min(TEXT_IN_LIST);
    if let Some(record) = array.as_any().downcast_ref::<StructArray>() {
        let filled = || record.columns().iter().zip(record.column_names()).filter(|(c, _)| !is_nothing(c, index));
        if levels == 0 {
            return Ok(Content::FoldedRecord(filled().count()));
        }
        let fields = filled()
            .map(|(column, name)| {
                let path = below(name);
                let content = content(column, index, &path, next, 0, limit_below)?;
                Ok(Node { name: name.to_owned(), path, content })
            })
            .collect::<Arrow<Vec<_>>>()?;
        return Ok(Content::Record { empty: record.num_columns() - fields.len(), fields });
    }
    if let Some(list) = items(array, index) {
        let total = list.len();
        if levels == 0 {
            return Ok(Content::FoldedList(total));
        }
        let from = from.min(total);
        let items = (from..total.min(from + LIST_WINDOW))
            .map(|i| {
                let path = below(&i.to_string());
                let content = content(&list, i, &path, next, 0, limit_below)?;
                Ok(Node { name: i.to_string(), path, content })
            })
            .collect::<Arrow<Vec<_>>>()?;
        return Ok(Content::List { items, from, total });
    }
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(array.as_ref(), &options)?.value(index).try_to_string()?;
    Ok(match text.char_indices().nth(limit) {
        Some((end, _)) => Content::Text { text: text[..end].to_owned(), cut: true },
        None => Content::Text { text, cut: false },
    })
}

/// Null, or a list without elements: the two are the same in BigQuery.
fn is_nothing(array: &ArrayRef, index: usize) -> bool {
    array.is_null(index) || items(array, index).is_some_and(|list| list.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{Field, Fields, Schema};

    use super::*;

    /// One row: `id`, `none`, and 45 `hits` with a number and a page.
    fn batch() -> RecordBatch {
        let page = Fields::from(vec![Field::new("path", DataType::Utf8, true)]);
        let paths: ArrayRef = Arc::new(StringArray::from_iter_values((0..45).map(|i| format!("/p{i}"))));
        let pages = StructArray::new(page.clone(), vec![paths], None);
        let hit = Fields::from(vec![
            Field::new("number", DataType::Int64, true),
            Field::new("page", DataType::Struct(page), true),
        ]);
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..45));
        let hits = StructArray::new(hit.clone(), vec![numbers, Arc::new(pages)], None);
        let item = Arc::new(Field::new_list_field(DataType::Struct(hit), true));
        let list = ListArray::new(item.clone(), OffsetBuffer::from_lengths([45]), Arc::new(hits), None);
        let schema = Schema::new(vec![
            Field::new("id", DataType::Utf8, true),
            Field::new("none", DataType::Int64, true),
            Field::new("hits", DataType::List(item), true),
        ]);
        let long = "ä".repeat(400);
        let columns: Vec<ArrayRef> =
            vec![Arc::new(StringArray::from(vec![long])), Arc::new(Int64Array::from(vec![None])), Arc::new(list)];
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    }

    fn at(path: &str, from: usize) -> Option<Content> {
        find(StructArray::from(batch()), path, from).unwrap().map(|node| node.content)
    }

    #[test]
    fn a_row_of_the_table_is_short() {
        let preview = preview(&batch(), 7).unwrap();
        let nested: Vec<bool> = preview.columns.iter().map(|c| c.nested).collect();
        assert_eq!(nested, [false, false, true]);
        let (index, cells) = &preview.rows[0];
        assert_eq!(*index, 7);
        assert_eq!(cells[0].as_ref().map(|t| t.chars().count()), Some(TEXT_IN_CELL + 1));
        assert_eq!(cells[1..], [None, Some("45 items".to_owned())]);
    }

    #[test]
    fn a_row_is_unfolded_one_level_and_lists_come_in_windows() {
        let Some(Content::Record { fields, empty }) = at("", 0) else { panic!("a record") };
        assert_eq!((fields.len(), empty), (2, 1));
        assert!(matches!(&fields[0].content, Content::Text { cut: true, .. }));
        let Content::List { items, from: 0, total: 45 } = &fields[1].content else { panic!("{:?}", fields[1]) };
        assert_eq!(items.len(), LIST_WINDOW);
        assert_eq!((items[3].path.as_str(), &items[3].content), ("hits.3", &Content::FoldedRecord(2)));
        let Some(Content::List { items, from: 40, .. }) = at("hits", 40) else { panic!("a window") };
        let names: Vec<_> = items.iter().map(|i| i.name.as_str()).collect();
        assert_eq!(names, ["40", "41", "42", "43", "44"]);
    }

    #[test]
    fn a_path_leads_to_its_value_or_to_nothing() {
        assert_eq!(at("hits.44.page.path", 0), Some(Content::Text { text: "/p44".into(), cut: false }));
        assert!(matches!(at("id", 0), Some(Content::Text { cut: false, .. })), "alone, a text is whole");
        for nowhere in ["hits.45", "hits.x", "hits.-1", "nothing", "none.x", "id.x", "hits.3.page.path.x"] {
            assert_eq!(at(nowhere, 0), None, "{nowhere}");
        }
        assert_eq!(at("none", 0), Some(Content::Null));
    }
}
