//! One module for each page.

mod lake;
mod missing;
mod report;
mod reset;
mod run;
mod runs;
mod show;

pub(crate) use lake::Lake;
pub(crate) use missing::NotFound;
pub(crate) use report::Report;
pub(crate) use reset::Reset;
pub(crate) use run::Run;
pub(crate) use runs::Runs;
pub(crate) use show::Show;

use leptos::prelude::*;

use crate::{ui::Problem, wire::WireError};

/// Shows what the server answered, and keeps it on the page while it is fetched again.
fn fetched<T, V>(resource: Resource<Result<T, WireError>>, show: fn(T) -> V) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    view! {
        <Transition fallback=|| view! { <main class="page" id="main" tabindex="-1" aria-busy="true"></main> }>
            {move || Suspend::new(async move {
                match resource.await {
                    Ok(value) => show(value).into_any(),
                    Err(error) => view! { <Problem error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}
