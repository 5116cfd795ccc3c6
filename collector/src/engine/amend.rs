//! What operators change: corrections, and what becomes of refused readings. Each change is in the audit
//! chain, with who and why, in the same transaction as what follows from it.

use super::frozen::{self, Entry};
use super::{Engine, EngineError, Flushed, Scope};
use crate::admit::{self, NOT_OUR_TIME_MS};
use crate::audit::corrections::{self, Kept, span, to_json};
use crate::audit::{Kind as Done, Who, chain};
use crate::store::quarantine::{self, Filter, Held};
use crate::store::{MeterId, StoreError};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wattledger_model::correction::Correction;
use wattledger_model::meter::Kind;
use wattledger_model::reading::Reading;
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Quantity;

/// Bytes of a reason at most.
const LONGEST_REASON: usize = 2_000;
/// Corrections of one meter in force at most: more are a matter for the configuration.
const MOST_CORRECTIONS: usize = 1_000;
/// Refused things that one change decides on at most.
const MOST_DECIDED: usize = 10_000;
/// An entry spans at most this: longer ones say nothing of any day in them.
const LONGEST_ENTRY_MS: i64 = 366 * 86_400_000;
/// An amount must fit a minute, where all of it falls into one: 2,305 GWh, or as many cubic kilometres.
const LARGEST_AMOUNT: i128 = i64::MAX as i128 / 4;

/// The number of a correction that has none yet.
const NEW: u64 = 0;

/// Who changes something, why and when.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// Who.
    pub who: &'a Who,
    /// Why, in their words.
    pub reason: &'a str,
    /// The collector's clock.
    pub now: Timestamp,
}

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amended {
    /// Its entry in the audit chain.
    pub sequence: u64,
    /// That entry's hash.
    pub hash: String,
    /// What it did to the ledger.
    pub flushed: Flushed,
}

/// What became of refused things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The change; `None` where there was nothing to do it to.
    pub amended: Option<Amended>,
    /// How many were admitted or discarded.
    pub done: u64,
    /// Those that cannot be admitted, and why; they stay.
    pub passed_over: Vec<(i64, String)>,
    /// How many more there are: one change decides on 10,000 at most.
    pub left: u64,
}

/// Why a change is not made. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum AmendError {
    /// The store or the journal failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Every change needs a reason.
    #[error("give a reason: it stands in the audit chain beside who did it")]
    NoReason,
    /// The reason is a book.
    #[error("the reason has {0} bytes; say it in {LONGEST_REASON}")]
    LongReason(usize),
    /// The time ends before it begins.
    #[error("`to` ({to}) must lie after `from` ({from})")]
    Backwards {
        /// Begin.
        from: Timestamp,
        /// End.
        to: Timestamp,
    },
    /// The time is none that can be meant.
    #[error("{0} cannot be meant: it lies before 2000 or ahead of the collector's clock")]
    Time(Timestamp),
    /// An entry over years.
    #[error("the entry from {from} to {to} is longer than a year; make one for each year")]
    LongEntry {
        /// Begin.
        from: Timestamp,
        /// End.
        to: Timestamp,
    },
    /// The kind of meter does not take this correction.
    #[error("meter {meter} is a {kind}, and {what}")]
    OtherKind {
        /// The meter.
        meter: String,
        /// Its kind.
        kind: Kind,
        /// What goes against it.
        what: &'static str,
    },
    /// The amount cannot be.
    #[error(
        "the amount {0} (in µWh, mL or mg) cannot be: amounts are not negative, and at most {LARGEST_AMOUNT}"
    )]
    Amount(i128),
    /// The readings that it is about were deleted.
    #[error(
        "raw readings of {meter} before {edge} were deleted with age, so nothing there can be judged anew; enter \
         what passed with `wattledger correct entry`"
    )]
    Deleted {
        /// The meter.
        meter: String,
        /// From when on they are all there.
        edge: Timestamp,
    },
    /// Half of it is of deleted readings.
    #[error(
        "the correction reaches across {edge}, before which raw readings of {meter} were deleted with age; make one \
         that ends and one that begins there"
    )]
    Across {
        /// The meter.
        meter: String,
        /// From when on they are all there.
        edge: Timestamp,
    },
    /// There is no time to book it to.
    #[error(
        "nothing is missing of {meter} from {from} to {to}; an entry is for time of which nothing is known"
    )]
    NothingMissing {
        /// The meter.
        meter: String,
        /// Begin.
        from: Timestamp,
        /// End.
        to: Timestamp,
    },
    /// The same is in force.
    #[error("the same is in force already, as correction {0}")]
    Again(u64),
    /// Too many.
    #[error(
        "meter {0} has {MOST_CORRECTIONS} corrections in force; mend its configuration, and withdraw some"
    )]
    TooMany(String),
    /// No such correction.
    #[error("there is no correction {0}; `wattledger correct list` shows them")]
    NoCorrection(u64),
    /// It was taken back.
    #[error("correction {number} was withdrawn already, by entry {by} of the audit chain")]
    WithdrawnAlready {
        /// The correction.
        number: u64,
        /// The entry.
        by: u64,
    },
    /// What it did cannot be undone any more.
    #[error(
        "correction {number} reaches before {edge}; raw readings of {meter} before that were deleted with age, so \
         what it did there cannot be taken back"
    )]
    Fixed {
        /// The correction.
        number: u64,
        /// The meter.
        meter: String,
        /// From when on readings are all there.
        edge: Timestamp,
    },
    /// No such number in quarantine.
    #[error("{0} is not in quarantine; `wattledger quarantine list` shows what is")]
    NotHeld(i64),
    /// One of those that were named cannot be admitted.
    #[error("{id} cannot be admitted: {why}")]
    NotAdmissible {
        /// Its number.
        id: i64,
        /// Why.
        why: String,
    },
}

