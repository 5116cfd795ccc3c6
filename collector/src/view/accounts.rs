//! The sums that a view keeps of one facility, made when they are first asked for.

use super::Component;
use crate::indicators::{Accounts, Indicator, Pair, Term, pairs};
use crate::topology::Facility;
use std::collections::BTreeMap;

pub(super) struct FacilityAccounts {
    /// `E_DC` above, `E_IT` below, whether or not both are metered.
    pub(super) main: Accounts,
    /// What each indicator divides; `None` where that is the main pair.
    ratios: BTreeMap<Indicator, Option<Accounts>>,
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
        let main = facility.pue();
        let ratio = |indicator: &Indicator| {
            let pair = pairs::pair(facility, *indicator)?;
            Some((*indicator, (pair != main).then(|| Accounts::new(pair))))
        };
        FacilityAccounts {
            ratios: Indicator::ALL.iter().filter_map(ratio).collect(),
            main: Accounts::new(main),
            zones: facility.zones.iter().map(|zone| Accounts::new(zone.ppue())).collect(),
            components,
            alone: Vec::new(),
        }
    }

    /// The sums that an indicator divides; `None` where the facility has no meters for it.
    pub(super) fn ratio(&mut self, indicator: Indicator) -> Option<&mut Accounts> {
        let own = self.ratios.get_mut(&indicator)?;
        Some(own.as_mut().unwrap_or(&mut self.main))
    }

    /// The pair of an indicator; `None` where the facility has no meters for it.
    pub(super) fn pair(&self, indicator: Indicator) -> Option<&Pair> {
        let own = self.ratios.get(&indicator)?;
        Some(own.as_ref().unwrap_or(&self.main).pair())
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
            .chain(self.ratios.values_mut().flatten())
            .chain(&mut self.zones)
            .chain(&mut self.alone)
            .chain(self.components.iter_mut().map(|(_, accounts)| accounts))
    }
}
