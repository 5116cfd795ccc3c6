//! Writes the points of a time again, by what writes them always.

use super::asked::Asked;
use super::error::CheckError;
use super::expected::{Expected, Slice};
use super::finding::{Difference, Fault};
use super::looks::{Look, Looks, Seen, without_data};
use super::parsed::Identity;
use super::read::Unread;
use super::{Event, parsed};
use crate::config::CollectorConfig;
use crate::outputs::influx::InfluxStatus;
use crate::outputs::influx::cursor::Keeper;
use crate::outputs::influx::line::{Batch, Lines};
use crate::outputs::influx::points::Erasure;
use crate::outputs::influx::refused::Refused;
use crate::outputs::influx::round::Round;
use crate::outputs::influx::write::{Halt, Pace, Writer};
use crate::outputs::snapshot::OutputState;
use serde::Serialize;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use wattledger_model::time::Timestamp;

/// A database that takes nothing is waited for so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Times that what changes all the while is written after.
const ROUNDS: usize = 100;
const BREATH: Duration = Duration::from_millis(500);

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Backfilled {
    /// The output.
    pub output: String,
    /// Points that the database has taken.
    pub points: u64,
    /// Points that it has refused for good, or keeps no longer.
    pub refused: u64,
    /// Points that were deleted first: they are not in the ledger, or had fields that they should not have.
    pub deleted: u64,
    /// Points that should have been deleted, and the database would not.
    pub not_deleted: u64,
    /// Whether it was stopped before its end; it can be run again.
    pub is_stopped: bool,
    /// What limits what was written.
    pub notes: Vec<String>,
}

