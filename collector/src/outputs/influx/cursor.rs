//! How far an output has come: the part of it that survives a restart.

use super::catalog::VERSION;
use crate::outputs::remembered;
use crate::store::{Layout, MeterId, StoreError};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wattledger_model::time::{Interval, Minute};

/// How far an output has come.
///
/// Everything that follows from change numbers up to `cursor` is in the database: the minutes of declared
/// meters, and of each facility every point whose time of publication is not after `published`, but for
/// points that look at minutes in `dirty`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Version of the catalogue that the points are of; 0 of a cursor from before there were versions.
    #[serde(default)]
    pub(crate) version: u32,
    /// Identity of the store that the change numbers are of.
    pub(crate) store: u64,
    /// Digest of the database's address: another database gets everything from the start.
    pub(crate) database: u32,
    /// Whether anything may have been written already.
    pub(crate) begun: bool,
    /// The last change number whose hours are written.
    pub(crate) cursor: u64,
    /// Meters that were declared so far, as ranges of numbers.
    pub(crate) meters: Vec<(MeterId, MeterId)>,
    /// Meters declared since, whose earlier hours are still to be written.
    pub(crate) late: Option<Late>,
    /// By the facility's name.
    pub(crate) facilities: BTreeMap<String, Published>,
    /// Local days of meters, by site and time zone.
    #[serde(default)]
    pub(crate) days: BTreeMap<String, Days>,
    /// Up to where events are written. Cursors of before there were any begin with the first.
    #[serde(default)]
    pub(crate) told: Told,
}

/// Meters of one site whose days begin at the same instants.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Days {
    /// The meters, as ranges of numbers.
    pub(crate) meters: Vec<(MeterId, MeterId)>,
    /// Every day that ends up to this minute edge is written.
    pub(crate) until: Option<i64>,
    /// Nothing of days that begin after this minute edge was ever sent.
    pub(crate) attempted: Option<i64>,
}

/// Up to where events are written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    /// Number of the last entry of the audit chain; 0 before the first.
    pub(crate) entry: u64,
    /// Its hash: of another chain everything is told.
    pub(crate) hash: String,
    /// Number of the last turn of an alert; 0 before the first.
    pub(crate) turn: i64,
}

/// A second cursor, for meters that were declared when the first was past their hours.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Late {
    /// The meters.
    pub(crate) meters: Vec<(MeterId, MeterId)>,
    /// The last change number that was looked at for them.
    pub(crate) cursor: u64,
    /// The last one that must be.
    pub(crate) until: u64,
}

/// What is published of a facility.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Published {
    /// Digest of the facility's definition: another definition publishes everything anew.
    pub(crate) definition: u32,
    /// The first minute of which anything was known.
    pub(crate) first: Option<i64>,
    /// Everything up to this minute edge is published.
    pub(crate) until: Option<i64>,
    /// Nothing after this minute edge was ever sent.
    pub(crate) attempted: Option<i64>,
    /// Minutes that changed since the points that look at them were written.
    pub(crate) dirty: Spans,
    /// Whether those are all there were, because of another definition: their points may have fields that no point of
    /// theirs has any more.
    #[serde(default)]
    pub(crate) redefined: bool,
    /// Digest of the resolutions that follow the newest readings: others publish everything anew.
    #[serde(default)]
    pub(crate) resolutions: u32,
}

impl Cursor {
    /// Where an output without memory starts.
    pub(crate) fn start(store: u64, database: u32) -> Cursor {
        Cursor { version: VERSION, store, database, ..Cursor::default() }
    }

    /// As text, to be remembered.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("plain data becomes JSON")
    }
}

