//! Compares a database with the ledger.

use super::Event;
use super::asked::Asked;
use super::error::CheckError;
use super::expected::{Ledger, State};
use super::finding::{Difference, Fault, findings};
use super::looks::{Look, Looks, without_data};
use super::parsed::Identity;
use crate::config::CollectorConfig;
use crate::outputs::influx::catalog::Measurement;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tokio::runtime::Handle;
use wattledger_model::time::{Interval, Minute, Timestamp};

/// Findings of each measurement that are told of where not all are asked for.
const MOST_TOLD: u64 = 10;
/// Series that the configuration has no more, of which as many are told of.
const MOST_FORMER: usize = 20;

/// What a comparison comes to.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    /// The output.
    pub output: String,
    /// Times of points from here on.
    #[serde(serialize_with = "instant")]
    pub from: Timestamp,
    /// Up to here, not inside; what lies after it is looked for as well where no end was asked for.
    #[serde(serialize_with = "instant")]
    pub to: Timestamp,
    /// By measurement.
    pub measurements: Vec<Counted>,
    /// Time of the first point that differs.
    #[serde(serialize_with = "maybe_instant")]
    pub first: Option<Timestamp>,
    /// Time of the last point that differs.
    #[serde(serialize_with = "maybe_instant")]
    pub last: Option<Timestamp>,
    /// Findings that were not told of.
    pub untold: u64,
    /// Series that the configuration has no more.
    pub former_series: Vec<FormerSeries>,
    /// What explains differences, or limits what was compared.
    pub notes: Vec<String>,
}

/// Points of one measurement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Its name.
    pub measurement: &'static str,
    /// Points that the ledger has.
    pub points: u64,
    /// Points that the database does not have.
    pub missing: u64,
    /// Points that only the database has.
    pub extra: u64,
    /// Points of which values differ.
    pub different: u64,
    /// Points with fields that should not be, and right ones beside them.
    pub stale: u64,
    /// How many of the missing and different ones the output has still to write.
    pub still_to_be_written: u64,
    #[serde(skip)]
    told: u64,
}

/// A series of what the configuration has no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormerSeries {
    /// Measurement and tags.
    pub series: String,
    /// Points that the database has of it.
    pub points: u64,
}

impl Counted {
    /// Points that differ.
    pub const fn differences(&self) -> u64 {
        self.missing + self.extra + self.different + self.stale
    }
}

impl Verified {
    /// Points that differ.
    pub fn differences(&self) -> u64 {
        self.measurements.iter().map(Counted::differences).sum()
    }

    /// Points of the ledger that were compared.
    pub fn points(&self) -> u64 {
        self.measurements.iter().map(|counted| counted.points).sum()
    }

    /// How many of the differences the output has still to write.
    pub fn still_to_be_written(&self) -> u64 {
        self.measurements.iter().map(|counted| counted.still_to_be_written).sum()
    }
}

