//! Numbers, sizes, durations and dates as people read them on the page. Formatting happens here and nowhere in the browser, so that
//! server-rendered and hydrated pages agree.

use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Utc};

/// `151681` → `151,681`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `+1,987`, `-3`, `0`.
pub fn change(n: i64) -> String {
    match n {
        0 => "0".into(),
        n if n > 0 => format!("+{}", count(n.unsigned_abs())),
        n => format!("-{}", count(n.unsigned_abs())),
    }
}

/// `1 file`, `2 files`; `noun` is the singular of a regular noun.
pub fn plural(n: u64, noun: &str) -> String {
    match (n, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (n, Some(stem)) if !noun.ends_with("ay") => format!("{} {stem}ies", count(n)),
        (n, _) => format!("{} {noun}s", count(n)),
    }
}

/// Bytes in decimal units with three significant digits: `32.6 MB`, `1.98 MB`, `512 B`.
pub fn bytes(n: u64) -> String {
    let (value, unit) = match n {
        0..=999 => return format!("{n} B"),
        1_000..=999_949 => (n as f64 / 1e3, "KB"),
        999_950..=999_949_999 => (n as f64 / 1e6, "MB"),
        _ => (n as f64 / 1e9, "GB"),
    };
    let digits = if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

/// `0aff`
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seconds without a unit: `0.41`, `12.3`, `107`.
pub fn seconds(s: f64) -> String {
    match s {
        s if s < 9.995 => format!("{s:.2}"),
        s if s < 99.95 => format!("{s:.1}"),
        s => format!("{s:.0}"),
    }
}

/// Milliseconds as a duration with its unit: `1.30 s`, `2:05 min`.
pub fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    if ms < 100_000 { format!("{} s", seconds(ms as f64 / 1000.0)) } else { format!("{} min", clock(ms / 1000)) }
}

/// Seconds as `7:42`.
pub fn clock(seconds: i64) -> String {
    let s = seconds.max(0);
    format!("{}:{:02}", s / 60, s % 60)
}

/// `14:06:12`.
pub fn time(ms: i64) -> String {
    at(ms).format("%H:%M:%S").to_string()
}

/// `14:06:12.031`.
pub fn time_ms(ms: i64) -> String {
    at(ms).format("%H:%M:%S%.3f").to_string()
}

/// `14:06:12`, with the date in front when it is not the day of `now`.
pub fn when(ms: i64, now: i64) -> String {
    if at(ms).date_naive() == at(now).date_naive() { time(ms) } else { at(ms).format("%Y-%m-%d %H:%M:%S").to_string() }
}

/// `29 Jul`, as a date is said.
pub fn said(date: NaiveDate) -> String {
    date.format("%-d %b").to_string()
}

/// `Saturday`.
pub fn weekday(date: NaiveDate) -> &'static str {
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
        [date.weekday().num_days_from_monday() as usize]
}

/// `11.2 %` from a ratio.
pub fn percent(ratio: f64, digits: usize) -> String {
    format!("{:.digits$} %", ratio * 100.0)
}

/// Whole dollars: `$12,345`.
pub fn dollars(value: f64) -> String {
    format!("${}", count(value.max(0.0).round() as u64))
}

/// Per mille of a whole, between 0 and 1000; 0 when the whole is 0.
pub fn permille(part: u64, whole: u64) -> u16 {
    if whole == 0 { 0 } else { (u128::from(part.min(whole)) * 1000 / u128::from(whole)) as u16 }
}

fn at(ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(ms).single().unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (n, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (151_681, "151,681"), (1_234_567, "1,234,567")]
        {
            assert_eq!(count(n), expected);
        }
        for (n, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 KB"),
            (14_800, "14.8 KB"),
            (999_949, "1000 KB"),
            (999_950, "1.00 MB"),
            (32_600_000, "32.6 MB"),
            (151_000_000, "151 MB"),
            (2_540_000_000, "2.54 GB"),
        ] {
            assert_eq!(bytes(n), expected, "{n}");
        }
        for (s, expected) in [(0.0, "0.00"), (0.414, "0.41"), (9.994, "9.99"), (12.34, "12.3"), (107.2, "107")] {
            assert_eq!(seconds(s), expected);
        }
        assert_eq!(plural(1, "day"), "1 day");
        assert_eq!(plural(2, "day"), "2 days");
        assert_eq!(plural(3, "entry"), "3 entries");
        assert_eq!(change(1987), "+1,987");
        assert_eq!(duration(125_000), "2:05 min");
        assert_eq!(permille(1, 0), 0);
        assert_eq!(permille(5, 4), 1000);
    }
}
