//! The page of the customers: side by side, and one of them opened.

use app::wire::{
    CodeView, CustomerView, CustomersView, FactView, GridCell, GridColumn, GridKind, GridView, NoteKind, NoteView,
    ShownTokenView, State, TokenView,
};
use showrunner_lake::model::{TableStat, Zone};

use super::Views;
use crate::customers::{self, Attempt, NewToken, TokenState, UploadIdentity};
use crate::error::Result;
use crate::format;
use crate::ingestion::FolderState;
use crate::reset::PlanItem;
use crate::store::{AccountRow, Decision, TokenRow};

/// Deleted customers that are listed.
const DELETED: u32 = 50;

/// What the address asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) customer: String,
    pub(super) dataset: String,
    pub(super) date: String,
    shown: String,
    tries: bool,
    goes: bool,
}

impl Asked {
    pub(super) fn read(search: &str) -> Self {
        let mut asked = Asked::default();
        for (name, value) in url::form_urlencoded::parse(search.trim_start_matches('?').as_bytes()) {
            let value = value.into_owned();
            match name.as_ref() {
                "customer" => asked.customer = value,
                "dataset" => asked.dataset = value,
                "date" => asked.date = value,
                "shown" => asked.shown = value,
                "try" => asked.tries = true,
                "delete" => asked.goes = true,
                _ => {}
            }
        }
        asked
    }
}

pub(super) fn grid(caption: &str, titles: &[(&str, GridKind, bool)], rows: Vec<Vec<GridCell>>) -> GridView {
    let column = |(title, kind, wide): &(&str, GridKind, bool)| GridColumn {
        title: (*title).to_owned(),
        kind: *kind,
        wide: *wide,
    };
    GridView { caption: caption.to_owned(), columns: titles.iter().map(column).collect(), rows, pager: None }
}

pub(super) fn text(text: impl Into<String>) -> GridCell {
    GridCell { text: text.into(), ..GridCell::default() }
}

pub(super) fn fact(label: &str, value: impl Into<String>, rest: impl Into<String>) -> FactView {
    FactView { label: label.to_owned(), value: value.into(), rest: rest.into() }
}

/// A line of what a deletion takes: `silver.sessions: 3 partitions, 120 rows`.
pub(super) fn goes_line(item: &PlanItem) -> String {
    let place = if item.table.is_empty() { item.place.clone() } else { format!("{}.{}", item.place, item.table) };
    let rows = if item.rows > 0 { format!(", {}", format::plural(item.rows, "row")) } else { String::new() };
    format!("{place}: {}{rows}", format::plural(item.count, item.what.trim_end_matches('s')))
}

/// A customer's part of a zone.
#[derive(Default)]
struct Part {
    rows: u64,
    files: u64,
}

fn part(tables: &[TableStat], zone: Zone, customer: &str) -> Part {
    let mut part = Part::default();
    for partition in tables.iter().filter(|table| table.zone == zone).flat_map(|table| &table.partitions) {
        if partition.customer.as_deref() == Some(customer) && partition.rows > 0 {
            part.rows += partition.rows;
            part.files += partition.files;
        }
    }
    part
}

impl Views {
    /// The page for the query part of its address.
    pub async fn customers(&self, search: &str) -> Result<CustomersView> {
        let asked = Asked::read(search);
        let accounts = self.state.store.accounts().await?;
        let tokens = self.state.store.tokens().await?;
        let folders = self.state.reconciler.folder_states().await?;
        let opened = match accounts.iter().find(|account| account.id == asked.customer) {
            Some(account) => Some(self.customer(account, &tokens, &folders, &asked).await?),
            None if asked.customer.is_empty() => None,
            // Says that there is none.
            None => self.state.account(&asked.customer).await.map(|_| None)?,
        };
        let deleted = self.state.store.deleted_accounts(DELETED).await?;
        let now = self.state.clock.millis();
        let rows = deleted.into_iter().map(|row| {
            vec![
                GridCell { sub: Some(row.title), ..text(row.customer) },
                text(format::when(row.deleted_at, now)),
                text(row.by_whom),
                GridCell { href: Some(format!("/reset?run={}", row.run_id)), ..text(row.run_id) },
            ]
        });
        let rows: Vec<_> = rows.collect();
        let titles = [
            ("Customer", GridKind::Id, false),
            ("When", GridKind::Id, true),
            ("By", GridKind::Text, true),
            ("Proof", GridKind::Id, false),
        ];
        Ok(CustomersView {
            shown: self.state.desk.look(&asked.shown).map(|token| self.shown(token)),
            side_by_side: self.side_by_side(&accounts, &tokens, &folders).await?,
            opened,
            deleted: (!rows.is_empty()).then(|| grid("Deleted customers", &titles, rows)),
            quota: format::bytes(self.state.config.upload.quota_bytes),
        })
    }

