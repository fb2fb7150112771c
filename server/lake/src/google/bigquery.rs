//! Jobs of BigQuery.

use serde_json::json;

use super::shell::command;
use super::*;

/// A job for each date; an empty one is deleted.
pub(super) fn loaded(place: &Place, Load { table, job, partitions }: &Load) -> GoogleCall {
    let Place { names, .. } = place;
    let silver = uri(&names.datalake, table_prefix(Zone::Silver, "sessions").trim_end_matches('/'));
    let prefix = format!("{silver}/{{date:DATE}}/{{customer:STRING}}");
    let (mut requests, mut commands) = (Vec::new(), Vec::new());
    for LoadedDate { date, files } in partitions {
        let sources: Vec<String> = match files {
            Some(files) => files.iter().map(|file| format!("{silver}/{file}")).collect(),
            None => vec![uri(&names.datalake, &format!("load/{table}/date={date}/*.parquet"))],
        };
        if sources.is_empty() {
            let statement = format!("DELETE FROM {} WHERE date = DATE '{date}'", sql::name(&names.dataset, table));
            let call = query(&statement, None);
            requests.extend(call.rest);
            commands.push(call.command);
            continue;
        }
        let partition = format!("{table}${}", date.format("%Y%m%d"));
        let job: String =
            job.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
        let job = format!("{job}-{}", date.format("%Y%m%d"));
        let mut load = json!({
            "sourceUris": sources,
            "sourceFormat": "PARQUET",
            "destinationTable": table_reference(&names.dataset, &partition),
            "writeDisposition": "WRITE_TRUNCATE",
        });
        let mut words = vec![
            "bq".to_owned(),
            format!("--location={LOCATION}"),
            format!("--job_id={job}"),
            "load".to_owned(),
            "--replace".to_owned(),
            "--source_format=PARQUET".to_owned(),
        ];
        if files.is_some() {
            load["hivePartitioningOptions"] = json!({ "mode": "CUSTOM", "sourceUriPrefix": prefix });
            words.push("--hive_partitioning_mode=CUSTOM".to_owned());
            words.push(format!("--hive_partitioning_source_uri_prefix={prefix}"));
        }
        words.extend([format!("{}.{partition}", names.dataset), sources.join(",")]);
        commands.push(command(&words.iter().map(String::as_str).collect::<Vec<_>>()));
        requests.push(Rest::json(
            "POST",
            format!("{BIGQUERY}/projects/{PROJECT}/jobs"),
            json!({
                "jobReference": { "projectId": PROJECT, "jobId": job, "location": LOCATION },
                "configuration": { "load": load },
            }),
        ));
    }
    let note = if partitions.len() > 1 {
        "BigQuery takes a job for each date partition; here one commit replaces all of them at once. A job id that was used before loads nothing again."
    } else {
        "A job id that was used before loads nothing again, and neither does the same load here."
    };
    GoogleCall {
        service: "bigquery",
        method: "jobs.insert",
        rest: requests,
        command: commands.join("\n"),
        note: Some(note.to_owned()),
    }
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
