//! What the pages show, computed from the control database and the lake. Everything is formatted here.

mod audience;
mod calls;
pub mod chart;
mod clock;
mod customers;
pub(crate) mod datasets;
mod lake;
pub mod lineage;
pub mod numbers;
mod outcome;
mod people;
mod policies;
mod presenting;
mod privacy;
mod progress;
mod report;
mod reset;
mod runs;
mod settings;
mod show;
mod sql;
mod steps;
mod stories;
mod stream;
mod upload;

use std::sync::Arc;

use chrono::NaiveDate;
use showrunner_lake::Identity;
use showrunner_lake::model::Day;

use crate::AppState;
use crate::error::{Error, ErrorKind, Result};
use crate::policies::Viewer;
use crate::story::{Story, Told};
pub use audience::for_screen;
use numbers::Numbers;
pub use policies::{mask_statements, row_policy_statement};
pub use sql::{Asked, LONGEST as LONGEST_QUERY};

/// Everything the pages ask for.
#[derive(Clone)]
pub struct Views {
    state: Arc<AppState>,
    numbers: Arc<Numbers>,
    report_jobs: Arc<tokio::sync::OnceCell<Vec<showrunner_lake::lineage::Job>>>,
    told: Arc<Told>,
    viewer: Viewer,
    who: Identity,
    /// The id of who is signed in.
    person: Option<String>,
}

impl Views {
    /// Nothing is computed before it is asked for.
    pub fn new(state: Arc<AppState>) -> Self {
        let (numbers, told) = (Arc::new(Numbers::new(state.lake.clone())), state.stage.told());
        Views {
            numbers,
            report_jobs: Arc::default(),
            told,
            state,
            viewer: Viewer::Admin,
            who: Identity::admin(),
            person: None,
        }
    }

    /// The same pages with the story that is told now: to be taken once for each request.
    pub fn now(&self) -> Self {
        Views { told: self.state.stage.told(), ..self.clone() }
    }

    /// The same pages as somebody sees them, with the story that is told now.
    pub fn seen_by(&self, viewer: &Viewer) -> Self {
        self.now().of(viewer)
    }

    /// The same pages, of the same story, as somebody sees them.
    pub fn of(self, viewer: &Viewer) -> Self {
        Views { viewer: viewer.clone(), who: viewer.identity(), ..self }
    }

    /// For whom the warehouse elsewhere is asked, if it is.
    pub fn for_person(self, person: Option<&str>) -> Self {
        Views { person: person.map(str::to_owned), ..self }
    }

    /// Whether policies may stand between who looks and what is there.
    fn restricted(&self) -> bool {
        self.state.lake.restricts(&self.who)
    }

    /// The story that is told, with the steps of its depth.
    pub fn story(&self) -> &Story {
        &self.told.story
    }

    /// The story that is told, with all its steps.
    pub fn whole_story(&self) -> &Story {
        &self.told.whole
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
