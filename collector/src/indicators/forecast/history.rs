//! Days that are over, with what the forecast looks at.

use chrono::{Days, Months, NaiveDate};
use std::collections::BTreeMap;

/// Days of which less is covered are left out: their ratio may be that of a few hours.
const LEAST_COVERAGE: f64 = 0.5;

/// One local date. Energies are those of the minutes that both sides cover.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    /// The date.
    pub date: NaiveDate,
    /// `E_DC` over what is covered, kWh.
    pub total_kwh: f64,
    /// `E_IT` over the same, kWh.
    pub it_kwh: f64,
    /// Share of the date that is covered, 0 to 1.
    pub coverage: f64,
    /// Mean outdoor temperature, °C: wet-bulb where it is measured, else dry-bulb.
    pub outdoor_c: Option<f64>,
}

/// What is known of one date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Known {
    /// IT energy of the whole date, kWh: what was covered, scaled to it.
    pub(super) it_kwh: f64,
    /// Overhead of the whole date, kWh.
    pub(super) overhead_kwh: f64,
    pub(super) outdoor_c: Option<f64>,
}

/// Sums over some dates.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) days: u32,
    pub(super) it_kwh: f64,
    pub(super) overhead_kwh: f64,
}

impl Sum {
    pub(super) fn add(&mut self, known: &Known) {
        self.days += 1;
        self.it_kwh += known.it_kwh;
        self.overhead_kwh += known.overhead_kwh;
    }

    /// Overhead by IT energy: PUE less 1.
    pub(super) fn ratio(&self) -> Option<f64> {
        (self.it_kwh > 0.0).then(|| self.overhead_kwh / self.it_kwh)
    }
}

/// The days of a facility, of this year and of those before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    days: BTreeMap<NaiveDate, Known>,
}

impl FromIterator<Day> for History {
    fn from_iter<T: IntoIterator<Item = Day>>(days: T) -> History {
        let is_usable = |day: &Day| {
            day.coverage >= LEAST_COVERAGE
                && day.it_kwh > 0.0
                && day.total_kwh.is_finite()
                && day.it_kwh.is_finite()
        };
        let known = |day: Day| {
            let known = Known {
                it_kwh: day.it_kwh / day.coverage,
                overhead_kwh: (day.total_kwh - day.it_kwh) / day.coverage,
                outdoor_c: day.outdoor_c.filter(|outdoor| outdoor.is_finite()),
            };
            (day.date, known)
        };
        History { days: days.into_iter().filter(is_usable).map(known).collect() }
    }
}

impl History {
    pub(super) fn get(&self, date: NaiveDate) -> Option<&Known> {
        self.days.get(&date)
    }

    /// The known ones of some dates.
    pub(super) fn within(
        &self,
        from: NaiveDate,
        to: NaiveDate,
    ) -> impl DoubleEndedIterator<Item = (NaiveDate, &Known)> {
        // An empty range is none to ask for.
        let to = to.max(from);
        self.days.range(from..to).map(|(date, known)| (*date, known))
    }

    pub(super) fn sum(&self, from: NaiveDate, to: NaiveDate) -> Sum {
        let mut sum = Sum::default();
        self.within(from, to).for_each(|(_, known)| sum.add(known));
        sum
    }

    /// Some dates around one.
    pub(super) fn around(&self, date: NaiveDate, days: u64, before: NaiveDate) -> Sum {
        let from = date.checked_sub_days(Days::new(days)).unwrap_or(date);
        let to = date.checked_add_days(Days::new(days + 1)).unwrap_or(date);
        self.sum(from, to.min(before))
    }

    pub(super) fn first(&self) -> Option<NaiveDate> {
        self.days.keys().next().copied()
    }
}

/// The same date a year before; of 29 February the 28th.
pub(super) fn year_before(date: NaiveDate) -> Option<NaiveDate> {
    date.checked_sub_months(Months::new(12))
}

pub(super) fn days_before(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN)
}

/// The dates from one to another, the last not inside.
pub(super) fn dates(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    from.iter_days().take_while(move |date| *date < to)
}
