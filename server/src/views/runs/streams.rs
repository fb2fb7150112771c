//! A stream as a run: in the list of runs, and on a page of its own.

use app::wire::*;
use showrunner_lake::stream::RunCounts;

use crate::error::Result;
use crate::format;
use crate::store::{StepRow, StepState, StreamRow, StreamState};
use crate::stream::STEPS;
use crate::views::Views;
use crate::views::stream::{payload_words, rate_text, stream_state};

impl Views {
    /// Streams as rows of the list of runs, newest first, each with when it was started.
    pub(super) async fn stream_rows(&self, limit: u32, now: i64) -> Result<Vec<(i64, app::wire::RunRow)>> {
        let mut rows = Vec::new();
        for row in self.state.store.streams(limit).await? {
            let row = self.newest_of(row).await?;
            let (_, dead) = self.counts_of_stream(&row).await?;
            let (state, state_text) = self.state_of_stream(&row);
            rows.push((
                row.started_at,
                app::wire::RunRow {
                    title: title(&row),
                    state,
                    state_text,
                    started: format::when(row.started_at, now),
                    took: format::duration(row.ended_at.unwrap_or(now) - row.started_at),
                    rows: format::count(row.position.unsigned_abs()),
                    held: format::count(dead.0),
                    started_by: row.started_by,
                    id: row.id,
                },
            ));
        }
        Ok(rows)
    }

    /// The page of a stream as a run.
    pub(super) async fn stream_run(&self, id: &str) -> Result<RunView> {
        let row = self.newest_of(self.state.store.stream(id).await?).await?;
        let now = self.state.clock.millis();
        let (counts, dead) = self.counts_of_stream(&row).await?;
        let (state, state_text) = self.state_of_stream(&row);
        let (calls, calls_of) = self.telling_calls(id, &stream_steps(&row)).await?;
        let took = row.ended_at.unwrap_or(now) - row.started_at;
        let action = |kind, label: &str| ActionView { kind, label: label.into(), busy: false, disabled: None };
        let mut actions = Vec::new();
        if row.state != StreamState::Ended {
            actions.push(action(ActionKind::Stop(row.id.clone()), "Stop the stream"));
        }
        actions.push(action(ActionKind::Link("/stream".into()), "Open the stream"));
        Ok(RunView {
            title: title(&row),
            facts: facts(&row, dead, now),
            error: None,
            actions,
            scale: format!("seconds of {}", format::seconds(took as f64 / 1000.0)),
            steps: steps(&row, (state, &state_text), counts, took),
            log: log(&row),
            quarantine: Vec::new(),
            quarantine_more: None,
            rules: Vec::new(),
            progress: None,
            calls,
            calls_of,
            lineage: self.lineage_link(id).await?,
            state,
            state_text,
            id: row.id,
        })
    }

    /// The title of a stream, whether it is under way, and its steps: what its calls are listed by.
    pub(in crate::views) async fn stream_of_calls(&self, id: &str) -> Result<(String, bool, Vec<StepRow>)> {
        let row = self.state.store.stream(id).await?;
        Ok((title(&row), row.state != StreamState::Ended, stream_steps(&row)))
    }

    /// With the position by now: the player's own is ahead of what is stored.
    async fn newest_of(&self, row: StreamRow) -> Result<StreamRow> {
        if row.state == StreamState::Ended {
            return Ok(row);
        }
        Ok(self
            .state
            .streams
            .active()
            .await?
            .map(|(active, _)| active)
            .filter(|active| active.id == row.id)
            .unwrap_or(row))
    }

    /// What the tables hold of the records that it published; and of all its records, those sent by hand among them, how many are dead
    /// letters and how many were.
    async fn counts_of_stream(&self, row: &StreamRow) -> Result<(RunCounts, (u64, u64))> {
        let sinks = self.state.streams.sinks();
        let (own, by_hand) = (sinks.counts_of(&row.id).await?, sinks.counts_of(&row.by_hand()).await?);
        Ok((own, (own.dead_open + by_hand.dead_open, own.dead_repaired + by_hand.dead_repaired)))
    }

