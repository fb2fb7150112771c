//! One layer of credentials for every client: application default credentials, as a service account where one is to be acted as, a
//! person's own token, or nobody. Never a key file of ours.

use std::sync::Arc;

use google_cloud_auth::credentials::{self, AccessTokenCredentials, Credentials, anonymous, impersonated};
use showrunner_lake::{Error, ErrorKind, Result};

use crate::{Endpoint, GcpConfig};

/// What a token of ours may do.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Who asks Google.
#[derive(Clone)]
pub struct Access {
    who: Arc<Who>,
}

enum Who {
    /// Nobody is asked: a peer on a loopback address.
    Anonymous,
    /// The application default credentials, or the service account that they act as.
    Application(AccessTokenCredentials),
    /// A person, by the access token of their own session.
    Person(String),
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.who.as_ref() {
            Who::Anonymous => "Access(anonymous)",
            Who::Application(_) => "Access(application)",
            Who::Person(_) => "Access(person)",
        })
    }
}

impl Access {
    /// As the configuration says. Where every endpoint is anonymous nothing is looked for.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] when there are no application default credentials, with the command that makes them.
    pub fn of(config: &GcpConfig) -> Result<Access> {
        let endpoints = &config.endpoints;
        let all = [
            &endpoints.storage,
            &endpoints.storage_control,
            &endpoints.pubsub,
            &endpoints.bigquery,
            &endpoints.bigquery_grpc,
        ];
        if all.iter().all(|endpoint| endpoint.is_anonymous()) {
            return Ok(Access::anonymous());
        }
        let missing = |error| {
            Error::with(
                ErrorKind::Denied,
                "There are no application default credentials. Run: gcloud auth application-default login",
                error,
            )
        };
        let built = match &config.impersonate {
            None => credentials::Builder::default()
                .with_scopes([SCOPE])
                .build_access_token_credentials()
                .map_err(missing)?,
            Some(account) => {
                let source = credentials::Builder::default().with_scopes([SCOPE]).build().map_err(missing)?;
                impersonated::Builder::from_source_credentials(source)
                    .with_target_principal(account)
                    .with_scopes([SCOPE])
                    .build_access_token_credentials()
                    .map_err(missing)?
            }
        };
        Ok(Access { who: Arc::new(Who::Application(built)) })
    }

    /// Nobody.
    pub fn anonymous() -> Access {
        Access { who: Arc::new(Who::Anonymous) }
    }

    /// A person, by the access token of their own session: what they may see is decided there.
    pub fn person(token: String) -> Access {
        Access { who: Arc::new(Who::Person(token)) }
    }

    /// Whether it is a person, who alone can renew their token: by signing in again.
    pub(crate) fn is_person(&self) -> bool {
        matches!(self.who.as_ref(), Who::Person(_))
    }

    /// A token that is good now; `None` for nobody.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] when none is to be had.
    pub async fn token(&self) -> Result<Option<String>> {
        match self.who.as_ref() {
            Who::Anonymous => Ok(None),
            Who::Person(token) => Ok(Some(token.clone())),
            Who::Application(credentials) => match credentials.access_token().await {
                Ok(token) => Ok(Some(token.token)),
                Err(error) => Err(Error::with(
                    ErrorKind::Denied,
                    "Google gave no access token. Run: gcloud auth application-default login",
                    error,
                )),
            },
        }
    }

    /// For Google's own clients at this address. A person's token is for queries alone, and nobody's goes to an anonymous address.
    pub(crate) fn to(&self, endpoint: &Endpoint) -> Credentials {
        match self.who.as_ref() {
            _ if endpoint.is_anonymous() => anonymous::Builder::new().build(),
            Who::Application(credentials) => credentials.clone().into(),
            Who::Anonymous | Who::Person(_) => anonymous::Builder::new().build(),
        }
    }
}
