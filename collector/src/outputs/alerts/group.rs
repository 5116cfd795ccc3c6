//! What is brought to a channel in one piece: a message, or several of a group.

use super::decide::Turn;
use super::message::Message;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Several messages as one. Its JSON is the body of a webhook's request where alerts are grouped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The shape of this message: 1.
    pub version: u8,
    /// This message: a repetition has the same.
    pub key: String,
    /// `raised` where any of them is, else `cleared`.
    pub state: Turn,
    /// What they have in common: the labels of `group_by`.
    pub group: BTreeMap<String, String>,
    /// The messages, in the order in which the alerts turned.
    pub alerts: Vec<Message>,
}

/// What waits in the outbox, as it is brought.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parcel {
    /// The messages: one, or those of a group.
    pub(super) alerts: Vec<Message>,
    /// What they have in common, where they are a group.
    pub(super) group: Option<BTreeMap<String, String>>,
    /// How often a raised alert was told of before: 0 for news.
    pub(super) repeated: u32,
}

/// What stands beside a message that is told again.
#[derive(Deserialize)]
struct Again {
    #[serde(default)]
    repeated: u32,
}

impl Parcel {
    /// `raised` where any alert is.
    pub(super) fn state(&self) -> Turn {
        if self.alerts.iter().any(|alert| alert.state == Turn::Raised) { Turn::Raised } else { Turn::Cleared }
    }

    /// The JSON that is kept in the outbox: what a webhook without a template is sent.
    pub(super) fn body(&self, key: &str) -> String {
        let mut body = match (&self.group, self.alerts.as_slice()) {
            (None, [only]) => serde_json::to_string(only).expect("a message is plain data"),
            _ => {
                let group = Group {
                    version: 1,
                    key: key.to_owned(),
                    state: self.state(),
                    group: self.group.clone().unwrap_or_default(),
                    alerts: self.alerts.clone(),
                };
                serde_json::to_string(&group).expect("a group is plain data")
            }
        };
        if self.repeated > 0 {
            // An object that is not empty.
            body.pop();
            body.push_str(&format!(",\"repeated\":{}}}", self.repeated));
        }
        body
    }

    /// Reads what [`Parcel::body`] wrote, and what earlier versions did.
    ///
    /// # Errors
    /// What serde says.
    pub(super) fn read(body: &str) -> serde_json::Result<Parcel> {
        let again: Again = serde_json::from_str(body)?;
        let (alerts, group) = match serde_json::from_str::<Group>(body) {
            Ok(group) => (group.alerts, Some(group.group)),
            Err(_) => (vec![serde_json::from_str(body)?], None),
        };
        Ok(Parcel { alerts, group, repeated: again.repeated })
    }
}
