use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{fetched, resource};
use crate::{
    actions::ActionError,
    api,
    erase::Erase,
    layout::PageTitle,
    live::Live,
    ui::{
        Act, AutoRefresh, Clock, Keys, More, Note, Panel, ProgressPanel, Skip, Story, Unfolded, Zones, icon, state_mark,
    },
    wire::{NumberView, OutcomeRow, ShowView, State, StepView},
};

/// The story: what to say, what to press, what came out, where the data is.
#[component]
pub(crate) fn Show() -> impl IntoView {
    let live = expect_context::<Live>();
    let query = use_query_map();
    let show = resource(move || (live.tick(), query.with(|query| query.get("step"))), |(_, step)| api::show(step));
    // Which address the audience was told of last: what is fetched again is no new step.
    let told = StoredValue::new(None::<Option<String>>);
    provide_context(Told(told));
    provide_context(Unfolded::default());
    fetched(show, |view| view! { <Page view /> })
}

/// What the presenter opened last in this tab.
#[derive(Clone, Copy)]
struct Told(
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "opened in the browser"))]
    StoredValue<Option<Option<String>>>,
);

/// A step that is opened in the browser is what the audience sees from then on. Rendering it changes nothing, so that no prefetch,
/// preview or second tab that only refreshes moves the audience.
#[cfg(feature = "hydrate")]
fn follow(view: &ShowView) {
    let asked = use_query_map().with_untracked(|query| query.get("step"));
    let Told(told) = expect_context::<Told>();
    let of_before = asked.as_ref().is_some_and(|asked| *asked != view.step.id);
    if of_before || told.with_value(|told| told.as_ref() == Some(&asked)) {
        return;
    }
    told.set_value(Some(asked));
    if view.audience.elsewhere.is_some() || !view.audience.opened {
        expect_context::<crate::actions::Actions>().open.call(format!("step={}", view.step.id));
    }
}

#[component]
fn Page(view: ShowView) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    follow(&view);
    let id = view.step.id.clone();
    let running = view.step.progress.as_ref().is_some_and(|progress| progress.state == State::Running)
        || view.step.state == State::Running;
    view! {
        <PageTitle text=view.step.title.clone() />
        <AutoRefresh when=running />
        <Clock title=view.title clock=view.clock step=id.clone() />
        <div class="show">
            <Step step=view.step />
            <Zones zones=view.zones audience=view.audience step=id.clone() />
            <Story chapters=view.chapters step=id />
        </div>
    }
    .erased()
}

#[component]
fn Step(step: StepView) -> impl IntoView {
    let say = step.say.into_iter().map(|paragraph| view! { <p>{paragraph}</p> }).collect_view();
    let why = step.action.disabled.clone().or(step.pressed);
    let did = step.calls.map(|href| view! { <a class="did" href=href>"What did this button do?"</a> }.erased());
    // Beside a run they are about what came out; a failure is what one must not scroll for.
    let below = step.progress.is_some() && step.state != State::Failed;
    let notes = step.notes.into_iter().map(|note| view! { <Note note /> }).collect_view();
    let (notes, notes_below) = if below { (None, Some(notes)) } else { (Some(notes), None) };
    let mark = match &step.progress {
        Some(progress) if step.state == State::Running => {
            let (live, progress) = (expect_context::<Live>(), progress.clone());
            let newest = move || live.newest(&progress);
            view! { {move || { let newest = newest(); state_mark(newest.state, newest.state_text) }} }.erased()
        }
        _ => state_mark(step.state, step.state_text).erased(),
    };
    let progress = step.progress.map(|progress| view! { <ProgressPanel progress /> });
    // Where nothing below it moves when it comes.
    let came_out = match did {
        did if !step.came_out.is_empty() => Some(view! { <CameOut rows=step.came_out did /> }.erased()),
        did => did.map(|did| view! { <p>{did}</p> }.erased()),
    };
    view! {
        <main class="step" id="main" tabindex="-1">
            <header class="step-head">
                <div class="row">
                    <span class="sub">{step.position}</span>
                    {mark}
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
                        <More actions=step.more step=step.id.clone() />
                        {step.skip.map(|skip| view! { <Skip skip step=step.id /> })}
                        <span class="why-not" id="why">
                            {why}
                        </span>
                    </div>
                </div>
            </section>
            <ActionError />
            // After the button in reading order, in the head by position.
            <nav class="step-nav" aria-label="Steps">
                <Neighbour
                    id=step.previous
                    rel="prev"
                    keys="p ArrowLeft PageUp"
                    label="Previous step (p)"
                    drawing="#i-left"
                />
                <Neighbour id=step.next rel="next" keys="n ArrowRight PageDown" label="Next step (n)" drawing="#i-right" />
                <Keys />
            </nav>
            {notes}
            {progress}
            {came_out}
            {notes_below}
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
fn CameOut(rows: Vec<OutcomeRow>, did: Option<AnyView>) -> impl IntoView {
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
                    <td class="r num wide-only">{row.tables}</td>
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
        <Panel title="What came out" end=did.unwrap_or_else(|| ().erased()) body="panel-body rows scroll">
            <table class="table steady">
                <thead>
                    <tr>
                        <th scope="col">"Zone"</th>
                        <th scope="col" class="r wide-only">
                            "Tables"
                        </th>
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
