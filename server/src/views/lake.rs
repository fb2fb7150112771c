//! The lake's pages: the overview here, a bucket, a table with its parts below.

mod bucket;
mod parts;
mod rows;
mod schema;
mod table;

use app::wire::{GridCell, LakePanel, LakeView, State};
use showrunner_lake::model::TableStat;

use super::{Views, day_text, steps};
use crate::error::Result;
use crate::format;
use parts::{Address, cell, count, empty_panel, grid_panel, link};

/// Day folders on the overview; the bucket's page has all.
const FOLDERS: usize = 40;

/// `bronze.ga_sessions`
fn full_name(table: &TableStat) -> String {
    format!("{}.{}", table.zone.name(), table.table)
}

/// The address of a table's page.
fn table_address(name: &str) -> Address {
    Address::new("/lake", name)
}

/// The address of a bucket's page.
fn bucket_address(bucket: &str, prefix: &str) -> Address {
    let address = Address::new("/lake/bucket", bucket);
    if prefix.is_empty() { address } else { address.with("prefix", prefix) }
}

impl Views {
    /// All tables, buckets and day folders.
    pub async fn lake(&self) -> Result<LakeView> {
        let mut panels = vec![self.tables().await?];
        // Policies do not reach files.
        if self.viewer.is_admin() {
            panels.extend([self.folders().await?, self.buckets().await?]);
        }
        Ok(LakeView { title: "Lake".into(), panels, ..LakeView::default() })
    }

    async fn tables(&self) -> Result<LakePanel> {
        let now = self.state.clock.millis();
        let tables = self.state.lake.tables().await?;
        if tables.is_empty() {
            return Ok(empty_panel("Tables", "No tables yet.", "They appear when the first day has been ingested."));
        }
        let mut rows = Vec::new();
        for table in &tables {
            let name = full_name(table);
            let look = self.state.lake.look(&self.who, &name).await?;
            let (changed, table) = (look.changed(), look.stat());
            rows.push(vec![
                GridCell { sub: Some(table.title.clone()), ..link(&name, table_address(&name)) },
                count(table.rows()),
                count(table.partitions.iter().filter(|p| p.rows > 0).count() as u64),
                count(table.files()),
                cell(format::bytes(table.bytes())),
                cell(changed.map_or("–".into(), |at| format::when(at, now))),
            ]);
        }
        let titles = ["Table:", "Rows#", "Partitions#", "Files#-", "Bytes#", "Last change#-"];
        Ok(grid_panel("Tables", "by zone, as data flows", &titles, rows, None))
    }

    async fn folders(&self) -> Result<LakePanel> {
        let title = "Day folders";
        let bucket = &self.state.lake.names().ingestion;
        let mut folders = self.state.reconciler.folder_states().await?;
        if folders.is_empty() {
            let empty = empty_panel(title, "No day folders yet.", "One appears for each day that a customer uploads.");
            return Ok(LakePanel { aside: true, ..empty });
        }
        // What needs a look comes first, then the newest. A day that is at work stays where it is when that ends.
        folders.sort_by(|a, b| b.day.date.cmp(&a.day.date).then_with(|| a.day.customer.cmp(&b.day.customer)));
        folders.sort_by_key(|f| matches!(steps::folder_words(f).0, State::Done | State::Running));
        let shown = folders.len().min(FOLDERS);
        let rows = folders[..shown]
            .iter()
            .map(|folder| {
                let (state, words) = steps::folder_words(folder);
                let path = day_text(&folder.day);
                let size = format!("{} · {}", format::plural(folder.files, "file"), format::bytes(folder.bytes));
                let href = bucket_address(bucket, &format!("{path}/"));
                vec![GridCell { sub: Some(size), ..link(path, href) }, GridCell { state: Some(state), ..cell(words) }]
            })
            .collect();
        let sub = if shown < folders.len() {
            format!("{shown} of {}; the bucket has all", format::count(folders.len() as u64))
        } else {
            "newest first".to_owned()
        };
        Ok(LakePanel { aside: true, ..grid_panel(title, sub, &["Folder:", "State"], rows, None) })
    }

    async fn buckets(&self) -> Result<LakePanel> {
        let now = self.state.clock.millis();
        let names = self.state.lake.names();
        let mut rows = Vec::new();
        for (bucket, what) in [
            (&names.source, "What the customers' systems export"),
            (&names.ingestion, "What customers deliver, a folder for each day"),
            (&names.datalake, "The files and logs of bronze, silver and gold"),
        ] {
            let objects = self.state.lake.objects().list(bucket, "").await?;
            let changed = objects.iter().map(|o| o.updated.timestamp_millis()).max();
            rows.push(vec![
                GridCell { sub: Some(what.into()), ..link(bucket, bucket_address(bucket, "")) },
                count(objects.len() as u64),
                cell(format::bytes(objects.iter().map(|o| o.size).sum())),
                cell(changed.map_or("–".into(), |at| format::when(at, now))),
            ]);
        }
        Ok(grid_panel("Buckets", "", &["Bucket:", "Objects#", "Bytes#", "Last change#-"], rows, None))
    }
}
