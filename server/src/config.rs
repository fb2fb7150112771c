//! Configuration: from flags and the environment, one struct per concern. The environment is read in this file only.

mod cloud;
mod hook;
mod settings;
mod sign_in;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::error::{Error, ErrorKind, Result};
use crate::stream::StreamSettings;

pub use cloud::{Backend, CloudConfig, called};
pub(crate) use hook::vouches;
pub use hook::{GOOGLE, HookConfig, HookSettings};
pub use settings::{Setting, settings};
pub use sign_in::SignInConfig;

/// Everything.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Where the data lies.
    #[command(flatten)]
    pub data: DataConfig,
    /// Names of buckets and datasets.
    #[command(flatten)]
    pub names: NameConfig,
    /// Google Cloud.
    #[command(flatten)]
    pub cloud: CloudConfig,
    /// Pushed notifications.
    #[command(flatten)]
    pub hook: HookConfig,
    /// Generated data.
    #[command(flatten)]
    pub generated: GeneratedConfig,
    /// How much of the machine to use.
    #[command(flatten)]
    pub limits: LimitConfig,
    /// Files from the browser.
    #[command(flatten)]
    pub upload: UploadConfig,
    /// The stream.
    #[command(flatten)]
    pub stream: StreamConfig,
    /// Lineage.
    #[command(flatten)]
    pub lineage: LineageConfig,
    /// Signing in.
    #[command(flatten)]
    pub sign_in: SignInConfig,
    /// The story.
    #[command(flatten)]
    pub story: StoryConfig,
    /// The log.
    #[command(flatten)]
    pub log: LogConfig,
    /// The same settings for people, with where each comes from.
    #[arg(skip)]
    pub settings: Vec<Setting>,
}

/// Where the data lies.
#[derive(Debug, Clone, Args)]
pub struct DataConfig {
    /// The data folder: buckets, tables, control database. Deleting it is a factory reset, copying it (server stopped) a backup
    #[arg(
        long,
        env = "SHOWRUNNER_DATA_DIR",
        default_value = "data",
        global = true,
        value_name = "DIR",
        help_heading = "Configuration"
    )]
    pub data_dir: PathBuf,
}

/// Names of buckets and datasets.
#[derive(Debug, Clone, Args)]
pub struct NameConfig {
    /// The {id} in names such as sa-ingestion-{id}-{stage}
    #[arg(long, env = "SHOWRUNNER_ID", default_value = "demo", global = true, value_parser = name, help_heading = "Configuration")]
    pub id: String,
    /// The {stage} in names such as sa-ingestion-{id}-{stage}
    #[arg(long, env = "SHOWRUNNER_STAGE", default_value = "dev", global = true, value_parser = name, help_heading = "Configuration")]
    pub stage: String,
}

/// Generated data.
#[derive(Debug, Clone, Args)]
pub struct GeneratedConfig {
    /// Generated data follows from this number
    #[arg(
        long,
        env = "SHOWRUNNER_SEED",
        default_value_t = 42,
        global = true,
        value_name = "NUMBER",
        help_heading = "Configuration"
    )]
    pub seed: u64,
    /// Generated sessions on a mean weekday
    #[arg(long, env = "SHOWRUNNER_SESSIONS_PER_DAY", default_value_t = 2_650, global = true, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Configuration")]
    pub sessions_per_day: u32,
}

/// How much of the machine to use.
#[derive(Debug, Clone, Args)]
pub struct LimitConfig {
    /// Worker threads for ingestion [default: one for each core, at most 8]
    #[arg(long, env = "SHOWRUNNER_WORKERS", global = true, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Configuration")]
    pub workers: Option<u16>,
    /// Memory of one query; beyond it the engine spills to disk
    #[arg(long, env = "SHOWRUNNER_QUERY_MEMORY", default_value = "192MB", global = true, value_parser = bytes, value_name = "BYTES", help_heading = "Configuration")]
    pub query_memory: u64,
}

