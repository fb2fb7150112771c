//! Read-only SQL over the zones, and the DataFusion sessions that queries and transforms run in.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemorySchemaProvider, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use deltalake::delta_datafusion::DeltaSessionConfig;
use futures::StreamExt;

use crate::delta::{Current, Table};
use crate::lake::QueryLimits;
use crate::model::Zone;
use crate::policy::{self, Access};
use crate::{Error, ErrorKind, Result};

mod cost;
mod fault;
mod guarded;
mod planned;
mod spelling;
mod stop;
mod views;

pub use cost::{Cost, ScanCost};
pub(crate) use guarded::{Session, check as check_policy};
pub(crate) use planned::Planner;
pub(crate) use stop::{Stop, Until};
pub(crate) use views::View;

/// Planning takes time that grows with the square of a chain of operators, and cannot be stopped.
const MOST_OPERATORS: usize = 500;
/// What one person's query may put on the disk when its memory is used up.
const SPILL: u64 = 4 << 30;

/// A session for the report: its many short queries run beside each other, each on one thread.
pub(crate) fn report_session(memory: usize, scratch: &Path, access: Access) -> Result<Session> {
    Session::new(access, || session(memory, scratch, None, |config| config.with_target_partitions(1)))
}

/// Runs one of the report's own queries to its end.
pub(crate) async fn answer(session: &Session, sql: &str) -> Result<Vec<RecordBatch>> {
    let state = session.context().state();
    let plan = state.create_logical_plan(sql).await.map_err(query_error)?;
    policy::check_denied(&plan).map_err(query_error)?;
    let frame = session.context().execute_logical_plan(plan).await.map_err(query_error)?;
    let batches = frame.collect().await.map_err(query_error)?;
    let Some(first) = batches.first() else { return Ok(batches) };
    let schema = plain_schema(&first.schema());
    batches.iter().map(|batch| plain(batch, &schema)).collect()
}

fn session(
    memory: usize,
    scratch: &Path,
    spill: Option<u64>,
    tune: impl FnOnce(SessionConfig) -> SessionConfig,
) -> Result<SessionContext> {
    // delta-rs's defaults keep identifiers as they are written and avoid a panic in its dynamic join filters.
    let config: SessionConfig = DeltaSessionConfig::default().into();
    let config = tune(
        config.set_bool("datafusion.execution.parquet.schema_force_view_types", false).with_information_schema(true),
    );
    let mut disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![scratch.to_path_buf()]));
    if let Some(spill) = spill {
        disk = disk.with_max_temp_directory_size(spill);
    }
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
        .with_disk_manager_builder(disk)
        .build_arc()
        .map_err(query_error)?;
    let state =
        SessionStateBuilder::new().with_default_features().with_config(config).with_runtime_env(runtime).build();
    let context = SessionContext::new_with_state(state);
    let catalog = context
        .catalog("datafusion")
        .ok_or_else(|| Error::new(ErrorKind::Internal, "DataFusion has no default catalog."))?;
    for zone in Zone::ALL {
        catalog.register_schema(zone.name(), Arc::new(MemorySchemaProvider::new())).map_err(query_error)?;
    }
    Ok(context)
}

/// The table as of this version.
pub(crate) async fn provider(context: &SessionContext, current: &Current) -> Result<Arc<dyn TableProvider>> {
    let builder = current.table.table_provider().with_session(Arc::new(context.state()));
    Ok(Arc::new(builder.build().await.map_err(query_error)?))
}

/// A query that has begun.
pub(crate) struct Started {
    stream: SendableRecordBatchStream,
    /// Of the answer.
    pub schema: SchemaRef,
    watch: cost::Watch,
    /// Rows that may still come.
    room: usize,
    /// There were more than the limit.
    pub cut: bool,
}

