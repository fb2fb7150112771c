//! The lineage page: every column's way from the files to the report.

pub mod graph;
mod layout;
pub mod tags;

use std::collections::{BTreeMap, BTreeSet};

use app::wire::{FactView, LineageColumn, LineageHop, LineageMade, LineageView, NoteKind, NoteView};
use showrunner_lake::lineage::{ColumnRef, Job, Kind, openlineage, report_job};
use showrunner_lake::transform::report_queries;
use url::form_urlencoded;

use super::Views;
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::store::LineageRow;
use graph::{Graph, Path, split};
use layout::Drawing;

/// Columns that a search lists.
const FOUND: usize = 40;
/// Jobs of others that are drawn.
const FOREIGN: u32 = 500;
/// Longest text that is looked for.
const LONGEST: usize = 200;

/// What the page is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Asked {
    column: Option<String>,
    /// `back` (where it comes from), `on` (where it goes), or both.
    way: Way,
    /// Beside the path, everything else.
    all: bool,
    find: String,
    run: Option<String>,
    open: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Way {
    #[default]
    Back,
    On,
    Both,
}

impl Way {
    const ALL: [(Way, &'static str, &'static str); 3] =
        [(Way::Back, "back", "Upstream"), (Way::On, "on", "Downstream"), (Way::Both, "both", "Both")];
}

impl Asked {
    fn read(query: &str) -> Asked {
        let mut asked = Asked::default();
        for (name, value) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            let text = || Some(value.trim().to_owned()).filter(|text| !text.is_empty() && text.len() <= LONGEST);
            match name.as_ref() {
                "column" => asked.column = text(),
                "way" => {
                    asked.way = Way::ALL.iter().find(|(_, word, _)| *word == value).map_or(Way::Back, |(way, ..)| *way);
                }
                "view" => asked.all = value == "all",
                "find" => asked.find = text().unwrap_or_default(),
                "run" => asked.run = text(),
                "open" => asked.open = text(),
                _ => {}
            }
        }
        asked
    }

    fn address(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("run", &self.run), ("column", &self.column), ("open", &self.open)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if let Some((_, word, _)) = Way::ALL.iter().find(|(way, ..)| *way == self.way && *way != Way::Back) {
            query.append_pair("way", word);
        }
        if self.all {
            query.append_pair("view", "all");
        }
        if !self.find.is_empty() {
            query.append_pair("find", &self.find);
        }
        match query.finish() {
            query if query.is_empty() => "/lineage".to_owned(),
            query => format!("/lineage?{query}"),
        }
    }

    fn with(&self, change: impl FnOnce(&mut Asked)) -> String {
        let mut other = self.clone();
        change(&mut other);
        other.address()
    }
}

/// The address of a column's path.
pub(super) fn column_address(column: &str) -> String {
    Asked { column: Some(column.to_owned()), ..Asked::default() }.address()
}

