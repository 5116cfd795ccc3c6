//! What an operator asks to be changed, in the words of the command line, and how it is understood.

use super::{AdminError, instant};
use crate::audit::Who;
use crate::config::CollectorConfig;
use crate::engine::{AmendError, Amended, By, Decided, Engine};
use crate::ledger::interpret::scaled;
use crate::store::MeterId;
use crate::store::quarantine::Filter;
use serde::{Deserialize, Serialize};
use wattledger_model::calendar::Tz;
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::document;
use wattledger_model::meter::{Kind, MeterKey};
use wattledger_model::name::Name;
use wattledger_model::reading::Cause;
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;

/// A change and its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// Why: it stands in the audit chain.
    pub reason: String,
    /// What.
    pub change: Change,
}

/// What is to be changed. A meter is `site/meter`, or `meter` where only one site has it; times are RFC 3339, or
/// local to the meter's site; amounts have a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// Book what passed in time of which nothing is known.
    Entry {
        /// The meter.
        meter: String,
        /// Begin.
        from: String,
        /// End.
        to: String,
        /// What passed, such as `12.5 kWh`.
        amount: String,
    },
    /// Leave readings out.
    Exclude {
        /// The meter.
        meter: String,
        /// First instant that is left out.
        from: String,
        /// First instant after it that counts again.
        to: String,
    },
    /// Say what passed in steps that could not be measured.
    Settle {
        /// The meter.
        meter: String,
        /// At or before the step's earlier reading.
        from: String,
        /// At or after the step's later reading.
        to: String,
        /// What passed, such as `12.5 kWh`.
        amount: String,
    },
    /// Declare that the instrument was exchanged.
    Exchange {
        /// The meter.
        meter: String,
        /// When.
        at: String,
        /// The old register at its removal, in its own unit.
        last: String,
        /// The new register at its installation, in its own unit.
        first: String,
    },
    /// Take a correction back.
    Withdraw {
        /// Its number.
        number: u64,
    },
    /// Book refused readings.
    Admit(Which),
    /// Keep refused things no longer.
    Discard(Which),
}

/// Which of the things in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// By number.
    #[serde(default)]
    pub ids: Vec<i64>,
    /// Those of one cause.
    pub cause: Option<String>,
    /// Those of one meter.
    pub meter: Option<String>,
}