impl From<StoreError> for AmendError {
    fn from(error: StoreError) -> AmendError {
        AmendError::Engine(error.into())
    }
}

fn failed(source: rusqlite::Error) -> EngineError {
    EngineError::Store(StoreError::Sqlite { path: "ledger.sqlite".into(), source })
}

/// Adds an entry to the audit chain, and says so in the log: there the head can be found again.
pub(super) fn note(
    transaction: &Connection,
    now: Timestamp,
    who: &Who,
    kind: Done,
    reason: &str,
    body: &Value,
) -> Result<chain::Entry, EngineError> {
    let entry = chain::append(transaction, now, who, kind, reason, body).map_err(failed)?;
    tracing::info!(entry = entry.sequence, kind = kind.word(), %who, hash = %entry.hash, "audited");
    Ok(entry)
}

/// The corrections by which each meter's readings are folded.
pub(super) fn in_force(all: Vec<Kept>) -> BTreeMap<MeterId, Vec<Correction>> {
    let mut by_meter: BTreeMap<MeterId, Vec<Correction>> = BTreeMap::new();
    for kept in all.into_iter().filter(|kept| kept.withdrawn.is_none() && !kept.is_frozen) {
        by_meter.entry(kept.meter).or_default().push(kept.correction);
    }
    by_meter.values_mut().for_each(|corrections| corrections::in_order(corrections));
    by_meter
}

/// Entries on top of what was made of deleted readings.
struct OnTop {
    /// All that were ever made.
    ever: Vec<Entry>,
    /// Those that are booked so far, or were.
    booked: Vec<Entry>,
    /// Those in force.
    in_force: Vec<Entry>,
}

impl OnTop {
    fn of(all: &[Kept], meter: MeterId) -> OnTop {
        let those = |which: fn(&Kept) -> bool| {
            let of_meter = all.iter().filter(|kept| kept.meter == meter && kept.is_frozen);
            of_meter.filter(|kept| which(kept)).filter_map(|kept| as_entry(&kept.correction)).collect()
        };
        OnTop {
            ever: those(|_| true),
            booked: those(|kept| kept.sequence != NEW),
            in_force: those(|kept| kept.withdrawn.is_none()),
        }
    }
}

fn as_entry(correction: &Correction) -> Option<Entry> {
    match *correction {
        Correction::Entry { from, to, amount } => Some(Entry { from, to, amount }),
        _ => None,
    }
}

/// The unit of amounts in the chain.
fn base_unit(quantity: Quantity) -> Option<&'static str> {
    match quantity {
        Quantity::Energy => Some("µWh"),
        Quantity::Volume => Some("mL"),
        Quantity::Mass => Some("mg"),
        Quantity::Gauge => None,
    }
}

pub(super) fn check_reason(by: &By<'_>) -> Result<(), AmendError> {
    match by.reason.trim().len() {
        0 => Err(AmendError::NoReason),
        length if length > LONGEST_REASON => Err(AmendError::LongReason(length)),
        _ => Ok(()),
    }
}

