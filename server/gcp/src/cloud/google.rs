//! Google's surfaces that lie at fixed addresses: whose token it is, which APIs are enabled, what we may do.

use std::collections::HashMap;

use serde_json::{Value, json};
use showrunner_lake::{Error, ErrorKind, Result};

use super::commands::last;
use crate::rest::{Call, Pace, Rest};
use crate::{Access, Endpoint};

/// The surfaces. Where storage is a peer they are not asked.
pub(super) struct Google {
    oauth: Rest,
    usage: Rest,
    /// Quotas are asked for there only.
    usage_beta: Rest,
    manager: Rest,
    /// Data policies are made by statements of BigQuery's, and listed here.
    policies: Rest,
}

/// Whose a token is, and how long it still lives.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TokenInfo {
    /// An e-mail address, where the token says one.
    pub who: Option<String>,
    /// Seconds.
    pub lives: u64,
}

/// What queries read, in MiB, as a quota (<https://cloud.google.com/bigquery/docs/custom-quotas>).
pub(super) const QUERY_USAGE: &str = "bigquery.googleapis.com/quota/query/usage";
/// Of a project in a day: `QueryUsagePerDay`.
pub(super) const PER_DAY: &str = "1/d/{project}";

/// How much queries of a project may read in a day.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Daily {
    /// MiB; `None`: without a limit.
    pub mib: Option<u64>,
    /// Somebody set it; else it is Google's default.
    pub set: bool,
}

impl Google {
    pub fn of(access: &Access) -> Result<Google> {
        let at = |url: &str| Endpoint::google(url);
        Google::at(
            &at("https://oauth2.googleapis.com"),
            &at("https://serviceusage.googleapis.com"),
            &at("https://cloudresourcemanager.googleapis.com"),
            &at("https://bigquerydatapolicy.googleapis.com"),
            access,
        )
    }

    fn at(
        oauth: &Endpoint,
        usage: &Endpoint,
        manager: &Endpoint,
        policies: &Endpoint,
        access: &Access,
    ) -> Result<Google> {
        let rest = |endpoint, path| Rest::new(endpoint, path, access.clone(), Pace::default());
        Ok(Google {
            oauth: rest(oauth, "")?,
            usage: rest(usage, "v1")?,
            usage_beta: rest(usage, "v1beta1")?,
            manager: rest(manager, "v1")?,
            policies: rest(policies, "v2")?,
        })
    }

    /// Whose the token is. It travels in the header, as Google's own libraries send it, so that no address holds it.
    pub async fn token(&self) -> Result<TokenInfo> {
        let call = Call::post("ask whose the token is", &["tokeninfo"], None).repeatable();
        let answer = self.oauth.send(call).await?;
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let lives = answer.get("expires_in").and_then(number).ok_or_else(|| {
            Error::new(ErrorKind::Internal, "Google did not say how long the token lives. Try again.")
        })?;
        let who = answer.get("email").and_then(Value::as_str).map(str::to_owned);
        Ok(TokenInfo { who, lives })
    }

    /// Of these APIs, which are enabled in the project (<https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchGet>).
    pub async fn enabled(&self, project: &str, apis: &[&str]) -> Result<HashMap<String, bool>> {
        let mut call = Call::get("ask which APIs are enabled", &["projects", project, "services:batchGet"]);
        for api in apis {
            call = call.with("names", format!("projects/{project}/services/{api}"));
        }
        let answer = ask(&self.usage, project, call).await?;
        let services = answer.get("services").and_then(Value::as_array).into_iter().flatten();
        let named = services.filter_map(|service| Some((last(service.get("name")?.as_str()?), service)));
        Ok(named.map(|(name, service)| (name, service.get("state") == Some(&json!("ENABLED")))).collect())
    }

    /// How much queries may read in a day; `None`: Google does not say
    /// (<https://cloud.google.com/service-usage/docs/reference/rest/v1beta1/services.consumerQuotaMetrics/get>).
    pub async fn daily_queries(&self, project: &str) -> Result<Option<Daily>> {
        let path = ["projects", project, "services", "bigquery.googleapis.com", "consumerQuotaMetrics", QUERY_USAGE];
        let call = Call::get("ask how much queries may read in a day", &path).with("view", "BASIC");
        Ok(daily(&ask(&self.usage_beta, project, call).await?))
    }

