//! The audit trail: who did what, and whether it was allowed. Nothing deletes it.

use super::runs::words;
use super::{Store, explain, unreadable};
use crate::error::Result;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// Whoever asked may not.
    Refused,
    /// It was allowed, and did not work.
    Failed,
}

words!(Outcome, "an outcome in the audit trail", Done = "done", Refused = "refused", Failed = "failed");

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditRow {
    /// Grows.
    pub id: i64,
    /// UTC milliseconds.
    pub at: i64,
    /// A person's name, a token's, or `anonymous`.
    pub by_whom: String,
    /// Role of whoever it was.
    pub role: String,
    /// For instance `press`, `confirm_reset`, `upload`, `sign_in`.
    pub action: String,
    /// What it was about: names only, never a payload and never a secret.
    pub subject: String,
    /// How it ended.
    #[sqlx(try_from = "String")]
    pub outcome: Outcome,
}

/// Subjects longer than this are cut.
const LONGEST_SUBJECT: usize = 300;

impl Store {
    /// Adds a line to the audit trail.
    pub async fn audit(&self, by: &str, role: &str, action: &str, subject: &str, outcome: Outcome) -> Result<()> {
        let subject: String = subject.chars().take(LONGEST_SUBJECT).collect();
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO audit (at, by_whom, role, action, subject, outcome) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(now)
            .bind(by)
            .bind(role)
            .bind(action)
            .bind(subject)
            .bind(outcome.word())
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.commit().await
    }

    /// Lines of the audit trail before `before` (`None`: from the newest on), newest first.
    pub async fn audit_trail(&self, before: Option<i64>, most: u32) -> Result<Vec<AuditRow>> {
        sqlx::query_as(
            "SELECT id, at, by_whom, role, action, subject, outcome FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(most)
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }
}
