//! Jobs of BigQuery.

use serde_json::json;

use super::shell::command;
use super::*;
use crate::warehouse::split_types;

/// Into a table of its own by one job, from there by one statement that replaces all dates at once.
pub(super) fn loaded(place: &Place, Load { table, job, partitions }: &Load) -> GoogleCall {
    let Place { names, .. } = place;
    let silver = uri(&names.datalake, table_prefix(Zone::Silver, "sessions").trim_end_matches('/'));
    let prefix = format!("{silver}/{{date:DATE}}/{{customer:STRING}}");
    let mut sources = Vec::new();
    // Files of the lake say date and customer in their folders; those that were handed over hold them.
    let mut of_lake = false;
    for LoadedDate { date, files } in partitions {
        match files {
            Some(files) => {
                of_lake |= !files.is_empty();
                sources.extend(files.iter().map(|file| format!("{silver}/{file}")));
            }
            None => sources.push(uri(&names.datalake, &format!("load/{table}/date={date}/*.parquet"))),
        }
    }
    let dates: Vec<String> = partitions.iter().map(|loaded| format!("DATE '{}'", loaded.date)).collect();
    let (dates, target) = (dates.join(", "), sql::name(&names.dataset, table));
    if sources.is_empty() {
        return query(&format!("DELETE FROM {target} WHERE date IN ({dates})"), None);
    }
    let job: String =
        job.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    let staged = format!("{table}_staged");
    let staging = names.staging();
    let mut load = json!({
        "sourceUris": sources,
        "sourceFormat": "PARQUET",
        "parquetOptions": { "enableListInference": true },
        "destinationTable": table_reference(&staging, &staged),
        "writeDisposition": "WRITE_EMPTY",
    });
    let mut words = vec![
        "bq".to_owned(),
        format!("--location={LOCATION}"),
        format!("--job_id={job}-staged"),
        "load".to_owned(),
        "--source_format=PARQUET".to_owned(),
        "--parquet_enable_list_inference".to_owned(),
    ];
    if of_lake {
        load["hivePartitioningOptions"] = json!({ "mode": "CUSTOM", "sourceUriPrefix": prefix });
        words.push("--hive_partitioning_mode=CUSTOM".to_owned());
        words.push(format!("--hive_partitioning_source_uri_prefix={prefix}"));
    }
    words.extend([format!("{staging}.{staged}"), sources.join(",")]);
    let insert = |id: String, configuration: serde_json::Value| {
        Rest::json(
            "POST",
            format!("{BIGQUERY}/projects/{PROJECT}/jobs"),
            json!({
                "jobReference": { "projectId": PROJECT, "jobId": id, "location": LOCATION },
                "configuration": configuration,
            }),
        )
    };
    let merge = format!(
        "MERGE INTO {target} AS target USING {} AS staged ON FALSE \
         WHEN NOT MATCHED BY SOURCE AND target.date IN ({dates}) THEN DELETE \
         WHEN NOT MATCHED BY TARGET THEN INSERT ROW",
        sql::name(&staging, &staged)
    );
    let rest = vec![
        insert(format!("{job}-staged"), json!({ "load": load })),
        insert(job.clone(), json!({ "query": { "query": merge, "useLegacySql": false } })),
    ];
    let statement =
        ["bq", &format!("--location={LOCATION}"), &format!("--job_id={job}"), "query", "--nouse_legacy_sql"];
    let statement: Vec<&str> = statement.into_iter().chain([merge.as_str()]).collect();
    let load = command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    GoogleCall {
        service: "bigquery",
        method: "jobs.insert",
        rest,
        command: format!("{load}\n{}", command(&statement)),
        note: Some(
            "One statement replaces all dates at once, with policies, partitioning and clustering kept. A job id that was used before does nothing again."
                .to_owned(),
        ),
    }
}

/// A column as a schema of the API has it: what SQL writes as one type (`ARRAY<…>`, `STRUCT<…>`, `NUMERIC(…)`) is said in several fields.
pub(super) fn field(name: &str, kind: &str) -> Value {
    let within = |open: &str, close: char| kind.strip_prefix(open)?.strip_suffix(close);
    if let Some(item) = within("ARRAY<", '>') {
        let mut field = field(name, item);
        field["mode"] = json!("REPEATED");
        return field;
    }
    if let Some(inner) = within("STRUCT<", '>') {
        let fields = split_types(inner).into_iter().filter_map(|part| {
            let (name, kind) = part.trim().split_once(char::is_whitespace)?;
            Some(field(name.trim_matches('`'), kind.trim()))
        });
        return json!({ "name": name, "type": "RECORD", "fields": fields.collect::<Vec<_>>() });
    }
    if let Some(inner) = within("NUMERIC(", ')') {
        let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
        return json!({ "name": name, "type": "NUMERIC", "precision": precision.trim(), "scale": scale.trim() });
    }
    json!({ "name": name, "type": kind })
}

/// A statement, with rows returned at most and seconds it may take.
pub(super) fn query(statement: &str, limits: Option<(u64, u64)>) -> GoogleCall {
    let mut body = json!({ "query": statement, "useLegacySql": false, "location": LOCATION });
    let mut words =
        vec!["bq".to_owned(), format!("--location={LOCATION}"), "query".to_owned(), "--nouse_legacy_sql".to_owned()];
    if let Some((rows, seconds)) = limits {
        body["maxResults"] = json!(rows);
        body["timeoutMs"] = json!(seconds.saturating_mul(1_000));
        words.push(format!("--max_rows={rows}"));
    }
    // What begins with a hyphen would be taken for a flag.
    if statement.starts_with('-') {
        words.push("--".to_owned());
    }
    words.push(statement.to_owned());
    let rest = Rest::json("POST", format!("{BIGQUERY}/projects/{PROJECT}/queries"), body);
    GoogleCall::new(
        "bigquery",
        "jobs.query",
        rest,
        Some(command(&words.iter().map(String::as_str).collect::<Vec<_>>())),
    )
}
