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
    manager: Rest,
}

/// Whose a token is, and how long it still lives.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TokenInfo {
    /// An e-mail address, where the token says one.
    pub who: Option<String>,
    /// Seconds.
    pub lives: u64,
}

impl Google {
    pub fn of(access: &Access) -> Result<Google> {
        let at = |url: &str| Endpoint::google(url);
        Google::at(
            &at("https://oauth2.googleapis.com"),
            &at("https://serviceusage.googleapis.com"),
            &at("https://cloudresourcemanager.googleapis.com"),
            access,
        )
    }

    fn at(oauth: &Endpoint, usage: &Endpoint, manager: &Endpoint, access: &Access) -> Result<Google> {
        let rest = |endpoint, path| Rest::new(endpoint, path, access.clone(), Pace::default());
        Ok(Google { oauth: rest(oauth, "")?, usage: rest(usage, "v1")?, manager: rest(manager, "v1")? })
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
#[path = "../../tests/support/bigquery.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod bigquery;
#[cfg(test)]
#[path = "../../tests/support/discovery.rs"]
mod discovery;
#[cfg(test)]
#[path = "../../tests/support/http.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
pub(super) mod http;

#[cfg(test)]
pub(super) mod tests {
    use super::http::{Reply, Server};
    use super::*;

    /// All surfaces at one address.
    pub fn google(url: &str) -> Google {
        let endpoint = Endpoint::parse("the test's server", url).expect("a loopback address");
        Google::at(&endpoint, &endpoint, &endpoint, &Access::anonymous()).expect("surfaces")
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
            Reply::json(200, json!({"permissions": [request.json()["permissions"][1]]}))
        })
        .await;
        let google = google(&server.url);
        let token = google.token().await.expect("a token");
        assert_eq!(token, TokenInfo { who: Some("a@example.com".to_owned()), lives: 3512 });
        let enabled = google.enabled("p", &["a.x", "b.x"]).await.expect("an answer");
        assert_eq!(enabled, HashMap::from([("a.x".to_owned(), true), ("b.x".to_owned(), false)]));
        assert_eq!(google.granted("p", &["x.get", "x.list"]).await.expect("an answer"), ["x.list"]);
        let seen = server.seen();
        let counted: Vec<_> = seen.iter().map(|request| request.header("x-goog-user-project")).collect();
        assert_eq!(counted, [None, None, Some("p"), None], "named only where it was asked for");
        for (name, request) in [("serviceusage.v1", &seen[2]), ("cloudresourcemanager.v1", &seen[3])] {
            let Some(discovery) = discovery::Discovery::read(name, "Google's own surfaces") else { return };
            let (method, problems) = discovery.check(request);
            assert_eq!(problems, Vec::<String>::new(), "{method}: {request:?}");
        }
    }
}
