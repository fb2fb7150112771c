//! Two datasets, one of them opened.

use app::{services::*, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood, fact};

#[async_trait]
impl Datasets for Fake {
    async fn datasets(&self, search: String) -> Result<DatasetsView, WireError> {
        self.usable()?;
        let grid = |caption: &str| {
            let row = |name: &str| vec![name.to_owned(), "1,987".to_owned()];
            GridView::numbers(caption, GridKind::Id, &["Dataset", "Rows"], vec![row("ga_sessions"), row("hires")])
        };
        let column = |name: &str, kind: &str| DatasetColumnView {
            name: name.into(),
            source: if name == "rental_id" { "Rental Id".into() } else { String::new() },
            kind: kind.into(),
            plain: kind != "RECORD",
            mode: if kind == "RECORD" { "REPEATED".into() } else { String::new() },
            key: name == "rental_id",
            cluster: u32::from(name == "bike_model"),
            measure: name == "duration",
            expected: String::new(),
            found: if name == "bike_model" { "PERSON_NAME".into() } else { String::new() },
            differs: name == "bike_model",
            note: "2 different".into(),
        };
        let busy = self.mood == Mood::Busy;
        let note = |text: &str| NoteView { kind: NoteKind::Info, text: text.into(), link: None };
        let opened = search.contains("hires").then(|| DatasetView {
            name: "hires".into(),
            title: "Hires".into(),
            version: 2,
            facts: vec![fact("Format", "CSV", "")],
            notes: if busy { vec![note("It is being deleted.")] } else { Vec::new() },
            current: !busy,
            columns: vec![
                column("rental_id", "INTEGER"),
                column("duration", "INTEGER"),
                column("bike_model", "STRING"),
                column("stops", "RECORD"),
            ],
            day: "start_date".into(),
            days: vec!["start_date".into()],
            types: vec!["INTEGER".into(), "STRING".into()],
            info_types: vec!["PERSON_NAME".into()],
            tables: grid("Tables"),
            versions: grid("Versions"),
            generate: Some(GenerateView {
                customers: vec!["customer01".into()],
                customer: "customer01".into(),
                date: "2017-07-29".into(),
            }),
            goes: vec!["bronze.hires: 3 partitions".into()],
            items: "3 items".into(),
            plan: if self.mood == Mood::Blocked { String::new() } else { "3f9a".into() },
            stays: busy.then(|| note("Policies protect silver.hires: drop them first.")),
        });
        Ok(DatasetsView {
            all: grid("All datasets"),
            opened,
            deleted: (self.mood == Mood::Blocked).then(|| grid("Deleted datasets")),
            bicycles: !busy,
            limit: "16 MB".into(),
        })
    }

    async fn change_dataset(&self, _: DatasetForm) -> Result<String, WireError> {
        self.usable().map(|()| "/datasets".into())
    }

    async fn save_dataset(&self, _: DefinitionForm) -> Result<String, WireError> {
        self.usable().map(|()| "/datasets?dataset=hires".into())
    }
}
