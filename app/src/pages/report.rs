use leptos::prelude::*;

use super::{fetched, resource};
use crate::{
    api,
    erase::Erase,
    layout::PageTitle,
    live::Live,
    ui::{Bars, Chart, Empty, Note},
    wire::{NoteKind, NoteView, ReportView, TileView},
};

/// The report: key numbers, what moves each day, and what the totals hide.
#[component]
pub(crate) fn Report() -> impl IntoView {
    let live = expect_context::<Live>();
    let report = resource(move || live.tick(), |_| api::report());
    fetched(report, |report| view! { <Page report /> })
}

#[component]
fn Page(report: ReportView) -> impl IntoView {
    let body = if report.range.is_empty() {
        view! {
            <section class="panel" aria-label="Report">
                <Empty
                    what="No data in the report yet."
                    how="The charts appear when the first day has reached the warehouse."
                    href="/"
                    link="Go to the story"
                />
            </section>
        }
        .erased()
    } else {
        view! { <Body tiles=report.tiles charts=report.charts bars=report.bars /> }.erased()
    };
    let stale = report.stale.map(|text| {
        view! { <Note note=NoteView { kind: NoteKind::Warn, text, link: None } /> }
    });
    view! {
        <PageTitle text="Report" />
        <main class="page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Report"</h1>
                <span class="sub">{report.range}</span>
            </header>
            {stale}
            {body}
        </main>
    }
    .erased()
}

#[component]
fn Body(tiles: Vec<TileView>, charts: Vec<crate::wire::ChartView>, bars: Vec<crate::wire::BarsView>) -> impl IntoView {
    let tiles = tiles
        .into_iter()
        .map(|tile| {
            view! {
                <div class="tile">
                    <dt>{tile.label}</dt>
                    <dd class="big">{tile.value}</dd>
                    <dd class="delta">{tile.compare}</dd>
                </div>
            }
        })
        .collect_view();
    // Side by side: a chart and a list of bars in each row.
    let mut bars = bars.into_iter();
    let mut rows = charts
        .into_iter()
        .map(|chart| {
            let beside = bars.next();
            let class = if beside.is_some() { "w-8" } else { "w-12" };
            view! {
                <Chart chart class />
                {beside.map(|bars| view! { <Bars bars class="w-4" /> })}
            }
            .erased()
        })
        .collect::<Vec<_>>();
    rows.extend(bars.map(|bars| view! { <Bars bars class="w-4" /> }.erased()));
    view! {
        <dl class="tiles">{tiles}</dl>
        <div class="cols stretch">{rows}</div>
    }
    .erased()
}