/// Files from the browser.
#[derive(Debug, Clone, Args)]
pub struct UploadConfig {
    /// The largest file that may be uploaded from the browser
    #[arg(id = "upload-limit", long = "upload-limit", env = "SHOWRUNNER_UPLOAD_LIMIT", default_value = "512MB", global = true, value_parser = bytes, value_name = "BYTES", help_heading = "Configuration")]
    pub limit_bytes: u64,
    /// How much may lie in a customer's folder, unless the customer has a quota of its own
    #[arg(id = "upload-quota", long = "upload-quota", env = "SHOWRUNNER_UPLOAD_QUOTA", default_value = "10GB", global = true, value_parser = bytes, value_name = "BYTES", help_heading = "Configuration")]
    pub quota_bytes: u64,
    /// Files that are received at the same time; more wait a moment, then are asked to come again
    #[arg(id = "upload-parallel", long = "upload-parallel", env = "SHOWRUNNER_UPLOAD_PARALLEL", default_value_t = 64, global = true, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1_024), help_heading = "Configuration")]
    pub parallel: u16,
    /// An upload is broken off when 64 KiB take longer than this, in seconds; what came is kept, so that it can go on
    #[arg(id = "upload-stall", long = "upload-stall", env = "SHOWRUNNER_UPLOAD_STALL", default_value_t = 30, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3_600), help_heading = "Configuration")]
    pub stall_seconds: u16,
}

/// The stream.
#[derive(Debug, Clone, Args)]
pub struct StreamConfig {
    /// A stream stops by itself after so many minutes
    #[arg(id = "stream-minutes", long = "stream-minutes", env = "SHOWRUNNER_STREAM_MINUTES", default_value_t = 240, global = true, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=10_080), help_heading = "Configuration")]
    pub minutes: u32,
    /// Small files of the stream become large ones so often, in minutes; 0: only by the button
    #[arg(
        id = "stream-compact-minutes",
        long = "stream-compact-minutes",
        env = "SHOWRUNNER_STREAM_COMPACT_MINUTES",
        default_value_t = 60,
        global = true,
        value_name = "MINUTES",
        help_heading = "Configuration"
    )]
    pub compact_minutes: u32,
}

/// Lineage.
#[derive(Debug, Clone, Args)]
pub struct LineageConfig {
    /// Where lineage is told to as OpenLineage run events, for instance http://127.0.0.1:5000/api/v1/lineage
    #[arg(id = "openlineage-url", long = "openlineage-url", env = "SHOWRUNNER_OPENLINEAGE_URL", global = true, value_parser = web_address, value_name = "URL", help_heading = "Configuration")]
    pub url: Option<String>,
    /// The endpoint's API key, sent as a bearer token; better in the environment than in a command line, which others can read
    #[arg(
        id = "openlineage-api-key",
        long = "openlineage-api-key",
        env = "SHOWRUNNER_OPENLINEAGE_API_KEY",
        hide_env_values = true,
        global = true,
        value_name = "KEY",
        help_heading = "Configuration"
    )]
    pub api_key: Option<Secret>,
    /// What others send as bearer token to tell their lineage at POST /api/v1/lineage; without it only whoever is signed in may
    #[arg(
        id = "openlineage-import-key",
        long = "openlineage-import-key",
        env = "SHOWRUNNER_OPENLINEAGE_IMPORT_KEY",
        hide_env_values = true,
        global = true,
        value_name = "KEY",
        help_heading = "Configuration"
    )]
    pub import_key: Option<Secret>,
}

/// A value that stands in no log and in no error.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// For whoever it is meant for.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Whether `text` is it; compared as digests, whose difference tells nothing of the secret.
    pub fn is(&self, text: &str) -> bool {
        use ring::digest::{SHA256, digest};
        digest(&SHA256, self.0.as_bytes()).as_ref() == digest(&SHA256, text.as_bytes()).as_ref()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(Secret(text.to_owned()))
    }
}

fn web_address(text: &str) -> std::result::Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        _ => Err("not an address like http://127.0.0.1:5000/api/v1/lineage".to_owned()),
    }
}

/// The story.
#[derive(Debug, Clone, Args)]
pub struct StoryConfig {
    /// A folder with stories (*.toml) instead of those in the program
    #[arg(long, env = "SHOWRUNNER_STORIES_DIR", global = true, value_name = "DIR", help_heading = "Configuration")]
    pub stories_dir: Option<PathBuf>,
}

/// The log.
#[derive(Debug, Clone, Args)]
pub struct LogConfig {
    /// What is logged to standard error: error, warn, info, debug, or per module as in info,showrunner=debug
    #[arg(
        long,
        env = "SHOWRUNNER_LOG",
        default_value = "warn,showrunner=info",
        global = true,
        value_name = "FILTER",
        help_heading = "Configuration"
    )]
    pub log: String,
}

