//! Notifications that Pub/Sub pushes: who pushes is proved by a token that the issuer signed for this service account and for this audience
//! (<https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>). What is pushed decides nothing; it may wake the reconciler.

mod keys;

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey;
use openidconnect::core::CoreJwsSigningAlgorithm;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::config::{GOOGLE, HookSettings};
use crate::error::Result;
use keys::Keys;

/// Where pushes arrive.
pub const PATH: &str = "/hooks/gcs";
/// Clocks may differ by so many seconds.
const LEEWAY: i64 = 60;
/// A token of Google's has about a kilobyte.
const LONGEST_TOKEN: usize = 16 << 10;
/// The one event that may mean work.
const WRITTEN: &str = "OBJECT_FINALIZE";

/// Why a push is not taken, in words that tell nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// What is wrong, and what to do.
    pub words: &'static str,
}

const fn refusal(status: u16, words: &'static str) -> Refusal {
    Refusal { status, words }
}

const NO_TOKEN: Refusal =
    refusal(401, "The push carries no bearer token. Give the subscription a push authentication service account.");
const NO_JWT: Refusal =
    refusal(401, "The bearer token is not a signed ID token. Pushes are taken from Pub/Sub with authentication only.");
const ALGORITHM: Refusal = refusal(401, "The token is not signed by RS256, which is the only signature taken here.");
const UNKNOWN_KEY: Refusal =
    refusal(401, "The token is signed by a key that the issuer does not name. Check SHOWRUNNER_HOOK_ISSUER.");
const SIGNATURE: Refusal = refusal(401, "The token's signature is wrong.");
const ISSUER: Refusal = refusal(401, "The token was issued by somebody else. Check SHOWRUNNER_HOOK_ISSUER.");
const AUDIENCE: Refusal = refusal(
    401,
    "The token was made for another audience. Set the subscription's push audience to what SHOWRUNNER_HOOK_AUDIENCE is.",
);
const EXPIRED: Refusal = refusal(401, "The token has expired. If this stays so, set this machine's clock.");
const TOO_EARLY: Refusal = refusal(401, "The token is not valid yet. If this stays so, set this machine's clock.");
const ACCOUNT: Refusal = refusal(
    403,
    "The token is another account's. Let the subscription push as the service account that SHOWRUNNER_HOOK_ACCOUNT names.",
);
const UNVERIFIED: Refusal = refusal(403, "The issuer does not vouch for the e-mail address in the token.");
const NO_KEYS: Refusal =
    refusal(503, "The issuer's keys could not be read, so nobody can be recognised. Push again in a moment.");

/// Takes pushes.
pub struct Hook {
    settings: HookSettings,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Names extensions that have to be understood; we know none (RFC 7515, 4.1.11).
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    iat: Option<i64>,
    nbf: Option<i64>,
    email: Option<String>,
    email_verified: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    List(Vec<String>),
}

impl Audience {
    /// For us and nobody else: who else it is for could push it here.
    fn is(&self, wanted: &str) -> bool {
        match self {
            Audience::One(one) => one == wanted,
            Audience::List(all) => matches!(all.as_slice(), [one] if one == wanted),
        }
    }
}

