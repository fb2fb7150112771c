use leptos::prelude::*;

use super::{percent, state_mark};
use crate::erase::Erase;
use crate::wire::{ClockView, State};

/// The story's clock: a segment for each chapter, as wide as its planned time.
#[component]
pub(crate) fn Clock(title: String, clock: ClockView) -> impl IntoView {
    let label = format!("{} used of {} planned {}", clock.used, clock.planned, clock.standing);
    let segments = clock
        .segments
        .iter()
        .map(|(seconds, done)| view! { <i style=format!("--min:{seconds};--at:{}", percent(*done))></i> })
        .collect_view();
    let standing = if clock.behind {
        state_mark(State::Warn, clock.standing).erased()
    } else {
        view! { <span class="sub">{clock.standing}</span> }.erased()
    };
    view! {
        <section class="clock" aria-label="Story clock">
            <h2>{title}</h2>
            <div class="clock-bar" role="img" aria-label=label>
                {segments}
            </div>
            <p class="clock-time">
                <span class="num">{clock.used}</span>
                <span class="sub">{format!("of {}", clock.planned)}</span>
                {standing}
            </p>
        </section>
    }
    .erased()
}
