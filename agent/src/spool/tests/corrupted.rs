//! Any byte of any file of a spool may turn into another: that costs the batch it is in, and no other.

use super::*;
use std::path::Path;

const BATCHES: usize = 7;

/// A spool of two runs, and what it holds.
fn written() -> (FaultyDisk, Vec<Vec<u8>>) {
    let disk = FaultyDisk::default();
    for run in 0..2 {
        let mut spool = open_on(&disk);
        for batch in run * 4..(run * 4 + 4).min(BATCHES as i64) {
            append_all(&mut spool, &[contents(batch * 10, 2 + (batch % 3) as usize)]).expect("disk");
        }
    }
    let mut spool = open_on(&disk);
    let batches = (0..spool.next_sequence())
        .map(|sequence| spool.batch(sequence).expect("disk").expect("held").to_vec())
        .collect();
    (disk, batches)
}

fn open_corrupted(disk: &FaultyDisk) -> (Spool, wattledger_link::segment::Recovered) {
    let (mut spool, found) =
        Spool::open_on(Arc::new(disk.clone()), config(Path::new("/spool")), fresh(9)).expect("opens");
    spool.may_have_sent(RangeSet::default());
    (spool, found)
}

#[test]
fn every_byte_of_every_file_costs_at_most_the_batch_it_is_in() {
    let (disk, batches) = written();
    assert_eq!(batches.len(), BATCHES);
    let (mut positions, mut costly) = (0, 0);
    for (path, length) in disk.files() {
        for at in 0..length {
            for mask in [0x01, 0x80, 0xff] {
                let disk = disk.copy();
                disk.corrupt(&path, at, mask);
                let place = format!("byte {at} of {}, {mask:#x}", path.display());
                costly += u64::from(check(&disk, &batches, &place));
                positions += 1;
            }
        }
    }
    // Most bytes of so small a spool are headers, of which there are copies.
    assert!(positions > 5_000 && costly > 1_000, "{costly} of {positions}");
}

/// Whether a batch was lost.
fn check(disk: &FaultyDisk, batches: &[Vec<u8>], place: &str) -> bool {
    let (mut spool, found) = open_corrupted(disk);
    assert_eq!(spool.incarnation(), fresh(1), "{place}");
    assert_eq!(spool.next_sequence(), BATCHES as u64, "no sequence is given again: {place}");
    let is_there: Vec<bool> = (0..BATCHES)
        .map(|sequence| {
            let read = spool.batch(sequence as u64).expect("the disk works");
            assert!(read.is_none_or(|bytes| bytes == batches[sequence]), "another batch {sequence}: {place}");
            read.is_some()
        })
        .collect();
    let gone = is_there.iter().filter(|there| !**there).count();
    assert!(gone <= 1, "{gone} batches are gone: {place}");
    assert_eq!(found.damaged_records, gone as u64, "{place}");
    assert_eq!(gone > 0, !spool.log.lost().is_empty(), "{place}");
    assert!(gone == 0 || !found.detail.is_empty(), "it is said: {place}");
    let lost = spool.answer_for_damage().expect("the disk works");
    // Of the last one only its successor would tell what was in it.
    if gone == 1 && is_there.last() == Some(&true) {
        assert_eq!(lost.iter().map(|loss| loss.readings).sum::<u64>(), spool.lost(), "it is told: {place}");
        assert!(spool.lost() > 0);
    }
    // It goes on, and a later start finds the same.
    append_all(&mut spool, &[contents(900, 3)]).expect("the disk works");
    let next = spool.next_sequence();
    drop(spool);
    let (mut spool, _) = open_corrupted(disk);
    assert_eq!(spool.next_sequence(), next, "{place}");
    assert_eq!(spool.answer_for_damage().expect("the disk works"), [], "told once: {place}");
    for (sequence, there) in is_there.iter().enumerate() {
        assert_eq!(spool.batch(sequence as u64).expect("the disk works").is_some(), *there, "{place}");
    }
    gone > 0
}
