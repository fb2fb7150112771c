//! Everything that makes one table of others.

use std::sync::Arc;

use arrow::datatypes::{DataType, Fields};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlanBuilder, TableScan, col};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::trace::{Origin, full_name, trace};
use super::{ColumnRef, Input, Kind, Lineage, OutputColumn};
use crate::datasets::{DATE, Dataset, EventFields, MESSAGE_ID, PUBLISH_TIME, RUN_ID, SEQ, SOURCE_FILE};
use crate::defined::Defined;
use crate::delta::Shape;
use crate::lake::all_shapes;
use crate::query::{Planner, View, query_error};
use crate::stream::{self, STREAM_TOPIC};
use crate::{Error, ErrorKind, Result, transform};

/// The table that delivered files are read into.
pub(crate) const BRONZE: &str = "bronze.ga_sessions";
/// The names of countries that silver reads; a file of the product.
pub(crate) const COUNTRY_CODES: &str = "source.country_codes.csv";
/// The files that are delivered.
const FILES: &str = "source.ga_sessions_*.json";

fn files_of(dataset: &Dataset) -> String {
    if dataset.events.is_some() { FILES.to_owned() } else { format!("source.{}", dataset.name) }
}
/// The topic that a day is published to.
pub const TOPIC: &str = "stream.ga-sessions-stream";
/// The tables that messages become rows of.
pub const SINKS: [&str; 2] = ["bronze.ga_sessions_stream", "warehouse.ga_sessions_stream"];
/// BigQuery's pseudo column with the path of an external file.
const FILE_NAME: &str = "_FILE_NAME";

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Files become a table.
    Read,
    /// A table is computed from tables.
    Transform,
    /// A table is loaded into the warehouse.
    Load,
    /// A query with a name.
    View,
    /// Records of a file are published.
    Publish,
    /// Messages become rows.
    Stream,
    /// A tile of the report.
    Report,
    /// Many files of a table become few.
    Compact,
    /// What an OpenLineage event of somebody else's told.
    External,
}

impl JobKind {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            JobKind::Read => "read",
            JobKind::Transform => "transform",
            JobKind::Load => "load",
            JobKind::View => "view",
            JobKind::Publish => "publish",
            JobKind::Stream => "stream",
            JobKind::Report => "report",
            JobKind::Compact => "compact",
            JobKind::External => "external",
        }
    }
}

/// What makes one table of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What it does.
    pub kind: JobKind,
    /// The table that it makes: `silver.sessions`, `report.totals`.
    pub output: String,
    /// One sentence.
    pub title: String,
    /// Its SQL, if it has any.
    pub sql: Option<String>,
    /// What the table is made of.
    pub lineage: Lineage,
}

/// How the job is called that compacts a table.
pub fn compaction(table: &str) -> String {
    format!("compact:{table}")
}

impl Job {
    /// Another version of the job has another digest.
    pub fn digest(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(&text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Its name: the table that it makes, and what it does to it if something else makes the table.
    pub fn key(&self) -> String {
        match self.kind {
            JobKind::Compact => compaction(&self.output),
            _ => self.output.clone(),
        }
    }
}

/// All jobs that make tables and views, in the order of the flow.
///
/// # Errors
/// [`ErrorKind::Internal`] if one cannot be followed, which a test rules out.
pub async fn jobs() -> Result<Vec<Job>> {
    let tables = all_shapes()?;
    let mut jobs = Vec::new();
    for dataset in Dataset::all() {
        jobs.push(read(&dataset));
        if let Some(events) = dataset.events {
            jobs.push(publish(&dataset, events));
            jobs.push(sink_to_bronze(&dataset, events));
        }
    }
    for traced in transform::lineages()? {
        jobs.push(Job {
            kind: JobKind::Transform,
            output: format!("{}.{}", traced.table.zone.name(), traced.table.name),
            title: traced.table.title.to_owned(),
            sql: Some(traced.sql),
            lineage: traced.lineage,
        });
    }
    jobs.push(load(find(&tables, "silver.sessions")?, find(&tables, "warehouse.ga_sessions")?, "Sessions")?);
    jobs.push(sink_to_warehouse(find(&tables, SINKS[1])?)?);
    for table in SINKS {
        let table = find(&tables, table)?;
        let title = "The rows of many files in few, nothing else changed".to_owned();
        jobs.push(Job { kind: JobKind::Compact, title, ..load(table, table, "")? });
    }
    let planner = Planner::over(&tables).await?;
    for view in View::all() {
        let origin = |scan: &TableScan| Origin::Table(full_name(&scan.table_name));
        jobs.push(Job {
            kind: JobKind::View,
            output: view.full_name(),
            title: view.title.to_owned(),
            sql: Some(view.sql().to_owned()),
            lineage: trace(&planner.view(&view.full_name()).await?, &origin)?,
        });
    }
    Ok(jobs)
}

/// The jobs of a dataset that an admin defined: read, transformed twice, loaded.
pub(crate) fn of_defined(defined: &Defined) -> Result<Vec<Job>> {
    let transform = |shape: &Shape, (sql, lineage): (&str, Lineage)| Job {
        kind: JobKind::Transform,
        output: shape.full_name(),
        title: shape.title.clone(),
        sql: Some(sql.to_owned()),
        lineage,
    };
    let [bronze, silver, gold, warehouse] = defined.shapes()?;
    let plan = defined.plan();
    Ok(vec![
        read(defined.dataset()),
        transform(&silver, plan.silver_lineage(&bronze.full_name())?),
        transform(&gold, plan.gold_lineage(&silver.full_name())?),
        load(&silver, &warehouse, "Rows")?,
    ])
}

fn find<'a>(tables: &'a [Shape], name: &str) -> Result<&'a Shape> {
    let found = tables.iter().find(|table| table.full_name() == name);
    found.ok_or_else(|| Error::new(ErrorKind::Internal, format!("The lake has no table {name}.")))
}

