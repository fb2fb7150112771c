//! The buttons of the page about personal data.

use app::services::Privacy;
use app::wire::{PrivacyView, WireError};
use async_trait::async_trait;
use showrunner_pii::InfoType;

use super::Person;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Verdict;

#[async_trait]
impl Privacy for Person {
    async fn privacy(&self) -> Result<PrivacyView, WireError> {
        self.views.privacy().await.map_err(|e| self.explain(e))
    }

    async fn change_privacy(
        &self,
        change: String,
        table: String,
        column: String,
        value: String,
    ) -> Result<(), WireError> {
        self.change_tags(&change, &table, &column, &value).await.map_err(|e| self.explain(e))
    }
}

impl Person {
    async fn change_tags(&self, change: &str, table: &str, column: &str, value: &str) -> Result<()> {
        let verdict = match change {
            "scan" => return self.views.scan().await,
            "deliver" => return self.views.deliver_crm(value == "meaningless").await,
            "accept" => Verdict::Accept,
            "reject" => Verdict::Reject,
            "correct" => Verdict::Correct,
            _ => return Err(Error::new(ErrorKind::Invalid, "Choose scan, deliver, accept, reject or correct.")),
        };
        let corrected = match verdict {
            Verdict::Correct => Some(InfoType::from_name(value).map(InfoType::name).ok_or_else(|| {
                Error::new(ErrorKind::Invalid, "There is no such info type. Choose one of the list.")
            })?),
            Verdict::Accept | Verdict::Reject => None,
        };
        let state = &self.web.state;
        state.store.judge(table, column, verdict, corrected, self.asker.name()).await?;
        crate::lineage::spread(&state.store, &state.lake, &state.lineage_jobs()?).await
    }
}
