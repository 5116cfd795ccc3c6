//! Makes the explanation of a meter.

use super::super::error::ExplainError;
use super::super::source::{Asked, Source};
use super::super::{Span, local, pending};
use super::content::{
    Again, Booked, Check, CorrectionTold, Deleted, Epoch, Known, LossTold, MeterExplanation, Read,
    ReadingTold, Readings, Refused, Run,
};
use super::{Detail, runs};
use crate::audit::{Entry, Kind, chain, corrections};
use crate::config::{Claim, Sitting};
use crate::engine::receipts::{self, MeterLoss};
use crate::engine::{self, reread};
use crate::indicators::account::MILLIONTHS;
use crate::indicators::{Accounts, Pair, Term};
use crate::ledger::explain::{self, Explained, ExplainedReading, Fate};
use crate::ledger::interpret::{Interpretation, Joint};
use crate::outputs::reports::Amount;
use crate::store::quarantine::{self, Filter, Held};
use crate::store::{self, MeterId, StoreError};
use rusqlite::OptionalExtension;
use std::collections::BTreeMap;
use wattledger_model::calendar::Tz;
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::{Kind as MeterKind, MeterKey};
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::reading::{Quality, Reading};
use wattledger_model::time::{Interval, MINUTE_MS, Minute, Timestamp};
use wattledger_model::unit::{Quantity, Unit};

/// Refused things that are listed one by one.
const REFUSED_LISTED: usize = 50;

/// Which reading of one instant counts. Source: domain.md 5.1.
const WINNER: &str = "of one instant the reading of the best quality counts; then one that an agent numbered, of \
                      those the one of the run which began later, and of one run the last; then the lowest value";

/// Amounts in base units and ms, by provenance.
type Parts = [(i128, i64); 3];

/// Explains a meter, `SITE/METER`, over a time.
///
/// # Errors
/// [`ExplainError`]: no such meter, no such time, nothing known of it, or a store that cannot be read.
pub fn meter(
    source: &Source<'_>,
    name: &str,
    asked: &Asked,
    detail: Detail,
    now: Timestamp,
) -> Result<MeterExplanation, ExplainError> {
    let (key, id) = find(source, name)?;
    let zone = source.topology.sites.get(&key.site).map_or(Tz::UTC, |(zone, _)| *zone);
    let (text, whole) = asked.interval(zone)?;
    if whole.from.start() > now {
        return Err(ExplainError::Ahead { period: text, begins: whole.from });
    }
    let (_, interpretation) = source.meters.get(id);
    let about = About {
        source,
        id,
        key: &key,
        interpretation,
        quantity: source.meters.unit(id).map_or(Quantity::Gauge, Unit::quantity),
        zone,
    };
    about.make(text, whole, detail, now)
}

fn find(source: &Source<'_>, name: &str) -> Result<(MeterKey, MeterId), ExplainError> {
    let parsed = name
        .split_once('/')
        .and_then(|(site, meter)| Some(MeterKey { site: site.parse().ok()?, meter: meter.parse().ok()? }));
    if let Some(key) = parsed {
        if let Some(id) = source.meters.id(&key) {
            return Ok((key, id));
        }
        if let Some(one) = source.config.virtuals.iter().find(|one| one.key == key) {
            let part = |part: &crate::config::Part| format!("{} x {}", share(part.millionths), part.meter);
            let parts: Vec<String> = one.parts.iter().map(part).collect();
            return Err(ExplainError::Virtual { meter: key, parts: parts.join(", ") });
        }
    }
    let known: Vec<String> = source.meters.all().map(|(_, key, ..)| key.to_string()).collect();
    Err(ExplainError::unknown_meter(name, known.iter().map(String::as_str)))
}

/// A coefficient in millionths as a decimal number.
fn share(millionths: i64) -> Decimal {
    Decimal::new(millionths, -6).normalized()
}

