//! What scans for personal data found, and the verdicts of persons.

use showrunner_pii::TableReport;

use super::runs::words;
use super::{Store, explain, unreadable};
use crate::error::{Error, ErrorKind, Result};

/// What a person says to a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is right.
    Accept,
    /// The column holds nothing personal.
    Reject,
    /// It is another type.
    Correct,
}

words!(Verdict, "a verdict", Accept = "accept", Reject = "reject", Correct = "correct");

/// A remembered verdict.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct VerdictRow {
    /// `silver.sessions`
    pub table_name: String,
    /// Column or path of a field.
    pub column_name: String,
    /// What was said.
    #[sqlx(try_from = "String")]
    pub verdict: Verdict,
    /// What the column holds by it.
    pub info_type: Option<String>,
    /// What the scan said then.
    pub found_type: Option<String>,
    /// UTC milliseconds.
    pub decided_at: i64,
    /// Who.
    pub decided_by: String,
}

/// A scanned table.
#[derive(Debug, Clone)]
pub struct PrivacyTable {
    /// `silver.sessions`, or the key of a delivered file.
    pub name: String,
    /// `silver`, `delivered`
    pub zone: String,
    /// UTC milliseconds.
    pub scanned_at: i64,
    /// What was found.
    pub report: TableReport,
    /// What differs from the scan before it.
    pub changes: Vec<String>,
}

/// Personal data in a column, for lineage and policies: the verdict where there is one, the finding elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// `silver`, `delivered`
    pub zone: String,
    /// `silver.sessions`
    pub table: String,
    /// Column or path of a field.
    pub path: String,
    /// `EMAIL_ADDRESS`
    pub info_type: String,
    /// Of the finding; `None` where only a person says so.
    pub likelihood: Option<String>,
    /// What a person said.
    pub verdict: Option<Verdict>,
}

impl Store {
    /// Stores the reports of a scan in place of all before it. Tables that are not among them are gone.
    pub async fn store_scan(&self, scanned: &[(String, TableReport)]) -> Result<()> {
        let before = self.privacy_tables().await?;
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM privacy_tables").execute(&mut *tx.inner).await.map_err(explain)?;
        for (zone, report) in scanned {
            let old = before.iter().find(|table| table.name == report.table);
            let changes = old.map(|old| changes(&old.report, report)).unwrap_or_default();
            sqlx::query(
                "INSERT INTO privacy_tables (name, zone, scanned_at, report, changes) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&report.table)
            .bind(zone)
            .bind(now)
            .bind(serde_json::to_string(report)?)
            .bind(serde_json::to_string(&changes)?)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        }
        tx.event("privacy", "scan").await?;
        tx.commit().await
    }

    /// The tables of the newest scan, by name.
    pub async fn privacy_tables(&self) -> Result<Vec<PrivacyTable>> {
        let rows: Vec<(String, String, i64, String, String)> =
            sqlx::query_as("SELECT name, zone, scanned_at, report, changes FROM privacy_tables ORDER BY name")
                .fetch_all(&self.pool)
                .await
                .map_err(explain)?;
        rows.into_iter()
            .map(|(name, zone, scanned_at, report, changes)| {
                let report = serde_json::from_str(&report)?;
                Ok(PrivacyTable { name, zone, scanned_at, report, changes: serde_json::from_str(&changes)? })
            })
            .collect()
    }

    /// All verdicts, those of columns that are gone included.
    pub async fn verdicts(&self) -> Result<Vec<VerdictRow>> {
        sqlx::query_as(
            "SELECT table_name, column_name, verdict, info_type, found_type, decided_at, decided_by FROM privacy_verdicts ORDER BY table_name, column_name",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }

    /// Remembers what a person says to a column of the newest scan. `corrected` is the type of a correction.
    pub async fn judge(
        &self,
        table: &str,
        column: &str,
        verdict: Verdict,
        corrected: Option<&str>,
        by: &str,
    ) -> Result<()> {
        let tables = self.privacy_tables().await?;
        let scanned = tables.iter().find(|t| t.name == table);
        let assessed = scanned.and_then(|t| t.report.columns.iter().find(|c| c.column == column)).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "This column is not in the newest scan: scan again and look once more.")
        })?;
        let found = assessed.finding.as_ref().map(|finding| finding.info_type.name());
        let info_type = match verdict {
            Verdict::Accept => found,
            Verdict::Reject => None,
            Verdict::Correct => corrected,
        };
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO privacy_verdicts (table_name, column_name, verdict, info_type, found_type, decided_at, decided_by) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (table_name, column_name) DO UPDATE SET verdict = excluded.verdict, info_type = excluded.info_type, found_type = excluded.found_type,
                 decided_at = excluded.decided_at, decided_by = excluded.decided_by",
        )
        .bind(table)
        .bind(column)
        .bind(verdict.word())
        .bind(info_type)
        .bind(found)
        .bind(self.clock.millis())
        .bind(by)
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        tx.event("privacy", table).await?;
        tx.commit().await
    }

    /// All columns that hold personal data, by verdict or else by finding.
    pub async fn tags(&self) -> Result<Vec<Tag>> {
        let verdicts = self.verdicts().await?;
        let mut tags = Vec::new();
        for table in self.privacy_tables().await? {
            for column in &table.report.columns {
                let verdict = verdicts.iter().find(|v| v.table_name == table.name && v.column_name == column.column);
                let found = column.finding.as_ref();
                let info_type = match verdict {
                    Some(verdict) => verdict.info_type.clone(),
                    None => found.map(|finding| finding.info_type.name().to_owned()),
                };
                let Some(info_type) = info_type else { continue };
                tags.push(Tag {
                    zone: table.zone.clone(),
                    table: table.name.clone(),
                    path: column.column.clone(),
                    info_type,
                    likelihood: found.map(|finding| finding.likelihood.name().to_owned()),
                    verdict: verdict.map(|verdict| verdict.verdict),
                });
            }
        }
        Ok(tags)
    }
}

