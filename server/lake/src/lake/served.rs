//! The warehouse elsewhere: made, compared, asked.

use std::sync::Arc;

use futures::future::try_join_all;

use super::{Inner, Lake};
use crate::Result;
use crate::delta::Table;
use crate::ports::{ServingWarehouse, WarehouseTable};
use crate::query::View;
use crate::warehouse::ServedTable;

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

impl Inner {
    /// Makes the tables elsewhere what they are here, after rows went.
    pub(super) async fn level_served(&self, tables: &[Arc<Table>], run_id: &str) -> Result<()> {
        let Some(served) = &self.served else { return Ok(()) };
        try_join_all(tables.iter().map(|table| served.level(table, run_id))).await.map(drop)
    }

    /// Checksums of the tables' shapes elsewhere, in the order of their names.
    pub(super) async fn served_shapes(&self) -> Result<Vec<String>> {
        let Some(served) = &self.served else { return Ok(Vec::new()) };
        let tables = self.warehouse.handles();
        try_join_all(tables.iter().map(|table| served.warehouse().shape_checksum(&table.shape.name))).await
    }
}
