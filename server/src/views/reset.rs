//! The reset page: what would go and what stays, the progress, the certificate.

use app::wire::*;
use showrunner_lake::model::ForeignObject;

use super::Views;
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::reset::{self, Certificate, PlanItem, ResetPlan, ResetScope};
use crate::runs::Summary;
use crate::store::{RunKind, RunRow, RunState};
use crate::story::Kind;

impl Views {
    /// The dry run of a scope, or the progress and the certificate of a reset's run.
    pub async fn reset(&self, scope: Option<String>, run: Option<String>) -> Result<ResetView> {
        if let Some(id) = run {
            let run = self.state.store.run(&id).await?;
            if run.kind != RunKind::Reset {
                return Err(Error::new(ErrorKind::NotFound, format!("{} is no reset.", run.id)));
            }
            return self.reset_of_run(&run).await;
        }
        if let Some(id) = self.state.store.active_reset().await? {
            return self.reset_of_run(&self.state.store.run(&id).await?).await;
        }
        let scopes = self.scopes().await?;
        let wanted = scope.unwrap_or_else(|| scopes.first().map_or_else(|| "all".into(), |(s, ..)| s.value()));
        let selected = self.parse_scope(&wanted).await?;
        let chosen = scopes.iter().position(|(scope, ..)| scope.value() == wanted);
        let mut asked: Vec<ResetScope> = scopes.iter().map(|(scope, ..)| scope.clone()).collect();
        if chosen.is_none() {
            asked.push(selected.clone());
        }
        let state = &self.state;
        let (items, foreign) = reset::found(state, &asked).await?;
        let mut rows: Vec<ScopeRow> = (scopes.into_iter().zip(&items).enumerate())
            .map(|(at, ((scope, title, detail), items))| ScopeRow {
                value: scope.value(),
                title,
                detail,
                items: format::count(reset::total(items)),
                selected: Some(at) == chosen,
            })
            .collect();
        let items = items.into_iter().nth(chosen.unwrap_or(rows.len())).unwrap_or_default();
        let plan = reset::plan_of(state, &selected, items, foreign).await?;
        if chosen.is_none() {
            rows.push(ScopeRow {
                value: wanted.clone(),
                title: format!("Reset {}", selected.title()),
                detail: "As named in the address".into(),
                items: format::count(plan.total()),
                selected: true,
            });
        }
        let mut notes = Vec::new();
        if plan.total() == 0 {
            notes.push(NoteView {
                kind: NoteKind::Ok,
                text: "Nothing of this scope is left: there is nothing to delete.".into(),
                link: self.newest_certificate().await?,
            });
        }
        Ok(ResetView {
            scopes: rows,
            goes: plan.items.iter().map(goes).collect(),
            total: format!("{}, {}", format::plural(plan.total(), "item"), format::bytes(plan.bytes())),
            items: plan.total(),
            stays: stays(&plan),
            estimate: self.estimate(&plan).await?,
            plan: plan.digest,
            progress: None,
            certificate: None,
            notes,
        })
    }

