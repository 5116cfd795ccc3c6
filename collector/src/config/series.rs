//! Hourly emission factors from a file. Source: domain.md 4.1.

use std::path::{Path, PathBuf};
use wattledger_model::calendar::{Tz, local};
use wattledger_model::document::Moment;
use wattledger_model::time::{Minute, Timestamp};

/// Emission factors, each from its instant on until the next.
///
/// The file is CSV. The first line names the columns: `time` and `kg/kWh` or `g/kWh`. Times are RFC 3339, or local
/// to the site; they ascend.
#[derive(Debug, Clone, PartialEq)]
pub struct FactorSeries {
    /// Instant, and kilograms of CO₂ per kilowatt-hour from it on.
    rows: Vec<(Timestamp, f64)>,
    /// The usual time between two rows, ms: so long does the last one hold.
    spacing_ms: i64,
}

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
    /// The first line does not name the columns.
    #[error("the first line of the series is `{0}`; it must be `time,kg/kWh` or `time,g/kWh`")]
    Header(String),
    /// A line is no row.
    #[error("line {line} of the series: {reason}")]
    Row {
        /// From 1.
        line: usize,
        /// What is wrong, and the mend.
        reason: String,
    },
    /// No row at all.
    #[error("the series has no rows")]
    Empty,
}

/// More than any grid emits, kg/kWh.
const IMPLAUSIBLE: f64 = 5.0;
const HOUR_MS: i64 = 3_600_000;

