//! Primitives: the parts that pages are made of. Their HTML and class names are those of the style sheet.

mod action;
mod chart;
mod clock;
mod grid;
mod icon;
mod map;
mod note;
mod panel;
mod presenting;
mod progress;
mod story;
mod tree;
mod zones;

pub(crate) use action::{Act, More};
pub(crate) use chart::{Bars, Chart, Listing, source};
pub(crate) use clock::Clock;
pub(crate) use grid::Grid;
pub(crate) use icon::{icon, labelled_icon, state_icon, state_mark, state_name};
pub(crate) use map::Map;
pub(crate) use note::{Empty, Note, Problem};
pub(crate) use panel::{Facts, Panel};
pub(crate) use presenting::{AudiencePanel, Keys, Skip};
pub(crate) use progress::{AutoRefresh, ProgressPanel, percent};
pub(crate) use story::Story;
pub(crate) use tree::tree;
pub(crate) use zones::{Zones, zone_words};
