//! The event stream: one `EventSource` per tab. What changed for good is stored and replayed; progress is sent live only.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use app::services::Permission;
use app::wire::{BOARD, Event};
use axum::extract::{Extension, Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Web;
use super::who::refuse;
use crate::AppState;
use crate::people::Asker;
use crate::views::{Views, for_screen};

/// The board moves this often at most.
const FRAMES_APART: Duration = Duration::from_millis(250);

/// Events read from the database at once.
const BATCH: u32 = 200;

/// Turns the engine's signals into frames once, for all browsers together.
pub struct Hub {
    frames: broadcast::Sender<Frame>,
}

#[derive(Debug, Clone)]
enum Frame {
    /// Stored events exist up to this id.
    Stored(i64),
    /// A frame to be sent as it is: to the pages, and to audience screens.
    Live(Arc<str>, Arc<str>),
    /// The stream's board, to the pages.
    Board(Arc<str>),
}

impl Hub {
    /// Starts forwarding; ends with `shutdown`.
    pub fn start(state: Arc<AppState>, views: Arc<Views>, shutdown: CancellationToken) -> Arc<Hub> {
        let (frames, _) = broadcast::channel(256);
        let hub = Arc::new(Hub { frames: frames.clone() });
        let mut stored = state.engine.subscribe_events();
        let mut live = state.engine.subscribe_progress();
        tokio::spawn(boards(state, views.clone(), frames.clone(), shutdown.clone()));
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    changed = stored.changed() => match changed {
                        Ok(()) => { let _ = frames.send(Frame::Stored(*stored.borrow_and_update())); }
                        Err(_) => break,
                    },
                    progress = live.recv() => match progress {
                        // Nobody watches: no need to ask the database.
                        Ok(_) if frames.receiver_count() == 0 => {}
                        Ok(progress) => match views.progress_of(&progress.run_id).await {
                            Ok(Some(progress)) => {
                                let screen = Event::Progress { progress: for_screen(progress.clone()) };
                                if let (Ok(page), Ok(screen)) =
                                    (serde_json::to_string(&Event::Progress { progress }), serde_json::to_string(&screen))
                                {
                                    let _ = frames.send(Frame::Live(page.into(), screen.into()));
                                }
                            }
                            Ok(None) => {}
                            Err(error) => tracing::debug!(%error, "progress could not be read"),
                        },
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => break,
                    },
                }
            }
        });
        hub
    }
}

/// Frames of the stream's board: at most four a second, the same for all browsers, and none while nobody watches.
async fn boards(
    state: Arc<AppState>,
    views: Arc<Views>,
    frames: broadcast::Sender<Frame>,
    shutdown: CancellationToken,
) {
    let mut changed = state.streams.frames();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = changed.changed() => if changed.is_err() { return },
        }
        changed.mark_unchanged();
        if frames.receiver_count() > 0 {
            match views.board_frame().await {
                Ok(html) => {
                    if let Ok(text) = serde_json::to_string(&Event::Frame { id: BOARD.to_owned(), html }) {
                        let _ = frames.send(Frame::Board(text.into()));
                    }
                }
                Err(error) => tracing::debug!(error = %error.chain(), "the board could not be drawn"),
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(FRAMES_APART) => {}
        }
    }
}

/// Where a fresh page begins, and what kind of page it is.
#[derive(Deserialize)]
pub struct From {
    after: Option<i64>,
    /// `audience`: the events name no run and no folder.
    screen: Option<String>,
}

/// `GET /events?after=ID`: everything stored behind `Last-Event-ID` (or `after`), then live. With `screen=audience` for the screen
/// that strangers see.
pub async fn stream(
    State(web): State<Web>,
    Extension(asker): Extension<Asker>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Response {
    let screen = from.screen.as_deref() == Some("audience");
    let needed = if screen { Permission::Watch } else { Permission::Enter };
    if let Some(response) = refuse(&asker, needed) {
        return response;
    }
    let last = headers
        .get("last-event-id")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse().ok())
        .or(from.after)
        .unwrap_or(i64::MAX);
    // The screen shows what the presenter's admin sees, whatever the cookie says. Who views as somebody else gets no live values: those
    // are of all rows.
    let live = screen || asker.viewer.is_admin();
    // Runs and folders have names for whoever may look at them.
    let named = !screen && asker.authorize(Permission::Inspect).is_ok();
    let frames = web.hub.frames.subscribe();
    let feed = Feed { web, asker, frames, last, screen, named, live, queue: VecDeque::new(), first: true };
    let stream = futures::stream::unfold(feed, |mut feed| async move {
        feed.next().await.map(|event| (Ok::<_, Infallible>(event), feed))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response()
}

struct Feed {
    web: Web,
    asker: Asker,
    frames: broadcast::Receiver<Frame>,
    last: i64,
    screen: bool,
    /// Whether events say which run or folder they are of.
    named: bool,
    live: bool,
    queue: VecDeque<sse::Event>,
    first: bool,
}

impl Feed {
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            if self.first {
                self.first = false;
                // Tells the browser at once that the line stands, and how soon to come back when it breaks.
                self.queue.push_back(sse::Event::default().comment("ready").retry(Duration::from_secs(1)));
                if self.last != i64::MAX {
                    // A page from before a factory reset knows events that this database has yet to reach.
                    let newest = self.web.state.store.last_event_id().await;
                    self.last = self.last.min(newest.unwrap_or(self.last));
                }
                self.replay().await;
                continue;
            }
            let shutdown = self.web.shutdown.clone();
            let frame = tokio::select! {
                () = shutdown.cancelled() => return None,
                frame = self.frames.recv() => frame,
            };
            match frame {
                Ok(Frame::Live(..) | Frame::Board(_)) if !self.live => {}
                Ok(Frame::Live(page, screen)) => {
                    return Some(sse::Event::default().data(if self.screen { &*screen } else { &*page }));
                }
                Ok(Frame::Board(_)) if self.screen => {}
                Ok(Frame::Board(board)) => return Some(sse::Event::default().data(&*board)),
                Ok(Frame::Stored(id)) if id <= self.last => {}
                // Whoever was signed out meanwhile hears no more. Behind or not, the database knows what came since.
                Ok(Frame::Stored(_)) | Err(RecvError::Lagged(_)) if self.signed_out().await => return None,
                Ok(Frame::Stored(_)) | Err(RecvError::Lagged(_)) => self.replay().await,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Whether the person's sessions were ended, or their role is another. When the database does not answer, nothing is known.
    async fn signed_out(&self) -> bool {
        let Some(person) = &self.asker.principal else { return true };
        match self.web.state.store.person(&person.id).await {
            Ok(Some(row)) => row.epoch != self.asker.epoch || row.role != person.role,
            Ok(None) => true,
            Err(_) => false,
        }
    }

    async fn replay(&mut self) {
        let store = &self.web.state.store;
        if self.last == i64::MAX {
            // The page did not say where it begins: only what comes from now on.
            self.last = store.last_event_id().await.unwrap_or(i64::MAX);
            return;
        }
        match store.events_after(self.last, BATCH).await {
            Ok(events) => {
                for event in events {
                    self.last = event.id;
                    let id = if self.named { event.reference } else { String::new() };
                    let changed = Event::Changed { what: event.what, id };
                    if let Ok(text) = serde_json::to_string(&changed) {
                        self.queue.push_back(sse::Event::default().id(event.id.to_string()).data(text));
                    }
                }
            }
            Err(error) => tracing::warn!(error = %error.chain(), "events could not be read"),
        }
    }
}
