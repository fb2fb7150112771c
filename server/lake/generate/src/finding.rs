//! The finding that is planted in the data for the story to tell.
//!
//! Of the sessions of mobile devices in the United Kingdom that start the checkout, 38 % place an
//! order until 13 July 2017, and 11 % from 14 July on. They are one checkout in seven, and
//! checkouts on desktops in the United States improve a little on the same day, so the share of
//! all checkouts hardly moves.
//!
//! Which checkouts complete is not left to chance alone: within each cohort (this segment,
//! desktops in the United States, the rest) completions are spread evenly over the day's
//! checkouts by a running quota whose start differs from day to day. The shares therefore hold
//! closely over weeks, also at small scales, while each day still differs by the rounding.

use chrono::NaiveDate;

use crate::audience::Category;
use crate::calendar::{day_number, ymd};
use crate::random::hash;
use crate::visitor::Visitor;

/// `geoNetwork.country` of the segment.
pub const COUNTRY: &str = "United Kingdom";
/// `device.deviceCategory` of the segment.
pub const CATEGORY: &str = "mobile";
/// First day on which fewer checkouts complete.
pub const FROM: NaiveDate = ymd(2017, 7, 14);
/// Share of the segment's checkouts that complete before [`FROM`].
pub const COMPLETION_BEFORE: f64 = 0.38;
/// Share of the segment's checkouts that complete from [`FROM`] on.
pub const COMPLETION_AFTER: f64 = 0.11;

/// Completion on desktops in the United States, before and from [`FROM`].
const US_DESKTOP: [f64; 2] = [0.36, 0.41];
/// Completion everywhere else, all the time.
const REST: f64 = 0.34;

/// Decides for a day's checkouts, one after the other, which complete.
#[derive(Debug)]
pub(crate) struct Quotas {
    segment: Quota,
    us_desktop: Quota,
    rest: Quota,
}

impl Quotas {
    pub(crate) fn new(seed: u64, date: NaiveDate) -> Self {
        let after = date >= FROM;
        let quota = |cohort: u64, rate: f64| Quota::new(seed, cohort, date, rate);
        Self {
            segment: quota(1, if after { COMPLETION_AFTER } else { COMPLETION_BEFORE }),
            us_desktop: quota(2, US_DESKTOP[usize::from(after)]),
            rest: quota(3, REST),
        }
    }

    /// Whether the visitor's checkout completes.
    pub(crate) fn completes(&mut self, visitor: &Visitor) -> bool {
        let us = visitor.country.name == "United States";
        let quota = if visitor.in_finding() {
            &mut self.segment
        } else if us && visitor.device.category == Category::Desktop {
            &mut self.us_desktop
        } else {
            &mut self.rest
        };
        quota.next()
    }
}

/// Says yes `rate` of the time, as evenly as possible.
#[derive(Debug)]
struct Quota {
    rate: f64,
    sum: f64,
}

impl Quota {
    /// The sum starts at another fraction each day, golden-ratio steps apart, so that over any
    /// run of days the roundings cancel out.
    fn new(seed: u64, cohort: u64, date: NaiveDate, rate: f64) -> Self {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let phase = hash(&[seed, 8, cohort]).wrapping_add(day_number(date).wrapping_mul(STEP));
        Self { rate, sum: (phase >> 11) as f64 / (1u64 << 53) as f64 }
    }

    fn next(&mut self) -> bool {
        self.sum += self.rate;
        let yes = self.sum >= 1.0;
        if yes {
            self.sum -= 1.0;
        }
        yes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quota_holds_over_days_of_any_size() {
        for (rate, size) in [(0.38, 13), (0.11, 12), (0.11, 3), (0.5, 1)] {
            let mut yes = 0;
            for date in ymd(2017, 6, 1).iter_days().take(40) {
                let mut quota = Quota::new(9, 1, date, rate);
                yes += (0..size).filter(|_| quota.next()).count();
            }
            let expected = rate * f64::from(size) * 40.0;
            assert!((yes as f64 - expected).abs() < 3.0, "{rate} {size}: {yes}");
        }
    }
}
