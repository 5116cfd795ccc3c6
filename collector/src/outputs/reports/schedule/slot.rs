//! A calendar month or year, whatever the clocks.

use crate::config::Every;
use chrono::{Datelike, Months, NaiveDate};
use wattledger_model::calendar::{self, Tz};
use wattledger_model::time::{Interval, Minute};

/// A calendar month or year: the same dates everywhere, other minutes in each time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    first: NaiveDate,
    months: u32,
}

impl Slot {
    /// The slot that contains a minute by these clocks.
    pub(super) fn at(every: Every, zone: Tz, minute: Minute) -> Slot {
        Slot::of(every, calendar::date_of(zone, minute))
    }

    fn of(every: Every, date: NaiveDate) -> Slot {
        let (first, months) = match every {
            Every::Month => (date.with_day(1), 1),
            Every::Year => (NaiveDate::from_ymd_opt(date.year(), 1, 1), 12),
        };
        Slot { first: first.unwrap_or(date), months }
    }

    /// The slot of a text that [`Slot::text`] made.
    pub(super) fn parse(every: Every, text: &str) -> Option<Slot> {
        let first = match every {
            Every::Month => format!("{text}-01"),
            Every::Year => format!("{text}-01-01"),
        };
        let slot = Slot::of(every, first.parse().ok()?);
        (slot.text() == text).then_some(slot)
    }

    /// As reports call it: `2026-10` or `2026`.
    pub(super) fn text(self) -> String {
        let format = if self.months == 1 { "%Y-%m" } else { "%Y" };
        self.first.format(format).to_string()
    }

    pub(super) fn next(self) -> Slot {
        Slot { first: self.first.checked_add_months(Months::new(self.months)).unwrap_or(self.first), ..self }
    }

    pub(super) fn before(self) -> Slot {
        Slot { first: self.first.checked_sub_months(Months::new(self.months)).unwrap_or(self.first), ..self }
    }

    /// Its minutes by these clocks.
    pub(super) fn interval(self, zone: Tz) -> Interval {
        calendar::dates(zone, self.first, self.next().first)
    }
}
