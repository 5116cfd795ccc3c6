//! Makes the explanation of a change.
//!
//! The periods need not be of one length, nor known for the same time: a month of 31 days has more overhead and more IT
//! energy than one of 30, which moves no PUE. So mean powers are split, each energy by the time that it is over.

use super::super::error::ExplainError;
use super::super::figure::{of_it, of_total, part, position};
use super::super::source::Source;
use super::super::{Span, local};
use super::boundary::Boundary;
use super::content::{ChangeExplanation, Energies as Shown, Overhead, Part, Told};
use crate::config::Claim;
use crate::indicators::compare::{self, Cause, Comparison, Energies, Ways};
use crate::indicators::notation::notation;
use crate::indicators::{Account, Accounts, Figure, Indicator, Reader};
use crate::ledger::interpret::round_half_even;
use crate::outputs::reports::Amount;
use crate::store::StoreError;
use crate::topology::Facility;
use wattledger_model::meter::MeterKey;
use wattledger_model::role::Role;
use wattledger_model::time::{Interval, MINUTE_MS, Timestamp};

/// Decimals of PUE that are shown: changes from month to month are in the third.
const DECIMALS: u8 = 4;

/// A subsystem is told apart, and a boundary applied to the other period, where that leaves at least this share of
/// the time that the published figure is over.
const KEPT: f64 = 0.9;

/// Explains what moved a facility's PUE from period `a` to period `b`, each written as for reports.
///
/// # Errors
/// [`ExplainError`]: no such facility or period, a period without a PUE, or a store that cannot be read.
pub fn change(
    source: &Source<'_>,
    facility: &str,
    a: &str,
    b: &str,
    now: Timestamp,
) -> Result<ChangeExplanation, ExplainError> {
    let mut view = source.view()?;
    let at = position(source, facility)?;
    let topology = source.topology.clone();
    let facility = &topology.facilities[at];
    if let Some(problem) = &facility.problem {
        return Err(ExplainError::Indicator {
            indicator: "the change of pue".to_owned(),
            facility: facility.name.to_string(),
            why: problem.to_string(),
        });
    }
    view.begin()?;
    let published = |period: &str| -> Result<Published, ExplainError> {
        let (asked, interval, cut) = part(&view, at, facility, period, now)?;
        let account = Accounts::new(facility.pue()).account(&view.connection, interval)?;
        Ok(Published { text: asked.text, interval, cut, account })
    };
    let sides = [published(a)?, published(b)?];
    let made = Making { source, ledger: &view.connection, facility, sides: &sides }.make()?;
    view.end()?;
    Ok(made)
}

/// A period with its published figure.
struct Published {
    text: String,
    interval: Interval,
    cut: Option<String>,
    account: Account,
}

/// A period's energies by its own boundary and by the other's, with the minutes they are over.
struct Split {
    own: (Energies, i64),
    as_other: Option<(Energies, i64)>,
}

struct Making<'m> {
    source: &'m Source<'m>,
    ledger: &'m Reader,
    facility: &'m Facility,
    sides: &'m [Published; 2],
}

