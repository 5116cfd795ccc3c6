//! A database in memory: points by key and time, fields merged as databases do.

use super::super::catalog;
use super::super::line::Batch;
use super::super::points::Erasure;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// By key and time: the fields by name, as they were written.
    pub(super) points: BTreeMap<(String, i64), BTreeMap<String, String>>,
}

impl Memory {
    pub(super) fn write(&mut self, batch: &Batch) {
        let text = std::str::from_utf8(&batch.text).expect("lines are UTF-8");
        assert_eq!(text.lines().count(), batch.lines);
        for line in text.lines() {
            let [key, fields, time] = parts(line, ' ').try_into().expect(line);
            let point = self.points.entry((key.to_owned(), time.parse().expect(line))).or_default();
            for field in parts(fields, ',') {
                let (name, value) = field.split_once('=').expect(line);
                point.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Deletes points; tells how many there were.
    pub(super) fn erase(&mut self, erasure: &Erasure) -> usize {
        let series = &erasure.series;
        let tags = series.measurement.tags.iter().zip(&series.tags);
        let tags: String = tags.map(|(name, value)| format!(",{name}={value}")).collect();
        let key = format!("{}{tags}", series.measurement.name);
        let range = (key.clone(), erasure.from_ms)..=(key, erasure.to_ms);
        let gone: Vec<_> = self.points.range(range).map(|(at, _)| at.clone()).collect();
        gone.iter().for_each(|at| drop(self.points.remove(at)));
        gone.len()
    }

    /// Everything that derives from the ledger.
    pub(super) fn derived(&self) -> BTreeMap<(String, i64), BTreeMap<String, String>> {
        let live = |key: &str| {
            let name = key.split(',').next();
            catalog::LIVE.iter().any(|measurement| Some(measurement.name) == name)
        };
        self.points
            .iter()
            .filter(|((key, _), _)| !live(key))
            .map(|(at, point)| (at.clone(), point.clone()))
            .collect()
    }

    pub(super) fn count(&self, prefix: &str) -> usize {
        self.points.keys().filter(|(key, _)| key.starts_with(prefix)).count()
    }

    pub(super) fn field(&self, key: &str, at_ms: i64, field: &str) -> Option<f64> {
        self.points.get(&(key.to_owned(), at_ms))?.get(field)?.parse().ok()
    }
}

/// What stands between the separators that are in no quotation and not escaped.
fn parts(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c| {
        let is_plain = !escaped;
        escaped = c == '\\' && is_plain;
        quoted ^= c == '"' && is_plain;
        c == separator && !quoted && is_plain
    })
    .collect()
}
