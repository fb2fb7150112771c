//! The query engine as the transforms use it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::collect;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::FutureExt;

use super::sql_file::{RuleDef, SqlFile};
use crate::calls::{Begun, Size, Transform, subject};
use crate::model::{RuleEffect, Zone};
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

/// SQL with what it is for: what runs is what is noted.
pub(super) struct Statement {
    zone: Zone,
    name: String,
    title: String,
    sql: String,
}

impl Statement {
    /// SQL that gives the table (or what is on the way to one) of this name.
    pub fn new(zone: Zone, name: &str, title: impl Into<String>, sql: impl Into<String>) -> Statement {
        Statement { zone, name: name.to_owned(), title: title.into(), sql: sql.into() }
    }

    /// Notes that it ran.
    fn ran(&self, begun: Begun, result: &Result<Vec<RecordBatch>>) {
        if !begun.wanted() {
            return;
        }
        let operation = Transform {
            zone: self.zone,
            name: self.name.clone(),
            title: self.title.clone(),
            of: subject(),
            sql: self.sql.clone(),
        };
        begun.end(operation, result, |rows| Size::rows(rows.iter().map(|batch| batch.num_rows() as u64).sum()));
    }
}

/// A query that is planned once and run over other batches each time. Planning takes longer than running a
/// day does, and a seed runs many days.
pub(super) struct Prepared {
    statement: Statement,
    /// As it was written, before the optimizer: what its lineage is read from.
    logical: LogicalPlan,
    plan: LogicalPlan,
    schema: SchemaRef,
}

/// The relations that a [`Prepared`] query reads, by name.
pub(super) type Relations = HashMap<&'static str, Arc<dyn TableProvider>>;

impl Prepared {
    /// Plans over registered tables; only their schemas matter.
    pub fn new(context: &SessionContext, statement: Statement) -> Result<Prepared> {
        let query = plan(context, &statement.sql)?;
        let schema = stored_schema(&query);
        let logical = query.logical_plan().clone();
        let plan = context.state().optimize(&logical);
        let plan = plan.map_err(|error| failed("A transform could not be planned", error))?;
        Ok(Prepared { statement, logical, plan, schema })
    }

    /// The plan as it was written.
    pub fn logical(&self) -> &LogicalPlan {
        &self.logical
    }

    /// The SQL that was planned.
    pub fn sql(&self) -> &str {
        &self.statement.sql
    }

    /// The schema of [`Prepared::run`]'s batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Runs over these relations, which have the schemas that were planned with.
    pub async fn run(&self, context: &SessionContext, relations: &Relations) -> Result<Vec<RecordBatch>> {
        let begun = Begun::now();
        let name = &self.statement.name;
        let batches = self.collect(context, relations).await;
        let batches = batches.map_err(|error| failed(&format!("The transform '{name}' failed"), error));
        self.statement.ran(begun, &batches);
        let batches = batches?.into_iter().filter(|batch| batch.num_rows() > 0);
        batches.map(|batch| conform(&batch, &self.schema)).collect()
    }

    /// Adds the columns that the query reads of each relation, by position.
    fn reads(&self, reads: &mut BTreeMap<String, BTreeSet<usize>>) -> Result<()> {
        let visited = self.plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let columns = reads.entry(scan.table_name.table().to_owned()).or_default();
                match &scan.projection {
                    Some(projection) => columns.extend(projection),
                    None => columns.extend(0..scan.source.schema().fields().len()),
                }
            }
            Ok(TreeNodeRecursion::Continue)
        });
        visited.map(|_| ()).map_err(|error| failed("A transform could not be planned", error))
    }

    async fn collect(
        &self,
        context: &SessionContext,
        relations: &Relations,
    ) -> Result<Vec<RecordBatch>, DataFusionError> {
        let plan = self.plan.clone().transform_up(|node| {
            let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
            if let Some(provider) = relations.get(scan.table_name.table()) {
                scan.source = provider_as_source(Arc::clone(provider));
            }
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        })?;
        let state = context.state();
        let physical = state.query_planner().create_physical_plan(&plan.data, &state).await?;
        collect(physical, context.task_ctx()).await
    }
}

/// A table's query and those that count its rules, planned once.
pub(super) struct PlannedTable {
    pub name: &'static str,
    pub query: Prepared,
    rules: Vec<RuleDef>,
    /// Which rules each query counts.
    counts: Vec<(Vec<usize>, Prepared)>,
}

