//! Expressions as people write them.

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use datafusion::sql::unparser::Unparser;
use datafusion::sql::unparser::dialect::Dialect;

/// Names without quotes: the text is to be read, not to be run.
struct Plain;

impl Dialect for Plain {
    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        None
    }
}

/// The expression as SQL: fields as `totals.hits`, elements of a list as `unnest(hits).page`.
pub(super) fn words(expr: &Expr) -> String {
    let readable =
        expr.clone().transform_up(|expr| Ok(as_name(&expr).map_or_else(|| Transformed::no(expr), Transformed::yes)));
    let readable = readable.map_or_else(|_| expr.clone(), |done| done.data);
    match Unparser::new(&Plain).with_pretty(true).expr_to_sql(&readable) {
        // As it was written: the engine counts rows by a literal.
        Ok(sql) => sql.to_string().replace("count(1)", "count(*)"),
        Err(_) => readable.human_display().to_string(),
    }
}

/// Fields and elements as one name.
fn as_name(expr: &Expr) -> Option<Expr> {
    let named = |name: String| Some(Expr::Column(Column::new_unqualified(name)));
    match expr {
        Expr::ScalarFunction(call) if call.func.name() == "get_field" => {
            let (of, path) = call.args.split_first()?;
            let Expr::Column(of) = of else { return None };
            let path = path.iter().map(literal).collect::<Option<Vec<_>>>()?;
            named(format!("{}.{}", of.flat_name(), path.join(".")))
        }
        Expr::Unnest(unnest) => named(format!("unnest({})", words(&unnest.expr))),
        Expr::Alias(alias) => Some(alias.expr.as_ref().clone()),
        Expr::OuterReferenceColumn(_, column) => Some(Expr::Column(column.clone())),
        _ => None,
    }
}

/// The text of a literal.
pub(super) fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)),
            _,
        ) => Some(text.clone()),
        _ => None,
    }
}