    fn state_of_stream(&self, row: &StreamRow) -> (State, String) {
        match (row.state, &row.why) {
            (StreamState::Ended, Some(why)) => (State::Done, format!("Done. {why}")),
            (StreamState::Ended, None) => (State::Done, "Done".into()),
            _ => stream_state(row, self.state.streams.trouble().is_some()),
        }
    }
}

/// `Stream 2017-07-31`, `Stream 2017-07-31 as if 2026-11-26`
fn title(row: &StreamRow) -> String {
    match &row.shifted_to {
        Some(date) => format!("Stream {} as if {date}", row.date),
        None => format!("Stream {}", row.date),
    }
}

fn facts(row: &StreamRow, (dead, repaired): (u64, u64), now: i64) -> Vec<FactView> {
    let fact = |label: &str, value: String, rest: &str| FactView { label: label.into(), value, rest: rest.into() };
    let count = |n: i64| format::count(n.unsigned_abs());
    let of = match (row.records, row.most, row.loops) {
        (0, ..) => String::new(),
        (_, Some(most), _) => format!("of {}", count(most)),
        (records, None, true) => format!("in rounds of {}", count(records)),
        (records, None, false) => format!("of {}", count(records)),
    };
    let mut facts = vec![
        fact("Started by", row.started_by.clone(), ""),
        fact("Started", format::when(row.started_at, now), ""),
        fact("Took", format::duration(row.ended_at.unwrap_or(now) - row.started_at), ""),
        fact("Engine", "embedded".into(), ""),
    ];
    if row.attempt > 1 {
        facts.push(fact("Attempt", row.attempt.to_string(), ""));
    }
    facts.push(fact("Published", count(row.position), &of));
    if row.sent > 0 {
        facts.push(fact("Sent by hand", count(row.sent), ""));
    }
    let mended = if repaired > 0 { format!("{} repaired", format::count(repaired)) } else { String::new() };
    facts.push(fact("Dead letters", format::count(dead), &mended));
    facts.push(fact("Rate", rate_text(row.rate), "a second"));
    facts.push(fact("A message holds", payload_words(row).into(), ""));
    facts.push(fact(
        "Day",
        row.date.clone(),
        &row.shifted_to.as_ref().map_or(String::new(), |to| format!("as if {to}")),
    ));
    facts.push(match row.ended_at {
        Some(ended) => fact("Ended", format::when(ended, now), ""),
        None => fact("Stops by itself", format::when(row.stops_at, now), ""),
    });
    facts
}

/// The steps by which its calls are listed.
fn stream_steps(row: &StreamRow) -> Vec<StepRow> {
    let steps = (0_i64..).zip(STEPS).map(|(position, (name, title))| StepRow {
        run_id: row.id.clone(),
        position,
        name: name.into(),
        title: title.into(),
        state: if row.state == StreamState::Ended { StepState::Done } else { StepState::Running },
        started_at: Some(row.started_at),
        ended_at: row.ended_at,
        progress: "{}".into(),
        outcome: "{}".into(),
    });
    steps.collect()
}

/// The steps with their rows. Only the player's time is known: the subscribers are always there, and work when messages come.
fn steps(row: &StreamRow, (state, text): (State, &str), counts: RunCounts, took: i64) -> Vec<RunStepView> {
    let published = row.position.unsigned_abs();
    let rows = [published, counts.warehouse, counts.bronze];
    let of = |(at, (title, rows)): (usize, (&str, u64))| {
        let own = at == 0;
        let (state, state_text) = match state {
            State::Done if row.archived && !own => (State::Later, "Reset".to_owned()),
            State::Done if !own && rows + counts.dead_open < published => {
                (State::Warn, format!("{} not there yet", format::count(published - rows - counts.dead_open)))
            }
            State::Done => (State::Done, "Done".to_owned()),
            state => (state, text.to_owned()),
        };
        RunStepView {
            title: title.into(),
            state,
            state_text,
            start: if own { 0 } else { 1000 },
            width: if own { 1000 } else { 0 },
            longest: own,
            rows: if row.archived && !own { "–".into() } else { format::count(rows) },
            seconds: if own { format::seconds(took as f64 / 1000.0) } else { "–".into() },
        }
    };
    STEPS.map(|(_, title)| title).into_iter().zip(rows).enumerate().map(of).collect()
}

