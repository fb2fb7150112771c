//! Plans of queries that are not run: what their lineage is read from.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::DFParser;
use deltalake::delta_datafusion::DeltaSessionConfig;

use super::{fault, query_error, spelling, views};
use crate::delta::Shape;
use crate::model::Zone;
use crate::{Error, ErrorKind, Result};

/// A query as it is planned, with what its tables are that were made in the same text.
pub(crate) struct Traceable {
    pub plan: LogicalPlan,
    /// Plans of tables that earlier statements made, by name.
    pub made: Vec<(String, LogicalPlan)>,
}

/// Plans over the schemas of tables; none of them needs to be on disk.
pub(crate) struct Planner {
    context: SessionContext,
    names: spelling::Names,
}

/// Of no table is a row read: policies have nothing to keep back here.
fn register(context: &SessionContext, zone: Zone, name: &str, provider: Arc<dyn TableProvider>) -> Result<()> {
    context.register_table(TableReference::partial(zone.name(), name), provider).map(|_| ()).map_err(query_error)
}

impl Planner {
    /// Over these tables and the views on them.
    pub async fn over(tables: &[Shape]) -> Result<Planner> {
        let config: SessionConfig = DeltaSessionConfig::default().into();
        let config = config
            .set_bool("datafusion.sql_parser.collect_spans", true)
            .set_bool("datafusion.execution.parquet.schema_force_view_types", false)
            .set_bool("datafusion.sql_parser.map_string_types_to_utf8view", false);
        let state = SessionStateBuilder::new().with_default_features().with_config(config).build();
        let mut planner = Planner { context: SessionContext::new_with_state(state), names: spelling::Names::default() };
        let catalog = planner.context.catalog("datafusion");
        let catalog = catalog.ok_or_else(|| Error::new(ErrorKind::Internal, "DataFusion has no default catalog."))?;
        for zone in Zone::ALL {
            let schema = Arc::new(datafusion::catalog::MemorySchemaProvider::new());
            catalog.register_schema(zone.name(), schema).map_err(query_error)?;
        }
        for table in tables {
            planner.add(table.zone, &table.name, table.schema.clone())?;
        }
        for view in views::View::all() {
            let provider = view.provider(&planner.context).await?;
            planner.names.learn(view.zone.name(), view.name, &provider.schema());
            register(&planner.context, view.zone, view.name, provider)?;
        }
        Ok(planner)
    }

    fn add(&mut self, zone: Zone, name: &str, schema: SchemaRef) -> Result<()> {
        self.names.learn(zone.name(), name, &schema);
        register(&self.context, zone, name, Arc::new(EmptyTable::new(schema)))
    }

    /// Plans one query, or a text of statements whose last one is a query or makes a table by one; those before it make tables.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the place in the text.
    pub async fn plan(&self, sql: &str) -> Result<Traceable> {
        let sql = self.names.respell(sql);
        let at = |e| fault::located(e, &sql);
        let mut statements = DFParser::parse_sql(&sql).map_err(at)?;
        let Some(last) = statements.pop_back() else {
            return Err(Error::new(
                ErrorKind::Invalid,
                "There is no query. Write one, for instance SELECT date, sum(revenue) FROM silver.sessions GROUP BY date.",
            ));
        };
        let mut made = Vec::new();
        for statement in statements {
            let plan = self.context.state().statement_to_plan(statement).await.map_err(at)?;
            match &plan {
                LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(create)) => {
                    let schema = Arc::new(create.input.schema().as_arrow().clone());
                    if !matches!(create.input.as_ref(), LogicalPlan::EmptyRelation(_)) {
                        made.push((create.name.table().to_owned(), create.input.as_ref().clone()));
                    }
                    self.context.register_table(create.name.clone(), Arc::new(EmptyTable::new(schema))).map_err(at)?;
                }
                LogicalPlan::Ddl(DdlStatement::CreateView(create)) => {
                    let view = datafusion::datasource::ViewTable::new(create.input.as_ref().clone(), None);
                    self.context.register_table(create.name.clone(), Arc::new(view)).map_err(at)?;
                }
                _ => {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        "Only CREATE TABLE and CREATE VIEW may stand before the query whose lineage is asked for.",
                    ));
                }
            }
        }
        let plan = self.context.state().statement_to_plan(last).await.map_err(at)?;
        Ok(Traceable { plan, made })
    }

    /// The plan of a view.
    pub async fn view(&self, name: &str) -> Result<LogicalPlan> {
        let provider = self.context.table_provider(TableReference::parse_str(name)).await.map_err(query_error)?;
        let plan = provider.get_logical_plan().map(|plan| plan.into_owned());
        plan.ok_or_else(|| Error::new(ErrorKind::Internal, format!("There is no view {name}.")))
    }
}
