//! Queries of the report, over `silver.sessions` and `silver.products`, so that one filter acts on each of them.

use std::sync::OnceLock;

use super::sql_file::SqlFile;

/// A query of the report; its placeholder is `{where}`, a condition on the sessions (in `choices`: `{customer}`).
#[derive(Debug, Clone)]
pub struct ReportQuery {
    /// Its name.
    pub name: &'static str,
    /// What it answers.
    pub title: String,
    /// The query with its placeholder.
    pub sql: String,
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../sql/explore/", $name, ".sql")))),*]
    };
}

/// What sessions are divided by: the query's name, the column, what it is called.
const SHARES: [(&str, &str, &str); 4] = [
    ("channels", "channel", "channel"),
    ("devices", "device_category", "device"),
    ("browsers", "browser", "browser"),
    ("countries", "country", "country"),
];

/// All of them.
pub fn report_queries() -> &'static [ReportQuery] {
    static QUERIES: OnceLock<Vec<ReportQuery>> = OnceLock::new();
    QUERIES.get_or_init(|| {
        let title = |sql| SqlFile::parse(sql).expect("a test reads the header of every checked-in file").title;
        let files = files!["totals", "days", "finding", "cities", "funnel", "products", "choices"];
        let own = files.map(|(name, sql)| ReportQuery { name, title: title(sql).to_owned(), sql: sql.to_owned() });
        let shares = include_str!("../../sql/explore/shares.sql");
        let shares = SHARES.map(|(name, column, called)| {
            let filled = |text: &str| text.replace("{column}", column).replace("{name}", called);
            ReportQuery { name, title: filled(title(shares)), sql: filled(shares) }
        });
        own.into_iter().chain(shares).collect()
    })
}
