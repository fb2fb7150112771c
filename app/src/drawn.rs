//! Pages that the server alone draws: read-only, and the greater part of what there is to show. Their views are not in the WebAssembly.
//! The browser gets the page's own address, as it does without JavaScript, and brings what stands there up to date by the answer.

/// The class of the element around what the server drew.
#[cfg(any(feature = "ssr", feature = "hydrate"))]
const CLASS: &str = "drawn";

#[cfg(not(feature = "ssr"))]
mod browser;
#[cfg(feature = "hydrate")]
mod morph;

#[cfg(not(feature = "ssr"))]
pub(crate) use browser::Drawn;
#[cfg(feature = "hydrate")]
pub(crate) use morph::frame;
#[cfg(feature = "ssr")]
pub(crate) use server::{Redraw, drawn};

#[cfg(feature = "ssr")]
mod server {
    use leptos::prelude::*;

    use super::CLASS;
    use crate::{actions::ActionError, erase::Erase, ui::Problem, wire::WireError};

    /// When the browser is to draw the page again.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Redraw {
        /// When something has happened anywhere.
        OnNews,
        /// When its reader asks for it only.
        OnRequest,
    }

    /// A page of what `ask` answers, drawn by `show`.
    pub(crate) fn drawn<T, V>(
        redraw: Redraw,
        ask: impl Future<Output = Result<T, WireError>> + Send + 'static,
        show: fn(T) -> V,
    ) -> impl IntoView
    where
        T: Send + 'static,
        V: IntoView + 'static,
    {
        let page = Suspend::new(async move {
            match ask.await {
                Ok(value) => show(value).erased(),
                Err(error) => view! { <Problem error /> }.erased(),
            }
        });
        let still = (redraw == Redraw::OnRequest).then_some("");
        view! {
            <div class=CLASS data-still=still>
                {page}
            </div>
            <ActionError />
        }
        .erased()
    }
}
