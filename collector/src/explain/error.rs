//! Why nothing can be explained.

use crate::indicators::compare::CompareError;
use crate::outputs::reports::ReportError;
use crate::store::StoreError;
use wattledger_model::calendar::PeriodError;
use wattledger_model::document;
use wattledger_model::meter::MeterKey;
use wattledger_model::time::{Minute, Timestamp};

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Neither configuration nor store knows the meter.
    #[error("meter `{name}` is not known; {hint}")]
    UnknownMeter {
        /// What was asked for.
        name: String,
        /// The nearest name, or how to write one.
        hint: String,
    },
    /// The meter has no readings of its own.
    #[error("`{meter}` is a virtual meter, made of {parts}; explain one of those")]
    Virtual {
        /// What was asked for.
        meter: MeterKey,
        /// The real meters with their shares.
        parts: String,
    },
    /// Nothing was ever read.
    #[error("nothing has been read yet of meter `{0}`: there is nothing to explain")]
    NothingRead(MeterKey),
    /// The period has not begun.
    #[error("the period `{period}` begins at {begins}, which lies ahead; ask for an earlier one")]
    Ahead {
        /// The period as it was written.
        period: String,
        /// Its first instant.
        begins: Minute,
    },
    /// A time that is no time, or no time at a full minute.
    #[error("{0}")]
    Time(String),
    /// The period cannot be understood.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The facility or its period is not known.
    #[error(transparent)]
    Facility(#[from] ReportError),
    /// The facility lacks something for the indicator.
    #[error("{indicator} of `{facility}` cannot be made: {why}")]
    Indicator {
        /// The indicator.
        indicator: String,
        /// The facility.
        facility: String,
        /// What is missing.
        why: String,
    },
    /// A PUE is undefined.
    #[error("the two periods cannot be compared: {0}")]
    Compare(#[from] CompareError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ExplainError {
    pub(super) fn unknown_meter<'n>(
        name: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> ExplainError {
        let shown: String = name.chars().take(80).collect();
        let hint = match document::nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => match known.take(12).collect::<Vec<_>>() {
                none if none.is_empty() => "the store has no meter yet".to_owned(),
                names => format!("write SITE/METER; there are: {}", names.join(", ")),
            },
        };
        ExplainError::UnknownMeter { name: shown, hint }
    }

    pub(super) fn not_a_full_minute(at: Timestamp) -> ExplainError {
        ExplainError::Time(format!("{at} is not at a full minute, and amounts are kept by minute"))
    }
}
