//! The policies of the warehouse's tables, in force in the warehouse elsewhere as well.
//!
//! They are put there first, then kept by who opened the lake, then in force here ([`Lake::set_policies`]): so a statement that is refused
//! there has changed nothing, and what a process that died in between left there is corrected by [`Lake::sync_policies`] at the next start.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use super::{Inner, Lake};
use crate::model::Zone;
use crate::policy::{Policies, TableName};
use crate::ports::TablePolicies;
use crate::{Error, ErrorKind, Result, query};

/// What is in force there, as far as this process knows.
#[derive(Default)]
pub(super) struct Enforced {
    state: Mutex<State>,
    trouble: RwLock<Option<String>>,
}

#[derive(Default)]
struct State {
    /// What was put there last; `None` before the first time.
    policies: Option<Arc<Policies>>,
    /// Tables of which it is known.
    tables: BTreeMap<String, TablePolicies>,
}

impl Enforced {
    fn note(&self, trouble: Option<&Error>) {
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble.map(|error| error.message.clone());
    }
}

impl Lake {
    /// Puts the policies in force in the warehouse elsewhere, all or none; nothing changes in the lake itself. Without a warehouse elsewhere
    /// nothing happens.
    ///
    /// # Errors
    /// Those of [`crate::ports::ServingWarehouse::set_policies`], and [`ErrorKind::Invalid`] for a row access policy whose condition reads
    /// what is not there. Then the policies there are those of before.
    pub async fn serve_policies(&self, next: &Policies) -> Result<()> {
        let (inner, next) = (self.inner.clone(), Arc::new(next.clone()));
        // To its end, even if nobody waits for it any more.
        self.work.run(async move { inner.serve(next).await }).await
    }

    /// Brings the warehouse elsewhere in line with the policies and with the newest tags: at the start, and when tags changed.
    ///
    /// # Errors
    /// Those of [`Lake::serve_policies`]. All tables were tried then; [`Lake::policies_trouble`] tells of it until it is better.
    pub async fn sync_policies(&self) -> Result<()> {
        let inner = self.inner.clone();
        self.work.run(async move { inner.sync().await }).await
    }

    /// Why the policies in the warehouse elsewhere are not what they should be; `None` when all is well.
    pub fn policies_trouble(&self) -> Option<String> {
        self.inner.enforced.trouble.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Inner {
    async fn serve(&self, next: Arc<Policies>) -> Result<()> {
        if self.served.is_none() || self.read_only {
            return Ok(());
        }
        let mut state = self.enforced.state.lock().await;
        let before = state.policies.clone().unwrap_or_else(|| self.in_force());
        let Err(error) = self.put(&mut state, next, true).await else {
            self.enforced.note(None);
            return Ok(());
        };
        if let Err(worse) = self.put(&mut state, before, false).await {
            self.enforced.note(Some(&worse));
            tracing::error!(error = %worse, "policies could not be put back in the warehouse elsewhere");
            let message = format!(
                "{} What was changed in the warehouse before could not be put back: {} Restart the server once that is corrected.",
                error.message, worse.message
            );
            return Err(Error { message, ..error });
        }
        Err(error)
    }

    async fn sync(&self) -> Result<()> {
        if self.served.is_none() || self.read_only {
            return Ok(());
        }
        let mut state = self.enforced.state.lock().await;
        let policies = state.policies.clone().unwrap_or_else(|| self.in_force());
        let synced = self.put(&mut state, policies, false).await;
        self.enforced.note(synced.as_ref().err());
        synced
    }

    /// A table that was just made has the policies that were put there, if any were.
    pub(super) async fn enforce_on(&self, table: &str) -> Result<()> {
        let Some(served) = &self.served else { return Ok(()) };
        let mut state = self.enforced.state.lock().await;
        let Some(policies) = self.tagged(state.policies.clone()) else { return Ok(()) };
        let (wanted, _untold) = self.wanted(&policies, table);
        state.tables.remove(table);
        served.warehouse().set_policies(table, &wanted).await?;
        state.tables.insert(table.to_owned(), wanted);
        Ok(())
    }

    /// `strict`: up to the first that fails. Else all are tried, and the first failure is told.
    async fn put(&self, state: &mut State, next: Arc<Policies>, strict: bool) -> Result<()> {
        let (Some(served), Some(policies)) = (&self.served, self.tagged(Some(next))) else { return Ok(()) };
        let mut first = None;
        for handle in self.warehouse.handles() {
            let table = &handle.shape.name;
            let (wanted, untold) = self.wanted(&policies, table);
            if let Some(name) = untold.first() {
                let error = cannot_be_told(name, table);
                if strict {
                    return Err(error);
                }
                first.get_or_insert(error);
            }
            if state.tables.get(table) == Some(&wanted) {
                continue;
            }
            // After a failure nobody knows what is there.
            state.tables.remove(table);
            match served.warehouse().set_policies(table, &wanted).await {
                Ok(()) => drop(state.tables.insert(table.clone(), wanted)),
                Err(error) if strict => return Err(error),
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        state.policies = Some(policies);
        first.map_or(Ok(()), Err)
    }

    fn wanted(&self, policies: &Policies, table: &str) -> (TablePolicies, Vec<String>) {
        let tables = self.all_tables();
        let name = TableName { zone: Zone::Warehouse, table: table.to_owned() };
        policies.served(&name, |filter| query::filter_for_warehouse(table, filter, &tables))
    }

    fn in_force(&self) -> Arc<Policies> {
        self.policies.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// With the tags of this moment, which change by themselves.
    fn tagged(&self, policies: Option<Arc<Policies>>) -> Option<Arc<Policies>> {
        let tags = self.in_force().tags.clone();
        policies.map(|policies| Arc::new(Policies { tags, ..Policies::clone(&policies) }))
    }
}

fn cannot_be_told(name: &str, table: &str) -> Error {
    let message = format!(
        "The condition of row access policy '{name}' on warehouse.{table} reads tables that are not in the warehouse, so that it cannot be in \
         force there. Let it read tables of the warehouse only."
    );
    Error::new(ErrorKind::Invalid, message)
}
