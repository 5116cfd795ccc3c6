//! Why the numbers are what they are: of one meter, of one figure, and of the change between two periods.
//!
//! Each is made from the store alone, on a connection that changes nothing, so that it works with and without a
//! running collector: [`Source`] is that store with the configuration, [`meter`] tells which readings made a meter's
//! figure, [`figure`] which meters made a facility's, [`change`] what moved a PUE from one period to another. What
//! comes out is a value, printed as text for people or as JSON.

mod change;
mod error;
mod figure;
mod local;
mod meter;
mod pending;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use change::Boundary;
pub use change::{ChangeExplanation, change};
pub use error::ExplainError;
pub use figure::{FigureExplanation, figure};
pub use meter::{Detail, MeterExplanation, meter};
pub use source::{Asked, Source};

use serde::Serialize;
use wattledger_model::time::Timestamp;

/// A time in an explanation, and what was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Span {
    /// As it was asked for.
    pub text: String,
    /// First instant.
    #[serde(serialize_with = "instant")]
    pub from: Timestamp,
    /// First instant that is not in it any more.
    #[serde(serialize_with = "instant")]
    pub to: Timestamp,
    /// IANA name of the zone of the local times in the text.
    pub time_zone: &'static str,
    /// Why it ends earlier than was asked for.
    pub cut: Option<String>,
}

fn instant<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

/// Any explanation as indented JSON with a line end. Amounts are exact decimal numbers in the unit that stands
/// beside them, instants RFC 3339 in UTC; what is not known is `null`, never zero.
pub fn json(explanation: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(explanation).expect("an explanation is plain data");
    text.push('\n');
    text
}
