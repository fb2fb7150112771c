//! The warehouse elsewhere: made, compared, asked.

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;

use super::{Answer, Inner, Lake, QueryLimits, ServedBy};
use crate::calls::{self, Begun, Size};
use crate::delta::Table;
use crate::ports::{Question, ServingWarehouse, WarehouseTable};
use crate::query::{self, Cost, View};
use crate::warehouse::ServedTable;
use crate::{Error, ErrorKind, Result};

/// A page waits for the shapes of the tables elsewhere, and must not wait as long as a load may.
const SHAPES_WITHIN: Duration = Duration::from_secs(15);
/// A query that would bill more is refused, free of charge: the tables of a show are smaller by far, and a slip must cost nothing to speak of.
const MAXIMUM_BYTES_BILLED: u64 = 10 << 30;

/// Makes the tables and views that are missing.
pub(super) async fn prepare(warehouse: &dyn ServingWarehouse, tables: &[WarehouseTable]) -> Result<()> {
    try_join_all(tables.iter().map(|table| warehouse.create_table(table))).await?;
    let columns = |name: &str| {
        let of = tables.iter().find(|table| format!("warehouse.{}", table.name) == name);
        of.map(|table| table.columns.iter().map(|(column, _)| column.clone()).collect::<Vec<_>>()).unwrap_or_default()
    };
    for view in View::all() {
        warehouse.create_view(view.name, &view.for_bigquery(columns)).await?;
    }
    Ok(())
}

impl Lake {
    /// The warehouse elsewhere: `None` where the lake's own tables serve.
    pub fn served(&self) -> Option<&Arc<dyn ServingWarehouse>> {
        self.inner.served.as_ref().map(|served| served.warehouse())
    }

    /// How each table of the warehouse stands, here and elsewhere; empty where the lake's own tables serve.
    ///
    /// # Errors
    /// Those of the warehouse elsewhere.
    pub async fn standing(&self) -> Result<Vec<ServedTable>> {
        let Some(served) = &self.inner.served else { return Ok(Vec::new()) };
        let tables = self.inner.warehouse.handles();
        try_join_all(tables.iter().map(|table| served.standing(table))).await
    }
}

impl Lake {
    /// The query as the warehouse elsewhere is asked it: `None` where there is none, or where the query names other tables as well, which
    /// the lake answers itself. So it does while the policies there are not what they should be.
    pub fn warehouse_query(&self, sql: &str) -> Option<String> {
        self.inner.served.as_ref()?;
        if self.policies_trouble().is_some() {
            return None;
        }
        query::for_warehouse(sql, &self.inner.all_tables())
    }

    /// As [`Lake::ask`], of the warehouse elsewhere, with what [`Lake::warehouse_query`] gave. `token`: whose policies apply; without one
    /// the product's own, which see everything.
    ///
    /// # Errors
    /// As [`ServingWarehouse::ask`], and those of [`Lake::ask`].
    pub async fn ask_warehouse(
        &self,
        sql: &str,
        token: Option<String>,
        limits: QueryLimits,
        id: Option<&str>,
    ) -> Result<Answer> {
        let Some(served) = &self.inner.served else {
            return Err(Error::new(ErrorKind::Invalid, "There is no warehouse elsewhere to ask."));
        };
        let warehouse = served.warehouse();
        let (operation, begun) = (calls::Query::new(sql, limits), Begun::now());
        let question = Question {
            sql: sql.to_owned(),
            token,
            rows: limits.rows,
            timeout: limits.timeout,
            maximum_bytes_billed: Some(MAXIMUM_BYTES_BILLED),
        };
        let asked = std::time::Instant::now();
        let answer = self.cancellable(id, warehouse.ask(question)).await;
        begun.end(operation, &answer, |answer| Size {
            rows: Some(answer.batches.iter().map(|batch| batch.num_rows() as u64).sum()),
            bytes: Some(answer.bytes_billed),
        });
        let answer = answer?;
        Ok(Answer {
            batches: answer.batches,
            cut: answer.cut,
            seconds: asked.elapsed().as_secs_f64(),
            cost: Cost::default(),
            served: Some(ServedBy {
                dataset: warehouse.dataset(),
                job: answer.job,
                bytes_processed: answer.bytes_processed,
                bytes_billed: answer.bytes_billed,
                cache_hit: answer.cache_hit,
            }),
        })
    }
}

impl Inner {
    /// Makes the tables elsewhere what they are here, after rows went.
    pub(super) async fn level_served(&self, tables: &[Arc<Table>], run_id: &str) -> Result<()> {
        let Some(served) = &self.served else { return Ok(()) };
        try_join_all(tables.iter().map(|table| served.level(table, run_id))).await?;
        served.warehouse().sweep().await.map(drop)
    }

    /// Checksums of the tables' shapes elsewhere, in the order of their names.
    pub(super) async fn served_shapes(&self) -> Result<Vec<String>> {
        let Some(served) = &self.served else { return Ok(Vec::new()) };
        let tables = self.warehouse.handles();
        let shapes = try_join_all(tables.iter().map(|table| served.warehouse().shape_checksum(&table.shape.name)));
        tokio::time::timeout(SHAPES_WITHIN, shapes).await.unwrap_or_else(|_| {
            let message = format!(
                "{} did not say within {} s what its tables look like. Try again in a moment.",
                served.warehouse().dataset(),
                SHAPES_WITHIN.as_secs()
            );
            Err(Error::new(ErrorKind::Unavailable, message))
        })
    }
}
