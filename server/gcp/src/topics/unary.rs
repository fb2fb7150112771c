//! Receiving by unary pull, over REST: each pull is a call, and leases are the server's own.
//!
//! For peers on a loopback address: Google's emulator never delivers to a second stream of a subscription, so that nothing would come any
//! more after a restart of ours. At Google the stream is used, which is pushed to.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Value, json};
use showrunner_lake::ports::{Message, PullRequest, ReceivedMessage};
use showrunner_lake::{Error, ErrorKind, Result};
use tokio::time::Instant;

use super::convert;
use crate::rest::{Call, Pace, Rest};
use crate::{Access, Endpoint};

/// Messages of one call at most: Google's limit.
const MOST: usize = 1_000;
/// A peer answers an empty pull at once: then it is asked again after this time.
const AGAIN: Duration = Duration::from_millis(50);

/// Subscriptions of one project over REST.
pub(super) struct Unary {
    rest: Rest,
    project: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pulled {
    #[serde(default)]
    received_messages: Vec<Received>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Received {
    ack_id: String,
    message: Sent,
    #[serde(default)]
    delivery_attempt: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    #[serde(default)]
    data: String,
    #[serde(default)]
    attributes: std::collections::BTreeMap<String, String>,
    message_id: String,
    #[serde(default)]
    publish_time: String,
    #[serde(default)]
    ordering_key: String,
}

impl Unary {
    pub fn new(endpoint: &Endpoint, access: Access, project: &str) -> Result<Unary> {
        Ok(Unary { rest: Rest::new(endpoint, "v1", access, Pace::default())?, project: project.to_owned() })
    }

    async fn call(&self, subscription: &str, verb: &str, body: Value) -> Result<Value> {
        let name = format!("{subscription}:{verb}");
        let path = ["projects", &self.project, "subscriptions", &name];
        // Taking twice, acknowledging twice and extending twice are all allowed: at least once is what was promised.
        self.rest
            .send(Call::post(format!("{verb} at the subscription {subscription}"), &path, Some(body)).repeatable())
            .await
    }

    /// Takes what is there, or asks until something is.
    pub async fn pull(&self, subscription: &str, request: PullRequest) -> Result<Vec<ReceivedMessage>> {
        let end = Instant::now() + request.wait.min(Duration::from_secs(3_600));
        loop {
            let body = json!({ "maxMessages": request.max_messages.min(MOST), "returnImmediately": true });
            let pulled: Pulled = serde_json::from_value(self.call(subscription, "pull", body).await?).map_err(|e| {
                Error::with(ErrorKind::Internal, "Pub/Sub answered a pull with something else than messages.", e)
            })?;
            let got = self.fitting(subscription, pulled, request.max_bytes).await?;
            if !got.is_empty() || Instant::now() >= end {
                return Ok(got);
            }
            tokio::time::sleep(AGAIN.min(end - Instant::now())).await;
        }
    }

    /// What fits; a pull knows no limit in bytes, so that the rest goes back.
    async fn fitting(&self, subscription: &str, pulled: Pulled, max_bytes: usize) -> Result<Vec<ReceivedMessage>> {
        let (mut got, mut back, mut bytes) = (Vec::new(), Vec::new(), 0);
        for received in pulled.received_messages {
            let message = message(received.message)?;
            bytes += super::received::size(&message);
            if !got.is_empty() && bytes > max_bytes as u64 {
                back.push(received.ack_id);
            } else {
                let delivery_attempt = Some(received.delivery_attempt).filter(|attempt| *attempt > 0);
                got.push(ReceivedMessage { ack_id: received.ack_id, message, delivery_attempt });
            }
        }
        if !back.is_empty() {
            self.modify(subscription, &back, Duration::ZERO).await?;
        }
        Ok(got)
    }

    pub async fn acknowledge(&self, subscription: &str, ack_ids: &[String]) -> Result<()> {
        for ids in ack_ids.chunks(MOST) {
            stale(self.call(subscription, "acknowledge", json!({ "ackIds": ids })).await)?;
        }
        Ok(())
    }

    pub async fn modify(&self, subscription: &str, ack_ids: &[String], deadline: Duration) -> Result<()> {
        for ids in ack_ids.chunks(MOST) {
            let body = json!({ "ackIds": ids, "ackDeadlineSeconds": deadline.as_secs() });
            stale(self.call(subscription, "modifyAckDeadline", body).await)?;
        }
        Ok(())
    }

    /// A while, in which something may come.
    pub async fn wait(&self) {
        tokio::time::sleep(AGAIN).await;
    }
}

/// Ids whose deadline has passed are ignored.
fn stale(answer: Result<Value>) -> Result<()> {
    match answer {
        Err(error) if error.kind == ErrorKind::Invalid => Ok(()),
        other => other.map(drop),
    }
}

fn message(sent: Sent) -> Result<Message> {
    let data = STANDARD.decode(&sent.data).map_err(|e| {
        Error::with(ErrorKind::Internal, format!("The data of the message {} is not base64.", sent.message_id), e)
    })?;
    let published = DateTime::parse_from_rfc3339(&sent.publish_time).map_or_else(|_| convert::now(), |t| t.to_utc());
    Ok(Message {
        id: sent.message_id,
        data: Bytes::from(data),
        attributes: sent.attributes,
        ordering_key: sent.ordering_key,
        published,
    })
}
