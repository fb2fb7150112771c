//! What lies in the ingestion and source buckets, read through the path grammar.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt};

use crate::Result;
use crate::keys::{IngestionKey, SourceKey};
use crate::model::{Day, ForeignObject, PurgeItem, Scope};
use crate::ports::{ObjectMeta, Objects};

/// The place name of the ingestion bucket in a [`PurgeItem`].
pub const PLACE: &str = "ingestion";

/// Requests to the store at a time.
const PARALLEL: usize = 16;

/// A day's folder in the ingestion bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayFolder {
    /// Whose data, of which day.
    pub day: Day,
    /// The files without the marker, sorted by key: exactly what a run reads.
    pub files: Vec<ObjectMeta>,
    /// The marker, if it was written.
    pub marker: Option<ObjectMeta>,
    /// Names of files that were written after the marker.
    pub late: Vec<String>,
}

/// The contacts of a customer's CRM: delivered to be looked through for personal data.
pub const CRM: &str = "crm_contacts";
/// What customers deliver beside datasets; it goes into no table.
const COMPANIONS: [&str; 1] = [CRM];

/// Customers and datasets that exist; everything else in the bucket is not ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Customer ids.
    pub customers: Vec<String>,
    /// Dataset names.
    pub datasets: Vec<String>,
}

/// All days' folders in the bucket that hold at least one object, sorted by day; those of unknown customers, too.
///
/// # Errors
/// Those of [`Objects::list`].
pub async fn day_folders(objects: &dyn Objects, bucket: &str) -> Result<Vec<DayFolder>> {
    let mut folders: BTreeMap<Day, DayFolder> = BTreeMap::new();
    for meta in objects.list(bucket, "").await? {
        let Ok(key) = IngestionKey::parse(&meta.key) else {
            continue;
        };
        let folder = folders.entry(key.day.clone()).or_insert_with(|| DayFolder {
            day: key.day.clone(),
            files: Vec::new(),
            marker: None,
            late: Vec::new(),
        });
        if key.is_marker() {
            folder.marker = Some(meta);
        } else {
            folder.files.push(meta);
        }
    }
    for folder in folders.values_mut() {
        if let Some(marker) = &folder.marker {
            let late = folder.files.iter().filter(|file| file.generation > marker.generation);
            folder.late = late.filter_map(|file| file.key.rsplit('/').next().map(str::to_owned)).collect();
        }
    }
    Ok(folders.into_values().collect())
}

/// Objects in the ingestion bucket that do not fit the grammar or belong to an unknown customer or dataset, each with the reason.
///
/// # Errors
/// Those of [`Objects::list`].
pub async fn stray(objects: &dyn Objects, bucket: &str, known: &Known) -> Result<Vec<ForeignObject>> {
    let all = objects.list(bucket, "").await?;
    let foreign = all.into_iter().filter_map(|meta| {
        let reason = known.reason_against(&meta.key)?;
        Some(ForeignObject { bucket: meta.bucket, key: meta.key, size: meta.size, reason })
    });
    Ok(foreign.collect())
}

/// What [`purge`] would delete, for each of these scopes; the bucket is listed once.
///
/// # Errors
/// Those of [`Objects::list`].
pub async fn plan(objects: &dyn Objects, bucket: &str, scopes: &[Scope], known: &Known) -> Result<Vec<PurgeItem>> {
    let common = match scopes {
        [only] => prefix(only),
        _ => "",
    };
    let mut all = objects.list(bucket, common).await?;
    all.extend(objects.uploads(bucket, common).await?);
    let of = |scope: &Scope| {
        let reached = all.iter().filter(|meta| meta.key.starts_with(prefix(scope)));
        item(&in_scope(reached.cloned().collect(), scope, known))
    };
    Ok(scopes.iter().map(of).collect())
}

/// Deletes the scope's objects from the ingestion bucket, uploads that are not complete, and leftovers of interrupted writes; what [`stray`] names stays. Returns
/// what went. Idempotent; interrupted, it goes on where it was.
///
/// A day's marker goes before its files: interrupted, no marker is left without files.
///
/// # Errors
/// Those of the store.
pub async fn purge(objects: &dyn Objects, bucket: &str, scope: &Scope, known: &Known) -> Result<PurgeItem> {
    let mut deleted = Vec::new();
    for upload in in_scope(objects.uploads(bucket, prefix(scope)).await?, scope, known) {
        if objects.discard(bucket, &upload.key).await? {
            deleted.push(upload);
        }
    }
    let all = in_scope(objects.list(bucket, prefix(scope)).await?, scope, known);
    let is_marker = |meta: &ObjectMeta| IngestionKey::parse(&meta.key).is_ok_and(|key| key.is_marker());
    let (markers, files): (Vec<_>, Vec<_>) = all.into_iter().partition(is_marker);
    for batch in [markers, files] {
        let deletions: Vec<_> = batch.into_iter().map(|meta| delete(objects, bucket, meta)).collect();
        let gone: Vec<_> = futures::stream::iter(deletions).buffer_unordered(PARALLEL).try_collect().await?;
        deleted.extend(gone.into_iter().flatten());
    }
    objects.sweep(bucket).await?;
    Ok(item(&deleted))
}

