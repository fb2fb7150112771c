use leptos::prelude::*;
use leptos_meta::Html;

use super::resource;
use crate::{
    api,
    erase::Erase,
    layout::PageTitle,
    live::{Connection, Live},
    ui::{AutoRefresh, icon, percent, state_icon, state_mark},
    wire::{AudienceView, ProgressView, ScreenChartView, ScreenNumberView, ScreenView, ScreenZoneView, State},
};

/// The second screen. It has nothing to press, follows the presenter, and keeps what it shows while the server is away.
#[component]
pub(crate) fn Audience() -> impl IntoView {
    let live = expect_context::<Live>();
    let audience = resource(move || live.tick(), |_| api::audience());
    // What is shown while the server does not answer.
    let last = StoredValue::new(None::<AudienceView>);

    #[cfg(feature = "hydrate")]
    {
        use std::time::Duration;
        let started = StoredValue::new(false);
        Effect::new(move |_| match audience.get() {
            Some(Ok(view)) if !started.get_value() => {
                started.set_value(true);
                live.start(view.last_event, "&screen=audience");
            }
            // Nobody stands at this screen to reload it.
            Some(Err(_)) => set_timeout(move || live.refetch(), Duration::from_secs(2)),
            _ => {}
        });
    }

    view! {
        <PageTitle text="Audience" />
        <AutoRefresh when=true />
        <Transition fallback=|| view! { <main class="audience" id="main" aria-busy="true"></main> }>
            {move || Suspend::new(async move {
                if let Ok(view) = audience.await {
                    last.set_value(Some(view));
                }
                match last.get_value() {
                    Some(view) => view! { <Screen view /> }.erased(),
                    None => blank(),
                }
            })}
        </Transition>
    }
    .erased()
}

#[component]
fn Screen(view: AudienceView) -> impl IntoView {
    let theme = (view.theme != "system").then(|| view.theme.clone());
    let screen = match view.screen {
        Some(screen) => values(screen),
        None => blank(),
    };
    view! {
        <Html attr:data-theme=theme />
        {screen}
    }
    .erased()
}

/// Nothing but the mark: blank on purpose, or nothing to show yet.
fn blank() -> AnyView {
    view! {
        <main class="audience blank" id="main" tabindex="-1">
            <h1 class="brand">{icon("#i-mark")} "Showrunner"</h1>
        </main>
    }
    .erased()
}

fn values(screen: ScreenView) -> AnyView {
    let style = format!("--n:{}", screen.longest.max(7));
    let progress = screen.progress.clone();
    let numbers = screen.numbers.into_iter().map(|number| large(number, progress.clone())).collect_view();
    let chart = screen.chart.map(|chart| view! { <Moves chart /> });
    let zones = screen.zones.into_iter().map(zone).collect_view();
    view! {
        <main class="audience" id="main" tabindex="-1">
            <header class="audience-head">
                <h1>{screen.title}</h1>
                <p role="status">
                    <Going state=screen.state progress at=screen.at />
                </p>
            </header>
            <dl class="huge" style=style>
                {numbers}
            </dl>
            {chart}
            <ol class="zones" aria-label="Where the data is now">
                {zones}
            </ol>
        </main>
    }
    .erased()
}

/// What is going on; from when the values are, while the connection is lost.
#[component]
fn Going(state: Option<(State, String)>, progress: Option<ProgressView>, at: String) -> impl IntoView {
    let live = expect_context::<Live>();
    // Its own part of the bar: it moves with every row, the words only with every step.
    let bar = progress.clone().map(|progress| {
        let at = move || live.newest(&progress).permille;
        view! { <i class="run-bar" aria-hidden="true" style=move || format!("--at:{}", percent(at()))></i> }
    });
    let words = Memo::new(move |_| match (live.connection(), &progress) {
        (Connection::Lost, _) => Some((State::Later, format!("Values from {at}"))),
        (_, Some(progress)) => Some((State::Running, live.newest(progress).text)),
        _ => state.clone(),
    });
    view! {
        {bar}
        {move || words.get().map(|(state, words)| state_mark(state, words))}
    }
    .erased()
}

