//! The datasets that the lake knows: what a customer may deliver and where it lands in bronze.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use chrono::NaiveDate;
use showrunner_ingest::{GaSessionsVersion, TableSchema, ga_sessions_schema};

use crate::delta::Shape;
use crate::model::Zone;

/// A dataset: its schema as delivered.
pub(crate) struct Dataset {
    /// Its name in keys (`customer01/ga_sessions/…`) and of its bronze table.
    pub name: &'static str,
    title: &'static str,
    /// The newest schema. Days delivered with an older one have NULL in the columns that came later.
    pub schema: Arc<TableSchema>,
    /// What a stream must know of a record.
    pub events: EventFields,
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
            name: "ga_sessions",
            title: "Sessions as delivered, nested, with the file and the run that brought them",
            schema: Arc::new(ga_sessions_schema(GaSessionsVersion::Current)),
            events: EventFields {
                visitor: "fullVisitorId",
                time: "visitStartTime",
                date: "date",
                // The number of a session is the epoch second of its first hit.
                instants: &["visitStartTime", "visitId"],
                nested: "hits",
            },
        }]
    }

    /// The bronze table: the delivered columns without `date`, which is a partition column, and where each row came from.
    pub fn bronze(&self) -> Shape {
        self.shape(self.name, self.title, &[])
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

    fn shape(&self, name: &str, title: &str, more: &[Field]) -> Shape {
        let delivered = self.schema.to_arrow();
        let mut fields: Vec<Arc<Field>> = delivered.fields().iter().filter(|f| f.name() != "date").cloned().collect();
        let text = |name: &str| Arc::new(Field::new(name, DataType::Utf8, true));
        fields.extend([SOURCE_FILE, RUN_ID].map(text));
        fields.extend(more.iter().cloned().map(Arc::new));
        fields.extend(["date", "customer"].map(text));
        Shape {
            zone: Zone::Bronze,
            name: name.to_owned(),
            title: title.to_owned(),
            schema: Arc::new(Schema::new(fields)),
            partition: vec!["date".to_owned(), "customer".to_owned()],
            properties: BTreeMap::new(),
        }
    }
}

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
