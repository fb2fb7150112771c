//! What an admin changes about customers and their tokens.

use std::sync::Arc;
use std::time::Duration;

use showrunner_lake::keys::check_customer;
use tokio_util::sync::CancellationToken;

use super::tokens::{self, Made};
use super::{TokenState, state as token_state};
use crate::error::{Error, ErrorKind, Result};
use crate::reset::{self, ResetPlan, ResetScope};
use crate::runs::{Job, NewRun};
use crate::store::{AccountRow, Outcome, RunState, TokenRow};
use crate::{AppState, clock};

/// A rotated token works so much longer, in milliseconds.
const OVERLAP: i64 = 15 * 60_000;
/// Uploads that nobody went on with are dropped after this.
const KEPT: chrono::TimeDelta = chrono::TimeDelta::hours(24);
/// How often that is looked at.
const TIDY_EVERY: Duration = Duration::from_secs(600);
const LONGEST_TITLE: usize = 80;
const LONGEST_LABEL: usize = 40;
const DAY: i64 = 86_400_000;

/// How long a token works, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLife(i64);

impl TokenLife {
    /// 1 to 365 days.
    pub fn days(text: &str) -> Result<Self> {
        match text.trim().parse() {
            Ok(days @ 1..=365) => Ok(TokenLife(days)),
            _ => Err(invalid("A token works for 1 to 365 days: write a number of days.")),
        }
    }
}

/// A token as it is shown once.
#[derive(Clone)]
pub struct NewToken {
    /// Whose folder it opens.
    pub customer: String,
    /// What it is for.
    pub label: String,
    /// All of it.
    pub text: String,
    /// UTC milliseconds.
    pub expires_at: i64,
}

/// What a customer's deletion would take.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// The reset's dry run.
    pub plan: ResetPlan,
    /// Things of the customer, without messages, which are nobody's.
    pub items: u64,
}

fn invalid(words: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, words)
}

/// A title or label as it is kept.
fn words(text: &str, most: usize, what: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(invalid(format!("{what} takes 1 to {most} characters.")));
    }
    Ok(text.to_owned())
}

/// Empty: as configured.
fn quota(text: &str) -> Result<Option<i64>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let bytes = crate::config::bytes(text).map_err(|why| invalid(format!("The quota: {why}.")))?;
    i64::try_from(bytes).map(Some).map_err(|_| invalid("The quota is too large."))
}

