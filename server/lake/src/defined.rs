//! Datasets that an admin defines: what is delivered, and how its tables are made of it.
//!
//! Each has four tables: `bronze.NAME` as delivered, `silver.NAME` without repeated rows, `gold.NAME_daily` with sums by day, and
//! `warehouse.NAME`, clustered. Definitions are kept in versions, in `datasets/NAME.json` below the data folder.

mod draft;
mod kept;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use showrunner_ingest::TableSchema;
pub use showrunner_ingest::{FieldSchema, FieldType, Mode};

use crate::datasets::{CUSTOMER, DATE, Dataset};
use crate::delta::{DATASET, Home, Shape, Table};
use crate::model::Zone;
use crate::ports::WarehouseTable;
use crate::transform::DefinedPlan;
use crate::warehouse::types;
use crate::{Error, ErrorKind, Result, keys, warehouse};

pub use draft::{Draft, Sampled, draft};
pub(crate) use kept::Shelf;
pub use kept::{Kept, Version};

/// BigQuery's limit.
const MOST_CLUSTER: usize = 4;
const MOST_COLUMNS: usize = 500;
const LONGEST_TITLE: usize = 80;
/// The column of gold with the number of rows.
pub const ROW_COUNT: &str = "row_count";
/// In the log of bronze: a digest of what the tables were made for.
const LAYOUT: &str = "showrunner.layout";

/// What a dataset is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name in keys and of its tables: `london_cycle_hire`.
    pub name: String,
    /// For people.
    pub title: String,
    /// How the sample was written: `CSV`. Deliveries are read by what they hold.
    pub format: String,
    /// Top-level columns in the order of the tables.
    pub columns: Vec<Column>,
    /// The DATE or TIMESTAMP column with the day of a row, which has to be its folder's; `None`: a row is of its folder's day.
    pub day: Option<String>,
    /// What rows of the warehouse are sorted by, and counted by in gold. At most four.
    pub cluster: Vec<String>,
    /// Rows that are equal in all of these are one; the one delivered last stays. Empty: each row is one.
    pub key: Vec<String>,
}

/// A column of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// In tables.
    pub name: String,
    /// As delivered.
    pub field: FieldSchema,
    /// The info type of the personal data that is expected in it.
    pub expected: Option<String>,
    /// Summed up in gold.
    pub measure: bool,
    /// What the sample said: `3 of 1,000 values are no INTEGER`.
    #[serde(default)]
    pub note: String,
}

impl Column {
    fn scalar(&self) -> bool {
        self.field.mode != Mode::Repeated && self.field.field_type != FieldType::Record
    }

    /// Whether it can be part of a key.
    pub fn keys(&self) -> bool {
        self.scalar() && self.field.field_type != FieldType::Float
    }

    /// Whether it can be summed up.
    pub fn measures(&self) -> bool {
        self.scalar() && matches!(self.field.field_type, FieldType::Integer | FieldType::Float)
    }

    /// Whether it can say of which day a row is.
    pub fn days(&self) -> bool {
        self.scalar() && matches!(self.field.field_type, FieldType::Date | FieldType::Timestamp)
    }
}

fn invalid(words: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, words)
}

/// BigQuery's rule for the name of a column, short enough for every page.
fn is_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Names that the lake's own columns have.
fn is_taken(name: &str) -> bool {
    [DATE, CUSTOMER, ROW_COUNT].iter().any(|own| own.eq_ignore_ascii_case(name))
}

impl Definition {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The table of a zone.
    pub fn table(&self, zone: Zone) -> String {
        match zone {
            Zone::Gold => format!("{}_daily", self.name),
            _ => self.name.clone(),
        }
    }

    /// Whether tables of one are tables of the other.
    pub fn same_layout(&self, other: &Definition) -> bool {
        self.layout() == other.layout()
    }

    fn layout(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|c| (&c.name, &c.field, c.measure)).collect();
        let text = serde_json::to_vec(&(columns, &self.day, &self.cluster, &self.key)).unwrap_or_default();
        format!("{:08x}", crc32c::crc32c(&text))
    }

    /// Whether everything fits together.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with what does not, and what to do.
    pub fn check(&self) -> Result<()> {
        keys::check_dataset(&self.name)?;
        if self.name.len() > 40 || self.name.ends_with("_daily") || self.name.ends_with("_stream") {
            return Err(invalid("A dataset's name takes up to 40 characters and does not end in _daily or _stream."));
        }
        let title = self.title.chars();
        if self.title.trim().is_empty() || title.clone().count() > LONGEST_TITLE || title.clone().any(char::is_control)
        {
            return Err(invalid(format!("A title takes 1 to {LONGEST_TITLE} characters.")));
        }
        if self.columns.is_empty() || self.columns.len() > MOST_COLUMNS {
            return Err(invalid(format!("A dataset has 1 to {MOST_COLUMNS} columns.")));
        }
        let (mut names, mut sources) = (HashSet::new(), HashSet::new());
        for column in &self.columns {
            check_name(&column.name)?;
            check_fields(&column.name, &column.field)?;
            if !names.insert(column.name.to_ascii_lowercase()) || !sources.insert(&column.field.name) {
                return Err(invalid(format!("The column {} is there twice.", column.name)));
            }
            if column.measure && !column.measures() {
                return Err(invalid(format!("{} cannot be summed up: it is no number.", column.name)));
            }
        }
        self.check_roles()
    }

    fn check_roles(&self) -> Result<()> {
        let known = |name: &String| {
            self.column(name).ok_or_else(|| invalid(format!("There is no column {name} in the dataset.")))
        };
        if let Some(day) = &self.day
            && !known(day)?.days()
        {
            return Err(invalid(format!("{day} cannot say the day of a row: it is neither DATE nor TIMESTAMP.")));
        }
        for name in self.key.iter().chain(&self.cluster) {
            if !known(name)?.keys() {
                return Err(invalid(format!(
                    "{name} can be no part of the key or the clustering: choose columns that are neither FLOAT nor nested."
                )));
            }
        }
        if self.cluster.len() > MOST_CLUSTER {
            return Err(invalid(format!("A table is clustered by up to {MOST_CLUSTER} columns.")));
        }
        Ok(())
    }

    /// As the reader of files needs it.
    fn dataset(&self) -> Dataset {
        let fields = self.columns.iter().map(|column| column.field.clone()).collect();
        let day = self.day.as_ref().and_then(|day| self.column(day)).map(|column| column.field.name.clone());
        Dataset {
            name: self.name.clone(),
            title: format!("{}, as delivered", self.title),
            schema: Arc::new(TableSchema { fields }),
            columns: Some(self.columns.iter().map(|column| column.name.clone()).collect()),
            day,
            events: None,
            properties: BTreeMap::from([(LAYOUT.to_owned(), self.layout()), (DATASET.to_owned(), self.name.clone())]),
        }
    }
}

