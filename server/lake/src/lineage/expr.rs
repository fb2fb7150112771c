//! What an expression is made of.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::{AggregateFunction, Case, ScalarFunction, Sort, WindowFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, WindowFunctionDefinition};

use super::Kind;
use super::inputs::{Inputs, Value};
use super::trace::Walk;
use super::words::literal;

/// An expression of more nodes names the column that it stands for: what nobody can read explains nothing.
const READABLE: usize = 160;

/// The rows that an expression is computed from.
#[derive(Clone)]
pub(super) struct Scope {
    pub schema: DFSchemaRef,
    /// One for each field of the schema.
    pub values: Vec<Value>,
}

impl Scope {
    fn get(&self, column: &Column) -> Option<&Value> {
        self.schema.maybe_index_of_column(column).and_then(|at| self.values.get(at))
    }
}

impl Walk<'_> {
    /// What the expression is made of, computed from rows of `scope`.
    pub fn value(&mut self, expr: &Expr, scope: &Scope) -> Result<Value, DataFusionError> {
        let mut value = self.made_of(expr, scope)?;
        (value.expr, value.size) = self.spelled(expr, scope);
        Ok(value)
    }

    /// The columns behind an expression of which nothing but they matters.
    pub fn inputs(&mut self, expr: &Expr, scope: &Scope, kind: Kind) -> Result<Inputs, DataFusionError> {
        Ok(self.made_of(expr, scope)?.inputs.then(kind))
    }

    fn made_of(&mut self, expr: &Expr, scope: &Scope) -> Result<Value, DataFusionError> {
        let from_inputs = |inputs| Value { inputs, ..Value::nothing(expr.clone()) };
        Ok(match expr {
            Expr::Alias(alias) => self.made_of(&alias.expr, scope)?,
            Expr::Column(column) => match scope.get(column) {
                Some(value) => value.clone(),
                None => return Err(unknown(column)),
            },
            Expr::OuterReferenceColumn(_, column) => {
                match self.outer.iter().rev().find_map(|scope| scope.get(column)) {
                    Some(value) => value.clone(),
                    None => return Err(unknown(column)),
                }
            }
            Expr::Unnest(unnest) => self.made_of(&unnest.expr, scope)?,
            Expr::Cast(cast) => self.cast(&cast.expr, cast.field.data_type(), scope)?,
            Expr::TryCast(cast) => self.cast(&cast.expr, cast.field.data_type(), scope)?,
            Expr::ScalarFunction(call) => self.function(call, scope)?,
            Expr::Case(case) => from_inputs(self.case(case, scope)?),
            Expr::AggregateFunction(call) => self.aggregate(call, scope)?,
            Expr::WindowFunction(call) => from_inputs(self.window(call, scope)?),
            Expr::ScalarSubquery(subquery) => from_inputs(self.subquery(&subquery.subquery, scope)?),
            Expr::Exists(exists) => {
                // Only whether there are rows matters.
                let rows = self.within(&exists.subquery.subquery, scope)?.1;
                from_inputs(rows.then(Kind::Transformation))
            }
            Expr::InSubquery(within) => {
                let compared = self.inputs(&within.expr, scope, Kind::Transformation)?;
                from_inputs(compared.and(self.subquery(&within.subquery.subquery, scope)?).then(Kind::Transformation))
            }
            Expr::SetComparison(compared) => {
                let left = self.inputs(&compared.expr, scope, Kind::Transformation)?;
                from_inputs(left.and(self.subquery(&compared.subquery.subquery, scope)?).then(Kind::Transformation))
            }
            other => from_inputs(self.children(other, scope)?.then(Kind::Transformation)),
        })
    }

    fn children(&mut self, expr: &Expr, scope: &Scope) -> Result<Inputs, DataFusionError> {
        let mut inputs = Inputs::default();
        expr.apply_children(|child| {
            inputs.add(self.made_of(child, scope)?.inputs);
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(inputs)
    }

    fn all<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e Expr>,
        scope: &Scope,
        kind: Kind,
    ) -> Result<Inputs, DataFusionError> {
        let mut inputs = Inputs::default();
        for expr in exprs {
            inputs.add(self.inputs(expr, scope, kind)?);
        }
        Ok(inputs)
    }

    fn cast(&mut self, expr: &Expr, to: &DataType, scope: &Scope) -> Result<Value, DataFusionError> {
        let value = self.made_of(expr, scope)?;
        let same = expr.get_type(&scope.schema).is_ok_and(|from| same_value(&from, to));
        Ok(if same { value } else { value.then(Kind::Transformation) })
    }

    fn function(&mut self, call: &ScalarFunction, scope: &Scope) -> Result<Value, DataFusionError> {
        let nothing = || Value::nothing(Expr::ScalarFunction(call.clone()));
        match (call.func.name(), call.args.as_slice()) {
            ("get_field", [of, path @ ..]) if path.iter().all(|name| literal(name).is_some()) => {
                let value = self.made_of(of, scope)?;
                Ok(path.iter().filter_map(literal).fold(value, |value, name| value.field(&name)))
            }
            ("named_struct", args) if args.chunks(2).all(|pair| pair.len() == 2 && literal(&pair[0]).is_some()) => {
                let mut fields = Vec::new();
                for pair in args.chunks(2) {
                    fields.push((literal(&pair[0]).unwrap_or_default(), self.made_of(&pair[1], scope)?));
                }
                Ok(record(fields, nothing()))
            }
            ("struct" | "row", args) => {
                let mut fields = Vec::new();
                for (at, value) in args.iter().enumerate() {
                    fields.push((format!("c{at}"), self.made_of(value, scope)?));
                }
                Ok(record(fields, nothing()))
            }
            // Elements of a list are where the list is; what chooses them only decides.
            (
                "array_element" | "array_slice" | "array_pop_back" | "array_pop_front" | "array_distinct",
                [list, rest @ ..],
            ) => {
                let value = self.made_of(list, scope)?.then(Kind::Transformation);
                let chosen_by = self.all(rest, scope, Kind::Conditional)?;
                Ok(Value { inputs: value.inputs.and(chosen_by), ..value })
            }
            (_, args) => Ok(Value { inputs: self.all(args, scope, Kind::Transformation)?, ..nothing() }),
        }
    }

    fn case(&mut self, case: &Case, scope: &Scope) -> Result<Inputs, DataFusionError> {
        let conditions = case.expr.iter().chain(case.when_then_expr.iter().map(|(when, _)| when));
        let values = case.when_then_expr.iter().map(|(_, then)| then).chain(case.else_expr.iter());
        let values = self.all(values.map(AsRef::as_ref), scope, Kind::Transformation)?;
        Ok(values.and(self.all(conditions.map(AsRef::as_ref), scope, Kind::Conditional)?))
    }

    fn aggregate(&mut self, call: &AggregateFunction, scope: &Scope) -> Result<Value, DataFusionError> {
        let params = &call.params;
        let mut value = match params.args.as_slice() {
            // Lists of records, the greatest record and so on still have their fields.
            [one] => self.made_of(one, scope)?.then(Kind::Aggregation),
            args => {
                let inputs = self.all(args, scope, Kind::Aggregation)?;
                Value { inputs, ..Value::nothing(Expr::AggregateFunction(call.clone())) }
            }
        };
        value.inputs.add(self.all(params.filter.iter().map(AsRef::as_ref), scope, Kind::Conditional)?);
        value.inputs.add(self.sorted(&params.order_by, scope, Kind::Sort)?);
        Ok(value)
    }

    fn window(&mut self, call: &WindowFunction, scope: &Scope) -> Result<Inputs, DataFusionError> {
        let params = &call.params;
        let kind = match call.fun {
            WindowFunctionDefinition::AggregateUDF(_) => Kind::Aggregation,
            WindowFunctionDefinition::WindowUDF(_) => Kind::Transformation,
        };
        let mut inputs = self.all(&params.args, scope, kind)?;
        inputs.add(self.all(&params.partition_by, scope, Kind::Window)?);
        inputs.add(self.sorted(&params.order_by, scope, Kind::Window)?);
        inputs.add(self.all(params.filter.iter().map(AsRef::as_ref), scope, Kind::Conditional)?);
        Ok(inputs)
    }

    /// What decides an order.
    pub fn sorted(&mut self, by: &[Sort], scope: &Scope, kind: Kind) -> Result<Inputs, DataFusionError> {
        self.all(by.iter().map(|sort| &sort.expr), scope, kind)
    }

    /// The value of a subquery, with what decides which row it is taken from.
    fn subquery(&mut self, plan: &LogicalPlan, scope: &Scope) -> Result<Inputs, DataFusionError> {
        let (values, rows) = self.within(plan, scope)?;
        let first = values.into_iter().next().map(|value| value.inputs).unwrap_or_default();
        Ok(first.and(rows))
    }

    /// A plan within an expression: its columns, and what decides about its rows.
    pub fn within(&mut self, plan: &LogicalPlan, scope: &Scope) -> Result<(Vec<Value>, Inputs), DataFusionError> {
        self.outer.push(scope.clone());
        let rows = std::mem::take(&mut self.rows);
        let values = self.plan(plan);
        let inner = std::mem::replace(&mut self.rows, rows);
        self.outer.pop();
        Ok((values?, inner))
    }

    /// The expression over columns of tables, and its nodes.
    fn spelled(&self, expr: &Expr, scope: &Scope) -> (Expr, usize) {
        let named = || Expr::Column(Column::new_unqualified(expr.schema_name().to_string()));
        let mut size = 0;
        let counted = expr.apply(|node| {
            size += match node {
                Expr::Column(column) => scope.get(column).map_or(1, |value| value.size),
                _ => 1,
            };
            Ok(TreeNodeRecursion::Continue)
        });
        if counted.is_err() || size > READABLE {
            return (named(), 1);
        }
        let spelled = expr.clone().unalias().transform_up(|node| {
            Ok(match &node {
                Expr::Column(column) => match scope.get(column) {
                    Some(value) => Transformed::yes(value.expr.clone()),
                    None => Transformed::no(node),
                },
                _ => Transformed::no(node),
            })
        });
        match spelled {
            Ok(spelled) => (spelled.data, size),
            Err(_) => (named(), 1),
        }
    }
}

