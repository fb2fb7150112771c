//! What visitors use and how they found the shop: devices and channels.

use crate::random::Random;

/// Browser, operating system and class of a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Device {
    pub(crate) category: Category,
    pub(crate) browser: &'static str,
    pub(crate) system: &'static str,
    weight: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Desktop,
    Mobile,
    Tablet,
}

impl Category {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
        }
    }
}

const fn device(category: Category, browser: &'static str, system: &'static str, weight: u32) -> Device {
    Device { category, browser, system, weight }
}

// Weights are in a thousandth of all sessions: desktop 590, mobile 360, tablet 50.
#[rustfmt::skip]
static DEVICES: [Device; 21] = {
    use Category::{Desktop, Mobile, Tablet};
    [
        device(Desktop, "Chrome", "Windows", 200),
        device(Desktop, "Chrome", "Macintosh", 205),
        device(Desktop, "Chrome", "Linux", 30),
        device(Desktop, "Chrome", "Chrome OS", 25),
        device(Desktop, "Firefox", "Windows", 34),
        device(Desktop, "Firefox", "Macintosh", 12),
        device(Desktop, "Firefox", "Linux", 6),
        device(Desktop, "Safari", "Macintosh", 46),
        device(Desktop, "Internet Explorer", "Windows", 19),
        device(Desktop, "Edge", "Windows", 10),
        device(Desktop, "Opera", "Windows", 3),
        device(Mobile, "Chrome", "Android", 150),
        device(Mobile, "Safari", "iOS", 160),
        device(Mobile, "Chrome", "iOS", 14),
        device(Mobile, "Android Webview", "Android", 14),
        device(Mobile, "Safari (in-app)", "iOS", 14),
        device(Mobile, "UC Browser", "Android", 4),
        device(Mobile, "Opera Mini", "(not set)", 4),
        device(Tablet, "Safari", "iOS", 30),
        device(Tablet, "Chrome", "Android", 16),
        device(Tablet, "Android Webview", "Android", 4),
    ]
};

impl Device {
    pub(crate) fn draw(random: &mut Random) -> Self {
        DEVICES[random.weighted(DEVICES.iter().map(|device| device.weight))]
    }
}

/// A channel of Google's default channel grouping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Organic,
    Direct,
    Social,
    Referral,
    Paid,
    Affiliates,
    Display,
}

// Shares in a thousandth of all sessions.
const CHANNELS: [(Channel, u32); 7] = [
    (Channel::Organic, 505),
    (Channel::Direct, 180),
    (Channel::Social, 144),
    (Channel::Referral, 101),
    (Channel::Paid, 34),
    (Channel::Affiliates, 31),
    (Channel::Display, 5),
];

impl Channel {
    pub(crate) fn draw(random: &mut Random) -> Self {
        CHANNELS[random.weighted(CHANNELS.iter().map(|(_, weight)| *weight))].0
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Organic => "Organic Search",
            Self::Direct => "Direct",
            Self::Social => "Social",
            Self::Referral => "Referral",
            Self::Paid => "Paid Search",
            Self::Affiliates => "Affiliates",
            Self::Display => "Display",
        }
    }
}

/// The members of `trafficSource` that depend on the channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) campaign: &'static str,
    pub(crate) source: &'static str,
    pub(crate) medium: &'static str,
    pub(crate) keyword: Option<&'static str>,
    pub(crate) referral_path: Option<&'static str>,
    pub(crate) ad_content: Option<&'static str>,
    pub(crate) referer: Referer,
}

/// What the entrance page's `referer` holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Referer {
    None,
    /// The search page in the visitor's country.
    Search,
    /// Source and referral path.
    Path,
}

const NOT_SET: &str = "(not set)";

const PLAIN: Source = Source {
    campaign: NOT_SET,
    source: "(direct)",
    medium: "(none)",
    keyword: None,
    referral_path: None,
    ad_content: None,
    referer: Referer::None,
};

const SOCIAL: [(&str, &str); 7] = [
    ("youtube.com", "/yt/about/"),
    ("youtube.com", "/yt/about/en/"),
    ("m.facebook.com", "/"),
    ("facebook.com", "/"),
    ("groups.google.com", "/a/google.com/forum/"),
    ("quora.com", "/Where-can-I-buy-branded-merchandise"),
    ("reddit.com", "/r/merchandise/comments/"),
];
const REFERRALS: [(&str, &str); 6] = [
    ("analytics.google.com", "/analytics/web/"),
    ("analytics.google.com", "/analytics/web/"),
    ("sites.google.com", "/view/store-links/home"),
    ("mail.google.com", "/mail/u/0/"),
    ("blog.golang.org", "/gopher"),
    ("l.messenger.com", "/"),
];
const SEARCH_TERMS: [&str; 5] =
    ["merchandise store", "branded water bottle", "sticker store", "backpack with logo", "merch shop online"];
const CAMPAIGNS: [(&str, &str); 4] = [
    ("AW - Dynamic Search Ads Whole Site", "dynamic search ads all pages"),
    ("AW - Accessories", "+merchandise +store"),
    ("AW - Apparel", "+branded +t-shirts"),
    ("AW - Drinkware", "+branded +mugs"),
];

impl Source {
    /// How a visitor of the channel came.
    pub(crate) fn draw(channel: Channel, random: &mut Random) -> Self {
        match channel {
            Channel::Organic => match random.below(100) {
                // Also in the real export: the channel is kept, the source is not.
                0..12 => PLAIN,
                12..14 => Self { source: "bing", medium: "organic", keyword: Some("(not provided)"), ..PLAIN },
                draw => Self {
                    source: "google",
                    medium: "organic",
                    keyword: Some(if draw < 18 { random.pick(&SEARCH_TERMS) } else { "(not provided)" }),
                    referer: Referer::Search,
                    ..PLAIN
                },
            },
            Channel::Direct => PLAIN,
            Channel::Social => Self::referred(random.pick(&SOCIAL)),
            Channel::Referral => Self::referred(random.pick(&REFERRALS)),
            Channel::Paid => {
                let (campaign, keyword) = random.pick(&CAMPAIGNS);
                Self {
                    campaign,
                    source: "google",
                    medium: "cpc",
                    keyword: Some(keyword),
                    ad_content: Some("Merchandise Collection"),
                    referer: Referer::Search,
                    ..PLAIN
                }
            }
            Channel::Affiliates => {
                Self { campaign: "Data Share Promo", source: "Partners", medium: "affiliate", ..PLAIN }
            }
            Channel::Display => Self { source: "google", medium: "cpm", ..PLAIN },
        }
    }

    fn referred((source, path): (&'static str, &'static str)) -> Self {
        Self { source, medium: "referral", referral_path: Some(path), referer: Referer::Path, ..PLAIN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_to_a_thousand() {
        assert_eq!(DEVICES.iter().map(|d| d.weight).sum::<u32>(), 1_000);
        assert_eq!(CHANNELS.iter().map(|(_, w)| w).sum::<u32>(), 1_000);
        let of = |category| -> u32 {
            let of = DEVICES.iter().filter(|d| d.category == category);
            of.map(|d| d.weight).sum()
        };
        assert_eq!([Category::Desktop, Category::Mobile, Category::Tablet].map(of), [590, 360, 50]);
    }
}
