//! What a table is about: persons, things, or neither clearly. It decides about the weak types.

use crate::checks;
use crate::detect::{Looked, full_names, single_names};
use crate::dictionary::{is_city, is_country, is_region};
use crate::kinds::InfoType;
use crate::words::words;

/// What the rows of a table stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Persons,
    Things,
    Unclear,
}

/// The verdict, with what led to it.
#[derive(Debug)]
pub(crate) struct Context {
    pub about: About,
    pub persons: Vec<String>,
    pub things: Vec<String>,
}

impl Context {
    /// A sentence for the evidence.
    pub fn sentence(&self) -> String {
        let list = |words: &[String]| words.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        match self.about {
            About::Persons => format!("The table is about persons ({}).", list(&self.persons)),
            About::Things => format!("The table is about things ({}).", list(&self.things)),
            About::Unclear => "It is not clear that the table is about persons.".to_owned(),
        }
    }
}

const PERSON_TABLES: &[&str] = &[
    "customer",
    "employee",
    "user",
    "patient",
    "voter",
    "member",
    "student",
    "passenger",
    "contact",
    "lead",
    "officer",
    "applicant",
    "participant",
    "donor",
    "guest",
    "staff",
    "person",
    "people",
    "client",
    "subscriber",
    "driver",
    "athlete",
    "player",
    "titanic",
    "census",
    "adult",
    "personnel",
    "crm",
    "hr",
    "salary",
    "salaries",
    "attrition",
    "candidate",
    "survey",
    "respondent",
    "inmate",
    "offender",
    "victim",
    "payroll",
    "teacher",
    "resident",
    "buyer",
    "borrower",
    "churn",
    "heart",
    "diabetes",
    "actor",
    "author",
    "profile",
    "persons",
    "insured",
    "arrest",
    "stop",
    "pupil",
    "electoral",
    "recruit",
    "workers",
    "population",
    "mall",
    "director",
    "marketing",
];

const THING_TABLES: &[&str] = &[
    "practice",
    "surgery",
    "dentist",
    "gp",
    "provider",
    "facilities",
    "product",
    "item",
    "station",
    "store",
    "shop",
    "restaurant",
    "order",
    "invoice",
    "venue",
    "school",
    "hospital",
    "company",
    "companies",
    "airport",
    "team",
    "flight",
    "inventory",
    "catalogue",
    "catalog",
    "supplier",
    "vendor",
    "shipper",
    "track",
    "album",
    "film",
    "movie",
    "book",
    "song",
    "game",
    "log",
    "trip",
    "business",
    "facility",
    "inspection",
    "permit",
    "stock",
    "country",
    "countries",
    "city",
    "cities",
    "weather",
    "warehouse",
    "branch",
    "hotel",
    "library",
    "park",
    "museum",
    "pub",
    "tree",
    "sensor",
    "crime",
    "car",
    "vehicle",
    "region",
    "state",
    "county",
    "airline",
    "route",
    "bike",
    "sku",
    "brand",
    "organisation",
    "pharmacy",
    "site",
    "office",
    "premise",
    "premises",
    "clinic",
    "theatre",
    "hygiene",
    "sales",
];

/// Words of columns that tables of persons have.
const PERSON_COLUMNS: &[&str] = &[
    "salary",
    "occupation",
    "education",
    "marital",
    "smoker",
    "income",
    "hire",
    "hired",
    "employer",
    "spouse",
    "children",
    "dependents",
    "bmi",
    "diagnosis",
    "survived",
    "race",
    "ethnicity",
    "ethnic",
    "relationship",
    "wage",
    "nationality",
    "religion",
    "qualification",
    "attrition",
    "pregnancies",
    "cholesterol",
    "glucose",
    "sibsp",
    "parch",
    "tenure",
    "churn",
    "exited",
    "overtime",
    "workclass",
    "emp",
    "dti",
    "borrower",
    "salutation",
    "honorific",
    "loyalty",
    "citizenship",
    "married",
    "guardian",
    "disability",
    "degree",
    "party",
    "manager",
    "jobtitle",
    "deceased",
];

/// Words of columns that tables of animals have: they have an age and a sex as well.
const ANIMALS: &[&str] =
    &["species", "breed", "animal", "rings", "viscera", "flipper", "pet", "kennel", "litter", "dog", "cat"];

