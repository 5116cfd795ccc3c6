//! The rules in words, with the figures that were compared.

use crate::ledger::corrections;
use crate::ledger::interpret::{Interpretation, POSITION_PER_BASE, round_half_even};
use crate::ledger::register::{Stretch, Told};
use crate::ledger::rules::Compared;
use crate::ledger::series::{Point, Register};
use wattledger_model::meter::Form;
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::reading::Reading;
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Quantity;

/// An amount of base units in the unit that people use, with the digits it has.
pub(super) fn amount(base: i128, quantity: Quantity) -> String {
    let (digits, unit) = match quantity {
        Quantity::Energy => (9, "kWh"),
        Quantity::Volume => (3, "L"),
        Quantity::Mass => (6, "kg"),
        Quantity::Gauge => (0, "units"),
    };
    let size = 10_u128.pow(digits as u32);
    let (whole, rest) = (base.unsigned_abs() / size, base.unsigned_abs() % size);
    let fraction = format!("{rest:0digits$}");
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() || digits == 0 { "" } else { "." };
    let fraction = if point.is_empty() { "" } else { fraction };
    format!("{}{whole}{point}{fraction} {unit}", if base < 0 { "-" } else { "" })
}

/// A time in the largest unit that says it in whole numbers.
pub(crate) fn duration(ms: i64) -> String {
    for (size, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")] {
        if ms != 0 && ms % size == 0 {
            return format!("{} {unit}", ms / size);
        }
    }
    format!("{ms} ms")
}

/// Why no value stands for the time between two samples.
pub(super) fn gap(ms: i64, limit_ms: i64) -> String {
    format!("{} without a value, longer than the limit of {}: missing", duration(ms), duration(limit_ms))
}

/// How a value stands for time.
pub(super) const fn span(form: Form) -> &'static str {
    match form {
        Form::Instant => "linear between the two values",
        Form::OnChange => "the earlier value holds until the later one",
        Form::IntervalMean => "the value is the mean of the time before it",
    }
}

/// What is needed to put a register's steps into words.
pub(super) struct Words<'a> {
    register: &'a Register<'a>,
    meter: &'a Interpretation,
    quantity: Quantity,
}

impl<'a> Words<'a> {
    pub(super) fn new(
        register: &'a Register<'a>,
        meter: &'a Interpretation,
        readings: &[Reading],
    ) -> Words<'a> {
        let quantity = meter.quantity(readings.iter().find_map(|reading| reading.unit));
        Words { register, meter, quantity }
    }

    fn told(&self, position: i128) -> String {
        amount(round_half_even(position, POSITION_PER_BASE), self.quantity)
    }

    /// The rule of a step, and how its amount is known.
    pub(super) fn of(&self, step: &Told, parts: &[Stretch]) -> String {
        let mut words = match self.register.compare(&step.reference, &step.to) {
            _ if step.class == StepClass::Exchange => self.exchange(step),
            Some(compared) => self.compared(step, &compared),
            None => "the two values cannot be compared on one scale".to_owned(),
        };
        if step.reference.at != step.from.at {
            words += &format!("; compared with the higher value of {}", Timestamp(step.reference.at));
        }
        if parts.len() > 1 {
            words += &format!("; read by {} epochs, each for its own time", parts.len());
        }
        words + &self.booked(step, parts)
    }

    fn compared(&self, step: &Told, compared: &Compared) -> String {
        let delta = self.told(compared.delta.abs());
        let way = if compared.delta < 0 { "back" } else { "forward" };
        let most = self.most(step, compared);
        match step.class {
            StepClass::Normal => format!(
                "{way} by {delta}, {}",
                match compared.most {
                    Some(_) => format!("within {most}"),
                    None => "and no rating bounds it".to_owned(),
                }
            ),
            StepClass::Jitter => format!(
                "back by {delta}, no more than 2 q = {}: nothing passed, and the higher value stays the reference",
                self.told(2 * compared.resolution)
            ),
            StepClass::Rollover => format!(
                "{way} by {delta}: past the modulus of {} it went {}, within {most}",
                self.told(compared.modulus.unwrap_or(0)),
                self.told(compared.delta + compared.rolled())
            ),
            StepClass::Reset => format!("back by {delta}: {}", self.reset(step, compared)),
            StepClass::Jump => format!("forward by {delta}, more than {most}"),
            StepClass::Undecidable => format!(
                "{most} could have passed, which is not below the modulus of {}: nothing tells how often the register went round",
                self.told(compared.modulus.unwrap_or(0))
            ),
            StepClass::Exchange => self.exchange(step),
        }
    }

    /// E_max and what it is made of.
    fn most(&self, step: &Told, compared: &Compared) -> String {
        let Some(most) = compared.most else { return "what any installation carries".to_owned() };
        format!(
            "E_max = {} (1.2 x the rating x {} + 2 x {})",
            self.told(most),
            duration(step.to.at - step.reference.at),
            self.told(compared.resolution)
        )
    }

    fn reset(&self, step: &Told, compared: &Compared) -> String {
        let alone = compared.class();
        let differs = |earlier: &Point| !self.register.is_one_device([*earlier, step.to]);
        if differs(&step.reference) || differs(&step.from) {
            return "the device restarted in between, so that it is a reset".to_owned();
        }
        if alone == StepClass::Jitter {
            return "three readings in a row stay below, so that it is a reset".to_owned();
        }
        match (compared.modulus, compared.most) {
            (Some(modulus), Some(_)) => format!(
                "{} past the modulus would be more than {}, so that it is a reset",
                self.told(compared.delta + modulus),
                self.most(step, compared)
            ),
            (Some(_), None) => "without a rating no fall is a rollover, so that it is a reset".to_owned(),
            (None, _) => "more than the resolution explains, so that it is a reset".to_owned(),
        }
    }

    fn exchange(&self, step: &Told) -> String {
        if self.register.is_exchanged_between(&step.from, &step.to) {
            return "an exchange of the instrument is declared in between, without both signed-off registers"
                .to_owned();
        }
        "another serial number: the instrument was exchanged, and nobody declared how the registers join"
            .to_owned()
    }

    fn booked(&self, step: &Told, parts: &[Stretch]) -> String {
        let (from, to) = (step.from.at, step.to.at);
        match parts[0].provenance {
            Some(Provenance::Measured) => String::new(),
            Some(Provenance::Interpolated) => format!(
                "; {} is longer than the limit of {}: the total is measured, its split over time is linear",
                duration(to - from),
                duration(self.meter.gap_limit())
            ),
            Some(Provenance::Estimated) if self.is_settled(from, to) => {
                "; booked as an operator settled it".to_owned()
            }
            Some(Provenance::Estimated) => {
                "; estimated as the mean of the metered rates next to it".to_owned() + self.least(step, parts)
            }
            None if parts[0].class == StepClass::Undecidable => {
                "; missing until an operator settles it".to_owned()
            }
            None => "; nothing metered lies next to it: missing".to_owned(),
        }
    }

    /// Whether the estimate is what the new register shows.
    fn least(&self, step: &Told, parts: &[Stretch]) -> &'static str {
        let is_shown = step.class == StepClass::Reset && parts[0].end == step.to.position;
        if is_shown { ", and not less than the new register shows" } else { "" }
    }

    pub(super) fn is_settled(&self, from: i64, to: i64) -> bool {
        let holds = |settled: &corrections::Spread| settled.from <= from && to <= settled.to;
        corrections::settlements(&self.meter.corrections).iter().any(holds)
    }
}
