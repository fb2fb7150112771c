//! Two customers, one of them opened, with one token of each sort.

use app::{services::*, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood, fact};

fn code(label: &str, text: &str) -> CodeView {
    CodeView { label: label.into(), text: text.into() }
}

#[async_trait]
impl Customers for Fake {
    async fn customers(&self, search: String) -> Result<CustomersView, WireError> {
        self.usable()?;
        let row = |id: &str, rows: &str| vec![id.to_owned(), rows.to_owned(), rows.to_owned()];
        let grid = |caption: &str| {
            GridView::numbers(
                caption,
                GridKind::Id,
                &["Customer", "Bronze", "Warehouse"],
                vec![row("customer01", "1,987"), row("customer02", "0")],
            )
        };
        let token = |label: &str, state, words: &str, works: bool| TokenView {
            id: "0123456789".into(),
            label: label.into(),
            state,
            words: words.into(),
            times: "Made 2017-07-29, until 2017-08-28, never used".into(),
            rotates: works,
            revokes: works,
        };
        let busy = self.mood == Mood::Busy;
        let opened = search.contains("customer02").then(|| CustomerView {
            id: "customer02".into(),
            title: "Second".into(),
            quota: "5GB".into(),
            enabled: !busy,
            facts: vec![fact("Files", "2", "32.6 MB")],
            note: busy.then(|| NoteView {
                kind: NoteKind::Warn,
                text: "customer02 is disabled: nothing is taken.".into(),
                link: None,
            }),
            tokens: vec![token("nightly", State::Done, "Works", true), token("old", State::Failed, "Revoked", false)],
            codes: vec![code("Send a file", "curl -T FILE …")],
            tried: (self.mood == Mood::Idle).then(|| grid("What was tried")),
            goes: vec!["ingestion: 2 objects".into()],
            items: "2 items".into(),
            plan: "3f9a".into(),
            stays: busy.then(|| NoteView { kind: NoteKind::Info, text: "It is the story's.".into(), link: None }),
        });
        Ok(CustomersView {
            shown: (self.mood == Mood::Idle).then(|| ShownTokenView {
                title: "customer02, nightly".into(),
                codes: vec![code("Token", "sru_0123456789_secret")],
            }),
            side_by_side: grid("Customers side by side"),
            opened,
            deleted: (self.mood == Mood::Blocked).then(|| grid("Deleted customers")),
            quota: "10.0 GB".into(),
        })
    }

    async fn change_customer(&self, _form: CustomerForm) -> Result<String, WireError> {
        self.usable().map(|()| "/customers".into())
    }

    async fn upload_page(&self, _search: String) -> Result<UploadView, WireError> {
        self.usable()?;
        let fresh = self.mood == Mood::Fresh;
        Ok(UploadView {
            customers: vec![("customer01".into(), "customer01".into()), ("customer02".into(), "Second".into())],
            customer: "customer02".into(),
            datasets: vec!["visits".into()],
            dataset: "visits".into(),
            date: "2017-07-29".into(),
            day: (!fresh).then(|| UploadDayView {
                path: "customer02/visits/2017-07-29".into(),
                state: State::Next,
                words: "Waiting for end_file.txt".into(),
                run: Some(("run-0059-7f3a".into(), "/runs/run-0059-7f3a".into())),
                files: (self.mood == Mood::Idle).then(|| {
                    GridView::numbers(
                        "Files of the day",
                        GridKind::Id,
                        &["File", "Bytes"],
                        vec![vec!["a.json".into(), "1,024".into()]],
                    )
                }),
                complete: true,
                limit: "512 MB".into(),
            }),
            facts: vec![fact("Left", "9.9 GB", "of 10.0 GB")],
            note: None,
        })
    }

    async fn complete_day(&self, _day: String) -> Result<(), WireError> {
        self.usable()
    }
}
