//! `showrunner lineage`: what the columns of a query are made of. Reads no data, takes no lock, needs no data folder.

use std::io::Write;

use clap::ValueEnum;
use serde_json::{Value, json};
use showrunner_lake::lineage::{Input, Lineage, of_sql};

use crate::error::Result;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A query, such as "SELECT date, sum(revenue) FROM silver.sessions GROUP BY date". Statements CREATE TABLE and CREATE VIEW before
    /// it, separated by semicolons, stand for tables that the lake does not have
    query: String,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) async fn run(args: &Args) -> Result<i32> {
    let lineage = of_sql(&args.query).await?;
    let text = match args.format {
        Format::Text => as_text(&lineage),
        Format::Json => format!("{:#}\n", as_json(&lineage)),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // The reader of the pipe has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    Ok(0)
}

/// `{columns: [{column, kind, expression, inputs: [{table, column, kind, kinds}]}], rows: [{table, column, kind, kinds}], tables}`.
/// `kind` is the first of `kinds`: of a column that is both taken and compared, the taking.
fn as_json(lineage: &Lineage) -> Value {
    let inputs = |inputs: &[Input]| -> Vec<Value> {
        let one = |input: &Input| {
            let kinds: Vec<String> = input.kinds.iter().map(|kind| kind.name().replace(' ', "_")).collect();
            json!({ "table": input.of.table, "column": input.of.column, "kind": kinds.first(), "kinds": kinds })
        };
        inputs.iter().map(one).collect()
    };
    let columns = lineage.columns.iter().map(|column| {
        json!({
            "column": column.column,
            "kind": column.kind.map(|kind| kind.name().replace(' ', "_")),
            "expression": column.expression,
            "inputs": inputs(&column.inputs),
        })
    });
    json!({ "columns": columns.collect::<Vec<_>>(), "rows": inputs(&lineage.rows), "tables": lineage.tables })
}

fn as_text(lineage: &Lineage) -> String {
    let one = |input: &Input| {
        let kinds: Vec<&str> = input.kinds.iter().map(|kind| kind.name()).collect();
        format!("    {}.{}  ({})\n", input.of.table, input.of.column, kinds.join(", "))
    };
    let mut text = String::new();
    for column in &lineage.columns {
        text.push_str(&format!("{} = {}\n", column.column, column.expression));
        text.extend(column.inputs.iter().map(one));
        if column.inputs.is_empty() {
            text.push_str("    of no column\n");
        }
    }
    if !lineage.rows.is_empty() {
        text.push_str("rows\n");
        text.extend(lineage.rows.iter().map(one));
    }
    text
}
