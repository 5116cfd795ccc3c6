//! Any byte of any file of an agent's directory may turn into another, before it starts or while it runs: that
//! costs the batch it is in, which is told of, and no other.

use super::*;
use std::collections::BTreeMap;

/// Batches that the collector had acknowledged before.
const ACKNOWLEDGED: u64 = 2;

/// What two runs have left, and the batches.
fn written() -> (FaultyDisk, Vec<Vec<u8>>) {
    let (disk, mut around) = (FaultyDisk::default(), Surroundings::default());
    let mut post = open(&disk);
    fill(&mut post, 4, &mut around);
    post.step(5 * SECOND, Event::Connected, &mut around);
    acknowledge(&mut post, 5 * SECOND, 0, &mut around);
    acknowledge(&mut post, 5 * SECOND, ACKNOWLEDGED, &mut around);
    post.save_standing(5 * SECOND);
    drop(post);
    let mut post = open(&disk);
    fill(&mut post, 3, &mut around);
    let next = post.spool().next_sequence();
    let batches = (0..next).map(|sequence| post.batch(sequence).expect("disk").expect("held").to_vec());
    (disk, batches.collect())
}

/// Connects, lets all be sent that is not acknowledged, and checks that nothing is missing but what is told.
/// Gives how many batches are gone.
fn check(post: &mut Post, batches: &[Vec<u8>], place: &str) -> usize {
    let mut around = Surroundings { clock: 100_000, ..Surroundings::default() };
    assert!((0..4).all(|sequence| post.spool().sent().contains(sequence)), "these were sent: {place}");
    post.step(SECOND, Event::Connected, &mut around);
    acknowledge(post, SECOND, ACKNOWLEDGED, &mut around);
    post.attend(2 * SECOND, &mut around);
    post.step(63 * SECOND, Event::Look, &mut around);
    let messages = around.out.iter().filter(|message| message.topic.ends_with("/readings"));
    let published: BTreeMap<u64, &Vec<u8>> = messages
        .map(|message| (wire::decode_batch(&message.payload).expect("our own").sequence, &message.payload))
        .collect();
    let (mut readings, mut gone) = (0, 0);
    for (sequence, bytes) in (0..).zip(batches) {
        match published.get(&sequence) {
            Some(there) => assert_eq!(*there, bytes, "batch {sequence}: {place}"),
            None if sequence < ACKNOWLEDGED => {}
            None => {
                gone += 1;
                continue;
            }
        }
        readings += wire::decode_batch(bytes).expect("our own").readings.len() as u64;
    }
    assert!(gone <= 1, "{gone} batches are gone: {place}");
    let told = published.values().flat_map(|bytes| wire::decode_batch(bytes).expect("our own").losses);
    let told: u64 = told.map(|loss| loss.readings).sum();
    let status = around.status();
    assert_eq!((readings + told, told), (status.taken_in, status.lost), "{place}");
    gone
}

#[test]
fn every_byte_of_every_file_costs_at_most_its_batch_whether_the_agent_runs_or_not() {
    let (disk, batches) = written();
    assert_eq!(check(&mut open(&disk.copy()), &batches, "unharmed"), 0);
    let files = disk.files();
    let named = |name: &str| files.iter().filter(|(path, _)| path.ends_with(name)).count();
    let segments = files.iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "seg")).count();
    assert_eq!([named("state"), named("sent"), named("standing"), segments], [1, 1, 1, 2]);
    let mut gone = [0, 0];
    for (path, length) in &files {
        for at in 0..*length {
            for (is_running, mask) in [(false, 0x01), (false, 0xff), (true, 0x10)] {
                let disk = disk.copy();
                let place = format!("byte {at} of {}, {mask:#x}, running {is_running}", path.display());
                let mut post = if is_running {
                    let post = open(&disk);
                    disk.corrupt(path, at, mask);
                    post
                } else {
                    disk.corrupt(path, at, mask);
                    open(&disk)
                };
                assert_eq!(
                    post.spool().incarnation(),
                    Incarnation { started: Timestamp(5), id: 6 },
                    "{place}"
                );
                gone[usize::from(is_running)] += check(&mut post, &batches, &place);
                // A later start finds nothing more.
                let next = post.spool().next_sequence();
                drop(post);
                let post = open(&disk);
                assert_eq!((post.spool().next_sequence(), post.is_stuck()), (next, false), "{place}");
            }
        }
    }
    assert!(gone[0] > 500 && gone[1] > 250, "{gone:?}");
}
