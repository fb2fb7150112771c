//! What a run is asked to do, and the steps that follow from it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use showrunner_lake::model::{Day, Zone};

use crate::reset::{Before, ResetScope};
use crate::store::{DeliveredFile, RunKind, day_path};

/// Everything that is needed to do a run, and to resume it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// Puts days into the source bucket and ingests the history.
    Seed {
        /// Who delivers.
        customer: String,
        /// What is delivered.
        dataset: String,
        /// Days to be generated and ingested.
        history: Vec<NaiveDate>,
        /// Days to be generated only: for the stage.
        stage: Vec<NaiveDate>,
    },
    /// Copies a day from the source bucket into its ingestion folder. Starts nothing.
    Upload {
        /// The day.
        day: Day,
    },
    /// Takes delivered days through the lake.
    Ingest {
        /// The days with exactly the files that were listed for them.
        days: Vec<DeliveredDay>,
        /// The last zone that is computed.
        until: Zone,
        /// Why.
        reason: Reason,
    },
    /// Puts everything in scope back.
    Reset {
        /// What goes.
        scope: ResetScope,
        /// What must be the same afterwards.
        before: Before,
    },
}

/// A day whose marker was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredDay {
    /// The day.
    pub day: Day,
    /// The marker's generation.
    pub generation: i64,
    /// Its files at that time.
    pub files: Vec<DeliveredFile>,
}

/// Why days are ingested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A marker was written.
    Marker,
    /// Somebody asked for it once more.
    Reingest,
    /// `showrunner ingest`.
    Cli,
}

/// A step's name and title.
pub type StepName = (&'static str, &'static str);

const BRONZE: StepName = ("bronze", "Write bronze");
const SILVER: StepName = ("silver", "Compute silver");
const GOLD: StepName = ("gold", "Compute gold");
const WAREHOUSE: StepName = ("warehouse", "Load the warehouse");

impl Job {
    /// Its kind.
    pub fn kind(&self) -> RunKind {
        match self {
            Job::Seed { .. } => RunKind::Seed,
            Job::Upload { .. } => RunKind::Upload,
            Job::Ingest { .. } => RunKind::Ingest,
            Job::Reset { .. } => RunKind::Reset,
        }
    }

    /// For people.
    pub fn title(&self) -> String {
        match self {
            Job::Seed { history, .. } => format!("Seed {}", counted(history.len(), "day")),
            Job::Upload { day } => format!("Upload {}", day.date),
            Job::Ingest { days, reason, .. } => {
                let verb = if *reason == Reason::Reingest { "Re-ingest" } else { "Ingest" };
                match (days.first(), days.last()) {
                    (Some(one), _) if days.len() == 1 => format!("{verb} {}", one.day.date),
                    (Some(first), Some(last)) => {
                        format!("{verb} {} to {}", first.day.date, last.day.date)
                    }
                    _ => verb.to_owned(),
                }
            }
            Job::Reset { scope, .. } => format!("Reset {}", scope.title()),
        }
    }

    /// Whose data it concerns, if it is one customer's.
    pub fn customer(&self) -> Option<String> {
        match self {
            Job::Seed { customer, .. } => Some(customer.clone()),
            Job::Upload { day } => Some(day.customer.clone()),
            Job::Ingest { days, .. } => {
                let first = &days.first()?.day.customer;
                days.iter().all(|d| d.day.customer == *first).then(|| first.clone())
            }
            Job::Reset { scope: ResetScope::Customer(id), .. } => Some(id.clone()),
            Job::Reset { .. } => None,
        }
    }

    /// At most one active run has this key.
    pub fn dedupe_key(&self) -> String {
        match self {
            Job::Seed { .. } => "seed".to_owned(),
            Job::Upload { day } => format!("upload:{}", day_path(day)),
            Job::Ingest { days, .. } => match days.as_slice() {
                [one] => format!("ingest:{}", day_path(&one.day)),
                many => {
                    let all: Vec<String> = many.iter().map(|d| day_path(&d.day)).collect();
                    format!("ingest:{}", fingerprint(&all.join("\n")))
                }
            },
            Job::Reset { .. } => "reset".to_owned(),
        }
    }