    /// `all`, `customer:…` or `step:…`, checked against what exists.
    pub async fn parse_scope(&self, text: &str) -> Result<ResetScope> {
        let unknown = || {
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "'{}' is no scope: use all, customer:ID, dataset:NAME or step:ID.",
                    text.chars().take(60).collect::<String>()
                ),
            )
        };
        match text.split_once(':') {
            None if text == "all" => Ok(ResetScope::All),
            Some(("customer", id)) => {
                let known = self.state.store.customers().await?.iter().any(|c| c.id == id);
                known.then(|| ResetScope::Customer(id.to_owned())).ok_or_else(|| {
                    Error::new(
                        ErrorKind::NotFound,
                        format!("There is no customer '{}'.", id.chars().take(60).collect::<String>()),
                    )
                })
            }
            Some(("dataset", name)) => Ok(ResetScope::Dataset(self.state.definition(name)?.name)),
            Some(("step", id)) => {
                // What was done at another depth is behind the step as well.
                let story = self.whole_story();
                let step = story.step(id).ok_or_else(|| {
                    Error::new(
                        ErrorKind::NotFound,
                        format!("The story has no step '{}'.", id.chars().take(20).collect::<String>()),
                    )
                })?;
                Ok(ResetScope::Step {
                    story: story.id.clone(),
                    step: step.id.clone(),
                    days: story.days_from(&step.id).into_iter().map(|d| self.day(d)).collect(),
                    steps: story.from_step(&step.id).map(|s| s.id.clone()).collect(),
                })
            }
            _ => Err(unknown()),
        }
    }

    /// The scopes that the page offers: back to each step that delivers something, each customer, everything.
    async fn scopes(&self) -> Result<Vec<(ResetScope, String, String)>> {
        let story = self.story();
        let mut scopes = Vec::new();
        // The story's own step first: it is what the presenter presses between two shows.
        for step in story.steps().filter(|s| matches!(s.action.kind, Kind::Upload | Kind::Marker)) {
            let scope = self.parse_scope(&format!("step:{}", step.id)).await?;
            let date = step.action.date.map(|d| d.to_string()).unwrap_or_default();
            let detail = match step.action.kind {
                Kind::Upload => format!("Before {date} was uploaded"),
                _ => format!("{date} and its marker; upload it anew"),
            };
            scopes.push((scope, format!("Back to step {}", step.id), detail));
        }
        for customer in self.state.store.customers().await? {
            scopes.push((
                ResetScope::Customer(customer.id.clone()),
                format!("Customer {}", customer.id),
                "All its days; the customer stays".into(),
            ));
        }
        for version in self.state.lake.defined()?.iter().filter_map(|kept| kept.newest()) {
            let name = &version.definition.name;
            scopes.push((
                ResetScope::Dataset(name.clone()),
                format!("Dataset {name}"),
                "All its days; the dataset stays".into(),
            ));
        }
        scopes.push((ResetScope::All, "Everything but the source".into(), "As after a fresh install".into()));
        Ok(scopes)
    }

    async fn reset_of_run(&self, run: &RunRow) -> Result<ResetView> {
        let steps = self.state.store.steps(&run.id).await?;
        let summary: Summary = serde_json::from_str(&run.summary).unwrap_or_default();
        let mut notes = Vec::new();
        if run.attempt > 1 {
            notes.push(NoteView {
                kind: NoteKind::Info,
                text: "The reset was interrupted and went on where it stopped.".into(),
                link: None,
            });
        }
        if matches!(run.state, RunState::Failed | RunState::Stopped) {
            let text = run.error.clone().unwrap_or_else(|| {
                "The reset did not end. Run it again: what is gone stays gone, the rest goes then.".into()
            });
            notes.push(NoteView {
                kind: NoteKind::Bad,
                text,
                link: Some(("Run again from its page".into(), format!("/runs/{}", run.id))),
            });
        }
        Ok(ResetView {
            scopes: vec![],
            goes: vec![],
            total: String::new(),
            items: 0,
            stays: vec![],
            estimate: String::new(),
            plan: String::new(),
            progress: Some(self.progress(run, &steps)),
            certificate: summary.certificate.map(|c| certificate(&c, run, self.state.clock.millis())),
            notes,
        })
    }

    async fn newest_certificate(&self) -> Result<Option<(String, String)>> {
        let newest = self.state.store.newest_run(RunKind::Reset).await?.filter(|r| r.state == RunState::Done);
        Ok(newest.map(|r| ("The last certificate".into(), format!("/reset?run={}", r.id))))
    }

    /// As the last reset took, scaled by size; never below what the checks alone take.
    async fn estimate(&self, plan: &ResetPlan) -> Result<String> {
        if plan.total() == 0 {
            return Ok(String::new());
        }
        let last = self.state.store.newest_run(RunKind::Reset).await?;
        let took = last.and_then(|r| r.started_at.zip(r.ended_at)).map(|(a, b)| (b - a).max(0));
        Ok(match took {
            Some(ms) => format!("The last reset took {}.", format::duration(ms)),
            None => "Takes a few seconds at most.".to_owned(),
        })
    }
}

