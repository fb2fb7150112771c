//! A story at a depth: the same story for a show of 5, 20 or 45 minutes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Kind, Step, Story};

/// The minutes of a show, and so how much of a story is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum Depth {
    /// 5 minutes.
    Five,
    /// 20 minutes.
    Twenty,
    /// 45 minutes: the whole story.
    #[default]
    Whole,
}

impl Depth {
    /// All of them, the shortest first.
    pub const ALL: [Depth; 3] = [Depth::Five, Depth::Twenty, Depth::Whole];

    /// 5, 20 or 45.
    pub fn minutes(self) -> u32 {
        match self {
            Depth::Five => 5,
            Depth::Twenty => 20,
            Depth::Whole => 45,
        }
    }

    /// By its minutes, as a form or an address has them.
    pub fn parse(text: &str) -> Option<Depth> {
        text.trim().parse().ok().and_then(|minutes: u32| Depth::try_from(minutes).ok())
    }
}

impl TryFrom<u32> for Depth {
    type Error = String;
    fn try_from(minutes: u32) -> Result<Self, String> {
        let found = Depth::ALL.into_iter().find(|depth| depth.minutes() == minutes);
        found.ok_or_else(|| format!("{minutes} is no depth: 5, 20 or 45"))
    }
}

impl From<Depth> for u32 {
    fn from(depth: Depth) -> u32 {
        depth.minutes()
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} minutes", self.minutes())
    }
}

impl Step {
    /// Planned seconds at a depth.
    pub fn planned(&self, depth: Depth) -> u32 {
        match (depth, self.short) {
            (Depth::Five, Some(short)) => short,
            _ => self.minutes,
        }
    }
}

impl Story {
    /// The story with the steps of this depth only, under the ids that they have in the whole story; `None` when it has none. To be
    /// asked of the whole story.
    pub fn at(&self, depth: Depth) -> Option<Story> {
        let mut told = self.clone();
        told.depth = depth;
        for chapter in &mut told.chapters {
            chapter.steps.retain(|step| step.depth <= depth);
            for step in &mut chapter.steps {
                step.minutes = step.planned(depth);
            }
        }
        told.chapters.retain(|chapter| !chapter.steps.is_empty());
        (!told.chapters.is_empty()).then_some(told)
    }

    /// Planned seconds at a depth.
    pub fn planned(&self, depth: Depth) -> u32 {
        self.steps().filter(|step| step.depth <= depth).map(|step| step.planned(depth)).sum()
    }

    /// Seconds by which the plan is longer than a show of this depth.
    pub fn too_long(&self, depth: Depth) -> Option<u32> {
        self.planned(depth).checked_sub(depth.minutes() * 60).filter(|over| *over > 0)
    }

    /// What a step needs that is not part of the shows that the step is part of: `(step, needed)`.
    pub fn lacking(&self) -> Vec<(&Step, &Step)> {
        let lacks = |step| self.must_have(step).into_iter().filter(move |need: &&Step| need.depth > step.depth);
        self.steps().flat_map(|step| lacks(step).map(move |need| (step, need))).collect()
    }

    /// What must be in the show if this step is.
    fn must_have<'a>(&'a self, step: &'a Step) -> Vec<&'a Step> {
        let back = step.action.scope.as_deref().filter(|_| step.action.kind == Kind::Reset);
        let back = back.and_then(|scope| scope.strip_prefix("step:")).and_then(|id| self.step(id));
        self.needs(step).chain(back).collect()
    }

    /// Puts what steps need into the shows that they are part of; the ids of what was put there.
    pub(super) fn mend(&mut self) -> Vec<String> {
        let mut mended = Vec::new();
        while let Some((id, depth)) = self.lacking().first().map(|(step, need)| (need.id.clone(), step.depth)) {
            if let Some(need) = self.chapters.iter_mut().flat_map(|c| &mut c.steps).find(|step| step.id == id) {
                need.depth = depth;
            }
            mended.push(id);
        }
        mended.sort();
        mended.dedup();
        mended
    }
}

/// Seconds of a time like `1:30`.
pub fn seconds(text: &str) -> Option<u32> {
    let (minutes, seconds) = text.trim().split_once(':')?;
    let digits = |text: &str| !text.is_empty() && text.len() <= 3 && text.chars().all(|c| c.is_ascii_digit());
    if !digits(minutes) || !digits(seconds) || seconds.len() != 2 {
        return None;
    }
    let seconds = seconds.parse().ok().filter(|seconds: &u32| *seconds < 60)?;
    Some(minutes.parse::<u32>().ok()? * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Story {
        Story::load(None).unwrap().remove(0)
    }

    #[test]
    fn each_depth_of_the_shipped_stories_fits() {
        for story in Story::load(None).unwrap() {
            for depth in Depth::ALL {
                assert!(story.at(depth).is_some() && story.too_long(depth).is_none(), "{} {depth}", story.id);
            }
        }
        let story = shipped();
        let planned: Vec<_> = Depth::ALL.into_iter().map(|depth| story.planned(depth)).collect();
        assert_eq!(planned, [300, 1140, 1410]);
    }

    #[test]
    fn a_story_at_a_depth_keeps_ids_and_numbers() {
        let whole = shipped();
        let ids = |depth| whole.at(depth).unwrap().steps().map(|s| s.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(Depth::Five), ["1.1", "2.1", "2.2", "2.4", "3.2", "6.1"]);
        assert_eq!(ids(Depth::Whole).len(), whole.steps().count());
        let short = whole.at(Depth::Five).unwrap();
        assert_eq!(short.chapters.iter().map(|c| c.number).collect::<Vec<_>>(), [1, 2, 3, 6]);
        assert_eq!(short.step("2.2").unwrap().minutes, 60);
        assert_eq!(short.depth, Depth::Five);
        assert_eq!(whole.at(Depth::Twenty).unwrap().step("2.2").unwrap().minutes, 90);
        let mut late = whole;
        late.chapters.iter_mut().flat_map(|c| &mut c.steps).for_each(|step| step.depth = Depth::Whole);
        assert!(late.at(Depth::Twenty).is_none());
    }

    #[test]
    fn what_is_needed_is_put_into_the_show() {
        let mut story = shipped();
        for step in story.chapters.iter_mut().flat_map(|c| &mut c.steps) {
            step.depth = if step.id == "2.4" { Depth::Five } else { Depth::Whole };
        }
        let lacking: Vec<_> = story.lacking().into_iter().map(|(s, n)| (s.id.clone(), n.id.clone())).collect();
        assert_eq!(lacking, [("2.4".to_owned(), "2.2".to_owned())]);
        assert_eq!(story.mend(), ["1.1", "2.1", "2.2"]);
        assert!(story.lacking().is_empty());
    }

    #[test]
    fn a_depth_is_one_of_three() {
        for (text, expected) in [("5", Some(Depth::Five)), (" 20 ", Some(Depth::Twenty)), ("45", Some(Depth::Whole))] {
            assert_eq!(Depth::parse(text), expected);
        }
        for text in ["", "6", "-5", "5 minutes", "99999999999"] {
            assert_eq!(Depth::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_has_minutes_and_seconds() {
        for (text, expected) in [("1:30", Some(90)), (" 0:05", Some(5)), ("60:00", Some(3600)), ("120:00", Some(7200))]
        {
            assert_eq!(seconds(text), expected, "{text}");
        }
        for text in ["", "90", "1:5", "1:60", "-1:00", "+1:00", "1:+5", ":30", "1:", "9999:00", "1:30:00", "a:bc"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
