//! How fast records really go.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Counts what was published, over a window that fits the rate.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter {
    /// When, and how many by then.
    marks: VecDeque<(Instant, u64)>,
    count: u64,
}

/// More marks than these are thinned out: several belong to one moment.
const MOST_MARKS: usize = 512;

impl Meter {
    /// So many more.
    pub fn add(&mut self, now: Instant, records: u64) {
        self.count += records;
        match self.marks.back_mut() {
            Some((at, count)) if now.duration_since(*at) < Duration::from_millis(20) => *count = self.count,
            _ => self.marks.push_back((now, self.count)),
        }
        if self.marks.len() > MOST_MARKS {
            self.marks.pop_front();
        }
    }

    /// What was measured before says nothing about what comes.
    pub fn restart(&mut self) {
        self.marks.clear();
    }

    /// Records a second, over the last ten records at this rate, or three seconds if that is longer. 0 while too little was published.
    pub fn rate(&self, now: Instant, chosen: f64) -> f64 {
        let window = Duration::from_secs_f64((10.0 / chosen.max(0.01)).clamp(3.0, 120.0));
        let mut recent = self.marks.iter().filter(|(at, _)| now.duration_since(*at) <= window);
        let (Some(first), Some(last)) = (recent.next(), recent.next_back()) else {
            return 0.0;
        };
        // Silence since the newest record counts as soon as one is overdue.
        let silence = now.duration_since(last.0).as_secs_f64();
        let overdue = if silence > 2.0 / chosen { silence } else { 0.0 };
        (last.1 - first.1) as f64 / (last.0.duration_since(first.0).as_secs_f64() + overdue).max(0.001)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_what_was_published() {
        for (chosen, every, each) in [(0.1, 10_000, 1), (1.0, 1_000, 1), (50.0, 20, 1), (10_000.0, 50, 500)] {
            let begin = Instant::now();
            let mut meter = Meter::default();
            let mut at = begin;
            for _ in 0..400 {
                meter.add(at, each);
                at += Duration::from_millis(every);
            }
            let last = at - Duration::from_millis(every);
            let rate = meter.rate(last, chosen);
            assert!((rate / chosen - 1.0).abs() < 0.05, "{chosen}: {rate}");
            // What stands still says so, and soon.
            let later = meter.rate(last + Duration::from_secs_f64((4.0_f64 / chosen).max(1.0)), chosen);
            assert!(later < chosen * 0.9, "{chosen}: {later}");
        }
        assert_eq!(Meter::default().rate(Instant::now(), 1.0), 0.0);
    }
}