impl Making<'_> {
    fn make(&self) -> Result<ChangeExplanation, ExplainError> {
        let mut notes = Vec::new();
        let own = [0, 1].map(|at| Boundary::own(self.facility, self.sides[at].interval));
        let crossed = self.crossed(&mut notes)?;
        let roles = self.roles(&own, &crossed, &mut notes)?;
        let [crossed_a, crossed_b] = &crossed;
        let splits = [
            self.split(&own[0], crossed_a.as_ref(), &roles)?,
            self.split(&own[1], crossed_b.as_ref(), &roles)?,
        ];
        let ways = match (crossed_a, crossed_b) {
            (Some(_), None) => Ways::OverA,
            (None, Some(_)) => Ways::OverB,
            _ => Ways::Both,
        };
        let all = splits.iter().flat_map(|split| std::iter::once(&split.own).chain(&split.as_other));
        let longest = all.map(|(_, minutes)| *minutes).max().unwrap_or(0);
        let period = |at: usize| {
            let Published { account, .. } = &self.sides[at];
            compare::Period {
                published_total_uwh: account.numerator,
                published_it_uwh: account.denominator,
                own: over(longest, &splits[at].own),
                as_other: splits[at].as_other.as_ref().map(|split| over(longest, split)),
            }
        };
        let comparison = compare::compare_over(&period(0), &period(1), ways)?;
        self.note_instruments(&mut notes);
        let change = comparison.rounded(DECIMALS).0;
        let told = [0, 1].map(|at| self.told(at, &splits[at]));
        if units(&told[1].pue_rounded) - units(&told[0].pue_rounded) != change {
            notes.push("the values and their change are each rounded by themselves".to_owned());
        }
        let boundary_changes = self.changes();
        let [a, b] = told;
        Ok(ChangeExplanation {
            explanation: "wattledger/explain-change/v1",
            facility: self.facility.name.to_string(),
            title: self.facility.title.clone(),
            a,
            b,
            change: comparison.total(),
            change_rounded: signed(change),
            parts: self.parts(&comparison, &splits, &boundary_changes),
            boundary_changes,
            notes,
        })
    }

    /// Each period by the other's boundary, where that differs and has readings.
    fn crossed(&self, notes: &mut Vec<String>) -> Result<[Option<Boundary>; 2], StoreError> {
        let [a, b] = [0, 1].map(|at| self.sides[at].interval);
        let ended = |interval, of| Boundary::of_other(self.facility, interval, of);
        if ended(a, a).is_same(&ended(a, b)) {
            return Ok([None, None]);
        }
        let mut crossed = [Some(ended(a, b)), Some(ended(b, a))];
        for (at, (name, other)) in [("A", "B"), ("B", "A")].into_iter().enumerate() {
            let Some(boundary) = &crossed[at] else { continue };
            let minutes = boundary.minutes(self.ledger, &[])?;
            if !is_kept(minutes, self.sides[at].account.minutes) {
                notes.push(format!(
                    "the boundary of {other} cannot be applied to {name}: some of its meters have no readings then"
                ));
                crossed[at] = None;
            }
        }
        if crossed == [None, None] {
            notes.push(
                "the boundary changed, and neither period can be told by the other's: what that did is in the other parts"
                    .to_owned(),
            );
        }
        Ok(crossed)
    }

    /// The subsystems that are known well enough, in both periods and by all boundaries, to be told apart.
    fn roles(
        &self,
        own: &[Boundary; 2],
        crossed: &[Option<Boundary>; 2],
        notes: &mut Vec<String>,
    ) -> Result<Vec<Role>, StoreError> {
        let mut kept: Vec<Role> = Vec::new();
        for role in own[0].roles() {
            let mut with = kept.clone();
            with.push(role);
            let mut least = f64::INFINITY;
            for at in [0, 1] {
                let whole = self.sides[at].account.minutes.max(1);
                for boundary in std::iter::once(&own[at]).chain(&crossed[at]) {
                    let minutes = boundary.minutes(self.ledger, &with)?;
                    least = least.min(minutes as f64 / whole as f64);
                }
            }
            if least >= KEPT {
                kept = with;
            } else {
                notes.push(format!(
                    "{role} is not told apart: with it, only {:.1} % of the time could be split, so it is in what is \
                     unattributed",
                    least * 100.0
                ));
            }
        }
        Ok(kept)
    }

    fn split(&self, own: &Boundary, crossed: Option<&Boundary>, roles: &[Role]) -> Result<Split, StoreError> {
        let of = |boundary: &Boundary| -> Result<(Energies, i64), StoreError> {
            let minutes = boundary.minutes(self.ledger, roles)?;
            Ok((boundary.energies(self.ledger, roles)?, minutes))
        };
        Ok(Split { own: of(own)?, as_other: crossed.map(of).transpose()? })
    }

    fn told(&self, at: usize, split: &Split) -> Told {
        let Published { text, interval, cut, account } = &self.sides[at];
        let figure = Figure::of(Indicator::Pue, *interval, account);
        let zone = self.facility.zone;
        let shown = |(energies, minutes): &(Energies, i64)| Shown {
            minutes: *minutes,
            facility_kwh: Amount::kwh(energies.total_uwh),
            it_kwh: Amount::kwh(energies.it_uwh),
            overhead: energies
                .overhead_uwh
                .iter()
                .map(|(role, energy)| Overhead { role: role.word(), kwh: Amount::kwh(*energy) })
                .collect(),
            unattributed_kwh: Some(Amount::kwh(energies.unattributed())),
        };
        Told {
            period: Span {
                text: text.clone(),
                from: interval.from.start(),
                to: interval.to.start(),
                time_zone: zone.name(),
                cut: cut.clone(),
            },
            notation: notation(Indicator::Pue, self.facility.category, *interval, zone),
            pue: figure.value,
            pue_rounded: figure
                .value
                .map_or_else(String::new, |value| format!("{value:.*}", usize::from(DECIMALS))),
            coverage: figure.coverage,
            published: Shown {
                minutes: account.minutes,
                facility_kwh: Amount::kwh(account.numerator),
                it_kwh: Amount::kwh(account.denominator),
                overhead: Vec::new(),
                unattributed_kwh: None,
            },
            compared: shown(&split.own),
            as_other: split.as_other.as_ref().map(shown),
        }
    }

    fn parts(&self, comparison: &Comparison, splits: &[Split; 2], changes: &[String]) -> Vec<Part> {
        let (_, rounded) = comparison.rounded(DECIMALS);
        let is_same_time = (0..2).all(|at| splits[at].own.1 == self.sides[at].account.minutes);
        let part = |((cause, adds), (_, units)): ((Cause, f64), (Cause, i128))| Part {
            cause: cause.word(),
            adds,
            rounded: signed(units),
            because: match cause {
                Cause::DataQuality if is_same_time => "published over the time that is split here".to_owned(),
                _ => because(cause, splits, changes),
            },
        };
        comparison.parts().zip(rounded).map(part).collect()
    }

    /// The claims of the facility's sums, of real and virtual meters.
    fn claims(&self) -> impl Iterator<Item = (&MeterKey, &Claim)> {
        let config = self.source.config;
        let real =
            config.meters.iter().flat_map(|meter| meter.claims.iter().map(|claim| (&meter.key, claim)));
        let virtuals =
            config.virtuals.iter().flat_map(|one| one.claims.iter().map(|claim| (&one.key, claim)));
        let mut roles = of_total();
        roles.extend(of_it(self.facility));
        real.chain(virtuals).filter(move |(_, claim)| {
            let counts = roles.contains(&claim.role) || claim.role.is_overhead();
            counts && claim.is_of_facility(&self.facility.name)
        })
    }

    /// The claims that are in force in one of the periods and not in the other, or in a part of one.
    fn changes(&self) -> Vec<String> {
        let [a, b] = [0, 1].map(|at| self.sides[at].interval);
        let zone = self.facility.zone;
        let changed = self.claims().filter(|(_, claim)| {
            let inside = |interval: Interval| claim.during.intersect(interval);
            let whole = |interval: Interval| inside(interval) == interval;
            let (touches, spans) = ([a, b].map(|of| !inside(of).is_empty()), [a, b].map(whole));
            touches != [false; 2] && spans != [true; 2]
        });
        let told = |(meter, claim): (&MeterKey, &Claim)| {
            let during = local::during(claim.during, zone);
            format!("{meter} counts as {}{during}", claim.role)
        };
        changed.map(told).collect()
    }

    /// Other instruments or ways of reading between the begin of the one and the end of the other.
    fn note_instruments(&self, notes: &mut Vec<String>) {
        let [a, b] = [0, 1].map(|at| self.sides[at].interval);
        let all = Interval::new(a.from.min(b.from), a.to.max(b.to));
        let mut meters: Vec<&MeterKey> = self.claims().map(|(meter, _)| meter).collect();
        meters.sort();
        meters.dedup();
        for known in self.source.topology.meters.values() {
            if !meters.contains(&&known.declared.key) {
                continue;
            }
            let begun = |epoch: &&crate::ledger::interpret::Epoch| all.contains(epoch.from.minute());
            for epoch in known.interpretation.later.iter().filter(begun) {
                let at = local::shown(epoch.from, self.facility.zone);
                let meter = &known.declared.key;
                notes.push(format!("{meter} has another instrument, or is read otherwise, from {at} on"));
            }
        }
        notes.sort();
    }
}

