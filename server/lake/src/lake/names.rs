//! Names that follow from id and stage, and the topics that the lake counts on.

use std::time::Duration;

use crate::ports::SubscriptionConfig;
use crate::{Error, ErrorKind, Result, keys};

/// Names that follow from id and stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `sa-source-data-{id}-{stage}`
    pub source: String,
    /// `sa-ingestion-{id}-{stage}`
    pub ingestion: String,
    /// `sa-datalake-{id}-{stage}`
    pub datalake: String,
    /// `sa_bq_dataset_{id}_{stage}`
    pub dataset: String,
}

impl Names {
    /// The names of this id and stage.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an id or stage that cannot stand in a bucket's name.
    pub fn of(id: &str, stage: &str) -> Result<Names> {
        check("id", id)?;
        check("stage", stage)?;
        Names::of_show(&format!("{id}-{stage}"))
    }

    /// The names of a show, which is `{id}-{stage}`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for one that cannot stand in a bucket's name.
    pub fn of_show(show: &str) -> Result<Names> {
        check("id and stage", show)?;
        let names = Names {
            source: format!("sa-source-data-{show}"),
            ingestion: format!("sa-ingestion-{show}"),
            datalake: format!("sa-datalake-{show}"),
            // BigQuery allows no hyphen in a dataset's name.
            dataset: format!("sa_bq_dataset_{}", show.replace('-', "_")),
        };
        keys::check_bucket(&names.source)?;
        Ok(names)
    }

    /// The dataset for rows on their way into the warehouse: `sa_bq_dataset_{id}_{stage}_staging`. Policies hide rows of tables, and not
    /// those on their way into one: these lie where nobody has a reason to read.
    pub fn staging(&self) -> String {
        format!("{}_staging", self.dataset)
    }
}

fn check(what: &str, value: &str) -> Result<()> {
    let fine = !value.is_empty() && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fine {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!("The {what} {value:?} cannot stand in a bucket's name: use a-z, 0-9 and '-' only."),
    ))
}

/// The topic on which the ingestion bucket announces objects, and the server's subscription to it.
pub const NOTIFICATION_TOPIC: &str = "ingestion-notifications";
/// See [`NOTIFICATION_TOPIC`].
pub const NOTIFICATION_SUBSCRIPTION: &str = "ingestion-notifications-server";
/// A notification only wakes the reconciler, which looks at the bucket itself every few seconds: an old one is of no use.
const NOTIFICATION_RETENTION: Duration = Duration::from_secs(3_600);

/// What [`NOTIFICATION_SUBSCRIPTION`] is made with.
pub fn notification_subscription() -> SubscriptionConfig {
    SubscriptionConfig { retention: NOTIFICATION_RETENTION, ..SubscriptionConfig::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_id_and_stage() {
        let names = Names::of("demo-2", "dev").expect("fine");
        assert_eq!(names, Names::of_show("demo-2-dev").expect("fine"));
        assert_eq!((&*names.ingestion, &*names.dataset), ("sa-ingestion-demo-2-dev", "sa_bq_dataset_demo_2_dev"));
        for (id, stage) in [("", "dev"), ("demo", ""), ("Demo", "dev"), ("a_b", "dev")] {
            assert_eq!(Names::of(id, stage).map_err(|e| e.kind), Err(ErrorKind::Invalid), "{id} {stage}");
        }
    }
}
