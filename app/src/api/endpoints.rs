//! All server functions, with what each needs: what is not listed here is not reached.

use server_fn::ServerFn;

use super::*;
use crate::services::Permission;

/// A server function as the rest of the server sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// For instance `/api/press`.
    pub path: &'static str,
    /// What a caller needs.
    pub permission: Permission,
    /// True when it changes something: then it is POST, otherwise GET.
    pub mutation: bool,
}

/// Every server function. A test of the server compares it with what is registered, and calls each one without permission.
pub const ENDPOINTS: &[Endpoint] = &[
    endpoint::<GetShell>(Permission::Enter, false),
    endpoint::<GetShow>(Permission::View, false),
    endpoint::<GetAudience>(Permission::Watch, false),
    endpoint::<GetLake>(Permission::View, false),
    endpoint::<GetLakeTable>(Permission::View, false),
    endpoint::<GetLakeBucket>(Permission::Inspect, false),
    endpoint::<GetRuns>(Permission::Inspect, false),
    endpoint::<GetRun>(Permission::Inspect, false),
    endpoint::<GetRunCalls>(Permission::Inspect, false),
    endpoint::<GetReport>(Permission::View, false),
    endpoint::<GetReset>(Permission::Inspect, false),
    endpoint::<GetSql>(Permission::View, false),
    endpoint::<GetStream>(Permission::View, false),
    endpoint::<GetLineage>(Permission::View, false),
    endpoint::<GetPrivacy>(Permission::Inspect, false),
    endpoint::<Press>(Permission::Present, true),
    endpoint::<OpenStep>(Permission::Present, true),
    endpoint::<SkipStep>(Permission::Present, true),
    endpoint::<TakeUpStep>(Permission::Present, true),
    endpoint::<ChangeClock>(Permission::Present, true),
    endpoint::<ChangeAudience>(Permission::Present, true),
    endpoint::<Reingest>(Permission::Present, true),
    endpoint::<StopRun>(Permission::Present, true),
    endpoint::<RetryRun>(Permission::Present, true),
    endpoint::<ConfirmReset>(Permission::Reset, true),
    endpoint::<SetTheme>(Permission::Enter, true),
    endpoint::<CancelQuery>(Permission::View, true),
    endpoint::<StartStream>(Permission::Present, true),
    endpoint::<ChangeStream>(Permission::Present, true),
    endpoint::<ResendRecord>(Permission::Present, true),
    endpoint::<ChangePrivacy>(Permission::Present, true),
    endpoint::<GetCustomers>(Permission::Administer, false),
    endpoint::<ChangeCustomer>(Permission::Administer, true),
    endpoint::<GetDatasets>(Permission::Administer, false),
    endpoint::<ChangeDataset>(Permission::Administer, true),
    endpoint::<SaveDataset>(Permission::Administer, true),
    endpoint::<GetStories>(Permission::Inspect, false),
    endpoint::<GetStory>(Permission::Inspect, false),
    endpoint::<GetStoryForm>(Permission::Administer, false),
    endpoint::<PutOnStage>(Permission::Present, true),
    endpoint::<ChangeStory>(Permission::Administer, true),
    endpoint::<SaveStory>(Permission::Administer, true),
    endpoint::<GetUpload>(Permission::Upload, false),
    endpoint::<CompleteDay>(Permission::Upload, true),
    endpoint::<GetPolicies>(Permission::View, false),
    endpoint::<ChangePolicies>(Permission::Govern, true),
    endpoint::<AddRowPolicy>(Permission::Govern, true),
    endpoint::<AddMask>(Permission::Govern, true),
    endpoint::<StoryPolicies>(Permission::Govern, true),
    endpoint::<ViewAs>(Permission::Switch, true),
    endpoint::<GetPeople>(Permission::Administer, false),
    endpoint::<GetSettings>(Permission::Administer, false),
    endpoint::<ChangePerson>(Permission::Administer, true),
];

const fn endpoint<S: ServerFn>(permission: Permission, mutation: bool) -> Endpoint {
    Endpoint { path: S::PATH, permission, mutation }
}
