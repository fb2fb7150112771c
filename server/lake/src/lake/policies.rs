//! The policies that are in force. They are kept by who opened the lake, never with the tables: nothing that happens to a table's files
//! changes them.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Inner, Lake};
use crate::policy::{Access, Identity, Policies, Statement, TableName, change};
use crate::{Result, query};

/// In force now.
pub(super) type Kept = RwLock<Arc<Policies>>;

impl Lake {
    /// The policies that are in force, with the tags.
    pub fn policies(&self) -> Arc<Policies> {
        self.inner.policies.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether any policy may stand between tables and `who`.
    pub fn restricts(&self, who: &Identity) -> bool {
        self.inner.access(who).is_restricted()
    }

    /// Puts policies in force, all at once: a query that begins after this call is subject to them. Tags stay as they are.
    pub fn set_policies(&self, policies: Policies) {
        let mut kept = self.inner.policies.write().unwrap_or_else(PoisonError::into_inner);
        let tags = kept.tags.clone();
        *kept = Arc::new(Policies { tags, ..policies });
    }

    /// Says which columns hold personal data: policies on kinds of data act on them from now on.
    pub fn set_tags(&self, tags: Vec<crate::policy::Tag>) {
        let mut kept = self.inner.policies.write().unwrap_or_else(PoisonError::into_inner);
        *kept = Arc::new(Policies { tags, ..Policies::clone(&kept) });
    }

    /// `policies` after this statement, checked against the tables and planned; nothing is put in force.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`], [`crate::ErrorKind::NotFound`] or [`crate::ErrorKind::Exists`] with what is wrong.
    pub async fn policies_after(&self, policies: &Policies, statement: &Statement) -> Result<Policies> {
        let tables = self.inner.all_tables();
        let known = |name: &TableName| {
            let table =
                tables.iter().find(|t| t.shape.zone == name.zone && t.shape.name == name.table && t.exists())?;
            Some(change::Known { schema: &table.shape.schema, partition: &table.shape.partition })
        };
        let next = policies.changed(statement, &known)?;
        if let Statement::CreateRowPolicy { policy, .. } = statement {
            let (inner, policy, tables) = (self.inner.clone(), policy.clone(), tables.clone());
            let work = async move {
                let scratch = inner.config.data_dir.join("scratch");
                let access = Access::new(&Identity::admin(), Arc::default());
                let session = query::report_session(inner.config.query_memory, &scratch, access)?;
                query::check_policy(&policy, session, &tables).await
            };
            self.queries.run_while_wanted(work).await?;
        }
        Ok(next)
    }

    /// Files that a query would read behind policies: nobody but a test is told.
    ///
    /// # Errors
    /// As [`Lake::query`].
    #[cfg(any(test, feature = "testing"))]
    pub async fn files_behind_policies(&self, who: &Identity, sql: &str) -> Result<usize> {
        let (inner, access, sql) = (self.inner.clone(), self.inner.access(who), sql.to_owned());
        let limits = super::QueryLimits { rows: 1, timeout: std::time::Duration::from_secs(60) };
        let work = async move { Ok(inner.start(access, &sql, limits, &query::Stop::default()).await?.files_behind()) };
        self.queries.run_while_wanted(work).await
    }
}

impl Inner {
    /// Who asks, and the policies of this moment.
    pub(super) fn access(&self, who: &Identity) -> Access {
        Access::new(who, self.policies.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
