//! The hits of a row.

use super::{Row, date_digits};
use crate::audience::Channel;
use crate::calendar::{SCHEMA_CHANGE, clock};
use crate::catalogue::{CATALOGUE, Fixed, Product, STORE};
use crate::json::Json;
use crate::random::Random;
use crate::session::{Action, Event, Hit, Line, Shows};

const NOT_SET: &str = "(not set)";
const ENTRANCE: [&str; 3] = ["(entrance)"; 3];
const SIZES: [&str; 4] = [" SM", " MD", " LG", " XL"];
const COUPONS: [&str; 3] = ["SUMMER10", "WELCOME5", "TEAM20"];

/// The hits of a row being written.
pub(super) struct Hits<'a> {
    row: &'a Row<'a>,
    /// Second of the local day at which the first hit is.
    second: u32,
    /// Seconds that remain until midnight, at which a session is cut.
    left: u32,
    coupon: Option<&'static str>,
    timing: Random,
}

impl<'a> Hits<'a> {
    pub(super) fn new(row: &'a Row<'a>, second: u32, random: &mut Random) -> Self {
        let coupon = (row.date >= SCHEMA_CHANGE && random.chance(0.2)).then(|| random.pick(&COUPONS));
        Self { row, second, left: row.seconds_left(row.start), coupon, timing: Random::new(random.next()) }
    }

    pub(super) fn write(&mut self, json: &mut Json<'_>) {
        let hits = &self.row.session.hits;
        let last_view = hits.iter().rposition(|hit| hit.event.is_none());
        let screen = |index: Option<usize>| {
            let hit = index.and_then(|index| hits.get(index));
            hit.map_or("", |hit| CATALOGUE.pages[hit.page].screen.as_str())
        };
        let (landing, exit) = (screen(Some(0)), screen(last_view));
        let app =
            format!("\",\"landingScreenName\":\"{landing}\",\"exitScreenName\":\"{exit}\",\"screenDepth\":\"0\"}}");
        let mut before = ENTRANCE;
        let mut seen: Vec<&str> = Vec::new();
        let mut bought = false;
        json.open("hits", b'[');
        for (index, hit) in hits.iter().enumerate() {
            let shop_page = &CATALOGUE.pages[hit.page];
            json.item();
            self.opening(json, index, hit, Some(index) == last_view);
            json.member(&shop_page.json);
            self.commerce(json, hit, bought);
            json.open("appInfo", b'{');
            json.raw("\"screenName\":\"");
            json.raw(&shop_page.screen);
            json.raw(&app);
            json.member("\"exceptionInfo\":{\"isFatal\":true}");
            self.event(json, hit);
            json.open("product", b'[');
            self.products(json, hit, bought);
            json.close(b']');
            let home = hit.page == Fixed::Home.page() && hit.event.is_none();
            if home {
                json.member(&CATALOGUE.promotions);
                json.member("\"promotionActionInfo\":{\"promoIsView\":true}");
            } else {
                json.member("\"promotion\":[]");
            }
            action(json, hit.action);
            json.member("\"experiment\":[],\"customVariables\":[],\"customDimensions\":[],\"customMetrics\":[]");
            json.text("type", if hit.event.is_some() { "EVENT" } else { "PAGE" });
            json.member("\"social\":{\"socialNetwork\":\"(not set)\",\"hasSocialSourceReferral\":\"");
            let social = self.row.visitor.channel == Channel::Social;
            json.raw(if social { "Yes" } else { "No" });
            json.raw("\",\"socialInteractionNetworkAction\":\" : \"}");
            if hit.event.is_none() && self.timing.chance(0.01) {
                latency(json, &mut self.timing);
            }
            content_groups(json, shop_page.groups, before, &mut seen);
            json.member("\"dataSource\":\"web\",\"publisher_infos\":[]");
            json.close(b'}');
            before = shop_page.groups;
            bought |= hit.action == Action::Purchase;
        }
        json.close(b']');
    }

    fn opening(&self, json: &mut Json<'_>, index: usize, hit: &Hit, is_exit: bool) {
        let time = self.time(hit);
        let (hour, minute) = clock(self.row.date, self.second + time / 1_000);
        json.int("hitNumber", index as u64 + 1);
        json.int("time", u64::from(time));
        json.int("hour", u64::from(hour));
        json.int("minute", u64::from(minute));
        json.bool("isInteraction", true);
        if index == 0 {
            json.bool("isEntrance", true);
        }
        if is_exit {
            json.bool("isExit", true);
        }
        if index == 0
            && let Some(referer) = self.row.referer()
        {
            json.text("referer", &referer);
        }
    }

