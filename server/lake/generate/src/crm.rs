//! The companion of the web data: a customer's contacts, as a sales system exports them. Personal data beside what only looks like it,
//! deliberately dirty, and which column holds what is known.

use std::fmt::Write;

use crate::random::{Random, hash};

/// Rows of the file.
pub const ROWS: usize = 400;

/// A column: its name, its meaningless name, and the info type it holds (`None`: it only looks like one).
pub const COLUMNS: [(&str, &str, Option<&str>); 25] = [
    ("contact_id", "c01", None),
    ("first_name", "c02", Some("FIRST_NAME")),
    ("last_name", "c03", Some("LAST_NAME")),
    ("email", "c04", Some("EMAIL_ADDRESS")),
    ("mobile", "c05", Some("PHONE_NUMBER")),
    ("date_of_birth", "c06", Some("DATE_OF_BIRTH")),
    ("gender", "c07", Some("GENDER")),
    ("street", "c08", Some("STREET_ADDRESS")),
    ("town", "c09", Some("LOCATION")),
    ("postcode", "c10", Some("LOCATION")),
    ("ni_number", "c11", Some("UK_NATIONAL_INSURANCE_NUMBER")),
    ("iban", "c12", Some("IBAN_CODE")),
    ("card_number", "c13", Some("CREDIT_CARD_NUMBER")),
    ("last_ip", "c14", Some("IP_ADDRESS")),
    ("login", "c15", Some("USERNAME")),
    ("notes", "c16", Some("EMAIL_ADDRESS")),
    ("visitor_id", "c17", None),
    ("last_order_no", "c18", None),
    ("last_sku", "c19", None),
    ("last_product", "c20", None),
    ("created_at", "c21", None),
    ("last_visit", "c22", None),
    ("since_year", "c23", None),
    ("app_version", "c24", None),
    ("lifetime_value", "c25", None),
];

const FIRST: [(&str, char); 16] = [
    ("Emma", 'F'),
    ("Oliver", 'M'),
    ("Amelia", 'F'),
    ("Mohammed", 'M'),
    ("Sophie", 'F'),
    ("Callum", 'M'),
    ("Priya", 'F'),
    ("Gareth", 'M'),
    ("Siobhan", 'F'),
    ("Tomasz", 'M'),
    ("Ngozi", 'F'),
    ("Daniel", 'M'),
    ("Hannah", 'F'),
    ("Luca", 'M'),
    ("Aisha", 'F'),
    ("Wei", 'M'),
];
const LAST: [&str; 18] = [
    "Whitfield",
    "Patel",
    "O'Connor",
    "Hughes",
    "Khan",
    "Nowak",
    "Okafor",
    "Baker",
    "Rossi",
    "MacDonald",
    "Chen",
    "Thornton",
    "Evans",
    "Schmidt",
    "Ahmed",
    "Robinson",
    "Garcia",
    "Fletcher",
];
const STREETS: [&str; 8] = [
    "High Street",
    "Station Road",
    "Church Lane",
    "Mill Lane",
    "Park Avenue",
    "Queens Road",
    "The Crescent",
    "Bridge Street",
];
const TOWNS: [(&str, &str); 10] = [
    ("Leeds", "LS"),
    ("Bristol", "BS"),
    ("Cardiff", "CF"),
    ("Glasgow", "G"),
    ("Norwich", "NR"),
    ("York", "YO"),
    ("Exeter", "EX"),
    ("Belfast", "BT"),
    ("Derby", "DE"),
    ("Brighton", "BN"),
];
const SKUS: [&str; 5] = ["GGOEGAAX0104", "SCN-125", "GGOENEBQ078999", "GGOEGOAQ012899", "GGOEYFKQ020699"];
const PRODUCTS: [&str; 5] = [
    "Nest Cam Outdoor Security Camera",
    "Jack Wills Rose Gold Watch",
    "Men's Cotton Short Sleeve Tee",
    "Ballpoint LED Light Pen",
    "Custom Decals",
];
const TALK: [&str; 4] = [
    "Asked for the new catalogue and a quote",
    "Wants the invoice on paper from now on",
    "Call again after the holidays",
    "Very happy with the last delivery",
];

