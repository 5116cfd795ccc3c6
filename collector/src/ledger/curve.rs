//! From stretches of a register's curve to minutes, in integers.
//!
//! The register is rounded once at each minute edge, half to even, and minutes are differences of edges,
//! so any run of them adds up to the register's difference exactly. Source: domain.md 5.2 (E21).

use super::interpret::{POSITION_PER_BASE, round_half_even, round_parts};
use super::register::Stretch;
use wattledger_model::minute::{Minute, Provenance};
use wattledger_model::time::{MINUTE_MS, Timestamp};

/// Minutes being booked, in ascending order.
#[derive(Debug, Default)]
pub struct Booked {
    minutes: Vec<(i64, Minute)>,
}

impl Booked {
    /// Adds to one minute; minutes come in ascending order.
    pub fn add(&mut self, minute: i64, provenance: Provenance, amount: i64, ms: u32) {
        if self.minutes.last().is_none_or(|(last, _)| *last != minute) {
            self.minutes.push((minute, Minute::default()));
        }
        if let Some((_, booked)) = self.minutes.last_mut() {
            let part = &mut booked.parts[provenance as usize];
            // Only nonsense of more than a terawatt-hour a minute saturates.
            part.amount = part.amount.saturating_add(amount);
            part.ms += ms;
        }
    }

    /// The minutes that hold anything, ascending.
    pub fn into_minutes(self) -> Vec<(i64, Minute)> {
        self.minutes
    }
}

/// Where the curve was last rounded, and whether the next stretch goes on from there.
struct Cut {
    at: i64,
    position: i128,
    provenance: Provenance,
    /// Rounded position at the last edge that was booked.
    rounded: i128,
}

/// Books stretches, which ascend in time, to minutes.
pub fn book(stretches: &[Stretch], booked: &mut Booked) {
    let mut open: Option<Cut> = None;
    for stretch in stretches {
        let goes_on = |cut: &Cut| {
            cut.at == stretch.from
                && cut.position == stretch.start
                && Some(cut.provenance) == stretch.provenance
        };
        let rounded = match open.take() {
            Some(cut) if goes_on(&cut) => cut.rounded,
            cut => {
                close(cut, booked);
                round_half_even(stretch.start, POSITION_PER_BASE)
            }
        };
        if let Some(provenance) = stretch.provenance {
            let rounded = book_edges(stretch, provenance, rounded, booked);
            open = Some(Cut { at: stretch.to, position: stretch.end, provenance, rounded });
        }
    }
    close(open, booked);
}

/// Books what lies between the last edge and the end of a run.
fn close(cut: Option<Cut>, booked: &mut Booked) {
    let Some(cut) = cut else { return };
    if cut.at % MINUTE_MS != 0 {
        let end = round_half_even(cut.position, POSITION_PER_BASE);
        booked.add(Timestamp(cut.at).minute().0, cut.provenance, fitting(end - cut.rounded), 0);
    }
}

/// An amount as a minute keeps it. Each step fits, but many of them in one minute need not.
fn fitting(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX })
}

