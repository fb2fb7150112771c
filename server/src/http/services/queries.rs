//! Queries that persons write.

use app::services::Queries;
use app::wire::{SqlView, WireError};
use async_trait::async_trait;

use super::Person;
use crate::http::sql_csv;

#[async_trait]
impl Queries for Person {
    async fn sql(&self, search: String, id: String) -> Result<SqlView, WireError> {
        let asked = sql_csv::asked(&search).map_err(|words| self.invalid(words.into()))?;
        let Some(later) = &self.later else {
            return self.views.sql(asked, &id, self.gone.0.clone()).await.map_err(|e| self.explain(e));
        };
        let (page, questions) = self.views.sql_asked(asked, &id).map_err(|e| self.explain(e))?;
        if let Some(questions) = questions {
            let views = self.views.clone();
            later.put(async move |gone| app::found_html(views.sql_found(&questions, gone).await));
        }
        Ok(page)
    }

    async fn cancel_query(&self, id: String) -> Result<String, WireError> {
        // One that ended in the meantime needs no cancelling.
        Ok(if self.web.state.lake.cancel(&id) { "cancelled" } else { "over" }.into())
    }
}
