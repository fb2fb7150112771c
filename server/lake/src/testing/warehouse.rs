//! The contract of [`Warehouse`].

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;

use super::kind;
use crate::ErrorKind;
use crate::ports::{Warehouse, WarehouseTable};

const TABLE: &str = "contract_sessions";

/// Runs every rule against a fresh, empty warehouse from `make`. Its columns are a DATE, a STRING and an INT64, given as Arrow's
/// `Date32`, `Utf8` and `Int64`.
///
/// # Panics
/// When a rule is broken.
pub async fn warehouse_contract<F: AsyncFn() -> Box<dyn Warehouse>>(make: F) {
    let fresh = async || {
        let warehouse = make().await;
        warehouse.create_table(&shape()).await.expect("a table can be created");
        warehouse
    };
    unknown_tables(&*make().await).await;
    creating(&*fresh().await).await;
    a_load_replaces_whole_partitions(&*fresh().await).await;
    several_dates_at_once(&*fresh().await).await;
    a_date_without_rows_becomes_empty(&*fresh().await).await;
    a_job_loads_once(&*fresh().await).await;
    a_bad_load_changes_nothing(&*fresh().await).await;
    truncating_keeps_the_shape(&*fresh().await).await;
}

fn shape() -> WarehouseTable {
    let column = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    WarehouseTable {
        name: TABLE.to_owned(),
        columns: vec![column("date", "DATE"), column("country", "STRING"), column("hits", "INT64")],
        partition: "date".to_owned(),
        cluster: vec!["country".to_owned(), "hits".to_owned()],
    }
}

fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2017, 7, day).expect("a day of July")
}

fn rows(day: u32, count: usize) -> RecordBatch {
    let days = date(day).signed_duration_since(NaiveDate::default()).num_days(); // the default is 1970-01-01
    let days = i32::try_from(days).expect("a day of July");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![days; count])),
        Arc::new(StringArray::from_iter_values((0..count).map(|n| format!("country {}", n % 3)))),
        Arc::new(Int64Array::from_iter((0..count).map(|n| (n % 5 > 0).then_some(n as i64)))),
    ];
    let fields = [("date", DataType::Date32), ("country", DataType::Utf8), ("hits", DataType::Int64)];
    let schema = Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec());
    RecordBatch::try_new(Arc::new(schema), columns).expect("columns fit the schema")
}

/// Rows per date, dates without rows left out.
async fn counts(warehouse: &dyn Warehouse) -> Vec<(NaiveDate, u64)> {
    let mut partitions = warehouse.partitions(TABLE).await.expect("partitions");
    partitions.retain(|(_, rows)| *rows > 0);
    partitions.sort_unstable();
    partitions
}

async fn unknown_tables(warehouse: &dyn Warehouse) {
    assert_eq!(kind(warehouse.table(TABLE).await), ErrorKind::NotFound);
    assert_eq!(kind(warehouse.partitions(TABLE).await), ErrorKind::NotFound);
    assert_eq!(kind(warehouse.truncate(TABLE).await), ErrorKind::NotFound);
    assert_eq!(kind(warehouse.load(TABLE, "job", vec![(date(1), vec![rows(1, 1)])]).await), ErrorKind::NotFound);
}

async fn creating(warehouse: &dyn Warehouse) {
    assert_eq!(warehouse.table(TABLE).await.expect("table"), shape());
    assert_eq!(counts(warehouse).await, []);
    warehouse.load(TABLE, "job", vec![(date(1), vec![rows(1, 3)])]).await.expect("load");
    warehouse.create_table(&shape()).await.expect("creating it again does nothing");
    assert_eq!(counts(warehouse).await, [(date(1), 3)], "creating it again keeps the rows");
    assert_eq!(warehouse.table(TABLE).await.expect("table"), shape());
}

