//! The map of countries, and of the cities that are known. Shapes stand in `/world.svg`; this is where and how strong.

use std::collections::HashMap;
use std::sync::OnceLock;

use app::wire::{MapShape, MapSpot, MapView};
use serde::Deserialize;

use super::filter::{Filter, Measure};
use crate::format;
use crate::views::numbers::{Rows, number, whole};

/// Fewer sessions give no rate worth a colour.
const FEWEST: u64 = 30;
/// Shades, from the faintest.
const SHADES: u8 = 5;
/// A zoomed map shows at least so much of the world, in its units.
const NARROWEST: f64 = 40.0;

#[derive(Deserialize)]
struct World {
    width: f64,
    height: f64,
    countries: Vec<Country>,
    cities: Vec<City>,
}

#[derive(Deserialize)]
struct Country {
    id: String,
    name: String,
    x: f64,
    y: f64,
    #[serde(rename = "box")]
    frame: [f64; 4],
    shape: bool,
}

#[derive(Deserialize)]
struct City {
    country: String,
    region: String,
    city: String,
    x: f64,
    y: f64,
}

/// Made by scripts/map/build.mjs from Natural Earth.
fn world() -> Option<&'static World> {
    static WORLD: OnceLock<Option<World>> = OnceLock::new();
    // A test reads the checked-in file.
    WORLD.get_or_init(|| serde_json::from_str(include_str!("../world.json")).ok()).as_ref()
}

/// Sessions, revenue and sessions with an order, of one place.
#[derive(Clone, Copy)]
struct Place {
    sessions: u64,
    revenue: f64,
    converting: u64,
}

impl Place {
    /// From the three columns that begin at `at`.
    fn read(row: &[Option<String>], at: usize) -> Place {
        Place {
            sessions: whole(row.get(at)),
            revenue: number(row.get(at + 1)).unwrap_or(0.0),
            converting: whole(row.get(at + 2)),
        }
    }

    fn value(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::Sessions => Some(self.sessions as f64),
            Measure::Revenue => Some(self.revenue),
            Measure::Conversion => (self.sessions >= FEWEST).then(|| self.converting as f64 / self.sessions as f64),
        }
    }

    fn words(&self, name: &str) -> String {
        let rate = match self.value(Measure::Conversion) {
            Some(rate) => format!("{} conversion", format::percent(rate, 2)),
            None => "too few sessions for a rate".to_owned(),
        };
        format!("{name}: {}, {}, {rate}", format::plural(self.sessions, "session"), format::dollars(self.revenue))
    }
}

/// 1 to [`SHADES`] on a scale of magnitudes (half, a fifth, a twentieth, a hundredth of the most), 0 for nothing. Rates differ
/// little, so theirs is linear.
fn shade(value: f64, most: f64, measure: Measure) -> u8 {
    if value <= 0.0 || most <= 0.0 {
        return 0;
    }
    let share = value / most;
    if measure == Measure::Conversion {
        return ((share * f64::from(SHADES)).ceil() as u8).clamp(1, SHADES);
    }
    [0.01, 0.05, 0.2, 0.5].iter().fold(1, |level, bound| level + u8::from(share >= *bound))
}

