//! Showrunner's pages. See ARCHITECTURE.md at the top of the repository.

// The types of nested views are deep; most of them are erased, this is for what is left.
#![recursion_limit = "256"]

mod actions;
pub mod api;
mod drawn;
mod erase;
mod error;
mod json;
mod keys;
mod layout;
mod live;
mod pages;
#[cfg(feature = "ssr")]
pub mod services;
mod ui;
pub mod wire;

pub use error::{address_with_error, local_address};
#[cfg(feature = "ssr")]
pub use layout::shell;
pub use layout::{App, ROOT};
#[cfg(feature = "ssr")]
pub use pages::{FOUND, found_html, seen_html};
#[cfg(feature = "ssr")]
pub use ui::board_html;