impl Hook {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: HookSettings, clock: Arc<dyn Clock>) -> Result<Hook> {
        Ok(Hook { keys: Keys::new(&settings.issuer)?, settings, clock })
    }

    /// Whose tokens count.
    pub fn settings(&self) -> &HookSettings {
        &self.settings
    }

    /// How many keys the issuer has now.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unavailable`] when they cannot be read.
    pub async fn count_keys(&self) -> Result<usize> {
        self.keys.count().await
    }

    /// Lets in whoever brings a token as it has to be: all of signature, issuer, audience, times and account.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub async fn admit(&self, authorization: Option<&str>) -> std::result::Result<(), Refusal> {
        let (scheme, token) = authorization.and_then(|header| header.split_once(' ')).ok_or(NO_TOKEN)?;
        let token = token.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
            return Err(NO_TOKEN);
        }
        if token.len() > LONGEST_TOKEN {
            return Err(NO_JWT);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(NO_JWT)?;
        let (header, claims) = signed.split_once('.').ok_or(NO_JWT)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NO_JWT)?;
        let header: Header = part(header)?;
        // By this alone a signature of none, or one with the public key as a shared secret, is none.
        if header.alg != "RS256" || header.crit.is_some() {
            return Err(ALGORITHM);
        }
        let kid = header.kid.ok_or(UNKNOWN_KEY)?;
        let key = match self.keys.find(&kid).await {
            Ok(key) => key.ok_or(UNKNOWN_KEY)?,
            Err(error) => {
                tracing::warn!("{}", error.chain());
                return Err(NO_KEYS);
            }
        };
        key.verify_signature(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, signed.as_bytes(), &signature)
            .map_err(|_| SIGNATURE)?;
        self.allows(&part(claims)?)
    }

    /// Of a token whose signature is right.
    fn allows(&self, claims: &Claims) -> std::result::Result<(), Refusal> {
        let settings = &self.settings;
        // Google writes itself in both ways (<https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload>).
        let bare = settings.issuer == GOOGLE && GOOGLE.strip_prefix("https://") == Some(&claims.iss);
        let now = self.clock.millis() / 1_000;
        let later = |at: &i64| *at > now.saturating_add(LEEWAY);
        if claims.iss != settings.issuer && !bare {
            Err(ISSUER)
        } else if !claims.aud.is(&settings.audience) {
            Err(AUDIENCE)
        } else if claims.exp.saturating_add(LEEWAY) <= now {
            Err(EXPIRED)
        } else if claims.iat.as_ref().is_some_and(later) || claims.nbf.as_ref().is_some_and(later) {
            Err(TOO_EARLY)
        } else if claims.email.as_ref() != Some(&settings.account) {
            Err(ACCOUNT)
        } else if claims.email_verified != Some(true) {
            Err(UNVERIFIED)
        } else {
            Ok(())
        }
    }
}

fn part<T: DeserializeOwned>(text: &str) -> std::result::Result<T, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NO_JWT)?;
    serde_json::from_slice(&bytes).map_err(|_| NO_JWT)
}

/// What Pub/Sub wraps a message in; of the message only what can be of interest
/// (<https://cloud.google.com/storage/docs/pubsub-notifications#attributes>).
#[derive(Deserialize)]
struct Push {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    attributes: HashMap<String, String>,
}

/// Whether a push tells of something written into this bucket.
///
/// # Errors
/// When it is no push of Pub/Sub's.
pub fn tells_of(bucket: &str, body: &[u8]) -> serde_json::Result<bool> {
    let attributes = serde_json::from_slice::<Push>(body)?.message.attributes;
    let is = |name: &str, wanted: &str| attributes.get(name).is_some_and(|value| value == wanted);
    Ok(is("eventType", WRITTEN) && is("bucketId", bucket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    /// Where the issuer is Google, whose tokens no test can have.
    fn allows(issuer: &str, iss: &str) -> std::result::Result<(), Refusal> {
        let settings = HookSettings { audience: "a".into(), account: "p@x".into(), issuer: issuer.into() };
        let hook = Hook::new(settings, Arc::new(SystemClock)).unwrap();
        let exp = SystemClock.millis() / 1_000 + 60;
        let claims = serde_json::json!({"iss": iss, "aud": "a", "exp": exp, "email": "p@x", "email_verified": true});
        hook.allows(&serde_json::from_value(claims).unwrap())
    }

    #[test]
    fn google_writes_itself_in_two_ways_and_others_do_not() {
        assert_eq!(allows(GOOGLE, GOOGLE), Ok(()));
        assert_eq!(allows(GOOGLE, "accounts.google.com"), Ok(()));
        assert_eq!(allows(GOOGLE, "http://accounts.google.com"), Err(ISSUER));
        assert_eq!(allows("https://id.example", "id.example"), Err(ISSUER));
        assert_eq!(allows("https://id.example", "accounts.google.com"), Err(ISSUER));
    }
}
