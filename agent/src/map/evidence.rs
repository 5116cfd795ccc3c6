//! What a device says of itself beside its value: which one it is, and how often it started.

use super::path::{Found, Path, Scope};
use super::{Wrong, described};
use serde_json::Value;
use wattledger_model::reading::{Cause, Evidence, Serial};

/// Where a device's evidence stands in its messages. It need not be in each of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EvidenceRule {
    /// Where its serial number stands.
    pub serial: Option<Path>,
    /// Where its boot counter stands.
    pub boots: Option<Path>,
}

impl EvidenceRule {
    /// Whether there is anything to look for.
    pub fn is_some(&self) -> bool {
        self.serial.is_some() || self.boots.is_some()
    }

    /// The evidence in a message, and what in it cannot be read. A field that is not there or null says nothing.
    pub(super) fn read(&self, scope: &Scope<'_>) -> (Option<Evidence>, Option<Wrong>) {
        let mut wrong = None;
        let mut noted = |read: Result<u64, Wrong>| read.map_err(|error| wrong = Some(error)).ok();
        let serial = found(scope, self.serial.as_ref()).and_then(|(path, value)| match value {
            Value::String(text) => Serial::of(text),
            Value::Number(number) => Serial::of(&number.to_string()),
            other => {
                noted(Err(no(path, other, "a serial number")));
                None
            }
        });
        let boots = found(scope, self.boots.as_ref()).and_then(|(path, value)| {
            let count = match value {
                Value::Number(number) => number.to_string().parse::<u64>().ok(),
                Value::String(text) => text.trim().parse().ok(),
                _ => None,
            };
            noted(count.ok_or_else(|| no(path, value, "a count of starts, a whole number")))
        });
        // Only whether it differs counts, so the low bits of a longer counter do.
        (Evidence::of(serial, boots.map(|boots| boots as u32)), wrong)
    }
}

fn found<'v, 'p>(scope: &Scope<'v>, path: Option<&'p Path>) -> Option<(&'p Path, &'v Value)> {
    match path?.follow(scope) {
        Found::One(value) if !value.is_null() => Some((path?, value)),
        _ => None,
    }
}

fn no(path: &Path, value: &Value, needed: &str) -> Wrong {
    let is = described(value);
    Wrong::new(
        Cause::Payload,
        format!("{} is {is}, not {needed}; the reading was taken without it", path.as_str()),
    )
}
