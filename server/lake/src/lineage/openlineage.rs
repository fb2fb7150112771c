//! Lineage as OpenLineage run events, and back. <https://openlineage.io/spec/2-0-2/OpenLineage.json>

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::{ColumnRef, Input, Job, JobKind, Kind, Lineage, OutputColumn};
use crate::{Error, ErrorKind, Result};

const RUN_EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
/// What an input says of itself beyond the specification's facets is a plain facet of an input, as far as a schema goes.
const INPUT_FACET: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/InputDatasetFacet";
/// The producer's URI: what wrote the events, and which version of it.
const PRODUCER: &str = concat!("urn:showrunner:", env!("CARGO_PKG_VERSION"));

/// A job that ran.
#[derive(Debug, Clone)]
pub struct Ran<'a> {
    /// Where job and datasets have their names: `showrunner-demo-dev`.
    pub namespace: &'a str,
    /// Of the run or stream: `run-0059-7f3a`.
    pub run_id: &'a str,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it was over.
    pub ended: DateTime<Utc>,
    /// The version of the table that it made.
    pub version: Option<i64>,
    /// What it read: files, days.
    pub reads: &'a [String],
}

/// The events of a job that ran: START and COMPLETE.
pub fn events(job: &Job, ran: &Ran<'_>) -> [Value; 2] {
    let event = |kind: &str, at: DateTime<Utc>| {
        json!({
            "eventType": kind,
            "eventTime": at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "producer": PRODUCER,
            "schemaURL": RUN_EVENT,
            "run": {
                "runId": uuid(&format!("{}/{}", ran.run_id, job.key())),
                "facets": { "parent": facet("1-2-0/ParentRunFacet", json!({
                    "run": { "runId": uuid(ran.run_id) },
                    "job": { "namespace": ran.namespace, "name": ran.run_id },
                })) },
            },
            "job": { "namespace": ran.namespace, "name": job.key(), "facets": job_facets(job) },
            "inputs": job.lineage.tables.iter().map(|table| input(job, table, ran)).collect::<Vec<_>>(),
            "outputs": [output(job, ran)],
        })
    };
    [event("START", ran.started), event("COMPLETE", ran.ended.max(ran.started))]
}

/// Where an event is sent to. Google's Data Lineage API takes an event that is told twice once only if the request says which it is
/// (<https://cloud.google.com/data-catalog/docs/reference/data-lineage/rest/v1/projects.locations/processOpenLineageRunEvent>): by an id that
/// follows from the event.
pub fn address(url: &str, event: &Value) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    if !path.ends_with(":processOpenLineageRunEvent") || query.contains("requestId=") {
        return url.to_owned();
    }
    let and = if query.is_empty() { "" } else { "&" };
    format!("{path}?{query}{and}requestId={}", uuid(&event.to_string()))
}

/// A facet of the specification: `1-2-0/ParentRunFacet`.
fn facet(schema: &str, fields: Value) -> Value {
    let name = schema.rsplit('/').next().unwrap_or_default();
    facet_of(&format!("https://openlineage.io/spec/facets/{schema}.json#/$defs/{name}"), fields)
}

fn facet_of(schema_url: &str, mut fields: Value) -> Value {
    fields["_producer"] = json!(PRODUCER);
    fields["_schemaURL"] = json!(schema_url);
    fields
}

fn job_facets(job: &Job) -> Value {
    let streams = matches!(job.kind, JobKind::Publish | JobKind::Stream);
    let mut facets = json!({
        "jobType": facet("2-0-4/JobTypeJobFacet", json!({
            "processingType": if streams { "STREAMING" } else { "BATCH" },
            "integration": "SHOWRUNNER",
            "jobType": job.kind.name().to_uppercase(),
        })),
        "documentation": facet("1-1-0/DocumentationJobFacet", json!({ "description": job.title })),
    });
    if let Some(sql) = &job.sql {
        facets["sql"] = facet("1-1-0/SQLJobFacet", json!({ "query": sql, "dialect": "datafusion" }));
    }
    facets
}

fn input(job: &Job, table: &str, ran: &Ran<'_>) -> Value {
    let mut dataset = json!({ "namespace": ran.namespace, "name": table });
    // What was read of it is known where there is one input; of several each has its own files.
    if job.lineage.tables.len() == 1 && !ran.reads.is_empty() {
        dataset["inputFacets"] = json!({ "showrunner_reads": facet_of(INPUT_FACET, json!({ "reads": ran.reads })) });
    }
    dataset
}

