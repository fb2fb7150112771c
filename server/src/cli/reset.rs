//! `showrunner reset`

use clap::ValueEnum;

use super::{Session, watch};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::reset::{ResetPlan, ResetStart, plan, start};
use crate::runs::Summary;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What goes: all, customer:ID, or step:ID (back to before that step of the story)
    #[arg(long, default_value = "all")]
    scope: String,
    /// Only list what would go
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// How the list and the certificate are printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) async fn run(args: &Args, config: &Config) -> Result<i32> {
    let session = Session::open(config).await?;
    let result = reset(args, &session).await;
    session.close().await;
    result
}

async fn reset(args: &Args, session: &Session) -> Result<i32> {
    let state = &session.state;
    // A reset that was interrupted goes on first; its proof is what was asked for.
    let resumed = state.store.active_reset().await?;
    let run_id = match resumed {
        Some(run_id) if !args.dry_run => run_id,
        _ => {
            let scope = crate::views::Views::new(state.clone()).parse_scope(&args.scope).await?;
            let planned = plan(state, &scope).await?;
            if args.dry_run || !args.yes {
                match args.format {
                    Format::Text => print!("{}", text(&planned)),
                    Format::Json if args.dry_run => {
                        println!("{}", serde_json::to_string_pretty(&planned)?)
                    }
                    Format::Json => {}
                }
            }
            if args.dry_run {
                return Ok(0);
            }
            if planned.total() > 0 && !args.yes && !confirmed()? {
                println!("Nothing was changed.");
                return Ok(1);
            }
            match start(state, scope, (!args.yes).then_some(planned.digest.as_str()), "command line", None).await? {
                ResetStart::Started(run_id) => run_id,
                ResetStart::Nothing => {
                    match args.format {
                        Format::Text => println!("Nothing to reset: nothing is in scope."),
                        Format::Json => println!(
                            "{{\"run\":null,\"verified\":true,\"note\":\"Nothing to reset: nothing is in scope.\"}}"
                        ),
                    }
                    return Ok(0);
                }
                ResetStart::Changed(_) => {
                    return Err(Error::new(
                        ErrorKind::Conflict,
                        "Something changed since the list was made: nothing was deleted. Run the command again.",
                    ));
                }
            }
        }
    };
    let run = watch::wait(state, &run_id).await?;
    let summary: Summary = serde_json::from_str(&run.summary)?;
    let Some(certificate) = summary.certificate else {
        return Err(Error::new(ErrorKind::Conflict, run.error.unwrap_or_else(|| format!("{} is not over.", run.id))));
    };
    match args.format {
        Format::Text => print!("{}", certificate.text()),
        Format::Json => println!(
            "{}",
            serde_json::to_string_pretty(
                &serde_json::json!({ "run": run.id, "verified": certificate.verified(), "certificate": certificate })
            )?
        ),
    }
    Ok(i32::from(!certificate.verified()))
}

fn text(plan: &ResetPlan) -> String {
    let mut text = format!("{} items would go, {} bytes:\n", plan.total(), plan.bytes());
    for item in &plan.items {
        let place = if item.table.is_empty() { item.place.clone() } else { format!("{}.{}", item.place, item.table) };
        text.push_str(&format!(
            "  {place:32} {:>7} {:11} {:>9} rows  {}\n",
            item.count, item.what, item.rows, item.which
        ));
    }
    text.push_str("These stay:\n");
    for stay in &plan.stays {
        text.push_str(&format!("  {:32} {:>7} {}\n", stay.what, stay.count, stay.checksum));
    }
    for foreign in &plan.foreign {
        text.push_str(&format!("  left alone: {}/{}: {}\n", foreign.bucket, foreign.key, foreign.reason));
    }
    text
}

fn confirmed() -> Result<bool> {
    eprint!("Write yes to delete this: ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
