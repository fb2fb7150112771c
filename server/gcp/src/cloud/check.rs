//! Is everything there that a show needs, and as it has to be?

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use serde_json::json;
use showrunner_lake::ErrorKind;

use super::commands::{LOGIN, SET_CLOCK};
use super::google::Daily;
use super::look::Seen;
use super::{AT_ONCE, Cloud, Finding, State, Thing};
use crate::rest::Call;

/// Tokens and signatures are refused when clocks differ by minutes; half a minute is a clock that nobody sets.
const CLOCK_MAY_DIFFER: i64 = 30;
/// A token that lives shorter than this, in seconds, was not renewed.
const TOKEN_LIVES: u64 = 60;

/// The APIs of everything that is called.
const APIS: [&str; 6] = [
    "storage.googleapis.com",
    "pubsub.googleapis.com",
    "bigquery.googleapis.com",
    "bigquerystorage.googleapis.com",
    "bigquerydatapolicy.googleapis.com",
    "cloudresourcemanager.googleapis.com",
];
/// For acting as a service account.
const IMPERSONATION_API: &str = "iamcredentials.googleapis.com";

/// What we do, by the smallest predefined role that allows it (<https://cloud.google.com/iam/docs/roles-permissions>).
const PERMISSIONS: [(&str, &[&str]); 11] = [
    (
        "roles/storage.admin",
        &[
            "storage.buckets.create",
            "storage.buckets.delete",
            "storage.buckets.get",
            "storage.buckets.list",
            "storage.buckets.update",
        ],
    ),
    (
        "roles/storage.objectUser",
        &["storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list"],
    ),
    ("roles/pubsub.admin", &["pubsub.topics.getIamPolicy", "pubsub.topics.setIamPolicy"]),
    (
        "roles/pubsub.editor",
        &[
            "pubsub.topics.create",
            "pubsub.topics.delete",
            "pubsub.subscriptions.create",
            "pubsub.subscriptions.delete",
            "pubsub.snapshots.create",
            "pubsub.snapshots.delete",
        ],
    ),
    (
        "roles/pubsub.viewer",
        &[
            "pubsub.topics.get",
            "pubsub.topics.list",
            "pubsub.subscriptions.get",
            "pubsub.subscriptions.list",
            "pubsub.snapshots.list",
        ],
    ),
    ("roles/pubsub.publisher", &["pubsub.topics.publish"]),
    (
        "roles/pubsub.subscriber",
        &["pubsub.topics.attachSubscription", "pubsub.subscriptions.consume", "pubsub.snapshots.seek"],
    ),
    ("roles/bigquery.user", &["bigquery.datasets.create", "bigquery.jobs.create"]),
    (
        "roles/bigquery.dataOwner",
        &[
            "bigquery.datasets.delete",
            "bigquery.rowAccessPolicies.create",
            "bigquery.rowAccessPolicies.delete",
            "bigquery.rowAccessPolicies.getIamPolicy",
            "bigquery.rowAccessPolicies.list",
            "bigquery.rowAccessPolicies.setIamPolicy",
        ],
    ),
    (
        "roles/bigquery.dataEditor",
        &[
            "bigquery.datasets.get",
            "bigquery.tables.create",
            "bigquery.tables.delete",
            "bigquery.tables.export",
            "bigquery.tables.get",
            "bigquery.tables.getData",
            "bigquery.tables.list",
            "bigquery.tables.update",
            "bigquery.tables.updateData",
        ],
    ),
    // What masks take (<https://cloud.google.com/bigquery/docs/column-data-masking>).
    (
        "roles/bigquerydatapolicy.admin",
        &[
            "bigquery.dataPolicies.attach",
            "bigquery.dataPolicies.create",
            "bigquery.dataPolicies.delete",
            "bigquery.dataPolicies.list",
            "bigquery.dataPolicies.setIamPolicy",
            "bigquery.dataPolicies.update",
            "bigquery.tables.setColumnDataPolicy",
        ],
    ),
];

/// A query of Google's public data, which lies in this location.
const PUBLIC_LOCATION: &str = "US";
const PUBLIC_QUERY: &str = "SELECT visitId FROM `bigquery-public-data.google_analytics_sample.ga_sessions_20170801`";

