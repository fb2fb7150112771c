use leptos::prelude::*;

use crate::{erase::Erase, wire::SqlRows};

/// The rows that a query gave. `masked` says of each column whether a policy masks it; those beyond its end are as they are.
pub(crate) fn answer(grid: SqlRows, masked: &[bool]) -> AnyView {
    let is_masked = |at: usize| masked.get(at).copied().unwrap_or(false);
    let heads = grid
        .head
        .iter()
        .enumerate()
        .map(|(at, (head, number))| {
            let mark = is_masked(at).then(|| view! { <span class="chip">"masked"</span> });
            view! { <th scope="col" class=number.then_some("r")>{head.clone()} {mark.is_some().then_some(" ")} {mark}</th> }
        })
        .collect_view();
    let rows = grid
        .rows
        .into_iter()
        .map(|row| {
            let cells = row
                .into_iter()
                .zip(&grid.head)
                .enumerate()
                .map(|(at, (value, (_, number)))| {
                    let class = match (&value, number) {
                        _ if is_masked(at) => "masked mono",
                        (None, true) => "null r",
                        (None, false) => "null",
                        (Some(_), true) => "num r",
                        (Some(_), false) => "",
                    };
                    view! { <td class=class>{value.unwrap_or_else(|| "NULL".to_owned())}</td> }
                })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="scroll grid" tabindex="0" role="group" aria-label=grid.caption>
            <table class="table">
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .erased()
}