/// Compares a database with the ledger. Nothing is changed.
///
/// `runtime` speaks with the database; this is called outside of its tasks. `each` tells of every single point
/// that differs, instead of the first findings of each measurement. Ends early, with what was compared so far, where
/// `told` breaks.
///
/// # Errors
/// [`CheckError`] where nothing can be compared.
pub fn verify(
    config: &CollectorConfig,
    asked: &Asked,
    each: bool,
    now: Timestamp,
    runtime: &Handle,
    told: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Verified, CheckError> {
    let mut looks = Looks::open(config, asked, now, runtime)?;
    let (slices, whole) = looks.slices()?;
    let (from, to) = (Timestamp(whole.from_ms), Timestamp(whole.to_ms));
    let mut sum = Sum::new(&looks, from, to, each);
    let mut stopped = None;
    for slice in slices {
        let look = looks.thoroughly(slice).map_err(|seen| seen.of(&looks.scope))?;
        let at = Timestamp(slice.to_ms.min(whole.to_ms));
        let counted = sum.add(look, looks.kept_from(), told);
        if counted.is_break() || told(Event::Reached { from, at, to }).is_break() {
            stopped = Some(format!("it was stopped at {at}; what comes after was not compared"));
            break;
        }
    }
    let mut verified = sum.finish();
    verified.notes = notes(&mut looks)?;
    verified.notes.extend(stopped);
    Ok(verified)
}

/// Adds up what looks see.
struct Sum {
    verified: Verified,
    former: BTreeMap<Identity, u64>,
    each: bool,
}

impl Sum {
    fn new(looks: &Looks, from: Timestamp, to: Timestamp, each: bool) -> Sum {
        let scope = &looks.scope;
        let counted =
            |measurement: &&Measurement| Counted { measurement: measurement.name, ..Counted::default() };
        let verified = Verified {
            output: scope.output.name.to_string(),
            from,
            to,
            measurements: scope.measurements.iter().map(counted).collect(),
            first: None,
            last: None,
            untold: 0,
            former_series: Vec::new(),
            notes: Vec::new(),
        };
        Sum { verified, former: BTreeMap::new(), each }
    }

    fn add(
        &mut self,
        look: Look,
        kept_from: Option<i64>,
        told: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Look { mut found, .. } = look;
        // What went with age while it was looked for is no difference.
        found.differences.retain(|one| kept_from.is_none_or(|kept| one.at_ms >= kept));
        for (measurement, points) in found.points {
            self.of(&measurement).points += points;
        }
        for (series, points) in found.former {
            *self.former.entry(series).or_default() += points;
        }
        for difference in &found.differences {
            self.count(difference);
        }
        for finding in findings(found.differences, self.each) {
            let each = self.each;
            let counted = self.of(&finding.measurement);
            counted.told += 1;
            if each || counted.told <= MOST_TOLD {
                told(Event::Found(&finding))?;
            } else {
                self.verified.untold += 1;
            }
        }
        ControlFlow::Continue(())
    }

    fn count(&mut self, difference: &Difference) {
        let at = Timestamp(difference.at_ms);
        let verified = &mut self.verified;
        verified.first = Some(verified.first.map_or(at, |first| first.min(at)));
        verified.last = verified.last.max(Some(at));
        let counted = self.of(&difference.of.measurement);
        match &difference.fault {
            Fault::Missing => counted.missing += 1,
            Fault::Extra => counted.extra += 1,
            Fault::Different(_) => counted.different += 1,
            Fault::Stale(_) => counted.stale += 1,
        }
        counted.still_to_be_written += u64::from(difference.is_waiting);
    }

    fn of(&mut self, measurement: &str) -> &mut Counted {
        let all = &mut self.verified.measurements;
        let at = all.iter().position(|counted| counted.measurement == measurement);
        &mut all[at.expect("only rows of measurements that were asked for are compared")]
    }

    fn finish(self) -> Verified {
        let mut verified = self.verified;
        let former = self.former.into_iter().take(MOST_FORMER);
        let shown = |(of, points): (Identity, u64)| FormerSeries { series: of.to_string(), points };
        verified.former_series = former.map(shown).collect();
        verified
    }
}

/// What explains differences, or limits what was compared.
fn notes(looks: &mut Looks) -> Result<Vec<String>, CheckError> {
    let state = looks.ledger.begin()?;
    looks.ledger.end()?;
    let mut notes: Vec<String> = looks.age().into_iter().collect();
    for name in without_data(&looks.ledger, &state, &looks.scope) {
        notes.push(format!(
            "facility `{name}` has no readings of its total or IT energy yet, and so no points"
        ));
    }
    let otherwise = looks.ledger.read_otherwise;
    if otherwise > 0 {
        notes.push(format!(
            "{otherwise} meters are read otherwise by this configuration than by the one that the ledger was made \
             with; start the collector with it, and compare again"
        ));
    }
    notes.extend(behind(&looks.ledger, &state));
    Ok(notes)
}

/// What the output has still to write.
fn behind(ledger: &Ledger, state: &State) -> Vec<String> {
    let Some(cursor) = &state.cursor else {
        let words = "the output has not written to this database yet, so all of it is still to be written; start the \
                     collector, and it will be";
        return vec![words.to_owned()];
    };
    let mut notes = Vec::new();
    if cursor.cursor > state.head {
        notes.push(
            "the output is ahead of the ledger, which was restored from an older copy; it starts over when the \
             collector runs"
                .to_owned(),
        );
    } else if cursor.cursor < state.head {
        notes.push(format!(
            "the output is behind: it has written the ledger up to change {} of {}; differences are expected until \
             the collector has caught up",
            cursor.cursor, state.head
        ));
    }
    for (at, (name, horizon)) in ledger.facilities().zip(&state.horizons).enumerate() {
        let published = cursor.facilities.get(name);
        let (Some(horizon), Some(published)) = (horizon, published) else { continue };
        if !ledger.is_defined_as(at, published) {
            notes.push(format!(
                "the definition of facility `{name}` is not the one that its points were written by; they are \
                 written again when the collector is started with this configuration"
            ));
        } else if published.until.is_none_or(|until| until < horizon.0) || !published.dirty.is_empty() {
            let until =
                published.until.map_or_else(|| "no point".to_owned(), |until| Minute(until).to_string());
            let again: i64 = published.dirty.intervals().map(Interval::minutes).sum();
            notes.push(format!(
                "facility `{name}` is written up to {until} and known up to {horizon}; {again} earlier minutes have \
                 changed since"
            ));
        }
    }
    notes
}

fn instant<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

fn maybe_instant<S: serde::Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => to.collect_str(at),
        None => to.serialize_none(),
    }
}