    /// Of these permissions, those that we have in the project
    /// (<https://cloud.google.com/resource-manager/reference/rest/v1/projects/testIamPermissions>).
    pub async fn granted(&self, project: &str, permissions: &[&str]) -> Result<Vec<String>> {
        let path = ["projects", &format!("{project}:testIamPermissions")];
        let body = json!({"permissions": permissions});
        let call = Call::post("ask what we may do in the project", &path, Some(body)).repeatable();
        let answer = ask(&self.manager, project, call).await?;
        let granted = answer.get("permissions").and_then(Value::as_array).into_iter().flatten();
        Ok(granted.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// The ids of a location's data policies (<https://cloud.google.com/bigquery/docs/reference/bigquerydatapolicy/rest>); none where nobody
    /// ever enabled them.
    pub async fn data_policies(&self, project: &str, location: &str) -> Result<Vec<String>> {
        let location = location.to_lowercase();
        let call = Call::get("list the data policies", &policies_of(project, &location)).with("pageSize", "1000");
        let pages = match self.policies.pages(call.clone(), "dataPolicies").await {
            Err(error) if error.message.contains("quota project") => {
                self.policies.counted_on(project).pages(call, "dataPolicies").await
            }
            other => other,
        };
        match pages {
            Err(error) if error.kind == ErrorKind::Denied && is_disabled(&error.message) => Ok(Vec::new()),
            Err(error) => Err(error),
            Ok(found) => {
                let ids = found.iter().filter_map(|policy| Some(last(policy.get("name")?.as_str()?)));
                Ok(ids.collect())
            }
        }
    }

    /// Deletes a data policy that no column uses.
    pub async fn delete_data_policy(&self, project: &str, location: &str, id: &str) -> Result<()> {
        let location = location.to_lowercase();
        let mut path = policies_of(project, &location).to_vec();
        path.push(id);
        ask(&self.policies, project, Call::delete(format!("delete the data policy {id}"), &path)).await.map(drop)
    }
}

/// Where the data policies of a location lie.
fn policies_of<'a>(project: &'a str, location: &'a str) -> [&'a str; 5] {
    ["projects", project, "locations", location, "dataPolicies"]
}

/// What of a project's quotas says how much its queries may read in a day.
fn daily(metric: &Value) -> Option<Daily> {
    let limits = metric.get("consumerQuotaLimits")?.as_array()?;
    let limit = limits.iter().find(|limit| limit.get("unit") == Some(&json!(PER_DAY)))?;
    let buckets = limit.get("quotaBuckets")?.as_array()?;
    // The one without dimensions holds for everything that no other bucket is about.
    let bucket = buckets
        .iter()
        .find(|bucket| bucket.get("dimensions").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty))?;
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let set = ["consumerOverride", "adminOverride"].iter().any(|name| bucket.get(*name).is_some());
    // -1 stands for no limit, and so does the largest number there is.
    let mib = u64::try_from(bucket.get("effectiveLimit").and_then(number)?).ok();
    Some(Daily { mib: mib.filter(|mib| *mib < u64::MAX / 2), set })
}

/// Whether Google says that an API is not enabled in the project: then nothing of it is there.
fn is_disabled(message: &str) -> bool {
    message.contains("is disabled") || message.contains("has not been used")
}

/// A person's application default credentials are refused without a project that the use is counted on, and a service account may lack
/// the right to name one: so it is named when it is asked for.
async fn ask(rest: &Rest, project: &str, call: Call) -> Result<Value> {
    match rest.send(call.clone()).await {
        Err(error) if error.kind == ErrorKind::Denied && error.message.contains("quota project") => {
            rest.counted_on(project).send(call).await
        }
        other => other,
    }
}

#[cfg(test)]
#[path = "../../tests/support/http.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
pub(super) mod http;

#[cfg(test)]
pub(super) mod tests {
    use showrunner_tests::discovery::Discovery;

    use super::super::Cloud;
    use super::http::{Reply, Server};
    use super::*;
    use crate::{Endpoints, GcpConfig};

    /// All surfaces at one address.
    pub fn google(url: &str) -> Google {
        let endpoint = Endpoint::parse("the test's server", url).expect("a loopback address");
        Google::at(&endpoint, &endpoint, &endpoint, &endpoint, &Access::anonymous()).expect("surfaces")
    }

    /// A cloud whose addresses are Google's, but for the surfaces that are asked here.
    pub async fn cloud(url: &str, impersonate: Option<&str>) -> Cloud {
        let _there = rustls::crypto::ring::default_provider().install_default();
        let config = GcpConfig {
            project: "acme-demo".to_owned(),
            location: "US".to_owned(),
            show: "demo-dev".to_owned(),
            impersonate: impersonate.map(str::to_owned),
            endpoints: Endpoints::default(),
        };
        let cloud = Cloud::connect(&config, &Access::anonymous()).await.expect("clients");
        Cloud { google: google(url), ..cloud }
    }

