//! Is this value of that form? Each check looks at one value, with a checksum where the form has one.

mod dates;
mod names;
mod numbers;
mod places;

pub(crate) use dates::{birth_date, date_like};
pub(crate) use names::{NameForm, company_like, name_form, person_name, product_like};
pub(crate) use numbers::{card, iban, imei, masked_card, nhs, ni, npi, phone, sort_code, ssn, uk_licence, vin};
pub(crate) use places::{street_address, uk_postcode, us_zip};

/// `local@domain.tld`; the local part may be partly masked.
pub(crate) fn email(text: &str) -> bool {
    let text = text.trim_start_matches("mailto:").trim_matches(['<', '>']);
    let Some((local, domain)) = text.split_once('@') else { return false };
    let Some((host, tld)) = domain.rsplit_once('.') else { return false };
    !local.is_empty()
        && local.len() <= 64
        && local.chars().all(|c| c.is_alphanumeric() || "._%+-'*&/=~!#".contains(c))
        && !host.is_empty()
        && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '*'))
        && !host.starts_with('.')
        && !host.contains("..")
        && (2..=18).contains(&tld.len())
        && tld.chars().all(char::is_alphabetic)
}

/// A mailbox of an organisation: `info@`.
pub(crate) fn role_mailbox(text: &str) -> bool {
    const ROLES: &[&str] = &[
        "info",
        "sales",
        "contact",
        "office",
        "support",
        "admin",
        "hello",
        "enquiries",
        "inquiries",
        "help",
        "service",
        "mail",
        "noreply",
        "no-reply",
        "reservations",
        "bookings",
        "accounts",
        "billing",
        "marketing",
        "press",
        "hr",
        "jobs",
        "team",
        "reception",
        "webmaster",
        "customerservice",
        "orders",
    ];
    text.split_once('@').is_some_and(|(local, _)| ROLES.contains(&local))
}

/// An IPv4 or IPv6 address, with a port or a network's length if need be.
pub(crate) fn ip(text: &str) -> bool {
    let text = text.split('/').next().unwrap_or_default();
    if text.len() < 7 || !text.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':')) {
        return false;
    }
    text.parse::<std::net::IpAddr>().is_ok() || text.parse::<std::net::SocketAddr>().is_ok()
}

/// A dotted number that is as well a version: all parts small.
pub(crate) fn version_like(text: &str) -> bool {
    text.split('.').all(|part| part.parse::<u16>().is_ok_and(|number| number < 32))
}

/// Six pairs of hexadecimal digits.
pub(crate) fn mac(text: &str) -> bool {
    let Some(separator) = text.chars().find(|c| matches!(c, ':' | '-')) else { return false };
    text.len() == 17
        && text.split(separator).count() == 6
        && text.split(separator).all(|part| part.len() == 2 && hex(part))
}

fn hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `8-4-4-4-12`
pub(crate) fn uuid(text: &str) -> bool {
    text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(hex)
}

/// A hash of a password, by its prefix.
pub(crate) fn password_hash(text: &str) -> bool {
    ["$2a$", "$2b$", "$2y$", "$argon2", "$6$", "$5$", "$1$", "pbkdf2_", "{SHA}", "{SSHA}", "pbkdf2:"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
        && text.len() > 20
}

/// Long hexadecimal digits.
pub(crate) fn hash_like(text: &str) -> bool {
    text.len() >= 16
        && hex(text)
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// One word of letters, digits and a few signs, as a login is.
pub(crate) fn login_like(text: &str) -> bool {
    let text = text.strip_prefix('@').unwrap_or(text);
    (2..=32).contains(&text.chars().count())
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
        && text.chars().any(char::is_alphabetic)
}

/// Letters with digits, `_` or `.`, or a small letter before a capital: a login rather than a word.
pub(crate) fn login_form(text: &str) -> bool {
    login_like(text)
        && text.chars().next().is_some_and(|c| c.is_lowercase() || c == '@')
        && text.chars().any(|c| c.is_ascii_digit() || matches!(c, '_' | '.'))
        && !text.contains("..")
}

/// m/f, male/female, and the like; a code is one of those that stand for nothing else.
pub(crate) fn gender(folded: &str) -> bool {
    matches!(
        folded,
        "m" | "f"
            | "male"
            | "female"
            | "man"
            | "woman"
            | "men"
            | "women"
            | "boy"
            | "girl"
            | "other"
            | "non-binary"
            | "nonbinary"
            | "non binary"
            | "u"
            | "x"
            | "o"
            | "unspecified"
            | "prefer not to say"
            | "transgender"
            | "weiblich"
            | "mannlich"
            | "divers"
            | "w"
            | "d"
            | "homme"
            | "femme"
            | "hombre"
            | "mujer"
            | "diverse"
            | "agender"
            | "genderqueer"
            | "genderfluid"
            | "bigender"
            | "polygender"
            | "trans"
            | "not disclosed"
            | "mixed"
    )
}

/// `31-40`, `65+`, `under 18`, `over 34`, `25 to 34`.
pub(crate) fn age_band(folded: &str) -> bool {
    let digits: Vec<u32> = folded
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .filter_map(|part| part.parse().ok())
        .collect();
    let rest: String = folded.chars().filter(|c| !c.is_ascii_digit() && !c.is_whitespace()).collect();
    let ages = |limit| digits.iter().all(|age| *age <= limit);
    match digits.len() {
        1 => {
            ages(110)
                && matches!(
                    rest.as_str(),
                    "+" | "<"
                        | ">"
                        | "<="
                        | ">="
                        | "under"
                        | "over"
                        | "andover"
                        | "andunder"
                        | "plus"
                        | "orolder"
                        | "years"
                        | "yrs"
                        | "y"
                        | "oryounger"
                        | "andolder"
                        | "below"
                        | "above"
                        | "yearsold"
                        | "yearsandover"
                )
        }
        2 => {
            ages(120)
                && digits.first() < digits.last()
                && matches!(
                    rest.as_str(),
                    "-" | "–"
                        | "to"
                        | "--"
                        | "[-)"
                        | "[,)"
                        | "(,]"
                        | "[,]"
                        | "-years"
                        | "toyears"
                        | "age-"
                        | "ages-"
                        | "yrs-yrs"
                        | "-yrs"
                        | "_"
                )
        }
        _ => matches!(folded, "child" | "adult" | "senior" | "teen" | "infant"),
    }
}