    /// What each customer delivered, and what of it lies in each zone.
    async fn side_by_side(
        &self,
        accounts: &[AccountRow],
        tokens: &[TokenRow],
        folders: &[FolderState],
    ) -> Result<GridView> {
        let tables = self.state.lake.tables().await?;
        // The warehouse's partitions hold several customers: its rows are counted by a query.
        let sql = format!(
            "SELECT customer, count(*) AS n, CAST(max(date) AS VARCHAR) AS newest FROM warehouse.{} GROUP BY customer",
            self.story().dataset
        );
        let served = self.numbers.rows(&self.who, &sql).await?;
        let now = self.state.clock.millis();
        let mut rows = Vec::new();
        for account in accounts {
            let id = account.id.as_str();
            let own: Vec<&FolderState> = folders.iter().filter(|folder| folder.day.customer == id).collect();
            let ingested = own.iter().filter(|folder| folder.decision == Some(Decision::Ingested)).count();
            let zone = |zone| {
                let Part { rows, files } = part(&tables, zone, id);
                GridCell { sub: Some(format::plural(files, "file")), ..text(format::count(rows)) }
            };
            let row = served.iter().find(|row| row.first().is_some_and(|cell| cell.as_deref() == Some(id)));
            let count = row.and_then(|row| row.get(1)?.as_deref()?.parse().ok()).unwrap_or(0);
            let newest = row.and_then(|row| row.get(2)?.clone()).unwrap_or_else(|| "–".to_owned());
            let good = tokens.iter().filter(|token| token.customer == id && works(token, now)).count();
            let (state, words) = state_words(account);
            rows.push(vec![
                GridCell {
                    href: Some(format!("/customers?customer={id}#customer")),
                    sub: Some(account.title.clone()),
                    ..text(id)
                },
                GridCell { state: Some(state), ..text(words) },
                GridCell {
                    sub: Some(format!("{} ingested", format::count(ingested as u64))),
                    ..text(format::count(own.len() as u64))
                },
                zone(Zone::Bronze),
                zone(Zone::Silver),
                zone(Zone::Gold),
                GridCell { sub: Some(newest), ..text(format::count(count)) },
                GridCell {
                    sub: Some(format!("of {}", format::bytes(customers::quota(&self.state, account)))),
                    ..text(format::bytes(customers::used(&self.state, id).await?))
                },
                text(format::count(good as u64)),
            ]);
        }
        let titles = [
            ("Customer", GridKind::Id, false),
            ("Uploads", GridKind::Text, false),
            ("Days", GridKind::Number, true),
            ("Bronze rows", GridKind::Number, true),
            ("Silver rows", GridKind::Number, true),
            ("Gold rows", GridKind::Number, true),
            ("Warehouse rows", GridKind::Number, false),
            ("Delivered", GridKind::Number, true),
            ("Tokens", GridKind::Number, true),
        ];
        Ok(grid("Customers side by side", &titles, rows))
    }

    async fn customer(
        &self,
        account: &AccountRow,
        tokens: &[TokenRow],
        folders: &[FolderState],
        asked: &Asked,
    ) -> Result<CustomerView> {
        let (id, now) = (account.id.as_str(), self.state.clock.millis());
        let own: Vec<&FolderState> = folders.iter().filter(|folder| folder.day.customer == id).collect();
        let used = customers::used(&self.state, id).await?;
        let folder = self.state.lake.dropbox(id)?;
        let incomplete = folder.uploads().await?.len() as u64;
        let tokens: Vec<&TokenRow> = tokens.iter().filter(|token| token.customer == id).collect();
        let tried = if asked.tries {
            let token = tokens.iter().find(|token| works(token, now)).copied();
            let who = UploadIdentity {
                customer: id.to_owned(),
                token: token.map_or_else(String::new, |token| token.id.clone()),
                label: token.map_or_else(String::new, |token| token.label.clone()),
            };
            Some(tried(customers::attempts(&self.state, &who).await?))
        } else {
            None
        };
        let (stays, goes, items, plan) = self.deletion(account, asked.goes).await?;
        Ok(CustomerView {
            id: id.to_owned(),
            title: account.title.clone(),
            quota: account.quota_bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
            enabled: account.disabled_at.is_none(),
            facts: vec![
                fact("Days", format::count(own.len() as u64), ""),
                fact("Files", format::count(own.iter().map(|folder| folder.files).sum()), ""),
                fact(
                    "Bytes",
                    format::bytes(used),
                    format!("of {}", format::bytes(customers::quota(&self.state, account))),
                ),
                fact("Incomplete uploads", format::count(incomplete), ""),
                fact("Since", format::when(account.created_at, now), ""),
            ],
            note: customers::shut(account).map(|refusal| NoteView {
                kind: NoteKind::Warn,
                text: refusal.words,
                link: account
                    .deletion_run
                    .as_ref()
                    .map(|run| ("The reset that empties it".to_owned(), format!("/reset?run={run}"))),
            }),
            tokens: tokens.iter().map(|token| token_view(token, now)).collect(),
            codes: self.how(id),
            tried,
            goes,
            items,
            plan,
            stays,
        })
    }

