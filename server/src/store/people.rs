//! People, and the sessions of their browsers.

use tower_sessions_sqlx_store::SqliteStore;

use super::{Store, explain, unreadable};
use crate::error::{Error, ErrorKind, Result};
use crate::people::{Principal, Role};

/// The issuer of whoever was signed in by this server itself.
pub const LOCAL: &str = "local";

impl TryFrom<String> for Role {
    type Error = Error;
    fn try_from(word: String) -> Result<Self> {
        Role::parse(&word).ok_or_else(|| unreadable("a role", &word))
    }
}

/// Somebody who signed in at least once.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PersonRow {
    /// Id.
    pub id: String,
    /// `local`, or the provider's issuer.
    pub issuer: String,
    /// For people.
    pub name: String,
    /// Verified by the provider.
    pub email: Option<String>,
    /// What they are.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// Whose files they deliver.
    pub customer: Option<String>,
    /// JSON, a list of groups.
    pub member_of: String,
    /// UTC milliseconds of the first sign-in.
    pub created_at: i64,
    /// UTC milliseconds of the newest sign-in.
    pub seen_at: i64,
    /// Sessions that began under another one are over.
    pub epoch: i64,
    /// UTC milliseconds at which the provider's access token expires; `None` where there is none.
    pub tokens_until: Option<i64>,
}

impl PersonRow {
    /// Without what is the database's.
    pub fn principal(&self) -> Principal {
        Principal {
            id: self.id.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            role: self.role,
            customer: self.customer.clone(),
        }
    }

    /// Groups that the provider named.
    pub fn groups(&self) -> Vec<String> {
        serde_json::from_str(&self.member_of).unwrap_or_default()
    }
}

/// Who signs in.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// `local`, or the provider's issuer.
    pub issuer: String,
    /// Who it is to the issuer.
    pub subject: String,
    /// For people.
    pub name: String,
    /// Verified by the provider.
    pub email: Option<String>,
    /// Groups that the provider names.
    pub groups: Vec<String>,
    /// What they are. `None`: what they were, and nothing at first.
    pub role: Option<Role>,
    /// Whose files they deliver.
    pub customer: Option<String>,
}

const COLUMNS: &str = "id, issuer, name, email, role, customer, member_of, created_at, seen_at, epoch, tokens_until";

impl Store {
    /// Where tower-sessions keeps the sessions.
    pub fn sessions(&self) -> SqliteStore {
        // The only error is a name that is none.
        SqliteStore::new(self.pool.clone())
            .with_table_name("sessions")
            .unwrap_or_else(|_| SqliteStore::new(self.pool.clone()))
    }

    /// Somebody signs in. `id` is for who is new.
    pub async fn signed_in(&self, id: &str, new: &NewPerson) -> Result<PersonRow> {
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO people (id, issuer, subject, name, email, role, customer, member_of, created_at, seen_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
             ON CONFLICT (issuer, subject) DO UPDATE SET name = $4, email = $5, member_of = $8, seen_at = $9,
                 role = CASE WHEN $10 THEN $6 ELSE people.role END, customer = CASE WHEN $10 THEN $7 ELSE people.customer END",
        )
        .bind(id)
        .bind(&new.issuer)
        .bind(&new.subject)
        .bind(&new.name)
        .bind(&new.email)
        .bind(new.role.unwrap_or(Role::None).word())
        .bind(&new.customer)
        .bind(serde_json::to_string(&new.groups)?)
        .bind(now)
        .bind(new.role.is_some())
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        let row = sqlx::query_as(&format!("SELECT {COLUMNS} FROM people WHERE issuer = $1 AND subject = $2"))
            .bind(&new.issuer)
            .bind(&new.subject)
            .fetch_one(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.commit().await?;
        Ok(row)
    }

    /// A person.
    pub async fn person(&self, id: &str) -> Result<Option<PersonRow>> {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM people WHERE id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)
    }

    /// Everybody, the newest sign-in first.
    pub async fn people(&self) -> Result<Vec<PersonRow>> {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM people ORDER BY seen_at DESC, id"))
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// Gives somebody another role; it counts from their next request on.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] where nobody would be an admin any more, [`ErrorKind::NotFound`].
    pub async fn set_role(&self, id: &str, role: Role, customer: Option<&str>) -> Result<()> {
        let mut tx = self.begin().await?;
        let changed = sqlx::query("UPDATE people SET role = $2, customer = $3 WHERE id = $1 AND issuer <> $4")
            .bind(id)
            .bind(role.word())
            .bind(customer)
            .bind(LOCAL)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        if changed.rows_affected() == 0 {
            return Err(nobody());
        }
        let admins: i64 = sqlx::query_scalar("SELECT count(*) FROM people WHERE role = 'admin' AND issuer <> $1")
            .bind(LOCAL)
            .fetch_one(&mut *tx.inner)
            .await
            .map_err(explain)?;
        if admins == 0 {
            return Err(Error::new(
                ErrorKind::Conflict,
                "Then nobody would be an admin. Make somebody else an admin first.",
            ));
        }
        tx.commit().await
    }

    /// Ends all sessions of a person, and forgets the provider's tokens.
    pub async fn sign_out_everywhere(&self, id: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let changed =
            sqlx::query("UPDATE people SET epoch = epoch + 1, tokens = NULL, tokens_until = NULL WHERE id = $1")
                .bind(id)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
        if changed.rows_affected() == 0 {
            return Err(nobody());
        }
        tx.commit().await
    }

    /// Keeps the provider's tokens of a person, sealed, and until when they are good.
    pub async fn keep_tokens(&self, id: &str, sealed: &[u8], until: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE people SET tokens = $2, tokens_until = $3 WHERE id = $1")
            .bind(id)
            .bind(sealed)
            .bind(until)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.commit().await
    }

    /// The provider's tokens of a person, sealed.
    pub async fn sealed_tokens(&self, id: &str) -> Result<Option<Vec<u8>>> {
        let row: Option<(Option<Vec<u8>>,)> = sqlx::query_as("SELECT tokens FROM people WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)?;
        Ok(row.and_then(|(tokens,)| tokens))
    }
}

fn nobody() -> Error {
    Error::new(ErrorKind::NotFound, "There is nobody of this id whose role could be changed. Reload the page.")
}
