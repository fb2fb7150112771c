//! A session with the tables as somebody sees them. There is no other: who asks is the first thing that it is made of.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;

use super::spelling::{self, Names};
use super::{View, fault, plain, plain_schema, provider, query_error, read_by};
use crate::delta::{Current, Table};
use crate::model::Zone;
use crate::policy::{Access, Guarded, RowPolicy, Shield, bigquery_text, session_user};
use crate::{Error, ErrorKind, Result};

/// Tables that a query may read, as one identity sees them.
pub(crate) struct Session {
    access: Access,
    context: SessionContext,
    /// Knows the tables as they are, for the conditions of policies: whose queries are restricted has one.
    owner: Option<SessionContext>,
    names: Names,
}

impl Session {
    /// A session without tables. `make` makes the engine's.
    pub fn new(access: Access, make: impl Fn() -> Result<SessionContext>) -> Result<Self> {
        let context = make()?;
        context.register_udf(session_user(access.who().user()));
        let owner = access.is_restricted().then(&make).transpose()?;
        if let Some(owner) = &owner {
            owner.register_udf(session_user(access.who().user()));
        }
        Ok(Session { access, context, owner, names: Names::default() })
    }

    /// The engine's session, in which tables are as this identity sees them.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Whether a policy stands before this table.
    pub fn guards(&self, zone: Zone, table: &str) -> bool {
        self.access.shield(zone, table).is_some()
    }

    /// Puts a table where SQL finds it. The conditions of its policies may read any of `all`.
    pub async fn add(&mut self, table: &Arc<Table>, current: &Current, all: &[Arc<Table>]) -> Result<()> {
        let (zone, name) = (table.shape.zone, table.shape.name.as_str());
        let raw = provider(&self.context, current).await?;
        self.names.learn(zone.name(), name, &raw.schema());
        match self.access.shield(zone, name) {
            None => self.register(zone, name, raw),
            Some(shield) => self.add_guarded(shield, raw, &table.shape.partition, all, &[]).await,
        }
    }

    /// Puts a table where SQL finds it, of which some rows and columns are at hand.
    pub async fn add_at_hand(
        &mut self,
        table: &Arc<Table>,
        at_hand: Arc<dyn TableProvider>,
        all: &[Arc<Table>],
        all_at_hand: &[(TableReference, Arc<dyn TableProvider>)],
    ) -> Result<()> {
        let (zone, name) = (table.shape.zone, table.shape.name.as_str());
        match self.access.shield(zone, name) {
            None => self.register(zone, name, at_hand),
            Some(shield) => self.add_guarded(shield, at_hand, &table.shape.partition, all, all_at_hand).await,
        }
    }

    /// The conditions of its policies read what is at hand, as far as that goes.
    async fn add_guarded(
        &mut self,
        shield: Shield,
        raw: Arc<dyn TableProvider>,
        partition: &[String],
        all: &[Arc<Table>],
        at_hand: &[(TableReference, Arc<dyn TableProvider>)],
    ) -> Result<()> {
        let (zone, name) = (shield.table.zone, shield.table.table.clone());
        let owner = self
            .owner
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "A table has policies and its session knows no owner."))?;
        let reference = TableReference::partial(zone.name(), name.as_str());
        let mut names = Names::default();
        names.learn(zone.name(), &name, &raw.schema());
        let condition = shield.condition().map(|condition| bigquery_text(&condition));
        if let Some(condition) = &condition {
            let from = shield.table.to_string();
            for other in read_by(&format!("SELECT * FROM {from} WHERE {condition}"), all) {
                let of = TableReference::partial(other.shape.zone.name(), other.shape.name.as_str());
                if of == reference {
                    continue;
                }
                let provider = match at_hand.iter().find(|(name, _)| *name == of) {
                    Some((_, provider)) => provider.clone(),
                    None => provider(owner, &*other.current().await?).await?,
                };
                names.learn(other.shape.zone.name(), &other.shape.name, &provider.schema());
                replace(owner, &of, provider)?;
            }
        }
        replace(owner, &reference, raw)?;
        let condition = condition.as_deref().map(|condition| spelling::session_user(&names.respell(condition)));
        let guarded = Guarded::new(owner, &shield.table.to_string(), shield, condition, partition).await;
        let guarded = guarded.map_err(query_error)?;
        self.register(zone, &name, Arc::new(guarded))
    }

    /// Puts a view where SQL finds it, over tables that are there.
    pub async fn add_view(&mut self, view: &View) -> Result<()> {
        let provider = view.provider(&self.context).await?;
        self.names.learn(view.zone.name(), view.name, &provider.schema());
        self.register(view.zone, view.name, provider)
    }

    /// Runs a query of the product's own over what this identity sees. Fields that are denied are NULL in it.
    pub async fn own(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let frame = self.context.sql(sql).await.map_err(query_error)?;
        let declared = Arc::new(frame.schema().as_arrow().clone());
        let mut batches = frame.collect().await.map_err(query_error)?;
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(declared.clone()));
        }
        let schema = plain_schema(&batches.first().map_or(declared, RecordBatch::schema));
        batches.iter().map(|batch| plain(batch, &schema)).collect()
    }

    fn register(&self, zone: Zone, name: &str, provider: Arc<dyn TableProvider>) -> Result<()> {
        replace(&self.context, &TableReference::partial(zone.name(), name), provider)
    }

    /// Names as the tables spell them.
    pub fn respell(&self, sql: &str) -> String {
        spelling::session_user(&self.names.respell(sql))
    }
}

fn replace(context: &SessionContext, name: &TableReference, provider: Arc<dyn TableProvider>) -> Result<()> {
    context.deregister_table(name.clone()).map_err(query_error)?;
    context.register_table(name.clone(), provider).map_err(query_error)?;
    Ok(())
}

/// Whether the condition of a row policy can be planned over its table and gives yes or no.
pub(crate) async fn check(policy: &RowPolicy, session: Session, tables: &[Arc<Table>]) -> Result<()> {
    let mut session = session;
    let wanted = policy.table.to_string();
    let text = bigquery_text(&policy.filter);
    let sql = format!("SELECT 1 FROM {wanted} WHERE ({text})");
    for table in read_by(&sql, tables) {
        let current = table.current().await?;
        session.add(table, &current, tables).await?;
    }
    let sql = session.respell(&sql);
    let planned = session.context().state().create_logical_plan(&sql).await;
    let plan = planned.and_then(|plan| session.context().state().optimize(&plan));
    plan.map(drop).map_err(|e| {
        let error = fault::located(e, &sql);
        Error { position: None, message: format!("The condition of the policy: {}", error.message), ..error }
    })
}