/// Plans one query over these tables and begins it. Everything happens on the runtime of the caller: give it one of its own.
pub(crate) async fn start(
    access: Access,
    sql: &str,
    tables: &[Arc<Table>],
    limits: QueryLimits,
    memory: usize,
    scratch: &Path,
    stop: &Stop,
) -> Result<Started> {
    let operators = spelling::operators(sql);
    if operators > MOST_OPERATORS {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "The query has {operators} operators, and at most {MOST_OPERATORS} are planned. Put lists into IN (…), or take it apart with WITH."
            ),
        ));
    }
    let mut session = Session::new(access, || {
        session(memory, scratch, Some(SPILL), |config| config.set_bool("datafusion.sql_parser.collect_spans", true))
    })?;
    let mut touchable = Vec::new();
    for table in read_by(sql, tables) {
        let current = table.current().await?;
        session.add(table, &current, tables).await?;
        if !session.guards(table.shape.zone, &table.shape.name) {
            touchable.push((table.clone(), current));
        }
    }
    for view in views::read_by(sql, tables) {
        session.add_view(view).await?;
    }
    let sql = session.respell(sql);
    let context = session.context();
    let statement = parse(&sql)?;
    let at = |e| fault::located(e, &sql);
    let plan = context.state().statement_to_plan(statement).await.map_err(at)?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)
        .map_err(|e| refused(&e.strip_backtrace()))?;
    policy::check_denied(&plan).map_err(at)?;
    let frame = context.execute_logical_plan(plan).await.map_err(at)?;
    let (state, plan) = frame.into_parts();
    let logical = state.optimize(&plan).map_err(at)?;
    let physical = state.query_planner().create_physical_plan(&logical, &state).await.map_err(at)?;
    let physical = stop.watch(physical).map_err(query_error)?;
    let watch = cost::Watch::new(&logical, physical.clone(), touchable);
    let stream = execute_stream(physical, state.task_ctx()).map_err(query_error)?;
    let schema = plain_schema(&stream.schema());
    Ok(Started { stream, schema, watch, room: limits.rows, cut: false })
}

impl Started {
    /// The next rows, none of them empty; `None` at the end or at the limit.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        while !self.cut {
            let batch = match self.stream.next().await?.map_err(query_error).and_then(|b| plain(&b, &self.schema)) {
                Ok(batch) => batch,
                Err(error) => return Some(Err(error)),
            };
            self.cut = batch.num_rows() > self.room;
            let batch = batch.slice(0, batch.num_rows().min(self.room));
            self.room -= batch.num_rows();
            if batch.num_rows() > 0 {
                return Some(Ok(batch));
            }
        }
        None
    }

    /// See [`cost::Watch::files_behind`].
    #[cfg(any(test, feature = "testing"))]
    pub fn files_behind(&self) -> usize {
        self.watch.files_behind()
    }

    /// What it took so far.
    pub fn cost(&self) -> Cost {
        self.watch.cost()
    }
}

/// The tables that a query reads, those of its views among them. All, where it names something else (the catalog, a table that does not
/// exist) or cannot be parsed: planning says what is wrong, and knows the names that are right.
pub(crate) fn read_by<'a>(sql: &str, tables: &'a [Arc<Table>]) -> Vec<&'a Arc<Table>> {
    match named(sql, tables) {
        Some((tables, views)) => {
            let read = |table: &Table| views.iter().any(|view| view.reads.contains(&table.full_name().as_str()));
            let of_views = tables.all.iter().filter(|table| !tables.named.contains(&table.full_name()) && read(table));
            let named = tables.all.iter().filter(|table| tables.named.contains(&table.full_name()));
            named.chain(of_views).collect()
        }
        None => tables.iter().collect(),
    }
}

/// Tables, and the names of those that a query names.
struct Named<'a> {
    all: &'a [Arc<Table>],
    named: BTreeSet<String>,
}

/// What a query names: tables, and views over tables that are there. `None` where it names something else, or nothing.
fn named<'a>(sql: &str, tables: &'a [Arc<Table>]) -> Option<(Named<'a>, Vec<&'static View>)> {
    let (names, _) = resolve_table_references(&parse(sql).ok()?, true).ok()?;
    let names: BTreeSet<String> = names.into_iter().map(|name| name.to_string().to_lowercase()).collect();
    let views: Vec<&View> = View::there(tables).filter(|view| names.contains(&view.full_name())).collect();
    let known = tables.iter().filter(|table| names.contains(&table.full_name())).count() + views.len();
    (known > 0 && known == names.len()).then_some((Named { all: tables, named: names }, views))
}

/// The query for the warehouse elsewhere, if it names nothing but tables and views of the warehouse: without their zone, in backticks.
/// It is BigQuery then that reads it, in its own SQL.
pub(crate) fn for_warehouse(sql: &str, tables: &[Arc<Table>]) -> Option<String> {
    // EXPLAIN, SHOW and DESCRIBE are the lake's engine's own.
    let Ok(Statement::Statement(statement)) = parse(sql) else { return None };
    if !matches!(statement.as_ref(), SqlStatement::Query(_)) {
        return None;
    }
    let (names, views) = named(sql, tables)?;
    let prefix = format!("{}.", Zone::Warehouse.name());
    if !names.named.iter().all(|name| name.starts_with(&prefix)) {
        return None;
    }
    let known = names.all.iter().map(|table| &table.shape.name).map(String::as_str);
    spelling::without_zone(sql, Zone::Warehouse.name(), known.chain(views.iter().map(|view| view.name)))
}

