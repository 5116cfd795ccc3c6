//! The report as JSON.
//!
//! Its shape is that of [`Report`] and its parts, field by field and in their order. `report` names the shape, and
//! [`super::Schema::Report`] describes it: fields are only added to it, whatever else changes has a new number.
//! Energies are exact decimal numbers in kWh, water in litres, carbon in kg, shares from 0 to 1, instants RFC 3339 in
//! UTC; what is not known is `null`, never zero.

use super::content::Report;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use std::io::{self, Write};

/// The report as indented JSON with a line end.
pub fn json(report: &Report) -> String {
    printed(report)
}

/// Plain data as indented JSON with a line end; an array of numbers stands in one line.
pub(super) fn printed(data: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Lines::default());
    data.serialize(&mut serializer).expect("a report is plain data");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// What an array or object holds so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    /// Numbers and nulls, in the line of the bracket.
    Numbers,
    /// Something in lines of its own.
    Lines,
}

/// Indents by two, but for the numbers of an array: a year has 8 760 hours.
#[derive(Debug, Default)]
struct Lines {
    /// What is open, outermost first.
    open: Vec<Held>,
    /// Whether the element of an array that comes next is its first; `None` where none is due.
    due: Option<bool>,
}

impl Lines {
    /// Before an element of an array, now that it is known what it is; before anything else, nothing.
    fn element<W: ?Sized + Write>(&mut self, to: &mut W, is_number: bool) -> io::Result<()> {
        let Some(first) = self.due.take() else { return Ok(()) };
        if is_number {
            self.hold(Held::Numbers);
            return to.write_all(if first { b"" } else { b", " });
        }
        self.hold(Held::Lines);
        to.write_all(if first { b"" } else { b"," })?;
        self.line(to)
    }

    fn hold(&mut self, held: Held) {
        if let Some(last) = self.open.last_mut() {
            *last = held;
        }
    }

    fn line<W: ?Sized + Write>(&self, to: &mut W) -> io::Result<()> {
        to.write_all(b"\n")?;
        self.open.iter().try_for_each(|_| to.write_all(b"  "))
    }

    fn begin<W: ?Sized + Write>(&mut self, to: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.element(to, false)?;
        self.open.push(Held::Nothing);
        to.write_all(bracket)
    }

    fn end<W: ?Sized + Write>(&mut self, to: &mut W, bracket: &[u8]) -> io::Result<()> {
        if self.open.pop() == Some(Held::Lines) {
            self.line(to)?;
        }
        to.write_all(bracket)
    }
}

macro_rules! numbers {
    ($($write:ident: $number:ty),+) => {
        $(fn $write<W: ?Sized + Write>(&mut self, to: &mut W, number: $number) -> io::Result<()> {
            self.element(to, true)?;
            CompactFormatter.$write(to, number)
        })+
    };
}

impl Formatter for Lines {
    numbers! {
        write_i8: i8, write_i16: i16, write_i32: i32, write_i64: i64, write_i128: i128,
        write_u8: u8, write_u16: u16, write_u32: u32, write_u64: u64, write_u128: u128,
        write_f32: f32, write_f64: f64, write_number_str: &str
    }

    fn write_null<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.element(to, true)?;
        CompactFormatter.write_null(to)
    }

    fn write_bool<W: ?Sized + Write>(&mut self, to: &mut W, value: bool) -> io::Result<()> {
        self.element(to, false)?;
        CompactFormatter.write_bool(to, value)
    }

    fn begin_string<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.element(to, false)?;
        CompactFormatter.begin_string(to)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.begin(to, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.end(to, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        self.due = Some(first);
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.begin(to, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.end(to, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.hold(Held::Lines);
        to.write_all(if first { b"" } else { b"," })?;
        self.line(to)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_of_an_array_stand_in_one_line_and_all_else_in_lines_of_its_own() {
        let data = json!({
            "a": [1, 2.5, null], "b": [], "c": {}, "d": ["x", "y"], "e": [{ "f": [[1], [2, 3]] }, 4, true], "g": -1,
        });
        let text = printed(&data);
        let expected = r#"{
  "a": [1, 2.5, null],
  "b": [],
  "c": {},
  "d": [
    "x",
    "y"
  ],
  "e": [
    {
      "f": [
        [1],
        [2, 3]
      ]
    }, 4,
    true
  ],
  "g": -1
}
"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("it is JSON"), data);
    }

    #[test]
    fn without_arrays_of_numbers_it_is_what_serde_json_prints() {
        let data = json!({ "a": { "b": ["c", {}, []], "d": null }, "e": "\"\n", "f": [{ "g": false }] });
        assert_eq!(printed(&data), format!("{}\n", serde_json::to_string_pretty(&data).expect("plain data")));
    }
}
