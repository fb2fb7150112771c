//! The mutations of a tab. They live above the pages, since what a page shows is replaced whenever it is fetched again.

use leptos::{form::FromFormData, prelude::*};
use leptos_router::hooks::{use_location, use_query_map};
use serde::de::DeserializeOwned;
use server_fn::ServerFn;

use crate::{
    api::{ConfirmReset, Press, Reingest, RetryRun, SetTheme, StopRun},
    error,
    live::Live,
    ui::icon,
    wire::WireError,
};

/// All mutations, by context.
#[derive(Clone, Copy)]
pub(crate) struct Actions {
    pub press: ServerAction<Press>,
    pub reingest: ServerAction<Reingest>,
    pub stop: ServerAction<StopRun>,
    pub retry: ServerAction<RetryRun>,
    pub reset: ServerAction<ConfirmReset>,
    pub theme: ServerAction<SetTheme>,
    /// Of the newest mutation, until the next one or the next page.
    error: RwSignal<Option<WireError>>,
}

impl Actions {
    pub fn provide(live: Live) -> Self {
        let actions = Self {
            press: ServerAction::new(),
            reingest: ServerAction::new(),
            stop: ServerAction::new(),
            retry: ServerAction::new(),
            reset: ServerAction::new(),
            theme: ServerAction::new(),
            error: RwSignal::new(error::from_address(&use_query_map().get_untracked())),
        };
        provide_context(actions);

        watch(actions.press, actions.error, live);
        watch(actions.reingest, actions.error, live);
        watch(actions.stop, actions.error, live);
        watch(actions.retry, actions.error, live);
        watch(actions.reset, actions.error, live);
        watch(actions.theme, actions.error, live);

        let location = use_location();
        Effect::new(move |before: Option<(String, String)>| {
            let now = (location.pathname.get(), location.search.get());
            if before.is_some_and(|before| before != now) {
                actions.error.set(None);
            }
            now
        });
        actions
    }
}

/// Follows the redirect hook of the router: a success has already moved the browser, so that only the values are left to fetch.
fn watch<S>(action: ServerAction<S>, error: RwSignal<Option<WireError>>, live: Live)
where
    S: ServerFn<Output = String, Error = WireError> + Clone + Send + Sync + 'static,
{
    Effect::new(move |_| match action.value().get() {
        None => {}
        Some(Ok(_)) => {
            error.set(None);
            live.refetch();
        }
        Some(Err(e)) => error.set(Some(e)),
    });
}

/// A form that posts to a server function: by itself without JavaScript, by the action with it. A second submit while the first is
/// under way does nothing.
#[component]
pub(crate) fn Post<S>(
    action: ServerAction<S>,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView
where
    S: ServerFn<Output = String, Error = WireError>
        + DeserializeOwned
        + Clone
        + Send
        + Sync
        + 'static,
{
    view! {
        <form
            method="post"
            action=S::url()
            class=class
            on:submit=move |event| {
                event.prevent_default();
                if action.pending().get_untracked() {
                    return;
                }
                if let Ok(input) = S::from_event(&event) {
                    action.dispatch(input);
                }
            }
        >
            {children()}
        </form>
    }
    .into_any()
}

/// Why the newest mutation failed. Each page has one, at its buttons.
#[component]
pub(crate) fn ActionError() -> impl IntoView {
    let error = expect_context::<Actions>().error;
    view! {
        <div class="action-error" role="alert">
            {move || {
                error
                    .get()
                    .map(|e| {
                        let id = (!e.request_id.is_empty()).then(|| format!("Request {}", e.request_id));
                        view! {
                            <div class="note bad">
                                {icon("#i-failed")}
                                <div>
                                    <strong>{e.message}</strong>
                                    " "
                                    <span class="sub mono">{id}</span>
                                </div>
                            </div>
                        }
                    })
            }}
        </div>
    }
    .into_any()
}
