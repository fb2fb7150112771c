//! What the pages show, computed from the control database and the lake. Everything is formatted here.

mod audience;
mod calls;
pub mod chart;
mod clock;
mod lake;
pub mod numbers;
mod outcome;
mod presenting;
mod privacy;
mod progress;
mod report;
mod reset;
mod runs;
mod show;
mod sql;
mod steps;
mod stream;

use std::sync::Arc;

use chrono::NaiveDate;
use showrunner_lake::model::Day;

use crate::AppState;
use crate::error::{Error, ErrorKind, Result};
use crate::story::Story;
pub use audience::for_screen;
use numbers::Numbers;
pub use sql::{Asked, LONGEST as LONGEST_QUERY};

/// Everything the pages ask for.
pub struct Views {
    state: Arc<AppState>,
    numbers: Numbers,
}

impl Views {
    /// Nothing is computed before it is asked for.
    pub fn new(state: Arc<AppState>) -> Self {
        Views { numbers: Numbers::new(state.lake.clone()), state }
    }

    /// The story that is told.
    pub fn story(&self) -> &Story {
        &self.state.story
    }

    /// `customer/dataset/date` as sent by a form, checked against what exists.
    pub async fn parse_day(&self, text: &str) -> Result<Day> {
        let invalid = || {
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "'{}' is not a day like customer01/ga_sessions/2017-07-29.",
                    text.chars().take(80).collect::<String>()
                ),
            )
        };
        let mut parts = text.split('/');
        let (Some(customer), Some(dataset), Some(date), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid());
        };
        let date: NaiveDate = date.parse().map_err(|_| invalid())?;
        let customers = self.state.store.customers().await?;
        if !customers.iter().any(|c| c.id == customer) {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("There is no customer '{}'.", customer.chars().take(80).collect::<String>()),
            ));
        }
        if !self.state.lake.datasets().iter().any(|d| d == dataset) {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("There is no dataset '{}'.", dataset.chars().take(80).collect::<String>()),
            ));
        }
        Ok(Day { customer: customer.into(), dataset: dataset.into(), date })
    }

    /// The day that a step of the story is about.
    fn day(&self, date: NaiveDate) -> Day {
        Day { customer: self.story().customer.clone(), dataset: self.story().dataset.clone(), date }
    }
}

/// `customer/dataset/date`, as forms send it.
pub fn day_text(day: &Day) -> String {
    format!("{}/{}/{}", day.customer, day.dataset, day.date)
}