fn output(job: &Job, ran: &Ran<'_>) -> Value {
    let of = |input: &Input, description: &str| {
        let transformations: Vec<Value> = input.kinds.iter().map(|kind| transformation(*kind, description)).collect();
        json!({
            "namespace": ran.namespace,
            "name": input.of.table,
            "field": input.of.column,
            "transformations": transformations,
        })
    };
    let mut fields = Map::new();
    for column in job.lineage.columns.iter().filter(|column| !column.inputs.is_empty()) {
        let inputs: Vec<Value> = column.inputs.iter().map(|input| of(input, &column.expression)).collect();
        fields.insert(column.column.clone(), json!({ "inputFields": inputs }));
    }
    let dataset: Vec<Value> = job.lineage.rows.iter().map(|input| of(input, "")).collect();
    let schema: Vec<Value> = job.lineage.columns.iter().map(|column| json!({ "name": column.column })).collect();
    let mut facets = json!({
        "schema": facet("1-2-0/SchemaDatasetFacet", json!({ "fields": schema })),
        "columnLineage": facet("1-2-0/ColumnLineageDatasetFacet", json!({ "fields": fields, "dataset": dataset })),
    });
    if let Some(version) = ran.version {
        let version = json!({ "datasetVersion": version.to_string() });
        facets["version"] = facet("1-0-1/DatasetVersionDatasetFacet", version);
    }
    json!({ "namespace": ran.namespace, "name": job.output, "facets": facets })
}

fn transformation(kind: Kind, description: &str) -> Value {
    json!({
        "type": if kind.is_direct() { "DIRECT" } else { "INDIRECT" },
        "subtype": kind.name().to_uppercase().replace(' ', "_"),
        "description": description,
        "masking": false,
    })
}

/// A UUID (version 8, RFC 9562) that follows from the text: the same run has the same one each time it is told.
fn uuid(text: &str) -> String {
    let mut bytes = [0; 16];
    for (byte, of) in bytes.iter_mut().zip(Sha256::digest(text.as_bytes())) {
        *byte = of;
    }
    Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// An event of somebody else's, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its run.
    pub run_id: String,
    /// `START`, `COMPLETE` …; empty for an event about a job or a dataset alone.
    pub event_type: String,
    /// As it was written.
    pub event_time: String,
    /// Namespace and name of the job, separated by a slash.
    pub job: String,
}