impl FactorSeries {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SeriesError`].
    pub fn open(file: &Path, zone: Tz) -> Result<FactorSeries, SeriesError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| SeriesError::Unreadable { file: file.to_owned(), source })?;
        FactorSeries::parse(&text, zone)
    }

    /// Reads a text; local times are those of the zone.
    ///
    /// # Errors
    /// [`SeriesError`], of the first line that is wrong.
    pub fn parse(text: &str, zone: Tz) -> Result<FactorSeries, SeriesError> {
        let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
        let (header, _) = lines.next().ok_or(SeriesError::Empty)?;
        let named = |unit: &str| header.trim().trim_start_matches('\u{feff}') == format!("time,{unit}");
        let factor = match (named("kg/kWh"), named("g/kWh")) {
            (true, _) => 1.0,
            (_, true) => 1e-3,
            _ => return Err(SeriesError::Header(header.chars().take(80).collect())),
        };
        let mut rows: Vec<(Timestamp, f64)> = Vec::new();
        for (text, line) in lines {
            let wrong = |reason: String| SeriesError::Row { line, reason };
            let (at, value) = row(text, zone).map_err(wrong)?;
            if rows.last().is_some_and(|(last, _)| *last >= at) {
                return Err(wrong(format!(
                    "{at} does not follow the time above it; times must ascend, each once"
                )));
            }
            let value = value * factor;
            if !(0.0..=IMPLAUSIBLE).contains(&value) {
                return Err(wrong(format!("{value} kg/kWh is no emission factor of electricity")));
            }
            rows.push((at, value));
        }
        let mut spacings: Vec<i64> = rows.windows(2).map(|pair| pair[1].0.0 - pair[0].0.0).collect();
        spacings.sort_unstable();
        let spacing_ms = spacings.get(spacings.len() / 2).copied().unwrap_or(HOUR_MS);
        if rows.is_empty() { Err(SeriesError::Empty) } else { Ok(FactorSeries { rows, spacing_ms }) }
    }

    /// kg/kWh at a minute; `None` outside the series, and in a hole longer than twice its usual spacing.
    pub fn at(&self, minute: Minute) -> Option<f64> {
        let at = minute.start();
        let after = self.rows.partition_point(|(from, _)| *from <= at);
        let (from, value) = *self.rows.get(after.checked_sub(1)?)?;
        let length = self.rows.get(after).map_or(self.spacing_ms, |(next, _)| next.0 - from.0);
        let holds = if length > 2 * self.spacing_ms { self.spacing_ms } else { length };
        (at.0 - from.0 < holds).then_some(value)
    }

    /// From which minute on which factor holds, kg/kWh; `None` from where none does.
    pub fn steps(&self) -> Vec<(Minute, Option<f64>)> {
        let edges = self.rows.iter().flat_map(|(from, _)| [*from, Timestamp(from.0 + self.spacing_ms)]);
        let mut edges: Vec<Minute> = edges.map(Timestamp::minute_ceil).collect();
        edges.sort_unstable();
        edges.dedup();
        edges.into_iter().map(|minute| (minute, self.at(minute))).collect()
    }

    /// The first instant of the series, and the first after it, in words.
    pub fn extent(&self, zone: Tz) -> String {
        let shown = |at: Timestamp| local(zone, at.minute()).format("%Y-%m-%d %H:%M").to_string();
        match (self.rows.first(), self.rows.last()) {
            (Some((first, _)), Some((last, _))) => {
                format!("{} to {}", shown(*first), shown(Timestamp(last.0 + self.spacing_ms)))
            }
            _ => String::new(),
        }
    }
}

fn row(text: &str, zone: Tz) -> Result<(Timestamp, f64), String> {
    let (time, value) = text.split_once(',').ok_or("needs a time and a factor with a comma between")?;
    let moment: Moment = time.parse()?;
    let value = value.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    Ok((moment.at(zone)?, value.ok_or_else(|| format!("`{text}` has no finite number"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Minute {
        Timestamp::from_rfc3339(text).expect(text).minute()
    }

    fn read(text: &str) -> Result<FactorSeries, String> {
        FactorSeries::parse(text, "Europe/Paris".parse().expect("a zone")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_factor_holds_until_the_next_and_the_last_for_as_long_as_usual() {
        let text = "time,g/kWh\n2020-01-01 00:00,56\n2020-01-01T00:00:00Z,60\n2020-01-01 02:00:00,44.5\n";
        let series = read(text).expect("a series");
        assert_eq!(series.at(at("2019-12-31T22:59:00Z")), None, "before it");
        assert_eq!(series.at(at("2019-12-31T23:59:00Z")), Some(0.056));
        assert_eq!(series.at(at("2020-01-01T00:00:00Z")), Some(0.06));
        assert_eq!(series.at(at("2020-01-01T01:59:00Z")), Some(0.0445));
        assert_eq!(series.at(at("2020-01-01T02:00:00Z")), None, "after it");
        assert_eq!(
            series.extent("Europe/Paris".parse().expect("a zone")),
            "2020-01-01 00:00 to 2020-01-01 03:00"
        );
    }

    #[test]
    fn a_hole_is_not_filled_with_what_was_before_it() {
        let rows = ["00", "01", "02", "12", "13"].map(|hour| format!("2020-01-01T{hour}:00:00Z,0.5\n"));
        let series = read(&format!("time,kg/kWh\n{}", rows.concat())).expect("a series");
        assert_eq!(series.at(at("2020-01-01T02:59:00Z")), Some(0.5));
        assert_eq!(series.at(at("2020-01-01T03:00:00Z")), None);
        assert_eq!(series.at(at("2020-01-01T12:00:00Z")), Some(0.5));
        let told: Vec<_> =
            series.steps().iter().map(|(minute, factor)| (minute.0 % 1_440 / 60, *factor)).collect();
        let holds = [0, 1, 2, 12, 13].map(|hour| (hour, Some(0.5)));
        let expected: Vec<_> = [&holds[..3], &[(3, None)], &holds[3..], &[(14, None)]].concat();
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_no_series_says_where() {
        for (text, why) in [
            ("", "no rows"),
            ("time,kg/kWh\n", "no rows"),
            ("hour;factor\n", "it must be `time,kg/kWh`"),
            ("time,kg/kWh\n2020-01-01T00:00:00Z\n", "line 2 of the series: needs a time and a factor"),
            ("time,kg/kWh\n2020-01-01T00:00:00Z,56\n", "56 kg/kWh is no emission factor"),
            ("time,kg/kWh\n2020-01-01T00:00:00Z,NaN\n", "has no finite number"),
            ("time,kg/kWh\n2020-01-01T00:00:00Z,1\n\n2020-01-01T00:00:00Z,1\n", "line 4 of the series"),
            ("time,kg/kWh\n2020-10-25 02:30,1\n", "twice; write it with its offset"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(why), "{error}");
        }
    }
}
