//! The document, the bar of every page, and the routes.

use leptos::prelude::*;
use leptos_meta::{Html, Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    hooks::use_location,
    path,
};

use crate::{
    actions::{Actions, Post},
    api,
    erase::Erase,
    live::{Connection, Live},
    pages::{
        Audience, Customers, Datasets, EditStory, Lake, LakeBucket, LakeTable, Lineage, NotFound, People, Policies,
        Privacy, Report, Reset, Run, RunCalls, Runs, Settings, Show, SignIn, Sql, Stories, StoryPage, Stream, Upload,
        resource,
    },
    ui::{icon, labelled_icon},
    wire::{ErrorCode, ShellView},
};

mod menu;

use menu::{Menu, SignedOut, Viewing};

/// The id of the element that holds [`App`].
pub const ROOT: &str = "app";
/// Address of the audience screen.
pub(crate) const AUDIENCE: &str = "/audience";
/// Address of the page on which somebody signs in.
const SIGN_IN: &str = "/sign-in";

/// The HTML document around [`App`]; on the server only.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    use leptos::hydration::{AutoReload, HydrationScripts};
    use leptos_meta::MetaTags;

    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="stylesheet" href="/pkg/showrunner.css" />
                <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                // Before the page, which may be sent in parts: what is there shows its drawings.
                <svg class="sprite" aria-hidden="true" inner_html=include_str!("layout/sprite.svg")></svg>
                <div class="app" id=ROOT>
                    <App />
                </div>
            </body>
        </html>
    }
    .erased()
}

/// All pages.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let formatter = |page: String| if page.is_empty() { SITE.to_owned() } else { format!("{page}{SEPARATOR}{SITE}") };
    #[cfg(feature = "ssr")]
    let title = view! { <Title formatter /> };
    #[cfg(not(feature = "ssr"))]
    let title = {
        let TabTitle(text) = TabTitle::provide();
        view! { <Title formatter text /> }
    };
    view! {
        {title}
        <Router>
            <Layout />
        </Router>
    }
    .erased()
}

#[component]
fn Layout() -> impl IntoView {
    let live = Live::provide();
    Actions::provide(live);
    // The audience screen has no bar, and nothing leads from it to other pages or back. Whoever signs in is nobody yet.
    let bare = [AUDIENCE, SIGN_IN].contains(&&*use_location().pathname.get_untracked());
    let bar = (!bare).then(|| bar(live));
    view! {
        <a class="skip" href="#main" rel="external">
            "Skip to content"
        </a>
        {bar}
        <Pages />
    }
    .erased()
}

/// The bar of every page, and the event stream of the tab behind it.
fn bar(live: Live) -> AnyView {
    let shell = resource(move || live.tick(), |_| api::shell());

    #[cfg(feature = "hydrate")]
    Effect::new(move |started: Option<bool>| {
        let started = started.unwrap_or(false);
        if started {
            return true;
        }
        match shell.get() {
            Some(Ok(shell)) => {
                live.start(shell.last_event, "");
                true
            }
            _ => false,
        }
    });

    #[cfg(feature = "hydrate")]
    crate::keys::listen();

    view! {
        <Transition>
            {move || Suspend::new(async move {
                let shell = shell.await;
                let over = shell.as_ref().is_err_and(|error| error.code == ErrorCode::Unauthenticated);
                let shell = shell
                    .unwrap_or_else(|_| ShellView {
                        customer: String::new(),
                        dataset: String::new(),
                        role: String::new(),
                        name: String::new(),
                        theme: "system".into(),
                        last_event: 0,
                        at: "–".into(),
                        // The page below failed for the same reason and says so.
                        trouble: None,
                        viewing: None,
                        identities: Vec::new(),
                    });
                view! { <Bar shell over /> }
            })}
        </Transition>
    }
    .erased()
}

