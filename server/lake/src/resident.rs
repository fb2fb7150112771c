//! The report's tables, kept in memory: a filter changes in front of an audience, and every tile follows at once.
//!
//! Files of a Delta table never change, so each is read once, and a new version costs as much as its new files.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::MemTable;

use crate::delta::{Current, LiveFile, Table};
use crate::model::Zone;
use crate::policy::Access;
use crate::query::{Session, query_error};
use crate::zone::{damaged, read_columns};
use crate::{Error, ErrorKind, Result};

/// A table that the report reads, with the columns it needs.
struct Wanted {
    table: &'static str,
    columns: &'static [&'static str],
    /// Rows with this flag are left out; the report's queries leave them out as well.
    without: Option<&'static str>,
}

const WANTED: [Wanted; 2] = [
    Wanted {
        table: "sessions",
        columns: &[
            "date",
            "customer",
            "session_id",
            "full_visitor_id",
            "channel",
            "country",
            "country_code",
            // Of policies: a condition on a column that is not here reads the files.
            "continent",
            "region",
            "city",
            "device_category",
            "browser",
            "hits",
            "bounces",
            "new_visit",
            "transactions",
            "revenue",
            "products_viewed",
            "added_to_cart",
            "checkout_started",
            "checkout_completed",
        ],
        without: None,
    },
    Wanted {
        table: "products",
        // Nine of ten rows are products that were only seen in a list.
        columns: &["date", "customer", "session_id", "action", "name", "is_impression", "quantity", "revenue"],
        without: Some("is_impression"),
    },
];

/// What is in memory of one table.
struct Kept {
    version: i64,
    files: HashMap<String, RecordBatch>,
}

/// The tables in memory.
#[derive(Default)]
pub(crate) struct Resident(tokio::sync::Mutex<State>);

#[derive(Default)]
struct State {
    /// Of who sees everything.
    whole: Option<Arc<Session>>,
    at_hand: Vec<(&'static str, Arc<MemTable>)>,
    kept: HashMap<&'static str, Kept>,
}

impl Resident {
    /// A session over the newest versions of the tables in memory, under their usual names: `silver.sessions`, `silver.products`.
    /// `all` are the tables that the conditions of policies may read.
    pub async fn session(
        &self,
        silver: &[Arc<Table>],
        all: &[Arc<Table>],
        access: &Access,
        make: impl Fn(Access) -> Result<Session>,
    ) -> Result<Arc<Session>> {
        let mut state = self.0.lock().await;
        let mut changed = state.at_hand.is_empty();
        let mut fresh = HashMap::new();
        for wanted in &WANTED {
            let table = crate::silver::find(silver, wanted.table)?;
            let current = table.current().await?;
            let kept = state.kept.remove(wanted.table);
            changed |= kept.as_ref().is_none_or(|kept| kept.version != current.version);
            fresh.insert(wanted.table, refreshed(table, &current, wanted, kept).await?);
        }
        state.kept = fresh;
        if changed {
            // New tables: queries that are under way keep the versions they began with.
            state.whole = None;
            state.at_hand = at_hand(silver, &state.kept)?;
        }
        if let (Some(session), false) = (&state.whole, access.is_restricted()) {
            return Ok(session.clone());
        }
        let tables = state.at_hand.clone();
        if access.is_restricted() {
            // Never kept: it is of one identity and of the policies of this moment.
            drop(state);
            return restricted(silver, all, &tables, make(access.clone())?).await.map(Arc::new);
        }
        let mut session = make(access.clone())?;
        for (name, memory) in tables {
            session.add_at_hand(crate::silver::find(silver, name)?, memory, all, &[]).await?;
        }
        let session = Arc::new(session);
        state.whole = Some(session.clone());
        Ok(session)
    }
}

/// A session behind policies. One whose condition names a column that is not in memory reads the table's files.
async fn restricted(
    silver: &[Arc<Table>],
    all: &[Arc<Table>],
    tables: &[(&'static str, Arc<MemTable>)],
    mut session: Session,
) -> Result<Session> {
    let known: Vec<(TableReference, Arc<dyn TableProvider>)> = tables
        .iter()
        .map(|(name, memory)| (TableReference::partial(Zone::Silver.name(), *name), memory.clone() as _))
        .collect();
    for (name, memory) in tables {
        let table = crate::silver::find(silver, name)?;
        if session.add_at_hand(table, memory.clone(), all, &known).await.is_err() {
            session.add(table, &*table.current().await?, all).await?;
        }
    }
    Ok(session)
}

fn at_hand(silver: &[Arc<Table>], kept: &HashMap<&'static str, Kept>) -> Result<Vec<(&'static str, Arc<MemTable>)>> {
    let table = |wanted: &'static Wanted| {
        let table = crate::silver::find(silver, wanted.table)?;
        let files = kept.get(wanted.table).map(|kept| &kept.files);
        let mut names: Vec<_> = files.into_iter().flatten().collect();
        names.sort_by_key(|(path, _)| *path);
        let batches = names.into_iter().map(|(_, batch)| batch.clone()).collect();
        let memory = MemTable::try_new(schema(table, wanted)?, vec![batches]).map_err(query_error)?;
        Ok((wanted.table, Arc::new(memory)))
    };
    WANTED.iter().map(table).collect()
}

/// What is kept, without files that are gone, with those that are new.
async fn refreshed(table: &Arc<Table>, current: &Current, wanted: &'static Wanted, kept: Option<Kept>) -> Result<Kept> {
    let mut old = kept.map(|kept| kept.files).unwrap_or_default();
    let mut files = HashMap::new();
    let mut reading = tokio::task::JoinSet::new();
    for file in &current.files {
        match old.remove(&file.path) {
            Some(batch) => drop(files.insert(file.path.clone(), batch)),
            None => {
                let (table, file) = (table.clone(), file.clone());
                reading.spawn(async move { Ok::<_, Error>((file.path.clone(), read(&table, &file, wanted)?)) });
            }
        }
    }
    while let Some(read) = reading.join_next().await {
        let read = read
            .map_err(|e| Error::with(ErrorKind::Internal, format!("A file could not be read into memory: {e}"), e))?;
        let (path, batch) = read?;
        files.insert(path, batch);
    }
    Ok(Kept { version: current.version, files })
}

/// The wanted columns in the order of [`Wanted::columns`].
fn schema(table: &Table, wanted: &Wanted) -> Result<SchemaRef> {
    let field = |name: &&str| {
        let field = table.shape.schema.field_with_name(name);
        let field = field.map_err(|e| Error::with(ErrorKind::Internal, format!("Silver has no column {name}."), e))?;
        Ok(Field::new(*name, field.data_type().clone(), true))
    };
    Ok(Arc::new(Schema::new(wanted.columns.iter().map(field).collect::<Result<Vec<_>>>()?)))
}

fn read(table: &Table, file: &LiveFile, wanted: &Wanted) -> Result<RecordBatch> {
    let all = read_columns(table, file, &schema(table, wanted)?)?;
    let Some(flag) = wanted.without.and_then(|flag| all.column_by_name(flag)) else { return Ok(all) };
    let keep: BooleanArray = flag.as_boolean().iter().map(|flag| Some(flag != Some(true))).collect();
    filter_record_batch(&all, &keep).map_err(|e| damaged(&table.dir().join(&file.path), &e))
}
