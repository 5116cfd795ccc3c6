//! Why some of the energy is not simply measured: which meter, which kind of step, how much. Source: domain.md 5.3,
//! 5.4, 6.4.

use super::amount::Amount;
use crate::indicators::Account;
use crate::indicators::account::{MILLIONTHS, Place};
use crate::ledger::interpret::round_half_even;
use crate::store::{MeterId, StoreError};
use crate::view::View;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use wattledger_model::minute::{Provenance, Step, StepClass};
use wattledger_model::time::Interval;

/// Energy of one meter that is interpolated or estimated, for one reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShareRow {
    /// The sum that it stands in: `facility` or `it`.
    pub sum: &'static str,
    /// The meter.
    pub meter: String,
    /// `interpolated` or `estimated`.
    pub provenance: &'static str,
    /// `long` for forward steps beyond the gap limit, `rollover`, `reset`, `jump`, `exchange`, or `entry` for what
    /// operators entered.
    pub reason: &'static str,
    /// How many steps; 0 of entries, which stand among the corrections.
    pub steps: usize,
    /// What that adds to the sum, kWh.
    pub amount: Amount,
    /// Its share of all that is booked in the sum, 0 to 1.
    pub share: f64,
}

/// What operators entered is in no step.
const ENTRY: &str = "entry";
/// Base units by which a step's part in a period may differ from what its minutes come to: each edge is rounded.
const ROUNDING: i128 = 2;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Part {
    steps: usize,
    amount: i128,
}

type Reasons = BTreeMap<(Provenance, &'static str), Part>;

/// The rows of both sums: facility first, what is interpolated first, the greatest first.
pub(super) fn shares(
    view: &mut View,
    at: usize,
    interval: Interval,
    account: &Account,
) -> Result<Vec<ShareRow>, StoreError> {
    let topology = Arc::clone(view.topology());
    let facility = &topology.facilities[at];
    let sides =
        [("facility", &facility.total, account.all_numerator), ("it", &facility.it, account.all_denominator)];
    let mut rows = Vec::new();
    for (sum, terms, booked) in sides {
        let mut by_meter: BTreeMap<(MeterId, Provenance, &'static str), Part> = BTreeMap::new();
        let terms: Vec<_> = terms.iter().map(|term| (*term, Place::Above)).collect();
        for of in view.by_term(&terms, interval)? {
            if of.amounts[1] == 0 && of.amounts[2] == 0 {
                continue;
            }
            let steps = view.steps_touching(of.term.meter, of.during)?;
            for ((provenance, reason), part) in reasons(&steps, of.during, of.amounts) {
                let row = by_meter.entry((of.term.meter, provenance, reason)).or_default();
                row.steps += part.steps;
                let millionths = part.amount * i128::from(of.term.millionths);
                row.amount += round_half_even(millionths, i128::from(MILLIONTHS));
            }
        }
        let all: f64 = booked.iter().map(|amount| amount.abs() as f64).sum();
        let mut of_sum: Vec<_> = by_meter.into_iter().filter(|(_, part)| part.amount != 0).collect();
        of_sum.sort_by_key(|((meter, provenance, reason), part)| {
            (*provenance, -part.amount.abs(), *meter, *reason)
        });
        rows.extend(of_sum.into_iter().map(|((meter, provenance, reason), part)| {
            ShareRow {
                sum,
                meter: topology
                    .meters
                    .get(&meter)
                    .map_or(String::new(), |known| known.declared.key.meter.to_string()),
                provenance: provenance.word(),
                reason,
                steps: part.steps,
                amount: Amount::kwh(part.amount),
                share: if all == 0.0 { 0.0 } else { part.amount.abs() as f64 / all },
            }
        }));
    }
    Ok(rows)
}

/// What the steps of one meter come to in an interval, by why they are not measured. They add up to `amounts`, what
/// its minutes hold by provenance: estimates that no step explains are operators' entries.
fn reasons(steps: &[Step], interval: Interval, amounts: [i128; 3]) -> Reasons {
    let mut found = Reasons::new();
    for step in steps {
        let (Some(provenance), Some(amount)) = (step.provenance, step.amount) else { continue };
        if provenance == Provenance::Measured {
            continue;
        }
        let part = found.entry((provenance, reason(step.class))).or_default();
        part.steps += 1;
        part.amount += inside(step, interval, amount);
    }
    for provenance in [Provenance::Interpolated, Provenance::Estimated] {
        let of = || found.iter().filter(|((other, _), _)| *other == provenance);
        let (steps, sum) =
            of().fold((0, 0), |(steps, sum), (_, part)| (steps + part.steps, sum + part.amount));
        let rest = amounts[provenance as usize] - sum;
        let largest = of().max_by_key(|(_, part)| part.amount.abs()).map(|(key, _)| *key);
        let key = match largest {
            Some(key) if rest.abs() <= ROUNDING * steps as i128 => key,
            _ => (
                provenance,
                if provenance == Provenance::Estimated { ENTRY } else { reason(StepClass::Normal) },
            ),
        };
        if rest != 0 {
            found.entry(key).or_default().amount += rest;
        }
    }
    found
}

/// How a class is called where it is a reason.
pub(super) fn reason(class: StepClass) -> &'static str {
    if class == StepClass::Normal { "long" } else { class.word() }
}

/// The part of a step's amount that lies in an interval; a step is spread evenly.
fn inside(step: &Step, interval: Interval, amount: i128) -> i128 {
    let (from, to) = (step.from.max(interval.from.start()), step.to.min(interval.to.start()));
    let length = i128::from(step.to.0 - step.from.0);
    let part = i128::from((to.0 - from.0).max(0));
    if part >= length { amount } else { round_half_even(amount * part, length) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::time::{Minute, Timestamp};

    fn step(from: i64, to: i64, class: StepClass, amount: i128, provenance: Provenance) -> Step {
        let at = |minute: i64| Timestamp(minute * 60_000);
        Step { from: at(from), to: at(to), class, amount: Some(amount), provenance: Some(provenance) }
    }

    fn told(steps: &[Step], amounts: [i128; 3]) -> Vec<(&'static str, &'static str, usize, i128)> {
        let hour = Interval::new(Minute(0), Minute(60));
        let found = reasons(steps, hour, amounts);
        found.into_iter().map(|((how, why), part)| (how.word(), why, part.steps, part.amount)).collect()
    }

    #[test]
    fn the_reasons_add_up_to_what_the_minutes_hold() {
        use Provenance::{Estimated, Interpolated, Measured};
        let steps = [
            step(-30, 30, StepClass::Normal, 1_001, Interpolated),
            step(30, 35, StepClass::Reset, 70, Estimated),
            step(35, 36, StepClass::Rollover, 5, Measured),
            step(40, 45, StepClass::Reset, 30, Estimated),
        ];
        // Half of the long step by its minutes, rounded the other way; 200 that no step knows of.
        assert_eq!(
            told(&steps, [5, 501, 300]),
            [
                ("interpolated", "long", 1, 501),
                ("estimated", "entry", 0, 200),
                ("estimated", "reset", 2, 100)
            ]
        );
    }

    #[test]
    fn what_is_entered_where_there_is_no_step_is_an_entry() {
        assert_eq!(told(&[], [0, 0, 9]), [("estimated", "entry", 0, 9)]);
        assert_eq!(told(&[], [9, 0, 0]), []);
    }
}
