use leptos::prelude::*;

use super::{Grid, Panel, icon, percent};
use crate::erase::Erase;
use crate::wire::{BarsView, ChartView, GridView, ListingView, SourceView};

/// The whole part of a position between 0 and 100, which comes as text.
fn whole(position: &str) -> u32 {
    position.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0)
}

/// A line chart: the drawing stretches, the words and the dot are HTML on top of it and do not.
#[component]
pub(crate) fn Chart(chart: ChartView, #[prop(optional)] class: &'static str) -> impl IntoView {
    let end = view! { <Legend chart=chart.clone() /> }.erased();
    let grid_words = chart
        .grid
        .iter()
        .map(|(y, words)| view! { <span style=format!("top:{y}%")>{words.clone()}</span> })
        .collect_view();
    let grid_lines = chart
        .grid
        .iter()
        .filter(|(y, _)| whole(y) < 100)
        .map(|(y, _)| view! { <line class="grid-line" x1="0" x2="100" y1=y.clone() y2=y.clone()></line> })
        .collect_view();
    // The subject is drawn last, on top of the others.
    let lines = chart
        .series
        .iter()
        .enumerate()
        .rev()
        .map(|(index, series)| {
            let class = if index == 0 { "line-1" } else { "line-2" };
            view! { <polyline class=class points=series.points.clone()></polyline> }
        })
        .collect_view();
    let event = chart.finding.as_ref().map(|(x, _)| {
        view! { <line class="event" x1=x.clone() x2=x.clone() y1="0" y2="100"></line> }
    });
    let finding = chart.finding.map(|(x, words)| {
        let side = if whole(&x) > 40 {
            format!("right:calc(100% - {x}% + 4px);bottom:6px")
        } else {
            format!("left:calc({x}% + 4px);bottom:6px")
        };
        view! { <span class="chart-note" style=side>{words}</span> }
    });
    let dot = chart.last.map(|(x, y, words)| {
        view! { <span class="chart-dot" style=format!("left:{x}%;top:{y}%") title=words></span> }
    });
    let ticks = chart
        .ticks
        .iter()
        .map(|(x, words)| {
            let class = if whole(x) > 90 { "last" } else { "" };
            view! { <span class=class style=format!("left:{x}%")>{words.clone()}</span> }
        })
        .collect_view();
    view! {
        <Panel title=chart.title id=format!("chart-{}", chart.key) class end>
            <figure class="chart">
                <div class="chart-y" aria-hidden="true">
                    {grid_words}
                </div>
                <div class="chart-plot">
                    <svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label=chart.label>
                        {grid_lines}
                        {lines}
                        {event}
                    </svg>
                    {finding}
                    {dot}
                </div>
                <div class="chart-x" aria-hidden="true">
                    {ticks}
                </div>
            </figure>
            <Numbers numbers=chart.numbers />
            {source("SQL", chart.source)}
        </Panel>
    }
    .erased()
}

/// Names of the series when there are two, and the last point in words.
#[component]
fn Legend(chart: ChartView) -> impl IntoView {
    let several = chart.series.len() > 1;
    let names = several.then(|| {
        chart
            .series
            .into_iter()
            .enumerate()
            .map(|(index, series)| {
                let class = if index == 0 { "line-1" } else { "line-2" };
                view! {
                    <span>
                        <svg viewBox="0 0 20 8" aria-hidden="true">
                            <path d="M0 4h20" class=class></path>
                        </svg>
                        {series.name}
                    </span>
                }
            })
            .collect_view()
    });
    let last = chart.last.map(|(_, _, words)| view! { <span>{words}</span> });
    view! { <div class="legend">{names} {last}</div> }.erased()
}

/// The numbers behind a chart.
#[component]
fn Numbers(numbers: GridView) -> impl IntoView {
    let summary = format!("Numbers, {} rows", numbers.rows.len());
    view! {
        <details class="data">
            <summary>{icon("#i-down")} <span>{summary}</span></summary>
            <Grid grid=numbers />
        </details>
    }
    .erased()
}

/// The query that made what stands above, and its numbers as a file. Nothing where no query did.
pub(crate) fn source(title: &'static str, source: SourceView) -> AnyView {
    if source.sql.is_empty() {
        return ().into_any();
    }
    let summary = if title == "SQL" { "SQL".to_owned() } else { format!("{title}: SQL") };
    view! {
        <div class="source">
            <details class="data">
                <summary>{icon("#i-down")} <span>{summary}</span></summary>
                <pre class="code" tabindex="0">
                    {source.sql}
                </pre>
            </details>
            <a href=source.lineage>"Lineage"</a>
            <a href=source.csv rel="external" download="">
                "CSV"
            </a>
        </div>
    }
    .erased()
}

/// A table in a panel.
#[component]
pub(crate) fn Listing(listing: ListingView, #[prop(optional)] class: &'static str) -> impl IntoView {
    view! {
        <Panel title=listing.title class>
            <Grid grid=listing.grid />
            {source("SQL", listing.source)}
        </Panel>
    }
    .erased()
}

/// A list of bars.
#[component]
pub(crate) fn Bars(bars: BarsView, #[prop(optional)] class: &'static str) -> impl IntoView {
    let (value, second) = bars.heads;
    let heads = if second.is_empty() { value } else { format!("{value}, {second}") };
    let end = view! { <span class="sub">{heads}</span> }.erased();
    let mut hrefs = bars.hrefs.into_iter();
    let rows = bars
        .rows
        .into_iter()
        .map(|(name, permille, value, second)| {
            let name = match hrefs.next().filter(|href| !href.is_empty()) {
                Some(href) => view! { <a href=href>{name}</a> }.erased(),
                None => name.into_any(),
            };
            view! {
                <li>
                    <span>{name}</span>
                    <span class="num">{value}</span>
                    <span class="num pc">{second}</span>
                    <i style=format!("--at:{}", percent(permille))></i>
                </li>
            }
        })
        .collect_view();
    view! {
        <Panel title=bars.title class end>
            <ul class="bars">{rows}</ul>
            {source("SQL", bars.source)}
        </Panel>
    }
    .erased()
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn the_whole_part_of_a_position() {
        for (text, expected) in [("0", 0), ("73.73", 73), ("100.0", 100), ("", 0), ("x", 0)] {
            assert_eq!(whole(text), expected, "{text:?}");
        }
    }
}
