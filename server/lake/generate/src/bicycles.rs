//! The second dataset: public bicycles of London. Stations with their place, and the hires of a day in the columns of Google's public
//! table, deliberately dirty, with what was made dirty known.
//!
//! Districts and their middles are geography; streets, stations and hires are made up.

use std::fmt::Write;

use chrono::{Days, NaiveDate};

use crate::random::{Random, hash};

/// The dataset of the stations.
pub const STATIONS: &str = "london_cycle_stations";
/// The dataset of the hires.
pub const HIRES: &str = "london_cycle_hire";
/// Stations that there are.
pub const STATION_COUNT: u32 = 160;
/// Hires on a weekday; weekends have three quarters of it.
pub const HIRES_PER_DAY: u32 = 3_000;

/// Districts with their middle.
const DISTRICTS: [(&str, f64, f64); 16] = [
    ("Soho", 51.5136, -0.1316),
    ("Clerkenwell", 51.5246, -0.1054),
    ("Southwark", 51.5028, -0.0877),
    ("Shoreditch", 51.5265, -0.0798),
    ("Camden Town", 51.5390, -0.1426),
    ("Chelsea", 51.4875, -0.1687),
    ("Kensington", 51.5010, -0.1932),
    ("Westminster", 51.4975, -0.1357),
    ("Islington", 51.5380, -0.1010),
    ("Hackney", 51.5450, -0.0553),
    ("Vauxhall", 51.4861, -0.1229),
    ("Battersea", 51.4746, -0.1547),
    ("Marylebone", 51.5206, -0.1527),
    ("Whitechapel", 51.5195, -0.0600),
    ("Bermondsey", 51.4979, -0.0637),
    ("Fulham", 51.4727, -0.2026),
];
const STREETS: [&str; 10] = [
    "Mill Lane",
    "Station Road",
    "Church Street",
    "Market Place",
    "Park View",
    "Bridge Street",
    "Garden Walk",
    "School Lane",
    "King's Yard",
    "Canal Row",
];
const MODELS: [&str; 2] = ["CLASSIC", "PBSC_EBIKE"];

/// What was done to a day of hires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dirt {
    /// Lines of the file, without its header.
    pub lines: u64,
    /// Lines whose duration is no number.
    pub no_number: u64,
    /// Lines of another day.
    pub other_day: u64,
    /// Lines with a cell too few.
    pub torn: u64,
    /// Hires that stand in the file twice.
    pub repeated: u64,
    /// Names with blanks around them.
    pub padded: u64,
    /// Names of blanks only.
    pub blank: u64,
}

impl Dirt {
    /// Lines that no table can take.
    pub fn held_back(&self) -> u64 {
        self.no_number + self.other_day + self.torn
    }

    /// Hires that are left when each is there once.
    pub fn hires(&self) -> u64 {
        self.lines - self.held_back() - self.repeated
    }
}

fn station(id: u32, seed: u64) -> (String, f64, f64, Random) {
    let mut random = Random::new(hash(&[seed, 7, u64::from(id)]));
    let (district, latitude, longitude) = DISTRICTS[(id as usize - 1) % DISTRICTS.len()];
    let street = STREETS[(id as usize - 1) / DISTRICTS.len() % STREETS.len()];
    let place = |middle: f64, random: &mut Random| middle + (random.unit() - 0.5) * 0.014;
    let (latitude, longitude) = (place(latitude, &mut random), place(longitude, &mut random));
    (format!("{street}, {district}"), latitude, longitude, random)
}

/// The stations as they are on any day, in the columns of Google's `cycle_stations`.
pub fn stations_csv(seed: u64) -> String {
    let mut text = "id,installed,latitude,locked,longitude,name,bikes_count,docks_count,nbEmptyDocks,temporary,terminal_name,install_date,removal_date\n".to_owned();
    let from = NaiveDate::from_ymd_opt(2010, 7, 1).unwrap_or_default();
    for id in 1..=STATION_COUNT {
        let (name, latitude, longitude, mut random) = station(id, seed);
        let docks = random.range(12, 42);
        let bikes = random.below(docks + 1);
        let since = from + Days::new(random.below(2_000).into());
        let locked = random.chance(0.02);
        let _ = writeln!(
            text,
            "{id},true,{latitude:.6},{locked},{longitude:.6},\"{name}\",{bikes},{docks},{},false,{:06},{since},",
            docks - bikes,
            1_000 + id
        );
    }
    text
}

