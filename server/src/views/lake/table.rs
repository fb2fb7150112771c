//! A table's page: partitions, the files of one, history. Schema and rows have modules of their own.

use std::collections::{BTreeMap, BTreeSet};

use app::wire::{FactView, GridCell, LakePanel, LakeView, NoteKind, NoteView, TableQuery};
use showrunner_lake::browse::{Look, VersionLook};

use super::parts::{Address, PAGE, Window, cell, count, empty_panel, given, grid_panel, link, number};
use super::{Views, full_name, table_address};
use crate::error::{Error, ErrorKind, Result};
use crate::format;

/// The parts of the page: in the address, in words.
const TABS: [(&str, &str); 4] =
    [("partitions", "Partitions"), ("history", "History"), ("schema", "Schema"), ("rows", "Rows")];

/// What the parts of a table's page work with.
pub(super) struct Page<'a> {
    pub look: Look,
    pub name: String,
    pub query: &'a TableQuery,
    pub now: i64,
}

impl Page<'_> {
    /// The table's address, with a part of its page.
    pub fn at(&self, tab: &str) -> Address {
        let address = table_address(&self.name);
        if tab == TABS[0].0 { address } else { address.with("tab", tab) }
    }

    /// The page of a list.
    pub fn page(&self) -> Result<Option<usize>> {
        number("page", given(&self.query.page), 1)
    }
}

impl Views {
    /// A table, and what of it is asked for.
    pub async fn lake_table(&self, table: &str, query: &TableQuery) -> Result<LakeView> {
        let mut look = self.state.lake.look(&self.who, table).await?;
        loop {
            let version = look.stat().version;
            let failed = match self.looked_at(look, query).await {
                Err(error) if error.kind == ErrorKind::Unavailable => error,
                done => return done,
            };
            // A version's files may go while somebody looks: a reset deletes them once its commit is there.
            look = self.state.lake.look(&self.who, table).await?;
            if look.stat().version == version {
                return Err(failed);
            }
        }
    }

    async fn looked_at(&self, look: Look, query: &TableQuery) -> Result<LakeView> {
        let name = full_name(look.stat());
        let page = Page { look, name, query, now: self.state.clock.millis() };
        // A file or a partition is looked for where it is shown.
        let tab = given(&query.tab).unwrap_or(if given(&query.file).is_some() { "rows" } else { TABS[0].0 });
        let mut view = match tab {
            "partitions" => partitions(&page)?,
            "history" => self.history(&page).await?,
            "schema" => self.schema(&page).await?,
            "rows" => super::rows::rows(&page).await?,
            other => {
                let other: String = other.chars().take(40).collect();
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("There is no part '{other}' of a table: choose partitions, history, schema or rows."),
                ));
            }
        };
        let stat = page.look.stat();
        view.facts = facts(&page);
        if let Some(injected) = page.look.injected() {
            let text = format!(
                "Seen through policies: {}. Files, history and counts of values are not told.",
                crate::views::policies::seen_words(injected)
            );
            view.notes.insert(0, NoteView { kind: NoteKind::Info, text, link: None });
        }
        view.what = stat.title.clone();
        view.title = page.name.clone();
        view.tabs = TABS.map(|(key, words)| (words.to_owned(), page.at(key).into(), key == tab)).to_vec();
        let mut crumbs = vec![("Lake".to_owned(), "/lake".to_owned())];
        if !view.crumbs.is_empty() {
            crumbs.push((page.name.clone(), page.at(TABS[0].0).into()));
            crumbs.append(&mut view.crumbs);
        }
        view.crumbs = crumbs;
        Ok(view)
    }

    async fn history(&self, page: &Page<'_>) -> Result<LakeView> {
        let asked = page.page()?;
        let total = page.look.history(0, 0).await?.total;
        let window = Window::new(asked, PAGE, total);
        let history = page.look.history(window.skip(), window.take()).await?;
        let mut runs: BTreeMap<String, bool> = BTreeMap::new();
        for run in history.versions.iter().filter_map(|v| v.run.clone()).collect::<BTreeSet<_>>() {
            // What other programs wrote has no page.
            let store = &self.state.store;
            let known = store.run(&run).await.is_ok() || store.stream(&run).await.is_ok();
            runs.insert(run, known);
        }
        let rows = history.versions.iter().map(|version| version_row(version, &runs, page.now)).collect();
        let titles = ["Version#", "When:", "What it did", "Run:", "Files#", "Rows written#", "Bytes written#-"];
        let oldest = if history.versions.last().is_some_and(|v| v.version > 0) && window.skip() + PAGE >= total {
            "newest first; a reset dropped what came before"
        } else {
            "newest first"
        };
        let panel = if page.look.injected().is_some() {
            empty_panel("History", "Not told.", "What a version changed is told to who sees the whole table.")
        } else if total == 0 {
            empty_panel("History", "The log begins with the newest version.", "The next commit is listed here.")
        } else {
            grid_panel("History", oldest, &titles, rows, window.pager(&page.at("history")))
        };
        Ok(LakeView { panels: vec![panel], ..LakeView::default() })
    }
}

fn facts(page: &Page<'_>) -> Vec<FactView> {
    let stat = page.look.stat();
    let fact = |label: &str, value: String| FactView { label: label.into(), value, rest: String::new() };
    if page.look.injected().is_some() {
        return vec![
            fact("Rows seen", format::count(stat.rows())),
            fact("Partitions with such rows", format::count(stat.partitions.len() as u64)),
            fact("Version", stat.version.to_string()),
            fact("Last change", page.look.changed().map_or("–".into(), |at| format::when(at, page.now))),
        ];
    }
    vec![
        fact("Rows", format::count(stat.rows())),
        fact("Partitions", format::count(stat.partitions.iter().filter(|p| p.rows > 0).count() as u64)),
        fact("Files", format::count(stat.files())),
        fact("Bytes", format::bytes(stat.bytes())),
        fact("Version", stat.version.to_string()),
        fact("Last change", page.look.changed().map_or("–".into(), |at| format::when(at, page.now))),
    ]
}

