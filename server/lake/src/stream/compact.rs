//! Compaction: many small files of a partition become one.
//!
//! The new file is written while the sinks go on, and takes the place of the old ones in one commit, under the table's writer lock and
//! only if all of them are still what the table shows. Files that came meanwhile are left as they are.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;

use super::merge::merge;
use super::{Compaction, Sinks, StreamEvent};
use crate::delta::{Kind, Label, LiveFile, NewFile, PartitionKey, Table};
use crate::{Error, ErrorKind, Result, warehouse};

/// Files above this size are not merged again by the compaction that happens by itself: each row would be written over and over.
const SMALL: u64 = 1 << 20;
/// Who compacts when nobody asked.
const ITSELF: &str = "stream-compaction";

/// Files of a partition that become one.
struct Group {
    key: PartitionKey,
    files: Vec<String>,
    rows: u64,
    bytes: u64,
}

/// A partition as the log has it, in the order of the folders.
fn key_of(table: &Table, file: &LiveFile) -> PartitionKey {
    let value = |column: &String| (column.clone(), file.partition.get(column).cloned().unwrap_or_default());
    table.shape.partition.iter().map(value).collect()
}

/// Files by their partitions, where there are more than `most` of them.
fn groups<'a>(table: &Table, files: impl Iterator<Item = &'a LiveFile>, most: usize) -> Vec<Group> {
    let mut partitions: BTreeMap<PartitionKey, Vec<&LiveFile>> = BTreeMap::new();
    for file in files {
        partitions.entry(key_of(table, file)).or_default().push(file);
    }
    let group = |(key, mut files): (PartitionKey, Vec<&LiveFile>)| {
        // As they were written.
        files.sort_by(|a, b| (a.written(), &a.path).cmp(&(b.written(), &b.path)));
        Group {
            key,
            rows: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            files: files.into_iter().map(|file| file.path.clone()).collect(),
        }
    };
    partitions.into_iter().filter(|(_, files)| files.len() > most).map(group).collect()
}

impl Sinks {
    /// Makes one file of each partition that has several: in bronze, and in the warehouse, there in the order of the clustering columns.
    /// One commit for each table takes away the old files and adds the new. Who is reading goes on with the old ones, which stay on the
    /// disk for [`super::StreamOptions::grace`]. `run_id` stands in the log.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] while the sinks are held, else those of reading and writing files.
    pub async fn compact(self: &Arc<Self>, run_id: &str) -> Result<Vec<Compaction>> {
        let (sinks, run_id) = (self.clone(), run_id.to_owned());
        let work = async move {
            let mut done = Vec::new();
            for table in [&sinks.bronze.table, &sinks.rows.table] {
                let current = table.current().await?;
                done.push(sinks.compact_groups(table, &run_id, groups(table, current.files.iter(), 1)).await?);
            }
            sinks.tell(StreamEvent::Compacted(done.clone()));
            Ok(done)
        };
        // To its end, even when the caller stops waiting.
        let work = self.parts.threads.spawn(crate::calls::carried(work));
        work.await.unwrap_or_else(|e| {
            Err(Error::with(ErrorKind::Internal, format!("The compaction stopped unexpectedly: {e}"), e))
        })
    }

    /// Compacts what has too many small files by now, of the partitions that grew: of the sessions and of the error records.
    pub(super) async fn tidy(&self, grown: &(Vec<NaiveDate>, Vec<NaiveDate>)) {
        for (table, dates) in [(&self.rows.table, &grown.0), (&self.errors.table, &grown.1)] {
            if let Err(error) = self.tidy_table(table, dates).await {
                tracing::warn!(table = %table.full_name(), %error, "stream: small files stay as they are for now");
            }
        }
    }

