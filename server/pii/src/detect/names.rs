//! Names of persons, whole and in parts.

use super::{Candidate, Looked, Sort, percent};
use crate::checks::{self, NameForm, name_form};
use crate::context::{About, Context};
use crate::dictionary::{is_city, is_country, is_first, is_last, is_region};
use crate::kinds::InfoType;
use crate::profile::{Profile, Value};

pub(super) fn detect(looked: &Looked<'_>, context: &Context, out: &mut Vec<Candidate>) {
    // Numbers have no names.
    if looked.profile.numeric > 0.5 {
        return;
    }
    out.extend(part(looked, context, InfoType::FirstName));
    out.extend(part(looked, context, InfoType::LastName));
    out.extend(whole(looked, context));
}

/// Shares of full names, of half known names, and of all that is written as one.
pub(crate) fn full_names(profile: &Profile<'_>) -> (f64, f64, f64) {
    let forms: Vec<NameForm> = profile.values.iter().take(600).map(|v| name_form(v.text)).collect();
    let share =
        |is: fn(&NameForm) -> bool| forms.iter().filter(|form| is(form)).count() as f64 / forms.len().max(1) as f64;
    (share(|f| *f == NameForm::Full), share(|f| *f == NameForm::Half), share(|f| *f != NameForm::No))
}

/// Shares of values that are first names, surnames.
pub(crate) fn single_names(profile: &Profile<'_>) -> (f64, f64) {
    (profile.share(first), profile.share(last))
}

fn first(v: &Value<'_>) -> bool {
    v.folded.split([' ', '.']).find(|word| !word.is_empty()).is_some_and(is_first)
}

fn last(v: &Value<'_>) -> bool {
    v.folded.len() > 1 && (is_last(&v.folded) || v.folded.rsplit([' ', '-']).next().is_some_and(is_last))
}

