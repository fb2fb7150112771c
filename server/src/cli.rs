//! The command line.

mod cloud;
mod generate;
mod import;
mod ingest;
mod lineage;
mod pii;
mod reset;
mod seed;
mod serve;
mod sql;
mod stream;
mod watch;

use std::sync::Arc;

use chrono::NaiveDate;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use showrunner_lake::DataDirLock;

use crate::clock::{RandomIds, SystemClock};
use crate::config::{Config, ServeConfig, settings};
use crate::error::Result;
use crate::{AppState, Background, doctor};

/// Shows a modern data lake on one page: a day arrives, flows through bronze, silver and gold into the warehouse, a chart moves, and
/// one click puts everything back.
#[derive(Debug, Parser)]
#[command(name = "showrunner", version, about, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    config: Config,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the pages
    Serve(ServeConfig),
    /// Create or update the control database
    Migrate,
    /// Put days into the source bucket and ingest the history; what is there already is left alone
    Seed(seed::Args),
    /// Put everything back, and print the proof
    Reset(reset::Args),
    /// Say what is missing, and the exact fix; exit status 1 if anything is
    Doctor(ServeConfig),
    /// What a show needs in a project of Google Cloud: check it, build it up, tear it down
    Cloud(cloud::Args),
    /// Write generated day files ga_sessions_YYYYMMDD.json.gz
    Generate(generate::Args),
    /// Take real export files ga_sessions_YYYYMMDD.json.gz into the source bucket
    Import(import::Args),
    /// Deliver files and take them through the lake, without a server; prints a JSON summary
    Ingest(ingest::Args),
    /// Publish a day record by record through topic and subscribers, without a server; prints a JSON summary
    Stream(stream::Args),
    /// Print which columns the columns of a query are made of
    Lineage(lineage::Args),
    /// Say which columns of CSV files hold personal data, of which kind, and why
    Pii(pii::Args),
    /// Ask bronze.*, silver.*, gold.*, warehouse.*; works while a server runs
    Sql(sql::Args),
}

/// Runs the program; returns its exit status.
pub fn main() -> i32 {
    let command = Cli::command();
    let matches = command.clone().get_matches();
    let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    cli.config.settings = settings(&command, &matches);
    start_log(&cli.config);
    // Google's clients take the process's provider; that there is one already is fine.
    let _there = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("showrunner: the program's threads could not be started ({error}).");
            return 1;
        }
    };
    let status = match runtime.block_on(run(&cli.command, &cli.config)) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("showrunner: {error}");
            tracing::debug!("{}", error.chain());
            1
        }
    };
    // The data plane's threads end with the process: all that matters is on disk.
    runtime.shutdown_background();
    status
}

async fn run(command: &Command, config: &Config) -> Result<i32> {
    match command {
        Command::Serve(serve) => serve::run(serve, config).await,
        Command::Migrate => migrate(config).await,
        Command::Seed(args) => seed::run(args, config).await,
        Command::Reset(args) => reset::run(args, config).await,
        Command::Doctor(serve) => doctor::run(serve, config).await,
        Command::Cloud(args) => cloud::run(args, config).await,
        Command::Generate(args) => generate::run(args, config).await,
        Command::Import(args) => import::run(args, config).await,
        Command::Ingest(args) => ingest::run(args, config).await,
        Command::Stream(args) => stream::run(args, config).await,
        Command::Lineage(args) => lineage::run(args).await,
        Command::Pii(args) => pii::run(args),
        Command::Sql(args) => sql::run(args, config).await,
    }
}

async fn migrate(config: &Config) -> Result<i32> {
    let _lock = DataDirLock::acquire(&config.data.data_dir)?;
    let store = crate::store::Store::open(&config.data.data_dir, Arc::new(SystemClock)).await?;
    store.close().await;
    println!("The control database in {} is up to date.", config.data.data_dir.display());
    Ok(0)
}

/// A command that writes: holds the lock, with what was under way resumed.
struct Session {
    state: Arc<AppState>,
    background: Background,
    _lock: DataDirLock,
}

impl Session {
    async fn open(config: &Config) -> Result<Session> {
        let lock = DataDirLock::acquire(&config.data.data_dir)?;
        let state = crate::build(config, Arc::new(SystemClock), Arc::new(RandomIds)).await?;
        let background = state.start_engine().await?;
        Ok(Session { state, background, _lock: lock })
    }

    async fn close(self) {
        self.background.stop().await;
        self.state.store.close().await;
    }
}

fn start_log(config: &Config) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(&config.log.log).unwrap_or_else(|error| {
        eprintln!("showrunner: --log {} is not understood ({error}); logging info.", config.log.log);
        EnvFilter::new("info")
    });
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}

/// `YYYY-MM-DD` on the command line.
fn date(text: &str) -> Result<NaiveDate, String> {
    showrunner_lake::keys::parse_date(text).map_err(|error| error.message)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_variable_is_in_the_sample_and_in_help() {
        let sample = include_str!("../../.env.sample");
        let mut command = Cli::command();
        command.build();
        let serve = command.find_subcommand("serve").expect("there is a command serve");
        let known: Vec<String> =
            serve.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_str()?.to_owned())).collect();
        assert!(known.len() > 10, "{known:?}");
        for name in &known {
            assert!(sample.contains(&format!("{name}=")), "{name} is missing in .env.sample");
        }
        for line in sample.lines().filter(|line| line.contains('=')) {
            let name = line.trim_start_matches("# ").split('=').next().unwrap_or_default();
            assert!(known.iter().any(|known| known == name), "{name} in .env.sample is not read by the program");
        }
    }
}
