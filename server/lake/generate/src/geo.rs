//! Where visitors come from, in the names Google Analytics uses.

use crate::random::Random;

/// What the public dataset says where Google removed a value.
pub(crate) const HIDDEN: &str = "not available in demo dataset";
const NOT_SET: &str = "(not set)";

/// A country with its share of the visitors.
#[derive(Debug)]
pub(crate) struct Country {
    pub(crate) name: &'static str,
    pub(crate) zone: &'static Zone,
    /// Share of the visitors in a thousandth.
    weight: u32,
    /// Suffix of Google's search page, for the referer.
    pub(crate) search: &'static str,
    cities: &'static [City],
    networks: &'static [&'static str],
}

/// A part of the world.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) continent: &'static str,
    pub(crate) sub_continent: &'static str,
    /// Value of custom dimension 4, the sales region.
    pub(crate) sales_region: &'static str,
    /// Hours a typical clock there is ahead of Los Angeles.
    pub(crate) ahead: usize,
}

/// Region, metro area and city of a visitor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct City {
    pub(crate) city: &'static str,
    pub(crate) region: &'static str,
    pub(crate) metro: &'static str,
}

const fn city(city: &'static str, region: &'static str, metro: &'static str) -> City {
    City { city, region, metro }
}

const fn zone(continent: &'static str, sub_continent: &'static str, sales_region: &'static str, ahead: usize) -> Zone {
    Zone { continent, sub_continent, sales_region, ahead }
}

const fn country(
    name: &'static str,
    zone: &'static Zone,
    weight: u32,
    search: &'static str,
    cities: &'static [City],
    networks: &'static [&'static str],
) -> Country {
    Country { name, zone, weight, search, cities, networks }
}

static N_AMERICA: Zone = zone("Americas", "Northern America", "North America", 2);
static C_AMERICA: Zone = zone("Americas", "Central America", "Central America", 2);
static CARIBBEAN: Zone = zone("Americas", "Caribbean", "Central America", 3);
static S_AMERICA: Zone = zone("Americas", "South America", "South America", 4);
static N_EUROPE: Zone = zone("Europe", "Northern Europe", "EMEA", 8);
static W_EUROPE: Zone = zone("Europe", "Western Europe", "EMEA", 9);
static S_EUROPE: Zone = zone("Europe", "Southern Europe", "EMEA", 9);
static E_EUROPE: Zone = zone("Europe", "Eastern Europe", "EMEA", 10);
static W_ASIA: Zone = zone("Asia", "Western Asia", "EMEA", 10);
static C_ASIA: Zone = zone("Asia", "Central Asia", "EMEA", 12);
static S_ASIA: Zone = zone("Asia", "Southern Asia", "APAC", 12);
static SE_ASIA: Zone = zone("Asia", "Southeast Asia", "APAC", 14);
static E_ASIA: Zone = zone("Asia", "Eastern Asia", "APAC", 16);
static AUSTRALASIA: Zone = zone("Oceania", "Australasia", "APAC", 17);
static N_AFRICA: Zone = zone("Africa", "Northern Africa", "EMEA", 9);
static W_AFRICA: Zone = zone("Africa", "Western Africa", "EMEA", 8);
static E_AFRICA: Zone = zone("Africa", "Eastern Africa", "EMEA", 10);
static S_AFRICA: Zone = zone("Africa", "Southern Africa", "EMEA", 9);

const BAY: &str = "San Francisco-Oakland-San Jose CA";

