//! The datasets that the lake knows: what a customer may deliver and where it lands in bronze.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::NaiveDate;
use showrunner_ingest::{GaSessionsVersion, TableSchema, ga_sessions_schema};

use crate::delta::Shape;
use crate::model::Zone;

/// A dataset: its schema as delivered.
pub(crate) struct Dataset {
    /// Its name in keys (`customer01/ga_sessions/…`) and of its bronze table.
    pub name: String,
    pub title: String,
    /// The newest schema. Days delivered with an older one have NULL in the columns that came later.
    pub schema: Arc<TableSchema>,
    /// Names of the top-level columns in tables, where they are not those of the files.
    pub columns: Option<Vec<String>>,
    /// The delivered column with the day of a row: every row has to be of its folder's day.
    pub day: Option<String>,
    /// What a stream must know of a record; `None` where nothing is streamed.
    pub events: Option<EventFields>,
    /// Kept with its tables.
    pub properties: BTreeMap<String, String>,
}

/// The fields of a record, at its top level, that a stream reads and moves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventFields {
    /// Whose events come in order.
    pub visitor: &'static str,
    /// When it happened, in epoch seconds.
    pub time: &'static str,
    /// Its day, as in [`raw_date`].
    pub date: &'static str,
    /// Epoch seconds that move with the day.
    pub instants: &'static [&'static str],
    /// The nested events, by far the most of a record.
    pub nested: &'static str,
}

impl Dataset {
    /// All known datasets.
    pub fn all() -> Vec<Dataset> {
        vec![Dataset {
            name: GA_SESSIONS.to_owned(),
            title: "Sessions as delivered, nested, with the file and the run that brought them".to_owned(),
            schema: Arc::new(ga_sessions_schema(GaSessionsVersion::Current)),
            columns: None,
            day: Some(DATE.to_owned()),
            properties: BTreeMap::new(),
            events: Some(EventFields {
                visitor: "fullVisitorId",
                time: "visitStartTime",
                date: "date",
                // The number of a session is the epoch second of its first hit.
                instants: &["visitStartTime", "visitId"],
                nested: "hits",
            }),
        }]
    }

    /// The bronze table: the delivered columns without `date`, which is a partition column, and where each row came from.
    pub fn bronze(&self) -> Shape {
        self.shape(&self.name, &self.title, &[])
    }

    /// The bronze table of what is streamed: the columns of [`Dataset::bronze`], and which message each row came in.
    pub fn bronze_stream(&self) -> Shape {
        let message = [
            Field::new(MESSAGE_ID, DataType::Utf8, true),
            Field::new(SEQ, DataType::Int64, true),
            Field::new(PUBLISH_TIME, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        ];
        let title = "Sessions as streamed, nested, with the message and the run that brought them";
        self.shape(&format!("{}_stream", self.name), title, &message)
    }

    /// Whether rows are of the day that stands in the column which is the partition: it is not stored twice.
    pub fn drops_date(&self) -> bool {
        self.columns.is_none()
    }

    /// Delivered columns under the names that they have in tables.
    pub fn stored(&self, delivered: &SchemaRef) -> SchemaRef {
        match &self.columns {
            None => delivered.clone(),
            Some(names) => {
                let fields = delivered.fields().iter().zip(names);
                Arc::new(Schema::new(fields.map(|(f, name)| f.as_ref().clone().with_name(name)).collect::<Vec<_>>()))
            }
        }
    }

    fn shape(&self, name: &str, title: &str, more: &[Field]) -> Shape {
        let delivered = self.stored(&self.schema.to_arrow());
        let mut fields: Vec<Arc<Field>> = delivered.fields().iter().filter(|f| f.name() != DATE).cloned().collect();
        let text = |name: &str| Arc::new(Field::new(name, DataType::Utf8, true));
        fields.extend([SOURCE_FILE, RUN_ID].map(text));
        fields.extend(more.iter().cloned().map(Arc::new));
        fields.extend([DATE, CUSTOMER].map(text));
        Shape {
            zone: Zone::Bronze,
            name: name.to_owned(),
            title: title.to_owned(),
            schema: Arc::new(Schema::new(fields)),
            partition: vec![DATE.to_owned(), CUSTOMER.to_owned()],
            properties: self.properties.clone(),
        }
    }
}

/// The dataset that is built in.
pub(crate) const GA_SESSIONS: &str = "ga_sessions";
/// The partition column with the day.
pub(crate) const DATE: &str = "date";
/// The partition column with the customer.
pub(crate) const CUSTOMER: &str = "customer";
/// The column with the file that a row was delivered in.
pub(crate) const SOURCE_FILE: &str = "_source_file";
/// The column with the run that loaded a row.
pub(crate) const RUN_ID: &str = "_run_id";
/// The column with the message that a streamed row came in.
pub(crate) const MESSAGE_ID: &str = "_message_id";
/// The column with a streamed row's number within its run.
pub(crate) const SEQ: &str = "_seq";
/// The column with the time at which a streamed row was published.
pub(crate) const PUBLISH_TIME: &str = "_publish_time";

/// The raw spelling of a date in the delivered files and in bronze: `20170729`.
pub(crate) fn raw_date(date: NaiveDate) -> String {
    date.format("%Y%m%d").to_string()
}