/// Things that a person has a name of: `job_title`, `department_name`.
const PARTS: &[&str] = &[
    "job",
    "position",
    "role",
    "department",
    "dept",
    "city",
    "country",
    "state",
    "street",
    "display",
    "group",
    "county",
    "region",
    "school",
    "host",
];

/// Persons who stand in tables of things.
const ROLES: &[&str] = &[
    "author",
    "authors",
    "director",
    "cast",
    "artist",
    "composer",
    "inspector",
    "judge",
    "coach",
    "winner",
    "publisher",
    "manager",
    "creator",
    "writer",
    "producer",
    "editor",
];

/// Words of columns that tables of things have.
const THING_COLUMNS: &[&str] = &[
    "sku",
    "brand",
    "stock",
    "docks",
    "dock",
    "capacity",
    "cuisine",
    "rating",
    "inspection",
    "facility",
    "dba",
    "quantity",
    "qty",
    "discontinued",
    "manufacturer",
    "isbn",
    "agency",
    "landmark",
    "incident",
    "complaint",
    "upc",
    "ean",
    "barcode",
    "opening",
    "hours",
    "league",
    "carrier",
    "airline",
    "flight",
    "species",
    "horsepower",
    "mpg",
    "bedrooms",
    "bathrooms",
    "sqft",
    "supplier",
    "warehouse",
    "violation",
    "seats",
    "iata",
    "icao",
    "elevation",
    "altitude",
    "menu",
    "reviews",
    "review",
    "stars",
    "website",
    "phase",
    "enrollment",
    "beds",
    "acres",
    "hygiene",
    "franchise",
    "floorspace",
    "checkins",
    "amenities",
    "pages",
    "publisher",
    "weight",
    "units",
    "grade",
    "installs",
    "bikes",
    "population",
    "engine",
    "gdp",
    "release",
    "runtime",
];

pub(crate) fn context(table: &str, columns: &[Looked<'_>]) -> Context {
    let mut persons: Vec<(f64, String)> = Vec::new();
    let mut things: Vec<(f64, String)> = Vec::new();
    for word in words(table.rsplit('/').next().unwrap_or(table)) {
        let one = word.strip_suffix('s').unwrap_or(&word);
        if PERSON_TABLES.contains(&word.as_str()) || PERSON_TABLES.contains(&one) {
            persons.push((1.5, format!("its name says '{word}'")));
        }
        if THING_TABLES.contains(&word.as_str()) || THING_TABLES.contains(&one) {
            things.push((1.5, format!("its name says '{word}'")));
        }
    }
    for (at, looked) in columns.iter().enumerate() {
        person_column(looked, at == 0, &mut persons);
        thing_column(looked, &mut things);
    }
    let by_points = |a: &(f64, String), b: &(f64, String)| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1));
    persons.sort_by(by_points);
    things.sort_by(by_points);
    let sum = |list: &[(f64, String)]| list.iter().map(|(points, _)| points).sum::<f64>();
    let (p, t) = (sum(&persons), sum(&things));
    let about = if p >= 3.0 && p >= t {
        About::Persons
    } else if t >= 1.5 && t > p {
        About::Things
    } else {
        About::Unclear
    };
    let text = |list: Vec<(f64, String)>| {
        let mut texts: Vec<String> = list.into_iter().map(|(_, text)| text).collect();
        texts.dedup();
        texts
    };
    Context { about, persons: text(persons), things: text(things) }
}

