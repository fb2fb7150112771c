//! What a query took: read from the plan after it ran, never estimated.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;

use crate::delta::{Current, Table};
use crate::model::Zone;
use crate::policy::{Barrier, Guarded, Injected};

/// A plan's text is cut beyond this many bytes.
const PLAN_TEXT: usize = 64 << 10;

/// What a query read and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// Rows that came out of files or were passed over within them. An answer from the log's statistics alone reads none.
    pub rows_read: u64,
    /// Bytes read from files.
    pub bytes_read: u64,
    /// Bytes that went through the disk because the memory was used up.
    pub bytes_spilled: u64,
    /// Tables of the query, each once.
    pub scans: Vec<ScanCost>,
    /// What policies put between tables and the query; of these tables nothing else is told.
    pub injected: Vec<Injected>,
    /// The optimised logical plan, indented.
    pub logical: String,
    /// The physical plan with its metrics, indented.
    pub physical: String,
}

/// What was read of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanCost {
    /// Its zone.
    pub zone: Zone,
    /// Its name without the zone.
    pub table: String,
    /// Partitions of which a file was read.
    pub partitions: u64,
    /// All its partitions.
    pub of_partitions: u64,
    /// Files read.
    pub files: u64,
    /// All its files.
    pub of_files: u64,
}

impl Cost {
    /// Partitions read, and all partitions of the tables of the query.
    pub fn partitions(&self) -> (u64, u64) {
        self.scans.iter().fold((0, 0), |(read, all), s| (read + s.partitions, all + s.of_partitions))
    }

    /// Files read, and all files of the tables of the query.
    pub fn files(&self) -> (u64, u64) {
        self.scans.iter().fold((0, 0), |(read, all), s| (read + s.files, all + s.of_files))
    }
}

/// A plan that is being executed, and the tables it may read.
pub(super) struct Watch {
    logical: String,
    physical: Arc<dyn ExecutionPlan>,
    tables: Vec<(Arc<Table>, Arc<Current>)>,
    injected: Vec<Injected>,
}

/// What the plan says about the files of one table.
#[derive(Default)]
struct Seen<'a> {
    planned: BTreeSet<&'a str>,
    opened: usize,
}

