//! Signing in, roles, the audit trail.

use app::services::People;
use app::wire::{PeopleView, SettingsView, SignInView, WireError};
use async_trait::async_trait;

use super::Person;
use crate::error::{Error, ErrorKind, Result};
use crate::people::Role;

#[async_trait]
impl People for Person {
    async fn sign_in(&self) -> Result<SignInView, WireError> {
        self.views.sign_in(self.asker.principal.as_ref()).await.map_err(|e| self.explain(e))
    }

    async fn people(&self) -> Result<PeopleView, WireError> {
        self.views.people(self.asker.principal.as_ref()).await.map_err(|e| self.explain(e))
    }

    async fn settings(&self, check: String) -> Result<SettingsView, WireError> {
        Ok(self.views.settings(&check).await)
    }

    async fn change_person(
        &self,
        change: String,
        person: String,
        role: String,
        customer: String,
    ) -> Result<(), WireError> {
        self.changed_person(&change, &person, &role, &customer).await.map_err(|e| self.explain(e))
    }
}

impl Person {
    async fn changed_person(&self, change: &str, person: &str, role: &str, customer: &str) -> Result<()> {
        let state = &self.web.state;
        let invalid = |words: &str| Err(Error::new(ErrorKind::Invalid, words));
        match change {
            "new_link" => state.sign_in.renew_audience_link().await,
            "sign_out" => state.sign_in.sign_out_everywhere(person).await,
            "role" => {
                let Some(role) = Role::parse(role) else {
                    return invalid("There is no such role. Choose one of the list.");
                };
                let customer = Some(customer).filter(|_| role == Role::Customer);
                if let Some(customer) = customer
                    && !state.store.customers().await?.iter().any(|row| row.id == customer)
                {
                    return invalid("Choose the customer whose files this person delivers.");
                }
                state.store.set_role(person, role, customer).await
            }
            _ => invalid("Choose role, sign_out or new_link."),
        }
    }
}
