//! Phone numbers, identity and account numbers, logins, passwords, devices.

use super::{Candidate, Looked, Sort, percent};
use crate::checks;
use crate::context::{About, Context};
use crate::kinds::InfoType;
use crate::profile::Value;

pub(super) fn detect(looked: &Looked<'_>, context: &Context, out: &mut Vec<Candidate>) {
    out.extend(phone(looked, context));
    out.extend(plain_ssn(looked));
    for rule in NAMED {
        out.extend(by_name(rule, looked, context));
    }
    out.extend(username(looked, context));
    out.extend(password(looked, context));
}

fn phone(looked: &Looked<'_>, context: &Context) -> Option<Candidate> {
    let profile = &looked.profile;
    let named = looked.named(InfoType::PhoneNumber);
    let written = profile.share(|v| checks::phone(v.text) >= 0.8);
    let any = profile.share(|v| checks::phone(v.text) > 0.0);
    if named == 0.0 && written < 0.3 || any == 0.0 && named < 3.0 {
        return None;
    }
    let hits = if named > 0.0 { any } else { written };
    let mut candidate = Candidate::new(InfoType::PhoneNumber, hits, |v| checks::phone(v.text) > 0.0);
    candidate.say_name(looked);
    let n = profile.values.len();
    let sentence = format!("{} of {n} distinct values are written as phone numbers.", percent(written));
    match written {
        share if share >= 0.7 => candidate.say(Sort::Form, 4.0, sentence),
        share if share >= 0.3 => candidate.say(Sort::Form, 3.0, sentence),
        _ if any >= 0.2 => {
            candidate.say(Sort::Form, 1.5, format!("{} have as many digits as phone numbers.", percent(any)));
        }
        _ => candidate.say(Sort::Form, -4.0, format!("Only {} of the values can be phone numbers.", percent(any))),
    }
    if context.about == About::Things {
        candidate.say(Sort::Table, -5.0, context.sentence());
    } else if let Some(word) = looked.hints.thing.as_ref().filter(|_| context.about != About::Persons) {
        candidate.say(Sort::Name, -3.0, format!("The name says that it belongs to a {word}."));
    }
    if named == 0.0 {
        const NUMBERS: &[&str] =
            &["id", "code", "sku", "invoice", "order", "ref", "reference", "number", "isbn", "ean", "upc"];
        if let Some(word) = looked.hints.words.iter().find(|word| NUMBERS.contains(&word.as_str())) {
            candidate.say(Sort::Name, -2.5, format!("The name says '{word}'."));
        }
        if looked.hints.other.is_some() {
            candidate.say(Sort::Name, -2.0, "The name speaks of a measure or a state.");
        }
        if !looked.hints.meaningless {
            candidate.say(Sort::Name, -0.5, "The name says nothing of a phone.");
        }
    }
    Some(candidate)
}

/// Nine digits, and the last four alone, where the name says so.
fn plain_ssn(looked: &Looked<'_>) -> Option<Candidate> {
    let named = looked.named(InfoType::SocialSecurity);
    let is: fn(&Value<'_>) -> bool =
        |v| checks::ssn(v.text, true) || (v.text.len() == 4 && v.text.bytes().all(|b| b.is_ascii_digit()));
    let hits = looked.profile.share(is);
    if named < 3.0 || hits < 0.3 {
        return None;
    }
    let mut candidate = Candidate::new(InfoType::SocialSecurity, hits, is);
    candidate.say_name(looked);
    candidate.say(
        Sort::Form,
        2.0,
        format!("{} have nine digits of an area that is given out, or are the last four.", percent(hits)),
    );
    Some(candidate)
}

/// Types whose values have no form of their own: the name must say it, the values must not contradict.
struct Named {
    kind: InfoType,
    is: fn(&Value<'_>) -> bool,
    what: &'static str,
}

fn code(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b' ' | b'*'))
        && text.bytes().filter(u8::is_ascii_digit).count() * 10 >= text.len() * 4
}

fn card_digits(text: &str) -> bool {
    (4..=25).contains(&text.len())
        && text.bytes().filter(u8::is_ascii_digit).count() >= 4
        && text.bytes().all(|b| !b.is_ascii_lowercase() || b == b'x')
}

fn plate(text: &str) -> bool {
    (2..=17).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b' ' | b'-'))
}

#[rustfmt::skip]
const NAMED: &[Named] = &[
    Named { kind: InfoType::Passport, is: |v| code(v.text, 6..=12), what: "have the length and the digits of passport numbers" },
    Named { kind: InfoType::DriversLicense, is: |v| code(v.text, 5..=20), what: "have the form of licence numbers" },
    Named { kind: InfoType::GovernmentId, is: |v| code(v.text, 5..=20), what: "have the form of identity numbers" },
    Named { kind: InfoType::MedicalRecord, is: |v| code(v.text, 4..=20), what: "have the form of record numbers" },
    Named { kind: InfoType::Itin, is: |v| code(v.text, 8..=14), what: "have the form of taxpayer numbers" },
    Named { kind: InfoType::FinancialAccountNumber, is: |v| checks::sort_code(v.text) || code(v.text, 6..=34), what: "have the form of account numbers" },
    Named { kind: InfoType::CreditCardData, is: |v| v.text.len() <= 7 && v.text.bytes().any(|b| b.is_ascii_digit()), what: "are as short as card data" },
    Named { kind: InfoType::CreditCardNumber, is: |v| card_digits(v.text), what: "have the digits of cards" },
    Named { kind: InfoType::IbanCode, is: |v| code(v.text, 15..=42) && v.text.bytes().take(2).all(|b| b.is_ascii_uppercase()), what: "are written as IBANs" },
    Named { kind: InfoType::NationalInsurance, is: |v| code(v.text, 8..=13), what: "are written about as National Insurance numbers" },
    Named { kind: InfoType::NhsNumber, is: |v| code(v.text, 10..=12), what: "have ten digits" },
    Named { kind: InfoType::SocialSecurity, is: |v| code(v.text, 9..=11), what: "have nine digits" },
    Named { kind: InfoType::Npi, is: |v| code(v.text, 10..=10), what: "have ten digits" },
    Named { kind: InfoType::Vehicle, is: |v| plate(v.text), what: "have the form of plates and vehicle numbers" },
    Named { kind: InfoType::Imei, is: |v| (14..=18).contains(&v.text.len()) && v.text.bytes().all(|b| b.is_ascii_digit()), what: "have the digits of an IMEI" },
    Named { kind: InfoType::AdvertisingId, is: |v| checks::uuid(v.text) || checks::hash_like(v.text), what: "are long random ids" },
    Named { kind: InfoType::HttpCookie, is: |v| v.text.len() >= 8 && v.text.bytes().any(|b| b.is_ascii_digit()), what: "are long ids" },
];

