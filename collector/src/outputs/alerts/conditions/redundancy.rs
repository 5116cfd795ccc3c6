//! Whether the feeds that would be left when one fails could carry what all carry now. Source: domain.md 7.1.

use super::power::{POWER_MINUTES, kw, power, terms};
use super::{About, Around, Sighting};
use crate::config::{AlertRule, Condition, Feeds};
use crate::outputs::alerts::formulas::{imbalance_percent, load_by_capacity};
use crate::store::StoreError;
use wattledger_model::document::Placed;
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;

/// Load by what would be left.
const RAISE: f64 = 1.0;
const CLEAR: f64 = 0.95;

pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let Condition::Redundancy(feeds) = &rule.condition else { return Ok(Vec::new()) };
    let interval = around.window(POWER_MINUTES);
    let (mut powers, mut coverage) = (Vec::new(), 1.0_f64);
    for feed in &feeds.feeds {
        let mut watts = Some(0.0);
        for name in feed {
            let found = power(around, &name.value, interval)?;
            coverage = coverage.min(found.map_or(0.0, |found| found.coverage));
            watts = watts.zip(found).map(|(sum, found)| sum + found.watts);
        }
        powers.extend(watts);
    }
    // What one feed carries says nothing of what all do.
    let is_whole = powers.len() == feeds.feeds.len();
    let value = load_by_capacity(&powers, feeds.capacity_w).filter(|_| is_whole);
    let topology = around.topology();
    let site = around.of().site.clone();
    let behind: Vec<_> = feeds
        .meters()
        .flat_map(|name| terms(&topology, &MeterKey { site: site.clone(), meter: name.value.clone() }))
        .collect();
    Ok(vec![Sighting {
        subject: around.subject(About::Point(rule.name.to_string())),
        value,
        coverage,
        thresholds: rule.thresholds(RAISE, CLEAR),
        what: format!("load by the capacity that one failure leaves, over {POWER_MINUTES} minutes"),
        unit: "1",
        derives_from: around.meters_of(&[&behind], interval),
        cause: if is_whole { cause(feeds, &powers) } else { String::new() },
    }])
}

fn cause(feeds: &Feeds, powers: &[f64]) -> String {
    let name = |feed: &[Placed<Name>]| feed.iter().map(|name| name.as_str()).collect::<Vec<_>>().join("+");
    let each = feeds.feeds.iter().zip(powers).map(|(feed, watts)| format!("{} {}", name(feed), kw(*watts)));
    let all = each.collect::<Vec<_>>().join(", ");
    let apart = imbalance_percent(powers)
        .map(|percent| format!("; the feeds are {percent:.1} % from their mean"))
        .unwrap_or_default();
    format!("{all}: {} in all, one feed can carry {}{apart}", kw(powers.iter().sum()), kw(feeds.capacity_w))
}