impl Engine {
    /// Corrects a meter's ledger. On return the correction is durable and in the ledger.
    ///
    /// # Errors
    /// [`AmendError`]; nothing is changed then.
    pub fn correct(
        &mut self,
        meter: MeterId,
        correction: Correction,
        by: By<'_>,
    ) -> Result<Amended, AmendError> {
        check_reason(&by)?;
        // As it will be read from the store: the interpretation must not differ after a restart.
        let correction = corrections::from_json(&to_json(&correction)).unwrap_or(correction);
        self.check_meant(meter, &correction, by.now)?;
        let all = corrections::load(&self.connection)?;
        let of_meter = || all.iter().filter(|kept| kept.meter == meter && kept.withdrawn.is_none());
        if let Some(there) = of_meter().find(|kept| kept.correction == correction) {
            return Err(AmendError::Again(there.sequence));
        }
        if of_meter().count() >= MOST_CORRECTIONS {
            return Err(AmendError::TooMany(self.meters.get(meter).0.to_string()));
        }
        let is_frozen = self.check_deleted(meter, &correction, &all)?;
        let mut kept = Kept { sequence: NEW, meter, correction, withdrawn: None, is_frozen };
        let body = json!({
            "meter": self.meters.get(meter).0.to_string(), "correction": to_json(&correction),
            "base_unit": self.meters.unit(meter).and_then(|unit| base_unit(unit.quantity())),
        });
        let mut after = all;
        after.push(kept.clone());
        self.amend(meter, &after, by, Done::Correction, &body, |transaction, sequence| {
            kept.sequence = sequence;
            corrections::insert(transaction, &kept)
        })
    }

    /// Takes a correction back. On return that is durable and in the ledger.
    ///
    /// # Errors
    /// [`AmendError`]; nothing is changed then.
    pub fn withdraw(&mut self, number: u64, by: By<'_>) -> Result<Amended, AmendError> {
        check_reason(&by)?;
        let mut all = corrections::load(&self.connection)?;
        let Some(kept) = all.iter_mut().find(|kept| kept.sequence == number) else {
            return Err(AmendError::NoCorrection(number));
        };
        if let Some(by) = kept.withdrawn {
            return Err(AmendError::WithdrawnAlready { number, by });
        }
        let (meter, correction) = (kept.meter, kept.correction);
        let key = self.meters.get(meter).0.to_string();
        if !kept.is_frozen
            && let Some(edge) = self.may_begin(meter, &correction)?
            && span(&correction).0 < edge
        {
            return Err(AmendError::Fixed { number, meter: key, edge });
        }
        kept.withdrawn = Some(u64::MAX);
        let body = json!({ "withdrawn": number, "meter": key, "correction": to_json(&correction) });
        self.amend(meter, &all, by, Done::Withdrawal, &body, |transaction, sequence| {
            corrections::withdraw(transaction, number, sequence)
        })
    }

    /// Makes the ledger of a meter follow from the corrections in `all`, and notes why.
    fn amend(
        &mut self,
        meter: MeterId,
        all: &[Kept],
        by: By<'_>,
        kind: Done,
        body: &Value,
        mut keep: impl FnMut(&Connection, u64) -> rusqlite::Result<()>,
    ) -> Result<Amended, AmendError> {
        // What is new for other reasons is not to be told as an effect of this.
        self.flush()?;
        self.now = by.now;
        let before = self.meters.corrections(meter).to_vec();
        let after = in_force(all.to_vec()).remove(&meter).unwrap_or_default();
        if before != after {
            self.meters.correct(meter, after);
            self.reinterpret.insert(meter);
        }
        let on_top = OnTop::of(all, meter);
        let mut entry = None;
        let flushed = self.commit(Scope::All, &mut |writer| {
            frozen::book(writer, meter, &on_top.ever, &on_top.booked, &on_top.in_force).map_err(failed)?;
            let noted = note(writer.connection(), by.now, by.who, kind, by.reason, body)?;
            keep(writer.connection(), noted.sequence).map_err(failed)?;
            entry = Some(noted);
            Ok(())
        });
        match flushed {
            Ok(flushed) => {
                let entry = entry.expect("a commit that succeeded has noted it");
                Ok(Amended { sequence: entry.sequence, hash: entry.hash, flushed })
            }
            Err(error) => {
                self.meters.correct(meter, before);
                Err(error.into())
            }
        }
    }

