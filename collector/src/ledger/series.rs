//! A register's readings as points, each on the scale of its epoch, and the comparison of two of them.
//!
//! Positions of one epoch compare directly. Where an epoch that goes on begins between two readings, the raw
//! register is taken as linear between them, and each part of the time is read by its own epoch. Where an
//! instrument was exchanged and both registers were signed off, they become points of their own, and nothing
//! reaches across. Source: domain.md 5.2, 5.3.

use super::interpret::{
    Interpretation, Joint, Numbers, Unusable, fitting_unit, round_half_even, scaled_position,
};
use super::rules::{Compared, RegisterRules};
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::Kind;
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::reading::{Evidence, Reading};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;

/// A register reading, or a signed-off register, as a position on the scale of its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// Instant, ms since the epoch.
    pub(super) at: i64,
    /// Position, in 1/9 000 000 of the base unit.
    pub(super) position: i128,
    /// Which reading it is, or which signed-off register.
    pub(super) index: u32,
    /// By which epoch it is read.
    pub(super) era: u16,
    /// What it is.
    pub(super) mark: Mark,
}

/// What a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A reading without device evidence.
    Bare,
    /// A reading with device evidence.
    Evident,
    /// A signed-off register of a declared exchange.
    Signed,
}

/// The time in which numbers mean one thing.
#[derive(Debug)]
pub(super) struct Era {
    /// Its first instant, ms since the epoch.
    pub(super) from: i64,
    /// How it joins the one before.
    pub(super) joint: Joint,
    /// What its raw numbers mean.
    pub(super) numbers: Numbers,
    /// Its rules; `None` where they depend on each reading's own unit.
    rules: Option<RegisterRules>,
}

/// A register's readings with what their numbers mean over time.
pub(super) struct Register<'a> {
    readings: &'a [Reading],
    meter: &'a Interpretation,
    /// Ascending, never empty; the first one since ever.
    pub(super) eras: Vec<Era>,
    /// Signed-off registers that stand between the readings, with the unit that was sent nearby.
    signed: Vec<(Decimal, Option<Unit>)>,
    gap_limit_ms: i64,
}

/// The points of a register, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Points {
    /// All of them.
    pub(super) all: Vec<Point>,
    /// Where a declared exchange cuts them: the positions of the new instruments' first points.
    pub(super) cuts: Vec<usize>,
    /// Readings that could not be interpreted.
    pub(super) unusable: Vec<(Timestamp, Unusable)>,
}

/// The epochs of a meter, with exchanges that operators entered.
fn eras(meter: &Interpretation) -> Vec<Era> {
    let era = |from, joint, numbers| Era { from, joint, numbers, rules: None };
    let mut eras = vec![era(i64::MIN, Joint::Continues, meter.numbers())];
    let mut later: Vec<_> = meter.later.iter().collect();
    later.sort_by_key(|epoch| epoch.from);
    for epoch in later {
        match eras.last_mut() {
            Some(last) if last.from == epoch.from.0 => {
                last.numbers = epoch.numbers();
                if epoch.joint != Joint::Continues {
                    last.joint = epoch.joint;
                }
            }
            _ => eras.push(era(epoch.from.0, epoch.joint, epoch.numbers())),
        }
    }
    for (at, joint) in entered_exchanges(meter) {
        let next = eras.partition_point(|era| era.from <= at);
        if eras[next - 1].from == at {
            eras[next - 1].joint = joint;
        } else {
            eras.insert(next, era(at, joint, eras[next - 1].numbers));
        }
    }
    // More exchanges than anyone makes in a lifetime.
    eras.truncate(usize::from(u16::MAX));
    for era in &mut eras {
        era.rules = match era.numbers.unit {
            Some(unit) => Some(meter.rules_of(&era.numbers, unit)),
            None if era.numbers.depend_on_unit() => None,
            None => Some(meter.rules_without_unit(&era.numbers)),
        };
    }
    eras
}