/// Where the server listens.
#[derive(Debug, Clone, Args)]
pub struct ServeConfig {
    /// Address and port; port 0 takes a free one. Without a sign-in provider only this machine's own addresses
    #[arg(long, env = "SHOWRUNNER_ADDR", default_value = "127.0.0.1:3000", value_name = "HOST:PORT")]
    pub addr: SocketAddr,
}

impl ServeConfig {
    /// The address, refused when other machines could reach it and nobody would have to sign in.
    pub fn checked(&self, sign_in: &SignInConfig) -> Result<SocketAddr> {
        let provider = sign_in.provider()?;
        if self.addr.ip().is_loopback() || provider.is_some() {
            return Ok(self.addr);
        }
        Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "{} can be reached from other machines, and nobody would have to sign in. Set SHOWRUNNER_OIDC_ISSUER, SHOWRUNNER_OIDC_CLIENT_ID, \
                 SHOWRUNNER_OIDC_CLIENT_SECRET, SHOWRUNNER_PUBLIC_URL and SHOWRUNNER_ADMINS; or use 127.0.0.1:{} or [::1]:{}, and an SSH tunnel from elsewhere.",
                self.addr,
                self.addr.port(),
                self.addr.port()
            ),
        ))
    }
}

impl Config {
    /// Worker threads.
    pub fn workers(&self) -> usize {
        match self.limits.workers {
            Some(workers) => usize::from(workers),
            None => std::thread::available_parallelism().map_or(2, |cores| cores.get().min(8)),
        }
    }

    /// The stream's part.
    pub fn streams(&self) -> StreamSettings {
        let minutes = |minutes: u32| Duration::from_secs(60 * u64::from(minutes));
        StreamSettings { lasts: minutes(self.stream.minutes), compact_every: minutes(self.stream.compact_minutes) }
    }

    /// The defaults with another data folder and small generated days: for tests.
    pub fn for_tests(data_dir: impl Into<PathBuf>) -> Config {
        Config {
            data: DataConfig { data_dir: data_dir.into() },
            names: NameConfig { id: "demo".to_owned(), stage: "test".to_owned() },
            cloud: CloudConfig::default(),
            hook: HookConfig::default(),
            generated: GeneratedConfig { seed: 42, sessions_per_day: 20 },
            limits: LimitConfig { workers: Some(2), query_memory: 128 << 20 },
            upload: UploadConfig { limit_bytes: 8 << 20, quota_bytes: 64 << 20, parallel: 8, stall_seconds: 2 },
            stream: StreamConfig { minutes: 240, compact_minutes: 0 },
            lineage: LineageConfig { url: None, api_key: None, import_key: None },
            sign_in: SignInConfig {
                issuer: None,
                client_id: None,
                client_secret: None,
                scopes: vec!["email".to_owned()],
                public_url: None,
                admins: Vec::new(),
                hours: 1,
            },
            story: StoryConfig { stories_dir: None },
            log: LogConfig { log: "warn".to_owned() },
            settings: Vec::new(),
        }
    }
}

/// `SHOWRUNNER_KILL_AT`, for the tests that kill the process.
#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "the configuration reads the environment")]
pub(crate) fn kill_at() -> Option<String> {
    std::env::var("SHOWRUNNER_KILL_AT").ok()
}

/// A number of bytes: `512MB`, `2 GB`, `1048576`. Powers of ten for kB, MB, GB; of two for KiB, MiB, GiB.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err("write a number of bytes, such as 512MB or 2GiB".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "write a number of bytes, such as 512MB or 2GiB".to_owned())?;
    number
        .checked_mul(factor)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "must be at least one byte and fit into 64 bits".to_owned())
}

/// Part of a bucket's name.
fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || text.len() > 20 || !text.chars().all(fits) || text.starts_with('-') || text.ends_with('-') {
        return Err("use 1 to 20 of a-z, 0-9 and '-', no '-' at either end".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_with_and_without_unit() {
        for (text, expected) in [("1048576", 1_048_576), ("512MB", 512_000_000), ("2 GiB", 2 << 30), ("3k", 3_000)] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "MB", "0", "-1", "1.5GB", "12 parsecs", "99999999999999999999", "99999999999GiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_fit_into_bucket_names() {
        assert!(name("demo-2").is_ok());
        for text in ["", "-a", "a-", "Demo", "a_b", "ä", "aaaaaaaaaaaaaaaaaaaaa"] {
            assert!(name(text).is_err(), "{text}");
        }
    }
}
