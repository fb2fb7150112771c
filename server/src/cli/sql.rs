//! `showrunner sql`: read-only, takes no lock, works while a server runs.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use clap::ValueEnum;
use showrunner_lake::{Identity, Lake, QueryLimits};

use crate::clock::SystemClock;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Store;
use crate::story;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A query, such as "SELECT date, sessions FROM gold.daily_kpis"
    query: String,
    /// How the rows are printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// On behalf of this user (an e-mail address), subject to policies; without it, as the admin
    #[arg(long = "as", value_name = "USER")]
    as_user: Option<String>,
    /// Groups that the user is in
    #[arg(long = "group", value_name = "GROUP", requires = "as_user")]
    groups: Vec<String>,
    /// Rows at most
    #[arg(long, default_value_t = 1_000_000)]
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

pub(super) async fn run(args: &Args, config: &Config) -> Result<i32> {
    let lake = Lake::open_read_only(config.lake_to_read().await?).await?;
    let limits = QueryLimits { rows: args.limit, timeout: Duration::from_secs(600) };
    let who = match &args.as_user {
        None => Identity::admin(),
        Some(user) => {
            let store = Store::open_existing(&config.data.data_dir, Arc::new(SystemClock)).await?;
            lake.set_policies(store.policies().await?);
            let groups = match story::first(config.story.stories_dir.as_deref())?.identities {
                // Those of the story are in their groups.
                known if args.groups.is_empty() => {
                    known.into_iter().find(|who| who.user.eq_ignore_ascii_case(user)).map(|who| who.groups)
                }
                _ => None,
            };
            Identity::person(user, groups.unwrap_or_else(|| args.groups.clone()))
        }
    };
    let answer = lake.query(&who, &args.query, limits).await?;
    let text = render(&answer.batches, args.format)?;
    match std::io::stdout().write_all(&text) {
        // The reader of the pipe has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    if answer.cut {
        eprintln!("showrunner: only the first {} rows; more with --limit.", args.limit);
    }
    Ok(0)
}

fn render(batches: &[RecordBatch], format: Format) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match format {
        Format::Table => {
            let table = arrow::util::pretty::pretty_format_batches(batches).map_err(unprintable)?;
            writeln!(out, "{table}")?;
        }
        Format::Csv => {
            let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(&mut out);
            for batch in batches {
                writer.write(batch).map_err(unprintable)?;
            }
        }
        Format::Json => {
            let mut writer = arrow::json::ArrayWriter::new(&mut out);
            writer.write_batches(&batches.iter().collect::<Vec<_>>()).map_err(unprintable)?;
            writer.finish().map_err(unprintable)?;
            drop(writer);
            if out.is_empty() {
                out.extend_from_slice(b"[]");
            }
            out.push(b'\n');
        }
    }
    Ok(out)
}

fn unprintable(error: arrow::error::ArrowError) -> Error {
    Error::with(
        ErrorKind::Invalid,
        format!(
            "These columns cannot be printed this way ({error}). Use --format json for nested ones, or choose single fields."
        ),
        error,
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn batch(rows: usize) -> RecordBatch {
        let names = StringArray::from(vec!["a,b", "c"]).slice(0, rows);
        RecordBatch::try_from_iter([
            ("name", Arc::new(names) as _),
            ("n", Arc::new(Int64Array::from(vec![1, 2]).slice(0, rows)) as _),
        ])
        .unwrap()
    }

    #[test]
    fn each_format_prints_rows_and_no_rows() {
        let text = |rows, format| String::from_utf8(render(&[batch(rows)], format).unwrap()).unwrap();
        assert_eq!(text(2, Format::Csv), "name,n\n\"a,b\",1\nc,2\n");
        assert_eq!(text(0, Format::Csv), "name,n\n");
        assert_eq!(text(2, Format::Json), "[{\"name\":\"a,b\",\"n\":1},{\"name\":\"c\",\"n\":2}]\n");
        assert_eq!(text(0, Format::Json), "[]\n");
        assert!(text(2, Format::Table).contains("| a,b  | 1 |"));
    }
}
