//! What changed when a PUE left its bounds: the split of its change against the same window a day before, or a week.
//! Source: domain.md 2.1.

use crate::explain::Boundary;
use crate::indicators::Accounts;
use crate::indicators::compare::{self, Cause, Comparison, Energies, Period};
use crate::ledger::interpret::round_half_even;
use crate::store::{MeterId, StoreError};
use crate::topology::Facility;
use crate::view::View;
use std::collections::BTreeMap;
use wattledger_model::role::Role;
use wattledger_model::time::{DAY_MINUTES, HOUR_MINUTES, Interval, Minute};

/// A window is compared, and a subsystem told apart, where so much of it is known.
const KNOWN: f64 = 0.9;
/// Decimals of PUE that are shown, and parts that are smaller than one of them are not.
const DECIMALS: u8 = 4;

/// Meters of a subsystem that are named, those that moved most.
const NAMED: usize = 2;
/// A meter whose mean power moved by less is not named, µW.
const LEAST_UW: i128 = 100_000_000;

/// Sentences on what moved the PUE of a window since a day or a week before, the greatest part first; none where neither
/// can be compared.
pub(super) fn since_before(
    view: &mut View,
    facility: usize,
    window: Interval,
) -> Result<Vec<String>, StoreError> {
    let topology = std::sync::Arc::clone(view.topology());
    let of = &topology.facilities[facility];
    for (days, words) in [(1, "a day before"), (7, "a week before")] {
        let back = days * DAY_MINUTES;
        let before = Interval::new(Minute(window.from.0 - back), Minute(window.to.0 - back));
        if let Some(compared) = compared(view, of, before, window)? {
            return compared.told(view, words);
        }
    }
    Ok(Vec::new())
}

/// Two windows, the earlier one first.
struct Compared {
    comparison: Comparison,
    periods: [Period; 2],
    boundaries: [Boundary; 2],
    /// The minutes in which all that is told apart is known.
    minutes: [i64; 2],
    /// The subsystems that are told apart.
    roles: Vec<Role>,
}

/// Two windows split by the same subsystems; `None` where one is not known well enough.
fn compared(
    view: &View,
    facility: &Facility,
    before: Interval,
    now: Interval,
) -> Result<Option<Compared>, StoreError> {
    let mut published = Vec::new();
    for interval in [before, now] {
        let account = Accounts::new(facility.pue()).account(&view.connection, interval)?;
        if (account.minutes as f64) < KNOWN * interval.minutes() as f64 || account.denominator <= 0 {
            return Ok(None);
        }
        published.push(account);
    }
    let boundaries = [before, now].map(|interval| Boundary::own(facility, interval));
    let mut roles: Vec<Role> = Vec::new();
    for role in boundaries[0].roles() {
        let with = [&roles[..], &[role]].concat();
        let mut is_known = true;
        for (boundary, account) in boundaries.iter().zip(&published) {
            let minutes = boundary.minutes(&view.connection, &with)?;
            is_known &= minutes as f64 >= KNOWN * account.minutes as f64;
        }
        if is_known {
            roles = with;
        }
    }
    let (mut periods, mut known) = (Vec::new(), [0; 2]);
    for (at, (boundary, account)) in boundaries.iter().zip(&published).enumerate() {
        known[at] = boundary.minutes(&view.connection, &roles)?;
        periods.push(Period {
            published_total_uwh: account.numerator,
            published_it_uwh: account.denominator,
            own: an_hour(&boundary.energies(&view.connection, &roles)?, known[at]),
            as_other: None,
        });
    }
    let [a, b]: [Period; 2] = match periods.try_into() {
        Ok(both) => both,
        Err(_) => return Ok(None),
    };
    // Windows that do not compare, such as one without IT energy, have nothing to tell: the alert says the rest.
    let comparison = compare::compare(&a, &b).ok();
    Ok(comparison.map(|comparison| Compared {
        comparison,
        periods: [a, b],
        boundaries,
        minutes: known,
        roles,
    }))
}

