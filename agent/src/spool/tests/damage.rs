//! Damage that comes while a spool is open, and what is made of batches beside it.

use super::*;
use std::path::Path;

/// Spoils the batch's bytes on disk, wherever they are.
fn spoil(disk: &FaultyDisk, spool: &Spool, sequence: u64) {
    let records = spool.log.read(sequence, 1).expect("disk");
    let (_, record) = records.first().filter(|(at, _)| *at == sequence).expect("still there");
    for (path, length) in disk.files() {
        let bytes = wattledger_link::disk::Disk::read(disk, &path, 0, length).expect("disk");
        if let Some(at) = bytes.windows(record.len()).position(|window| window == &record[..]) {
            disk.corrupt(&path, at + record.len() / 2, 0x55);
            return;
        }
    }
    panic!("batch {sequence} is on no disk");
}

fn losses(batches: &[Batch]) -> u64 {
    batches.iter().flat_map(|batch| &batch.losses).map(|loss| loss.readings).sum()
}

/// Readings that are held and not acknowledged, and those that are told of as gone.
fn there_and_told(spool: &mut Spool) -> (u64, u64) {
    let acknowledged = spool.acknowledged.clone();
    let mut batches = held(spool);
    batches.retain(|batch| !acknowledged.contains(batch.sequence));
    (batches.iter().map(|batch| batch.readings.len() as u64).sum(), losses(&batches))
}

#[test]
fn damage_that_is_found_while_making_room_is_told() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    let mut second = 0;
    while spool.thinned() == 0 {
        fill_with_hall(&mut spool, second..second + 10);
        second += 10;
        if spool.next_sequence() == 60 {
            [4, 20, 21, 50].into_iter().for_each(|sequence| spoil(&disk, &spool, sequence));
        }
    }
    fill_with_hall(&mut spool, second..40_000);
    assert!(spool.oldest_sequence() > 60);
    let damaged = spool.newly_lost().into_iter().find(|loss| loss.cause == LossCause::Damaged);
    assert_eq!(damaged.map(|loss| loss.readings), Some(36), "nine of each batch");
    let (there, told) = there_and_told(&mut spool);
    assert_eq!((there + told, told), (spool.taken_in(), spool.thinned() + spool.lost()));
    assert_eq!(there, spool.waiting().expect("disk"));
}

#[test]
fn older_damage_is_told_although_newer_was_told_before() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    for batch in 0..40 {
        append_all(&mut spool, &[contents(batch * 10, 10 + batch as usize)]).expect("disk");
    }
    drop(spool);
    let mut spool = open_on(&disk);
    let mut answered = Vec::new();
    // The last one lies beside one that was told before.
    for sequence in [30, 12, 31, 0, 11] {
        spoil(&disk, &spool, sequence);
        assert_eq!(spool.batch(sequence).expect("disk"), None);
        assert!(spool.has_untold_damage());
        let told = spool.answer_for_damage().expect("disk");
        assert!(!spool.has_untold_damage());
        answered.push(told.iter().map(|loss| loss.readings).sum::<u64>());
        let next = spool.next_sequence();
        let last = decoded(&mut spool, next - 1).expect("held");
        assert_eq!((last.losses, last.lineage.replaces), (told, vec![(sequence, sequence)]));
        // What was told is not told again after a restart, and what is beside it still is.
        drop(spool);
        spool = open_on(&disk);
        assert_eq!(spool.answer_for_damage().expect("disk"), []);
    }
    assert_eq!(answered, [40, 22, 41, 10, 21]);
    assert_eq!(spool.lost(), 134);
    let (there, told) = there_and_told(&mut spool);
    assert_eq!((there + told, told), (spool.taken_in(), 134));
}

#[test]
fn damage_to_what_the_collector_has_is_told_once_it_asks_for_it_again() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    for batch in 0..10 {
        append_all(&mut spool, &[contents(batch * 10, 10)]).expect("disk");
    }
    spool.acknowledge(&RangeSet::below(8));
    drop(spool);
    let mut spool = open_on(&disk);
    spool.acknowledge(&RangeSet::below(8));
    spoil(&disk, &spool, 5);
    assert_eq!(spool.batch(5).expect("disk"), None);
    assert_eq!(spool.answer_for_damage().expect("disk"), []);
    append_all(&mut spool, &[contents(100, 10)]).expect("disk");
    spool.acknowledge(&RangeSet::below(3));
    let told = spool.answer_for_damage().expect("disk");
    assert_eq!(told.iter().map(|loss| loss.readings).collect::<Vec<_>>(), [10]);
    assert_eq!((told[0].from.0, told[0].to.0), (1_700_000_000_050, 1_700_000_000_059));
}