impl PlannedTable {
    /// Plans over the registered tables; the table itself is registered for the rules and for the tables behind it.
    pub fn new(
        context: &SessionContext,
        zone: Zone,
        name: &'static str,
        file: &SqlFile,
        rules: Vec<RuleDef>,
    ) -> Result<PlannedTable> {
        let query = Prepared::new(context, Statement::new(zone, name, file.title, file.sql))?;
        register(context, name, Arc::clone(query.schema()), Vec::new())?;
        let counts = rule_queries(&rules);
        let counts = counts.into_iter().map(|count| {
            let title = format!("Counts what the rules of {name} touched");
            Ok((count.rules, Prepared::new(context, Statement::new(zone, name, title, count.sql))?))
        });
        let counts = counts.collect::<Result<_>>()?;
        Ok(PlannedTable { name, query, rules, counts })
    }

    /// Computes the table, adds it to the relations, and counts its rules.
    pub async fn compute(
        &self,
        context: &SessionContext,
        relations: &mut Relations,
    ) -> Result<(Vec<RecordBatch>, Vec<RuleEffect>)> {
        let rows = self.query.run(context, relations).await?;
        relations.insert(self.name, table_of(self.name, Arc::clone(self.query.schema()), rows.clone())?);
        let mut counted = Vec::new();
        for (rules, query) in &self.counts {
            counted.push((rules.clone(), query.run(context, relations).await?));
        }
        let effects = effects(self.name, &self.rules, &counted)?;
        Ok((rows, effects))
    }
}

/// What the tables read of each registered relation, as schemas with only those columns.
pub(super) fn narrowed(
    tables: &[PlannedTable],
    relations: &HashMap<&'static str, SchemaRef>,
) -> Result<Vec<(&'static str, SchemaRef)>> {
    let mut reads = BTreeMap::new();
    for table in tables {
        table.query.reads(&mut reads)?;
    }
    let mut narrow = Vec::new();
    for (name, columns) in reads {
        if let Some((name, schema)) = relations.get_key_value(name.as_str()) {
            let columns: Vec<usize> = columns.into_iter().collect();
            let schema =
                schema.project(&columns).map_err(|error| failed("A transform could not be planned", error.into()))?;
            narrow.push((*name, Arc::new(schema)));
        }
    }
    Ok(narrow)
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

/// Batches as a table.
pub(super) fn table_of(name: &str, schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>> {
    parts_of(name, schema, vec![batches])
}

/// Batches as a table whose parts are read at the same time.
pub(super) fn parts_of(name: &str, schema: SchemaRef, parts: Vec<Vec<RecordBatch>>) -> Result<Arc<dyn TableProvider>> {
    let table = MemTable::try_new(schema, parts);
    let table = table.map_err(|error| failed(&format!("The rows of '{name}' could not be handed on"), error))?;
    Ok(Arc::new(table))
}

/// Registers batches under a name, replacing what was there.
pub(super) fn register(
    context: &SessionContext,
    name: &str,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> Result<()> {
    let table = table_of(name, schema, batches)?;
    context
        .deregister_table(name)
        .and_then(|_| context.register_table(name, table))
        .map(|_| ())
        .map_err(|error| failed(&format!("The rows of '{name}' could not be handed on"), error))
}

/// One query that counts all rules over one relation.
pub(super) struct RuleQuery {
    pub sql: String,
    /// Which rule each of its columns counts.
    pub rules: Vec<usize>,
}

/// The queries that count the rules: one for each relation they name.
pub(super) fn rule_queries(rules: &[RuleDef]) -> Vec<RuleQuery> {
    let mut relations: Vec<&str> = rules.iter().map(|rule| rule.of).collect();
    relations.sort_unstable();
    relations.dedup();
    let query = |relation| {
        let rules_of: Vec<usize> = (0..rules.len()).filter(|&i| rules[i].of == relation).collect();
        let counts = rules_of.iter().map(|&i| format!("CAST({} AS BIGINT) AS rule_{i}", rules[i].count));
        let sql = format!("SELECT {} FROM {relation}", counts.collect::<Vec<_>>().join(", "));
        RuleQuery { sql, rules: rules_of }
    };
    relations.into_iter().map(query).collect()
}

/// The effects of the rules, from the answers to [`rule_queries`].
pub(super) fn effects(
    table: &str,
    rules: &[RuleDef],
    counted: &[(Vec<usize>, Vec<RecordBatch>)],
) -> Result<Vec<RuleEffect>> {
    let mut counts = vec![0_u64; rules.len()];
    for (rules_of, batches) in counted {
        let row = batches.iter().find(|batch| batch.num_rows() > 0);
        for (column, &rule) in rules_of.iter().enumerate() {
            let value = row.and_then(|batch| {
                let values = batch.column(column).as_primitive_opt::<Int64Type>()?;
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
