//! Which steps need which: what follows from skipping one.

use std::collections::{HashMap, HashSet};

use super::{Kind, Step, Story};

impl Story {
    /// The steps that must be over before this one has something to work on. A day comes by its upload, then its marker; what is
    /// looked at without a day needs the history.
    pub fn needs<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = &'a Step> {
        let wanted = match (step.action.kind, step.action.date) {
            (Kind::Marker, Some(date)) => Some((Kind::Upload, Some(date))),
            (Kind::Look, Some(date)) => Some((Kind::Marker, Some(date))),
            (Kind::Upload, _) | (Kind::Look, None) => Some((Kind::Seed, None)),
            (Kind::Seed | Kind::Reset | Kind::Marker, _) => None,
        };
        self.steps().filter(move |s| {
            wanted.is_some_and(|(kind, date)| s.action.kind == kind && (date.is_none() || s.action.date == date))
        })
    }

    /// The steps that are left out because others were skipped, each with the skipped step that is the cause. Left out is what is
    /// `blocked` and needs a step that is skipped or left out itself.
    pub fn left_out<'a>(&'a self, skipped: &HashSet<&'a str>, blocked: &HashSet<&'a str>) -> HashMap<&'a str, &'a str> {
        let mut causes: HashMap<&str, &str> = HashMap::new();
        loop {
            let found = self.steps().find_map(|step| {
                let id = step.id.as_str();
                if skipped.contains(id) || causes.contains_key(id) || !blocked.contains(id) {
                    return None;
                }
                let cause = self.needs(step).find_map(|need| {
                    let need = need.id.as_str();
                    causes.get(need).copied().or_else(|| skipped.contains(need).then_some(need))
                })?;
                Some((id, cause))
            });
            match found {
                Some((id, cause)) => causes.insert(id, cause),
                None => return causes,
            };
        }
    }
}

/// `step 2.3`, `steps 2.3 and 2.4`, `steps 2.2 to 2.4`: ranges where the steps follow each other.
pub fn names(story: &Story, ids: &HashSet<&str>) -> String {
    let mut ranges: Vec<(&str, &str, usize)> = Vec::new();
    let mut follows = false;
    for step in story.steps() {
        let id = step.id.as_str();
        let here = ids.contains(id);
        match ranges.last_mut() {
            Some((_, last, count)) if here && follows => (*last, *count) = (id, *count + 1),
            _ if here => ranges.push((id, id, 1)),
            _ => {}
        }
        follows = here;
    }
    let words: Vec<String> = ranges
        .iter()
        .flat_map(|(first, last, count)| match count {
            1 => vec![(*first).to_owned()],
            2 => vec![(*first).to_owned(), (*last).to_owned()],
            _ => vec![format!("{first} to {last}")],
        })
        .collect();
    let noun = if ids.len() == 1 { "step" } else { "steps" };
    match words.split_last() {
        Some((last, [])) => format!("{noun} {last}"),
        Some((last, rest)) => format!("{noun} {} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Story {
        Story::load(None).unwrap().remove(0)
    }

    #[test]
    fn what_a_step_needs_follows_from_its_action() {
        let story = shipped();
        for (step, expected) in [
            ("1.1", vec![]),
            ("1.2", vec!["1.1"]),
            ("2.1", vec!["1.1"]),
            ("2.2", vec!["2.1"]),
            ("2.3", vec!["2.2"]),
            ("2.4", vec!["2.2"]),
            ("3.1", vec!["1.1"]),
            ("4.1", vec!["1.1"]),
            ("5.1", vec!["1.1"]),
            ("6.1", vec![]),
        ] {
            let needs: Vec<_> = story.needs(story.step(step).unwrap()).map(|s| s.id.as_str()).collect();
            assert_eq!(needs, expected, "{step}");
        }
    }

    #[test]
    fn skipping_leaves_out_what_has_nothing_to_work_on() {
        let story = shipped();
        // Skipped, blocked, left out by which.
        type Case = (&'static [&'static str], &'static [&'static str], &'static [(&'static str, &'static str)]);
        let cases: &[Case] = &[
            (&[], &["2.2", "2.3", "2.4"], &[]),
            (&["2.1"], &["2.2", "2.3", "2.4"], &[("2.2", "2.1"), ("2.3", "2.1"), ("2.4", "2.1")]),
            (&["2.2"], &["2.3", "2.4"], &[("2.3", "2.2"), ("2.4", "2.2")]),
            // The day is there by another way: nothing is blocked.
            (&["2.1"], &[], &[]),
            (&["2.3"], &["2.4"], &[]),
            (
                &["1.1"],
                &["1.2", "1.3", "2.1", "2.2", "2.3", "2.4", "3.1", "3.2", "4.1", "4.2", "4.3", "5.1", "5.2", "5.3"],
                &[
                    ("1.2", "1.1"),
                    ("1.3", "1.1"),
                    ("2.1", "1.1"),
                    ("2.2", "1.1"),
                    ("2.3", "1.1"),
                    ("2.4", "1.1"),
                    ("3.1", "1.1"),
                    ("3.2", "1.1"),
                    ("4.1", "1.1"),
                    ("4.2", "1.1"),
                    ("4.3", "1.1"),
                    ("5.1", "1.1"),
                    ("5.2", "1.1"),
                    ("5.3", "1.1"),
                ],
            ),
            (&["2.1", "2.2"], &["2.2", "2.3", "2.4"], &[("2.3", "2.2"), ("2.4", "2.2")]),
        ];
        for (skipped, blocked, expected) in cases {
            let set = |ids: &[&'static str]| ids.iter().copied().collect::<HashSet<_>>();
            let mut found: Vec<_> = story.left_out(&set(skipped), &set(blocked)).into_iter().collect();
            found.sort_unstable();
            assert_eq!(found, *expected, "{skipped:?}");
        }
    }

    #[test]
    fn steps_are_named_as_ranges() {
        let story = shipped();
        for (ids, expected) in [
            (&["2.3"][..], "step 2.3"),
            (&["2.3", "2.4"], "steps 2.3 and 2.4"),
            (&["2.2", "2.3", "2.4"], "steps 2.2 to 2.4"),
            (&["1.3", "2.2", "2.3", "2.4", "3.2"], "steps 1.3, 2.2 to 2.4 and 3.2"),
            (&[], ""),
        ] {
            assert_eq!(names(&story, &ids.iter().copied().collect()), expected);
        }
    }
}