    /// Milliseconds since the start; the pace is raised where midnight would come first.
    fn time(&self, hit: &Hit) -> u32 {
        let last = self.row.session.hits.last().map_or(0, |hit| hit.time);
        let left = self.left * 1_000;
        if last <= left { hit.time } else { (u64::from(hit.time) * u64::from(left) / u64::from(last)) as u32 }
    }

    fn commerce(&self, json: &mut Json<'_>, hit: &Hit, bought: bool) {
        let Some(order) = self.row.session.order.filter(|_| hit.action == Action::Purchase) else {
            if matches!(hit.shows, Shows::Nothing | Shows::One { .. }) {
                return;
            }
            json.member("\"transaction\":{\"currencyCode\":\"USD\"},\"item\":{\"currencyCode\":\"USD\"}");
            return;
        };
        let name = format!("ORD{}{}", date_digits(self.row.date), 1_000 + self.row.order_number);
        let total = order.goods + order.handling;
        json.open("transaction", b'{');
        json.text("transactionId", &name);
        // The second report of an order carries no amounts.
        let amounts = |json: &mut Json<'_>, keys: [&str; 3]| {
            if !bought {
                json.int(keys[0], total);
                if order.tax > 0 {
                    json.int(keys[1], order.tax);
                }
                json.int(keys[2], order.shipping);
            }
        };
        amounts(json, ["transactionRevenue", "transactionTax", "transactionShipping"]);
        json.text("affiliation", STORE);
        json.text("currencyCode", "USD");
        amounts(json, ["localTransactionRevenue", "localTransactionTax", "localTransactionShipping"]);
        json.close(b'}');
        json.open("item", b'{');
        json.text("transactionId", &name);
        json.text("currencyCode", "USD");
        json.close(b'}');
    }

    fn event(&self, json: &mut Json<'_>, hit: &Hit) {
        let Some(event) = hit.event else { return };
        let (category, action) = match event {
            Event::ProductClick => ("Enhanced Ecommerce", "Product Click"),
            Event::QuickviewClick => ("Enhanced Ecommerce", "Quickview Click"),
            Event::AddToCart => ("Enhanced Ecommerce", "Add to Cart"),
            Event::RemoveFromCart => ("Enhanced Ecommerce", "Remove from Cart"),
            Event::ContactUs => ("Contact Us", "Onsite Click"),
        };
        json.open("eventInfo", b'{');
        json.text("eventCategory", category);
        json.text("eventAction", action);
        match (event, hit.shows) {
            (Event::QuickviewClick, Shows::One { product, .. }) => {
                json.text("eventLabel", &CATALOGUE.products[product].name);
            }
            (Event::ContactUs, _) => json.text("eventLabel", "Email"),
            _ => {}
        }
        json.close(b'}');
    }

    fn products(&self, json: &mut Json<'_>, hit: &Hit, bought: bool) {
        let shop = &*CATALOGUE;
        match hit.shows {
            Shows::Nothing => {}
            Shows::Listing { listing, from, count } => {
                let listing = &shop.listings[listing];
                let products = listing.products.iter().skip(from).take(count);
                for (position, &product) in products.enumerate() {
                    let category = &listing.category;
                    impression(json, &shop.products[product], category, "Category", position);
                }
            }
            Shows::Results { from, count } => {
                let products = shop.products.iter().skip(from).take(count);
                for (position, product) in products.enumerate() {
                    impression(json, product, NOT_SET, "Search Results", position);
                }
            }
            Shows::One { product, listing, position } => {
                let product = &shop.products[product];
                head(json, product, &shop.listings[listing].category);
                prices(json, product.price, 0);
                if hit.event.is_some() {
                    json.bool("isClick", true);
                }
                ending(json, "Category", u64::from(position), None);
            }
            Shows::Detail { product, related } => {
                let shown = &shop.products[product];
                head(json, shown, &shop.listings[shown.leaf].category);
                prices(json, shown.price, shown.price);
                ending(json, NOT_SET, 0, None);
                let related = shop.products.iter().cycle().skip(related).take(4);
                for (position, product) in related.enumerate() {
                    let category = &shop.listings[product.leaf].category;
                    impression(json, product, category, "Related Products", position);
                }
            }
            Shows::Line(line) => self.line(json, &line, true, None),
            Shows::Cart { quantities, revenue } => {
                let cart = &self.row.session.cart;
                // The lines of an order share its handling; the first bears the remainder.
                let handling = self.row.session.order.map_or(0, |order| order.handling);
                let each = handling / cart.len().max(1) as u64;
                for (index, line) in cart.iter().enumerate() {
                    let rest = if index == 0 { handling - each * cart.len() as u64 } else { 0 };
                    let goods = shop.products[line.product].price * u64::from(line.quantity);
                    let revenue = (revenue && !bought).then_some(goods + each + rest);
                    self.line(json, line, quantities, revenue);
                }
            }
        }
    }

    /// A line of the cart; with its revenue once it is sold.
    fn line(&self, json: &mut Json<'_>, line: &Line, quantity: bool, revenue: Option<u64>) {
        let product = &CATALOGUE.products[line.product];
        json.member(&product.head);
        json.raw(product.top);
        json.raw("\"");
        let variant = if product.sized { SIZES[line.size as usize % SIZES.len()] } else { "Single Option Only" };
        json.text("productVariant", variant);
        json.text("productBrand", NOT_SET);
        if let Some(revenue) = revenue {
            json.int("productRevenue", revenue);
            json.int("localProductRevenue", revenue);
        }
        json.int("productPrice", product.price);
        json.int("localProductPrice", product.price);
        if quantity {
            json.int("productQuantity", u64::from(line.quantity));
        }
        ending(json, NOT_SET, 0, self.coupon);
    }
}

