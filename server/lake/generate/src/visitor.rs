//! The population: who visits on which day.
//!
//! Each day a number of visitors is 'born' (comes for the first time). All a visitor ever does
//! follows from one number, the hash of seed, day of birth and index, including the days of the
//! later visits. A day's sessions are therefore found by walking the births of the last
//! [`HORIZON`] days, without generating any other day, and the visit numbers agree between days.

use chrono::{Days, NaiveDate};

use crate::audience::{Category, Channel, Device, Source};
use crate::calendar::{busyness, day_length, day_number, second_of_day};
use crate::geo::{City, Country};
use crate::random::{Random, hash};

/// Visitors come back within this many days or never.
pub(crate) const HORIZON: u64 = 45;
/// Of the day's sessions, the share that is a visitor's first; the rest are later visits.
const FIRST_VISITS: f64 = 0.815;
/// Days between two visits, the short ones more often.
const GAPS: [u32; 16] = [0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 11, 14, 19];
/// A session begins at the latest this many seconds before the day ends.
const LAST_START: u32 = 900;

/// One session to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visit {
    /// The visitor's number.
    pub(crate) visitor: u64,
    pub(crate) born: NaiveDate,
    /// `visitNumber`, from 1 for the visitors whose first visit is in the data.
    pub(crate) number: u32,
    /// The visitor was already here earlier on the same day.
    pub(crate) again: bool,
}

/// What stays the same between a visitor's visits.
#[derive(Debug)]
pub(crate) struct Visitor {
    /// 16 to 19 digits, padded with zeros on the left to its length.
    pub(crate) id: String,
    /// Absent for visitors whose browser sends none.
    pub(crate) client_id: Option<String>,
    pub(crate) country: &'static Country,
    pub(crate) city: City,
    pub(crate) network: &'static str,
    pub(crate) device: Device,
    pub(crate) channel: Channel,
    pub(crate) source: Source,
    /// Looks longer, comes back more often and buys more often.
    pub(crate) keen: bool,
}

/// All visits of a day, ordered by birth and index.
pub(crate) fn visits_on(seed: u64, sessions_per_day: u32, date: NaiveDate) -> Vec<Visit> {
    let mut visits = Vec::new();
    for age in (0..=HORIZON).rev() {
        let Some(born) = date.checked_sub_days(Days::new(age)) else {
            continue;
        };
        let births = (f64::from(sessions_per_day) * FIRST_VISITS * busyness(seed, born)) as u64;
        for index in 0..births {
            let visitor = hash(&[seed, 2, day_number(born), index]);
            for_each_visit(seed, visitor, born, |visit, day| {
                if day == date {
                    visits.push(visit);
                }
            });
        }
    }
    visits
}

/// Calls back for each visit of a visitor with its day, in order.
fn for_each_visit(seed: u64, visitor: u64, born: NaiveDate, mut each: impl FnMut(Visit, NaiveDate)) {
    let mut random = Random::new(hash(&[visitor, 3]));
    // Some were here before the data began.
    let before = if random.chance(0.045) { random.range(1, 25) } else { 0 };
    let mut visit = Visit { visitor, born, number: before + 1, again: false };
    each(visit, born);
    let mut comes_back = if is_keen(visitor) { 0.36 } else { 0.10 };
    let mut day = born;
    while random.chance(comes_back) {
        comes_back = 0.45;
        // Two sessions on one day at most, so that the second knows when the first was.
        let gap = (random.pick(&GAPS)).max(u32::from(visit.again));
        let Some(next) = day.checked_add_days(Days::new(u64::from(gap))) else {
            return;
        };
        if next.signed_duration_since(born).num_days() as u64 > HORIZON {
            return;
        }
        // As rare at weekends as first visits are.
        if gap > 0 && !random.chance(busyness_cap(seed, next)) {
            continue;
        }
        visit.number += 1;
        visit.again = next == day;
        day = next;
        each(visit, day);
    }
}

