//! A body that must keep coming.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// So much has to come within the time for it: who sends a byte now and then does not hold a place for hours.
const PIECE: usize = 64 << 10;

struct Body<S> {
    from: S,
    /// What came of the piece, and how long was waited for it; the time that we take to write does not count.
    came: usize,
    waited: Duration,
    over: bool,
}

/// The stream with a pace: an error when a piece takes longer than `stall`, or when `cancel` is.
pub(in crate::http) fn paced<S, E>(
    from: S,
    stall: Duration,
    cancel: CancellationToken,
) -> BoxStream<'static, io::Result<Bytes>>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
{
    let body = Body { from, came: 0, waited: Duration::ZERO, over: false };
    futures::stream::unfold((body, cancel), move |(mut body, cancel)| async move {
        if body.over {
            return None;
        }
        let began = Instant::now();
        let next = tokio::select! {
            biased;
            () = cancel.cancelled() => Some(Err(io::Error::other("it was broken off"))),
            next = tokio::time::timeout(stall.saturating_sub(body.waited), body.from.next()) => match next {
                Ok(next) => next.map(|chunk| chunk.map_err(io::Error::other)),
                Err(_) => Some(Err(io::Error::new(io::ErrorKind::TimedOut, "nothing came for too long"))),
            },
        };
        body.waited += began.elapsed();
        match &next {
            Some(Ok(chunk)) => {
                body.came += chunk.len();
                if body.came >= PIECE {
                    (body.came, body.waited) = (0, Duration::ZERO);
                }
            }
            Some(Err(_)) => body.over = true,
            None => {}
        }
        next.map(|item| (item, (body, cancel)))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    /// Bytes that came, and why it ended.
    async fn all(stall: Duration, wait: Duration, piece: usize, times: usize) -> (usize, Option<io::ErrorKind>) {
        let from = futures::stream::iter(0..times).then(move |_| async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            Ok::<_, io::Error>(Bytes::from(vec![0; piece]))
        });
        let (mut bytes, mut failed) = (0, None);
        let mut body = paced(from.boxed(), stall, CancellationToken::new());
        while let Some(item) = body.next().await {
            match item {
                Ok(chunk) => bytes += chunk.len(),
                Err(error) => failed = Some(error.kind()),
            }
        }
        (bytes, failed)
    }

    #[tokio::test]
    async fn what_keeps_coming_is_taken_and_what_trickles_is_not() {
        let (none, moment, stall) = (Duration::ZERO, Duration::from_millis(2), Duration::from_millis(20));
        assert_eq!(all(none, none, PIECE, 10).await, (10 * PIECE, None), "at once");
        assert_eq!(all(LONG, moment, PIECE, 20).await, (20 * PIECE, None), "on its way");
        assert_eq!(all(LONG, moment, 1, 20).await, (20, None), "small");
        // Together the bytes take longer than a piece may, though each comes in time.
        let (bytes, failed) = all(stall, moment, 1, 1_000).await;
        assert_eq!(failed, Some(io::ErrorKind::TimedOut), "a trickle");
        assert!(bytes < 1_000);
        assert_eq!(all(none, LONG, PIECE, 1).await, (0, Some(io::ErrorKind::TimedOut)), "a stop");
    }

    #[tokio::test]
    async fn it_ends_when_it_is_broken_off() {
        let cancel = CancellationToken::new();
        let mut body = paced(futures::stream::pending::<io::Result<Bytes>>().boxed(), LONG, cancel.clone());
        cancel.cancel();
        assert!(body.next().await.is_some_and(|item| item.is_err()));
        assert!(body.next().await.is_none());
    }
}
