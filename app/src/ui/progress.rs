use leptos::prelude::*;

use super::{Facts, Panel, state_icon};
use crate::{
    erase::Erase,
    live::Live,
    wire::{ProgressView, SegmentView, State},
};

/// `52.5%` from per mille, without the float formatting that would weigh in the browser.
pub(crate) fn percent(permille: u16) -> String {
    format!("{}.{}%", permille / 10, permille % 10)
}

/// Progress of a run, patched in place by the event stream.
#[component]
pub(crate) fn ProgressPanel(progress: ProgressView) -> impl IntoView {
    let live = expect_context::<Live>();
    let run = progress.run_id.clone();
    let end = view! {
        <a class="mono" href=format!("/runs/{run}")>
            {run.clone()}
        </a>
    }
    .erased();
    view! {
        <Panel title="Progress" end body="panel-body progress">
            {move || {
                let newest = live.newest(&progress);
                view! { <ProgressBody progress=newest /> }
            }}
        </Panel>
    }
    .erased()
}

#[component]
fn ProgressBody(progress: ProgressView) -> impl IntoView {
    let bars = progress
        .segments
        .iter()
        .map(|segment| {
            let class = if segment.state == State::Failed { "failed" } else { "" };
            view! { <i class=class style=format!("--at:{}", percent(segment.permille))></i> }
        })
        .collect_view();
    let names = progress
        .segments
        .into_iter()
        .map(|SegmentView { title, state, .. }| {
            let class = match state {
                State::Running => "on",
                State::Done | State::Warn | State::Failed => "was",
                _ => "",
            };
            view! { <span class=class>{state_icon(state, None)} <span>{title}</span></span> }
        })
        .collect_view();
    view! {
        <div
            class="progress-bar"
            role="progressbar"
            aria-label=format!("Run {}", progress.run_id)
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=(progress.permille / 10).to_string()
            aria-valuetext=progress.text.clone()
        >
            {bars}
        </div>
        <div class="progress-names" aria-hidden="true">
            {names}
        </div>
        <Facts facts=progress.facts class="progress-facts" />
        // Spoken at step boundaries only: the text does not change in between.
        <p class="sr" role="status">
            {progress.text}
        </p>
    }
    .erased()
}

/// Loads the page again by itself where no event stream can: without JavaScript, while something runs.
#[component]
pub(crate) fn AutoRefresh(when: bool) -> impl IntoView {
    // As inner HTML: with JavaScript the browser takes the content of <noscript> as text, which hydration must not walk into.
    when.then(|| view! { <noscript inner_html="<meta http-equiv=\"refresh\" content=\"2\">"></noscript> })
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn per_mille_as_per_cent() {
        for (permille, expected) in [(0, "0.0%"), (5, "0.5%"), (525, "52.5%"), (1000, "100.0%")] {
            assert_eq!(percent(permille), expected);
        }
    }
}