fn head(json: &mut Json<'_>, product: &Product, category: &str) {
    json.member(&product.head);
    json.raw(category);
    json.raw("\"");
    json.text("productVariant", NOT_SET);
    json.text("productBrand", NOT_SET);
}

fn prices(json: &mut Json<'_>, price: u64, local: u64) {
    json.int("productPrice", price);
    json.int("localProductPrice", local);
}

fn ending(json: &mut Json<'_>, list: &str, position: u64, coupon: Option<&str>) {
    json.member("\"customDimensions\":[],\"customMetrics\":[]");
    json.text("productListName", list);
    json.int("productListPosition", position);
    if let Some(coupon) = coupon {
        json.text("productCouponCode", coupon);
    }
    json.close(b'}');
}

/// The most frequent object by far, hence mostly finished text.
fn impression(json: &mut Json<'_>, product: &Product, category: &str, list: &str, position: usize) {
    json.member(&product.head);
    json.raw(category);
    json.raw(&product.tail);
    json.raw("\"isImpression\":true,\"customDimensions\":[],\"customMetrics\":[],\"productListName\":\"");
    json.raw(list);
    json.raw("\",\"productListPosition\":\"");
    json.digits(position as u64 + 1);
    json.raw("\"}");
}

fn action(json: &mut Json<'_>, action: Action) {
    let (kind, step, option) = match action {
        Action::None => (0, 1, None),
        Action::Click => (1, 1, None),
        Action::Detail => (2, 1, None),
        Action::Add => (3, 1, None),
        Action::Remove => (4, 1, None),
        Action::Checkout(step) => {
            let option = match step {
                1 => "Billing and Shipping",
                2 => "Payment",
                _ => "Review",
            };
            (5, u64::from(step), Some(option))
        }
        Action::Purchase => (6, 1, None),
    };
    json.open("eCommerceAction", b'{');
    json.int("action_type", kind);
    json.int("step", step);
    if let Some(option) = option {
        json.text("option", option);
    }
    json.close(b'}');
}

fn content_groups<'a>(json: &mut Json<'_>, groups: [&'a str; 3], before: [&str; 3], seen: &mut Vec<&'a str>) {
    let last = if before == ENTRANCE { ENTRANCE[0] } else { NOT_SET };
    json.open("contentGroup", b'{');
    for (prefix, groups, last) in [("contentGroup", groups, NOT_SET), ("previousContentGroup", before, last)] {
        for (index, group) in groups.into_iter().chain([last, last]).enumerate() {
            json.member("\"");
            json.raw(prefix);
            json.digits(index as u64 + 1);
            json.raw("\":\"");
            json.raw(group);
            json.raw("\"");
        }
    }
    const UNIQUE: [&str; 3] = ["contentGroupUniqueViews1", "contentGroupUniqueViews2", "contentGroupUniqueViews3"];
    for (group, key) in groups.into_iter().zip(UNIQUE) {
        if group != NOT_SET && !seen.contains(&group) {
            seen.push(group);
            json.int(key, 1);
        }
    }
    json.close(b'}');
}

/// How long the page took to load; Google samples one page view in a hundred.
fn latency(json: &mut Json<'_>, random: &mut Random) {
    let server = random.range(80, 1_200);
    let interactive = server + random.range(400, 3_000);
    let whole = interactive + random.range(300, 4_000);
    json.open("latencyTracking", b'{');
    let values = [
        ("pageLoadSample", 1),
        ("pageLoadTime", whole),
        ("pageDownloadTime", random.range(20, 400)),
        ("speedMetricsSample", 1),
        ("serverResponseTime", server),
        ("domLatencyMetricsSample", 1),
        ("domInteractiveTime", interactive),
        ("domContentLoadedTime", interactive + 1),
    ];
    for (key, value) in values {
        json.int(key, u64::from(value));
    }
    json.close(b'}');
}
