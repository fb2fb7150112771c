//! One request of the port, by Google's publisher.

use std::time::Duration;

use futures::future::join_all;
use google_cloud_pubsub::client::{BasePublisher, Publisher};
use google_cloud_pubsub::error::PublishError;
use google_cloud_pubsub::model::Message;
use showrunner_lake::ports::{MAX_MESSAGES_IN_REQUEST, MAX_REQUEST_BYTES, NewMessage};
use showrunner_lake::{Error, ErrorKind, Result};

/// The publisher waits so long for more messages. A request of the port is complete as it is.
const LINGER: Duration = Duration::from_millis(1);

/// A publisher that sends as much together as Google takes.
pub(super) fn publisher(base: &BasePublisher, topic: String) -> Publisher {
    base.publisher(topic)
        .set_message_count_threshold(MAX_MESSAGES_IN_REQUEST as u32)
        .set_byte_threshold(MAX_REQUEST_BYTES as u32)
        .set_delay_threshold(LINGER)
        .build()
}

/// Publishes the messages and returns their ids in the same order.
pub(super) async fn all(publisher: &Publisher, topic: &str, messages: Vec<NewMessage>) -> Result<Vec<String>> {
    // All are handed over before the first answer is waited for, in their order.
    let sent: Vec<_> = messages.into_iter().map(|message| publisher.publish(google(message))).collect();
    join_all(sent).await.into_iter().map(|id| id.map_err(|error| failed(topic, error))).collect()
}

fn google(message: NewMessage) -> Message {
    Message::new().set_data(message.data).set_attributes(message.attributes).set_ordering_key(message.ordering_key)
}

fn failed(topic: &str, error: PublishError) -> Error {
    let action = format!("publish to {topic}");
    match error {
        // Several messages share the answer, so that it cannot be taken out: what matters of it is the kind.
        PublishError::Rpc(shared) => {
            let (kind, message) = crate::error::explain(&action, &shared);
            Error::with(kind, message, PublishError::Rpc(shared))
        }
        other => Error::with(
            ErrorKind::Unavailable,
            format!("Could not {action}: an earlier message of the same visitor did not get through. Try again."),
            other,
        ),
    }
}
