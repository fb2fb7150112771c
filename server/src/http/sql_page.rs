//! `GET /sql`: the page is sent at once, and what its queries find follows where it belongs, so that nobody looks at nothing while a
//! query runs. Rendering decides whether there is something to run, after it authorised; this only runs it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use crate::views::{Questions, Views};

/// What is asked, on whose behalf.
type Asked = (Arc<Views>, Questions);

/// What rendering left to be asked.
#[derive(Clone, Default)]
pub struct Later(Arc<Mutex<Option<Asked>>>);

impl Later {
    /// Leaves it. The page has [`app::FOUND`] where the answer belongs.
    pub fn put(&self, views: Arc<Views>, questions: Questions) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((views, questions));
    }

    fn take(&self) -> Option<Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Sends the beginning of a page whose queries are yet to run, then what they found, then its end.
pub async fn answer(mut request: Request, next: Next) -> Response {
    if request.method() != Method::GET || request.uri().path() != "/sql" {
        return next.run(request).await;
    }
    let later = Later::default();
    request.extensions_mut().insert(later.clone());
    let response = next.run(request).await;
    let Some((views, questions)) = later.take() else { return response };
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
        let found = views.sql_found(&questions, gone).await;
        drop(guard);
        Bytes::from(app::found_html(found))
    });
    let whole = stream::iter([before]).chain(found).chain(stream::iter([after]));
    Response::from_parts(parts, Body::from_stream(whole.map(Ok::<_, std::convert::Infallible>)))
}

fn place(page: &[u8]) -> Option<usize> {
    page.windows(app::FOUND.len()).position(|window| window == app::FOUND.as_bytes())
}
