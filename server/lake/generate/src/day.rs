//! Puts a day together: who comes, in which order, with which outcome.

use std::io;

use chrono::NaiveDate;

use crate::Options;
use crate::finding::Quotas;
use crate::row::Row;
use crate::session::{Outcome, play, starts_checkout};
use crate::visitor::{Visitor, visits_on};

/// Counts over a day's rows.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) rows: u64,
    pub(crate) transactions: u64,
    pub(crate) revenue_micros: u64,
}

/// Calls back with each row of the day, line end included, ordered by start.
pub(crate) fn for_each_row(
    options: &Options,
    date: NaiveDate,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Totals> {
    let mut sessions: Vec<_> = visits_on(options.seed, options.sessions_per_day, date)
        .into_iter()
        .map(|visit| {
            let visitor = Visitor::of(&visit);
            (visit.start(date, &visitor), visit, visitor)
        })
        .collect();
    sessions.sort_by_key(|(start, visit, _)| (*start, visit.visitor, visit.number));

    let mut quotas = Quotas::new(options.seed, date);
    let mut totals = Totals::default();
    let mut line = Vec::with_capacity(1 << 20);
    for (start, visit, visitor) in &sessions {
        let mut random = visit.random();
        let outcome = if !starts_checkout(visitor, &mut random) {
            Outcome::Browses
        } else if quotas.completes(visitor) {
            Outcome::Buys
        } else {
            Outcome::LeavesCheckout
        };
        let session = play(visitor, outcome, &mut random);
        totals.rows += 1;
        if let Some(order) = session.order {
            totals.transactions += 1;
            totals.revenue_micros += order.goods + order.handling;
        }
        let row = Row { date, visit, visitor, start: *start, session: &session, order_number: totals.transactions };
        line.clear();
        row.write(&mut line, &mut random);
        line.push(b'\n');
        each(&line)?;
    }
    Ok(totals)
}
