use leptos::prelude::*;

use super::{Facts, Panel, percent, state_mark};
use crate::erase::Erase;
use crate::wire::{BOARD, BoardView, SinkView};

/// What moves: the server pushes it whole, and the browser brings the element up to date by it. A `still` one is left alone.
#[component]
pub(crate) fn Board(view: BoardView, #[prop(optional)] still: bool) -> impl IntoView {
    let id = (!still).then_some(BOARD);
    let tiles = view
        .tiles
        .into_iter()
        .enumerate()
        .map(|(index, tile)| {
            let class = if index == 0 { "tile hot" } else { "tile" };
            view! {
                <div class=class>
                    <dt>{tile.label}</dt>
                    <dd class="big">{tile.value}</dd>
                    <dd class="delta">{tile.rest}</dd>
                </div>
            }
        })
        .collect_view();
    let seconds = view
        .minute
        .iter()
        .enumerate()
        .map(|(at, permille)| {
            let height = u32::from(*permille) / 10;
            view! {
                <rect
                    x=at.to_string()
                    y=(100 - height).to_string()
                    width="0.8"
                    height=height.to_string()
                ></rect>
            }
        })
        .collect_view();
    let sinks = view.sinks.into_iter().map(sink).collect::<Vec<_>>();
    let frozen = if still { format!("frozen at {}", view.at) } else { view.at };
    let end = view! {
        {state_mark(view.state, view.state_text)}
        " "
        <span class="sub num">{frozen}</span>
    }
    .erased();
    let minute = view! { <span class="sub num">{view.minute_top}</span> }.erased();
    view! {
        <section class="board" id=id aria-label="Live">
            <div class="panel-head board-head">
                <h2>"Live"</h2>
                <span class="end">{end}</span>
            </div>
            <dl class="tiles">{tiles}</dl>
            <div class="cols stretch">
                <Panel title="The last minute" class="w-6" end=minute>
                    <figure class="minute">
                        <svg
                            viewBox="0 0 60 100"
                            preserveAspectRatio="none"
                            role="img"
                            aria-label=view.minute_text.clone()
                        >
                            {seconds}
                        </svg>
                        <figcaption class="sub num">{view.minute_text}</figcaption>
                    </figure>
                </Panel>
                <Panel title="Countries, last minute" class="w-3">
                    {list(view.countries)}
                </Panel>
                <Panel title="Products viewed" class="w-3">
                    {list(view.products)}
                </Panel>
                {sinks}
            </div>
        </section>
    }
    .erased()
}

fn sink(sink: SinkView) -> AnyView {
    view! {
        <Panel title=sink.title class="w-6">
            <p>
                <a class="mono" href=format!("/lake/{}", sink.table)>
                    {sink.table.clone()}
                </a>
            </p>
            <p class="sub">{sink.text}</p>
            <Facts facts=sink.facts />
        </Panel>
    }
    .erased()
}

/// As many rows as there may be, so that nothing below moves when one comes.
const ROWS: usize = 6;

fn list(rows: Vec<(String, u16, String)>) -> AnyView {
    let filled = rows.len().min(ROWS);
    let rows = rows
        .into_iter()
        .take(ROWS)
        .map(|(name, permille, value)| {
            view! {
                <li>
                    <span>{name}</span>
                    <span class="num">{value}</span>
                    <span></span>
                    <i style=format!("--at:{}", percent(permille))></i>
                </li>
            }
        })
        .collect_view();
    let rest = (filled..ROWS)
        .map(|_| {
            view! {
                <li aria-hidden="true">
                    <span>"\u{a0}"</span>
                    <span></span>
                    <span></span>
                    <i style="--at:0%"></i>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="bars">{rows} {rest}</ul> }.erased()
}

/// The board as HTML, outside of any request.
pub fn board_html(view: BoardView) -> String {
    let owner = Owner::new();
    let html = owner.with(|| view! { <Board view /> }.into_view().to_html());
    owner.cleanup();
    html
}
