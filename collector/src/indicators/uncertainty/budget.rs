//! From the uncertainty of meters to that of a sum or a quotient. Source: JCGM 100 5; domain.md 6.1, 6.2.
//!
//! A figure is a function of meters, not of formulas: each meter has one error, and the figure's sensitivity
//! to it is `∂y/∂E_i`. A meter that stands above and below a quotient has one sensitivity for both, so what
//! cancels does (`E_DC = E_IT + O` from the same IT meters). Errors of instruments of one make, and of all
//! whose make is not known, are fully correlated where they push the figure the same way, and independent
//! otherwise; so numerator and denominator stay independent also within one make, which is the wider choice.
//! Resolution, cut long steps and estimates are independent of all else.

use super::channel::{Channel, Unknown, channel};
use super::{COVERAGE_FACTOR, resolve};
use chrono::NaiveDate;
use std::collections::BTreeMap;
use wattledger_model::calendar::Window;
use wattledger_model::instrument::{Accuracy, CurrentPath, Instrument};
use wattledger_model::time::MINUTE_MS;

/// What one instrument measured in the window. A meter whose instrument was exchanged in it has two.
#[derive(Debug, Clone)]
pub struct Metered<'a> {
    /// The meter's name.
    pub meter: &'a str,
    /// The instrument; `None` where none is declared.
    pub instrument: Option<&'a Instrument>,
    /// All that is booked, in base units, whatever its provenance.
    pub amount: i128,
    /// How much of it is estimated.
    pub estimated: i128,
    /// How long anything flowed, ms: the load is that of this time, so that a generator that ran for an hour
    /// is not taken as idling for a year.
    pub loaded_ms: i64,
    /// What the register resolves, base units; 0 for what is no register.
    pub resolution: i128,
    /// How many register differences the amount is a sum of: 1 for a window without holes, since
    /// differences that follow each other telescope.
    pub differences: u32,
    /// Of each long step that the window's edge cuts, the part that lies inside, base units.
    pub cut: &'a [i128],
}

/// A meter's place in a sum: its index among the metered, and its coefficient.
pub type Side<'a> = &'a [(usize, f64)];

/// A row of the meter table.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The meter's name.
    pub meter: String,
    /// The instrument's serial number.
    pub serial: Option<String>,
    /// Its make; rows without one are taken as of one make.
    pub make: Option<String>,
    /// Its class or stated limit.
    pub accuracy: Option<Accuracy>,
    /// How current reaches it, with the class of the transformer.
    pub current: Option<CurrentPath>,
    /// When it was calibrated last.
    pub calibrated: Option<NaiveDate>,
    /// Mean load while anything flowed, by the rated one; `None` where no rated load is declared.
    pub load: Option<f64>,
    /// What it measured, base units.
    pub amount: i128,
    /// The channel's uncertainty, with the limits used, or why it is unknown.
    pub channel: Result<Channel, Unknown>,
    /// Standard uncertainty of resolution, cuts and estimates, base units.
    pub u_reading: f64,
    /// How much the figure changes by a base unit of this meter.
    pub sensitivity: f64,
    /// What the row adds to the square of the figure's standard uncertainty; the rows add up to it.
    pub contribution: f64,
}

/// The uncertainty of one figure, with all that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// The figure; `None` where the denominator is zero.
    pub value: Option<f64>,
    /// One row an instrument.
    pub lines: Vec<Line>,
    /// Standard uncertainty of the channels, in units of the figure; `None` where one of them is unknown.
    pub u_channels: Option<f64>,
    /// Standard uncertainty of resolution, cuts and estimates, in units of the figure.
    pub u_readings: f64,
}

impl Budget {
    /// Standard uncertainty, in units of the figure; `None` where it is not known.
    pub fn standard(&self) -> Option<f64> {
        self.value?;
        Some(self.u_channels?.hypot(self.u_readings))
    }

    /// Expanded uncertainty U, k = 2, in units of the figure; `None` where it is not known.
    pub fn expanded(&self) -> Option<f64> {
        self.standard().map(|u| COVERAGE_FACTOR * u)
    }

    /// Standard uncertainty by the value; `None` where it is not known or the value is zero.
    pub fn relative(&self) -> Option<f64> {
        let value = self.value.filter(|value| *value != 0.0)?;
        Some(self.standard()? / value.abs())
    }

    /// Why the uncertainty is unknown: the meters, each with its reason.
    pub fn unknown(&self) -> Vec<String> {
        self.unknown_channels().map(|(meter, why)| format!("{meter}: {why}")).collect()
    }

    /// The meters whose uncertainty is unknown, each with its reason.
    pub fn unknown_channels(&self) -> impl Iterator<Item = (&str, Unknown)> {
        let unknown = |line: &Line| line.channel.as_ref().err().copied();
        let counted = self.lines.iter().filter(|line| line.counts());
        counted.filter_map(move |line| Some((line.meter.as_str(), unknown(line)?)))
    }

    /// Whether the figure is resolved: U at most 5 % of the value. `None` where U is not known, unless what
    /// is known is too much already.
    pub fn is_resolved(&self) -> Option<bool> {
        let value = self.value?;
        let limit = resolve::MOST_RELATIVE * value.abs();
        match self.expanded() {
            Some(expanded) => Some(expanded <= limit),
            None => (COVERAGE_FACTOR * self.u_readings > limit).then_some(false),
        }
    }

    /// The shortest window in which the figure would be resolved, going by this one over `minutes`; `None`
    /// where none is, or U is not known. What the channels add stays the same share; what the readings add
    /// shrinks as the amounts grow.
    pub fn shortest_resolved(&self, minutes: i64) -> Option<Window> {
        let value = self.value.filter(|value| *value != 0.0)?.abs();
        resolve::shortest_window(self.u_channels? / value, self.u_readings / value, minutes)
    }
}

