//! What is executed between a table and the query of somebody who does not see all of it. To the query's plan it is a leaf: it takes no
//! conditions, shows no statistics, and no error of its inside comes out as it is.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::StreamExt;

use super::Shield;

/// See the module.
pub(crate) struct Barrier {
    inside: Arc<dyn ExecutionPlan>,
    table: String,
    words: String,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl Barrier {
    pub fn new(inside: Arc<dyn ExecutionPlan>, shield: &Shield) -> Self {
        // No order, no constants, no equalities: they would tell of values.
        let properties = PlanProperties::new(
            EquivalenceProperties::new(inside.schema()),
            Partitioning::UnknownPartitioning(inside.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let properties = Arc::new(properties.with_scheduling_type(SchedulingType::Cooperative));
        let (table, words) = (shield.table.to_string(), super::shown::line(shield));
        Barrier { inside, table, words, properties, metrics: ExecutionPlanMetricsSet::new() }
    }

    /// What is executed, for who must change or measure it.
    pub fn inside(&self) -> &Arc<dyn ExecutionPlan> {
        &self.inside
    }

    /// The same around another plan of the same rows.
    pub fn around(&self, inside: Arc<dyn ExecutionPlan>) -> Self {
        let (table, words) = (self.table.clone(), self.words.clone());
        Barrier { inside, table, words, properties: self.properties.clone(), metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Barrier({})", self.words)
    }
}

impl DisplayAs for Barrier {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyExec: {}", self.words)
    }
}

impl ExecutionPlan for Barrier {
    fn name(&self) -> &str {
        "PolicyExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    /// A recursive query executes it again.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(self.around(datafusion::physical_plan::execution_plan::reset_plan_states(self.inside.clone())?)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = BaselineMetrics::new(&self.metrics, partition).output_rows().clone();
        let table = self.table.clone();
        let stream = self.inside.execute(partition, context).map_err(|e| silenced(e, &table))?;
        let stream = stream.map(move |batch| match batch {
            Ok(batch) => {
                rows.add(batch.num_rows());
                Ok(batch)
            }
            Err(error) => Err(silenced(error, &table)),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// An error from where hidden rows are might carry one of their values.
fn silenced(error: DataFusionError, table: &str) -> DataFusionError {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) | DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) => error,
        _ => DataFusionError::Execution(format!(
            "A policy of {table} could not be evaluated. Who made it can look at its condition"
        )),
    }
}
