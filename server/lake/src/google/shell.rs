//! Words for a shell, and values for an address.

use std::fmt::Write;

use super::Rest;

/// A word as one argument, whatever is in it.
pub(super) fn argument(word: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_./:=@%+,-".contains(c);
    if !word.is_empty() && word.chars().all(harmless) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A command of these words.
pub(super) fn command(words: &[&str]) -> String {
    words.iter().map(|word| argument(word)).collect::<Vec<_>>().join(" ")
}

/// The request by curl, with the reader's own token.
pub(super) fn curl(rest: &Rest) -> String {
    let mut text = format!("curl -X {} -H \"Authorization: Bearer $(gcloud auth print-access-token)\"", rest.verb);
    if let Some(body) = &rest.body {
        let _to_a_string = write!(text, " -H 'Content-Type: application/json' -d {}", argument(&body.to_string()));
    } else if rest.content.is_some() {
        text.push_str(" --data-binary @-");
    }
    let _to_a_string = write!(text, " {}", argument(&rest.url));
    text
}

/// A value within an address: all that could end it is encoded, slashes too.
pub(super) fn encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _to_a_string = write!(out, "%{byte:02X}");
        }
    }
    out
}
