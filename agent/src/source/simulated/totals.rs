//! What has passed through a facility since the simulation began: exact integrals of its flows.
//!
//! The true power is taken at each quarter-hour and runs straight in between, so its integral has a
//! closed form. Whole quarters are rounded once to the ledger's base units and added as integers.

use super::plant::{FLOWS, Facility, Flow};

/// Length of a step of the grid.
pub(crate) const QUARTER_MS: i64 = 900_000;
/// Quarters between two remembered sums: a week.
const REMEMBER_EVERY: i64 = 672;

/// One step of the grid: the sums at its start, and the rates at both ends in base units an hour.
#[derive(Debug, Clone, Copy)]
struct Quarter {
    number: i64,
    sums: [i64; FLOWS],
    from: [f64; FLOWS],
    to: [f64; FLOWS],
}

/// A facility with its sums. Asking forward in time costs a few microseconds; asking back, at most a week.
#[derive(Debug, Clone)]
pub(crate) struct Totals {
    pub(crate) facility: Facility,
    remembered: Vec<Quarter>,
    current: Quarter,
    previous: Option<Quarter>,
}

impl Totals {
    /// Sums that are 0 at `origin_ms`, which must be a full quarter-hour.
    pub(crate) fn new(facility: Facility, origin_ms: i64) -> Totals {
        let number = origin_ms.div_euclid(QUARTER_MS);
        let (from, to) = (rates(&facility, number), rates(&facility, number + 1));
        let first = Quarter { number, sums: [0; FLOWS], from, to };
        Totals { facility, remembered: vec![first], current: first, previous: None }
    }

    /// What has passed by an instant, in base units (µWh, mL); 0 before the origin.
    pub(crate) fn by(&mut self, at_ms: i64, flow: Flow) -> i64 {
        let wanted = at_ms.div_euclid(QUARTER_MS);
        if wanted < self.remembered[0].number {
            return 0;
        }
        let quarter = match self.previous {
            Some(previous) if previous.number == wanted => previous,
            _ => self.seek(wanted),
        };
        let at = flow as usize;
        let hours = (at_ms - wanted * QUARTER_MS) as f64 / 3_600_000.0;
        let slope = (quarter.to[at] - quarter.from[at]) / 0.25;
        quarter.sums[at] + (hours * (quarter.from[at] + 0.5 * slope * hours)).round() as i64
    }

    /// The instant at which every sum is 0.
    pub(crate) fn begins(&self) -> i64 {
        self.remembered[0].number * QUARTER_MS
    }

    fn seek(&mut self, wanted: i64) -> Quarter {
        if wanted < self.current.number {
            let week = (wanted - self.remembered[0].number) / REMEMBER_EVERY;
            self.current = self.remembered[week as usize];
            self.previous = None;
        }
        while self.current.number < wanted {
            let last = self.current;
            let mut sums = last.sums;
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum += (0.125 * (last.from[at] + last.to[at])).round() as i64;
            }
            let number = last.number + 1;
            let to = rates(&self.facility, number + 1);
            self.current = Quarter { number, sums, from: last.to, to };
            self.previous = Some(last);
            if number - self.remembered[0].number == self.remembered.len() as i64 * REMEMBER_EVERY {
                self.remembered.push(self.current);
            }
        }
        self.current
    }
}

/// Rates in base units an hour: µWh for power, mL for water.
fn rates(facility: &Facility, quarter: i64) -> [f64; FLOWS] {
    let mut flows = facility.flows(quarter * QUARTER_MS);
    for (at, value) in flows.iter_mut().enumerate() {
        *value *= if at == Flow::Water as usize { 1e3 } else { 1e6 };
    }
    flows
}

#[cfg(test)]
mod tests {
    use super::super::site;
    use super::super::weather::{DAY_MS, HOUR_MS};
    use super::*;

    fn totals() -> Totals {
        Totals::new(site::facilities(4, 0).remove(0), 0)
    }

    #[test]
    fn sums_are_the_integral_of_the_true_power() {
        let mut totals = totals();
        let (from, to) = (3 * DAY_MS, 5 * DAY_MS);
        let booked = totals.by(to, Flow::UtilityA) - totals.by(from, Flow::UtilityA);
        // Simpson's rule over the same straight pieces, in steps of a minute.
        let facility = totals.facility.clone();
        let power = |at_ms: i64| {
            let quarter = at_ms.div_euclid(QUARTER_MS);
            let way = at_ms.rem_euclid(QUARTER_MS) as f64 / QUARTER_MS as f64;
            let of = |q: i64| facility.flows(q * QUARTER_MS)[Flow::UtilityA as usize];
            of(quarter) * (1.0 - way) + of(quarter + 1) * way
        };
        let mut expected = 0.0;
        for at in (from..to).step_by(60_000) {
            expected += (power(at) + 4.0 * power(at + 30_000) + power(at + 60_000)) / 6.0 / 60.0;
        }
        let relative = booked as f64 / 1e6 / expected - 1.0;
        assert!(relative.abs() < 1e-9, "{relative}");
    }

    #[test]
    fn any_order_of_questions_has_the_same_answers() {
        let mut forward = totals();
        let mut any = totals();
        let far = 40 * DAY_MS + 17_000;
        let last = any.by(far, Flow::Water);
        let mut at = 0;
        while at < far {
            let expected = forward.by(at, Flow::UpsB);
            assert_eq!(any.by(at, Flow::UpsB), expected, "{at}");
            assert!(forward.by(at + 1_000, Flow::UpsB) >= expected);
            if at % (3 * DAY_MS) == 0 {
                any.by(far - at, Flow::UpsA);
            }
            at += 7 * HOUR_MS + 12_345;
        }
        assert_eq!(forward.by(far, Flow::Water), last);
        assert_eq!(forward.by(-1, Flow::Water), 0);
    }
}
