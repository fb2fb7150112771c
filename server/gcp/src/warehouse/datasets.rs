//! Datasets: made with our label, and deleted only with it.

use serde_json::{Value, json};
use showrunner_lake::{Error, ErrorKind, Result};

use super::{BigQueryWarehouse, check_name};
use crate::config::LABEL;
use crate::rest::Call;

/// A dataset as BigQuery tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Where its data lies, for instance `US`; empty in lists where Google leaves it out.
    pub location: String,
    /// The show that it belongs to, by its label; `None`: it is not ours.
    pub show: Option<String>,
}

fn described(dataset: &Value) -> Dataset {
    let text = |pointer: &str| dataset.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    Dataset {
        name: text("/datasetReference/datasetId").unwrap_or_default(),
        location: text("/location").unwrap_or_default(),
        show: text(&format!("/labels/{LABEL}")),
    }
}

impl BigQueryWarehouse {
    /// Creates this warehouse's dataset, and the one for rows on their way; what is there stays as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when it is there at another location, since no load from our bucket would work.
    pub async fn create_datasets(&self) -> Result<()> {
        self.create_dataset(&self.options.dataset).await?;
        if self.options.staging_dataset != self.options.dataset {
            self.create_dataset(&self.options.staging_dataset).await?;
        }
        Ok(())
    }

    /// Creates a dataset with our label; what is there stays as it is.
    pub(crate) async fn create_dataset(&self, name: &str) -> Result<()> {
        let body = json!({
            "datasetReference": {"projectId": self.jobs.project, "datasetId": name},
            "location": self.jobs.location,
            "labels": self.labels(),
            "description": "Made by Showrunner. Deleted with its contents by a factory reset.",
        });
        let action = format!("create dataset {name}");
        let call = Call::post(action, &["projects", &self.jobs.project, "datasets"], Some(body)).repeatable();
        match self.jobs.rest.send(call).await {
            Err(error) if error.kind == ErrorKind::Exists => {}
            other => return other.map(|_dataset| ()),
        }
        let there = self.dataset(name).await?;
        if there.location.eq_ignore_ascii_case(&self.jobs.location) {
            return Ok(());
        }
        let (is, wanted) = (&there.location, &self.jobs.location);
        let message =
            format!("Dataset {name} lies in {is}, not in {wanted}. Name another dataset, or set the location to {is}.");
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// A dataset of the project.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if it is not there.
    pub async fn dataset(&self, name: &str) -> Result<Dataset> {
        check_name("dataset", name)?;
        let action = format!("read dataset {name}");
        let call = Call::get(action, &["projects", &self.jobs.project, "datasets", name]);
        Ok(described(&self.jobs.rest.send(call).await?))
    }

    /// The datasets of this show, by their label.
    ///
    /// # Errors
    /// Those of [`crate::Rest::send`].
    pub async fn datasets(&self) -> Result<Vec<Dataset>> {
        let filter = format!("labels.{LABEL}:{}", self.show);
        let call = Call::get("list datasets", &["projects", &self.jobs.project, "datasets"]).with("filter", filter);
        let pages = self.jobs.rest.pages(call, "datasets").await?;
        // Asked again here: what follows from the list is deletion.
        Ok(pages.iter().map(described).filter(|dataset| dataset.show.as_deref() == Some(&self.show)).collect())
    }

    /// Every dataset of the project, those of others too.
    ///
    /// # Errors
    /// Those of [`crate::Rest::send`].
    pub async fn all_datasets(&self) -> Result<Vec<Dataset>> {
        let call = Call::get("list datasets", &["projects", &self.jobs.project, "datasets"]);
        Ok(self.jobs.rest.pages(call, "datasets").await?.iter().map(described).collect())
    }

    /// Deletes a dataset with all its tables, if it carries this show's label. Returns whether it was there.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] when it is not ours.
    pub async fn delete_dataset(&self, name: &str) -> Result<bool> {
        let there = match self.dataset(name).await {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        if there.show.as_deref() != Some(&self.show) {
            let message = format!(
                "Dataset {name} does not carry the label {LABEL}={}, so it is not ours to delete. Delete it yourself if it may go.",
                self.show
            );
            return Err(Error::new(ErrorKind::Denied, message));
        }
        let action = format!("delete dataset {name}");
        let call =
            Call::delete(action, &["projects", &self.jobs.project, "datasets", name]).with("deleteContents", "true");
        match self.jobs.rest.send(call).await {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(true),
        }
    }
}
