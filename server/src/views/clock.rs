//! The story's clock: what was planned, what was used, and what that makes at the end. In milliseconds, without words.

use app::wire::{ClockSegment, ClockView};

use super::Views;
use super::steps::{Situation, StepStatus};
use crate::format;
use crate::story::Step;

/// A step as the clock sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct StepTime {
    /// Planned milliseconds.
    planned: i64,
    /// Milliseconds on show while the clock ran.
    used: i64,
    /// Nothing is left to do.
    over: bool,
    /// Left out of the plan.
    skipped: bool,
    /// On show now.
    on_show: bool,
}

impl StepTime {
    /// What it will still take. While a step is on show it has its planned time, even if its run is over sooner: it is being talked about.
    fn left(self) -> i64 {
        if self.skipped || (self.over && !self.on_show) { 0 } else { (self.planned - self.used).max(0) }
    }

    /// How much of the plan is behind us.
    fn done(self) -> i64 {
        self.planned - self.left()
    }
}

/// Milliseconds behind the plan: what was used and is still to come, against the plan as it was before anything was skipped. So
/// skipping makes up for lost time.
fn behind(steps: &[StepTime]) -> i64 {
    steps.iter().map(|s| s.used + s.left() - s.planned).sum()
}

impl Views {
    pub(super) fn clock(&self, situation: &Situation, statuses: &[(&Step, StepStatus)]) -> ClockView {
        let now = self.state.clock.millis();
        let shown = &situation.presentation;
        let running = shown.since.map(|since| (now - since).max(0));
        let times: Vec<StepTime> = statuses
            .iter()
            .map(|(step, status)| {
                let on_show = shown.step.as_ref() == Some(&step.id);
                let settled = situation.pressed.get(&step.id).map_or(0, |row| row.used);
                StepTime {
                    planned: i64::from(step.minutes) * 1000,
                    used: settled + running.filter(|_| on_show).unwrap_or(0),
                    over: status.over(),
                    skipped: status.state == app::wire::State::Skipped,
                    on_show,
                }
            })
            .collect();
        let mut from = 0;
        let chapters = self.story().chapters.iter().map(|chapter| {
            let own = &times[from..from + chapter.steps.len()];
            from += chapter.steps.len();
            segment(&format!("{} {}", chapter.number, chapter.title), own)
        });
        let skipped: i64 = times.iter().filter(|t| t.skipped).map(|t| t.planned).sum();
        let used = times.iter().map(|t| t.used).sum();
        ClockView {
            segments: chapters.collect(),
            used,
            planned: times.iter().map(|t| t.planned).sum(),
            behind: behind(&times),
            slack: times.iter().find(|t| t.on_show).map_or(0, |t| t.left()),
            started: used > 0 || running.is_some(),
            running: running.is_some(),
            skipped: (skipped > 0).then(|| format!("Skipped: {}", format::clock(skipped / 1000))),
        }
    }
}

fn segment(title: &str, steps: &[StepTime]) -> ClockSegment {
    let planned: i64 = steps.iter().map(|s| s.planned).sum();
    let used: i64 = steps.iter().map(|s| s.used).sum();
    let done: i64 = steps.iter().map(|s| s.done()).sum();
    ClockSegment {
        title: title.into(),
        seconds: u32::try_from(planned / 1000).unwrap_or(u32::MAX),
        planned: format::clock(planned / 1000),
        used: if used > 0 { format::clock(used / 1000) } else { "–".into() },
        done: format::permille(done.unsigned_abs(), planned.unsigned_abs()),
        over: used / 1000 > planned / 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Planned and used seconds; `o` over, `s` skipped, `n` on show now.
    fn times(steps: &[(i64, i64, &str)]) -> Vec<StepTime> {
        let time = |(planned, used, marks): &(i64, i64, &str)| StepTime {
            planned: planned * 1000,
            used: used * 1000,
            over: marks.contains('o'),
            skipped: marks.contains('s'),
            on_show: marks.contains('n'),
        };
        steps.iter().map(time).collect()
    }

    #[test]
    fn behind_and_ahead() {
        // Steps, seconds behind (negative: ahead), seconds left in the step on show.
        type Case = (&'static str, &'static [(i64, i64, &'static str)], i64, i64);
        let cases: &[Case] = &[
            ("nothing has begun", &[(120, 0, ""), (60, 0, "")], 0, 0),
            ("within the first step", &[(120, 30, "n"), (60, 0, "")], 0, 90),
            ("too long in the first step", &[(120, 150, "n"), (60, 0, "")], 30, 0),
            ("its run is over, it is still talked about", &[(120, 30, "on"), (60, 0, "")], 0, 90),
            ("left early", &[(120, 30, "o"), (60, 10, "n")], -90, 50),
            ("left late", &[(120, 150, "o"), (60, 0, "n")], 30, 60),
            ("left without being done: it is still to come", &[(120, 30, ""), (60, 0, "n")], 0, 60),
            ("done before it was shown, by a command, say", &[(120, 0, "o"), (60, 0, "n")], -120, 60),
            ("skipping makes up for lost time", &[(120, 180, "o"), (90, 0, "s"), (60, 0, "n")], -30, 60),
            ("looking at a skipped step takes time", &[(120, 120, "o"), (90, 20, "sn"), (60, 0, "")], -70, 0),
            ("all over, in time", &[(120, 110, "o"), (60, 70, "o")], 0, 0),
        ];
        for (case, steps, late, left) in cases {
            let times = times(steps);
            assert_eq!(behind(&times) / 1000, *late, "{case}");
            assert_eq!(times.iter().find(|t| t.on_show).map_or(0, |t| t.left()) / 1000, *left, "{case}");
        }
    }

    #[test]
    fn a_chapter_is_as_full_as_its_plan_is_over() {
        for (steps, done, used, over) in [
            (&[(120, 0, ""), (60, 0, "")][..], 0, "–", false),
            (&[(120, 60, "n"), (60, 0, "")], 333, "1:00", false),
            (&[(120, 60, "o"), (60, 0, "n")], 666, "1:00", false),
            (&[(120, 0, "s"), (60, 0, "")], 666, "–", false),
            (&[(120, 150, "o"), (60, 40, "o")], 1000, "3:10", true),
            (&[(120, 180, "o"), (60, 0, "n")], 666, "3:00", false),
        ] {
            let segment = segment("1 A", &times(steps));
            assert_eq!((segment.done, segment.used.as_str(), segment.over), (done, used, over), "{steps:?}");
        }
    }
}
