mod corrupted;
mod crashes;
mod damage;
pub(crate) mod faulty;

use super::*;
use faulty::FaultyDisk;
use std::sync::Arc;
use wattledger_model::batch::LossCause;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Cause, Quality};
use wattledger_model::time::Timestamp;

const LIMIT: u64 = 1 << 20;

fn config(dir: &std::path::Path) -> SpoolConfig {
    let agent = AgentKey { site: "hall".parse().expect("name"), agent: "a1".parse().expect("name") };
    SpoolConfig { dir: dir.to_owned(), agent, limit_bytes: LIMIT }
}

fn fresh(id: u64) -> Incarnation {
    Incarnation { started: Timestamp(1_700_000_000_000), id }
}

/// A spool in memory, where thousands of syncs take no time.
fn open_on(disk: &FaultyDisk) -> Spool {
    let config = config(std::path::Path::new("/spool"));
    let (mut spool, _) = Spool::open_on(Arc::new(disk.clone()), config, fresh(1)).expect("a healthy disk");
    spool.may_have_sent(RangeSet::default());
    spool
}

/// Readings whose values and instants are `first`, `first + 1`, ...
fn contents(first: i64, readings: usize) -> Contents {
    let reading = |value: i64| Reading {
        at: Timestamp(1_700_000_000_000 + value),
        arrived: Timestamp(1_700_000_000_000 + value),
        value: Decimal::new(value, 0),
        unit: None,
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    };
    let meter = |value: i64| format!("m{}", value % 7).parse::<Name>().expect("name");
    Contents {
        readings: (first..).take(readings).map(|value| (meter(value), reading(value))).collect(),
        refused: Vec::new(),
    }
}

/// Appends everything, however many writes it takes.
fn append_all(spool: &mut Spool, mut contents: &[Contents]) -> Result<(), SpoolError> {
    while !contents.is_empty() {
        let count = spool.append(contents)?;
        contents = &contents[count..];
    }
    Ok(())
}

fn decoded(spool: &mut Spool, sequence: u64) -> Option<Batch> {
    let bytes = spool.batch(sequence).expect("disk")?.to_vec();
    Some(wire::decode_batch(&bytes).expect("our own batch"))
}

fn held(spool: &mut Spool) -> Vec<Batch> {
    (spool.oldest_sequence()..spool.next_sequence()).filter_map(|sequence| decoded(spool, sequence)).collect()
}

#[test]
fn numbers_go_on_over_restarts_and_batches_stay_as_they_were() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut spool, _) = Spool::open(config(dir.path()), fresh(1)).expect("new");
    let refused = Refused {
        at: Timestamp(5),
        cause: Cause::Time,
        origin: "t".to_owned(),
        meter: None,
        detail: "noon".to_owned(),
        sample: b"x".to_vec(),
        count: 3,
    };
    let mixed = Contents { refused: vec![refused.clone()], ..contents(10, 3) };
    append_all(&mut spool, &[contents(0, 10), mixed]).expect("disk");
    let before = held(&mut spool);
    drop(spool);

    let (mut spool, found) = Spool::open(config(dir.path()), fresh(2)).expect("there");
    assert_eq!((found.damaged_records, spool.incarnation()), (0, fresh(1)));
    assert_eq!(held(&mut spool), before);
    append_all(&mut spool, &[contents(13, 2)]).expect("disk");
    let all = held(&mut spool);
    assert_eq!(all.iter().map(|batch| batch.sequence).collect::<Vec<_>>(), [0, 1, 2]);
    let numbers = all.iter().flat_map(|batch| &batch.readings).map(|(_, reading)| reading.intake);
    let expected = (0..15).map(|number| Some(Intake { incarnation: fresh(1), number }));
    assert!(numbers.eq(expected));
    assert_eq!(all[1].refused, [refused]);
    let value = |(meter, reading): &(u32, Reading)| (all[0].meters[*meter as usize].clone(), reading.value);
    assert!(
        all[0]
            .readings
            .iter()
            .map(value)
            .eq(contents(0, 10).readings.iter().map(|(m, r)| (m.clone(), r.value)))
    );
    assert_eq!((spool.taken_in(), spool.unacknowledged()), (15, 3));
}

#[test]
fn a_spool_of_another_agent_is_not_taken_over() {
    let dir = tempfile::tempdir().expect("dir");
    drop(Spool::open(config(dir.path()), fresh(1)).expect("new"));
    let mut other = config(dir.path());
    other.agent.agent = "a2".parse().expect("name");
    let error = Spool::open(other, fresh(1)).expect_err("not ours");
    assert!(error.to_string().contains("made by agent hall/a1, not hall/a2"), "{error}");
}

