//! The report as JSON.
//!
//! Its shape is that of [`Report`] and its parts, field by field and in their order. `report` names the shape:
//! it changes only with a new number. Energies are exact decimal numbers in kWh, water in litres, carbon in
//! kg, shares from 0 to 1, instants RFC 3339 in UTC; what is not known is `null`, never zero.

use super::content::Report;

/// The report as indented JSON with a line end.
pub fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("a report is plain data");
    text.push('\n');
    text
}
