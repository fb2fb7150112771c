//! Uploads that are under way: how many at a time, one for each file, within the quota; and how often one may be refused.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use showrunner_lake::Dropbox;
use showrunner_lake::keys::IngestionKey;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{NewToken, Refusal};
use crate::error::Result;

/// So long an upload waits for another one to end.
const WAIT: Duration = Duration::from_secs(10);
/// Refusals of a token that are answered in a minute.
const REFUSALS: NonZeroU32 = NonZeroU32::new(30).unwrap();
/// So long a new token can be looked at, once.
const SHOWN_FOR: Duration = Duration::from_secs(60);

/// Where uploads are received.
pub struct Desk {
    places: Arc<Semaphore>,
    /// All but an eighth of them for each customer, so that none takes them all.
    own: Mutex<HashMap<String, Arc<Semaphore>>>,
    each: usize,
    wait: Duration,
    files: Arc<Mutex<HashMap<String, Entry>>>,
    refusals: RateLimiter<String, DashMapStateStore<String>, DefaultClock>,
    clock: DefaultClock,
    shown: Mutex<HashMap<String, (Instant, NewToken)>>,
}

/// A file that is being uploaded.
#[derive(Default)]
struct Entry {
    /// Of the newest upload of it.
    cancel: CancellationToken,
    /// Held by the one that writes.
    lock: Arc<tokio::sync::Mutex<()>>,
    /// Who writes or waits.
    there: usize,
    /// What it may come to.
    reserved: u64,
}

/// An upload's place: as long as it lives, nobody else writes this file.
pub struct Turn {
    /// Cancelled when somebody sends the same file anew, or the customer goes.
    pub cancel: CancellationToken,
    // Given back in this order: the entry goes when nobody holds its lock.
    _lock: OwnedMutexGuard<()>,
    there: There,
    _place: Place,
}

/// One of the places; given back when it is dropped.
pub struct Place {
    _own: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Desk {
    /// With so many places.
    pub fn new(places: u16) -> Self {
        Desk {
            places: Arc::new(Semaphore::new(usize::from(places))),
            own: Mutex::default(),
            each: usize::from(places) - usize::from(places) / 8,
            wait: WAIT,
            files: Arc::default(),
            refusals: RateLimiter::dashmap(Quota::per_minute(REFUSALS)),
            clock: DefaultClock::default(),
            shown: Mutex::default(),
        }
    }

    /// One of the places, for what a customer sends.
    pub async fn place(&self, customer: &str) -> Result<Place, Refusal> {
        let own = || Arc::new(Semaphore::new(self.each));
        let own = held(&self.own).entry(customer.to_owned()).or_insert_with(own).clone();
        let both = async {
            // Who waits for the customer's own share stands in nobody's way.
            let own = own.acquire_owned().await?;
            self.places.clone().acquire_owned().await.map(|place| Place { _own: own, _place: place })
        };
        match tokio::time::timeout(self.wait, both).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Refusal::later(
                503,
                "As many uploads as this server takes at a time are under way. Send it again in a moment.",
                5,
            )),
        }
    }

    /// The file's turn. Whoever uploads the same file is broken off: it is sent anew because the connection before is dead.
    pub async fn turn(&self, key: &IngestionKey) -> Result<Turn, Refusal> {
        let place = self.place(&key.day.customer).await?;
        let key = key.to_string();
        let (lock, cancel) = {
            let mut files = held(&self.files);
            let entry = files.entry(key.clone()).or_default();
            entry.there += 1;
            let cancel = CancellationToken::new();
            std::mem::replace(&mut entry.cancel, cancel.clone()).cancel();
            (entry.lock.clone(), cancel)
        };
        let there = There { files: self.files.clone(), key };
        let lock = lock.lock_owned().await;
        if cancel.is_cancelled() {
            return Err(taken_over());
        }
        Ok(Turn { cancel, _lock: lock, there, _place: place })
    }

    /// Breaks off what a customer uploads.
    pub fn break_off(&self, customer: &str) {
        let folder = format!("{customer}/");
        for (key, entry) in held(&self.files).iter() {
            if key.starts_with(&folder) {
                entry.cancel.cancel();
            }
        }
    }

    /// Sets `size` bytes of the quota aside for the file of this turn.
    pub async fn reserve(&self, turn: &Turn, folder: &Dropbox, quota: u64, size: u64) -> Result<Result<(), Refusal>> {
        let (files, uploads) = (folder.list("").await?, folder.uploads().await?);
        let prefix = format!("{}/", folder.customer());
        let mut live = held(&self.files);
        // A file counts once: as what it may come to while it is uploaded, else as what is there.
        let others: u64 = live
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix) && **key != turn.there.key)
            .map(|(_, e)| e.reserved)
            .sum();
        let lies: u64 = files.iter().filter(|file| file.key != turn.there.key).map(|file| file.size).sum();
        let kept: u64 = uploads
            .iter()
            .filter(|upload| live.get(&upload.key).is_none_or(|entry| entry.reserved == 0))
            .filter(|upload| upload.key != turn.there.key)
            .map(|upload| upload.size)
            .sum();
        let taken = lies + kept + others;
        if taken.saturating_add(size) > quota {
            return Ok(Err(Refusal::with(
                507,
                format!(
                    "The folder of {} may hold {}; {} are taken, so {} more do not fit. Ask an admin for a larger quota.",
                    folder.customer(),
                    crate::format::bytes(quota),
                    crate::format::bytes(taken),
                    crate::format::bytes(size)
                ),
            )));
        }
        if let Some(entry) = live.get_mut(&turn.there.key) {
            entry.reserved = size;
        }
        Ok(Ok(()))
    }

    /// Counts a refusal; beyond what is answered it is another one.
    pub fn refused(&self, token: Option<&str>, refusal: Refusal) -> Refusal {
        // Only ids of tokens that exist come here, so that the keys are few.
        match self.refusals.check_key(&token.unwrap_or_default().to_owned()) {
            Ok(()) => refusal,
            Err(until) => {
                let seconds = until.wait_time_from(self.clock.now()).as_secs() + 1;
                Refusal::later(429, "Too many requests were refused. Wait a moment, and look at why.", seconds)
            }
        }
    }

    /// Forgets who has not been refused for a while.
    pub fn tidy(&self) {
        self.refusals.retain_recent();
        held(&self.shown).retain(|_, (since, _)| since.elapsed() < SHOWN_FOR);
    }

    /// Keeps a new token for the one look that is taken at it.
    pub fn show(&self, nonce: String, token: NewToken) {
        held(&self.shown).insert(nonce, (Instant::now(), token));
    }

    /// The token that is to be looked at; after that it is gone.
    pub fn look(&self, nonce: &str) -> Option<NewToken> {
        let (since, token) = held(&self.shown).remove(nonce)?;
        (since.elapsed() < SHOWN_FOR).then_some(token)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Still holding the lock: the next one makes its own reservation.
        if let Some(entry) = held(&self.there.files).get_mut(&self.there.key) {
            entry.reserved = 0;
        }
    }
}