/// The map of what the filter leaves; of one country, with its cities, when the filter names one.
pub(super) fn map(filter: &Filter, countries: &Rows, cities: &Rows) -> Option<MapView> {
    let world = world()?;
    let measure = filter.measure;
    let places: HashMap<&str, Place> =
        countries.iter().filter_map(|row| Some((row.first()?.as_deref()?, Place::read(row, 1)))).collect();
    let values = |places: &mut dyn Iterator<Item = &Place>| places.filter_map(|p| p.value(measure)).fold(0.0, f64::max);
    let most = values(&mut places.values());
    let zoomed = filter.country.as_ref().and_then(|name| world.countries.iter().find(|c| c.name == *name));
    let (mut shapes, mut spots) = (Vec::new(), Vec::new());
    for country in &world.countries {
        let place = places.get(country.name.as_str());
        // The country that is zoomed to is the ground that its cities stand on.
        let ground = zoomed.is_some_and(|zoomed| zoomed.id == country.id);
        let shade = |value| if ground { 1 } else { shade(value, most, measure) };
        let level = place.and_then(|p| p.value(measure)).map_or(0, shade);
        let words = place.map_or_else(|| format!("{}: no sessions", country.name), |p| p.words(&country.name));
        let href = place.map(|_| filter.with(|f| f.country = Some(country.name.clone())).address("/report"));
        if country.shape {
            shapes.push(MapShape { id: country.id.clone(), level, words, href });
        } else if place.is_some() && zoomed.is_none() {
            spots.push(MapSpot {
                x: coordinate(country.x),
                y: coordinate(country.y),
                r: "3".into(),
                level,
                words,
                href,
            });
        }
    }
    let frame = zoomed.map_or([0.0, 0.0, world.width, world.height], |country| framed(country, world));
    let mut unknown = 0;
    if let Some(country) = zoomed {
        let known: Vec<(&City, Place)> = cities
            .iter()
            .filter_map(|row| {
                let text = |at: usize| row.get(at).and_then(|v| v.as_deref()).unwrap_or("(not set)");
                let city = world
                    .cities
                    .iter()
                    .find(|c| c.country == country.name && c.city == text(2) && c.region == text(1))
                    .or_else(|| world.cities.iter().find(|c| c.country == country.name && c.city == text(2)))?;
                Some((city, Place::read(row, 3)))
            })
            .collect();
        let largest = known.iter().map(|(_, place)| place.sessions).max().unwrap_or(0).max(1);
        let most = values(&mut known.iter().map(|(_, place)| place));
        // A radius of a 40th of the picture at most; the area is the number of sessions.
        let unit = (frame[2] - frame[0]) / 40.0;
        for (city, place) in &known {
            let r = (place.sessions as f64 / largest as f64).sqrt() * unit;
            spots.push(MapSpot {
                x: coordinate(city.x),
                y: coordinate(city.y),
                r: coordinate(r.max(unit / 6.0)),
                level: place.value(measure).map_or(1, |value| shade(value, most, measure).max(1)),
                words: place.words(&city.city),
                href: None,
            });
        }
        let all = places.get(country.name.as_str()).map_or(0, |p| p.sessions);
        unknown = all.saturating_sub(known.iter().map(|(_, place)| place.sessions).sum());
    }
    let word = Measure::ALL.iter().find(|(m, ..)| *m == measure).map_or("", |(_, _, word)| word);
    let label = match (zoomed, spots.len()) {
        (Some(country), n) => format!(
            "{word} in {}: {} known{}",
            country.name,
            cities_words(n),
            if unknown > 0 {
                format!(", {} without a city", format::plural(unknown, "session"))
            } else {
                String::new()
            }
        ),
        (None, _) => match top(&places, measure) {
            Some((name, place)) => format!("{word} by country. Most: {}", place.words(name)),
            None => format!("{word} by country: nothing in this filter"),
        },
    };
    Some(MapView {
        title: zoomed.map_or_else(|| "Map".to_owned(), |country| country.name.clone()),
        label,
        view_box: format!(
            "{} {} {} {}",
            coordinate(frame[0]),
            coordinate(frame[1]),
            coordinate(frame[2] - frame[0]),
            coordinate(frame[3] - frame[1])
        ),
        measures: Measure::ALL
            .iter()
            .map(|(m, _, word)| ((*word).to_owned(), filter.with(|f| f.measure = *m).address("/report"), *m == measure))
            .collect(),
        back: zoomed.map(|_| filter.with(|f| f.country = None).address("/report")),
        shapes,
        spots,
    })
}

fn cities_words(n: usize) -> String {
    if n == 1 { "1 city is".into() } else { format!("{n} cities are") }
}

fn top<'a>(places: &HashMap<&'a str, Place>, measure: Measure) -> Option<(&'a str, Place)> {
    let ranked = places.iter().filter_map(|(name, place)| Some((*name, *place, place.value(measure)?)));
    // By name where two are equal, so that the page says the same each time.
    ranked.max_by(|a, b| a.2.total_cmp(&b.2).then_with(|| b.0.cmp(a.0))).map(|(name, place, _)| (name, place))
}

/// The country's box with some room, in the shape of the map's picture, and never so narrow that its outline means nothing.
fn framed(country: &Country, world: &World) -> [f64; 4] {
    let [x0, y0, x1, y1] = country.frame;
    let ratio = world.width / world.height;
    let width = ((x1 - x0) * 1.2).max((y1 - y0) * 1.2 * ratio).max(NARROWEST).min(world.width);
    let (x, y) = ((x0 + x1) / 2.0, (y0 + y1) / 2.0);
    [x - width / 2.0, y - width / ratio / 2.0, x + width / 2.0, y + width / ratio / 2.0]
}