impl Which {
    /// The filter of the store.
    ///
    /// # Errors
    /// [`AdminError::Invalid`]: no such cause, or no meter's name.
    pub fn filter(&self) -> Result<Filter, AdminError> {
        let invalid = AdminError::Invalid;
        let cause = self.cause.as_deref().map(cause).transpose().map_err(invalid)?;
        let meter = self.meter.as_deref().map(site_and_meter).transpose().map_err(invalid)?;
        Ok(Filter { ids: self.ids.clone(), cause, meter })
    }
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChangeAnswer {
    /// Its entry in the audit chain; `None` where there was nothing to do.
    pub sequence: Option<u64>,
    /// That entry's hash.
    pub hash: Option<String>,
    /// The meter that was corrected.
    pub meter: Option<String>,
    /// Hours of a meter that are not what they were.
    pub hours: u64,
    /// The ledger's change number after it.
    pub change: Option<u64>,
    /// How many of the things in quarantine were admitted or discarded.
    pub decided: u64,
    /// Numbers of those that cannot be admitted, and why.
    pub passed_over: Vec<(i64, String)>,
    /// How many more there are.
    pub left: u64,
}

/// Does what is asked, on an engine that is this caller's alone.
///
/// # Errors
/// [`AdminError`] by what the caller does next; nothing is changed then.
pub fn perform(
    engine: &mut Engine,
    config: &CollectorConfig,
    request: &ChangeRequest,
    who: &Who,
    now: Timestamp,
) -> Result<ChangeAnswer, AdminError> {
    let by = By { who, reason: request.reason.trim(), now };
    let place = |engine: &Engine, meter: &str| find(engine, config, meter);
    match &request.change {
        Change::Entry { meter, from, to, amount } => {
            let at = place(engine, meter)?;
            let (from, to) = (at.instant(from)?, at.instant(to)?);
            at.correct(engine, Correction::Entry { from, to, amount: at.amount(amount)? }, by)
        }
        Change::Settle { meter, from, to, amount } => {
            let at = place(engine, meter)?;
            let (from, to) = (at.instant(from)?, at.instant(to)?);
            at.correct(engine, Correction::Settle { from, to, amount: at.amount(amount)? }, by)
        }
        Change::Exclude { meter, from, to } => {
            let at = place(engine, meter)?;
            let (from, to) = (at.instant(from)?, at.instant(to)?);
            at.correct(engine, Correction::Exclude { from, to }, by)
        }
        Change::Exchange { meter, at: when, last, first } => {
            let at = place(engine, meter)?;
            let (last, first) = (register(last)?, register(first)?);
            at.correct(engine, Correction::Exchange { at: at.instant(when)?, last, first }, by)
        }
        Change::Withdraw { number } => engine.withdraw(*number, by).map(amended).map_err(refused),
        Change::Admit(which) => engine.admit_refused(&which.filter()?, by).map(decided).map_err(refused),
        Change::Discard(which) => engine.discard_refused(&which.filter()?, by).map(decided).map_err(refused),
    }
}

fn amended(amended: Amended) -> ChangeAnswer {
    ChangeAnswer {
        sequence: Some(amended.sequence),
        hash: Some(amended.hash),
        hours: amended.flushed.hours,
        change: Some(amended.flushed.change),
        ..ChangeAnswer::default()
    }
}

fn decided(decision: Decided) -> ChangeAnswer {
    let answer = decision.amended.map(amended).unwrap_or_default();
    let Decided { done, passed_over, left, .. } = decision;
    ChangeAnswer { decided: done, passed_over, left, ..answer }
}

fn refused(error: AmendError) -> AdminError {
    let text = |error: &AmendError| error.to_string();
    match &error {
        AmendError::Engine(engine) => {
            let cause =
                std::error::Error::source(engine).map_or_else(String::new, |cause| format!(": {cause}"));
            AdminError::Failed(format!("{engine}{cause}; nothing was changed"))
        }
        AmendError::NoCorrection(_) | AmendError::NotHeld(_) => AdminError::NotFound(text(&error)),
        _ => AdminError::Invalid(text(&error)),
    }
}

/// A meter, and what is needed to understand what is said of it.
#[derive(Debug)]
struct Place {
    id: MeterId,
    key: MeterKey,
    zone: Option<Tz>,
    unit: Option<Unit>,
}

impl Place {
    fn instant(&self, text: &str) -> Result<Timestamp, AdminError> {
        instant::parse(text, self.zone).map_err(AdminError::Invalid)
    }

    /// An amount with its unit, in the base unit of what the meter measures.
    fn amount(&self, text: &str) -> Result<i128, AdminError> {
        let of = self.unit.ok_or_else(|| {
            AdminError::Invalid(format!("the unit of meter {} is not known; declare its `unit`", self.key))
        })?;
        amount(text, of).map_err(AdminError::Invalid)
    }

    fn correct(
        &self,
        engine: &mut Engine,
        correction: Correction,
        by: By<'_>,
    ) -> Result<ChangeAnswer, AdminError> {
        let done = engine.correct(self.id, correction, by).map_err(refused)?;
        Ok(ChangeAnswer { meter: Some(self.key.to_string()), ..amended(done) })
    }
}

fn find(engine: &Engine, config: &CollectorConfig, meter: &str) -> Result<Place, AdminError> {
    let keys: Vec<(MeterId, MeterKey)> =
        engine.meters().all().map(|(id, key, ..)| (id, key.clone())).collect();
    let (id, key) = named(&keys, meter)?;
    let zone = config.site(&key.site).map(|site| site.time_zone);
    Ok(Place { id, key, zone, unit: engine.meters().unit(id) })
}

/// The one meter that is meant.
///
/// # Errors
/// [`AdminError`]: none has the name, or several sites have it.
pub fn named<I: Copy>(keys: &[(I, MeterKey)], meter: &str) -> Result<(I, MeterKey), AdminError> {
    let fits = |key: &MeterKey| match meter.split_once('/') {
        Some((site, name)) => key.site.as_str() == site && key.meter.as_str() == name,
        None => key.meter.as_str() == meter,
    };
    let found: Vec<&(I, MeterKey)> = keys.iter().filter(|(_, key)| fits(key)).collect();
    match found[..] {
        [only] => Ok(only.clone()),
        [] => {
            let all: Vec<String> = keys
                .iter()
                .map(|(_, key)| if meter.contains('/') { key.to_string() } else { key.meter.to_string() })
                .collect();
            let hint = document::nearest(meter, all.iter().map(String::as_str))
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let meter: String = meter.chars().take(130).collect();
            Err(AdminError::NotFound(format!("no meter is named `{meter}`{hint}")))
        }
        ref several => {
            let names: Vec<String> = several.iter().map(|(_, key)| key.to_string()).collect();
            Err(AdminError::Invalid(format!("several meters are named so; say which: {}", names.join(", "))))
        }
    }
}

fn site_and_meter(text: &str) -> Result<(Option<Name>, Name), String> {
    let name = |text: &str| text.parse::<Name>().map_err(|error| error.to_string());
    match text.split_once('/') {
        Some((site, meter)) => Ok((Some(name(site)?), name(meter)?)),
        None => Ok((None, name(text)?)),
    }
}

fn cause(word: &str) -> Result<Cause, String> {
    Cause::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = Cause::ALL.iter().map(|cause| cause.word()).collect();
        format!("`{word}` is not a cause of refusal; there are {}", words.join(", "))
    })
}