/// Writes the points of a time again. Points that are not in the ledger, or have fields that they should not have,
/// are deleted first, if the database can be read; else what the output itself would delete. The output's cursor
/// stays as it is.
///
/// `runtime` speaks with the database; this is called outside of its tasks. It ends early where `stop` becomes true.
///
/// # Errors
/// [`CheckError`] where nothing can be written.
pub fn backfill(
    config: &CollectorConfig,
    asked: &Asked,
    now: Timestamp,
    runtime: &Handle,
    stop: watch::Receiver<bool>,
    told: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Backfilled, CheckError> {
    let mut looks = Looks::open(config, asked, now, runtime)?;
    let (slices, whole) = looks.slices()?;
    let (from, to) = (Timestamp(whole.from_ms), Timestamp(whole.to_ms));
    let mut work = Work::new(&looks, stop)?;
    work.sum.notes.extend(looks.age());
    let state = looks.ledger.begin()?;
    looks.ledger.end()?;
    for name in without_data(&looks.ledger, &state, &looks.scope) {
        let words =
            format!("facility `{name}` has no readings of its total or IT energy yet, and so no points");
        work.sum.notes.push(words);
    }
    for slice in slices {
        work.slice(&mut looks, slice)?;
        let at = Timestamp(slice.to_ms.min(whole.to_ms));
        if work.sum.is_stopped || told(Event::Reached { from, at, to }).is_break() {
            work.sum.is_stopped = true;
            break;
        }
    }
    Ok(work.finish())
}

/// What is to be done with one slice.
#[derive(Default)]
struct Slip {
    batches: Vec<Batch>,
    erasures: Vec<Erasure>,
    deleted: u64,
}

/// Fields of points by series and time, as they were written last.
type Written = HashMap<(Arc<Identity>, i64), Box<str>>;

struct Work {
    writer: Writer,
    sum: Backfilled,
    can_read: bool,
}

impl Work {
    fn new(looks: &Looks, stop: watch::Receiver<bool>) -> Result<Work, CheckError> {
        let name = looks.scope.output.name.to_string();
        let writer = Writer {
            database: Arc::clone(&looks.reader.database),
            pace: Pace::USUAL,
            // A round without a cursor keeps none.
            keeper: Arc::new(Mutex::new(Keeper::open(&looks.layout, &name)?)),
            refused: Mutex::new(Refused::new(&looks.layout, &name)),
            status: watch::channel(InfluxStatus::default()).0,
            stop,
            wake: watch::channel(0).1,
            delivered: AtomicBool::new(false),
            seeds: AtomicU64::new(u64::from(std::process::id())),
            told: AtomicBool::new(false),
            not_finite: AtomicU64::new(0),
            requests: looks.scope.output.sending.requests,
            limit: AtomicUsize::new(usize::MAX),
            trouble: tokio::sync::Mutex::new(()),
            output: name.clone(),
        };
        Ok(Work { writer, sum: Backfilled { output: name, ..Backfilled::default() }, can_read: true })
    }

    fn slice(&mut self, looks: &mut Looks, slice: Slice) -> Result<(), CheckError> {
        let (mut head, mut written, slip) = self.first(looks, slice)?;
        self.sum.deleted += slip.deleted;
        self.deliver(looks, slip)?;
        // Whatever the output has written meanwhile, of a later state of the ledger, is written after.
        for _ in 0..ROUNDS {
            if self.sum.is_stopped {
                break;
            }
            let (state, expected) = looks.ledger_alone(slice)?;
            if state.head == head {
                break;
            }
            head = state.head;
            let slip = changed(looks, &expected, &mut written);
            if slip.batches.is_empty() && slip.erasures.is_empty() {
                break;
            }
            self.deliver(looks, slip)?;
            looks.runtime.block_on(tokio::time::sleep(BREATH));
        }
        Ok(())
    }

    /// All points of a slice, and what must go before them.
    fn first(&mut self, looks: &mut Looks, slice: Slice) -> Result<(u64, Written, Slip), CheckError> {
        if self.can_read {
            match looks.once(slice) {
                Ok(Look { mut state, mut expected, found }) => {
                    let wrong = found.differences;
                    // What was read may be of a later state of the ledger: that one says what must go.
                    if !wrong.is_empty() {
                        (state, expected) = looks.ledger_alone(slice)?;
                    }
                    let (erasures, deleted) = erasures(looks, &expected, &wrong);
                    let (mut written, batches) = all(&expected);
                    // What was deleted, and is in the ledger after all, is written when that is seen.
                    for one in wrong {
                        written.entry((one.of, one.at_ms)).or_default();
                    }
                    return Ok((state.head, written, Slip { batches, erasures, deleted }));
                }
                Err(Seen::Unread(Unread::Unable(why))) => {
                    self.can_read = false;
                    self.sum.notes.push(format!(
                        "the database cannot be read ({why}), so what it has and the ledger has not was not found"
                    ));
                }
                Err(seen) => return Err(seen.of(&looks.scope)),
            }
        }
        let (state, mut expected) = looks.ledger_alone(slice)?;
        let erasures = std::mem::take(&mut expected.erasures);
        let (written, batches) = all(&expected);
        Ok((state.head, written, Slip { batches, erasures, deleted: 0 }))
    }

    fn deliver(&mut self, looks: &Looks, slip: Slip) -> Result<(), CheckError> {
        let round = Round { erasures: slip.erasures, batches: slip.batches, ..Round::default() };
        let status = self.writer.status.subscribe();
        let (writer, stopped) = (&self.writer, &mut self.sum.is_stopped);
        looks.runtime.block_on(async {
            tokio::select! {
                delivered = writer.deliver(round) => {
                    *stopped |= delivered == Err(Halt::Stopped);
                    // A database that was made anew in the middle has lost what was written before.
                    if delivered == Err(Halt::StartOver) { Err("it was made anew meanwhile".to_owned()) } else { Ok(()) }
                }
                why = down_for_long(status) => Err(why),
            }
        })
        .map_err(|why| CheckError::NotWritten { output: self.sum.output.clone(), why })
    }

    fn finish(mut self) -> Backfilled {
        let status = self.writer.status.borrow();
        self.sum.points = status.points;
        self.sum.refused = status.refused_points;
        // Where nothing can be read, nothing says that any of them was there.
        self.sum.not_deleted = if self.can_read { status.not_erased } else { 0 };
        drop(status);
        self.sum
    }
}

/// Completes, with the reason, when the database has taken nothing for long.
async fn down_for_long(mut status: watch::Receiver<InfluxStatus>) -> String {
    loop {
        let is_down = |status: &InfluxStatus| status.state == OutputState::Down;
        let why = match status.wait_for(is_down).await {
            Ok(status) => status.last_error.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        };
        let up = status.wait_for(|status| !is_down(status));
        if tokio::time::timeout(PATIENCE, up).await.is_err() {
            return why;
        }
    }
}

fn all(expected: &Expected) -> (Written, Vec<Batch>) {
    let (mut written, mut lines) = (Written::new(), Lines::default());
    for series in &expected.series {
        for point in &series.points {
            add(&mut lines, &series.key, &point.fields, point.at_ms);
            written.insert((Arc::clone(&series.of), point.at_ms), point.fields.clone());
        }
    }
    (written, lines.take())
}

fn add(lines: &mut Lines, key: &str, fields: &str, at_ms: i64) {
    lines.add_line(format!("{key} {fields} {at_ms}\n").as_bytes());
}

/// Of the points that were written, those that the ledger has otherwise by now. What is new since is the output's.
fn changed(looks: &Looks, expected: &Expected, written: &mut Written) -> Slip {
    let mut slip = Slip::default();
    let mut lines = Lines::default();
    for ((of, at_ms), before) in written {
        let now = expected.point(of, *at_ms);
        let fields = now.map_or("", |point| &*point.fields);
        if **before == *fields {
            continue;
        }
        let stays = |name: &str| parsed::fields(fields).any(|(now, _)| now == name);
        if parsed::fields(before).any(|(name, _)| !stays(name))
            && let Some(series) = looks.ledger.series(of)
        {
            slip.erasures.push(Erasure { series: Arc::clone(series), from_ms: *at_ms, to_ms: *at_ms });
        }
        if now.is_some()
            && let Some(place) = expected.places.get(of)
        {
            add(&mut lines, &expected.series[*place].key, fields, *at_ms);
        }
        *before = fields.into();
    }
    slip.batches = lines.take();
    slip
}

/// What must be deleted: points that the ledger does not have, and points with fields that they should not have.
fn erasures(looks: &Looks, expected: &Expected, wrong: &[Difference]) -> (Vec<Erasure>, u64) {
    let mut erasures = Vec::new();
    for Difference { of, at_ms, fault, .. } in wrong {
        // Series of strangers are deleted by hand.
        let Some(series) = looks.ledger.series(of) else { continue };
        let has = |field: &str| {
            let point = expected.point(of, *at_ms);
            point.is_some_and(|point| parsed::fields(&point.fields).any(|(name, _)| name == field))
        };
        let goes = match fault {
            Fault::Missing => false,
            Fault::Extra => expected.point(of, *at_ms).is_none(),
            Fault::Different(fields) | Fault::Stale(fields) => {
                fields.iter().any(|field| field.ledger.is_none() && !has(&field.field))
            }
        };
        if goes {
            erasures.push(Erasure { series: Arc::clone(series), from_ms: *at_ms, to_ms: *at_ms });
        }
    }
    let deleted = erasures.len() as u64;
    (erasures, deleted)
}
