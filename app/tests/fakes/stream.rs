//! A stream under way, with one of each part.

use app::{services::*, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood, fact};

#[async_trait]
impl Streaming for Fake {
    async fn stream(&self) -> Result<StreamView, WireError> {
        self.usable()?;
        let fresh = self.mood == Mood::Fresh;
        let control = match self.mood {
            Mood::Fresh => StreamControl::Start { days: Vec::new(), lasts: String::new() },
            Mood::Idle => StreamControl::Start {
                days: vec![("2017-07-30".into(), false), ("2017-07-31".into(), true)],
                lasts: "It stops by itself after 240 minutes.".into(),
            },
            Mood::Blocked => running(State::Later, "Paused"),
            _ => running(State::Running, "Playing"),
        };
        Ok(StreamView {
            trouble: (self.mood == Mood::Blocked)
                .then(|| "The subscribers are behind: the stream waits for them.".into()),
            control,
            board: board(fresh),
            compacted: if fresh { Vec::new() } else { vec![compacted()] },
            can_compact: !fresh,
            dead: if fresh {
                Vec::new()
            } else {
                vec![letter(Some("{\"visitorId\":\"7\"}"), true), letter(None, false)]
            },
            dead_count: if fresh { "0 open, 0 repaired".into() } else { "2 open, 1 repaired".into() },
            ended: if fresh { Vec::new() } else { vec![ended()] },
            sample: (!fresh).then(|| "{\"visitorId\":\"8\"}".into()),
        })
    }

    async fn start_stream(&self, _start: StartStreamForm) -> Result<String, WireError> {
        Ok("/stream".into())
    }

    async fn change_stream(&self, _change: String, _value: String) -> Result<(), WireError> {
        Ok(())
    }

    async fn resend_record(&self, _run: String, _seq: String, _payload: String) -> Result<(), WireError> {
        Ok(())
    }
}

fn running(state: State, text: &str) -> StreamControl {
    StreamControl::Running {
        id: "stream-0003-7f3a".into(),
        state,
        state_text: text.into(),
        rate: "10".into(),
        facts: vec![fact("Day", "2017-07-31", "as if 2026-11-25")],
        permille: 420,
    }
}

/// The board of the page, as it is pushed.
pub fn board(empty: bool) -> BoardView {
    let bars = |names: [&str; 2]| {
        if empty {
            Vec::new()
        } else {
            vec![(names[0].to_owned(), 1000, "12".to_owned()), (names[1].to_owned(), 250, "3".to_owned())]
        }
    };
    BoardView {
        state_text: if empty { "No stream is under way".into() } else { "Playing".into() },
        state: if empty { State::Later } else { State::Running },
        tiles: vec![
            fact("Sessions in the warehouse", "1,240", "1,241 published"),
            fact("Lag", "0.21 s", "99 %: 0.40 s"),
        ],
        minute: if empty { vec![0; 60] } else { (0..60).map(|at| at * 16).collect() },
        minute_text: "58 sessions in the last minute".into(),
        minute_top: "at most 1 in a second".into(),
        countries: bars(["Germany", "France"]),
        products: bars(["Cap", "Mug"]),
        sinks: vec![SinkView {
            title: "To the warehouse".into(),
            table: "warehouse.visits_stream".into(),
            text: "Each record becomes a row within the second.".into(),
            facts: vec![fact("Rows", "1,240", ""), fact("Files", "42", "")],
        }],
        at: "14:06:12".into(),
    }
}

fn compacted() -> CompactedView {
    CompactedView {
        table: "bronze.visits_stream".into(),
        before: "42 files, 2.61 MB".into(),
        after: "1 file, 118 KB".into(),
        rows: "42 rows, before and after".into(),
        files: (1000, 23),
        bytes: (1000, 45),
    }
}

fn letter(mended: Option<&str>, known: bool) -> DeadLetterView {
    DeadLetterView {
        run_id: "stream-0003-7f3a-hand".into(),
        seq: "0".into(),
        received: "14:06:12".into(),
        reason: "The record has no visitorId: a session without a visitor cannot be placed.".into(),
        payload: "{\"visitId\":\"1\"}".into(),
        mended: mended.map(Into::into),
        known,
        attempt: if known { String::new() } else { "2".into() },
    }
}

fn ended() -> EndedStreamView {
    EndedStreamView {
        id: "stream-0002-11aa".into(),
        date: "2017-07-30".into(),
        published: "2,481".into(),
        started: "13:50:00".into(),
        took: "4.10 s".into(),
        why: "All 2,481 records of 2017-07-30 were published.".into(),
    }
}
