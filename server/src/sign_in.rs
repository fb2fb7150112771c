//! Signing in: by an OpenID provider, or, on this machine alone, by choosing a role.

pub mod oidc;
mod seal;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tower_sessions::ExpiredDeletion;

use crate::clock::Clock;
use crate::config::SignInConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::people::Role;
use crate::store::{LOCAL, NewPerson, PersonRow, Store};
use oidc::{Provider, RefreshError, Tokens};
pub use seal::Sealer;

/// How often sessions that are over are deleted.
const TIDY_EVERY: Duration = Duration::from_secs(3600);
/// A token is renewed when it has less than this left.
const RENEW_BEFORE_MS: i64 = 5 * 60 * 1000;

/// What a session holds of whoever is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The person's id.
    pub person: String,
    /// The person's epoch when the session began.
    pub epoch: i64,
}

/// Deletes sessions that are over, until `halt`.
pub async fn work(store: Store, halt: CancellationToken) {
    let mut due = tokio::time::interval(TIDY_EVERY);
    loop {
        tokio::select! {
            () = halt.cancelled() => return,
            _ = due.tick() => if let Err(error) = store.sessions().delete_expired().await {
                tracing::warn!(%error, "sessions that are over could not be deleted");
            },
        }
    }
}

/// How this server signs people in.
pub struct SignIn {
    store: Store,
    clock: Arc<dyn Clock>,
    provider: Option<Provider>,
    admins: Vec<String>,
    sealer: Sealer,
    /// Whose tokens are being renewed.
    renewing: Mutex<HashSet<String>>,
}

impl SignIn {
    /// By the configuration. The provider is not asked before somebody signs in, so that the show starts without it.
    pub fn new(config: &SignInConfig, sealer: Sealer, store: Store, clock: Arc<dyn Clock>) -> Result<SignIn> {
        let provider = config.provider()?.map(|settings| Provider::new(settings, clock.clone())).transpose()?;
        let admins = config.admins.iter().map(|email| email.trim().to_lowercase()).collect();
        Ok(SignIn { store, clock, provider, admins, sealer, renewing: Mutex::default() })
    }

    /// The provider; `None`: roles are chosen by name.
    pub fn provider(&self) -> Option<&Provider> {
        self.provider.as_ref()
    }

    /// Somebody chose a role. Only where there is no provider: the server listens on loopback only then.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where there is a provider, or no such role or customer.
    pub async fn by_name(&self, role: &str, customer: &str) -> Result<PersonRow> {
        if self.provider.is_some() {
            return Err(Error::new(ErrorKind::Invalid, "Roles are not chosen here: sign in with the provider."));
        }
        let invalid = || Error::new(ErrorKind::Invalid, "There is no such role. Choose one of those on the page.");
        let role = Role::parse(role).filter(|role| *role != Role::None).ok_or_else(invalid)?;
        let customer = match role {
            Role::Customer => {
                let known = self.store.customers().await?;
                Some(known.into_iter().find(|row| row.id == customer).ok_or_else(invalid)?)
            }
            _ => None,
        };
        let (id, name) = match &customer {
            Some(row) => (format!("{LOCAL}-{}", row.id), row.id.clone()),
            None => (format!("{LOCAL}-{role}"), role.word().to_owned()),
        };
        let new = NewPerson {
            issuer: LOCAL.into(),
            subject: id.clone(),
            name,
            email: None,
            groups: Vec::new(),
            role: Some(role),
            customer: customer.map(|row| row.id),
        };
        self.store.signed_in(&id, &new).await
    }

    /// Somebody opened the audience's link.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it is not the link of today.
    pub async fn as_audience(&self, code: &str) -> Result<PersonRow> {
        if !self.sealer.is_code(&self.audience().await?, code) {
            return Err(Error::new(
                ErrorKind::NotFound,
                "This link is not valid any more. Ask the presenter for the new one.",
            ));
        }
        let new = NewPerson {
            issuer: LOCAL.into(),
            subject: format!("{LOCAL}-audience"),
            name: "audience".into(),
            email: None,
            groups: Vec::new(),
            role: Some(Role::Viewer),
            customer: None,
        };
        self.store.signed_in(&new.subject, &new).await
    }

