//! A sample file, from which a dataset is defined: read into memory, since it is small, and not kept.

use app::services::Permission;
use app::wire::{ErrorCode, WireError};
use axum::extract::{Extension, FromRequest, Multipart, Request, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::Web;
use super::who::{Deed, refuse};
use crate::people::Asker;

/// Bytes of a sample.
pub(super) const LIMIT: usize = 16 << 20;
const PAGE: &str = "/datasets";

/// `POST /datasets/sample`, multipart: `name`, `title`, `sample`.
pub(super) async fn receive(State(web): State<Web>, Extension(asker): Extension<Asker>, request: Request) -> Response {
    let deed = request.extensions().get::<Deed>().cloned().unwrap_or_default();
    if let Some(response) = refuse(&asker, Permission::Administer) {
        return response;
    }
    let to = match create(&web, &asker, &deed, request).await {
        Ok(name) => format!("{PAGE}?dataset={name}#dataset"),
        Err(reason) => app::address_with_error(PAGE, PAGE, WireError::new(ErrorCode::Invalid, reason)),
    };
    Redirect::to(&to).into_response()
}

async fn create(web: &Web, asker: &Asker, deed: &Deed, request: Request) -> Result<String, String> {
    let broken = |_| "The sample did not arrive; choose a file of at most 16 MB and send it again.".to_owned();
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| broken(()))?;
    let (mut name, mut title, mut file) = (String::new(), String::new(), None);
    while let Some(field) = form.next_field().await.map_err(|_| broken(()))? {
        match field.name() {
            Some("name") => name = field.text().await.map_err(|_| broken(()))?,
            Some("title") => title = field.text().await.map_err(|_| broken(()))?,
            Some("sample") => {
                let called = field.file_name().unwrap_or_default().to_owned();
                file = Some((called, field.bytes().await.map_err(|_| broken(()))?));
            }
            _ => {}
        }
    }
    let (called, bytes) = file.filter(|(called, _)| !called.is_empty()).ok_or("No sample was chosen.")?;
    if bytes.len() > LIMIT {
        return Err(broken(()));
    }
    deed.about(name.trim().chars().take(60).collect::<String>());
    let created = web.state.create_dataset(&name, &title, &called, bytes.into(), asker.name()).await;
    created.map_err(|error| {
        tracing::info!("{}", error.chain());
        error.message
    })
}