fn record(fields: Vec<(String, Value)>, value: Value) -> Value {
    let mut inputs = Inputs::default();
    for (_, field) in &fields {
        inputs.add(field.inputs.clone().then(Kind::Transformation));
    }
    Value { inputs, fields: Some(fields), ..value }
}

fn unknown(column: &Column) -> DataFusionError {
    DataFusionError::Plan(format!("the plan names the column {column}, which none of its inputs has"))
}

/// Whether a cast changes at most how wide a value is stored.
fn same_value(from: &DataType, to: &DataType) -> bool {
    use DataType::{Dictionary, Float32, Float64, LargeUtf8, List, Struct, Timestamp, Utf8, Utf8View};
    let text = |data_type: &DataType| matches!(data_type, Utf8 | LargeUtf8 | Utf8View);
    match (from, to) {
        (Dictionary(_, from), to) => same_value(from, to),
        (from, Dictionary(_, to)) => same_value(from, to),
        (from, to) if from == to || text(from) && text(to) => true,
        (Float32, Float64) => true,
        (Timestamp(..), Timestamp(..)) => true,
        (List(from), List(to)) => same_value(from.data_type(), to.data_type()),
        (Struct(from), Struct(to)) => {
            from.len() == to.len() && from.iter().zip(to).all(|(a, b)| same_value(a.data_type(), b.data_type()))
        }
        (from, to) if from.is_integer() && to.is_integer() => {
            let width = |data_type: &DataType| data_type.primitive_width().unwrap_or_default();
            width(to) >= width(from)
        }
        (DataType::Null, _) => true,
        _ => false,
    }
}
