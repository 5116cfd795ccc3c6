//! Looks at ledger and database together.

use super::asked::{Asked, Scope};
use super::compare::{Comparison, Found};
use super::error::CheckError;
use super::expected::{Expected, Ledger, Slice, State};
use super::finding::Difference;
use super::parsed::Identity;
use super::read::{Reader, Retention, Unread};
use crate::clock;
use crate::config::CollectorConfig;
use crate::outputs::influx::database::Database;
use crate::store::{Layout, StoreError};
use std::collections::{BTreeSet, HashMap};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use wattledger_model::time::{HOUR_MINUTES, MINUTE_MS, Timestamp};

/// A running output is waited for so long; one that has not caught up by then is told of.
const PATIENCE: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(100);
/// InfluxDB takes no later time.
const END_OF_TIME_MS: i64 = 7_258_118_400_000;

/// Ledger and database, side by side.
pub(super) struct Looks {
    pub(super) scope: Scope,
    pub(super) ledger: Ledger,
    pub(super) reader: Reader,
    pub(super) layout: Layout,
    pub(super) runtime: Handle,
    pub(super) retention: Option<Retention>,
    /// Whether it makes sense to wait for the output.
    can_wait: bool,
}

/// What one look sees.
pub(super) struct Look {
    pub(super) state: State,
    pub(super) expected: Expected,
    pub(super) found: Found,
}

impl Looks {
    /// Opens the ledger and asks the database how long it keeps points.
    pub(super) fn open(
        config: &CollectorConfig,
        asked: &Asked,
        now: Timestamp,
        runtime: &Handle,
    ) -> Result<Looks, CheckError> {
        let scope = asked.scope(config, now)?;
        let ledger = Ledger::open(config, &scope)?;
        let database = Arc::new(Database::new(&scope.output).map_err(CheckError::Address)?);
        let reader = Reader { database, mapped: scope.mapped.clone() };
        let retention = runtime.block_on(reader.retention()).map_err(|unread| unread.of(&scope))?;
        let layout = Layout::new(&config.data_dir);
        let can_wait = UnixStream::connect(layout.socket()).is_ok();
        Ok(Looks { scope, ledger, reader, layout, runtime: runtime.clone(), retention, can_wait })
    }

    /// The slices that are looked at, and the time that they make up. Where no end was asked for, the last one is of
    /// whatever lies ahead.
    pub(super) fn slices(&mut self) -> Result<(Vec<Slice>, Slice), CheckError> {
        let hour = HOUR_MINUTES * MINUTE_MS;
        let ahead = (clock::now().0.div_euclid(hour) + 1) * hour;
        let (first, last) = self.ledger.span_ms()?.unwrap_or((ahead, ahead));
        let end = self.scope.to_ms.unwrap_or(last.max(ahead));
        let from = self.scope.from_ms.max(self.kept_from().unwrap_or(i64::MIN)).min(end);
        // Before and after what the ledger knows there is little, however long that is.
        let (first, last) = (first.clamp(from, end), last.clamp(from, end));
        let mut slices = vec![Slice { from_ms: from, to_ms: first }];
        slices.extend(self.ledger.slices(&self.scope, first, last));
        slices.push(Slice {
            from_ms: last,
            to_ms: if self.scope.to_ms.is_none() { END_OF_TIME_MS } else { end },
        });
        slices.retain(|slice| slice.from_ms < slice.to_ms);
        Ok((slices, Slice { from_ms: from, to_ms: end }))
    }

    /// The time before which the database keeps nothing, or not for much longer.
    pub(super) fn kept_from(&self) -> Option<i64> {
        // Time goes on while it is looked at.
        let edge = |retention: &Retention| clock::now().0 - retention.ms + MINUTE_MS;
        self.retention.as_ref().map(edge)
    }

