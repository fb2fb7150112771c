//! The data folder's own key: seals what is secret at rest, and makes the audience's link.

use std::io::Write;
use std::path::Path;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use subtle::ConstantTimeEq;

use crate::error::{Error, ErrorKind, Result};
use crate::format::hex;
use crate::random::random;

/// The file in the data folder. Whoever has it and the control database can read the tokens in there.
const FILE_NAME: &str = "secret.key";
const LENGTH: usize = 32;

/// Seals and opens.
pub struct Sealer {
    aead: LessSafeKey,
    mac: hmac::Key,
}

impl Sealer {
    /// Reads the key, or makes one at the first start.
    pub fn open(data_dir: &Path) -> Result<Sealer> {
        let path = data_dir.join(FILE_NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let bytes = random::<LENGTH>()?;
                write(&path, &bytes)?;
                bytes.to_vec()
            }
            Err(error) => return Err(error.into()),
        };
        let broken = || {
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "{} is not a key. Delete it: everybody has to sign in once more, nothing else is lost.",
                    path.display()
                ),
            )
        };
        if bytes.len() != LENGTH {
            return Err(broken());
        }
        let aead = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| broken())?;
        // A key of its own for each purpose.
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), b"showrunner links");
        Ok(Sealer { aead: LessSafeKey::new(aead), mac: hmac::Key::new(hmac::HMAC_SHA256, mac.as_ref()) })
    }

    /// Encrypts. The nonce stands before the ciphertext.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_LEN>()?;
        let mut body = plain.to_vec();
        self.aead
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut body)
            .map_err(|_| Error::new(ErrorKind::Internal, "A secret could not be encrypted."))?;
        Ok([nonce.as_slice(), &body].concat())
    }

    /// Decrypts; `None` for what this key did not seal.
    pub fn unseal(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = body.to_vec();
        let plain = self.aead.open_in_place(nonce, Aad::empty(), &mut body).ok()?;
        Some(plain.to_vec())
    }

    /// A code for a text that only this server can make: 32 hexadecimal digits.
    pub fn code(&self, text: &str) -> String {
        let tag = hmac::sign(&self.mac, text.as_bytes());
        hex(&tag.as_ref()[..16])
    }

    /// Whether it is the text's code; takes as long for a wrong one.
    pub fn is_code(&self, text: &str, code: &str) -> bool {
        self.code(text).as_bytes().ct_eq(code.as_bytes()).into()
    }
}

/// Readable by its owner alone, and there as a whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let part = path.with_extension("part");
    // What a killed start left.
    let _ = std::fs::remove_file(&part);
    let mut file = options.open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_the_same_key_only() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sealer = Sealer::open(one.path()).unwrap();
        let sealed = sealer.seal(b"a token").unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"a token"));
        assert_ne!(sealed, sealer.seal(b"a token").unwrap(), "no nonce twice");
        assert_eq!(Sealer::open(one.path()).unwrap().unseal(&sealed).as_deref(), Some(&b"a token"[..]));
        assert_eq!(Sealer::open(two.path()).unwrap().unseal(&sealed), None);
        let mut bent = sealed.clone();
        *bent.last_mut().unwrap() ^= 1;
        for wrong in [&bent[..], &sealed[..5], &[]] {
            assert_eq!(sealer.unseal(wrong), None);
        }
    }

    #[test]
    fn codes_are_this_servers() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, two) = (Sealer::open(one.path()).unwrap(), Sealer::open(two.path()).unwrap());
        let code = one.code("audience 0");
        assert!(one.is_code("audience 0", &code));
        for (sealer, text, code) in [
            (&one, "audience 1", &*code),
            (&two, "audience 0", &code),
            (&one, "audience 0", ""),
            (&one, "audience 0", &code[..31]),
        ] {
            assert!(!sealer.is_code(text, code), "{text} {code}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_its_owners_alone_and_a_broken_one_is_said() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        Sealer::open(folder.path()).unwrap();
        let path = folder.path().join(FILE_NAME);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(Sealer::open(folder.path()).err().map(|e| e.kind), Some(ErrorKind::Invalid));
    }
}
