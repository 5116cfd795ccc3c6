//! One live point in the making.

use super::super::catalog::{FieldKind, Measurement};
use super::super::line::{Lines, encoded};
use influxdb2::models::DataPoint;
use influxdb2::models::data_point::DataPointBuilder;
use wattledger_model::time::Timestamp;

/// Bytes of a text at most.
const LONGEST_TEXT: usize = 2_000;

/// A point of a declared measurement. To give it a field that is not declared is a fault of the program.
pub(super) struct Point {
    measurement: &'static Measurement,
    builder: DataPointBuilder,
}

impl Point {
    /// A point without fields; `tags` are in the order of the measurement's tags.
    pub(super) fn new<const TAGS: usize>(
        measurement: &'static Measurement,
        tags: [&str; TAGS],
        at: Timestamp,
    ) -> Point {
        debug_assert_eq!(measurement.tags.len(), TAGS, "{}", measurement.name);
        let mut builder = DataPoint::builder(measurement.name).timestamp(at.0);
        for (name, value) in measurement.tags.iter().zip(tags) {
            builder = builder.tag(*name, value);
        }
        Point { measurement, builder }
    }

    /// A number; one that is not finite is none.
    pub(super) fn float(self, field: &str, value: f64) -> Point {
        self.expect_declared(field, FieldKind::Float);
        if !value.is_finite() {
            return self;
        }
        Point { builder: self.builder.field(field, value), ..self }
    }

    /// A count.
    pub(super) fn count(self, field: &str, value: u64) -> Point {
        self.float(field, value as f64)
    }

    /// 1 for true, 0 for false.
    pub(super) fn flag(self, field: &str, value: bool) -> Point {
        self.float(field, if value { 1.0 } else { 0.0 })
    }

    /// A number where it is known.
    pub(super) fn known(self, field: &str, value: Option<f64>) -> Point {
        match value {
            Some(value) => self.float(field, value),
            None => self,
        }
    }

    /// A text in one line of at most 2,000 bytes. The crate escapes quotation marks alone: a backslash before
    /// one would take its meaning, and a line break would end the line.
    pub(super) fn text(self, field: &str, value: &str) -> Point {
        self.expect_declared(field, FieldKind::Text);
        let text = one_line(value).replace('\\', "\\\\");
        Point { builder: self.builder.field(field, text), ..self }
    }

    fn expect_declared(&self, field: &str, kind: FieldKind) {
        let declared = self.measurement.fields.iter().find(|declared| declared.name == field);
        debug_assert_eq!(declared.map(|field| field.kind), Some(kind), "{}.{field}", self.measurement.name);
    }

    /// Writes it; without any field there is nothing to write.
    pub(super) fn add_to(self, lines: &mut Lines) {
        lines.add_line(&encoded(self.builder));
    }
}

fn one_line(text: &str) -> String {
    let mut end = text.len().min(LONGEST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut line: String = text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if end < text.len() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::super::catalog;
    use super::*;

    fn line(point: Point) -> Option<String> {
        let mut lines = Lines::default();
        point.add_to(&mut lines);
        lines.take().pop().map(|batch| String::from_utf8(batch.text).expect("UTF-8"))
    }

    fn event() -> Point {
        Point::new(&catalog::EVENT, ["hall 1", "correction", "-"], Timestamp(7))
    }

    #[test]
    fn texts_stay_in_their_line_and_quotation() {
        let text = event().text("text", "he said \"no\\\"\nand\tleft\\");
        assert_eq!(
            line(text).as_deref(),
            Some(
                "wl_event,facility=hall\\ 1,kind=correction,site=- text=\"he said \\\"no\\\\\\\" and left\\\\\" 7\n"
            )
        );
        let long = line(event().text("text", &"é".repeat(2_000))).expect("a line");
        assert!(long.contains("é…\"") && long.len() < 2_100, "{}", long.len());
    }

    #[test]
    fn what_is_not_known_is_left_out_and_a_point_of_nothing_too() {
        let horizon = || Point::new(&catalog::HORIZON, ["hall", "site-a"], Timestamp(1));
        assert_eq!(line(horizon().known("lag_s", None)), None);
        assert_eq!(line(horizon().float("lag_s", f64::NAN)), None);
        assert_eq!(
            line(horizon().known("lag_s", Some(1.5))).as_deref(),
            Some("wl_horizon,facility=hall,site=site-a lag_s=1.5 1\n")
        );
    }
}
