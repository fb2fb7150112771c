//! The shop: products, pages and what each page shows. Invented, in the manner of a store for
//! branded merchandise.

use std::fmt::Write;
use std::sync::LazyLock;

use crate::random::Random;

/// Host of the shop, in a domain that is reserved for examples.
pub(crate) const HOST: &str = "shop.merchandise.example";
/// Name of the shop, as in page titles and orders.
pub(crate) const STORE: &str = "Showrunner Merchandise Store";

const NOT_SET: &str = "(not set)";
const BRANDS: [&str; 4] = ["Marquee", "Backlot", "Clapper", "Spotlight"];
const COLOURS: [&str; 8] = ["Black", "White", "Navy", "Heather Grey", "Red", "Green", "Yellow", "Royal Blue"];

/// One product, with the parts of its JSON that never change.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) name: String,
    /// Price in micros of a dollar.
    pub(crate) price: u64,
    /// Index of the leaf category the product is in.
    pub(crate) leaf: usize,
    /// Category as the checkout pages give it: the top level only.
    pub(crate) top: &'static str,
    /// Sizes are to be chosen.
    pub(crate) sized: bool,
    /// Page of the product.
    pub(crate) page: usize,
    /// `{"productSKU":…,"v2ProductName":…,"v2ProductCategory":"`
    pub(crate) head: String,
    /// `","productVariant":…,"localProductPrice":"…",` of an impression.
    pub(crate) tail: String,
}

/// A page with its finished JSON.
#[derive(Debug)]
pub(crate) struct Page {
    /// Host and path: the screen name.
    pub(crate) screen: String,
    /// The finished `page` object.
    pub(crate) json: String,
    /// Content groups 1 to 3.
    pub(crate) groups: [&'static str; 3],
}

/// A listing of products.
#[derive(Debug)]
pub(crate) struct Listing {
    /// `v2ProductCategory` of the products shown here.
    pub(crate) category: String,
    pub(crate) products: Vec<usize>,
    pub(crate) page: usize,
    pub(crate) quickview: usize,
    weight: u32,
}

/// Pages that exist once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fixed {
    Home,
    Basket,
    SignIn,
    Account,
    Unavailable,
    YourInfo,
    Payment,
    Review,
    Completed,
}

/// The whole shop.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) products: Vec<Product>,
    pub(crate) listings: Vec<Listing>,
    pub(crate) pages: Vec<Page>,
    /// Pages of search results for the terms visitors look for, with the term.
    pub(crate) searches: Vec<usize>,
    /// The finished `promotion` array of the home page.
    pub(crate) promotions: String,
}

/// The shop, made once.
pub(crate) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::new);

/// A category without categories below it: path below /store, category, and items with the
/// price in cents.
struct Leaf {
    path: &'static str,
    title: &'static str,
    category: &'static str,
    top: &'static str,
    group3: &'static str,
    items: &'static [(&'static str, u64)],
}

