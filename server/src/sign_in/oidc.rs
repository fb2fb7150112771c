//! OpenID Connect: authorization code with PKCE, any provider by discovery.
//!
//! Rules are those of OpenID Connect Core 1.0 (3.1, code flow; 3.1.3.7, ID token validation) and RFC 7636, as `openidconnect` applies them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, ProviderMetadata, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    SignatureVerificationError, TokenResponse,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;

use crate::clock::Clock;
use crate::config::Secret;
use crate::error::{Error, ErrorKind, Result};

/// How long the provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clocks may differ by so much.
const SKEW_MS: i64 = 60_000;
/// A token without a word about its life.
const DEFAULT_LIFE: Duration = Duration::from_secs(3600);
/// Google gives a refresh token for this word alone, others for the scope `offline_access`.
/// <https://developers.google.com/identity/protocols/oauth2/web-server#offline>
const GOOGLE: &str = "https://accounts.google.com";

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// What providers tell beside the core (RFC 7009).
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Beside {
    revocation_endpoint: Option<Url>,
}

impl AdditionalProviderMetadata for Beside {}

type Metadata = ProviderMetadata<
    Beside,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What is to be known of a provider.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Issuer, exactly as the provider writes it.
    pub issuer: String,
    /// Client id.
    pub client_id: String,
    /// None: a public client, which PKCE protects.
    pub client_secret: Option<Secret>,
    /// Beside `openid`.
    pub scopes: Vec<String>,
    /// Where the provider sends the browser back to.
    pub redirect: String,
}

/// What a browser that is on its way to the provider has to bring back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending {
    state: String,
    nonce: String,
    verifier: String,
    /// Where the person was going.
    pub next: String,
}

/// Whom the provider vouches for.
#[derive(Debug)]
pub struct Identity {
    /// Issuer.
    pub issuer: String,
    /// The provider's name for the person.
    pub subject: String,
    /// For people.
    pub name: String,
    /// Only where the provider has verified it.
    pub email: Option<String>,
    /// The claim `groups`, where there is one.
    pub groups: Vec<String>,
    /// Tokens.
    pub tokens: Tokens,
}

/// The provider's tokens of a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Access token.
    pub access: String,
    /// Refresh token.
    pub refresh: Option<String>,
    /// UTC milliseconds at which the access token expires.
    pub expires_at: i64,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens(…, until {})", self.expires_at)
    }
}

/// Why tokens could not be renewed.
#[derive(Debug)]
pub enum RefreshError {
    /// The provider does not want this person to be signed in any more.
    Withdrawn,
    /// It may work later.
    Unreachable(Error),
}

/// A provider.
pub struct Provider {
    settings: ProviderSettings,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    /// As discovered.
    metadata: Mutex<Option<Metadata>>,
}

