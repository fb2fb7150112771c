//! What lies in the data lake's bucket and is not ours.

use std::path::Path;
use std::sync::Arc;

use crate::Result;
use crate::delta::{Home, Table, io_error, log_file, parts};
use crate::keys::LakeKey;
use crate::model::ForeignObject;

/// Walks the bucket; names everything that no table of ours wrote.
pub(crate) async fn in_datalake(home: &Home, tables: &[Arc<Table>]) -> Result<Vec<ForeignObject>> {
    let mut found = Vec::new();
    let mut look = |key: String, size: &dyn Fn() -> u64| {
        if let Some(reason) = reason_against(&key, tables) {
            found.push(ForeignObject { bucket: home.bucket.clone(), key, size: size(), reason });
        }
    };
    match home.keys().await? {
        Some(keys) => keys.into_iter().for_each(|(key, size)| look(key, &|| size)),
        None => visit(&home.dir, String::new(), &mut look)?,
    }
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}

/// The size is asked for where it is wanted: nearly all files are ours.
fn visit(dir: &Path, relative: String, each: &mut dyn FnMut(String, &dyn Fn() -> u64)) -> Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(io_error("listing", dir, e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| io_error("listing", dir, e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let key = if relative.is_empty() { name } else { format!("{relative}/{name}") };
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            visit(&entry.path(), key, each)?;
        } else {
            each(key, &|| entry.metadata().map_or(0, |m| m.len()));
        }
    }
    Ok(())
}

fn reason_against(key: &str, tables: &[Arc<Table>]) -> Option<String> {
    let name = key.rsplit('/').next().unwrap_or(key);
    let mut segments = key.splitn(4, '/');
    let place = (segments.next(), segments.next(), segments.next(), segments.next());
    let (Some("zone"), Some(zone), Some(table), Some(rest)) = place else {
        return Some(match LakeKey::parse(key) {
            Err(e) => e.message,
            Ok(_) => "It lies outside the tables' folders.".to_owned(),
        });
    };
    let Some(table) = tables.iter().find(|t| t.shape.zone.name() == zone && t.shape.name == table) else {
        return Some(format!("There is no table {zone}.{table}."));
    };
    let ours = match rest.strip_prefix("_delta_log/") {
        Some(_) => log_file(name).is_some(),
        None => {
            let columns: Vec<&str> =
                rest.split('/').filter_map(|s| s.split_once('=')).map(|(column, _)| column).collect();
            parts::run_of(name).is_some() && columns == table.shape.partition
        }
    };
    (!ours).then(|| format!("No run of ours wrote it into {}.", table.full_name()))
}
