//! What a plan is made of.

use std::collections::{BTreeSet, HashMap};

use arrow::datatypes::Schema;
use datafusion::common::{Column, DFSchema, DFSchemaRef, JoinType, TableReference};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, Join, LogicalPlan, RecursiveQuery, TableScan, Unnest};

use super::expr::Scope;
use super::inputs::{Inputs, Value};
use super::words::words;
use super::{ColumnRef, Kind, Lineage, OutputColumn};
use crate::{Error, ErrorKind, Result};

/// A recursive query goes round until nothing new comes out of it; columns settle after as many rounds as there are of them.
const ROUNDS: usize = 64;

/// What a scan of a plan reads.
pub(crate) enum Origin<'a> {
    /// A table of this name: lineage ends here.
    Table(String),
    /// Rows of the table of this name: those that this plan chose, with columns that the table does not have.
    Rows { of: String, chosen_by: Option<&'a LogicalPlan>, besides: &'static [&'static str] },
    /// The result of another plan: lineage goes on into it.
    Plan(&'a LogicalPlan),
    /// Made of nothing that has a name.
    Nothing,
}

/// The lineage of a plan.
///
/// # Errors
/// [`ErrorKind::Internal`] if the plan has a node that is not known here, and is what could not be followed.
pub(crate) fn trace<'a>(plan: &'a LogicalPlan, origin: &'a dyn Fn(&TableScan) -> Origin<'a>) -> Result<Lineage> {
    let mut walk =
        Walk { origin, outer: Vec::new(), rows: Inputs::default(), tables: BTreeSet::new(), work: HashMap::new() };
    let values = walk.plan(plan).map_err(|error| {
        let text = error.strip_backtrace();
        Error::with(ErrorKind::Internal, format!("The lineage of a plan cannot be followed: {text}"), error)
    })?;
    let plan = inner(plan);
    let columns = plan.schema().fields().iter().zip(values).map(|(field, value)| OutputColumn {
        column: field.name().clone(),
        expression: words(&value.expr),
        kind: value.inputs.kind(),
        inputs: value.inputs.listed(),
    });
    let columns = columns.collect();
    Ok(Lineage { columns, rows: walk.rows.listed(), tables: walk.tables.into_iter().collect() })
}

/// The query of a statement that does something with its result.
fn inner(plan: &LogicalPlan) -> &LogicalPlan {
    use datafusion::logical_expr::DdlStatement::{CreateMemoryTable, CreateView};
    match plan {
        LogicalPlan::Explain(explain) => inner(&explain.plan),
        LogicalPlan::Analyze(analyze) => inner(&analyze.input),
        LogicalPlan::Ddl(CreateMemoryTable(create)) => inner(&create.input),
        LogicalPlan::Ddl(CreateView(create)) => inner(&create.input),
        LogicalPlan::Dml(dml) => inner(&dml.input),
        LogicalPlan::Copy(copy) => inner(&copy.input),
        plan => plan,
    }
}

pub(super) struct Walk<'a> {
    origin: &'a dyn Fn(&TableScan) -> Origin<'a>,
    /// Rows of the queries around a subquery, the nearest last.
    pub outer: Vec<Scope>,
    /// What decided about rows so far.
    pub rows: Inputs,
    tables: BTreeSet<String>,
    /// What the work tables of recursive queries hold.
    work: HashMap<String, Vec<Value>>,
}

type Values = Result<Vec<Value>, DataFusionError>;

