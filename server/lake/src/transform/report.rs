//! Queries of the report and of the numbers that the story says, over `gold.*`.

use std::sync::OnceLock;

use chrono::NaiveDate;

use super::sql_file::SqlFile;
use crate::{Error, ErrorKind, Result};

/// A query over gold with the placeholders `{customer}` and `{date}`, the last day that it sees.
#[derive(Debug, Clone, Copy)]
pub struct ReportQuery {
    /// Its name, that of the file.
    pub name: &'static str,
    /// What it answers; may hold `{date}`.
    pub title: &'static str,
    /// The query with its placeholders.
    pub sql: &'static str,
}

impl ReportQuery {
    /// The query of this name.
    pub fn named(name: &str) -> Option<&'static ReportQuery> {
        report_queries().iter().find(|query| query.name == name)
    }

    /// The query with its placeholders filled.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the customer's name has other characters than `a-z`, `A-Z`, `0-9`, `_` and `-`.
    pub fn render(&self, customer: &str, date: NaiveDate) -> Result<String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if customer.is_empty() || !customer.chars().all(allowed) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "The customer's name may only have letters, digits, '_' and '-'. Choose one of the known customers.",
            ));
        }
        let date = date.format("%Y-%m-%d").to_string();
        Ok(self.sql.replace("{customer}", customer).replace("{date}", &date))
    }
}

/// A query of the report with filters, over `silver.sessions` and `silver.products`; its placeholder is `{where}`, a condition on
/// the sessions (in `choices`: `{customer}`).
pub fn explore_queries() -> &'static [ReportQuery] {
    static QUERIES: OnceLock<Vec<ReportQuery>> = OnceLock::new();
    macro_rules! explore {
        ($($name:literal),* $(,)?) => {
            [$(($name, include_str!(concat!("../../sql/explore/", $name, ".sql")))),*]
        };
    }
    QUERIES.get_or_init(|| {
        let files = explore![
            "totals",
            "days",
            "finding",
            "channels",
            "devices",
            "browsers",
            "countries",
            "cities",
            "funnel",
            "products",
            "choices",
        ];
        let query = |(name, sql)| {
            let file = SqlFile::parse(sql).expect("a test reads the header of every checked-in file");
            ReportQuery { name, title: file.title, sql }
        };
        files.map(query).into()
    })
}

macro_rules! queries {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../sql/report/", $name, ".sql")))),*]
    };
}

/// All report queries.
pub fn report_queries() -> &'static [ReportQuery] {
    static QUERIES: OnceLock<Vec<ReportQuery>> = OnceLock::new();
    QUERIES.get_or_init(|| {
        let files = queries![
            "kpis",
            "totals",
            "sessions_revenue_per_day",
            "channels",
            "devices",
            "countries",
            "finding",
            "finding_summary",
            "funnel",
            "top_products",
            "day_sessions",
            "revenue_of_day",
            "usual_weekday_range",
        ];
        let query = |(name, sql)| {
            let file = SqlFile::parse(sql).expect("a test reads the header of every checked-in file");
            ReportQuery { name, title: file.title, sql }
        };
        files.map(query).into()
    })
}
