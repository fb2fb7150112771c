//! The page of the datasets: all of them, and one opened.

use app::wire::{
    DatasetColumnView, DatasetView, DatasetsView, GenerateView, GridCell, GridKind, GridView, NoteKind, NoteView,
};
use showrunner_lake::defined::{Column, Definition, Kept, Version};
use showrunner_lake::defined::{FieldType, Mode};
use showrunner_lake::model::{TableStat, Zone};

use super::Views;
use super::customers::{fact, goes_line, grid, text};
use crate::datasets::{BICYCLES, tables};
use crate::error::Result;
use crate::format;
use crate::ingestion::FolderState;
use crate::reset;
use crate::store::{Decision, Tag};

/// Deleted datasets that are listed.
const DELETED: u32 = 50;

/// Types that a column can be given, by BigQuery's names.
pub(crate) fn types() -> [(&'static str, FieldType); 6] {
    [
        ("STRING", FieldType::String),
        ("INTEGER", FieldType::Integer),
        ("FLOAT", FieldType::Float),
        ("BOOLEAN", FieldType::Boolean),
        ("DATE", FieldType::Date),
        ("TIMESTAMP", FieldType::Timestamp),
    ]
}

fn type_name(kind: FieldType) -> &'static str {
    types().into_iter().find(|(_, known)| *known == kind).map_or("RECORD", |(name, _)| name)
}

/// What the address asks for.
#[derive(Default)]
struct Asked {
    dataset: String,
    version: Option<u32>,
    goes: bool,
}

impl Asked {
    fn read(search: &str) -> Self {
        let mut asked = Asked::default();
        for (name, value) in url::form_urlencoded::parse(search.trim_start_matches('?').as_bytes()) {
            match name.as_ref() {
                "dataset" => asked.dataset = value.into_owned(),
                "version" => asked.version = value.parse().ok(),
                "delete" => asked.goes = true,
                _ => {}
            }
        }
        asked
    }
}

fn linked(words: impl Into<String>, href: String) -> GridCell {
    GridCell { href: Some(href), ..text(words) }
}

impl Views {
    /// The page for the query part of its address.
    pub async fn datasets(&self, search: &str) -> Result<DatasetsView> {
        let asked = Asked::read(search);
        let kept = self.state.lake.defined()?;
        let stats = self.state.lake.tables().await?;
        let folders = self.state.reconciler.folder_states().await?;
        let found = kept.iter().find(|kept| kept.newest().is_some_and(|v| v.definition.name == asked.dataset));
        let opened = match found {
            Some(kept) => self.opened(kept, &asked, &stats, &folders).await?,
            None if asked.dataset.is_empty() => None,
            // Says that there is none.
            None => self.state.definition(&asked.dataset).map(|_| None)?,
        };
        Ok(DatasetsView {
            all: self.all(&kept, &stats, &folders),
            opened,
            deleted: self.deleted().await?,
            bicycles: BICYCLES.iter().any(|(name, _)| self.state.lake.definition(name).is_none()),
            limit: "16 MB".to_owned(),
        })
    }

    fn all(&self, kept: &[Kept], stats: &[TableStat], folders: &[FolderState]) -> GridView {
        let now = self.state.clock.millis();
        let days = |name: &str| {
            let own: Vec<_> = folders.iter().filter(|folder| folder.day.dataset == name).collect();
            let ingested = own.iter().filter(|folder| folder.decision == Some(Decision::Ingested)).count() as u64;
            let sub = Some(format!("{} ingested", format::count(ingested)));
            GridCell { sub, ..text(format::count(own.len() as u64)) }
        };
        let rows = |zone: Zone, table: &str| {
            let rows: u64 = stats.iter().filter(|t| t.zone == zone && t.table == table).map(TableStat::rows).sum();
            text(format::count(rows))
        };
        let mut lines = Vec::new();
        for name in self.state.lake.datasets() {
            let newest = kept.iter().filter_map(Kept::newest).find(|v| v.definition.name == name);
            lines.push(match newest {
                Some(version) => {
                    let definition = &version.definition;
                    let keys = definition.key.join(", ");
                    vec![
                        GridCell {
                            sub: Some(definition.title.clone()),
                            ..linked(name.clone(), format!("/datasets?dataset={name}#dataset"))
                        },
                        text(format::count(definition.columns.len() as u64)),
                        text(if keys.is_empty() { "–".to_owned() } else { keys }),
                        days(&name),
                        rows(Zone::Bronze, &name),
                        rows(Zone::Warehouse, &name),
                        GridCell {
                            sub: Some(format!("{}, {}", version.by, format::when(version.at, now))),
                            ..text(format!("version {}", version.version))
                        },
                    ]
                }
                None => {
                    let columns = stats.iter().find(|t| t.zone == Zone::Bronze && t.table == name);
                    vec![
                        GridCell {
                            sub: Some("Web analytics, after Google's export".to_owned()),
                            ..linked(name.clone(), format!("/lake/bronze.{name}?tab=schema"))
                        },
                        text(format::count(columns.map_or(0, |t| t.columns as u64))),
                        text("fullVisitorId, visitId"),
                        days(&name),
                        rows(Zone::Bronze, &name),
                        rows(Zone::Warehouse, &name),
                        text("built in"),
                    ]
                }
            });
        }
        let titles = [
            ("Dataset", GridKind::Id, false),
            ("Columns", GridKind::Number, true),
            ("Key", GridKind::Id, true),
            ("Days", GridKind::Number, false),
            ("Bronze rows", GridKind::Number, true),
            ("Warehouse rows", GridKind::Number, false),
            ("Definition", GridKind::Text, true),
        ];
        grid("All datasets", &titles, lines)
    }