/// The days in the source bucket with their data files, sorted by date.
///
/// # Errors
/// Those of [`Objects::list`].
pub async fn source_days(objects: &dyn Objects, bucket: &str) -> Result<Vec<(NaiveDate, ObjectMeta)>> {
    let all = objects.list(bucket, "").await?;
    let mut days: Vec<_> = all
        .into_iter()
        .filter_map(|meta| match SourceKey::parse(&meta.key) {
            Ok(SourceKey::Data(date)) => Some((date, meta)),
            _ => None,
        })
        .collect();
    days.sort_by_key(|(date, _)| *date);
    Ok(days)
}

/// One checksum over all keys and contents of the bucket (CRC32C over each key with its object's CRC32C, in key order) as eight
/// hexadecimal digits, and the number of objects.
///
/// # Errors
/// Those of the store.
pub async fn source_checksum(objects: &dyn Objects, bucket: &str, read: &Checksums) -> Result<(String, u64)> {
    let all = objects.list(bucket, "").await?;
    let checksums: Vec<_> = all.iter().map(|meta| read.of(objects, bucket, meta)).collect();
    let checksums: Vec<u32> = futures::stream::iter(checksums).buffered(PARALLEL).try_collect().await?;
    let mut total = 0;
    for (meta, checksum) in all.iter().zip(checksums) {
        // The length in front: no two lists of objects give the same bytes.
        total = crc32c::crc32c_append(total, &(meta.key.len() as u64).to_le_bytes());
        total = crc32c::crc32c_append(total, meta.key.as_bytes());
        total = crc32c::crc32c_append(total, &checksum.to_le_bytes());
    }
    Ok((format!("{total:08x}"), all.len() as u64))
}

/// Checksums that were read, by object, generation and size.
#[derive(Debug, Default)]
pub struct Checksums(Mutex<HashMap<String, (i64, u64, u32)>>);

impl Checksums {
    /// Nothing is known: each object is read anew.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn of(&self, objects: &dyn Objects, bucket: &str, meta: &ObjectMeta) -> Result<u32> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&meta.key).copied();
        if let Some((generation, size, checksum)) = known
            && (generation, size) == (meta.generation, meta.size)
        {
            return Ok(checksum);
        }
        let checksum = objects.crc32c(bucket, &meta.key).await?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(meta.key.clone(), (meta.generation, meta.size, checksum));
        Ok(checksum)
    }
}

impl Known {
    fn has(&self, dataset: &str) -> bool {
        COMPANIONS.contains(&dataset) || self.datasets.iter().any(|known| known == dataset)
    }

    /// Why an object is not ours; `None` if it is.
    fn reason_against(&self, key: &str) -> Option<String> {
        match IngestionKey::parse(key) {
            Err(error) => Some(error.message),
            Ok(key) if !self.customers.contains(&key.day.customer) => {
                Some(format!("There is no customer `{}`.", key.day.customer))
            }
            Ok(key) if !self.has(&key.day.dataset) => Some(format!("There is no dataset `{}`.", key.day.dataset)),
            Ok(_) => None,
        }
    }
}

/// With what the keys of a scope begin.
fn prefix(scope: &Scope) -> &str {
    match scope {
        // Others begin so, too: the scope itself is looked at below.
        Scope::Customer(customer) => customer,
        Scope::All | Scope::Days(_) | Scope::Stream | Scope::Dataset(_) => "",
    }
}

/// Ours and in scope.
fn in_scope(mut all: Vec<ObjectMeta>, scope: &Scope, known: &Known) -> Vec<ObjectMeta> {
    all.retain(|meta| {
        let Ok(key) = IngestionKey::parse(&meta.key) else {
            return false;
        };
        let customer = match scope {
            Scope::All => known.customers.contains(&key.day.customer),
            // Who names a customer means it, also after it was removed from the list.
            Scope::Customer(customer) => key.day.customer == *customer,
            // What came beside a day goes with it.
            Scope::Days(days) if COMPANIONS.contains(&key.day.dataset.as_str()) => {
                days.iter().any(|day| day.customer == key.day.customer && day.date == key.day.date)
            }
            Scope::Days(days) => days.contains(&key.day),
            Scope::Stream => false,
            Scope::Dataset(dataset) => key.day.dataset == *dataset && known.customers.contains(&key.day.customer),
        };
        customer && known.has(&key.day.dataset)
    });
    all
}

async fn delete(objects: &dyn Objects, bucket: &str, meta: ObjectMeta) -> Result<Option<ObjectMeta>> {
    Ok(objects.delete(bucket, &meta.key).await?.then_some(meta))
}

fn item(objects: &[ObjectMeta]) -> PurgeItem {
    let count = objects.len() as u64;
    let bytes = objects.iter().map(|meta| meta.size).sum();
    PurgeItem { place: PLACE.to_owned(), table: String::new(), count, rows: 0, files: count, bytes }
}

#[cfg(test)]
mod tests;
