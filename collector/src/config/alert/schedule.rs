//! When a rule may raise and clear: days and hours of the week by local clocks.

use chrono::{Datelike, NaiveDateTime, Timelike, Weekday};
use wattledger_model::document::{self, Table, Value};

/// Hours of some days of the week. Where `to` is not after `from`, they go over midnight, and belong to the day on
/// which they begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The days; never empty.
    pub days: Vec<Weekday>,
    /// Minutes after midnight at which it begins, 0 to 1439.
    pub from: u32,
    /// Minutes after midnight at which it has ended, 1 to 1440.
    pub to: u32,
}

/// Minutes of a day as its clock counts them.
const DAY: u32 = 24 * 60;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

impl Opening {
    /// Whether a local time lies inside.
    pub fn contains(&self, local: NaiveDateTime) -> bool {
        let (minute, day) = (local.hour() * 60 + local.minute(), local.weekday());
        let begins = |day: Weekday| self.days.contains(&day);
        if self.from < self.to {
            return begins(day) && (self.from..self.to).contains(&minute);
        }
        begins(day) && minute >= self.from || begins(day.pred()) && minute < self.to
    }
}

/// The openings of a rule.
pub(super) fn read(table: &mut Table<'_>) -> Vec<Opening> {
    let read = |mut table: Table<'_>| {
        let days = table.values("days", document::choice(DAYS));
        let from = table.optional("from", time_of_day);
        let to = table.optional("to", time_of_day);
        let whole = table.has("from") == from.is_some() && table.has("to") == to.is_some();
        if let Some(from) = from.as_ref().filter(|from| from.value == DAY) {
            table.document().error(from.place, "`from` is before the end of the day: 23:59 at the latest");
            return None;
        }
        let days: Vec<Weekday> = days.into_iter().map(|day| day.value).collect();
        let days = if table.has("days") { days } else { DAYS.map(|(_, day)| day).to_vec() };
        let (from, to) = (from.map_or(0, |from| from.value), to.map_or(DAY, |to| to.value));
        (whole && !days.is_empty()).then_some(Opening { days, from, to })
    };
    table.tables("schedule").into_iter().filter_map(read).collect()
}

/// A time of a day, `"00:00"` to `"24:00"`, in minutes.
fn time_of_day(value: &Value<'_>) -> Result<u32, String> {
    let text = document::string(value)?;
    let wrong = || format!("needs a time of day such as \"08:30\", not `{text}`");
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let number = |digits: &str| -> Result<u32, String> {
        let fits = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        fits.then(|| digits.parse().ok()).flatten().ok_or_else(wrong)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let all = hours * 60 + minutes;
    if minutes < 60 && all <= DAY { Ok(all) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a local time")
    }

    #[test]
    fn working_hours_end_before_their_last_minute_and_a_night_belongs_to_its_evening() {
        let work = Opening { days: vec![Weekday::Mon, Weekday::Fri], from: 8 * 60, to: 18 * 60 };
        // 2026-06-01 is a Monday.
        assert!(work.contains(at("2026-06-01 08:00")) && work.contains(at("2026-06-05 17:59")));
        assert!(!work.contains(at("2026-06-01 18:00")) && !work.contains(at("2026-06-02 09:00")));
        let night = Opening { days: vec![Weekday::Fri], from: 22 * 60, to: 6 * 60 };
        assert!(night.contains(at("2026-06-05 22:00")) && night.contains(at("2026-06-06 05:59")));
        assert!(!night.contains(at("2026-06-05 05:00")) && !night.contains(at("2026-06-06 06:00")));
        assert!(!night.contains(at("2026-06-06 22:00")));
        let whole = Opening { days: vec![Weekday::Sun], from: 0, to: DAY };
        assert!(whole.contains(at("2026-06-07 23:59")) && !whole.contains(at("2026-06-08 00:00")));
    }
}
