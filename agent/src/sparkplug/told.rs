//! What nodes tell of themselves, for whoever looks at them before any rule reads them.

use super::payload::{Payload, Value};
use super::{Address, Owner, Request, address, rebirth_request};
use wattledger_model::time::Timestamp;

/// A metric as a birth tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BirthMetric {
    pub(crate) name: String,
    /// Its property `engUnit`.
    pub(crate) unit: Option<String>,
    /// Its value, where that is a number.
    pub(crate) number: Option<String>,
}

/// Whose metrics they are; the device is empty for those of the node itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owned {
    pub(crate) group: String,
    pub(crate) edge: String,
    pub(crate) device: String,
}

/// The metrics of a birth; `None` where a message is none, or cannot be read.
pub(crate) fn born(topic: &str, payload: &[u8]) -> Option<(Owned, Vec<BirthMetric>)> {
    let Address { owner, .. } = address(topic).filter(|address| address.verb.is_birth())?;
    let payload = Payload::read(payload).ok()?;
    let metric = |metric: super::payload::Metric| {
        let is_number =
            matches!(metric.value, Some(Value::Int(_) | Value::Long(_) | Value::Float(_) | Value::Double(_)));
        let number = metric.value.as_ref().filter(|_| is_number);
        let number = number.and_then(|value| value.text(metric.datatype.unwrap_or_default()).ok());
        let unit = metric.unit().map(str::to_owned);
        Some(BirthMetric { unit, number, name: metric.name.filter(|name| !name.is_empty())? })
    };
    let owned = |text: &str| text.to_owned();
    let owner = Owned { group: owned(owner.group), edge: owned(owner.edge), device: owned(owner.device) };
    Some((owner, payload.metrics.into_iter().filter_map(metric).collect()))
}

/// The request to a node to tell everything anew.
pub(crate) fn rebirth_of(group: &str, edge: &str, now: Timestamp) -> Request {
    rebirth_request(Owner { group, edge, device: "" }, now)
}
