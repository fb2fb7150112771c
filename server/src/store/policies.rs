//! Policies and who viewed as whom.

use showrunner_lake::model::Zone;
use showrunner_lake::policy::{Attachment, DataPolicy, Gives, Grantee, Policies, RowPolicy, TableName};

use super::{Store, explain, unreadable};
use crate::error::Result;

/// A statement that changed policies.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PolicyChangeRow {
    /// The version of the policies behind it, from 1.
    pub version: i64,
    /// UTC milliseconds.
    pub at: i64,
    /// Who did it.
    pub by_whom: String,
    /// In BigQuery's syntax.
    pub statement: String,
}

/// A change of the identity that somebody views as.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ViewSwitchRow {
    /// UTC milliseconds.
    pub at: i64,
    /// Who did it.
    pub by_whom: String,
    /// An identity's id; `None`: the admin.
    pub came_from: Option<String>,
    /// An identity's id; `None`: the admin.
    pub went_to: Option<String>,
}

impl Store {
    /// All policies, without tags.
    pub async fn policies(&self) -> Result<Policies> {
        let rows: Vec<(String, String, String, String, String)> =
            sqlx::query_as("SELECT zone, tbl, name, grantees, filter FROM row_policies ORDER BY zone, tbl, name")
                .fetch_all(&self.pool)
                .await
                .map_err(explain)?;
        let data: Vec<(String, String, String, String)> =
            sqlx::query_as("SELECT name, gives, grantees, info_types FROM data_policies ORDER BY name")
                .fetch_all(&self.pool)
                .await
                .map_err(explain)?;
        let columns: Vec<(String, String, String, String)> =
            sqlx::query_as("SELECT zone, tbl, col, policy FROM column_policies ORDER BY zone, tbl, col, policy")
                .fetch_all(&self.pool)
                .await
                .map_err(explain)?;
        let mut policies = Policies::default();
        for (zone, table, name, grantees, filter) in rows {
            let grantees: Vec<Grantee> = serde_json::from_str(&grantees)?;
            policies.rows.push(RowPolicy { name, table: table_name(&zone, table)?, grantees, filter });
        }
        for (name, gives, grantees, info_types) in data {
            let gives: Gives = serde_json::from_str(&gives)?;
            let (grantees, info_types) = (serde_json::from_str(&grantees)?, serde_json::from_str(&info_types)?);
            policies.data.push(DataPolicy { name, gives, grantees, info_types });
        }
        for (zone, table, column, policy) in columns {
            policies.attached.push(Attachment { table: table_name(&zone, table)?, column, policy });
        }
        Ok(policies)
    }

    /// Puts these policies in the place of those that are there, and records the statements that led to them.
    pub async fn set_policies(&self, policies: &Policies, by: &str, statements: &[String]) -> Result<()> {
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        for table in ["column_policies", "data_policies", "row_policies"] {
            sqlx::query(&format!("DELETE FROM {table}")).execute(&mut *tx.inner).await.map_err(explain)?;
        }
        for policy in &policies.rows {
            sqlx::query("INSERT INTO row_policies (zone, tbl, name, grantees, filter) VALUES ($1, $2, $3, $4, $5)")
                .bind(policy.table.zone.name())
                .bind(&policy.table.table)
                .bind(&policy.name)
                .bind(serde_json::to_string(&policy.grantees)?)
                .bind(&policy.filter)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
        }
        for policy in &policies.data {
            sqlx::query("INSERT INTO data_policies (name, gives, grantees, info_types) VALUES ($1, $2, $3, $4)")
                .bind(&policy.name)
                .bind(serde_json::to_string(&policy.gives)?)
                .bind(serde_json::to_string(&policy.grantees)?)
                .bind(serde_json::to_string(&policy.info_types)?)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
        }
        for attached in &policies.attached {
            sqlx::query("INSERT INTO column_policies (zone, tbl, col, policy) VALUES ($1, $2, $3, $4)")
                .bind(attached.table.zone.name())
                .bind(&attached.table.table)
                .bind(&attached.column)
                .bind(&attached.policy)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
        }
        for statement in statements {
            sqlx::query("INSERT INTO policy_changes (at, by_whom, statement) VALUES ($1, $2, $3)")
                .bind(now)
                .bind(by)
                .bind(statement)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
        }
        tx.event("policy", "").await?;
        tx.commit().await
    }

    /// The newest changes of policies, newest first.
    pub async fn policy_changes(&self, most: u32) -> Result<Vec<PolicyChangeRow>> {
        sqlx::query_as("SELECT version, at, by_whom, statement FROM policy_changes ORDER BY version DESC LIMIT $1")
            .bind(most)
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// Records that somebody views as somebody else from now on.
    pub async fn switch_view(&self, by: &str, from: Option<&str>, to: Option<&str>) -> Result<()> {
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO view_switches (at, by_whom, came_from, went_to) VALUES ($1, $2, $3, $4)")
            .bind(now)
            .bind(by)
            .bind(from)
            .bind(to)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.event("policy", "").await?;
        tx.commit().await
    }

    /// The newest switches, newest first.
    pub async fn view_switches(&self, most: u32) -> Result<Vec<ViewSwitchRow>> {
        sqlx::query_as("SELECT at, by_whom, came_from, went_to FROM view_switches ORDER BY id DESC LIMIT $1")
            .bind(most)
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }
}

fn table_name(zone: &str, table: String) -> Result<TableName> {
    let found = Zone::ALL.into_iter().find(|z| z.name() == zone).ok_or_else(|| unreadable("zone", zone))?;
    Ok(TableName { zone: found, table })
}