    /// Where the audience's link leads.
    pub async fn audience_link(&self) -> Result<String> {
        Ok(format!("/join/{}", self.sealer.code(&self.audience().await?)))
    }

    /// Makes another link for the audience: screens that came by the old one are signed out.
    pub async fn renew_audience_link(&self) -> Result<()> {
        let id = format!("{LOCAL}-audience");
        if self.store.person(&id).await?.is_none() {
            // Nobody came by it yet; from now on there is an epoch to raise.
            self.as_audience(&self.sealer.code(&self.audience().await?)).await?;
        }
        self.store.sign_out_everywhere(&id).await
    }

    /// What the link is the code of.
    async fn audience(&self) -> Result<String> {
        let epoch = self.store.person(&format!("{LOCAL}-audience")).await?.map_or(0, |row| row.epoch);
        Ok(format!("audience {epoch}"))
    }

    /// Ends all sessions of a person; the provider is asked to forget the tokens.
    pub async fn sign_out_everywhere(&self, person: &str) -> Result<()> {
        let tokens = self.tokens(person).await?;
        self.store.sign_out_everywhere(person).await?;
        if let (Some(provider), Some(tokens)) = (&self.provider, tokens) {
            provider.revoke(&tokens).await;
        }
        Ok(())
    }

    /// Somebody came back from the provider.
    pub async fn by_provider(&self, identity: oidc::Identity) -> Result<PersonRow> {
        let admin = identity.email.as_ref().is_some_and(|email| self.admins.contains(&email.to_lowercase()));
        let new = NewPerson {
            issuer: identity.issuer,
            subject: identity.subject,
            name: identity.name,
            email: identity.email,
            groups: identity.groups,
            role: admin.then_some(Role::Admin),
            customer: None,
        };
        let id = self.sealer.code(&format!("person {} {}", new.issuer, new.subject));
        let row = self.store.signed_in(&id, &new).await?;
        self.keep(&row.id, &identity.tokens).await?;
        Ok(row)
    }

    async fn keep(&self, person: &str, tokens: &Tokens) -> Result<()> {
        let sealed = self.sealer.seal(&serde_json::to_vec(tokens)?)?;
        self.store.keep_tokens(person, &sealed, tokens.expires_at).await
    }

    /// The provider's tokens of a person, for queries that run as that person.
    pub async fn tokens(&self, person: &str) -> Result<Option<Tokens>> {
        let sealed = self.store.sealed_tokens(person).await?;
        Ok(sealed.and_then(|sealed| self.sealer.unseal(&sealed)).and_then(|plain| serde_json::from_slice(&plain).ok()))
    }

    /// Whether a person's tokens are about to expire.
    pub fn expires(&self, row: &PersonRow) -> bool {
        row.tokens_until.is_some_and(|until| until - self.clock.millis() < RENEW_BEFORE_MS)
    }

    /// Renews the tokens of a person when they are about to expire; ends the person's sessions when the provider has withdrawn them. Asked
    /// again while it is at work, it does nothing.
    pub async fn renew(&self, person: &str) -> Result<()> {
        let Some(provider) = &self.provider else {
            return Ok(());
        };
        let Some(tokens) = self.tokens(person).await? else {
            return Ok(());
        };
        let left = tokens.expires_at - self.clock.millis();
        let Some(refresh) = tokens.refresh.clone().filter(|_| left < RENEW_BEFORE_MS) else {
            // Without a refresh token the session ends with the token it began with.
            if left < 0 {
                self.store.sign_out_everywhere(person).await?;
            }
            return Ok(());
        };
        if !self.renewing().insert(person.to_owned()) {
            return Ok(());
        }
        let renewed = provider.refresh(&refresh).await;
        self.renewing().remove(person);
        match renewed {
            Ok(new) => {
                let new = Tokens { refresh: new.refresh.or(tokens.refresh), ..new };
                self.keep(person, &new).await
            }
            Err(RefreshError::Withdrawn) => {
                tracing::info!(person, "the provider withdrew the sign-in");
                self.store.sign_out_everywhere(person).await
            }
            // The show goes on; the next request tries again.
            Err(RefreshError::Unreachable(error)) => Err(error),
        }
    }

    fn renewing(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.renewing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