/// A meter that is explained.
struct About<'s> {
    source: &'s Source<'s>,
    id: MeterId,
    key: &'s MeterKey,
    interpretation: &'s Interpretation,
    quantity: Quantity,
    zone: Tz,
}

impl About<'_> {
    fn make(
        &self,
        text: String,
        whole: Interval,
        detail: Detail,
        now: Timestamp,
    ) -> Result<MeterExplanation, ExplainError> {
        let connection = &self.source.connection;
        let until = whole.to.min(now.minute_ceil()).max(Minute(whole.from.0 + 1));
        let loaded = Interval::new(whole.from, until);
        let readings = reread::readings(connection, self.id, self.interpretation, loaded)?;
        let newest = self.newest()?;
        if newest.is_none() && readings.is_empty() && self.interpretation.corrections.is_empty() {
            return Err(ExplainError::NothingRead(self.key.clone()));
        }
        let last = reread::last_moved(connection, self.id)?;
        let (interval, cut) = cut(whole, loaded, last, now, self.zone);
        let forgotten = reread::deleted_before(connection, self.id)?;
        let edge = forgotten.map_or(interval.from, |at| at.minute_ceil().max(interval.from).min(interval.to));
        let (past, rest) = (Interval::new(interval.from, edge), Interval::new(edge, interval.to));
        let explained = explain::explain(&readings, self.interpretation, rest);
        let deleted = match forgotten {
            Some(before) if !past.is_empty() => Some((before, self.ledger(past)?)),
            _ => None,
        };
        let mut parts = explained.booked;
        if let Some((_, past)) = &deleted {
            parts.iter_mut().zip(past).for_each(|(sum, more)| *sum = (sum.0 + more.0, sum.1 + more.1));
        }
        let is_behind = newest.is_some_and(|newest| last.is_none_or(|last| newest > last));
        let reaches_past = is_behind && last.is_none_or(|last| whole.to.start() > last);
        let (quarantine, quarantine_more) = self.refused(interval)?;
        let steps = match detail {
            Detail::Summary => runs::joined(&explained.steps, self.quantity),
            Detail::All => runs::each(&explained.steps, self.quantity),
        };
        let declared = self.source.topology.meters.get(&self.id).map(|known| &known.declared);
        Ok(MeterExplanation {
            explanation: "wattledger/explain-meter/v1",
            meter: self.key.to_string(),
            title: declared.map_or_else(|| self.key.to_string(), |declared| declared.title.clone()),
            period: Span {
                text,
                from: interval.from.start(),
                to: interval.to.start(),
                time_zone: self.zone.name(),
                cut,
            },
            unit: Amount::unit_of(self.quantity),
            booked: self.booked(parts, interval),
            ledger: self.check(&explained, rest, is_behind)?,
            deleted: deleted.map(|(before, parts)| self.deleted(before, parts, past)).transpose()?,
            readings: told_readings(&explained, rest, detail),
            steps,
            pending: pending::of(&explained.steps, rest, (now, self.zone), |base| {
                Amount::of(base, self.quantity)
            }),
            again: self.again()?,
            corrections: self.corrections(&explained, interval)?,
            read: self.read(interval),
            claims: self.claims(),
            quarantine,
            quarantine_more,
            losses: self.losses(interval)?,
            notes: self.notes(newest.filter(|_| reaches_past), last),
        })
    }

    /// The instant of the newest reading that was taken in, moved to the raw store or not.
    fn newest(&self) -> Result<Option<Timestamp>, StoreError> {
        self.source
            .connection
            .query_row("SELECT at_ms FROM newest WHERE meter = ?1", [self.id], |row| row.get(0))
            .optional()
            .map(|at| at.map(Timestamp))
            .map_err(|source| StoreError::Sqlite { path: "ledger.sqlite".into(), source })
    }

    fn booked(&self, parts: Parts, interval: Interval) -> Booked {
        let is_gauge = self.interpretation.kind == MeterKind::Gauge;
        let amount = |base: i128| (!is_gauge).then(|| Amount::of(base, self.quantity));
        let seconds = |ms: i64| ms as f64 / 1_000.0;
        let known = |provenance: Provenance| {
            let (base, ms) = parts[provenance as usize];
            Known { amount: amount(base), seconds: seconds(ms) }
        };
        let covered: i64 = parts.iter().map(|(_, ms)| ms).sum();
        Booked {
            total: amount(parts.iter().map(|(base, _)| base).sum()),
            measured: known(Provenance::Measured),
            interpolated: known(Provenance::Interpolated),
            estimated: known(Provenance::Estimated),
            missing_s: seconds(interval.minutes() * MINUTE_MS - covered),
        }
    }

    /// What the minutes in the store hold. Of a gauge that is not asked.
    fn ledger(&self, interval: Interval) -> Result<Parts, StoreError> {
        if interval.is_empty() || self.interpretation.kind == MeterKind::Gauge {
            return Ok(Parts::default());
        }
        let accounts = Accounts::new(Pair::alone(&[Term::all_of(self.id)]));
        let sums = accounts.by_term(&self.source.connection, interval)?;
        let sum = sums.first().map(|sum| std::array::from_fn(|at| (sum.amounts[at], sum.ms[at])));
        Ok(sum.unwrap_or_default())
    }

    fn again(&self) -> Result<Again, StoreError> {
        let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
        let counted = engine::Again::load(&self.source.connection, self.id).map_err(failed)?;
        Ok(Again { duplicates: counted.duplicates, conflicts: counted.conflicts, rule: WINNER })
    }

    fn check(&self, explained: &Explained, interval: Interval, is_behind: bool) -> Result<Check, StoreError> {
        if interval.is_empty() || self.interpretation.kind == MeterKind::Gauge {
            return Ok(Check { same: None, holds: None, why: None });
        }
        let parts = self.ledger(interval)?;
        if parts == explained.booked {
            return Ok(Check { same: Some(true), holds: None, why: None });
        }
        let why = if self.source.read_otherwise.contains(&self.id) {
            "the ledger was made by another configuration of the meter; start the collector with this one"
        } else if is_behind {
            "the ledger has newer readings, which are not in the raw store yet; ask again in half a minute"
        } else {
            "late readings may be on their way to the raw store: ask again in half a minute; if it stays, \
             `wattledger rebuild` tells whether the ledger is what its readings say"
        };
        Ok(Check { same: Some(false), holds: Some(self.booked(parts, interval)), why: Some(why.to_owned()) })
    }

    fn deleted(&self, before: Timestamp, parts: Parts, past: Interval) -> Result<Deleted, StoreError> {
        let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
        let (from, to) = (past.from.start().0, past.to.start().0);
        let steps = store::steps_between(&self.source.connection, self.id, from, to).map_err(failed)?;
        let run = |step: &wattledger_model::minute::Step| Run {
            from: step.from,
            to: step.to,
            count: 1,
            longest_s: (step.to.0 - step.from.0) as f64 / 1_000.0,
            class: if step.class == StepClass::Normal { "long" } else { step.class.word() },
            provenance: step.provenance.map(Provenance::word),
            amount: step.amount.map(|base| Amount::of(base, self.quantity)),
            inside: None,
            rule: "as the table of steps keeps it; its readings were deleted with age".to_owned(),
        };
        Ok(Deleted { before, booked: self.booked(parts, past), steps: steps.iter().map(run).collect() })
    }

    fn corrections(
        &self,
        explained: &Explained,
        interval: Interval,
    ) -> Result<Vec<CorrectionTold>, StoreError> {
        let connection = &self.source.connection;
        let kept: Vec<_> =
            corrections::load(connection)?.into_iter().filter(|kept| kept.meter == self.id).collect();
        let mut entries: BTreeMap<u64, Entry> = BTreeMap::new();
        if !kept.is_empty() {
            chain::walk(connection, None, Some(Kind::Correction), |entry| {
                entries.insert(entry.sequence, entry);
            })?;
        }
        let told = |number: Option<u64>, correction: &Correction, withdrawn_by, effect: String| {
            let entry = number.and_then(|number| entries.get(&number));
            CorrectionTold {
                number,
                at: entry.map(|entry| entry.at),
                who: entry.map(|entry| entry.who.clone()),
                reason: entry.map(|entry| entry.reason.clone()).filter(|reason| !reason.is_empty()),
                withdrawn_by,
                says: self.says(correction),
                effect,
            }
        };
        let mut all = Vec::new();
        for one in &explained.corrections {
            let number = kept
                .iter()
                .find(|kept| kept.withdrawn.is_none() && !kept.is_frozen && kept.correction == one.correction)
                .map(|kept| kept.sequence);
            all.push(told(number, &one.correction, None, one.effect.clone()));
        }
        let (from, to) = (interval.from.start(), interval.to.start());
        let concerns = |correction: &Correction| {
            let (begin, end) = corrections::span(correction);
            begin < to && (from < end || from <= begin)
        };
        for kept in kept.iter().filter(|kept| concerns(&kept.correction)) {
            let effect = match (kept.withdrawn, kept.is_frozen) {
                (Some(_), _) => "none: it was withdrawn",
                (None, true) => {
                    "booked on top of what the ledger had made of readings that were deleted with age"
                }
                (None, false) => continue,
            };
            all.push(told(Some(kept.sequence), &kept.correction, kept.withdrawn, effect.to_owned()));
        }
        Ok(all)
    }

    fn says(&self, correction: &Correction) -> String {
        let at = |at: Timestamp| local::shown(at, self.zone);
        let amount =
            |base: i128| format!("{} {}", Amount::of(base, self.quantity), Amount::unit_of(self.quantity));
        match *correction {
            Correction::Exclude { from, to } => format!("exclude: readings from {} to {}", at(from), at(to)),
            Correction::Entry { from, to, amount: base } => {
                format!("entry: {} from {} to {}", amount(base), at(from), at(to))
            }
            Correction::Settle { from, to, amount: base } => {
                format!("settle: {} for the steps from {} to {}", amount(base), at(from), at(to))
            }
            Correction::Exchange { at: instant, last, first } => {
                format!("exchange at {}: last register {last}, first register {first}", at(instant))
            }
        }
    }

    fn read(&self, interval: Interval) -> Read {
        let read = self.interpretation;
        let declared = self.source.topology.meters.get(&self.id).map(|known| &known.declared);
        let sittings = declared.map_or(&[][..], |declared| &declared.instruments);
        Read {
            declared: declared.is_some(),
            kind: read.kind.word(),
            form: (read.kind != MeterKind::Register).then(|| read.form.word()),
            both_directions: read.is_bidirectional,
            nominal_interval_s: read.nominal_interval_ms as f64 / 1_000.0,
            gap_limit_s: read.gap_limit() as f64 / 1_000.0,
            epochs: self.epochs(interval, sittings),
        }
    }

    /// What numbers meant in the interval: the epoch in force at its begin, and those that begin in it.
    fn epochs(&self, interval: Interval, sittings: &[Sitting]) -> Vec<Epoch> {
        let read = self.interpretation;
        let first = Epoch {
            from: None,
            unit: read.unit.map(Unit::symbol),
            scale: read.scale.to_string(),
            modulus: read.modulus.map(|modulus| modulus.to_string()),
            resolution: some(read.resolution),
            rated: self.rated(read.rated),
            binary32: read.is_binary32,
            joins: None,
            instrument: sittings.first().and_then(instrument),
        };
        let mut all = vec![first];
        for epoch in &read.later {
            all.push(Epoch {
                from: Some(epoch.from),
                unit: epoch.unit.map(Unit::symbol),
                scale: epoch.scale.to_string(),
                modulus: epoch.modulus.map(|modulus| modulus.to_string()),
                resolution: some(epoch.resolution),
                rated: self.rated(epoch.rated),
                binary32: epoch.is_binary32,
                joins: Some(joins(epoch.joint)),
                instrument: sittings
                    .iter()
                    .find(|sitting| sitting.instrument.from == epoch.from)
                    .and_then(instrument),
            });
        }
        let begun = |epoch: &Epoch| epoch.from.is_none_or(|from| from <= interval.from.start());
        let before = all.iter().filter(|epoch| begun(epoch)).count();
        all.drain(..before.saturating_sub(1));
        all.retain(|epoch| epoch.from.is_none_or(|from| from < interval.to.start()));
        all
    }

    fn rated(&self, rated: Option<i128>) -> Option<String> {
        let unit = match self.quantity {
            Quantity::Energy => "kW",
            Quantity::Volume => "L/h",
            Quantity::Mass => "kg/h",
            Quantity::Gauge => "",
        };
        rated.map(|base| format!("{} {unit}", Amount::of(base, self.quantity)))
    }

    /// What the meter counts as: by claims of its own, and through virtual meters.
    fn claims(&self) -> Vec<String> {
        let declared = self.source.topology.meters.get(&self.id).map(|known| &known.declared);
        let own = declared.into_iter().flat_map(|declared| &declared.claims);
        let mut all: Vec<String> = own.map(|claim| self.claim(claim, MILLIONTHS, "")).collect();
        for one in &self.source.config.virtuals {
            let Some(part) = one.parts.iter().find(|part| part.meter == *self.key && part.millionths != 0)
            else {
                continue;
            };
            let through = format!(", through the virtual meter {}", one.key);
            all.extend(one.claims.iter().map(|claim| self.claim(claim, part.millionths, &through)));
        }
        all
    }

    fn claim(&self, claim: &Claim, part: i64, through: &str) -> String {
        let millionths = i128::from(claim.millionths) * i128::from(part) / i128::from(MILLIONTHS);
        let share = if millionths == i128::from(MILLIONTHS) {
            String::new()
        } else {
            format!(", {} of it", share(i64::try_from(millionths).unwrap_or(i64::MAX)))
        };
        let during = local::during(claim.during, self.zone);
        format!("{} of {}{share}{during}{through}", claim.role, claim.boundary())
    }

    fn refused(&self, interval: Interval) -> Result<(Vec<Refused>, u64), StoreError> {
        let meter = Some((Some(self.key.site.clone()), self.key.meter.clone()));
        let filter = Filter { meter, ..Filter::default() };
        let held = quarantine::list(&self.source.connection, &filter, usize::MAX >> 1)?;
        let at = |held: &Held| held.reading.as_ref().map_or(held.at, |reading| reading.at);
        let mut inside: Vec<&Held> =
            held.iter().filter(|held| interval.contains(at(held).minute())).collect();
        inside.sort_by_key(|held| at(held));
        let more = inside.len().saturating_sub(REFUSED_LISTED) as u64;
        inside.truncate(REFUSED_LISTED);
        let told = |held: &&Held| Refused {
            id: held.id,
            cause: held.cause.word(),
            at: at(held),
            value: held.reading.as_ref().map(value),
            detail: held.detail.clone(),
        };
        Ok((inside.iter().map(told).collect(), more))
    }

    /// What agents told of as thinned or lost, as of the last move to the raw store.
    fn losses(&self, interval: Interval) -> Result<Vec<LossTold>, StoreError> {
        let all = receipts::read_losses_of(&self.source.connection, self.key, interval)
            .map_err(|source| StoreError::Sqlite { path: "ledger.sqlite".into(), source })?;
        let told = |MeterLoss { agent, loss }: MeterLoss| LossTold {
            agent: agent.to_string(),
            of_meter: loss.meter.is_some(),
            cause: loss.cause.word(),
            readings: loss.readings,
            from: loss.from,
            to: loss.to,
        };
        Ok(all.into_iter().map(told).collect())
    }

    fn notes(&self, newest: Option<Timestamp>, last: Option<Timestamp>) -> Vec<String> {
        let mut notes = Vec::new();
        if self.source.read_otherwise.contains(&self.id) {
            notes.push(
                "this configuration reads the meter otherwise than the ledger did: what is told here holds once the \
                 collector has started with it"
                    .to_owned(),
            );
        }
        if let Some(newest) = newest {
            let last = last.map_or_else(
                || "no reading is in the raw store".to_owned(),
                |last| format!("the last one in the raw store is of {}", local::shown(last, self.zone)),
            );
            notes.push(format!(
                "as of the last move to the raw store: {last}, and readings up to {} have come; a running collector \
                 moves them every half minute",
                local::shown(newest, self.zone)
            ));
        }
        if !self.source.topology.meters.contains_key(&self.id) {
            notes.push(
                "no configuration declares the meter: it is read by the unit it sends, and counts nowhere"
                    .to_owned(),
            );
        }
        notes
    }
}

