use std::time::Duration;

use leptos::{html::Div, prelude::*, web_sys::SubmitEvent};
use leptos_router::hooks::{use_location, use_navigate};

use crate::{
    actions::{ActionError, Actions},
    erase::Erase,
    layout::{TabTitle, query},
    live::Live,
};

/// Until the server has drawn the page; the browser's own first view of it has the page in its place.
const BUSY: &str = r#"<main class="page" id="main" tabindex="-1" aria-busy="true"><p class="sub loading" role="status">Loading</p></main>"#;

/// Any page that the server draws.
#[component]
pub(crate) fn Drawn() -> impl IntoView {
    let live = expect_context::<Live>();
    let location = use_location();
    let page = Page {
        place: NodeRef::new(),
        title: expect_context(),
        drawn: RwSignal::new(0),
        asked_again: RwSignal::new(0),
        there: Owner::current_shared_context().is_some_and(|context| context.during_hydration()),
    };
    let address = move || format!("{}{}", location.pathname.get(), query(&location.search.get()));
    Effect::new(move |before: Option<Option<Asked>>| {
        follow(page, before.flatten(), (address(), page.asked_again.get()), live)
    });
    let (navigate, actions) = (use_navigate(), expect_context::<Actions>());
    let on_submit = move |event: SubmitEvent| submit(page, actions, &navigate, &event);
    view! {
        <div class="drawn" inner_html=BUSY node_ref=page.place on:submit=on_submit on:click=copy></div>
        <ActionError />
    }
    .erased()
}

/// What a page on the screen consists of.
#[derive(Clone, Copy)]
struct Page {
    /// Around what the server drew.
    place: NodeRef<Div>,
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "answers arrive in the browser only"))]
    title: TabTitle,
    /// How often an answer has been drawn.
    drawn: RwSignal<u32>,
    /// How often its reader has asked for the same address again.
    asked_again: RwSignal<u32>,
    /// What the server drew came with the document. Otherwise what stands there may be the page before: the router keeps the element.
    there: bool,
}

/// What is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Draw {
    /// The page of another route.
    Another,
    /// The same one, with another question.
    Changed,
    /// What has changed by itself.
    News,
}

/// Marks a page that was asked for and did not come; it is asked for again with the next news.
const UNREACHED: &str = "data-unreached";

/// What was asked for: an address, how many times in a row, and the tick of the event stream by then.
#[derive(Clone, PartialEq, Eq)]
struct Asked {
    what: (String, u32),
    tick: u64,
}

/// Asks the server when the address is another, or when something happened that the page may show.
fn follow(page: Page, before: Option<Asked>, what: (String, u32), live: Live) -> Option<Asked> {
    page.drawn.track();
    let place = page.place.get()?;
    let busy = "aria-busy";
    let fresh = match &before {
        None => !page.there,
        Some(before) => before.what != what,
    };
    if fresh {
        // Not looked at again until the answer is there: what happens meanwhile is not to break the request off.
        let _ = place.set_attribute(busy, "true");
        ask(page, what.0.clone(), if before.is_none() { Draw::Another } else { Draw::Changed });
        return Some(Asked { what, tick: live.tick_untracked() });
    }
    if place.has_attribute(busy) || place.has_attribute("data-still") {
        return before.or(Some(Asked { what, tick: 0 }));
    }
    let tick = live.tick();
    if before.is_some_and(|before| before.tick != tick) {
        ask(page, what.0.clone(), if place.has_attribute(UNREACHED) { Draw::Another } else { Draw::News });
    }
    Some(Asked { what, tick })
}

/// Another page may be about to take this one's place; then it is not asked for.
const SETTLED: Duration = Duration::ZERO;

/// Draws what the server answers; not when another question was asked meanwhile, or another page is shown.
fn ask(page: Page, address: String, draw: Draw) {
    let owner = Owner::current();
    let timer = set_timeout_with_handle(
        move || {
            if let Some(owner) = owner {
                owner.with(|| request(page, address, draw));
            }
        },
        SETTLED,
    );
    if let Ok(timer) = timer {
        on_cleanup(move || timer.clear());
    }
}

