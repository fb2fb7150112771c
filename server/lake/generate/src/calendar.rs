//! Days of the shop: Pacific time, and how busy each day is.

use chrono::{Datelike, NaiveDate, Weekday};

use crate::random::{Random, hash};

const HOUR: i64 = 3_600;

/// From this day on the export has `clientId` and `hits.product.productCouponCode`.
pub(crate) const SCHEMA_CHANGE: NaiveDate = ymd(2017, 7, 1);
/// From this day on the export fills `totals.sessionQualityDim`.
pub(crate) const QUALITY_FROM: NaiveDate = ymd(2017, 7, 4);

/// A date known to exist.
pub(crate) const fn ymd(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date that exists")
}

/// Seconds since 1970 (UTC) at which the local day begins in Los Angeles.
pub(crate) fn midnight(date: NaiveDate) -> i64 {
    let utc = date.signed_duration_since(ymd(1970, 1, 1)).num_days().saturating_mul(24 * HOUR);
    // The clocks change at two in the morning, so midnight still has the day before's offset.
    let summer = first_summer_day(date.year()) < date && date <= last_summer_day(date.year());
    utc + if summer { 7 * HOUR } else { 8 * HOUR }
}

/// Length of the local day in seconds: 23, 24 or 25 hours.
pub(crate) fn day_length(date: NaiveDate) -> u32 {
    let hours = if date == first_summer_day(date.year()) {
        23
    } else if date == last_summer_day(date.year()) {
        25
    } else {
        24
    };
    hours * 3_600
}

/// Hour and minute on the wall clock, `seconds` after the local midnight.
pub(crate) fn clock(date: NaiveDate, seconds: u32) -> (u32, u32) {
    let shifted = if seconds < 2 * 3_600 { seconds } else { (seconds + 24 * 3_600) - day_length(date) };
    ((shifted / 3_600) % 24, (shifted / 60) % 60)
}

// Daylight saving time in the United States since 2007: from the second Sunday of March to the
// first Sunday of November (Energy Policy Act of 2005).
fn first_summer_day(year: i32) -> NaiveDate {
    nth_sunday(year, 3, 2)
}

fn last_summer_day(year: i32) -> NaiveDate {
    nth_sunday(year, 11, 1)
}

fn nth_sunday(year: i32, month: u32, nth: u8) -> NaiveDate {
    NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Sun, nth).expect("each month has four Sundays")
}

/// How busy the day is, 1.0 being a mean weekday: 0.74 at weekends, less on the fourth of July,
/// and up to 7 % either way by chance.
pub(crate) fn busyness(seed: u64, date: NaiveDate) -> f64 {
    let rhythm = match date.weekday() {
        Weekday::Sat => 0.72,
        Weekday::Sun => 0.76,
        Weekday::Mon => 0.99,
        Weekday::Fri => 0.96,
        _ => 1.02,
    };
    let holiday = if (date.month(), date.day()) == (7, 4) { 0.82 } else { 1.0 };
    let mut random = Random::new(hash(&[seed, 1, day_number(date)]));
    rhythm * holiday * (0.93 + 0.14 * random.unit())
}

/// A number that is one larger for each next day.
pub(crate) fn day_number(date: NaiveDate) -> u64 {
    date.num_days_from_ce() as u64
}

/// Relative activity in each hour on the visitor's own clock.
const ACTIVITY: [u32; 24] =
    [16, 10, 7, 6, 6, 8, 14, 24, 38, 50, 56, 58, 57, 58, 58, 56, 54, 51, 48, 48, 50, 48, 38, 26];

/// A second of the local day for a visitor whose clock is `ahead` hours ahead of the shop's.
pub(crate) fn second_of_day(random: &mut Random, ahead: usize) -> u32 {
    let hour = random.weighted((0..24).map(|hour| ACTIVITY[(hour + ahead) % 24]));
    hour as u32 * 3_600 + random.below(3_600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnight_follows_daylight_saving_time() {
        let cases = [
            (ymd(2017, 6, 1), 1_496_300_400),
            (ymd(2017, 1, 1), 1_483_257_600),
            (ymd(2017, 3, 12), 1_489_305_600), // clocks go forward at two
            (ymd(2017, 3, 13), 1_489_388_400),
            (ymd(2017, 11, 5), 1_509_865_200), // and back
            (ymd(2017, 11, 6), 1_509_955_200),
        ];
        for (date, expected) in cases {
            assert_eq!(midnight(date), expected, "{date}");
            let next = date.succ_opt().unwrap();
            assert_eq!(midnight(next) - midnight(date), i64::from(day_length(date)), "{date}");
        }
    }

    #[test]
    fn clock_skips_and_repeats_an_hour() {
        assert_eq!(clock(ymd(2017, 6, 1), 86_399), (23, 59));
        assert_eq!(clock(ymd(2017, 3, 12), 2 * 3_600), (3, 0));
        assert_eq!(clock(ymd(2017, 11, 5), 3 * 3_600), (2, 0));
        assert_eq!(clock(ymd(2017, 11, 5), 2 * 3_600), (1, 0));
    }

    #[test]
    fn weekends_are_quieter() {
        let days = ymd(2017, 6, 5).iter_days().take(28);
        let (mut weekday, mut weekend) = (0.0, 0.0);
        for date in days {
            match date.weekday() {
                Weekday::Sat | Weekday::Sun => weekend += busyness(7, date) / 8.0,
                _ => weekday += busyness(7, date) / 20.0,
            }
        }
        assert!((weekend / weekday - 0.74_f64).abs() < 0.04);
    }
}
