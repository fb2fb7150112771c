//! Pages as the server renders them.

use std::sync::{Arc, Mutex};

use app::services::Host;
use futures::StreamExt;
use hydration_context::SsrSharedContext;
use leptos::{
    prelude::*,
    reactive::{computed::ScopedFuture, owner::Owner},
};
use leptos_meta::ServerMetaContext;
use leptos_router::location::RequestUrl;

use crate::fakes::{Mood, services};

/// What came back for a request.
pub struct Page {
    pub html: String,
    pub status: Vec<u16>,
}

pub async fn page(address: &str, mood: Mood) -> Page {
    page_in(address, mood, "system").await
}

pub async fn page_in(address: &str, mood: Mood, theme: &'static str) -> Page {
    // Every test initialises the executor; only the first one succeeds.
    let _ = any_spawner::Executor::init_tokio();
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new())));
    let status = Arc::new(Mutex::new(Vec::new()));
    let (meta, output) = ServerMetaContext::new();
    let first = owner.with(|| {
        let status = Arc::clone(&status);
        provide_context(Host {
            redirect: Arc::new(|_| {}),
            status: Arc::new(move |code| status.lock().expect("not poisoned").push(code)),
            query: String::new(),
            set_cookie: Arc::new(|_| {}),
        });
        provide_context(services(mood, theme));
        provide_context(RequestUrl::new(address));
        provide_context(meta);
        let options = LeptosOptions::builder().output_name("showrunner").build();
        ScopedFuture::new(app::shell(options).to_html_stream_in_order().collect::<String>())
    });
    let first = first.await;
    let html = output.inject_meta_context(futures::stream::iter([first])).await.collect::<String>().await;
    owner.unset_with_forced_cleanup();
    let status = status.lock().expect("not poisoned").clone();
    Page { html: without_markers(&html), status }
}

/// Without the comments that hydration needs.
fn without_markers(html: &str) -> String {
    html.replace("<!>", "").replace("<!---->", "")
}

pub fn count(html: &str, what: &str) -> usize {
    html.matches(what).count()
}

/// The start tag of the first element whose tag contains `part`.
pub fn tag<'a>(html: &'a str, part: &str) -> &'a str {
    let at = html.find(part).unwrap_or_else(|| panic!("no {part} in {html}"));
    let start = html[..at].rfind('<').expect("inside a tag");
    let end = at + html[at..].find('>').expect("a closed tag");
    &html[start..=end]
}