    /// Why the customer stays, or what goes with it, if that is wanted: it is counted in every table.
    async fn deletion(
        &self,
        account: &AccountRow,
        wanted: bool,
    ) -> Result<(Option<NoteView>, Vec<String>, String, String)> {
        let id = &account.id;
        let note = |text: String, link| Some(NoteView { kind: NoteKind::Info, text, link });
        let none = |note| (note, Vec::new(), String::new(), String::new());
        if let Some(reason) = self.state.keeps(id) {
            let link = Some((format!("Reset {id}"), format!("/reset?scope=customer:{id}")));
            return Ok(none(note(reason, link)));
        }
        if !wanted {
            return Ok(none(None));
        }
        if let Some(run) = self.state.store.active_reset().await? {
            let link = Some((run.clone(), format!("/reset?run={run}")));
            return Ok(none(note("A reset is under way. Wait until it is over.".to_owned(), link)));
        }
        let deletion = self.state.customer_deletion(id).await?;
        let mut goes: Vec<String> =
            deletion.plan.items.iter().filter(|item| item.place != "messages").map(goes_line).collect();
        goes.push("the customer and its upload tokens".to_owned());
        Ok((None, goes, format::plural(deletion.items, "item"), deletion.plan.digest))
    }

    fn shown(&self, token: NewToken) -> ShownTokenView {
        let until = crate::clock::time(token.expires_at).format("%Y-%m-%d").to_string();
        let mut codes = vec![CodeView { label: "Token".into(), text: token.text.clone() }];
        codes.extend(self.how(&token.customer));
        ShownTokenView { title: format!("{}, {}, until {until}.", token.customer, token.label), codes }
    }

    /// How a day is sent by curl.
    fn how(&self, customer: &str) -> Vec<CodeView> {
        let date = self.story().data.stage.days().first().copied().unwrap_or_default();
        let folder = format!("$SHOW/upload/{customer}/{}/{date}", self.story().dataset);
        let code = |label: &str, text: String| CodeView { label: label.into(), text };
        let auth = "-H \"Authorization: Bearer $TOKEN\"";
        vec![
            code("File", format!("curl --fail-with-body {auth} -T sessions.json.gz {folder}/sessions.json.gz")),
            code("End", format!("curl --fail-with-body {auth} -T /dev/null {folder}/end_file.txt")),
            code("List", format!("curl {auth} $SHOW/upload/{customer}/")),
        ]
    }
}

fn works(token: &TokenRow, now: i64) -> bool {
    matches!(customers::state(token, now), TokenState::Good | TokenState::Replaced)
}

fn state_words(account: &AccountRow) -> (State, &'static str) {
    match account {
        AccountRow { deletion_run: Some(_), .. } => (State::Running, "Being deleted"),
        AccountRow { disabled_at: Some(_), .. } => (State::Blocked, "Disabled"),
        _ => (State::Done, "Taken"),
    }
}

fn token_view(token: &TokenRow, now: i64) -> TokenView {
    let day = |at| crate::clock::time(at).format("%Y-%m-%d").to_string();
    let state = customers::state(token, now);
    let (mark, words) = match state {
        TokenState::Good => (State::Done, "Works".to_owned()),
        TokenState::Replaced => (State::Warn, format!("Replaced, works until {}", format::when(token.expires_at, now))),
        TokenState::Expired => (State::Blocked, "Expired".to_owned()),
        TokenState::Revoked => (State::Blocked, "Revoked".to_owned()),
    };
    let used = token.last_used_at.map_or("never used".to_owned(), |at| format!("last used {}", format::when(at, now)));
    TokenView {
        id: token.id.clone(),
        label: token.label.clone(),
        state: mark,
        words,
        times: format!("Made {}, until {}, {used}", day(token.created_at), day(token.expires_at)),
        rotates: state == TokenState::Good,
        revokes: matches!(state, TokenState::Good | TokenState::Replaced),
    }
}

fn tried(attempts: Vec<Attempt>) -> GridView {
    let rows = attempts
        .into_iter()
        .map(|attempt| {
            let words = if attempt.status < 300 { "allowed" } else { "refused" };
            let state = match (attempt.right, attempt.status < 300) {
                (false, _) => State::Failed,
                (true, true) => State::Done,
                (true, false) => State::Blocked,
            };
            vec![
                GridCell { sub: Some(attempt.request), ..text(attempt.what) },
                GridCell { state: Some(state), ..text(format!("{} {words}", attempt.status)) },
                text(attempt.words),
            ]
        })
        .collect();
    let titles =
        [("Try", GridKind::Text, false), ("Answer", GridKind::Text, false), ("In words", GridKind::Text, true)];
    grid("What was tried with the upload identity", &titles, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read() {
        let asked = Asked::read("?customer=customer02&shown=abc&try=1&other=x");
        assert_eq!((asked.customer.as_str(), asked.shown.as_str(), asked.tries), ("customer02", "abc", true));
        assert_eq!(Asked::read(""), Asked::default());
    }
}