    /// Whether a correction can be meant of a meter.
    fn check_meant(&self, meter: MeterId, correction: &Correction, now: Timestamp) -> Result<(), AmendError> {
        let (key, read) = self.meters.get(meter);
        let (from, to) = span(correction);
        if let Some(wrong) = [from, to].into_iter().find(|at| !at.is_believable() || *at > now) {
            return Err(AmendError::Time(wrong));
        }
        if from >= to && !matches!(correction, Correction::Exchange { .. }) {
            return Err(AmendError::Backwards { from, to });
        }
        let what = match (correction, read.kind) {
            (Correction::Exclude { .. }, _) | (_, Kind::Register) => None,
            (Correction::Entry { .. }, Kind::Power | Kind::Flow) => None,
            (Correction::Entry { .. }, Kind::Gauge) => Some("nothing passes at it that could be entered"),
            (Correction::Settle { .. }, _) => Some("only steps of registers can be settled; use `entry`"),
            (Correction::Exchange { .. }, _) => Some("only a register has readings to sign off"),
        };
        if let Some(what) = what {
            return Err(AmendError::OtherKind { meter: key.to_string(), kind: read.kind, what });
        }
        match *correction {
            Correction::Entry { from, to, .. } if to.0 - from.0 > LONGEST_ENTRY_MS => {
                Err(AmendError::LongEntry { from, to })
            }
            Correction::Entry { amount, .. } | Correction::Settle { amount, .. }
                if amount.abs() > LARGEST_AMOUNT || (amount < 0 && !read.is_bidirectional) =>
            {
                Err(AmendError::Amount(amount))
            }
            _ => Ok(()),
        }
    }

    /// Whether a correction is of deleted readings; only an entry can be, and only wholly.
    fn check_deleted(
        &self,
        meter: MeterId,
        correction: &Correction,
        all: &[Kept],
    ) -> Result<bool, AmendError> {
        let (from, to) = span(correction);
        let key = self.meters.get(meter).0.to_string();
        let Some(edge) = self.may_begin(meter, correction)?.filter(|edge| from < *edge) else {
            return match self.cut_by_deleted(meter, correction) {
                Some(edge) => Err(AmendError::Across { meter: key, edge }),
                None => Ok(false),
            };
        };
        let Some(entry) = as_entry(correction) else {
            return Err(AmendError::Deleted { meter: key, edge });
        };
        if to > edge {
            return Err(AmendError::Across { meter: key, edge });
        }
        if frozen::missing_ms(&self.connection, meter, &entry, &OnTop::of(all, meter).booked)? == 0 {
            return Err(AmendError::NothingMissing { meter: key, from, to });
        }
        Ok(true)
    }

    /// Admits refused readings: books them as if they had not been refused. Where numbers are given, all of
    /// them must be admissible; otherwise those that are not stay, with the reason.
    ///
    /// # Errors
    /// [`AmendError`]; nothing is changed then.
    pub fn admit_refused(&mut self, which: &Filter, by: By<'_>) -> Result<Decided, AmendError> {
        check_reason(&by)?;
        let (held, mut left) = self.held(which)?;
        let mut passed_over = Vec::new();
        let mut admitted: Vec<(Held, Reading)> = Vec::new();
        for held in held {
            match self.admissible(&held, by.now) {
                Ok(reading) => admitted.push((held, reading)),
                Err(why) if !which.ids.is_empty() => {
                    return Err(AmendError::NotAdmissible { id: held.id, why });
                }
                Err(why) => passed_over.push((held.id, why)),
            }
        }
        if admitted.is_empty() {
            left = 0;
            return Ok(Decided { amended: None, done: 0, passed_over, left });
        }
        self.now = by.now;
        let before = (self.meters.clone(), self.tally.clone(), self.reinterpret.clone());
        for (held, reading) in &admitted {
            self.take_admitted(held, reading);
        }
        let body = json!({ "readings": admitted.iter().map(told).collect::<Vec<_>>() });
        let ids: Vec<i64> = admitted.iter().map(|(held, _)| held.id).collect();
        let amended = self.decide(&ids, by, Done::Admission, &body);
        if amended.is_err() {
            // They were all there was, and are not in the journal: they may not be booked later unnoticed, nor
            // may their units say how a meter is read.
            (self.meters, self.tally, self.reinterpret) = before;
            self.pending.clear();
            self.dirty.clear();
        }
        Ok(Decided { amended: Some(amended?), done: ids.len() as u64, passed_over, left })
    }

    fn take_admitted(&mut self, held: &Held, reading: &Reading) {
        let Some(key) = held.key() else { return };
        let (meter, refold_all) = self.meters.take(&key, reading.unit);
        if refold_all {
            self.reinterpret.insert(meter);
        }
        self.tally.count_reading();
        self.tally.reading(meter, reading, self.meters.get(meter).1);
        self.tally.taken(meter, self.pending.insert(meter, *reading));
        self.dirty.entry(meter).or_default().push(reading.at);
    }