    /// The days that it loads or delivers.
    pub fn days(&self) -> Vec<Day> {
        match self {
            Job::Seed { customer, dataset, history, .. } => history
                .iter()
                .map(|date| Day { customer: customer.clone(), dataset: dataset.clone(), date: *date })
                .collect(),
            Job::Upload { day } => vec![day.clone()],
            Job::Ingest { days, .. } => days.iter().map(|d| d.day.clone()).collect(),
            Job::Reset { .. } => Vec::new(),
        }
    }

    /// Its steps in order.
    pub fn steps(&self) -> Vec<StepName> {
        match self {
            Job::Seed { .. } => vec![
                ("source", "Fill the source bucket"),
                ("deliver", "Deliver the history"),
                BRONZE,
                SILVER,
                GOLD,
                WAREHOUSE,
            ],
            Job::Upload { .. } => vec![("copy", "Copy into the ingestion bucket")],
            Job::Ingest { until, .. } => {
                let mut steps = vec![("list", "List the files")];
                for (zone, step) in
                    [(Zone::Bronze, BRONZE), (Zone::Silver, SILVER), (Zone::Gold, GOLD), (Zone::Warehouse, WAREHOUSE)]
                {
                    if zone <= *until {
                        steps.push(step);
                    }
                }
                steps
            }
            Job::Reset { .. } => vec![
                ("stop", "Stop what writes"),
                ("messages", "Drop waiting messages"),
                ("ingestion", "Empty the ingestion bucket"),
                ("bronze", "Empty bronze"),
                ("silver", "Empty silver"),
                ("gold", "Empty gold"),
                ("warehouse", "Empty the warehouse"),
                ("runs", "Archive runs, forget deliveries"),
                ("verify", "Verify"),
            ],
        }
    }
}

/// `1 day`, `58 days`
pub(crate) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A stable hash (FNV-1a, 64 bits) as 16 hexadecimal digits: the same on every machine and in every version.
pub(crate) fn fingerprint(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(date: &str) -> DeliveredDay {
        DeliveredDay {
            day: Day { customer: "customer01".into(), dataset: "ga_sessions".into(), date: date.parse().unwrap() },
            generation: 7,
            files: Vec::new(),
        }
    }

    #[test]
    fn fingerprint_is_the_published_one() {
        // Test vectors of FNV-1a.
        assert_eq!(fingerprint(""), "cbf29ce484222325");
        assert_eq!(fingerprint("a"), "af63dc4c8601ec8c");
        assert_eq!(fingerprint("foobar"), "85944171f73967e8");
    }

    #[test]
    fn ingest_stops_at_the_zone_that_was_asked_for() {
        let until = |zone| {
            let job = Job::Ingest { days: vec![delivered("2017-07-29")], until: zone, reason: Reason::Cli };
            job.steps().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(until(Zone::Bronze), ["list", "bronze"]);
        assert_eq!(until(Zone::Gold), ["list", "bronze", "silver", "gold"]);
        assert_eq!(until(Zone::Warehouse).len(), 5);
    }

    #[test]
    fn keys_tell_days_apart_and_survive_json() {
        let job = |days: &[&str]| Job::Ingest {
            days: days.iter().map(|d| delivered(d)).collect(),
            until: Zone::Warehouse,
            reason: Reason::Marker,
        };
        assert_eq!(job(&["2017-07-29"]).dedupe_key(), "ingest:customer01/ga_sessions/2017-07-29");
        assert_ne!(job(&["2017-07-29", "2017-07-30"]).dedupe_key(), job(&["2017-07-29", "2017-07-31"]).dedupe_key());
        assert_eq!(job(&["2017-07-29", "2017-07-31"]).title(), "Ingest 2017-07-29 to 2017-07-31");
        let text = serde_json::to_string(&job(&["2017-07-29"])).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job(&["2017-07-29"]));
    }
}
