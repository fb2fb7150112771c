//! What the pages ask of the server: one trait per domain, implemented in `server`, given by context.

use std::sync::Arc;

use async_trait::async_trait;
use leptos::prelude::use_context;

use crate::wire::*;

/// What a caller wants to do; checked in the first line of every server function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// See pages.
    View,
    /// Press the story's buttons, start, stop and retry runs, upload; put a story on stage.
    Present,
    /// Reset.
    Reset,
    /// See what policies do not reach: runs and their records, buckets, dry runs of resets, stories.
    Inspect,
    /// Change policies.
    Govern,
    /// See the bar of a page, and choose its theme.
    Enter,
    /// View as somebody else, or as oneself again.
    Switch,
    /// See the audience screen.
    Watch,
    /// Deliver a customer's files, and see the page for it.
    Upload,
    /// Manage customers, datasets, people and settings, and see the audit trail.
    Administer,
}

impl Permission {
    /// All of them.
    pub const ALL: [Permission; 10] = [
        Permission::Enter,
        Permission::Watch,
        Permission::View,
        Permission::Present,
        Permission::Reset,
        Permission::Inspect,
        Permission::Govern,
        Permission::Switch,
        Permission::Upload,
        Permission::Administer,
    ];
}

/// The policy choke point.
#[async_trait]
pub trait Policy: Send + Sync {
    /// `Ok` when the person behind the current request may do it.
    async fn authorize(&self, permission: Permission) -> Result<(), WireError>;
}

/// The story and its steps.
#[async_trait]
pub trait Show: Send + Sync {
    /// Bar of every page.
    async fn shell(&self) -> Result<ShellView, WireError>;
    /// The show page with this step, or the current one.
    async fn show(&self, step: Option<String>) -> Result<ShowView, WireError>;
    /// Presses the step's button. Returns where to look next (an address within the site).
    async fn press(&self, step: String) -> Result<String, WireError>;
    /// Ingests a day (`customer/dataset/date`) once more.
    async fn reingest(&self, day: String) -> Result<String, WireError>;
}

/// How the story is presented: which step is on show, the clock, the audience screen.
#[async_trait]
pub trait Presenting: Send + Sync {
    /// What the audience sees.
    async fn audience(&self) -> Result<AudienceView, WireError>;
    /// The presenter opens a step: the audience follows.
    async fn open_step(&self, step: String) -> Result<(), WireError>;
    /// Leaves a step out of the story; with `instead` its work is done without a word. Returns where to look next.
    async fn skip_step(&self, step: String, instead: bool) -> Result<String, WireError>;
    /// Puts a skipped step, and what it needs, back into the story.
    async fn take_up_step(&self, step: String) -> Result<(), WireError>;
    /// `start` (with this step on show), `pause` or `restart`.
    async fn change_clock(&self, step: String, change: String) -> Result<(), WireError>;
    /// `freeze`, `follow`, `blank` or `show`.
    async fn change_audience(&self, change: String) -> Result<(), WireError>;
}

/// The lake browser.
#[async_trait]
pub trait Browse: Send + Sync {
    /// Tables by zone, buckets, day folders.
    async fn lake(&self) -> Result<LakeView, WireError>;
    /// A table (`bronze.ga_sessions`).
    async fn lake_table(&self, table: String, query: TableQuery) -> Result<LakeView, WireError>;
    /// What lies in a bucket below a prefix.
    async fn lake_bucket(
        &self,
        bucket: String,
        prefix: Option<String>,
        page: Option<String>,
    ) -> Result<LakeView, WireError>;
}

/// Runs.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Newest first.
    async fn runs(&self) -> Result<Vec<RunRow>, WireError>;
    /// One run.
    async fn run(&self, id: String) -> Result<RunView, WireError>;
    /// A run's calls: those of a step, of a kind, a page of them.
    async fn run_calls(
        &self,
        id: String,
        step: Option<String>,
        kind: Option<String>,
        page: Option<String>,
    ) -> Result<CallsView, WireError>;
    /// Asks a run to stop at the next safe point.
    async fn stop_run(&self, id: String) -> Result<String, WireError>;
    /// Runs a failed or stopped run again.
    async fn retry_run(&self, id: String) -> Result<String, WireError>;
}

/// Reports.
#[async_trait]
pub trait Reports: Send + Sync {
    /// The report with the filter of a query string (`from=2017-07-01&country=Germany`).
    async fn report(&self, query: String) -> Result<ReportView, WireError>;
}

/// Reset.
#[async_trait]
pub trait Resets: Send + Sync {
    /// Dry run for a scope (`all`, `customer:…`, `step:…`), or the certificate of a run.
    async fn reset(&self, scope: Option<String>, run: Option<String>) -> Result<ResetView, WireError>;
    /// Confirms a dry run by its plan digest. Returns where to look.
    async fn confirm_reset(&self, scope: String, plan: String) -> Result<String, WireError>;
}

