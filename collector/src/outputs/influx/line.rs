//! Points as line protocol.
//!
//! The key of a series (measurement and tags, escaped) is made once by the `influxdb2` crate, and so are
//! whole points that are few. Points by the million are written here: `influxdb2` copies every name of every
//! point into a sorted map, which makes it four to five times slower, does not hold back what is not finite,
//! and escapes neither a line break nor a backslash at the end of a tag. The last two cannot occur: tags
//! are [names](wattledger_model::name::Name) and words of ours.

use super::catalog::{FieldKind, FieldSet, Measurement};
use super::decimal::{Decimals, push_integer};
use influxdb2::models::{DataPoint, WriteDataPoint};

/// A series: a measurement with a value for each of its tags.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) measurement: &'static Measurement,
    /// Values of the tags, in the order of the measurement's tags.
    pub(crate) tags: Vec<String>,
    /// The fields that points of this series can have.
    pub(crate) fields: FieldSet,
    /// Further fields that points of this series have under some other definition of the facility.
    pub(crate) once: FieldSet,
    /// Two points that are no further apart than this, ms, have none between them.
    pub(crate) at_most_ms: i64,
    /// Its number among the series of this output.
    pub(crate) number: u32,
    key: Vec<u8>,
}

impl Series {
    /// A series; `tags` are in the order of the measurement's tags.
    pub(crate) fn new(measurement: &'static Measurement, tags: Vec<String>, fields: FieldSet) -> Series {
        let mut point = DataPoint::builder(measurement.name).field("f", true);
        for (tag, value) in measurement.tags.iter().zip(&tags) {
            point = point.tag(*tag, value.as_str());
        }
        let mut key = encoded(point);
        key.truncate(key.len().saturating_sub(" f=t\n".len()));
        Series { measurement, tags, fields, once: FieldSet::default(), at_most_ms: 0, number: 0, key }
    }
}

/// A point of the `influxdb2` crate as a line.
pub(crate) fn encoded(point: influxdb2::models::data_point::DataPointBuilder) -> Vec<u8> {
    let mut line = Vec::new();
    // A point without fields is the one thing that cannot be built; writing to memory does not fail.
    if let Ok(point) = point.build() {
        point.write_data_point_to(&mut line).expect("memory takes every byte");
    }
    line
}

/// The fields of one point in the making.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    text: Vec<u8>,
    set: FieldSet,
    decimals: Decimals,
    /// Values that were left out since they are no finite number.
    pub(crate) not_finite: u64,
}

impl Fields {
    /// Forgets the fields of the last point.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.set = FieldSet::default();
    }

    /// The fields that are there.
    pub(crate) fn set(&self) -> FieldSet {
        self.set
    }

    /// The fields as text.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Adds a float. What is not finite is left out and counted: line protocol has no word for it.
    pub(crate) fn float(&mut self, measurement: &Measurement, field: usize, value: f64) {
        if !value.is_finite() {
            self.not_finite += 1;
            return;
        }
        self.name(measurement, field, FieldKind::Float);
        self.decimals.push(value, &mut self.text);
    }

    /// Adds an integer.
    pub(crate) fn integer(&mut self, measurement: &Measurement, field: usize, value: i64) {
        self.name(measurement, field, FieldKind::Integer);
        push_integer(value, &mut self.text);
        self.text.push(b'i');
    }

    /// Adds a word of ours, which needs no escaping.
    pub(crate) fn word(&mut self, measurement: &Measurement, field: usize, value: &'static str) {
        debug_assert!(value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "`{value}` is no word");
        self.name(measurement, field, FieldKind::Text);
        self.text.push(b'"');
        self.text.extend_from_slice(value.as_bytes());
        self.text.push(b'"');
    }

    fn name(&mut self, measurement: &Measurement, field: usize, kind: FieldKind) {
        let declared = &measurement.fields[field];
        debug_assert_eq!(declared.kind, kind, "{}.{}", measurement.name, declared.name);
        if !self.text.is_empty() {
            self.text.push(b',');
        }
        self.text.extend_from_slice(declared.name.as_bytes());
        self.text.push(b'=');
        self.set = self.set | FieldSet::of(field);
    }
}

/// Lines that are sent together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) text: Vec<u8>,
    pub(crate) lines: usize,
}

/// A request is not made longer than about this, bytes, unless the operator says otherwise.
const BATCH_BYTES: usize = 1 << 20;