#[component]
fn Pages() -> impl IntoView {
    view! {
        <Routes fallback=NotFound>
            <Route path=path!("/") view=Show ssr=SsrMode::Async />
            <Route path=path!("/lake") view=Lake ssr=SsrMode::Async />
            <Route path=path!("/lake/:table") view=LakeTable ssr=SsrMode::Async />
            <Route path=path!("/lake/bucket/:bucket") view=LakeBucket ssr=SsrMode::Async />
            <Route path=path!("/runs") view=Runs ssr=SsrMode::Async />
            <Route path=path!("/runs/:id") view=Run ssr=SsrMode::Async />
            <Route path=path!("/runs/:id/calls") view=RunCalls ssr=SsrMode::Async />
            <Route path=path!("/report") view=Report ssr=SsrMode::Async />
            <Route path=path!("/lineage") view=Lineage ssr=SsrMode::Async />
            <Route path=path!("/stream") view=Stream ssr=SsrMode::Async />
            <Route path=path!("/privacy") view=Privacy ssr=SsrMode::Async />
            <Route path=path!("/people") view=People ssr=SsrMode::Async />
            <Route path=path!("/settings") view=Settings ssr=SsrMode::Async />
            <Route path=path!("/sign-in") view=SignIn ssr=SsrMode::Async />
            <Route path=path!("/customers") view=Customers ssr=SsrMode::Async />
            <Route path=path!("/datasets") view=Datasets ssr=SsrMode::Async />
            <Route path=path!("/stories") view=Stories ssr=SsrMode::Async />
            <Route path=path!("/stories/:id") view=StoryPage ssr=SsrMode::Async />
            <Route path=path!("/stories/:id/edit") view=EditStory ssr=SsrMode::Async />
            <Route path=path!("/upload") view=Upload ssr=SsrMode::Async />
            <Route path=path!("/sql") view=Sql ssr=SsrMode::Async />
            <Route path=path!("/policies") view=Policies ssr=SsrMode::Async />
            <Route path=path!("/reset") view=Reset ssr=SsrMode::Async />
            <Route path=path!("/audience") view=Audience ssr=SsrMode::Async />
        </Routes>
    }
    .erased()
}

#[component]
fn Bar(shell: ShellView, over: bool) -> impl IntoView {
    let pages = nav(&shell.role);
    let reset = (!matches!(&*shell.role, "customer" | "none")).then(|| {
        view! {
            <a class="btn quiet" href="/reset">
                {icon("#i-reset")}
                "Reset…"
            </a>
        }
    });
    let menu = (!shell.role.is_empty())
        .then(|| view! { <Menu role=shell.role.clone() name=shell.name identities=shell.identities /> });
    let scope =
        if shell.customer.is_empty() { String::new() } else { format!("{} / {}", shell.customer, shell.dataset) };
    let theme = (shell.theme != "system").then(|| shell.theme.clone());
    view! {
        <Html attr:data-theme=theme />
        <header class="topbar">
            <a class="brand" href="/">
                {icon("#i-mark")}
                "Showrunner"
            </a>
            <span class="scope mono">{scope}</span>
            <nav class="nav" aria-label="Pages">
                {pages}
            </nav>
            <div class="topbar-end">
                {(!over).then(|| view! { <Freshness at=shell.at /> })}
                {menu}
                <ThemeSwitch theme=shell.theme />
                {reset}
            </div>
        </header>
        {over.then(|| view! { <SignedOut /> })}
        {shell.viewing.map(|(title, user)| view! { <Viewing title user /> })}
        {shell
            .trouble
            .map(|trouble| {
                view! {
                    <div class="note bad trouble" role="alert">
                        {icon("#i-failed")}
                        <div>
                            <strong>{trouble}</strong>
                        </div>
                    </div>
                }
            })}
    }
    .erased()
}

/// An address as a value in a query.
pub(crate) fn encoded(address: &str) -> String {
    let mut text = String::with_capacity(address.len());
    for byte in address.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Pages, and for whoever only delivers files the one that is theirs.
fn nav(role: &str) -> Vec<AnyView> {
    const PAGES: [(&str, &str); 9] = [
        ("/", "Show"),
        ("/lake", "Lake"),
        ("/runs", "Runs"),
        ("/stream", "Stream"),
        ("/report", "Report"),
        ("/sql", "SQL"),
        ("/lineage", "Lineage"),
        ("/privacy", "Privacy"),
        ("/policies", "Policies"),
    ];
    let pages: &[(&str, &str)] = match role {
        "customer" => &[("/upload", "Upload")],
        "none" => &[],
        _ => &PAGES,
    };
    pages.iter().map(|(href, title)| view! { <NavLink href title /> }.erased()).collect()
}

/// The address of this page, kept up to date.
fn here() -> impl Fn() -> String + Send + Sync + 'static {
    let location = use_location();
    move || format!("{}{}", location.pathname.get(), query(&location.search.get()))
}

#[component]
fn NavLink(href: &'static str, title: &'static str) -> impl IntoView {
    let path = use_location().pathname;
    let current = move || path.with(|path| is_at(path, href).then_some("page"));
    view! {
        <a href=href aria-current=current>
            {title}
        </a>
    }
    .erased()
}

