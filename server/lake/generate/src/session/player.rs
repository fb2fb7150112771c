//! Plays a visitor's steps through the shop.

use super::{Action, Event, Hit, Line, Order, Session, Shows};
use crate::audience::Channel;
use crate::catalogue::{CATALOGUE, Fixed};
use crate::random::Random;

/// A session under way.
pub(super) struct Player<'a> {
    random: &'a mut Random,
    session: Session,
    time: u32,
    /// Listing and first position of the listing last opened.
    listing: Option<(usize, usize)>,
}

impl<'a> Player<'a> {
    pub(super) fn new(random: &'a mut Random) -> Self {
        Self { random, session: Session::default(), time: 0, listing: None }
    }

    pub(super) fn into_session(self) -> Session {
        self.session
    }

    /// Leaves at once, as half of the visitors do, or browses for a while.
    pub(super) fn look_around(&mut self, keen: bool) {
        let leaves = if keen { 0.36 } else { 0.545 };
        if !self.random.chance(leaves) {
            let hits = self.length(keen);
            self.browse(hits);
        }
    }

    fn length(&mut self, keen: bool) -> usize {
        // Buckets of hits with their weights: half of the visitors who stay see two to five.
        const BUCKETS: [(u32, u32, u32); 10] = [
            (2, 3, 225),
            (3, 4, 170),
            (4, 5, 130),
            (5, 6, 100),
            (6, 9, 138),
            (9, 14, 92),
            (14, 25, 48),
            (25, 46, 21),
            (46, 90, 7),
            (90, 250, 2),
        ];
        let (low, high, _) = BUCKETS[self.random.weighted(BUCKETS.iter().map(|bucket| bucket.2))];
        let hits = self.random.range(low, high) as usize;
        if keen { hits + 1 } else { hits }
    }

    /// The first page view.
    pub(super) fn land(&mut self, channel: Channel) {
        let home = match channel {
            Channel::Direct | Channel::Referral => 62,
            Channel::Paid => 30,
            _ => 42,
        };
        match self.random.below(100) {
            draw if draw < home => self.fixed(Fixed::Home),
            95.. => {
                let product = self.random.below(CATALOGUE.products.len() as u32) as usize;
                self.product_page(product);
            }
            93..95 => self.fixed(Fixed::Basket),
            92..93 => self.fixed(Fixed::Unavailable),
            _ => self.open_listing(),
        }
    }

    fn browse(&mut self, hits: usize) {
        while self.session.hits.len() < hits {
            match self.random.below(100) {
                0..44 => self.open_listing(),
                44..68 => {
                    let buys = self.random.chance(0.30);
                    self.quickview(buys);
                }
                68..78 => self.click_product(),
                78..84 => self.fixed(Fixed::Home),
                84..88 => self.search(),
                88..92 if !self.session.cart.is_empty() => self.remove(),
                88..94 => self.fixed(Fixed::Basket),
                94..97 => self.fixed(Fixed::SignIn),
                97..99 => self.fixed(Fixed::Account),
                _ => {
                    let page = self.last_page();
                    self.hit(page, Some(Event::ContactUs), Action::None, Shows::Nothing);
                }
            }
        }
    }

    /// Browses, fills the cart and starts the checkout; `buys` completes it.
    pub(super) fn check_out(&mut self, buys: bool) {
        let before = self.random.range(2, 9) as usize;
        self.browse(before);
        let wanted = self.random.pick(&[1, 1, 1, 2, 2, 3, 4]);
        while self.session.cart.len() < wanted {
            if self.random.chance(0.4) {
                self.open_listing();
            }
            self.quickview(true);
        }
        self.fixed(Fixed::Basket);
        if self.random.chance(0.6) {
            self.fixed(Fixed::SignIn);
            self.fixed(Fixed::Basket);
        }
        let last_step = if buys { 3 } else { 1 + self.random.weighted([58, 25, 17].into_iter()) as u8 };
        for (step, page) in [Fixed::YourInfo, Fixed::Payment, Fixed::Review].into_iter().enumerate() {
            let step = step as u8 + 1;
            if step <= last_step {
                let shows = Shows::Cart { quantities: step == 1, revenue: false };
                self.hit(page.page(), None, Action::Checkout(step), shows);
            }
        }
        if buys {
            self.order();
            let page = Fixed::Completed.page();
            let shows = Shows::Cart { quantities: true, revenue: true };
            self.hit(page, None, Action::Purchase, shows);
            // The shop's confirmation page reports itself twice to most browsers.
            if self.random.chance(0.7) {
                self.time += 1;
                let shows = Shows::Cart { quantities: false, revenue: false };
                let time = self.time;
                let action = Action::Purchase;
                self.session.hits.push(Hit { time, page, event: None, action, shows });
            }
        } else if self.random.chance(0.4) {
            match self.random.below(3) {
                0 => self.fixed(Fixed::Home),
                1 => self.fixed(Fixed::Basket),
                _ => self.open_listing(),
            }
        }
    }

