//! The lake page: folders that customers deliver into, tables, partitions.

use app::wire::{FolderRow, LakeView, PartitionRow, State, TableRow};

use super::{Views, day_text, steps};
use crate::error::Result;
use crate::format;

impl Views {
    /// All folders and tables; the partitions of one table.
    pub async fn lake(&self, table: Option<String>) -> Result<LakeView> {
        let mut folders = self.state.reconciler.folder_states().await?;
        folders.sort_by(|a, b| b.day.date.cmp(&a.day.date).then_with(|| a.day.customer.cmp(&b.day.customer)));
        let tables = self.state.lake.tables().await?;
        let name = |t: &showrunner_lake::model::TableStat| format!("{}.{}", t.zone.name(), t.table);
        let selected = tables.iter().find(|t| Some(name(t)) == table);
        let mut partitions: Vec<_> = selected.into_iter().flat_map(|t| &t.partitions).collect();
        partitions.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.customer.cmp(&b.customer)));
        let folder_row = |f: &crate::ingestion::FolderState| {
            let (state, state_text) = steps::folder_words(f);
            FolderRow {
                path: day_text(&f.day),
                files: format::count(f.files),
                bytes: format::bytes(f.bytes),
                state,
                state_text,
            }
        };
        // What needs a look comes first, then the newest.
        let mut rows: Vec<_> = folders.iter().map(folder_row).collect();
        rows.sort_by_key(|r| r.state == State::Done);
        Ok(LakeView {
            folders: rows,
            tables: tables
                .iter()
                .map(|t| TableRow {
                    name: name(t),
                    title: t.title.clone(),
                    rows: format::count(t.rows()),
                    partitions: format::count(t.partitions.iter().filter(|p| p.rows > 0).count() as u64),
                    files: format::count(t.files()),
                    bytes: format::bytes(t.bytes()),
                    version: t.version.to_string(),
                })
                .collect(),
            partitions: partitions
                .iter()
                .map(|p| PartitionRow {
                    date: p.date.map_or("–".into(), |d| d.to_string()),
                    customer: p.customer.clone().unwrap_or_else(|| "all".into()),
                    rows: format::count(p.rows),
                    files: format::count(p.files),
                    bytes: format::bytes(p.bytes),
                })
                .collect(),
            selected: selected.map(name),
        })
    }
}
