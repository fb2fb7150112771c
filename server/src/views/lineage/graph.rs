//! Jobs as one graph of columns.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use showrunner_lake::lineage::{ColumnRef, Input, Job, JobKind, Kind, OutputColumn};

/// The zone of what others told of.
const EXTERNAL: &str = "external";
/// Zones in the order of the flow.
const ZONES: [&str; 8] = ["source", EXTERNAL, "stream", "bronze", "silver", "gold", "warehouse", "report"];

/// Tables with the columns that are known of each, and the jobs that make them.
pub struct Graph {
    jobs: Vec<Job>,
    /// Columns by table, in their order.
    pub tables: BTreeMap<String, Vec<String>>,
    made_by: BTreeMap<String, Vec<usize>>,
    read_by: BTreeMap<String, Vec<usize>>,
}

/// Zone and name.
pub fn split(table: &str) -> (&str, &str) {
    table.split_once('.').unwrap_or((EXTERNAL, table))
}

/// A step from a column to another, along a job.
pub struct Step<'a> {
    /// The column that it leads to.
    pub to: ColumnRef,
    /// How; nothing from rows to rows.
    pub kinds: &'a [Kind],
    /// The column of the job that it leads along; none from rows to rows.
    pub by: Option<&'a OutputColumn>,
}

/// Stands for the rows of a table, where a number only counts them.
pub const ROWS: &str = "(rows)";

impl Graph {
    pub fn of(jobs: Vec<Job>) -> Graph {
        // A compaction makes a table of itself: nothing to draw.
        let jobs: Vec<Job> = jobs.into_iter().filter(|job| job.kind != JobKind::Compact).collect();
        let mut graph =
            Graph { tables: BTreeMap::new(), made_by: BTreeMap::new(), read_by: BTreeMap::new(), jobs: Vec::new() };
        for (at, job) in jobs.iter().enumerate() {
            let columns = graph.tables.entry(job.output.clone()).or_default();
            columns.extend(job.lineage.columns.iter().map(|column| column.column.clone()));
            graph.made_by.entry(job.output.clone()).or_default().push(at);
            for table in &job.lineage.tables {
                graph.tables.entry(table.clone()).or_default();
                graph.read_by.entry(table.clone()).or_default().push(at);
            }
        }
        // Of tables that nothing here makes, what is read of them is known.
        for job in &jobs {
            for input in inputs_of(job) {
                let columns = graph.tables.entry(input.of.table.clone()).or_default();
                if !graph.made_by.contains_key(&input.of.table) && !columns.contains(&input.of.column) {
                    columns.push(input.of.column.clone());
                }
            }
        }
        for columns in graph.tables.values_mut() {
            let mut seen = BTreeSet::new();
            columns.retain(|column| seen.insert(column.clone()));
        }
        graph.jobs = jobs;
        graph
    }

    /// The place of a table's zone in the flow. What others make of ours stands behind everything.
    pub fn place(&self, table: &str) -> usize {
        let zone = split(table).0;
        let feeds_ours = |at: &usize| self.jobs.get(*at).is_some_and(|job| split(&job.output).0 != EXTERNAL);
        match ZONES.iter().position(|known| *known == zone) {
            Some(_) if zone == EXTERNAL && !self.read_by.get(table).is_some_and(|jobs| jobs.iter().any(feeds_ours)) => {
                ZONES.len()
            }
            found => found.unwrap_or(ZONES.len()),
        }
    }

    pub fn knows(&self, column: &ColumnRef) -> bool {
        self.tables.get(&column.table).is_some_and(|columns| column.column == ROWS || columns.contains(&column.column))
    }

    /// The column that `table.column` names; tables and columns may both have dots in them.
    pub fn named(&self, text: &str) -> Option<ColumnRef> {
        let dots = text.char_indices().filter(|(_, letter)| *letter == '.').map(|(at, _)| at);
        let pairs = dots.map(|at| ColumnRef { table: text[..at].to_owned(), column: text[at + 1..].to_owned() });
        pairs.filter(|column| self.knows(column)).max_by_key(|column| column.table.len())
    }

    /// The job that makes a table; of several the last.
    pub fn job(&self, table: &str) -> Option<&Job> {
        self.made_by.get(table)?.last().and_then(|at| self.jobs.get(*at))
    }

    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// What a column is made of.
    pub fn back<'a>(&'a self, column: &ColumnRef) -> Vec<Step<'a>> {
        let jobs = self.made_by.get(&column.table).into_iter().flatten().filter_map(|at| self.jobs.get(*at));
        let mut steps = Vec::new();
        for job in jobs {
            let rows_of = |table: &String| ColumnRef { table: table.clone(), column: ROWS.to_owned() };
            if column.column == ROWS {
                let tables = job.lineage.tables.iter();
                steps.extend(tables.map(|table| Step { to: rows_of(table), kinds: &[], by: None }));
                continue;
            }
            let exact = job.lineage.columns.iter().find(|output| output.column == column.column);
            // A field of a record that is passed on as a whole.
            let whole = || job.lineage.columns.iter().find(|output| within(&column.column, &output.column).is_some());
            let Some(output) = exact.or_else(whole) else { continue };
            if output.inputs.is_empty() && output.expression.contains("count(") {
                let tables = job.lineage.tables.iter();
                steps.extend(tables.map(|table| Step {
                    to: rows_of(table),
                    kinds: &[Kind::Aggregation],
                    by: Some(output),
                }));
            }
            let rest = within(&column.column, &output.column).unwrap_or_default();
            for Input { of, kinds } in &output.inputs {
                let column = if rest.is_empty() { of.column.clone() } else { format!("{}.{rest}", of.column) };
                steps.push(Step { to: ColumnRef { table: of.table.clone(), column }, kinds, by: Some(output) });
            }
        }
        steps
    }

    /// What is made of a column.
    pub fn on<'a>(&'a self, column: &ColumnRef) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        for job in self.read_by.get(&column.table).into_iter().flatten().filter_map(|at| self.jobs.get(*at)) {
            for output in &job.lineage.columns {
                for Input { of, kinds } in output.inputs.iter().filter(|input| input.of.table == column.table) {
                    let touches = of.column == column.column
                        || within(&column.column, &of.column).is_some()
                        || within(&of.column, &column.column).is_some();
                    if touches {
                        let to = ColumnRef { table: job.output.clone(), column: output.column.clone() };
                        steps.push(Step { to, kinds, by: Some(output) });
                    }
                }
            }
        }
        steps
    }

    /// All columns on the way back from one, or on from it, with the steps between them; nearest first.
    pub fn path(&self, from: &ColumnRef, back: bool) -> Path {
        let mut path = Path { columns: vec![(from.clone(), 0)], edges: Vec::new() };
        let mut seen = BTreeSet::from([from.clone()]);
        let mut next = VecDeque::from([(from.clone(), 0)]);
        while let Some((column, depth)) = next.pop_front() {
            let steps = if back { self.back(&column) } else { self.on(&column) };
            for step in steps {
                let (source, target) = if back { (&step.to, &column) } else { (&column, &step.to) };
                let edge = (source.clone(), target.clone());
                if !path.edges.contains(&edge) {
                    path.edges.push(edge);
                }
                if seen.insert(step.to.clone()) {
                    path.columns.push((step.to.clone(), depth + 1));
                    next.push_back((step.to, depth + 1));
                }
            }
        }
        path
    }
}

