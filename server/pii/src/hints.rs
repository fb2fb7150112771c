//! What a column's name says.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::kinds::InfoType;
use crate::words::words;

/// What the name of a column says about its content.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    /// Its words.
    pub words: Vec<String>,
    /// Types that the name speaks for, each with its points and the words that say so.
    pub kinds: Vec<(InfoType, f64, String)>,
    /// The column belongs to a thing (`store_name`), with the word.
    pub thing: Option<String>,
    /// The column belongs to a person (`customer_city`), with the word.
    pub person: Option<String>,
    /// The name says that it is something about something: a flag, a count, a time. With the word.
    pub other: Option<String>,
    /// The name means nothing: `c07`, `field_3`.
    pub meaningless: bool,
}

use InfoType::*;

/// Info type, points, words in a row that speak for it.
type Rule = (InfoType, f64, Vec<&'static str>);

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let lines = include_str!("../data/name_rules.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(rule).collect()
});
static THINGS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("../data/things.txt").split_whitespace().collect());
static PERSONS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("../data/persons.txt").split_whitespace().collect());
static OTHERS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("../data/measures.txt").split_whitespace().collect());

/// `EMAIL_ADDRESS 4: email | e mail`
fn rule(line: &'static str) -> Option<Rule> {
    let (head, words) = line.split_once(": ")?;
    let (kind, points) = head.split_once(' ')?;
    Some((InfoType::from_name(kind)?, points.parse().ok()?, words.split(" | ").collect()))
}

/// Reads the name of a column.
pub(crate) fn hints(name: &str) -> Hints {
    let words = words(name);
    let text = words.join(" ");
    let spaced = format!(" {text} ");
    let mut kinds: Vec<(InfoType, f64, String)> = Vec::new();
    for (kind, points, rules) in RULES.iter() {
        let longest = rules.iter().filter(|rule| match rule.strip_prefix('=') {
            Some(whole) => text == whole,
            None => match rule.strip_suffix('$') {
                Some(end) => spaced.trim_end().ends_with(&format!(" {end}")),
                None => contains(&spaced, rule),
            },
        });
        if let Some(rule) = longest.max_by_key(|rule| rule.len()) {
            let rule = rule.trim_matches(['=', '$']).to_owned();
            match kinds.iter_mut().find(|(known, ..)| known == kind) {
                Some(known) if known.1 >= *points => {}
                Some(known) => *known = (*kind, *points, rule),
                None => kinds.push((*kind, *points, rule)),
            }
        }
    }
    only_longest(&mut kinds);
    let find = |list: &HashSet<&str>| {
        words.iter().find(|word| list.contains(word.as_str())).or_else(|| {
            words.iter().find(|word| word.strip_suffix('s').is_some_and(|one| one.len() > 2 && list.contains(one)))
        })
    };
    let named = |word: &&String| !kinds.iter().any(|(_, _, rule)| rule.split(' ').any(|part| part == word.as_str()));
    let meaningless = words.iter().all(|word| {
        word.len() == 1
            || word.bytes().all(|b| b.is_ascii_digit())
            || matches!(word.as_str(), "col" | "column" | "field" | "var" | "unnamed" | "attr" | "feature")
    });
    Hints {
        thing: find(&THINGS).filter(named).cloned(),
        person: find(&PERSONS).cloned(),
        other: find(&OTHERS).filter(named).cloned(),
        meaningless,
        kinds,
        words,
    }
}

/// `rule` as whole words; a plural counts as well.
fn contains(spaced: &str, rule: &str) -> bool {
    let mut from = 0;
    while let Some(at) = spaced.get(from..).and_then(|rest| rest.find(rule)) {
        let (start, end) = (from + at, from + at + rule.len());
        let begins = spaced.get(..start).is_some_and(|before| before.ends_with(' '));
        let rest = spaced.get(end..).unwrap_or_default();
        if begins && (rest.starts_with(' ') || (rule.len() > 3 && rest.starts_with("s "))) {
            return true;
        }
        from = start + 1;
        while !spaced.is_char_boundary(from) {
            from += 1;
        }
    }
    false
}