#[test]
fn what_a_damaged_batch_told_of_is_told_again() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    fill_with_hall(&mut spool, 0..30_000);
    let batches = held(&mut spool);
    let made: Vec<&Batch> = batches.iter().filter(|batch| !batch.losses.is_empty()).collect();
    let batch = made[made.len() / 2];
    spoil(&disk, &spool, batch.sequence);
    let lost = batch.readings.len() as u64;
    let thinned: u64 = batch.losses.iter().map(|loss| loss.readings).sum();
    drop(spool);
    let mut spool = open_on(&disk);
    let told = spool.answer_for_damage().expect("disk");
    let said: Vec<(LossCause, u64)> = told.iter().map(|loss| (loss.cause, loss.readings)).collect();
    assert_eq!(said, [(LossCause::Thinned, thinned), (LossCause::Damaged, lost)]);
    let instants = batch.readings.iter().map(|(_, reading)| reading.at);
    let from = batch.losses.iter().map(|loss| loss.from).chain(instants).min();
    assert_eq!(Some(told[0].from), from, "it is old, although its neighbours are not");
    let (there, told) = there_and_told(&mut spool);
    assert_eq!((there + told, told), (spool.taken_in(), spool.thinned() + spool.lost()));
    // The first that is held has no neighbour before it, but what came before is known.
    let oldest = spool.oldest_sequence();
    assert!(oldest > 0);
    spoil(&disk, &spool, oldest);
    drop(spool);
    let mut spool = open_on(&disk);
    spool.answer_for_damage().expect("disk");
    let (there, told) = there_and_told(&mut spool);
    assert_eq!((there + told, told), (spool.taken_in(), spool.thinned() + spool.lost()));
}

/// Means that would stand for time of which the readings are elsewhere.
fn claims(batches: &[Batch], elsewhere: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let readings = batches.iter().flat_map(|batch| &batch.readings);
    let means = readings.filter_map(|(_, r)| Some((r.at.0 - i64::from(r.interval_ms?), r.at.0)));
    means.filter(|(from, to)| elsewhere.iter().any(|(a, b)| from < a && b < to)).collect()
}

#[test]
fn nothing_is_made_of_readings_on_both_sides_of_others() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    fill_with_hall(&mut spool, 0..3_000);
    // Single batches here and there, and longer stretches, which are with the collector; some are damaged.
    let mut acknowledged: Vec<(u64, u64)> = (3..40).map(|at| (at * 7, at * 7)).collect();
    acknowledged.extend([(90, 95), (150, 171)]);
    spool.acknowledge(&RangeSet::from_parts(0, acknowledged.iter().copied()));
    let damaged = [2, 17, 18, 60, 123];
    damaged.into_iter().for_each(|sequence| spoil(&disk, &spool, sequence));
    let instant = |sequence: u64| 1_790_000_100_000 + sequence as i64 * 10_000;
    let away = acknowledged.iter().copied().chain(damaged.map(|sequence| (sequence, sequence)));
    let elsewhere: Vec<(i64, i64)> = away.map(|(a, b)| (instant(a), instant(b))).collect();
    let known = RangeSet::from_parts(0, acknowledged.iter().copied());
    for until in (3_000..40_000).step_by(200) {
        fill_with_hall(&mut spool, until..until + 200);
        assert_eq!(claims(&held(&mut spool), &elsewhere), [], "after {until} s");
    }
    assert!(spool.thinned() > 10_000 && spool.lost() == 45, "{} {}", spool.thinned(), spool.lost());
    let (there, told) = there_and_told(&mut spool);
    let with_collector = known.ranges().map(|(first, last)| last - first + 1).sum::<u64>() * 9;
    assert_eq!(there + told + with_collector, spool.taken_in());
}

/// Seconds of a source that speaks at an uneven pace: two short steps among three usual ones, so the batch between
/// the short ones can be missing and the step over it is still a usual one.
fn uneven(batch: u64) -> i64 {
    const STEPS: [i64; 5] = [4, 4, 8, 8, 8];
    let turns = batch as i64 / 5;
    turns * STEPS.iter().sum::<i64>() + STEPS[..batch as usize % 5].iter().sum::<i64>()
}

#[test]
fn no_mean_spans_a_batch_of_the_collectors_however_even_the_rest_looks() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    let fill = |spool: &mut Spool, batches: std::ops::Range<u64>| {
        batches.for_each(|batch| append_all(spool, &[hall(uneven(batch))]).expect("disk"));
    };
    fill(&mut spool, 0..400);
    let with_collector: Vec<u64> = (1..60).map(|turn| turn * 5 + 1).collect();
    let known = with_collector.iter().map(|sequence| (*sequence, *sequence));
    spool.acknowledge(&RangeSet::from_parts(0, known));
    let instant = |sequence: &u64| 1_790_000_100_000 + uneven(*sequence) * 1_000;
    let elsewhere: Vec<(i64, i64)> = with_collector.iter().map(|s| (instant(s), instant(s))).collect();
    // That it finds what it looks for: a mean over the first of them.
    let mut spanning = hall(0).readings.swap_remove(1).1;
    (spanning.at.0, spanning.interval_ms) = (elsewhere[0].0 + 1_000, Some(2_000));
    let made_up = Batch { readings: vec![(0, spanning)], ..decoded(&mut spool, 0).expect("held") };
    assert_eq!(claims(&[made_up], &elsewhere).len(), 1);
    for until in (400..6_000).step_by(40) {
        fill(&mut spool, until..until + 40);
        assert_eq!(claims(&held(&mut spool), &elsewhere), [], "after {until} batches");
    }
    assert!(spool.thinned() > 10_000, "{}", spool.thinned());
}

