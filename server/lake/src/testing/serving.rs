//! A warehouse elsewhere for tests of who follows it: rows in memory, and calls that fail before or after they did what was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, AsArray, BooleanArray, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Date32Type};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use chrono::{Days, NaiveDate};

use crate::model::TableOutcome;
use crate::ports::{Question, Served, ServingWarehouse, TablePolicies, Warehouse, WarehouseTable};
use crate::{Error, ErrorKind, Result};

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    /// Nothing was done.
    Before,
    /// All was done, and the answer was lost.
    After,
    /// Nothing was done yet; it is when somebody settles.
    Late,
}

#[derive(Default)]
struct State {
    tables: BTreeMap<String, (WarehouseTable, Vec<RecordBatch>)>,
    views: BTreeMap<String, String>,
    late: Vec<(String, RecordBatch)>,
    fails: Vec<Fails>,
    jobs: Vec<String>,
    policies: BTreeMap<String, TablePolicies>,
    refuses: Vec<Option<Fails>>,
    asked: Vec<Question>,
}

/// See the module.
#[derive(Default)]
pub struct MemoryWarehouse(Mutex<State>);

impl MemoryWarehouse {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next calls that change rows fail so, the first first.
    pub fn fail(&self, fails: &[Fails]) {
        self.state().fails = fails.to_vec();
    }

    /// Failures that have not come yet.
    pub fn failures_left(&self) -> usize {
        self.state().fails.len()
    }

    /// All rows of a table.
    pub fn rows(&self, table: &str) -> Vec<RecordBatch> {
        self.state().tables.get(table).map(|(_, rows)| rows.clone()).unwrap_or_default()
    }

    /// What the next calls that set policies do, the first first: `None` works.
    pub fn refuse(&self, refuses: &[Option<Fails>]) {
        self.state().refuses = refuses.to_vec();
    }

    /// The policies of a table.
    pub fn policies(&self, table: &str) -> TablePolicies {
        self.state().policies.get(table).cloned().unwrap_or_default()
    }

    /// Questions so far.
    pub fn asked(&self) -> Vec<Question> {
        self.state().asked.clone()
    }

    /// The text of a view.
    pub fn view(&self, name: &str) -> Option<String> {
        self.state().views.get(name).cloned()
    }

    /// Does it, or fails as is wanted.
    fn change(&self, append: Option<(&str, &RecordBatch)>, work: impl FnOnce(&mut State) -> Result<()>) -> Result<()> {
        let lost = || Err(Error::new(ErrorKind::Unavailable, "The warehouse elsewhere did not answer."));
        let mut state = self.state();
        let fails = (!state.fails.is_empty()).then(|| state.fails.remove(0));
        match (fails, append) {
            (None, _) => work(&mut state),
            (Some(Fails::After), _) => work(&mut state).and_then(|()| lost()),
            (Some(Fails::Late), Some((table, rows))) => {
                state.late.push((table.to_owned(), rows.clone()));
                lost()
            }
            (Some(Fails::Before | Fails::Late), _) => lost(),
        }
    }
}

fn unknown(table: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("There is no table {table} elsewhere."))
}

fn known<'a>(state: &'a mut State, table: &str) -> Result<&'a mut Vec<RecordBatch>> {
    state.tables.get_mut(table).map(|(_, rows)| rows).ok_or_else(|| unknown(table))
}

/// The dates of the rows of a batch.
fn dates(batch: &RecordBatch) -> Vec<NaiveDate> {
    let column = batch.column_by_name("date").expect("every table of the warehouse has a date");
    let column = cast(column, &DataType::Date32).expect("dates");
    let days = column.as_primitive::<Date32Type>().iter().flatten();
    days.map(|day| NaiveDate::default() + Days::new(u64::try_from(day).expect("after 1970"))).collect()
}

fn without(batch: &RecordBatch, gone: &[NaiveDate]) -> RecordBatch {
    let keep: Vec<bool> = dates(batch).iter().map(|date| !gone.contains(date)).collect();
    filter_record_batch(batch, &BooleanArray::from(keep)).expect("rows")
}

#[async_trait]
impl Warehouse for MemoryWarehouse {
    async fn create_table(&self, table: &WarehouseTable) -> Result<()> {
        self.state().tables.entry(table.name.clone()).or_insert_with(|| (table.clone(), Vec::new()));
        Ok(())
    }

