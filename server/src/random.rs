//! Random bytes that nobody can guess.

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, ErrorKind, Result};

/// From the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Error::new(ErrorKind::Unavailable, "The system gave no random bytes, so nothing secret can be made. Try again.")
    })?;
    Ok(bytes)
}