impl Watch {
    /// Keeps those of the tables that the query names.
    pub fn new(
        logical: &LogicalPlan,
        physical: Arc<dyn ExecutionPlan>,
        tables: Vec<(Arc<Table>, Arc<Current>)>,
    ) -> Self {
        let mut named = BTreeSet::new();
        let mut injected: Vec<Injected> = Vec::new();
        // The visitor itself never fails.
        let _visited = logical.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let schema = scan.table_name.schema().unwrap_or_default();
                named.insert((schema.to_owned(), scan.table_name.table().to_owned()));
                if let Ok(provider) = source_as_provider(&scan.source)
                    && let Some(guarded) = provider.downcast_ref::<Guarded>()
                {
                    let put_in = Injected::of(&guarded.shield);
                    if !injected.contains(&put_in) {
                        injected.push(put_in);
                    }
                }
            }
            Ok(TreeNodeRecursion::Continue)
        });
        let tables = tables
            .into_iter()
            .filter(|(t, _)| named.contains(&(t.shape.zone.name().to_owned(), t.shape.name.clone())))
            .collect();
        Watch { logical: cut(logical.display_indent().to_string()), physical, tables, injected }
    }

    /// What it took until now.
    pub fn cost(&self) -> Cost {
        // Names of parts are unique across tables, and the only thing that plan and log spell alike.
        let mut owner: HashMap<&str, (usize, &str)> = HashMap::new();
        for (index, (_, current)) in self.tables.iter().enumerate() {
            owner.extend(current.files.iter().map(|f| (name(&f.path), (index, f.path.as_str()))));
        }
        let mut cost = Cost { logical: self.logical.clone(), injected: self.injected.clone(), ..Cost::default() };
        let mut seen: BTreeMap<usize, Seen<'_>> = BTreeMap::new();
        walk(&self.physical, &mut |plan| {
            let metrics = plan.metrics().unwrap_or_default();
            cost.bytes_spilled += metrics.spilled_bytes().unwrap_or(0) as u64;
            if plan.is::<Barrier>() {
                // Only rows that were seen: the others are no business of who asks.
                cost.rows_read += metrics.output_rows().unwrap_or(0) as u64;
            }
            let Some(scan) = plan.downcast_ref::<DataSourceExec>() else {
                return;
            };
            let Some(files) = scan.data_source().downcast_ref::<FileScanConfig>() else {
                return;
            };
            cost.rows_read += (metrics.output_rows().unwrap_or(0) + sum(&metrics, "pushdown_rows_pruned")) as u64;
            cost.bytes_read += sum(&metrics, "bytes_scanned") as u64;
            let paths = files.file_groups.iter().flat_map(|g| g.iter()).map(|f| f.object_meta.location.as_ref());
            let of: BTreeSet<_> = paths.filter_map(|path| owner.get(name(path)).copied()).collect();
            if let Some((table, _)) = of.first() {
                let entry = seen.entry(*table).or_default();
                // A large file is opened once for each of its ranges.
                entry.opened += sum(&metrics, "files_opened").min(of.len());
                entry.planned.extend(of.iter().map(|(_, path)| *path));
            }
        });
        cost.scans = self.tables.iter().enumerate().map(|(i, (t, c))| scan_cost(t, c, seen.get(&i))).collect();
        cost.physical = self.physical_text();
        cost
    }

    /// Files that are read behind policies, which nobody is told.
    #[cfg(any(test, feature = "testing"))]
    pub fn files_behind(&self) -> usize {
        let mut files = 0;
        let mut count = |plan: &dyn ExecutionPlan| {
            let scan =
                plan.downcast_ref::<DataSourceExec>().and_then(|s| s.data_source().downcast_ref::<FileScanConfig>());
            let names = |s: &FileScanConfig| -> BTreeSet<String> {
                s.file_groups.iter().flat_map(|g| g.iter()).map(|f| f.object_meta.location.to_string()).collect()
            };
            files += scan.map_or(0, |scan| names(scan).len());
        };
        walk(&self.physical, &mut |plan| {
            if let Some(barrier) = plan.downcast_ref::<Barrier>() {
                walk(barrier.inside(), &mut count);
            }
        });
        files
    }

    fn physical_text(&self) -> String {
        let mut text = DisplayableExecutionPlan::with_metrics(self.physical.as_ref()).indent(false).to_string();
        for (table, _) in &self.tables {
            // Where the data folder lies says nothing about the plan.
            let root = table.dir().to_string_lossy();
            text = text.replace(root.trim_matches('/'), &table.full_name());
        }
        cut(text)
    }
}

fn scan_cost(table: &Table, current: &Current, seen: Option<&Seen<'_>>) -> ScanCost {
    let folders = |paths: &mut dyn Iterator<Item = &str>| paths.map(folder).collect::<BTreeSet<_>>().len() as u64;
    let all = folders(&mut current.files.iter().map(|f| f.path.as_str()));
    let (partitions, files) = seen.map_or((0, 0), |s| {
        let files = s.opened.min(s.planned.len()) as u64;
        // A query that ends early opens fewer files than were planned.
        (folders(&mut s.planned.iter().copied()).min(files), files)
    });
    ScanCost {
        zone: table.shape.zone,
        table: table.shape.name.clone(),
        partitions,
        of_partitions: all,
        files,
        of_files: current.files.len() as u64,
    }
}

fn walk(plan: &Arc<dyn ExecutionPlan>, visit: &mut dyn FnMut(&dyn ExecutionPlan)) {
    visit(plan.as_ref());
    for child in plan.children() {
        walk(child, visit);
    }
}

fn sum(metrics: &MetricsSet, name: &str) -> usize {
    metrics.sum_by_name(name).map_or(0, |value| value.as_usize())
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn cut(mut text: String) -> String {
    if text.len() > PLAN_TEXT {
        let end = (0..=PLAN_TEXT).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(end);
        text.push_str("\n… cut here: the plan is longer.");
    }
    text
}
