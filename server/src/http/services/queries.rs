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
            later.put(self.views.clone(), questions);
        }
        Ok(page)
    }

    async fn cancel_query(&self, id: String) -> Result<String, WireError> {
        // One that ended in the meantime needs no cancelling.
        Ok(if self.web.state.lake.cancel(&id) { "cancelled" } else { "over" }.into())
    }
}
