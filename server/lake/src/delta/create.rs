//! Creating an empty table.

use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::SaveMode;

use super::{Table, delta_error, io_error};
use crate::{Error, ErrorKind, Result};

impl Table {
    /// Writes version 0 if no log is there.
    pub async fn create(&self) -> Result<()> {
        if self.exists() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.dir).map_err(|e| io_error("creating", &self.dir, e))?;
        let schema: StructType = self.shape.schema.as_ref().try_into_kernel().map_err(|e| {
            Error::with(
                ErrorKind::Internal,
                format!("The schema of {} does not fit Delta Lake: {e}", self.full_name()),
                e,
            )
        })?;
        CreateBuilder::new()
            .with_log_store(self.log_store.clone())
            .with_save_mode(SaveMode::Ignore)
            .with_table_name(self.full_name())
            .with_comment(&self.shape.title)
            .with_columns(schema.fields().cloned())
            .with_partition_columns(self.shape.partition.iter().cloned())
            .with_raise_if_key_not_exists(false)
            .with_configuration(
                // Statistics are kept for the columns that we name in each Add; tombstones only serve VACUUM, which we do not use.
                [("delta.deletedFileRetentionDuration".to_owned(), Some("interval 1 hours".to_owned()))]
                    .into_iter()
                    .chain(self.shape.properties.iter().map(|(k, v)| (k.clone(), Some(v.clone())))),
            )
            .await
            .map_err(|e| delta_error("creating", &self.full_name(), e))?;
        self.fetch().await
    }
}