/// Somebody who writes a file, or waits for it.
struct There {
    files: Arc<Mutex<HashMap<String, Entry>>>,
    key: String,
}

impl Drop for There {
    fn drop(&mut self) {
        let mut files = held(&self.files);
        if let Some(entry) = files.get_mut(&self.key) {
            entry.there -= 1;
            if entry.there == 0 {
                files.remove(&self.key);
            }
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same file is sent by somebody else now.
pub(crate) fn taken_over() -> Refusal {
    Refusal::with(409, "The same file is being sent anew, so this upload was broken off.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(file: &str) -> IngestionKey {
        IngestionKey::parse(&format!("customer02/ga_sessions/2017-07-30/{file}")).unwrap()
    }

    #[tokio::test]
    async fn the_newest_upload_of_a_file_takes_over() {
        let desk = Arc::new(Desk::new(4));
        let first = desk.turn(&key("a")).await.unwrap_or_else(|_| panic!("free"));
        let other = desk.turn(&key("b")).await.unwrap_or_else(|_| panic!("another file"));
        let waiting = tokio::spawn({
            let desk = desk.clone();
            async move { desk.turn(&key("a")).await }
        });
        first.cancel.cancelled().await;
        assert!(!other.cancel.is_cancelled());
        drop(first);
        let second = waiting.await.unwrap().unwrap_or_else(|_| panic!("its turn"));
        desk.break_off("customer0");
        assert!(!second.cancel.is_cancelled());
        desk.break_off("customer02");
        assert!(second.cancel.is_cancelled() && other.cancel.is_cancelled());
        drop((second, other));
        assert!(held(&desk.files).is_empty());
    }

    #[tokio::test]
    async fn who_finds_no_place_is_asked_to_come_again() {
        let desk = Desk { wait: Duration::ZERO, ..Desk::new(1) };
        let refused =
            async |customer| desk.place(customer).await.err().map(|refusal| (refusal.status, refusal.retry_after));
        let place = desk.place("customer01").await;
        assert_eq!(refused("customer02").await, Some((503, Some(5))));
        drop(place);
        assert_eq!(refused("customer02").await, None);
    }

    #[tokio::test]
    async fn one_customer_leaves_places_for_others() {
        let desk = Desk { wait: Duration::ZERO, ..Desk::new(8) };
        let mut places = Vec::new();
        while let Ok(place) = desk.place("customer01").await {
            places.push(place);
        }
        assert_eq!(places.len(), 7);
        assert!(desk.place("customer02").await.is_ok());
    }

    #[test]
    fn too_many_refusals_are_another_one() {
        let desk = Desk::new(1);
        let refuse = |token| desk.refused(token, Refusal::forbidden("no")).status;
        let answers: Vec<u16> = (0..100).map(|_| refuse(Some("0123456789"))).collect();
        assert_eq!(answers[0], 403);
        assert_eq!(answers[99], 429);
        assert_eq!(refuse(Some("another")), 403, "each for itself");
        assert_eq!(refuse(None), 403);
    }

    #[test]
    fn a_token_is_shown_once() {
        let desk = Desk::new(1);
        let token = NewToken { customer: "customer02".into(), label: "x".into(), text: "sru_".into(), expires_at: 1 };
        desk.show("n".into(), token);
        assert!(desk.look("m").is_none());
        assert!(desk.look("n").is_some());
        assert!(desk.look("n").is_none());
    }
}
