//! A column's or table's name as words.

use crate::dictionary::fold;

/// Words that are written together in real tables. Short ones (age, sex, us) are left out: they are parts of other words.
const PARTS: &[&str] = &[
    "first",
    "last",
    "middle",
    "full",
    "given",
    "family",
    "maiden",
    "sur",
    "fore",
    "nick",
    "user",
    "customer",
    "client",
    "cust",
    "emp",
    "employee",
    "contact",
    "owner",
    "host",
    "file",
    "product",
    "prod",
    "item",
    "store",
    "shop",
    "station",
    "company",
    "business",
    "brand",
    "street",
    "address",
    "addr",
    "city",
    "town",
    "state",
    "county",
    "country",
    "region",
    "zip",
    "post",
    "postal",
    "code",
    "date",
    "birth",
    "birthday",
    "day",
    "year",
    "month",
    "phone",
    "mobile",
    "cell",
    "tele",
    "fax",
    "email",
    "mail",
    "number",
    "num",
    "name",
    "names",
    "line",
    "home",
    "work",
    "pass",
    "word",
    "login",
    "account",
    "card",
    "credit",
    "passport",
    "license",
    "licence",
    "driver",
    "device",
    "mac",
    "advertising",
    "cookie",
    "session",
    "visitor",
    "person",
    "patient",
    "student",
    "member",
    "passenger",
    "guest",
    "group",
    "range",
    "band",
    "house",
    "vehicle",
    "bank",
    "sort",
    "routing",
    "security",
    "social",
    "national",
    "insurance",
    "hire",
    "start",
    "end",
    "created",
    "updated",
    "order",
    "ship",
    "shipping",
    "bill",
    "billing",
    "event",
    "page",
    "screen",
    "domain",
    "server",
    "table",
    "team",
    "job",
    "title",
    "type",
    "count",
    "id",
    "ids",
    "ip",
    "no",
    "lat",
    "long",
    "latitude",
    "longitude",
    "of",
    "self",
    "birthdate",
    "native",
];

/// The words of a name, lower case: `custEml_1` is `cust`, `eml`, `1`.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied();
        let after = chars.get(at + 1).copied();
        let starts = before.is_some_and(|before| {
            (c.is_uppercase()
                && (before.is_lowercase() || (before.is_uppercase() && after.is_some_and(char::is_lowercase))))
                || (c.is_ascii_digit() != before.is_ascii_digit())
        });
        if (starts || !c.is_alphanumeric()) && !word.is_empty() {
            out.push(fold(&std::mem::take(&mut word)));
        }
        if c.is_alphanumeric() {
            word.push(c);
        }
    }
    if !word.is_empty() {
        out.push(fold(&word));
    }
    out.into_iter().flat_map(|word| split(&word)).collect()
}

/// `firstname` is `first`, `name`; a word that is not made of known parts alone stays whole.
fn split(word: &str) -> Vec<String> {
    let whole = || vec![word.to_owned()];
    if word.len() < 5 || word.len() > 40 || !word.is_ascii() || PARTS.contains(&word) {
        return whole();
    }
    // The last part that leads to each place.
    let mut from: Vec<Option<usize>> = vec![None; word.len() + 1];
    let mut reached = vec![false; word.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for end in 1..=word.len() {
        for start in 0..end {
            if reached.get(start) == Some(&true) && word.get(start..end).is_some_and(|part| PARTS.contains(&part)) {
                if let (Some(slot), Some(flag)) = (from.get_mut(end), reached.get_mut(end)) {
                    *slot = Some(start);
                    *flag = true;
                }
                break;
            }
        }
    }
    let mut parts = Vec::new();
    let mut end = word.len();
    while end > 0 {
        let Some(start) = from.get(end).copied().flatten() else { return whole() };
        parts.push(word.get(start..end).unwrap_or_default().to_owned());
        end = start;
    }
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words() {
        for (name, expected) in [
            ("custEml_1", "cust eml 1"),
            ("FirstName", "first name"),
            ("firstname", "first name"),
            ("CUSTOMER_DOB", "customer dob"),
            ("addr1", "addr 1"),
            ("IPAddress", "ip address"),
            ("ipaddress", "ip address"),
            ("dateofbirth", "date of birth"),
            ("zipcode", "zip code"),
            ("hostname", "host name"),
            ("message", "message"),
            ("usage", "usage"),
            ("Officer-defined ethnicity", "officer defined ethnicity"),
            ("Straße", "strasse"),
            ("", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }
}
