//! Defining datasets, changing them, and giving them up.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Inner, Lake, read_only};
use crate::defined::{Defined, Definition, Kept, Shelf, Version};
use crate::delta::{Table, io_error};
use crate::lineage::{self, Job};
use crate::model::Zone;
use crate::ports::Warehouse;
use crate::{Error, ErrorKind, Result, ingestion};

/// The datasets that are defined, by name.
#[derive(Default)]
pub(super) struct Held {
    all: RwLock<Vec<Arc<Defined>>>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
}

impl Held {
    pub fn all(&self) -> Vec<Arc<Defined>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn find(&self, name: &str) -> Option<Arc<Defined>> {
        self.all().into_iter().find(|defined| defined.definition.name == name)
    }

    pub fn tables(&self) -> Vec<Arc<Table>> {
        self.all().iter().flat_map(|defined| defined.tables.clone()).collect()
    }

    fn put(&self, name: &str, defined: Option<Arc<Defined>>) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.definition.name != name);
        all.extend(defined);
        all.sort_by(|a, b| a.definition.name.cmp(&b.definition.name));
    }
}

impl Lake {
    /// Datasets that an admin defined, with all versions, by name.
    ///
    /// # Errors
    /// If a definition cannot be read.
    pub fn defined(&self) -> Result<Vec<Kept>> {
        self.inner.shelf().all()
    }

    /// The definition of a dataset that counts now.
    pub fn definition(&self, name: &str) -> Option<Definition> {
        self.inner.defined.find(name).map(|defined| defined.definition.clone())
    }

    /// Defines a dataset with empty tables, or changes it. `after` is the version that was looked at (0: none): another one by now is a
    /// conflict. Where tables have to be made anew, what was in them is gone, and the days are to be ingested again; the version says so.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with what does not fit, [`ErrorKind::Conflict`] if another version came between or a name is taken.
    pub async fn define(&self, definition: Definition, after: u32, by: &str, at: i64) -> Result<Version> {
        let (inner, by) = (self.inner.clone(), by.to_owned());
        self.work.run(async move { inner.define(definition, after, by, at).await }).await
    }

    /// Gives a dataset up, with its tables. Idempotent.
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn undefine(&self, name: &str) -> Result<()> {
        let (inner, name) = (self.inner.clone(), name.to_owned());
        self.work.run(async move { inner.undefine(&name).await }).await
    }

    /// What makes the tables of the datasets that are defined now.
    ///
    /// # Errors
    /// As [`lineage::jobs`].
    pub fn defined_jobs(&self) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for defined in self.inner.defined.all() {
            jobs.extend(lineage::of_defined(&defined)?);
        }
        Ok(jobs)
    }
}

impl Inner {
    fn shelf(&self) -> Shelf {
        Shelf(self.config.data_dir.join("datasets"))
    }

    /// Makes what is kept known, at the start.
    pub(super) async fn take_up_datasets(&self) -> Result<()> {
        for kept in self.shelf().all()? {
            if let Some(version) = kept.newest() {
                self.hold(version.definition.clone()).await?;
            }
        }
        Ok(())
    }

    fn new_defined(&self, definition: Definition) -> Result<Defined> {
        Defined::new(definition, &self.home)
    }

    /// Makes the dataset known, and its tables where they are not what it says.
    async fn hold(&self, definition: Definition) -> Result<()> {
        let mut defined = self.new_defined(definition.clone())?;
        let name = defined.definition.name.clone();
        for table in &defined.tables {
            table.fetch().await?;
        }
        if self.read_only && self.config.elsewhere.is_some() {
            self.warehouse.find(&defined.serving()?).await?;
        }
        if !self.read_only {
            if !defined.is_made().await? {
                self.drop_tables(&defined).await?;
                // Those before remember what they read.
                defined = self.new_defined(definition)?;
            }
            let serving = defined.serving()?;
            self.warehouse.create_table(&serving).await?;
            if let Some(served) = &self.served {
                served.warehouse().create_table(&serving).await?;
                // Before any row comes into it.
                self.enforce_on(&serving.name).await?;
            }
            // Bronze last: it says that all of them are there.
            for zone in [Zone::Gold, Zone::Silver, Zone::Bronze] {
                let table = defined.table(zone)?;
                table.create().await?;
                table.current().await?;
            }
        }
        self.defined.put(&name, Some(Arc::new(defined)));
        self.epoch.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }

