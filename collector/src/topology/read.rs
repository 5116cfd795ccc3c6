//! How each declared meter is read, with what changed when.

use crate::config::{CollectorConfig, Meter, Reads, Sitting};
use crate::ledger::interpret::{DEFAULT_INTERVAL_MS, Epoch, Interpretation, Joint, RATE_PER_BASE};
use std::collections::BTreeMap;
use wattledger_model::decimal::Decimal;
use wattledger_model::document::Measure;
use wattledger_model::meter::{Form, MeterKey};

/// How a declared meter is read.
pub fn interpretation(meter: &Meter) -> Interpretation {
    let sittings = meter.instruments.windows(2);
    Interpretation {
        kind: meter.kind,
        unit: meter.unit,
        scale: meter.scale,
        modulus: meter.modulus,
        resolution: meter.resolution.unwrap_or(Decimal::ZERO),
        rated: meter.rated_power.and_then(base_rate),
        nominal_interval_ms: meter.nominal_interval_ms.unwrap_or(DEFAULT_INTERVAL_MS),
        gap_limit_ms: meter.gap_limit_ms,
        form: meter.form.unwrap_or(Form::Instant),
        is_binary32: meter.is_binary32,
        is_bidirectional: meter.is_bidirectional,
        later: sittings.filter_map(|pair| epoch(&pair[0], &pair[1])).collect(),
        corrections: Vec::new(),
    }
}

/// All declared meters' interpretations.
pub fn interpretations(config: &CollectorConfig) -> BTreeMap<MeterKey, Interpretation> {
    config.meters.iter().map(|meter| (meter.key.clone(), interpretation(meter))).collect()
}

/// A rate in base units an hour; `None` where it is beyond what any meter sees.
fn base_rate(measure: Measure) -> Option<i128> {
    let limit = Interpretation { kind: measure.unit.kind(), ..Interpretation::unclaimed(Some(measure.unit)) };
    limit.rate_of(measure.unit, measure.value).map(|rate| rate / RATE_PER_BASE)
}

/// What an instrument changes for the ledger; nothing where only its description changes, as by a calibration.
fn epoch(before: &Sitting, now: &Sitting) -> Option<Epoch> {
    if before.reads == now.reads && !now.is_exchange {
        return None;
    }
    let joint = if now.is_exchange {
        Joint::Exchanged { last: before.last, first: now.first }
    } else {
        Joint::Continues
    };
    let Reads { unit, scale, modulus, resolution, rated_power, is_binary32 } = now.reads;
    Some(Epoch {
        from: now.instrument.from,
        joint,
        unit,
        scale,
        modulus,
        resolution: resolution.unwrap_or(Decimal::ZERO),
        rated: rated_power.and_then(base_rate),
        is_binary32,
    })
}
