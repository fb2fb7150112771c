//! Names of persons, and what looks like them.

use crate::dictionary::{fold, is_city, is_company_word, is_country, is_first, is_last, is_product_word};

/// How a value stands to names of persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameForm {
    /// Known first name and known surname, in either order.
    Full,
    /// Only one of them is known.
    Half,
    /// Written as a name, with words that are not known.
    Unknown,
    /// Not a name of two or more words.
    No,
}

const TITLES: &[&str] = &[
    "mr", "mrs", "ms", "miss", "master", "dr", "prof", "rev", "sir", "lady", "lord", "hon", "capt", "col", "major",
    "don", "mme", "mlle", "rev.", "herr", "frau", "mx", "dame", "fr", "sr", "judge", "sgt", "lt",
];
const SUFFIXES: &[&str] =
    &["jr", "sr", "ii", "iii", "iv", "phd", "md", "esq", "dds", "dvm", "mba", "cpa", "rn", "v", "obe", "mbe", "cbe"];
const PARTICLES: &[&str] = &[
    "de", "la", "van", "von", "der", "den", "del", "da", "di", "du", "le", "el", "al", "bin", "ibn", "st", "y", "e",
    "dos", "das", "ter", "ten",
];

/// Judges a whole value as the name of a person with first name and surname.
pub(crate) fn name_form(text: &str) -> NameForm {
    if text.len() > 90
        || text.len() < 4
        || text
            .chars()
            .any(|c| c.is_ascii_digit() || matches!(c, '@' | '/' | '_' | ':' | '&' | '+' | '%' | '#' | '!' | '?'))
    {
        return NameForm::No;
    }
    // Notes in brackets and nicknames in quotes are no part of it.
    let bare: String = match text.find(['(', '"']) {
        Some(at) => text.get(..at).unwrap_or_default().to_owned(),
        None => text.to_owned(),
    };
    let comma = bare.contains(',');
    let words: Vec<String> = bare
        .split([' ', ',', '\u{a0}'])
        .map(|word| word.trim_matches(['.', '\'', '-']))
        .filter(|word| !word.is_empty())
        .map(fold)
        .filter(|word| !TITLES.contains(&word.as_str()) && !SUFFIXES.contains(&word.as_str()))
        .collect();
    let titled = bare
        .split([' ', ','])
        .any(|word| TITLES.contains(&fold(word.trim_end_matches('.')).as_str()) && word.len() > 1);
    let names: Vec<&String> = words.iter().filter(|word| !PARTICLES.contains(&word.as_str())).collect();
    if names.is_empty() || names.len() > 6 || (names.len() == 1 && !titled) {
        return NameForm::No;
    }
    // Written small it is a sentence, or a label.
    let capitals = bare.split([' ', ',']).filter(|word| word.chars().next().is_some_and(char::is_uppercase)).count();
    let lower = bare.chars().all(|c| !c.is_uppercase());
    if !lower && capitals < names.len().min(2) {
        return NameForm::No;
    }
    if names.iter().any(|word| is_company_word(word) && !is_last(word))
        || names.iter().any(|word| is_product_word(word) && !is_last(word) && !is_first(word))
    {
        return NameForm::No;
    }
    if is_city(&fold(text)) || is_country(&fold(text)) {
        return NameForm::No;
    }
    let first_at = |at: usize| names.get(at).is_some_and(|word| is_first(word));
    let last = names.len().saturating_sub(1);
    let initial = |at: usize| names.get(at).is_some_and(|word| word.chars().count() == 1);
    let surname_at = |at: usize| names.get(at).is_some_and(|word| is_last(word));
    let first_known =
        first_at(0) || (last > 1 && first_at(1)) || (comma && names.iter().skip(1).any(|word| is_first(word)));
    let western =
        (first_known && names.iter().skip(1).any(|word| is_last(word))) || ((initial(0) || titled) && surname_at(last));
    let turned = surname_at(0) && names.iter().skip(1).any(|word| is_first(word));
    if western || turned {
        NameForm::Full
    } else if first_known
        || (comma && surname_at(0))
        || (last >= 1 && surname_at(last))
        || titled
        || (last >= 1 && first_at(last))
    {
        NameForm::Half
    } else {
        NameForm::Unknown
    }
}

/// A full name whose parts are known.
pub(crate) fn person_name(text: &str) -> bool {
    name_form(text) == NameForm::Full
}

/// Words that only companies and institutions have in their names.
pub(crate) fn company_like(folded: &str) -> bool {
    let mut words = folded.split([' ', ',', '.', '(', ')', '/']).filter(|word| !word.is_empty());
    folded.contains('&')
        || words.any(|word| {
            is_company_word(word)
                && !(is_last(word) && is_first(word))
                && !matches!(word, "park" | "hall" | "court" | "sa" | "ag" | "co" | "as" | "ab" | "sons")
        })
}

/// Words of products and titles.
pub(crate) fn product_like(folded: &str) -> bool {
    folded.split([' ', ',', '-', '(', ')', '/', '\'']).any(is_product_word)
}
