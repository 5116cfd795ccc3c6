//! Stands in.

use super::{About, Around, Sighting, meters};
use crate::config::AlertRule;
use crate::store::StoreError;

pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let topology = around.topology();
    let mut all = Vec::new();
    for known in meters(&topology, around.facility, rule) {
        let age =
            around.view.newest(known.id).map(|newest| (around.at.start().0 - newest.0) as f64 / 1_000.0);
        let limit = (3.0 * known.interpretation.nominal_interval_ms as f64 / 1_000.0).max(180.0);
        all.push(Sighting {
            subject: around.subject(About::Meter(known.declared.key.meter.to_string())),
            value: age.filter(|_| around.live.is_some()),
            coverage: 1.0,
            thresholds: rule.thresholds(limit, limit),
            what: "age of the newest reading".to_owned(),
            unit: "s",
            derives_from: Vec::new(),
            cause: String::new(),
        });
    }
    Ok(all)
}
