//! What buckets of Cloud Storage may keep of objects that are gone: older versions, and those that are soft-deleted. A bucket that we made
//! keeps neither; one that was given our label may.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures::future::try_join_all;

use super::{Inner, Lake};
use crate::Result;
use crate::ingestion::Known;
use crate::model::{Scope, Zone};
use crate::ports::Past;

/// Where the zones lie in the bucket of the data lake.
const ZONES: &str = "zone/";

impl Lake {
    /// What the ingestion bucket keeps of these customers' objects and that of the data lake of the zones': each bucket with older versions,
    /// and with what was soft-deleted at `since` or later. Nothing where the objects lie on this machine.
    ///
    /// # Errors
    /// Those of the buckets.
    pub async fn past(&self, customers: &[String], since: DateTime<Utc>) -> Result<Vec<(String, Past)>> {
        let inner = &self.inner;
        if inner.config.elsewhere.is_none() {
            return Ok(Vec::new());
        }
        let mut places: Vec<_> = customers.iter().map(|c| (inner.names.ingestion.clone(), folder(c))).collect();
        places.push((inner.names.datalake.clone(), ZONES.to_owned()));
        let counted =
            try_join_all(places.iter().map(|(bucket, prefix)| inner.objects.past(bucket, prefix, since))).await?;
        let mut buckets =
            vec![(inner.names.ingestion.clone(), Past::default()), (inner.names.datalake.clone(), Past::default())];
        for ((bucket, _), past) in places.iter().zip(counted) {
            if let Some((_, sum)) = buckets.iter_mut().find(|(name, _)| name == bucket) {
                sum.versions += past.versions;
                sum.soft_deleted += past.soft_deleted;
            }
        }
        Ok(buckets)
    }
}

impl Inner {
    /// Deletes older versions of the objects of those customers whom the scope concerns.
    pub(super) async fn forget_past_of_customers(&self, scope: &Scope, known: &Known) -> Result<()> {
        let concerned: BTreeSet<&String> = match scope {
            Scope::All | Scope::Dataset(_) => known.customers.iter().collect(),
            Scope::Customer(customer) => BTreeSet::from([customer]),
            Scope::Days(days) => days.iter().map(|day| &day.customer).collect(),
            Scope::Stream => BTreeSet::new(),
        };
        let prefixes: Vec<String> = concerned.into_iter().map(|customer| folder(customer)).collect();
        self.forget_past(&self.names.ingestion, prefixes).await
    }

    /// Deletes older versions of a zone's files, all of them: no table reads one.
    pub(super) async fn forget_past_of_zone(&self, zone: Zone) -> Result<()> {
        self.forget_past(&self.names.datalake, vec![format!("{ZONES}{}/", zone.name())]).await
    }

    async fn forget_past(&self, bucket: &str, prefixes: Vec<String>) -> Result<()> {
        if self.config.elsewhere.is_none() {
            return Ok(());
        }
        try_join_all(prefixes.iter().map(|prefix| self.objects.forget_past(bucket, prefix))).await.map(drop)
    }
}

fn folder(customer: &str) -> String {
    format!("{customer}/")
}
