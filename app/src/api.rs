//! The server functions: a public HTTP API with stable paths. Each authorises first, then calls a trait of [`crate::services`].
#![expect(missing_docs, reason = "the macro turns arguments into public fields that cannot carry documentation")]

use leptos::prelude::*;
use server_fn::codec::GetUrl;

use crate::wire::*;

#[cfg(feature = "ssr")]
mod endpoints;

#[cfg(feature = "ssr")]
pub use endpoints::{ENDPOINTS, Endpoint};

#[cfg(feature = "ssr")]
use crate::{
    error::local_address,
    services::{Call, Permission},
};

/// The bar of every page.
#[server(name = GetShell, prefix = "/api", endpoint = "shell", input = GetUrl)]
pub async fn shell() -> Result<ShellView, WireError> {
    let call = Call::authorize(Permission::Enter).await?;
    call.answer(call.services.show.shell().await)
}

/// The show page with `step`, or with the current step.
#[server(name = GetShow, prefix = "/api", endpoint = "show", input = GetUrl)]
pub async fn show(step: Option<String>) -> Result<ShowView, WireError> {
    let call = Call::authorize(Permission::View).await?;
    call.answer(call.services.show.show(step).await)
}

/// What the audience sees.
#[server(name = GetAudience, prefix = "/api", endpoint = "audience", input = GetUrl)]
pub async fn audience() -> Result<AudienceView, WireError> {
    let call = Call::authorize(Permission::Watch).await?;
    call.answer(call.services.presenting.audience().await)
}

/// The lake: tables, buckets, day folders.
#[server(name = GetLake, prefix = "/api", endpoint = "lake", input = GetUrl)]
pub async fn lake() -> Result<LakeView, WireError> {
    let call = Call::authorize(Permission::View).await?;
    call.answer(call.services.browse.lake().await)
}

/// A table of the lake, and what of it `query` asks for.
#[server(name = GetLakeTable, prefix = "/api", endpoint = "lake_table", input = GetUrl)]
pub async fn lake_table(table: String, #[server(default)] query: TableQuery) -> Result<LakeView, WireError> {
    let call = Call::authorize(Permission::View).await?;
    call.answer(call.services.browse.lake_table(table, query).await)
}

/// Folders and objects of a bucket below `prefix`.
#[server(name = GetLakeBucket, prefix = "/api", endpoint = "lake_bucket", input = GetUrl)]
pub async fn lake_bucket(bucket: String, prefix: Option<String>, page: Option<String>) -> Result<LakeView, WireError> {
    let call = Call::authorize(Permission::Inspect).await?;
    call.answer(call.services.browse.lake_bucket(bucket, prefix, page).await)
}

/// Runs, newest first.
#[server(name = GetRuns, prefix = "/api", endpoint = "runs", input = GetUrl)]
pub async fn runs() -> Result<Vec<RunRow>, WireError> {
    let call = Call::authorize(Permission::Inspect).await?;
    call.answer(call.services.runs.runs().await)
}

/// One run.
#[server(name = GetRun, prefix = "/api", endpoint = "run", input = GetUrl)]
pub async fn run(id: String) -> Result<RunView, WireError> {
    let call = Call::authorize(Permission::Inspect).await?;
    call.answer(call.services.runs.run(id).await)
}

/// What a run executed: of a step, of a kind, a page of it.
#[server(name = GetRunCalls, prefix = "/api", endpoint = "run_calls", input = GetUrl)]
pub async fn run_calls(
    id: String,
    step: Option<String>,
    kind: Option<String>,
    page: Option<String>,
) -> Result<CallsView, WireError> {
    let call = Call::authorize(Permission::Inspect).await?;
    call.answer(call.services.runs.run_calls(id, step, kind, page).await)
}

/// The report with the filter that `query`, the page's own query string, asks for.
#[server(name = GetReport, prefix = "/api", endpoint = "report", input = GetUrl)]
pub async fn report(query: String) -> Result<ReportView, WireError> {
    let call = Call::authorize(Permission::View).await?;
    call.answer(call.services.reports.report(query).await)
}

/// The dry run of a reset, or the certificate of the reset `run`.
#[server(name = GetReset, prefix = "/api", endpoint = "reset", input = GetUrl)]
pub async fn reset(scope: Option<String>, run: Option<String>) -> Result<ResetView, WireError> {
    let call = Call::authorize(Permission::Inspect).await?;
    call.answer(call.services.resets.reset(scope, run).await)
}

