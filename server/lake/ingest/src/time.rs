//! DATE and TIMESTAMP as BigQuery exports write them.

/// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant, `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn digits(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 6 {
        return None;
    }
    text.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// `2017-07-29` as days since 1970-01-01.
pub(crate) fn parse_date(text: &[u8]) -> Option<i32> {
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&text[..4])?, digits(&text[5..7])?, digits(&text[8..])?);
    if !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    // A day past the month's end comes back as another date.
    (civil_from_days(days) == (year, month, day)).then_some(days as i32)
}

/// `2017-07-29 10:11:12.345678 UTC`, or RFC 3339 with `T`, `Z` or an offset, as microseconds
/// since 1970-01-01 UTC. Without a zone it is UTC. Up to six decimals.
pub(crate) fn parse_timestamp(text: &[u8]) -> Option<i64> {
    let days = i64::from(parse_date(text.get(..10)?)?);
    let rest = &text[10..];
    if !matches!(rest.first(), Some(b' ' | b'T')) || rest.len() < 9 {
        return None;
    }
    if rest[3] != b':' || rest[6] != b':' {
        return None;
    }
    let (hour, minute, second) = (digits(&rest[1..3])?, digits(&rest[4..6])?, digits(&rest[7..9])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = &rest[9..];
    let mut micros = 0;
    if let [b'.', decimals @ ..] = rest {
        let count = decimals.iter().take_while(|b| b.is_ascii_digit()).count();
        micros = digits(&decimals[..count])? * 10_i64.pow(6 - count as u32);
        rest = &decimals[count..];
    }
    let offset_minutes = match rest {
        b"" | b"Z" | b" UTC" | b"UTC" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 60 + minutes;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset_minutes * 60;
    Some(seconds * 1_000_000 + micros)
}

/// Days since 1970-01-01 as `2017-07-29`.
pub(crate) fn format_date(days: i64) -> String {
    let (year, month, day) = civil_from_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Milliseconds since 1970-01-01 as `2017-07-29T10:11:12.345Z`.
pub(crate) fn format_millis(millis: i64) -> String {
    let date = format_date(millis.div_euclid(86_400_000));
    let rest = millis.rem_euclid(86_400_000);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("2017-07-29", Some(17_376)),
            ("2016-02-29", Some(16_860)),
            ("2017-02-29", None),
            ("2017-13-01", None),
            ("2017-00-01", None),
            ("2017-07-00", None),
            ("20170729", None),
            ("2017-07-2x", None),
            ("0001-01-01", Some(-719_162)),
        ] {
            assert_eq!(parse_date(text.as_bytes()), expected, "{text}");
            if let Some(days) = expected {
                assert_eq!(format_date(i64::from(days)), text);
            }
        }
    }

    #[test]
    fn timestamps() {
        let base = 17_376 * 86_400_000_000_i64;
        for (text, expected) in [
            ("2017-07-29 00:00:00 UTC", Some(base)),
            ("2017-07-29 00:00:00.000001 UTC", Some(base + 1)),
            ("2017-07-29T00:00:00.5Z", Some(base + 500_000)),
            ("2017-07-29T02:00:00+02:00", Some(base)),
            ("2017-07-28T22:30:00-01:30", Some(base)),
            ("2017-07-29 00:00:01", Some(base + 1_000_000)),
            ("2017-07-29", None),
            ("2017-07-29 24:00:00", None),
            ("2017-07-29 00:60:00", None),
            ("2017-07-29 00:00:00.1234567", None),
            ("2017-07-29 00:00:00. UTC", None),
            ("2017-07-29 00:00:00 CET", None),
        ] {
            assert_eq!(parse_timestamp(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(format_millis(base / 1000 + 3_723_004), "2017-07-29T01:02:03.004Z");
        assert_eq!(format_millis(-1), "1969-12-31T23:59:59.999Z");
    }
}