/// Queries that persons write.
#[async_trait]
pub trait Queries: Send + Sync {
    /// The SQL page for the query part of its address. What it runs can be cancelled by `id`, unless that is empty.
    async fn sql(&self, search: String, id: String) -> Result<SqlView, WireError>;
    /// Stops what runs under the id; says whether there was anything.
    async fn cancel_query(&self, id: String) -> Result<String, WireError>;
}

/// Policies, and who somebody views as.
#[async_trait]
pub trait Policies: Send + Sync {
    /// The page of the policies.
    async fn policies(&self) -> Result<PoliciesView, WireError>;
    /// Executes statements. Returns where to look.
    async fn change_policies(&self, sql: String) -> Result<String, WireError>;
    /// Adds a row access policy. Returns where to look.
    async fn add_row_policy(&self, form: RowPolicyForm) -> Result<String, WireError>;
    /// Masks a column, or denies it. Returns where to look.
    async fn add_mask(&self, form: MaskForm) -> Result<String, WireError>;
    /// Puts the story's policies in force. Returns where to look.
    async fn story_policies(&self) -> Result<String, WireError>;
    /// Views as one of the story's identities from now on, or as the admin (empty). Gives the cookie's value.
    async fn view_as(&self, identity: String) -> Result<String, WireError>;
}

/// The stream.
#[async_trait]
pub trait Streaming: Send + Sync {
    /// The page of the stream.
    async fn stream(&self) -> Result<StreamView, WireError>;
    /// Starts a stream with the fields of the form. Returns where to look.
    async fn start_stream(&self, start: StartStreamForm) -> Result<String, WireError>;
    /// `pause`, `resume`, `step`, `stop`, `rate`, `burst`, `send`, `poison`, `compact`, with the value where one is needed.
    async fn change_stream(&self, change: String, value: String) -> Result<(), WireError>;
    /// Sends a dead letter again with this payload.
    async fn resend_record(&self, run: String, seq: String, payload: String) -> Result<(), WireError>;
}

/// Lineage.
#[async_trait]
pub trait Lineages: Send + Sync {
    /// The lineage page for the query part of its address.
    async fn lineage(&self, query: String) -> Result<LineageView, WireError>;
}

/// Personal data: what was found, and what a person says to it.
#[async_trait]
pub trait Privacy: Send + Sync {
    /// The page.
    async fn privacy(&self) -> Result<PrivacyView, WireError>;
    /// `scan`, `deliver` (value `plain` or `meaningless`), `accept`, `reject`, `correct` (value: the info type), for a column of a table.
    async fn change_privacy(
        &self,
        change: String,
        table: String,
        column: String,
        value: String,
    ) -> Result<(), WireError>;
}

/// People: signing in, roles, the audit trail.
#[async_trait]
pub trait People: Send + Sync {
    /// The page on which somebody signs in; it is there for everybody.
    async fn sign_in(&self) -> Result<SignInView, WireError>;
    /// The page about people.
    async fn people(&self) -> Result<PeopleView, WireError>;
    /// Settings, and what is missing; `check` is `google-cloud` or empty.
    async fn settings(&self, check: String) -> Result<SettingsView, WireError>;
    /// `role` (with role and customer) or `sign_out` of a person, or `new_link`.
    async fn change_person(
        &self,
        change: String,
        person: String,
        role: String,
        customer: String,
    ) -> Result<(), WireError>;
}

/// Customers, and what people deliver for them.
#[async_trait]
pub trait Customers: Send + Sync {
    /// The page of the customers for the query part of its address.
    async fn customers(&self, search: String) -> Result<CustomersView, WireError>;
    /// Changes a customer or its tokens. Returns where to look.
    async fn change_customer(&self, form: CustomerForm) -> Result<String, WireError>;
    /// The page on which a person uploads, for the query part of its address.
    async fn upload_page(&self, search: String) -> Result<UploadView, WireError>;
    /// Writes the day's `end_file.txt` (`customer/dataset/date`).
    async fn complete_day(&self, day: String) -> Result<(), WireError>;
}

/// Datasets that an admin defines.
#[async_trait]
pub trait Datasets: Send + Sync {
    /// The page for the query part of its address.
    async fn datasets(&self, search: String) -> Result<DatasetsView, WireError>;
    /// Deletes one, delivers a generated day, or adds London's bicycles. Returns where to look.
    async fn change_dataset(&self, form: DatasetForm) -> Result<String, WireError>;
    /// Saves a new version. Returns where to look.
    async fn save_dataset(&self, form: DefinitionForm) -> Result<String, WireError>;
}

/// Stories: listed, previewed, duplicated, edited, put on stage.
#[async_trait]
pub trait Stories: Send + Sync {
    /// All of them, for the query part of the page's address.
    async fn stories(&self, search: String) -> Result<StoriesView, WireError>;
    /// One as it would be told, for the query part of the page's address.
    async fn story(&self, id: String, search: String) -> Result<StoryPreview, WireError>;
    /// The form of a duplicate, for the query part of the page's address.
    async fn story_form(&self, id: String, search: String) -> Result<StoryEditView, WireError>;
    /// Tells a story at a depth (5, 20, 45) from now on. Returns where to look next.
    async fn put_on_stage(&self, story: String, depth: String) -> Result<String, WireError>;
    /// `duplicate` or `delete`. Returns where to look next.
    async fn change_story(&self, change: String, story: String) -> Result<String, WireError>;
    /// Saves a new version, or keeps what was typed. Returns where to look next.
    async fn save_story(&self, form: StoryForm) -> Result<String, WireError>;
}

