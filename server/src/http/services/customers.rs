//! The buttons of the pages of customers and uploads.

use app::services::Customers;
use app::wire::{CustomerForm, CustomersView, UploadView, WireError};
use async_trait::async_trait;

use super::Person;
use crate::customers::{TokenLife, shut};
use crate::error::{Error, ErrorKind, Result};
use crate::ingestion::MarkerOutcome;

#[async_trait]
impl Customers for Person {
    async fn customers(&self, search: String) -> Result<CustomersView, WireError> {
        self.views.customers(&search).await.map_err(|e| self.explain(e))
    }

    async fn change_customer(&self, form: CustomerForm) -> Result<String, WireError> {
        self.customer_changed(form).await.map_err(|e| self.explain(e))
    }

    async fn upload_page(&self, search: String) -> Result<UploadView, WireError> {
        self.views.upload_page(&search, self.asker.delivers_for()).await.map_err(|e| self.explain(e))
    }

    async fn complete_day(&self, day: String) -> Result<(), WireError> {
        self.completed(&day).await.map_err(|e| self.explain(e))
    }
}

impl Person {
    async fn customer_changed(&self, form: CustomerForm) -> Result<String> {
        let (state, id) = (&self.web.state, form.customer.trim());
        let here = |shown: Option<String>| {
            let shown = shown.map(|nonce| format!("&shown={nonce}")).unwrap_or_default();
            format!("/customers?customer={id}{shown}")
        };
        match form.change.as_str() {
            "create" => state.create_customer(id, &form.title, &form.quota).await?,
            "save" => state.change_customer(id, &form.title, &form.quota).await?,
            "disable" => state.enable_customer(id, false).await?,
            "enable" => state.enable_customer(id, true).await?,
            "token" => {
                return Ok(here(Some(state.create_token(id, &form.title, TokenLife::days(&form.days)?).await?)));
            }
            "rotate" => return Ok(here(Some(state.rotate_token(id, &form.token).await?))),
            "revoke" => state.revoke_token(id, &form.token).await?,
            "delete" => {
                let run = state.delete_customer(id, &form.plan, self.asker.name()).await?;
                return Ok(format!("/reset?run={run}"));
            }
            _ => return Err(Error::new(ErrorKind::Invalid, "There is no such change of a customer.")),
        }
        Ok(here(None))
    }

    async fn completed(&self, day: &str) -> Result<()> {
        let state = &self.web.state;
        let day = self.views.parse_day(day).await?;
        self.asker.may_deliver_for(&day.customer)?;
        if let Some(refusal) = shut(&state.account(&day.customer).await?) {
            return Err(Error::new(ErrorKind::Conflict, refusal.words));
        }
        match state.reconciler.write_marker(&day, self.asker.name(), None).await? {
            MarkerOutcome::Started(_) | MarkerOutcome::Duplicate => Ok(()),
            MarkerOutcome::Refused(reason) => Err(Error::new(ErrorKind::Invalid, reason)),
        }
    }
}
