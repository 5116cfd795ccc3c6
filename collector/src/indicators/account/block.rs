//! Joined long steps: in the support whole or not at all.

use super::super::reader;
use super::super::weight::Weight;
use super::{Account, MILLIONTHS, Pair, Place};
use crate::ledger::block::MINUTES;
use crate::store::{MeterId, StoreError};
use rusqlite::Connection;
use wattledger_model::minute::Minute as Booked;
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS, Minute};

/// Joined long steps, and what they come to where every meter is known throughout.
pub(super) type Block = (Interval, Option<Account>);

/// What a joined block comes to. Where a series begins or ends inside a minute, that minute is not known
/// throughout; the block is then the whole minutes between.
///
/// `cuts` says whether an edge lies strictly inside a long step of a meter.
pub(super) fn block(
    connection: &Connection,
    pair: &Pair,
    span: Interval,
    cuts: &dyn Fn(MeterId, Minute) -> bool,
) -> Result<Block, StoreError> {
    let inner = |from, to| Interval::new(Minute(span.from.0 + from), Minute(span.to.0 - to));
    for trimmed in [span, inner(1, 0), inner(0, 1), inner(1, 1)] {
        if let Some(account) = whole(connection, pair, trimmed, cuts)? {
            return Ok((trimmed, Some(account)));
        }
    }
    Ok((span, None))
}

/// What a block comes to, if every meter that belongs there is known throughout: measured, or in a long step.
fn whole(
    connection: &Connection,
    pair: &Pair,
    span: Interval,
    cuts: &dyn Fn(MeterId, Minute) -> bool,
) -> Result<Option<Account>, StoreError> {
    if span.is_empty() || !pair.is_in_force(span) {
        return Ok(None);
    }
    let mut account = Account { minutes: span.minutes(), ..Account::default() };
    for (term, place) in pair.terms() {
        let inside = term.during.intersect(span);
        if inside.is_empty() {
            continue;
        }
        let edges = [(inside.from, span.from), (inside.to, span.to)];
        if edges.into_iter().any(|(edge, outer)| edge != outer && cuts(term.meter, edge)) {
            return Ok(None);
        }
        let weight = pair.weight.as_ref().filter(|_| place == Place::Above);
        let sum = known(connection, term.meter, inside, weight)?;
        if sum.ms != inside.minutes() * MINUTE_MS {
            return Ok(None);
        }
        let millionths = i128::from(term.millionths);
        let coefficient = term.millionths as f64 / MILLIONTHS as f64;
        match place {
            Place::Above => {
                account.numerator += millionths * sum.amount;
                account.weighted += coefficient * sum.weighted;
            }
            Place::Below => account.denominator += millionths * sum.amount,
            Place::Own(weight) => account.weighted += weight * coefficient * sum.amount as f64,
        }
    }
    Ok(Some(account))
}

/// What is measured or in long steps of one meter.
#[derive(Default)]
struct Known {
    ms: i64,
    amount: i128,
    weighted: f64,
}

fn known(
    connection: &Connection,
    meter: MeterId,
    span: Interval,
    weight: Option<&Weight>,
) -> Result<Known, StoreError> {
    let (first, after) = (span.from.hour(), Minute(span.to.0 - 1).hour() + 1);
    let mut known = Known::default();
    for (row, hour) in reader::hours(connection, meter, first, after)?.into_iter().zip(first..) {
        let Some(row) = row else { continue };
        let whole = Interval::new(Minute(hour * HOUR_MINUTES), Minute((hour + 1) * HOUR_MINUTES));
        let inside = span.intersect(whole);
        let factor = weight.map_or(Some(0.0), |weight| weight.over(inside));
        if let (Some(factor), true) = (factor, inside == whole) {
            let amount = i128::from(row.parts[0].0) + i128::from(row.parts[1].0);
            known.ms += row.parts[0].1 + row.parts[1].1;
            known.amount += amount;
            known.weighted += factor * amount as f64;
            continue;
        }
        let minutes = reader::minutes(connection, meter, hour)?.unwrap_or([Booked::default(); MINUTES]);
        for at in inside.from.0..inside.to.0 {
            let [measured, interpolated, _] = minutes[(at - whole.from.0) as usize].parts;
            let amount = i128::from(measured.amount) + i128::from(interpolated.amount);
            known.ms += i64::from(measured.ms) + i64::from(interpolated.ms);
            known.amount += amount;
            known.weighted += weight.map_or(0.0, |weight| weight.at(Minute(at))) * amount as f64;
        }
    }
    Ok(known)
}
