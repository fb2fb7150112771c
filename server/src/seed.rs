//! Which days the seed concerns.

use crate::error::{Error, ErrorKind, Result};
use crate::runs::Job;
use crate::story::Story;

/// The seed of a story: its history is ingested, its stage only generated. With `days`, this many days from the first day on are the
/// history, and the rest is the stage.
pub fn job(story: &Story, days: Option<usize>) -> Result<Job> {
    let (mut history, mut stage) = (story.data.history.days(), story.data.stage.days());
    if let Some(days) = days {
        let all: Vec<_> = history.into_iter().chain(stage).collect();
        if days == 0 || days > all.len() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("The story has {} days: choose --days between 1 and that.", all.len()),
            ));
        }
        let (first, rest) = all.split_at(days);
        history = first.to_vec();
        // A short history is for tests and trials: one day for the stage is enough then.
        stage = if days < 10 { rest.iter().take(1).copied().collect() } else { rest.to_vec() };
    }
    Ok(Job::Seed { customer: story.customer.clone(), dataset: story.dataset.clone(), history, stage })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_divided_between_history_and_stage() {
        let story = crate::story::first(None).unwrap();
        for (days, history, stage) in [(None, 58, 3), (Some(60), 60, 1), (Some(4), 4, 1), (Some(61), 61, 0)] {
            let Job::Seed { history: h, stage: s, .. } = job(&story, days).unwrap() else { panic!("a seed") };
            assert_eq!((h.len(), s.len()), (history, stage), "{days:?}");
            assert!(h.iter().chain(&s).is_sorted());
        }
        for days in [0, 62] {
            assert_eq!(job(&story, Some(days)).unwrap_err().kind, ErrorKind::Invalid, "{days}");
        }
    }
}