/// Everything together, as given by context.
#[derive(Clone)]
pub struct Services {
    /// Policy.
    pub policy: Arc<dyn Policy>,
    /// Show.
    pub show: Arc<dyn Show>,
    /// Presenting.
    pub presenting: Arc<dyn Presenting>,
    /// Lake browser.
    pub browse: Arc<dyn Browse>,
    /// Runs.
    pub runs: Arc<dyn Runs>,
    /// Reports.
    pub reports: Arc<dyn Reports>,
    /// Reset.
    pub resets: Arc<dyn Resets>,
    /// SQL.
    pub queries: Arc<dyn Queries>,
    /// Policies.
    pub policies: Arc<dyn Policies>,
    /// The stream.
    pub streaming: Arc<dyn Streaming>,
    /// Lineage.
    pub lineages: Arc<dyn Lineages>,
    /// Personal data.
    pub privacy: Arc<dyn Privacy>,
    /// People.
    pub people: Arc<dyn People>,
    /// Customers.
    pub customers: Arc<dyn Customers>,
    /// Datasets.
    pub datasets: Arc<dyn Datasets>,
    /// Stories.
    pub stories: Arc<dyn Stories>,
}

/// What pages do to the HTTP response they are part of. Given by context, since `app` knows no HTTP server.
#[derive(Clone)]
pub struct Host {
    /// Sends the browser to an address within the site: a plain form post by status 302, a call from WebAssembly by header.
    pub redirect: Arc<dyn Fn(&str) + Send + Sync>,
    /// Sets the status. To be ignored for a plain form post (it accepts `text/html`), which is answered by a redirect even when
    /// it failed.
    pub status: Arc<dyn Fn(u16) + Send + Sync>,
    /// The id under which what this request asks for can be cancelled; empty when it cannot.
    pub query: String,
    /// Adds a `Set-Cookie` header with this value.
    pub set_cookie: Arc<dyn Fn(String) + Send + Sync>,
}

/// Name of the cookie with `light` or `dark`; any other value, or none, follows the system.
pub const THEME_COOKIE: &str = "theme";

/// Name of the cookie with the id of the identity that is viewed as; none: the admin. It holds nothing else, and only ever narrows.
pub const VIEW_AS_COOKIE: &str = "view_as";

/// A server function call that was allowed.
pub(crate) struct Call {
    pub services: Services,
    host: Option<Host>,
}

impl Call {
    /// The first line of every server function. Takes everything from the context before the first await, since the context is
    /// gone when a request is dropped half-way.
    pub async fn authorize(permission: Permission) -> Result<Self, WireError> {
        let services = use_context::<Services>()
            .ok_or_else(|| WireError::new(ErrorCode::Unavailable, "The server is starting. Try again in a moment."))?;
        let call = Self { services, host: use_context::<Host>() };
        let allowed = call.services.policy.authorize(permission).await;
        call.answer(allowed)?;
        Ok(call)
    }

    /// Passes `result` on, with the status that fits.
    pub fn answer<T>(&self, result: Result<T, WireError>) -> Result<T, WireError> {
        if let (Err(error), Some(host)) = (&result, &self.host) {
            (host.status)(error.code.status());
        }
        result
    }

    /// Sends the browser to the address that a mutation answered with.
    pub fn redirect(&self, result: Result<String, WireError>) -> Result<String, WireError> {
        if let (Ok(address), Some(host)) = (&result, &self.host) {
            (host.redirect)(address);
        }
        self.answer(result)
    }

    /// Leaves the browser where it is. The answer of every mutation is an address; this one is empty.
    pub fn stay(&self, result: Result<(), WireError>) -> Result<String, WireError> {
        self.answer(result.map(|()| String::new()))
    }

    /// Writes the cookie of the identity that is viewed as, or removes it.
    pub fn set_view_as(&self, identity: &str) {
        let life = if identity.is_empty() { "; Max-Age=0" } else { "" };
        if let Some(host) = &self.host {
            (host.set_cookie)(format!("{VIEW_AS_COOKIE}={identity}; Path=/{life}; HttpOnly; SameSite=Lax"));
        }
    }

    /// Writes the theme cookie.
    pub fn set_theme(&self, theme: &str) -> Result<(), WireError> {
        let (value, seconds) = match theme {
            "light" | "dark" => (theme, 31_536_000),
            "system" => ("", 0),
            _ => {
                return self.answer(Err(WireError {
                    field: Some("theme".into()),
                    ..WireError::new(ErrorCode::Invalid, "There is no such theme. Choose system, light or dark.")
                }));
            }
        };
        if let Some(host) = &self.host {
            (host.set_cookie)(format!("{THEME_COOKIE}={value}; Path=/; Max-Age={seconds}; SameSite=Lax"));
        }
        Ok(())
    }
}