/// Books each minute edge inside the stretch, and the time after the last one; gives the position rounded there.
fn book_edges(stretch: &Stretch, provenance: Provenance, mut rounded: i128, booked: &mut Booked) -> i128 {
    let (from, to) = (stretch.from, stretch.to);
    let length = i128::from(to - from);
    let delta = stretch.end - stretch.start;
    let denominator = POSITION_PER_BASE * length;
    let first = Timestamp(from).minute().0 + 1;
    let last = to.div_euclid(MINUTE_MS);

    if first <= last {
        // Position at an edge = whole + part / denominator, carried from edge to edge without division.
        let offset = stretch.start.rem_euclid(POSITION_PER_BASE) * length
            + delta * i128::from(first * MINUTE_MS - from);
        let mut whole = stretch.start.div_euclid(POSITION_PER_BASE) + offset.div_euclid(denominator);
        let mut part = offset.rem_euclid(denominator);
        let advance = delta * i128::from(MINUTE_MS);
        let (whole_step, part_step) = if first < last {
            (advance.div_euclid(denominator), advance.rem_euclid(denominator))
        } else {
            (0, 0)
        };
        for edge in first..=last {
            let position = round_parts(whole, part, denominator);
            let ms = (edge * MINUTE_MS - from).min(MINUTE_MS) as u32;
            booked.add(edge - 1, provenance, fitting(position - rounded), ms);
            rounded = position;
            whole += whole_step;
            part += part_step;
            if part >= denominator {
                part -= denominator;
                whole += 1;
            }
        }
    }
    let rest = to - from.max(last * MINUTE_MS);
    if rest > 0 {
        booked.add(last, provenance, 0, rest as u32);
    }
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wattledger_model::minute::StepClass;

    fn stretch(from: i64, to: i64, start: i128, end: i128, provenance: Provenance) -> Stretch {
        Stretch {
            from,
            to,
            start,
            end,
            class: StepClass::Normal,
            provenance: Some(provenance),
            is_continued: false,
        }
    }

    fn booked(stretches: &[Stretch]) -> Vec<(i64, Minute)> {
        let mut booked = Booked::default();
        book(stretches, &mut booked);
        booked.into_minutes()
    }

    #[test]
    fn readings_inside_a_minute_are_no_edges() {
        // 0.4 + 0.4 + 0.4 base units inside one minute are 1.2: one rounding, not three.
        let tenth = POSITION_PER_BASE / 10;
        let parts: Vec<_> = (0..3)
            .map(|i| {
                stretch(
                    i * 20_000,
                    (i + 1) * 20_000,
                    i as i128 * 4 * tenth,
                    (i as i128 + 1) * 4 * tenth,
                    Provenance::Measured,
                )
            })
            .collect();
        let minutes = booked(&parts);
        assert_eq!(minutes.len(), 1);
        assert_eq!((minutes[0].1.amount(), minutes[0].1.parts[0].ms), (1, 60_000));
    }

    #[test]
    fn a_change_of_provenance_inside_a_minute_splits_it() {
        let unit = POSITION_PER_BASE;
        let minutes = booked(&[
            stretch(0, 30_000, 0, 10 * unit, Provenance::Measured),
            stretch(30_000, 90_000, 10 * unit, 40 * unit, Provenance::Interpolated),
        ]);
        let part = |i: usize, p: Provenance| (minutes[i].1.part(p).amount, minutes[i].1.part(p).ms);
        assert_eq!(part(0, Provenance::Measured), (10, 30_000));
        assert_eq!(part(0, Provenance::Interpolated), (15, 30_000));
        assert_eq!(part(1, Provenance::Interpolated), (15, 30_000));
    }

    proptest! {
        /// Conservation: the minutes of an unbroken run add up to the difference of its rounded ends,
        /// and each edge is where linear interpolation in exact fractions puts it.
        #[test]
        fn minutes_add_up_exactly(
            start in -10_i128.pow(15)..10_i128.pow(24),
            first in -10_000_000_i64..10_000_000,
            steps in prop::collection::vec((1_i64..5_000_000, 0_i128..10_i128.pow(18)), 1..40),
        ) {
            let mut run = Vec::new();
            let (mut at, mut position) = (first, start);
            for (ms, delta) in steps {
                run.push(stretch(at, at + ms, position, position + delta, Provenance::Measured));
                at += ms;
                position += delta;
            }
            let minutes = booked(&run);
            let sum: i128 = minutes.iter().map(|(_, m)| i128::from(m.amount())).sum();
            let rounded = |p| round_half_even(p, POSITION_PER_BASE);
            prop_assert_eq!(sum, rounded(position) - rounded(start));
            let ms: i64 = minutes.iter().map(|(_, m)| i64::from(m.parts[0].ms)).sum();
            prop_assert_eq!(ms, at - first);
            prop_assert!(minutes.windows(2).all(|pair| pair[0].0 < pair[1].0));

            let mut total = rounded(start);
            for (minute, booked) in &minutes {
                total += i128::from(booked.amount());
                let edge = (minute + 1) * MINUTE_MS;
                if let Some(s) = run.iter().find(|s| s.from < edge && edge <= s.to) {
                    let length = i128::from(s.to - s.from);
                    let exact = (s.end - s.start) * i128::from(edge - s.from) + s.start * length;
                    prop_assert_eq!(total, round_half_even(exact, POSITION_PER_BASE * length));
                }
            }
        }
    }
}
