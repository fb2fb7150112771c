//! The page of the stream, and the frames of its board.

use app::wire::*;
use showrunner_lake::stream::{Compaction, DeadLetter, StreamCounts};

use super::Views;
use crate::error::Result;
use crate::format;
use crate::store::{StreamRow, StreamState};
use crate::stream::{Second, Streams};

/// Dead letters and streams that the page lists at most.
const LISTED: usize = 20;
/// Of a payload so much is shown; all of it can be sent again.
const SHOWN: usize = 400;

impl Views {
    /// The page of the stream.
    pub async fn stream(&self) -> Result<StreamView> {
        if self.restricted() {
            return self.stream_through_policies().await;
        }
        let streams = &self.state.streams;
        let counts = streams.sinks().counts().await?;
        let now = self.state.clock.millis();
        let rows = self.state.store.streams(LISTED as u32).await?;
        let mut dead = Vec::new();
        for letter in streams.sinks().dead_letters(LISTED).await? {
            dead.push(dead_letter(streams, letter, now).await);
        }
        let ended = rows.iter().filter(|row| row.state == StreamState::Ended);
        let compactable = counts.warehouse_files > 1 || counts.bronze_files > 1 || counts.window_rows > 0;
        Ok(StreamView {
            trouble: streams.trouble(),
            control: self.stream_control(now).await?,
            board: self.board(&counts).await?,
            compacted: streams.compacted().iter().map(compacted).collect(),
            can_compact: compactable,
            dead_count: format!(
                "{} open, {} repaired",
                format::count(counts.dead_open),
                format::count(counts.dead_repaired)
            ),
            dead,
            ended: ended.map(|row| ended_stream(row, now)).collect(),
            // Before the first stream there is none, and a page without it is whole.
            sample: if rows.is_empty() { None } else { streams.sample().await.ok() },
        })
    }

    /// For who does not see all rows: the board counted anew from what is seen of the table, and nothing of single messages.
    async fn stream_through_policies(&self) -> Result<StreamView> {
        let now = self.state.clock.now();
        let second = self.state.streams.board_of(&self.who).await?;
        let active = self.state.streams.active().await?;
        let (state, state_text) = match &active {
            Some((row, _)) => stream_state(row, self.state.streams.trouble().is_some()),
            None => (State::Later, "No stream is under way".to_owned()),
        };
        let words = "What the board counts is seen through policies, as of now. Messages, dead letters and controls are the presenter's.";
        Ok(StreamView {
            trouble: Some(words.to_owned()),
            control: self.stream_control(now.timestamp_millis()).await?,
            board: BoardView {
                tiles: Vec::new(),
                state,
                state_text,
                minute: per_mille(&second.minute),
                minute_text: format!(
                    "{} in the last minute",
                    format::plural(second.minute.iter().sum::<u64>(), "session")
                ),
                minute_top: format!("{} in all", format::plural(second.sessions, "session")),
                countries: bars(&second.countries),
                products: bars(&second.products),
                sinks: Vec::new(),
                at: format::time(now.timestamp_millis()),
            },
            compacted: Vec::new(),
            can_compact: false,
            dead_count: "not told".into(),
            dead: Vec::new(),
            ended: Vec::new(),
            sample: None,
        })
    }

    /// The board as one frame for all browsers.
    pub async fn board_frame(&self) -> Result<String> {
        let counts = self.state.streams.sinks().counts().await?;
        Ok(app::board_html(self.board(&counts).await?))
    }

    async fn board(&self, counts: &StreamCounts) -> Result<BoardView> {
        let now = self.state.clock.now();
        let second = self.state.streams.board().at(now);
        let active = self.state.streams.active().await?;
        let (state, state_text) = match &active {
            Some((row, _)) => stream_state(row, self.state.streams.trouble().is_some()),
            None => (State::Later, "No stream is under way".to_owned()),
        };
        Ok(BoardView {
            tiles: tiles(&second, counts, active.as_ref().map(|(row, rate)| (row, *rate))),
            state,
            state_text,
            minute: per_mille(&second.minute),
            minute_text: format!("{} in the last minute", format::plural(second.minute.iter().sum::<u64>(), "session")),
            minute_top: format!(
                "at most {} in a second",
                format::count(second.minute.iter().copied().max().unwrap_or(0))
            ),
            countries: bars(&second.countries),
            products: bars(&second.products),
            sinks: sinks(counts),
            at: format::time(now.timestamp_millis()),
        })
    }

