//! The query engine as the transforms use it.

use std::sync::{Arc, OnceLock};

use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::FutureExt;

use super::sql_file::RuleDef;
use crate::model::RuleEffect;
use crate::{Error, ErrorKind, Result};

/// The runtime in which all transforms run. A provider whose object store is not the local disk must be
/// registered here first.
pub fn runtime() -> &'static Arc<RuntimeEnv> {
    static RUNTIME: OnceLock<Arc<RuntimeEnv>> = OnceLock::new();
    RUNTIME.get_or_init(Arc::default)
}

/// A context of its own for one transform, so that several can run at once under the same names.
pub(super) fn context(partitions: usize) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(partitions);
    let options = config.options_mut();
    // Delta stores plain strings; views would only be converted back.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.parquet.schema_force_view_types = false;
    // As delta-rs does for its own sessions: pushing a join's keys into a scan can panic where the
    // scan gives dictionaries (partition columns).
    options.optimizer.hash_join_inlist_pushdown_max_size = 0;
    options.optimizer.hash_join_inlist_pushdown_max_distinct_values = 0;
    SessionContext::new_with_config_rt(config, Arc::clone(runtime()))
}

/// Plans a query over registered tables. Everything it needs is in memory, so it never waits.
pub(super) fn plan(context: &SessionContext, sql: &str) -> Result<DataFrame> {
    context
        .sql(sql)
        .now_or_never()
        .ok_or_else(|| Error::new(ErrorKind::Internal, "Planning a transform had to wait, which it never should."))?
        .map_err(|error| failed("A transform could not be planned", error))
}

/// Runs a query and brings the result into `schema`, column by column in its order.
pub(super) async fn run(
    context: &SessionContext,
    name: &str,
    sql: &str,
    schema: &SchemaRef,
) -> Result<Vec<RecordBatch>> {
    let batches = plan(context, sql)?
        .collect()
        .await
        .map_err(|error| failed(&format!("The transform '{name}' failed"), error))?;
    batches.into_iter().filter(|batch| batch.num_rows() > 0).map(|batch| conform(&batch, schema)).collect()
}

/// The batch in `schema`, which has the same columns in the same order and at most wider types.
fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            Ok(Arc::clone(column))
        } else {
            arrow::compute::cast(column, field.data_type())
        }
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    columns
        .collect::<Result<Vec<_>, _>>()
        .and_then(|columns| RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options))
        .map_err(|error| {
            Error::with(ErrorKind::Internal, "A transform's result does not have the schema that was planned.", error)
        })
}

/// The schema of a query's result as it is stored: every column nullable, strings plain.
pub(super) fn stored_schema(query: &DataFrame) -> SchemaRef {
    use arrow::datatypes::DataType::{LargeUtf8, Utf8, Utf8View};
    let fields = query.schema().fields().iter().map(|field| {
        let data_type = match field.data_type() {
            Utf8View | LargeUtf8 => &Utf8,
            other => other,
        };
        Field::new(field.name(), data_type.clone(), true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Registers batches under a name, replacing what was there.
pub(super) fn register(
    context: &SessionContext,
    name: &str,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> Result<()> {
    let table = MemTable::try_new(schema, vec![batches]);
    table
        .and_then(|table| {
            context.deregister_table(name)?;
            context.register_table(name, Arc::new(table))
        })
        .map(|_| ())
        .map_err(|error| failed(&format!("The rows of '{name}' could not be handed on"), error))
}

/// Counts what the rules touched: one query for each relation they name.
pub(super) async fn count_rules(context: &SessionContext, table: &str, rules: &[RuleDef]) -> Result<Vec<RuleEffect>> {
    let mut counts = vec![0_u64; rules.len()];
    let mut relations: Vec<&str> = rules.iter().map(|rule| rule.of).collect();
    relations.sort_unstable();
    relations.dedup();
    for relation in relations {
        let of_relation: Vec<usize> = (0..rules.len()).filter(|&i| rules[i].of == relation).collect();
        let expressions = of_relation.iter().map(|&i| format!("CAST({} AS BIGINT) AS rule_{i}", rules[i].count));
        let sql = format!("SELECT {} FROM {relation}", expressions.collect::<Vec<_>>().join(", "));
        let query = plan(context, &sql)?;
        let batches = query
            .collect()
            .await
            .map_err(|error| failed(&format!("The rules of '{table}' could not be counted"), error))?;
        let row = batches.iter().find(|batch| batch.num_rows() > 0);
        for (column, &rule) in of_relation.iter().enumerate() {
            let values = row.map(|batch| batch.column(column));
            let value = values.and_then(|values| {
                use arrow::array::{Array, AsArray};
                let values = values.as_primitive_opt::<arrow::datatypes::Int64Type>()?;
                values.is_valid(0).then(|| values.value(0))
            });
            counts[rule] = value.and_then(|value| u64::try_from(value).ok()).ok_or_else(|| {
                let title = rules[rule].title;
                Error::new(ErrorKind::Internal, format!("The rule '{title}' of '{table}' did not count anything."))
            })?;
        }
    }
    let effects = rules.iter().zip(counts);
    Ok(effects.map(|(rule, rows)| RuleEffect { table: table.to_owned(), rule: rule.title.to_owned(), rows }).collect())
}

/// The lake's error for one of the engine: what the disk caused is told apart.
pub(super) fn failed(what: &str, error: DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) => {
            Error::with(
                ErrorKind::Storage,
                format!("{what}: its input could not be read. Check the disk, then run the step again."),
                error,
            )
        }
        DataFusionError::ResourcesExhausted(_) => Error::with(
            ErrorKind::Storage,
            format!("{what}: memory or scratch space ran out. Free some, then run the step again."),
            error,
        ),
        _ => Error::with(ErrorKind::Internal, format!("{what}: {error}"), error),
    }
}