impl Line {
    /// Whether the channel's error reaches the figure at all: what measured nothing, or stands in no sum,
    /// adds nothing, known or not.
    fn counts(&self) -> bool {
        self.sensitivity != 0.0 && self.amount != 0
    }

    fn u_channel(&self, metered: &Metered<'_>) -> Option<f64> {
        if !self.counts() {
            return Some(0.0);
        }
        let read = (metered.amount - metered.estimated) as f64;
        self.channel.as_ref().ok().map(|channel| channel.u_rel * read.abs())
    }
}

/// The uncertainty of `offset + scale · Σ above / Σ below`: a PUE, a WUE (scale: base units of one side to
/// the other's), a partial PUE (offset 1). Sensitivities: `scale · (a_i − q·b_i) / Σ below`, `q` the quotient.
pub fn quotient(
    metered: &[Metered<'_>],
    above: Side<'_>,
    below: Side<'_>,
    scale: f64,
    offset: f64,
) -> Budget {
    let sum = |side: Side<'_>| -> f64 {
        side.iter().map(|(at, coefficient)| coefficient * metered[*at].amount as f64).sum()
    };
    let (numerator, denominator) = (sum(above), sum(below));
    if denominator == 0.0 {
        return made(metered, None, &vec![0.0; metered.len()]);
    }
    let ratio = numerator / denominator;
    let mut sensitivities = vec![0.0; metered.len()];
    for (at, coefficient) in above {
        sensitivities[*at] += scale * coefficient / denominator;
    }
    for (at, coefficient) in below {
        sensitivities[*at] -= scale * ratio * coefficient / denominator;
    }
    made(metered, Some(offset + scale * ratio), &sensitivities)
}

/// The uncertainty of `Σ terms`: an energy, a virtual meter, carbon (coefficients: kg for each base unit).
pub fn total(metered: &[Metered<'_>], terms: Side<'_>) -> Budget {
    let mut sensitivities = vec![0.0; metered.len()];
    let mut value = 0.0;
    for (at, coefficient) in terms {
        sensitivities[*at] += coefficient;
        value += coefficient * metered[*at].amount as f64;
    }
    made(metered, Some(value), &sensitivities)
}

fn made(metered: &[Metered<'_>], value: Option<f64>, sensitivities: &[f64]) -> Budget {
    let mut lines: Vec<Line> =
        metered.iter().zip(sensitivities).map(|(metered, sensitivity)| line(metered, *sensitivity)).collect();
    // Errors of one make that push the same way add up; all other groups are independent.
    let mut groups: BTreeMap<(Option<String>, bool), f64> = BTreeMap::new();
    let mut pushes = Vec::with_capacity(lines.len());
    let mut is_known = true;
    for (line, metered) in lines.iter().zip(metered) {
        let push = match line.u_channel(metered) {
            Some(u) => line.sensitivity * u,
            None => {
                is_known = false;
                0.0
            }
        };
        *groups.entry(group(line)).or_default() += push;
        pushes.push(push);
    }
    let mut readings = 0.0;
    for (line, push) in lines.iter_mut().zip(pushes) {
        let alone = (line.sensitivity * line.u_reading).powi(2);
        line.contribution = push * groups[&group(line)] + alone;
        readings += alone;
    }
    let channels: f64 = groups.values().map(|sum| sum * sum).sum();
    Budget { value, lines, u_channels: is_known.then(|| channels.sqrt()), u_readings: readings.sqrt() }
}

fn group(line: &Line) -> (Option<String>, bool) {
    (line.make.clone(), line.sensitivity > 0.0)
}

fn line(metered: &Metered<'_>, sensitivity: f64) -> Line {
    let instrument = metered.instrument;
    let load = instrument.and_then(|instrument| load(metered, instrument));
    let channel = instrument.ok_or(Unknown::NoInstrument).and_then(|instrument| channel(instrument, load));
    Line {
        meter: metered.meter.to_owned(),
        serial: instrument.and_then(|instrument| instrument.serial.clone()),
        make: instrument.and_then(|instrument| instrument.make.clone()),
        accuracy: instrument.and_then(|instrument| instrument.accuracy),
        current: instrument.and_then(|instrument| instrument.current),
        calibrated: instrument.and_then(|instrument| instrument.calibrated),
        load,
        amount: metered.amount,
        channel,
        u_reading: u_reading(metered),
        sensitivity,
        contribution: 0.0,
    }
}

/// Mean load while anything flowed, by the rated load, which is in base units an hour.
fn load(metered: &Metered<'_>, instrument: &Instrument) -> Option<f64> {
    const HOUR_MS: f64 = 60.0 * MINUTE_MS as f64;
    let rated = instrument.rated_load.filter(|rated| *rated > 0)? as f64;
    (metered.loaded_ms > 0).then(|| metered.amount as f64 / (metered.loaded_ms as f64 / HOUR_MS) / rated)
}

/// Resolution `q/√6` for each register difference, half of each cut part `/√3`, half of what is estimated,
/// all independent; base units.
fn u_reading(metered: &Metered<'_>) -> f64 {
    let resolution = metered.resolution as f64;
    let resolved = resolution * resolution / 6.0 * f64::from(metered.differences);
    let cut: f64 = metered.cut.iter().map(|part| (*part as f64 / 2.0).powi(2) / 3.0).sum();
    let estimated = (metered.estimated as f64 / 2.0).powi(2);
    (resolved + cut + estimated).sqrt()
}

#[cfg(test)]
mod tests;
