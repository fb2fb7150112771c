use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{fetched, resource};
use crate::{
    actions::ActionError,
    api,
    erase::Erase,
    layout::PageTitle,
    live::Live,
    ui::{Act, AutoRefresh, Clock, More, Note, Panel, ProgressPanel, Story, Zones, icon, state_mark},
    wire::{NumberView, OutcomeRow, ShowView, State, StepView},
};

/// The story: what to say, what to press, what came out, where the data is.
#[component]
pub(crate) fn Show() -> impl IntoView {
    let live = expect_context::<Live>();
    let query = use_query_map();
    let show = resource(move || (live.tick(), query.with(|query| query.get("step"))), |(_, step)| api::show(step));
    #[cfg(feature = "hydrate")]
    keys::listen();
    fetched(show, |view| view! { <Page view /> })
}

#[component]
fn Page(view: ShowView) -> impl IntoView {
    let running = view.step.progress.as_ref().is_some_and(|progress| progress.state == State::Running)
        || view.step.state == State::Running;
    view! {
        <PageTitle text=view.step.title.clone() />
        <AutoRefresh when=running />
        <Clock title=view.title clock=view.clock />
        <div class="show">
            <Step step=view.step />
            <Zones zones=view.zones />
            <Story chapters=view.chapters />
        </div>
    }
    .erased()
}

#[component]
fn Step(step: StepView) -> impl IntoView {
    let say = step.say.into_iter().map(|paragraph| view! { <p>{paragraph}</p> }).collect_view();
    let why =
        step.action.disabled.clone().or(step.pressed).or_else(|| step.action.busy.then(|| step.state_text.clone()));
    let notes = step.notes.into_iter().map(|note| view! { <Note note /> }).collect_view();
    let progress = step.progress.map(|progress| view! { <ProgressPanel progress /> });
    let came_out = (!step.came_out.is_empty()).then(|| view! { <CameOut rows=step.came_out /> });
    view! {
        <main class="step" id="main" tabindex="-1">
            <header class="step-head">
                <div class="row">
                    <span class="sub">{step.position}</span>
                    {state_mark(step.state, step.state_text)}
                </div>
                <h1>{step.title}</h1>
            </header>
            <div class="say">
                <span class="sub">"Say"</span>
                {say}
            </div>
            <section class="act" aria-label="Action">
                <Number number=step.number />
                <div class="go">
                    <Act action=step.action step=step.id.clone() primary=true reason="why" />
                    <div class="go-foot">
                        <span class="why-not" id="why">
                            {why}
                        </span>
                        <More actions=step.more step=step.id />
                    </div>
                </div>
            </section>
            <ActionError />
            // After the button in reading order, in the head by position.
            <nav class="step-nav" aria-label="Steps">
                <Neighbour
                    id=step.previous
                    rel="prev"
                    keys="p ArrowLeft"
                    label="Previous step (p)"
                    drawing="#i-left"
                />
                <Neighbour id=step.next rel="next" keys="n ArrowRight" label="Next step (n)" drawing="#i-right" />
            </nav>
            {notes}
            {progress}
            {came_out}
        </main>
    }
    .erased()
}

#[component]
fn Number(number: Option<NumberView>) -> impl IntoView {
    match number {
        Some(number) => view! {
            <dl class="tell">
                <dt>{number.label}</dt>
                <dd class="big">{number.value}</dd>
                <dd class="sub">{number.compare}</dd>
            </dl>
        }
        .erased(),
        None => view! { <div class="tell"></div> }.erased(),
    }
}

#[component]
fn Neighbour(
    id: Option<String>,
    rel: &'static str,
    keys: &'static str,
    label: &'static str,
    drawing: &'static str,
) -> impl IntoView {
    id.map(|id| {
        view! {
            <a
                class="btn quiet square"
                href=format!("/?step={id}")
                rel=rel
                title=label
                aria-label=label
                aria-keyshortcuts=keys
            >
                {icon(drawing)}
            </a>
        }
    })
}

#[component]
fn CameOut(rows: Vec<OutcomeRow>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|row| {
            let see = match (row.state, row.link) {
                (State::Running, _) => state_mark(State::Running, "Writing").erased(),
                (_, Some((text, href))) => view! { <a href=href>{text}</a> }.erased(),
                (State::Failed, None) => state_mark(State::Failed, "Failed").erased(),
                _ => ().erased(),
            };
            view! {
                <tr>
                    <th scope="row">{row.what}</th>
                    <td class="r num">{row.rows}</td>
                    <td class="r num">{row.files}</td>
                    <td class="r num wide-only">{row.bytes}</td>
                    <td class="r num">{row.seconds}</td>
                    <td class="r">{see}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="What came out" body="panel-body rows scroll">
            <table class="table steady">
                <thead>
                    <tr>
                        <th scope="col">"Zone"</th>
                        <th scope="col" class="r">
                            "Rows"
                        </th>
                        <th scope="col" class="r">
                            "Files"
                        </th>
                        <th scope="col" class="r wide-only">
                            "Bytes"
                        </th>
                        <th scope="col" class="r">
                            "Seconds"
                        </th>
                        <th scope="col" class="r">
                            "See it"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Panel>
    }
    .erased()
}

#[cfg(feature = "hydrate")]
mod keys {
    use leptos::{ev, prelude::*};
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, KeyboardEvent};

    /// `n` or → goes to the next step, `p` or ← to the one before.
    pub fn listen() {
        let handle = window_event_listener(ev::keydown, |event| {
            if let Some(link) = link_for(&event).and_then(|rel| {
                let selector = format!(".step-nav a[rel={rel}]");
                document().query_selector(&selector).ok().flatten()
            }) {
                event.prevent_default();
                link.unchecked_into::<HtmlElement>().click();
            }
        });
        on_cleanup(move || handle.remove());
    }

    fn link_for(event: &KeyboardEvent) -> Option<&'static str> {
        if event.ctrl_key() || event.alt_key() || event.meta_key() || event.default_prevented() {
            return None;
        }
        let typing = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"));
        if typing {
            return None;
        }
        match event.key().as_str() {
            "n" | "ArrowRight" => Some("next"),
            "p" | "ArrowLeft" => Some("prev"),
            _ => None,
        }
    }
}
