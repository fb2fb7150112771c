use leptos::prelude::*;

use super::{icon, state_icon, state_name};
use crate::erase::Erase;
use crate::wire::{ChapterView, StepRow};

/// Which chapters are unfolded beside a step: as they were when it was opened, whatever has happened since.
#[derive(Clone, Copy, Default)]
pub(crate) struct Unfolded(StoredValue<(String, Vec<bool>)>);

impl Unfolded {
    fn keep(self, step: String, chapters: &mut [ChapterView]) {
        self.0.update_value(|(of, open)| {
            if *of != step || open.len() != chapters.len() {
                (*of, *open) = (step, chapters.iter().map(|chapter| chapter.open).collect());
            }
            for (chapter, open) in chapters.iter_mut().zip(open) {
                chapter.open = *open;
            }
        });
    }
}

/// Chapters with their steps, beside `step`.
#[component]
pub(crate) fn Story(mut chapters: Vec<ChapterView>, step: String) -> impl IntoView {
    expect_context::<Unfolded>().keep(step, &mut chapters);
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