/// The part of a period that can be explained: one that runs ends with the last reading that is at hand.
fn cut(
    whole: Interval,
    loaded: Interval,
    last: Option<Timestamp>,
    now: Timestamp,
    zone: Tz,
) -> (Interval, Option<String>) {
    if now.minute() >= whole.to {
        return (whole, None);
    }
    let end = match last {
        Some(last) if last.minute() > whole.from => last.minute().min(loaded.to),
        _ => loaded.to,
    };
    let why = format!("the period is not over: readings up to {} are at hand", local::minute(end, zone));
    (Interval::new(whole.from, end), Some(why))
}

fn some(resolution: Decimal) -> Option<String> {
    (!resolution.is_zero()).then(|| resolution.to_string())
}

fn joins(joint: Joint) -> String {
    match joint {
        Joint::Continues => "the same register goes on".to_owned(),
        Joint::Exchanged { last: Some(last), first: Some(first) } => {
            format!("another instrument: the old register ended at {last}, the new one began at {first}")
        }
        Joint::Exchanged { .. } => {
            "another instrument, without both signed-off registers: what passed at the exchange is estimated"
                .to_owned()
        }
    }
}

fn instrument(sitting: &Sitting) -> Option<String> {
    let serial = sitting.instrument.serial.as_ref().map(|serial| format!("serial {serial}"));
    let words: Vec<String> = serial.into_iter().chain(sitting.instrument.make.clone()).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn value(reading: &Reading) -> String {
    let unit = reading.unit.map_or_else(String::new, |unit| format!(" {unit}"));
    format!("{}{unit}", reading.value)
}

fn told_readings(explained: &Explained, interval: Interval, detail: Detail) -> Readings {
    let all = if interval.is_empty() { &[][..] } else { &explained.readings };
    let used = || all.iter().filter(|told| told.fate == Fate::Kept);
    let shown = all.iter().filter(|told| detail == Detail::All || told.fate != Fate::Kept);
    Readings {
        used: used().count(),
        first: used().next().map(|told| told.reading.at),
        last: used().next_back().map(|told| told.reading.at),
        told: shown.map(reading).collect(),
    }
}

fn reading(told: &ExplainedReading) -> ReadingTold {
    let ExplainedReading { reading, fate } = told;
    ReadingTold {
        at: reading.at,
        arrived: reading.arrived,
        value: reading.value.to_string(),
        unit: reading.unit.map(Unit::symbol),
        suspect: reading.quality == Quality::Suspect,
        intake: reading.intake.map(|intake| format!("{:016x} {}", intake.incarnation.id, intake.number)),
        used: *fate == Fate::Kept,
        fate: fate.to_string(),
    }
}
