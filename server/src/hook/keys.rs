//! The issuer's keys, found by OpenID discovery and kept for as long as the issuer says.

use std::time::Duration;

use openidconnect::JsonWebKey;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet};
use reqwest::header::CACHE_CONTROL;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::config::vouches;
use crate::error::{Error, ErrorKind, Result};

/// How long the issuer may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Keys are kept at least so long, and at most.
const LIFE: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 3600);
/// Keys about whose life the issuer says nothing.
const DEFAULT_LIFE: Duration = Duration::from_secs(3600);
/// The issuer is asked for a key that it did not name so often at most: anybody can make up a name.
const ANEW_EVERY: Duration = Duration::from_secs(60);
/// An issuer that does not answer is asked so often at most.
const AGAIN_EVERY: Duration = Duration::from_secs(5);
/// An answer longer than this is none.
const LONGEST: usize = 1 << 20;

pub(super) struct Keys {
    issuer: String,
    http: reqwest::Client,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: Vec<CoreJsonWebKey>,
    /// Until when they are good.
    until: Option<Instant>,
    /// When they were last read because of a key that is not among them.
    anew: Option<Instant>,
    /// When reading them failed.
    failed: Option<Instant>,
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

impl Keys {
    pub fn new(issuer: &str) -> Result<Keys> {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            // Whoever redirects could name keys of anybody.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| {
                Error::with(
                    ErrorKind::Internal,
                    "No HTTP client could be made for the keys of SHOWRUNNER_HOOK_ISSUER.",
                    e,
                )
            })?;
        Ok(Keys { issuer: issuer.to_owned(), http, known: Mutex::default() })
    }

    /// The key of this name, if the issuer has one.
    pub async fn find(&self, kid: &str) -> Result<Option<CoreJsonWebKey>> {
        let mut known = self.known.lock().await;
        self.refresh(&mut known).await?;
        let found = known.find(kid);
        let now = Instant::now();
        if found.is_some() || known.anew.is_some_and(|at| now < at + ANEW_EVERY) {
            return Ok(found);
        }
        known.anew = Some(now);
        self.read(&mut known).await?;
        Ok(known.find(kid))
    }

    /// How many there are now.
    pub async fn count(&self) -> Result<usize> {
        let mut known = self.known.lock().await;
        self.refresh(&mut known).await?;
        Ok(known.keys.len())
    }

    /// Reads them unless they are still good.
    async fn refresh(&self, known: &mut Known) -> Result<()> {
        let now = Instant::now();
        if known.until.is_some_and(|until| now < until) {
            return Ok(());
        }
        if known.failed.is_some_and(|at| now < at + AGAIN_EVERY) {
            return Err(self.unreachable("it did not answer a moment ago".to_owned()));
        }
        self.read(known).await
    }

    async fn read(&self, known: &mut Known) -> Result<()> {
        match self.fetch().await {
            Ok((keys, life)) => {
                (known.keys, known.until, known.failed) = (keys, Some(Instant::now() + life), None);
                Ok(())
            }
            Err(why) => {
                known.failed = Some(Instant::now());
                Err(self.unreachable(why))
            }
        }
    }

    fn unreachable(&self, why: String) -> Error {
        let issuer = &self.issuer;
        Error::new(
            ErrorKind::Unavailable,
            format!("The keys of {issuer} could not be read: {why}. Check SHOWRUNNER_HOOK_ISSUER and the network."),
        )
    }

    async fn fetch(&self) -> std::result::Result<(Vec<CoreJsonWebKey>, Duration), String> {
        let place = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let (text, _) = self.get(&place).await?;
        let discovered: Discovered = serde_json::from_slice(&text).map_err(|_| format!("{place} names no keys"))?;
        if discovered.issuer != self.issuer {
            return Err(format!("{place} is about another issuer"));
        }
        let uri = Url::parse(&discovered.jwks_uri).ok().filter(vouches);
        // A stand-in on this machine is named by one on this machine only.
        let uri = uri.filter(|uri| uri.scheme() == "https" || self.issuer.starts_with("http://"));
        let uri = uri.ok_or_else(|| format!("{place} names no https:// address of its keys"))?;
        let (text, life) = self.get(uri.as_str()).await?;
        let keys: CoreJsonWebKeySet =
            serde_json::from_slice(&text).map_err(|_| format!("{uri} holds no set of keys"))?;
        Ok((keys.keys().clone(), life))
    }

    /// What an address answers, and for how long it is good.
    async fn get(&self, address: &str) -> std::result::Result<(Vec<u8>, Duration), String> {
        let failed = |error: reqwest::Error| {
            let error = error.without_url();
            let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})")).unwrap_or_default();
            format!("{address} did not answer: {error}{cause}")
        };
        let mut answer = self.http.get(address).send().await.map_err(failed)?;
        if !answer.status().is_success() {
            return Err(format!("{address} answered {}", answer.status()));
        }
        let said = answer.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
        let life = said.map_or(DEFAULT_LIFE, life).clamp(*LIFE.start(), *LIFE.end());
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if text.len() + chunk.len() > LONGEST {
                return Err(format!("{address} answered more than a megabyte"));
            }
            text.extend_from_slice(&chunk);
        }
        Ok((text, life))
    }
}

impl Known {
    fn find(&self, kid: &str) -> Option<CoreJsonWebKey> {
        self.keys.iter().find(|key| key.key_id().is_some_and(|id| id.as_str() == kid)).cloned()
    }
}

/// `public, max-age=19935, must-revalidate`
fn life(cache_control: &str) -> Duration {
    let mut words = cache_control.split(',').map(str::trim);
    if words.clone().any(|word| ["no-store", "no-cache"].iter().any(|no| word.eq_ignore_ascii_case(no))) {
        return Duration::ZERO;
    }
    let seconds = words.find_map(|word| {
        let (name, value) = word.split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| value.trim_matches('"').parse().ok()).flatten()
    });
    seconds.map_or(DEFAULT_LIFE, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_live_as_long_as_the_issuer_says() {
        for (said, seconds) in [
            ("public, max-age=19935, must-revalidate, no-transform", 19_935),
            ("Max-Age=\"7\"", 7),
            ("no-store, max-age=600", 0),
            ("max-age=x", DEFAULT_LIFE.as_secs()),
            ("", DEFAULT_LIFE.as_secs()),
        ] {
            assert_eq!(life(said).as_secs(), seconds, "{said}");
        }
    }

    #[tokio::test]
    async fn an_issuer_that_is_not_there_is_asked_seldom_and_named() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let issuer = format!("http://{closed}");
        let keys = Keys::new(&issuer).unwrap();
        let error = keys.find("a").await.unwrap_err();
        assert!(error.message.contains(&issuer) && error.message.contains("did not answer:"), "{error}");
        let error = keys.count().await.unwrap_err();
        assert!(error.message.contains("a moment ago"), "{error}");
    }
}
