//! How [`WireError`] travels: as JSON in a response, and in an address after a form post without JavaScript.

use std::fmt;

use leptos_router::params::ParamsMap;
use server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr, ServerFnUrlError},
};

use crate::wire::{ErrorCode, WireError};

impl WireError {
    /// An error without field and request id.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, request_id: String::new() }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WireError {}

impl ErrorCode {
    /// The HTTP status that says the same.
    pub fn status(self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Invalid => 422,
            Self::Conflict => 409,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

impl FromServerFnError for WireError {
    type Encoder = JsonEncoding;

    /// The framework's own words name types and fields, so none of them is passed on.
    fn from_server_fn_error(value: ServerFnErrorErr) -> Self {
        match value {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                Self::new(ErrorCode::Invalid, "The form was not complete. Reload the page and try again.")
            }
            ServerFnErrorErr::Request(_) => Self::new(
                ErrorCode::Unavailable,
                "The server did not answer. Nothing was changed by this page; try again when it is back.",
            ),
            _ => Self::new(
                ErrorCode::Internal,
                "Something went wrong on the way between page and server. Reload the page and try again.",
            ),
        }
    }
}

const PATH: &str = "__path";
const ERROR: &str = "__err";

/// The error of a form post without JavaScript, which the server put into the address it redirected to.
pub(crate) fn from_address(query: &ParamsMap) -> Option<WireError> {
    query.get_str(PATH)?;
    query.get_str(ERROR).map(ServerFnUrlError::<WireError>::decode_err)
}

/// `back` (an address within the site) with `error` in its query, so that the page there shows it: for plain form posts that do
/// not go through a server function, such as the upload.
pub fn address_with_error(back: &str, path: &str, error: WireError) -> String {
    // The encoder wants an absolute address; the origin is cut off again.
    const ORIGIN: &str = "http://site";
    let mut base = format!("{ORIGIN}{}", local_address(back));
    ServerFnUrlError::<WireError>::strip_error_info(&mut base);
    match ServerFnUrlError::new(path, error).to_url(&base) {
        Ok(url) => url.as_str().trim_start_matches(ORIGIN).to_owned(),
        Err(_) => "/".to_owned(),
    }
}

/// `address` when it lies within the site, otherwise `/`. A form field can name any address, also one of somebody else's site.
pub fn local_address(address: &str) -> &str {
    let within = address.starts_with('/') && !address.starts_with("//") && !address.contains(['\\', '\n', '\r']);
    if within { address } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_within_the_site_are_local() {
        for (given, expected) in [
            ("/", "/"),
            ("/?step=2.1", "/?step=2.1"),
            ("/runs/run-1#quarantine", "/runs/run-1#quarantine"),
            ("", "/"),
            ("//elsewhere.example", "/"),
            ("/\\elsewhere.example", "/"),
            ("https://elsewhere.example/", "/"),
            ("javascript:alert(1)", "/"),
            ("/a\r\nSet-Cookie: x=y", "/"),
        ] {
            assert_eq!(local_address(given), expected, "{given:?}");
        }
    }

    #[test]
    fn an_error_survives_the_way_through_an_address() {
        let error = WireError {
            field: Some("file".into()),
            request_id: "r-1".into(),
            ..WireError::new(ErrorCode::Invalid, "Too big: 3 GB. At most 2 GB.")
        };
        let once = address_with_error("/?step=2.1", "/upload", WireError::new(ErrorCode::Conflict, "old"));
        let address = address_with_error(&once, "/upload", error.clone());
        assert!(address.starts_with("/?step=2.1&__path="), "{address}");
        assert_eq!(address.matches("__err").count(), 1, "{address}");
        let mut query = ParamsMap::new();
        for pair in address.split_once('?').expect("a query").1.split('&') {
            let (key, value) = pair.split_once('=').expect("a pair");
            query.insert(key.to_owned(), value.replace("%3D", "="));
        }
        assert_eq!(from_address(&query), Some(error));
    }

    #[test]
    fn framework_errors_keep_their_words_to_themselves() {
        for framework in [
            ServerFnErrorErr::Args("missing field `secret`".into()),
            ServerFnErrorErr::ServerError("panicked at secret.rs".into()),
            ServerFnErrorErr::Deserialization("secret".into()),
            ServerFnErrorErr::Request("secret".into()),
        ] {
            let error = WireError::from_server_fn_error(framework);
            assert!(!error.message.contains("secret"), "{error:?}");
        }
    }
}
