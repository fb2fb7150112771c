//! What a visitor does in one session: the behaviour model.

use crate::audience::{Category, Channel};
use crate::random::Random;
use crate::visitor::Visitor;

mod player;

use player::Player;

/// One hit of a session.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    /// Milliseconds since the session began.
    pub(crate) time: u32,
    /// Index into the catalogue's pages.
    pub(crate) page: usize,
    /// Events have one, page views do not.
    pub(crate) event: Option<Event>,
    pub(crate) action: Action,
    pub(crate) shows: Shows,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    ProductClick,
    QuickviewClick,
    AddToCart,
    RemoveFromCart,
    ContactUs,
}

/// `eCommerceAction.action_type`, with the checkout's step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    None,
    Click,
    Detail,
    Add,
    Remove,
    Checkout(u8),
    Purchase,
}

/// The products a hit carries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shows {
    Nothing,
    /// Impressions of a listing, from a position in it.
    Listing {
        listing: usize,
        from: usize,
        count: usize,
    },
    /// Impressions of search results.
    Results {
        from: usize,
        count: usize,
    },
    /// One product of a listing, at its position there.
    One {
        product: usize,
        listing: usize,
        position: u32,
    },
    /// A product page with related products.
    Detail {
        product: usize,
        related: usize,
    },
    /// A line put into the cart or taken out.
    Line(Line),
    /// The whole cart.
    Cart {
        quantities: bool,
        revenue: bool,
    },
}

/// A line of the cart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) product: usize,
    pub(crate) quantity: u32,
    /// Index of the size.
    pub(crate) size: u32,
}

/// What happened in a session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) hits: Vec<Hit>,
    /// What was in the cart when the checkout began.
    pub(crate) cart: Vec<Line>,
    pub(crate) order: Option<Order>,
}

/// A placed order; amounts in micros of a dollar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    /// The goods alone: `totals.transactionRevenue`.
    pub(crate) goods: u64,
    /// Spread over the lines; goods and handling are `totals.totalTransactionRevenue`.
    pub(crate) handling: u64,
    pub(crate) tax: u64,
    pub(crate) shipping: u64,
}

/// How far a session's buying goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Browses,
    LeavesCheckout,
    Buys,
}

/// Whether the session reaches the checkout. The chance follows from the channel (so that the
/// published buy rates come out), device, country and keenness.
pub(crate) fn starts_checkout(visitor: &Visitor, random: &mut Random) -> bool {
    // Keen visitors are a fifth of the sessions, because they come back more often.
    let keen: f64 = if visitor.keen { 2.7 } else { 0.58 };
    let chance: f64 = if visitor.in_finding() {
        // Many enough to measure the finding by the day: about one session in five.
        let base: f64 = match visitor.channel {
            Channel::Organic => 0.25,
            Channel::Direct => 0.30,
            Channel::Referral => 0.46,
            Channel::Paid | Channel::Display => 0.38,
            Channel::Social | Channel::Affiliates => 0.004,
        };
        (base * keen.min(1.8)).min(0.8)
    } else {
        let base: f64 = match visitor.channel {
            Channel::Organic => 0.0205,
            Channel::Direct => 0.0335,
            Channel::Referral => 0.126,
            Channel::Paid => 0.046,
            Channel::Display => 0.056,
            Channel::Social | Channel::Affiliates => 0.0014,
        };
        let country = if visitor.country.name == "United States" { 1.9 } else { 0.4 };
        let device = match visitor.device.category {
            Category::Desktop => 1.3,
            Category::Mobile => 0.5,
            Category::Tablet => 0.7,
        };
        base * keen * country * device
    };
    random.chance(chance.min(0.8))
}

/// Plays one session.
pub(crate) fn play(visitor: &Visitor, outcome: Outcome, random: &mut Random) -> Session {
    let mut player = Player::new(random);
    player.land(visitor.channel);
    if outcome == Outcome::Browses {
        player.look_around(visitor.keen);
    } else {
        player.check_out(outcome == Outcome::Buys);
    }
    player.into_session()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::ymd;
    use crate::visitor::{Visitor, visits_on};

    #[test]
    fn outcomes_are_played() {
        for visit in visits_on(5, 300, ymd(2017, 6, 7)) {
            let visitor = Visitor::of(&visit);
            for outcome in [Outcome::Browses, Outcome::LeavesCheckout, Outcome::Buys] {
                let session = play(&visitor, outcome, &mut visit.random());
                let actions: Vec<_> = session.hits.iter().map(|hit| hit.action).collect();
                let bought = actions.contains(&Action::Purchase);
                assert_eq!(bought, outcome == Outcome::Buys);
                assert_eq!(session.order.is_some(), bought);
                let checked_out = actions.contains(&Action::Checkout(1));
                assert_eq!(checked_out, outcome != Outcome::Browses);
                assert!(!bought || actions.contains(&Action::Checkout(3)));
                assert!(session.hits.iter().is_sorted_by_key(|hit| hit.time));
                assert!(session.hits[0].event.is_none());
                if checked_out {
                    assert!(!session.cart.is_empty());
                }
            }
        }
    }
}
