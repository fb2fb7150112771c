//! Word lists, read once.

use std::collections::HashSet;
use std::sync::LazyLock;

type Words = LazyLock<HashSet<String>>;

static FIRST: Words = LazyLock::new(|| spaced(include_str!("../data/first_names.txt")));
static LAST: Words = LazyLock::new(|| spaced(include_str!("../data/last_names.txt")));
static STREETS: Words = LazyLock::new(|| spaced(include_str!("../data/street_words.txt")));
static COMPANIES: Words = LazyLock::new(|| spaced(include_str!("../data/company_words.txt")));
static PRODUCTS: Words = LazyLock::new(|| spaced(include_str!("../data/product_words.txt")));
static PLACES: Words = LazyLock::new(|| barred(include_str!("../data/places.txt")));
static COUNTRIES: Words = LazyLock::new(|| barred(include_str!("../data/countries.txt")));
static COUNTIES: Words = LazyLock::new(|| barred(include_str!("../data/uk_counties.txt")));
static STATES: Words = LazyLock::new(|| {
    let entries = include_str!("../data/us_states.txt").trim().split('|');
    entries.filter_map(|entry| entry.rsplit_once(' ').map(|(name, _)| fold(name))).collect()
});
static STATE_CODES: Words = LazyLock::new(|| {
    let entries = include_str!("../data/us_states.txt").trim().split('|');
    entries.filter_map(|entry| entry.rsplit_once(' ').map(|(_, code)| code.to_owned())).collect()
});

fn spaced(text: &str) -> HashSet<String> {
    text.split_whitespace().map(fold).collect()
}

fn barred(text: &str) -> HashSet<String> {
    text.split(['|', '\n']).map(str::trim).filter(|entry| !entry.is_empty()).map(fold).collect()
}

/// Lower case, without accents.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'À' | 'Á' | 'Â' | 'Ã' | 'Ä' | 'Å' => out.push('a'),
            'è' | 'é' | 'ê' | 'ë' | 'È' | 'É' | 'Ê' | 'Ë' => out.push('e'),
            'ì' | 'í' | 'î' | 'ï' | 'Ì' | 'Í' | 'Î' | 'Ï' => out.push('i'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ö' | 'Ø' => out.push('o'),
            'ù' | 'ú' | 'û' | 'ü' | 'Ù' | 'Ú' | 'Û' | 'Ü' => out.push('u'),
            'ñ' | 'Ñ' => out.push('n'),
            'ç' | 'Ç' => out.push('c'),
            'ß' => out.push_str("ss"),
            '’' => out.push('\''),
            c if c.is_ascii() => out.push(c.to_ascii_lowercase()),
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

/// Is this folded word a first name? Of a double name (`jean-luc`) either half will do.
pub(crate) fn is_first(word: &str) -> bool {
    FIRST.contains(word) || word.split_once('-').is_some_and(|(a, b)| FIRST.contains(a) || FIRST.contains(b))
}

/// Is this folded word a surname? Of a double name either half will do.
pub(crate) fn is_last(word: &str) -> bool {
    LAST.contains(word)
        || word.split_once('-').is_some_and(|(a, b)| LAST.contains(a) || LAST.contains(b))
        || (word.len() > 5 && (word.starts_with("o'") || word.starts_with("mc") || word.starts_with("mac")))
}

pub(crate) fn is_street_word(word: &str) -> bool {
    STREETS.contains(word)
}

pub(crate) fn is_company_word(word: &str) -> bool {
    COMPANIES.contains(word)
}

pub(crate) fn is_product_word(word: &str) -> bool {
    PRODUCTS.contains(word)
}

pub(crate) fn is_city(text: &str) -> bool {
    PLACES.contains(text)
}

pub(crate) fn is_country(text: &str) -> bool {
    COUNTRIES.contains(text)
}

pub(crate) fn is_region(text: &str) -> bool {
    STATES.contains(text) || COUNTIES.contains(text)
}

pub(crate) fn is_state_code(text: &str) -> bool {
    text.len() == 2 && STATE_CODES.contains(text)
}