/// The SQL page for the query part of its address, its queries run under `id`.
#[server(name = GetSql, prefix = "/api", endpoint = "sql", input = GetUrl)]
pub async fn sql(search: String, id: String) -> Result<SqlView, WireError> {
    let call = Call::authorize(Permission::View).await?;
    call.answer(call.services.queries.sql(search, id).await)
}

/// The stream.
#[server(name = GetStream, prefix = "/api", endpoint = "stream", input = GetUrl)]
pub async fn stream() -> Result<StreamView, WireError> {
    let call = Call::authorize(Permission::View).await?;
    call.answer(call.services.streaming.stream().await)
}

/// Where columns come from and where they go, as `query`, the page's own query string, asks.
#[server(name = GetLineage, prefix = "/api", endpoint = "lineage", input = GetUrl)]
pub async fn lineage(query: String) -> Result<LineageView, WireError> {
    let call = Call::authorize(Permission::View).await?;
    call.answer(call.services.lineages.lineage(query).await)
}

/// Starts a stream.
#[server(name = StartStream, prefix = "/api", endpoint = "start_stream")]
pub async fn start_stream(
    day: String,
    rate: String,
    payload: String,
    dates: String,
    end: String,
) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    let form = StartStreamForm { day, rate, payload, dates, end };
    call.redirect(call.services.streaming.start_stream(form).await)
}

/// Changes the stream that is under way, or what it made.
#[server(name = ChangeStream, prefix = "/api", endpoint = "change_stream")]
pub async fn change_stream(change: String, #[server(default)] value: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.stay(call.services.streaming.change_stream(change, value).await)
}

/// Sends a dead letter again.
#[server(name = ResendRecord, prefix = "/api", endpoint = "resend_record")]
pub async fn resend_record(run: String, seq: String, payload: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.stay(call.services.streaming.resend_record(run, seq, payload).await)
}

/// The policies: which rows and columns each identity sees.
#[server(name = GetPolicies, prefix = "/api", endpoint = "policies", input = GetUrl)]
pub async fn policies() -> Result<PoliciesView, WireError> {
    let call = Call::authorize(Permission::View).await?;
    call.answer(call.services.policies.policies().await)
}

/// Executes statements that change policies.
#[server(name = ChangePolicies, prefix = "/api", endpoint = "change_policies")]
pub async fn change_policies(sql: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Govern).await?;
    call.redirect(call.services.policies.change_policies(sql).await)
}

/// Adds a row access policy.
#[server(name = AddRowPolicy, prefix = "/api", endpoint = "add_row_policy")]
pub async fn add_row_policy(
    table: String,
    name: String,
    #[server(default)] grantees: String,
    filter: String,
) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Govern).await?;
    let form = RowPolicyForm { table, name, grantees, filter };
    call.redirect(call.services.policies.add_row_policy(form).await)
}

/// Masks a column, or denies it.
#[server(name = AddMask, prefix = "/api", endpoint = "add_mask")]
pub async fn add_mask(
    table: String,
    column: String,
    rule: String,
    #[server(default)] grantees: String,
) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Govern).await?;
    let form = MaskForm { table, column, rule, grantees };
    call.redirect(call.services.policies.add_mask(form).await)
}

/// Puts the story's policies in force.
#[server(name = StoryPolicies, prefix = "/api", endpoint = "story_policies")]
pub async fn story_policies() -> Result<String, WireError> {
    let call = Call::authorize(Permission::Govern).await?;
    call.redirect(call.services.policies.story_policies().await)
}

/// Views as one of the story's identities, or as the admin again, and goes back to the page it came from.
#[server(name = ViewAs, prefix = "/api", endpoint = "view_as")]
pub async fn view_as(
    #[server(default)] identity: String,
    #[server(default)] back: String,
) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Switch).await?;
    let cookie = call.answer(call.services.policies.view_as(identity).await)?;
    call.set_view_as(&cookie);
    call.redirect(Ok(local_address(&back).to_owned()))
}

/// Personal data in the tables.
#[server(name = GetPrivacy, prefix = "/api", endpoint = "privacy", input = GetUrl)]
pub async fn privacy() -> Result<PrivacyView, WireError> {
    let call = Call::authorize(Permission::Inspect).await?;
    call.answer(call.services.privacy.privacy().await)
}

/// Scans, delivers the CRM file, or remembers what a person says to a finding.
#[server(name = ChangePrivacy, prefix = "/api", endpoint = "change_privacy")]
pub async fn change_privacy(
    change: String,
    #[server(default)] table: String,
    #[server(default)] column: String,
    #[server(default)] value: String,
) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.stay(call.services.privacy.change_privacy(change, table, column, value).await)
}

