//! When something holds: `from` and `to`, as instants or as local dates of the site.

use crate::indicators::account::ALWAYS;
use wattledger_model::calendar::Tz;
use wattledger_model::document::{self, Document, Moment, Placed, Table};
use wattledger_model::time::{Interval, MINUTE_MS, Minute, Timestamp};

/// `from` and `to` as they were written; the zone is known once the site is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    from: Option<Placed<Moment>>,
    to: Option<Placed<Moment>>,
    /// Whether neither was written, or each could be read.
    whole: bool,
}

impl Written {
    /// Nothing written.
    pub(super) const ALWAYS: Written = Written { from: None, to: None, whole: true };

    /// Reads the two keys of a table.
    pub(super) fn read(table: &mut Table<'_>) -> Written {
        let from = table.optional("from", document::moment);
        let to = table.optional("to", document::moment);
        let whole = table.has("from") == from.is_some() && table.has("to") == to.is_some();
        Written { from, to, whole }
    }

    /// The interval, in whole minutes; open where an end was not written. `None` has been reported.
    pub(super) fn interval(&self, document: &Document<'_>, zone: Tz) -> Option<Interval> {
        let from = edge(document, self.from, zone, ALWAYS.from);
        let to = edge(document, self.to, zone, ALWAYS.to);
        let interval = Interval::new(from?, to?);
        if interval.from >= interval.to {
            if let Some(to) = self.to {
                document.error(to.place, "`to` must lie after `from`");
            }
            return None;
        }
        self.whole.then_some(interval)
    }
}

fn edge(document: &Document<'_>, written: Option<Placed<Moment>>, zone: Tz, open: Minute) -> Option<Minute> {
    let Some(written) = written else { return Some(open) };
    let at = instant(document, &written, zone)?;
    if at.0.rem_euclid(MINUTE_MS) != 0 {
        document
            .error(written.place, format!("{at} is not on a whole minute; what holds is counted in minutes"));
        return None;
    }
    Some(at.minute())
}

/// The instant of a moment at a place; `None` has been reported.
pub(super) fn instant(document: &Document<'_>, written: &Placed<Moment>, zone: Tz) -> Option<Timestamp> {
    match written.value.at(zone) {
        Ok(at) => Some(at),
        Err(reason) => {
            document.error(written.place, reason);
            None
        }
    }
}

/// An interval in words, for messages: `since ...`, `until ...`, `from ... to ...`.
pub(super) fn words(interval: Interval) -> String {
    match (interval.from == ALWAYS.from, interval.to == ALWAYS.to) {
        (true, true) => "always".to_owned(),
        (false, true) => format!("since {}", interval.from),
        (true, false) => format!("until {}", interval.to),
        (false, false) => format!("from {} to {}", interval.from, interval.to),
    }
}

/// The instants at which one of the intervals begins or ends, cut into the stretches between: within each, the
/// same intervals hold.
pub(super) fn stretches(intervals: impl IntoIterator<Item = Interval>) -> Vec<Interval> {
    let mut edges: Vec<Minute> = intervals.into_iter().flat_map(|during| [during.from, during.to]).collect();
    edges.sort_unstable();
    edges.dedup();
    edges.windows(2).map(|pair| Interval::new(pair[0], pair[1])).collect()
}

/// Whether the two have a minute in common.
pub(super) fn overlap(a: Interval, b: Interval) -> bool {
    a.from.max(b.from) < a.to.min(b.to)
}
