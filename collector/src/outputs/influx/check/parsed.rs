//! Lines of the line protocol, read back: what is made for a database is what it has to answer.
//!
//! So a comparison knows nothing of what the points mean, and holds for every measurement of the catalogue.

use std::borrow::Cow;
use std::fmt;

/// What a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::outputs::influx) struct Line<'a> {
    /// Measurement and tags, escaped.
    pub(in crate::outputs::influx) key: &'a str,
    /// The fields.
    pub(in crate::outputs::influx) fields: &'a str,
    /// The time, ms.
    pub(in crate::outputs::influx) at_ms: i64,
}

/// A series by its measurement and its tags, sorted by their names. Tags without a value are no tags.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::outputs::influx) struct Identity {
    pub(in crate::outputs::influx) measurement: String,
    pub(in crate::outputs::influx) tags: Vec<(String, String)>,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::outputs::influx) enum Told<'a> {
    /// A float, as text.
    Float(&'a str),
    /// An integer, as text.
    Integer(&'a str),
    /// A text.
    Text(Cow<'a, str>),
}

impl<'a> Line<'a> {
    /// Takes a line apart; `None` where it is none with a time.
    pub(in crate::outputs::influx) fn of(line: &'a str) -> Option<Line<'a>> {
        let mut escaped = false;
        let end = line.bytes().position(|byte| {
            let ends = byte == b' ' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let (key, rest) = (&line[..end], &line[end + 1..]);
        let (fields, time) = rest.rsplit_once(' ')?;
        Some(Line { key, fields, at_ms: time.parse().ok()? })
    }
}

impl Identity {
    /// The series of a key.
    pub(in crate::outputs::influx) fn of(key: &str) -> Identity {
        let mut parts = split(key, ',').map(unescaped);
        let measurement = parts.next().unwrap_or_default();
        let mut tags: Vec<(String, String)> = split(key, ',')
            .skip(1)
            .filter_map(|tag| {
                let mut sides = split(tag, '=');
                Some((unescaped(sides.next()?), unescaped(sides.next()?)))
            })
            .collect();
        tags.sort();
        Identity { measurement, tags }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.measurement)?;
        self.tags.iter().try_for_each(|(tag, value)| write!(f, " {tag}={value}"))
    }
}

/// Parts between unescaped separators.
fn split(text: &str, by: char) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |c: char| {
        let splits = c == by && !escaped;
        escaped = c == '\\' && !escaped;
        splits
    })
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        // A backslash before anything else stands for itself.
        match letters.peek() {
            Some(',' | '=' | ' ') if c == '\\' => out.extend(letters.next()),
            _ => out.push(c),
        }
    }
    out
}

/// Names and values of fields, in their order.
pub(in crate::outputs::influx) fn fields(text: &str) -> impl Iterator<Item = (&str, Told<'_>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once('=')?;
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = end_of_text(quoted);
                (Told::Text(unquoted(&quoted[..end])), quoted.get(end + 1..).unwrap_or(""))
            }
            None => {
                let end = after.find(',').unwrap_or(after.len());
                let number = &after[..end];
                let value = number.strip_suffix('i').map_or(Told::Float(number), Told::Integer);
                (value, &after[end..])
            }
        };
        rest = next.strip_prefix(',').unwrap_or(next);
        Some((name, value))
    })
}

fn end_of_text(quoted: &str) -> usize {
    let mut escaped = false;
    let ends = |byte: u8| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    };
    quoted.bytes().position(ends).unwrap_or(quoted.len())
}

fn unquoted(text: &str) -> Cow<'_, str> {
    if text.contains('\\') {
        Cow::Owned(text.replace("\\\"", "\"").replace("\\\\", "\\"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::catalog::{self, FieldSet};
    use super::super::super::line::{Fields, Lines, Series};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_comes_apart() {
        let text = "wl_target,facility=a\\ b,site=s limit=1.5,meets=1i,verdict=\"say \\\"a, b\\\"\" 60000";
        let line = Line::of(text).expect("a line");
        assert_eq!((line.at_ms, line.key), (60_000, "wl_target,facility=a\\ b,site=s"));
        let of = Identity::of(line.key);
        let tags = [("facility", "a b"), ("site", "s")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!((of.measurement.as_str(), &of.tags[..]), ("wl_target", &tags[..]));
        let all: Vec<_> = fields(line.fields).collect();
        let verdict = Told::Text("say \"a, b\"".into());
        assert_eq!(all, [("limit", Told::Float("1.5")), ("meets", Told::Integer("1")), ("verdict", verdict)]);
        assert_eq!(Line::of("no line"), None);
    }

    proptest! {
        #[test]
        fn what_the_output_makes_is_read_back(
            tags in prop::collection::vec("[a-z0-9]([a-z0-9 ,=-]{0,12}[a-z0-9])?", 4),
            value in any::<f64>().prop_filter("finite", |v| v.is_finite()),
            meets in any::<i64>(),
            at_ms in any::<i64>(),
        ) {
            let m = &catalog::TARGET;
            let mut made = Fields::default();
            made.float(m, catalog::target::VALUE, value);
            made.integer(m, catalog::target::MEETS, meets);
            made.word(m, catalog::target::VERDICT, "pass");
            let mut lines = Lines::default();
            lines.add(&Series::new(m, tags.clone(), FieldSet(31)), &made, at_ms);
            let text = String::from_utf8(lines.take()[0].text.clone()).expect("UTF-8");
            let line = Line::of(text.trim_end()).expect("a line");
            prop_assert_eq!(line.at_ms, at_ms);
            let read: Vec<String> = Identity::of(line.key).tags.into_iter().map(|(_, value)| value).collect();
            prop_assert_eq!(read, tags);
            let all: Vec<_> = fields(line.fields).collect();
            let meets = meets.to_string();
            prop_assert_eq!(&all[1..], &[("meets", Told::Integer(&meets)), ("verdict", Told::Text("pass".into()))]);
            let Told::Float(text) = all[0].1 else { panic!("a float") };
            prop_assert_eq!(text.parse::<f64>().expect("a number"), value);
        }
    }
}
