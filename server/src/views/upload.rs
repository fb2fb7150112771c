//! The page on which a person uploads a day.

use app::wire::{GridCell, GridKind, NoteKind, NoteView, State, UploadDayView, UploadView};
use showrunner_lake::keys::{MARKER, day_prefix};
use showrunner_lake::model::Day;

use super::customers::{Asked, fact, grid, text};
use super::{Views, day_text, steps};
use crate::customers;
use crate::error::Result;
use crate::format;

impl Views {
    /// The page for the query part of its address; of one customer alone where `only` names it.
    pub async fn upload_page(&self, search: &str, only: Option<&str>) -> Result<UploadView> {
        let mut asked = Asked::read(search);
        let mut accounts = self.state.store.accounts().await?;
        if let Some(only) = only {
            accounts.retain(|account| account.id == only);
            asked.customer = only.to_owned();
        }
        let customer = if asked.customer.is_empty() { self.story().customer.clone() } else { asked.customer };
        let dataset = if asked.dataset.is_empty() { self.story().dataset.clone() } else { asked.dataset };
        let mut view = UploadView {
            customers: accounts.iter().map(|account| (account.id.clone(), account.title.clone())).collect(),
            datasets: self.state.lake.datasets(),
            date: asked.date,
            day: None,
            facts: Vec::new(),
            note: None,
            customer,
            dataset,
        };
        let account = self.state.account(&view.customer).await?;
        let (used, quota) = (customers::used(&self.state, &account.id).await?, customers::quota(&self.state, &account));
        view.facts = vec![
            fact("Delivered", format::bytes(used), format!("of {}", format::bytes(quota))),
            fact("Left", format::bytes(quota.saturating_sub(used)), ""),
        ];
        if let Some(refusal) = customers::shut(&account) {
            view.note = Some(NoteView { kind: NoteKind::Warn, text: refusal.words, link: None });
            return Ok(view);
        }
        if view.date.is_empty() {
            return Ok(view);
        }
        match self.parse_day(&format!("{}/{}/{}", view.customer, view.dataset, view.date)).await {
            Ok(day) => view.day = Some(self.upload_day(&day).await?),
            Err(error) => view.note = Some(NoteView { kind: NoteKind::Bad, text: error.message, link: None }),
        }
        Ok(view)
    }

    async fn upload_day(&self, day: &Day) -> Result<UploadDayView> {
        let folders = self.state.reconciler.folder_states().await?;
        let folder = folders.into_iter().find(|folder| folder.day == *day);
        let prefix = day_prefix(day);
        let dropbox = self.state.lake.dropbox(&day.customer)?;
        let below = prefix.strip_prefix(&format!("{}/", day.customer)).unwrap_or(&prefix);
        let (files, incomplete) = (dropbox.list(below).await?, dropbox.uploads().await?);
        let now = self.state.clock.millis();
        let name = |key: &str| key.strip_prefix(&prefix).unwrap_or(key).to_owned();
        let row = |file: &showrunner_lake::ports::ObjectMeta, note: Option<&str>| {
            vec![
                GridCell { sub: note.map(str::to_owned), ..text(name(&file.key)) },
                text(format::bytes(file.size)),
                text(format::when(file.updated.timestamp_millis(), now)),
            ]
        };
        let late = folder.as_ref().map(|folder| folder.late.clone()).unwrap_or_default();
        let mut rows: Vec<_> = files
            .iter()
            .map(|file| {
                let name = name(&file.key);
                let note = if name == MARKER {
                    Some("the day is complete")
                } else {
                    late.contains(&name).then_some("late: not in the run")
                };
                row(file, note)
            })
            .collect();
        let of_day = incomplete.iter().filter(|upload| upload.key.starts_with(&prefix));
        rows.extend(of_day.map(|upload| row(upload, Some("incomplete: kept for a day, so that it can go on"))));
        let titles = [("File", GridKind::Id, false), ("Bytes", GridKind::Number, false), ("When", GridKind::Id, true)];
        let (state, words) = match &folder {
            Some(folder) => steps::folder_words(folder),
            None => (State::Later, "Nothing delivered yet".to_owned()),
        };
        let data_files = files.iter().filter(|file| name(&file.key) != MARKER).count();
        let open = folder.as_ref().is_some_and(|folder| folder.decision.is_none() && folder.marker.is_none());
        Ok(UploadDayView {
            path: day_text(day),
            state,
            words,
            run: folder.and_then(|folder| folder.run_id).map(|run| (run.clone(), format!("/runs/{run}"))),
            files: (!rows.is_empty()).then(|| grid("Files of the day", &titles, rows)),
            complete: open && data_files > 0,
            limit: format::bytes(self.state.config.upload.limit_bytes),
        })
    }
}