    /// What of the time that was asked for the database keeps no longer, in words.
    pub(super) fn age(&self) -> Option<String> {
        let kept = self.kept_from().filter(|kept| *kept > self.scope.from_ms)?;
        let Retention { policy, ms } = self.retention.as_ref()?;
        let (hours, kept) = (ms / (HOUR_MINUTES * MINUTE_MS), Timestamp(kept).minute());
        Some(format!(
            "the database keeps {hours} hours (retention policy `{policy}`): of what is before {kept} nothing was \
             looked at; the ledger has it still"
        ))
    }

    /// Looks once.
    pub(super) fn once(&mut self, slice: Slice) -> Result<Look, Seen> {
        let mut rows = {
            let _inside = self.runtime.enter();
            self.reader.points(slice, &self.scope)
        };
        let (state, expected) = self.ledger_alone(slice)?;
        let mut comparison = Comparison::new(&expected);
        while let Some(more) = rows.blocking_recv() {
            comparison.rows(&more.map_err(Seen::Unread)?, |of| self.ledger.series(of).is_some());
        }
        let found = comparison.finish();
        Ok(Look { state, expected, found })
    }

    /// What the ledger says by itself.
    pub(super) fn ledger_alone(&mut self, slice: Slice) -> Result<(State, Expected), StoreError> {
        let state = self.ledger.begin()?;
        let expected = self.ledger.expected(slice, &self.scope, &state);
        self.ledger.end()?;
        Ok((state, expected?))
    }

    /// Looks until what differs differs for good: whatever is only on its way is let be.
    pub(super) fn thoroughly(&mut self, slice: Slice) -> Result<Look, Seen> {
        let first = self.once(slice)?;
        if first.found.differences.is_empty() || self.is_at_rest(&first.state)? {
            return Ok(first);
        }
        self.wait_for(first.state.head)?;
        let mut second = self.once(slice)?;
        keep_common(&first.found.differences, &mut second.found.differences);
        Ok(second)
    }

    /// Whether neither ledger nor output have moved on, and none of them is about to.
    fn is_at_rest(&mut self, before: &State) -> Result<bool, StoreError> {
        let now = self.ledger.begin()?;
        self.ledger.end()?;
        Ok(now == *before && (self.ledger.is_written(&now) || !self.can_wait))
    }

    /// Waits until a running output has written the ledger up to a change number.
    fn wait_for(&mut self, head: u64) -> Result<(), StoreError> {
        let began = Instant::now();
        while self.can_wait {
            let state = self.ledger.begin()?;
            self.ledger.end()?;
            if self.ledger.is_written(&state) || state.cursor.is_some_and(|cursor| cursor.cursor > head) {
                break;
            }
            // An output that is stuck is not waited for again.
            self.can_wait = began.elapsed() < PATIENCE;
            sleep(GLANCE);
        }
        Ok(())
    }
}

/// Why there is no look.
pub(super) enum Seen {
    Store(StoreError),
    Unread(Unread),
}

impl From<StoreError> for Seen {
    fn from(error: StoreError) -> Seen {
        Seen::Store(error)
    }
}

impl Seen {
    pub(super) fn of(self, scope: &Scope) -> CheckError {
        match self {
            Seen::Store(error) => error.into(),
            Seen::Unread(unread) => unread.of(scope),
        }
    }
}

/// Keeps the differences that were there before, while the ledger said the same.
fn keep_common(before: &[Difference], now: &mut Vec<Difference>) {
    let before: HashMap<(&Identity, i64), &Difference> =
        before.iter().map(|one| ((&*one.of, one.at_ms), one)).collect();
    now.retain(|one| {
        let same = before.get(&(&*one.of, one.at_ms));
        same.is_some_and(|same| same.ledger == one.ledger && same.fault == one.fault)
    });
}

/// Facilities of which nothing is known yet.
pub(super) fn without_data(ledger: &Ledger, state: &State, scope: &Scope) -> BTreeSet<String> {
    let asked = |name: &&str| scope.series.facility.as_deref().is_none_or(|asked| asked == *name);
    let named = ledger.facilities().zip(&state.horizons).filter(|(name, _)| asked(name));
    named.filter(|(_, horizon)| horizon.is_none()).map(|(name, _)| name.to_owned()).collect()
}
