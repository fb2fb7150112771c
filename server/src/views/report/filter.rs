//! The report's filter: read from an address, written into one, and turned into a condition.

use chrono::NaiveDate;
use url::form_urlencoded;

/// Longest value of a filter; a city's or country's name is shorter.
const LONGEST: usize = 100;

/// What the map's colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// Sessions.
    #[default]
    Sessions,
    /// Revenue.
    Revenue,
    /// Sessions with an order, of all sessions.
    Conversion,
}

impl Measure {
    /// All of them, with the word in addresses and the one on the page.
    pub const ALL: [(Measure, &'static str, &'static str); 3] = [
        (Measure::Sessions, "sessions", "Sessions"),
        (Measure::Revenue, "revenue", "Revenue"),
        (Measure::Conversion, "conversion", "Conversion"),
    ];
}

/// What is asked for. Empty fields ask for everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub to: Option<NaiveDate>,
    /// Country as Google names it.
    pub country: Option<String>,
    /// Default channel group.
    pub channel: Option<String>,
    /// desktop, mobile or tablet.
    pub device: Option<String>,
    /// True: first sessions only; false: the others.
    pub new: Option<bool>,
    /// The map's colour.
    pub measure: Measure,
}

impl Filter {
    /// From a query string. What cannot be read is left out, with a sentence about it.
    pub fn parse(query: &str) -> (Filter, Vec<String>) {
        let (mut filter, mut problems) = (Filter::default(), Vec::new());
        for (name, value) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            let value = value.trim();
            let shown: String = value.chars().take(40).collect();
            let mut left_out = |what: &str| problems.push(format!("'{shown}' is {what}, so it was left out."));
            let text = (value.len() <= LONGEST && !value.chars().any(char::is_control)).then(|| value.to_owned());
            match (&*name, value) {
                (_, "") => {}
                ("from" | "to", _) => match value.parse() {
                    Ok(date) if name == "from" => filter.from = Some(date),
                    Ok(date) => filter.to = Some(date),
                    Err(_) => left_out("no date like 2017-07-29"),
                },
                ("country" | "channel" | "device", _) if text.is_none() => left_out("too long for a filter"),
                ("country", _) => filter.country = text,
                ("channel", _) => filter.channel = text,
                ("device", _) => filter.device = text,
                ("visitors", "new") => filter.new = Some(true),
                ("visitors", "returning") => filter.new = Some(false),
                ("visitors", _) => left_out("neither 'new' nor 'returning'"),
                ("map", _) => match Measure::ALL.iter().find(|(_, word, _)| *word == value) {
                    Some((measure, ..)) => filter.measure = *measure,
                    None => left_out("nothing that the map can show"),
                },
                // Other parameters of the address are not the filter's.
                _ => {}
            }
        }
        if let (Some(from), Some(to)) = (filter.from, filter.to)
            && from > to
        {
            (filter.from, filter.to) = (Some(to), Some(from));
        }
        (filter, problems)
    }

    /// The condition on sessions of this customer, whose id is of `[a-z0-9-]`.
    pub fn condition(&self, customer: &str) -> String {
        let mut parts = vec![format!("customer = {}", quoted(customer))];
        if let Some(from) = self.from {
            parts.push(format!("date >= DATE '{from}'"));
        }
        if let Some(to) = self.to {
            parts.push(format!("date <= DATE '{to}'"));
        }
        for (column, value) in
            [("country", &self.country), ("channel", &self.channel), ("device_category", &self.device)]
        {
            if let Some(value) = value {
                parts.push(format!("{column} = {}", quoted(value)));
            }
        }
        match self.new {
            Some(true) => parts.push("new_visit".to_owned()),
            Some(false) => parts.push("new_visit IS NOT TRUE".to_owned()),
            None => {}
        }
        parts.join(" AND ")
    }

    /// The address of `path` with this filter.
    pub fn address(&self, path: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let dates = [("from", self.from), ("to", self.to)];
        for (name, date) in dates.into_iter().filter_map(|(name, date)| Some((name, date?))) {
            query.append_pair(name, &date.to_string());
        }
        for (name, value) in [("country", &self.country), ("channel", &self.channel), ("device", &self.device)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if let Some(new) = self.new {
            query.append_pair("visitors", if new { "new" } else { "returning" });
        }
        if self.measure != Measure::default()
            && let Some((_, word, _)) = Measure::ALL.iter().find(|(measure, ..)| *measure == self.measure)
        {
            query.append_pair("map", word);
        }
        let query = query.finish();
        match (query.is_empty(), path.contains('?')) {
            (true, _) => path.to_owned(),
            (false, true) => format!("{path}&{query}"),
            (false, false) => format!("{path}?{query}"),
        }
    }

    /// As this one, with `change` made.
    pub fn with(&self, change: impl FnOnce(&mut Filter)) -> Filter {
        let mut other = self.clone();
        change(&mut other);
        other
    }
}

/// A text literal.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_a_filter_say_the_same() {
        for (query, condition) in [
            ("", "customer = 'customer01'"),
            (
                "from=2017-07-01&to=2017-07-29",
                "customer = 'customer01' AND date >= DATE '2017-07-01' AND date <= DATE '2017-07-29'",
            ),
            ("country=C%C3%B4te+d%E2%80%99Ivoire", "customer = 'customer01' AND country = 'Côte d’Ivoire'"),
            (
                "country=O%27Land&channel=Organic+Search",
                "customer = 'customer01' AND country = 'O''Land' AND channel = 'Organic Search'",
            ),
            ("device=mobile&visitors=new", "customer = 'customer01' AND device_category = 'mobile' AND new_visit"),
            ("visitors=returning&map=revenue", "customer = 'customer01' AND new_visit IS NOT TRUE"),
        ] {
            let (filter, problems) = Filter::parse(query);
            assert_eq!(problems, Vec::<String>::new(), "{query}");
            assert_eq!(filter.condition("customer01"), condition);
            let address = filter.address("/report");
            assert_eq!(
                address.trim_start_matches("/report").trim_start_matches('?'),
                query,
                "the address says it again"
            );
            assert_eq!(Filter::parse(address.split_once('?').map_or("", |(_, query)| query)).0, filter);
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_said() {
        for query in ["from=yesterday", "to=2017-02-30", "visitors=all", "map=weather", "device=a%00b"] {
            let (filter, problems) = Filter::parse(query);
            assert_eq!(filter, Filter::default(), "{query}");
            assert_eq!(problems.len(), 1, "{query}");
        }
        let long = format!("country={}", "x".repeat(101));
        assert_eq!(Filter::parse(&long).1.len(), 1);
        let (swapped, _) = Filter::parse("?from=2017-07-29&to=2017-07-01&table=x&country=");
        assert_eq!(swapped.address("/report"), "/report?from=2017-07-01&to=2017-07-29");
    }
}