#[test]
fn acknowledged_batches_stay_until_their_space_is_needed() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    let mut value = 0;
    let mut fill = |spool: &mut Spool, batches: usize| {
        for _ in 0..batches {
            append_all(spool, &[contents(value, 100)]).expect("disk");
            value += 100;
        }
    };
    fill(&mut spool, 50);
    spool.acknowledge(&RangeSet::below(50));
    assert_eq!((spool.oldest_sequence(), spool.unacknowledged()), (0, 0));
    assert!(decoded(&mut spool, 0).is_some(), "a collector restored from a backup can ask for it again");
    // Ten times the limit passes through; nothing is lost while the collector keeps up.
    let batches_held = |spool: &Spool| spool.next_sequence() - spool.oldest_sequence();
    while spool.oldest_sequence() < 10 * batches_held(&spool) {
        fill(&mut spool, 10);
        spool.acknowledge(&RangeSet::below(spool.next_sequence() - 1));
    }
    assert_eq!((spool.lost(), spool.newly_lost(), spool.unacknowledged()), (0, Vec::new(), 1));
    assert!(spool.bytes() <= LIMIT);
}

#[test]
fn a_full_spool_drops_the_oldest_and_what_is_lost_adds_up() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    let mut told = 0;
    for batch in 0..4_000 {
        append_all(&mut spool, &[contents(batch * 100, 100)]).expect("disk");
        told += spool.newly_lost().iter().map(|loss| loss.readings).sum::<u64>();
        assert!(spool.bytes() <= LIMIT, "{} bytes", spool.bytes());
    }
    let check = |spool: &mut Spool| {
        let batches = held(spool);
        let there: u64 = batches.iter().map(|batch| batch.readings.len() as u64).sum();
        let losses: Vec<&Loss> = batches.iter().flat_map(|batch| &batch.losses).collect();
        let lost: u64 = losses.iter().map(|loss| loss.readings).sum();
        assert_eq!(there + lost, 400_000, "readings there and readings told as lost");
        assert_eq!((spool.taken_in(), spool.lost(), spool.thinned()), (400_000, lost, 0));
        assert_eq!(spool.waiting().expect("disk"), there);
        let oldest = batches.iter().flat_map(|batch| &batch.readings).map(|(_, r)| r.at).min().expect("some");
        assert_eq!(losses.iter().map(|loss| loss.from.0).min(), Some(1_700_000_000_000));
        // By their place in the files, which is nearly that of their time: the latest are all there.
        let latest = 1_700_000_000_000 + 400_000 - 20_000;
        assert!(losses.iter().all(|loss| loss.to.0 < latest) && oldest.0 < latest, "old ones are dropped");
        lost
    };
    assert!(check(&mut spool) > 100_000);
    // A loss that was itself dropped is told again with the next, so what is logged counts it again.
    assert!(told >= spool.lost());
    drop(spool);
    let mut spool = open_on(&disk);
    check(&mut spool);
}

#[test]
fn what_the_collector_has_is_no_loss() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    append_all(&mut spool, &[contents(0, 100), contents(100, 100)]).expect("disk");
    // The first is missing, the second is there.
    spool.acknowledge(&RangeSet::from_parts(0, [(1, 1)]));
    for batch in 2..4_000 {
        append_all(&mut spool, &[contents(batch * 100, 100)]).expect("disk");
        if spool.lost() > 0 {
            break;
        }
    }
    let lost = spool.newly_lost().pop().expect("full at last");
    assert_eq!((lost.readings, lost.cause), (spool.lost(), LossCause::Dropped));
    let waiting = spool.waiting().expect("disk");
    assert_eq!(spool.taken_in(), 100 + waiting + spool.lost(), "what the collector has is neither");
    assert!(lost.from.0 >= 1_700_000_000_000);
}