    async fn opened(
        &self,
        kept: &Kept,
        asked: &Asked,
        stats: &[TableStat],
        folders: &[FolderState],
    ) -> Result<Option<DatasetView>> {
        let Some(newest) = kept.newest() else { return Ok(None) };
        let shown = kept.versions.iter().find(|v| Some(v.version) == asked.version).unwrap_or(newest);
        let definition = &shown.definition;
        let name = definition.name.as_str();
        let tags = self.state.store.tags().await?;
        let columns = definition.columns.iter().map(|column| column_view(definition, column, &tags)).collect();
        let days = folders.iter().filter(|folder| folder.day.dataset == name);
        let mut notes = Vec::new();
        let current = shown.version == newest.version;
        if !current {
            notes.push(NoteView {
                kind: NoteKind::Info,
                text: format!("This is version {}, as it was. Version {} counts.", shown.version, newest.version),
                link: Some(("The one that counts".to_owned(), format!("/datasets?dataset={name}#dataset"))),
            });
        }
        let (stays, goes, items, plan) = self.dataset_goes(&newest.definition, asked.goes).await?;
        Ok(Some(DatasetView {
            name: name.to_owned(),
            title: definition.title.clone(),
            version: shown.version,
            facts: vec![
                fact("Sample", definition.format.clone(), ""),
                fact("Columns", format::count(definition.columns.len() as u64), ""),
                fact("Days", format::count(days.count() as u64), "delivered"),
            ],
            notes,
            current,
            columns,
            day: definition.day.clone().unwrap_or_default(),
            days: definition.columns.iter().filter(|c| c.days()).map(|c| c.name.clone()).collect(),
            types: types().map(|(name, _)| name.to_owned()).to_vec(),
            info_types: showrunner_pii::InfoType::ALL.iter().map(|kind| kind.name().to_owned()).collect(),
            tables: tables_of(&newest.definition, stats),
            versions: self.dataset_versions(kept),
            generate: self.generated(name).await?,
            goes,
            items,
            plan,
            stays,
        }))
    }

    /// A day that can be generated: the first of the stage that the story's customer did not deliver.
    async fn generated(&self, name: &str) -> Result<Option<GenerateView>> {
        if !BICYCLES.iter().any(|(known, _)| *known == name) {
            return Ok(None);
        }
        let story = self.story();
        let delivered = self.state.store.deliveries().await?;
        let new = |date: &chrono::NaiveDate| {
            !delivered.iter().any(|r| r.day.dataset == name && r.day.customer == story.customer && r.day.date == *date)
        };
        let days = story.data.stage.days();
        let date = days.iter().copied().find(new).or_else(|| days.first().copied()).unwrap_or_default();
        Ok(Some(GenerateView {
            customers: self.state.store.customers().await?.into_iter().map(|customer| customer.id).collect(),
            customer: story.customer.clone(),
            date: date.to_string(),
        }))
    }

    fn dataset_versions(&self, kept: &Kept) -> GridView {
        let now = self.state.clock.millis();
        let row = |version: &Version| {
            let name = &version.definition.name;
            let href = format!("/datasets?dataset={name}&version={}#dataset", version.version);
            vec![
                linked(version.version.to_string(), href),
                text(format::when(version.at, now)),
                text(version.by.clone()),
                text(if version.rebuilt { "made anew" } else { "as they were" }),
            ]
        };
        let titles = [
            ("Version", GridKind::Id, false),
            ("When", GridKind::Id, false),
            ("By", GridKind::Text, false),
            ("Tables", GridKind::Text, false),
        ];
        grid("Versions", &titles, kept.versions.iter().rev().map(row).collect())
    }

