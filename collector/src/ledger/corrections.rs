//! What operators entered, booked: steps that were settled, and amounts for time of which nothing is known.
//! Source: domain.md 5.3, 5.4.
//!
//! The order in which corrections were entered does not matter. Totals are exact: what is spread over time is
//! rounded where it stands in sum, never in its parts.

use super::interpret::{POSITION_PER_BASE, round_half_even};
use super::register::Stretch;
use super::rules::is_amount_beyond_booking;
use std::collections::BTreeMap;
use wattledger_model::correction::Correction;
use wattledger_model::minute::{Minute, Provenance};
use wattledger_model::time::{MINUTE_MS, Timestamp};

/// The longest time that one entry is spread over: two years.
const LONGEST_MS: i64 = 732 * 86_400_000;

/// Why a correction cannot be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbookable {
    /// It ends before it begins, or as it begins.
    Empty,
    /// It lies outside the years 2000 to 2199.
    Time,
    /// It is spread over more than two years.
    TooLong,
    /// The amount is beyond anything a meter can pass.
    Absurd,
}

impl Unbookable {
    /// What is wrong and what mends it.
    pub const fn text(self) -> &'static str {
        match self {
            Unbookable::Empty => "its end is not after its begin; enter it again with the right times",
            Unbookable::Time => "it lies outside the years 2000 to 2199; enter it again with the right times",
            Unbookable::TooLong => "it is spread over more than two years; enter it in parts",
            Unbookable::Absurd => {
                "its amount is beyond what any meter can pass; enter it again in the right unit"
            }
        }
    }
}

/// Time and amount of an entry or a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spread {
    /// Begin, ms since the epoch.
    pub(super) from: i64,
    /// End.
    pub(super) to: i64,
    /// Base units.
    pub(super) amount: i128,
}

impl Spread {
    fn bookable(self) -> Result<Spread, Unbookable> {
        if self.to <= self.from {
            Err(Unbookable::Empty)
        } else if !(Timestamp(self.from).is_believable() && Timestamp(self.to).is_believable()) {
            Err(Unbookable::Time)
        } else if self.to - self.from > LONGEST_MS {
            Err(Unbookable::TooLong)
        } else if is_amount_beyond_booking(self.amount) {
            Err(Unbookable::Absurd)
        } else {
            Ok(self)
        }
    }
}

/// What an entry says; `None` for other corrections.
pub(super) fn entry(correction: &Correction) -> Option<Result<Spread, Unbookable>> {
    match *correction {
        Correction::Entry { from, to, amount } => Some(Spread { from: from.0, to: to.0, amount }.bookable()),
        _ => None,
    }
}

/// What a settlement says; `None` for other corrections.
pub(super) fn settlement(correction: &Correction) -> Option<Result<Spread, Unbookable>> {
    match *correction {
        Correction::Settle { from, to, amount } => Some(Spread { from: from.0, to: to.0, amount }.bookable()),
        _ => None,
    }
}

/// The time in which a correction spreads an amount, so that a change anywhere in it can change all of it.
pub(crate) fn reach(correction: &Correction) -> Option<(Timestamp, Timestamp)> {
    let spread = entry(correction).or_else(|| settlement(correction))?.ok()?;
    Some((Timestamp(spread.from), Timestamp(spread.to)))
}

/// The settlements that can be booked, in the order in which they claim steps: the narrowest first.
pub(super) fn settlements(corrections: &[Correction]) -> Vec<Spread> {
    let mut all: Vec<Spread> = corrections.iter().filter_map(settlement).flatten().collect();
    all.sort_unstable_by_key(|settled| (settled.to - settled.from, *settled));
    all
}

/// Which of the stretches, ascending, a settlement concerns: those that lie wholly in it and are not metered.
pub(super) fn concerned(stretches: &[Stretch], settled: Spread) -> impl Iterator<Item = usize> {
    let first = stretches.partition_point(|stretch| stretch.from < settled.from);
    let inside = stretches[first..].iter().take_while(move |stretch| stretch.from < settled.to);
    inside.enumerate().filter_map(move |(i, stretch)| {
        (stretch.to <= settled.to && !stretch.is_metered()).then_some(first + i)
    })
}

