//! The buttons of the page of datasets.

use app::services::Datasets;
use app::wire::{DatasetForm, DatasetsView, DefinitionForm, WireError};
use async_trait::async_trait;
use showrunner_lake::defined::{Column, Definition};

use super::Person;
use crate::error::{Error, ErrorKind, Result};
use crate::views::datasets::types;

#[async_trait]
impl Datasets for Person {
    async fn datasets(&self, search: String) -> Result<DatasetsView, WireError> {
        self.views.datasets(&search).await.map_err(|e| self.explain(e))
    }

    async fn change_dataset(&self, form: DatasetForm) -> Result<String, WireError> {
        self.dataset_changed(form).await.map_err(|e| self.explain(e))
    }

    async fn save_dataset(&self, form: DefinitionForm) -> Result<String, WireError> {
        self.definition_saved(form).await.map_err(|e| self.explain(e))
    }
}

fn invalid(words: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, words)
}

impl Person {
    async fn dataset_changed(&self, form: DatasetForm) -> Result<String> {
        let (state, name, by) = (&self.web.state, form.dataset.trim(), self.asker.name());
        match form.change.as_str() {
            "bicycles" => state.add_bicycles(by).await.map(|()| "/datasets".to_owned()),
            "deliver" => {
                let day = format!("{}/{name}/{}", form.customer.trim(), form.date.trim());
                let day = self.views.parse_day(&day).await?;
                let run = state.deliver_bicycles(&day, by).await?;
                Ok(run.map_or_else(|| "/runs".to_owned(), |run| format!("/runs/{run}")))
            }
            "delete" => {
                let run = state.delete_dataset(name, &form.plan, by).await?;
                Ok(format!("/reset?run={run}"))
            }
            _ => Err(invalid("There is no such change of a dataset.")),
        }
    }
}

impl Person {
    async fn definition_saved(&self, form: DefinitionForm) -> Result<String> {
        let state = &self.web.state;
        let after = form.after.parse().map_err(|_| invalid("The form names no version: reload the page."))?;
        let definition = changed(state.definition(form.dataset.trim())?, &form)?;
        Ok(match state.define(definition, after, self.asker.name()).await? {
            (_, Some(run)) => format!("/runs/{run}"),
            (version, None) => format!("/datasets?dataset={}#dataset", version.definition.name),
        })
    }
}

/// The definition as the form has it. Columns come in the order of the page.
fn changed(before: Definition, form: &DefinitionForm) -> Result<Definition> {
    if form.columns.len() != before.columns.len() {
        return Err(invalid("The form does not have all columns: reload the page."));
    }
    let mut columns = Vec::new();
    let mut cluster = Vec::new();
    for (column, typed) in before.columns.into_iter().zip(&form.columns) {
        let mut field = column.field;
        if !typed.kind.is_empty() && field.fields.is_empty() {
            field.field_type = types()
                .into_iter()
                .find(|(name, _)| *name == typed.kind)
                .map(|(_, kind)| kind)
                .ok_or_else(|| invalid(format!("{} is no type of a column.", typed.kind)))?;
        }
        let name = typed.name.trim().to_owned();
        if !typed.cluster.is_empty() {
            let place: u32 = typed.cluster.parse().map_err(|_| invalid("A place in the clustering is 1 to 4."))?;
            cluster.push((place, name.clone()));
        }
        let expected = Some(typed.expected.clone()).filter(|expected| !expected.is_empty());
        let known = |name: &String| showrunner_pii::InfoType::ALL.iter().any(|kind| kind.name() == name);
        if expected.as_ref().is_some_and(|expected| !known(expected)) {
            return Err(invalid("There is no such info type."));
        }
        columns.push(Column { name, field, expected, measure: !typed.measure.is_empty(), note: column.note });
    }
    cluster.sort();
    if cluster.windows(2).any(|two| two[0].0 == two[1].0) {
        return Err(invalid("Two columns have the same place in the clustering."));
    }
    let keys = form.columns.iter().filter(|typed| !typed.key.is_empty());
    Ok(Definition {
        title: form.title.trim().to_owned(),
        key: keys.map(|typed| typed.name.trim().to_owned()).collect(),
        cluster: cluster.into_iter().map(|(_, name)| name).collect(),
        day: Some(form.day.clone()).filter(|day| !day.is_empty()),
        columns,
        ..before
    })
}
