//! Columns that may not be read at all: a query that names one is refused, before anything is read.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};

use super::Shield;
use super::guard::Guarded;
use super::shield::Covered;

/// A table, under a name by which the query calls it.
struct Called {
    name: String,
    shield: Shield,
}

/// Refuses a plan, as it was written and not yet optimised, that names a denied column.
///
/// Each way to a column begins with an expression that names it by its table: a star and a view are expressions as well.
pub(crate) fn check(plan: &LogicalPlan) -> Result<()> {
    let mut called = Vec::new();
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::TableScan(scan) => called.extend(guarded(scan, scan.table_name.to_string())),
            LogicalPlan::SubqueryAlias(alias) => {
                if let LogicalPlan::TableScan(scan) = alias.input.as_ref() {
                    called.extend(guarded(scan, alias.alias.to_string()));
                }
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    called.retain(|table| table.shield.denied().next().is_some());
    if called.is_empty() {
        return Ok(());
    }
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                let (column, path, jump) = match part {
                    Expr::Column(column) => (Some(column), Vec::new(), false),
                    Expr::ScalarFunction(function) => match field(function) {
                        Some((column, path)) => (Some(column), path, true),
                        None => (None, Vec::new(), false),
                    },
                    _ => (None, Vec::new(), false),
                };
                if let Some(column) = column {
                    allowed(&called, column, &path)?;
                }
                Ok(if jump { TreeNodeRecursion::Jump } else { TreeNodeRecursion::Continue })
            })
        })
    })?;
    Ok(())
}

fn guarded(scan: &TableScan, name: String) -> Option<Called> {
    let provider = source_as_provider(&scan.source).ok()?;
    Some(Called { name, shield: provider.downcast_ref::<Guarded>()?.shield.clone() })
}

/// `record.field.inner` as the engine has it: `get_field(record, 'field', 'inner')`, or one within the other.
fn field(function: &ScalarFunction) -> Option<(&Column, Vec<String>)> {
    if function.name() != "get_field" {
        return None;
    }
    let (base, names) = function.args.split_first()?;
    let (column, mut path) = match base {
        Expr::Column(column) => (column, Vec::new()),
        Expr::ScalarFunction(inner) => field(inner)?,
        _ => return None,
    };
    for name in names {
        let Expr::Literal(ScalarValue::Utf8(Some(name)) | ScalarValue::Utf8View(Some(name)), _) = name else {
            return None;
        };
        path.push(name.clone());
    }
    Some((column, path))
}

fn allowed(called: &[Called], column: &Column, path: &[String]) -> Result<()> {
    let Some(of) = column.relation.as_ref().map(ToString::to_string) else { return Ok(()) };
    let named: Vec<&String> = std::iter::once(&column.name).chain(path).collect();
    for table in called.iter().filter(|table| table.name == of) {
        // A record is read with all its fields, a field with all that is in it.
        let reads = |covered: &&Covered| covered.path.iter().zip(&named).all(|(a, b)| a.eq_ignore_ascii_case(b));
        if let Some(covered) = table.shield.denied().find(reads) {
            return Err(error(&table.shield, covered));
        }
    }
    Ok(())
}

/// In BigQuery's words, with what to do.
pub(super) fn error(shield: &Shield, covered: &Covered) -> DataFusionError {
    DataFusionError::Plan(format!(
        "Access Denied: User has neither fine-grained reader nor masked get permission to get data protected by data policy \"{}\" \
         on column {}.{}. Leave the column out of the query",
        covered.policies.join(", "),
        shield.table,
        covered.column()
    ))
}
