//! Queries with known answers.

use std::collections::BTreeSet;

use showrunner_lake::lineage::{Input, Kind, of_sql};

const CORPUS: &str = include_str!("corpus.txt");

struct Case {
    name: &'static str,
    sql: String,
    /// `output <- table.column kind`
    truth: BTreeSet<String>,
    outputs: Vec<&'static str>,
}

fn cases() -> Vec<Case> {
    let (head, cases) = CORPUS.split_once("-- end").unwrap();
    let tables = head.split_once("-- tables").unwrap().1;
    let mut names = BTreeSet::new();
    let read = |text: &'static str| {
        let mut lines = text.trim().lines();
        let (name, query) = (lines.next().unwrap().trim(), lines.next().unwrap());
        assert!(names.insert(name), "two cases are called {name}");
        let mut case = Case { name, sql: format!("{tables} {query}"), truth: BTreeSet::new(), outputs: Vec::new() };
        for line in lines {
            let (output, inputs) = line.split_once(": ").unwrap_or_else(|| panic!("{name}: {line}"));
            if output != "*" {
                case.outputs.push(output);
            }
            for input in inputs.split(", ").filter(|input| *input != "-") {
                let mut words = input.split(' ');
                let column = words.next().unwrap();
                case.truth.extend(words.map(|kind| {
                    assert!(Kind::ALL.iter().any(|known| written(*known) == kind), "{name}: {kind}");
                    format!("{output} <- {column} {kind}")
                }));
            }
        }
        case
    };
    cases.split("\n## ").skip(1).map(read).collect()
}

fn written(kind: Kind) -> String {
    kind.name().replace(' ', "_")
}

fn told(output: &str, inputs: &[Input]) -> Vec<String> {
    let of = |input: &Input| {
        let column = format!("{}.{}", input.of.table, input.of.column);
        let kinds = input.kinds.iter().map(|kind| format!("{output} <- {column} {}", written(*kind)));
        kinds.collect::<Vec<_>>()
    };
    inputs.iter().flat_map(of).collect()
}

#[tokio::test]
async fn every_query_has_exactly_the_lineage_that_is_known() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    let (mut right, mut told_in_all, mut known) = (0, 0, 0);
    let mut wrong = Vec::new();
    for case in &cases {
        let lineage = match of_sql(&case.sql).await {
            Ok(lineage) => lineage,
            Err(error) => {
                wrong.push(format!("{}: {error}", case.name));
                known += case.truth.len();
                continue;
            }
        };
        let outputs: Vec<&str> = lineage.columns.iter().map(|column| column.column.as_str()).collect();
        if outputs.iter().map(|o| o.to_lowercase()).ne(case.outputs.iter().map(|o| o.to_lowercase())) {
            wrong.push(format!("{}: columns {outputs:?}, not {:?}", case.name, case.outputs));
        }
        let mut all: BTreeSet<String> = told("*", &lineage.rows).into_iter().collect();
        // Names of outputs as the case writes them.
        for (column, output) in lineage.columns.iter().zip(&case.outputs) {
            all.extend(told(output, &column.inputs));
        }
        right += all.intersection(&case.truth).count();
        told_in_all += all.len();
        known += case.truth.len();
        wrong.extend(case.truth.difference(&all).map(|missing| format!("{}: missing {missing}", case.name)));
        wrong.extend(all.difference(&case.truth).map(|extra| format!("{}: not so {extra}", case.name)));
    }
    let share = |of: usize| right as f64 / of as f64;
    println!("{} queries, precision {:.3}, recall {:.3}", cases.len(), share(told_in_all), share(known));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_cannot_be_planned_is_said_with_its_place() {
    for (sql, words) in [
        ("", "There is no query"),
        ("SELEC 1", "cannot be read"),
        ("SELECT nothing FROM silver.sessions", "nothing"),
        ("SELECT 1 FROM silver.nowhere", "nowhere"),
        ("DROP TABLE silver.sessions; SELECT 1", "Only CREATE TABLE and CREATE VIEW"),
    ] {
        let error = of_sql(sql).await.unwrap_err();
        assert!(error.message.contains(words), "{sql}: {}", error.message);
    }
}
