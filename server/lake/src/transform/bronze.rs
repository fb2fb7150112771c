//! Which part of bronze's nested rows silver reads, and how a day of it is made ready.

use std::sync::{Arc, OnceLock};

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, Int64Array, ListArray, StringArray, StructArray, UInt64Array,
    new_null_array,
};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};

use crate::{Error, ErrorKind, Result};

/// The position of a row in its day: joins what is computed from a row back to it.
pub(super) const ROW: &str = "_row";
/// The whole row in sortable form, for rows whose key occurs more than once.
pub(super) const CONTENT: &str = "_content";

/// The columns of `bronze.ga_sessions` that silver reads, nested ones narrowed to the fields it uses.
/// Reading only these lets the Parquet reader skip all the others.
pub fn read_schema() -> SchemaRef {
    static SCHEMA: OnceLock<SchemaRef> = OnceLock::new();
    Arc::clone(SCHEMA.get_or_init(|| Arc::new(Schema::new(fields()))))
}

fn fields() -> Vec<Field> {
    use DataType::{Boolean, Int64};
    let product = [
        text("productSKU"),
        text("v2ProductName"),
        text("v2ProductCategory"),
        text("productVariant"),
        text("productBrand"),
        field("productRevenue", Int64),
        field("productPrice", Int64),
        field("productQuantity", Int64),
        field("isImpression", Boolean),
        field("isClick", Boolean),
        text("productListName"),
        field("productListPosition", Int64),
        text("productCouponCode"),
    ];
    let hit = [
        field("hitNumber", Int64),
        field("time", Int64),
        field("isInteraction", Boolean),
        field("isEntrance", Boolean),
        field("isExit", Boolean),
        record("page", [text("pagePath"), text("hostname"), text("pageTitle")]),
        record(
            "transaction",
            [
                text("transactionId"),
                field("transactionRevenue", Int64),
                field("transactionTax", Int64),
                field("transactionShipping", Int64),
                text("currencyCode"),
            ],
        ),
        record(
            "eventInfo",
            [text("eventCategory"), text("eventAction"), text("eventLabel"), field("eventValue", Int64)],
        ),
        repeated("product", product),
        record("eCommerceAction", [text("action_type"), field("step", Int64), text("option")]),
        text("type"),
    ];
    vec![
        field("visitNumber", Int64),
        field("visitId", Int64),
        field("visitStartTime", Int64),
        text("date"),
        record(
            "totals",
            [
                "hits",
                "pageviews",
                "timeOnSite",
                "bounces",
                "transactions",
                "transactionRevenue",
                "newVisits",
                "totalTransactionRevenue",
            ]
            .map(|name| field(name, Int64)),
        ),
        record(
            "trafficSource",
            [
                text("referralPath"),
                text("campaign"),
                text("source"),
                text("medium"),
                text("keyword"),
                text("adContent"),
                field("isTrueDirect", Boolean),
            ],
        ),
        record(
            "device",
            [
                text("browser"),
                text("operatingSystem"),
                field("isMobile", Boolean),
                text("language"),
                text("deviceCategory"),
            ],
        ),
        record(
            "geoNetwork",
            ["continent", "subContinent", "country", "region", "metro", "city", "networkDomain"].map(text),
        ),
        repeated("hits", hit),
        text("fullVisitorId"),
        text("clientId"),
        text("channelGrouping"),
        text("customer"),
        text("_source_file"),
    ]
}

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn text(name: &str) -> Field {
    field(name, DataType::Utf8)
}

fn record(name: &str, fields: impl IntoIterator<Item = Field>) -> Field {
    field(name, DataType::Struct(fields.into_iter().collect()))
}

fn repeated(name: &str, fields: impl IntoIterator<Item = Field>) -> Field {
    let item = DataType::Struct(fields.into_iter().collect::<Fields>());
    field(name, DataType::new_list(item, true))
}

/// The schema of [`number_rows`]' result: [`read_schema`], [`ROW`] and [`CONTENT`].
pub(super) fn loaded_schema() -> SchemaRef {
    let mut fields = fields();
    fields.push(field(ROW, DataType::Int64));
    fields.push(field(CONTENT, DataType::Binary));
    Arc::new(Schema::new(fields))
}

/// A batch in the schema of [`read_schema`]: nested fields that silver does not read are left out, those that the file does not
/// have are NULL, and `constants` stand for columns that a partition's folder names.
pub fn narrow(batch: &RecordBatch, constants: &[(&str, &str)]) -> Result<RecordBatch> {
    let wanted = read_schema();
    let column = |field: &Arc<Field>| match constants.iter().find(|(name, _)| name == field.name()) {
        Some((_, value)) => {
            Ok(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, batch.num_rows()))) as ArrayRef)
        }
        None => match batch.column_by_name(field.name()) {
            Some(column) => narrowed(column, field.data_type()),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        },
    };
    wanted
        .fields()
        .iter()
        .map(column)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|columns| RecordBatch::try_new(Arc::clone(&wanted), columns))
        .map_err(|error| {
            Error::with(ErrorKind::Internal, "Bronze does not have the columns that silver expects.", error)
        })
}

