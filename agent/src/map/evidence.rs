//! What a device says of itself beside its value: which one it is, and how often it started.

use super::{Pointer, Wrong, described};
use serde_json::Value;
use wattledger_model::reading::{Cause, Evidence, Serial};

/// Where a device's evidence stands in its messages. It need not be in each of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EvidenceRule {
    /// Where its serial number stands.
    pub serial: Option<Pointer>,
    /// Where its boot counter stands.
    pub boots: Option<Pointer>,
}

impl EvidenceRule {
    /// Whether there is anything to look for.
    pub fn is_some(&self) -> bool {
        self.serial.is_some() || self.boots.is_some()
    }

    /// The evidence in a message, and what in it cannot be read. A field that is not there or null says nothing.
    pub(super) fn read(&self, document: &Value) -> (Option<Evidence>, Option<Wrong>) {
        let mut wrong = None;
        let mut noted = |read: Result<u64, Wrong>| read.map_err(|error| wrong = Some(error)).ok();
        let serial = found(document, self.serial.as_ref()).and_then(|(pointer, value)| match value {
            Value::String(text) => Serial::of(text),
            Value::Number(number) => Serial::of(&number.to_string()),
            other => {
                noted(Err(no(pointer, other, "a serial number")));
                None
            }
        });
        let boots = found(document, self.boots.as_ref()).and_then(|(pointer, value)| {
            let count = match value {
                Value::Number(number) => number.to_string().parse::<u64>().ok(),
                Value::String(text) => text.trim().parse().ok(),
                _ => None,
            };
            noted(count.ok_or_else(|| no(pointer, value, "a count of starts, a whole number")))
        });
        // Only whether it differs counts, so the low bits of a longer counter do.
        (Evidence::of(serial, boots.map(|boots| boots as u32)), wrong)
    }
}

fn found<'d, 'p>(document: &'d Value, pointer: Option<&'p Pointer>) -> Option<(&'p Pointer, &'d Value)> {
    let value = document.pointer(&pointer?.0).filter(|value| !value.is_null())?;
    Some((pointer?, value))
}

fn no(pointer: &Pointer, value: &Value, needed: &str) -> Wrong {
    let is = described(value);
    Wrong::new(
        Cause::Payload,
        format!("{} is {is}, not {needed}; the reading was taken without it", pointer.0),
    )
}
