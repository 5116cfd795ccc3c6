//! Meters: what each is, how it is declared, and what it shows of its true load, with the faults of its kind.

mod chosen;
mod declared;

use crate::dice::Dice;
use crate::load::Load;
pub use chosen::Measure;
use chosen::register;
use wattledger_model::meter::MeterKey;

/// What is fixed of a register.
#[derive(Debug, Clone)]
pub struct Register {
    pub measure: Measure,
    /// A count is `10^exponent` of the unit, times the scale.
    pub exponent: i32,
    pub scale: i64,
    /// Grains in a count.
    pub count: i128,
    /// Counts after which it starts again at zero.
    pub modulus: Option<i128>,
    /// The most that may flow, as declared: whole watts or litres an hour.
    pub rated: Option<i64>,
    /// Whether its resolution is declared.
    pub resolution: bool,
    /// It wavers by up to so many counts.
    pub jitters: i64,
    /// It may restart or be exchanged.
    pub restarts: bool,
    /// The wildest number that a failed read shows, in counts more than the true one.
    pub spike: i128,
}

/// How power is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    Instant,
    OnChange,
    Mean,
}

#[derive(Debug, Clone)]
pub enum Kind {
    Register(Register),
    Power(Sampling),
    Gauge,
}

/// A meter and the device at it.
#[derive(Debug)]
pub struct Meter {
    pub name: String,
    pub agent: usize,
    pub kind: Kind,
    /// Whether the collector's configuration declares it.
    pub claimed: bool,
    /// Between two reads, ms.
    pub interval: i64,
    /// Declared limit of a gap, ms.
    pub gap_limit: Option<i64>,
    /// Whether the device stamps its readings with its own clock.
    pub stamps: bool,
    /// Whether a broker keeps its readings until the agent has them; only with stamps.
    pub pushes: bool,
    pub load: Load,
    clock: Clock,
    /// Grains before the register was last at zero, and counts that it then showed.
    origin: i128,
    base: i128,
    /// Counts of the instruments before, as signed off, more than this one began with.
    carried: i128,
    instrument: u32,
    /// How often the register was restarted or exchanged.
    epoch: u32,
    failing: Option<(u32, Fault)>,
    hastens: bool,
    /// Reads left before it may restart or fail again: two faults at once leave nothing to decide by.
    calm: u32,
    dice: Dice,
}

#[derive(Debug, Default)]
struct Clock {
    offset: i64,
    drift_ppm: i64,
    whole_seconds: bool,
    jumped: bool,
    set_back: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Zero,
    Spike,
}

/// What is true of one thing that a meter said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    /// When it was read, ms since the world began.
    pub at: i64,
    /// Which run of the register, counted up by restarts and exchanges.
    pub epoch: u32,
    /// Which instrument; where an exchange was declared, its counts go on from those of the one before.
    pub instrument: u32,
    /// Counts in that run, past every rollover; milliwatts of a power meter.
    pub counts: i128,
    /// Counts as shown.
    pub shown: i128,
    /// A failed read: the number says nothing.
    pub is_bogus: bool,
}

/// A declared exchange of an instrument.
#[derive(Debug, Clone, Copy)]
pub struct Exchange {
    /// As stamped, ms since the epoch.
    pub at: i64,
    /// Counts up to then, as in [`Truth`].
    pub counts: i128,
    /// The old register, and the new one, as shown.
    pub last: i128,
    pub first: i128,
}

