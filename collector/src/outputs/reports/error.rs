//! Why there is no report.

use crate::store::StoreError;
use std::io;
use std::path::PathBuf;
use wattledger_model::calendar::PeriodError;
use wattledger_model::document::{self, Problems};
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
    /// The configuration has no such portfolio.
    #[error("portfolio `{name}` is not declared; {hint}")]
    UnknownPortfolio {
        /// What was asked for.
        name: String,
        /// The nearest name, or those that there are.
        hint: String,
    },
    /// The form cannot be laid out.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a form cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// There is no such form.
    #[error("there is no form `{id}`; {hint}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// The nearest name, or those that there are.
        hint: String,
    },
    /// The form is not for such a period.
    #[error("form `{form}` is for {wants}; `{period}` is none")]
    Period {
        /// The form.
        form: String,
        /// What it is for.
        wants: &'static str,
        /// The period as it was written.
        period: String,
    },
    /// The folder of forms, or a file in it, cannot be read.
    #[error("{} cannot be read: {source}; `[reports] forms_dir` names the folder of forms", .path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is too long for a form.
    #[error("{} is longer than 1 MiB: no template of a form is", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// A template is wrong.
    #[error("{}", .0.to_string().trim_end())]
    Broken(Problems),
    /// Two templates of one folder have the same id.
    #[error("form `{id}` stands both in {first} and in {second}: take the older edition away")]
    Twice {
        /// The id.
        id: String,
        /// The first file.
        first: String,
        /// The second.
        second: String,
    },
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