fn check_name(name: &str) -> Result<()> {
    if !is_name(name) {
        return Err(invalid(format!(
            "'{}' is no name of a column: it takes letters, digits and _, a letter first.",
            name.chars().take(60).collect::<String>()
        )));
    }
    if is_taken(name) {
        return Err(invalid(format!("{name} is a column of the lake itself: give the column another name.")));
    }
    Ok(())
}

fn check_fields(path: &str, field: &FieldSchema) -> Result<()> {
    if (field.field_type == FieldType::Record) == field.fields.is_empty() {
        return Err(invalid(format!("{path} has to be a RECORD with fields, or neither.")));
    }
    for inner in &field.fields {
        let path = format!("{path}.{}", inner.name);
        if !is_name(&inner.name) {
            return Err(invalid(format!("{path} is no name of a field: rename it in the files.")));
        }
        check_fields(&path, inner)?;
    }
    Ok(())
}

/// A dataset with its tables.
pub(crate) struct Defined {
    pub definition: Definition,
    dataset: Arc<Dataset>,
    plan: Arc<DefinedPlan>,
    /// Bronze, silver, gold.
    pub tables: Vec<Arc<Table>>,
}

impl Defined {
    /// Nothing is on disk yet, or everything.
    pub fn new(definition: Definition, home: &Home) -> Result<Self> {
        definition.check()?;
        let dataset = Arc::new(definition.dataset());
        let plan = Arc::new(DefinedPlan::new(&definition, &dataset.bronze())?);
        let mut defined = Defined { definition, dataset, plan, tables: Vec::new() };
        let [bronze, silver, gold, _] = defined.shapes()?;
        for shape in [bronze, silver, gold] {
            defined.tables.push(home.table(shape)?);
        }
        Ok(defined)
    }

    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    pub fn plan(&self) -> &Arc<DefinedPlan> {
        &self.plan
    }

    /// The table of a zone before the warehouse.
    pub fn table(&self, zone: Zone) -> Result<&Arc<Table>> {
        self.tables.iter().find(|table| table.shape.zone == zone).ok_or_else(|| {
            Error::new(ErrorKind::Internal, format!("{} has no table in {}.", self.definition.name, zone.name()))
        })
    }

    /// Whether bronze is what this definition says; so are the others then.
    pub async fn is_made(&self) -> Result<bool> {
        let bronze = self.table(Zone::Bronze)?;
        Ok(bronze.exists() && bronze.shape_in_log().await?.contains(&format!("{:?}", self.definition.layout())))
    }

    /// The serving table.
    pub fn serving(&self) -> Result<WarehouseTable> {
        let columns = self.plan.silver_schema().fields().iter();
        let columns =
            columns.map(|f| Ok((f.name().clone(), types::from_arrow(f.data_type())?))).collect::<Result<_>>()?;
        Ok(WarehouseTable {
            name: self.definition.table(Zone::Warehouse),
            columns,
            partition: DATE.to_owned(),
            cluster: self.definition.cluster.clone(),
        })
    }

    /// Bronze, silver, gold, warehouse.
    pub fn shapes(&self) -> Result<[Shape; 4]> {
        let Definition { title, key, .. } = &self.definition;
        let of = |zone, words: String, schema| Shape {
            zone,
            name: self.definition.table(zone),
            title: words,
            schema,
            partition: vec![DATE.to_owned(), CUSTOMER.to_owned()],
            properties: BTreeMap::from([(DATASET.to_owned(), self.definition.name.clone())]),
        };
        let once = match key.is_empty() {
            true => format!("{title}, typed and trimmed"),
            false => format!("{title}, typed and trimmed, each {} once", key.join(" and ")),
        };
        Ok([
            self.dataset.bronze(),
            of(Zone::Silver, once, self.plan.silver_schema().clone()),
            of(Zone::Gold, format!("{title}, counted and summed up by day"), self.plan.gold_schema().clone()),
            warehouse::shape(&self.serving()?)?,
        ])
    }
}

#[cfg(test)]
mod tests;
