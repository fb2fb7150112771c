//! `showrunner import`: real export files into the source bucket.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use flate2::read::MultiGzDecoder;
use futures::StreamExt;
use showrunner_lake::keys::SourceKey;
use showrunner_lake::ports::Precondition;

use super::Session;
use super::ingest::date_of;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::runs::SourceManifest;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder with ga_sessions_YYYYMMDD.json.gz
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
}

pub(super) async fn run(args: &Args, config: &Config) -> Result<i32> {
    let files = files(&args.from)?;
    let session = Session::open(config).await?;
    session.state.engine.refuse_during_reset().await?;
    let (objects, bucket) = (session.state.lake.objects(), &session.state.lake.names().source);
    let mut rows_in_all = 0;
    for (date, path) in &files {
        // Read to its end before anything is replaced: a broken file changes nothing.
        let rows = tokio::task::spawn_blocking({
            let path = path.clone();
            move || count_rows(&path)
        })
        .await
        .map_err(|error| Error::with(ErrorKind::Internal, "Reading the file ended by a bug.", error))??;
        let stream =
            tokio_util::io::ReaderStream::with_capacity(tokio::fs::File::open(path).await?, 256 * 1024).boxed();
        let meta = objects.put_stream(bucket, &SourceKey::Data(*date).to_string(), stream, u64::MAX).await?;
        let manifest = SourceManifest { date: *date, file: SourceKey::Data(*date).file(), rows, bytes: meta.size };
        let json = serde_json::to_vec_pretty(&manifest)?;
        objects.put(bucket, &SourceKey::Manifest(*date).to_string(), json.into(), Precondition::None).await?;
        eprintln!("{date}: {rows} sessions, {} bytes", meta.size);
        rows_in_all += rows;
    }
    session.close().await;
    println!("{} days, {rows_in_all} sessions imported", files.len());
    Ok(0)
}

fn files(dir: &Path) -> Result<BTreeMap<NaiveDate, PathBuf>> {
    let unreadable = |error: std::io::Error| {
        Error::with(ErrorKind::Invalid, format!("The folder {} cannot be read ({error}).", dir.display()), error)
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if name.starts_with("ga_sessions_")
            && name.ends_with(".json.gz")
            && let Some(date) = date_of(&path)
        {
            files.insert(date, path);
        }
    }
    if files.is_empty() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "{} holds no file named ga_sessions_YYYYMMDD.json.gz. Export them first, or use `showrunner generate`.",
                dir.display()
            ),
        ));
    }
    Ok(files)
}

/// Lines that are not empty.
fn count_rows(path: &Path) -> Result<u64> {
    let broken = |error: std::io::Error| {
        Error::with(
            ErrorKind::Invalid,
            format!("{} is no whole gzip file ({error}). Export it again.", path.display()),
            error,
        )
    };
    let mut reader =
        BufReader::with_capacity(256 * 1024, MultiGzDecoder::new(BufReader::new(File::open(path).map_err(broken)?)));
    let (mut rows, mut in_row) = (0, false);
    loop {
        let buffer = reader.fill_buf().map_err(broken)?;
        if buffer.is_empty() {
            return Ok(rows + u64::from(in_row));
        }
        for byte in buffer {
            if *byte == b'\n' {
                rows += u64::from(in_row);
                in_row = false;
            } else if !byte.is_ascii_whitespace() {
                in_row = true;
            }
        }
        let used = buffer.len();
        reader.consume(used);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gz(dir: &Path, text: &str) -> PathBuf {
        let path = dir.join("ga_sessions_20170601.json.gz");
        let mut out = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap();
        path
    }

    #[test]
    fn rows_are_lines_with_content() {
        let dir = tempfile::tempdir().unwrap();
        for (text, rows) in [("", 0), ("{}\n{}\n", 2), ("{}\r\n\r\n{}", 2), ("\n\n", 0)] {
            assert_eq!(count_rows(&gz(dir.path(), text)).unwrap(), rows, "{text:?}");
        }
    }

    #[test]
    fn a_cut_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = gz(dir.path(), &"{\"a\":1}\n".repeat(500));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(count_rows(&path).unwrap_err().kind, ErrorKind::Invalid);
    }
}
