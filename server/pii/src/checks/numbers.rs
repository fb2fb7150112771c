//! Numbers that name a person: most have a checksum.

/// The digits of a text that has nothing but digits and these separators; longer than 24 are none.
fn digits(text: &str, separators: &str) -> Option<Vec<u32>> {
    let mut out = Vec::with_capacity(24);
    for c in text.chars() {
        match c.to_digit(10) {
            Some(digit) if out.len() < 24 => out.push(digit),
            None if separators.contains(c) => {}
            _ => return None,
        }
    }
    Some(out)
}

fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2 == 1, digit * 2) {
            (true, double) if double > 9 => double - 9,
            (true, double) => double,
            _ => *digit,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

/// A card number: a known issuer's first digits, its length, Luhn.
pub(crate) fn card(text: &str) -> bool {
    // Spreadsheets write them as 4.1111E+15; those are lost.
    let Some(digits) = digits(text, " -") else { return false };
    let number = |n: usize| digits.iter().take(n).fold(0, |all, digit| all * 10 + digit);
    let issuer = match digits.len() {
        15 => matches!(number(2), 34 | 37),
        14 => matches!(number(2), 30 | 36 | 38 | 39),
        13 => number(1) == 4,
        16 => {
            number(1) == 4
                || matches!(number(2), 51..=55 | 65 | 35 | 56..=58 | 60 | 62 | 63)
                || (2221..=2720).contains(&number(4))
        }
        17..=19 => number(1) == 4 || matches!(number(2), 50 | 56..=58 | 60 | 62 | 63 | 67),
        _ => false,
    };
    issuer && luhn(&digits)
}

/// `**** **** **** 1234`
pub(crate) fn masked_card(text: &str) -> bool {
    let masks = text.chars().filter(|c| matches!(c, '*' | 'x' | 'X' | '•' | '#')).count();
    let shown = text.chars().filter(char::is_ascii_digit).count();
    let rest =
        text.chars().filter(|c| !matches!(c, '*' | 'x' | 'X' | '•' | '#' | ' ' | '-') && !c.is_ascii_digit()).count();
    rest == 0 && masks >= 6 && (4..=10).contains(&shown) && (12..=19).contains(&(masks + shown))
}

/// An IBAN: country, check digits by mod 97.
pub(crate) fn iban(text: &str) -> bool {
    let plain: Vec<char> = text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()).collect();
    let form = (15..=34).contains(&plain.len())
        && plain.iter().take(2).all(char::is_ascii_uppercase)
        && plain.iter().skip(2).take(2).all(char::is_ascii_digit)
        && plain.iter().all(char::is_ascii_alphanumeric);
    form && plain.iter().skip(4).chain(plain.iter().take(4)).try_fold(0u32, |rest, c| {
        let value = c.to_digit(36)?;
        Some(if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 })
    }) == Some(1)
}

/// A US Social Security number: area, group and serial are given out. Without separators only nine digits say little.
pub(crate) fn ssn(text: &str, plain: bool) -> bool {
    let bytes = text.as_bytes();
    let separated = bytes.len() == 11 && bytes.get(3) == bytes.get(6) && matches!(bytes.get(3), Some(b'-' | b' '));
    if separated
        && text.get(..6).is_some_and(|mask| mask.chars().all(|c| matches!(c, '*' | 'X' | 'x' | '#' | '-' | ' ')))
    {
        return text.get(7..).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    }
    if !(separated || (plain && bytes.len() == 9)) {
        return false;
    }
    let Some(digits) = digits(text, "- ").filter(|digits| digits.len() == 9) else { return false };
    let number = |from: usize, to: usize| digits.iter().take(to).skip(from).fold(0, |all, digit| all * 10 + digit);
    !matches!(number(0, 3), 0 | 666)
        && number(3, 5) != 0
        && number(5, 9) != 0
        && (number(0, 3) < 900 || matches!(number(3, 5), 50..=65 | 70..=88 | 90..=92 | 94..=99))
}

