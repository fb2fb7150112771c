//! The detectors: each gives points for and against a type, with a sentence for each.

mod names;
mod numbers;
mod places;
mod quasi;

use crate::checks;
use crate::context::{About, Context};
use crate::hints::Hints;
use crate::kinds::{InfoType, Likelihood};
use crate::profile::{Profile, Value};

pub(crate) use names::{full_names, single_names};

/// What a signal is made of: two sorts are needed for 'very likely'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Name,
    Form,
    Dictionary,
    Table,
}

/// A column as detectors see it.
pub(crate) struct Looked<'a> {
    pub profile: Profile<'a>,
    pub hints: Hints,
}

impl Looked<'_> {
    /// Points of the column's name for a type.
    pub fn named(&self, kind: InfoType) -> f64 {
        self.hints.kinds.iter().find(|(known, ..)| *known == kind).map_or(0.0, |(_, points, _)| *points)
    }

    /// The name speaks clearly for some other type.
    pub fn named_otherwise(&self, kind: InfoType) -> Option<&str> {
        self.hints
            .kinds
            .iter()
            .find(|(known, points, _)| *known != kind && *points >= 3.0)
            .map(|(_, _, rule)| rule.as_str())
    }
}

/// A type that a column may have.
pub(crate) struct Candidate {
    pub kind: InfoType,
    pub inside: Vec<InfoType>,
    /// Share of distinct values that match.
    pub hits: f64,
    pub is: fn(&Value<'_>) -> bool,
    pub signals: Vec<(Sort, f64, String)>,
}

impl Candidate {
    pub fn new(kind: InfoType, hits: f64, is: fn(&Value<'_>) -> bool) -> Self {
        Candidate { kind, inside: Vec::new(), hits, is, signals: Vec::new() }
    }

    /// Adds a signal; zero points are none.
    pub fn say(&mut self, sort: Sort, points: f64, sentence: impl Into<String>) {
        if points != 0.0 {
            self.signals.push((sort, points, sentence.into()));
        }
    }

    /// What the column's name says for it.
    pub fn say_name(&mut self, looked: &Looked<'_>) -> f64 {
        match looked.hints.kinds.iter().find(|(kind, ..)| *kind == self.kind) {
            Some((_, points, rule)) => {
                self.say(Sort::Name, *points, format!("The name says '{rule}'."));
                *points
            }
            None => {
                if let Some(rule) = looked.named_otherwise(self.kind) {
                    self.say(Sort::Name, -1.5, format!("The name speaks of something else: '{rule}'."));
                }
                0.0
            }
        }
    }

    pub fn points(&self) -> f64 {
        self.signals.iter().map(|(_, points, _)| points).sum()
    }

    /// Likelihood from the points. One sort of signal alone is never very likely.
    pub fn likelihood(&self) -> Likelihood {
        let sorts = [Sort::Name, Sort::Form, Sort::Dictionary, Sort::Table];
        let speaking =
            sorts.iter().filter(|sort| self.signals.iter().any(|(of, points, _)| of == *sort && *points > 0.5)).count();
        match self.points() {
            points if points >= 6.5 && speaking >= 2 => Likelihood::VeryLikely,
            points if points >= 5.0 => Likelihood::Likely,
            points if points >= 3.5 => Likelihood::Possible,
            points if points >= 2.0 => Likelihood::Unlikely,
            _ => Likelihood::VeryUnlikely,
        }
    }
}

/// `98 %`
pub(crate) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 { "under 1 %".to_owned() } else { format!("{:.0} %", share * 100.0) }
}

/// A type whose values have a form of their own.
struct Form {
    kind: InfoType,
    is: fn(&Value<'_>) -> bool,
    /// Points when all values have it.
    points: f64,
    /// Found without the name saying so.
    alone: bool,
    /// Share of the values below which the name alone does not count.
    least: f64,
    what: &'static str,
}

const FORMS: &[Form] = &[
    Form {
        kind: InfoType::EmailAddress,
        is: |v| checks::email(&v.folded),
        points: 5.0,
        alone: true,
        least: 0.05,
        what: "are e-mail addresses",
    },
    Form {
        kind: InfoType::CreditCardNumber,
        is: |v| checks::card(v.text),
        points: 4.5,
        alone: true,
        least: 0.05,
        what: "are card numbers by issuer, length and Luhn checksum",
    },
    Form {
        kind: InfoType::CreditCardNumber,
        is: |v| checks::masked_card(v.text),
        points: 4.0,
        alone: true,
        least: 0.05,
        what: "are masked card numbers",
    },
    Form {
        kind: InfoType::IbanCode,
        is: |v| checks::iban(v.text),
        points: 5.0,
        alone: true,
        least: 0.05,
        what: "are IBANs with the right check digits (mod 97)",
    },
    Form {
        kind: InfoType::IpAddress,
        is: |v| checks::ip(v.text),
        points: 4.5,
        alone: true,
        least: 0.2,
        what: "are IP addresses",
    },
    Form {
        kind: InfoType::MacAddress,
        is: |v| checks::mac(v.text),
        points: 5.0,
        alone: true,
        least: 0.2,
        what: "are MAC addresses",
    },
    Form {
        kind: InfoType::SocialSecurity,
        is: |v| checks::ssn(v.text, false),
        points: 4.5,
        alone: true,
        least: 0.2,
        what: "are written as Social Security numbers, with areas that are given out",
    },
    Form {
        kind: InfoType::NationalInsurance,
        is: |v| checks::ni(v.text),
        points: 5.0,
        alone: true,
        least: 0.2,
        what: "are National Insurance numbers, with prefixes that are given out",
    },
    Form {
        kind: InfoType::DriversLicense,
        is: |v| checks::uk_licence(v.text),
        points: 4.5,
        alone: true,
        least: 0.2,
        what: "are British driving licence numbers",
    },
    Form {
        kind: InfoType::Vehicle,
        is: |v| checks::vin(v.text),
        points: 4.5,
        alone: true,
        least: 0.2,
        what: "are vehicle identification numbers with the right check digit",
    },
    Form {
        kind: InfoType::Password,
        is: |v| checks::password_hash(v.text),
        points: 4.5,
        alone: true,
        least: 0.2,
        what: "are hashes of passwords",
    },
    Form {
        kind: InfoType::Imei,
        is: |v| checks::imei(v.text),
        points: 3.5,
        alone: false,
        least: 0.2,
        what: "are 15 digits with the Luhn checksum of an IMEI",
    },
    Form {
        kind: InfoType::Npi,
        is: |v| checks::npi(v.text),
        points: 4.0,
        alone: false,
        least: 0.3,
        what: "have the checksum of a provider number",
    },
    Form {
        kind: InfoType::NhsNumber,
        is: |v| checks::nhs(v.text),
        points: 4.5,
        alone: true,
        least: 0.3,
        what: "are NHS numbers by their mod 11 checksum",
    },
];

/// Everything that the column may be.
pub(crate) fn candidates(looked: &Looked<'_>, context: &Context) -> Vec<Candidate> {
    let mut out = Vec::new();
    if looked.profile.values.is_empty() {
        return out;
    }
    for form in FORMS {
        out.extend(by_form(form, looked, context));
    }
    numbers::detect(looked, context, &mut out);
    names::detect(looked, context, &mut out);
    quasi::detect(looked, context, &mut out);
    out.extend(places::location(looked, context));
    out
}

fn by_form(form: &Form, looked: &Looked<'_>, context: &Context) -> Option<Candidate> {
    let named = looked.named(form.kind);
    let hits = looked.profile.share(form.is);
    if hits == 0.0 && named < 3.0 || (named == 0.0 && (!form.alone || hits < 0.3)) {
        return None;
    }
    let mut candidate = Candidate::new(form.kind, hits, form.is);
    candidate.say_name(looked);
    let scale = match hits {
        hits if hits >= 0.8 => 1.0,
        hits if hits >= 0.5 => 0.8,
        hits if hits >= 0.2 => 0.5,
        hits if hits >= 0.02 => 0.25,
        _ => 0.0,
    };
    if hits > 0.0 {
        candidate.say(
            Sort::Form,
            form.points * scale,
            format!("{} of {} distinct values {}.", percent(hits), looked.profile.values.len(), form.what),
        );
    }
    if hits < form.least {
        candidate.say(Sort::Form, -4.0, format!("Only {} of the values {}.", percent(hits), form.what));
    }
    match form.kind {
        InfoType::EmailAddress => {
            let roles = looked.profile.share(|v| checks::role_mailbox(&v.folded));
            if roles > 0.6 {
                candidate.say(
                    Sort::Dictionary,
                    -6.0,
                    format!("{} are mailboxes of organisations, as info@.", percent(roles)),
                );
            } else if context.about == About::Things {
                candidate.say(Sort::Table, -1.0, context.sentence());
            }
        }
        InfoType::IpAddress => {
            let versions = looked.profile.share(|v| checks::version_like(v.text));
            if versions > 0.5 {
                candidate.say(
                    Sort::Form,
                    -5.0,
                    format!("{} have only small parts, as version numbers have.", percent(versions)),
                );
            }
            if let Some(word) = looked
                .hints
                .words
                .iter()
                .find(|word| matches!(word.as_str(), "version" | "ver" | "release" | "build" | "firmware"))
            {
                candidate.say(Sort::Name, -5.0, format!("The name says '{word}'."));
            }
        }
        // Ten digits in a hundred that pass a checksum by chance are an accident.
        InfoType::CreditCardNumber | InfoType::NhsNumber if named == 0.0 => {
            if hits < 0.6 {
                candidate.say(Sort::Form, -3.0, "Too few pass the checksum: a tenth does by chance.");
            }
            const CODES: &[&str] = &["isbn", "ean", "upc", "gtin", "barcode", "id", "code", "order", "invoice", "sku"];
            if let Some(word) = looked.hints.words.iter().find(|word| CODES.contains(&word.as_str())) {
                candidate.say(Sort::Name, -3.0, format!("The name says '{word}'."));
            }
            if looked.profile.distinct < 5 {
                candidate.say(Sort::Form, -2.0, "There are too few values to trust a checksum.");
            }
            if context.about != About::Persons {
                let points = if context.about == About::Things { -3.0 } else { -1.0 };
                candidate.say(Sort::Table, points, context.sentence());
            }
        }
        _ => {}
    }
    if let Some(word) = looked
        .hints
        .other
        .as_ref()
        .filter(|_| named == 0.0 && !matches!(form.kind, InfoType::EmailAddress | InfoType::IpAddress))
    {
        candidate.say(Sort::Name, -1.0, format!("The name says '{word}'."));
    }
    Some(candidate)
}