/// What energies would be at the same mean powers over another time; to a whole µWh, half to even.
fn over(minutes: i64, (energies, known): &(Energies, i64)) -> Energies {
    let scaled = |energy: i128| round_half_even(energy * i128::from(minutes), i128::from(*known.max(&1)));
    Energies {
        total_uwh: scaled(energies.total_uwh),
        it_uwh: scaled(energies.it_uwh),
        overhead_uwh: energies.overhead_uwh.iter().map(|(role, energy)| (*role, scaled(*energy))).collect(),
    }
}

fn is_kept(minutes: i64, whole: i64) -> bool {
    minutes > 0 && minutes as f64 >= KEPT * whole as f64
}

/// Units of the last decimal, with their sign.
fn signed(units: i128) -> String {
    let size = 10_u128.pow(u32::from(DECIMALS));
    let (whole, rest) = (units.unsigned_abs() / size, units.unsigned_abs() % size);
    let sign = match units.signum() {
        1 => "+",
        -1 => "-",
        _ => "",
    };
    format!("{sign}{whole}.{rest:0width$}", width = usize::from(DECIMALS))
}

/// The units of the last decimal of a value that was printed with all of them.
fn units(printed: &str) -> i128 {
    printed.replace('.', "").parse().unwrap_or(0)
}

