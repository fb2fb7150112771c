//! Upload tokens: `sru_{id}_{secret}`. Only the secret's hash is stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::Result;
use crate::format::hex;
use crate::random::random;

/// With what every token begins, so that tools that look for secrets find it.
pub const PREFIX: &str = "sru_";
/// Random bytes of a secret.
const SECRET: usize = 32;
/// Random bytes of an id.
const ID: usize = 5;

/// A token as it is shown once.
pub(super) struct Made {
    /// The part that may be shown again.
    pub(super) id: String,
    /// All of it.
    pub(super) text: String,
    /// What is stored.
    pub(super) hash: String,
}

/// A new token, from the system's randomness.
pub(super) fn make() -> Result<Made> {
    let (id, secret) = (hex(&random::<ID>()?), URL_SAFE_NO_PAD.encode(random::<SECRET>()?));
    Ok(Made { text: format!("{PREFIX}{id}_{secret}"), hash: hash(&secret), id })
}

/// Something nobody can guess, for an address that works once.
pub(super) fn nonce() -> Result<String> {
    random::<SECRET>().map(|bytes| hex(&bytes))
}

/// Id and secret of a token's text.
pub(super) fn read(text: &str) -> Option<(&str, &str)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let fits = id.len() == 2 * ID && id.bytes().all(|b| b.is_ascii_hexdigit()) && secret.len() <= 100;
    fits.then_some((id, secret))
}

/// Whether this is the secret that the hash is of, in a time that says nothing about it.
pub(super) fn same(stored: &str, secret: &str) -> bool {
    stored.as_bytes().ct_eq(hash(secret).as_bytes()).into()
}

fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_alone() {
        let (one, other) = (make().unwrap(), make().unwrap());
        assert_ne!((&one.id, &one.text), (&other.id, &other.text));
        let (id, secret) = read(&one.text).unwrap();
        assert_eq!(id, one.id);
        assert!(secret.len() >= 43, "256 bits");
        assert!(!one.hash.contains(secret) && !secret.contains(&one.hash));
        assert!(same(&one.hash, secret) && !same(&other.hash, secret) && !same(&one.hash, ""));
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        for text in ["", "sru_", "sru_0123456789", "sru_012345678g_x", "sru_01234567890_x", "xyz_0123456789_x"] {
            assert!(read(text).is_none(), "{text}");
        }
        assert!(read(&format!("sru_0123456789_{}", "x".repeat(101))).is_none());
    }
}
