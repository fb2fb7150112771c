//! A table as somebody sees it: the projection that masks, over the filter of the row policies, over the table.
//!
//! The plan of the query sees one table with masked columns and fewer rows. What stands in between is planned by itself and executed
//! behind a [`Barrier`], so that no optimiser can move a condition of the query to where hidden rows or values are.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, ScalarValue, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TableProviderFilterPushDown, TableType, Volatility,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;

use super::{Barrier, Rule, Shield, mask};

/// A table behind its policies.
#[derive(Debug)]
pub(crate) struct Guarded {
    plan: LogicalPlan,
    schema: SchemaRef,
    pub shield: Shield,
    /// Columns whose values decide on files alone.
    partition: Vec<String>,
}

impl Guarded {
    /// The table `from`, which `owner` knows as it is, behind the shield. `condition` is the shield's, as the engine reads it.
    pub async fn new(
        owner: &SessionContext,
        from: &str,
        shield: Shield,
        condition: Option<String>,
        partition: &[String],
    ) -> Result<Guarded> {
        let filter = condition.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        let rows = owner.state().create_logical_plan(&format!("SELECT * FROM {from}{filter}")).await?;
        let mut columns = Vec::new();
        for (qualifier, field) in rows.schema().iter() {
            let mut expression = Expr::Column(Column::from((qualifier, field)));
            for covered in &shield.columns {
                let Some((first, rest)) = covered.path.split_first() else { continue };
                if first.eq_ignore_ascii_case(field.name()) {
                    let rule = covered.rule.unwrap_or(Rule::AlwaysNull);
                    let function = MaskFunction::new(rule, covered.rule.is_none(), rest.to_vec());
                    expression = ScalarUDF::new_from_impl(function).call(vec![expression]);
                }
            }
            columns.push(expression.alias(field.name()));
        }
        let plan = LogicalPlanBuilder::from(rows).project(columns)?.build()?;
        let schema = Arc::new(plan.schema().as_arrow().clone());
        let partition = partition.iter().filter(|column| !shield.covers(column)).cloned().collect();
        Ok(Guarded { plan, schema, shield, partition })
    }

    /// Columns and comparisons that cannot fail and that read nothing but a partition's value: they may leave out files.
    fn only_partitions(&self, expression: &Expr) -> bool {
        let column = |e: &Expr| matches!(e, Expr::Column(c) if self.partition.contains(&c.name));
        let literal = |e: &Expr| matches!(e, Expr::Literal(..));
        match expression {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
                self.only_partitions(left) && self.only_partitions(right)
            }
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq,
                right,
            }) => (column(left) && literal(right)) || (literal(left) && column(right)),
            Expr::InList(InList { expr, list, .. }) => column(expr) && list.iter().all(literal),
            Expr::Not(inner) => self.only_partitions(inner),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => column(inner),
            _ => false,
        }
    }
}

#[async_trait]
impl TableProvider for Guarded {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushed = |filter: &&Expr| match self.only_partitions(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(pushed).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let fields = self.plan.schema();
        let mut plan = LogicalPlanBuilder::from(self.plan.clone());
        for filter in filters.iter().filter(|filter| self.only_partitions(filter)) {
            plan = plan.filter(filter.clone())?;
        }
        if let Some(wanted) = projection {
            for field in wanted.iter().filter_map(|at| self.schema.fields().get(*at)) {
                let denied = |covered: &&super::shield::Covered| {
                    covered.path.len() == 1 && covered.path[0].eq_ignore_ascii_case(field.name())
                };
                if let Some(covered) = self.shield.denied().find(denied) {
                    return Err(super::denied::error(&self.shield, covered));
                }
            }
            plan = plan.project(wanted.iter().map(|at| Expr::Column(Column::from(fields.qualified_field(*at)))))?;
        }
        if limit.is_some() {
            plan = plan.limit(0, limit)?;
        }
        let inside = state.create_physical_plan(&plan.build()?).await?;
        Ok(Arc::new(Barrier::new(inside, &self.shield)))
    }
}

/// `SESSION_USER()`
pub(crate) fn session_user(user: &str) -> ScalarUDF {
    ScalarUDF::new_from_impl(SessionUser { user: user.to_owned(), signature: Signature::nullary(Volatility::Stable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SessionUser {
    user: String,
    signature: Signature,
}

impl ScalarUDFImpl for SessionUser {
    fn name(&self) -> &str {
        "session_user"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::from(self.user.as_str())))
    }
}

/// Masks a column, or a field of it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct MaskFunction {
    rule: Rule,
    name: String,
    within: Vec<String>,
    signature: Signature,
}

impl MaskFunction {
    fn new(rule: Rule, denied: bool, within: Vec<String>) -> Self {
        let name = if denied { "denied".to_owned() } else { format!("mask_{}", rule.name().to_lowercase()) };
        MaskFunction { rule, name, within, signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for MaskFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [one] => mask::masked_type(self.rule, &self.within, one)
                .map_err(|e| DataFusionError::ArrowError(Box::new(e), None)),
            _ => plan_err!("a mask takes one column"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let Some(column) = columns.first() else { return plan_err!("a mask takes one column") };
        Ok(ColumnarValue::Array(mask::apply(self.rule, &self.within, column)?))
    }
}