/// The condition of a row access policy on a table of the warehouse as the warehouse elsewhere reads it, if its subqueries name nothing but
/// tables and views of the warehouse.
pub(crate) fn filter_for_warehouse(table: &str, filter: &str, tables: &[Arc<Table>]) -> Option<String> {
    let zone = Zone::Warehouse.name();
    let read = spelling::session_user(&policy::bigquery_text(filter));
    let (names, views) = named(&format!("SELECT 1 FROM {zone}.{table} WHERE {read}"), tables)?;
    if !names.named.iter().all(|name| name.starts_with(&format!("{zone}."))) {
        return None;
    }
    let known = names.all.iter().map(|table| &table.shape.name).map(String::as_str);
    spelling::without_zone(filter, zone, known.chain(views.iter().map(|view| view.name)))
}

/// Accepts exactly one statement, and only one that reads.
fn parse(sql: &str) -> Result<Statement> {
    let mut statements = DFParser::parse_sql(sql).map_err(|e| fault::located(e, sql))?;
    let statement = match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => {
            return Err(Error::new(
                ErrorKind::Invalid,
                "There is no query. Write one, for instance SELECT count(*) FROM silver.sessions.",
            ));
        }
        (Some(_), false) => return Err(refused("more than one statement")),
    };
    if reads_only(&statement) { Ok(statement) } else { Err(refused(&first_word(sql))) }
}

fn reads_only(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(inner) => matches!(
            inner.as_ref(),
            SqlStatement::Query(_)
                | SqlStatement::Explain { .. }
                | SqlStatement::ExplainTable { .. }
                | SqlStatement::ShowTables { .. }
                | SqlStatement::ShowColumns { .. }
                | SqlStatement::ShowVariable { .. }
        ),
        Statement::Explain(explain) => reads_only(&explain.statement),
        _ => false,
    }
}

fn first_word(sql: &str) -> String {
    sql.split_whitespace().next().unwrap_or_default().to_uppercase()
}

fn refused(what: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!(
            "Only queries that read are allowed here (SELECT, WITH, EXPLAIN, SHOW, DESCRIBE); this one was refused: {what}."
        ),
    )
}

/// A DataFusion error as one sentence. What the writer of the query can mend is [`ErrorKind::Invalid`].
pub(crate) fn query_error(error: DataFusionError) -> Error {
    let root = error.find_root();
    let text = fault::words(root);
    match root {
        DataFusionError::ResourcesExhausted(_) => Error::with(
            ErrorKind::Invalid,
            format!(
                "The query needs more memory than it may use: ask for fewer rows or columns, or add a filter on date. {text}"
            ),
            error,
        ),
        DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) => {
            Error::with(ErrorKind::Storage, format!("A file of the lake could not be read or written: {text}"), error)
        }
        DataFusionError::Internal(_) => Error::with(ErrorKind::Internal, text, error),
        _ => Error::with(ErrorKind::Invalid, text, error),
    }
}

/// Dictionaries (partition columns) and view types are the engine's business: an answer has plain columns.
pub(crate) fn plain_schema(schema: &SchemaRef) -> SchemaRef {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|f| match f.data_type() {
            DataType::Dictionary(_, value) => Field::new(f.name(), value.as_ref().clone(), true),
            DataType::Utf8View => Field::new(f.name(), DataType::Utf8, true),
            _ => f.as_ref().clone(),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns =
        batch
            .columns()
            .iter()
            .zip(schema.fields())
            .map(|(column, field)| {
                if column.data_type() == field.data_type() {
                    Ok(column.clone())
                } else {
                    cast(column, field.data_type())
                }
            })
            .collect::<Result<Vec<_>, _>>();
    columns
        .and_then(|columns| {
            let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        })
        .map_err(|e| Error::with(ErrorKind::Internal, format!("The answer could not be converted: {e}"), e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_that_read_are_accepted() {
        let accepted = [
            "SELECT 1",
            "with a as (select 1) select * from a;",
            "EXPLAIN SELECT 1",
            "EXPLAIN ANALYZE SELECT 1",
            "SHOW TABLES",
            "SHOW COLUMNS FROM silver.sessions",
            "DESCRIBE silver.sessions",
            "VALUES (1), (2)",
        ];
        for sql in accepted {
            assert!(parse(sql).is_ok(), "{sql}: {:?}", parse(sql).err());
        }
        let refused = [
            "",
            "DELETE FROM silver.sessions",
            "INSERT INTO silver.sessions VALUES (1)",
            "UPDATE silver.sessions SET country = 'x'",
            "DROP TABLE silver.sessions",
            "CREATE TABLE t AS SELECT 1",
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
            "COPY (SELECT 1) TO 'x.parquet'",
            "EXPLAIN DELETE FROM silver.sessions; SELECT 1",
            "SET datafusion.execution.batch_size = 1",
            "SELECT 1; SELECT 2",
            "SELEC 1",
        ];
        for sql in refused {
            assert_eq!(parse(sql).err().map(|e| e.kind), Some(ErrorKind::Invalid), "{sql}");
        }
    }
}
