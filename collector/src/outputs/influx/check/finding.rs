//! What differs between ledger and database, in words and as JSON.

use super::parsed::Identity;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use wattledger_model::time::Timestamp;

/// How a point differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The database does not have it.
    Missing,
    /// The database has it, and the ledger does not.
    Extra,
    /// Fields have other values.
    Different(Vec<OtherField>),
    /// All values are right, and there are fields beside them that should not be.
    Stale(Vec<OtherField>),
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherField {
    /// Its name.
    pub field: String,
    /// Its value in the database; `None` where it has none.
    pub database: Option<String>,
    /// Its value by the ledger; `None` where it has none.
    pub ledger: Option<String>,
}

impl Fault {
    /// The word for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Fault::Missing => "missing",
            Fault::Extra => "extra",
            Fault::Different(_) => "different",
            Fault::Stale(_) => "stale",
        }
    }
}

/// A point that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) of: Arc<Identity>,
    pub(super) at_ms: i64,
    pub(super) fault: Fault,
    /// What the ledger says; empty for nothing.
    pub(super) ledger: Box<str>,
    /// Whether the output has still to write it.
    pub(super) is_waiting: bool,
    /// Whether Wattledger never writes series with these tags.
    pub(super) is_foreign: bool,
}

/// One or several points of a series that differ in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The measurement.
    pub measurement: String,
    /// Tags with their values.
    pub tags: Vec<(String, String)>,
    /// Time of the first point.
    pub first: Timestamp,
    /// Time of the last point.
    pub last: Timestamp,
    /// How many points there are.
    pub points: u64,
    /// How they differ.
    pub fault: Fault,
    /// Whether the output has still to write them.
    pub is_waiting: bool,
    /// Whether somebody else writes a series with such tags.
    pub is_foreign: bool,
}

/// Findings of differences, in the order of series and time. Where not each is asked for, points of a series that
/// are all missing, or all too many, are one.
pub(super) fn findings(mut differences: Vec<Difference>, each: bool) -> Vec<Finding> {
    differences.sort_by(|a, b| (&a.of, a.fault.word(), a.at_ms).cmp(&(&b.of, b.fault.word(), b.at_ms)));
    let mut findings: Vec<Finding> = Vec::new();
    let mut last: Option<(Arc<Identity>, bool)> = None;
    for difference in differences {
        let key = (Arc::clone(&difference.of), difference.is_waiting);
        let plain = matches!(difference.fault, Fault::Missing | Fault::Extra);
        if let Some(finding) = findings.last_mut()
            && plain
            && !each
            && finding.fault == difference.fault
            && last.as_ref() == Some(&key)
        {
            finding.last = Timestamp(difference.at_ms);
            finding.points += 1;
            continue;
        }
        last = Some(key);
        findings.push(Finding {
            measurement: difference.of.measurement.clone(),
            tags: difference.of.tags.clone(),
            first: Timestamp(difference.at_ms),
            last: Timestamp(difference.at_ms),
            points: 1,
            fault: difference.fault,
            is_waiting: difference.is_waiting,
            is_foreign: difference.is_foreign,
        });
    }
    findings
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.measurement)?;
        self.tags.iter().try_for_each(|(tag, value)| write!(f, " {tag}={value}"))?;
        match self.points {
            1 => write!(f, " at {}: ", self.first)?,
            points => write!(f, " {} to {}: {points} points ", self.first, self.last)?,
        }
        match &self.fault {
            Fault::Missing => f.write_str("missing")?,
            Fault::Extra if self.is_foreign => f.write_str("of a series that Wattledger does not write")?,
            Fault::Extra => f.write_str("not in the ledger")?,
            Fault::Different(fields) | Fault::Stale(fields) => {
                let words: Vec<String> = fields.iter().map(OtherField::words).collect();
                f.write_str(&words.join("; "))?;
            }
        }
        if self.is_waiting { f.write_str(" (still to be written)") } else { Ok(()) }
    }
}

impl OtherField {
    fn words(&self) -> String {
        let OtherField { field, database, ledger } = self;
        match (database, ledger) {
            (Some(database), Some(ledger)) => format!("{field} is {database}, by the ledger {ledger}"),
            (Some(database), None) => format!("{field} is {database}, and the ledger has none"),
            (None, ledger) => {
                format!("{field} is absent, by the ledger {}", ledger.as_deref().unwrap_or("none"))
            }
        }
    }
}

impl Serialize for Finding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("measurement", &self.measurement)?;
        let tags: std::collections::BTreeMap<&str, &str> =
            self.tags.iter().map(|(tag, value)| (tag.as_str(), value.as_str())).collect();
        map.serialize_entry("tags", &tags)?;
        map.serialize_entry("first", &self.first.to_string())?;
        map.serialize_entry("last", &self.last.to_string())?;
        map.serialize_entry("points", &self.points)?;
        map.serialize_entry("fault", self.fault.word())?;
        if let Fault::Different(fields) | Fault::Stale(fields) = &self.fault {
            map.serialize_entry("fields", fields)?;
        }
        map.serialize_entry("still_to_be_written", &self.is_waiting)?;
        map.serialize_entry("foreign_series", &self.is_foreign)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(key: &str, minute: i64, fault: Fault) -> Difference {
        let of = Arc::new(Identity::of(key));
        let (is_waiting, is_foreign) = (false, false);
        Difference { of, at_ms: minute * 60_000, fault, ledger: "".into(), is_waiting, is_foreign }
    }

    #[test]
    fn points_that_are_missing_in_a_row_are_one_finding_unless_each_is_asked_for() {
        let other = |value: &str| OtherField {
            field: "amount".to_owned(),
            database: Some(value.to_owned()),
            ledger: Some("1.25".to_owned()),
        };
        let all = vec![
            difference("wl_meter,meter=a,site=s", 2, Fault::Missing),
            difference("wl_meter,meter=b,site=s", 1, Fault::Missing),
            difference("wl_meter,meter=a,site=s", 1, Fault::Missing),
            difference("wl_meter,meter=a,site=s", 3, Fault::Different(vec![other("2.5")])),
            difference("wl_meter,meter=a,site=s", 4, Fault::Different(vec![other("2.5")])),
        ];
        let told: Vec<String> = findings(all.clone(), false).iter().map(Finding::to_string).collect();
        assert_eq!(
            told,
            [
                "wl_meter meter=a site=s at 1970-01-01T00:03:00Z: amount is 2.5, by the ledger 1.25",
                "wl_meter meter=a site=s at 1970-01-01T00:04:00Z: amount is 2.5, by the ledger 1.25",
                "wl_meter meter=a site=s 1970-01-01T00:01:00Z to 1970-01-01T00:02:00Z: 2 points missing",
                "wl_meter meter=b site=s at 1970-01-01T00:01:00Z: missing",
            ]
        );
        assert_eq!(findings(all, true).len(), 5);
    }
}