/// Books what operators settled, in place of what was estimated or is missing. A step that two settlements
/// concern is the narrower one's.
pub(super) fn settle(stretches: &mut [Stretch], corrections: &[Correction]) {
    if corrections.is_empty() {
        return;
    }
    let mut is_settled = vec![false; stretches.len()];
    for settled in settlements(corrections) {
        let steps: Vec<usize> = concerned(stretches, settled)
            .filter(|at| !std::mem::replace(&mut is_settled[*at], true))
            .collect();
        let total: i64 = steps.iter().map(|at| stretches[*at].to - stretches[*at].from).sum();
        let mut held = 0;
        for at in steps {
            let stretch = &mut stretches[at];
            stretch.start = share(settled.amount * POSITION_PER_BASE, held, total);
            held += stretch.to - stretch.from;
            stretch.end = share(settled.amount * POSITION_PER_BASE, held, total);
            stretch.provenance = Some(Provenance::Estimated);
        }
    }
}

/// The part of `amount` that falls on the first `held` of `total`, to the nearest integer.
fn share(amount: i128, held: i64, total: i64) -> i128 {
    round_half_even(amount * i128::from(held), i128::from(total))
}

/// Whether any entry can be booked.
pub(super) fn has_entries(corrections: &[Correction]) -> bool {
    corrections.iter().any(|correction| matches!(entry(correction), Some(Ok(_))))
}

/// Adds what operators entered to the minutes: each entry spread evenly over the time in it of which nothing
/// is `known` (ascending, disjoint times). An entry with no such time in it books nothing.
///
/// Where entries overlap their amounts add up.
pub(super) fn enter(
    minutes: Vec<(i64, Minute)>,
    known: &[(i64, i64)],
    corrections: &[Correction],
) -> Vec<(i64, Minute)> {
    let mut entered: BTreeMap<i64, (i64, u32)> = BTreeMap::new();
    let mut spread: Vec<(i64, i64)> = Vec::new();
    for entry in corrections.iter().filter_map(entry).flatten() {
        let missing = gaps(known, entry.from, entry.to);
        for (minute, amount) in amounts(&missing, entry.amount) {
            let sum = &mut entered.entry(minute).or_default().0;
            *sum = sum.saturating_add(amount);
        }
        spread.extend(missing);
    }
    for (from, to) in joined(spread) {
        for (minute, from, to) in by_minute(from, to) {
            entered.entry(minute).or_default().1 += (to - from) as u32;
        }
    }
    merged(minutes, entered)
}

/// What an entry over these times books to each minute.
pub(super) fn amounts(missing: &[(i64, i64)], amount: i128) -> Vec<(i64, i64)> {
    let total: i64 = missing.iter().map(|(from, to)| to - from).sum();
    let (mut held, mut booked) = (0, 0);
    let mut amounts = Vec::new();
    for (minute, from, to) in missing.iter().flat_map(|(from, to)| by_minute(*from, *to)) {
        held += to - from;
        let sum = share(amount, held, total);
        // An entry is far below 64 bits, and so is each part of it.
        amounts.push((minute, (sum - booked) as i64));
        booked = sum;
    }
    amounts
}

/// The times of an entry that nothing is known of.
pub(super) fn gaps(known: &[(i64, i64)], from: i64, to: i64) -> Vec<(i64, i64)> {
    let mut gaps = Vec::new();
    let mut at = from;
    let first = known.partition_point(|(_, end)| *end <= from);
    for (start, end) in known[first..].iter().take_while(|(start, _)| *start < to) {
        if at < *start {
            gaps.push((at, *start));
        }
        at = at.max(*end);
    }
    if at < to {
        gaps.push((at, to));
    }
    gaps
}

