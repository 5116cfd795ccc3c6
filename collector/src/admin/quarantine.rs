//! What is in quarantine, as commands show it.

use super::AdminError;
use super::change::Which;
use crate::engine::Engine;
use crate::store::quarantine::Held;
use serde::{Deserialize, Serialize};
use wattledger_model::time::Timestamp;

/// Things that are listed at most.
const MOST_LISTED: usize = 10_000;

/// Which of the things in quarantine are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Those of one cause.
    pub cause: Option<String>,
    /// Those of one meter: `site/meter` or `meter`.
    pub meter: Option<String>,
    /// How many at most.
    pub limit: usize,
}

/// What is in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// How many there are of what was asked for.
    pub count: u64,
    /// The oldest of them.
    pub held: Vec<Item>,
}

/// One thing in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its number.
    pub id: i64,
    /// The word of its cause.
    pub cause: String,
    /// `site/agent` it came from.
    pub agent: String,
    /// `site/meter` it would have been of.
    pub meter: Option<String>,
    /// The topic, file, device or meter it came from.
    pub origin: String,
    /// When it was refused, RFC 3339.
    pub refused_at: String,
    /// What is wrong, in words.
    pub detail: String,
    /// The reading's time, value and unit, where it is one: only that can be admitted.
    pub reading: Option<(String, String, Option<String>)>,
    /// The beginning of what came; what is no text in it is replaced.
    pub sample: String,
}

impl From<Held> for Item {
    fn from(held: Held) -> Item {
        let meter = held.key().map(|key| key.to_string());
        let shown = |at: Timestamp| at.to_string();
        Item {
            id: held.id,
            cause: held.cause.word().to_owned(),
            agent: held.agent.to_string(),
            meter,
            origin: held.origin,
            refused_at: shown(held.at),
            detail: held.detail,
            reading: held.reading.map(|reading| {
                let unit = reading.unit.map(|unit| unit.symbol().to_owned());
                (shown(reading.at), reading.value.to_string(), unit)
            }),
            sample: String::from_utf8_lossy(&held.sample).into_owned(),
        }
    }
}

/// Lists what an engine holds, on an engine that is this caller's alone.
///
/// # Errors
/// [`AdminError`] by what the caller does next.
pub fn list(engine: &mut Engine, question: &Question) -> Result<Listing, AdminError> {
    let which =
        Which { ids: Vec::new(), cause: question.cause.clone(), meter: question.meter.clone() }.filter()?;
    let failed = |error: &dyn std::error::Error| AdminError::Failed(error.to_string());
    // What was refused last is only counted so far.
    engine.compact().map_err(|error| failed(&error))?;
    let (count, held) =
        engine.quarantined(&which, question.limit.min(MOST_LISTED)).map_err(|error| failed(&error))?;
    Ok(Listing { count, held: held.into_iter().map(Item::from).collect() })
}
