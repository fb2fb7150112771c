use leptos::prelude::*;

use crate::erase::Erase;

/// Ways to look at the same thing, each an address: words, address, whether it is the one that is shown.
pub(crate) fn choice_links(ways: Vec<(String, String, bool)>) -> AnyView {
    let ways = ways
        .into_iter()
        .map(|(words, href, chosen)| {
            view! {
                <a href=href aria-current=chosen.then_some("true")>
                    {words}
                </a>
            }
        })
        .collect::<Vec<_>>();
    view! { {ways} }.erased()
}
