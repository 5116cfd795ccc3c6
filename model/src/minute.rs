//! What the ledger makes of readings: minutes with their provenance, and the steps worth telling.

use crate::time::Timestamp;

/// How we know an amount. What none of these covers is missing: no amount, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provenance {
    /// Inside a step no longer than the gap limit.
    Measured,
    /// Inside a longer register step: the step's total is measured, its split over time is linear.
    Interpolated,
    /// A reset, a jump or an operator's entry.
    Estimated,
}

impl Provenance {
    /// Every provenance, in the order of [`Minute::parts`].
    pub const ALL: [Provenance; 3] = [Provenance::Measured, Provenance::Interpolated, Provenance::Estimated];

    /// The word used in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Provenance::Measured => "measured",
            Provenance::Interpolated => "interpolated",
            Provenance::Estimated => "estimated",
        }
    }
}

/// An amount in base units (µWh, mL, mg) and the time it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Part {
    /// Amount in the quantity's base unit.
    pub amount: i64,
    /// Milliseconds covered.
    pub ms: u32,
}

/// One minute of a summed quantity: an amount and a time for each provenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Minute {
    /// By [`Provenance`]: measured, interpolated, estimated.
    pub parts: [Part; 3],
}

impl Minute {
    /// The part of one provenance.
    pub const fn part(&self, provenance: Provenance) -> Part {
        self.parts[provenance as usize]
    }

    /// All that is booked, whatever its provenance.
    pub fn amount(&self) -> i64 {
        self.parts.iter().map(|part| part.amount).sum()
    }

    /// Whether nothing is known of the minute.
    pub fn is_missing(&self) -> bool {
        self.parts.iter().all(|part| part.ms == 0 && part.amount == 0)
    }
}

/// One minute of a gauge.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GaugeMinute {
    /// Time-weighted mean over the covered time.
    pub mean: f64,
    /// Lowest value.
    pub min: f64,
    /// Highest value.
    pub max: f64,
    /// Milliseconds covered.
    pub ms: u32,
}

/// What lies between two consecutive kept readings of a register. Source: domain.md 5.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepClass {
    /// Forward by no more than the installation can carry.
    Normal,
    /// A little back. Books nothing; the higher reference stays.
    Jitter,
    /// Past its declared modulus, and plausible.
    Rollover,
    /// Restarted: booked as estimated, never as measured.
    Reset,
    /// Forward by more than the installation can carry: booked as estimated.
    Jump,
    /// More could have passed than the modulus: missing.
    Undecidable,
    /// A declared exchange of the instrument, joined by signed-off readings.
    Exchange,
}

impl StepClass {
    /// Every class.
    pub const ALL: &'static [StepClass] = &[
        StepClass::Normal,
        StepClass::Jitter,
        StepClass::Rollover,
        StepClass::Reset,
        StepClass::Jump,
        StepClass::Undecidable,
        StepClass::Exchange,
    ];

    /// The word used in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            StepClass::Normal => "normal",
            StepClass::Jitter => "jitter",
            StepClass::Rollover => "rollover",
            StepClass::Reset => "reset",
            StepClass::Jump => "jump",
            StepClass::Undecidable => "undecidable",
            StepClass::Exchange => "exchange",
        }
    }

    /// The class of a word, if it is one.
    pub fn from_word(word: &str) -> Option<StepClass> {
        StepClass::ALL.iter().copied().find(|class| class.word() == word)
    }
}

/// A row of the step table: a step that is longer than the gap limit or not simply forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Step {
    /// Instant of the earlier reading.
    pub from: Timestamp,
    /// Instant of the later reading.
    pub to: Timestamp,
    /// What happened.
    pub class: StepClass,
    /// What was booked for it, in base units; `None` where nothing could be.
    pub amount: Option<i128>,
    /// How the amount is known; `None` where it is missing.
    pub provenance: Option<Provenance>,
}

impl Step {
    /// Whether the step is longer than the gap limit and its total is measured.
    pub fn is_long(&self) -> bool {
        self.provenance == Some(Provenance::Interpolated)
    }
}