/// What the output remembers; a cursor of another store, database or version of the catalogue, or one that cannot be
/// read, starts over.
///
/// # Errors
/// [`StoreError`] where the outputs' file cannot be read.
pub(crate) fn load(layout: &Layout, output: &str, store: u64, database: u32) -> Result<Cursor, StoreError> {
    let connection = remembered::open(layout)?;
    let text = remembered::cursor(&connection, output).map_err(|source| failed(layout, source))?;
    let fresh = Cursor::start(store, database);
    let Some(text) = text else { return Ok(fresh) };
    let why = match serde_json::from_str::<Cursor>(&text) {
        Ok(cursor) if cursor.store != store => "its cursor is of another store",
        Ok(cursor) if cursor.database != database => "it has a new address",
        Ok(cursor) if cursor.version != VERSION => "its points are of another version of the catalogue",
        Ok(cursor) => return Ok(cursor),
        Err(_) => "its cursor cannot be read",
    };
    tracing::warn!(output, why, "the output starts over");
    Ok(fresh)
}

/// Keeps cursors on disk.
#[derive(Debug)]
pub(crate) struct Keeper {
    connection: Connection,
    layout: Layout,
    output: String,
}

impl Keeper {
    /// A keeper for one output.
    ///
    /// # Errors
    /// [`StoreError`] where the outputs' file cannot be opened.
    pub(crate) fn open(layout: &Layout, output: &str) -> Result<Keeper, StoreError> {
        let connection = remembered::open(layout)?;
        Ok(Keeper { connection, layout: layout.clone(), output: output.to_owned() })
    }

    /// Remembers a cursor; durable on return.
    ///
    /// # Errors
    /// [`StoreError`] where the outputs' file cannot be written.
    pub(crate) fn keep(&self, cursor: &str) -> Result<(), StoreError> {
        remembered::set_cursor(&self.connection, &self.output, cursor)
            .map_err(|source| failed(&self.layout, source))
    }
}

fn failed(layout: &Layout, source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: layout.outputs(), source }
}

