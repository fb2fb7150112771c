//! The SQL page.

use app::{services::*, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood, fact};

fn grid(caption: &str, head: &[(&str, bool)], rows: &[&[Option<&str>]]) -> SqlRows {
    SqlRows {
        caption: caption.into(),
        head: head.iter().map(|(name, number)| ((*name).into(), *number)).collect(),
        rows: rows.iter().map(|row| row.iter().map(|v| v.map(Into::into)).collect()).collect(),
    }
}

fn answer(title: &str, partitions: &str) -> SqlAnswer {
    SqlAnswer {
        title: title.into(),
        facts: vec![
            fact("Elapsed", "0.12", "s"),
            fact("Rows", "2", ""),
            fact("Rows read", "2,650", ""),
            fact("Bytes read", "12.3 KB", ""),
            fact("Partitions", partitions, "of 58"),
            fact("Files", partitions, "of 58"),
        ],
        error: None,
        rows: Some(grid(
            "Result",
            &[("country", false), ("sessions", true)],
            &[&[Some("United Kingdom"), Some("140")], &[None, Some("7")], &[Some("<b>"), None]],
        )),
        more: Some("Cut after 1,000 rows: there are more. The CSV has all of them.".into()),
        csv: Some("/sql.csv?q=SELECT%201".into()),
        injected: vec![("What ran".into(), vec![("WITH".into(), true), ("SELECT 1".into(), false)])],
        google: vec![
            CodeView {
                label: "REST".into(),
                text: "POST https://bigquery.googleapis.com/bigquery/v2/projects/PROJECT/queries".into(),
            },
            CodeView { label: "bq".into(), text: "bq query 'SELECT 1'".into() },
        ],
        details: vec![("Logical plan".into(), "TableScan: silver.sessions".into())],
    }
}

#[async_trait]
impl Queries for Fake {
    async fn sql(&self, search: String, _id: String) -> Result<SqlView, WireError> {
        self.usable()?;
        let (q, compare, answers) = match search.trim_start_matches('?') {
            "" => ("", "", vec![]),
            "q=wrong" => {
                let error = SqlError {
                    message: "No field named contry.".into(),
                    place: Some("Line 1, column 8.".into()),
                    excerpt: Some("  1 │ SELECT contry\n    │        ^".into()),
                };
                let nothing =
                    SqlAnswer { error: Some(error), rows: None, csv: None, more: None, ..answer("Result", "0") };
                ("SELECT contry", "", vec![SqlAnswer { facts: vec![], details: vec![], ..nothing }])
            }
            "q=both" => ("SELECT '<x>'", "SELECT 2", vec![answer("Query", "1"), answer("Compared with", "58")]),
            _ => ("SELECT '</textarea>&lt;'\nFROM t", "", vec![answer("Result", "1")]),
        };
        let comparison = (!compare.is_empty()).then(|| {
            let head = [("What", false), ("Query", true), ("Compared with", true), ("Times", true)];
            let row = [Some("Partitions read"), Some("1 of 58"), Some("58 of 58"), Some("58 ×")];
            ("The first read 1 of 58 partitions, the second 58.".to_owned(), grid("Side by side", &head, &[&row]))
        });
        let tables = vec![SqlTable {
            name: "silver.sessions".into(),
            title: "One row for each session".into(),
            columns: vec![("date".into(), "date, partition".into()), ("country".into(), "text".into())],
        }];
        Ok(SqlView {
            id: "q1".into(),
            q: q.into(),
            compare: compare.into(),
            limits: "Read only · at most 1,000 rows, 30 s".into(),
            saved: if self.mood == Mood::Fresh {
                vec![]
            } else {
                vec![
                    ("Top products".into(), "/sql?saved=1".into(), false),
                    ("One day".into(), "/sql?saved=2".into(), true),
                ]
            },
            zones: vec![("Silver".into(), tables)],
            found: SqlFound { comparison, answers },
            waiting: search.ends_with("q=waiting"),
            statement: search.ends_with("q=policy").then(|| PolicyStatement {
                sql: "DROP DATA_POLICY a".into(),
                words: "This statement changes policies.".into(),
                allowed: true,
                codes: vec![],
            }),
        })
    }

    async fn cancel_query(&self, _id: String) -> Result<String, WireError> {
        Ok("cancelled".into())
    }
}