    async fn stream_control(&self, now: i64) -> Result<StreamControl> {
        let streams = &self.state.streams;
        let Some((row, _)) = streams.active().await? else {
            let lasts = streams.settings().lasts.as_secs() / 60;
            let lasts = format!("It stops by itself after {}.", format::plural(lasts, "minute"));
            return Ok(StreamControl::Start { days: self.stream_days().await?, lasts });
        };
        let fact = |label: &str, value: String, rest: &str| FactView { label: label.into(), value, rest: rest.into() };
        let (state, state_text) = stream_state(&row, streams.trouble().is_some());
        let day = match &row.shifted_to {
            Some(date) => format!("as if {date}"),
            None => "original dates".to_owned(),
        };
        let of = if row.loops { "records, over and over".to_owned() } else { "records".to_owned() };
        Ok(StreamControl::Running {
            state,
            state_text,
            rate: rate_text(row.rate),
            facts: vec![
                fact("Day", row.date.clone(), &day),
                fact("The day has", format::count(row.records.unsigned_abs()), &of),
                fact("A message holds", payload_words(&row).into(), ""),
                fact("Started by", row.started_by.clone(), &format::when(row.started_at, now)),
                fact("Stops by itself", format::when(row.stops_at, now), ""),
            ],
            permille: if row.loops {
                0
            } else {
                let whole = row.most.map_or(row.records, |most| most.min(row.records.max(1)));
                format::permille(row.position.unsigned_abs(), whole.unsigned_abs())
            },
            id: row.id,
        })
    }

    /// Days of the source bucket, the newest chosen.
    async fn stream_days(&self) -> Result<Vec<(String, bool)>> {
        let days = self.state.streams.days().await?;
        let newest = days.last().copied();
        Ok(days.into_iter().map(|day| (day.to_string(), Some(day) == newest)).collect())
    }
}

pub(super) fn payload_words(row: &StreamRow) -> &'static str {
    match row.payload {
        crate::store::Payload::Full => "the whole session",
        crate::store::Payload::Flattened => "no hits",
    }
}

pub(super) fn stream_state(row: &StreamRow, trouble: bool) -> (State, String) {
    match row.state {
        StreamState::Playing if trouble => (State::Warn, "Waiting".into()),
        StreamState::Playing => (State::Running, "Playing".into()),
        StreamState::Paused => (State::Later, "Paused".into()),
        StreamState::Ended => (State::Done, "Ended".into()),
    }
}

/// `1`, `0.5`, `1000`: as in the field.
pub(super) fn rate_text(rate: f64) -> String {
    if rate.fract() == 0.0 { format!("{rate:.0}") } else { format!("{rate:.1}") }
}

/// `1.00`, `48.3`, `1,002`
fn measured(rate: f64) -> String {
    match rate {
        r if r < 9.995 => format!("{r:.2}"),
        r if r < 99.95 => format!("{r:.1}"),
        r => format::count(r.round() as u64),
    }
}

fn tiles(second: &Second, counts: &StreamCounts, active: Option<(&StreamRow, f64)>) -> Vec<FactView> {
    let fact = |label: &str, value: String, rest: String| FactView { label: label.into(), value, rest };
    let published = active.map(|(row, _)| row.position.unsigned_abs());
    let (rate, chosen) = match active {
        Some((row, _)) if row.state == StreamState::Paused => ("0.00".into(), "paused".into()),
        Some((row, rate)) => (measured(rate), format!("chosen: {}", rate_text(row.rate))),
        None => ("–".into(), "no stream".into()),
    };
    let (lag, worst) = match second.lag {
        Some((median, worst)) => {
            (format!("{} s", format::seconds(median)), format!("99 %: {} s", format::seconds(worst)))
        }
        None => ("–".into(), "publish to visible".into()),
    };
    vec![
        fact(
            "Sessions in the warehouse",
            format::count(second.sessions),
            published.map_or("by streams".into(), |n| format!("{} published", format::count(n))),
        ),
        fact("Records a second", rate, chosen),
        fact("Revenue", format::dollars(second.revenue), format::plural(second.orders, "order")),
        fact("Countries", format::count(second.active_countries), "in the last minute".into()),
        fact("Lag", lag, worst),
        fact(
            "Dead letters",
            format::count(counts.dead_open),
            if counts.dead_repaired == 0 {
                "waiting for repair".into()
            } else {
                format!("{} repaired", format::count(counts.dead_repaired))
            },
        ),
    ]
}