#[test]
fn a_full_disk_keeps_everything_and_goes_on_when_there_is_room() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    append_all(&mut spool, &[contents(0, 100)]).expect("room");
    disk.fill_up_at(Some(disk.bytes() + 100));
    for _ in 0..3 {
        let error = spool.append(&[contents(100, 100)]).expect_err("no room");
        assert!(error.to_string().contains("no space left"), "{error}");
    }
    assert_eq!((spool.next_sequence(), spool.taken_in(), spool.lost()), (1, 100, 0));
    disk.fill_up_at(None);
    append_all(&mut spool, &[contents(100, 100)]).expect("room again");
    let numbers: Vec<u64> = held(&mut spool)
        .iter()
        .flat_map(|b| &b.readings)
        .filter_map(|(_, r)| r.intake.map(|i| i.number))
        .collect();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_takes_the_space_of_what_is_acknowledged() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    for batch in 0..200 {
        append_all(&mut spool, &[contents(batch * 100, 100)]).expect("room");
    }
    spool.acknowledge(&RangeSet::below(200));
    disk.fill_up_at(Some(disk.bytes()));
    // Until the segment in use is full, there is room in nothing but what is given up.
    append_all(&mut spool, &[contents(20_000, 100)]).expect("room of the acknowledged");
    assert!(spool.oldest_sequence() > 0);
    assert_eq!(spool.lost(), 0);
}

#[test]
fn readings_in_a_damaged_file_are_told_as_lost_once() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut spool, _) = Spool::open(config(dir.path()), fresh(1)).expect("new");
    for batch in 0..9 {
        append_all(&mut spool, &[contents(batch * 100, 100)]).expect("disk");
    }
    drop(spool);
    let file = std::fs::read_dir(dir.path()).expect("dir").map(|entry| entry.expect("entry").path());
    let file = file.filter(|path| path.extension().is_some_and(|end| end == "seg")).max().expect("one");
    let mut bytes = std::fs::read(&file).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&file, bytes).expect("disk");

    let (mut spool, found) = Spool::open(config(dir.path()), fresh(1)).expect("there");
    assert_eq!(found.damaged_records, 1);
    let lost = spool.answer_for_damage().expect("disk").pop().expect("a batch is gone");
    assert_eq!((lost.readings, spool.lost(), spool.answer_for_damage().expect("disk")), (100, 100, vec![]));
    let batches = held(&mut spool);
    assert_eq!(batches.len(), 9, "eight are left, and one tells of the ninth");
    assert_eq!(batches[8].losses, [lost]);
    drop(spool);
    let (mut spool, _) = Spool::open(config(dir.path()), fresh(1)).expect("there");
    assert_eq!(spool.answer_for_damage().expect("disk"), []);
}

/// A hall that is read every ten seconds: registers that advance evenly, powers that wander, and one meter of
/// which nobody says the unit.
fn hall(second: i64) -> Contents {
    let at = Timestamp(1_790_000_100_000 + second * 1_000);
    let reading = |value: i64, unit: &str| Reading {
        at,
        arrived: at,
        value: Decimal::new(value, -2),
        unit: unit.parse().ok(),
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    };
    let meters = (0..4).flat_map(|i| {
        let register: Name = format!("register-{i}").parse().expect("name");
        let power: Name = format!("power-{i}").parse().expect("name");
        [
            (register, reading(1_000_000 + second * (30 + i), "kWh")),
            (power, reading(5_000 + (second * (i + 3)) % 700, "kW")),
        ]
    });
    let bare = ("bare".parse().expect("name"), reading(second, ""));
    Contents { readings: meters.chain([bare]).collect(), refused: Vec::new() }
}

fn fill_with_hall(spool: &mut Spool, seconds: std::ops::Range<i64>) {
    for second in seconds.step_by(10) {
        append_all(spool, &[hall(second)]).expect("disk");
    }
}

#[test]
fn a_full_spool_thins_before_it_drops_and_everything_is_told() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    // Far more than fits as it is; what is left of it does.
    fill_with_hall(&mut spool, 0..40_000);
    assert!(spool.bytes() <= LIMIT, "{} bytes", spool.bytes());
    assert!(spool.thinned() > 12_000 && spool.lost() == 0, "{} {}", spool.thinned(), spool.lost());
    let batches = held(&mut spool);
    let there: u64 = batches.iter().map(|batch| batch.readings.len() as u64).sum();
    let losses = || batches.iter().flat_map(|batch| &batch.losses);
    let told: u64 = losses().map(|loss| loss.readings).sum();
    assert_eq!(there + told, 36_000);
    assert_eq!((spool.taken_in(), spool.waiting().expect("disk")), (36_000, there));
    assert!(losses().all(|loss| loss.cause == LossCause::Thinned && loss.meter.is_some()));
    assert!(losses().all(|loss| loss.meter.as_ref().map(Name::as_str) != Some("bare")), "no unit, no rule");
    // Every batch that is not held is stood for.
    let stood_for = batches.iter().flat_map(|batch| &batch.lineage.replaces);
    let all = RangeSet::from_parts(
        0,
        stood_for.copied().chain([(spool.oldest_sequence(), spool.next_sequence() - 1)]),
    );
    assert_eq!(all, RangeSet::below(spool.next_sequence()));
    // What stays has the numbers it was given, and the first and last reading of each meter is there.
    let register: Vec<(i64, u64)> = batches
        .iter()
        .flat_map(|b| b.readings.iter().map(move |(m, r)| (&b.meters[*m as usize], r)))
        .filter(|(meter, _)| meter.as_str() == "register-2")
        .map(|(_, r)| (r.at.0, r.intake.expect("numbered").number))
        .collect();
    let sorted: std::collections::BTreeMap<i64, u64> = register.into_iter().collect();
    assert!(sorted.iter().all(|(at, number)| *number == ((at - 1_790_000_100_000) / 10_000 * 9 + 4) as u64));
    assert_eq!(sorted.first_key_value().map(|(_, number)| *number), Some(4));
}

