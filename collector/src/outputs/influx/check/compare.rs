//! Holds rows of a database against the points of the ledger.

use super::expected::{Expected, Point};
use super::finding::{Difference, Fault, OtherField};
use super::parsed::{Identity, Told, fields};
use super::read::Rows;
use crate::outputs::influx::catalog;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Series of former meters and facilities that are told apart.
const MOST_FORMER: usize = 1_000;

/// A comparison under way.
pub(super) struct Comparison<'e> {
    expected: &'e Expected,
    /// Points that were seen, by series.
    seen: Vec<Vec<bool>>,
    found: Found,
}

/// What a comparison comes to.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Points compared, by measurement.
    pub(super) points: BTreeMap<String, u64>,
    pub(super) differences: Vec<Difference>,
    /// Points of series that the configuration has no more.
    pub(super) former: BTreeMap<Identity, u64>,
}

impl<'e> Comparison<'e> {
    pub(super) fn new(expected: &'e Expected) -> Comparison<'e> {
        let seen = expected.series.iter().map(|series| vec![false; series.points.len()]).collect();
        Comparison { expected, seen, found: Found::default() }
    }

    /// Compares rows; `knows` tells which series the configuration has.
    pub(super) fn rows(&mut self, rows: &Rows, knows: impl Fn(&Identity) -> bool) {
        let of = identity(rows);
        let Some(time) = rows.columns.iter().position(|column| column == "time") else { return };
        let Some(place) = self.expected.places.get(&of).copied() else {
            return self.unexpected(of, rows, time, knows);
        };
        let series = &self.expected.series[place];
        let mut next = 0;
        for row in &rows.values {
            let Some(at_ms) = row.get(time).and_then(Value::as_i64) else { continue };
            // Rows ascend, mostly one after the other.
            if series.points.get(next).is_none_or(|point| point.at_ms != at_ms) {
                next = series.points.partition_point(|point| point.at_ms < at_ms);
            }
            match series.points.get(next).filter(|point| point.at_ms == at_ms) {
                Some(point) => {
                    self.seen[place][next] = true;
                    if let Some(fault) = differ(&rows.columns, row, time, &point.fields) {
                        self.found.differences.push(of_point(&series.of, point, fault));
                    }
                    next += 1;
                }
                None => self.extra(&series.of, at_ms, false),
            }
        }
    }

    fn unexpected(&mut self, of: Identity, rows: &Rows, time: usize, knows: impl Fn(&Identity) -> bool) {
        let measurement = catalog::ALL.iter().find(|measurement| measurement.name == of.measurement);
        let is_ours = measurement.is_some_and(|measurement| {
            measurement.tags.iter().copied().eq(of.tags.iter().map(|(tag, _)| tag))
        });
        if is_ours && !knows(&of) {
            if self.found.former.len() < MOST_FORMER || self.found.former.contains_key(&of) {
                *self.found.former.entry(of).or_default() += rows.values.len() as u64;
            }
            return;
        }
        let of = Arc::new(of);
        for at_ms in rows.values.iter().filter_map(|row| row.get(time).and_then(Value::as_i64)) {
            self.extra(&of, at_ms, !is_ours);
        }
    }

    fn extra(&mut self, of: &Arc<Identity>, at_ms: i64, is_foreign: bool) {
        let of = Arc::clone(of);
        let (fault, ledger) = (Fault::Extra, "".into());
        self.found.differences.push(Difference { of, at_ms, fault, ledger, is_waiting: false, is_foreign });
    }

    /// All rows were compared: what was not among them is missing.
    pub(super) fn finish(mut self) -> Found {
        for (series, seen) in self.expected.series.iter().zip(&self.seen) {
            *self.found.points.entry(series.of.measurement.clone()).or_default() +=
                series.points.len() as u64;
            for (point, _) in series.points.iter().zip(seen).filter(|(_, seen)| !**seen) {
                self.found.differences.push(of_point(&series.of, point, Fault::Missing));
            }
        }
        self.found
    }
}

fn of_point(of: &Arc<Identity>, point: &Point, fault: Fault) -> Difference {
    Difference {
        of: Arc::clone(of),
        at_ms: point.at_ms,
        fault,
        ledger: point.fields.clone(),
        is_waiting: point.is_waiting,
        is_foreign: false,
    }
}

fn identity(rows: &Rows) -> Identity {
    // A series without a tag that another one of the measurement has is answered with an empty one.
    let tags = rows.tags.iter().filter_map(|(tag, value)| Some((tag.clone(), value.clone()?)));
    Identity { measurement: rows.name.clone(), tags: tags.filter(|(_, value)| !value.is_empty()).collect() }
}

/// How a row differs from the fields of a point.
fn differ(columns: &[String], row: &[Value], time: usize, point: &str) -> Option<Fault> {
    let column = |name: &str| columns.iter().position(|column| column == name);
    let answered = |name: &str| column(name).and_then(|at| row.get(at)).filter(|value| !value.is_null());
    let mut others = Vec::new();
    let mut written = 0;
    for (name, told) in fields(point) {
        written += 1;
        let value = answered(name);
        if !value.is_some_and(|value| equal(value, &told)) {
            let (field, database, ledger) = (name.to_owned(), value.map(shown), Some(words(&told)));
            others.push(OtherField { field, database, ledger });
        }
    }
    let is_stale = others.is_empty();
    let values = row.iter().enumerate().filter(|(at, value)| *at != time && !value.is_null());
    // Mostly there are as many as were written, and all of them are right.
    if is_stale && values.clone().count() == written {
        return None;
    }
    for (at, value) in values {
        let Some(field) = columns.get(at).filter(|field| fields(point).all(|(name, _)| name != *field))
        else {
            continue;
        };
        others.push(OtherField { field: field.clone(), database: Some(shown(value)), ledger: None });
    }
    match (others.is_empty(), is_stale) {
        (true, _) => None,
        (false, true) => Some(Fault::Stale(others)),
        (false, false) => Some(Fault::Different(others)),
    }
}

/// Whether a value that was answered is the one that was written. Numbers may be spelt otherwise.
fn equal(value: &Value, told: &Told<'_>) -> bool {
    match (value, told) {
        (Value::Number(answered), Told::Float(written)) => {
            let answered = answered.as_str();
            answered == *written || answered.parse::<f64>().ok() == written.parse::<f64>().ok()
        }
        (Value::Number(answered), Told::Integer(written)) => answered.as_str() == *written,
        (Value::String(answered), Told::Text(written)) => answered == written,
        _ => false,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_str().to_owned(),
        other => other.to_string(),
    }
}

fn words(told: &Told<'_>) -> String {
    match told {
        Told::Float(text) | Told::Integer(text) => (*text).to_owned(),
        Told::Text(text) => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const COLUMNS: [&str; 5] = ["limit", "time", "meets", "verdict", "alien"];
    const POINT: &str = "limit=1.3,meets=1i,verdict=\"pass\"";

    fn differs(row: &str) -> Option<Fault> {
        let columns = COLUMNS.map(str::to_owned);
        let row: Vec<Value> = serde_json::from_str(row).expect("a row");
        differ(&columns, &row, 1, POINT)
    }

    fn fields_of(fault: Option<Fault>) -> Vec<String> {
        match fault {
            Some(Fault::Different(fields) | Fault::Stale(fields)) => {
                fields.into_iter().map(|field| field.field).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn each_kind_of_difference_is_found_and_named() {
        assert_eq!(differs(r#"[1.3, 0, 1, "pass", null]"#), None);
        assert_eq!(differs(r#"[1.30, 0, 1, "pass", null]"#), None, "spelt otherwise");
        let other = differs(r#"[1.3000000000000003, 0, 1, "pass", null]"#);
        assert!(matches!(other, Some(Fault::Different(_))), "the next number is another one");
        assert_eq!(fields_of(other), ["limit"]);
        assert_eq!(fields_of(differs(r#"[1.3, 0, 0, "fail", null]"#)), ["meets", "verdict"]);
        assert_eq!(fields_of(differs(r#"[1.3, 0, null, "pass", null]"#)), ["meets"], "a value is gone");
        let stale = differs(r#"[1.3, 0, 1, "pass", 7]"#);
        assert!(matches!(stale, Some(Fault::Stale(_))));
        assert_eq!(fields_of(stale), ["alien"]);
        assert_eq!(fields_of(differs(r#"["1.3", 0, 1, "pass", null]"#)), ["limit"], "a text is no number");
    }

    proptest! {
        #[test]
        fn numbers_are_compared_as_they_were_written(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let written = value.to_string();
            // As a database spells it: with an exponent where that is shorter.
            let answered: Value = serde_json::from_str(&format!("{value:e}")).expect("a number");
            prop_assert!(equal(&answered, &Told::Float(&written)));
            let next = f64::from_bits(value.to_bits() ^ 1).to_string();
            prop_assert!(!equal(&answered, &Told::Float(&next)));
        }
    }

    #[test]
    fn rows_of_former_series_are_no_differences_and_those_of_strangers_are() {
        let expected = Expected::default();
        let mut comparison = Comparison::new(&expected);
        let rows = |tags: Value| Rows {
            name: "wl_meter".to_owned(),
            tags: serde_json::from_value(tags).expect("tags"),
            columns: vec!["time".to_owned(), "amount".to_owned()],
            values: vec![vec![json!(60_000), json!(1)]],
        };
        comparison.rows(&rows(json!({"meter": "old", "site": "s"})), |_| false);
        comparison.rows(&rows(json!({"meter": "main", "site": "s"})), |_| true);
        comparison.rows(&rows(json!({"host": "x", "meter": "main", "site": "s"})), |_| false);
        let found = comparison.finish();
        assert_eq!(found.former.values().collect::<Vec<_>>(), [&1]);
        let foreign: Vec<bool> = found.differences.iter().map(|difference| difference.is_foreign).collect();
        assert_eq!(foreign, [false, true]);
        assert!(found.differences.iter().all(|difference| difference.fault == Fault::Extra));
    }
}