/// A batch of so many meters.
fn of_meters(meters: usize, second: i64) -> Contents {
    let mut contents = contents(second * 1_000, meters);
    for (at, (meter, reading)) in contents.readings.iter_mut().enumerate() {
        *meter = format!("hall-{at}").parse().expect("name");
        reading.value = Decimal::new(second * 100 + at as i64, -2);
    }
    contents
}

#[test]
fn what_may_have_been_sent_of_many_meters_is_let_go_at_last() {
    let disk = FaultyDisk::default();
    let config = SpoolConfig { limit_bytes: 4 << 20, ..config(Path::new("/spool")) };
    let (mut spool, _) = Spool::open_on(Arc::new(disk.clone()), config, fresh(1)).expect("a healthy disk");
    spool.may_have_sent(RangeSet::default());
    for second in 0..1_500 {
        // A spool that goes round and round for ever comes to the end of these.
        disk.fail_after(20_000);
        append_all(&mut spool, &[of_meters(500, second)]).expect("there is room in the end");
        if second % 12 == 0 {
            spool.note_sent(spool.next_sequence() - 1);
        }
        assert!(spool.bytes() <= 4 << 20, "{} bytes", spool.bytes());
    }
    let batches = held(&mut spool);
    assert!(batches.iter().all(|batch| batch.lineage.again.len() <= 16));
    let (there, told) = there_and_told(&mut spool);
    assert_eq!(there + told, spool.taken_in());
}

#[test]
fn a_spool_that_nothing_can_be_taken_from_says_so_until_something_is_acknowledged() {
    let disk = FaultyDisk::default();
    let small = SpoolConfig { limit_bytes: 64 << 10, ..config(Path::new("/spool")) };
    let (mut spool, _) = Spool::open_on(Arc::new(disk.clone()), small, fresh(1)).expect("a healthy disk");
    spool.may_have_sent(RangeSet::default());
    let failed = (0..100_000).find_map(|batch| {
        disk.fail_after(100_000);
        let failed = append_all(&mut spool, &[contents(batch, 1)]).err();
        if failed.is_none() {
            spool.note_sent(spool.next_sequence() - 1);
        }
        failed
    });
    let Some(SpoolError::NoRoom { bytes, limit_bytes, .. }) = failed else { panic!("{failed:?}") };
    assert!(bytes <= limit_bytes);
    let (there, told) = there_and_told(&mut spool);
    assert_eq!(there + told, spool.taken_in());
    // To try again costs nothing.
    disk.fail_after(10);
    assert!(matches!(spool.append(&[contents(0, 1)]), Err(SpoolError::NoRoom { .. })));
    disk.fail_after(100_000);
    spool.acknowledge(&RangeSet::below(spool.next_sequence() - 5));
    append_all(&mut spool, &[contents(0, 1)]).expect("room again");
}

#[test]
fn what_a_dropped_batch_was_sent_under_is_stood_for() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    fill_with_hall(&mut spool, 0..100);
    spool.note_sent(4);
    let below = |spool: &Spool| spool.oldest_sequence() > 4;
    let mut second = 100;
    while !below(&spool) {
        fill_with_hall(&mut spool, second..second + 10);
        second += 10;
    }
    let again = held(&mut spool).into_iter().find(|batch| batch.lineage.again == [4]).expect("kept whole");
    // As after a new store: all of it may be on its way.
    (spool.oldest_sequence()..spool.next_sequence()).for_each(|sequence| spool.note_sent(sequence));
    while spool.oldest_sequence() <= again.sequence {
        append_all(&mut spool, &[hall(second)]).expect("disk");
        spool.note_sent(spool.next_sequence() - 1);
        second += 10;
    }
    let batches = held(&mut spool);
    let stood_for = batches.iter().flat_map(|batch| &batch.lineage.replaces);
    assert!(stood_for.into_iter().any(|(first, last)| (*first..=*last).contains(&4)));
}

#[test]
fn what_could_not_be_let_go_is_not_reported_as_lost() {
    let disk = FaultyDisk::default();
    let mut spool = open_on(&disk);
    append_all(&mut spool, &[contents(0, 50), contents(50, 10)]).expect("disk");
    spool.note_sent(0);
    let batch = decoded(&mut spool, 0).expect("held");
    let header = Header { rounds: 3, ..spool.header(0).expect("disk").expect("held") };
    disk.fail_after(0);
    assert!(spool.keep_whole(0, header, batch.clone()).is_err());
    assert_eq!((spool.newly_lost(), spool.lost(), spool.oldest_sequence()), (vec![], 0, 0));
    disk.fail_after(1_000);
    spool.keep_whole(0, header, batch).expect("disk");
    let made = decoded(&mut spool, 2).expect("held");
    assert_eq!((made.lineage.again, made.readings.len()), (vec![0], 0));
    assert_eq!(made.losses, spool.newly_lost(), "of seven meters one entry");
    assert_eq!((made.losses[0].readings, spool.lost(), spool.oldest_sequence()), (50, 50, 1));
}