#[cfg(not(feature = "hydrate"))]
fn request(_page: Page, _address: String, _draw: Draw) {}

#[cfg(not(feature = "hydrate"))]
fn submit<N>(_page: Page, _actions: Actions, _navigate: &N, _event: &SubmitEvent) {}

#[cfg(not(feature = "hydrate"))]
fn copy(_event: leptos::web_sys::MouseEvent) {}

#[cfg(feature = "hydrate")]
use asking::{copy, request, submit};

#[cfg(feature = "hydrate")]
mod asking {
    use std::{cell::Cell, time::Duration};

    use leptos::{
        leptos_dom::helpers::location,
        prelude::*,
        reactive::spawn_local_scoped_with_cancellation,
        web_sys::{Element, MouseEvent, SubmitEvent},
    };
    use leptos_router::NavigateOptions;
    use server_fn::{
        client::{Client, browser::BrowserClient},
        request::{ClientReq, browser::BrowserRequest},
        response::{ClientRes, browser::BrowserResponse},
    };
    use wasm_bindgen::JsCast;
    use web_sys::{DomParser, HtmlFormElement, SupportedType};

    use super::{super::CLASS, BUSY, Draw, Page, UNREACHED};
    use crate::{
        actions::{Actions, fields},
        drawn::morph::{morph, without_noscript},
        live::Live,
        ui::put_on_clipboard,
        wire::WireError,
    };

    /// Instead of a page that was asked for and did not come.
    const UNREACHABLE: &str = r##"<main class="page" id="main" tabindex="-1"><header class="page-head"><h1>This page could not be read</h1></header><div class="note bad" role="alert"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><use href="#i-failed"/></svg><div><strong>The server did not answer.</strong> Start it again if it was stopped, then try again.</div></div><div class="btns"><a class="btn" href="" rel="external">Try again</a></div></main>"##;

    /// What the server answers instead of a page when the session is over.
    const SIGNED_OUT: &str = "Your session has ended.";

    /// The page before stays for a moment, since most answers come within it.
    const MOMENT: Duration = Duration::from_millis(300);

    pub fn request(page: Page, address: String, draw: Draw) {
        let live = expect_context::<Live>();
        spawn_local_scoped_with_cancellation(async move {
            let Some(place) = page.place.get_untracked() else {
                return;
            };
            if draw == Draw::Another {
                let place = place.clone();
                while_waiting(MOMENT, move || place.set_inner_html(BUSY));
            } else if draw == Draw::Changed {
                count_seconds(&place);
            }
            let answer = get(&address, &place).await;
            if answer.as_deref().is_some_and(|text| text.starts_with(SIGNED_OUT)) {
                if draw == Draw::News {
                    live.refetch();
                } else {
                    // Whoever goes on signs in first, and comes to where they were going.
                    let _ = location().set_href(&address);
                }
                return;
            }
            match answer.as_deref().and_then(parse) {
                Some((title, drawn)) => {
                    page.title.set_whole(&title);
                    draw_in(&place, &drawn, draw != Draw::News);
                }
                // What is there stays; the bar says from when it is.
                None if draw == Draw::News => {}
                None => {
                    place.set_inner_html(UNREACHABLE);
                    let _ = place.set_attribute(UNREACHED, "");
                }
            }
            let _ = place.remove_attribute("aria-busy");
            page.drawn.update(|n| *n += 1);
        });
    }

    /// Unless the answer comes, or nobody waits for it any more.
    fn while_waiting(time: Duration, then: impl FnOnce() + 'static) {
        if let Ok(timer) = set_timeout_with_handle(then, time) {
            on_cleanup(move || timer.clear());
        }
    }

