//! Which back end the data plane stands on: this machine, or Google Cloud.

use std::sync::Arc;

use showrunner_gcp::{Access, BigQueryWarehouse, CloudObjects, PubSubTopics, WarehouseOptions, datalake};
use showrunner_lake::ports::ServingWarehouse;
use showrunner_lake::{Elsewhere, LakeConfig, Names};

use crate::config::{Backend, Config};
use crate::error::Result;

impl Config {
    /// The data plane's part, with clients for where it lies. What is missing there is made when the lake is opened.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for settings that do not fit; without credentials, or when a dataset cannot be made.
    pub async fn lake(&self) -> Result<LakeConfig> {
        self.lake_of(true).await
    }

    /// As [`Config::lake`], for who changes nothing.
    pub async fn lake_to_read(&self) -> Result<LakeConfig> {
        self.lake_of(false).await
    }

    async fn lake_of(&self, writes: bool) -> Result<LakeConfig> {
        let elsewhere = match self.cloud.backend {
            Backend::Embedded => None,
            Backend::Gcp => Some(self.google_cloud(writes).await?),
        };
        Ok(LakeConfig {
            elsewhere,
            data_dir: self.data.data_dir.clone(),
            id: self.names.id.clone(),
            stage: self.names.stage.clone(),
            workers: self.workers(),
            query_memory: usize::try_from(self.limits.query_memory).unwrap_or(usize::MAX),
        })
    }

    async fn google_cloud(&self, writes: bool) -> Result<Elsewhere> {
        let gcp = self.cloud.gcp(&self.names)?;
        let names = Names::of(&self.names.id, &self.names.stage)?;
        let access = Access::of(&gcp)?;
        let objects = Arc::new(CloudObjects::connect(&gcp, &access).await?);
        let topics = Arc::new(PubSubTopics::connect(&gcp, &access).await?);
        let options = WarehouseOptions {
            staging_dataset: names.staging(),
            ..WarehouseOptions::new(&names.dataset, &names.datalake)
        };
        let warehouse = BigQueryWarehouse::new(&gcp, &access, objects.clone(), options)?;
        if writes {
            warehouse.create_datasets().await?;
        }
        let warehouse: Arc<dyn ServingWarehouse> = Arc::new(warehouse);
        let datalake = datalake(&gcp, &access, &names.datalake)?;
        Ok(Elsewhere { objects, topics, datalake, warehouse: Some(warehouse), jobs: None })
    }
}
