//! Showrunner's pages. See ARCHITECTURE.md at the top of the repository.

#[cfg(feature = "ssr")]
pub mod services;
pub mod wire;
