//! Addresses and postcodes.

use crate::dictionary::{is_state_code, is_street_word};

/// A full UK postcode.
pub(crate) fn uk_postcode(text: &str) -> bool {
    let plain: Vec<char> = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
    if !(5..=7).contains(&plain.len()) || text.len() > 8 {
        return false;
    }
    let (outward, inward) = plain.split_at(plain.len() - 3);
    let letters = outward.iter().take_while(|c| c.is_ascii_uppercase()).count();
    let rest = outward.get(letters..).unwrap_or_default();
    let district = match rest {
        [a] => a.is_ascii_digit(),
        [a, b] => a.is_ascii_digit() && b.is_ascii_alphanumeric(),
        _ => false,
    };
    (1..=2).contains(&letters)
        && district
        && matches!(inward, [a, b, c] if a.is_ascii_digit() && b.is_ascii_uppercase() && c.is_ascii_uppercase() && !"CIKMOV".contains(*b) && !"CIKMOV".contains(*c))
}

/// `12345`, `12345-6789`.
pub(crate) fn us_zip(text: &str) -> bool {
    let (zip, four) = text.split_once('-').map_or((text, None), |(zip, four)| (zip, Some(four)));
    let digits = |text: &str, n| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    digits(zip, 5) && four.is_none_or(|four| digits(four, 4))
}

/// A house number with a street, a street with a house number, a flat, a post box.
pub(crate) fn street_address(folded: &str) -> bool {
    if folded.len() > 160 || folded.len() < 4 {
        return false;
    }
    let words: Vec<&str> = folded
        .split([' ', ',', '\n', '#'])
        .map(|word| word.trim_matches(['.', ';', '"', '\'']))
        .filter(|word| !word.is_empty())
        .collect();
    if words.len() < 2 || words.len() > 20 {
        return false;
    }
    if folded.starts_with("po box")
        || folded.starts_with("p.o. box")
        || folded.starts_with("p o box")
        || folded.starts_with("p.o.box")
    {
        return true;
    }
    let number = |word: &str| {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        (1..=6).contains(&digits)
            && word.len() <= digits + 4
            && word.bytes().skip(digits).all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/'))
    };
    let unit = |word: &str| {
        matches!(word, "apt" | "apartment" | "unit" | "suite" | "ste" | "flat" | "floor" | "room" | "bldg")
    };
    let street = |word: &str| {
        (is_street_word(word) && word.len() > 1)
            || [
                "strasse", "str", "straat", "gatan", "gata", "vagen", "weg", "gasse", "platz", "allee", "plein",
                "laan", "gade", "vej",
            ]
            .iter()
            .any(|end| word.len() > end.len() + 2 && word.ends_with(end))
    };
    let first_number = words.first().is_some_and(|word| number(word));
    let any_number = words.iter().any(|word| number(word));
    let any_street = words.iter().skip(usize::from(first_number)).any(|word| street(word) && !is_state_code_only(word));
    let any_unit = words.iter().take(3).any(|word| unit(word));
    any_number && (any_street || any_unit)
}

fn is_state_code_only(word: &str) -> bool {
    is_state_code(word) && !matches!(word, "ct" | "al")
}
