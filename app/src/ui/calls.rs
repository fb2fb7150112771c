use leptos::prelude::*;

use super::{CodeRow, state_mark};
use crate::{
    erase::Erase,
    wire::{CallView, State},
};

/// Calls with what ran here and the Google call, each opened on demand; the first `open` of them are.
#[component]
pub(crate) fn CallList(calls: Vec<CallView>, #[prop(optional)] open: usize) -> impl IntoView {
    let calls = calls
        .into_iter()
        .enumerate()
        .map(|(at, call)| {
            let state = (call.state != State::Done).then(|| state_mark(call.state, call.state_text));
            let codes = call.codes.into_iter().map(|code| view! { <CodeRow code /> }).collect_view();
            view! {
                <li>
                    <details class="call" open={at < open}>
                        <summary class="call-head">
                            <strong>{call.title}</strong>
                            <span class="call-on mono">{call.resource}</span>
                            {state}
                            <span class="num">{call.facts}</span>
                        </summary>
                        <div class="call-body">
                            {call.error.map(|error| view! { <p class="call-error">{error}</p> })}
                            {call.more.map(|more| view! { <p class="sub">{more}</p> })}
                            <p class="sub">
                                {call.step} " · Google: " <span class="mono">{call.google}</span>
                            </p>
                            {codes}
                            {call.note.map(|note| view! { <p class="sub">{note}</p> })}
                        </div>
                    </details>
                </li>
            }
        })
        .collect_view();
    view! { <ol class="calls">{calls}</ol> }.erased()
}
