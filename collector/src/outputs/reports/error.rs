//! Why there is no report.

use crate::store::StoreError;
use wattledger_model::calendar::PeriodError;
use wattledger_model::document;
use wattledger_model::time::Minute;

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The configuration has no such facility.
    #[error("facility `{name}` is not declared; {hint}")]
    UnknownFacility {
        /// What was asked for.
        name: String,
        /// The nearest name, or those that there are.
        hint: String,
    },
    /// The period cannot be understood.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The facility has no reading.
    #[error("nothing has been read yet of facility `{0}`: there is nothing to report")]
    NothingRead(String),
    /// The period lies ahead of what is known.
    #[error(
        "the period `{period}` begins at {begins}, and facility `{facility}` is known up to {known_to}; ask for an \
         earlier period"
    )]
    Ahead {
        /// The period as it was written.
        period: String,
        /// Its first instant.
        begins: Minute,
        /// The facility.
        facility: String,
        /// The horizon.
        known_to: Minute,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReportError {
    pub(crate) fn unknown_facility<'n>(
        name: &str,
        declared: impl Iterator<Item = &'n str> + Clone,
    ) -> ReportError {
        let hint = match document::nearest(name, declared.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => match declared.collect::<Vec<_>>() {
                none if none.is_empty() => "the configuration has no facility".to_owned(),
                names => format!("there are: {}", names.join(", ")),
            },
        };
        ReportError::UnknownFacility { name: name.chars().take(80).collect(), hint }
    }
}
