//! Publishing, and the dead letters.

use super::codec::{End, Micros, time};
use super::core::Core;
use super::{Durability, keys};
use crate::ports::{
    DEAD_LETTER_DELIVERY_COUNT, DEAD_LETTER_PROJECT, DEAD_LETTER_PUBLISH_TIME, DEAD_LETTER_SUBSCRIPTION, NewMessage,
};
use crate::{Error, ErrorKind, Result};

/// The project that dead letters name, since the embedded back end has none.
pub const PROJECT: &str = "embedded";

/// How far each log is written: what a wait for the disk makes durable.
pub(super) type Ends = Vec<(u64, End)>;

impl Core {
    /// Writes messages; returns their ids. They are shown by [`Core::show`].
    pub(super) fn publish(&mut self, topic: &str, now: Micros, messages: &[NewMessage]) -> Result<Vec<String>> {
        let id = self.topic(topic)?;
        if self.is_full(id) {
            return Err(Error::new(
                ErrorKind::Busy,
                format!(
                    "The subscribers of the topic `{topic}` are behind: it takes no more messages until they have caught up."
                ),
            ));
        }
        let segment_bytes = self.options.segment_bytes;
        let store = self.store.clone();
        let log = self.log(id)?;
        let mut batch = store.batch();
        let first = log.append(&mut batch, &store, segment_bytes, now, messages)?;
        let (key, end) = Core::end_record(log)?;
        batch.put(key, end);
        batch.commit()?;
        Ok((first..first + messages.len() as u64).map(|seq| seq.to_string()).collect())
    }

    /// How far each log is written now.
    pub(super) fn written(&self) -> Ends {
        self.logs.values().filter(|log| log.written != log.visible).map(|log| (log.id, log.written)).collect()
    }

    /// Shows what is durable by now to the subscribers.
    pub(super) fn show(&mut self, ends: &Ends) {
        for (id, end) in ends {
            if let Some(log) = self.logs.get_mut(id) {
                log.show(*end);
                self.wake_topic(*id);
            }
        }
    }

    /// Moves messages to the dead letters, if there is a topic for them. Saves the subscription.
    pub(super) fn bury(&mut self, name: &str, now: Micros, dead: &[(u64, u32)]) -> Result<()> {
        let Some((source, policy)) =
            self.subscriptions.get(name).map(|s| (s.record.topic, s.record.dead_letter.clone()))
        else {
            return Ok(());
        };
        let letters = policy.and_then(|(topic, _)| self.topic(&topic).ok());
        let store = self.store.clone();
        let segment_bytes = self.options.segment_bytes;
        let mut batch = store.batch();
        for (seq, deliveries) in dead {
            let Some(letters) = letters else { break };
            let record = self.log(source)?.read(*seq)?;
            let message = record.message(*seq)?;
            let mut attributes = message.attributes;
            attributes.insert(DEAD_LETTER_SUBSCRIPTION.to_owned(), name.to_owned());
            attributes.insert(DEAD_LETTER_PROJECT.to_owned(), PROJECT.to_owned());
            attributes.insert(DEAD_LETTER_DELIVERY_COUNT.to_owned(), deliveries.to_string());
            attributes.insert(DEAD_LETTER_PUBLISH_TIME.to_owned(), time(record.published()).to_rfc3339());
            let letter = NewMessage { data: message.data, attributes, ordering_key: message.ordering_key };
            self.log(letters)?.append(&mut batch, &store, segment_bytes, now, &[letter])?;
            if let Some(subscription) = self.subscriptions.get_mut(name) {
                subscription.bury(*seq, record.size(), record.ordering_key());
            }
        }
        if let Some(letters) = letters {
            let (key, end) = Core::end_record(self.log(letters)?)?;
            batch.put(key, end);
        }
        if let (Some(subscription), Some(log)) = (self.subscriptions.get_mut(name), self.logs.get(&source)) {
            subscription.advance(log);
            subscription.save(&mut batch)?;
        }
        batch.commit()?;
        if letters.is_some() && self.options.durability == Durability::Disk {
            // Rare, so that nobody minds that all wait for it.
            store.sync()?;
        }
        let ends = self.written();
        self.show(&ends);
        Ok(())
    }

    /// Removes a topic's records and messages.
    pub(super) fn drop_log(&mut self, id: u64) -> Result<()> {
        let mut batch = self.store.batch();
        batch.remove(keys::one(keys::TOPIC, id));
        batch.remove(keys::one(keys::END, id));
        batch.commit()?;
        match self.logs.remove(&id) {
            Some(mut log) => log.delete(&self.store),
            None => Ok(()),
        }
    }
}