/// Checks what the specification requires of a run event.
///
/// # Errors
/// [`ErrorKind::Invalid`] with the field that is missing or wrong.
pub fn check(event: &Value) -> Result<Event> {
    let text = |path: &str| {
        let found = event.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        found.map(str::to_owned).ok_or_else(|| {
            let field = path.trim_start_matches('/').replace('/', ".");
            invalid(format!("The event is no OpenLineage run event: it has no {field}."))
        })
    };
    let event_time = text("/eventTime")?;
    if DateTime::parse_from_rfc3339(&event_time).is_err() {
        return Err(invalid(format!(
            "The event's eventTime is '{event_time}', which is no date and time of RFC 3339."
        )));
    }
    let run_id = text("/run/runId")?;
    if Uuid::try_parse(&run_id).is_err() {
        return Err(invalid(format!("The event's run.runId is '{run_id}', which is no UUID.")));
    }
    text("/producer")?;
    let job = format!("{}/{}", text("/job/namespace")?, text("/job/name")?);
    let event_type = event.get("eventType").and_then(Value::as_str).unwrap_or("OTHER");
    if !["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"].contains(&event_type) {
        return Err(invalid(format!("The event's eventType is '{event_type}', which OpenLineage does not know.")));
    }
    for list in ["inputs", "outputs"] {
        for dataset in event.get(list).and_then(Value::as_array).into_iter().flatten() {
            let named = |field| dataset.get(field).is_some_and(Value::is_string);
            if !named("namespace") || !named("name") {
                return Err(invalid(format!("One of the event's {list} has no namespace or no name.")));
            }
        }
    }
    Ok(Event { run_id, event_type: event_type.to_owned(), event_time, job })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// The jobs of an event that was checked: one for each output. Datasets of `own` namespace are the lake's, others stand in the zone
/// `external` under namespace and name.
pub fn jobs_of(event: &Value, own: &str) -> Vec<Job> {
    let table = |dataset: &Value| {
        let text = |field| dataset.get(field).and_then(Value::as_str).unwrap_or_default();
        match text("namespace") {
            namespace if namespace == own => text("name").to_owned(),
            namespace => format!("external.{namespace}/{}", text("name")),
        }
    };
    let list = |name: &str| event.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let tables: Vec<String> = list("inputs").iter().map(table).collect();
    let inputs = |fields: Option<&Value>| -> Vec<Input> {
        let fields = fields.and_then(Value::as_array).into_iter().flatten();
        let one = |field: &Value| {
            let column = field.get("field").and_then(Value::as_str)?.to_owned();
            let mut kinds: Vec<Kind> = field
                .get("transformations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(kind_of)
                .collect();
            kinds.sort_unstable();
            kinds.dedup();
            if kinds.is_empty() {
                kinds.push(Kind::Transformation);
            }
            Some(Input { of: ColumnRef { table: table(field), column }, kinds })
        };
        fields.filter_map(one).collect()
    };
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let title = text("/job/facets/documentation/description").or_else(|| text("/job/name")).unwrap_or_default();
    let sql = text("/job/facets/sql/query");
    let one = |output: &Value| {
        let facet = output.pointer("/facets/columnLineage");
        let mut columns = Vec::new();
        for field in output.pointer("/facets/schema/fields").and_then(Value::as_array).into_iter().flatten() {
            if let Some(name) = field.get("name").and_then(Value::as_str) {
                columns.push(OutputColumn {
                    column: name.to_owned(),
                    expression: String::new(),
                    kind: None,
                    inputs: Vec::new(),
                });
            }
        }
        for (name, field) in
            facet.and_then(|facet| facet.get("fields")).and_then(Value::as_object).into_iter().flatten()
        {
            let inputs = inputs(field.get("inputFields"));
            let described = field.pointer("/inputFields/0/transformations/0/description").and_then(Value::as_str);
            let kind = inputs.iter().flat_map(|input| &input.kinds).copied().filter(|kind| kind.is_direct()).max();
            let expression = described.unwrap_or_default().to_owned();
            let column = OutputColumn { column: name.clone(), expression, kind, inputs };
            match columns.iter_mut().find(|known| known.column == *name) {
                Some(known) => *known = column,
                None => columns.push(column),
            }
        }
        let rows = inputs(facet.and_then(|facet| facet.get("dataset")));
        Job {
            kind: JobKind::External,
            output: table(output),
            title: title.clone(),
            sql: sql.clone(),
            lineage: Lineage { columns, rows, tables: tables.clone() },
        }
    };
    list("outputs").iter().map(one).collect()
}

fn kind_of(transformation: &Value) -> Option<Kind> {
    let text = |field| transformation.get(field).and_then(Value::as_str).unwrap_or_default();
    let subtype = text("subtype").to_lowercase().replace('_', " ");
    let known = Kind::ALL.into_iter().find(|kind| kind.name() == subtype);
    known.or_else(|| (text("type") == "DIRECT").then_some(Kind::Transformation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        let input = |table: &str, column: &str, kind| Input {
            of: ColumnRef { table: table.to_owned(), column: column.to_owned() },
            kinds: vec![kind],
        };
        Job {
            kind: JobKind::Transform,
            output: "gold.daily".to_owned(),
            title: "Key figures".to_owned(),
            sql: Some("SELECT day, sum(a) AS a FROM silver.s WHERE b GROUP BY day".to_owned()),
            lineage: Lineage {
                columns: vec![
                    OutputColumn {
                        column: "day".to_owned(),
                        expression: "day".to_owned(),
                        kind: Some(Kind::Identity),
                        inputs: vec![input("silver.s", "day", Kind::Identity)],
                    },
                    OutputColumn {
                        column: "a".to_owned(),
                        expression: "sum(a)".to_owned(),
                        kind: Some(Kind::Aggregation),
                        inputs: vec![input("silver.s", "a", Kind::Aggregation)],
                    },
                ],
                rows: vec![input("silver.s", "b", Kind::Filter), input("silver.s", "day", Kind::GroupBy)],
                tables: vec!["silver.s".to_owned()],
            },
        }
    }

    fn ran(reads: &[String]) -> Ran<'_> {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        Ran { namespace: "own", run_id: "run-0001-abcd", started: at(10), ended: at(12), version: Some(3), reads }
    }

    /// As a request to Google's Data Lineage API, which takes an OpenLineage event as its body.
    #[test]
    fn googles_lineage_takes_each_event_once() {
        let events = events(&job(), &ran(&["2017-07-29, customer01".to_owned()]));
        let other = "http://127.0.0.1:5000/api/v1/lineage?a=b";
        assert_eq!(address(other, &events[0]), other);
        let root = "https://datalineage.googleapis.com";
        let url = format!("{root}/v1/projects/acme-demo/locations/us:processOpenLineageRunEvent");
        let addresses = events.each_ref().map(|event| address(&url, event));
        assert_ne!(addresses[0], addresses[1]);
        assert_eq!(address(&url, &events[0]), addresses[0], "told again it is the same");
        let named = format!("{url}?requestId=mine");
        assert_eq!(address(&named, &events[0]), named);
        let Some(google) = showrunner_tests::discovery::Discovery::read("datalineage.v1", "lineage told to Google")
        else {
            return;
        };
        assert_eq!(google.root(), root);
        for (event, address) in events.iter().zip(&addresses) {
            let target = address.strip_prefix(root).unwrap();
            let (method, problems) = google.check("POST", target, event.to_string().as_bytes());
            assert_eq!(problems, Vec::<String>::new());
            assert_eq!(method, "datalineage.projects.locations.processOpenLineageRunEvent");
        }
        let long = format!("{url}?requestId={}", "x".repeat(37));
        for (target, body) in [(long.as_str(), &events[0]), (url.as_str(), &Value::from(events.to_vec()))] {
            let (_, problems) = google.check("POST", target.strip_prefix(root).unwrap(), body.to_string().as_bytes());
            assert_eq!(problems.len(), 1, "{target} {body}");
        }
    }

    #[test]
    fn events_are_as_the_specification_wants_them_and_come_back_as_the_same_job() {
        let reads = vec!["2017-07-29, customer01".to_owned()];
        let events = events(&job(), &ran(&reads));
        for (event, kind) in events.iter().zip(["START", "COMPLETE"]) {
            assert_eq!(check(event).unwrap().event_type, kind);
            assert_eq!(check(event).unwrap().job, "own/gold.daily");
        }
        assert_eq!(events[0]["run"]["runId"], events[1]["run"]["runId"]);
        let transformation = "/outputs/0/facets/columnLineage/fields/a/inputFields/0/transformations/0";
        let aggregation = events[1].pointer(transformation).unwrap();
        assert_eq!(
            (aggregation["type"].as_str(), aggregation["subtype"].as_str()),
            (Some("DIRECT"), Some("AGGREGATION"))
        );
        let [back] = <[Job; 1]>::try_from(jobs_of(&events[1], "own")).unwrap();
        assert_eq!(back, Job { kind: JobKind::External, ..job() });
        let [foreign] = <[Job; 1]>::try_from(jobs_of(&events[1], "other")).unwrap();
        assert_eq!(foreign.output, "external.own/gold.daily");
    }

    #[test]
    fn what_is_no_event_is_refused_with_the_field() {
        let [event, _] = events(&job(), &ran(&[]));
        for (path, words) in
            [("/eventTime", "eventTime"), ("/run", "run.runId"), ("/job", "job.namespace"), ("/producer", "producer")]
        {
            let mut broken = event.clone();
            broken.as_object_mut().unwrap().remove(path.trim_start_matches('/'));
            let message = check(&broken).unwrap_err().message;
            assert!(message.contains(words), "{message}");
        }
        for (path, value) in [("/eventTime", "yesterday"), ("/run/runId", "7"), ("/eventType", "DONE")] {
            let mut broken = event.clone();
            *broken.pointer_mut(path).unwrap() = json!(value);
            assert!(check(&broken).unwrap_err().message.contains(value));
        }
        let mut broken = event;
        broken["inputs"] = json!([{ "name": "x" }]);
        assert!(check(&broken).is_err());
        assert!(check(&json!([])).is_err());
    }
}
