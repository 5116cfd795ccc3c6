//! The sums that a view keeps of one facility, made when they are first asked for.

use super::Component;
use crate::indicators::{Accounts, Indicator, Pair, Term, pairs};
use crate::topology::Facility;
use std::collections::BTreeMap;

pub(super) struct FacilityAccounts {
    /// `E_DC` above, `E_IT` below, whether or not both are metered.
    pub(super) main: Accounts,
    pub(super) ratios: BTreeMap<Indicator, Accounts>,
    /// In the order of the facility's zones.
    pub(super) zones: Vec<Accounts>,
    pub(super) components: Vec<(Component, Accounts)>,
    /// Sums of their own that composed figures are made of, by their terms; made when they are first asked for.
    alone: Vec<Accounts>,
}

impl FacilityAccounts {
    pub(super) fn new(facility: &Facility) -> FacilityAccounts {
        let alone = |terms: &[Term]| Accounts::new(Pair::alone(terms));
        let mut components =
            vec![(Component::Total, alone(&facility.total)), (Component::It, alone(&facility.it))];
        components
            .extend(facility.components.iter().map(|(role, terms)| (Component::Role(*role), alone(terms))));
        let pair =
            |indicator: &Indicator| Some((*indicator, Accounts::new(pairs::pair(facility, *indicator)?)));
        FacilityAccounts {
            main: Accounts::new(facility.pue()),
            ratios: Indicator::ALL.iter().filter_map(pair).collect(),
            zones: facility.zones.iter().map(|zone| Accounts::new(zone.ppue())).collect(),
            components,
            alone: Vec::new(),
        }
    }

    /// The accounts of some terms by themselves; those of a component where that is the same sum.
    pub(super) fn alone(&mut self, terms: &[Term]) -> &mut Accounts {
        let same = |(_, accounts): &(Component, Accounts)| accounts.pair().numerator == terms;
        if let Some(at) = self.components.iter().position(same) {
            return &mut self.components[at].1;
        }
        let at = self.alone.iter().position(|accounts| accounts.pair().numerator == terms);
        let at = at.unwrap_or_else(|| {
            self.alone.push(Accounts::new(Pair::alone(terms)));
            self.alone.len() - 1
        });
        &mut self.alone[at]
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut Accounts> {
        std::iter::once(&mut self.main)
            .chain(self.ratios.values_mut())
            .chain(&mut self.zones)
            .chain(&mut self.alone)
            .chain(self.components.iter_mut().map(|(_, accounts)| accounts))
    }
}