impl Provider {
    /// Asks nobody yet.
    pub fn new(settings: ProviderSettings, clock: Arc<dyn Clock>) -> Result<Provider> {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            // A provider that redirects could send us, and the client's secret, anywhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| {
                Error::with(ErrorKind::Internal, "No HTTP client could be made for the sign-in provider.", e)
            })?;
        Ok(Provider { settings, http, clock, metadata: Mutex::new(None) })
    }

    /// The issuer's host, for the page.
    pub fn title(&self) -> String {
        let host = Url::parse(&self.settings.issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
        match host.as_deref() {
            Some("accounts.google.com") => "Google".into(),
            Some(host) => host.to_owned(),
            None => self.settings.issuer.clone(),
        }
    }

    /// Where to send the browser, and what it must bring back.
    pub async fn begin(&self, next: &str) -> Result<(Url, Pending)> {
        let metadata = self.metadata(false).await?;
        let offline =
            metadata.scopes_supported().is_some_and(|all| all.iter().any(|scope| &**scope == "offline_access"));
        let client = self.client(metadata)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(self.settings.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge);
        if self.settings.issuer.trim_end_matches('/') == GOOGLE {
            request = request.add_extra_param("access_type", "offline").add_extra_param("prompt", "consent");
        } else if offline {
            request = request.add_scope(Scope::new("offline_access".into())).add_extra_param("prompt", "consent");
        }
        let (url, state, nonce) = request.url();
        let pending = Pending {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            next: next.to_owned(),
        };
        Ok((url, pending))
    }

    /// The browser came back with a code.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when what came back is not what was sent for, [`ErrorKind::Unavailable`] when the provider does not answer.
    pub async fn finish(&self, code: &str, state: &str, pending: Pending) -> Result<Identity> {
        if pending.state != state {
            return Err(Error::new(
                ErrorKind::Invalid,
                "This sign-in was not begun in this browser. Begin again, in one window only.",
            ));
        }
        let client = self.client(self.metadata(false).await?)?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(misconfigured)?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()))
            .request_async(&self.http)
            .await
            .map_err(refused)?;
        let nonce = Nonce::new(pending.nonce);
        match self.identity(&client, &answer, &nonce) {
            // The provider may have changed its keys since they were read.
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_),
            )) => {
                let client = self.client(self.metadata(true).await?)?;
                self.identity(&client, &answer, &nonce).map_err(not_vouched)
            }
            other => other.map_err(not_vouched),
        }
    }

    /// Renews tokens.
    pub async fn refresh(&self, refresh: &str) -> std::result::Result<Tokens, RefreshError> {
        let client = self.metadata(false).await.and_then(|m| self.client(m)).map_err(RefreshError::Unreachable)?;
        let refresh = RefreshToken::new(refresh.to_owned());
        let request =
            client.exchange_refresh_token(&refresh).map_err(|e| RefreshError::Unreachable(misconfigured(e)))?;
        match request.request_async(&self.http).await {
            Ok(answer) => Ok(self.tokens(&answer)),
            Err(RequestTokenError::ServerResponse(answer))
                if matches!(
                    answer.error(),
                    CoreErrorResponseType::InvalidGrant | CoreErrorResponseType::UnauthorizedClient
                ) =>
            {
                Err(RefreshError::Withdrawn)
            }
            Err(error) => Err(RefreshError::Unreachable(refused(error))),
        }
    }

    /// Asks the provider to forget tokens. It is no error when it does not answer: they are forgotten here.
    pub async fn revoke(&self, tokens: &Tokens) {
        let told = async {
            let Some(endpoint) = self.metadata(false).await?.additional_metadata().revocation_endpoint.clone() else {
                return Ok(());
            };
            let token = tokens.refresh.as_ref().unwrap_or(&tokens.access);
            let request = self.http.post(endpoint);
            let request = match &self.settings.client_secret {
                Some(secret) => request
                    .basic_auth(&self.settings.client_id, Some(secret.secret()))
                    .form(&[("token", token.as_str())]),
                None => request.form(&[("token", token.as_str()), ("client_id", &self.settings.client_id)]),
            };
            let answer = request.send().await.and_then(reqwest::Response::error_for_status);
            answer.map(|_| ()).map_err(|error| {
                Error::with(ErrorKind::Unavailable, "tokens could not be revoked", error.without_url())
            })
        };
        if let Err(error) = told.await {
            tracing::warn!("{}", error.chain());
        }
    }

    fn identity(
        &self,
        client: &Client,
        answer: &CoreTokenResponse,
        nonce: &Nonce,
    ) -> std::result::Result<Identity, ClaimsVerificationError> {
        let token =
            answer.id_token().ok_or_else(|| ClaimsVerificationError::Other("the answer holds no ID token".into()))?;
        let now = self.clock.millis();
        let time = move || chrono::DateTime::from_timestamp_millis(now - SKEW_MS).unwrap_or_default();
        let issued = move |at: chrono::DateTime<chrono::Utc>| {
            if at.timestamp_millis() > now + SKEW_MS { Err("it was issued in the future".into()) } else { Ok(()) }
        };
        let verifier = client.id_token_verifier().set_time_fn(time).set_issue_time_verifier_fn(issued);
        let claims = token.claims(&verifier, nonce)?;
        let verified = claims.email_verified() == Some(true);
        let email = claims.email().filter(|_| verified).map(|email| email.to_string());
        let name = claims
            .name()
            .and_then(|name| name.get(None))
            .map(|name| name.to_string())
            .or_else(|| claims.preferred_username().map(|name| name.to_string()))
            .or_else(|| email.clone())
            .unwrap_or_else(|| claims.subject().to_string());
        Ok(Identity {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            name: name.chars().filter(|c| !c.is_control()).take(80).collect(),
            email,
            groups: groups(&token.to_string()),
            tokens: self.tokens(answer),
        })
    }

    fn tokens(&self, answer: &CoreTokenResponse) -> Tokens {
        let life = answer.expires_in().unwrap_or(DEFAULT_LIFE);
        Tokens {
            access: answer.access_token().secret().clone(),
            refresh: answer.refresh_token().map(|token| token.secret().clone()),
            expires_at: self.clock.millis().saturating_add(i64::try_from(life.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    fn client(&self, metadata: Metadata) -> Result<Client> {
        let settings = &self.settings;
        let redirect = RedirectUrl::new(settings.redirect.clone()).map_err(misconfigured)?;
        let secret = settings.client_secret.as_ref().map(|secret| ClientSecret::new(secret.secret().to_owned()));
        let id = ClientId::new(settings.client_id.clone());
        Ok(CoreClient::from_provider_metadata(metadata, id, secret).set_redirect_uri(redirect))
    }

    /// What the provider says of itself, its keys included.
    async fn metadata(&self, anew: bool) -> Result<Metadata> {
        let mut known = self.metadata.lock().await;
        if let Some(metadata) = known.as_ref().filter(|_| !anew) {
            return Ok(metadata.clone());
        }
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(misconfigured)?;
        let metadata = Metadata::discover_async(issuer, &self.http).await.map_err(|error| {
            Error::with(
                ErrorKind::Unavailable,
                format!("The sign-in provider {} did not answer as one. Try again; if it stays so, check SHOWRUNNER_OIDC_ISSUER and the network.", self.title()),
                error,
            )
        })?;
        Ok(known.insert(metadata).clone())
    }
}

/// The claim `groups` of an ID token whose signature has been checked.
fn groups(token: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Claims {
        #[serde(default)]
        groups: Vec<String>,
    }
    let body = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    body.and_then(|body| serde_json::from_slice::<Claims>(&body).ok()).map(|claims| claims.groups).unwrap_or_default()
}

fn misconfigured(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::with(
        ErrorKind::Invalid,
        "The sign-in provider is not set up rightly. Check SHOWRUNNER_OIDC_ISSUER and SHOWRUNNER_PUBLIC_URL.",
        error,
    )
}

fn refused<E: std::error::Error + Send + Sync + 'static>(
    error: RequestTokenError<E, openidconnect::StandardErrorResponse<CoreErrorResponseType>>,
) -> Error {
    match error {
        RequestTokenError::ServerResponse(answer) if *answer.error() == CoreErrorResponseType::InvalidGrant => {
            Error::new(
                ErrorKind::Invalid,
                "The sign-in provider does not accept this code: it was used before, or it is too old. Begin again.",
            )
        }
        RequestTokenError::ServerResponse(answer) => Error::new(
            ErrorKind::Invalid,
            format!(
                "The sign-in provider refused this server ({}). An admin has to check the client id and secret.",
                answer.error()
            ),
        ),
        other => Error::with(
            ErrorKind::Unavailable,
            "The sign-in provider did not answer. Nothing was changed; try again in a moment.",
            other,
        ),
    }
}

fn not_vouched(error: ClaimsVerificationError) -> Error {
    let why = match &error {
        ClaimsVerificationError::Expired(_) => "it is not valid now; check that both clocks are right",
        ClaimsVerificationError::InvalidAudience(_) => "it was made for somebody else",
        ClaimsVerificationError::InvalidIssuer(_) => "it was issued by somebody else",
        ClaimsVerificationError::InvalidNonce(_) => "it belongs to another sign-in",
        ClaimsVerificationError::SignatureVerification(_) => "its signature is wrong",
        _ => "it does not fit",
    };
    Error::with(
        ErrorKind::Invalid,
        format!("The sign-in provider's answer was not accepted: {why}. Begin again."),
        error,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_where_there_are_any() {
        let token = |claims: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        assert_eq!(groups(&token(r#"{"sub":"a","groups":["x","y"]}"#)), ["x", "y"]);
        for none in [token("{}"), token(r#"{"groups":"x"}"#), "rubbish".into(), String::new()] {
            assert!(groups(&none).is_empty(), "{none}");
        }
    }

    #[test]
    fn tokens_stand_in_no_log() {
        let tokens = Tokens { access: "secret-a".into(), refresh: Some("secret-r".into()), expires_at: 7 };
        assert!(!format!("{tokens:?}").contains("secret"));
    }
}