/// All partitions, or the files of one.
fn partitions(page: &Page<'_>) -> Result<LakeView> {
    if let Some(folder) = given(&page.query.partition) {
        return files(page, folder);
    }
    let (asked, partitions) = (page.page()?, page.look.partitions());
    if partitions.is_empty() {
        let panel = match page.look.injected() {
            None => {
                empty_panel("Partitions", "The table is empty.", "A partition appears for each day that is ingested.")
            }
            Some(_) => {
                empty_panel("Partitions", "No row of the table is seen.", "No row access policy grants you one.")
            }
        };
        return Ok(LakeView { panels: vec![panel], ..LakeView::default() });
    }
    let here = page.at("partitions");
    let window = Window::new(asked, PAGE, partitions.len());
    let rows = partitions[window.skip()..window.skip() + window.take()]
        .iter()
        .map(|p| {
            let words = p.date.map(|d| d.to_string()).or_else(|| p.customer.clone()).unwrap_or_else(|| "all".into());
            vec![
                link(words, here.with("tab", "partitions").with("partition", &p.folder)),
                cell(p.customer.clone().unwrap_or_else(|| "all".into())),
                count(p.rows),
                count(p.files),
                cell(format::bytes(p.bytes)),
                cell(format::when(p.written, page.now)),
                link("Rows", page.at("rows").with("partition", &p.folder)),
            ]
        })
        .collect();
    let titles = ["Partition:", "Customer:-", "Rows#", "Files#", "Bytes#", "Last change#-", "Look"];
    let panel = grid_panel("Partitions", "newest first", &titles, rows, window.pager(&here.with("tab", "partitions")));
    Ok(LakeView { panels: vec![panel], ..LakeView::default() })
}

fn files(page: &Page<'_>, folder: &str) -> Result<LakeView> {
    let files = page.look.files(folder)?;
    let window = Window::new(page.page()?, PAGE, files.len());
    let rows = files[window.skip()..window.skip() + window.take()]
        .iter()
        .map(|file| {
            vec![
                link(file.name(), page.at("rows").with("file", &file.path)),
                count(file.rows),
                cell(format::bytes(file.bytes)),
                cell(format::when(file.written, page.now)),
            ]
        })
        .collect();
    let here = table_address(&page.name).with("tab", "partitions").with("partition", folder);
    let panel = grid_panel(
        format!("Files of {folder}"),
        format::plural(files.len() as u64, "file"),
        &["File:", "Rows#", "Bytes#", "Written#-"],
        rows,
        window.pager(&here),
    );
    Ok(LakeView { crumbs: vec![(folder.to_owned(), here.into())], panels: vec![panel], ..LakeView::default() })
}

fn version_row(version: &VersionLook, runs: &BTreeMap<String, bool>, now: i64) -> Vec<GridCell> {
    let run = match &version.run {
        Some(run) if runs.get(run).copied().unwrap_or(false) => link(run, format!("/runs/{run}")),
        Some(run) => cell(run),
        None => cell("–"),
    };
    let (what, where_) = did(version);
    vec![
        cell(version.version.to_string()),
        cell(version.at.map_or("–".into(), |at| format::when(at, now))),
        GridCell { sub: where_, ..cell(what) },
        run,
        cell(format!("+{} −{}", format::count(version.added), format::count(version.removed))),
        count(version.rows),
        cell(format::bytes(version.bytes)),
    ]
}

/// What a version did: a sentence, and where.
fn did(version: &VersionLook) -> (String, Option<String>) {
    let partitions = format::plural(version.partitions as u64, "partition");
    let what = match (version.added, version.removed) {
        (0, 0) if version.schema => "Created the table, with its schema".to_owned(),
        (0, 0) if version.operation.is_empty() => "Changed no file".to_owned(),
        (0, 0) => format!("{}, no file changed", version.operation),
        (_, 0) => format!("Added {partitions}"),
        (0, _) => format!("Removed {partitions}"),
        (_, _) => format!("Replaced {partitions}"),
    };
    let named: Vec<&str> = version.named.iter().map(String::as_str).filter(|n| !n.is_empty()).collect();
    let more = version.partitions.saturating_sub(version.named.len());
    let more = if more > 0 { format!(" and {} more", format::count(more as u64)) } else { String::new() };
    (what, (!named.is_empty()).then(|| format!("{}{more}", named.join(", "))))
}

/// A part of the page on its own.
pub(super) fn only(panel: LakePanel) -> LakeView {
    LakeView { panels: vec![panel], ..LakeView::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_version_did_is_said() {
        let version = |added, removed, named: &[&str], partitions, schema| VersionLook {
            added,
            removed,
            named: named.iter().map(|n| (*n).to_owned()).collect(),
            partitions,
            schema,
            ..VersionLook::default()
        };
        for (given, what, place) in [
            (version(0, 0, &[], 0, true), "Created the table, with its schema", None),
            (version(59, 0, &["a", "b", "c"], 59, false), "Added 59 partitions", Some("a, b, c and 56 more")),
            (version(1, 1, &["a"], 1, false), "Replaced 1 partition", Some("a")),
            (version(0, 2, &["a", "b"], 2, false), "Removed 2 partitions", Some("a, b")),
            (version(0, 0, &[], 0, false), "Changed no file", None),
        ] {
            assert_eq!(did(&given), (what.to_owned(), place.map(str::to_owned)));
        }
    }
}
