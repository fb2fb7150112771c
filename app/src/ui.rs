//! Primitives: the parts that pages are made of. Their HTML and class names are those of the style sheet.

mod action;
mod calls;
mod clock;
mod code;
mod icon;
mod note;
mod panel;
mod presenting;
mod progress;
mod story;
mod zones;

// Of pages that the server alone draws.
#[cfg(feature = "ssr")]
mod answer;
#[cfg(feature = "ssr")]
mod board;
#[cfg(feature = "ssr")]
mod chart;
#[cfg(feature = "ssr")]
mod choice;
#[cfg(feature = "ssr")]
mod grid;
#[cfg(feature = "ssr")]
mod map;
#[cfg(feature = "ssr")]
mod tree;

pub(crate) use action::{Act, More};
#[cfg(feature = "ssr")]
pub use board::board_html;
pub(crate) use calls::CallList;
pub(crate) use clock::Clock;
pub(crate) use code::CodeRow;
#[cfg(feature = "hydrate")]
pub(crate) use code::put_on_clipboard;
pub(crate) use icon::{icon, labelled_icon, state_icon, state_mark, state_name};
pub(crate) use note::{Loading, Note, Problem};
pub(crate) use panel::{Facts, Panel};
pub(crate) use presenting::{AudiencePanel, Keys, Skip};
pub(crate) use progress::{AutoRefresh, ProgressPanel, percent};
pub(crate) use story::{Story, Unfolded};
pub(crate) use zones::{Zones, zone_words};
#[cfg(feature = "ssr")]
pub(crate) use {
    answer::answer,
    board::Board,
    chart::{Bars, Chart, Listing, source},
    choice::{choice_links, options_of},
    grid::Grid,
    map::Map,
    note::Empty,
    tree::tree,
};