fn input(table: &str, column: &str, kind: Kind) -> Input {
    Input { of: ColumnRef { table: table.to_owned(), column: column.to_owned() }, kinds: vec![kind] }
}

fn column(name: &str, expression: &str, inputs: Vec<Input>) -> OutputColumn {
    let kind = inputs.iter().flat_map(|input| &input.kinds).copied().filter(|kind| kind.is_direct()).max();
    OutputColumn { column: name.to_owned(), expression: expression.to_owned(), kind, inputs }
}

/// All fields at all levels, by path.
fn paths(fields: &Fields, within: &str, out: &mut Vec<String>) {
    for field in fields {
        let path = format!("{within}{}", field.name());
        let mut data_type = field.data_type();
        while let DataType::List(item) = data_type {
            data_type = item.data_type();
        }
        let inner = format!("{path}.");
        out.push(path);
        if let DataType::Struct(fields) = data_type {
            paths(fields, &inner, out);
        }
    }
}

fn delivered(dataset: &Dataset) -> Vec<String> {
    let mut all = Vec::new();
    paths(dataset.schema.to_arrow().fields(), "", &mut all);
    all
}

/// The reader finds each field by its name, at each level, and takes the day and the customer from where the file lies.
fn read(dataset: &Dataset) -> Job {
    let files = files_of(dataset);
    let mut columns: Vec<OutputColumn> = Vec::new();
    let drops = |path: &str| dataset.drops_date() && path == DATE;
    let mut stored = Vec::new();
    paths(dataset.stored(&dataset.schema.to_arrow()).fields(), "", &mut stored);
    for (path, name) in delivered(dataset).iter().zip(&stored).filter(|(path, _)| !drops(path)) {
        columns.push(column(name, path, vec![input(&files, path, Kind::Identity)]));
    }
    let from_path = || vec![input(&files, FILE_NAME, Kind::Transformation)];
    columns.push(column(SOURCE_FILE, FILE_NAME, vec![input(&files, FILE_NAME, Kind::Identity)]));
    columns.push(column(RUN_ID, "", Vec::new()));
    columns.push(column("date", "the folder's date", from_path()));
    columns.push(column("customer", "the folder's customer", from_path()));
    let lineage = Lineage { columns, rows: Vec::new(), tables: vec![files] };
    let title = "Files that a marker covers, read row by row; rows that cannot be read are held back".to_owned();
    Job { kind: JobKind::Read, output: dataset.bronze().full_name(), title, sql: None, lineage }
}