/// What differs between two scans of a table, as sentences.
fn changes(before: &TableReport, now: &TableReport) -> Vec<String> {
    let kind = |report: &TableReport, column: &str| {
        let column = report.columns.iter().find(|c| c.column == column)?;
        column.finding.as_ref().map(|finding| finding.info_type.name())
    };
    let mut names: Vec<&str> = now.columns.iter().map(|c| c.column.as_str()).collect();
    names.extend(
        before.columns.iter().map(|c| c.column.as_str()).filter(|name| now.columns.iter().all(|c| c.column != *name)),
    );
    names
        .into_iter()
        .filter_map(|name| match (kind(before, name), kind(now, name)) {
            (old, new) if old == new => None,
            (None, Some(new)) => Some(format!("{name}: {new} is new.")),
            (Some(old), None) => Some(format!("{name}: {old} is gone.")),
            (Some(old), Some(new)) => Some(format!("{name}: {old} became {new}.")),
            (None, None) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use showrunner_pii::{Column, Settings, Table, scan};

    use super::*;
    use crate::clock::SystemClock;

    fn report(values: &[&str]) -> TableReport {
        let values = values.iter().map(|value| Some((*value).to_owned())).collect();
        let column = Column { name: "contact".to_owned(), declared: None, values };
        scan(&Table { name: "silver.people".to_owned(), columns: vec![column] }, Settings::default())
    }

    #[tokio::test]
    async fn verdicts_outlive_scans_and_decide_the_tags() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(dir.path(), Arc::new(SystemClock)).await.expect("a store");
        let emails = report(&["ann@example.com", "bob@example.org", "eve@example.net"]);
        store.store_scan(&[("silver".to_owned(), emails.clone())]).await.expect("stored");
        let tags = store.tags().await.expect("tags");
        assert_eq!(tags.len(), 1);
        assert_eq!((tags[0].path.as_str(), tags[0].info_type.as_str()), ("contact", "EMAIL_ADDRESS"));

        store.judge("silver.people", "contact", Verdict::Reject, None, "presenter").await.expect("judged");
        assert!(store.tags().await.expect("tags").is_empty());
        store.judge("silver.people", "contact", Verdict::Correct, Some("USERNAME"), "presenter").await.expect("judged");
        let gone = store.judge("silver.people", "nothing", Verdict::Accept, None, "presenter").await;
        assert_eq!(gone.expect_err("no such column").kind, ErrorKind::NotFound);

        let phones = report(&["+44 7700 900123", "07700 900456", "(020) 7946 0958"]);
        store.store_scan(&[("silver".to_owned(), phones)]).await.expect("stored");
        let tables = store.privacy_tables().await.expect("tables");
        assert_eq!(tables[0].changes, ["contact: EMAIL_ADDRESS became PHONE_NUMBER."]);
        let tags = store.tags().await.expect("tags");
        assert_eq!((tags[0].info_type.as_str(), tags[0].verdict), ("USERNAME", Some(Verdict::Correct)));
        assert_eq!(store.verdicts().await.expect("verdicts")[0].found_type.as_deref(), Some("EMAIL_ADDRESS"));

        store.store_scan(&[]).await.expect("stored");
        assert!(store.privacy_tables().await.expect("tables").is_empty());
        assert_eq!(store.verdicts().await.expect("verdicts").len(), 1);
    }
}