impl AppState {
    /// A customer that is there.
    pub async fn account(&self, id: &str) -> Result<AccountRow> {
        self.store.account(id).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("There is no customer '{}'.", id.chars().take(60).collect::<String>()),
            )
        })
    }

    /// Adds a customer.
    pub async fn create_customer(&self, id: &str, title: &str, quota_text: &str) -> Result<()> {
        let id = id.trim();
        check_customer(id)?;
        let title = if title.trim().is_empty() { id.to_owned() } else { words(title, LONGEST_TITLE, "A title")? };
        self.engine.refuse_during_reset().await?;
        if !self.store.create_account(id, &title, quota(quota_text)?).await? {
            return Err(Error::new(ErrorKind::Conflict, format!("There is a customer '{id}' already.")));
        }
        Ok(())
    }

    /// Another title, another quota.
    pub async fn change_customer(&self, id: &str, title: &str, quota_text: &str) -> Result<()> {
        let row = self.account(id).await?;
        // A reset proves that customers are what they were.
        self.engine.refuse_during_reset().await?;
        let (title, quota_bytes) = (words(title, LONGEST_TITLE, "A title")?, quota(quota_text)?);
        self.store.change_account(&AccountRow { title, quota_bytes, ..row }).await
    }

    /// Takes uploads, or takes none any more; what is under way is broken off.
    pub async fn enable_customer(&self, id: &str, enabled: bool) -> Result<()> {
        let row = self.account(id).await?;
        if row.deletion_run.is_some() {
            return Err(Error::new(ErrorKind::Conflict, format!("{id} is being deleted.")));
        }
        let disabled_at = (!enabled).then(|| row.disabled_at.unwrap_or_else(|| self.clock.millis()));
        self.store.change_account(&AccountRow { disabled_at, ..row }).await?;
        if !enabled {
            self.desk.break_off(id);
        }
        Ok(())
    }

    /// A new token. Returns the address part under which it can be looked at once.
    pub async fn create_token(&self, customer: &str, label: &str, life: TokenLife) -> Result<String> {
        let account = self.account(customer).await?;
        let label = if label.trim().is_empty() { "upload".to_owned() } else { words(label, LONGEST_LABEL, "A label")? };
        self.new_token(&account.id, label, life.0 * DAY, None).await
    }

    /// A new token in the place of an old one, which works for a little longer.
    pub async fn rotate_token(&self, customer: &str, id: &str) -> Result<String> {
        let token = self.token_of(customer, id).await?;
        let now = self.clock.millis();
        if token_state(&token, now) != TokenState::Good {
            return Err(Error::new(ErrorKind::Conflict, "Only a token that works can be rotated. Create a new one."));
        }
        let life = token.expires_at - token.created_at;
        self.new_token(customer, token.label, life, Some((&token.id, now + OVERLAP))).await
    }

    /// Ends a token at once.
    pub async fn revoke_token(&self, customer: &str, id: &str) -> Result<()> {
        let token = self.token_of(customer, id).await?;
        self.store.revoke_token(customer, &token.id).await?;
        Ok(())
    }

    async fn token_of(&self, customer: &str, id: &str) -> Result<TokenRow> {
        let token = self.store.token(id).await?.filter(|token| token.customer == customer);
        token.ok_or_else(|| Error::new(ErrorKind::NotFound, "There is no such token."))
    }

    async fn new_token(
        &self,
        customer: &str,
        label: String,
        life: i64,
        replaces: Option<(&str, i64)>,
    ) -> Result<String> {
        let Made { id, text, hash } = tokens::make()?;
        let now = self.clock.millis();
        let row = TokenRow {
            id,
            customer: customer.to_owned(),
            label: label.clone(),
            hash,
            created_at: now,
            expires_at: now + life,
            last_used_at: None,
            revoked_at: None,
            replaced_by: None,
        };
        self.store.add_token(&row, replaces).await?;
        let nonce = tokens::nonce()?;
        let shown = NewToken { customer: customer.to_owned(), label, text, expires_at: row.expires_at };
        self.desk.show(nonce.clone(), shown);
        Ok(nonce)
    }

    /// What deleting the customer would take.
    pub async fn customer_deletion(&self, id: &str) -> Result<Deletion> {
        let plan = reset::plan(self, &ResetScope::Customer(id.to_owned())).await?;
        let of_customer: Vec<_> = plan.items.iter().filter(|item| item.place != "messages").cloned().collect();
        Ok(Deletion { items: reset::total(&of_customer), plan })
    }

    /// Why a customer cannot be deleted; `None` if it can.
    pub fn keeps(&self, id: &str) -> Option<String> {
        (id == crate::FIRST_CUSTOMER.0 || id == self.stage.told().story.customer)
            .then(|| format!("{id} is the customer of the story, which needs it: reset it instead."))
    }

    /// Begins to delete a customer: nothing is taken any more, and a reset empties what is there. It goes when that is verified.
    pub async fn delete_customer(&self, id: &str, digest: &str, by: &str) -> Result<String> {
        let row = self.account(id).await?;
        if let Some(reason) = self.keeps(id) {
            return Err(Error::new(ErrorKind::Conflict, reason));
        }
        self.engine.refuse_during_reset().await?;
        let Deletion { plan, .. } = self.customer_deletion(id).await?;
        if plan.digest != digest {
            return Err(Error::new(
                ErrorKind::Conflict,
                "Something changed since this list was made, so nothing was deleted. Look at the list once more, then confirm.",
            ));
        }
        let disabled_at = Some(row.disabled_at.unwrap_or_else(|| self.clock.millis()));
        self.store.change_account(&AccountRow { disabled_at, ..row }).await?;
        self.desk.break_off(id);
        // Also when there is nothing to delete: the certificate is what proves it.
        let job = Job::Reset { scope: plan.scope, before: plan.before };
        let started = self.engine.start(NewRun { job, started_by: by.to_owned(), story_step: None }).await?;
        self.store.account_goes(id, &started.run_id, by).await?;
        Ok(started.run_id)
    }

    /// Removes customers whose reset is verified.
    pub async fn finish_deletions(&self) -> Result<()> {
        for row in self.store.accounts().await? {
            let Some(run) = row.deletion_run.clone() else { continue };
            // A reset that found a difference has failed.
            if self.store.run(&run).await?.state != RunState::Done || self.customer_deletion(&row.id).await?.items > 0 {
                continue;
            }
            let by = row.deleted_by.clone().unwrap_or_default();
            if self.store.remove_account(&row, &run, &by).await? {
                let subject = format!("{}, proof {run}", row.id);
                self.store.audit(&by, "admin", "delete_customer", &subject, Outcome::Done).await?;
            }
        }
        Ok(())
    }

    async fn drop_stale_uploads(&self) -> Result<()> {
        self.desk.tidy();
        let since = clock::time(self.clock.millis()) - KEPT;
        for account in self.store.accounts().await? {
            let dropped = self.lake.dropbox(&account.id)?.drop_stale(since).await?;
            if dropped > 0 {
                tracing::info!(customer = account.id, dropped, "uploads that nobody went on with");
            }
        }
        Ok(())
    }
}

/// Removes customers that were emptied, and uploads that nobody goes on with, until `halt`.
pub async fn work(state: Arc<AppState>, halt: CancellationToken) {
    let mut events = state.store.subscribe_events();
    let mut tidy = tokio::time::interval(TIDY_EVERY);
    loop {
        let result = tokio::select! {
            () = halt.cancelled() => return,
            changed = events.changed() => match changed {
                Ok(()) => state.finish_deletions().await,
                Err(_) => return,
            },
            _ = tidy.tick() => state.drop_stale_uploads().await,
        };
        if let Err(error) = result {
            tracing::warn!("{}", error.chain());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_or_said() {
        assert_eq!(TokenLife::days(" 30 ").unwrap(), TokenLife(30));
        for text in ["", "0", "366", "-1", "1.5", "x"] {
            assert!(TokenLife::days(text).is_err(), "{text}");
        }
        assert_eq!(quota("").unwrap(), None);
        assert_eq!(quota("5GB").unwrap(), Some(5_000_000_000));
        assert!(quota("much").is_err());
        assert_eq!(words("  Shop  ", 80, "A title").unwrap(), "Shop");
        for text in ["", " ", "a\nb", &"x".repeat(81)] {
            assert!(words(text, 80, "A title").is_err());
        }
    }
}