/// Numbers as ranges, ascending and apart.
pub(crate) fn ranges(numbers: impl IntoIterator<Item = MeterId>) -> Vec<(MeterId, MeterId)> {
    let mut numbers: Vec<MeterId> = numbers.into_iter().collect();
    numbers.sort_unstable();
    let mut ranges: Vec<(MeterId, MeterId)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if number <= last.1 + 1 => last.1 = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

/// Whether a number is in ascending ranges.
pub(crate) fn holds(ranges: &[(MeterId, MeterId)], number: MeterId) -> bool {
    let at = ranges.partition_point(|(_, last)| *last < number);
    ranges.get(at).is_some_and(|(first, _)| *first <= number)
}

/// Minutes as ascending intervals that do not touch. There are never more than a thousand: beyond, the
/// nearest are joined, and what lies between them is looked at for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Spans(Vec<(i64, i64)>);

const MOST_SPANS: usize = 1_000;

impl Spans {
    /// Whether there is no minute.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The intervals, ascending.
    pub(crate) fn intervals(&self) -> impl DoubleEndedIterator<Item = Interval> + '_ {
        self.0.iter().map(|(from, to)| Interval::new(Minute(*from), Minute(*to)))
    }

    /// Adds an interval.
    pub(crate) fn add(&mut self, interval: Interval) {
        if interval.is_empty() {
            return;
        }
        let (mut from, mut to) = (interval.from.0, interval.to.0);
        let first = self.0.partition_point(|span| span.1 < from);
        let after = self.0.partition_point(|span| span.0 <= to);
        if let (Some(low), Some(high)) = (self.0.get(first), self.0[..after].last())
            && first < after
        {
            from = from.min(low.0);
            to = to.max(high.1);
        }
        self.0.splice(first..after, [(from, to)]);
        if self.0.len() > MOST_SPANS {
            self.join_nearest();
        }
    }

    /// Takes the latest minutes out, about so many.
    pub(crate) fn take_latest(&mut self, minutes: i64) -> Spans {
        let mut taken = Vec::new();
        let mut left = minutes;
        while left > 0
            && let Some((from, to)) = self.0.pop()
        {
            let cut = from.max(to - left);
            if cut > from {
                self.0.push((from, cut));
            }
            taken.push((cut, to));
            left -= to - cut;
        }
        taken.reverse();
        Spans(taken)
    }

    fn join_nearest(&mut self) {
        let gaps = self.0.windows(2).map(|pair| pair[1].0 - pair[0].1);
        if let Some((at, _)) = gaps.enumerate().min_by_key(|(_, gap)| *gap) {
            self.0[at].1 = self.0[at + 1].1;
            self.0.remove(at + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn minutes(spans: &Spans) -> BTreeSet<i64> {
        spans.intervals().flat_map(|span| span.from.0..span.to.0).collect()
    }

    proptest! {
        #[test]
        fn spans_hold_what_was_added(added in prop::collection::vec((0_i64..300, 0_i64..30), 0..40), take in 0_i64..100) {
            let mut spans = Spans::default();
            let mut expected = BTreeSet::new();
            for (from, length) in added {
                spans.add(Interval::new(Minute(from), Minute(from + length)));
                expected.extend(from..from + length);
            }
            prop_assert_eq!(&minutes(&spans), &expected);
            prop_assert!(spans.0.windows(2).all(|pair| pair[0].1 < pair[1].0), "{:?}", spans);
            let latest = minutes(&spans.take_latest(take));
            prop_assert_eq!(latest.len(), expected.len().min(take as usize));
            prop_assert!(latest.first().is_none_or(|first| minutes(&spans).last().is_none_or(|rest| rest < first)));
            prop_assert_eq!(latest.len() + minutes(&spans).len(), expected.len());
        }

        #[test]
        fn ranges_hold_their_numbers(numbers in prop::collection::btree_set(0_i64..60, 0..30)) {
            let ranges = ranges(numbers.iter().copied());
            for number in -1..61 {
                prop_assert_eq!(holds(&ranges, number), numbers.contains(&number));
            }
        }
    }

    #[test]
    fn spans_stay_few() {
        let mut spans = Spans::default();
        for at in 0..1_500 {
            spans.add(Interval::new(Minute(at * 100), Minute(at * 100 + 10 + at % 7)));
        }
        assert_eq!(spans.0.len(), MOST_SPANS);
        assert!(minutes(&spans).len() >= 1_500 * 10);
    }

    #[test]
    fn another_store_database_or_version_starts_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(folder.path());
        let mut cursor = Cursor::start(u64::MAX - 1, 3);
        cursor.cursor = 40;
        cursor
            .facilities
            .entry("hall".to_owned())
            .or_default()
            .dirty
            .add(Interval::new(Minute(1), Minute(9)));
        Keeper::open(&layout, "main").expect("opens").keep(&cursor.to_text()).expect("is kept");
        let loaded = |store, database| load(&layout, "main", store, database).expect("is read");
        assert_eq!(loaded(u64::MAX - 1, 3), cursor);
        assert_eq!(loaded(u64::MAX - 1, 4), Cursor::start(u64::MAX - 1, 4));
        assert_eq!(loaded(7, 3), Cursor::start(7, 3));
        cursor.version = VERSION - 1;
        Keeper::open(&layout, "main").expect("opens").keep(&cursor.to_text()).expect("is kept");
        assert_eq!(loaded(u64::MAX - 1, 3), Cursor::start(u64::MAX - 1, 3), "another version starts over");
        // As version 1 wrote it, before there was a number.
        let first = r#"{"store":7,"database":3,"begun":true,"cursor":40,"meters":[[1,5]],"late":null,"facilities":
            {"hall":{"definition":9,"first":0,"until":60,"attempted":60,"dirty":[[0,10]]}}}"#;
        Keeper::open(&layout, "main").expect("opens").keep(first).expect("is kept");
        assert_eq!(loaded(7, 3), Cursor::start(7, 3), "so does one of version 1");
        assert_eq!(load(&layout, "other", 7, 3).expect("is read"), Cursor::start(7, 3));
    }
}
