//! Registers: what passed between two instants is told by the readings next to them.

use super::{QUARTER_MS, is_plain, scaled, usual_step};
use wattledger_model::reading::Reading;

/// Readings kept on either side of a step that is not normal, and at both ends of the stretch: as many as
/// the step rules look at. Source: domain.md 5.3.
const CONTEXT: usize = 5;

/// What stays of a register's readings, sorted by instant. `None` where all of them do.
///
/// A register that went back to less than half within the stretch may go round within minutes: longer steps
/// would leave it undecided, so all of it stays.
pub(super) fn thinned(readings: &[Reading]) -> Option<Vec<Reading>> {
    let usual = usual_step(readings)?;
    let (values, _) = scaled(readings)?;
    if values.windows(2).any(|pair| pair[1] < pair[0] / 2) {
        return None;
    }
    let mut keep = vec![false; readings.len()];
    mark(&mut keep, 0, CONTEXT);
    mark(&mut keep, readings.len().saturating_sub(CONTEXT), readings.len());
    let pace = Pace::new(readings, &values);
    let mut highest = values[0];
    for (at, pair) in readings.windows(2).enumerate() {
        let (from, to) = (&pair[0], &pair[1]);
        keep_next_to_edge(&mut keep, at, from.at.0, to.at.0);
        let elapsed = to.at.0 - from.at.0;
        let normal = is_plain(from)
            && is_plain(to)
            && from.evidence == to.evidence
            && from.interval_ms.is_none()
            && to.interval_ms.is_none()
            && (1..=usual * 3).contains(&elapsed)
            && highest <= values[at + 1]
            && !pace.is_jump(values[at + 1] - values[at], elapsed);
        if !normal {
            mark(&mut keep, (at + 1).saturating_sub(CONTEXT), at + 1 + CONTEXT);
        }
        highest = highest.max(values[at + 1]);
    }
    Some(readings.iter().zip(keep).filter_map(|(reading, keep)| keep.then_some(*reading)).collect())
}

fn mark(keep: &mut [bool], from: usize, to: usize) {
    let to = to.min(keep.len());
    if let Some(part) = keep.get_mut(from..to) {
        part.fill(true);
    }
}

/// Where a quarter-hour edge lies in the step after `at`, both its readings stay; where its later reading
/// stands on the edge, that one is enough.
fn keep_next_to_edge(keep: &mut [bool], at: usize, from: i64, to: i64) {
    if from.div_euclid(QUARTER_MS) != to.div_euclid(QUARTER_MS) {
        keep[at + 1] = true;
        if to.rem_euclid(QUARTER_MS) != 0 || to - from > QUARTER_MS {
            keep[at] = true;
        }
    }
}

/// How fast the register usually advances.
struct Pace {
    advanced: i128,
    elapsed: i128,
    smallest: i128,
}

impl Pace {
    fn new(readings: &[Reading], values: &[i128]) -> Pace {
        let steps = || values.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0);
        let elapsed = readings.last().map_or(0, |last| last.at.0) - readings[0].at.0;
        Pace {
            advanced: steps().sum(),
            elapsed: i128::from(elapsed.max(1)),
            smallest: steps().min().unwrap_or(0),
        }
    }

    /// More than twice as far as the stretch goes on average, and more than the register's resolution explains.
    fn is_jump(&self, step: i128, elapsed: i64) -> bool {
        (step - 2 * self.smallest) * self.elapsed > 2 * self.advanced * i128::from(elapsed)
    }
}