fn person_column(looked: &Looked<'_>, first: bool, out: &mut Vec<(f64, String)>) {
    let (profile, hints) = (&looked.profile, &looked.hints);
    if profile.values.is_empty() {
        return;
    }
    let named = |kind| looked.named(kind);
    let texts = profile.numeric < 0.5;
    let (full, _, _) = if texts { full_names(profile) } else { (0.0, 0.0, 0.0) };
    let (firsts, lasts) = if texts && profile.mean_words < 1.7 { single_names(profile) } else { (0.0, 0.0) };
    let thing = hints.thing.is_some();
    if (named(InfoType::FirstName) >= 4.0 || named(InfoType::LastName) >= 4.0) && texts {
        out.push((2.5, "a column of names".to_owned()));
    } else if full >= 0.25 && hints.words.iter().any(|word| ROLES.contains(&word.as_str())) {
        out.push((0.75, "a column of persons who made or decided something".to_owned()));
    } else if named(InfoType::PersonName) >= 1.0 && !thing && full >= 0.25 {
        out.push((3.0, "a column of persons' names".to_owned()));
    } else if hints.meaningless && full >= 0.5 {
        out.push((2.0, "a column of persons' names".to_owned()));
    } else if hints.meaningless
        && firsts.max(lasts) >= 0.6
        && profile.share(|v| is_city(&v.folded) || is_country(&v.folded) || is_region(&v.folded)) < 0.3
    {
        out.push((1.5, "a column of known names".to_owned()));
    }
    let gender = profile.row_share(|v| checks::gender(&v.folded)) > 0.8 && (2..=8).contains(&profile.distinct);
    if named(InfoType::Gender) > 0.0 && (gender || profile.distinct <= 4 && profile.whole_within(0.0, 9.0)) && !thing {
        out.push((2.0, "a column of genders".to_owned()));
    } else if hints.meaningless && gender {
        out.push((1.5, "a column of genders".to_owned()));
    }
    if named(InfoType::Age) > 0.0
        && hints.thing.as_deref().is_none_or(|word| word == "group" || word == "band")
        && hints.other.is_none()
    {
        let ages = profile.whole_within(0.0, 115.0) || profile.share(|v| checks::age_band(&v.folded)) > 0.5;
        out.push((if ages { 1.5 } else { 0.5 }, "a column of ages".to_owned()));
    }
    for (kind, points, text) in [
        (InfoType::DateOfBirth, 2.5, "dates of birth"),
        (InfoType::SocialSecurity, 2.5, "Social Security numbers"),
        (InfoType::NationalInsurance, 2.5, "National Insurance numbers"),
        (InfoType::Passport, 2.0, "passport numbers"),
        (InfoType::DriversLicense, 1.5, "driving licences"),
        (InfoType::EthnicGroup, 2.0, "ethnic groups"),
        (InfoType::MaritalStatus, 2.0, "marital status"),
        (InfoType::Password, 1.0, "passwords"),
        (InfoType::Username, 1.0, "user names"),
    ] {
        if named(kind) >= 3.0 {
            out.push((points, format!("a column of {text}")));
        }
    }
    let emails = profile.share(|v| checks::email(&v.folded));
    if emails > 0.5 && profile.share(|v| checks::role_mailbox(&v.folded)) < 0.5 {
        out.push((1.5, "a column of e-mail addresses".to_owned()));
    }
    if hints.meaningless && profile.share(|v| checks::ssn(v.text, false) || checks::ni(v.text)) > 0.5 {
        out.push((2.0, "a column of national numbers".to_owned()));
    }
    if named(InfoType::PhoneNumber) >= 3.0 && !thing {
        out.push((0.5, "a column of phone numbers".to_owned()));
    }
    if let Some(word) = hints.words.iter().find(|word| PERSON_COLUMNS.contains(&word.as_str())) {
        out.push((1.0, format!("a column '{word}'")));
    }
    let key = hints.words.last().is_some_and(|word| matches!(word.as_str(), "id" | "no" | "number" | "key"));
    if let Some(word) = hints.person.as_ref().filter(|_| key && first && profile.distinct == profile.filled) {
        out.push((1.5, format!("a key of each {word}")));
    }
}

fn thing_column(looked: &Looked<'_>, out: &mut Vec<(f64, String)>) {
    let hints = &looked.hints;
    let name = hints.thing.is_none() && hints.words.iter().any(|word| word == "name");
    if name && looked.profile.share(|v| checks::company_like(&v.folded)) >= 0.5 {
        out.push((2.0, "names of companies and institutions".to_owned()));
    }
    if let Some(word) = hints.words.iter().find(|word| ANIMALS.contains(&word.as_str())) {
        out.push((4.0, format!("a column '{word}', as of animals")));
    } else if let Some(word) = hints.words.iter().find(|word| THING_COLUMNS.contains(&word.as_str())) {
        out.push((1.0, format!("a column '{word}'")));
    } else if let Some(word) = hints.thing.as_ref().filter(|word| {
        let named = |word: &String| matches!(word.as_str(), "name" | "title" | "description");
        hints.words.iter().any(named) && !PARTS.contains(&word.as_str())
    }) {
        out.push((1.5, format!("names of each {word}")));
    }
}