    /// Discards refused things: they are not kept any longer, and the chain says what they were.
    ///
    /// # Errors
    /// [`AmendError`]; nothing is changed then.
    pub fn discard_refused(&mut self, which: &Filter, by: By<'_>) -> Result<Decided, AmendError> {
        check_reason(&by)?;
        let (held, left) = self.held(which)?;
        if held.is_empty() {
            return Ok(Decided { amended: None, done: 0, passed_over: Vec::new(), left: 0 });
        }
        self.now = by.now;
        let told: Vec<Value> = held
            .iter()
            .map(|held| match held.reading {
                Some(reading) => told(&(held.clone(), reading)),
                None => json!({
                    "id": held.id, "cause": held.cause.word(), "agent": held.agent.to_string(),
                    "origin": held.origin, "detail": held.detail,
                }),
            })
            .collect();
        let ids: Vec<i64> = held.iter().map(|held| held.id).collect();
        let amended = self.decide(&ids, by, Done::Discard, &json!({ "discarded": told }))?;
        Ok(Decided { amended: Some(amended), done: ids.len() as u64, passed_over: Vec::new(), left })
    }

    /// How many refused things a filter has, and the oldest of them.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn quarantined(&self, which: &Filter, limit: usize) -> Result<(u64, Vec<Held>), EngineError> {
        let count = quarantine::count(&self.connection, which)?;
        Ok((count, quarantine::list(&self.connection, which, limit)?))
    }

    /// What a change decides on, with all that was refused so far in the store, and how many more there are.
    fn held(&mut self, which: &Filter) -> Result<(Vec<Held>, u64), AmendError> {
        self.compact()?;
        let held = quarantine::list(&self.connection, which, MOST_DECIDED)?;
        if let Some(none) = which.ids.iter().find(|id| !held.iter().any(|held| held.id == **id)) {
            return Err(AmendError::NotHeld(*none));
        }
        let all = quarantine::count(&self.connection, which)?;
        let left = all.saturating_sub(held.len() as u64);
        Ok((held, left))
    }

    fn admissible(&self, held: &Held, now: Timestamp) -> Result<Reading, String> {
        let (Some(reading), Some(key)) = (held.reading, held.key()) else {
            return Err("it is not a reading that could be understood; enter what passed with `wattledger \
                        correct entry`, or send the reading again by hand"
                .to_owned());
        };
        if !reading.at.is_believable() || reading.at.0 - now.0 > NOT_OUR_TIME_MS {
            return Err(format!(
                "its time, {}, cannot be right; send the reading again with the time that is meant",
                reading.at
            ));
        }
        let forgotten = self.meters.id(&key).and_then(|meter| self.forgotten.get(&meter).copied());
        match admit::joins(&reading, forgotten) {
            Ok(()) => Ok(reading),
            Err((_, why)) => Err(format!("{why}; enter what passed with `wattledger correct entry`")),
        }
    }

    /// Takes things out of quarantine and commits that with all that waits.
    fn decide(&mut self, ids: &[i64], by: By<'_>, kind: Done, body: &Value) -> Result<Amended, AmendError> {
        let mut entry = None;
        let flushed = self.commit(Scope::Move, &mut |writer| {
            let noted = note(writer.connection(), by.now, by.who, kind, by.reason, body)?;
            for id in ids {
                quarantine::remove(writer.connection(), *id).map_err(failed)?;
            }
            entry = Some(noted);
            Ok(())
        })?;
        if let Err(error) = self.tally.recount_samples(&self.connection) {
            // It is done all the same. Counted too high, they let less into quarantine until the next start.
            tracing::error!(%error, "what is left in quarantine could not be counted");
        }
        let entry = entry.expect("a commit that succeeded has noted it");
        Ok(Amended { sequence: entry.sequence, hash: entry.hash, flushed })
    }
}

/// What the chain says of a refused reading: enough to make it again.
fn told((held, reading): &(Held, Reading)) -> Value {
    let meter = held.key().map(|key| key.to_string());
    let intake = reading.intake.map(|intake| {
        json!({
            "started": intake.incarnation.started.to_string(),
            "incarnation": format!("{:016x}", intake.incarnation.id),
            "number": intake.number,
        })
    });
    json!({
        "id": held.id, "cause": held.cause.word(), "agent": held.agent.to_string(), "meter": meter,
        "at": reading.at.to_string(), "arrived": reading.arrived.to_string(),
        "value": reading.value.to_string(), "unit": reading.unit.map(|unit| unit.symbol()), "intake": intake,
    })
}