    async fn deleted(&self) -> Result<Option<GridView>> {
        let now = self.state.clock.millis();
        let rows: Vec<_> = self
            .state
            .store
            .dataset_deletions(DELETED)
            .await?
            .into_iter()
            .filter_map(|row| {
                let when = row.deleted_at?;
                Some(vec![
                    GridCell { sub: Some(row.title), ..text(row.dataset) },
                    text(format::when(when, now)),
                    text(row.by_whom),
                    linked(row.run_id.clone(), format!("/reset?run={}", row.run_id)),
                ])
            })
            .collect();
        let titles = [
            ("Dataset", GridKind::Id, false),
            ("When", GridKind::Id, true),
            ("By", GridKind::Text, true),
            ("Proof", GridKind::Id, false),
        ];
        Ok((!rows.is_empty()).then(|| grid("Deleted datasets", &titles, rows)))
    }

    /// Why the dataset stays, or what goes with it, if that is wanted.
    async fn dataset_goes(
        &self,
        definition: &Definition,
        wanted: bool,
    ) -> Result<(Option<NoteView>, Vec<String>, String, String)> {
        let note = |text: String, link| Some(NoteView { kind: NoteKind::Info, text, link });
        let none = |note| (note, Vec::new(), String::new(), String::new());
        if let Some(reason) = self.state.keeps_dataset(definition) {
            return Ok(none(note(reason, Some(("Policies".to_owned(), "/policies".to_owned())))));
        }
        if !wanted {
            return Ok(none(None));
        }
        if let Some(run) = self.state.store.active_reset().await? {
            let link = Some((run.clone(), format!("/reset?run={run}")));
            return Ok(none(note("A reset is under way. Wait until it is over.".to_owned(), link)));
        }
        let plan = self.state.dataset_deletion(&definition.name).await?;
        let mut goes: Vec<String> = plan.items.iter().map(goes_line).collect();
        goes.push(format!("{} with all versions of the definition", format::plural(4, "table")));
        Ok((None, goes, format::plural(reset::total(&plan.items), "item"), plan.digest))
    }
}

fn column_view(definition: &Definition, column: &Column, tags: &[Tag]) -> DatasetColumnView {
    let silver = tables(definition).into_iter().find(|name| name.starts_with("silver.")).unwrap_or_default();
    let found = tags.iter().find(|tag| tag.table == silver && tag.path == column.name);
    let found = found.map(|tag| tag.info_type.clone()).unwrap_or_default();
    let expected = column.expected.clone().unwrap_or_default();
    let place = definition.cluster.iter().position(|name| *name == column.name);
    DatasetColumnView {
        source: if column.field.name == column.name { String::new() } else { column.field.name.clone() },
        kind: type_name(column.field.field_type).to_owned(),
        plain: column.field.field_type != FieldType::Record,
        mode: if column.field.mode == Mode::Repeated { "REPEATED".to_owned() } else { String::new() },
        key: definition.key.contains(&column.name),
        cluster: place.map_or(0, |place| place as u32 + 1),
        measure: column.measure,
        differs: !found.is_empty() && found != expected,
        note: column.note.clone(),
        name: column.name.clone(),
        expected,
        found,
    }
}

fn tables_of(definition: &Definition, stats: &[TableStat]) -> GridView {
    let rows = Zone::ALL.map(|zone| {
        let name = definition.table(zone);
        let stat = stats.iter().find(|t| t.zone == zone && t.table == name);
        let full = format!("{}.{name}", zone.name());
        vec![
            GridCell { sub: stat.map(|stat| stat.title.clone()), ..linked(full.clone(), format!("/lake/{full}")) },
            text(format::count(stat.map_or(0, TableStat::rows))),
            text(format::count(stat.map_or(0, |t| t.partitions.iter().filter(|p| p.rows > 0).count() as u64))),
            text(format::bytes(stat.map_or(0, TableStat::bytes))),
        ]
    });
    let titles = [
        ("Table", GridKind::Id, false),
        ("Rows", GridKind::Number, false),
        ("Partitions", GridKind::Number, true),
        ("Size", GridKind::Number, true),
    ];
    grid("Tables", &titles, rows.into())
}