/// The mean powers behind a part.
fn because(cause: Cause, splits: &[Split; 2], changes: &[String]) -> String {
    let both = |what: &str, of: &dyn Fn(&Energies) -> i128| {
        // µWh in an hour are µW, and are shown in kW as µWh are in kWh.
        let mean = |split: &Split| Amount::kwh(of(&over(60, &split.own))).grouped();
        let [a, b] = splits;
        format!("{what}{} kW in A, {} kW in B", mean(a), mean(b))
    };
    let of_role = |role: Role| {
        move |energies: &Energies| {
            let own = energies.overhead_uwh.iter().filter(|(of, _)| *of == role);
            own.map(|(_, energy)| energy).sum::<i128>()
        }
    };
    match cause {
        Cause::ItLoad => both("IT takes ", &|energies| energies.it_uwh),
        Cause::Overhead(role) => both("", &of_role(role)),
        Cause::Unattributed => both("not seen by a subsystem's meters: ", &Energies::unattributed),
        Cause::Configuration if changes.is_empty() => "the same meters in both periods".to_owned(),
        Cause::Configuration => {
            format!("{} that differ, below", local::count(changes.len(), "claim", "claims"))
        }
        Cause::DataQuality => {
            let [a, b] = [0, 1].map(|at| local::length(splits[at].own.1 * MINUTE_MS));
            format!("published over other time than the {a} of A and {b} of B that are split here")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_its_sign_and_all_its_decimals() {
        let shown: Vec<String> = [508, -20_001, 0, 7].into_iter().map(signed).collect();
        assert_eq!(shown, ["+0.0508", "-2.0001", "0.0000", "+0.0007"]);
        assert_eq!(units("1.3508"), 13_508);
        let energies = Energies { total_uwh: 1_300, it_uwh: 1_000, overhead_uwh: vec![(Role::Cooling, 7)] };
        let half = over(30, &(energies, 60));
        assert_eq!((half.total_uwh, half.it_uwh, half.overhead_uwh[0].1), (650, 500, 4));
        assert!(is_kept(90, 100) && !is_kept(89, 100) && !is_kept(0, 0));
    }
}
