//! The mutations of a tab. They live above the pages, since what a page shows is replaced whenever it is fetched again.

use leptos::{
    form::form_data_from_event,
    prelude::*,
    web_sys::{SubmitEvent, UrlSearchParams},
};
use leptos_router::hooks::{use_location, use_query_map};
use server_fn::ServerFn;

use crate::{
    api::{
        AddMask, AddRowPolicy, CancelQuery, ChangeAudience, ChangeClock, ChangeCustomer, ChangeDataset, ChangePerson,
        ChangePolicies, ChangePrivacy, ChangeStory, ChangeStream, CompleteDay, ConfirmReset, OpenStep, Press,
        PutOnStage, Reingest, ResendRecord, RetryRun, SaveDataset, SaveStory, SetTheme, SkipStep, StartStream, StopRun,
        StoryPolicies, TakeUpStep,
    },
    erase::{Erase, Inside},
    error,
    live::Live,
    ui::icon,
    wire::WireError,
};

/// All mutations, by context.
#[derive(Clone, Copy)]
pub(crate) struct Actions {
    pub press: Mutation,
    pub open: Mutation,
    pub skip: Mutation,
    pub take_up: Mutation,
    pub clock: Mutation,
    pub audience: Mutation,
    pub reingest: Mutation,
    pub stop: Mutation,
    pub retry: Mutation,
    pub reset: Mutation,
    pub theme: Mutation,
    pub cancel_query: Mutation,
    pub start_stream: Mutation,
    pub stream: Mutation,
    pub resend: Mutation,
    pub policies: Mutation,
    pub row_policy: Mutation,
    pub mask: Mutation,
    pub story_policies: Mutation,
    pub privacy: Mutation,
    pub person: Mutation,
    pub customer: Mutation,
    pub dataset: Mutation,
    pub definition: Mutation,
    pub complete_day: Mutation,
    pub on_stage: Mutation,
    pub story: Mutation,
    pub save_story: Mutation,
    /// Of the newest mutation, until the next one or the next page.
    error: RwSignal<Option<WireError>>,
}

impl Actions {
    pub fn provide(live: Live) -> Self {
        let actions = Self {
            press: Mutation::new(Press::PATH),
            open: Mutation::new(OpenStep::PATH),
            skip: Mutation::new(SkipStep::PATH),
            take_up: Mutation::new(TakeUpStep::PATH),
            clock: Mutation::new(ChangeClock::PATH),
            audience: Mutation::new(ChangeAudience::PATH),
            reingest: Mutation::new(Reingest::PATH),
            stop: Mutation::new(StopRun::PATH),
            retry: Mutation::new(RetryRun::PATH),
            reset: Mutation::new(ConfirmReset::PATH),
            theme: Mutation::new(SetTheme::PATH),
            cancel_query: Mutation::new(CancelQuery::PATH),
            start_stream: Mutation::new(StartStream::PATH),
            stream: Mutation::new(ChangeStream::PATH),
            resend: Mutation::new(ResendRecord::PATH),
            policies: Mutation::new(ChangePolicies::PATH),
            row_policy: Mutation::new(AddRowPolicy::PATH),
            mask: Mutation::new(AddMask::PATH),
            story_policies: Mutation::new(StoryPolicies::PATH),
            privacy: Mutation::new(ChangePrivacy::PATH),
            person: Mutation::new(ChangePerson::PATH),
            customer: Mutation::new(ChangeCustomer::PATH),
            dataset: Mutation::new(ChangeDataset::PATH),
            definition: Mutation::new(SaveDataset::PATH),
            complete_day: Mutation::new(CompleteDay::PATH),
            on_stage: Mutation::new(PutOnStage::PATH),
            story: Mutation::new(ChangeStory::PATH),
            save_story: Mutation::new(SaveStory::PATH),
            error: RwSignal::new(error::from_address(&use_query_map().get_untracked())),
        };
        provide_context(actions);

        for mutation in actions.all() {
            watch(mutation, actions.error, live);
        }

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

    fn all(self) -> [Mutation; 28] {
        let Self {
            press,
            open,
            skip,
            take_up,
            clock,
            audience,
            reingest,
            stop,
            retry,
            reset,
            theme,
            cancel_query,
            start_stream,
            stream,
            resend,
            policies,
            row_policy,
            mask,
            story_policies,
            privacy,
            person,
            customer,
            dataset,
            definition,
            complete_day,
            on_stage,
            story,
            save_story,
            error: _,
        } = self;
        [
            press,
            open,
            skip,
            take_up,
            clock,
            audience,
            reingest,
            stop,
            retry,
            reset,
            theme,
            cancel_query,
            start_stream,
            stream,
            resend,
            policies,
            row_policy,
            mask,
            story_policies,
            privacy,
            person,
            customer,
            dataset,
            definition,
            complete_day,
            on_stage,
            story,
            save_story,
        ]
    }

    /// The mutation that a form with this address is sent to.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "forms are looked at in the browser only"))]
    pub fn of(self, address: &str) -> Option<Mutation> {
        self.all().into_iter().find(|mutation| mutation.path == address)
    }
}

/// Follows the redirect hook of the router: a success has already moved the browser, so that only the values are left to fetch.
fn watch(mutation: Mutation, error: RwSignal<Option<WireError>>, live: Live) {
    Effect::new(move |_| match mutation.action.value().get() {
        None => {}
        Some(Ok(_)) => {
            error.set(None);
            live.refetch();
        }
        Some(Err(e)) => error.set(Some(e)),
    });
}

/// A server function that is called with the fields of a form. One type for all of them: a `ServerAction` for each would be in
/// the WebAssembly six times, with six ways to read a form.
#[derive(Clone, Copy)]
pub(crate) struct Mutation {
    path: &'static str,
    /// From the URL-encoded fields to the address where to look next.
    action: Action<String, Result<String, WireError>>,
}

impl Mutation {
    fn new(path: &'static str) -> Self {
        Self { path, action: Action::new(move |fields: &String| send(path, fields.clone())) }
    }