fn register(text: &str) -> Result<Decimal, AdminError> {
    text.parse().map_err(|error: wattledger_model::decimal::DecimalError| {
        AdminError::Invalid(format!("{error}; give the register as the device shows it, without its unit"))
    })
}

/// An amount with its unit, in base units (µWh, mL, mg), for a meter that shows `of`.
fn amount(text: &str, of: Unit) -> Result<i128, String> {
    let text = text.trim();
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (number, symbol) = (&text[..end], text[end..].trim());
    let example = example(of);
    let shown: String = text.chars().take(40).collect();
    let number: Decimal =
        number.parse().map_err(|_| format!("`{shown}` is not an amount; write it like \"{example}\""))?;
    if symbol.is_empty() {
        return Err(format!("`{shown}` has no unit; write it like \"{example}\""));
    }
    let unit: Unit = symbol.parse().map_err(|error: String| {
        let near = document::nearest(symbol, Unit::spellings())
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        format!("{error}{near}")
    })?;
    if unit.kind() != Kind::Register || unit.quantity() != of.quantity() {
        return Err(format!(
            "{unit} is not a unit of what the meter counts, {}; write it like \"{example}\"",
            of.quantity().word()
        ));
    }
    let (numerator, denominator) = unit.size();
    scaled(&[number], &[i128::from(numerator)], i128::from(denominator))
        .ok_or_else(|| format!("`{shown}` is more than any meter counts"))
}

fn example(of: Unit) -> &'static str {
    match of.quantity() {
        wattledger_model::unit::Quantity::Volume => "1.5 m3",
        wattledger_model::unit::Quantity::Mass => "80 kg",
        _ => "12.5 kWh",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> Unit {
        text.parse().expect(text)
    }

    #[test]
    fn amounts_are_exact_and_of_what_the_meter_counts() {
        assert_eq!(amount("12.5 kWh", unit("kW")), Ok(12_500_000_000));
        assert_eq!(amount("3600J", unit("kWh")), Ok(1_000_000));
        assert_eq!(amount("1.5 m3", unit("L")), Ok(1_500_000));
        for (text, of, says) in [
            ("12.5 m3", "kWh", "counts, energy"),
            ("12.5 kW", "kWh", "not a unit of what"),
            ("12.5", "kWh", "no unit"),
            ("lots", "m3", "like \"1.5 m3\""),
            ("12.5 kWhh", "kWh", "did you mean `kWh`?"),
        ] {
            let error = amount(text, unit(of)).expect_err(text);
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_meter_is_named_with_its_site_where_several_have_the_name() {
        let key = |text: &str| {
            let (site, meter) = text.split_once('/').expect("both");
            MeterKey { site: site.parse().expect("name"), meter: meter.parse().expect("name") }
        };
        let keys = [(1, key("north/main")), (2, key("south/main")), (3, key("south/chiller"))];
        assert_eq!(named(&keys, "chiller").expect("one").0, 3);
        assert_eq!(named(&keys, "south/main").expect("one").0, 2);
        let both = named(&keys, "main").expect_err("two").to_string();
        assert!(both.contains("north/main, south/main"), "{both}");
        let near = named(&keys, "chillr").expect_err("none").to_string();
        assert!(near.contains("did you mean `chiller`?"), "{near}");
        let near = named(&keys, "south/mian").expect_err("none").to_string();
        assert!(near.contains("did you mean `south/main`?"), "{near}");
    }
}
