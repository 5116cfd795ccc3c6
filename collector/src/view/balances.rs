//! The nodes of the tree of meters: what flows in against what is measured below. Source: domain.md 7.1.

use super::View;
use crate::indicators::account::Pair;
use crate::indicators::{Account, Accounts, Term};
use crate::store::StoreError;
use crate::topology::{Balance, Branch};
use wattledger_model::time::Interval;

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