/// The file as CSV; the same bytes for the same seed. With `meaningless` its columns are called c01 to c25.
pub fn csv(seed: u64, meaningless: bool) -> String {
    let mut out = String::new();
    let names: Vec<&str> = COLUMNS.iter().map(|(name, code, _)| if meaningless { *code } else { *name }).collect();
    out.push_str(&names.join(","));
    out.push('\n');
    for row in 0..ROWS {
        let mut random = Random::new(hash(&[seed, 0xc4_11, row as u64]));
        let cells: Vec<String> = cells(&mut random, row).iter().map(|cell| quoted(cell)).collect();
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

/// A value, or what stands for none in such files.
fn maybe(random: &mut Random, filled: f64, value: String) -> String {
    if random.chance(filled) { value } else { random.pick(&["", "", "n/a", "-", "unknown"]).to_owned() }
}

fn digits(random: &mut Random, n: usize) -> String {
    (0..n).map(|_| char::from(b'0' + random.below(10) as u8)).collect()
}

fn cells(random: &mut Random, row: usize) -> Vec<String> {
    let (first, gender) = random.pick(&FIRST);
    let last = random.pick(&LAST);
    let (town, area) = random.pick(&TOWNS);
    let plain = format!("{}{}", first.to_lowercase(), last.to_lowercase().replace('\'', ""));
    let email = format!(
        "{}.{}{}@{}",
        first.to_lowercase(),
        last.to_lowercase().replace('\'', ""),
        random.below(90),
        random.pick(&["example.com", "example.org", "mail.example.net"])
    );
    let (year, month, day) = (random.range(1941, 2003), random.range(1, 12), random.range(1, 28));
    let born = match random.below(4) {
        0 => format!("{day:02}/{month:02}/{year}"),
        1 => format!("{day}.{month}.{year}"),
        _ => format!("{year}-{month:02}-{day:02}"),
    };
    let phone = match random.below(4) {
        0 => format!("+44 7700 900{}", digits(random, 3)),
        1 => format!("07700900{}", digits(random, 3)),
        2 => format!("(0113) 496 0{}", digits(random, 3)),
        _ => format!("07700 900{}", digits(random, 3)),
    };
    let shouted = random.chance(0.1);
    let case = |text: &str| if shouted { text.to_uppercase() } else { text.to_owned() };
    let gender =
        if random.chance(0.15) { if gender == 'F' { "Female" } else { "Male" }.to_owned() } else { gender.to_string() };
    let house = random.range(1, 180);
    let postcode = format!(
        "{area}{} {}{}{}",
        random.range(1, 19),
        random.range(1, 9),
        random.pick(&['A', 'B', 'D', 'H', 'L', 'P']),
        random.pick(&['A', 'E', 'J', 'N', 'S', 'X'])
    );
    let ni = format!(
        "{}{}{}",
        random.pick(&["AB", "JG", "CE", "PA", "NW"]),
        digits(random, 6),
        random.pick(&['A', 'B', 'C', 'D'])
    );
    let note =
        if random.chance(0.12) { format!("Writes from {email} at the moment") } else { random.pick(&TALK).to_owned() };
    let (sku, product) = (random.pick(&SKUS), random.pick(&PRODUCTS));
    let street = random.pick(&STREETS);
    let (iban, card) = (iban(random), card(random));
    let ip = format!("{}.{}.{}.{}", random.range(81, 213), random.below(256), random.below(256), random.range(1, 254));
    let login = format!("{}{}", plain.chars().take(7).collect::<String>(), random.range(1, 99));
    let order = format!("SO-2017-{}", digits(random, 5));
    vec![
        format!("C-{:06}", 100_000 + row),
        maybe(random, 0.97, case(first)),
        maybe(random, 0.98, case(last)),
        if random.chance(0.03) { format!("{plain}@") } else { maybe(random, 0.92, email) },
        maybe(random, 0.8, phone),
        maybe(random, 0.85, born),
        maybe(random, 0.9, gender),
        maybe(random, 0.9, case(&format!("{house} {street}"))),
        maybe(random, 0.93, case(town)),
        maybe(random, 0.9, postcode),
        maybe(random, 0.35, ni),
        maybe(random, 0.2, iban),
        maybe(random, 0.25, card),
        maybe(random, 0.7, ip),
        maybe(random, 0.75, login),
        maybe(random, 0.6, note),
        format!("{}{}", random.range(1, 9), digits(random, 18)),
        maybe(random, 0.9, order),
        maybe(random, 0.9, sku.to_owned()),
        maybe(random, 0.9, product.to_owned()),
        format!(
            "2017-{:02}-{:02} {:02}:{:02}:{:02}",
            random.range(1, 7),
            random.range(1, 28),
            random.range(6, 22),
            random.below(60),
            random.below(60)
        ),
        format!("{}", 1_483_228_800 + u64::from(random.below(18_000_000))),
        format!("{}", random.range(2009, 2017)),
        format!("{}.{}.{}.{}", random.range(1, 4), random.below(20), random.below(10), random.below(30)),
        format!("{}.{:02}", random.below(4_000), random.below(100)),
    ]
}

/// A British IBAN with the right check digits.
fn iban(random: &mut Random) -> String {
    let rest = format!("{}{}", random.pick(&["NWBK", "BARC", "MIDL"]), digits(random, 14));
    let mut remainder = 0u32;
    for c in format!("{rest}GB00").chars() {
        let value = c.to_digit(36).unwrap_or(0);
        remainder = if value < 10 { remainder * 10 + value } else { remainder * 100 + value } % 97;
    }
    let mut out = String::new();
    for (at, c) in format!("GB{:02}{rest}", 98 - remainder).chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// A card number with the right last digit, now and then masked.
fn card(random: &mut Random) -> String {
    let start = format!("4{}", digits(random, 14));
    let sum: u32 = start
        .chars()
        .rev()
        .enumerate()
        .filter_map(|(at, c)| {
            c.to_digit(10)
                .map(|digit| if at % 2 == 0 { if digit > 4 { digit * 2 - 9 } else { digit * 2 } } else { digit })
        })
        .sum();
    let mut whole = start;
    let _ = write!(whole, "{}", (10 - sum % 10) % 10);
    if random.chance(0.15) { format!("************{}", whole.get(12..).unwrap_or_default()) } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(csv(42, false), csv(42, false));
        assert_ne!(csv(42, false), csv(43, false));
        let (named, coded) = (csv(42, false), csv(42, true));
        assert_eq!(named.split_once('\n').map(|(_, rows)| rows), coded.split_once('\n').map(|(_, rows)| rows));
        assert_eq!(named.lines().count(), ROWS + 1);
        assert!(coded.starts_with("c01,c02"));
    }

    #[test]
    fn it_is_dirty() {
        let text = csv(7, false);
        assert!(
            text.contains(",n/a,") && text.contains(",unknown,") && text.contains("@,") && text.contains("********")
        );
    }
}