/// `/runs/…` belongs to Runs, but only `/` itself to Show.
fn is_at(path: &str, href: &str) -> bool {
    path == href || (href != "/" && path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/')))
}

/// Whether the numbers move by themselves, or from when they are.
#[component]
fn Freshness(at: String) -> impl IntoView {
    let live = expect_context::<Live>();
    let class = move || match live.connection() {
        Connection::Still => "state later viewer",
        Connection::Live => "state done viewer",
        Connection::Lost => "state warn viewer lost",
    };
    let drawing = move || match live.connection() {
        Connection::Still => "#i-later",
        Connection::Live => "#i-live",
        Connection::Lost => "#i-warn",
    };
    let words = move || match live.connection() {
        Connection::Still => format!("As of {at}"),
        Connection::Live => "Live".to_owned(),
        Connection::Lost => format!("Reconnecting, values from {at}"),
    };
    view! {
        <span class=class role="status">
            <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
                <use_ href=drawing />
            </svg>
            <span>{words}</span>
        </span>
    }
    .erased()
}

const THEMES: [(&str, &str, &str); 3] =
    [("system", "System theme", "#i-auto"), ("light", "Light", "#i-sun"), ("dark", "Dark", "#i-moon")];

#[component]
fn ThemeSwitch(theme: String) -> impl IntoView {
    let back = here();
    let buttons = THEMES
        .map(|(value, title, drawing)| {
            let pressed = if theme == value { "true" } else { "false" };
            view! {
                <button
                    type="submit"
                    name="theme"
                    value=value
                    aria-pressed=pressed
                    aria-label=title
                    title=title
                >
                    {icon(drawing)}
                </button>
            }
        })
        .into_iter()
        .collect_view();
    let action = expect_context::<Actions>().theme;
    view! {
        <Post action class="seg theme">
            <input type="hidden" name="back" value=back />
            {buttons}
        </Post>
    }
    .erased()
}

/// The query with its question mark, whether or not it comes with one.
pub(crate) fn query(search: &str) -> String {
    match search.trim_start_matches('?') {
        "" => String::new(),
        search => format!("?{search}"),
    }
}

/// What the page is called in the browser's tab: in the browser one title for all pages, by context.
///
/// Not a `<Title text>` in each page. Leptos keeps the titles in a stack by their ids, and a page that is rebuilt in the place of its like
/// takes a new id but gives back the old one when it goes. What is left in the stack is read as soon as it is the last one: from a signal
/// of a page that is no longer there, which is a panic, and after that nothing in the tab moves any more.
#[cfg(not(feature = "ssr"))]
#[derive(Clone, Copy)]
pub(crate) struct TabTitle(RwSignal<String>);

#[cfg(not(feature = "ssr"))]
impl TabTitle {
    /// Begins with what the server wrote.
    fn provide() -> Self {
        let title = Self(RwSignal::new(without_site(&document().title())));
        provide_context(title);
        title
    }

    /// By a whole title, as it stands in a document.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "documents arrive in the browser only"))]
    pub fn set_whole(self, whole: &str) {
        self.0.set(without_site(whole));
    }
}

const SITE: &str = "Showrunner";
const SEPARATOR: &str = " · ";

/// The title without the site's name, which is appended again.
#[cfg_attr(feature = "ssr", cfg_attr(not(test), expect(dead_code, reason = "titles are read in the browser only")))]
fn without_site(whole: &str) -> String {
    whole.strip_suffix(SITE).and_then(|page| page.strip_suffix(SEPARATOR)).unwrap_or_default().to_owned()
}

/// What the page is called in the browser's tab.
#[component]
pub(crate) fn PageTitle(#[prop(into)] text: String) -> impl IntoView {
    #[cfg(feature = "ssr")]
    let title = view! { <Title text /> };
    // The same view for hydration, without a word of its own.
    #[cfg(not(feature = "ssr"))]
    let title = {
        expect_context::<TabTitle>().0.set(text);
        view! { <Title /> }
    };
    title.erased()
}

/// The icon of a page that stands in for another; used by error views.
pub(crate) fn failed_icon() -> impl IntoView {
    labelled_icon("#i-failed", "failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_marks_the_page_and_what_is_below_it() {
        for (path, href, expected) in [
            ("/", "/", true),
            ("/runs", "/", false),
            ("/runs", "/runs", true),
            ("/runs/run-1", "/runs", true),
            ("/runsheet", "/runs", false),
        ] {
            assert_eq!(is_at(path, href), expected, "{path} {href}");
        }
    }

    #[test]
    fn an_address_in_a_query_is_encoded() {
        assert_eq!(encoded("/sql?q=a b&x=\u{e4}"), "/sql%3Fq%3Da%20b%26x%3D%C3%A4");
    }

    #[test]
    fn a_title_is_known_by_the_sites_name() {
        for (whole, expected) in
            [("Runs · Showrunner", "Runs"), ("A · B · Showrunner", "A · B"), ("Showrunner", ""), ("", "")]
        {
            assert_eq!(without_site(whole), expected);
        }
    }

    #[test]
    fn a_query_has_one_question_mark() {
        for (search, expected) in [("", ""), ("?", ""), ("step=1", "?step=1"), ("?step=1", "?step=1")] {
            assert_eq!(query(search), expected);
        }
    }
}
