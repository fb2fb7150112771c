//! A bucket: folders below a prefix with what is in them, then objects.

use std::collections::BTreeMap;

use app::wire::{GridCell, LakeView, NoteKind, NoteView, State};
use showrunner_lake::ports::ObjectMeta;

use super::parts::{PAGE, Window, cell, count, empty_panel, grid_panel, link, number};
use super::{Views, bucket_address, day_text, steps};
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::ingestion::FolderState;

/// What lies directly below a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Its name, with a slash if it is a folder.
    name: String,
    objects: u64,
    bytes: u64,
    updated: i64,
}

impl Entry {
    fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }
}

/// Folders, then objects, each by name, as Cloud Storage lists them with the delimiter `/`.
fn entries(objects: &[ObjectMeta], prefix: &str) -> Vec<Entry> {
    let mut found: BTreeMap<(bool, &str), Entry> = BTreeMap::new();
    for object in objects {
        let Some(rest) = object.key.strip_prefix(prefix) else { continue };
        let name = rest.find('/').map_or(rest, |end| &rest[..=end]);
        let entry = found.entry((!name.ends_with('/'), name)).or_insert_with(|| Entry {
            name: name.to_owned(),
            objects: 0,
            bytes: 0,
            updated: 0,
        });
        entry.objects += 1;
        entry.bytes += object.size;
        entry.updated = entry.updated.max(object.updated.timestamp_millis());
    }
    found.into_values().collect()
}

impl Views {
    /// What lies in a bucket below a prefix.
    pub async fn lake_bucket(&self, bucket: &str, prefix: Option<&str>, page: Option<&str>) -> Result<LakeView> {
        let names = self.state.lake.names();
        if ![&names.source, &names.ingestion, &names.datalake].iter().any(|name| *name == bucket) {
            let bucket: String = bucket.chars().take(80).collect();
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("There is no bucket '{bucket}'. The lake lists those that are there."),
            ));
        }
        // Only whole folders: a prefix without its slash is taken for the folder of that name.
        let prefix = match prefix.map(|p| p.trim_matches('/')).filter(|p| !p.is_empty()) {
            Some(folder) => format!("{folder}/"),
            None => String::new(),
        };
        let objects = self.state.lake.objects().list(bucket, &prefix).await?;
        let entries = entries(&objects, &prefix);
        let folders =
            if *bucket == names.ingestion { self.state.reconciler.folder_states().await? } else { Vec::new() };
        let state_of = |folder: &str| {
            folders.iter().find(|f| day_text(&f.day) == folder.trim_end_matches('/')).map(steps::folder_words)
        };
        let window = Window::new(number("page", page, 1)?, PAGE, entries.len());
        let shown = &entries[window.skip()..window.skip() + window.take()];
        let states: Vec<_> = shown.iter().map(|e| state_of(&format!("{prefix}{}", e.name))).collect();
        let with_states = states.iter().any(Option::is_some);
        let now = self.state.clock.millis();
        let rows = shown
            .iter()
            .zip(states)
            .map(|(entry, state)| row(entry, state, with_states, bucket, &prefix, now))
            .collect();
        let here = bucket_address(bucket, &prefix);
        let title = if prefix.is_empty() { bucket.to_owned() } else { prefix.clone() };
        let total = format!(
            "{} · {}",
            format::plural(objects.len() as u64, "object"),
            format::bytes(objects.iter().map(|o| o.size).sum())
        );
        let mut titles = vec!["Name:", "Objects#", "Bytes#", "Last change#-"];
        if with_states {
            titles.push("State");
        }
        let panel = if entries.is_empty() {
            empty_panel("Objects", "Nothing is here.", "Objects appear when a day is uploaded or ingested.")
        } else {
            grid_panel("Objects", total, &titles, rows, window.pager(&here))
        };
        let note = folders.iter().find(|f| day_text(&f.day) == prefix.trim_end_matches('/')).map(note);
        Ok(LakeView {
            title,
            what: if prefix.is_empty() { String::new() } else { bucket.to_owned() },
            crumbs: crumbs(bucket, &prefix),
            notes: note.into_iter().collect(),
            panels: vec![panel],
            ..LakeView::default()
        })
    }
}

fn row(
    entry: &Entry,
    state: Option<(State, String)>,
    with_states: bool,
    bucket: &str,
    prefix: &str,
    now: i64,
) -> Vec<GridCell> {
    let (name, objects) = if entry.is_folder() {
        (link(&entry.name, bucket_address(bucket, &format!("{prefix}{}", entry.name))), count(entry.objects))
    } else {
        (cell(&entry.name), cell(""))
    };
    let mut cells = vec![name, objects, cell(format::bytes(entry.bytes)), cell(format::when(entry.updated, now))];
    if with_states {
        cells.push(state.map_or(cell(""), |(state, words)| GridCell { state: Some(state), ..cell(words) }));
    }
    cells
}

/// What a day folder's own page says of it.
fn note(folder: &FolderState) -> NoteView {
    let (state, text) = steps::folder_words(folder);
    let kind = match state {
        State::Done => NoteKind::Ok,
        State::Warn | State::Blocked => NoteKind::Warn,
        State::Failed => NoteKind::Bad,
        _ => NoteKind::Info,
    };
    let link = folder.run_id.as_ref().map(|run| ("The run".to_owned(), format!("/runs/{run}")));
    NoteView { kind, text: if text.ends_with('.') { text } else { format!("{text}.") }, link }
}

fn crumbs(bucket: &str, prefix: &str) -> Vec<(String, String)> {
    let mut crumbs = vec![("Lake".to_owned(), "/lake".to_owned())];
    if prefix.is_empty() {
        return crumbs;
    }
    crumbs.push((bucket.to_owned(), bucket_address(bucket, "").into()));
    let parents = prefix.trim_end_matches('/').match_indices('/').map(|(at, _)| &prefix[..=at]);
    for parent in parents {
        let name = parent.trim_end_matches('/').rsplit('/').next().unwrap_or(parent);
        crumbs.push((name.to_owned(), bucket_address(bucket, parent).into()));
    }
    crumbs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_first_with_what_is_in_them() {
        let object = |key: &str, size, at| ObjectMeta {
            bucket: "b".into(),
            key: key.into(),
            size,
            generation: 1,
            updated: chrono::DateTime::from_timestamp_millis(at).unwrap(),
        };
        let objects = [object("a/x", 1, 10), object("a/y/z", 2, 30), object("a/y/w", 4, 20), object("a/b/c", 8, 5)];
        let entry = |name: &str, objects, bytes, updated| Entry { name: name.into(), objects, bytes, updated };
        assert_eq!(entries(&objects, "a/"), [entry("b/", 1, 8, 5), entry("y/", 2, 6, 30), entry("x", 1, 1, 10)]);
        assert_eq!(entries(&objects, ""), [entry("a/", 4, 15, 30)]);
    }

    #[test]
    fn crumbs_lead_back_up() {
        let texts = |prefix: &str| crumbs("b", prefix).into_iter().map(|c| c.0).collect::<Vec<_>>();
        assert_eq!(texts(""), ["Lake"]);
        assert_eq!(texts("a/"), ["Lake", "b"]);
        assert_eq!(texts("a/b/c/"), ["Lake", "b", "a", "b"]);
        assert_eq!(crumbs("b", "a/b/c/")[3].1, "/lake/bucket/b?prefix=a/b/");
    }
}
