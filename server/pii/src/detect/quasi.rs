//! What says something about a person only if the table is about persons: addresses, dates of birth, gender, age.

use super::{Candidate, Looked, Sort, percent};
use crate::checks;
use crate::context::{About, Context};
use crate::kinds::InfoType;
use crate::profile::{Value, number};

pub(super) fn detect(looked: &Looked<'_>, context: &Context, out: &mut Vec<Candidate>) {
    out.extend(street(looked, context));
    out.extend(birth(looked, context));
    out.extend(gender(looked, context));
    out.extend(age(looked, context));
    out.extend(category(looked, InfoType::EthnicGroup, ethnic));
    out.extend(category(looked, InfoType::MaritalStatus, marital));
}

/// Points by what the table is about, or whom the column's name gives it to.
pub(super) fn table(
    candidate: &mut Candidate,
    looked: &Looked<'_>,
    context: &Context,
    [persons, unclear, things]: [f64; 3],
) {
    match (&looked.hints.thing, &looked.hints.person, context.about) {
        (Some(word), None, _) => {
            let sentence = format!("The name says that it belongs to a {word}.");
            candidate.say(Sort::Name, things.min(-3.5), sentence);
        }
        (_, Some(word), _) => {
            candidate.say(Sort::Name, persons, format!("The name says that it belongs to a person: '{word}'."));
        }
        (_, _, About::Persons) => candidate.say(Sort::Table, persons, context.sentence()),
        (_, _, About::Unclear) => candidate.say(Sort::Table, unclear, context.sentence()),
        (_, _, About::Things) => candidate.say(Sort::Table, things, context.sentence()),
    }
}