/// Customers, for the query part of the page's address.
#[server(name = GetCustomers, prefix = "/api", endpoint = "customers", input = GetUrl)]
pub async fn customers(#[server(default)] search: String) -> Result<CustomersView, WireError> {
    let call = Call::authorize(Permission::Administer).await?;
    call.answer(call.services.customers.customers(search).await)
}

/// Creates, changes or deletes a customer or one of its tokens.
#[server(name = ChangeCustomer, prefix = "/api", endpoint = "change_customer")]
pub async fn change_customer(
    change: String,
    customer: String,
    #[server(default)] title: String,
    #[server(default)] quota: String,
    #[server(default)] token: String,
    #[server(default)] days: String,
    #[server(default)] plan: String,
) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Administer).await?;
    let form = CustomerForm { change, customer, title, quota, token, days, plan };
    call.redirect(call.services.customers.change_customer(form).await)
}

/// Datasets, for the query part of the page's address.
#[server(name = GetDatasets, prefix = "/api", endpoint = "datasets", input = GetUrl)]
pub async fn datasets(#[server(default)] search: String) -> Result<DatasetsView, WireError> {
    let call = Call::authorize(Permission::Administer).await?;
    call.answer(call.services.datasets.datasets(search).await)
}

/// Deletes a dataset, delivers a generated day of one, or adds London's bicycles. A new one comes with its sample by
/// `POST /datasets/sample`.
#[server(name = ChangeDataset, prefix = "/api", endpoint = "change_dataset")]
pub async fn change_dataset(
    change: String,
    #[server(default)] dataset: String,
    #[server(default)] plan: String,
    #[server(default)] customer: String,
    #[server(default)] date: String,
) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Administer).await?;
    let form = DatasetForm { change, dataset, plan, customer, date };
    call.redirect(call.services.datasets.change_dataset(form).await)
}

/// Saves a new version of a dataset's definition.
#[server(name = SaveDataset, prefix = "/api", endpoint = "save_dataset")]
pub async fn save_dataset(
    #[server(default)] dataset: String,
    #[server(default)] title: String,
    #[server(default)] after: String,
    #[server(default)] day: String,
    #[server(default)] columns: Vec<DatasetColumnForm>,
) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Administer).await?;
    let form = DefinitionForm { dataset, title, after, day, columns };
    call.redirect(call.services.datasets.save_dataset(form).await)
}

/// All stories, for the query part of the page's address.
#[server(name = GetStories, prefix = "/api", endpoint = "stories", input = GetUrl)]
pub async fn stories(#[server(default)] search: String) -> Result<StoriesView, WireError> {
    let call = Call::authorize(Permission::Inspect).await?;
    call.answer(call.services.stories.stories(search).await)
}

/// A story as it would be told, for the query part of the page's address.
#[server(name = GetStory, prefix = "/api", endpoint = "story", input = GetUrl)]
pub async fn story(id: String, #[server(default)] search: String) -> Result<StoryPreview, WireError> {
    let call = Call::authorize(Permission::Inspect).await?;
    call.answer(call.services.stories.story(id, search).await)
}

/// The form of a duplicate, for the query part of the page's address.
#[server(name = GetStoryForm, prefix = "/api", endpoint = "story_form", input = GetUrl)]
pub async fn story_form(id: String, #[server(default)] search: String) -> Result<StoryEditView, WireError> {
    let call = Call::authorize(Permission::Administer).await?;
    call.answer(call.services.stories.story_form(id, search).await)
}

/// Tells a story at a depth from now on.
#[server(name = PutOnStage, prefix = "/api", endpoint = "put_on_stage")]
pub async fn put_on_stage(story: String, depth: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.redirect(call.services.stories.put_on_stage(story, depth).await)
}

/// Duplicates a story, or deletes a duplicate.
#[server(name = ChangeStory, prefix = "/api", endpoint = "change_story")]
pub async fn change_story(change: String, story: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Administer).await?;
    call.redirect(call.services.stories.change_story(change, story).await)
}

/// Saves a new version of a duplicate, or keeps what was typed where it cannot be saved.
#[server(name = SaveStory, prefix = "/api", endpoint = "save_story")]
pub async fn save_story(
    story: String,
    #[server(default)] base: String,
    #[server(default)] title: String,
    #[server(default)] steps: Vec<StepForm>,
) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Administer).await?;
    let form = StoryForm { story, base, title, steps };
    call.redirect(call.services.stories.save_story(form).await)
}

/// The page on which a person uploads, for the query part of its address.
#[server(name = GetUpload, prefix = "/api", endpoint = "upload_page", input = GetUrl)]
pub async fn upload_page(#[server(default)] search: String) -> Result<UploadView, WireError> {
    let call = Call::authorize(Permission::Upload).await?;
    call.answer(call.services.customers.upload_page(search).await)
}

