//! Lineage: which columns a column is made of, read from the logical plan that is executed.
//!
//! Nothing here is declared by hand. A transform, a load, a view, a query of the report and a query of a person are all plans, and
//! [`trace`](trace::trace) walks them. Kinds are those of OpenLineage's column lineage facet:
//! <https://openlineage.io/docs/spec/facets/dataset-facets/column_lineage_facet>.

mod ask;
mod expr;
mod inputs;
mod jobs;
pub mod openlineage;
mod trace;
mod words;

use serde::{Deserialize, Serialize};

pub use ask::{of_sql, report_job};
pub(crate) use jobs::{BRONZE, COUNTRY_CODES, of_defined};
pub use jobs::{Job, JobKind, SINKS, TOPIC, compaction, jobs};
pub(crate) use trace::{Origin, trace};

/// How a column of the output depends on one of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The value itself, at most in another width of its type.
    Identity,
    /// Computed from the value.
    Transformation,
    /// Computed from the values of many rows.
    Aggregation,
    /// Decides which of several values it is: the condition of a CASE or of an aggregate's FILTER.
    Conditional,
    /// Decides over which rows a window function is computed, or in which order.
    Window,
    /// Decides which rows there are.
    Filter,
    /// Decides which rows belong together.
    Join,
    /// Decides which rows are one group.
    GroupBy,
    /// Decides the order of rows.
    Sort,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 9] = [
        Kind::Identity,
        Kind::Transformation,
        Kind::Aggregation,
        Kind::Conditional,
        Kind::Window,
        Kind::Filter,
        Kind::Join,
        Kind::GroupBy,
        Kind::Sort,
    ];

    /// OpenLineage's DIRECT: the value is made of the input, not only decided by it.
    pub fn is_direct(self) -> bool {
        matches!(self, Kind::Identity | Kind::Transformation | Kind::Aggregation)
    }

    /// As it is written: `identity`, `group by`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Identity => "identity",
            Kind::Transformation => "transformation",
            Kind::Aggregation => "aggregation",
            Kind::Conditional => "conditional",
            Kind::Window => "window",
            Kind::Filter => "filter",
            Kind::Join => "join",
            Kind::GroupBy => "group by",
            Kind::Sort => "sort",
        }
    }

    /// What it is if `inner` had happened to the value before.
    fn after(self, inner: Kind) -> Kind {
        match (self.is_direct(), inner.is_direct()) {
            (false, _) => self,
            (true, false) => inner,
            (true, true) => self.max(inner),
        }
    }
}

/// A column of a table, or a field within one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ColumnRef {
    /// With its zone: `silver.sessions`.
    pub table: String,
    /// `revenue`, or `totals.transactionRevenue`; elements of lists have no place of their own.
    pub column: String,
}

/// A column that something depends on, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The column.
    #[serde(flatten)]
    pub of: ColumnRef,
    /// In the order of [`Kind`], at least one.
    pub kinds: Vec<Kind>,
}

/// A column of the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputColumn {
    /// Its name.
    pub column: String,
    /// How it is computed, as SQL over the columns of the inputs; empty if no column is read.
    pub expression: String,
    /// What happens to the value on the whole; none if it is made of no column, such as `count(*)`.
    pub kind: Option<Kind>,
    /// What it is made of.
    pub inputs: Vec<Input>,
}

/// What a plan reads, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lineage {
    /// The columns of the output, in its order.
    pub columns: Vec<OutputColumn>,
    /// What decides which rows there are, how they are grouped and ordered: it acts on every column.
    pub rows: Vec<Input>,
    /// All tables that are read, also those of which no column is.
    pub tables: Vec<String>,
}

impl Lineage {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&OutputColumn> {
        self.columns.iter().find(|column| column.column == name)
    }
}
