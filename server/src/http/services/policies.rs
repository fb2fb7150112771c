//! Policies from the page, and who somebody views as.

use app::services::Policies;
use app::wire::{MaskForm, PoliciesView, RowPolicyForm, WireError};
use async_trait::async_trait;
use showrunner_lake::policy::Statement;

use super::Person;
use crate::error::{Error, ErrorKind, Result};
use crate::policies::{Viewer, parse};
use crate::views::{mask_statements, row_policy_statement};

/// Where a change leads.
const PAGE: &str = "/policies";

#[async_trait]
impl Policies for Person {
    async fn policies(&self) -> Result<PoliciesView, WireError> {
        let page = self.views.policies_asked().await.map_err(|e| self.explain(e))?;
        let views = self.views.clone();
        match &self.later {
            Some(later) if page.waiting => later.put(async move |_| app::seen_html(views.policies_seen().await)),
            Some(_) => {}
            None => return Ok(PoliciesView { seen: views.policies_seen().await, waiting: false, ..page }),
        }
        Ok(page)
    }

    async fn change_policies(&self, sql: String) -> Result<String, WireError> {
        let statements = parse(&sql).map_err(|e| self.explain(e))?;
        self.changed(&statements).await.map_err(|e| self.explain(e))
    }

    async fn add_row_policy(&self, form: RowPolicyForm) -> Result<String, WireError> {
        let statement = row_policy_statement(&form).map_err(|e| self.explain(e))?;
        self.changed(&[statement]).await.map_err(|e| self.explain(e))
    }

    async fn add_mask(&self, form: MaskForm) -> Result<String, WireError> {
        let statements = mask_statements(&form).map_err(|e| self.explain(e))?;
        self.changed(&statements).await.map_err(|e| self.explain(e))
    }

    async fn story_policies(&self) -> Result<String, WireError> {
        let statements = parse(&self.views.story().policies.statements).map_err(|e| self.explain(e))?;
        self.changed(&statements).await.map_err(|e| self.explain(e))
    }

    async fn view_as(&self, identity: String) -> Result<String, WireError> {
        self.switched(&identity).await.map_err(|e| self.explain(e))
    }
}

impl Person {
    async fn changed(&self, statements: &[Statement]) -> Result<String> {
        self.web.state.policies.change(statements, self.asker.name()).await?;
        Ok(PAGE.into())
    }

    async fn switched(&self, identity: &str) -> Result<String> {
        let known = |id: &&str| self.views.story().identities.iter().any(|who| who.id == *id);
        let to = match identity {
            "" => None,
            id => Some(Some(id).filter(known).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "The story knows nobody of this name. Choose one of those in the bar.")
            })?),
        };
        if to != self.asker.viewer.id() {
            self.web.state.store.switch_view(self.asker.name(), self.asker.viewer.id(), to).await?;
        }
        Ok(identity.to_owned())
    }

    /// Title and name of whom the browser views as.
    pub(super) fn viewing(&self) -> Option<(String, String)> {
        match &self.asker.viewer {
            Viewer::Admin | Viewer::Own(_) => None,
            Viewer::As(who) => Some((who.title.clone(), who.user.clone())),
            Viewer::Unknown => Some(("somebody unknown".into(), "nothing is shown".into())),
        }
    }
}