    /// What Google says of the quota, with this bucket for the project.
    pub fn quota(bucket: Value) -> Value {
        let limit = |unit: &str, buckets: Value| json!({"metric": QUERY_USAGE, "unit": unit, "quotaBuckets": buckets});
        json!({
            "name": "projects/7/services/bigquery.googleapis.com/consumerQuotaMetrics/opaque",
            "metric": QUERY_USAGE, "displayName": "Query usage", "unit": "MiBy",
            "consumerQuotaLimits": [
                limit("1/d/{project}/{user}", json!([{"effectiveLimit": "7", "defaultLimit": "-1"}])),
                limit(PER_DAY, json!([bucket])),
            ],
        })
    }

    #[test]
    fn a_limit_may_be_set_or_a_default_or_none() {
        for (bucket, expected) in [
            (json!({"effectiveLimit": "-1", "defaultLimit": "-1"}), Some(Daily { mib: None, set: false })),
            (json!({"effectiveLimit": "9223372036854775807"}), Some(Daily { mib: None, set: false })),
            (json!({"effectiveLimit": "209715200"}), Some(Daily { mib: Some(209_715_200), set: false })),
            (json!({"effectiveLimit": "0", "adminOverride": {}}), Some(Daily { mib: Some(0), set: true })),
            (json!({"effectiveLimit": "-1", "consumerOverride": {}}), Some(Daily { mib: None, set: true })),
            (json!({"effectiveLimit": "5", "dimensions": {"region": "us"}}), None),
            (json!({}), None),
        ] {
            assert_eq!(daily(&quota(bucket.clone())), expected, "{bucket}");
        }
        assert_eq!(daily(&json!({})), None);
    }

    #[tokio::test]
    async fn surfaces_are_asked_as_google_describes_them() {
        let server = Server::scripted(|request, before| {
            if request.is("POST", "/tokeninfo") {
                return Reply::json(200, json!({"email": "a@example.com", "expires_in": "3512"}));
            }
            if request.is("GET", "/services:batchGet") {
                if before.iter().all(|request| !request.is("GET", "/services:batchGet")) {
                    let why =
                        "The serviceusage.googleapis.com API requires a quota project, which is not set by default.";
                    return Reply::refused(403, "forbidden", why);
                }
                let service =
                    |name: &str, state: &str| json!({"name": format!("projects/7/services/{name}"), "state": state});
                return Reply::json(200, json!({"services": [service("a.x", "ENABLED"), service("b.x", "DISABLED")]}));
            }
            if request.is("GET", "/dataPolicies") {
                let policy = |id: &str| json!({"name": format!("projects/7/locations/us/dataPolicies/{id}")});
                return match request.target.contains("pageToken") {
                    false => Reply::json(200, json!({"dataPolicies": [policy("one")], "nextPageToken": "more"})),
                    true => Reply::json(200, json!({"dataPolicies": [policy("two")]})),
                };
            }
            if request.method == "DELETE" {
                return Reply::json(200, json!({}));
            }
            if request.is("GET", "%2Fusage") {
                return Reply::json(200, quota(json!({"effectiveLimit": "1048576", "consumerOverride": {}})));
            }
            Reply::json(200, json!({"permissions": [request.json()["permissions"][1]]}))
        })
        .await;
        let google = google(&server.url);
        let token = google.token().await.expect("a token");
        assert_eq!(token, TokenInfo { who: Some("a@example.com".to_owned()), lives: 3512 });
        let enabled = google.enabled("p", &["a.x", "b.x"]).await.expect("an answer");
        assert_eq!(enabled, HashMap::from([("a.x".to_owned(), true), ("b.x".to_owned(), false)]));
        assert_eq!(google.granted("p", &["x.get", "x.list"]).await.expect("an answer"), ["x.list"]);
        let daily = google.daily_queries("p").await.expect("an answer");
        assert_eq!(daily, Some(Daily { mib: Some(1 << 20), set: true }));
        assert_eq!(google.data_policies("p", "US").await.expect("a list"), ["one", "two"]);
        google.delete_data_policy("p", "US", "one").await.expect("deleted");
        let seen = server.seen();
        let counted: Vec<_> = seen.iter().map(|request| request.header("x-goog-user-project")).collect();
        assert_eq!(counted[..5], [None, None, Some("p"), None, None], "named only where it was asked for");
        assert_eq!(seen.len(), 8);
        // Whose a token is, is described for an older address alone (oauth2.v2).
        for (name, requests) in [
            ("serviceusage.v1", &seen[1..3]),
            ("cloudresourcemanager.v1", &seen[3..4]),
            ("serviceusage.v1beta1", &seen[4..5]),
            ("bigquerydatapolicy.v2", &seen[5..8]),
        ] {
            let Some(discovery) = Discovery::read(name, "Google's own surfaces") else { return };
            for request in requests {
                let (method, problems) = discovery.check(&request.method, &request.target, &request.body);
                assert_eq!(problems, Vec::<String>::new(), "{method}: {request:?}");
            }
        }
    }
}
