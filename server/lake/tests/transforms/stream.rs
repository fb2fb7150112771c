//! Sessions of a stream are silver's, one for each message, in the order of the messages.

use arrow::array::AsArray;
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use serde_json::{Value, json};
use showrunner_generate::{Options, day_lines};
use showrunner_lake::transform;

use crate::support::{bronze, date_of, real, silver, small};

fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let text = pretty_format_batches(batches).unwrap().to_string();
    // Columns are as wide as their values, which differ between batches.
    let mut lines: Vec<String> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    lines.retain(|line| !line.starts_with('+'));
    lines.sort_unstable();
    lines
}

/// In the order of the rows, which are all of one day.
async fn streamed(rows: &[Value]) -> RecordBatch {
    let bronze = bronze(rows, 3);
    assert_eq!(bronze.len(), 1);
    let batches: Vec<RecordBatch> = bronze.into_values().flatten().collect();
    transform::stream_rows(&concat_batches(&transform::bronze_read_schema(), &batches).unwrap()).await.unwrap()
}

async fn are_silvers(rows: &[Value]) {
    let days: std::collections::BTreeSet<_> = rows.iter().map(date_of).collect();
    let mut stream = Vec::new();
    for day in days {
        let of_day: Vec<Value> = rows.iter().filter(|row| date_of(row) == day).cloned().collect();
        let sessions = streamed(&of_day).await;
        let ids = sessions.column_by_name("session_id").unwrap().as_string::<i32>();
        for (row, id) in of_day.iter().zip(ids) {
            let visit = row["visitId"].as_str().map_or_else(|| row["visitId"].to_string(), str::to_owned);
            assert_eq!(id, row["fullVisitorId"].as_str().map(|visitor| format!("{visitor}-{visit}")).as_deref());
        }
        // The same messages twice are twice the rows: nothing is left out.
        let doubled = streamed(&[of_day.clone(), of_day].concat()).await;
        assert_eq!(doubled.slice(0, sessions.num_rows()), sessions);
        assert_eq!(doubled.slice(sessions.num_rows(), sessions.num_rows()), sessions);
        stream.push(sessions);
    }
    assert_eq!(lines(&stream), lines(silver(rows).await.batches("sessions")));
}

#[tokio::test]
async fn hand_made_sessions() {
    let mut rows = small();
    // Only those that silver does not leave out as repeated, or keeps without a key.
    let mut seen = std::collections::BTreeSet::new();
    rows.retain(|row| !row["visitId"].is_null() && !row["fullVisitorId"].is_null());
    rows.retain(|row| seen.insert((date_of(row), row["fullVisitorId"].to_string(), row["visitId"].to_string())));
    assert!(rows.len() > 5);
    are_silvers(&rows).await;
}

#[tokio::test]
async fn generated_sessions() {
    let options = Options { sessions_per_day: 150, ..Options::default() };
    let day = day_lines(&options, "2017-07-29".parse().unwrap());
    are_silvers(&day.iter().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn real_sessions() {
    if let Some(rows) = real() {
        are_silvers(&rows).await;
    }
}

#[tokio::test]
async fn sessions_without_hits_have_what_their_row_says() {
    let mut rows = small();
    rows.retain(|row| date_of(row) == date_of(&small()[0]));
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("hits");
    }
    let sessions = streamed(&rows).await;
    assert_eq!(sessions.num_rows(), rows.len());
    let viewed = sessions.column_by_name("products_viewed").unwrap().as_primitive::<arrow::datatypes::Int64Type>();
    assert!(viewed.iter().all(|viewed| viewed == Some(0)));
    assert_eq!(sessions.column_by_name("entry_page").unwrap().null_count(), rows.len());
    let none = streamed(&[json!({"date": "20170729"})]).await;
    assert_eq!(none.num_rows(), 1);
}