fn per_mille(values: &[u64]) -> Vec<u16> {
    let most = values.iter().copied().max().unwrap_or(0);
    values.iter().map(|value| format::permille(*value, most)).collect()
}

fn bars(names: &[(String, u64)]) -> Vec<(String, u16, String)> {
    let most = names.first().map_or(0, |(_, n)| *n);
    names.iter().map(|(name, n)| (name.clone(), format::permille(*n, most), format::count(*n))).collect()
}

fn sinks(counts: &StreamCounts) -> Vec<SinkView> {
    let fact = |label: &str, value: String, rest: &str| FactView { label: label.into(), value, rest: rest.into() };
    vec![
        SinkView {
            title: "To the warehouse".into(),
            table: "warehouse.ga_sessions_stream".into(),
            text: "Each record becomes a row within the second: partitioned by day, clustered by country and device_category."
                .into(),
            facts: vec![
                fact("Rows", format::count(counts.warehouse_rows), ""),
                fact("Files", format::count(counts.warehouse_files), ""),
                fact("Waiting", format::count(counts.warehouse_backlog.messages), "messages"),
            ],
        },
        SinkView {
            title: "To bronze".into(),
            table: "bronze.ga_sessions_stream".into(),
            text: "Records wait in a window, by time, rows and bytes, and are written together, nested as they came."
                .into(),
            facts: vec![
                fact("Rows", format::count(counts.bronze_rows), ""),
                fact("Files", format::count(counts.bronze_files), &format::bytes(counts.bronze_bytes)),
                fact("Open window", format::count(counts.window_rows), "records"),
                fact("Waiting", format::count(counts.bronze_backlog.messages), "messages"),
            ],
        },
    ]
}

fn compacted(done: &Compaction) -> CompactedView {
    let side = |files: u64, bytes: u64| format!("{}, {}", format::plural(files, "file"), format::bytes(bytes));
    let most_files = done.files_before.max(done.files_after);
    let most_bytes = done.bytes_before.max(done.bytes_after);
    CompactedView {
        table: done.table.clone(),
        before: side(done.files_before, done.bytes_before),
        after: side(done.files_after, done.bytes_after),
        rows: format!("{}, before and after", format::plural(done.rows, "row")),
        files: (format::permille(done.files_before, most_files), format::permille(done.files_after, most_files)),
        bytes: (format::permille(done.bytes_before, most_bytes), format::permille(done.bytes_after, most_bytes)),
    }
}

async fn dead_letter(streams: &Streams, letter: DeadLetter, now: i64) -> DeadLetterView {
    let known = letter.attributes.contains_key("record");
    // A payload that cannot be offered for repair is shown nevertheless.
    let mended = streams.mended(&letter).await.unwrap_or_default();
    let mut payload: String = letter.payload.chars().take(SHOWN).collect();
    if payload.len() < letter.payload.len() {
        payload.push('…');
    }
    DeadLetterView {
        seq: letter.seq.to_string(),
        received: format::when(letter.received.timestamp_millis(), now),
        reason: letter.reason,
        payload,
        known: known && mended.is_some(),
        mended,
        attempt: if letter.attempt > 0 { (letter.attempt + 1).to_string() } else { String::new() },
        run_id: letter.run_id,
    }
}

fn ended_stream(row: &StreamRow, now: i64) -> EndedStreamView {
    EndedStreamView {
        id: row.id.clone(),
        date: row.date.clone(),
        published: format::count(row.position.unsigned_abs()),
        started: format::when(row.started_at, now),
        took: format::duration(row.ended_at.unwrap_or(now) - row.started_at),
        why: row.why.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_as_they_were_written() {
        for (rate, expected) in [(0.1, "0.1"), (1.0, "1"), (2.5, "2.5"), (10_000.0, "10000")] {
            assert_eq!(rate_text(rate), expected);
        }
        for (rate, expected) in [(0.998, "1.00"), (9.994, "9.99"), (48.26, "48.3"), (1_002.2, "1,002")] {
            assert_eq!(measured(rate), expected);
        }
    }

    #[test]
    fn the_greatest_bar_is_whole_and_nothing_is_divided_by_nothing() {
        assert_eq!(per_mille(&[0, 0]), [0, 0]);
        assert_eq!(per_mille(&[1, 4, 2]), [250, 1000, 500]);
        assert_eq!(
            bars(&[("a".into(), 8), ("b".into(), 2)]),
            [("a".into(), 1000, "8".into()), ("b".into(), 250, "2".into())]
        );
    }
}
