//! Writes one session as a row of the export: same keys, same order, INT64 as strings, nulls
//! left out, empty arrays kept.

use chrono::NaiveDate;

use crate::audience::{Category, Channel, Referer};
use crate::calendar::{QUALITY_FROM, SCHEMA_CHANGE, day_length, midnight};
use crate::geo::HIDDEN;
use crate::json::Json;
use crate::random::Random;
use crate::session::Session;
use crate::visitor::{Visit, Visitor};

mod hits;

use hits::Hits;

const DEVICE_REST: &str = "\"mobileDeviceBranding\":\"not available in demo dataset\",\"mobileDeviceModel\":\"not available in demo dataset\",\"mobileInputSelector\":\"not available in demo dataset\",\"mobileDeviceInfo\":\"not available in demo dataset\",\"mobileDeviceMarketingName\":\"not available in demo dataset\",\"flashVersion\":\"not available in demo dataset\",\"language\":\"not available in demo dataset\",\"screenColors\":\"not available in demo dataset\",\"screenResolution\":\"not available in demo dataset\"";

/// A session with all that its row needs.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) date: NaiveDate,
    pub(crate) visit: &'a Visit,
    pub(crate) visitor: &'a Visitor,
    /// Second of the local day.
    pub(crate) start: u32,
    pub(crate) session: &'a Session,
    /// Running number of the day's orders, for the transaction's name.
    pub(crate) order_number: u64,
}