impl Cloud {
    /// Looks at everything, up to sixteen things at once. What cannot be asked is a line as well: this never fails.
    pub async fn check(&self) -> Vec<Finding> {
        let (token, who) = self.check_token().await;
        let plan = self.plan();
        let mut looks: Vec<BoxFuture<'_, Vec<Finding>>> =
            vec![self.check_clock().boxed(), self.check_apis().boxed(), self.check_permissions(who).boxed()];
        for thing in &plan {
            looks.push(self.check_thing(thing).boxed());
        }
        looks.push(self.check_public_data().boxed());
        looks.push(self.check_quota().boxed());
        let found: Vec<Vec<Finding>> = futures::stream::iter(looks).buffered(AT_ONCE).collect().await;
        std::iter::once(token).chain(found.into_iter().flatten()).collect()
    }

    /// Whether Google's own surfaces are there to be asked.
    pub(super) fn is_google(&self) -> bool {
        !self.config.endpoints.storage.is_anonymous()
    }

    /// The token, and whose it is, as policies write it.
    async fn check_token(&self) -> (Finding, Option<String>) {
        const WHAT: &str = "token";
        if !self.is_google() {
            return (Finding::not_asked(WHAT), None);
        }
        let acts_as = self.config.impersonate.clone();
        let asked = match self.access.token().await {
            Ok(_) => self.google.token().await,
            Err(error) => Err(error),
        };
        match asked {
            Err(error) => (Finding::with(WHAT, State::Failed, error.message, LOGIN), acts_as.map(|a| member(&a))),
            Ok(token) => {
                let who = acts_as.or(token.who);
                let shown = who.as_deref().unwrap_or("an identity that it does not name");
                let found = format!("of {shown}, for {} minutes more", token.lives / 60);
                let finding = if token.lives >= TOKEN_LIVES {
                    Finding::well(WHAT, found)
                } else {
                    Finding::with(WHAT, State::Failed, found, LOGIN)
                };
                (finding, who.as_deref().map(member))
            }
        }
    }

    async fn check_clock(&self) -> Vec<Finding> {
        const WHAT: &str = "clock";
        let finding = match self.storage.date().await {
            Err(error) => Finding::with(WHAT, State::Failed, error.message, self.commands.check_again()),
            Ok(theirs) => {
                let off = ((self.clock)() - theirs).num_seconds();
                match off.abs() {
                    0..=CLOCK_MAY_DIFFER => Finding::well(WHAT, "as Google's, within half a minute"),
                    seconds => {
                        let side = if off > 0 { "ahead of" } else { "behind" };
                        let found = format!("{seconds} s {side} Google's");
                        Finding::with(WHAT, State::Failed, found, SET_CLOCK)
                    }
                }
            }
        };
        vec![finding]
    }

    async fn check_apis(&self) -> Vec<Finding> {
        if !self.is_google() {
            return vec![Finding::not_asked("APIs")];
        }
        let mut wanted = APIS.to_vec();
        if self.config.impersonate.is_some() {
            wanted.push(IMPERSONATION_API);
        }
        match self.google.enabled(&self.config.project, &wanted).await {
            Err(error) => {
                let command = match error.kind {
                    ErrorKind::Denied => self.commands.enable_api("serviceusage.googleapis.com"),
                    _ => self.commands.check_again(),
                };
                vec![Finding::with("APIs", State::Failed, error.message, command)]
            }
            Ok(enabled) => wanted
                .iter()
                .map(|api| {
                    let what = format!("API {api}");
                    match enabled.get(*api) {
                        Some(true) => Finding::well(what, "enabled"),
                        _ => Finding::with(what, State::Failed, "not enabled", self.commands.enable_api(api)),
                    }
                })
                .collect(),
        }
    }

    async fn check_permissions(&self, who: Option<String>) -> Vec<Finding> {
        const WHAT: &str = "permissions";
        if !self.is_google() {
            return vec![Finding::not_asked(WHAT)];
        }
        let wanted: Vec<&str> = PERMISSIONS.iter().flat_map(|(_, permissions)| permissions.iter().copied()).collect();
        let granted = match self.google.granted(&self.config.project, &wanted).await {
            Ok(granted) => granted,
            Err(error) => {
                return vec![Finding::with(WHAT, State::Failed, error.message, self.commands.show_project())];
            }
        };
        let mut findings = Vec::new();
        for (role, permissions) in PERMISSIONS {
            let lacking: Vec<&str> =
                permissions.iter().copied().filter(|wanted| !granted.iter().any(|has| has == wanted)).collect();
            if lacking.is_empty() {
                continue;
            }
            let found = format!("missing: {}", lacking.join(", "));
            findings.push(Finding::with(
                format!("{WHAT} of {role}"),
                State::Failed,
                found,
                self.commands.grant(who.as_deref(), role),
            ));
        }
        if findings.is_empty() {
            findings.push(Finding::well(WHAT, format!("all {} that are used", wanted.len())));
        }
        findings
    }

