//! Personal data within sentences.

use std::collections::BTreeMap;

use crate::checks;
use crate::detect::{Candidate, Looked, Sort};
use crate::dictionary::{fold, is_first, is_last};
use crate::kinds::InfoType;
use crate::profile::Value;

/// Finds types in values of several words.
pub(crate) fn detect(looked: &Looked<'_>) -> Option<Candidate> {
    let profile = &looked.profile;
    if profile.mean_words < 3.0 || profile.values.is_empty() {
        return None;
    }
    let mut counts: BTreeMap<InfoType, usize> = BTreeMap::new();
    let mut any = 0;
    for value in &profile.values {
        let found = inside(value.text);
        any += usize::from(!found.is_empty());
        for kind in found {
            *counts.entry(kind).or_default() += 1;
        }
    }
    let n = profile.values.len();
    let notes = looked.hints.words.iter().find(|word| {
        matches!(
            word.as_str(),
            "comment"
                | "comments"
                | "note"
                | "notes"
                | "message"
                | "remarks"
                | "remark"
                | "description"
                | "text"
                | "body"
                | "feedback"
                | "narrative"
                | "complaint"
                | "details"
                | "bemerkung"
                | "memo"
                | "transcript"
        )
    });
    // Two capitalised words are a name only where people write about people.
    let names = counts.get(&InfoType::PersonName).copied().unwrap_or(0);
    let talk = notes.is_some() || looked.hints.meaningless;
    if !(talk && names * 100 >= n * 15 && names >= 2) {
        counts.remove(&InfoType::PersonName);
    }
    let strong =
        counts.iter().filter(|(kind, _)| **kind != InfoType::PersonName).map(|(_, count)| count).sum::<usize>();
    let (kind, most) = counts.iter().max_by_key(|(kind, count)| (**kind != InfoType::PersonName, **count))?;
    if *most * 200 < n {
        return None;
    }
    let hits = any as f64 / n as f64;
    let mut candidate = Candidate::new(*kind, hits, is_inside);
    candidate.inside = counts.keys().copied().collect();
    for (kind, count) in &counts {
        let points = match (*kind, strong) {
            (InfoType::PersonName, 0) => 3.0,
            (InfoType::PersonName, _) => 0.5,
            _ => {
                if counts.keys().next() == Some(kind) {
                    4.0
                } else {
                    1.0
                }
            }
        };
        candidate.say(Sort::Form, points, format!("{count} of {n} distinct texts contain a {}.", kind.title()));
    }
    if let Some(word) = notes {
        candidate.say(Sort::Name, 1.0, format!("The name says '{word}': people write into it."));
    }
    Some(candidate)
}

fn is_inside(value: &Value<'_>) -> bool {
    !inside(value.text).is_empty()
}

/// The types that a text contains.
fn inside(text: &str) -> Vec<InfoType> {
    let mut found = Vec::new();
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| {
            word.trim_matches(|c: char| {
                matches!(c, ',' | ';' | ':' | '.' | '(' | ')' | '"' | '\'' | '<' | '>' | '!' | '?' | '[' | ']')
            })
        })
        .collect();
    if words.len() < 3 {
        return found;
    }
    let mut add = |kind| {
        if !found.contains(&kind) {
            found.push(kind);
        }
    };
    for word in &words {
        if word.contains('@') && checks::email(&fold(word)) {
            add(InfoType::EmailAddress);
        }
        if word.len() == 11 && word.contains('-') && checks::ssn(word, false) {
            add(InfoType::SocialSecurity);
        }
        if word.len() == 9 && checks::ni(word) {
            add(InfoType::NationalInsurance);
        }
        if word.len() >= 15 && (checks::card(word) || checks::iban(word)) {
            add(if checks::card(word) { InfoType::CreditCardNumber } else { InfoType::IbanCode });
        }
        if word.contains('.') && checks::ip(word) && !checks::version_like(word) {
            add(InfoType::IpAddress);
        }
    }
    // Runs of digit groups: phones and cards with blanks in them.
    let group = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'(' | b')' | b'-'))
    };
    let raw: Vec<&str> =
        text.split_whitespace().map(|word| word.trim_matches([',', ';', ':', '.', '!', '?'])).collect();
    let mut at = 0;
    while at < raw.len() {
        let run = raw.iter().skip(at).take_while(|word| group(word)).count();
        if run > 0 {
            let joined = raw.iter().skip(at).take(run.min(6)).copied().collect::<Vec<_>>().join(" ");
            let digits = joined.bytes().filter(u8::is_ascii_digit).count();
            if run > 1 && checks::card(&joined) {
                add(InfoType::CreditCardNumber);
            } else if digits >= 9 && checks::phone(&joined) >= 0.8 {
                add(InfoType::PhoneNumber);
            }
        }
        at += run.max(1);
    }
    let capital = |word: &str| {
        word.chars().next().is_some_and(char::is_uppercase) && word.chars().skip(1).any(char::is_lowercase)
    };
    let pairs = words.iter().zip(words.iter().skip(1));
    if pairs.filter(|(a, b)| capital(a) && capital(b)).any(|(a, b)| is_first(&fold(a)) && is_last(&fold(b))) {
        add(InfoType::PersonName);
    }
    found
}