/// `email address` is no street address, `user name` no person's name, `ip address` no address.
fn only_longest(kinds: &mut Vec<(InfoType, f64, String)>) {
    let rules: Vec<String> = kinds.iter().map(|(_, _, rule)| rule.clone()).collect();
    kinds.retain(|(_, _, rule)| {
        !rules.iter().any(|other| other.len() > rule.len() && format!(" {other} ").contains(&format!(" {rule} ")))
    });
    // What a word before or after makes of an address or a name.
    let has = |kinds: &[(InfoType, f64, String)], kind| {
        kinds.iter().any(|(known, points, _)| *known == kind && *points >= 3.0)
    };
    if has(kinds, EmailAddress) || has(kinds, IpAddress) || has(kinds, MacAddress) {
        kinds.retain(|(kind, ..)| !matches!(kind, StreetAddress | Username | PersonName | FirstName | LastName));
    }
    if has(kinds, Username) || has(kinds, FirstName) || has(kinds, LastName) {
        kinds.retain(|(kind, ..)| *kind != PersonName);
    }
    // `addr_state` is a state, `long_name` no degree.
    let place = |rule: &str| {
        ["city", "state", "zip", "country", "county", "post", "town", "region", "province", "plz"]
            .iter()
            .any(|word| rule.starts_with(word))
    };
    if kinds.iter().any(|(kind, _, rule)| *kind == Location && place(rule)) {
        kinds.retain(|(kind, ..)| *kind != StreetAddress);
    }
    if kinds.iter().any(|(kind, ..)| *kind == PersonName) {
        kinds.retain(|(kind, _, rule)| *kind != Location || !matches!(rule.as_str(), "long" | "st" | "land"));
    }
    // Where someone was born is a place, when is a date.
    if has(kinds, DateOfBirth) && kinds.iter().any(|(kind, points, _)| *kind == Location && *points > 0.0) {
        kinds.retain(|(kind, ..)| *kind != DateOfBirth);
    }
    if has(kinds, Gender)
        || has(kinds, SocialSecurity)
        || has(kinds, PhoneNumber)
        || has(kinds, DriversLicense)
        || has(kinds, NationalInsurance)
    {
        kinds.retain(|(kind, points, _)| *points >= 3.5 || matches!(kind, Gender));
        if has(kinds, PhoneNumber) {
            kinds.retain(|(kind, ..)| !matches!(kind, StreetAddress | PersonName));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rules_are_read() {
        let lines = include_str!("../data/name_rules.txt").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(RULES.len(), lines);
        assert!(lines > 40 && THINGS.len() > 100 && PERSONS.len() > 40 && OTHERS.len() > 80);
    }

    #[test]
    fn names_speak_for_types() {
        for (name, expected) in [
            ("cust_eml", "EMAIL_ADDRESS"),
            ("EmailAddress", "EMAIL_ADDRESS"),
            ("ph_no", "PHONE_NUMBER"),
            ("IP Address", "IP_ADDRESS"),
            ("user_name", "USERNAME"),
            ("addr1", "STREET_ADDRESS"),
            ("Vorname", "FIRST_NAME"),
            ("place of birth", "LOCATION"),
            ("dob_year", "DATE_OF_BIRTH"),
            ("hits", ""),
            ("message", ""),
        ] {
            let found: Vec<&str> = hints(name).kinds.iter().map(|(kind, ..)| kind.name()).collect();
            assert_eq!(found.join(","), expected, "{name}");
        }
        assert_eq!(hints("store_city").thing.as_deref(), Some("store"));
        assert_eq!(hints("email_verified").other.as_deref(), Some("verified"));
        assert!(hints("c07").meaningless && hints("field_3").meaningless && !hints("city").meaningless);
    }
}