impl Row<'_> {
    /// Appends the row, without a line end. `random` decides only on details.
    pub(crate) fn write(&self, out: &mut Vec<u8>, random: &mut Random) {
        let visitor = self.visitor;
        let mut start_time = midnight(self.date) as u64 + u64::from(self.start);
        let mut visit_id = start_time;
        if !self.visit.again && self.start < 1_800 && random.chance(0.3) {
            // Google cuts a session at midnight: the rest begins there and keeps its number.
            start_time -= u64::from(self.start);
            visit_id = start_time - u64::from(random.range(5, 1_500));
        }
        let direct = visitor.channel == Channel::Direct || self.visit.number > 1 && random.chance(0.6);
        let mut json = Json { out };
        json.raw("{");
        json.int("visitNumber", u64::from(self.visit.number));
        json.int("visitId", visit_id);
        json.int("visitStartTime", start_time);
        json.key("date");
        json.raw("\"");
        json.digits(date_digits(self.date));
        json.raw("\"");
        self.totals(&mut json, random);
        self.traffic_source(&mut json, direct);
        self.device(&mut json);
        self.geo_network(&mut json);
        json.open("customDimensions", b'[');
        // The sales region is unknown for about one session in six.
        if random.chance(0.845) {
            json.item();
            json.int("index", 4);
            json.text("value", visitor.country.zone.sales_region);
            json.close(b'}');
        }
        json.close(b']');
        let second = (start_time as i64 - midnight(self.date)) as u32;
        Hits::new(self, second, random).write(&mut json);
        json.text("fullVisitorId", &visitor.id);
        if self.date >= SCHEMA_CHANGE
            && let Some(client_id) = &visitor.client_id
        {
            json.text("clientId", client_id);
        }
        json.text("channelGrouping", visitor.channel.name());
        json.text("socialEngagementType", "Not Socially Engaged");
        json.close(b'}');
    }

    fn totals(&self, json: &mut Json<'_>, random: &mut Random) {
        let hits = &self.session.hits;
        let views = hits.iter().filter(|hit| hit.event.is_none()).count();
        let last = hits.last().map_or(0, |hit| hit.time / 1_000);
        json.open("totals", b'{');
        json.int("visits", 1);
        json.int("hits", hits.len() as u64);
        json.int("pageviews", views as u64);
        if hits.len() == 1 {
            json.int("bounces", 1);
        } else {
            let left = self.seconds_left(self.start);
            json.int("timeOnSite", u64::from(last.clamp(1, left)));
        }
        if let Some(order) = self.session.order {
            json.int("transactions", 1);
            json.int("transactionRevenue", order.goods);
        }
        if self.visit.number == 1 {
            json.int("newVisits", 1);
        }
        if let Some(order) = self.session.order {
            json.int("totalTransactionRevenue", order.goods + order.handling);
        }
        if self.date >= QUALITY_FROM {
            let cart = if self.session.cart.is_empty() { 0 } else { 25 };
            let quality = match hits.len() as u32 {
                hits @ 0..=4 => 1 + hits / 3,
                hits => (hits + cart + random.below(hits)).min(100),
            };
            json.int("sessionQualityDim", u64::from(quality));
        }
        json.close(b'}');
    }

    fn seconds_left(&self, second: u32) -> u32 {
        day_length(self.date) - second - 1
    }

    fn traffic_source(&self, json: &mut Json<'_>, direct: bool) {
        let source = &self.visitor.source;
        json.open("trafficSource", b'{');
        if let Some(path) = source.referral_path {
            json.text("referralPath", path);
        }
        json.text("campaign", source.campaign);
        json.text("source", source.source);
        json.text("medium", source.medium);
        if let Some(keyword) = source.keyword {
            json.text("keyword", keyword);
        }
        if let Some(content) = source.ad_content {
            json.text("adContent", content);
        }
        json.open("adwordsClickInfo", b'{');
        let paid = self.visitor.channel == Channel::Paid;
        if paid {
            json.int("page", 1);
            json.text("slot", "Top");
        }
        json.text("criteriaParameters", HIDDEN);
        if paid {
            json.text("gclId", &click_id(self.visit.visitor));
            json.text("adNetworkType", "Google Search");
            json.bool("isVideoAd", false);
        }
        json.close(b'}');
        if direct {
            json.bool("isTrueDirect", true);
        }
        json.close(b'}');
    }

    fn device(&self, json: &mut Json<'_>) {
        let device = &self.visitor.device;
        json.open("device", b'{');
        json.text("browser", device.browser);
        json.text("browserVersion", HIDDEN);
        json.text("browserSize", HIDDEN);
        json.text("operatingSystem", device.system);
        json.text("operatingSystemVersion", HIDDEN);
        json.bool("isMobile", device.category != Category::Desktop);
        json.member(DEVICE_REST);
        json.text("deviceCategory", device.category.name());
        json.close(b'}');
    }

    fn geo_network(&self, json: &mut Json<'_>) {
        let visitor = self.visitor;
        json.open("geoNetwork", b'{');
        json.text("continent", visitor.country.zone.continent);
        json.text("subContinent", visitor.country.zone.sub_continent);
        json.text("country", visitor.country.name);
        json.text("region", visitor.city.region);
        json.text("metro", visitor.city.metro);
        json.text("city", visitor.city.city);
        json.text("cityId", HIDDEN);
        json.text("networkDomain", visitor.network);
        for key in ["latitude", "longitude", "networkLocation"] {
            json.text(key, HIDDEN);
        }
        json.close(b'}');
    }

    fn referer(&self) -> Option<String> {
        let source = &self.visitor.source;
        match source.referer {
            Referer::None => None,
            Referer::Search if source.source == "bing" => Some("https://www.bing.com/".to_owned()),
            Referer::Search => Some(format!("https://www.google.{}/", self.visitor.country.search)),
            Referer::Path => Some(format!("https://{}{}", source.source, source.referral_path.unwrap_or("/"))),
        }
    }
}

/// An identifier in the manner of Google Ads' click identifiers.
fn click_id(visitor: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut random = Random::new(visitor);
    let tail = (0..78).map(|_| char::from(random.pick(LETTERS)));
    "CjwK".chars().chain(tail).collect()
}

fn date_digits(date: NaiveDate) -> u64 {
    use chrono::Datelike;
    date.year() as u64 * 10_000 + u64::from(date.month()) * 100 + u64::from(date.day())
}