impl Meter {
    /// A meter for a world that lasts `length` ms, read every `interval` ms.
    pub fn new(mut dice: Dice, name: String, agent: usize, interval: i64, length: i64) -> Meter {
        let is_water = dice.one_in(7);
        // Up to 24 m³/h, or 500 kW.
        let most: i64 =
            if is_water { 6_666_666 } else { *dice.pick(&[60_000, 2_000_000, 63_000_000, 500_000_000]) };
        let load = Load::new(&mut dice.of(1), most, length);
        let kind = match dice.below(10) {
            0 | 1 if !is_water => {
                // What is only known for an instant says nothing of hours.
                let all = [Sampling::Mean, Sampling::OnChange, Sampling::Instant];
                Kind::Power(*dice.pick(if interval > 3_600_000 { &all[..2] } else { &all }))
            }
            2 if !is_water => Kind::Gauge,
            _ => Kind::Register(register(&mut dice, is_water, most, interval, length)),
        };
        let stamps = dice.one_in(2);
        let clock = Clock {
            offset: if dice.one_in(3) { dice.between(-20_000, 20_000) } else { 0 },
            drift_ppm: if dice.one_in(3) { dice.between(-100, 100) } else { 0 },
            whole_seconds: dice.one_in(3),
            ..Clock::default()
        };
        let mut base = i128::from(dice.between(0, 1_000_000));
        if let Kind::Register(register) = &kind
            && let Some(modulus) = register.modulus
        {
            // Soon before it starts again, or so far away that a restart cannot be taken for that.
            let near = modulus - 1 - base % (modulus / 8).max(1);
            base = if register.restarts { modulus / 2 + base % (modulus / 16).max(1) } else { near };
        } else if let Kind::Register(register) = &kind
            && register.restarts
        {
            base += 3 * (i128::from(most) * i128::from(length) / register.count) + 1_000;
        }
        Meter {
            name,
            agent,
            claimed: !dice.one_in(9) || !matches!(&kind, Kind::Register(r) if r.scale == 1),
            kind,
            interval,
            gap_limit: dice.one_in(5).then(|| (interval * dice.between(2, 30)).min(3 * 3_600_000)),
            stamps,
            pushes: stamps && dice.one_in(2),
            load,
            clock,
            origin: 0,
            base,
            carried: 0,
            instrument: 0,
            epoch: 0,
            failing: None,
            hastens: dice.one_in(3),
            calm: 12,
            dice,
        }
        .plain_if_unclaimed()
    }

    /// What nobody declares, nobody can lean on.
    fn plain_if_unclaimed(mut self) -> Meter {
        if !self.claimed {
            self.gap_limit = None;
            if let Kind::Register(register) = &mut self.kind {
                (register.modulus, register.rated) = (None, None);
                (register.resolution, register.jitters) = (false, 0);
            }
        }
        self
    }

    pub fn key(&self) -> MeterKey {
        MeterKey { site: "hall".parse().expect("name"), meter: self.name.parse().expect("name") }
    }

    /// The register, where it is one.
    pub fn register(&self) -> Option<&Register> {
        if let Kind::Register(register) = &self.kind { Some(register) } else { None }
    }

    /// The limit of a long step of a register, or of a gap, ms. Source: domain.md 5.4, 5.5.
    pub fn gap(&self) -> i64 {
        let interval = if self.claimed { self.interval } else { 60_000 };
        match &self.kind {
            Kind::Register(_) => self.gap_limit.unwrap_or((3 * interval).max(900_000)).max(120_000),
            Kind::Power(Sampling::Instant) => self.gap_limit.unwrap_or(3 * interval).min(3 * 3_600_000),
            _ => self.gap_limit.unwrap_or(3 * interval),
        }
    }

    /// Its clock was set at some time: how long its steps seem is not how long they were.
    pub fn clock_jumped(&self) -> bool {
        self.clock.jumped
    }

    /// Its clock was set back: its readings are not in the order in which they were taken.
    pub fn clock_was_set_back(&self) -> bool {
        self.clock.set_back
    }

    /// Sets the device's clock.
    pub fn set_clock(&mut self, by: i64) {
        if self.stamps {
            self.clock.offset += by;
            self.clock.jumped = true;
            self.clock.set_back |= by < 0;
        }
    }

    /// The device's clock at a time of the world, ms since the world began.
    fn stamp(&self, at: i64) -> i64 {
        let exact = at + self.clock.offset + at * self.clock.drift_ppm / 1_000_000;
        if self.clock.whole_seconds { exact.div_euclid(1_000) * 1_000 } else { exact }
    }

    fn counts(&self, register: &Register, at: i64) -> i128 {
        self.base + (self.load.until(at) - self.origin).div_euclid(register.count)
    }

    /// The register restarts at zero, or another instrument with any number takes its place. Gives whether
    /// it did.
    pub fn restart(&mut self, at: i64) -> bool {
        let Kind::Register(register) = &self.kind else { return false };
        if !register.restarts || self.calm > 0 || self.epoch >= 2 {
            return false;
        }
        // From so high up that no later reading can hide the fall.
        let most = i128::from(self.load.most()) * i128::from(self.load.length()) / register.count;
        if self.counts(register, at) < 2 * most {
            return false;
        }
        let exchanged = register.modulus.is_none() && self.dice.one_in(3);
        self.base = if exchanged { i128::from(self.dice.between(1, 1_000)) } else { 0 };
        self.origin = self.load.until(at);
        self.epoch += 1;
        self.calm = 12;
        true
    }