impl Walk<'_> {
    /// One value for each column of the plan.
    pub fn plan(&mut self, plan: &LogicalPlan) -> Values {
        let nothing = |schema: &DFSchemaRef| -> Vec<Value> {
            let of = |name: &String| Value::nothing(Expr::Column(Column::new_unqualified(name)));
            schema.fields().iter().map(|field| of(field.name())).collect()
        };
        let plan = inner(plan);
        Ok(match plan {
            LogicalPlan::Projection(project) => {
                let scope = self.scope(&project.input)?;
                let values = project.expr.iter().map(|expr| self.value(expr, &scope));
                values.collect::<Result<_, _>>()?
            }
            LogicalPlan::Filter(filter) => {
                let scope = self.scope(&filter.input)?;
                let decides = self.inputs(&filter.predicate, &scope, Kind::Filter)?;
                self.rows.add(decides);
                scope.values
            }
            LogicalPlan::Window(window) => {
                let scope = self.scope(&window.input)?;
                let mut values = scope.values.clone();
                for expr in &window.window_expr {
                    values.push(self.value(expr, &scope)?);
                }
                values
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregated(aggregate)?,
            LogicalPlan::Sort(sort) => {
                let scope = self.scope(&sort.input)?;
                let decides = self.sorted(&sort.expr, &scope, Kind::Sort)?;
                self.rows.add(decides);
                scope.values
            }
            LogicalPlan::Join(join) => self.joined(join)?,
            LogicalPlan::Union(union) => {
                let mut branches = union.inputs.iter();
                let mut values = match branches.next() {
                    Some(first) => self.plan(first)?,
                    None => nothing(&union.schema),
                };
                for branch in branches {
                    for (value, other) in values.iter_mut().zip(self.plan(branch)?) {
                        value.inputs.add(other.inputs);
                        value.fields = None;
                    }
                }
                values
            }
            LogicalPlan::TableScan(scan) => self.scanned(scan)?,
            LogicalPlan::Subquery(subquery) => self.plan(&subquery.subquery)?,
            LogicalPlan::SubqueryAlias(alias) => self.plan(&alias.input)?,
            LogicalPlan::Limit(limit) => self.plan(&limit.input)?,
            LogicalPlan::Repartition(repartition) => self.plan(&repartition.input)?,
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let values = self.plan(input)?;
                for value in &values {
                    self.rows.add(value.inputs.clone().then(Kind::GroupBy));
                }
                values
            }
            LogicalPlan::Distinct(Distinct::On(on)) => {
                let scope = self.scope(&on.input)?;
                for expr in &on.on_expr {
                    let decides = self.inputs(expr, &scope, Kind::GroupBy)?;
                    self.rows.add(decides);
                }
                let decides = self.sorted(on.sort_expr.as_deref().unwrap_or_default(), &scope, Kind::Sort)?;
                self.rows.add(decides);
                on.select_expr.iter().map(|expr| self.value(expr, &scope)).collect::<Result<_, _>>()?
            }
            LogicalPlan::Unnest(unnest) => self.unnested(unnest)?,
            LogicalPlan::RecursiveQuery(query) => self.recursive(query)?,
            LogicalPlan::Extension(extension) => match extension.node.inputs().as_slice() {
                // A node that lets its rows pass, some of them.
                [input] if input.schema().fields().len() == plan.schema().fields().len() => self.plan(input)?,
                _ => return Err(DataFusionError::Plan(format!("the plan has a node {}", extension.node.name()))),
            },
            LogicalPlan::Values(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::DescribeTable(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::Explain(_)
            | LogicalPlan::Analyze(_) => nothing(plan.schema()),
        })
    }

    fn scope(&mut self, input: &LogicalPlan) -> Result<Scope, DataFusionError> {
        Ok(Scope { values: self.plan(input)?, schema: inner(input).schema().clone() })
    }

    fn aggregated(&mut self, aggregate: &Aggregate) -> Values {
        let scope = self.scope(&aggregate.input)?;
        let mut values = Vec::new();
        for expr in grouping_set_to_exprlist(&aggregate.group_expr)? {
            let value = self.value(expr, &scope)?;
            self.rows.add(value.inputs.clone().then(Kind::GroupBy));
            values.push(value);
        }
        // Of grouping sets, which one a row belongs to.
        let keys = aggregate.schema.fields().len() - aggregate.aggr_expr.len();
        while values.len() < keys {
            values.push(Value::nothing(Expr::Column(Column::new_unqualified(Aggregate::INTERNAL_GROUPING_ID))));
        }
        for expr in &aggregate.aggr_expr {
            values.push(self.value(expr, &scope)?);
        }
        Ok(values)
    }

    fn joined(&mut self, join: &Join) -> Values {
        let left = self.scope(&join.left)?;
        let right = match join.right.as_ref() {
            // LATERAL: it sees the row on the left.
            LogicalPlan::Subquery(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Projection(_) => {
                let (values, rows) = self.within(&join.right, &left)?;
                self.rows.add(rows);
                Scope { values, schema: join.right.schema().clone() }
            }
            right => self.scope(right)?,
        };
        let mut decides = Inputs::default();
        for (of_left, of_right) in &join.on {
            decides.add(self.inputs(of_left, &left, Kind::Join)?);
            decides.add(self.inputs(of_right, &right, Kind::Join)?);
        }
        let both = |left: &Scope, right: &Scope| left.values.iter().chain(&right.values).cloned().collect::<Vec<_>>();
        if let Some(filter) = &join.filter {
            let schema = left.schema.join(&right.schema)?;
            let scope = Scope { schema: schema.into(), values: both(&left, &right) };
            decides.add(self.inputs(filter, &scope, Kind::Join)?);
        }
        self.rows.add(decides.clone());
        let mark = || Value { inputs: decides.then(Kind::Conditional), ..Value::nothing(Expr::Column("mark".into())) };
        Ok(match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => both(&left, &right),
            JoinType::LeftSemi | JoinType::LeftAnti => left.values,
            JoinType::RightSemi | JoinType::RightAnti => right.values,
            JoinType::LeftMark => left.values.into_iter().chain([mark()]).collect(),
            JoinType::RightMark => right.values.into_iter().chain([mark()]).collect(),
        })
    }

    fn scanned(&mut self, scan: &TableScan) -> Values {
        let schema = scan.source.schema();
        let whole = match (self.origin)(scan) {
            _ if self.work.contains_key(scan.table_name.table()) && scan.table_name.schema().is_none() => {
                self.work.get(scan.table_name.table()).cloned().unwrap_or_default()
            }
            Origin::Table(name) => self.table(name, &schema),
            Origin::Rows { of, chosen_by, besides } => {
                for value in chosen_by.map(|plan| self.plan(plan)).transpose()?.into_iter().flatten() {
                    self.rows.add(value.inputs.then(Kind::Filter));
                }
                let mut values = self.table(of, &schema);
                for (field, value) in schema.fields().iter().zip(&mut values) {
                    if besides.contains(&field.name().as_str()) {
                        value.inputs = Inputs::default();
                    }
                }
                values
            }
            Origin::Plan(plan) => {
                // What decided about its rows decides about these.
                let values = self.plan(plan)?;
                let names = schema
                    .fields()
                    .iter()
                    .map(|field| inner(plan).schema().index_of_column_by_name(None, field.name()));
                let places: Vec<_> = names.collect();
                places.into_iter().map(|at| pick(&values, at)).collect::<Result<_, _>>()?
            }
            Origin::Nothing => {
                let nothing = |name: &String| Value::nothing(Expr::Column(Column::new_unqualified(name)));
                schema.fields().iter().map(|field| nothing(field.name())).collect()
            }
        };
        let values = match &scan.projection {
            Some(columns) => columns.iter().map(|at| pick(&whole, Some(*at))).collect::<Result<_, _>>()?,
            None => whole.clone(),
        };
        if !scan.filters.is_empty() {
            let schema = DFSchema::try_from_qualified_schema(scan.table_name.clone(), &schema)?;
            let scope = Scope { schema: schema.into(), values: whole };
            for filter in &scan.filters {
                let decides = self.inputs(filter, &scope, Kind::Filter)?;
                self.rows.add(decides);
            }
        }
        Ok(values)
    }

    fn table(&mut self, name: String, schema: &Schema) -> Vec<Value> {
        let column = |field: &arrow::datatypes::FieldRef| {
            let of = ColumnRef { table: name.clone(), column: field.name().clone() };
            Value {
                inputs: Inputs::column(of, field.data_type().clone()),
                ..Value::nothing(Expr::Column(Column::new_unqualified(field.name())))
            }
        };
        let values = schema.fields().iter().map(column).collect();
        self.tables.insert(name);
        values
    }

    fn unnested(&mut self, unnest: &Unnest) -> Values {
        let scope = self.scope(&unnest.input)?;
        let mut fields_taken: HashMap<usize, usize> = HashMap::new();
        let mut values = Vec::new();
        for at in &unnest.dependency_indices {
            let of = pick(&scope.values, Some(*at))?;
            if unnest.struct_type_columns.contains(at) {
                let taken = fields_taken.entry(*at).or_default();
                let name = match scope.schema.field(*at).data_type() {
                    arrow::datatypes::DataType::Struct(fields) => fields.get(*taken).map(|field| field.name().clone()),
                    _ => None,
                };
                *taken += 1;
                values.push(name.map_or_else(|| of.clone(), |name| of.field(&name)));
            } else if unnest.list_type_columns.iter().any(|(list, _)| list == at) {
                let inner = datafusion::logical_expr::expr::Unnest { expr: Box::new(of.expr.clone()), outer: false };
                values.push(Value { expr: Expr::Unnest(inner), size: of.size + 1, ..of });
            } else {
                values.push(of);
            }
        }
        Ok(values)
    }

    fn recursive(&mut self, query: &RecursiveQuery) -> Values {
        let mut values = self.plan(&query.static_term)?;
        let before = self.work.remove(&query.name);
        for _ in 0..ROUNDS {
            self.work.insert(query.name.clone(), values.clone());
            let round = self.plan(&query.recursive_term)?;
            let known: Vec<_> = values.iter().map(|value| value.inputs.listed()).collect();
            for (value, more) in values.iter_mut().zip(round) {
                value.inputs.add(more.inputs);
            }
            if values.iter().map(|value| value.inputs.listed()).eq(known) {
                break;
            }
        }
        match before {
            Some(before) => drop(self.work.insert(query.name.clone(), before)),
            None => drop(self.work.remove(&query.name)),
        }
        Ok(values)
    }
}

fn pick(values: &[Value], at: Option<usize>) -> Result<Value, DataFusionError> {
    let found = at.and_then(|at| values.get(at)).cloned();
    found.ok_or_else(|| DataFusionError::Plan("the plan reads a column that its input does not have".to_owned()))
}

/// `silver.sessions` for a scan of it in the session that queries run in.
pub(super) fn full_name(table: &TableReference) -> String {
    match (table.schema(), table.table()) {
        (Some(schema), table) => format!("{schema}.{table}"),
        (None, table) => table.to_owned(),
    }
}