#[test]
fn when_nothing_more_can_be_thinned_the_oldest_goes() {
    let disk = FaultyDisk::default();
    let small = || SpoolConfig { limit_bytes: 256 << 10, ..config(std::path::Path::new("/spool")) };
    let (mut spool, _) = Spool::open_on(Arc::new(disk.clone()), small(), fresh(1)).expect("healthy");
    spool.may_have_sent(RangeSet::default());
    fill_with_hall(&mut spool, 0..400_000);
    assert!(spool.bytes() <= 256 << 10);
    assert!(spool.lost() > 0 && spool.thinned() > spool.lost(), "{} {}", spool.thinned(), spool.lost());
    let batches = held(&mut spool);
    let there: u64 = batches.iter().map(|batch| batch.readings.len() as u64).sum();
    let told: u64 = batches.iter().flat_map(|batch| &batch.losses).map(|loss| loss.readings).sum();
    assert_eq!((there + told, spool.taken_in()), (360_000, 360_000));
    assert_eq!(there + spool.thinned() + spool.lost(), 360_000);
    // The time that is left reaches far further back than what would fit as it was taken in.
    let instants = || batches.iter().flat_map(|b| &b.readings).map(|(_, r)| r.at.0);
    let span = instants().max().expect("some") - instants().min().expect("some");
    assert!(span > 30_000_000, "{span} ms");
    drop(spool);
    let (spool, _) = Spool::open_on(Arc::new(disk), small(), fresh(1)).expect("healthy");
    assert_eq!(there, spool.waiting().expect("disk"));
}

#[test]
fn of_many_batches_that_may_have_been_sent_none_is_thinned() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    // As after a collector with a new store has answered: all that is held may be on its way to it.
    for second in (0..60_000).step_by(10) {
        append_all(&mut spool, &[hall(second)]).expect("disk");
        spool.note_sent(spool.next_sequence() - 1);
    }
    assert!(spool.bytes() <= LIMIT, "{} bytes", spool.bytes());
    let batches = held(&mut spool);
    assert!(batches.len() > 300, "more than are kept whole: {}", batches.len());
    assert_eq!(spool.thinned(), 0);
    assert!(batches.iter().flat_map(|batch| &batch.readings).all(|(_, r)| r.interval_ms.is_none()));
    let there: u64 = batches.iter().map(|batch| batch.readings.len() as u64).sum();
    assert!(spool.lost() > 0);
    assert_eq!(there + spool.lost(), spool.taken_in());
}

#[test]
fn what_may_have_been_sent_is_kept_whole_and_says_so() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    fill_with_hall(&mut spool, 0..320);
    for sequence in 3..6 {
        spool.note_sent(sequence);
    }
    let sent: Vec<Batch> = (3..6).map(|sequence| decoded(&mut spool, sequence).expect("held")).collect();
    fill_with_hall(&mut spool, 320..30_000);
    assert!(spool.oldest_sequence() > 6 && spool.thinned() > 0);
    let batches = held(&mut spool);
    for was in sent {
        let carried: Vec<&Batch> =
            batches.iter().filter(|b| b.lineage.again.contains(&was.sequence)).collect();
        assert_eq!(carried.len(), 1, "{}", was.sequence);
        assert_eq!(carried[0].readings, was.readings);
        let elsewhere = batches.iter().filter(|b| b.lineage.again.is_empty()).flat_map(|b| &b.readings);
        let number = |r: &Reading| r.intake.map(|i| i.number);
        assert!(elsewhere.into_iter().all(|(_, r)| was.readings.iter().all(|(_, w)| number(w) != number(r))));
    }
    let there: u64 = batches.iter().map(|batch| batch.readings.len() as u64).sum();
    assert_eq!(there + spool.thinned() + spool.lost(), spool.taken_in());
}