    fn order(&mut self) {
        let goods = self
            .session
            .cart
            .iter()
            .map(|line| CATALOGUE.products[line.product].price * u64::from(line.quantity))
            .sum();
        let tax_percent = u64::from(self.random.pick(&[0u32, 0, 6, 8, 9, 10]));
        self.session.order = Some(Order {
            goods,
            handling: 1_000_000 * u64::from(self.random.range(1, 9)),
            // Whole cents.
            tax: goods * tax_percent / 100 / 10_000 * 10_000,
            shipping: 500_000 * u64::from(self.random.range(12, 40)),
        });
    }

    fn open_listing(&mut self) {
        let shop = &*CATALOGUE;
        let listing = shop.draw_listing(self.random);
        let all = shop.listings[listing].products.len();
        let count = if self.random.chance(0.36) { 24 } else { 12 }.min(all);
        let from = self.random.below((all - count) as u32 / 12 + 1) as usize * 12;
        self.listing = Some((listing, from));
        let shows = Shows::Listing { listing, from, count };
        self.hit(shop.listings[listing].page, None, Action::None, shows);
    }

    /// A product of the listing in sight, with listing and position.
    fn choose(&mut self) -> (usize, usize, u32) {
        let (listing, from) = match self.listing {
            Some(listing) => listing,
            None => {
                self.open_listing();
                self.listing.unwrap_or((0, 0))
            }
        };
        let products = &CATALOGUE.listings[listing].products;
        let position = self.random.below(products.len().saturating_sub(from).clamp(1, 12) as u32);
        (products[from + position as usize], listing, position + 1)
    }

    fn quickview(&mut self, adds: bool) {
        let (product, listing, position) = self.choose();
        let shop = &*CATALOGUE;
        let page = shop.listings[listing].page;
        let one = Shows::One { product, listing, position };
        self.hit(page, Some(Event::QuickviewClick), Action::Click, one);
        // The click and the view it opens have the same time.
        let (time, quickview) = (self.time, shop.listings[listing].quickview);
        let action = Action::Detail;
        self.session.hits.push(Hit { time, page: quickview, event: None, action, shows: one });
        if adds {
            self.add(product, page);
        }
    }

    fn click_product(&mut self) {
        let (product, listing, position) = self.choose();
        let one = Shows::One { product, listing, position };
        let page = CATALOGUE.listings[listing].page;
        self.hit(page, Some(Event::ProductClick), Action::Click, one);
        self.product_page(product);
        if self.random.chance(0.25) {
            self.add(product, CATALOGUE.products[product].page);
        }
    }

    fn product_page(&mut self, product: usize) {
        let related = self.random.below(CATALOGUE.products.len() as u32) as usize;
        let shows = Shows::Detail { product, related };
        self.hit(CATALOGUE.products[product].page, None, Action::Detail, shows);
    }

    fn add(&mut self, product: usize, page: usize) {
        // Orders of an office: many pieces of something small.
        let small = CATALOGUE.products[product].price < 5_000_000;
        let quantity = match self.random.below(100) {
            0..6 if small => self.random.pick(&[10, 20, 25, 50]),
            0..80 => 1,
            80..93 => 2,
            _ => self.random.range(3, 6),
        };
        let line = Line { product, quantity, size: self.random.below(4) };
        self.session.cart.push(line);
        self.hit(page, Some(Event::AddToCart), Action::Add, Shows::Line(line));
    }

    fn remove(&mut self) {
        self.fixed(Fixed::Basket);
        if let Some(line) = self.session.cart.pop() {
            let page = Fixed::Basket.page();
            self.hit(page, Some(Event::RemoveFromCart), Action::Remove, Shows::Line(line));
        }
    }

    fn search(&mut self) {
        let shop = &*CATALOGUE;
        let page = self.random.pick(&shop.searches);
        let count = self.random.range(1, 13) as usize;
        let from = self.random.below((shop.products.len() - count) as u32) as usize;
        self.hit(page, None, Action::None, Shows::Results { from, count });
    }

    fn fixed(&mut self, page: Fixed) {
        self.hit(page.page(), None, Action::None, Shows::Nothing);
    }

    fn last_page(&self) -> usize {
        self.session.hits.last().map_or(Fixed::Home.page(), |hit| hit.page)
    }

    /// Adds a hit after a while.
    fn hit(&mut self, page: usize, event: Option<Event>, action: Action, shows: Shows) {
        if !self.session.hits.is_empty() {
            let longest = match self.random.below(20) {
                0 => 400_000,
                1..6 => 90_000,
                _ => 30_000,
            };
            self.time += self.random.range(1_500, longest);
        }
        self.session.hits.push(Hit { time: self.time, page, event, action, shows });
    }
}
