use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{Bars, Chart, Empty, Listing, Map, Note, source},
    wire::{FieldView, FilterView, NoteKind, NoteView, ReportView, TileView},
};

/// The report: key numbers, what moves each day, what the totals hide, where it happens. One filter, in the address, acts on all of it.
#[component]
pub(crate) fn Report() -> impl IntoView {
    let query = use_location().search.get_untracked();
    drawn(Redraw::OnNews, api::report(query), |report| view! { <Page report /> })
}

#[component]
fn Page(report: ReportView) -> impl IntoView {
    let warnings = report.stale.iter().chain(&report.filter.problems).cloned();
    let warnings =
        warnings.map(|text| view! { <Note note=NoteView { kind: NoteKind::Warn, text, link: None } /> }).collect_view();
    let range = report.range.clone();
    let body = if report.range.is_empty() {
        view! {
            <section class="panel" aria-label="Report">
                <Empty
                    what="No data in the report yet."
                    how="The charts appear when the first day has reached silver."
                    href="/"
                    link="Go to the story"
                />
            </section>
        }
        .erased()
    } else {
        body(report)
    };
    view! {
        <PageTitle text="Report" />
        <main class="page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Report"</h1>
                <span class="sub">{range}</span>
            </header>
            {warnings}
            {body}
        </main>
    }
    .erased()
}

fn body(report: ReportView) -> AnyView {
    let tiles = report
        .tiles
        .into_iter()
        .map(|tile: TileView| {
            view! {
                <div class="tile">
                    <dt>{tile.label}</dt>
                    <dd class="big">{number(tile.value, tile.lineage)}</dd>
                    <dd class="delta">{tile.compare}</dd>
                </div>
            }
        })
        .collect_view();
    let charts =
        report.charts.into_iter().map(|chart| view! { <Chart chart class="w-6" /> }.erased()).collect::<Vec<_>>();
    let map = report.map.map(|map| view! { <Map map class="w-6" /> });
    let count = report.bars.len();
    let bars = report
        .bars
        .into_iter()
        .enumerate()
        .map(|(index, bars)| view! { <Bars bars class=width(index, count) /> }.erased())
        .collect::<Vec<_>>();
    view! {
        <Filter filter=report.filter />
        <dl class="tiles">{tiles}</dl>
        {source("Key figures", report.tiles_source)}
        <div class="cols stretch">{charts} {map} {bars} <Listing listing=report.products class="w-12" /></div>
    }
    .erased()
}

/// A number, and the way to what it is made of.
fn number(value: String, lineage: String) -> AnyView {
    match lineage.is_empty() {
        true => value.erased(),
        false => view! { <a class="plain" href=lineage title="Where this number comes from">{value}</a> }.erased(),
    }
}

/// Three beside each other; what is left over for the last row fills it.
fn width(index: usize, count: usize) -> &'static str {
    let left_over = count % 3;
    match left_over {
        1 if index + 1 == count => "w-12",
        2 if index + 2 >= count => "w-6",
        _ => "w-4",
    }
}

/// A plain form: it works without JavaScript, and its answer is an address that can be sent to somebody.
#[component]
fn Filter(filter: FilterView) -> impl IntoView {
    let (first, last) = filter.bounds;
    let date = |name: &'static str, label: &'static str, value: String| {
        view! {
            <label>
                <span>{label}</span>
                <input type="date" name=name value=value min=first.clone() max=last.clone() />
            </label>
        }
        .erased()
    };
    let (from, to) = filter.dates;
    let dates = [date("from", "From", from), date("to", "To", to)].collect_view();
    let fields = filter.fields.into_iter().map(field).collect::<Vec<_>>();
    let map = (!filter.map.is_empty()).then(|| view! { <input type="hidden" name="map" value=filter.map /> });
    let clear = filter.active.then(|| view! { <a class="btn quiet" href="/report">"Clear"</a> });
    view! {
        <form class="filter" action="/report" method="get" role="search" aria-label="Filter of the report">
            {dates}
            {fields}
            {map}
            <span class="filter-do">
                <button class="btn" type="submit">
                    "Apply"
                </button>
                {clear}
            </span>
        </form>
    }
    .erased()
}

fn field(field: FieldView) -> AnyView {
    let options = field
        .options
        .into_iter()
        .map(|(value, words, chosen)| {
            view! {
                <option value=value selected=chosen>
                    {words}
                </option>
            }
        })
        .collect_view();
    view! {
        <label>
            <span>{field.label}</span>
            <select name=field.name>{options}</select>
        </label>
    }
    .erased()
}

#[cfg(test)]
mod tests {
    use super::width;

    #[test]
    fn no_row_of_bars_has_a_hole() {
        for (count, expected) in [
            (1, &["w-12"][..]),
            (2, &["w-6", "w-6"]),
            (3, &["w-4", "w-4", "w-4"]),
            (5, &["w-4", "w-4", "w-4", "w-6", "w-6"]),
            (6, &["w-4"; 6]),
        ] {
            assert_eq!((0..count).map(|index| width(index, count)).collect::<Vec<_>>(), expected);
        }
    }
}