fn street(looked: &Looked<'_>, context: &Context) -> Option<Candidate> {
    let named = looked.named(InfoType::StreetAddress);
    let is: fn(&Value<'_>) -> bool = |v| checks::street_address(&v.folded);
    let hits = looked.profile.share(is);
    if named == 0.0 && hits < 0.4 {
        return None;
    }
    let mut candidate = Candidate::new(InfoType::StreetAddress, hits, is);
    candidate.say_name(looked);
    let n = looked.profile.values.len();
    let words = looked.profile.share(|v| v.text.chars().any(char::is_alphabetic));
    let part = |word: &String| {
        matches!(
            word.as_str(),
            "number" | "num" | "no" | "nr" | "2" | "3" | "4" | "apt" | "paon" | "premises" | "hausnummer"
        )
    };
    let sentence = format!("{} of {n} distinct values are a house number with a street.", percent(hits));
    match hits {
        share if share >= 0.6 => candidate.say(Sort::Form, 3.0, sentence),
        share if share >= 0.2 => candidate.say(Sort::Form, 2.0, sentence),
        _ if named > 0.0
            && (words >= 0.6 && looked.profile.mean_length >= 3.0 || looked.hints.words.iter().any(part)) =>
        {
            candidate.hits = 1.0;
            candidate.is = |_| true;
            candidate.say(Sort::Form, 0.5, "The values can be parts of an address.");
        }
        share => candidate.say(Sort::Form, -3.0, format!("Only {} of the values are addresses.", percent(share))),
    }
    let other = |word: &&String| matches!(word.as_str(), "id" | "type");
    let other =
        looked.hints.other.as_ref().filter(|word| *word != "num").or_else(|| looked.hints.words.iter().find(other));
    if let Some(word) = other {
        candidate.say(Sort::Name, -3.0, format!("The name says '{word}'."));
    }
    table(&mut candidate, looked, context, [1.5, -0.5, -4.5]);
    Some(candidate)
}

fn birth(looked: &Looked<'_>, context: &Context) -> Option<Candidate> {
    let profile = &looked.profile;
    let is: fn(&Value<'_>) -> bool = |v| checks::birth_date(v.text).is_some();
    if looked.named(InfoType::DateOfBirth) >= 3.0 {
        let says = |list: &[&str]| looked.hints.words.iter().any(|word| list.contains(&word.as_str()));
        let month = says(&["month", "day"]) && profile.whole_within(1.0, 31.0)
            || says(&["month"]) && profile.share(|v| v.folded.chars().all(char::is_alphabetic)) > 0.8;
        let hits = if month { 1.0 } else { profile.share(is) };
        let mut candidate = Candidate::new(InfoType::DateOfBirth, hits, if month { |_| true } else { is });
        candidate.say_name(looked);
        let sentence = format!("{} of the values are dates or years in which living people were born.", percent(hits));
        match hits {
            share if share >= 0.5 => candidate.say(Sort::Form, 3.0, sentence),
            share if share >= 0.2 => candidate.say(Sort::Form, 1.0, sentence),
            _ => candidate.say(Sort::Form, -4.0, format!("Only {sentence}")),
        }
        if context.about == About::Things {
            candidate.say(Sort::Table, -4.0, context.sentence());
        }
        return Some(candidate);
    }
    // Without a name that says so only whole dates count, in a table about persons, if they reach back as births do.
    if !looked.hints.meaningless || context.about != About::Persons || profile.values.len() < 8 {
        return None;
    }
    let mut years: Vec<i32> = profile.values.iter().filter_map(|v| checks::date_like(v.text)).collect();
    years.sort_unstable();
    let hits = years.len() as f64 / profile.values.len() as f64;
    let first = years.get(years.len() / 20)?;
    let last = years.get((years.len() - 1).saturating_sub(years.len() / 20))?;
    let middle = years.get(years.len() / 2)?;
    if hits < 0.5 || *middle > 2006 || last - first < 15 {
        return None;
    }
    let mut candidate = Candidate::new(InfoType::DateOfBirth, hits, |v| checks::date_like(v.text).is_some());
    let sentence =
        format!("{} are dates without a time, from {first} to {last}, half of them before {middle}.", percent(hits));
    candidate.say(Sort::Form, 3.0, sentence);
    candidate.say(Sort::Table, 1.5, context.sentence());
    Some(candidate)
}

fn gender(looked: &Looked<'_>, context: &Context) -> Option<Candidate> {
    let named = looked.named(InfoType::Gender);
    let profile = &looked.profile;
    let is: fn(&Value<'_>) -> bool = |v| checks::gender(&v.folded);
    let (hits, rows) = (profile.share(is), profile.row_share(is));
    let any = |list: &[&str]| profile.values.iter().any(|v| list.contains(&v.folded.as_str()));
    let both = any(&["f", "female", "woman", "women", "weiblich", "w", "femme"])
        && any(&["m", "male", "man", "men", "mannlich", "homme"]);
    if profile.distinct > 60 || (named == 0.0 && !(both && hits >= 0.5 && rows > 0.9)) {
        return None;
    }
    let switch = |v: &Value<'_>| matches!(v.folded.as_str(), "true" | "false" | "yes" | "no" | "y" | "n" | "t");
    let coded =
        profile.whole_within(0.0, 9.0) && profile.distinct <= 4 || profile.distinct <= 3 && profile.share(switch) > 0.9;
    let (share, is): (f64, fn(&Value<'_>) -> bool) = if coded { (1.0, |_| true) } else { (hits.max(rows), is) };
    let mut candidate = Candidate::new(InfoType::Gender, share, is);
    candidate.say_name(looked);
    if rows >= 0.5 && (hits >= 0.3 || both) {
        candidate.say(Sort::Form, 3.0, format!("{} of the rows say male, female or the like.", percent(rows)));
    } else if coded && named > 0.0 {
        let sentence = format!("{} different values, as codes of a gender are.", profile.distinct);
        candidate.say(Sort::Form, 1.5, sentence);
    } else {
        candidate.say(Sort::Form, -4.0, format!("Only {} of the rows say male, female or the like.", percent(rows)));
    }
    table(&mut candidate, looked, context, if named > 0.0 { [1.5, 0.0, -5.0] } else { [2.0, -1.0, -4.0] });
    Some(candidate)
}

fn age(looked: &Looked<'_>, context: &Context) -> Option<Candidate> {
    const STEPS: &[&str] =
        &["18-24", "25-34", "35-44", "45-54", "55-64", "16-24", "18-25", "20-29", "30-39", "40-49", "21-30", "31-40"];
    let profile = &looked.profile;
    let years: fn(&Value<'_>) -> bool =
        |v| number(v.text).is_some_and(|age| (0.0..=115.0).contains(&age)) || checks::age_band(&v.folded);
    let bands = profile.share(|v| checks::age_band(&v.folded));
    let says = |list: &[&str]| looked.hints.words.iter().any(|word| list.contains(&word.as_str()));
    if looked.named(InfoType::Age) == 0.0 {
        // Bands are ages by themselves; plain numbers are anything.
        let open = profile.share(|v| v.folded.contains(['+', '<', '>']) || v.folded.contains("over")) > 0.0;
        let known = profile.share(|v| STEPS.contains(&v.folded.replace(' ', "").as_str())) > 0.25;
        let quiet = looked.hints.meaningless || says(&["band", "range"]);
        if bands < 0.7 || !quiet || !(open || known) || context.about != About::Persons {
            return None;
        }
        let mut candidate = Candidate::new(InfoType::Age, bands, years);
        candidate.say(Sort::Form, 2.5, format!("{} of the values are bands of ages.", percent(bands)));
        candidate.say(Sort::Table, 1.5, context.sentence());
        return Some(candidate);
    }
    let hits = profile.share(years);
    let mut candidate = Candidate::new(InfoType::Age, hits, years);
    candidate.say_name(looked);
    let groups = says(&["group", "range", "band", "bracket", "category"]);
    let sentence = format!("{} of the values are numbers from 0 to 115.", percent(hits));
    if bands >= 0.5 {
        candidate.say(Sort::Form, 2.5, format!("{} of the values are bands of ages.", percent(bands)));
    } else if hits >= 0.85 {
        candidate.say(Sort::Form, 1.5, sentence);
    } else if hits >= 0.5 {
        candidate.say(Sort::Form, 0.5, sentence);
    } else if profile.distinct <= 12 && profile.numeric < 0.2 && groups {
        candidate.say(Sort::Form, 1.0, format!("{} groups.", profile.distinct));
    } else {
        candidate.say(Sort::Form, -4.0, format!("Only {} of the values can be ages.", percent(hits)));
    }
    if profile.numeric > 0.5 && profile.integer < 0.5 * profile.numeric {
        candidate.say(Sort::Form, -1.5, "Most of the numbers are no whole years.");
    }
    let measure = |word: &&String| !matches!(word.as_str(), "years" | "category" | "class" | "num" | "time");
    if let Some(word) = looked.hints.other.as_ref().filter(measure) {
        candidate.say(Sort::Name, -3.0, format!("The name says '{word}'."));
    }
    if matches!(looked.hints.thing.as_deref(), Some("group" | "band")) {
        candidate.say(Sort::Table, if context.about == About::Things { -3.0 } else { 0.5 }, context.sentence());
    } else {
        table(&mut candidate, looked, context, [1.5, -0.75, -3.5]);
    }
    Some(candidate)
}

fn ethnic(v: &Value<'_>) -> bool {
    const WORDS: &[&str] = &[
        "white",
        "black",
        "asian",
        "hispanic",
        "latino",
        "african",
        "caucasian",
        "native",
        "indian",
        "pakistani",
        "mixed",
        "chinese",
        "pacific",
        "other",
        "arab",
        "bangladeshi",
        "eskimo",
    ];
    WORDS.iter().any(|word| v.folded.contains(word))
        || matches!(v.folded.as_str(), "w" | "b" | "a" | "h" | "i" | "u" | "o" | "m")
}

fn marital(v: &Value<'_>) -> bool {
    const WORDS: &[&str] =
        &["married", "single", "divorced", "widow", "separated", "partner", "civil", "spouse", "cohabit"];
    WORDS.iter().any(|word| v.folded.contains(word)) || matches!(v.folded.as_str(), "s" | "m" | "d" | "w")
}

fn category(looked: &Looked<'_>, kind: InfoType, is: fn(&Value<'_>) -> bool) -> Option<Candidate> {
    if looked.named(kind) == 0.0 {
        return None;
    }
    let rows = looked.profile.row_share(is);
    let mut candidate = Candidate::new(kind, looked.profile.share(is), is);
    candidate.say_name(looked);
    if rows >= 0.4 {
        candidate.say(Sort::Dictionary, 2.5, format!("{} of the rows have words for it.", percent(rows)));
    } else {
        candidate.say(Sort::Dictionary, -2.0, format!("Only {} of the rows have words for it.", percent(rows)));
    }
    Some(candidate)
}