    async fn check_thing(&self, thing: &Thing) -> Vec<Finding> {
        let what = self.commands.what(thing);
        match self.look(thing).await {
            Err(error) => {
                let command = self.commands.show(thing, "name");
                vec![Finding::with(what, State::Failed, error.message, command)]
            }
            Ok(Seen::NotAsked) => vec![Finding::not_asked(what)],
            Ok(Seen::Missing { command }) => vec![Finding::with(what, State::Missing, "not there", command)],
            Ok(Seen::Unusable { why, command }) => vec![Finding::with(what, State::Failed, why, command)],
            Ok(Seen::Ours(notes)) if notes.is_empty() => vec![Finding::well(what, "there")],
            Ok(Seen::Ours(notes)) => notes
                .into_iter()
                .map(|note| Finding::with(what.clone(), note.state, note.found, note.command))
                .collect(),
        }
    }

    /// What a query that nobody meant may cost. A show works without it, so that it is never red.
    async fn check_quota(&self) -> Vec<Finding> {
        const WHAT: &str = "quota of queries";
        if !self.is_google() {
            return vec![Finding::not_asked(WHAT)];
        }
        let warn = |found: String, command: String| Finding::with(WHAT, State::Warn, found, command);
        let finding = match self.google.daily_queries(&self.config.project).await {
            Err(error) => warn(format!("not known: {}", error.message), self.commands.show_quota()),
            Ok(None) => warn("not known: Google names no limit of a day".to_owned(), self.commands.show_quota()),
            Ok(Some(Daily { mib: None, .. })) => warn(
                "nothing limits how much queries may read in a day; the command limits it to 1 TiB".to_owned(),
                self.commands.limit_queries(),
            ),
            Ok(Some(Daily { mib: Some(mib), set })) => {
                let whose = if set { "set for this project" } else { "Google's default, which nobody changed" };
                Finding::well(WHAT, format!("at most {} a day, {whose}", tebibytes(mib)))
            }
        };
        vec![finding]
    }

    async fn check_public_data(&self) -> Vec<Finding> {
        const WHAT: &str = "public data";
        if self.config.endpoints.bigquery.is_anonymous() {
            return vec![Finding::not_asked(WHAT)];
        }
        let (project, location) = (&self.config.project, &self.config.location);
        let body = json!({"query": PUBLIC_QUERY, "useLegacySql": false, "dryRun": true, "location": PUBLIC_LOCATION});
        let call = Call::post("read Google's public data", &["projects", project, "queries"], Some(body)).repeatable();
        let finding = match self.bigquery.send(call).await {
            Err(error) => {
                let command = self.commands.dry_run(PUBLIC_QUERY, PUBLIC_LOCATION);
                Finding::with(WHAT, State::Failed, error.message, command)
            }
            Ok(_) if !location.eq_ignore_ascii_case(PUBLIC_LOCATION) => {
                let found = format!(
                    "readable, but it lies in {PUBLIC_LOCATION} and the show in {location}: no query reaches both"
                );
                Finding::with(WHAT, State::Warn, found, format!("export SHOWRUNNER_GCP_LOCATION={PUBLIC_LOCATION}"))
            }
            Ok(_) => Finding::well(WHAT, format!("readable in {PUBLIC_LOCATION}")),
        };
        vec![finding]
    }
}

/// `200 TiB`, `1.5 TiB`, `512 MiB`
fn tebibytes(mib: u64) -> String {
    const TIB: u64 = 1 << 20;
    match mib {
        0..TIB => format!("{mib} MiB"),
        mib if mib % TIB == 0 => format!("{} TiB", mib / TIB),
        mib => format!("{:.1} TiB", mib as f64 / TIB as f64),
    }
}

/// An address as policies write it.
fn member(address: &str) -> String {
    let kind = if address.ends_with(".gserviceaccount.com") { "serviceAccount" } else { "user" };
    format!("{kind}:{address}")
}

#[cfg(test)]
mod tests {
    use super::super::google::http::{Reply, Server};
    use super::super::google::tests::{cloud, quota};
    use super::*;