fn by_name(rule: &Named, looked: &Looked<'_>, context: &Context) -> Option<Candidate> {
    let least = if rule.kind == InfoType::AdvertisingId { 2.0 } else { 3.0 };
    if looked.named(rule.kind) < least {
        return None;
    }
    let hits = looked.profile.share(rule.is);
    let mut candidate = Candidate::new(rule.kind, hits, rule.is);
    candidate.say_name(looked);
    if hits >= 0.5 {
        let n = looked.profile.values.len();
        candidate.say(Sort::Form, 2.0, format!("{} of {n} distinct values {}.", percent(hits), rule.what));
    } else {
        candidate.say(Sort::Form, -4.0, format!("Only {} of the values {}.", percent(hits), rule.what));
    }
    if looked.profile.distinct <= 3 && looked.profile.filled > 20 {
        candidate.say(
            Sort::Form,
            -3.0,
            format!("There are only {} different values: a state, no number.", looked.profile.distinct),
        );
    }
    if context.about == About::Things {
        candidate.say(Sort::Table, -1.5, context.sentence());
    }
    Some(candidate)
}

fn username(looked: &Looked<'_>, context: &Context) -> Option<Candidate> {
    let named = looked.named(InfoType::Username);
    let profile = &looked.profile;
    let form = profile.share(|v| checks::login_form(v.text));
    let handles = profile.share(|v| v.text.starts_with('@') && checks::login_like(v.text));
    let nameless = looked.hints.meaningless
        && context.about == About::Persons
        && form >= 0.6
        && profile.distinct * 10 >= profile.filled * 7;
    if named == 0.0 && handles < 0.7 && !nameless {
        return None;
    }
    let like = profile.share(|v| checks::login_like(v.text) || checks::email(&v.folded));
    let mut candidate = Candidate::new(InfoType::Username, like, |v| checks::login_like(v.text));
    candidate.say_name(looked);
    if like >= 0.5 {
        let points = if form >= 0.3 || handles >= 0.5 { 3.0 } else { 2.0 };
        let n = profile.values.len();
        candidate.say(
            Sort::Form,
            points,
            format!("{} of {n} distinct values are one word, as logins are.", percent(like)),
        );
    } else {
        candidate.say(Sort::Form, -3.5, format!("Only {} of the values are one word, as logins are.", percent(like)));
    }
    if named < 3.0 && profile.numeric > 0.5 {
        candidate.say(Sort::Form, -3.0, format!("{} of the values are numbers.", percent(profile.numeric)));
    }
    if profile.distinct <= 5 && profile.filled > 50 {
        candidate.say(Sort::Form, -3.0, format!("There are only {} different values.", profile.distinct));
    }
    if nameless {
        candidate.say(Sort::Table, 1.5, context.sentence());
    }
    let hashes = profile.share(|v| checks::uuid(v.text) || checks::hash_like(v.text));
    if hashes > 0.5 {
        candidate.say(Sort::Form, -3.0, format!("{} are hashes or random ids.", percent(hashes)));
    }
    if named < 3.0 && profile.share(|v| checks::person_name(v.text)) > 0.3 {
        candidate.say(Sort::Dictionary, -3.0, "The values are names rather than logins.");
    }
    Some(candidate)
}

fn password(looked: &Looked<'_>, context: &Context) -> Option<Candidate> {
    let is: fn(&Value<'_>) -> bool = |v| (3..=200).contains(&v.text.len()) && !v.text.contains(' ');
    if looked.named(InfoType::Password) == 0.0 {
        return None;
    }
    let hits = looked.profile.share(is);
    let mut candidate = Candidate::new(InfoType::Password, hits, is);
    candidate.say_name(looked);
    if hits >= 0.7 && !(looked.profile.distinct <= 3 && looked.profile.filled > 8) {
        candidate.say(Sort::Form, 2.0, format!("{} of the values are one word of a password's length.", percent(hits)));
    } else {
        candidate.say(Sort::Form, -4.0, "The values are no passwords by length and number.");
    }
    if let Some(word) = &looked.hints.other {
        candidate.say(Sort::Name, -3.0, format!("The name says '{word}'."));
    }
    if looked.profile.share(|v| checks::date_like(v.text).is_some()) > 0.5 {
        candidate.say(Sort::Form, -5.0, "The values are dates.");
    }
    if context.about == About::Things {
        candidate.say(Sort::Table, -1.0, context.sentence());
    }
    Some(candidate)
}
