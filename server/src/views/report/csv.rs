//! The numbers of one part of the report, as CSV.

use arrow::csv::WriterBuilder;

use super::filter::Filter;
use super::{PARTS, named};
use crate::error::{Error, ErrorKind, Result};
use crate::views::Views;

impl Views {
    /// All rows of a part with the filter of a query string: RFC 4180, with a head.
    pub async fn report_csv(&self, part: &str, query: &str) -> Result<Vec<u8>> {
        let part = PARTS.iter().find(|p| **p == part).copied().map_or_else(|| named(part).map(|q| q.name), Ok)?;
        let sql = self.query(part, &Filter::parse(query).0)?;
        let answers = self.state.lake.report(&self.who, vec![sql]).await?;
        let mut csv = Vec::new();
        let mut writer = WriterBuilder::new().with_header(true).build(&mut csv);
        for batch in answers.iter().flatten() {
            writer.write(batch).map_err(|e| {
                Error::with(ErrorKind::Internal, "The numbers could not be written as CSV. This is a bug.", e)
            })?;
        }
        drop(writer);
        Ok(csv)
    }
}