/// A large number. One of a run counts on with the run.
fn large(number: ScreenNumberView, progress: Option<ProgressView>) -> AnyView {
    let ScreenNumberView { label, value, hot, fact } = number;
    let value = match (fact, progress) {
        (Some(fact), Some(progress)) => {
            let live = expect_context::<Live>();
            let newest = move || {
                let facts = live.newest(&progress).facts;
                facts.into_iter().find(|f| f.label == fact).map_or_else(|| value.clone(), |f| f.value)
            };
            newest.erased()
        }
        _ => value.erased(),
    };
    view! {
        <div class=if hot { "hot" } else { "" }>
            <dt>{label}</dt>
            <dd>{value}</dd>
        </div>
    }
    .erased()
}

#[component]
fn Moves(chart: ScreenChartView) -> impl IntoView {
    let whole = |position: &str| position.split('.').next().and_then(|w| w.parse().ok()).unwrap_or(0_u32);
    let grid_words = chart
        .grid
        .iter()
        .map(|(y, words)| view! { <span style=format!("top:{y}%")>{words.clone()}</span> })
        .collect_view();
    let grid_lines = chart
        .grid
        .iter()
        .map(|(y, _)| view! { <line class="grid-line" x1="0" x2="100" y1=y.clone() y2=y.clone()></line> })
        .collect_view();
    let lines = chart
        .lines
        .iter()
        .enumerate()
        .rev()
        .map(|(index, line)| {
            let class = if index == 0 { "line-1" } else { "line-2" };
            view! { <polyline class=class points=line.points.clone()></polyline> }
        })
        .collect_view();
    let names = (chart.lines.len() > 1).then(|| {
        chart
            .lines
            .iter()
            .enumerate()
            .map(|(index, line)| {
                let class = if index == 0 { "line-1" } else { "line-2" };
                view! {
                    <span>
                        <svg viewBox="0 0 20 8" aria-hidden="true">
                            <path d="M0 4h20" class=class></path>
                        </svg>
                        {line.name.clone()}
                    </span>
                }
            })
            .collect_view()
    });
    let event = chart.note.as_ref().map(|(x, _, y)| {
        view! { <line class="event" x1=x.clone() x2=x.clone() y1="8" y2=y.clone()></line> }
    });
    let note = chart.note.map(|(x, words, _)| {
        let side =
            if whole(&x) > 50 { format!("right:calc(100% - {x}% - 1ch)") } else { format!("left:calc({x}% - 1ch)") };
        view! { <span class="chart-note" style=side>{words}</span> }
    });
    let ticks = chart
        .ticks
        .iter()
        .map(|(x, words)| {
            let class = if whole(x) > 94 { "last" } else { "" };
            view! { <span class=class style=format!("left:{x}%")>{words.clone()}</span> }
        })
        .collect_view();
    view! {
        <section class="moves" aria-labelledby="h-moves">
            <h2 class="sub legend" id="h-moves">
                <span>{chart.title}</span>
                {names}
            </h2>
            <div class="chart">
                <div class="chart-y" aria-hidden="true">
                    {grid_words}
                </div>
                <div class="chart-plot">
                    <svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label=chart.label>
                        {grid_lines}
                        <path class="bar-2" d=chart.columns></path>
                        <path class="bar-1" d=chart.subject></path>
                        {lines}
                        {event}
                    </svg>
                    {note}
                </div>
                <div class="chart-x" aria-hidden="true">
                    {ticks}
                </div>
            </div>
        </section>
    }
    .erased()
}

fn zone(zone: ScreenZoneView) -> AnyView {
    let (class, label) = crate::ui::zone_words(zone.state);
    view! {
        <li class=class>
            {state_icon(zone.state, Some(label))} <span class="zone-name">{zone.title}</span>
            <span class="zone-count">{zone.amount}</span> <span class="zone-delta">{zone.change}</span>
        </li>
    }
    .erased()
}