    /// What may take long says how long it has taken.
    fn count_seconds(place: &Element) {
        let Ok(Some(shown)) = place.query_selector("[data-seconds]") else {
            return;
        };
        let seconds = Cell::new(0);
        let clock = set_interval_with_handle(
            move || {
                seconds.set(seconds.get() + 1);
                shown.set_text_content(Some(&seconds.get().to_string()));
            },
            Duration::from_secs(1),
        );
        if let Ok(clock) = clock {
            on_cleanup(move || clock.clear());
        }
    }

    /// The page at the address, as text. Broken off when nobody waits for it any more.
    async fn get(address: &str, place: &Element) -> Option<String> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let html = "text/html";
        let request = <BrowserRequest as ClientReq<WireError>>::try_new_get(path, html, html, query).ok()?;
        // By this the page's own button can stop what is done for it.
        if let Ok(Some(id)) = place.query_selector("[data-query]") {
            request.headers().set("x-query", &id.get_attribute("data-query").unwrap_or_default());
        }
        let response: BrowserResponse = <BrowserClient as Client<WireError>>::send(request).await.ok()?;
        ClientRes::<WireError>::try_into_string(response).await.ok()
    }

    /// The page's title and what the server drew.
    fn parse(html: &str) -> Option<(String, Element)> {
        let page = DomParser::new().ok()?.parse_from_string(html, SupportedType::TextHtml).ok()?;
        let drawn = page.query_selector(&format!(".{CLASS}")).ok()??;
        Some((page.title(), drawn))
    }

    fn draw_in(place: &Element, drawn: &Element, fresh: bool) {
        without_noscript(place);
        without_noscript(drawn);
        morph(place, drawn, fresh);
        if !fresh {
            return;
        }
        // What was typed or chosen belonged to the page before.
        if let Ok(forms) = place.query_selector_all("form") {
            for at in 0..forms.length() {
                if let Some(form) = forms.get(at).and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) {
                    form.reset();
                }
            }
        }
        let there = location().hash().ok().and_then(|hash| document().get_element_by_id(hash.get(1..)?));
        if let Some(there) = there {
            there.scroll_into_view();
        }
    }

    /// Buttons that copy do it here too: what the server drew has no code of its own.
    pub fn copy(event: MouseEvent) {
        let pressed = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(button) = pressed.and_then(|pressed| pressed.closest("button.copy").ok()?) else {
            return;
        };
        let code = button.parent_element().and_then(|row| row.query_selector(".code").ok()?);
        let (Some(text), mark, status) =
            (code.and_then(|code| code.text_content()), button.first_element_child(), button.next_element_sibling())
        else {
            return;
        };
        put_on_clipboard(&text, move |there| {
            if let (Some(mark), Some(status)) = (&mark, &status) {
                mark.set_class_name(if there { "copy-mark done" } else { "copy-mark" });
                status.set_text_content(there.then_some("Copied"));
            }
        });
    }

    /// Forms of the page do what they do without JavaScript, but the page stays.
    pub fn submit(page: Page, actions: Actions, navigate: &impl Fn(&str, NavigateOptions), event: &SubmitEvent) {
        let Some((form, fields)) =
            event.target().and_then(|form| form.dyn_into::<HtmlFormElement>().ok()).zip(fields(event))
        else {
            return;
        };
        let action = form.get_attribute("action").unwrap_or_default();
        if form.method() == "get" {
            event.prevent_default();
            // Where on the page it goes on is for those without JavaScript: here the page stays where it is.
            let path = action.split('#').next().unwrap_or_default();
            let address = format!("{path}?{fields}");
            let here = location();
            if [here.pathname(), here.search()].into_iter().flatten().collect::<String>() == address {
                page.asked_again.update(|n| *n += 1);
            } else {
                navigate(&address, NavigateOptions::default());
            }
        } else if let Some(mutation) = actions.of(&action) {
            event.prevent_default();
            mutation.submit(event);
        }
    }
}