static US_CITIES: [City; 20] = [
    city("Mountain View", "California", BAY),
    city("Mountain View", "California", BAY),
    city("New York", "New York", "New York NY"),
    city("New York", "New York", "New York NY"),
    city("San Francisco", "California", BAY),
    city("San Francisco", "California", BAY),
    city("Sunnyvale", "California", BAY),
    city("San Jose", "California", BAY),
    city("Los Angeles", "California", "Los Angeles CA"),
    city("Seattle", "Washington", "Seattle-Tacoma WA"),
    city("Chicago", "Illinois", "Chicago IL"),
    city("Austin", "Texas", "Austin TX"),
    city("Dallas", "Texas", "Dallas-Ft. Worth TX"),
    city("Houston", "Texas", "Houston TX"),
    city("Boston", "Massachusetts", "Boston MA-Manchester NH"),
    city("Washington", "District of Columbia", "Washington DC (Hagerstown MD)"),
    city("Atlanta", "Georgia", "Atlanta GA"),
    city("Denver", "Colorado", "Denver CO"),
    city("Ann Arbor", "Michigan", "Detroit MI"),
    city("San Diego", "California", "San Diego CA"),
];
static UK_CITIES: [City; 4] = [
    city("London", "England", "London"),
    city("London", "England", "London"),
    city("Manchester", "England", "North West"),
    city("Edinburgh", "Scotland", "Central Scotland"),
];
static INDIA: [City; 4] = [
    city("Bengaluru", "Karnataka", NOT_SET),
    city("Mumbai", "Maharashtra", NOT_SET),
    city("Hyderabad", "Telangana", NOT_SET),
    city("New Delhi", "Delhi", NOT_SET),
];
static CANADA: [City; 3] = [
    city("Toronto", "Ontario", NOT_SET),
    city("Montreal", "Quebec", NOT_SET),
    city("Vancouver", "British Columbia", NOT_SET),
];
static AUSTRALIA: [City; 2] = [city("Sydney", "New South Wales", NOT_SET), city("Melbourne", "Victoria", NOT_SET)];
static VIETNAM: [City; 2] = [city("Ho Chi Minh City", "Ho Chi Minh", NOT_SET), city("Hanoi", "Hanoi", NOT_SET)];
static TURKEY: [City; 2] = [city("Istanbul", "Istanbul", NOT_SET), city("Ankara", "Ankara", NOT_SET)];
static GERMANY: [City; 3] =
    [city("Berlin", "Berlin", NOT_SET), city("Munich", "Bavaria", NOT_SET), city("Hamburg", "Hamburg", NOT_SET)];
static FRANCE: [City; 1] = [city("Paris", "Ile-de-France", NOT_SET)];
static JAPAN: [City; 2] = [city("Minato", "Tokyo", NOT_SET), city("Osaka", "Osaka Prefecture", NOT_SET)];
static BRAZIL: [City; 2] =
    [city("Sao Paulo", "State of Sao Paulo", NOT_SET), city("Rio de Janeiro", "State of Rio de Janeiro", NOT_SET)];
static TAIWAN: [City; 1] = [city(NOT_SET, "Taipei City", NOT_SET)];
static THAILAND: [City; 1] = [city("Bangkok", "Bangkok", NOT_SET)];
static SINGAPORE: [City; 1] = [city("Singapore", NOT_SET, NOT_SET)];
static IRELAND: [City; 1] = [city("Dublin", "County Dublin", NOT_SET)];
static SPAIN: [City; 2] = [city("Madrid", "Community of Madrid", NOT_SET), city("Barcelona", "Catalonia", NOT_SET)];
static ITALY: [City; 2] = [city("Milan", "Lombardy", NOT_SET), city("Rome", "Lazio", NOT_SET)];
static RUSSIA: [City; 1] = [city("Moscow", "Moscow", NOT_SET)];
static HONG_KONG: [City; 1] = [city("Hong Kong", NOT_SET, NOT_SET)];
static MEXICO: [City; 1] = [city("Mexico City", "Mexico City", NOT_SET)];
static PHILIPPINES: [City; 1] = [city("Quezon City", "Metro Manila", NOT_SET)];
static INDONESIA: [City; 1] = [city("Jakarta", "Jakarta", NOT_SET)];
static POLAND: [City; 1] = [city("Warsaw", "Masovian Voivodeship", NOT_SET)];

