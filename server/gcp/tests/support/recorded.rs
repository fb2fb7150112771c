//! A front before a peer, which notes every request; and Google's description of Cloud Storage as their judge.

use showrunner_tests::discovery::Discovery;

use super::http::{Reply, Request, Server};

/// Of one connection only.
const HOPS: [&str; 4] = ["connection", "content-length", "transfer-encoding", "host"];

/// Passes everything on to `url` and back.
pub async fn front(url: &str) -> Server {
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
    let url = url.to_owned();
    Server::start(move |request: Request| {
        let (url, client) = (url.clone(), client.clone());
        Box::pin(async move {
            let method = request.method.parse::<reqwest::Method>().expect("a method");
            let mut onward = client.request(method, format!("{url}{}", request.target)).body(request.body.clone());
            for (name, value) in request.headers.iter().filter(|(name, _)| !HOPS.contains(&name.as_str())) {
                onward = onward.header(name, value);
            }
            let Ok(answer) = onward.send().await else { return Reply::Lost };
            let status = answer.status().as_u16();
            let headers = answer.headers().iter().filter(|(name, _)| !HOPS.contains(&name.as_str()));
            let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
            let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
            match answer.bytes().await {
                Ok(body) => Reply::Answer { status, headers, body: body.to_vec() },
                Err(_) => Reply::Lost,
            }
        })
    })
    .await
}

/// Checks requests to a surface, and gives the methods that they were for.
pub fn check(surface: &str, requests: &[Request]) -> Vec<String> {
    let Some(google) = Discovery::read(surface, "the shapes of requests") else { return Vec::new() };
    let mut methods = Vec::new();
    for request in requests {
        let (method, problems) = google.check(&request.method, &request.target, &request.body);
        let body = String::from_utf8_lossy(&request.body[..request.body.len().min(500)]);
        assert!(problems.is_empty(), "{surface}: {} {} {body}: {problems:#?}", request.method, request.target);
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    methods
}
