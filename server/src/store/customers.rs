//! Customers and their upload tokens.

use super::{Store, explain};
use crate::error::Result;

/// All that is on record about a customer.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AccountRow {
    /// For instance `customer02`.
    pub id: String,
    /// For people.
    pub title: String,
    /// UTC milliseconds.
    pub created_at: i64,
    /// UTC milliseconds; `None` while uploads are taken.
    pub disabled_at: Option<i64>,
    /// Bytes that may lie in its folder; `None`: as configured.
    pub quota_bytes: Option<i64>,
    /// The reset that empties it before it goes.
    pub deletion_run: Option<String>,
    /// Who asked for that.
    pub deleted_by: Option<String>,
}

/// An upload token. Its secret is not here.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TokenRow {
    /// The part of the token that may be shown.
    pub id: String,
    /// Whose folder it opens.
    pub customer: String,
    /// What it is for.
    pub label: String,
    /// SHA-256 of the secret, in hexadecimal.
    pub hash: String,
    /// UTC milliseconds.
    pub created_at: i64,
    /// UTC milliseconds.
    pub expires_at: i64,
    /// UTC milliseconds, kept to the minute.
    pub last_used_at: Option<i64>,
    /// UTC milliseconds.
    pub revoked_at: Option<i64>,
    /// The token that took its place.
    pub replaced_by: Option<String>,
}

/// A customer that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DeletedRow {
    /// Its id.
    pub customer: String,
    /// UTC milliseconds.
    pub deleted_at: i64,
    /// What it was called.
    pub title: String,
    /// Who asked for it.
    pub by_whom: String,
    /// The reset whose certificate is the proof.
    pub run_id: String,
}

const ACCOUNT: &str = "id, title, created_at, disabled_at, quota_bytes, deletion_run, deleted_by";
const TOKEN: &str = "id, customer, label, hash, created_at, expires_at, last_used_at, revoked_at, replaced_by";

impl Store {
    /// All customers, by id.
    pub async fn accounts(&self) -> Result<Vec<AccountRow>> {
        sqlx::query_as(&format!("SELECT {ACCOUNT} FROM customers ORDER BY id"))
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// A customer.
    pub async fn account(&self, id: &str) -> Result<Option<AccountRow>> {
        sqlx::query_as(&format!("SELECT {ACCOUNT} FROM customers WHERE id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)
    }

    /// Adds a customer. False when there is one of this id.
    pub async fn create_account(&self, id: &str, title: &str, quota: Option<i64>) -> Result<bool> {
        let mut tx = self.begin().await?;
        let new = sqlx::query(
            "INSERT INTO customers (id, title, created_at, quota_bytes) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id)
        .bind(title)
        .bind(self.clock.millis())
        .bind(quota)
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?
        .rows_affected()
            > 0;
        tx.event("customer", id).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// Writes title, quota and whether uploads are taken.
    pub async fn change_account(&self, row: &AccountRow) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE customers SET title = $2, quota_bytes = $3, disabled_at = $4 WHERE id = $1")
            .bind(&row.id)
            .bind(&row.title)
            .bind(row.quota_bytes)
            .bind(row.disabled_at)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.event("customer", &row.id).await?;
        tx.commit().await
    }

    /// A reset empties the customer, which goes when that is verified.
    pub async fn account_goes(&self, id: &str, run: &str, by: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE customers SET deletion_run = $2, deleted_by = $3 WHERE id = $1")
            .bind(id)
            .bind(run)
            .bind(by)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.event("customer", id).await?;
        tx.commit().await
    }

    /// Removes the customer with its tokens, and keeps where the proof is. False when it is gone already.
    pub async fn remove_account(&self, row: &AccountRow, run: &str, by: &str) -> Result<bool> {
        let mut tx = self.begin().await?;
        // The tokens go with it.
        let gone = sqlx::query("DELETE FROM customers WHERE id = $1")
            .bind(&row.id)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?
            .rows_affected()
            > 0;
        if gone {
            // Whoever delivered for it delivers for nobody, and not for one of the same name that may come.
            sqlx::query("UPDATE people SET role = 'none', customer = NULL, epoch = epoch + 1 WHERE customer = $1")
                .bind(&row.id)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
            sqlx::query(
                "INSERT INTO deleted_customers (customer, deleted_at, title, by_whom, run_id) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&row.id)
            .bind(self.clock.millis())
            .bind(&row.title)
            .bind(by)
            .bind(run)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
            tx.event("customer", &row.id).await?;
        }
        tx.commit().await?;
        Ok(gone)
    }

    /// Customers that were deleted, newest first.
    pub async fn deleted_accounts(&self, most: u32) -> Result<Vec<DeletedRow>> {
        sqlx::query_as(
            "SELECT customer, deleted_at, title, by_whom, run_id FROM deleted_customers ORDER BY deleted_at DESC LIMIT $1",
        )
        .bind(most)
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }

    /// All tokens, newest first.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>> {
        sqlx::query_as(&format!("SELECT {TOKEN} FROM upload_tokens ORDER BY created_at DESC, id"))
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// A token.
    pub async fn token(&self, id: &str) -> Result<Option<TokenRow>> {
        sqlx::query_as(&format!("SELECT {TOKEN} FROM upload_tokens WHERE id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)
    }

    /// Adds a token; `replaces` is an older one, which ends at `until` unless it ends before.
    pub async fn add_token(&self, row: &TokenRow, replaces: Option<(&str, i64)>) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO upload_tokens (id, customer, label, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&row.id)
        .bind(&row.customer)
        .bind(&row.label)
        .bind(&row.hash)
        .bind(row.created_at)
        .bind(row.expires_at)
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        if let Some((old, until)) = replaces {
            sqlx::query(
                "UPDATE upload_tokens SET replaced_by = $2, expires_at = CASE WHEN expires_at < $3 THEN expires_at ELSE $3 END WHERE id = $1",
            )
            .bind(old)
            .bind(&row.id)
            .bind(until)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        }
        tx.event("customer", &row.customer).await?;
        tx.commit().await
    }

    /// Ends a token now. False when it was revoked before, or is not that customer's.
    pub async fn revoke_token(&self, customer: &str, id: &str) -> Result<bool> {
        let mut tx = self.begin().await?;
        let revoked = sqlx::query(
            "UPDATE upload_tokens SET revoked_at = $3 WHERE id = $1 AND customer = $2 AND revoked_at IS NULL",
        )
        .bind(id)
        .bind(customer)
        .bind(self.clock.millis())
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?
        .rows_affected()
            > 0;
        if revoked {
            tx.event("customer", customer).await?;
        }
        tx.commit().await?;
        Ok(revoked)
    }

    /// The token was used just now.
    pub async fn token_used(&self, id: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE upload_tokens SET last_used_at = $2 WHERE id = $1")
            .bind(id)
            .bind(self.clock.millis())
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.commit().await
    }
}
