//! A case of the file, and what most cases read from it.

use serde_json::Value;
use wattledger_collector::indicators::figure::UWH_PER_KWH;
use wattledger_collector::ledger::fold::{Folded, Minutes};
use wattledger_collector::ledger::interpret::{Interpretation, POSITION_PER_BASE};
use wattledger_collector::ledger::register::walk;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::Kind;
use wattledger_model::minute::Provenance;
use wattledger_model::reading::{Quality, Reading};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;

pub(crate) struct Case(pub(crate) Value);

impl Case {
    pub(crate) fn id(&self) -> &str {
        self.0["id"].as_str().expect("id")
    }

    pub(crate) fn input(&self, key: &str) -> &Value {
        &self.0["inputs"][key]
    }

    pub(crate) fn number(&self, key: &str) -> f64 {
        self.input(key).as_f64().unwrap_or_else(|| panic!("{}: input {key}", self.id()))
    }

    pub(crate) fn expected(&self, key: &str) -> &Value {
        let value = &self.0["expected"][key];
        assert!(
            !value.is_null() || self.0["expected"].get(key).is_some(),
            "{}: no expected {key}",
            self.id()
        );
        value
    }

    /// Compares with the expected number within the case's own tolerance.
    pub(crate) fn agrees(&self, key: &str, found: f64) {
        let expected = self.expected(key).as_f64().unwrap_or_else(|| panic!("{}: expected {key}", self.id()));
        self.near(key, found, expected);
    }

    pub(crate) fn near(&self, key: &str, found: f64, expected: f64) {
        let tolerance = &self.0["tolerance"];
        let allowed = match (tolerance["relative"].as_f64(), tolerance["absolute"].as_f64()) {
            (Some(relative), _) => expected.abs() * relative,
            (_, Some(absolute)) => absolute,
            // Exact, as far as a decimal in the file can say it.
            _ => expected.abs() * f64::EPSILON,
        };
        assert!((found - expected).abs() <= allowed, "{}: {key} is {found}, expected {expected}", self.id());
    }
}

pub(crate) fn time(value: &Value) -> Timestamp {
    Timestamp::from_rfc3339(value.as_str().expect("a time")).expect("RFC 3339")
}

pub(crate) fn decimal(value: &Value) -> Decimal {
    value.to_string().parse().expect("a decimal")
}

pub(crate) fn reading(at: Timestamp, value: Decimal, unit: &str) -> Reading {
    let unit = Some(unit.parse().expect("unit"));
    Reading {
        at,
        arrived: at,
        value,
        unit,
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    }
}

pub(crate) fn readings(case: &Case, key: &str, unit: &str) -> Vec<Reading> {
    let rows = case.input(key).as_array().expect("readings");
    rows.iter().map(|row| reading(time(&row[0]), decimal(&row[1]), unit)).collect()
}

/// The meter that a case describes, by the suffix of its unit.
pub(crate) fn register(case: &Case) -> Interpretation {
    let unit: Unit = case.input("register_unit").as_str().expect("unit").parse().expect("unit");
    let own = |name: &str| {
        let value = case.input(&format!("{name}_{}", unit.symbol().to_lowercase()));
        (!value.is_null()).then(|| decimal(value))
    };
    Interpretation {
        kind: Kind::Register,
        unit: Some(unit),
        modulus: own("modulus"),
        resolution: own("resolution").unwrap_or(Decimal::ZERO),
        rated: case.input("p_max_w").as_i64().map(|watts| i128::from(watts) * 1_000_000),
        gap_limit_ms: case.input("interpolation_limit_s").as_i64().map(|s| s * 1_000),
        ..Interpretation::unclaimed(Some(unit))
    }
}

pub(crate) const MEASURED: usize = Provenance::Measured as usize;
pub(crate) const INTERPOLATED: usize = Provenance::Interpolated as usize;
pub(crate) const ESTIMATED: usize = Provenance::Estimated as usize;

/// Amounts in µWh and ms by provenance over an interval.
pub(crate) fn summed(folded: &Folded, from: Timestamp, to: Timestamp) -> [(i64, i64); 3] {
    let Minutes::Sums(minutes) = &folded.minutes else { panic!("not a sum") };
    let mut sums = [(0, 0); 3];
    for (minute, booked) in minutes {
        if (from.minute().0..to.minute().0).contains(minute) {
            for (sum, part) in sums.iter_mut().zip(booked.parts) {
                *sum = (sum.0 + part.amount, sum.1 + i64::from(part.ms));
            }
        }
    }
    sums
}

pub(crate) fn wh(uwh: i64) -> f64 {
    uwh as f64 / 1e6
}

pub(crate) fn kwh(uwh: i64) -> f64 {
    uwh as f64 / UWH_PER_KWH
}

pub(crate) fn classes(case: &Case, meter: &Interpretation) -> Vec<(String, i128, Option<Provenance>)> {
    let unit = meter.unit.expect("unit");
    walk(&readings(case, "readings", unit.symbol()), meter)
        .stretches
        .iter()
        .map(|s| (s.class.word().to_owned(), (s.end - s.start) / POSITION_PER_BASE, s.provenance))
        .collect()
}

/// Coverage of a period: measured time, and long steps that lie wholly inside. Source: domain.md 5.4.
pub(crate) fn coverage(folded: &Folded, from: Timestamp, to: Timestamp) -> f64 {
    let sums = summed(folded, from, to);
    let long: i64 = folded
        .steps
        .iter()
        .filter(|step| step.is_long() && from <= step.from && step.to <= to)
        .map(|step| step.to.0 - step.from.0)
        .sum();
    (sums[MEASURED].1 + long) as f64 / (to.0 - from.0) as f64
}