    async fn define(&self, definition: Definition, after: u32, by: String, at: i64) -> Result<Version> {
        if self.read_only {
            return Err(read_only());
        }
        definition.check()?;
        let _alone = self.defined.changing.lock().await;
        let name = definition.name.clone();
        let known = self
            .shelf()
            .all()?
            .into_iter()
            .find(|kept| kept.newest().is_some_and(|version| version.definition.name == name));
        let before = known.as_ref().and_then(Kept::newest).cloned();
        let version = before.as_ref().map_or(0, |before| before.version);
        if version != after {
            let words = match after {
                0 => format!("There is a dataset {name} already."),
                _ => format!(
                    "Somebody else changed {name} meanwhile, to version {version}. Look at it, then change it again."
                ),
            };
            return Err(Error::new(ErrorKind::Conflict, words));
        }
        if before.is_none() {
            self.check_free(&definition)?;
        }
        let rebuilt = before.is_none_or(|before| !before.definition.same_layout(&definition));
        // Everything that can be wrong with it is found out before it is kept.
        self.new_defined(definition.clone())?.serving()?;
        let version = Version { version: version + 1, at, by, rebuilt, definition: definition.clone() };
        let mut kept = known.unwrap_or(Kept { versions: Vec::new() });
        kept.versions.push(version.clone());
        self.shelf().put(&name, &kept)?;
        self.hold(definition).await?;
        Ok(version)
    }

    /// Refuses names that others have.
    fn check_free(&self, definition: &Definition) -> Result<()> {
        let taken = |words: String| Err(Error::new(ErrorKind::Conflict, words));
        let name = &definition.name;
        if self.datasets.iter().any(|d| d.name == *name) || name == ingestion::CRM {
            return taken(format!("There is a dataset {name} already."));
        }
        for zone in Zone::ALL {
            let table = definition.table(zone);
            if self.all_tables().iter().any(|t| t.shape.zone == zone && t.shape.name == table) {
                return taken(format!(
                    "There is a table {}.{table} already: give the dataset another name.",
                    zone.name()
                ));
            }
        }
        Ok(())
    }

    async fn undefine(&self, name: &str) -> Result<()> {
        if self.read_only {
            return Err(read_only());
        }
        let _alone = self.defined.changing.lock().await;
        if let Some(defined) = self.defined.find(name) {
            self.defined.put(name, None);
            self.drop_tables(&defined).await?;
        }
        self.shelf().remove(name)
    }

    /// Bronze last, as in [`Inner::hold`].
    async fn drop_tables(&self, defined: &Defined) -> Result<()> {
        let scratch = self.config.data_dir.join("scratch");
        let served = self.warehouse.give_up(&defined.definition.table(Zone::Warehouse));
        if let Some(elsewhere) = &self.served {
            elsewhere.warehouse().drop_table(&defined.definition.table(Zone::Warehouse)).await?;
        }
        for table in served.iter().chain(defined.tables.iter().rev()) {
            table.drop_elsewhere().await?;
            drop_folder(table.dir(), &scratch)?;
        }
        self.epoch.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }
}

/// Takes a folder away at once, then deletes it; what a killed process leaves of it in scratch goes at the next start.
fn drop_folder(dir: &Path, scratch: &Path) -> Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    let away = tempfile::Builder::new()
        .prefix("dropped-")
        .tempdir_in(scratch)
        .map_err(|e| io_error("creating", scratch, e))?;
    std::fs::rename(dir, away.path().join("table")).map_err(|e| io_error("removing", dir, e))?;
    away.close().map_err(|e| io_error("removing", dir, e))
}