/// In an order of their own, so that the order in which they were entered does not matter.
fn entered_exchanges(meter: &Interpretation) -> Vec<(i64, Joint)> {
    let key = |value: Decimal| (value.exponent, value.mantissa);
    let mut all: Vec<_> = meter
        .corrections
        .iter()
        .filter_map(|correction| match *correction {
            Correction::Exchange { at, last, first } => Some((at.0, key(last), key(first), last, first)),
            _ => None,
        })
        .collect();
    all.sort_unstable_by_key(|&(at, last, first, ..)| (at, last, first));
    all.into_iter()
        .map(|(at, _, _, last, first)| (at, Joint::Exchanged { last: Some(last), first: Some(first) }))
        .collect()
}

/// A part of the time between two points, within one era: the register's line over that time, by its scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Begin, ms since the epoch.
    pub(super) from: i64,
    /// End.
    pub(super) to: i64,
    /// Position at `from`.
    pub(super) start: i128,
    /// Position at `to`.
    pub(super) end: i128,
    /// Position of the earlier point.
    pub(super) earlier: i128,
}

impl<'a> Register<'a> {
    pub(super) fn new(readings: &'a [Reading], meter: &'a Interpretation) -> Register<'a> {
        Register { readings, meter, eras: eras(meter), signed: Vec::new(), gap_limit_ms: meter.gap_limit() }
    }

    /// How a step of this length is known, where it is metered.
    pub(super) fn provenance(&self, held_ms: i64) -> Provenance {
        if held_ms <= self.gap_limit_ms { Provenance::Measured } else { Provenance::Interpolated }
    }

    /// The era of an instant.
    pub(super) fn era_at(&self, at: i64) -> usize {
        self.eras.partition_point(|era| era.from <= at).saturating_sub(1)
    }

    /// A reading as a point of an era, which is that of its instant.
    pub(super) fn point(&self, index: usize, era: usize) -> Result<Point, Unusable> {
        let reading = &self.readings[index];
        let numbers = &self.eras[era].numbers;
        let unit = fitting_unit(Kind::Register, numbers.unit, reading.unit)?;
        let position = scaled_position(unit, reading.value, numbers.scale).ok_or(Unusable::Absurd)?;
        let mark = if reading.evidence.is_some() { Mark::Evident } else { Mark::Bare };
        Ok(Point { at: reading.at.0, position, index: index as u32, era: era as u16, mark })
    }

    /// The readings that count as points, and the signed-off registers of exchanges between them.
    ///
    /// A reading at the very instant of a declared exchange gives way to the signed-off register.
    pub(super) fn points(&mut self) -> Points {
        let mut points =
            Points { all: Vec::with_capacity(self.readings.len()), cuts: Vec::new(), unusable: Vec::new() };
        let has_corrections = !self.meter.corrections.is_empty();
        let (mut era, mut before) = (0, None::<usize>);
        for (index, reading) in self.readings.iter().enumerate() {
            if has_corrections && !self.meter.counts(reading.at) {
                continue;
            }
            while self.eras.get(era + 1).is_some_and(|next| next.from <= reading.at.0) {
                era += 1;
            }
            match self.point(index, era) {
                Ok(point) => {
                    if let Some(before) = before
                        && self.readings[before].at.0 < self.eras[era].from
                    {
                        self.join(before, index, era, &mut points);
                    }
                    before = Some(index);
                    if points.all.last().is_none_or(|last| last.at < point.at) {
                        points.all.push(point);
                    }
                }
                Err(why) => points.unusable.push((reading.at, why)),
            }
        }
        points
    }

    /// Puts the signed-off registers of the exchanges between two readings in their place.
    fn join(&mut self, before: usize, after: usize, era: usize, points: &mut Points) {
        let first = self.era_at(self.readings[before].at.0) + 1;
        for exchanged in first..=era {
            let Joint::Exchanged { last: Some(last), first: Some(first) } = self.eras[exchanged].joint else {
                continue;
            };
            let (old, new) = (self.readings[before].unit, self.readings[after].unit);
            let end = self.eras[exchanged - 1].numbers.position(last, old);
            let start = self.eras[exchanged].numbers.position(first, new);
            // Where a signed-off register makes no sense the exchange is as one without.
            let (Some(end), Some(start)) = (end, start) else { continue };
            let at = self.eras[exchanged].from;
            for (position, era, raw) in [(end, exchanged - 1, (last, old)), (start, exchanged, (first, new))]
            {
                let index = self.signed.len() as u32;
                self.signed.push(raw);
                points.all.push(Point { at, position, index, era: era as u16, mark: Mark::Signed });
            }
            points.cuts.push(points.all.len() - 1);
        }
    }

    /// The number as the device showed it, and the unit that came with it.
    fn raw(&self, point: &Point) -> (Decimal, Option<Unit>) {
        match point.mark {
            Mark::Signed => self.signed[point.index as usize],
            _ => {
                let reading = &self.readings[point.index as usize];
                (reading.value, reading.unit)
            }
        }
    }

    /// The position of a point as another era would read its number; `None` where that makes no sense.
    fn position_in(&self, era: usize, point: &Point) -> Option<i128> {
        if era == usize::from(point.era) {
            return Some(point.position);
        }
        let (value, sent) = self.raw(point);
        self.eras[era].numbers.position(value, sent)
    }

    /// The same point as a later era reads it.
    pub(super) fn read_again(&self, point: &Point, era: u16) -> Option<Point> {
        self.position_in(usize::from(era), point).map(|position| Point { position, era, ..*point })
    }

    fn rules_in(&self, era: usize, point: &Point) -> RegisterRules {
        let numbers = &self.eras[era].numbers;
        match (self.eras[era].rules, numbers.unit.or(self.raw(point).1)) {
            (Some(rules), _) => rules,
            (None, Some(unit)) => self.meter.rules_of(numbers, unit),
            (None, None) => self.meter.rules_without_unit(numbers),
        }
    }

    /// The rules at a point.
    pub(super) fn rules(&self, point: &Point) -> RegisterRules {
        self.rules_in(usize::from(point.era), point)
    }

    fn evidence(&self, point: &Point) -> Option<Evidence> {
        match point.mark {
            Mark::Evident => self.readings[point.index as usize].evidence,
            _ => None,
        }
    }

    /// The line from `earlier` to `later` over `[from, later]`, cut where eras begin, each part on its own
    /// scale; a rollover goes to `later` and the modulus. `None` where a part makes no sense on its scale.
    pub(super) fn parts(&self, earlier: &Point, later: &Point, from: i64, rolls: bool) -> Option<Vec<Part>> {
        let total = i128::from(later.at - from);
        let rolled = if rolls { self.compare(earlier, later)?.rolled().signum() } else { 0 };
        let mut parts = Vec::new();
        for era in usize::from(earlier.era)..=usize::from(later.era) {
            let end = self.eras.get(era + 1).map_or(later.at, |next| next.from.min(later.at));
            let (from_here, to_here) = (self.eras[era].from.max(from), end);
            let a = self.position_in(era, earlier)?;
            let modulus = || self.rules_in(era, later).modulus.unwrap_or(0);
            let b = self.position_in(era, later)? + if rolled == 0 { 0 } else { rolled * modulus() };
            if RegisterRules::is_beyond_booking(b - a) {
                return None;
            }
            let at = |at: i64| a + round_half_even((b - a) * i128::from(at - from), total);
            if from_here < to_here {
                let (start, end) = (at(from_here), at(to_here));
                parts.push(Part { from: from_here, to: to_here, start, end, earlier: a });
            }
        }
        Some(parts)
    }

    /// Compares two points, across eras that go on too; `None` where one makes no sense in an era between.
    pub(super) fn compare(&self, earlier: &Point, later: &Point) -> Option<Compared> {
        let elapsed = later.at - earlier.at;
        if earlier.era == later.era {
            let rules = self.rules(later);
            return Some(rules.compare(elapsed, earlier.position, later.position));
        }
        let mut compared = Compared {
            delta: 0,
            most: Some(0),
            resolution: 0,
            modulus: Some(0),
            is_zero: later.position == 0,
            is_bidirectional: self.meter.is_bidirectional,
        };
        let parts = self.parts(earlier, later, earlier.at, false)?;
        for part in &parts {
            let era = self.era_at(part.from);
            let rules = self.rules_in(era, later);
            let held = part.to - part.from;
            let share = |modulus: i128| {
                Some(round_half_even(modulus.checked_mul(i128::from(held))?, i128::from(elapsed)))
            };
            let highest = self.position_in(era, earlier)?.abs().max(self.position_in(era, later)?.abs());
            compared.delta += part.end - part.start;
            compared.most = compared.most.zip(rules.carried(held)).map(|(sum, here)| sum + here);
            compared.resolution = compared.resolution.max(rules.resolution_at(highest));
            let modulus = rules.modulus.and_then(share);
            compared.modulus = compared.modulus.zip(modulus).map(|(sum, here)| sum + here);
        }
        let lowest = parts.iter().map(|part| part.end - part.start).min().unwrap_or(0);
        if lowest < 0 && compared.delta >= 0 && !compared.is_bidirectional {
            // Scales of unlike sign: it went back by one of them.
            compared.delta = lowest;
        }
        compared.most = compared.most.map(|carried| carried + 2 * compared.resolution);
        Some(compared)
    }

    /// The class of the step from one point to a later one, taken alone.
    #[inline]
    pub(super) fn classify(&self, earlier: &Point, later: &Point) -> StepClass {
        let is_told = earlier.mark == Mark::Evident && later.mark == Mark::Evident;
        match &self.eras[usize::from(later.era)].rules {
            Some(rules) if earlier.era == later.era && !is_told => {
                rules.compare(later.at - earlier.at, earlier.position, later.position).class()
            }
            _ => self.classify_apart(earlier, later),
        }
    }

    #[cold]
    fn classify_apart(&self, earlier: &Point, later: &Point) -> StepClass {
        if self.is_exchanged_between(earlier, later) {
            return StepClass::Exchange;
        }
        match self.compare(earlier, later) {
            Some(compared) => self.told(earlier, later, &compared).unwrap_or_else(|| compared.class()),
            None => StepClass::Reset,
        }
    }

    /// The class of the step from `from` to `to`, where an earlier reading may be held as the reference:
    /// evidence is compared between neighbours, too.
    #[inline]
    pub(super) fn classify_step(&self, reference: &Point, from: &Point, to: &Point) -> StepClass {
        if reference.at != from.at
            && from.mark == Mark::Evident
            && to.mark == Mark::Evident
            && let Some(told) =
                self.compare(reference, to).and_then(|compared| self.told(from, to, &compared))
        {
            return told;
        }
        self.classify(reference, to)
    }

    /// Whether the configuration says that the instrument was exchanged between the two.
    pub(super) fn is_exchanged_between(&self, earlier: &Point, later: &Point) -> bool {
        let between = usize::from(earlier.era) + 1..usize::from(later.era) + 1;
        self.eras[between].iter().any(|era| era.joint != Joint::Continues)
    }

    /// What the devices' evidence says of a step, where it says anything. A register that counts both ways
    /// may fall, so that a fall after a restart proves nothing of it.
    fn told(&self, earlier: &Point, later: &Point, compared: &Compared) -> Option<StepClass> {
        let (earlier, later) = self.evidence(earlier).zip(self.evidence(later))?;
        if earlier.is_other_device(&later) {
            return Some(StepClass::Exchange);
        }
        let fell = compared.delta < 0 && !compared.is_bidirectional;
        (fell && earlier.is_restarted(&later)).then_some(StepClass::Reset)
    }

    /// Whether the devices' evidence is the same at all of these points, as far as they say anything.
    pub(super) fn is_one_device(&self, points: impl IntoIterator<Item = Point>) -> bool {
        let mut known = Evidence { serial: None, boots: None };
        for evidence in points.into_iter().filter_map(|point| self.evidence(&point)) {
            if known.is_other_device(&evidence) || known.is_restarted(&evidence) {
                return false;
            }
            known =
                Evidence { serial: known.serial.or(evidence.serial), boots: known.boots.or(evidence.boots) };
        }
        true
    }
}
