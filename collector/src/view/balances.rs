//! The nodes of the tree of meters: what flows in against what is measured below. Source: domain.md 7.1.

use super::View;
use crate::indicators::account::Pair;
use crate::indicators::{Account, Accounts, Term};
use crate::store::StoreError;
use crate::topology::{Balance, Branch, Facility, Topology};
use wattledger_model::time::Interval;
use wattledger_model::unit::Quantity;

/// What a node comes to over an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeSums {
    /// What flowed in (numerator) and what was measured below (denominator), over their common support, base units.
    pub account: Account,
    /// Expanded uncertainty (k = 2) of what is left, base units, by all that is booked of both sides; `None` where it
    /// is not known.
    pub allowed: Option<f64>,
}

/// The real meters behind a node: those that feed, and those that are fed.
pub(crate) fn sides(node: &Balance) -> (Vec<Term>, Vec<Term>) {
    let terms = |branches: &[Branch]| branches.iter().flat_map(|branch| branch.terms.clone()).collect();
    (terms(&node.parents), terms(&node.children))
}

/// The nodes that are shown with a facility, by their place among the topology's: those of energy whose feeds, or else
/// whose fed meters, are the facility's. A node of which one side is not in the store says nothing.
pub(crate) fn nodes(topology: &Topology, facility: &Facility) -> Vec<usize> {
    let is_shown = |at: &usize| {
        let (above, below) = sides(&topology.balances[*at]);
        let mut meters = above.iter().chain(&below).filter_map(|term| topology.meters.get(&term.meter));
        let home = meters.clone().find_map(|known| known.declared.facility.as_ref());
        !above.is_empty()
            && !below.is_empty()
            && home == Some(&facility.name)
            && meters.all(|known| known.declared.quantity() == Some(Quantity::Energy))
    };
    (0..topology.balances.len()).filter(is_shown).collect()
}

pub(super) fn accounts(nodes: &[Balance]) -> Vec<Accounts> {
    let pair = |node| {
        let (above, below) = sides(node);
        Accounts::new(Pair::ratio(&above, &below))
    };
    nodes.iter().map(pair).collect()
}

impl View {
    /// What a node of the topology comes to, by its position among [`crate::topology::Topology::balances`].
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn node(&mut self, node: usize, interval: Interval) -> Result<NodeSums, StoreError> {
        let account = self.nodes[node].account(&self.connection, interval)?;
        let left = self.topology.balances[node].residual();
        let exact = self.says_how_exact(left.iter().copied());
        let allowed = if exact { self.budget_of_sum(&left, interval)?.expanded() } else { None };
        Ok(NodeSums { account, allowed })
    }
}
