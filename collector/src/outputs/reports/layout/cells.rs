//! Cells, columns and facts: how amounts, shares and instants are printed.

use super::super::amount::Amount;
use super::super::content::Figure;
use super::super::document::{Block, Cell, Column, Fact, Lang, Table, Tone};
use super::super::text::percent;
use super::super::words;
use wattledger_model::calendar;
use wattledger_model::time::Timestamp;

/// Between thousands: narrow, and no line is broken at it.
const THIN: char = '\u{202f}';

/// The digits of a decimal number with the thousands apart.
pub(super) fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, decimals) =
        digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    if !whole.bytes().all(|digit| digit.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut text = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(THIN);
        }
        text.push(digit);
    }
    match decimals {
        Some(decimals) => format!("{text}.{decimals}"),
        None => text,
    }
}

/// An amount in its own unit.
pub(super) fn amount(amount: Amount) -> Cell {
    Cell::Number { value: amount.to_f64(), shown: amount.grouped().replace(' ', &THIN.to_string()) }
}

/// A number to so many decimals.
pub(super) fn number(value: f64, decimals: usize) -> Cell {
    Cell::Number { value, shown: grouped(&format!("{value:.decimals$}")) }
}

/// A number with all its digits.
pub(super) fn exact(value: f64) -> Cell {
    Cell::Number { value, shown: grouped(&value.to_string()) }
}

/// How many.
pub(super) fn count(count: u64) -> Cell {
    Cell::Number { value: count as f64, shown: grouped(&count.to_string()) }
}

/// A share of a whole.
pub(super) fn share(share: f64) -> Cell {
    Cell::Share { value: share, shown: percent(share) }
}

/// What may not be known.
pub(super) fn if_any<T>(what: Option<T>, cell: impl FnOnce(T) -> Cell) -> Cell {
    what.map_or(Cell::Empty, cell)
}

/// A figure's value as it is printed, without its unit.
pub(super) fn value(figure: &Figure) -> Cell {
    match (figure.value, &figure.rounded) {
        (Some(value), Some(rounded)) => Cell::Number { value, shown: grouped(rounded) },
        _ => Cell::Empty,
    }
}

/// A figure's status, in words.
pub(super) fn status(lang: Lang, figure: &Figure) -> Cell {
    let (tone, shown) = words::status(lang, figure.status);
    Cell::Told { tone, shown: shown.to_owned() }
}

/// An instant, in UTC; whatever it stands in says so.
pub(super) fn instant(at: Timestamp) -> Cell {
    let shown = calendar::local(calendar::Tz::UTC, at.minute()).format("%Y-%m-%d %H:%M").to_string();
    Cell::Instant { at, shown }
}

/// A column of words.
pub(super) fn column(heading: &str, width: u8) -> Column {
    Column { heading: heading.to_owned(), unit: None, right: false, width }
}

/// A column of numbers in a unit; none for ratios and counts.
pub(super) fn numbers(heading: &str, unit: &str, width: u8) -> Column {
    let unit = (!unit.is_empty()).then(|| unit.to_owned());
    Column { heading: heading.to_owned(), unit, right: true, width }
}

/// A fact. What is not known is a dash: a line that ends in nothing looks forgotten.
pub(super) fn fact(name: &str, is: Cell) -> Fact {
    let is = if matches!(is, Cell::Empty) { Cell::text("—") } else { is };
    Fact { name: name.to_owned(), is }
}

/// A fact in words.
pub(super) fn said(name: &str, is: impl Into<String>) -> Fact {
    Fact { name: name.to_owned(), is: Cell::text(is) }
}

/// Facts.
pub(super) fn facts(facts: Vec<Fact>) -> Block {
    Block::Facts { facts }
}

/// Running text.
pub(super) fn paragraph(text: impl Into<String>) -> Block {
    Block::Paragraph { text: text.into() }
}

/// What must not be missed.
pub(super) fn note(tone: Tone, text: impl Into<String>) -> Block {
    Block::Note { tone, text: text.into() }
}

/// Rows under headings; nothing where there are none.
pub(super) fn table(
    name: &'static str,
    title: &str,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
) -> Option<Block> {
    let table = Table { name, title: title.to_owned(), columns, rows, note: None };
    (!table.rows.is_empty()).then_some(Block::Table(table))
}

/// A table with what has to be said below it.
pub(super) fn noted(table: Option<Block>, note: impl Into<String>) -> Option<Block> {
    match table {
        Some(Block::Table(table)) => Some(Block::Table(Table { note: Some(note.into()), ..table })),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart_and_decimals_do_not() {
        let shown = |text: &str| grouped(text).replace(THIN, "_");
        assert_eq!(shown("53271.74640"), "53_271.74640");
        assert_eq!(shown("-1234567"), "-1_234_567");
        assert_eq!(shown("999"), "999");
        assert_eq!(shown("NaN"), "NaN");
        assert_eq!(shown("1e300"), "1e300");
    }

    #[test]
    fn amounts_keep_their_value_beside_what_is_shown() {
        let cell = amount(Amount::kwh(1_234_567_890_500_000));
        assert_eq!(
            cell,
            Cell::Number { value: 1_234_567.890_5, shown: "1\u{202f}234\u{202f}567.890".to_owned() }
        );
    }

    #[test]
    fn instants_are_in_utc() {
        let at = Timestamp::from_rfc3339("2026-10-25T01:30:00Z").expect("a time");
        assert_eq!(instant(at).shown(), "2026-10-25 01:30");
    }
}
