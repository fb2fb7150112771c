//! Stopping a query in the midst of its work. A dropped future ends where it waits, and joins can work for hours without waiting.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::exec_err;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use crate::policy::Barrier;

/// Operators that make many rows out of few: the engine lets only those give way that read.
const MULTIPLY: [&str; 6] =
    ["NestedLoopJoinExec", "CrossJoinExec", "HashJoinExec", "SortMergeJoinExec", "UnnestExec", "RecursiveQueryExec"];

/// Whether a query is to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// Ends the query when it is dropped.
pub(crate) struct Until(Stop);

impl Stop {
    /// What is kept for as long as somebody waits for the answer.
    pub fn until_dropped(&self) -> Until {
        Until(self.clone())
    }

    /// The plan, with operators that give way after some batches and look whether they are to end.
    pub fn watch(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let watched = plan.transform_up(|node| {
            if let Some(barrier) = node.downcast_ref::<Barrier>() {
                let inside = self.watch(barrier.inside().clone())?;
                return Ok(Transformed::yes(Arc::new(barrier.around(inside)) as _));
            }
            let node = match node.downcast_ref::<NestedLoopJoinExec>() {
                Some(join) => self.join(join)?.unwrap_or(node),
                None => node,
            };
            if MULTIPLY.contains(&node.name()) {
                return Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as _));
            }
            Ok(Transformed::no(node))
        })?;
        Ok(watched.data)
    }

    /// A join by comparing all with all looks at every comparison: one that finds nothing hands on no batch for hours.
    fn join(&self, join: &NestedLoopJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(filter) = join.filter() else {
            return Ok(None);
        };
        let expression = Arc::new(Stoppable { stop: self.clone(), inner: filter.expression().clone() });
        let filter = JoinFilter::new(expression, filter.column_indices().to_vec(), filter.schema().clone());
        let projection = join.projection().as_ref().map(|p| p.to_vec());
        let (left, right) = (join.left().clone(), join.right().clone());
        let join = NestedLoopJoinExec::try_new(left, right, Some(filter), join.join_type(), projection)?;
        Ok(Some(Arc::new(join)))
    }
}

impl Drop for Until {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// An expression that fails once the query is to end.
#[derive(Debug)]
struct Stoppable {
    stop: Stop,
    inner: Arc<dyn PhysicalExpr>,
}

impl PartialEq for Stoppable {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for Stoppable {}

impl Hash for Stoppable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl fmt::Display for Stoppable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PhysicalExpr for Stoppable {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.inner.nullable(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.stop.0.load(Ordering::Relaxed) {
            return exec_err!("the query was stopped");
        }
        self.inner.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let inner = children.pop().unwrap_or_else(|| self.inner.clone());
        Ok(Arc::new(Stoppable { stop: self.stop.clone(), inner }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