/// Writes a day's (`customer/dataset/date`) `end_file.txt`.
#[server(name = CompleteDay, prefix = "/api", endpoint = "complete_day")]
pub async fn complete_day(day: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Upload).await?;
    call.stay(call.services.customers.complete_day(day).await)
}

/// Presses a step's button.
#[server(name = Press, prefix = "/api", endpoint = "press")]
pub async fn press(step: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.redirect(call.services.show.press(step).await)
}

/// Opens a step: the audience follows. Here and below, the page stays; a form without JavaScript goes back to it.
#[server(name = OpenStep, prefix = "/api", endpoint = "open_step")]
pub async fn open_step(step: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.stay(call.services.presenting.open_step(step).await)
}

/// Skips a step: leaves it `out`, or does its work without a word (`instead`).
#[server(name = SkipStep, prefix = "/api", endpoint = "skip_step")]
pub async fn skip_step(step: String, how: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.redirect(call.services.presenting.skip_step(step, how == "instead").await)
}

/// Puts a skipped step back into the story.
#[server(name = TakeUpStep, prefix = "/api", endpoint = "take_up_step")]
pub async fn take_up_step(step: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.stay(call.services.presenting.take_up_step(step).await)
}

/// Starts, pauses or restarts the clock.
#[server(name = ChangeClock, prefix = "/api", endpoint = "change_clock")]
pub async fn change_clock(step: String, change: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.stay(call.services.presenting.change_clock(step, change).await)
}

/// Freezes or blanks the audience screen, or lets it go on.
#[server(name = ChangeAudience, prefix = "/api", endpoint = "change_audience")]
pub async fn change_audience(change: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.stay(call.services.presenting.change_audience(change).await)
}

/// Ingests a day (`customer/dataset/date`) once more.
#[server(name = Reingest, prefix = "/api", endpoint = "reingest")]
pub async fn reingest(day: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.redirect(call.services.show.reingest(day).await)
}

/// Asks a run to stop.
#[server(name = StopRun, prefix = "/api", endpoint = "stop_run")]
pub async fn stop_run(id: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.redirect(call.services.runs.stop_run(id).await)
}

/// Runs a failed or stopped run again.
#[server(name = RetryRun, prefix = "/api", endpoint = "retry_run")]
pub async fn retry_run(id: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Present).await?;
    call.redirect(call.services.runs.retry_run(id).await)
}

/// Deletes what the dry run with the digest `plan` listed.
#[server(name = ConfirmReset, prefix = "/api", endpoint = "confirm_reset")]
pub async fn confirm_reset(scope: String, plan: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Reset).await?;
    call.redirect(call.services.resets.confirm_reset(scope, plan).await)
}

/// Who signed in, what they may, and what anybody did.
#[server(name = GetPeople, prefix = "/api", endpoint = "people", input = GetUrl)]
pub async fn people() -> Result<PeopleView, WireError> {
    let call = Call::authorize(Permission::Administer).await?;
    call.answer(call.services.people.people().await)
}

/// Settings, where each comes from, and what is missing; with `check=google-cloud` in the project of Google Cloud, too.
#[server(name = GetSettings, prefix = "/api", endpoint = "settings", input = GetUrl)]
pub async fn settings(#[server(default)] check: String) -> Result<SettingsView, WireError> {
    let call = Call::authorize(Permission::Administer).await?;
    call.answer(call.services.people.settings(check).await)
}

/// Gives somebody another role, signs somebody out, or makes another link for the audience.
#[server(name = ChangePerson, prefix = "/api", endpoint = "change_person")]
pub async fn change_person(
    change: String,
    #[server(default)] person: String,
    #[server(default)] role: String,
    #[server(default)] customer: String,
) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Administer).await?;
    call.stay(call.services.people.change_person(change, person, role, customer).await)
}

/// Remembers `system`, `light` or `dark` in a cookie and goes back to the page it came from.
#[server(name = SetTheme, prefix = "/api", endpoint = "set_theme")]
pub async fn set_theme(theme: String, back: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::Enter).await?;
    call.set_theme(&theme)?;
    call.redirect(Ok(local_address(&back).to_owned()))
}

/// Stops the query that runs under `id`. It changes nothing that others see, so whoever may ask may stop asking.
#[server(name = CancelQuery, prefix = "/api", endpoint = "cancel_query")]
pub async fn cancel_query(id: String) -> Result<String, WireError> {
    let call = Call::authorize(Permission::View).await?;
    call.answer(call.services.queries.cancel_query(id).await)
}
