//! The nodes of the tree of meters: what flows in and is not measured below, beyond what the meters' uncertainty allows.
//! Source: domain.md 7.1.

use super::{About, Around, Sighting};
use crate::config::AlertRule;
use crate::indicators::figure::UWH_PER_KWH;
use crate::store::StoreError;
use crate::topology::Balance;
use crate::view::{NodeSums, nodes, sides};
use wattledger_model::time::DAY_MINUTES;

pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let topology = around.topology();
    let day = around.window(DAY_MINUTES);
    let mut sightings = Vec::new();
    for at in nodes(&topology, around.of()) {
        let node = &topology.balances[at];
        let mut names = node.parents.iter().chain(&node.children).map(|branch| branch.name.as_str());
        if !names.any(|name| rule.is_about_meter(name)) {
            continue;
        }
        let sums = around.view.node(at, day)?;
        let kwh = |uwh: i128| uwh as f64 / UWH_PER_KWH;
        let left = kwh(sums.account.numerator - sums.account.denominator);
        let allowed = sums.allowed.map(|uwh| uwh / UWH_PER_KWH);
        let limit = allowed.unwrap_or_default();
        // Without the uncertainty of its meters nothing but the rule itself can say what is too much.
        let is_limited = sums.account.minutes > 0 && (allowed.is_some() || rule.written.raise.is_some());
        let (above, below) = sides(node);
        sightings.push(Sighting {
            subject: around.subject(About::Node(node.name())),
            value: is_limited.then(|| left.abs()),
            coverage: sums.account.minutes as f64 / day.minutes() as f64,
            thresholds: rule.thresholds(limit, limit),
            what: "difference between what flows in and what is measured below, over 24 hours".to_owned(),
            unit: "kWh",
            derives_from: around.meters_of(&[&above, &below], day),
            cause: cause(node, &sums),
        });
    }
    Ok(sightings)
}

fn cause(node: &Balance, sums: &NodeSums) -> String {
    let kwh = |uwh: i128| uwh as f64 / UWH_PER_KWH;
    let (inflow, below) = (kwh(sums.account.numerator), kwh(sums.account.denominator));
    let children: Vec<&str> = node.children.iter().map(|branch| branch.name.as_str()).collect();
    let flows = format!("{} shows {inflow:.1} kWh, {} {below:.1} kWh", node.name(), children.join("+"));
    match sums.allowed {
        Some(allowed) if below > inflow => {
            let allowed = allowed / UWH_PER_KWH;
            format!(
                "{flows}: more than flows in; U (k = 2) of the difference is {allowed:.1} kWh, so a meter is wrong"
            )
        }
        Some(allowed) => {
            let (left, allowed) = (inflow - below, allowed / UWH_PER_KWH);
            format!(
                "{flows}: {left:.1} kWh are lost or have no meter; U (k = 2) of the difference is {allowed:.1} kWh"
            )
        }
        None => format!("{flows}; how exact these meters are is not declared"),
    }
}
