//! Why nothing can be compared or written again.

use crate::store::StoreError;
use wattledger_model::document;

/// Why nothing can be compared or written again.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is no database to write to.
    #[error("the configuration has no [[output.influx]], so there is no database to compare with; add one")]
    NoOutput,
    /// No output of that name.
    #[error("there is no output `{name}`; {hint}")]
    UnknownOutput {
        /// What was asked for.
        name: String,
        /// The names that there are.
        hint: String,
    },
    /// Several outputs, and none is named.
    #[error("there are several outputs; name one with --output: {0}")]
    WhichOutput(String),
    /// No such measurement.
    #[error("there is no measurement `{name}`; {hint}")]
    UnknownMeasurement {
        /// What was asked for.
        name: String,
        /// The nearest, or all.
        hint: String,
    },
    /// A measurement that is no function of the ledger.
    #[error(
        "`{0}` records what was shown at the time: the ledger cannot say what that was, so it can neither be \
         compared nor written again"
    )]
    Live(&'static str),
    /// No such facility or meter.
    #[error("there is no {what} `{name}` in the configuration; {hint}")]
    Unknown {
        /// Facility or meter.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// The nearest, or how to write one.
        hint: String,
    },
    /// Facility, meter and measurement that have nothing in common.
    #[error("no measurement that was asked for is of a {0}; leave --measurement out to see which there are")]
    NothingInCommon(&'static str),
    /// A time that is none.
    #[error("{0}")]
    Time(String),
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address is none, or TLS cannot be used.
    #[error("{0}")]
    Address(String),
    /// The database does not answer what it is asked.
    #[error("the database of output `{output}` cannot be read: {why}")]
    Database {
        /// The output's name.
        output: String,
        /// What happened, and what mends it.
        why: String,
    },
    /// The database takes nothing.
    #[error("the database of output `{output}` takes no points: {why}; mend that, and run this again")]
    NotWritten {
        /// The output's name.
        output: String,
        /// What happened.
        why: String,
    },
    /// The program's own fault.
    #[error("the program failed while it read the database; please report it")]
    Fault,
}

/// The nearest of the names there are, or all of them.
pub(super) fn hint<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    if let Some(near) = document::nearest(name, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    match known.take(20).collect::<Vec<_>>() {
        none if none.is_empty() => "there is none".to_owned(),
        names => format!("there are: {}", names.join(", ")),
    }
}
