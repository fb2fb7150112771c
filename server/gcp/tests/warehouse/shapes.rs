//! Every request against Google's own description.

use serde_json::json;

use super::discovery::Discovery;
use super::http::Request;

/// Checks requests, and gives the methods that they were for.
pub fn check(requests: &[Request]) -> Vec<String> {
    let Some(google) = Discovery::read("bigquery.v2", "the shapes of requests to BigQuery") else { return Vec::new() };
    let mut methods = Vec::new();
    for request in requests {
        let (method, problems) = google.check(request);
        assert!(problems.is_empty(), "{} {} {}: {problems:#?}", request.method, request.target, request.json());
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    methods
}

/// The judge is worth nothing if it lets everything pass.
#[test]
fn wrong_requests_are_found() {
    let Some(google) = Discovery::read("bigquery.v2", "that wrong requests are found") else { return };
    let of = |method: &str, target: &str, body: serde_json::Value| {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let target = format!("/bigquery/v2/projects/p{target}");
        google.check(&Request { method: method.to_owned(), target, headers: Vec::new(), body })
    };
    let load = |load| json!({"configuration": {"load": load}});
    assert_eq!(
        of("POST", "/jobs", load(json!({"writeDisposition": "WRITE_EMPTY"}))),
        ("bigquery.jobs.insert".to_owned(), vec![])
    );
    for (method, target, body, problem) in [
        (
            "POST",
            "/jobs",
            load(json!({"writeDispositoin": "WRITE_EMPTY"})),
            "body.configuration.load.writeDispositoin is no property",
        ),
        ("POST", "/jobs", load(json!({"writeDisposition": "WRITE_OVER"})), "which its description does not list"),
        ("POST", "/jobs", load(json!({"sourceUris": "gs://b/k"})), "not of type array"),
        ("POST", "/jobs", load(json!({"parquetOptions": {"enableListInference": "true"}})), "not of type boolean"),
        ("POST", "/jobs", json!({"configuration": {"jobTimeoutMs": 5}}), "not of type string"),
        ("POST", "/jobs", json!({"configuration": {"jobTimeoutMs": "soon"}}), "which is no number"),
        ("POST", "/jobs", json!({"etag": "x", "statistics": {}}), "is Google's to set"),
        ("GET", "/jobs/j?place=US", serde_json::Value::Null, "there is no parameter place"),
        ("GET", "/jobs/j", json!({"a": 1}), "a body, where none is taken"),
        ("GET", "/jibs/j", serde_json::Value::Null, "Google has no method"),
        ("GET", "/queries/j?maxResults=many", serde_json::Value::Null, "not of type integer"),
    ] {
        let (_, problems) = of(method, target, body);
        assert!(problems.iter().any(|found| found.contains(problem)), "{problem}: {problems:?}");
    }
}
