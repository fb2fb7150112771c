//! The SQL page's requests: reading its address, and `/sql.csv`, the whole result as a file.

use std::time::Duration;

use app::services::Permission;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Query, State};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use showrunner_lake::{Answer, Error, ErrorKind, QueryLimits, RowStream};

use super::Web;
use super::who::refuse;
use crate::ask::{self, Asking};
use crate::people::Asker;
use crate::views::{Asked, LONGEST_QUERY};

/// A file may be larger than what a page shows; its rows are streamed and take no memory.
const LIMITS: QueryLimits = QueryLimits { rows: 1_000_000, timeout: Duration::from_secs(60) };

/// What the query part of the page's address asks for.
pub fn asked(search: &str) -> Result<Asked, &'static str> {
    const UNREADABLE: &str = "The address of the page is not complete. Open SQL in the bar and write the query again.";
    let path = format!("/sql?{}", search.trim_start_matches('?'));
    let uri = PathAndQuery::try_from(path).map_err(|_| UNREADABLE)?;
    Query::try_from_uri(&Uri::from(uri)).map(|Query(asked)| asked).map_err(|_| UNREADABLE)
}

/// `GET /sql.csv?q=…`
pub async fn download(State(web): State<Web>, Extension(asker): Extension<Asker>, uri: Uri) -> Response {
    if let Some(response) = refuse(&asker, Permission::View) {
        return response;
    }
    let q = match asked(uri.query().unwrap_or_default()) {
        Ok(asked) => asked.q.unwrap_or_default().replace("\r\n", "\n"),
        Err(words) => return (StatusCode::UNPROCESSABLE_ENTITY, words).into_response(),
    };
    if q.len() > LONGEST_QUERY {
        let words =
            format!("The query is longer than {LONGEST_QUERY} bytes. Run it with `showrunner sql --format csv`.");
        return (StatusCode::URI_TOO_LONG, words).into_response();
    }
    let who = asker.viewer.identity();
    let person = asker.principal.as_ref().map(|principal| principal.id.as_str());
    let by = Asking { who: &who, viewer: &asker.viewer, person };
    let body = match ask::whole(&web.state, by, &q, LIMITS).await {
        Ok(Some(answer)) => text(&answer).map(Body::from),
        Ok(None) => web.state.lake.ask_rows(&who, &q, LIMITS).await.map(|stream| Body::from_stream(lines(stream))),
        Err(error) => Err(error),
    };
    match body {
        Ok(body) => {
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"query.csv\""),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, body).into_response()
        }
        Err(error) => {
            let status = match error.kind {
                ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
                ErrorKind::Busy | ErrorKind::Timeout | ErrorKind::Storage => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            let error = crate::Error::from(error);
            if status.is_server_error() {
                tracing::error!("{}", error.chain());
            }
            (status, format!("{}\n", error.message)).into_response()
        }
    }
}

/// The same of an answer that is there as a whole.
fn text(answer: &Answer) -> Result<String, Error> {
    let mut out = answer.batches.first().map(|batch| head(&batch.schema())).unwrap_or_default();
    for batch in &answer.batches {
        let fail = |e| Error::with(ErrorKind::Invalid, format!("These columns cannot be written as CSV ({e})."), e);
        out.push_str(&rows(batch).map_err(fail)?);
    }
    Ok(out)
}

/// A line of heads, then the rows as they come. An error breaks the download off, so that half a file is never taken for a whole one.
fn lines(stream: RowStream) -> impl futures::Stream<Item = std::io::Result<Bytes>> {
    let head = head(&stream.schema);
    let rows = futures::stream::unfold(Some(stream), |stream| async {
        let mut stream = stream?;
        let text = match stream.next().await? {
            Ok(batch) => rows(&batch).map_err(|e| e.to_string()),
            Err(error) => Err(error.message),
        };
        match text {
            Ok(text) => Some((Ok(Bytes::from(text)), Some(stream))),
            Err(message) => {
                tracing::warn!(message, "a download of a query was broken off");
                Some((Err(std::io::Error::other(message)), None))
            }
        }
    });
    futures::StreamExt::chain(futures::stream::iter([Ok(Bytes::from(head))]), rows)
}

fn head(schema: &Schema) -> String {
    let names: Vec<_> = schema.fields().iter().map(|f| quoted(f.name())).collect();
    names.join(",") + "\r\n"
}

fn rows(batch: &RecordBatch) -> Result<String, arrow::error::ArrowError> {
    let options = FormatOptions::new();
    let columns: Vec<_> =
        batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options)).collect::<Result<_, _>>()?;
    // A column of nothing but NULL hides it from `is_null`.
    let nulls: Vec<_> = batch.columns().iter().map(|c| c.logical_nulls()).collect();
    let mut out = String::new();
    for row in 0..batch.num_rows() {
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            // NULL is nothing at all, an empty text is a pair of quotes.
            if nulls[index].as_ref().is_none_or(|n| n.is_valid(row)) {
                out.push_str(&quoted(&column.value(row).to_string()));
            }
        }
        out.push_str("\r\n");
    }
    Ok(out)
}

/// As RFC 4180 has it.
fn quoted(value: &str) -> String {
    let plain = !value.is_empty() && !value.contains([',', '"', '\n', '\r']) && value.trim().len() == value.len();
    if plain { value.to_owned() } else { format!("\"{}\"", value.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let names = StringArray::from(vec![Some("a,b"), Some(""), None, Some("say \"x\"\nagain"), Some(" c")]);
        let numbers = Int64Array::from(vec![Some(1), None, Some(-3), Some(0), Some(5)]);
        let batch =
            RecordBatch::try_from_iter([("na,me", Arc::new(names) as _), ("n", Arc::new(numbers) as _)]).unwrap();
        assert_eq!(head(&batch.schema()), "\"na,me\",n\r\n");
        assert_eq!(rows(&batch).unwrap(), "\"a,b\",1\r\n\"\",\r\n,-3\r\n\"say \"\"x\"\"\nagain\",0\r\n\" c\",5\r\n");
    }

    #[test]
    fn an_address_is_decoded_once() {
        let q = |search: &str| asked(search).map(|a| a.q.unwrap_or_default());
        for (search, expected) in [
            ("?q=SELECT+1", Ok("SELECT 1")),
            ("q=LIKE+%27%25ab%25%27", Ok("LIKE '%ab%'")),
            ("q=1%2B1&compare=&other=x", Ok("1+1")),
            ("", Ok("")),
            ("saved=2", Ok("")),
        ] {
            assert_eq!(q(search).as_deref(), expected, "{search}");
        }
        assert!(q("q=1&q=2").is_err());
        assert!(q("q=\u{7f} \u{0}").is_err());
    }
}