async fn a_load_replaces_whole_partitions(warehouse: &dyn Warehouse) {
    let outcome = warehouse.load(TABLE, "a", vec![(date(1), vec![rows(1, 10), rows(1, 5)])]).await.expect("load");
    assert_eq!((outcome.table.as_str(), outcome.rows), (TABLE, 15));
    warehouse.load(TABLE, "b", vec![(date(2), vec![rows(2, 7)])]).await.expect("load");
    assert_eq!(counts(warehouse).await, [(date(1), 15), (date(2), 7)]);
    let again = warehouse.load(TABLE, "c", vec![(date(1), vec![rows(1, 4)])]).await.expect("load");
    assert_eq!(again.rows, 4);
    assert_eq!(
        counts(warehouse).await,
        [(date(1), 4), (date(2), 7)],
        "rows are replaced, never added; other dates stay"
    );
}

async fn several_dates_at_once(warehouse: &dyn Warehouse) {
    warehouse.load(TABLE, "a", vec![(date(2), vec![rows(2, 9)])]).await.expect("load");
    let outcome =
        warehouse.load(TABLE, "b", vec![(date(1), vec![rows(1, 2)]), (date(2), vec![rows(2, 3)])]).await.expect("load");
    assert_eq!(outcome.rows, 5);
    assert_eq!(counts(warehouse).await, [(date(1), 2), (date(2), 3)]);
}

async fn a_date_without_rows_becomes_empty(warehouse: &dyn Warehouse) {
    warehouse.load(TABLE, "a", vec![(date(1), vec![rows(1, 2)]), (date(2), vec![rows(2, 3)])]).await.expect("load");
    warehouse.load(TABLE, "b", vec![(date(1), vec![])]).await.expect("load");
    assert_eq!(counts(warehouse).await, [(date(2), 3)], "no batches");
    warehouse.load(TABLE, "c", vec![(date(2), vec![rows(2, 0)])]).await.expect("load");
    assert_eq!(counts(warehouse).await, [], "a batch without rows");
    warehouse.load(TABLE, "d", vec![(date(3), vec![])]).await.expect("an empty date that was never there");
    assert_eq!(counts(warehouse).await, []);
}

async fn a_job_loads_once(warehouse: &dyn Warehouse) {
    warehouse.load(TABLE, "a", vec![(date(1), vec![rows(1, 3)])]).await.expect("load");
    warehouse.load(TABLE, "b", vec![(date(1), vec![rows(1, 2)])]).await.expect("load");
    warehouse.load(TABLE, "a", vec![(date(1), vec![rows(1, 3)])]).await.expect("the same job id again is no error");
    assert_eq!(counts(warehouse).await, [(date(1), 2)], "the same job id twice loads once");
}

async fn a_bad_load_changes_nothing(warehouse: &dyn Warehouse) {
    warehouse.load(TABLE, "a", vec![(date(1), vec![rows(1, 3)])]).await.expect("load");
    let wrong = rows(2, 1).project(&[0, 1]).expect("two columns");
    let refused = warehouse.load(TABLE, "b", vec![(date(1), vec![rows(1, 9)]), (date(2), vec![wrong])]).await;
    assert_eq!(kind(refused), ErrorKind::Invalid, "rows that are not of the table's columns");
    assert_eq!(counts(warehouse).await, [(date(1), 3)], "all dates of a call, or none");
    warehouse.load(TABLE, "b", vec![(date(1), vec![rows(1, 9)])]).await.expect("a job that failed may be run again");
    assert_eq!(counts(warehouse).await, [(date(1), 9)]);
}

async fn truncating_keeps_the_shape(warehouse: &dyn Warehouse) {
    warehouse.load(TABLE, "a", vec![(date(1), vec![rows(1, 3)]), (date(2), vec![rows(2, 3)])]).await.expect("load");
    for _ in 0..2 {
        warehouse.truncate(TABLE).await.expect("truncate, also when empty");
        assert_eq!(counts(warehouse).await, []);
        assert_eq!(warehouse.table(TABLE).await.expect("table"), shape(), "columns, partitioning and clustering stay");
    }
    warehouse.load(TABLE, "b", vec![(date(1), vec![rows(1, 2)])]).await.expect("load");
    assert_eq!(counts(warehouse).await, [(date(1), 2)]);
}