fn part(looked: &Looked<'_>, context: &Context, kind: InfoType) -> Option<Candidate> {
    let named = looked.named(kind);
    let profile = &looked.profile;
    let (firsts, lasts) = single_names(profile);
    let (is, hits, other): (fn(&Value<'_>) -> bool, f64, f64) =
        if kind == InfoType::FirstName { (first, firsts, lasts) } else { (last, lasts, firsts) };
    let single = profile.mean_words < 1.7;
    let quiet = named == 0.0 && looked.named(InfoType::PersonName) < 1.0 && !looked.hints.meaningless;
    if (named == 0.0 && (!single || hits < 0.4 || other > hits)) || quiet && hits < 0.6 {
        return None;
    }
    let mut candidate = Candidate::new(kind, hits, is);
    if candidate.say_name(looked) == 0.0 && looked.named(InfoType::PersonName) >= 1.0 {
        candidate.say(Sort::Name, 1.0, "The name says 'name'.");
    }
    let n = profile.values.len();
    let what = if kind == InfoType::FirstName { "first names" } else { "surnames" };
    let sentence = format!("{} of {n} distinct values are known {what}.", percent(hits));
    match hits {
        share if share >= 0.7 => candidate.say(Sort::Dictionary, 3.5, sentence),
        share if share >= 0.4 => candidate.say(Sort::Dictionary, 2.5, sentence),
        share if share >= 0.12 => candidate.say(Sort::Dictionary, 1.0, sentence),
        _ => candidate.say(Sort::Dictionary, -1.0, format!("Only {sentence}")),
    }
    let wordy = profile.share(|v| {
        let signs = |c: &char| matches!(c, ' ' | '-' | '\'' | '.' | '’' | ',' | '(' | ')');
        let mut letters = v.text.chars().filter(|c| !signs(c));
        letters.next().is_some_and(char::is_alphabetic)
            && letters.all(char::is_alphabetic)
            && v.text.split_whitespace().count() <= 4
    });
    if wordy < 0.6 {
        let sentence = format!("Only {} of the values are words without digits or signs.", percent(wordy));
        candidate.say(Sort::Form, -4.5, sentence);
    }
    if n < profile.filled / 40 && n < 12 {
        candidate.say(Sort::Form, -2.5, format!("There are only {n} different values: a category."));
    }
    against(&mut candidate, looked, context, named);
    Some(candidate)
}

fn whole(looked: &Looked<'_>, context: &Context) -> Option<Candidate> {
    let named = looked.named(InfoType::PersonName);
    let profile = &looked.profile;
    let middle = |word: &String| matches!(word.as_str(), "middle" | "mi" | "mname" | "initial" | "initials" | "mid");
    if named >= 2.5 && looked.hints.words.iter().any(middle) {
        return Some(middle_name(looked, context));
    }
    let (full, half, written) = full_names(profile);
    if named == 0.0 && full < 0.3 {
        return None;
    }
    let is: fn(&Value<'_>) -> bool = |v| matches!(name_form(v.text), NameForm::Full | NameForm::Half);
    let mut candidate = Candidate::new(InfoType::PersonName, full + half, is);
    candidate.say_name(looked);
    let n = profile.values.len();
    let both = format!("{} of {n} distinct values have a known first name and surname.", percent(full));
    let some = full + half;
    let either = format!("{} of {n} distinct values have a known first name or surname.", percent(some));
    if full >= 0.55 {
        candidate.say(Sort::Dictionary, 4.0, both);
    } else if full >= 0.3 {
        candidate.say(Sort::Dictionary, 3.0, both);
    } else if full >= 0.08 && some >= 0.25 {
        candidate.say(Sort::Dictionary, 2.0, either);
    } else if some >= 0.5 {
        candidate.say(Sort::Dictionary, 1.5, either);
    } else {
        candidate.say(Sort::Dictionary, -2.5, format!("Only {either}"));
    }
    if written >= 0.8 && named > 0.0 {
        candidate.say(Sort::Form, 1.0, format!("{} are written as a person's name.", percent(written)));
    } else if written < 0.3 {
        candidate.say(Sort::Form, -2.5, format!("Only {} are written as a person's name.", percent(written)));
    }
    let companies = profile.share(|v| checks::company_like(&v.folded));
    if companies >= 0.15 {
        let sentence = format!("{} have words of companies and institutions.", percent(companies));
        candidate.say(Sort::Dictionary, if full >= 0.3 { -1.0 } else { -2.5 }, sentence);
    }
    let products = profile.share(|v| checks::product_like(&v.folded) && name_form(v.text) != NameForm::Full);
    if products >= 0.25 {
        candidate.say(Sort::Dictionary, -2.5, format!("{} have words of products.", percent(products)));
    }
    against(&mut candidate, looked, context, named);
    Some(candidate)
}

fn middle_name(looked: &Looked<'_>, context: &Context) -> Candidate {
    let is: fn(&Value<'_>) -> bool = |v| {
        let letters = v.text.chars().filter(|c| c.is_alphabetic()).count();
        v.text.trim_end_matches('.').chars().count() <= 2 && letters >= 1 || first(v) || last(v)
    };
    let hits = looked.profile.share(is);
    let mut candidate = Candidate::new(InfoType::PersonName, hits, is);
    candidate.say_name(looked);
    if hits >= 0.5 {
        let sentence = format!("{} of the values are initials or known names.", percent(hits));
        candidate.say(Sort::Dictionary, 2.5, sentence);
    } else {
        let sentence = format!("Only {} of the values are initials or known names.", percent(hits));
        candidate.say(Sort::Dictionary, -2.5, sentence);
    }
    against(&mut candidate, looked, context, 4.0);
    candidate
}

/// What speaks against all sorts of names, and what the table says.
fn against(candidate: &mut Candidate, looked: &Looked<'_>, context: &Context, named: f64) {
    let places = looked.profile.share(|v| is_city(&v.folded) || is_country(&v.folded) || is_region(&v.folded));
    if places >= 0.4 && named < 4.0 {
        candidate.say(Sort::Dictionary, -3.0, format!("{} of the values are places.", percent(places)));
    }
    let unsure = named < 4.0 || (candidate.kind == InfoType::PersonName && candidate.hits < 0.4);
    // Hosts of rooms are persons, hosts of networks are not.
    let host = candidate.hits >= 0.5 && looked.hints.thing.as_deref() == Some("host");
    if let Some(word) = looked.hints.thing.as_ref().filter(|_| unsure && !host) {
        const FIRMS: &[&str] =
            &["company", "business", "brand", "product", "organisation", "organization", "store", "firm"];
        let points = if FIRMS.contains(&word.as_str()) { -5.0 } else { -3.0 };
        candidate.say(Sort::Name, points, format!("The name says that it belongs to a {word}."));
    }
    if let Some(word) = looked.hints.other.as_ref().filter(|_| named < 4.0) {
        candidate.say(Sort::Name, -2.5, format!("The name says '{word}'."));
    }
    if named == 0.0
        && looked.hints.words.iter().any(|word| matches!(word.as_str(), "title" | "song" | "track" | "album"))
    {
        candidate.say(Sort::Name, -2.5, "The name says that it is the title of something.");
    }
    let number = |word: &&String| matches!(word.as_str(), "id" | "code" | "sku" | "key" | "date");
    if let Some(word) = looked.hints.words.iter().find(number) {
        candidate.say(Sort::Name, -1.5, format!("The name says '{word}'."));
    }
    match context.about {
        About::Persons => candidate.say(Sort::Table, 1.0, context.sentence()),
        About::Things if named < 4.0 => candidate.say(Sort::Table, if host { -1.0 } else { -2.0 }, context.sentence()),
        _ if named == 0.0 && !looked.hints.meaningless => {
            candidate.say(Sort::Name, -1.0, "The name says nothing of a person.");
        }
        _ => {}
    }
}
