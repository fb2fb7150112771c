use leptos::prelude::*;

use super::{AudiencePanel, state_icon};
use crate::erase::Erase;
use crate::wire::{AudienceControl, State, ZoneView};

/// Class of a zone, and what its icon stands for.
pub(crate) fn zone_words(state: State) -> (&'static str, &'static str) {
    match state {
        State::Done => ("zone lit", "has the day"),
        State::Running | State::Next => ("zone live", "arriving"),
        State::Later | State::Blocked | State::Skipped => ("zone wait", "waiting"),
        State::Warn => ("zone lit", "has the day, something was held back"),
        State::Failed => ("zone wait", "failed"),
    }
}

/// Where the data is now, and what the audience sees of it. `step` is the one that the page shows.
#[component]
pub(crate) fn Zones(zones: Vec<ZoneView>, audience: AudienceControl, step: String) -> impl IntoView {
    let zones = zones
        .into_iter()
        .map(|zone| {
            let (class, label) = zone_words(zone.state);
            view! {
                <li class=class>
                    {state_icon(zone.state, Some(label))} <span class="zone-name">
                        <a href=zone.href>{zone.title}</a>
                    </span> <span class="zone-count">{zone.amount}</span>
                    <span class="zone-more">{zone.detail}</span>
                    <span class="zone-delta">{zone.change}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <aside class="where" aria-labelledby="h-where">
            <div class="side-head">
                <h2 id="h-where">"Where the data is now"</h2>
            </div>
            <ol class="zones">{zones}</ol>
            <AudiencePanel control=audience step />
        </aside>
    }
    .erased()
}