impl Views {
    /// The lineage page for the query part of its address.
    pub async fn lineage(&self, query: &str) -> Result<LineageView> {
        let asked = Asked::read(query);
        let made = match &asked.run {
            Some(run) => self.state.store.lineage_of_run(run).await?,
            None => Vec::new(),
        };
        if let (Some(run), true) = (&asked.run, made.is_empty()) {
            let message = format!("Run {run} made no table that lineage is known of. A reset or an upload makes none.");
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        let graph = Graph::of(match asked.run {
            Some(_) => self.jobs_of_run(&made).await?,
            None => self.all_jobs().await?,
        });
        let mut notes = Vec::new();
        let column = asked.column.as_deref().and_then(|text| graph.named(text));
        if let (Some(text), None) = (&asked.column, &column) {
            let text = format!("There is no column {text} here. Search for a part of its name, or click one.");
            notes.push(NoteView { kind: NoteKind::Warn, text, link: None });
        }
        let path = column.as_ref().map(|column| match asked.way {
            Way::Back => graph.path(column, true),
            Way::On => graph.path(column, false),
            Way::Both => {
                let (mut back, on) = (graph.path(column, true), graph.path(column, false));
                back.columns.extend(on.columns.into_iter().skip(1));
                back.edges.extend(on.edges);
                back
            }
        });
        let tables: BTreeSet<String> = match &path {
            Some(path) if !asked.all => path.columns.iter().map(|(column, _)| column.table.clone()).collect(),
            _ => graph.tables.keys().cloned().collect(),
        };
        let inherited = tags::follow(&graph, &crate::lineage::found(&self.state.store).await?);
        let tags: BTreeMap<ColumnRef, String> =
            inherited.iter().map(|(column, tag)| (column.clone(), tag.info_type.clone())).collect();
        let drawing = Drawing {
            graph: &graph,
            tables,
            path: path.as_ref(),
            current: column.as_ref(),
            open: asked.open.as_deref(),
            path_only: !asked.all,
            column_href: &|column| {
                let text = format!("{}.{}", column.table, column.column);
                asked.with(|asked| {
                    asked.column = Some(text);
                    asked.find.clear();
                    asked.open = None;
                })
            },
            open_href: &|table| asked.with(|asked| asked.open = Some(table.to_owned())),
            tags: &tags,
        };
        let columns: usize = graph.tables.values().map(Vec::len).sum();
        let of = asked.run.as_ref().map_or(String::new(), |run| format!(", from the plans of {run}"));
        let sizes = (format::plural(graph.tables.len() as u64, "table"), format::plural(columns as u64, "column"));
        let mut ways: Vec<(String, String, bool)> = Vec::new();
        if column.is_some() {
            ways.extend(
                Way::ALL
                    .map(|(way, _, words)| (words.to_owned(), asked.with(|asked| asked.way = way), asked.way == way)),
            );
            let words = if asked.all { "Path only" } else { "With all tables" };
            ways.push((words.to_owned(), asked.with(|asked| asked.all = !asked.all), false));
        }
        let keep = [("run", &asked.run), ("column", &asked.column)];
        Ok(LineageView {
            title: "Lineage".to_owned(),
            what: format!("{}, {}{of}", sizes.0, sizes.1),
            ways,
            notes,
            graph: drawing.draw(),
            found: found(&graph, &asked),
            find: asked.find.clone(),
            keep: keep.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect(),
            column: match (column, path) {
                (Some(column), Some(path)) => {
                    let followed = self.followed(&graph, &asked, &column, &path).await?;
                    let personal = inherited.get(&column).map(tags::Tag::words);
                    Some(LineageColumn { personal: personal.into_iter().collect(), ..followed })
                }
                _ => None,
            },
            events: asked.run.as_ref().map(|run| format!("/runs/{run}/lineage.json")).unwrap_or_default(),
            made: made.iter().map(made_view).collect(),
        })
    }

    /// The events of a run, as OpenLineage.
    pub async fn lineage_events(&self, run: &str) -> Result<Vec<serde_json::Value>> {
        let rows = self.state.store.lineage_of_run(run).await?;
        if rows.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("Run {run} made no table that lineage is known of.")));
        }
        let mut events = Vec::new();
        for row in &rows {
            events.extend(crate::lineage::events(&self.state, row).await?);
        }
        Ok(events)
    }

    async fn all_jobs(&self) -> Result<Vec<Job>> {
        let mut all = self.state.lineage_jobs()?;
        all.extend(self.report_jobs.get_or_try_init(|| self.plan_report()).await?.iter().cloned());
        for event in self.state.store.imported_lineage(FOREIGN).await? {
            let event: serde_json::Value = serde_json::from_str(&event)?;
            let imported = openlineage::jobs_of(&event, &crate::lineage::namespace(&self.state));
            // What we make ourselves we know better.
            all.extend(
                imported
                    .into_iter()
                    .filter(|job| !all.iter().any(|ours| ours.output == job.output))
                    .collect::<Vec<_>>(),
            );
        }
        Ok(all)
    }

    async fn plan_report(&self) -> Result<Vec<Job>> {
        let mut all = Vec::new();
        for query in report_queries().iter().filter(|query| query.name != "choices") {
            all.push(report_job(query.name, &query.title, &self.report_sql(query.name)?).await?);
        }
        Ok(all)
    }

    async fn jobs_of_run(&self, made: &[LineageRow]) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for row in made {
            jobs.extend(self.state.store.lineage_job(&row.digest).await?);
        }
        Ok(jobs)
    }

    async fn followed(&self, graph: &Graph, asked: &Asked, column: &ColumnRef, path: &Path) -> Result<LineageColumn> {
        let steps = path.columns.iter().map(|(_, depth)| *depth).max().unwrap_or_default();
        let way = match asked.way {
            Way::Back => "back",
            Way::On => "on",
            Way::Both => "both ways",
        };
        let href = |of: &ColumnRef| {
            let text = format!("{}.{}", of.table, of.column);
            asked.with(|asked| asked.column = Some(text))
        };
        let hops = path.columns.iter().map(|(of, _)| hop(graph, of, href(of))).collect();
        let job = graph.job(&column.table);
        let rows = job.map(|job| job.lineage.rows.as_slice()).unwrap_or_default();
        let rows = rows.iter().map(|input| {
            let kinds: Vec<&str> = input.kinds.iter().map(|kind| kind.name()).collect();
            (format!("{}.{}", input.of.table, input.of.column), href(&input.of), kinds.join(", "))
        });
        let newest = self.state.store.newest_lineage().await?;
        let newest = newest.iter().rev().find(|row| row.output == column.table);
        let fact = |label: &str, value: String| FactView { label: label.into(), value, rest: String::new() };
        let mut facts = vec![fact("Table", column.table.clone())];
        if let Some(job) = job {
            facts.push(fact("Made by", format!("{}: {}", job.kind.name(), job.title)));
        }
        if let Some(row) = newest {
            facts.push(fact("Last", format!("{}, version {}", row.run_id, row.version.unwrap_or_default())));
        }
        Ok(LineageColumn {
            title: format!("{}, {} {way}", column.column, format::plural(steps as u64, "step")),
            hops,
            rows: rows.collect(),
            sql: job.and_then(|job| Some((job.output.clone(), without_header(job.sql.as_deref()?)))),
            facts,
            personal: Vec::new(),
        })
    }
}