/// The hires of a day, in the columns of Google's `cycle_hire`, and what is wrong with them. The same for the same seed and day.
pub fn hires_csv(seed: u64, date: NaiveDate) -> (String, Dirt) {
    let mut text = "rental_id,duration,duration_ms,bike_id,bike_model,end_date,end_station_id,end_station_name,start_date,start_station_id,start_station_name,end_station_logical_terminal,start_station_logical_terminal,end_station_priority_id\n".to_owned();
    let day = u64::from(date.signed_duration_since(NaiveDate::default()).num_days().unsigned_abs() as u32);
    let mut random = Random::new(hash(&[seed, 8, day]));
    let weekend = matches!(chrono::Datelike::weekday(&date), chrono::Weekday::Sat | chrono::Weekday::Sun);
    let count = if weekend { HIRES_PER_DAY * 3 / 4 } else { HIRES_PER_DAY };
    let mut dirt = Dirt::default();
    for n in 0..count {
        let hire = Hire::new(seed, day, n, weekend, &mut random);
        let kind = random.below(1_000);
        let line = match kind {
            0..4 => {
                dirt.no_number += 1;
                hire.line("n/a", date, &hire.from_name)
            }
            4..7 => {
                dirt.other_day += 1;
                hire.line(&hire.seconds.to_string(), date - Days::new(1), &hire.from_name)
            }
            7..9 => {
                dirt.torn += 1;
                let whole = hire.line(&hire.seconds.to_string(), date, &hire.from_name);
                whole.rsplit_once(',').map(|(line, _)| line.to_owned()).unwrap_or(whole)
            }
            9..29 => {
                dirt.padded += 1;
                hire.line(&hire.seconds.to_string(), date, &format!("  {} ", hire.from_name))
            }
            29..34 => {
                dirt.blank += 1;
                hire.line(&hire.seconds.to_string(), date, "  ")
            }
            _ => hire.line(&hire.seconds.to_string(), date, &hire.from_name),
        };
        // Twice as the source's retries do it: the same line once more.
        let twice = kind >= 34 && random.below(1_000) < 8;
        for _ in 0..=u32::from(twice) {
            text.push_str(&line);
            text.push('\n');
            dirt.lines += 1;
        }
        dirt.repeated += u64::from(twice);
    }
    (text, dirt)
}

struct Hire {
    id: u64,
    seconds: u32,
    bike: u32,
    model: &'static str,
    begin: u32,
    from: u32,
    to: u32,
    from_name: String,
    to_name: String,
}

impl Hire {
    fn new(seed: u64, day: u64, n: u32, weekend: bool, random: &mut Random) -> Hire {
        // People ride to work and back; at the weekend in the afternoon.
        let peaks: [u32; 24] = if weekend {
            [4, 3, 2, 1, 1, 2, 4, 8, 14, 24, 34, 44, 52, 56, 58, 56, 52, 44, 36, 28, 20, 16, 12, 8]
        } else {
            [3, 2, 1, 1, 1, 4, 18, 52, 84, 46, 26, 26, 30, 30, 28, 32, 48, 86, 78, 46, 28, 20, 14, 8]
        };
        let hour = random.weighted(peaks.into_iter()) as u32;
        let begin = hour * 3_600 + random.below(3_600);
        let electric = random.chance(0.12);
        let seconds = random.range(3, 25) * 60 + random.range(0, 4) * 60 * if weekend { 6 } else { 2 };
        let (from, to) = (1 + random.below(STATION_COUNT), 1 + random.below(STATION_COUNT));
        Hire {
            id: 60_000_000 + day * 10_000 + u64::from(n),
            seconds,
            bike: 1 + random.below(12_000),
            model: MODELS[usize::from(electric)],
            begin,
            from,
            to,
            from_name: station(from, seed).0,
            to_name: station(to, seed).0,
        }
    }

    fn line(&self, duration: &str, date: NaiveDate, from_name: &str) -> String {
        let at = |seconds: u32| {
            let (date, seconds) = (date + Days::new((seconds / 86_400).into()), seconds % 86_400);
            format!("{date} {:02}:{:02}:{:02} UTC", seconds / 3_600, seconds / 60 % 60, seconds % 60)
        };
        format!(
            "{},{duration},{},{},{},{},{},\"{}\",{},{},\"{from_name}\",{},{},{}",
            self.id,
            u64::from(self.seconds) * 1_000,
            self.bike,
            self.model,
            at(self.begin + self.seconds),
            self.to,
            self.to_name,
            at(self.begin),
            self.from,
            1_000 + self.to,
            1_000 + self.from,
            self.to % 2
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_same_each_time_and_says_what_is_wrong_with_it() {
        let date = NaiveDate::from_ymd_opt(2017, 7, 29).unwrap();
        let (text, dirt) = hires_csv(1, date);
        assert_eq!((&text, &dirt), (&hires_csv(1, date).0, &hires_csv(1, date).1));
        assert_ne!(text, hires_csv(2, date).0);
        assert_eq!(text.lines().count() as u64, dirt.lines + 1);
        assert!(dirt.no_number > 0 && dirt.other_day > 0 && dirt.torn > 0 && dirt.repeated > 0, "{dirt:?}");
        assert!(dirt.padded > 0 && dirt.blank > 0, "{dirt:?}");
        let stations = stations_csv(1);
        assert_eq!(stations.lines().count() as u32, STATION_COUNT + 1);
        let names: std::collections::HashSet<_> = stations.lines().skip(1).map(|l| l.split('"').nth(1)).collect();
        assert_eq!(names.len() as u32, STATION_COUNT, "no two stations have one name");
    }
}
