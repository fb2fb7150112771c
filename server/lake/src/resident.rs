//! The report's tables, kept in memory: a filter changes in front of an audience, and every tile follows at once.
//!
//! Files of a Delta table never change, so each is read once, and a new version costs as much as its new files.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use crate::delta::{Current, LiveFile, Table};
use crate::model::Zone;
use crate::query::{query_error, register};
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
    context: Option<SessionContext>,
    kept: HashMap<&'static str, Kept>,
}

impl Resident {
    /// A session over the newest versions of the tables in memory, under their usual names: `silver.sessions`, `silver.products`.
    pub async fn session(
        &self,
        silver: &[Arc<Table>],
        context: impl Fn() -> Result<SessionContext>,
    ) -> Result<SessionContext> {
        let mut state = self.0.lock().await;
        let mut changed = state.context.is_none();
        let mut fresh = HashMap::new();
        for wanted in &WANTED {
            let table = crate::silver::find(silver, wanted.table)?;
            let current = table.current().await?;
            let kept = state.kept.remove(wanted.table);
            changed |= kept.as_ref().is_none_or(|kept| kept.version != current.version);
            fresh.insert(wanted.table, refreshed(table, &current, wanted, kept).await?);
        }
        state.kept = fresh;
        if let (Some(session), false) = (&state.context, changed) {
            return Ok(session.clone());
        }
        // A new session: queries that are under way keep the versions they began with.
        let session = context()?;
        for wanted in &WANTED {
            let table = crate::silver::find(silver, wanted.table)?;
            let files = state.kept.get(wanted.table).map(|kept| &kept.files);
            let mut names: Vec<_> = files.into_iter().flatten().collect();
            names.sort_by_key(|(path, _)| *path);
            let batches = names.into_iter().map(|(_, batch)| batch.clone()).collect();
            let memory = MemTable::try_new(schema(table, wanted)?, vec![batches]).map_err(query_error)?;
            register(&session, Zone::Silver, wanted.table, Arc::new(memory))?;
        }
        state.context = Some(session.clone());
        Ok(session)
    }
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
