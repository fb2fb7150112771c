//! A reset.

use app::{services::*, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood, fact};

#[async_trait]
impl Resets for Fake {
    async fn reset(&self, scope: Option<String>, run: Option<String>) -> Result<ResetView, WireError> {
        self.usable()?;
        let selected = scope.unwrap_or_else(|| "step:2.1".into());
        let empty = self.mood == Mood::Fresh;
        let goes = |place: &str, count: &str, what: &str, bytes: &str, which: &str| GoesRow {
            place: place.into(),
            count: count.into(),
            what: what.into(),
            bytes: bytes.into(),
            which: which.into(),
        };
        Ok(ResetView {
            scopes: [
                ("step:2.1", "Back to step 2.1", "Before 2017-07-29 was uploaded", "15"),
                ("customer:customer01", "Customer customer01", "All its days; customers stay", "1,204"),
                ("all", "Everything but the source", "As after a fresh install", "1,207"),
            ]
            .map(|(value, title, detail, items)| ScopeRow {
                value: value.into(),
                title: title.into(),
                detail: detail.into(),
                items: items.into(),
                selected: value == selected,
            })
            .to_vec(),
            goes: vec![
                goes("Ingestion bucket", "2", "objects", "1.96 MB", "day file and end_file.txt"),
                goes("Bronze", "1", "partition", "2.3 MB", "2017-07-29"),
                goes("Silver", "3", "partitions", "1.9 MB", "sessions, hits, products"),
                goes("Runs", "1", "run", "–", "moved to the archive"),
            ],
            total: "15 items, 8.1 MB".into(),
            items: if empty { 0 } else { 15 },
            stays: vec![
                StaysRow { what: "Source data".into(), count: "61 days".into(), how: "checksum 9c41…e07a".into() },
                StaysRow { what: "Settings, customers".into(), count: "2".into(), how: "kept as they are".into() },
            ],
            estimate: "Takes about 0.4 s.".into(),
            plan: "3f9a".into(),
            progress: None,
            certificate: run.map(|run_id| CertificateView {
                title: "Back to step 2.1, verified".into(),
                verified: true,
                facts: vec![
                    fact("At", "14:31:07", ""),
                    fact("Deleted", "15", "items"),
                    fact("Took", "0.38", "s"),
                    fact("By", "presenter", ""),
                ],
                lines: vec![
                    ("Objects in scope".into(), "0".into(), "0".into(), true),
                    ("Source checksum".into(), "9c41…e07a".into(), "9c41…e07a".into(), true),
                ],
                foreign: vec![("sa-ingestion-demo-dev/old-export.csv".into(), "not ours".into())],
                run_id,
            }),
            notes: Vec::new(),
        })
    }

    async fn confirm_reset(&self, _scope: String, _plan: String) -> Result<String, WireError> {
        Ok("/reset?run=reset-0007".into())
    }
}
