//! What changed when a PUE left its bounds: the split of its change against the same window a day before, or a week.
//! Source: domain.md 2.1.

use crate::explain::Boundary;
use crate::indicators::Accounts;
use crate::indicators::compare::{self, Cause, Comparison, Energies, Period};
use crate::ledger::interpret::round_half_even;
use crate::store::StoreError;
use crate::topology::Facility;
use crate::view::View;
use wattledger_model::role::Role;
use wattledger_model::time::{DAY_MINUTES, HOUR_MINUTES, Interval, Minute};

/// A window is compared, and a subsystem told apart, where so much of it is known.
const KNOWN: f64 = 0.9;
/// Decimals of PUE that are shown, and parts that are smaller than one of them are not.
const DECIMALS: u8 = 4;

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
        if let Some((comparison, periods)) = compared(view, of, before, window)? {
            return Ok(told(&comparison, &periods, words));
        }
    }
    Ok(Vec::new())
}

/// Two windows split by the same subsystems; `None` where one is not known well enough.
fn compared(
    view: &View,
    facility: &Facility,
    before: Interval,
    now: Interval,
) -> Result<Option<(Comparison, [Period; 2])>, StoreError> {
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
    let mut periods = Vec::new();
    for (boundary, account) in boundaries.iter().zip(&published) {
        let minutes = boundary.minutes(&view.connection, &roles)?;
        periods.push(Period {
            published_total_uwh: account.numerator,
            published_it_uwh: account.denominator,
            own: an_hour(&boundary.energies(&view.connection, &roles)?, minutes),
            as_other: None,
        });
    }
    let [a, b]: [Period; 2] = match periods.try_into() {
        Ok(both) => both,
        Err(_) => return Ok(None),
    };
    Ok(compare::compare(&a, &b).ok().map(|comparison| (comparison, [a, b])))
}

/// What energies over so many minutes come to in an hour: mean powers, which two windows can be compared by.
fn an_hour(energies: &Energies, minutes: i64) -> Energies {
    let scaled = |uwh: i128| round_half_even(uwh * i128::from(HOUR_MINUTES), i128::from(minutes.max(1)));
    Energies {
        total_uwh: scaled(energies.total_uwh),
        it_uwh: scaled(energies.it_uwh),
        overhead_uwh: energies.overhead_uwh.iter().map(|(role, uwh)| (*role, scaled(*uwh))).collect(),
    }
}

fn told(comparison: &Comparison, [before, now]: &[Period; 2], when: &str) -> Vec<String> {
    let (_, mut parts) = comparison.rounded(DECIMALS);
    parts.sort_by_key(|(_, units)| std::cmp::Reverse(units.abs()));
    let size = 10_f64.powi(i32::from(DECIMALS));
    let kw = |uwh: i128| uwh as f64 / 1e9;
    let of_role = |period: &Period, role: Role| -> i128 {
        let own = period.own.overhead_uwh.iter().filter(|(of, _)| *of == role);
        own.map(|(_, uwh)| uwh).sum()
    };
    let sentence = |(cause, units): (Cause, i128)| {
        let adds = units as f64 / size;
        let powers = |now: i128, before: i128| format!(": {:.1} kW, {:.1} kW {when}", kw(now), kw(before));
        let (what, powers) = match cause {
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
        };
        format!("{what} adds {adds:+.4}{powers}")
    };
    parts.into_iter().filter(|(_, units)| *units != 0).map(sentence).collect()
}