/// Times in ascending order, those that touch or overlap as one.
pub(crate) fn joined(mut times: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    times.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (from, to) in times {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// Cuts `[from, to)` at minute edges: `(minute, from, to)`.
pub(super) fn by_minute(from: i64, to: i64) -> impl Iterator<Item = (i64, i64, i64)> {
    let first = Timestamp(from).minute().0;
    (first..)
        .map(move |minute| (minute, from.max(minute * MINUTE_MS), to.min((minute + 1) * MINUTE_MS)))
        .take_while(move |(_, from, to)| from < to)
}

fn merged(minutes: Vec<(i64, Minute)>, entered: BTreeMap<i64, (i64, u32)>) -> Vec<(i64, Minute)> {
    let mut all = Vec::with_capacity(minutes.len() + entered.len());
    let mut entered = entered.into_iter().peekable();
    let add = |booked: &mut Minute, (amount, ms): (i64, u32)| {
        let part = &mut booked.parts[Provenance::Estimated as usize];
        part.amount = part.amount.saturating_add(amount);
        part.ms += ms;
    };
    for (minute, mut booked) in minutes {
        while let Some((at, what)) = entered.next_if(|(at, _)| *at <= minute) {
            if at == minute {
                add(&mut booked, what);
            } else {
                let mut alone = Minute::default();
                add(&mut alone, what);
                all.push((at, alone));
            }
        }
        all.push((minute, booked));
    }
    for (at, what) in entered {
        let mut alone = Minute::default();
        add(&mut alone, what);
        all.push((at, alone));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ESTIMATED: usize = Provenance::Estimated as usize;
    const START: i64 = 1_767_225_600_000;

    fn entry(from: i64, to: i64, amount: i128) -> Correction {
        Correction::Entry { from: Timestamp(START + from), to: Timestamp(START + to), amount }
    }

    fn minute(amount: i64, ms: u32) -> Minute {
        let mut minute = Minute::default();
        minute.parts[0].amount = amount;
        minute.parts[0].ms = ms;
        minute
    }

    #[test]
    fn an_entry_fills_only_what_is_missing() {
        let first = START / MINUTE_MS;
        let minutes = vec![(first + 1, minute(70, 60_000)), (first + 2, minute(7, 15_000))];
        let known = [(START + 60_000, START + 135_000)];
        let filled = enter(minutes, &known, &[entry(30_000, 180_000, 100)]);
        let told: Vec<_> = filled
            .iter()
            .map(|(at, m)| (*at - first, m.parts[0].amount, m.parts[ESTIMATED].amount, m.parts[ESTIMATED].ms))
            .collect();
        assert_eq!(told, [(0, 0, 40, 30_000), (1, 70, 0, 0), (2, 7, 60, 45_000)]);
    }

    #[test]
    fn an_entry_where_all_is_known_books_nothing() {
        let minutes = vec![(START / MINUTE_MS, minute(70, 60_000))];
        let known = [(START, START + 60_000)];
        assert_eq!(enter(minutes.clone(), &known, &[entry(10_000, 20_000, 5)]), minutes);
    }

    #[test]
    fn entries_that_cannot_be_are_not_booked() {
        let why = |from, to, amount| super::entry(&entry(from, to, amount)).and_then(Result::err);
        assert_eq!(why(5, 5, 1), Some(Unbookable::Empty));
        assert_eq!(why(-START, 5, 1), Some(Unbookable::Time));
        assert_eq!(why(0, 733 * 86_400_000, 1), Some(Unbookable::TooLong));
        assert_eq!(why(0, 60_000, i128::MAX), Some(Unbookable::Absurd));
        assert_eq!(why(0, 60_000, i128::MIN), Some(Unbookable::Absurd));
        assert_eq!(enter(Vec::new(), &[], &[entry(0, 60_000, i128::MAX)]), []);
    }

    proptest! {
        /// Every entry adds exactly its amount, in any order, and no minute is longer than a minute.
        #[test]
        fn entries_add_up_exactly(
            known in prop::collection::vec((0_i64..600_000, 1_i64..100_000), 0..5),
            entries in prop::collection::vec((0_i64..600_000, 1_i64..300_000, -1_000_000_i64..1_000_000), 1..5),
        ) {
            let known = joined(known.into_iter().map(|(at, ms)| (START + at, START + at + ms)).collect());
            let mut minutes: Vec<(i64, Minute)> = Vec::new();
            for (at, from, to) in known.iter().flat_map(|(from, to)| by_minute(*from, *to)) {
                match minutes.last_mut() {
                    Some((last, booked)) if *last == at => booked.parts[0].ms += (to - from) as u32,
                    _ => minutes.push((at, minute(0, (to - from) as u32))),
                }
            }
            let mut corrections: Vec<_> =
                entries.iter().map(|(at, ms, amount)| entry(*at, at + ms, i128::from(*amount))).collect();
            let filled = enter(minutes.clone(), &known, &corrections);
            let expected: i64 = entries
                .iter()
                .filter(|(at, ms, _)| !gaps(&known, START + at, START + at + ms).is_empty())
                .map(|(_, _, amount)| amount)
                .sum();
            prop_assert_eq!(filled.iter().map(|(_, m)| m.parts[ESTIMATED].amount).sum::<i64>(), expected);
            prop_assert!(filled.iter().all(|(_, m)| m.parts.iter().map(|part| part.ms).sum::<u32>() <= 60_000));
            prop_assert!(filled.windows(2).all(|pair| pair[0].0 < pair[1].0));
            corrections.reverse();
            prop_assert_eq!(enter(minutes, &known, &corrections), filled);
        }
    }
}