static US_NETS: [&str; 8] = [
    "comcast.net",
    "verizon.net",
    "rr.com",
    "comcastbusiness.net",
    "cox.net",
    "att.net",
    "sbcglobal.net",
    "charter.com",
];
static UK_NETS: [&str; 4] = ["btcentralplus.com", "virginm.net", "sky.com", "as13285.net"];

/// All countries, the largest first.
#[rustfmt::skip]
pub(crate) static COUNTRIES: [Country; 60] = [
    country("United States", &N_AMERICA, 400, "com", &US_CITIES, &US_NETS),
    country("United Kingdom", &N_EUROPE, 78, "co.uk", &UK_CITIES, &UK_NETS),
    country("India", &S_ASIA, 56, "co.in", &INDIA, &["airtelbroadband.in"]),
    country("Canada", &N_AMERICA, 38, "ca", &CANADA, &["bell.ca", "rogers.com", "shawcable.net"]),
    country("Vietnam", &SE_ASIA, 27, "com.vn", &VIETNAM, &["vnpt.vn"]),
    country("Turkey", &W_ASIA, 24, "com.tr", &TURKEY, &["ttnet.com.tr"]),
    country("Germany", &W_EUROPE, 24, "de", &GERMANY, &["t-ipconnect.de"]),
    country("Thailand", &SE_ASIA, 22, "co.th", &THAILAND, &["totinternet.net"]),
    country("Brazil", &S_AMERICA, 22, "com.br", &BRAZIL, &["virtua.com.br"]),
    country("Japan", &E_ASIA, 22, "co.jp", &JAPAN, &["ocn.ne.jp"]),
    country("France", &W_EUROPE, 19, "fr", &FRANCE, &["wanadoo.fr"]),
    country("Taiwan", &E_ASIA, 16, "com.tw", &TAIWAN, &["hinet.net"]),
    country("Australia", &AUSTRALASIA, 16, "com.au", &AUSTRALIA, &["tpgi.com.au"]),
    country("Mexico", &C_AMERICA, 15, "com.mx", &MEXICO, &["prod-infinitum.com.mx"]),
    country("Spain", &S_EUROPE, 14, "es", &SPAIN, &["rima-tde.net"]),
    country("Netherlands", &W_EUROPE, 14, "nl", &[], &["ziggo.nl"]),
    country("Italy", &S_EUROPE, 13, "it", &ITALY, &["telecomitalia.it"]),
    country("Russia", &E_EUROPE, 13, "ru", &RUSSIA, &["corbina.ru"]),
    country("Poland", &E_EUROPE, 12, "pl", &POLAND, &["tpnet.pl"]),
    country("Indonesia", &SE_ASIA, 11, "co.id", &INDONESIA, &[]),
    country("Philippines", &SE_ASIA, 11, "com.ph", &PHILIPPINES, &["pldt.net"]),
    country("Singapore", &SE_ASIA, 9, "com.sg", &SINGAPORE, &["singnet.com.sg"]),
    country("Ireland", &N_EUROPE, 7, "ie", &IRELAND, &["eircom.net"]),
    country("Malaysia", &SE_ASIA, 7, "com.my", &[], &["tm.net.my"]),
    country("Romania", &E_EUROPE, 6, "ro", &[], &["rdsnet.ro"]),
    country("Sweden", &N_EUROPE, 6, "se", &[], &["telia.com"]),
    country("Switzerland", &W_EUROPE, 6, "ch", &[], &["bluewin.ch"]),
    country("Ukraine", &E_EUROPE, 6, "com.ua", &[], &[]),
    country("Israel", &W_ASIA, 5, "co.il", &[], &["bezeqint.net"]),
    country("Belgium", &W_EUROPE, 5, "be", &[], &["telenet.be"]),
    country("South Korea", &E_ASIA, 5, "co.kr", &[], &[]),
    country("Hong Kong", &E_ASIA, 5, "com.hk", &HONG_KONG, &["netvigator.com"]),
    country("Argentina", &S_AMERICA, 5, "com.ar", &[], &[]),
    country("Peru", &S_AMERICA, 4, "com.pe", &[], &[]),
    country("Colombia", &S_AMERICA, 4, "com.co", &[], &[]),
    country("Czechia", &E_EUROPE, 4, "cz", &[], &[]),
    country("Denmark", &N_EUROPE, 4, "dk", &[], &["tdc.net"]),
    country("Portugal", &S_EUROPE, 4, "pt", &[], &["telepac.pt"]),
    country("Greece", &S_EUROPE, 4, "gr", &[], &["otenet.gr"]),
    country("Pakistan", &S_ASIA, 4, "com.pk", &[], &[]),
    country("Saudi Arabia", &W_ASIA, 3, "com.sa", &[], &[]),
    country("United Arab Emirates", &W_ASIA, 3, "ae", &[], &[]),
    country("Austria", &W_EUROPE, 3, "at", &[], &[]),
    country("Norway", &N_EUROPE, 3, "no", &[], &["getinternet.no"]),
    country("New Zealand", &AUSTRALASIA, 3, "co.nz", &[], &[]),
    country("Hungary", &E_EUROPE, 3, "hu", &[], &[]),
    country("Bulgaria", &E_EUROPE, 2, "bg", &[], &[]),
    country("Egypt", &N_AFRICA, 3, "com.eg", &[], &["tedata.net"]),
    country("Algeria", &N_AFRICA, 2, "dz", &[], &[]),
    country("Morocco", &N_AFRICA, 2, "co.ma", &[], &[]),
    country("South Africa", &S_AFRICA, 3, "co.za", &[], &[]),
    country("Nigeria", &W_AFRICA, 2, "com.ng", &[], &[]),
    country("Côte d’Ivoire", &W_AFRICA, 1, "ci", &[], &[]),
    country("Kenya", &E_AFRICA, 1, "co.ke", &[], &[]),
    country("Finland", &N_EUROPE, 2, "fi", &[], &[]),
    country("Chile", &S_AMERICA, 2, "cl", &[], &[]),
    country("Bangladesh", &S_ASIA, 2, "com.bd", &[], &[]),
    country("Sri Lanka", &S_ASIA, 1, "lk", &[], &[]),
    country("Puerto Rico", &CARIBBEAN, 1, "com.pr", &[], &[]),
    country("Kazakhstan", &C_ASIA, 1, "kz", &[], &[]),
];

