//! A period's energies by one boundary: all of them over the same time, so that they can be split.

use crate::indicators::account::ALWAYS;
use crate::indicators::compare::Energies;
use crate::indicators::{Account, Accounts, Pair, Reader, Term};
use crate::store::{MeterId, StoreError};
use crate::topology::Facility;
use std::collections::BTreeMap;
use wattledger_model::role::Role;
use wattledger_model::time::{Interval, Minute};

/// A period and the meters by which it is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Boundary {
    pub(crate) interval: Interval,
    total: Vec<Term>,
    it: Vec<Term>,
    overhead: Vec<(Role, Vec<Term>)>,
}

/// The terms in force in the last minute of an interval, as if they had always been.
fn at_end(terms: &[Term], interval: Interval) -> Vec<Term> {
    let last = Minute(interval.to.0 - 1);
    let in_force = terms.iter().filter(|term| term.during.contains(last));
    in_force.map(|term| Term { during: ALWAYS, ..*term }).collect()
}

/// The times at which some term belongs to a sum, joined.
fn in_force(terms: &[Term], interval: Interval) -> Vec<Interval> {
    let mut parts: Vec<Interval> = terms.iter().map(|term| term.during.intersect(interval)).collect();
    parts.retain(|part| !part.is_empty());
    parts.sort();
    let mut joined: Vec<Interval> = Vec::new();
    for part in parts {
        match joined.last_mut() {
            Some(last) if part.from <= last.to => last.to = last.to.max(part.to),
            _ => joined.push(part),
        }
    }
    joined
}

/// Terms without coefficient: they add nothing, and must be covered all the same.
fn silent(terms: &[Term]) -> impl Iterator<Item = Term> + '_ {
    terms.iter().map(|term| Term { millionths: 0, ..*term })
}

impl Boundary {
    /// By the claims in force in the interval itself.
    pub(crate) fn own(facility: &Facility, interval: Interval) -> Boundary {
        Boundary {
            interval,
            total: facility.total.clone(),
            it: facility.it.clone(),
            overhead: facility.overhead.clone(),
        }
    }

    /// By the claims in force at the end of another interval.
    pub(crate) fn of_other(facility: &Facility, interval: Interval, other: Interval) -> Boundary {
        let ended = |terms: &[Term]| at_end(terms, other);
        Boundary {
            interval,
            total: ended(&facility.total),
            it: ended(&facility.it),
            overhead: facility.overhead.iter().map(|(role, terms)| (*role, ended(terms))).collect(),
        }
    }

    /// Whether the same meters make it, whatever its interval.
    pub(crate) fn is_same(&self, other: &Boundary) -> bool {
        (&self.total, &self.it, &self.overhead) == (&other.total, &other.it, &other.overhead)
    }

    /// The roles of overhead meters in it.
    pub(crate) fn roles(&self) -> impl Iterator<Item = Role> + '_ {
        self.overhead.iter().map(|(role, _)| *role)
    }

    /// Overhead terms of some roles, each while both sums mean something: outside that, nothing can be split.
    fn overhead_of(&self, roles: &[Role]) -> Vec<Term> {
        let chosen = self.overhead.iter().filter(|(role, _)| roles.contains(role));
        let (total, it) = (in_force(&self.total, self.interval), in_force(&self.it, self.interval));
        let mut clipped = Vec::new();
        for term in chosen.flat_map(|(_, terms)| terms) {
            for above in &total {
                for below in &it {
                    let during = term.during.intersect(*above).intersect(*below);
                    if !during.is_empty() {
                        clipped.push(Term { during, ..*term });
                    }
                }
            }
        }
        clipped
    }

    /// A sum above and IT energy below, over the time in which total, IT energy and the overhead of `roles` are known.
    fn account(&self, ledger: &Reader, above: &[Term], roles: &[Role]) -> Result<Account, StoreError> {
        let known = self.overhead_of(roles);
        let numerator: Vec<Term> =
            above.iter().copied().chain(silent(&self.total)).chain(silent(&known)).collect();
        let denominator: Vec<Term> = self.it.iter().copied().chain(silent(&known)).collect();
        Accounts::new(Pair::ratio(&numerator, &denominator)).account(ledger, self.interval)
    }

    /// Minutes in which total, IT energy and the overhead of `roles` are all known.
    pub(crate) fn minutes(&self, ledger: &Reader, roles: &[Role]) -> Result<i64, StoreError> {
        if self.total.is_empty() || self.it.is_empty() {
            return Ok(0);
        }
        Ok(self.account(ledger, &self.total, roles)?.minutes)
    }

    /// The energies over that time.
    pub(crate) fn energies(&self, ledger: &Reader, roles: &[Role]) -> Result<Energies, StoreError> {
        let total = self.account(ledger, &self.total, roles)?;
        let mut overhead_uwh = Vec::with_capacity(roles.len());
        for role in roles {
            let of_role = self.overhead_of(&[*role]);
            overhead_uwh.push((*role, self.account(ledger, &of_role, roles)?.numerator));
        }
        Ok(Energies { total_uwh: total.numerator, it_uwh: total.denominator, overhead_uwh })
    }

    /// The energy of each meter of a role over that time; none where one of them is taken off, as in losses that are a
    /// difference: its share alone means nothing.
    pub(crate) fn meters(
        &self,
        ledger: &Reader,
        role: Role,
        roles: &[Role],
    ) -> Result<BTreeMap<MeterId, i128>, StoreError> {
        let mut meters = BTreeMap::new();
        let of_role = self.overhead_of(&[role]);
        if of_role.iter().any(|term| term.millionths < 0) {
            return Ok(meters);
        }
        for term in of_role {
            *meters.entry(term.meter).or_default() += self.account(ledger, &[term], roles)?.numerator;
        }
        Ok(meters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn during(meter: i64, from: i64, to: i64) -> Term {
        Term { during: Interval::new(Minute(from), Minute(to)), ..Term::all_of(meter) }
    }

    #[test]
    fn overhead_is_asked_for_only_where_both_sums_have_meters() {
        let boundary = Boundary {
            interval: Interval::new(Minute(0), Minute(100)),
            total: vec![during(1, 10, 50), during(2, 40, 200)],
            it: vec![during(3, 0, 90)],
            overhead: vec![(Role::Cooling, vec![Term::all_of(4)])],
        };
        assert_eq!(boundary.overhead_of(&[Role::Cooling]), [during(4, 10, 90)]);
        assert_eq!(boundary.overhead_of(&[Role::Lighting]), []);
        assert_eq!(at_end(&boundary.total, boundary.interval), [Term::all_of(2)]);
    }
}