    async fn tidy_table(&self, table: &Arc<Table>, dates: &[NaiveDate]) -> Result<()> {
        if dates.is_empty() {
            return Ok(());
        }
        let current = table.current().await?;
        let keys: Vec<PartitionKey> = dates.iter().map(|date| warehouse::partition(table, *date)).collect();
        let small = current.files.iter().filter(|f| f.bytes < SMALL && keys.iter().any(|key| f.is_in(key)));
        let groups = groups(table, small, self.options.compact_files.max(1));
        if groups.is_empty() {
            return Ok(());
        }
        match self.compact_groups(table, ITSELF, groups).await {
            Ok(done) if done.partitions > 0 => {
                self.tell(StreamEvent::Compacted(vec![done]));
                Ok(())
            }
            Ok(_) => Ok(()),
            // Somebody is about to hold the sinks: another time.
            Err(error) if error.kind == ErrorKind::Busy => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn compact_groups(&self, table: &Arc<Table>, run_id: &str, groups: Vec<Group>) -> Result<Compaction> {
        let _one_at_a_time = self.compacting.lock().await;
        if self.control.is_held() {
            return Err(Error::new(ErrorKind::Busy, "The stream is being reset: compact when that is over."));
        }
        let mut done = Compaction { table: table.full_name(), ..Compaction::default() };
        if groups.is_empty() {
            return Ok(done);
        }
        let mut merged: Vec<(Group, NewFile)> = Vec::new();
        for group in groups {
            let (of_table, of_run) = (table.clone(), run_id.to_owned());
            let work = move || merge(&of_table, &of_run, &group.key, &group.files).map(|file| (group, file));
            let outcome = tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| {
                Err(Error::with(ErrorKind::Internal, format!("The compaction stopped unexpectedly: {e}"), e))
            });
            match outcome.and_then(|(group, file)| same_rows(table, group, file)) {
                Ok(pair) => merged.push(pair),
                Err(error) => {
                    let written: Vec<NewFile> = merged.into_iter().map(|(_, file)| file).collect();
                    super::warehouse::remove(table, &written);
                    return Err(error);
                }
            }
        }
        self.swap(table, run_id, merged, &mut done).await?;
        Ok(done)
    }

    /// Shows the new files instead of the old ones.
    async fn swap(
        &self,
        table: &Arc<Table>,
        run_id: &str,
        merged: Vec<(Group, NewFile)>,
        done: &mut Compaction,
    ) -> Result<()> {
        let _writer = table.writer().await;
        let current = table.current().await?;
        let live: HashSet<&str> = current.files.iter().map(|file| file.path.as_str()).collect();
        // A reset may have come in between: it takes old files out of the log, and new ones that it does not know from the disk.
        let still = |(group, file): &(Group, NewFile)| {
            let there = table.dir().join(&file.path).metadata().is_ok_and(|metadata| metadata.len() == file.bytes);
            there && group.files.iter().all(|path| live.contains(path.as_str()))
        };
        let (good, stale): (Vec<_>, Vec<_>) = merged.into_iter().partition(still);
        let stale: Vec<NewFile> = stale.into_iter().map(|(_, file)| file).collect();
        super::warehouse::remove(table, &stale);
        if good.is_empty() {
            return Ok(());
        }
        let replaced: HashSet<&str> = good.iter().flat_map(|(group, _)| &group.files).map(String::as_str).collect();
        let adds: Vec<NewFile> = good.iter().map(|(_, file)| file.clone()).collect();
        super::append::sync_files(table, &adds).await?;
        let label = Label { kind: Kind::Compact, ..Label::run(run_id) };
        let version = table.replace(|file| replaced.contains(file.path.as_str()), &adds, &label).await;
        match version {
            Ok(version) => self.compacted(table, version).await,
            Err(error) => {
                // What became of it is not known, so both are kept until nobody can need them.
                self.sweeper.doom(table, adds.iter().map(|file| file.path.clone()));
                return Err(error);
            }
        }
        self.sweeper.doom(table, good.iter().flat_map(|(group, _)| group.files.iter().cloned()));
        for (group, file) in &good {
            done.partitions += 1;
            done.rows += group.rows;
            done.files_before += group.files.len() as u64;
            done.files_after += 1;
            done.bytes_before += group.bytes;
            done.bytes_after += file.bytes;
        }
        Ok(())
    }

    /// The same messages are in the table, in another version of it.
    async fn compacted(&self, table: &Arc<Table>, version: i64) {
        if Arc::ptr_eq(table, &self.rows.table) {
            self.rows.ledger.lock().await.committed(version);
        } else if Arc::ptr_eq(table, &self.errors.table) {
            self.errors.ledger.lock().await.committed(version);
        } else {
            self.bronze.ledger.lock().await.committed(version);
        }
    }
}

/// No row is lost and none is doubled, as far as counting tells.
fn same_rows(table: &Table, group: Group, file: NewFile) -> Result<(Group, NewFile)> {
    if file.rows == group.rows {
        return Ok((group, file));
    }
    super::warehouse::remove(table, std::slice::from_ref(&file));
    Err(Error::new(
        ErrorKind::Internal,
        format!(
            "{} files of {} with {} rows gave {} rows when merged. Nothing was changed.",
            group.files.len(),
            table.full_name(),
            group.rows,
            file.rows
        ),
    ))
}