impl Batch {
    /// The first half and the second half of the lines; `None` where there is but one.
    pub(crate) fn halves(&self) -> Option<(Batch, Batch)> {
        if self.lines < 2 {
            return None;
        }
        let half = self.lines / 2;
        let ends = self.text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let cut = ends.map(|(at, _)| at + 1).nth(half - 1)?;
        let (first, second) = self.text.split_at(cut);
        Some((
            Batch { text: first.to_vec(), lines: half },
            Batch { text: second.to_vec(), lines: self.lines - half },
        ))
    }

    /// The lines, without what ends them.
    pub(crate) fn each_line(&self) -> impl Iterator<Item = &[u8]> {
        self.text.strip_suffix(b"\n").unwrap_or(&self.text).split(|byte| *byte == b'\n')
    }

    /// The lines whose place, from 0, is asked for, and the others.
    pub(crate) fn divided(&self, wanted: impl Fn(usize) -> bool) -> (Batch, Batch) {
        let (mut these, mut others) = (Batch::default(), Batch::default());
        for (at, line) in self.each_line().enumerate() {
            let to = if wanted(at) { &mut these } else { &mut others };
            to.text.extend_from_slice(line);
            to.text.push(b'\n');
            to.lines += 1;
        }
        (these, others)
    }
}

/// A batch is closed when it has less room than this: lines of ours are shorter.
const LINE_BYTES: usize = 512;

/// Lines, cut into batches as they come.
#[derive(Debug)]
pub(crate) struct Lines {
    full: Vec<Batch>,
    open: Batch,
    batch_bytes: usize,
}

impl Default for Lines {
    fn default() -> Lines {
        Lines::in_batches_of(BATCH_BYTES)
    }
}

impl Lines {
    /// Lines in batches of about so many bytes.
    pub(crate) fn in_batches_of(bytes: usize) -> Lines {
        Lines { full: Vec::new(), open: Batch::default(), batch_bytes: bytes }
    }

    /// Adds a point with the fields that were made.
    pub(crate) fn add(&mut self, series: &Series, fields: &Fields, at_ms: i64) {
        let text = &mut self.open.text;
        if text.capacity() == 0 {
            text.reserve(self.batch_bytes + LINE_BYTES);
        }
        text.extend_from_slice(&series.key);
        text.push(b' ');
        text.extend_from_slice(&fields.text);
        text.push(b' ');
        push_integer(at_ms, text);
        self.end_line();
    }