/// Each record is a message; its instants move if the day is played as if it were today.
fn publish(dataset: &Dataset, events: EventFields) -> Job {
    let moved = |path: &String| events.instants.contains(&path.as_str()) || path == events.date;
    let mut columns: Vec<OutputColumn> = Vec::new();
    for path in delivered(dataset) {
        let kind = if moved(&path) { Kind::Transformation } else { Kind::Identity };
        columns.push(column(&path, &path, vec![input(FILES, &path, kind)]));
    }
    let of = |path: &str, kind| vec![input(FILES, path, kind)];
    columns.push(column("attributes.event_time", events.time, of(events.time, Kind::Transformation)));
    columns.push(column("attributes.customer", "the folder's customer", of(FILE_NAME, Kind::Transformation)));
    columns.push(column("orderingKey", events.visitor, of(events.visitor, Kind::Identity)));
    columns.extend(
        ["attributes.run_id", "attributes.seq", "messageId", "publishTime"].map(|name| column(name, "", Vec::new())),
    );
    let rows = vec![input(FILES, events.time, Kind::Sort)];
    let lineage = Lineage { columns, rows, tables: vec![FILES.to_owned()] };
    let title = "Records of a day as messages, in the order of their event time".to_owned();
    Job { kind: JobKind::Publish, output: TOPIC.to_owned(), title, sql: None, lineage }
}

/// A message's columns in the tables of the stream.
fn of_message() -> [(&'static str, &'static str); 4] {
    [(RUN_ID, "attributes.run_id"), (SEQ, "attributes.seq"), (MESSAGE_ID, "messageId"), (PUBLISH_TIME, "publishTime")]
}

fn sink_to_bronze(dataset: &Dataset, events: EventFields) -> Job {
    let same = |name: &str, of: &str| column(name, of, vec![input(TOPIC, of, Kind::Identity)]);
    let paths = delivered(dataset);
    let mut columns: Vec<_> = paths.iter().filter(|path| *path != "date").map(|path| same(path, path)).collect();
    columns.push(column(SOURCE_FILE, STREAM_TOPIC, Vec::new()));
    columns.extend(of_message().map(|(name, of)| same(name, of)));
    columns.push(same("date", events.date));
    columns.push(same("customer", "attributes.customer"));
    let lineage = Lineage { columns, rows: Vec::new(), tables: vec![TOPIC.to_owned()] };
    let title = "Messages as rows, a window at a time".to_owned();
    Job { kind: JobKind::Stream, output: dataset.bronze_stream().full_name(), title, sql: None, lineage }
}

/// The sessions by silver's own statement, which message each came in, and the products that were seen.
fn sink_to_warehouse(table: &Shape) -> Result<Job> {
    let (sql, mut lineage) = transform::stream_lineage(TOPIC)?;
    let of_message = of_message().map(|(name, of)| (name.trim_start_matches('_'), of));
    let viewed = [
        ("hits.product.v2ProductName", Kind::Transformation),
        ("hits.product.isImpression", Kind::Conditional),
        ("hits.eCommerceAction.action_type", Kind::Conditional),
    ];
    // The customer of a message is an attribute; the statement sees it as a column.
    for input in lineage.columns.iter_mut().flat_map(|column| &mut column.inputs).chain(&mut lineage.rows) {
        if input.of.column == "customer" {
            "attributes.customer".clone_into(&mut input.of.column);
        }
    }
    let mut columns = Vec::new();
    for field in table.schema.fields() {
        let name = field.name().as_str();
        columns.push(match (lineage.column(name), of_message.iter().find(|(column, _)| *column == name)) {
            (Some(computed), _) => computed.clone(),
            (None, Some((_, of))) => column(name, of, vec![input(TOPIC, of, Kind::Identity)]),
            (None, None) if name == "viewed" => {
                let inputs = viewed.map(|(of, kind)| input(TOPIC, of, kind)).to_vec();
                column(name, "names of the products whose page was seen", inputs)
            }
            (None, None) => column(name, "", Vec::new()),
        });
    }
    lineage.columns = columns;
    let title = stream::title(&table.name).unwrap_or_default().to_owned();
    Ok(Job { kind: JobKind::Stream, output: table.full_name(), title, sql: Some(sql), lineage })
}

/// A load takes the columns of the table that it loads into, by their names.
fn load(from: &Shape, to: &Shape, what: &str) -> Result<Job> {
    let source = provider_as_source(Arc::new(EmptyTable::new(from.schema.clone())));
    let columns = to.schema.fields().iter().map(|field| col(format!("\"{}\"", field.name())));
    let plan = LogicalPlanBuilder::scan(from.full_name(), source, None)
        .and_then(|scan| scan.project(columns))
        .and_then(LogicalPlanBuilder::build)
        .map_err(query_error)?;
    let name = from.full_name();
    let lineage = trace(&plan, &|_: &TableScan| Origin::Table(name.clone()))?;
    let title = format!("{what} of a date, in place of those that were there");
    Ok(Job { kind: JobKind::Load, output: to.full_name(), title, sql: None, lineage })
}