fn coordinate(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn row(values: &[&str]) -> Vec<Option<String>> {
        values.iter().map(|v| Some((*v).to_owned())).collect()
    }

    fn rows() -> Rows {
        Arc::new(vec![
            row(&["United States", "1000", "5000.5", "20"]),
            row(&["United Kingdom", "300", "100", "9"]),
            row(&["Singapore", "40", "0", "0"]),
            row(&["Nowhere", "5", "0", "0"]),
        ])
    }

    #[test]
    fn the_world_is_read_and_known_cities_lie_where_they_lie() {
        let world = world().expect("world.json");
        let city = |name: &str| world.cities.iter().find(|c| c.city == name).expect(name);
        let (london, york, sydney) = (city("London"), city("New York"), city("Sydney"));
        assert!(york.x < london.x && london.x < sydney.x, "west to east");
        assert!(london.y < york.y && york.y < sydney.y, "north to south");
        for city in &world.cities {
            let home = world.countries.iter().find(|c| c.name == city.country).expect(&city.country);
            let [x0, y0, x1, y1] = home.frame;
            let room = 6.0;
            let inside = (x0 - room..=x1 + room).contains(&city.x) && (y0 - room..=y1 + room).contains(&city.y);
            assert!(inside, "{} lies outside of {}", city.city, city.country);
        }
        let shapes = include_str!("../../../../public/world.svg");
        for country in world.countries.iter().filter(|c| c.shape) {
            assert!(shapes.contains(&format!("<path id=\"{}\"", country.id)), "{}", country.name);
        }
    }

    #[test]
    fn shades_follow_the_measure() {
        for (value, most, measure, level) in [
            (0.0, 10.0, Measure::Sessions, 0),
            (1.0, 1000.0, Measure::Sessions, 1),
            (60.0, 1000.0, Measure::Revenue, 3),
            (1000.0, 1000.0, Measure::Sessions, 5),
            (0.02, 0.1, Measure::Conversion, 1),
            (0.1, 0.1, Measure::Conversion, 5),
        ] {
            assert_eq!(shade(value, most, measure), level, "{value} of {most}");
        }
        let few = Place { sessions: FEWEST - 1, revenue: 0.0, converting: 3 };
        assert_eq!(few.value(Measure::Conversion), None);
    }

    #[test]
    fn a_country_is_zoomed_to_with_its_cities() {
        let whole_world = map(&Filter::default(), &rows(), &Arc::default()).expect("a map");
        let shade_of = |id: &str| whole_world.shapes.iter().find(|s| s.id == id).map(|s| s.level);
        assert_eq!((shade_of("USA"), shade_of("GBR"), shade_of("FRA")), (Some(5), Some(4), Some(0)));
        assert!(whole_world.view_box.starts_with("0 0 1000 "), "{}", whole_world.view_box);
        assert!(whole_world.spots.iter().any(|s| s.words.starts_with("Singapore: 40 sessions")));
        assert!(whole_world.back.is_none());

        let filter = Filter { country: Some("United Kingdom".into()), ..Filter::default() };
        let cities = Arc::new(vec![row(&["United Kingdom", "England", "London", "200", "90", "8"])]);
        let zoomed = map(&filter, &rows(), &cities).expect("a map");
        assert_eq!(zoomed.spots.len(), 1);
        assert!(zoomed.shapes.iter().all(|s| s.id != "GBR" || s.level == 1), "the ground is not as bright as a city");
        assert!(zoomed.label.contains("1 city is known, 100 sessions without a city"), "{}", zoomed.label);
        assert_eq!(zoomed.back.as_deref(), Some("/report"));
        let spot = &zoomed.spots[0];
        let frame: Vec<f64> = zoomed.view_box.split(' ').map(|n| n.parse().unwrap()).collect();
        let (x, y): (f64, f64) = (spot.x.parse().unwrap(), spot.y.parse().unwrap());
        assert!(x > frame[0] && x < frame[0] + frame[2] && y > frame[1] && y < frame[1] + frame[3]);
    }
}