/// Columns with their distance, and the steps between them, each from source to target.
pub struct Path {
    pub columns: Vec<(ColumnRef, usize)>,
    pub edges: Vec<(ColumnRef, ColumnRef)>,
}

/// All inputs of a job.
pub fn inputs_of(job: &Job) -> impl Iterator<Item = &Input> {
    job.lineage.columns.iter().flat_map(|column| &column.inputs).chain(&job.lineage.rows)
}

/// `totals.hits` within `totals` is `hits`.
fn within<'a>(column: &'a str, record: &str) -> Option<&'a str> {
    column.strip_prefix(record)?.strip_prefix('.')
}

#[cfg(test)]
mod tests {
    use showrunner_lake::lineage::Lineage;

    use super::*;

    fn at(text: &str) -> ColumnRef {
        let (zone, rest) = text.split_once('.').unwrap();
        let (table, column) = rest.split_once('.').unwrap();
        ColumnRef { table: format!("{zone}.{table}"), column: column.to_owned() }
    }

    fn job(output: &str, columns: &[(&str, &[&str])]) -> Job {
        let inputs = |of: &[&str]| of.iter().map(|of| Input { of: at(of), kinds: vec![Kind::Identity] }).collect();
        let columns: Vec<OutputColumn> = columns
            .iter()
            .map(|(name, of)| OutputColumn {
                column: (*name).to_owned(),
                expression: String::new(),
                kind: None,
                inputs: inputs(of),
            })
            .collect();
        let tables: BTreeSet<String> = columns.iter().flat_map(|c| &c.inputs).map(|i| i.of.table.clone()).collect();
        let lineage = Lineage { columns, rows: Vec::new(), tables: tables.into_iter().collect() };
        Job { kind: JobKind::Transform, output: output.to_owned(), title: String::new(), sql: None, lineage }
    }

    fn names(path: &Path) -> Vec<String> {
        path.columns.iter().map(|(column, depth)| format!("{depth} {}.{}", column.table, column.column)).collect()
    }

    #[test]
    fn a_column_is_followed_back_and_on_through_records() {
        let graph = Graph::of(vec![
            job("bronze.b", &[("r", &["source.f.r"]), ("x", &["source.f.x"])]),
            job("silver.s", &[("a", &["bronze.b.r.a"]), ("x", &["bronze.b.x", "bronze.b.r"])]),
            job("gold.g", &[("sum", &["silver.s.a", "silver.s.x"])]),
        ]);
        assert_eq!(
            names(&graph.path(&at("gold.g.sum"), true)),
            [
                "0 gold.g.sum",
                "1 silver.s.a",
                "1 silver.s.x",
                "2 bronze.b.r.a",
                "2 bronze.b.x",
                "2 bronze.b.r",
                "3 source.f.r.a",
                "3 source.f.x",
                "3 source.f.r",
            ]
        );
        assert_eq!(
            names(&graph.path(&at("bronze.b.r"), false)),
            ["0 bronze.b.r", "1 silver.s.a", "1 silver.s.x", "2 gold.g.sum"]
        );
        assert_eq!(graph.named("gold.g.sum"), Some(at("gold.g.sum")));
        assert_eq!(graph.named("gold.g.nothing"), None);
    }

    #[test]
    fn a_number_that_counts_is_followed_by_rows() {
        let mut count = job("gold.g", &[("n", &[])]);
        count.lineage.tables.push("silver.s".to_owned());
        count.lineage.columns[0].expression = "count(*)".to_owned();
        let graph = Graph::of(vec![job("silver.s", &[("a", &["bronze.b.a"])]), count]);
        let path = names(&graph.path(&at("gold.g.n"), true));
        assert_eq!(path, ["0 gold.g.n", "1 silver.s.(rows)", "2 bronze.b.(rows)"]);
    }

    #[test]
    fn a_circle_ends() {
        let graph =
            Graph::of(vec![job("silver.a", &[("x", &["silver.b.x"])]), job("silver.b", &[("x", &["silver.a.x"])])]);
        assert_eq!(graph.path(&at("silver.a.x"), true).columns.len(), 2);
    }
}
