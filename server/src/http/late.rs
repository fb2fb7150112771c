//! `GET /sql` and `GET /policies`: the page is sent at once, and what its queries find follows where it belongs, so that nobody looks at
//! nothing while a query runs. Rendering decides whether there is something to run, after it authorised; this only runs it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use tokio_util::sync::CancellationToken;

/// Pages with queries that may be late.
const PAGES: [&str; 2] = ["/sql", "/policies"];

/// Runs the queries, and draws what they found; stops when it is dropped, and what has to be cancelled, by the token.
type Rest = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, String> + Send>;

/// What rendering left to be done.
#[derive(Clone, Default)]
pub struct Later(Arc<Mutex<Option<Rest>>>);

impl Later {
    /// Leaves it. The page has [`app::FOUND`] where the HTML belongs that comes of it.
    pub fn put<F>(&self, rest: impl FnOnce(CancellationToken) -> F + Send + 'static)
    where
        F: Future<Output = String> + Send + 'static,
    {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(|gone| rest(gone).boxed()));
    }

    fn take(&self) -> Option<Rest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Sends the beginning of a page whose queries are yet to run, then what they found, then its end.
pub async fn answer(mut request: Request, next: Next) -> Response {
    if request.method() != Method::GET || !PAGES.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let later = Later::default();
    request.extensions_mut().insert(later.clone());
    let response = next.run(request).await;
    let Some(rest) = later.take() else { return response };
    let (parts, body) = response.into_parts();
    let page = match to_bytes(body, usize::MAX).await {
        Ok(page) => page,
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let Some(at) = place(&page) else { return Response::from_parts(parts, Body::from(page)) };
    let (before, after) = (page.slice(..at), page.slice(at + app::FOUND.len()..));
    // Dropped with the body: when the browser closes the connection, the query stops.
    let gone = CancellationToken::new();
    let guard = gone.clone().drop_guard();
    let found = stream::once(async move {
        let found = rest(gone).await;
        drop(guard);
        Bytes::from(found)
    });
    let whole = stream::iter([before]).chain(found).chain(stream::iter([after]));
    Response::from_parts(parts, Body::from_stream(whole.map(Ok::<_, std::convert::Infallible>)))
}

fn place(page: &[u8]) -> Option<usize> {
    page.windows(app::FOUND.len()).position(|window| window == app::FOUND.as_bytes())
}
