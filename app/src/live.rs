//! Live values: one event stream for each tab. Events only patch what the server rendered; without JavaScript nothing is lost.

use leptos::prelude::*;

use crate::wire::{ProgressView, State};

/// How fresh the page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only the browser has a stream"))]
pub(crate) enum Connection {
    /// As rendered by the server; no stream yet.
    Still,
    /// The stream is open.
    Live,
    /// The stream broke; the values stay.
    Lost,
}

/// Live values of a tab, by context.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    tick: RwSignal<u64>,
    progress: RwSignal<Vec<ProgressView>>,
    connection: RwSignal<Connection>,
}

/// More runs than this do not run at the same time; older progress is forgotten.
const REMEMBERED_RUNS: usize = 8;

impl Live {
    pub fn provide() -> Self {
        let live = Self {
            tick: RwSignal::new(0),
            progress: RwSignal::new(Vec::new()),
            connection: RwSignal::new(Connection::Still),
        };
        provide_context(live);
        live
    }

    /// Changes when the pages are to fetch again: part of every resource's source.
    pub fn tick(self) -> u64 {
        self.tick.get()
    }

    /// The same, by somebody who looks for himself whether it changed.
    #[cfg_attr(feature = "ssr", expect(dead_code, reason = "asked in the browser only"))]
    pub fn tick_untracked(self) -> u64 {
        self.tick.get_untracked()
    }

    /// Makes the page fetch again.
    pub fn refetch(self) {
        self.tick.update(|tick| *tick += 1);
    }

    pub fn connection(self) -> Connection {
        self.connection.get()
    }

    /// The newest progress of the run: what the page was rendered with, or what the stream brought since.
    pub fn newest(self, rendered: &ProgressView) -> ProgressView {
        self.progress.with(|all| newest_of(all, rendered).cloned()).unwrap_or_else(|| rendered.clone())
    }

    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "events arrive in the browser only"))]
    fn remember(self, progress: ProgressView) {
        self.progress.update(|all| remember_in(all, progress));
    }
}

/// A finished run is as the server rendered it: the stream's last word may be older than the fetch.
fn newest_of<'a>(streamed: &'a [ProgressView], rendered: &ProgressView) -> Option<&'a ProgressView> {
    streamed
        .iter()
        .find(|p| p.run_id == rendered.run_id && rendered.state == State::Running && p.permille >= rendered.permille)
}

fn remember_in(all: &mut Vec<ProgressView>, progress: ProgressView) {
    all.retain(|p| p.run_id != progress.run_id);
    all.push(progress);
    if all.len() > REMEMBERED_RUNS {
        all.remove(0);
    }
}

#[cfg(feature = "hydrate")]
mod stream {
    use std::{cell::Cell, rc::Rc, time::Duration};

    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, closure::Closure};
    use web_sys::{EventSource, MessageEvent};

    use super::{Connection, Live};
    use crate::wire::Event;

    /// Many events in a row cause one fetch.
    const COALESCE: Duration = Duration::from_millis(150);
    const FIRST_RETRY: Duration = Duration::from_secs(1);
    const LONGEST_RETRY: Duration = Duration::from_secs(15);

    impl Live {
        /// Opens the stream behind event `after` and keeps it open for as long as the page lives. `of` says more about the page,
        /// as in `&screen=audience`.
        pub fn start(self, after: i64, of: &'static str) {
            let link = Link { of, last: Cell::new(after), retry: Cell::new(FIRST_RETRY), fetching: Cell::new(false) };
            open(self, Rc::new(link));
        }
    }

    struct Link {
        of: &'static str,
        last: Cell<i64>,
        retry: Cell<Duration>,
        fetching: Cell<bool>,
    }

    fn open(live: Live, link: Rc<Link>) {
        let Ok(source) = EventSource::new(&format!("/events?after={}{}", link.last.get(), link.of)) else {
            live.connection.set(Connection::Lost);
            return;
        };

        let on_open = {
            let link = Rc::clone(&link);
            Closure::<dyn Fn()>::new(move || {
                link.retry.set(FIRST_RETRY);
                let lost = live.connection.get_untracked() == Connection::Lost;
                live.connection.set(Connection::Live);
                // What was fetched in vain meanwhile, or is told by no event, such as a run that a new server resumed.
                if lost {
                    live.refetch();
                }
            })
        };
        source.set_onopen(Some(on_open.as_ref().unchecked_ref()));

        let on_message = {
            let link = Rc::clone(&link);
            Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| receive(live, &link, &message))
        };
        source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));

        let on_error = {
            let source = source.clone();
            Closure::<dyn Fn()>::new(move || {
                live.connection.set(Connection::Lost);
                // The browser reconnects by itself, except after an answer that is no event stream.
                if source.ready_state() == EventSource::CLOSED {
                    // Perhaps nobody is signed in any more: the bar asks, and says so.
                    live.refetch();
                    let wait = link.retry.get();
                    link.retry.set((wait * 2).min(LONGEST_RETRY));
                    let link = Rc::clone(&link);
                    set_timeout(move || open(live, link), wait);
                }
            })
        };
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));

        // As long as the tab: the stream is never closed by the page.
        on_open.forget();
        on_message.forget();
        on_error.forget();
    }

    fn receive(live: Live, link: &Rc<Link>, message: &MessageEvent) {
        if let Ok(id) = message.last_event_id().parse() {
            link.last.set(id);
        }
        let Some(event) = message.data().as_string().and_then(|data| serde_json::from_slice(data.as_bytes()).ok())
        else {
            return;
        };
        match event {
            Event::Progress { progress } => live.remember(progress),
            Event::Frame { id, html } => crate::drawn::frame(&id, &html),
            Event::Changed { .. } => {
                if !link.fetching.replace(true) {
                    let link = Rc::clone(link);
                    set_timeout(
                        move || {
                            link.fetching.set(false);
                            live.refetch();
                        },
                        COALESCE,
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(run: &str, state: State, permille: u16) -> ProgressView {
        ProgressView {
            run_id: run.into(),
            state,
            state_text: String::new(),
            segments: Vec::new(),
            facts: Vec::new(),
            text: String::new(),
            permille,
        }
    }

    #[test]
    fn the_newest_progress_wins() {
        use State::{Done, Running};
        let streamed = [progress("a", Running, 400), progress("b", Running, 100)];
        for (rendered, expected) in [
            (progress("a", Running, 300), Some(400)),
            (progress("a", Running, 400), Some(400)),
            (progress("a", Running, 500), None),
            (progress("a", Done, 1000), None),
            (progress("a", Done, 300), None),
            (progress("c", Running, 0), None),
        ] {
            let newest = newest_of(&streamed, &rendered).map(|p| p.permille);
            assert_eq!(newest, expected, "{rendered:?}");
        }
    }

    #[test]
    fn a_run_is_remembered_once_and_old_ones_are_forgotten() {
        let mut all = Vec::new();
        for permille in 0..3 {
            remember_in(&mut all, progress("a", State::Running, permille));
        }
        assert_eq!(all, [progress("a", State::Running, 2)]);
        for run in 0..20 {
            remember_in(&mut all, progress(&run.to_string(), State::Running, 0));
        }
        assert_eq!(all.len(), REMEMBERED_RUNS);
        assert_eq!(all.last().map(|p| p.run_id.as_str()), Some("19"));
    }
}
