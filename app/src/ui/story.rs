use leptos::prelude::*;

use super::{icon, state_icon, state_name};
use crate::erase::Erase;
use crate::wire::{ChapterView, StepRow};

/// Chapters with their steps.
#[component]
pub(crate) fn Story(chapters: Vec<ChapterView>) -> impl IntoView {
    let chapters = chapters
        .into_iter()
        .map(|chapter| {
            let steps = chapter.steps.into_iter().map(|step| view! { <Step step /> }).collect_view();
            view! {
                <details class="chapter" open=chapter.open>
                    <summary>
                        {icon("#i-down")} <span>{format!("{} {}", chapter.number, chapter.title)}</span>
                        <span class="num">{format!("{}/{}", chapter.done, chapter.total)}</span>
                    </summary>
                    <ol>{steps}</ol>
                </details>
            }
        })
        .collect_view();
    view! {
        <nav class="story" aria-label="Story">
            {chapters}
        </nav>
    }
    .erased()
}

#[component]
fn Step(step: StepRow) -> impl IntoView {
    let name = state_name(step.state);
    let reason = step.reason.map(|reason| view! { <span class="reason">{reason}</span> });
    view! {
        <li>
            <a
                class=format!("story-step {name}")
                href=format!("/?step={}", step.id)
                aria-current=step.selected.then_some("step")
            >
                {state_icon(step.state, Some(name))}
                <span>{step.title}</span>
                <span class="num">{step.minutes}</span>
                {reason}
            </a>
        </li>
    }
    .erased()
}