#[rustfmt::skip]
const LEAVES: [Leaf; 22] = {
    const fn leaf(path: &'static str, title: &'static str, category: &'static str, top: &'static str, group3: &'static str, items: &'static [(&'static str, u64)]) -> Leaf {
        Leaf { path, title, category, top, group3, items }
    }
    [
        leaf("apparel/mens/mens+t+shirts", "Men's T-Shirts | Apparel", "Apparel/Men's/Men's-T-Shirts", "Apparel", "Mens", &[("Men's Short Sleeve Tee", 1699), ("Men's Vintage Tee", 1999), ("Men's Pocket Tee", 2199), ("Men's Long Sleeve Tee", 2499), ("Men's Raglan Tee", 2299), ("Men's Bamboo Tee", 2699)]),
        leaf("apparel/mens/mens+outerwear", "Men's Outerwear | Apparel", "Apparel/Men's/Men's-Outerwear", "Apparel", "Mens", &[("Men's Zip Hoodie", 4999), ("Men's Pullover Hoodie", 4499), ("Men's Rain Jacket", 7999), ("Men's Fleece Vest", 5999), ("Men's Quarter Zip", 5499)]),
        leaf("apparel/mens/mens+performance+wear", "Men's Performance Wear | Apparel", "Apparel/Men's/Men's-Performance Wear", "Apparel", "Mens", &[("Men's Running Tee", 2899), ("Men's Golf Polo", 3999), ("Men's Training Shorts", 3499)]),
        leaf("apparel/womens/womens+t+shirts", "Women's T-Shirts | Apparel", "Apparel/Women's/Women's-T-Shirts", "Apparel", "Womens", &[("Women's Scoop Neck Tee", 1699), ("Women's V-Neck Tee", 1899), ("Women's Long Sleeve Tee", 2499), ("Women's Racerback Tank", 1999), ("Women's Tri-blend Tee", 2299)]),
        leaf("apparel/womens/womens+outerwear", "Women's Outerwear | Apparel", "Apparel/Women's/Women's-Outerwear", "Apparel", "Womens", &[("Women's Zip Hoodie", 4999), ("Women's Fleece Jacket", 6499), ("Women's Rain Shell", 7999)]),
        leaf("apparel/kids/kids+infant", "Infant | Kids' Apparel", "Apparel/Kid's/Kid's-Infant", "Apparel", "Kids", &[("Infant Bodysuit", 1999), ("Baby Essentials Box", 3399), ("Infant Hooded Towel", 1899), ("Baby Bib Pair", 1199)]),
        leaf("apparel/kids/kids+toddler", "Toddler | Kids' Apparel", "Apparel/Kid's/Kids-Toddler", "Apparel", "Kids", &[("Toddler Tee", 1699), ("Toddler Hoodie", 2999), ("Toddler Raglan", 1999)]),
        leaf("apparel/kids/kids+youth", "Youth | Kids' Apparel", "Apparel/Kid's/Kids-Youth", "Apparel", "Kids", &[("Youth Tee", 1799), ("Youth Hoodie", 3499), ("Youth Baseball Tee", 2299)]),
        leaf("apparel/headgear", "Headgear | Apparel", "Apparel/Headgear", "Apparel", NOT_SET, &[("Twill Cap", 1099), ("Knit Beanie", 1499), ("Snapback Hat", 1699), ("Sun Visor", 999)]),
        leaf("bags/backpacks", "Backpacks | Bags", "Bags/Backpacks", "Bags", NOT_SET, &[("Laptop Backpack", 9999), ("Rolltop Backpack", 7999), ("Canvas Rucksack", 6499), ("Commuter Backpack", 11999), ("Day Pack", 4999), ("Tech Backpack", 8999)]),
        leaf("bags/shopping+and+totes", "Shopping & Totes | Bags", "Bags/Shopping and Totes", "Bags", NOT_SET, &[("Canvas Tote", 1299), ("Reusable Shopping Bag", 299), ("Zip Tote", 2499), ("Cotton Carryall", 1699)]),
        leaf("bags/more+bags", "More Bags | Bags", "Bags/More Bags", "Bags", NOT_SET, &[("Messenger Bag", 8999), ("Duffel Bag", 5999), ("Waist Pack", 1999), ("Gym Sack", 999)]),
        leaf("drinkware/mugs+and+cups", "Mugs & Cups | Drinkware", "Drinkware/Mugs and Cups", "Drinkware", NOT_SET, &[("Ceramic Mug 11oz", 999), ("Camp Mug", 1299), ("Travel Cup 16oz", 1699), ("Espresso Pair", 1899), ("Colour Dip Mug", 1199)]),
        leaf("drinkware/water+bottles+and+tumblers", "Water Bottles & Tumblers | Drinkware", "Drinkware/Water Bottles and Tumblers", "Drinkware", NOT_SET, &[("Steel Bottle 17oz", 1899), ("Sport Bottle 22oz", 999), ("Glass Bottle", 1499), ("Insulated Tumbler", 2499), ("Infuser Bottle", 1799)]),
        leaf("electronics/audio", "Audio | Electronics", "Electronics/Audio", "Electronics", NOT_SET, &[("Pocket Speaker", 3499), ("Wireless Earbuds", 4999), ("Wired Headset", 2499)]),
        leaf("electronics/power", "Power | Electronics", "Electronics/Power", "Electronics", NOT_SET, &[("Power Bank 5000", 2499), ("Car Charger", 1299), ("Charging Cable", 899)]),
        leaf("electronics/accessories", "Accessories | Electronics", "Electronics/Accessories", "Electronics", NOT_SET, &[("Device Stand", 799), ("Flashlight", 1699), ("Screen Cloth", 299), ("Cable Organizer", 599)]),
        leaf("office/notebooks", "Notebooks & Journals | Office", "Office/Notebooks & Journals", "Office", NOT_SET, &[("Hardcover Journal", 1499), ("Softcover Notebook", 999), ("Recycled Notepad", 499), ("Spiral Journal with Pen", 899), ("Leatherette Journal", 1899)]),
        leaf("office/writing", "Writing | Office", "Office/Writing Instruments", "Office", NOT_SET, &[("Ballpoint Pen", 199), ("Pencil Set", 499), ("Metal Pen", 999), ("Highlighter Trio", 399)]),
        leaf("accessories/stickers", "Stickers | Accessories", "Accessories/Stickers", "Accessories", NOT_SET, &[("Laptop Sticker Sheet", 299), ("Window Decal", 199), ("Sticker Pack of 8", 499)]),
        leaf("accessories/fun", "Fun | Accessories", "Accessories/Fun", "Accessories", NOT_SET, &[("Yoga Mat", 3999), ("Puzzle Cube", 1299), ("Selfie Stick", 1499), ("Plush Mascot", 1999), ("Sunglasses", 399)]),
        leaf("accessories/housewares", "Housewares | Accessories", "Accessories/Housewares", "Accessories", NOT_SET, &[("Kitchen Towel", 999), ("Coaster Set", 1499), ("Bamboo Cutlery", 1199)]),
    ]
};

/// Listings above the leaves: path, title, category, and how likely they are to be opened.
const GROUPS: [(&str, &str, &str, u32); 9] = [
    ("apparel", "Apparel", "Apparel", 40),
    ("apparel/mens", "Men's Apparel", "Apparel/Men's", 40),
    ("apparel/womens", "Women's Apparel", "Apparel/Women's", 20),
    ("apparel/kids", "Kids' Apparel", "Apparel/Kid's", 12),
    ("bags", "Bags", "Bags", 50),
    ("drinkware", "Drinkware", "Drinkware", 26),
    ("electronics", "Electronics", "Electronics", 34),
    ("office", "Office", "Office", 26),
    ("accessories", "Accessories", "Accessories", 28),
];

const FIXED: [(&str, &str); 9] = [
    ("/home", "Home"),
    ("/basket.html", "Shopping Cart"),
    ("/signin.html", "Log In"),
    ("/myaccount.html", "My Account"),
    ("/unavailable.html", "Page Unavailable"),
    ("/yourinfo.html", "Checkout Your Information"),
    ("/payment.html", "Payment Method"),
    ("/revieworder.html", "Checkout Review"),
    ("/ordercompleted.html", "Checkout Confirmation"),
];

const SEARCH_TERMS: [&str; 8] = ["hoodie", "sticker", "mug", "backpack", "pen", "water bottle", "socks", "mascot"];

impl Fixed {
    /// Index of the page.
    pub(crate) const fn page(self) -> usize {
        self as usize
    }
}

impl Catalogue {
    fn new() -> Self {
        let mut shop = Self {
            products: Vec::new(),
            listings: Vec::new(),
            pages: Vec::new(),
            searches: Vec::new(),
            promotions: promotions(),
        };
        for (path, title) in FIXED {
            shop.page(path, title, None, [NOT_SET; 3]);
        }
        for term in SEARCH_TERMS {
            let page = shop.page("/asearch.html", "Store search results", Some(term), [NOT_SET; 3]);
            shop.searches.push(page);
        }
        for (index, leaf) in LEAVES.iter().enumerate() {
            shop.leaf(index, leaf);
        }
        for (path, title, category, weight) in GROUPS {
            let products =
                (0..shop.products.len()).filter(|&p| LEAVES[shop.products[p].leaf].path.starts_with(path)).collect();
            let top = category.split('/').next().unwrap_or(category);
            shop.listing(path, title, category, [NOT_SET, top, NOT_SET], products, weight);
        }
        for brand in BRANDS {
            let products = (0..shop.products.len()).filter(|&p| shop.products[p].name.starts_with(brand)).collect();
            let path = format!("shop+by+brand/{}", brand.to_lowercase());
            let title = format!("{brand} | Shop by Brand");
            let category = format!("Shop by Brand/{brand}");
            shop.listing(&path, &title, &category, [brand, "Brands", NOT_SET], products, 16);
        }
        let clearance = (0..shop.products.len()).step_by(7).collect();
        shop.listing("clearance", "Clearance Sale", "Clearance Sale", [NOT_SET; 3], clearance, 20);
        shop
    }

    fn leaf(&mut self, index: usize, leaf: &'static Leaf) {
        let mut products = Vec::new();
        let groups = [NOT_SET, leaf.top, leaf.group3];
        for (item, cents) in leaf.items {
            for _ in 0..2 {
                let number = self.products.len();
                let brand = BRANDS[(number * 7 + number / 4) % BRANDS.len()];
                let colour = COLOURS[(number * 3 + number / 8) % COLOURS.len()];
                let name = format!("{brand} {item} {colour}");
                let slug = name.to_lowercase().replace('\'', "").replace(' ', "+");
                let path = format!("/store/{}/{slug}.axd", leaf.top.to_lowercase());
                let page = self.page(&path, &name, None, groups);
                let sku = format!("SHRN{}A{:06}", &leaf.top[..2].to_uppercase(), 10_007 * (number + 1) % 1_000_000);
                let price = cents * 10_000;
                self.products.push(Product {
                    head: format!("{{\"productSKU\":\"{sku}\",\"v2ProductName\":\"{name}\",\"v2ProductCategory\":\""),
                    tail: format!("\",\"productVariant\":\"(not set)\",\"productBrand\":\"(not set)\",\"productPrice\":\"{price}\",\"localProductPrice\":\"{price}\","),
                    name,
                    price,
                    leaf: index,
                    top: leaf.top,
                    sized: leaf.top == "Apparel",
                    page,
                });
                products.push(number);
            }
        }
        let weight = products.len() as u32 + 6;
        self.listing(leaf.path, leaf.title, leaf.category, groups, products, weight);
    }

    fn listing(
        &mut self,
        path: &str,
        title: &str,
        category: &str,
        groups: [&'static str; 3],
        products: Vec<usize>,
        weight: u32,
    ) {
        let path = format!("/store/{path}");
        let title = format!("{title} | {STORE}");
        let page = self.page(&path, &title, None, groups);
        let quickview = self.page(&format!("{path}/quickview"), &title, None, groups);
        self.listings.push(Listing { category: format!("Home/{category}/"), products, page, quickview, weight });
    }

    fn page(&mut self, path: &str, title: &str, term: Option<&str>, groups: [&'static str; 3]) -> usize {
        let mut json = format!("\"page\":{{\"pagePath\":\"{path}\",\"hostname\":\"{HOST}\",\"pageTitle\":\"{title}\"");
        // Writing to a string cannot fail.
        if let Some(term) = term {
            let _ = write!(json, ",\"searchKeyword\":\"{term}\",\"searchCategory\":\"(not set)\"");
        }
        for (level, part) in levels(path).iter().enumerate() {
            let _ = write!(json, ",\"pagePathLevel{}\":\"{part}\"", level + 1);
        }
        json.push('}');
        self.pages.push(Page { screen: format!("{HOST}{path}"), json, groups });
        self.pages.len() - 1
    }

    /// One listing, the popular ones more often.
    pub(crate) fn draw_listing(&self, random: &mut Random) -> usize {
        random.weighted(self.listings.iter().map(|listing| listing.weight))
    }
}

/// The four levels of a path: all but the last end in a slash, the fourth holds the rest.
fn levels(path: &str) -> [&str; 4] {
    let mut levels = [""; 4];
    let mut rest = path;
    for (index, level) in levels.iter_mut().enumerate() {
        let end = rest.get(1..).and_then(|tail| tail.find('/')).map(|at| at + 1);
        match end {
            Some(end) if index < 3 => {
                // The next level begins with the slash this one ends in.
                *level = &rest[..=end];
                rest = &rest[end..];
            }
            _ => {
                *level = rest;
                break;
            }
        }
    }
    levels
}

/// The home page's nine tiles.
fn promotions() -> String {
    let tiles = [
        ("Apparel", "Row 1", "home_main_link_apparel.jpg"),
        ("Backpacks", "Row 2 Combo", "home_bags_main_2.jpg"),
        ("Mens T-Shirts", "Row 3-1", "mens-tshirts.jpg"),
        ("Womens T-Shirts", "Row 3-2", "womens-tshirts.jpg"),
        ("Office", "Row 5 Color Combo", "green_row_link_to_office.jpg"),
        ("Drinkware", "Row 4 Color Combo", "red_row_drinkware.jpg"),
        ("Marquee Brand", "Row 7-1", "home_lower_marquee_500.jpg"),
        ("Backlot Brand", "Row 7-2", "home_lower_backlot_500.jpg"),
        ("Clapper Brand", "Row 7-3", "home_lower_clapper_500.jpg"),
    ];
    let tiles: Vec<_> = tiles
        .iter()
        .map(|(name, row, creative)| {
            format!("{{\"promoId\":\"{name} {row}\",\"promoName\":\"{name}\",\"promoCreative\":\"{creative}\",\"promoPosition\":\"{row}\"}}")
        })
        .collect();
    format!("\"promotion\":[{}]", tiles.join(","))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn shop_is_complete() {
        let shop = &*CATALOGUE;
        assert!((100..=300).contains(&shop.products.len()));
        let heads: BTreeSet<_> = shop.products.iter().map(|p| &p.head).collect();
        let names: BTreeSet<_> = shop.products.iter().map(|p| &p.name).collect();
        assert_eq!(heads.len(), shop.products.len());
        assert_eq!(names.len(), shop.products.len());
        assert!(shop.listings.iter().all(|listing| listing.products.len() >= 4));
        assert_eq!(shop.pages[Fixed::Completed.page()].screen, format!("{HOST}/ordercompleted.html"));
    }

    #[test]
    fn tables_need_no_escapes() {
        let shop = &*CATALOGUE;
        for json in shop.pages.iter().map(|page| &page.json).chain([&shop.promotions]) {
            serde_json::from_str::<serde_json::Value>(&format!("{{{json}}}")).unwrap();
        }
        for product in &shop.products {
            let json = format!("{}{}\"x\":1}}", product.head, product.tail);
            serde_json::from_str::<serde_json::Value>(&json).unwrap();
        }
    }

    #[test]
    fn paths_are_cut_into_four_levels() {
        let cases = [
            ("/home", ["/home", "", "", ""]),
            ("/store/bags", ["/store/", "/bags", "", ""]),
            ("/store/a/b/c", ["/store/", "/a/", "/b/", "/c"]),
            ("/store/a/b/c/quickview", ["/store/", "/a/", "/b/", "/c/quickview"]),
        ];
        for (path, expected) in cases {
            assert_eq!(levels(path), expected, "{path}");
        }
    }
}
