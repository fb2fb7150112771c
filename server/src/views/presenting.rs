//! What the presenter can do beside pressing: skip a step, take it up again, freeze and blank the audience screen.

use std::collections::HashSet;

use app::wire::{AudienceControl, SkipView, State};

use super::Views;
use super::steps::{Situation, StepStatus, blocked};
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::story::{Kind, Step, Story, fill, names};

impl Views {
    /// A step of the story by the id that a form or an address names.
    pub fn step_named(&self, id: &str) -> Result<&Step> {
        self.story().step(id).ok_or_else(|| {
            let words = match self.whole_story().step(id) {
                Some(step) => {
                    format!("Step {id} is part of a show of {}. This one has {}.", step.depth, self.story().depth)
                }
                None => format!("The story has no step '{}'.", id.chars().take(20).collect::<String>()),
            };
            Error::new(ErrorKind::NotFound, words)
        })
    }

    /// The step that the story goes on with behind this one: the next one that is not skipped, once this one is.
    pub async fn behind_skipped(&self, id: &str) -> Result<Option<String>> {
        let story = self.story();
        let situation = self.situation().await?;
        let statuses = situation.statuses(story);
        let Some(at) = statuses.iter().position(|(s, _)| s.id == id) else {
            return Ok(None);
        };
        let (step, status) = &statuses[at];
        let title = fill(&step.title, story, step.action.date);
        match status.state {
            State::Running => {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("{title} is running. Stop the run first, or wait for its end."),
                ));
            }
            State::Done | State::Warn => {
                return Err(Error::new(ErrorKind::Conflict, format!("{title} is done: there is nothing to skip.")));
            }
            _ => {}
        }
        let out = out_with(&situation, story, &statuses, &step.id);
        let next = statuses[at + 1..].iter().find(|(s, status)| !status.passed() && !out.contains(s.id.as_str()));
        Ok(next.map(|(s, _)| s.id.clone()))
    }

    /// The skipped steps that must be taken up so that this one is part of the story again.
    pub async fn skipped_before(&self, id: &str) -> Result<Vec<String>> {
        let story = self.story();
        let situation = self.situation().await?;
        let skipped = situation.skipped(&situation.statuses(story));
        let mut open = vec![self.step_named(id)?];
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        while let Some(step) = open.pop() {
            if seen.insert(step.id.as_str()) {
                found.extend(skipped.contains(step.id.as_str()).then(|| step.id.clone()));
                open.extend(story.needs(step));
            }
        }
        Ok(found)
    }

    pub(super) fn audience_control(
        &self,
        situation: &Situation,
        statuses: &[(&Step, StepStatus)],
        selected: usize,
        link: Option<String>,
    ) -> AudienceControl {
        let shown = &situation.presentation;
        let on_show = on_show(situation, statuses);
        let now = self.state.clock.millis();
        let (step, _) = statuses[on_show];
        // Who only looks moves no audience: to the page it is as if the step were on show already.
        let moves = self.viewer.is_admin();
        AudienceControl {
            opened: shown.step.is_some() || !moves,
            elsewhere: (moves && on_show != selected)
                .then(|| format!("{} {}", step.id, fill(&step.title, self.story(), step.action.date))),
            frozen: shown
                .frozen
                .as_ref()
                .map(|_| format!("Frozen at {}", format::when(shown.frozen_at.unwrap_or(now), now))),
            blank: shown.blank,
            link,
        }
    }
}

/// The step that the audience sees: the one that was opened or pressed last, or the current one before anything was.
pub(super) fn on_show(situation: &Situation, statuses: &[(&Step, StepStatus)]) -> usize {
    let shown = situation.presentation.step.as_ref();
    shown.and_then(|id| statuses.iter().position(|(s, _)| s.id == *id)).unwrap_or_else(|| current(statuses))
}

/// The step that the show page opens with: where the presenter is. From a page that was looked at, one comes back to the next step.
pub(super) fn opening(situation: &Situation, statuses: &[(&Step, StepStatus)]) -> usize {
    let at = on_show(situation, statuses);
    let (step, status) = &statuses[at];
    let left = matches!(step.action.kind, Kind::Look | Kind::Reset) && status.over();
    if left || status.state == State::Skipped { current(statuses) } else { at }
}

/// The step that is running or next.
pub(super) fn current(statuses: &[(&Step, StepStatus)]) -> usize {
    let find = |f: &dyn Fn(&StepStatus) -> bool| statuses.iter().position(|(_, s)| f(s));
    find(&|s| s.state == State::Running).or_else(|| find(&|s| !s.passed())).unwrap_or(statuses.len().saturating_sub(1))
}

