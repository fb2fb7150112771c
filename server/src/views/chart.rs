//! Geometry of charts in a 0–100 box; words are HTML on top. A zero baseline, at most four grid lines.

use chrono::{Datelike, NaiveDate};

/// A point in time with its value; `None` = no value that day.
pub type Daily = (NaiveDate, Option<f64>);

/// The scale of the vertical axis: a round maximum and up to four lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Value at the top.
    pub top: f64,
    /// Values of the grid lines, the baseline left out.
    pub lines: Vec<f64>,
}

impl Scale {
    /// Round steps of 1, 2, 2.5 or 5 times a power of ten that hold `max`.
    pub fn for_max(max: f64) -> Scale {
        let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
        let raw = max / 3.0;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|m| m * power)
            .find(|s| s * 4.0 >= max && s * 1.0001 >= raw)
            .unwrap_or(10.0 * power);
        let count = (max / step).ceil().clamp(1.0, 4.0) as usize;
        Scale { top: step * count as f64, lines: (1..=count).map(|i| i as f64 * step).collect() }
    }

    /// Vertical position: 0 at the top, 100 at the baseline.
    pub fn y(&self, value: f64) -> f64 {
        (100.0 - value / self.top * 100.0).clamp(0.0, 100.0)
    }
}

/// Horizontal position of a date in a range.
pub fn x(date: NaiveDate, from: NaiveDate, to: NaiveDate) -> f64 {
    let whole = (to - from).num_days().max(1) as f64;
    ((date - from).num_days() as f64 / whole * 100.0).clamp(0.0, 100.0)
}

/// One decimal, without a trailing zero: the only way positions are printed.
pub fn position(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// `points` of a polyline; days without a value are passed over.
pub fn points(data: &[Daily], scale: &Scale) -> String {
    let (Some(first), Some(last)) = (data.first(), data.last()) else {
        return String::new();
    };
    let point = |(date, value): &Daily| {
        value.map(|v| format!("{},{}", position(x(*date, first.0, last.0)), position(scale.y(v))))
    };
    data.iter().filter_map(point).collect::<Vec<_>>().join(" ")
}

/// Dates under the axis: at most six, on Mondays or firsts of months when the range is long.
pub fn ticks(from: NaiveDate, to: NaiveDate) -> Vec<(String, String)> {
    tick_days(from, to).into_iter().map(|d| (position(x(d, from, to)), crate::format::said(d))).collect()
}

/// The days that [`ticks`] names.
pub fn tick_days(from: NaiveDate, to: NaiveDate) -> Vec<NaiveDate> {
    let days = (to - from).num_days() + 1;
    let wanted = |d: &NaiveDate| match days {
        ..=7 => true,
        8..=35 => d.weekday() == chrono::Weekday::Mon,
        36..=100 => matches!(d.day(), 1 | 15),
        _ => d.day() == 1,
    };
    from.iter_days().take_while(|d| *d <= to).filter(wanted).collect()
}

/// Mean of the present values of a centred window of 7 days: small counts per day jump too much to be read.
pub fn smooth(numerators: &[(NaiveDate, u64, u64)]) -> Vec<Daily> {
    let at = |i: usize| {
        let window = &numerators[i.saturating_sub(3)..(i + 4).min(numerators.len())];
        let (part, whole) = window.iter().fold((0, 0), |(p, w), (_, part, whole)| (p + part, w + whole));
        (whole > 0).then(|| part as f64 / whole as f64)
    };
    numerators.iter().enumerate().map(|(i, (date, ..))| (*date, at(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2017, 6, d).unwrap()
    }

    #[test]
    fn scales_are_round_and_hold_the_maximum() {
        for (max, top) in [
            (2890.0, 3000.0),
            (0.38, 0.4),
            (1.0, 1.0),
            (7.0, 7.5),
            (0.0, 1.0),
            (f64::NAN, 1.0),
            (191.0, 200.0),
            (4100.0, 6000.0),
        ] {
            let scale = Scale::for_max(max);
            assert!((scale.top - top).abs() < 1e-9, "{max}: {scale:?}");
            assert!(scale.lines.len() <= 4 && scale.top >= if max.is_nan() { 0.0 } else { max });
        }
    }

    #[test]
    fn points_begin_left_and_end_right() {
        let data = [(day(1), Some(0.0)), (day(2), None), (day(3), Some(3.0))];
        assert_eq!(points(&data, &Scale::for_max(3.0)), "0,100 100,0");
        assert_eq!(points(&[], &Scale::for_max(3.0)), "");
    }

    #[test]
    fn ticks_are_few() {
        for to in [1, 5, 20, 30] {
            assert!(ticks(day(1), day(to)).len() <= 7);
        }
        assert_eq!(ticks(day(1), NaiveDate::from_ymd_opt(2017, 7, 31).unwrap()).len(), 4);
    }

    #[test]
    fn smoothing_weighs_by_size() {
        let data = [(day(1), 1, 1), (day(2), 0, 9)];
        assert_eq!(smooth(&data), vec![(day(1), Some(0.1)), (day(2), Some(0.1))]);
        assert_eq!(smooth(&[(day(1), 0, 0)]), vec![(day(1), None)]);
    }
}