/// What is on record of it: how it began, and how it ended.
fn log(row: &StreamRow) -> Vec<LogLine> {
    let line = |at: i64, text: String| LogLine { at: format::time_ms(at), topic: "stream".into(), text, warn: false };
    let mut lines = vec![line(row.started_at, format!("{} started it", row.started_by))];
    if let (Some(at), Some(why)) = (row.ended_at, &row.why) {
        lines.push(line(at, why.trim_end_matches('.').to_owned()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Payload;

    fn stream(state: StreamState) -> StreamRow {
        let ended = state == StreamState::Ended;
        StreamRow {
            id: "stream-0001-7f3a".into(),
            number: 1,
            customer: "customer01".into(),
            dataset: "ga_sessions".into(),
            date: "2017-07-31".into(),
            state,
            rate: 2.5,
            payload: Payload::Full,
            shifted_to: Some("2026-11-26".into()),
            loops: false,
            most: None,
            records: 2_000,
            position: 1_200,
            sent: 0,
            started_by: "presenter".into(),
            started_at: 1_500_000_000_000,
            stops_at: 1_500_000_900_000,
            ended_at: ended.then_some(1_500_000_004_000),
            why: ended.then(|| "presenter stopped it.".into()),
            attempt: 1,
            archived: false,
        }
    }

    #[test]
    fn a_stream_reads_as_a_run() {
        let row = stream(StreamState::Playing);
        assert_eq!(title(&row), "Stream 2017-07-31 as if 2026-11-26");
        assert_eq!(title(&StreamRow { shifted_to: None, ..row.clone() }), "Stream 2017-07-31");
        let facts = facts(&row, (1, 2), row.started_at + 61_000);
        let told = |label: &str| {
            let fact = facts.iter().find(|fact| fact.label == label);
            fact.map(|fact| format!("{} {}", fact.value, fact.rest).trim().to_owned())
        };
        assert_eq!(told("Published").as_deref(), Some("1,200 of 2,000"));
        assert_eq!(told("Rate").as_deref(), Some("2.5 a second"));
        assert_eq!(told("Dead letters").as_deref(), Some("1 2 repaired"));
        assert_eq!((told("Attempt"), told("Ended"), told("Sent by hand")), (None, None, None));
        assert_eq!(log(&row).len(), 1, "nothing is invented of what is not on record");
        let ended = log(&stream(StreamState::Ended));
        assert_eq!(ended[1].text, "presenter stopped it");
    }

    #[test]
    fn its_steps_say_what_the_tables_hold() {
        let row = stream(StreamState::Ended);
        let counts = RunCounts { warehouse: 1_199, bronze: 1_000, dead_open: 1, ..RunCounts::default() };
        let steps = steps(&row, (State::Done, "Done. presenter stopped it."), counts, 4_000);
        let told: Vec<_> =
            steps.iter().map(|step| (step.state, step.state_text.as_str(), step.rows.as_str())).collect();
        assert_eq!(
            told,
            [
                (State::Done, "Done", "1,200"),
                (State::Done, "Done", "1,199"),
                (State::Warn, "199 not there yet", "1,000")
            ]
        );
        let gone = super::steps(&StreamRow { archived: true, ..row }, (State::Done, "Done."), RunCounts::default(), 1);
        assert_eq!(
            (gone[1].state_text.as_str(), gone[1].rows.as_str(), gone[0].rows.as_str()),
            ("Reset", "–", "1,200")
        );
    }
}
