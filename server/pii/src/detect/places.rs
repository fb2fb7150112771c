//! Cities, regions, countries, postcodes, coordinates.

use super::quasi::table;
use super::{Candidate, Looked, Sort, percent};
use crate::checks;
use crate::context::Context;
use crate::dictionary::{is_city, is_country, is_region, is_state_code};
use crate::kinds::InfoType;
use crate::profile::{Value, number};

fn place(v: &Value<'_>) -> bool {
    is_city(&v.folded) || is_country(&v.folded) || is_region(&v.folded) || checks::uk_postcode(v.text)
}

fn can_be_place(v: &Value<'_>) -> bool {
    let word = v.text.len() > 2 && v.text.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '.' | '\''));
    word || place(v) || is_state_code(&v.folded) || checks::us_zip(v.text) || number(v.text).is_some()
}

pub(super) fn location(looked: &Looked<'_>, context: &Context) -> Option<Candidate> {
    let named = looked.named(InfoType::Location);
    let profile = &looked.profile;
    let places = profile.share(place);
    let codes = profile.share(|v| is_state_code(&v.folded));
    let postcodes = profile.share(|v| checks::uk_postcode(v.text));
    let zips = profile.share(|v| checks::us_zip(v.text));
    if named == 0.0 && places < 0.4 && !(codes > 0.9 && profile.distinct >= 8) && zips < 0.8 {
        return None;
    }
    let known = places.max(codes);
    let hits = if named > 0.0 { profile.share(can_be_place) } else { known.max(zips) };
    let mut candidate = Candidate::new(InfoType::Location, hits, can_be_place);
    candidate.say_name(looked);
    form(&mut candidate, looked, [known, postcodes, zips]);
    let measure = |word: &&String| !matches!(word.as_str(), "format" | "time");
    if let Some(word) = looked.hints.other.as_ref().filter(measure) {
        candidate.say(Sort::Name, -2.5, format!("The name says '{word}'."));
    }
    let unclear = if named > 0.0 && postcodes >= 0.5 { -1.0 } else { -2.5 };
    table(&mut candidate, looked, context, [2.0, unclear, -5.0]);
    Some(candidate)
}

fn form(candidate: &mut Candidate, looked: &Looked<'_>, [known, postcodes, zips]: [f64; 3]) {
    const CODES: &[&str] = &["zip", "zipcode", "plz", "postleitzahl", "postcode", "postal", "post", "pcode", "pstcd"];
    const POINTS: &[&str] =
        &["lat", "latitude", "lon", "long", "lng", "longitude", "geo", "location", "coordinates", "geolocation"];
    let profile = &looked.profile;
    let says = |list: &[&str]| looked.hints.words.iter().any(|word| list.contains(&word.as_str()));
    let n = profile.values.len();
    let length = |v: &Value<'_>| (3..=10).contains(&v.text.len()) && v.text.bytes().any(|b| b.is_ascii_digit());
    let degrees = profile.numeric >= 0.8
        && profile.integer < 0.5
        && profile.range.is_some_and(|(low, high)| low >= -180.0 && high <= 180.0);
    let cities = format!("{} of {n} distinct values are known cities, regions or countries.", percent(known));
    if postcodes >= 0.5 {
        let sentence = format!("{} of {n} distinct values are UK postcodes.", percent(postcodes));
        candidate.say(Sort::Form, 3.0, sentence);
    } else if known >= 0.5 {
        candidate.say(Sort::Dictionary, 2.5, cities);
    } else if known >= 0.15 && profile.numeric < 0.3 {
        candidate.say(Sort::Dictionary, 1.5, cities);
    } else if says(CODES) && (zips >= 0.5 || profile.share(length) >= 0.6) {
        let sentence = format!("The values have the length of postcodes; {} have five digits.", percent(zips));
        candidate.say(Sort::Form, 2.0, sentence);
    } else if zips >= 0.8 && looked.hints.meaningless {
        candidate.say(Sort::Form, 1.0, format!("{} have five digits, as US postcodes have.", percent(zips)));
    } else if says(POINTS) && degrees {
        candidate.say(Sort::Form, 2.0, "The numbers are degrees.");
    } else if profile.numeric >= 0.5 {
        candidate.say(Sort::Form, -3.0, format!("{} of the values are numbers.", percent(profile.numeric)));
    } else if profile.mean_length < 1.5 {
        candidate.say(Sort::Form, -2.0, "The values are single letters.");
    } else {
        candidate.say(Sort::Form, 0.5, "The values are words, as names of places are.");
    }
}
