//! `showrunner cloud`: what a show needs in a project of Google Cloud, checked, built up, torn down.

use clap::{Subcommand, ValueEnum};
use showrunner_gcp::cloud::{Cloud, Contents, Inventory, Item, Outcome, Step};

use crate::cloud::{self, finding, line};
use crate::config::Config;
use crate::error::Result;
use crate::format::{bytes, count, plural};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is missing in the project, and the exact command; exit status 1 if anything is
    Check(FormatArgs),
    /// Create what is missing, everything labelled; what is there stays as it is
    Up(FormatArgs),
    /// Delete what carries this show's label, and prove that nothing is left; without --yes only say what that is
    Down {
        /// Do it
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Clone, Copy, clap::Args)]
struct FormatArgs {
    /// What is printed: a table for people, or JSON for scripts
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Text,
}

pub(super) async fn run(args: &Args, config: &Config) -> Result<i32> {
    let cloud = cloud::connect(config).await?;
    match &args.command {
        Command::Check(format) => check(&cloud, format.format).await,
        Command::Up(format) => up(&cloud, format.format).await,
        Command::Down { yes: false, format } => planned(&cloud, format.format).await,
        Command::Down { yes: true, format } => down(&cloud, format.format).await,
    }
}

async fn check(cloud: &Cloud, format: Format) -> Result<i32> {
    let findings = cloud.check().await;
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&findings)?),
        Format::Text => print!("{}", findings.iter().map(finding).collect::<String>()),
    }
    Ok(i32::from(findings.iter().any(|finding| finding.state.is_red())))
}

async fn up(cloud: &Cloud, format: Format) -> Result<i32> {
    let steps = cloud.build_up(&|step| tell(step, format)).await;
    if format == Format::Json {
        println!("{}", serde_json::to_string_pretty(&steps)?);
    }
    Ok(i32::from(steps.iter().any(|step| step.outcome.is_red())))
}

async fn planned(cloud: &Cloud, format: Format) -> Result<i32> {
    let plan = cloud.tear_down_plan().await?;
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&plan)?),
        Format::Text => {
            print!("{}", inventory(&plan));
            if !plan.ours.is_empty() {
                println!("Nothing was deleted. Add --yes to delete what is ours.");
            }
        }
    }
    Ok(0)
}

async fn down(cloud: &Cloud, format: Format) -> Result<i32> {
    let done = cloud.tear_down(&|step| tell(step, format)).await?;
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&done)?),
        Format::Text => print!("{}", inventory(&done.left)),
    }
    let failed = done.steps.iter().any(|step| step.outcome.is_red());
    Ok(i32::from(failed || !done.is_clean()))
}

/// A step as it ends; with JSON on standard output they all come at the end.
fn tell(step: &Step, format: Format) {
    if format == Format::Text {
        print!("{}", stepped(step));
    }
}

fn stepped(step: &Step) -> String {
    let (mark, word) = match step.outcome {
        Outcome::Created => ("ok  ", "created"),
        Outcome::WasThere => ("ok  ", "was there"),
        Outcome::Deleted => ("ok  ", "deleted"),
        Outcome::WasGone => ("ok  ", "was gone"),
        Outcome::Refused => ("RED ", "refused"),
        Outcome::NotTried => ("RED ", "not tried"),
        Outcome::NotAsked => ("-   ", ""),
        Outcome::Failed => ("RED ", "failed"),
    };
    let said = match (word, step.said.as_str()) {
        ("", said) => said.to_owned(),
        (word, "") => word.to_owned(),
        (word, said) => format!("{word}: {said}"),
    };
    line(mark, &step.what, &said, step.command.as_deref())
}

fn inventory(inventory: &Inventory) -> String {
    let list = |title: &str, items: &[Item]| {
        let lines: String = items.iter().map(|item| format!("  {:44} {}\n", item.what(), contents(item))).collect();
        format!("{title}\n{lines}")
    };
    let ours = match inventory.ours.as_slice() {
        [] => "Nothing in the project carries this show's label.\n".to_owned(),
        items => list("Ours, by the label:", items),
    };
    let others = match inventory.others.as_slice() {
        [] => String::new(),
        items => list("Not ours, and left alone:", items),
    };
    ours + &others
}

fn contents(item: &Item) -> String {
    let Some(contents) = item.contents else { return String::new() };
    let Contents { objects, parts, versions, soft_deleted, bytes: size, tables } = contents;
    let counted = [(objects, "object"), (parts, "part"), (versions, "older version"), (tables, "table")];
    let mut said: Vec<String> = counted.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| plural(*n, noun)).collect();
    if soft_deleted > 0 {
        said.push(format!("{} deleted and still kept", count(soft_deleted)));
    }
    if size > 0 {
        said.push(bytes(size));
    }
    if said.is_empty() { "empty".to_owned() } else { said.join(", ") }
}
