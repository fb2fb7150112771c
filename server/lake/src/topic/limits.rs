//! Pub/Sub's documented limits, checked before anything is written.

use std::collections::BTreeMap;
use std::time::Duration;

use super::codec::size;
use crate::ports::*;
use crate::{Error, ErrorKind, Result};

fn invalid<T>(message: String) -> Result<T> {
    Err(Error::new(ErrorKind::Invalid, message))
}

/// 3 to 255 letters, digits and `-_.~+%`, beginning with a letter, not with `goog`.
pub fn name(what: &str, name: &str) -> Result<()> {
    let fine = (3..=255).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !name.starts_with("goog")
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~+%".contains(&b));
    if fine {
        return Ok(());
    }
    let name: String = name.chars().take(255).collect();
    invalid(format!(
        "{name:?} cannot be the name of a {what}: use 3 to 255 letters, digits and -_.~+%, beginning with a letter and not with `goog`."
    ))
}

fn within(what: &str, value: Duration, least: Duration, most: Duration) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    invalid(format!(
        "The {what} must be {} to {} seconds, not {}.",
        least.as_secs(),
        most.as_secs(),
        value.as_secs_f64()
    ))
}

/// What a topic may be made with.
///
/// # Errors
/// [`ErrorKind::Invalid`] with the setting that is not allowed; so have the others.
pub fn topic(config: &TopicConfig) -> Result<()> {
    labels(&config.labels)?;
    config.retention.map_or(Ok(()), |retention| within("retention", retention, MIN_RETENTION, MAX_RETENTION))
}

/// What a subscription may be made with.
pub fn subscription(config: &SubscriptionConfig) -> Result<()> {
    labels(&config.labels)?;
    within("ack deadline", config.ack_deadline, MIN_ACK_DEADLINE, MAX_ACK_DEADLINE)?;
    within("retention", config.retention, MIN_RETENTION, MAX_RETENTION)?;
    if let Some(policy) = &config.dead_letter
        && !(5..=100).contains(&policy.max_attempts)
    {
        return invalid(format!("A message may be delivered 5 to 100 times, not {}.", policy.max_attempts));
    }
    Ok(())
}

/// Labels as Google allows them.
pub fn labels(labels: &BTreeMap<String, String>) -> Result<()> {
    let word = |text: &str| {
        text.len() <= 63
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_' || b >= 0x80)
    };
    let fine = |key: &str, value: &str| word(key) && word(value) && key.starts_with(|c: char| c.is_lowercase());
    if labels.len() > 64 {
        return invalid("There may be 64 labels at most.".to_owned());
    }
    match labels.iter().find(|(key, value)| !fine(key, value)) {
        None => Ok(()),
        Some((key, value)) => invalid(format!(
            "The label {key:?}={value:?} is not allowed: use up to 63 lower-case letters, digits, '-' and '_', the key beginning with a letter."
        )),
    }
}

/// The messages of one publish request. [`ErrorKind::TooLarge`] beyond its bytes.
pub fn messages(messages: &[NewMessage]) -> Result<()> {
    if messages.is_empty() {
        return invalid("There is no message to publish.".to_owned());
    }
    if messages.len() > MAX_MESSAGES_IN_REQUEST {
        return invalid(format!(
            "{} messages in one request are too many: publish {MAX_MESSAGES_IN_REQUEST} at most.",
            messages.len()
        ));
    }
    for message in messages {
        if message.data.is_empty() && message.attributes.is_empty() {
            return invalid("A message must have data or an attribute.".to_owned());
        }
        if message.attributes.len() > MAX_ATTRIBUTES {
            return invalid(format!("A message may have {MAX_ATTRIBUTES} attributes at most."));
        }
        for (key, value) in &message.attributes {
            if key.is_empty() || key.len() > MAX_ATTRIBUTE_KEY_BYTES || key.starts_with("goog") {
                let key: String = key.chars().take(MAX_ATTRIBUTE_KEY_BYTES).collect();
                return invalid(format!(
                    "The attribute {key:?} is not allowed: its name must have 1 to {MAX_ATTRIBUTE_KEY_BYTES} bytes and not begin with `goog`."
                ));
            }
            if value.len() > MAX_ATTRIBUTE_VALUE_BYTES {
                return invalid(format!(
                    "The value of the attribute {key:?} is too long: {MAX_ATTRIBUTE_VALUE_BYTES} bytes at most."
                ));
            }
        }
        if message.ordering_key.len() > MAX_ORDERING_KEY_BYTES {
            return invalid(format!("An ordering key may have {MAX_ORDERING_KEY_BYTES} bytes at most."));
        }
    }
    let bytes: u64 = messages.iter().map(size).sum();
    if bytes > MAX_REQUEST_BYTES as u64 {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("{bytes} bytes in one request are too many: publish {MAX_REQUEST_BYTES} at most."),
        ));
    }
    Ok(())
}

/// An ack deadline of a single lease; zero gives back.
pub fn deadline(deadline: Duration) -> Result<()> {
    within("ack deadline", deadline, Duration::ZERO, MAX_ACK_DEADLINE)
}
