//! Showrunner's pages. See ARCHITECTURE.md at the top of the repository.

mod actions;
pub mod api;
mod error;
mod layout;
mod live;
mod pages;
#[cfg(feature = "ssr")]
pub mod services;
mod ui;
pub mod wire;

pub use error::{address_with_error, local_address};
pub use layout::App;
#[cfg(feature = "ssr")]
pub use layout::shell;
