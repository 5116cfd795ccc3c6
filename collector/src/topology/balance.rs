//! The nodes of the tree: what flows in against what flows out, and the residual. Source: domain.md 7.1.

use super::terms::{self, Numbers};
use crate::config::CollectorConfig;
use crate::indicators::Term;
use std::collections::{BTreeMap, BTreeSet};
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;

/// One meter at a node, real or virtual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its name.
    pub name: Name,
    /// What it comes to in real meters.
    pub terms: Vec<Term>,
}

/// A node: meters that feed, and all meters that are fed by them. Where a meter has two feeds (A and B), what
/// came by which is not known, so the feeds and everything that hangs on either are balanced together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The site.
    pub site: Name,
    /// The meters that feed, in the order of their names.
    pub parents: Vec<Branch>,
    /// The meters they feed, in the order of their names.
    pub children: Vec<Branch>,
}

impl Balance {
    /// The names of the meters that feed: `main-a+main-b`.
    pub fn name(&self) -> String {
        self.parents.iter().map(|parent| parent.name.as_str()).collect::<Vec<_>>().join("+")
    }

    /// What flows in less what is measured below it: losses, and whatever has no meter. Below zero beyond the
    /// combined uncertainty, a meter is wrong.
    pub fn residual(&self) -> Vec<Term> {
        let inflow = self.parents.iter().flat_map(|parent| parent.terms.iter().copied());
        inflow.chain(self.children.iter().flat_map(|child| terms::negated(&child.terms))).collect()
    }
}

/// The nodes of all sites, in the order of their names.
pub(super) fn compile(config: &CollectorConfig, numbers: &Numbers<'_>) -> Vec<Balance> {
    let mut branches: BTreeMap<&MeterKey, Vec<Term>> = BTreeMap::new();
    let mut feeds: Vec<(&MeterKey, Vec<MeterKey>)> = Vec::new();
    let above = |key: &MeterKey, fed_by: &[wattledger_model::document::Placed<Name>]| -> Vec<MeterKey> {
        fed_by.iter().map(|name| MeterKey { site: key.site.clone(), meter: name.value.clone() }).collect()
    };
    for meter in &config.meters {
        branches
            .insert(&meter.key, numbers.get(&meter.key).map(|id| Term::all_of(*id)).into_iter().collect());
        feeds.push((&meter.key, above(&meter.key, &meter.fed_by)));
    }
    for one in &config.virtuals {
        branches.insert(&one.key, terms::whole(one, numbers));
        feeds.push((&one.key, above(&one.key, &one.fed_by)));
    }
    feeds.retain(|(_, parents)| !parents.is_empty());
    groups(feeds.iter().map(|(_, parents)| parents.iter().collect()))
        .into_iter()
        .map(|parents| {
            let fed = feeds.iter().filter(|(_, by)| by.iter().any(|parent| parents.contains(parent)));
            let children: BTreeSet<&MeterKey> = fed.map(|(child, _)| *child).collect();
            let branch = |key: &&MeterKey| Branch {
                name: key.meter.clone(),
                terms: branches.get(*key).cloned().unwrap_or_default(),
            };
            Balance {
                site: parents.first().map_or_else(|| config.name.clone(), |key| key.site.clone()),
                parents: parents.iter().map(branch).collect(),
                children: children.iter().map(branch).collect(),
            }
        })
        .collect()
}

/// Sets joined wherever two have something in common.
fn groups<'a>(sets: impl Iterator<Item = BTreeSet<&'a MeterKey>>) -> BTreeSet<BTreeSet<&'a MeterKey>> {
    let mut joined: Vec<BTreeSet<&MeterKey>> = Vec::new();
    for mut set in sets {
        let (meets, apart): (Vec<_>, Vec<_>) = joined.into_iter().partition(|other| !other.is_disjoint(&set));
        set.extend(meets.into_iter().flatten());
        joined = apart;
        joined.push(set);
    }
    joined.into_iter().collect()
}
