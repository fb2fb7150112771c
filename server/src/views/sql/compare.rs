//! Two answers side by side.

use app::wire::SqlRows;
use showrunner_lake::{Answer, ServedBy};

use crate::format;

/// The numbers of two queries beside each other.
pub(super) fn side_by_side(first: &Answer, second: &Answer) -> (String, SqlRows) {
    let (words, rows) = match (&first.served, &second.served) {
        (Some(a), Some(b)) => by_warehouse(a, b),
        _ => by_lake(first, second),
    };
    let seconds = row(
        "Seconds",
        [format::seconds(first.seconds), format::seconds(second.seconds)],
        [first.seconds, second.seconds],
    );
    let rows = rows.into_iter().chain([seconds]).collect();
    let head = ["What", "Query", "Compared with", "Times"].map(|h| (h.to_owned(), h != "What")).to_vec();
    (words, SqlRows { caption: "Both queries side by side".into(), head, rows })
}

type Row = Vec<Option<String>>;

fn row(label: &str, words: [String; 2], of: [f64; 2]) -> Row {
    let [one, two] = words;
    vec![Some(label.to_owned()), Some(one), Some(two), Some(times(of[0], of[1]))]
}

fn both(x: u64, y: u64) -> [f64; 2] {
    [x as f64, y as f64]
}

/// What BigQuery read, and what it is paid for.
fn by_warehouse(a: &ServedBy, b: &ServedBy) -> (String, Vec<Row>) {
    let line = |label, x, y| row(label, [format::bytes(x), format::bytes(y)], both(x, y));
    let rows = vec![
        line("Bytes read", a.bytes_processed, b.bytes_processed),
        line("Bytes billed", a.bytes_billed, b.bytes_billed),
    ];
    let (first, second) = (format::bytes(a.bytes_processed), format::bytes(b.bytes_processed));
    (format!("For the first BigQuery read {first}, for the second {second}."), rows)
}

/// What the lake's engine read.
fn by_lake(first: &Answer, second: &Answer) -> (String, Vec<Row>) {
    let (a, b) = (&first.cost, &second.cost);
    let parts = |(read, all): (u64, u64)| format!("{} of {}", format::count(read), format::count(all));
    let rows = vec![
        row(
            "Partitions read",
            [parts(a.partitions()), parts(b.partitions())],
            both(a.partitions().0, b.partitions().0),
        ),
        row("Files read", [parts(a.files()), parts(b.files())], both(a.files().0, b.files().0)),
        row("Rows read", [format::count(a.rows_read), format::count(b.rows_read)], both(a.rows_read, b.rows_read)),
        row("Bytes read", [format::bytes(a.bytes_read), format::bytes(b.bytes_read)], both(a.bytes_read, b.bytes_read)),
    ];
    let words = format!(
        "The first read {} partitions and {}, the second {} and {}.",
        parts(a.partitions()),
        format::bytes(a.bytes_read),
        parts(b.partitions()),
        format::bytes(b.bytes_read)
    );
    (words, rows)
}

/// How many times as much the second is.
fn times(first: f64, second: f64) -> String {
    match second / first {
        factor if !factor.is_finite() => "–".into(),
        factor if factor < 9.95 => format!("{factor:.1} ×"),
        factor => format!("{} ×", format::count(factor.round() as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comparing_shows_is_a_factor() {
        for (first, second, expected) in
            [(1.0, 58.0, "58 ×"), (2.0, 3.0, "1.5 ×"), (0.0, 3.0, "–"), (0.0, 0.0, "–"), (1.0, 2_650.0, "2,650 ×")]
        {
            assert_eq!(times(first, second), expected);
        }
    }
}