fn busyness_cap(seed: u64, date: NaiveDate) -> f64 {
    busyness(seed, date).min(1.0)
}

fn is_keen(visitor: u64) -> bool {
    visitor % 100 < 15
}

impl Visit {
    /// Second of the local day at which the session begins.
    pub(crate) fn start(&self, date: NaiveDate, visitor: &Visitor) -> u32 {
        let latest = day_length(date) - LAST_START;
        let at = |number: u32| {
            let mut random = Random::new(hash(&[self.visitor, 4, u64::from(number)]));
            second_of_day(&mut random, visitor.country.zone.ahead).min(latest)
        };
        if self.again {
            let first = at(self.number - 1);
            let mut random = Random::new(hash(&[self.visitor, 5, u64::from(self.number)]));
            first + LAST_START / 2 + random.below((latest - first).min(4 * 3_600) + 1)
        } else {
            at(self.number)
        }
    }

    /// The stream for what happens in this session.
    pub(crate) fn random(&self) -> Random {
        Random::new(hash(&[self.visitor, 6, u64::from(self.number)]))
    }
}

impl Visitor {
    pub(crate) fn of(visit: &Visit) -> Self {
        let mut random = Random::new(hash(&[visit.visitor, 7]));
        let country = Country::draw(&mut random);
        let channel = Channel::draw(&mut random);
        let digits = match random.below(100) {
            0..2 => 16,
            2..4 => 17,
            4..14 => 18,
            _ => 19,
        };
        let number = visit.visitor % 10u64.pow(digits);
        let born = crate::calendar::midnight(visit.born);
        let client_id = random.chance(0.8).then(|| {
            let browser = random.range(100_000_000, 2_147_483_647);
            format!("{browser}.{}", born + i64::from(random.below(86_400)))
        });
        Self {
            id: format!("{number:0width$}", width = digits as usize),
            client_id,
            country,
            city: country.draw_city(&mut random),
            network: country.draw_network(&mut random),
            device: Device::draw(&mut random),
            channel,
            source: Source::draw(channel, &mut random),
            keen: is_keen(visit.visitor),
        }
    }

    /// Whether the planted finding is about this visitor.
    pub(crate) fn in_finding(&self) -> bool {
        self.country.name == crate::finding::COUNTRY && self.device.category == Category::Mobile
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::calendar::ymd;

    #[test]
    fn visit_numbers_rise_by_one_from_day_to_day() {
        let mut last: BTreeMap<u64, u32> = BTreeMap::new();
        let mut returned = 0;
        for date in ymd(2017, 6, 1).iter_days().take(30) {
            let mut visits = visits_on(3, 100, date);
            visits.sort_by_key(|visit| (visit.visitor, visit.number));
            for visit in visits {
                if let Some(before) = last.insert(visit.visitor, visit.number) {
                    assert_eq!(visit.number, before + 1, "{visit:?}");
                    returned += 1;
                }
            }
        }
        assert!(returned > 200, "{returned}");
    }

    #[test]
    fn second_session_of_a_day_begins_after_the_first() {
        let date = ymd(2017, 6, 1);
        let visits = visits_on(3, 2_000, date);
        let mut again = 0;
        for second in visits.iter().filter(|visit| visit.again) {
            let visitor = Visitor::of(second);
            let first = visits.iter().find(|v| v.visitor == second.visitor && v.number + 1 == second.number).unwrap();
            let (first, second) = (first.start(date, &visitor), second.start(date, &visitor));
            assert!(first < second && second < day_length(date));
            again += 1;
        }
        assert!(again > 5, "{again}");
    }

    #[test]
    fn identities_have_16_to_19_digits() {
        let visits = visits_on(3, 2_000, ymd(2017, 6, 1));
        let ids: Vec<_> = visits.iter().map(|visit| Visitor::of(visit).id).collect();
        assert!(ids.iter().all(|id| (16..=19).contains(&id.len())));
        assert!(ids.iter().any(|id| id.starts_with('0')));
    }
}