    /// Adds a whole line.
    pub(crate) fn add_line(&mut self, line: &[u8]) {
        if let Some(line) = line.strip_suffix(b"\n") {
            self.open.text.extend_from_slice(line);
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        self.open.text.push(b'\n');
        self.open.lines += 1;
        if self.open.text.len() + LINE_BYTES > self.batch_bytes {
            self.full.push(std::mem::take(&mut self.open));
        }
    }

    /// Takes all batches out.
    pub(crate) fn take(&mut self) -> Vec<Batch> {
        if self.open.lines > 0 {
            let mut last = std::mem::take(&mut self.open);
            last.text.shrink_to_fit();
            self.full.push(last);
        }
        std::mem::take(&mut self.full)
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalog;
    use super::*;
    use proptest::prelude::*;

    fn series(tags: &[&str]) -> Series {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Series::new(&catalog::TARGET, tags, FieldSet(31))
    }

    fn line_of(series: &Series, fields: &Fields, at_ms: i64) -> String {
        let mut lines = Lines::default();
        lines.add(series, fields, at_ms);
        let [batch] = lines.take().try_into().expect("one batch");
        String::from_utf8(batch.text).expect("lines are UTF-8")
    }

    #[test]
    fn a_line_is_as_the_protocol_has_it() {
        let mut fields = Fields::default();
        let m = &catalog::TARGET;
        fields.float(m, catalog::target::LIMIT, 1.3);
        fields.float(m, catalog::target::VALUE, f64::NAN);
        fields.float(m, catalog::target::COVERAGE, -0.0);
        fields.integer(m, catalog::target::MEETS, 1);
        fields.word(m, catalog::target::VERDICT, "pass_unguarded");
        let line = line_of(&series(&["hall-1", "hall", "D130", "24h"]), &fields, 1_767_225_600_000);
        assert_eq!(
            line,
            "wl_target,facility=hall-1,site=hall,target=D130,window=24h \
             limit=1.3,coverage=0,meets=1i,verdict=\"pass_unguarded\" 1767225600000\n"
        );
        assert_eq!(fields.not_finite, 1);
    }

    proptest! {
        /// Tags and numbers as they occur: our lines are those of the `influxdb2` crate, but for the order of
        /// fields, which it sorts.
        #[test]
        fn lines_are_those_of_the_crate(
            tags in prop::collection::vec("[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", 4),
            coverage in any::<f64>().prop_filter("finite", |v| v.is_finite() && *v != 0.0),
            meets in any::<i64>(),
            at_ms in any::<i64>(),
        ) {
            let m = &catalog::TARGET;
            let mut fields = Fields::default();
            fields.float(m, catalog::target::COVERAGE, coverage);
            fields.integer(m, catalog::target::MEETS, meets);
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            let mut point = DataPoint::builder(m.name).timestamp(at_ms);
            for (name, value) in m.tags.iter().zip(&tags) {
                point = point.tag(*name, *value);
            }
            let theirs = encoded(point.field("coverage", coverage).field("meets", meets));
            prop_assert_eq!(line_of(&series(&tags), &fields, at_ms).into_bytes(), theirs);
        }

        /// Tags as they could be: the key stays one key, whatever spaces, commas and equals signs are in it.
        #[test]
        fn keys_are_escaped(value in "[ -~]{1,12}") {
            prop_assume!(!value.ends_with('\\'));
            let key = String::from_utf8(series(&[&value, "s", "t", "w"]).key).expect("UTF-8");
            let mut unescaped = String::new();
            let mut rest = key.strip_prefix("wl_target,facility=").expect("the first tag").chars();
            let mut escaped = false;
            for c in rest.by_ref() {
                match (escaped, c) {
                    (false, '\\') => escaped = true,
                    (false, ',') => break,
                    (true, c) => {
                        if !matches!(c, ',' | '=' | ' ') {
                            unescaped.push('\\');
                        }
                        // A backslash that escapes nothing stands for itself, and may escape what follows.
                        escaped = c == '\\';
                        if !escaped {
                            unescaped.push(c);
                        }
                    }
                    (false, c) => unescaped.push(c),
                }
            }
            prop_assert_eq!(unescaped, value);
            prop_assert_eq!(rest.as_str(), "site=s,target=t,window=w");
        }

        #[test]
        fn floats_come_back_as_they_were(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let mut fields = Fields::default();
            fields.float(&catalog::TARGET, catalog::target::VALUE, value);
            let text = String::from_utf8(fields.text).expect("UTF-8");
            let back: f64 = text.strip_prefix("value=").expect("named").parse().expect("a number");
            prop_assert!(back == value);
        }
    }

    /// Why values that are not ours never go into a tag: the crate would break the line.
    #[test]
    fn the_crate_lets_a_line_break_through() {
        let line = encoded(DataPoint::builder("m").tag("t", "a\nb").field("f", f64::NAN));
        assert_eq!(String::from_utf8_lossy(&line), "m,t=a\nb f=NaN\n");
    }

    #[test]
    fn batches_are_bounded_and_halve_to_single_lines() {
        let series = series(&["f", "s", "t", "w"]);
        let mut fields = Fields::default();
        fields.float(&catalog::TARGET, catalog::target::VALUE, 1.25);
        let mut lines = Lines::default();
        for at in 0..25_001 {
            lines.add(&series, &fields, at);
        }
        let batches = lines.take();
        assert!(batches.len() > 1 && batches.iter().all(|batch| batch.text.len() <= BATCH_BYTES));
        assert_eq!(batches.iter().map(|batch| batch.lines).sum::<usize>(), 25_001);
        let last = batches.last().expect("there are some");
        let mut left = vec![last.clone()];
        let mut single = Vec::new();
        while let Some(batch) = left.pop() {
            match batch.halves() {
                Some((first, second)) => left.extend([second, first]),
                None => single.push(batch),
            }
        }
        assert_eq!(single.len(), last.lines);
        assert_eq!(single.concat_text(), last.text);
    }

    #[test]
    fn lines_are_divided_by_their_places() {
        let batch = Batch { text: b"a 1\nb 2\nc 3\n".to_vec(), lines: 3 };
        let (these, others) = batch.divided(|at| at == 1);
        assert_eq!((these.text.as_slice(), these.lines), (b"b 2\n".as_slice(), 1));
        assert_eq!((others.text.as_slice(), others.lines), (b"a 1\nc 3\n".as_slice(), 2));
        assert_eq!(batch.each_line().count(), 3);
    }

    trait ConcatText {
        fn concat_text(&self) -> Vec<u8>;
    }

    impl ConcatText for Vec<Batch> {
        fn concat_text(&self) -> Vec<u8> {
            self.iter().flat_map(|batch| batch.text.iter().copied()).collect()
        }
    }
}
