//! How the values of resources travel inside a page.

use leptos::server::codee::{Decoder, Encoder};
use serde::{Serialize, de::DeserializeOwned};

/// JSON, read from bytes as the answers of server functions are: read as text (the codec of Leptos), every type would be in the
/// WebAssembly twice.
pub(crate) struct Json;

impl<T: Serialize> Encoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, Self::Error> {
        serde_json::to_string(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Self::Error> {
        serde_json::from_slice(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ErrorCode, WireError};

    #[test]
    fn what_the_server_wrote_is_what_the_browser_reads() {
        for value in [Ok("é \"<\u{2028}\\".to_owned()), Err(WireError::new(ErrorCode::Conflict, "Busy."))] {
            let text = Json::encode(&value).expect("strings are JSON");
            let read: Result<String, WireError> = Json::decode(&text).expect("what was written");
            assert_eq!(read, value);
        }
        assert!(<Json as Decoder<String>>::decode("\"cut off").is_err());
    }
}