    async fn table(&self, name: &str) -> Result<WarehouseTable> {
        self.state().tables.get(name).map(|(table, _)| table.clone()).ok_or_else(|| unknown(name))
    }

    async fn load(
        &self,
        name: &str,
        job: &str,
        partitions: Vec<(NaiveDate, Vec<RecordBatch>)>,
    ) -> Result<TableOutcome> {
        let version = self.state().jobs.len() as i64;
        let rows = partitions.iter().flat_map(|(_, batches)| batches).map(|batch| batch.num_rows() as u64).sum();
        self.change(None, |state| {
            if state.jobs.iter().any(|known| known == job) {
                return Ok(());
            }
            state.jobs.push(job.to_owned());
            let gone: Vec<NaiveDate> = partitions.iter().map(|(date, _)| *date).collect();
            let there = known(state, name)?;
            *there = there.iter().map(|batch| without(batch, &gone)).collect();
            there.extend(partitions.into_iter().flat_map(|(_, batches)| batches));
            Ok(())
        })?;
        Ok(TableOutcome { table: name.to_owned(), rows, files: 0, bytes: 0, version })
    }

    async fn partitions(&self, name: &str) -> Result<Vec<(NaiveDate, u64)>> {
        let mut counts: BTreeMap<NaiveDate, u64> = BTreeMap::new();
        for date in known(&mut self.state(), name)?.iter().flat_map(dates) {
            *counts.entry(date).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    async fn truncate(&self, name: &str) -> Result<()> {
        self.change(None, |state| {
            known(state, name)?.clear();
            Ok(())
        })
    }
}

#[async_trait]
impl ServingWarehouse for MemoryWarehouse {
    fn dataset(&self) -> String {
        "project.memory".to_owned()
    }

    async fn append(&self, table: &str, rows: &RecordBatch) -> Result<()> {
        self.change(Some((table, rows)), |state| {
            known(state, table)?.push(rows.clone());
            Ok(())
        })
    }

    async fn settle(&self, table: &str) -> Result<()> {
        let mut state = self.state();
        let (of, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.late).into_iter().partition(|(name, _)| name == table);
        state.late = others;
        let there = known(&mut state, table)?;
        there.extend(of.into_iter().map(|(_, rows)| rows));
        Ok(())
    }

    async fn columns(&self, table: &str, columns: &[&str]) -> Result<Vec<RecordBatch>> {
        let mut state = self.state();
        let project = |batch: &RecordBatch| {
            let at =
                columns.iter().map(|column| batch.schema().index_of(column).expect("a column")).collect::<Vec<_>>();
            batch.project(&at).expect("columns")
        };
        Ok(known(&mut state, table)?.iter().map(project).collect())
    }

    async fn create_view(&self, name: &str, sql: &str) -> Result<()> {
        self.state().views.insert(name.to_owned(), sql.to_owned());
        Ok(())
    }

    async fn ask(&self, question: Question) -> Result<Served> {
        let mut state = self.state();
        state.asked.push(question);
        // One row that says who answered: nobody here reads SQL.
        let column: ArrayRef = Arc::new(StringArray::from(vec!["elsewhere"]));
        Ok(Served {
            batches: vec![RecordBatch::try_from_iter([("answered", column)]).expect("a row")],
            cut: false,
            job: format!("memory_{}", state.asked.len()),
            bytes_processed: 0,
            bytes_billed: 0,
            cache_hit: false,
        })
    }

    async fn set_policies(&self, table: &str, wanted: &TablePolicies) -> Result<()> {
        let mut state = self.state();
        known(&mut state, table)?;
        let refused = if state.refuses.is_empty() { None } else { state.refuses.remove(0) };
        if matches!(refused, None | Some(Fails::After)) {
            state.policies.insert(table.to_owned(), wanted.clone());
        }
        match refused {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::Denied, format!("Could not set the policies of {table}."))),
        }
    }

    async fn shape_checksum(&self, table: &str) -> Result<String> {
        let policies = self.policies(table);
        let table = self.table(table).await?;
        Ok(format!("{:08x}", crc32c::crc32c(format!("{table:?}{policies:?}").as_bytes())))
    }

    async fn sweep(&self) -> Result<u64> {
        Ok(0)
    }

    async fn drop_table(&self, table: &str) -> Result<()> {
        let mut state = self.state();
        state.tables.remove(table);
        state.policies.remove(table);
        Ok(())
    }
}