    /// Calls it with URL-encoded fields, without a form.
    #[cfg(feature = "hydrate")]
    pub fn call(self, fields: String) {
        self.action.dispatch(fields);
    }

    /// Does nothing while the submit before is under way.
    pub fn submit(self, event: &SubmitEvent) {
        if self.action.pending().get_untracked() {
            return;
        }
        if let Some(fields) = fields(event) {
            self.action.dispatch(fields);
        }
    }
}

/// The fields of the form, with the button that was pressed, as a browser encodes them.
pub(crate) fn fields(event: &SubmitEvent) -> Option<String> {
    let data = form_data_from_event(event).ok()?;
    let fields = UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
    fields.to_string().as_string()
}

/// Calls the server function at `path` the way its own client does.
#[cfg(feature = "hydrate")]
async fn send(path: &'static str, fields: String) -> Result<String, WireError> {
    use server_fn::{
        ContentType,
        client::{Client, browser::BrowserClient},
        codec::{JsonEncoding, PostUrl},
        error::{FromServerFnError, ServerFnErrorErr},
        redirect::call_redirect_hook,
        request::{ClientReq, browser::BrowserRequest},
        response::{ClientRes, browser::BrowserResponse},
    };

    let request = <BrowserRequest as ClientReq<WireError>>::try_new_post(
        path,
        PostUrl::CONTENT_TYPE,
        JsonEncoding::CONTENT_TYPE,
        fields,
    )?;
    let response: BrowserResponse = <BrowserClient as Client<WireError>>::send(request).await?;
    let status = ClientRes::<WireError>::status(&response);
    let redirected = (300..400).contains(&status) || ClientRes::<WireError>::has_redirect(&response);
    let location = ClientRes::<WireError>::location(&response);
    let body = ClientRes::<WireError>::try_into_bytes(response).await?;
    if (400..600).contains(&status) {
        return Err(WireError::de(body));
    }
    let address = serde_json::from_slice(&body)
        .map_err(|e| WireError::from_server_fn_error(ServerFnErrorErr::Deserialization(e.to_string())))?;
    if redirected {
        call_redirect_hook(&location);
    }
    Ok(address)
}

/// Forms are submitted in browsers only.
#[cfg(not(feature = "hydrate"))]
async fn send(path: &'static str, _fields: String) -> Result<String, WireError> {
    Err(WireError::new(crate::wire::ErrorCode::Internal, format!("{path} is called by browsers only.")))
}

/// A form that posts to a server function: by itself without JavaScript, by the action with it. A second submit while the first is
/// under way does nothing.
#[component]
pub(crate) fn Post(action: Mutation, #[prop(optional)] class: &'static str, children: Inside) -> impl IntoView {
    view! {
        <form
            method="post"
            action=action.path
            class=class
            on:submit=move |event| {
                event.prevent_default();
                action.submit(&event);
            }
        >
            {children.view()}
        </form>
    }
    .erased()
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
    .erased()
}
