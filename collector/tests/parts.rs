//! A part of a series that is folded again equals the same part of the whole, for changes of many readings at
//! once and series of readings within one minute, of other units, with and without device evidence.

use wattledger_collector::ledger::context::{Ends, Needed, Part, needed};
use wattledger_collector::ledger::fold::{self, Folded, Minutes};
use wattledger_collector::ledger::interpret::{Epoch, Interpretation, Joint};
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::{Form, Kind};
use wattledger_model::minute::Step;
use wattledger_model::reading::{Evidence, Quality, Reading, Serial};
use wattledger_model::time::{Minute, Timestamp};
use wattledger_model::unit::Unit;

const START: i64 = 1_767_225_600_000;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn between(&mut self, from: i64, to: i64) -> i64 {
        from + self.roll((to - from) as u64) as i64
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

fn unit(text: &str) -> Option<Unit> {
    Some(text.parse().expect(text))
}

fn small(dice: &mut Dice, to: i64) -> Decimal {
    Decimal::new(dice.between(0, to), 0)
}

fn meter(dice: &mut Dice, length_ms: i64) -> Interpretation {
    let base = Interpretation::unclaimed(None);
    let kind =
        [Kind::Register, Kind::Register, Kind::Register, Kind::Power, Kind::Gauge][dice.roll(5) as usize];
    let declared = match kind {
        Kind::Register if dice.one_in(3) => None,
        Kind::Register => unit("Wh"),
        Kind::Gauge => unit("Cel"),
        _ => unit("W"),
    };
    let is_register = kind == Kind::Register;
    let rated = (is_register && dice.one_in(2)).then_some(2_000_000_000);
    let modulus =
        |dice: &mut Dice| (is_register && dice.one_in(3)).then(|| Decimal::new(dice.between(60, 300), 0));
    let resolution = |dice: &mut Dice| Decimal::new(if is_register { dice.between(0, 3) } else { 0 }, 0);
    let is_binary32 = is_register && dice.one_in(6);
    let mut meter = Interpretation {
        kind,
        unit: declared,
        modulus: modulus(dice),
        resolution: resolution(dice),
        rated,
        form: [Form::Instant, Form::OnChange, Form::IntervalMean][dice.roll(3) as usize],
        nominal_interval_ms: [10_000, 60_000, 240_000][dice.roll(3) as usize],
        is_binary32,
        is_bidirectional: is_register && dice.one_in(5),
        ..base
    };
    let at = |dice: &mut Dice| Timestamp(START + dice.between(-600_000, length_ms + 600_000));
    if dice.one_in(2) {
        for _ in 0..dice.roll(4) {
            let raw = |dice: &mut Dice| (!dice.one_in(4)).then(|| small(dice, 300));
            let joint = match dice.roll(3) {
                0 => Joint::Exchanged { last: raw(dice), first: raw(dice) },
                _ => Joint::Continues,
            };
            meter.later.push(Epoch {
                from: at(dice),
                joint,
                unit: if dice.one_in(5) && is_register { unit("kWh") } else { declared },
                scale: Decimal::new([1, 2, 5, -1][dice.roll(4) as usize], -i8::from(dice.one_in(3))),
                modulus: modulus(dice),
                resolution: resolution(dice),
                rated: if dice.one_in(3) { None } else { rated },
                is_binary32: is_binary32 && dice.one_in(2),
            });
        }
        meter.later.sort_by_key(|epoch| epoch.from);
    }
    if dice.one_in(2) {
        for _ in 0..dice.roll(6) {
            let from = at(dice);
            let to = Timestamp(from.0 + dice.between(1, 1 + length_ms / 3));
            let amount = i128::from(dice.between(0, 1_000_000_007));
            meter.corrections.push(match dice.roll(if is_register { 5 } else { 3 }) {
                0 => Correction::Exclude { from, to: Timestamp(from.0 + dice.between(1, 90_000)) },
                1 | 2 => Correction::Entry { from, to, amount },
                3 => Correction::Settle { from, to, amount },
                _ => Correction::Exchange { at: from, last: small(dice, 300), first: small(dice, 300) },
            });
        }
    }
    meter
}

fn series(dice: &mut Dice, meter: &Interpretation) -> Vec<Reading> {
    let count = dice.between(5, 90);
    let (mut at, mut value, mut boots, mut device) = (START + dice.between(0, 60_000), 100_i64, 1_u32, 0_u32);
    let tells = dice.roll(3);
    let odd = dice.roll(3) == 0;
    let mixed = dice.one_in(4);
    let pace = [700, 9_000, 60_000, 170_000][dice.roll(4) as usize];
    let mut all = Vec::new();
    let mut rise = 1;
    for _ in 0..count {
        at += if dice.one_in(20) { 1_900_000 } else { dice.between(1, 2 * pace) };
        if dice.one_in(5) {
            at -= at % 60_000 - 60_000;
        }
        if dice.one_in(9) {
            rise = dice.between(-4, 9);
        }
        value = (value + rise).max(0);
        let shown = match dice.roll(if odd { 8 } else { 40 }) {
            0 => 0,
            1 => value + dice.between(-3, 4),
            2 => dice.between(0, 300),
            3 => {
                value = dice.between(0, 200);
                value
            }
            _ => value,
        };
        if dice.one_in(12) {
            boots += 1;
        }
        if dice.one_in(15) {
            device += 1;
        }
        let evidence = match tells {
            0 => None,
            1 if dice.one_in(3) => None,
            _ => Evidence::of(
                Serial::of(&format!("d{device}")).filter(|_| !dice.one_in(3)),
                (!dice.one_in(3)).then_some(boots),
            ),
        };
        let sent = match (mixed, meter.kind) {
            (_, Kind::Gauge | Kind::Power | Kind::Flow) => None,
            (true, _) => [unit("Wh"), unit("kWh"), None][dice.roll(3) as usize],
            (false, _) => unit("Wh"),
        };
        let offset = if meter.is_binary32 && shown != 0 { (1 << 24) - 100 } else { 0 };
        all.push(Reading {
            at: Timestamp(at),
            arrived: Timestamp(at),
            value: Decimal::new(offset + shown, 0),
            unit: sent,
            interval_ms: dice.one_in(30).then_some(95_000),
            quality: Quality::Good,
            intake: None,
            evidence,
        });
    }
    all
}

fn asked(all: &[Reading], changed: (Timestamp, Timestamp), meter: &Interpretation) -> (Part, Vec<Reading>) {
    let mut from = all.partition_point(|r| r.at < changed.0);
    let mut to = all.partition_point(|r| r.at <= changed.1);
    loop {
        let ends = Ends { first: from == 0, last: to == all.len() };
        match needed(&all[from..to], changed, ends, meter) {
            Needed::Enough(part) => return (part, all[from..to].to_vec()),
            Needed::Earlier => from -= 1,
            Needed::Later => to += 1,
        }
    }
}

fn replaced(mut before: Folded, mut part: Folded, of: &Part) -> (Minutes, Vec<Step>) {
    part.clip(of.minutes, of.steps_from, of.steps_to);
    let outside = |minute: &i64| !of.minutes.contains(Minute(*minute));
    match (&mut before.minutes, part.minutes) {
        (Minutes::Sums(old), Minutes::Sums(new)) => {
            old.retain(|(minute, _)| outside(minute));
            old.extend(new);
            old.sort_by_key(|(minute, _)| *minute);
        }
        (Minutes::Levels(old), Minutes::Levels(new)) => {
            old.retain(|(minute, _)| outside(minute));
            old.extend(new);
            old.sort_by_key(|(minute, _)| *minute);
        }
        _ => panic!("one meter has one kind"),
    }
    before.steps.retain(|step| step.from < of.steps_from || of.steps_to <= step.from);
    before.steps.extend(part.steps);
    before.steps.sort_by_key(|step| (step.from, step.to));
    (before.minutes, before.steps)
}

fn cases() -> u64 {
    std::env::var("WATTLEDGER_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

#[test]
fn whatever_readings_come_last_folding_their_part_gives_what_folding_all_gives() {
    for seed in 1..=cases() {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut meter = meter(&mut dice, 60_000);
        let all = series(&mut dice, &meter);
        let length = all[all.len() - 1].at.0 - START;
        let (kind, is_bidirectional, is_binary32) = (meter.kind, meter.is_bidirectional, meter.is_binary32);
        // Once more, now that it is known how long it is.
        for _ in 0..50 {
            meter = self::meter(&mut dice, length);
            if (meter.kind, meter.is_bidirectional, meter.is_binary32)
                == (kind, is_bidirectional, is_binary32)
            {
                break;
            }
        }
        let first = dice.roll(all.len() as u64) as usize;
        let last = (first + dice.roll(6) as usize).min(all.len() - 1);
        let changed = (all[first].at, all[last].at);
        // Some of those in between were there before.
        let kept: Vec<bool> = (0..all.len()).map(|_| dice.one_in(3)).collect();
        let is_late = |i: usize| i == first || i == last || (first < i && i < last && !kept[i]);
        let before: Vec<Reading> =
            all.iter().enumerate().filter(|(i, _)| !is_late(*i)).map(|(_, reading)| *reading).collect();
        let before = fold::fold(&fold::countable(&before, &meter), &meter);
        let countable = fold::countable(&all, &meter);
        let (part, loaded) = asked(&countable, changed, &meter);
        let again = fold::fold(&loaded[part.readings.clone()], &meter);
        let (minutes, steps) = replaced(before, again, &part);
        let whole = fold::fold(&all, &meter);
        assert_eq!(steps, whole.steps, "seed {seed}, {meter:?}");
        assert_eq!(minutes, whole.minutes, "seed {seed}, {meter:?}");
    }
}