fn goes(item: &PlanItem) -> GoesRow {
    let (place, what) = words(item);
    GoesRow {
        place,
        count: format::count(item.count),
        what: if item.count == 1 { what.strip_suffix('s').unwrap_or(what).to_owned() } else { what.to_owned() },
        bytes: if item.bytes > 0 { format::bytes(item.bytes) } else { "–".into() },
        which: match (item.which.as_str(), item.count, item.files) {
            ("", 0, files) => format!("{} left behind by an interrupted run", format::plural(files, "file")),
            ("", ..) if item.place == "runs" => "moved to the archive".into(),
            (which, ..) => which.to_owned(),
        },
    }
}

fn words(item: &PlanItem) -> (String, &str) {
    let place = match item.place.as_str() {
        "ingestion" => "Ingestion bucket".to_owned(),
        "messages" => "Topic".to_owned(),
        "runs" => "Runs".to_owned(),
        "deliveries" => "Ledger".to_owned(),
        "steps" => "Story".to_owned(),
        zone => format!(
            "{}{}{}",
            zone[..1].to_uppercase(),
            &zone[1..],
            if item.table.is_empty() { String::new() } else { format!(" · {}", item.table) }
        ),
    };
    (place, item.what.as_str())
}

fn stays(plan: &ResetPlan) -> Vec<StaysRow> {
    let mut rows: Vec<_> = plan
        .stays
        .iter()
        .map(|s| {
            let (what, noun) = match s.what.as_str() {
                "source" => ("Source data", "object"),
                "schemas" => ("Schemas", "table"),
                "settings" => ("Settings", "setting"),
                "policies" => ("Policies", "policy"),
                "customers" => ("Customers", "customer"),
                other => (other, "item"),
            };
            StaysRow {
                what: what.into(),
                count: format::plural(s.count, noun),
                how: if s.checksum.is_empty() {
                    "kept as they are".into()
                } else {
                    format!("checksum {}", short(&s.checksum))
                },
            }
        })
        .collect();
    rows.extend(plan.foreign.iter().take(20).map(|f| StaysRow {
        what: "Foreign object".into(),
        count: "1".into(),
        how: foreign_words(f),
    }));
    if plan.foreign.len() > 20 {
        rows.push(StaysRow {
            what: "Foreign objects".into(),
            count: format::count(plan.foreign.len() as u64 - 20),
            how: "more that are not ours, left alone".into(),
        });
    }
    rows
}

fn foreign_words(object: &ForeignObject) -> String {
    format!("{}/{}: {}; left alone", object.bucket, object.key, object.reason.trim_end_matches('.'))
}

fn certificate(c: &Certificate, run: &RunRow, now: i64) -> CertificateView {
    let fact = |label: &str, value: String| FactView { label: label.into(), value, rest: String::new() };
    CertificateView {
        title: if c.verified() {
            "Reset verified".into()
        } else {
            "Not verified: something is not as it should be".into()
        },
        verified: c.verified(),
        facts: vec![
            fact("Scope", run.title.trim_start_matches("Reset ").to_owned()),
            fact("Took", format!("{} s", format::seconds(c.seconds))),
            fact("At", format::when(c.at, now)),
            fact("By", c.by.clone()),
        ],
        lines: c.lines.iter().map(|l| (l.what.clone(), short(&l.expected), short(&l.found), l.equal)).collect(),
        foreign: c.foreign.iter().map(|f| (format!("{}/{}", f.bucket, f.key), f.reason.clone())).collect(),
        run_id: run.id.clone(),
    }
}

/// Long checksums as their ends.
fn short(text: &str) -> String {
    let hex = text.len() > 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { format!("{}…{}", &text[..4], &text[text.len() - 4..]) } else { text.to_owned() }
}