fn without_header(sql: &str) -> String {
    sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

fn hop(graph: &Graph, of: &ColumnRef, href: String) -> LineageHop {
    let (zone, name) = split(&of.table);
    let made = graph.back(of);
    let output = made.first().and_then(|step| step.by);
    let all: BTreeSet<Kind> = made.iter().flat_map(|step| step.kinds).copied().collect();
    let kind = all.iter().filter(|kind| kind.is_direct()).max().or_else(|| all.first());
    let words = match (kind, graph.job(&of.table)) {
        (Some(kind), _) => format!("{zone} · {}", kind.name()),
        (None, Some(job)) => format!("{zone} · {}", job.kind.name()),
        (None, None) => zone.to_owned(),
    };
    LineageHop {
        what: words,
        column: format!("{name}.{}", of.column),
        href,
        expression: output.map(|output| output.expression.clone()).unwrap_or_default(),
    }
}

fn found(graph: &Graph, asked: &Asked) -> Vec<(String, String)> {
    if asked.find.is_empty() {
        return Vec::new();
    }
    let wanted = asked.find.to_lowercase();
    let mut found: Vec<(usize, String)> = Vec::new();
    for (table, columns) in &graph.tables {
        let names = columns.iter().map(|column| format!("{table}.{column}"));
        found.extend(names.filter(|name| name.to_lowercase().contains(&wanted)).map(|name| (graph.place(table), name)));
    }
    // The nearest to the report first: that is where questions begin.
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.len().cmp(&b.1.len())).then_with(|| a.1.cmp(&b.1)));
    found.truncate(FOUND);
    found
        .into_iter()
        .map(|(_, name)| {
            let href = asked.with(|asked| {
                asked.column = Some(name.clone());
                asked.find.clear();
            });
            (name, href)
        })
        .collect()
}

fn made_view(row: &LineageRow) -> LineageMade {
    let table = row.output.trim_start_matches("compact:").to_owned();
    let reads = row.listed();
    let more = row.read_count - reads.len() as i64;
    let in_lake = ["bronze.", "silver.", "gold.", "warehouse."].iter().any(|zone| table.starts_with(zone));
    LineageMade {
        href: if in_lake { format!("/lake/{table}") } else { String::new() },
        version: row.version.map_or(String::new(), |version| format!("version {version}")),
        more: if more > 0 { format!("and {} more", format::count(more as u64)) } else { String::new() },
        reads,
        table,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_they_were_asked() {
        let asked = Asked {
            column: Some("gold.daily_kpis.revenue".to_owned()),
            way: Way::Both,
            all: true,
            find: "a b".to_owned(),
            run: Some("run-0001-abcd".to_owned()),
            open: Some("silver.sessions".to_owned()),
        };
        let address = asked.address();
        assert_eq!(Asked::read(address.split_once('?').unwrap().1), asked);
        assert_eq!(Asked::default().address(), "/lineage");
        assert_eq!(Asked::read("way=sideways&view=none&x=y"), Asked::default());
        assert_eq!(Asked::read(&format!("column={}", "x".repeat(300))).column, None);
    }
}