impl Country {
    /// One country by its share.
    pub(crate) fn draw(random: &mut Random) -> &'static Self {
        &COUNTRIES[random.weighted(COUNTRIES.iter().map(|country| country.weight))]
    }

    /// Place of a visitor; hidden for about six in ten, as in the public dataset.
    pub(crate) fn draw_city(&self, random: &mut Random) -> City {
        let known = !self.cities.is_empty() && random.chance(0.45);
        if known {
            random.pick(self.cities)
        } else if random.chance(0.03) {
            city(NOT_SET, NOT_SET, NOT_SET)
        } else {
            city(HIDDEN, HIDDEN, HIDDEN)
        }
    }

    pub(crate) fn draw_network(&self, random: &mut Random) -> &'static str {
        match random.below(100) {
            0..36 => NOT_SET,
            36..50 => "unknown.unknown",
            _ if self.networks.is_empty() => NOT_SET,
            _ => random.pick(self.networks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_thousandths_of_the_whole() {
        let total: u32 = COUNTRIES.iter().map(|country| country.weight).sum();
        assert!((950..=1_050).contains(&total), "{total}");
        let us = f64::from(COUNTRIES[0].weight) / f64::from(total);
        assert!((us - 0.40).abs() < 0.01, "{us}");
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = COUNTRIES.iter().map(|country| country.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COUNTRIES.len());
    }
}
