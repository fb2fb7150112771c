use leptos::prelude::*;

use crate::erase::Erase;
use crate::wire::State;

/// A drawing of the sprite, beside words.
pub(crate) fn icon(drawing: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
            <use_ href=drawing />
        </svg>
    }
    .erased()
}

/// A drawing of the sprite that stands for a word.
pub(crate) fn labelled_icon(drawing: &'static str, label: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" role="img" aria-label=label>
            <use_ href=drawing />
        </svg>
    }
    .erased()
}

/// The icon of a state; beside words without a label.
pub(crate) fn state_icon(state: State, label: Option<&'static str>) -> impl IntoView {
    let class = if state == State::Running { "icon spin" } else { "icon" };
    view! {
        <svg
            class=class
            viewBox="0 0 16 16"
            role=label.map(|_| "img")
            aria-label=label
            aria-hidden=label.is_none().then_some("true")
        >
            <use_ href=state_drawing(state) />
        </svg>
    }
    .erased()
}

/// Icon and word.
pub(crate) fn state_mark(state: State, words: impl Into<String>) -> impl IntoView {
    view! {
        <span class=format!("state {}", state_name(state))>
            {state_icon(state, None)} <span>{words.into()}</span>
        </span>
    }
    .erased()
}

/// Class name, and word for people who do not see the icon.
pub(crate) fn state_name(state: State) -> &'static str {
    match state {
        State::Done => "done",
        State::Running => "running",
        State::Next => "next",
        State::Later => "later",
        State::Blocked => "blocked",
        State::Warn => "warn",
        State::Failed => "failed",
        State::Skipped => "skipped",
    }
}

fn state_drawing(state: State) -> &'static str {
    match state {
        State::Done => "#i-done",
        State::Running => "#i-running",
        State::Next => "#i-next",
        State::Later => "#i-later",
        State::Blocked => "#i-blocked",
        State::Warn => "#i-warn",
        State::Failed => "#i-failed",
        State::Skipped => "#i-skipped",
    }
}