/// By name at each level, as the schema may have grown since the file was written.
fn narrowed(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    match (array.data_type(), to) {
        (from, to) if from == to => Ok(Arc::clone(array)),
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let record = array.as_struct();
            let child = |field: &Arc<Field>| match record.column_by_name(field.name()) {
                Some(child) => narrowed(child, field.data_type()),
                None => Ok(new_null_array(field.data_type(), record.len())),
            };
            let children = fields.iter().map(child).collect::<Result<Vec<_>, _>>()?;
            let nulls = record.nulls().cloned();
            Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), children, nulls, record.len())?))
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let values = narrowed(list.values(), item.data_type())?;
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, list.nulls().cloned())?))
        }
        _ => arrow::compute::cast(array, to),
    }
}

/// Whether [`read_schema`] has the Parquet leaf of this path; a list has two levels of its own there.
pub fn reads(path: &[String]) -> bool {
    let mut fields: Fields = read_schema().fields().clone();
    let mut path = path.iter();
    while let Some(name) = path.next() {
        let Some(field) = fields.iter().find(|field| field.name() == name).cloned() else { return false };
        let mut data_type = field.data_type();
        if let DataType::List(item) = data_type {
            path.nth(1);
            data_type = item.data_type();
        }
        match data_type {
            DataType::Struct(inner) => fields = inner.clone(),
            _ => return path.next().is_none(),
        }
    }
    false
}

/// Whether any of the rows has a hit.
pub(super) fn has_hits(batch: &RecordBatch) -> bool {
    let hits = batch.column_by_name("hits").and_then(|column| column.as_list_opt::<i32>());
    hits.is_none_or(|hits| hits.offsets().last() != hits.offsets().first())
}

/// Adds [`ROW`] and [`CONTENT`].
pub(super) fn number_rows(batch: &RecordBatch) -> Result<RecordBatch> {
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(0..batch.num_rows() as i64));
    content_of_repeated(batch)
        .and_then(|content| {
            let mut columns = batch.columns().to_vec();
            columns.extend([number, content]);
            RecordBatch::try_new(loaded_schema(), columns)
        })
        .map_err(|error| Error::with(ErrorKind::Internal, "The rows of a day could not be compared.", error))
}

/// Adds [`ROW`], and [`CONTENT`] without values: nothing is compared.
pub(super) fn number_only(batch: &RecordBatch) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(Int64Array::from_iter_values(0..rows as i64)));
    columns.push(new_null_array(&DataType::Binary, rows));
    RecordBatch::try_new(loaded_schema(), columns)
        .map_err(|error| Error::with(ErrorKind::Internal, "The rows of a stream could not be numbered.", error))
}

fn content_of_repeated(batch: &RecordBatch) -> Result<ArrayRef, arrow::error::ArrowError> {
    let key_columns = ["fullVisitorId", "visitId"].map(|name| batch.column_by_name(name).map(Arc::clone));
    let key_columns: Vec<ArrayRef> = key_columns.into_iter().flatten().collect();
    let keys = sortable(&key_columns)?;
    let mut order: Vec<usize> = (0..batch.num_rows()).collect();
    order.sort_unstable_by(|&a, &b| keys.row(a).cmp(&keys.row(b)));
    let mut repeated: Vec<u64> = order
        .chunk_by(|&a, &b| keys.row(a) == keys.row(b))
        .filter(|group| group.len() > 1)
        .flatten()
        .map(|&row| row as u64)
        .collect();
    repeated.sort_unstable();

    let mut content = BinaryBuilder::new();
    if repeated.is_empty() {
        content.append_nulls(batch.num_rows());
        return Ok(Arc::new(content.finish()));
    }
    let rows = take_record_batch(batch, &UInt64Array::from(repeated.clone()))?;
    let rows = sortable(rows.columns())?;
    let mut next = repeated.iter().zip(&rows).peekable();
    for row in 0..batch.num_rows() as u64 {
        match next.next_if(|(repeated, _)| **repeated == row) {
            Some((_, bytes)) => content.append_value(bytes.as_ref()),
            None => content.append_null(),
        }
    }
    Ok(Arc::new(content.finish()))
}

fn sortable(columns: &[ArrayRef]) -> Result<arrow::row::Rows, arrow::error::ArrowError> {
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone()));
    RowConverter::new(fields.collect())?.convert_columns(columns)
}