/// What energies over so many minutes come to in an hour: mean powers, which two windows can be compared by.
fn an_hour(energies: &Energies, minutes: i64) -> Energies {
    let scaled = |uwh: i128| mean_power(uwh, minutes);
    Energies {
        total_uwh: scaled(energies.total_uwh),
        it_uwh: scaled(energies.it_uwh),
        overhead_uwh: energies.overhead_uwh.iter().map(|(role, uwh)| (*role, scaled(*uwh))).collect(),
    }
}

/// µW of µWh over so many minutes.
fn mean_power(uwh: i128, minutes: i64) -> i128 {
    round_half_even(uwh * i128::from(HOUR_MINUTES), i128::from(minutes.max(1)))
}

impl Compared {
    fn told(&self, view: &View, when: &str) -> Result<Vec<String>, StoreError> {
        let (_, mut parts) = self.comparison.rounded(DECIMALS);
        parts.retain(|(_, units)| *units != 0);
        parts.sort_by_key(|(_, units)| std::cmp::Reverse(units.abs()));
        let size = 10_f64.powi(i32::from(DECIMALS));
        let mut sentences = Vec::new();
        for (cause, units) in parts {
            let adds = units as f64 / size;
            let (what, powers) = self.behind(cause, when);
            let meters = match cause {
                Cause::Overhead(role) => self.moved(view, role)?,
                _ => String::new(),
            };
            sentences.push(format!("{what} adds {adds:+.4}{powers}{meters}"));
        }
        Ok(sentences)
    }

    /// A part in words, with its powers now and before.
    fn behind(&self, cause: Cause, when: &str) -> (String, String) {
        let [before, now] = &self.periods;
        let kw = |uwh: i128| uwh as f64 / 1e9;
        let powers = |now: i128, before: i128| format!(": {:.1} kW, {:.1} kW {when}", kw(now), kw(before));
        let of_role = |period: &Period, role: Role| -> i128 {
            let own = period.own.overhead_uwh.iter().filter(|(of, _)| *of == role);
            own.map(|(_, uwh)| uwh).sum()
        };
        match cause {
            Cause::ItLoad => ("the IT load".to_owned(), powers(now.own.it_uwh, before.own.it_uwh)),
            Cause::Overhead(role) => {
                (role.word().to_owned(), powers(of_role(now, role), of_role(before, role)))
            }
            Cause::Unattributed => (
                "what no subsystem's meter sees".to_owned(),
                powers(now.own.unattributed(), before.own.unattributed()),
            ),
            Cause::Configuration => ("the configuration".to_owned(), format!(", against {when}")),
            Cause::DataQuality => ("the quality of the data".to_owned(), format!(", against {when}")),
        }
    }

    /// Which meters of a subsystem moved, the one that moved most first; empty where there is but one.
    fn moved(&self, view: &View, role: Role) -> Result<String, StoreError> {
        let mut moved: BTreeMap<MeterId, i128> = BTreeMap::new();
        for (sign, (boundary, minutes)) in [-1, 1].into_iter().zip(self.boundaries.iter().zip(self.minutes)) {
            for (meter, uwh) in boundary.meters(&view.connection, role, &self.roles)? {
                *moved.entry(meter).or_default() += sign * mean_power(uwh, minutes);
            }
        }
        if moved.len() < 2 {
            return Ok(String::new());
        }
        let mut moved: Vec<(MeterId, i128)> =
            moved.into_iter().filter(|(_, uw)| uw.abs() >= LEAST_UW).collect();
        moved.sort_by_key(|(_, uw)| std::cmp::Reverse(uw.abs()));
        let named = moved.iter().take(NAMED).filter_map(|(meter, uw)| {
            let name = &view.topology().meters.get(meter)?.declared.key.meter;
            Some(format!("{name} {:+.1} kW", *uw as f64 / 1e9))
        });
        let named: Vec<String> = named.collect();
        Ok(if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) })
    }
}