/// What skipping a step means, said before it is pressed; `None` where there is nothing to skip.
pub(super) fn skip(
    situation: &Situation,
    story: &Story,
    statuses: &[(&Step, StepStatus)],
    at: usize,
) -> Option<SkipView> {
    let (step, status) = &statuses[at];
    if status.passed() || status.state == State::Running {
        return None;
    }
    let out = out_with(situation, story, statuses, &step.id);
    let next = statuses[at + 1..].iter().find(|(s, status)| !status.passed() && !out.contains(s.id.as_str()));
    let starts = matches!(step.action.kind, Kind::Seed | Kind::Upload | Kind::Marker);
    // Only what could be pressed now can happen without a word.
    let instead = (starts && status.resolve.is_none() && status.state != State::Failed)
        .then(|| format!("{}, and go on", step.action.label));
    Some(SkipView { means: means(story, step, &out, next.map(|(s, _)| *s), instead.is_some()), instead })
}

/// The steps that are left out together with a step that is skipped now, itself not among them.
fn out_with<'a>(
    situation: &Situation,
    story: &'a Story,
    statuses: &[(&'a Step, StepStatus)],
    id: &'a str,
) -> HashSet<&'a str> {
    let mut skipped = situation.skipped(statuses);
    let blocked = blocked(statuses);
    let before = story.left_out(&skipped, &blocked);
    skipped.insert(id);
    story.left_out(&skipped, &blocked).into_keys().filter(|id| !before.contains_key(id)).collect()
}

fn means(story: &Story, step: &Step, out: &HashSet<&str>, next: Option<&Step>, starts: bool) -> String {
    let saved: u32 =
        step.minutes + story.steps().filter(|s| out.contains(s.id.as_str())).map(|s| s.minutes).sum::<u32>();
    let day = step.action.date.map_or_else(|| "the day".into(), format::said);
    let mut sentences = Vec::new();
    if out.is_empty() {
        sentences.push(match step.action.kind {
            Kind::Reset => "Nothing is put back: what was shown stays in the lake.".to_owned(),
            _ => "No other step depends on this one.".to_owned(),
        });
    } else {
        let lacks = match step.action.kind {
            Kind::Seed => "Without the history there is nothing to show".to_owned(),
            Kind::Upload => format!("Without the upload there is no {day}"),
            Kind::Marker => format!("Without end_file.txt {day} does not come into the lake"),
            Kind::Look | Kind::Reset => "Without this step there is nothing to show".to_owned(),
        };
        let are = if out.len() == 1 { "is" } else { "are" };
        sentences.push(format!("{lacks}: {} {are} left out too.", names(story, out)));
    }
    sentences.push(match next {
        Some(next) => format!(
            "It saves {} of the plan; the story goes on with {} {}.",
            format::clock(saved.into()),
            next.id,
            fill(&next.title, story, next.action.date)
        ),
        None => format!("It saves {} of the plan; nothing is left after it.", format::clock(saved.into())),
    });
    if starts {
        sentences.push("Or let it happen without a word: the run works while the story goes on.".to_owned());
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_skipping_means_is_said() {
        let story = Story::load(None).unwrap().remove(0);
        for (step, out, next, expected) in [
            (
                "2.1",
                &["2.2", "2.3", "2.4"][..],
                Some("3.1"),
                "Without the upload there is no 29 Jul: steps 2.2 to 2.4 are left out too. It saves 6:00 of the plan; the story goes \
                 on with 3.1 The total hides it.",
            ),
            (
                "2.2",
                &["2.3", "2.4"],
                Some("3.1"),
                "Without end_file.txt 29 Jul does not come into the lake: steps 2.3 and 2.4 are left out too. It saves 4:30 of the \
                 plan; the story goes on with 3.1 The total hides it.",
            ),
            (
                "2.3",
                &[],
                Some("2.4"),
                "No other step depends on this one. It saves 1:30 of the plan; the story goes on with 2.4 The chart moves.",
            ),
            (
                "6.1",
                &[],
                None,
                "Nothing is put back: what was shown stays in the lake. It saves 1:00 of the plan; nothing is left after it.",
            ),
        ] {
            let step = story.step(step).unwrap();
            let next = next.and_then(|id| story.step(id));
            assert_eq!(means(&story, step, &out.iter().copied().collect(), next, false), expected);
        }
        let seed = means(&story, story.step("1.1").unwrap(), &["1.2"].into(), None, true);
        assert!(seed.contains("step 1.2 is left out too") && seed.ends_with("while the story goes on."), "{seed}");
    }
}
