//! One module for each page. What the server alone draws is [`crate::drawn::Drawn`] to the browser.

mod audience;
mod calls;
mod missing;
mod reset;
mod run;
mod show;

#[cfg(feature = "ssr")]
mod customers;
#[cfg(feature = "ssr")]
mod datasets;
#[cfg(feature = "ssr")]
mod lake;
#[cfg(feature = "ssr")]
mod late;
#[cfg(feature = "ssr")]
mod lineage;
#[cfg(feature = "ssr")]
mod people;
#[cfg(feature = "ssr")]
mod policies;
#[cfg(feature = "ssr")]
mod privacy;
#[cfg(feature = "ssr")]
mod report;
#[cfg(feature = "ssr")]
mod runs;
#[cfg(feature = "ssr")]
mod settings;
#[cfg(feature = "ssr")]
mod sign_in;
#[cfg(feature = "ssr")]
mod sql;
#[cfg(feature = "ssr")]
mod stories;
#[cfg(feature = "ssr")]
mod stream;
#[cfg(feature = "ssr")]
mod upload;

#[cfg(not(feature = "ssr"))]
pub(crate) use crate::drawn::{
    Drawn as Customers, Drawn as Datasets, Drawn as EditStory, Drawn as Lake, Drawn as LakeBucket, Drawn as LakeTable,
    Drawn as Lineage, Drawn as People, Drawn as Policies, Drawn as Privacy, Drawn as Report, Drawn as Runs,
    Drawn as Settings, Drawn as SignIn, Drawn as Sql, Drawn as Stories, Drawn as StoryPage, Drawn as Stream,
    Drawn as Upload,
};
pub(crate) use audience::Audience;
#[cfg(feature = "ssr")]
pub(crate) use {
    customers::Customers,
    datasets::Datasets,
    lake::{Lake, LakeBucket, LakeTable},
    lineage::Lineage,
    people::People,
    policies::Policies,
    privacy::Privacy,
    report::Report,
    runs::Runs,
    settings::Settings,
    sign_in::SignIn,
    sql::Sql,
    stories::{EditStory, Stories, StoryPage},
    stream::Stream,
    upload::Upload,
};

#[cfg(feature = "ssr")]
pub use late::FOUND;
#[cfg(feature = "ssr")]
pub use policies::seen_html;
#[cfg(feature = "ssr")]
pub use sql::found_html;

pub(crate) use calls::RunCalls;
pub(crate) use missing::NotFound;
pub(crate) use reset::Reset;
pub(crate) use run::Run;
pub(crate) use show::Show;

use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    erase::Erase,
    json::Json,
    ui::{Loading, Problem},
    wire::{ErrorCode, WireError},
};

/// Shows what the server answered, and keeps it on the page while it is fetched again.
fn fetched<T, V>(resource: Resource<Result<T, WireError>, Json>, show: fn(T) -> V) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    // A session that ended takes nothing off the page: the bar says so, and what is there stays.
    let last = StoredValue::new(None::<T>);
    view! {
        <Transition fallback=|| view! { <main class="page" id="main" tabindex="-1" aria-busy="true"><Loading /></main> }>
            {move || Suspend::new(async move {
                match resource.await {
                    Ok(value) => {
                        last.set_value(Some(value.clone()));
                        show(value).erased()
                    }
                    Err(error) => {
                        let kept = last.get_value().filter(|_| error.code == ErrorCode::Unauthenticated);
                        match kept {
                            Some(value) => show(value).erased(),
                            None => view! { <Problem error /> }.erased(),
                        }
                    }
                }
            })}
        </Transition>
    }
    .erased()
}

/// What a server function answers for `source`, again whenever that changes.
pub(crate) fn resource<S, T, F>(
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S) -> F + Send + Sync + 'static,
) -> Resource<T, Json>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = T> + Send + 'static,
{
    Resource::new_with_options(source, fetch, false)
}
