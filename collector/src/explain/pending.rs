//! Steps that are not decided yet, told as provisional. Source: domain.md 5.3.

use super::{instant, local};
use crate::ledger::explain::{Between, ExplainedStep};
use crate::outputs::reports::Amount;
use serde::Serialize;
use wattledger_model::calendar::Tz;
use wattledger_model::time::{Interval, Timestamp};

/// A jump or fall of a register that readings to come may still make something else of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pending {
    /// The earlier reading.
    #[serde(serialize_with = "instant")]
    pub from: Timestamp,
    /// The later reading.
    #[serde(serialize_with = "instant")]
    pub to: Timestamp,
    /// What it is taken for now.
    pub class: &'static str,
    /// What is booked for all of it now; `None` where nothing is.
    pub amount: Option<Amount>,
    /// Readings that are still to come before it is decided.
    pub readings: usize,
    /// When it stands as it is, if they have not come.
    #[serde(serialize_with = "instant")]
    pub until: Timestamp,
    /// What will decide it, in words.
    pub decides: String,
}

/// Those of some steps that are pending at a time and touch an interval.
pub(super) fn of(
    steps: &[ExplainedStep],
    interval: Interval,
    (now, zone): (Timestamp, Tz),
    amount: impl Fn(i128) -> Amount,
) -> Vec<Pending> {
    let (begin, end) = (interval.from.start(), interval.to.start());
    let inside = |step: &&ExplainedStep| step.is_pending(now) && step.from < end && begin < step.to;
    let told = |step: &ExplainedStep| {
        let Between::Step(class) = step.between else { return None };
        let undecided = step.undecided?;
        let (from, to, class) = (step.from, step.to, class.word());
        Some(Pending {
            from,
            to,
            class,
            amount: step.amount.map(&amount),
            readings: undecided.readings,
            until: undecided.until,
            decides: format!(
                "{}, or none until {}: if the register is back by then on its way from {}, what lies between is \
                 dropped as failed reads and this step goes; else it stays a {class}",
                local::count(undecided.readings, "more reading", "more readings"),
                local::shown(undecided.until, zone),
                local::shown(from, zone),
            ),
        })
    };
    steps.iter().filter(inside).filter_map(told).collect()
}

/// One of them as a line for people, without the decision.
pub(super) fn line(pending: &Pending, unit: &str, zone: Tz) -> String {
    let amount = pending.amount.map_or_else(
        || "nothing is booked for it".to_owned(),
        |amount| format!("{} {unit} are booked for it, provisionally", amount.grouped()),
    );
    let at = |at| local::shown(at, zone);
    format!("pending: {} from {} to {}, {amount}", pending.class, at(pending.from), at(pending.to))
}
