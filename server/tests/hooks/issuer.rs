//! An issuer of ID tokens: keys of its own, discovery, and signatures that are right or wrong on purpose.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512};
use aws_lc_rs::{encoding::AsDer, hmac};
use axum::extract::State;
use axum::http::header;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key with its name.
#[derive(Clone)]
pub struct Key {
    kid: String,
    pair: Arc<KeyPair>,
}

impl Key {
    pub fn new(kid: &str) -> Key {
        Key { kid: kid.to_owned(), pair: Arc::new(KeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    /// The same under another name.
    pub fn called(&self, kid: &str) -> Key {
        Key { kid: kid.to_owned(), pair: self.pair.clone() }
    }

    /// As it stands in a set of keys.
    pub fn public(&self) -> Value {
        let der = self.pair.public_key().as_ref();
        let (n, e) = two_integers(der);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.kid, "n": text(n), "e": text(e)})
    }

    /// What everybody can know of it.
    pub fn public_der(&self) -> Vec<u8> {
        self.pair.public_key().as_der().unwrap().as_ref().to_vec()
    }
}

/// Of `SEQUENCE { INTEGER n, INTEGER e }` (RFC 8017, A.1.1), without leading zeros.
fn two_integers(der: &[u8]) -> (&[u8], &[u8]) {
    fn value(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, head) = match der[1] {
            short if short < 0x80 => (usize::from(short), 2),
            long => {
                let digits = usize::from(long & 0x7f);
                (der[2..2 + digits].iter().fold(0, |all, digit| all << 8 | usize::from(*digit)), 2 + digits)
            }
        };
        der[head..].split_at(length)
    }
    let (inside, _) = value(der);
    let (n, rest) = value(inside);
    let (e, _) = value(rest);
    (n.strip_prefix(&[0]).unwrap_or(n), e)
}

/// Base64 of JSON.
pub fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token by this key.
pub fn token(key: &Key, algorithm: &str, claims: &Value) -> String {
    token_with(key, &json!({"alg": algorithm, "kid": key.kid, "typ": "JWT"}), claims)
}

/// A token with a head of one's own.
pub fn token_with(key: &Key, head: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", part(head), part(claims));
    let mut signature = vec![0; key.pair.public_modulus_len()];
    let padding = if head["alg"] == "RS512" { &RSA_PKCS1_SHA512 } else { &RSA_PKCS1_SHA256 };
    key.pair.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token by a shared secret, whatever it says of itself.
pub fn by_secret(algorithm: &str, kid: &str, claims: &Value, secret: &[u8]) -> String {
    let signed = format!("{}.{}", part(&json!({"alg": algorithm, "kid": kid})), part(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

struct Shared {
    keys: Mutex<Vec<Value>>,
    asked: AtomicUsize,
    url: String,
}

/// A server with discovery and keys.
pub struct Issuer {
    pub url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Issuer {
    pub async fn start(keys: Vec<Value>) -> Issuer {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { keys: Mutex::new(keys), asked: AtomicUsize::new(0), url: url.clone() });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/certs", get(certs))
            .with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Issuer { url, shared, task }
    }

    /// How often the keys were read.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    pub fn rotate(&self, keys: Vec<Value>) {
        *self.shared.keys.lock().unwrap() = keys;
    }

    pub fn stop(&self) {
        self.task.abort();
    }
}

async fn discovery(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let url = &shared.url;
    Json(json!({"issuer": url, "jwks_uri": format!("{url}/certs"), "id_token_signing_alg_values_supported": ["RS256"]}))
}

async fn certs(State(shared): State<Arc<Shared>>) -> ([(header::HeaderName, &'static str); 1], Json<Value>) {
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let keys = shared.keys.lock().unwrap().clone();
    ([(header::CACHE_CONTROL, "public, max-age=3600")], Json(json!({"keys": keys})))
}
