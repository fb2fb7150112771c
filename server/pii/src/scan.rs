//! Judges the columns of a table.

use crate::context::{Context, context};
use crate::detect::{Candidate, Looked, candidates};
use crate::free_text;
use crate::hints::hints;
use crate::kinds::{InfoType, Likelihood};
use crate::mask::mask;
use crate::model::{Assessment, Considered, Finding, Settings, Table, TableReport};
use crate::profile::Profile;

/// Looks at all columns of a table, and at the table as a whole.
pub fn scan(table: &Table, settings: Settings) -> TableReport {
    let looked: Vec<Looked<'_>> = table
        .columns
        .iter()
        .map(|column| Looked { profile: Profile::of(column), hints: hints(&column.name) })
        .collect();
    let context = context(&table.name, &looked);
    let columns = table
        .columns
        .iter()
        .zip(&looked)
        .map(|(column, looked)| Assessment { column: column.name.clone(), ..assess(looked, &context, settings) })
        .collect();
    TableReport { table: table.name.clone(), about: context.sentence(), columns }
}

fn assess(looked: &Looked<'_>, context: &Context, settings: Settings) -> Assessment {
    let mut found: Vec<Candidate> = candidates(looked, context);
    found.extend(free_text::detect(looked));
    found.sort_by(|a, b| b.points().total_cmp(&a.points()).then(a.kind.cmp(&b.kind)));
    let mut considered = Vec::new();
    let mut best: Option<Candidate> = None;
    for candidate in found {
        let likelihood = candidate.likelihood();
        let demographic =
            matches!(candidate.kind, InfoType::EthnicGroup | InfoType::MaritalStatus) && !settings.demographics;
        let seen = |kind| best.as_ref().is_some_and(|best: &Candidate| best.kind == kind);
        if demographic && likelihood >= Likelihood::Possible {
            considered.push(Considered {
                info_type: candidate.kind,
                likelihood,
                reason: "Sensitive, but it identifies no one by itself: tagged only when demographics are asked for."
                    .to_owned(),
            });
        } else if best.is_none() && likelihood >= Likelihood::Possible {
            best = Some(candidate);
        } else if !seen(candidate.kind)
            && !considered.iter().any(|other: &Considered| other.info_type == candidate.kind)
        {
            considered.push(Considered {
                info_type: candidate.kind,
                likelihood,
                reason: reason(&candidate, best.as_ref()),
            });
        }
    }
    let profile = &looked.profile;
    Assessment {
        column: String::new(),
        sampled: profile.sampled,
        filled: profile.filled,
        distinct: profile.distinct,
        finding: best.map(|best| finding(best, looked)),
        considered,
    }
}

/// The weightiest thing against it, or that another type has more for it.
fn reason(candidate: &Candidate, best: Option<&Candidate>) -> String {
    let against = candidate.signals.iter().filter(|(_, points, _)| *points < 0.0).min_by(|a, b| a.1.total_cmp(&b.1));
    match (against, best) {
        (Some((_, _, sentence)), _) => sentence.clone(),
        (None, Some(best)) => format!("More speaks for {}.", best.kind),
        (None, None) => "Too little speaks for it.".to_owned(),
    }
}

fn finding(candidate: Candidate, looked: &Looked<'_>) -> Finding {
    let mut samples: Vec<String> = Vec::new();
    for value in looked.profile.values.iter().filter(|value| (candidate.is)(value)) {
        let masked = mask(value.text);
        if !samples.contains(&masked) {
            samples.push(masked);
        }
        if samples.len() == 3 {
            break;
        }
    }
    let likelihood = candidate.likelihood();
    let side = |positive: bool| {
        candidate
            .signals
            .iter()
            .filter(|(_, points, _)| (*points > 0.0) == positive)
            .map(|(_, _, text)| text.clone())
            .collect()
    };
    let mut evidence_against: Vec<String> = side(false);
    let profile = &looked.profile;
    if candidate.hits < 0.9 {
        evidence_against
            .push(format!("{} of the distinct values do not match.", crate::detect::percent(1.0 - candidate.hits)));
    }
    if profile.filled * 2 < profile.sampled {
        evidence_against.push(format!("Only {} of {} rows have a value.", profile.filled, profile.sampled));
    }
    Finding {
        info_type: candidate.kind,
        likelihood,
        hit_rate: (candidate.hits.min(1.0) * 10_000.0).round() / 10_000.0,
        samples,
        evidence_for: side(true),
        evidence_against,
        inside: candidate.inside.into_iter().filter(|kind| *kind != candidate.kind).collect(),
    }
}