    #[tokio::test]
    async fn what_google_lacks_has_its_command() {
        let server = Server::scripted(|request, _| {
            if request.is("POST", "/tokeninfo") {
                return Reply::json(200, json!({"email": "a@example.com", "expires_in": 3000}));
            }
            if request.is("GET", "/services:batchGet") {
                let asked = request.target.matches("names=").count();
                assert_eq!(asked, APIS.len() + 1, "acting as a service account needs one more");
                let services = APIS.map(|api| {
                    let state = if api.starts_with("pubsub") { "DISABLED" } else { "ENABLED" };
                    json!({"name": format!("projects/7/services/{api}"), "state": state})
                });
                return Reply::json(200, json!({"services": services}));
            }
            let mut granted = request.json()["permissions"].as_array().expect("a list").clone();
            granted.retain(|permission| *permission != "pubsub.topics.setIamPolicy");
            Reply::json(200, json!({"permissions": granted}))
        })
        .await;
        let agent = "show@acme-demo.iam.gserviceaccount.com";
        let cloud = cloud(&server.url, Some(agent)).await;
        let (token, who) = cloud.check_token().await;
        assert_eq!(
            (token.state, token.found.as_str()),
            (State::Ok, format!("of {agent}, for 50 minutes more").as_str())
        );
        let apis = cloud.check_apis().await;
        let lacking: Vec<_> = apis.iter().filter(|finding| finding.state.is_red()).collect();
        assert_eq!(lacking.len(), 2, "{apis:#?}");
        for (finding, api) in lacking.iter().zip(["pubsub.googleapis.com", IMPERSONATION_API]) {
            let command = format!("gcloud services enable {api} --project=acme-demo");
            assert_eq!(
                (finding.what.as_str(), finding.command.as_ref()),
                (format!("API {api}").as_str(), Some(&command))
            );
        }
        let permissions = cloud.check_permissions(who).await;
        assert_eq!(permissions.len(), 1, "{permissions:#?}");
        assert_eq!(permissions[0].found, "missing: pubsub.topics.setIamPolicy");
        let command = format!(
            "gcloud projects add-iam-policy-binding acme-demo --member=serviceAccount:{agent} --role=roles/pubsub.admin"
        );
        assert_eq!(permissions[0].command, Some(command));
    }

    #[tokio::test]
    async fn what_queries_may_read_is_never_red() {
        let limit = "gcloud alpha services quota update --service=bigquery.googleapis.com --consumer=projects/acme-demo \
                     --metric=bigquery.googleapis.com/quota/query/usage --unit='1/d/{project}' --value=1048576 --force";
        let show = "gcloud alpha services quota list --service=bigquery.googleapis.com --consumer=projects/acme-demo \
                    --filter=metric=bigquery.googleapis.com/quota/query/usage";
        for (reply, state, found, command) in [
            (Some(json!({"effectiveLimit": "-1"})), State::Warn, "nothing limits", Some(limit)),
            (Some(json!({"effectiveLimit": "209715200"})), State::Ok, "at most 200 TiB a day, Google's default", None),
            (
                Some(json!({"effectiveLimit": "512", "consumerOverride": {}})),
                State::Ok,
                "at most 512 MiB a day, set for this project",
                None,
            ),
            (Some(json!({})), State::Warn, "not known", Some(show)),
            (None, State::Warn, "not known: ", Some(show)),
        ] {
            let server = Server::scripted(move |_, _| match &reply {
                Some(bucket) => Reply::json(200, quota(bucket.clone())),
                None => Reply::refused(403, "forbidden", "It is disabled in this project."),
            })
            .await;
            let findings = cloud(&server.url, None).await.check_quota().await;
            assert_eq!(findings.len(), 1);
            assert_eq!((findings[0].state, findings[0].command.as_deref()), (state, command), "{findings:#?}");
            assert!(findings[0].found.starts_with(found), "{findings:#?}");
        }
    }

    #[tokio::test]
    async fn what_google_refuses_is_a_red_line() {
        let refused = |_: &_, _: &[_]| Reply::refused(403, "forbidden", "It is disabled in this project.");
        let server = Server::scripted(refused).await;
        let cloud = cloud(&server.url, None).await;
        let (token, who) = cloud.check_token().await;
        assert_eq!((token.state, token.command.as_deref(), who.clone()), (State::Failed, Some(LOGIN), None));
        let (apis, permissions) = (cloud.check_apis().await, cloud.check_permissions(who).await);
        let enable = "gcloud services enable serviceusage.googleapis.com --project=acme-demo";
        for (findings, command) in [(apis, enable), (permissions, "gcloud projects describe acme-demo")] {
            assert_eq!(findings.len(), 1, "{findings:#?}");
            assert_eq!((findings[0].state, findings[0].command.as_deref()), (State::Failed, Some(command)));
            assert!(findings[0].found.contains("disabled in this project"), "{findings:#?}");
        }
    }
}
