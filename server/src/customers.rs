//! Customers: who they are, what their upload tokens open, how much they may send, and how one goes without leaving anything.

mod address;
mod change;
mod desk;
mod security;
mod tokens;

use crate::AppState;
use crate::error::Result;
use crate::store::{AccountRow, TokenRow};

pub use address::{BASE, Target, Verb, permit};
pub use change::{Deletion, NewToken, TokenLife, work};
pub(crate) use desk::taken_over;
pub use desk::{Desk, Turn};
pub use security::{Attempt, attempts};
pub use tokens::PREFIX;

/// The use of a token is recorded no more often than this, in milliseconds.
const USED_EVERY: i64 = 60_000;

/// Who uploads, by a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadIdentity {
    /// Whose folder it opens.
    pub customer: String,
    /// The token's id.
    pub token: String,
    /// The token's label.
    pub label: String,
}

impl UploadIdentity {
    /// For records: `customer02 by token 3f9a… (nightly)`.
    pub fn name(&self) -> String {
        format!("{} by token {} ({})", self.customer, self.token, self.label)
    }
}

/// Why an upload is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP's status.
    pub status: u16,
    /// What happened and what to do.
    pub words: String,
    /// When to come again, in seconds.
    pub retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: u16, words: impl Into<String>) -> Self {
        Refusal { status, words: words.into(), retry_after: None }
    }

    /// The token may not.
    pub fn forbidden(words: impl Into<String>) -> Self {
        Self::new(403, words)
    }

    /// The request is not one that anybody could make.
    pub fn invalid(words: impl Into<String>) -> Self {
        Self::new(422, words)
    }

    /// Some other status.
    pub fn with(status: u16, words: impl Into<String>) -> Self {
        Self::new(status, words)
    }

    /// Later, it may work.
    pub fn later(status: u16, words: impl Into<String>, seconds: u64) -> Self {
        Refusal { retry_after: Some(seconds), ..Self::new(status, words) }
    }
}

/// What a token is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// It opens its folder.
    Good,
    /// A newer one took its place; it works until it ends.
    Replaced,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

/// What a token is worth at `now`.
pub fn state(token: &TokenRow, now: i64) -> TokenState {
    match token {
        TokenRow { revoked_at: Some(_), .. } => TokenState::Revoked,
        TokenRow { expires_at, .. } if *expires_at <= now => TokenState::Expired,
        TokenRow { replaced_by: Some(_), .. } => TokenState::Replaced,
        _ => TokenState::Good,
    }
}

/// Who holds the token in this `Authorization` header.
pub async fn identify(state: &AppState, authorization: Option<&str>) -> Result<Result<UploadIdentity, Refusal>> {
    let unknown = "This token is not known. Ask who gave it to you for a new one.";
    let Some(header) = authorization else {
        return Ok(Err(Refusal::with(
            401,
            "Uploads need a token: send it as the header 'Authorization: Bearer TOKEN'.",
        )));
    };
    let text = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((id, secret)) = text.and_then(|(_, text)| tokens::read(text.trim())) else {
        return Ok(Err(Refusal::with(401, unknown)));
    };
    let Some(token) = state.store.token(id).await? else {
        return Ok(Err(Refusal::with(401, unknown)));
    };
    if !tokens::same(&token.hash, secret) {
        return Ok(Err(Refusal::with(401, unknown)));
    }
    let now = state.clock.millis();
    match self::state(&token, now) {
        TokenState::Good | TokenState::Replaced => {}
        TokenState::Expired => {
            return Ok(Err(Refusal::with(401, "This token has expired. Ask who gave it to you for a new one.")));
        }
        TokenState::Revoked => {
            return Ok(Err(Refusal::with(401, "This token was revoked. Ask who gave it to you for a new one.")));
        }
    }
    match state.store.account(&token.customer).await? {
        Some(account) => {
            if let Some(refusal) = shut(&account) {
                return Ok(Err(refusal));
            }
        }
        None => return Ok(Err(Refusal::with(401, unknown))),
    }
    if token.last_used_at.is_none_or(|used| used + USED_EVERY < now) {
        state.store.token_used(&token.id).await?;
    }
    Ok(Ok(UploadIdentity { customer: token.customer, token: token.id, label: token.label }))
}

/// Why a customer's uploads are not taken; `None` if they are.
pub fn shut(account: &AccountRow) -> Option<Refusal> {
    if account.deletion_run.is_some() {
        return Some(Refusal::forbidden(format!("{} is being deleted: nothing is taken any more.", account.id)));
    }
    account.disabled_at.map(|_| {
        Refusal::forbidden(format!("{} is disabled: nothing is taken until an admin enables it again.", account.id))
    })
}

/// Bytes that may lie in the customer's folder.
pub fn quota(state: &AppState, account: &AccountRow) -> u64 {
    account.quota_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(state.config.upload.quota_bytes)
}

/// Bytes that lie there, with uploads that are not complete.
pub async fn used(state: &AppState, customer: &str) -> Result<u64> {
    let folder = state.lake.dropbox(customer)?;
    let (files, uploads) = (folder.list("").await?, folder.uploads().await?);
    Ok(files.iter().chain(&uploads).map(|file| file.size).sum())
}
