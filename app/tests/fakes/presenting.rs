//! How the story is presented, made up.

use app::{services::Presenting, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood, progress};

/// Runs while something runs; was never started where nothing has happened yet.
pub fn clock(mood: Mood) -> ClockView {
    let segment = |title: &str, seconds, planned: &str, used: &str, done, over| ClockSegment {
        title: title.into(),
        seconds,
        planned: planned.into(),
        used: used.into(),
        done,
        over,
    };
    let fresh = mood == Mood::Fresh;
    ClockView {
        segments: vec![
            segment("1 The lake before today", 240, "4:00", "4:35", 1000, true),
            segment("2 A day arrives", 360, "6:00", "3:07", 617, false),
            segment("3 What changed", 240, "4:00", "–", 0, false),
        ],
        used: if fresh { 0 } else { 462_000 },
        planned: 1_200_000,
        behind: if fresh { 0 } else { 42_000 },
        slack: 0,
        started: !fresh,
        running: mood == Mood::Busy,
        skipped: (mood == Mood::Blocked).then(|| "Skipped: 1:30".into()),
    }
}

/// Frozen while the step is blocked, blank while nothing has happened, on another step while it waits.
pub fn control(mood: Mood) -> AudienceControl {
    AudienceControl {
        opened: mood != Mood::Fresh,
        elsewhere: (mood == Mood::Idle).then(|| "2.1 Upload 2017-07-29".into()),
        frozen: (mood == Mood::Blocked).then(|| "Frozen at 14:06:12".into()),
        link: Some("/join/0123".into()),
        blank: mood == Mood::Fresh,
    }
}

fn screen(busy: bool) -> ScreenView {
    let number = |label: &str, value: &str, hot, fact: Option<&str>| ScreenNumberView {
        label: label.into(),
        value: value.into(),
        hot,
        fact: fact.map(Into::into),
    };
    let zone = |title: &str, amount: &str, change: &str, state| ScreenZoneView {
        title: title.into(),
        amount: amount.into(),
        change: change.into(),
        state,
    };
    ScreenView {
        title: "29 Jul has arrived".into(),
        state: (!busy).then(|| (State::Done, "In every zone".into())),
        numbers: vec![
            number("New visits", "1,987", true, None),
            number("Visits in the lake", "151,681", false, None),
            number("Rows in this step", "1,240", false, busy.then_some("Rows")),
        ],
        longest: 7,
        chart: Some(ScreenChartView {
            title: "Visits per day".into(),
            label: "Visits per day from 1 Jun to 29 Jul; 29 Jul is 1,987".into(),
            grid: vec![("20".into(), "3,000".into())],
            ticks: vec![("2.5".into(), "1 Jun".into()), ("98".into(), "29 Jul".into())],
            columns: "M1,100V20h1V100z".into(),
            subject: "M98,100V40h1V100z".into(),
            lines: vec![],
            note: Some(("98.5".into(), "29 Jul · 1,987".into(), "40".into())),
        }),
        zones: vec![
            zone("Source", "61 days", "", State::Done),
            zone("Bronze", "151,681", "+1,987", State::Done),
            zone("Silver", "150,934", "", if busy { State::Running } else { State::Done }),
        ],
        progress: busy.then(|| ProgressView { run_id: "5f3a".into(), ..progress() }),
        at: "14:06:12".into(),
    }
}

#[async_trait]
impl Presenting for Fake {
    async fn audience(&self) -> Result<AudienceView, WireError> {
        self.usable()?;
        Ok(AudienceView {
            screen: (self.mood != Mood::Fresh).then(|| screen(self.mood == Mood::Busy)),
            theme: self.theme.into(),
            last_event: 7,
        })
    }

    async fn open_step(&self, _step: String) -> Result<(), WireError> {
        Ok(())
    }

    async fn skip_step(&self, step: String, _instead: bool) -> Result<String, WireError> {
        Ok(format!("/?step={step}"))
    }

    async fn take_up_step(&self, _step: String) -> Result<(), WireError> {
        Ok(())
    }

    async fn change_clock(&self, _step: String, _change: String) -> Result<(), WireError> {
        Ok(())
    }

    async fn change_audience(&self, _change: String) -> Result<(), WireError> {
        Ok(())
    }
}
