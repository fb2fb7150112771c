use leptos::prelude::*;

use super::state_mark;
use crate::{
    erase::Erase,
    wire::{GridCell, GridColumn, GridKind, GridView, PagerView},
};

/// A table as the server describes it.
#[component]
pub(crate) fn Grid(grid: GridView) -> impl IntoView {
    let GridView { caption, columns, rows, pager } = grid;
    let heads = columns
        .iter()
        .map(|column| {
            let right = if column.kind == GridKind::Number { "r" } else { "" };
            view! {
                <th scope="col" class=if column.wide { format!("{right} wide-only") } else { right.to_owned() }>
                    {column.title.clone()}
                </th>
            }
        })
        .collect::<Vec<_>>();
    let rows = rows
        .into_iter()
        .map(|row| {
            let cells = row
                .into_iter()
                .zip(&columns)
                .enumerate()
                .map(|(index, (cell, column))| {
                    let class = class(column);
                    let inside = inside(cell);
                    if index == 0 {
                        view! {
                            <th scope="row" class=class>
                                {inside}
                            </th>
                        }
                        .erased()
                    } else {
                        view! { <td class=class>{inside}</td> }.erased()
                    }
                })
                .collect::<Vec<_>>();
            view! { <tr>{cells}</tr> }
        })
        .collect::<Vec<_>>();
    let (label, group) = (caption.clone(), caption.clone());
    view! {
        // Focusable, so that the keyboard can scroll what is wider than its place.
        <div class="scroll" tabindex="0" role="group" aria-label=group>
            <table class="table">
                <caption class="sr">{caption}</caption>
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {pager.map(|pager| view! { <Pager pager label /> })}
    }
    .erased()
}

fn class(column: &GridColumn) -> String {
    let kind = match column.kind {
        GridKind::Text => "",
        GridKind::Id => "mono",
        GridKind::Number => "r num",
    };
    if column.wide { format!("{kind} wide-only") } else { kind.to_owned() }
}

fn inside(cell: GridCell) -> AnyView {
    let GridCell { text, href, sub, state } = cell;
    let text = match (state, href) {
        (Some(state), _) => state_mark(state, text).erased(),
        (None, Some(href)) => view! { <a href=href>{text}</a> }.erased(),
        (None, None) => text.erased(),
    };
    let sub = sub.map(|sub| view! { <span class="sub">{sub}</span> });
    view! { {text} {sub} }.erased()
}

#[component]
fn Pager(pager: PagerView, label: String) -> impl IntoView {
    let step = |href: Option<String>, rel: &'static str, words: &'static str| {
        href.map(|href| {
            view! {
                <a class="btn" rel=rel href=href>
                    {words}
                </a>
            }
        })
    };
    view! {
        <nav class="pager" aria-label=format!("Pages: {label}")>
            <span class="num">{pager.words}</span>
            {step(pager.previous, "prev", "Previous")}
            {step(pager.next, "next", "Next")}
        </nav>
    }
    .erased()
}
