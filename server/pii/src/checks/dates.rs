//! Dates as people write them.

/// A date's year, where the text is a date and nothing but a date (a midnight behind it does not count).
pub(crate) fn date_like(text: &str) -> Option<i32> {
    let text = text.trim();
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) if time.contains(':') && day.len() >= 6 => (day, Some(time)),
        _ => (text, None),
    };
    if time.is_some_and(|time| {
        time.bytes().any(|b| (b'1'..=b'9').contains(&b))
            && !time.starts_with("12:00:00 AM")
            && !time.starts_with("00:00")
    }) {
        return None;
    }
    if day.len() < 6 || day.len() > 20 {
        return None;
    }
    if day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit()) {
        let number = |range: std::ops::Range<usize>| day.get(range).and_then(|part| part.parse::<i32>().ok());
        let ymd = number(0..4).filter(|year| (1850..2100).contains(year)).zip(number(4..6)).zip(number(6..8));
        return ymd
            .filter(|((_, month), day)| (1..=12).contains(month) && (1..=31).contains(day))
            .map(|((year, _), _)| year);
    }
    let parts: Vec<&str> = day.split(['-', '/', '.', ' ', ',']).filter(|part| !part.is_empty()).collect();
    let &[a, b, c] = parts.as_slice() else { return None };
    let number = |text: &str| {
        (text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<i32>().ok()).flatten()
    };
    let day_of = |text: &str| {
        number(text.trim_end_matches(|c: char| c.is_ascii_alphabetic())).filter(|day| (1..=31).contains(day))
    };
    let month_of = |text: &str| {
        const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        let lower = text.to_ascii_lowercase();
        number(text)
            .filter(|month| (1..=12).contains(month))
            .or_else(|| MONTHS.iter().zip(1..).find(|(name, _)| lower.starts_with(**name)).map(|(_, month)| month))
    };
    let year_of = |text: &str| {
        let year = number(text)?;
        match text.len() {
            4 if (1850..2100).contains(&year) => Some(year),
            2 => Some(if year > 26 { 1900 + year } else { 2000 + year }),
            _ => None,
        }
    };
    let ymd = || (a.len() == 4).then(|| year_of(a)).flatten().filter(|_| month_of(b).is_some() && day_of(c).is_some());
    let dmy = || year_of(c).filter(|_| day_of(a).is_some() && month_of(b).is_some());
    let mdy = || year_of(c).filter(|_| month_of(a).is_some() && day_of(b).is_some());
    ymd().or_else(dmy).or_else(mdy)
}

/// The year of birth that the text says: a date, a year, or year and month.
pub(crate) fn birth_date(text: &str) -> Option<i32> {
    let plausible = |year: &i32| (1890..=2026).contains(year);
    let text = text.trim();
    let short = text.strip_suffix(".0").unwrap_or(text);
    if short.len() == 4 {
        return short.parse().ok().filter(plausible);
    }
    if let Some((year, month)) = text.split_once(['-', '/']).filter(|_| text.len() <= 7) {
        let (year, month) = if year.len() == 4 { (year, month) } else { (month, year) };
        let months = month.parse::<u8>().is_ok_and(|month| (1..=12).contains(&month));
        return year.parse().ok().filter(|year| months && plausible(year));
    }
    date_like(text).filter(plausible)
}
