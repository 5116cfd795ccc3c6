//! Series of emission factors in files. Source: domain.md 4.1.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use wattledger_model::calendar::Tz;
use wattledger_model::factor_series::{FactorSeries, MOST_BYTES, SeriesProblems};

/// Why a series cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The file cannot be read.
    #[error("cannot read the series of emission factors {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no series.
    #[error("the series of emission factors {}: {problems}", file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// What is wrong in it, by line.
        problems: SeriesProblems,
    },
}

/// Reads a file; local times are those of the zone. No more is read of it than a series may have.
///
/// # Errors
/// [`SeriesError`].
pub fn open_series(file: &Path, zone: Tz) -> Result<FactorSeries, SeriesError> {
    read_series(file, &series_text(file)?, zone)
}

/// The text of a file, as far as a series goes.
///
/// # Errors
/// [`SeriesError::Unreadable`].
pub(crate) fn series_text(file: &Path) -> Result<String, SeriesError> {
    let mut text = String::new();
    File::open(file)
        .and_then(|opened| opened.take(MOST_BYTES as u64 + 1).read_to_string(&mut text))
        .map_err(|source| SeriesError::Unreadable { file: file.to_owned(), source })?;
    Ok(text)
}

/// Reads the text of a file.
///
/// # Errors
/// [`SeriesError::Wrong`].
pub(crate) fn read_series(file: &Path, text: &str, zone: Tz) -> Result<FactorSeries, SeriesError> {
    FactorSeries::parse(text, zone).map_err(|problems| SeriesError::Wrong { file: file.to_owned(), problems })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_line_of_a_file_is_told_with_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("fr.csv");
        let open = |text: &str| {
            std::fs::write(&file, text).expect("written");
            open_series(&file, Tz::UTC).map_err(|error| error.to_string())
        };
        let rows = "2020-01-01 00:00,56\n2020-01-01 01:00,57\n";
        assert_eq!(open(&format!("time,g/kWh\n{rows}")).map(|series| series.step_minutes()), Ok(60));
        let error = open(&format!("time,kg/kWh\n{rows}")).expect_err("another unit");
        assert!(error.contains("fr.csv: line 2: 56 kg/kWh") && error.contains("; line 3: 57"), "{error}");
        std::fs::remove_file(&file).expect("removed");
        let error = open_series(&file, Tz::UTC).expect_err("gone").to_string();
        assert!(error.starts_with("cannot read the series"), "{error}");
    }
}
