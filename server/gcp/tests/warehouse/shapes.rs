//! Every request against Google's own description.

use showrunner_tests::discovery::Discovery;

use super::http::Request;

/// Checks requests, and gives the methods that they were for.
pub fn check(requests: &[Request]) -> Vec<String> {
    let Some(google) = Discovery::read("bigquery.v2", "the shapes of requests to BigQuery") else { return Vec::new() };
    let mut methods = Vec::new();
    for request in requests {
        let (method, problems) = google.check(&request.method, &request.target, &request.body);
        assert!(problems.is_empty(), "{} {} {}: {problems:#?}", request.method, request.target, request.json());
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    methods
}