    /// Another instrument takes its place, with both registers signed off. `clock` is what stamps its readings
    /// where it does not do so itself.
    pub fn exchange(&mut self, at: i64, clock: i64) -> Option<Exchange> {
        let Kind::Register(register) = &self.kind else { return None };
        if !self.claimed || self.calm > 0 || register.modulus.is_some() {
            return None;
        }
        let (last, first) = (self.counts(register, at), i128::from(self.dice.between(0, 2_000_000)));
        self.carried += last - first;
        self.base = first;
        self.origin = self.load.until(at);
        self.instrument += 1;
        self.calm = 12;
        // Read between two seconds, so that no reading stands in its place.
        let at = crate::START
            + if self.stamps { self.stamp(at) + i64::from(self.clock.whole_seconds) } else { clock };
        Some(Exchange { at, counts: self.carried + first, last, first })
    }

    /// The next reads fail. Gives whether they will.
    pub fn fail(&mut self) -> bool {
        let Kind::Register(register) = &self.kind else { return false };
        if self.calm > 0 {
            return false;
        }
        let rated = register.rated.is_some();
        let fault = if rated && self.dice.one_in(2) { Fault::Spike } else { Fault::Zero };
        // Without a rating, more than three zeros in a row cannot be told from a register that is set.
        let longest = if rated && fault == Fault::Zero && self.dice.one_in(4) { 6 } else { 3 };
        self.failing = Some((1 + self.dice.below(longest) as u32, fault));
        self.calm = 20;
        true
    }

    /// No more faults: the world quiets down.
    pub fn mend(&mut self) {
        self.failing = None;
    }

    /// Reads the meter: what it says as a payload, and what is true of that.
    pub fn read(&mut self, at: i64) -> (String, Truth) {
        self.calm = self.calm.saturating_sub(1);
        let (epoch, instrument) = (self.epoch, self.instrument);
        let mut truth = Truth { at, epoch, instrument, counts: 0, shown: 0, is_bogus: false };
        let (value, unit) = match self.kind.clone() {
            Kind::Register(register) => {
                self.read_register(&register, &mut truth);
                let value = decimal(truth.shown, register.exponent);
                (value, register.measure.unit)
            }
            Kind::Power(sampling) => {
                let from = (at - self.interval).max(0);
                let mean = (self.load.until(at) - self.load.until(from)) / i128::from((at - from).max(1));
                let now = i128::from(self.load.rate(at));
                truth.counts = if sampling == Sampling::Mean { mean } else { now };
                truth.shown = truth.counts;
                (decimal(truth.shown, -6), "kW")
            }
            Kind::Gauge => {
                truth.counts = i128::from(self.load.rate(at)) % 1_000 - 300;
                truth.shown = truth.counts;
                (decimal(truth.shown, -1), "Cel")
            }
        };
        let time = if self.stamps {
            let stamp = crate::START + self.stamp(at);
            format!(r#","t":{stamp}"#)
        } else {
            String::new()
        };
        (format!(r#"{{"v":"{value}","u":"{unit}"{time}}}"#), truth)
    }

    /// What a device sends before it has finished reading: stamped alike, with another number. What comes after
    /// it counts. Some devices do so now and then.
    pub fn read_hastily(&mut self, at: i64) -> Option<(String, Truth)> {
        let is_hasty = self.stamps && self.register().is_some() && self.hastens && self.dice.one_in(15);
        if !is_hasty || self.failing.is_some() {
            return None;
        }
        self.failing = Some((1, Fault::Zero));
        Some(self.read(at))
    }

    fn read_register(&mut self, register: &Register, truth: &mut Truth) {
        let mut counts = self.counts(register, truth.at);
        if register.jitters > 0 && self.dice.one_in(6) {
            counts = (counts - i128::from(self.dice.between(1, register.jitters + 1))).max(0);
        }
        let shown = |counts: i128| register.modulus.map_or(counts, |modulus| counts % modulus);
        truth.counts = self.carried + counts;
        truth.shown = shown(counts);
        if let Some((left, fault)) = self.failing {
            self.failing = (left > 1).then_some((left - 1, fault));
            truth.is_bogus = true;
            truth.shown = match fault {
                Fault::Zero => 0,
                Fault::Spike => shown(counts + register.spike),
            };
        }
    }
}

/// `mantissa × 10^exponent` as a device writes it.
pub fn decimal(mantissa: i128, exponent: i32) -> String {
    if exponent >= 0 {
        return format!("{}", mantissa * 10_i128.pow(exponent as u32));
    }
    let (digits, negative) = (mantissa.unsigned_abs().to_string(), mantissa < 0);
    let places = exponent.unsigned_abs() as usize;
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    format!("{}{whole}.{fraction}", if negative { "-" } else { "" })
}
