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

/// The options of a list, one of them chosen.
pub(crate) fn options_of(names: Vec<String>, chosen: &str) -> AnyView {
    let options = names
        .into_iter()
        .map(|name| {
            let (selected, text) = (name == chosen, name.clone());
            view! {
                <option value=name selected=selected>
                    {text}
                </option>
            }
        })
        .collect::<Vec<_>>();
    view! { {options} }.erased()
}