/// A UK National Insurance number: the prefixes that are given out, six digits, A to D.
pub(crate) fn ni(text: &str) -> bool {
    let plain: Vec<char> =
        text.chars().filter(|c| !matches!(c, ' ' | '-' | '.')).map(|c| c.to_ascii_uppercase()).collect();
    let &[a, b, .., last] = plain.as_slice() else { return false };
    let prefix: String = [a, b].iter().collect();
    (8..=9).contains(&plain.len())
        && a.is_ascii_uppercase()
        && b.is_ascii_uppercase()
        && !"DFIQUV".contains(a)
        && !"DFIOQUV".contains(b)
        && !["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].contains(&prefix.as_str())
        && plain.iter().skip(2).take(6).all(char::is_ascii_digit)
        && plain.len() == 9
        && ('A'..='D').contains(&last)
}

/// An NHS number: ten digits, mod 11.
pub(crate) fn nhs(text: &str) -> bool {
    let Some(digits) = digits(text, " -").filter(|digits| digits.len() == 10) else { return false };
    let sum: u32 = digits.iter().take(9).zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum();
    let check = (11 - sum % 11) % 11;
    check != 10 && digits.last() == Some(&check) && digits.iter().any(|digit| digits.first() != Some(digit))
}

/// A provider number of US health care: Luhn with 80840 before it.
pub(crate) fn npi(text: &str) -> bool {
    let Some(mut digits) =
        digits(text, "").filter(|digits| digits.len() == 10 && matches!(digits.first(), Some(1 | 2)))
    else {
        return false;
    };
    digits.splice(0..0, [8, 0, 8, 4, 0]);
    luhn(&digits)
}

/// An IMEI: 15 digits, Luhn.
pub(crate) fn imei(text: &str) -> bool {
    digits(text, " -").is_some_and(|digits| digits.len() == 15 && luhn(&digits))
}

/// A vehicle identification number with its check digit.
pub(crate) fn vin(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    if text.len() != 17 {
        return false;
    }
    let value = |c: char| match c.to_ascii_uppercase() {
        c @ '0'..='9' => c.to_digit(10),
        c @ 'A'..='H' => Some(c as u32 - 'A' as u32 + 1),
        c @ 'J'..='N' => Some(c as u32 - 'J' as u32 + 1),
        'P' => Some(7),
        'R' => Some(9),
        c @ 'S'..='Z' => Some(c as u32 - 'S' as u32 + 2),
        _ => None,
    };
    let sum = text.chars().zip(WEIGHTS).try_fold(0, |sum, (c, weight)| Some(sum + value(c)? * weight));
    let letters = text.chars().any(|c| c.is_ascii_alphabetic());
    letters
        && sum.is_some_and(|sum| {
            text.chars().nth(8).map(|c| c.to_ascii_uppercase()) == "0123456789X".chars().nth((sum % 11) as usize)
        })
}

/// A British driving licence: five of the surname, six of the date, initials.
pub(crate) fn uk_licence(text: &str) -> bool {
    let plain: Vec<char> = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
    (16..=18).contains(&plain.len())
        && plain.iter().take(5).all(|c| c.is_ascii_uppercase() || *c == '9')
        && plain.first().is_some_and(char::is_ascii_uppercase)
        && plain.iter().skip(5).take(6).all(char::is_ascii_digit)
        && plain.iter().skip(11).all(char::is_ascii_alphanumeric)
        && plain.iter().any(|c| !c.is_ascii_digit())
}

/// `12-34-56`
pub(crate) fn sort_code(text: &str) -> bool {
    text.len() == 8
        && text.split('-').count() == 3
        && text.split('-').all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
}

/// How much a value looks like a phone number: 0 not at all, 1 written as one, 0.4 digits that may be one.
pub(crate) fn phone(text: &str) -> f64 {
    // A measure is no phone.
    if text.starts_with('-') || text.split_once('.').is_some_and(|(_, rest)| !rest.contains(['.', '-', ' ', '(', '/']))
    {
        return 0.0;
    }
    let lower = text.to_ascii_lowercase();
    let main = ["ext", "x", "#"].iter().find_map(|mark| {
        let (main, rest) = lower.split_once(mark)?;
        rest.trim_start_matches(['.', ':', ' ']).bytes().all(|b| b.is_ascii_digit()).then_some(main)
    });
    let main = main.unwrap_or(&lower).trim().trim_start_matches("tel:").trim();
    let Some(digits) = digits(main, " ()-+./\u{a0}") else { return 0.0 };
    let groups: Vec<&str> = main.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let n = digits.len();
    let marks = groups.len() > 1;
    // Dates, addresses of the network and card numbers have the same letters.
    let dotted = main.contains('.') && main.split('.').count() == 4;
    let date =
        groups.len() == 3 && n <= 8 && groups.iter().all(|part| part.len() <= 4) && main.contains(['-', '/', '.']);
    if main.starts_with('+') || main.starts_with("00") {
        return if (8..=15).contains(&n) && !dotted && (main.starts_with('+') || marks) { 1.0 } else { 0.0 };
    }
    let us = |digits: &[u32]| {
        digits.len() == 10 && digits.first().is_some_and(|d| *d >= 2) && digits.get(3).is_some_and(|d| *d >= 2)
    };
    if marks && !dotted && !date {
        let lengths: Vec<usize> = groups.iter().map(|part| part.len()).collect();
        let us_form = matches!(lengths.as_slice(), [3, 3, 4] | [1, 3, 3, 4] | [3, 7])
            && (n == 11 || digits.first().is_some_and(|d| *d >= 2));
        let zero_form = digits.first() == Some(&0) && (9..=12).contains(&n);
        let bracket_form = main.starts_with('(') && (7..=12).contains(&n);
        let local_form = matches!(lengths.as_slice(), [3, 4]);
        if us_form || zero_form || bracket_form {
            return 1.0;
        }
        return if local_form || (7..=12).contains(&n) && !main.contains('/') { 0.4 } else { 0.0 };
    }
    if !marks {
        let uk =
            digits.first() == Some(&0) && (10..=11).contains(&n) && matches!(digits.get(1), Some(1 | 2 | 3 | 7 | 8));
        let with_one = n == 11 && digits.first() == Some(&1) && digits.get(1..).is_some_and(us);
        let with_44 = n == 12 && main.starts_with("447");
        if uk || with_44 {
            return 0.8;
        }
        return if us(&digits) || with_one || (7..=12).contains(&n) { 0.4 } else { 0.0 };
    }
    0.0
}
