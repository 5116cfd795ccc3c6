mod disk;

use super::*;
use disk::{Dice, TestDisk};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const META: &[u8] = b"who I am";

fn dir() -> &'static Path {
    Path::new("/spool")
}

fn options(segment_bytes: u64) -> SegmentOptions {
    SegmentOptions { segment_bytes }
}

fn open(disk: &TestDisk) -> (SegmentLog, Recovered) {
    SegmentLog::open_on(Arc::new(disk.clone()), dir(), options(1_000), META).expect("opens")
}

fn append(log: &mut SegmentLog, payload: &[u8]) -> u64 {
    log.append(&[payload]).expect("appended")
}

fn all(log: &SegmentLog) -> Vec<(u64, Vec<u8>)> {
    log.read(0, usize::MAX).expect("readable")
}

fn indices(log: &SegmentLog) -> Vec<u64> {
    all(log).into_iter().map(|(index, _)| index).collect()
}

/// What the test records say: their index, and some bytes whose number depends on it.
fn payload(index: u64) -> Vec<u8> {
    let mut bytes = format!("record {index} ").into_bytes();
    bytes.resize(bytes.len() + (index as usize * 37) % 120, b'.');
    bytes.push(b'|');
    bytes
}

/// A log of three runs, in several segments, and its records.
fn sample() -> (TestDisk, Vec<(u64, Vec<u8>)>) {
    let disk = TestDisk::default();
    for run in 0..3 {
        let (mut log, _) = open(&disk);
        for index in run * 8..(run + 1) * 8 {
            assert_eq!(append(&mut log, &payload(index)), index);
        }
    }
    let (log, recovered) = open(&disk);
    assert_eq!(recovered, Recovered::default());
    let records = all(&log);
    assert_eq!(records, (0..24).map(|index| (index, payload(index))).collect::<Vec<_>>());
    (disk, records)
}

#[test]
fn what_was_appended_is_there_after_a_restart() {
    let (disk, records) = sample();
    let (mut log, _) = SegmentLog::open_on(Arc::new(disk), dir(), options(1_000), b"another").expect("opens");
    assert_eq!(log.meta(), META, "the identity is the one of its making");
    assert_eq!((log.first_index(), log.next_index()), (0, 24));
    let (a, b): (&[u8], &[u8]) = (b"a", b"b");
    assert_eq!(log.append(&[a, b]).expect("appended"), 24);
    assert_eq!(log.append(&[]).expect("nothing to do"), 26);
    assert_eq!(all(&log).len(), records.len() + 2);
}

#[test]
fn reads_from_anywhere_and_stops_at_the_limit() {
    let disk = TestDisk::default();
    let (mut log, _) = SegmentLog::open_on(Arc::new(disk), dir(), options(1 << 20), META).expect("opens");
    let text = [7; 1_000];
    for _ in 0..300 {
        append(&mut log, &text);
    }
    for from in [0, 1, 65, 66, 131, 299] {
        let read = log.read(from, 2_500).expect("readable");
        let expected: Vec<u64> = (from..(from + 3).min(300)).collect();
        assert_eq!(read.iter().map(|(index, _)| *index).collect::<Vec<_>>(), expected);
    }
    assert_eq!(log.read(5, 0).expect("readable").len(), 1, "never nothing while there is something");
    assert!(log.read(300, 1_000).expect("readable").is_empty());
    assert!(log.read(u64::MAX, 1_000).expect("readable").is_empty());
}

#[test]
fn removal_frees_whole_segments_and_numbering_goes_on() {
    let (disk, _) = sample();
    let (mut log, _) = open(&disk);
    let before = log.bytes();
    log.remove_before(10).expect("removed");
    assert!(log.bytes() < before && log.first_index() > 0 && log.first_index() <= 10);
    assert!(indices(&log).contains(&10));

    log.remove_before(24).expect("removed");
    assert_eq!((log.first_index(), log.next_index(), all(&log).len()), (24, 24, 0));
    assert_eq!(log.bytes(), HEADER_BYTES as u64, "one empty segment keeps the number");
    log.remove_before(u64::MAX).expect("nothing left to remove");
    drop(log);
    for lost_file in [None, Some("state"), Some(".seg")] {
        let disk = disk.copy();
        for path in disk.paths() {
            if lost_file.is_some_and(|end| path.to_str().expect("utf-8").ends_with(end)) {
                disk.remove(&path).expect("removed");
            }
        }
        let (mut log, recovered) = open(&disk);
        assert_eq!(append(&mut log, b"on"), 24, "without {lost_file:?}");
        assert_eq!(recovered.damaged_records, 0);
        assert_eq!(log.meta(), META);
    }
}

#[test]
fn cut_at_every_byte_it_loses_only_what_the_cut_took() {
    let (whole, records) = sample();
    for path in whole.paths() {
        let length = whole.length(&path).expect("length");
        for cut in 0..length {
            let disk = whole.copy();
            let kept = disk.with_bytes(&path, |bytes| {
                bytes.truncate(cut as usize);
                bytes.clone()
            });
            let (mut log, recovered) = open(&disk);
            let read = all(&log);
            // The cut file's own records that are still whole, and those of all other files.
            let lost: Vec<_> = records.iter().filter(|record| !read.contains(record)).collect();
            for (_, payload) in &lost {
                let whole = kept.windows(payload.len()).any(|window| window == payload);
                assert!(!whole, "{} cut to {cut} lost a whole record", path.display());
            }
            assert_eq!(recovered.damaged_records, lost.len() as u64, "{} at {cut}", path.display());
            assert_eq!(log.meta(), META);
            assert_eq!(append(&mut log, b"on"), 24, "an index was given twice");
            assert_eq!(all(&log).len(), read.len() + 1);
        }
    }
}

#[test]
fn any_byte_changed_costs_at_most_its_record() {
    let (whole, records) = sample();
    for path in whole.paths() {
        for at in 0..whole.length(&path).expect("length") as usize {
            for change in [0x01, 0x80, 0xff] {
                let disk = whole.copy();
                disk.with_bytes(&path, |bytes| bytes[at] ^= change);
                let (mut log, recovered) = open(&disk);
                let read = all(&log);
                let lost: Vec<u64> =
                    records.iter().filter(|record| !read.contains(record)).map(|(index, _)| *index).collect();
                let place = format!("{} byte {at} xor {change:x}", path.display());
                assert!(lost.len() <= 1, "{place} lost {lost:?}");
                assert_eq!(read.len() + lost.len(), records.len(), "{place}");
                assert_eq!(recovered.damaged_records, lost.len() as u64, "{place}");
                assert_eq!(
                    log.lost(),
                    lost.iter().map(|&index| (index, index)).collect::<Vec<_>>(),
                    "{place}"
                );
                assert_eq!(log.meta(), META, "{place}");
                assert_eq!(append(&mut log, b"on"), 24, "{place}: an index was given twice");
                assert_eq!(all(&log).len(), read.len() + 1, "{place}");
            }
        }
    }
}

#[test]
fn damage_that_comes_while_the_log_is_open_is_found_by_reading() {
    let (disk, records) = sample();
    let (log, _) = open(&disk);
    let path = disk.paths().into_iter().find(|path| path.to_str().expect("utf-8").ends_with(".seg"));
    disk.with_bytes(&path.expect("a segment"), |bytes| {
        bytes[HEADER_BYTES + HEAD_BYTES + 3] ^= 1;
        // The head of the second record.
        bytes[HEADER_BYTES + HEAD_BYTES + payload(0).len() + 9] ^= 1;
    });
    assert_eq!(all(&log), records[2..]);
    assert_eq!(log.lost(), [(0, 1)]);
    assert_eq!(log.read(1, 1).expect("readable"), records[2..3]);
}

#[test]
fn a_record_inside_a_payload_is_not_taken_for_one() {
    let disk = TestDisk::default();
    let (mut log, _) = open(&disk);
    let mut inner = Vec::new();
    record::write_record(&mut inner, HEADER_BYTES as u64, 0, b"not me");
    append(&mut log, &inner);
    append(&mut log, b"next");
    let path = log.segments[0].path.clone();
    // The outer head is gone: the search for the next one passes through the payload.
    disk.with_bytes(&path, |bytes| bytes[HEADER_BYTES] = 0);
    drop(log);
    let (log, recovered) = open(&disk);
    assert_eq!(all(&log), [(1, b"next".to_vec())]);
    assert_eq!(recovered.damaged_records, 1);
}

#[test]
fn a_full_disk_refuses_and_goes_on_once_there_is_room() {
    let (disk, records) = sample();
    let (mut log, _) = open(&disk);
    // 453 bytes would be enough behind the header that an earlier round got written.
    for room in 0..453 {
        disk.set_room(Some(room));
        let long = [1; 400];
        match log.append(&[b"short", &long]) {
            Err(SegmentError::Full { .. }) => assert_eq!(all(&log), records, "room {room}"),
            other => panic!("room {room}: {other:?}"),
        }
    }
    disk.set_room(None);
    assert_eq!(append(&mut log, b"on"), 24);
    assert_eq!(all(&log).len(), 25);
    drop(log);
    let (log, recovered) = open(&disk);
    assert_eq!((all(&log).len(), recovered.damaged_records, recovered.torn_bytes), (25, 0, 0));
}

#[test]
fn a_full_disk_does_not_stop_it_from_opening_nor_from_making_room() {
    let (disk, records) = sample();
    disk.set_room(Some(0));
    let (mut log, _) = open(&disk);
    assert_eq!(all(&log), records);
    log.remove_before(10).expect("removed");
    assert_eq!(append(&mut log, b"on"), 24, "what was removed left room");
}

#[test]
fn an_append_that_could_not_be_synced_does_not_count() {
    for forbid_truncate in [false, true] {
        let (disk, records) = sample();
        let (mut log, _) = open(&disk);
        append(&mut log, b"before");
        disk.forbid_truncate(forbid_truncate);
        disk.fail_syncs(1);
        let refused: &[&[u8]] = &[b"not", b"durable"];
        assert!(matches!(log.append(refused), Err(SegmentError::Io { action: "append to", .. })));
        assert_eq!(all(&log).len(), records.len() + 1);
        assert_eq!(append(&mut log, b"durable"), 25, "the index is the one that was refused");
        drop(log);
        let (log, recovered) = open(&disk);
        assert_eq!(all(&log)[24..], [(24, b"before".to_vec()), (25, b"durable".to_vec())]);
        assert_eq!(recovered.damaged_records, 0);
    }
}

#[test]
fn what_a_killed_process_left_unsynced_is_synced_before_it_is_read() {
    let (disk, _) = sample();
    let (mut log, _) = open(&disk);
    disk.forbid_truncate(true);
    append(&mut log, b"kept");
    disk.fail_syncs(1);
    assert!(log.append(&[b"written, not synced"]).is_err());
    drop(log);
    let (log, _) = open(&disk);
    let seen = all(&log);
    assert_eq!(seen.last().map(|(index, _)| *index), Some(25));
    drop(log);
    disk.cut_power(&mut Dice(1));
    assert_eq!(all(&open(&disk).0), seen);
}

#[test]
fn too_much_is_refused_at_once() {
    let disk = TestDisk::default();
    let meta = [0; MAX_META_BYTES + 1];
    let opened = SegmentLog::open_on(Arc::new(disk.clone()), dir(), options(1_000), &meta);
    assert!(matches!(opened, Err(SegmentError::TooLarge { what: "meta", .. })));
    let (mut log, _) = open(&disk);
    let payload = vec![0; MAX_PAYLOAD_BYTES + 1];
    assert!(matches!(log.append(&[&payload]), Err(SegmentError::TooLarge { what: "a record", .. })));
}

#[test]
fn an_identity_lost_in_every_copy_is_an_error_not_a_new_log() {
    let (disk, _) = sample();
    for path in disk.paths() {
        disk.with_bytes(&path, |bytes| bytes[20] ^= 1);
    }
    let opened = SegmentLog::open_on(Arc::new(disk), dir(), options(1_000), b"another");
    assert!(matches!(opened, Err(SegmentError::IdentityLost { .. })));
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = SegmentLog::open(dir.path(), options(1_000), META).expect("opens");
    let second = SegmentLog::open(dir.path(), options(1_000), META);
    assert!(matches!(second, Err(SegmentError::InUse { .. })));
    drop(log);
    SegmentLog::open(dir.path(), options(1_000), META).expect("free again");
}

#[test]
fn foreign_files_are_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("notes.txt"), "mine").expect("written");
    std::fs::write(dir.path().join("7.seg"), "not ours").expect("written");
    let (mut log, recovered) = SegmentLog::open(dir.path(), options(1_000), META).expect("opens");
    assert_eq!(recovered, Recovered::default());
    assert_eq!(append(&mut log, b"a"), 0);
    log.remove_before(1).expect("removed");
    assert!(dir.path().join("notes.txt").exists() && dir.path().join("7.seg").exists());
}

const KILLED_DIR: &str = "WATTLEDGER_TEST_KILLED_DIR";

/// The child of the test below: appends until it is killed, and says what is durable.
#[test]
fn appends_until_killed() {
    let Some(dir) = std::env::var_os(KILLED_DIR) else { return };
    let (mut log, _) = SegmentLog::open(Path::new(&dir), options(4_000), META).expect("opens");
    loop {
        let (a, b) = (payload(log.next_index()), payload(log.next_index() + 1));
        println!("durable {}", log.append(&[&a, &b]).expect("appended") + 1);
    }
}

#[test]
fn killed_at_any_moment_it_keeps_what_it_called_durable() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut highest = None;
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["segment::tests::appends_until_killed", "--exact", "--nocapture"])
            .env(KILLED_DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let durable = output.lines().map_while(Result::ok).filter_map(|line| {
            let (_, index) = line.split_once("durable ")?;
            index.parse::<u64>().ok()
        });
        let mut seen = 0;
        for index in durable {
            highest = Some(index);
            seen += 1;
            if seen == 50 + round * 13 {
                child.kill().expect("killed");
            }
        }
        child.wait().expect("ended");
        let (log, recovered) = SegmentLog::open(dir.path(), options(4_000), META).expect("opens");
        let read = log.read(0, usize::MAX).expect("readable");
        let expected: Vec<_> = (0..log.next_index()).map(|index| (index, payload(index))).collect();
        assert_eq!(read, expected);
        assert!(log.next_index() > highest.expect("something was durable"));
        assert_eq!(recovered.damaged_records, 0);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<usize>),
    RemoveBefore(usize),
    Reopen,
    CutPower(u64),
    Room(Option<usize>),
    FailSyncs(usize),
    ForbidTruncate(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(0..300_usize, 1..4).prop_map(Step::Append),
        2 => (0..100_usize).prop_map(Step::RemoveBefore),
        1 => Just(Step::Reopen),
        2 => any::<u64>().prop_map(Step::CutPower),
        1 => prop::option::of(0..1_500_usize).prop_map(Step::Room),
        1 => (0..3_usize).prop_map(Step::FailSyncs),
        1 => any::<bool>().prop_map(Step::ForbidTruncate),
    ]
}

/// What must hold, whatever happens to the disk.
struct World {
    disk: TestDisk,
    log: Option<SegmentLog>,
    /// What the log called durable and was not told to remove.
    durable: BTreeMap<u64, Vec<u8>>,
    next: u64,
    salt: u8,
}

impl World {
    fn log(&mut self) -> &mut SegmentLog {
        self.log.as_mut().expect("open between steps")
    }

    fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Append(sizes) => {
                self.salt = self.salt.wrapping_add(1);
                let payloads: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![self.salt; size]).collect();
                let borrowed: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
                if let Ok(first) = self.log().append(&borrowed) {
                    prop_assert_eq!(first, self.next, "numbers are contiguous within a run");
                    self.next += payloads.len() as u64;
                    self.durable.extend((first..).zip(payloads));
                }
            }
            Step::RemoveBefore(share) => {
                let index = self.next * share as u64 / 100;
                let before = self.log().first_index();
                let _ = self.log().remove_before(index);
                let first = self.log().first_index();
                prop_assert!(first <= index.max(before), "removed {}, was asked for {}", first, index);
                self.durable.retain(|&at, _| at >= first);
            }
            Step::Reopen => self.reopen()?,
            Step::CutPower(seed) => {
                self.log = None;
                self.disk.cut_power(&mut Dice(seed));
                self.reopen()?;
            }
            Step::Room(room) => self.disk.set_room(room),
            Step::FailSyncs(count) => self.disk.fail_syncs(count),
            Step::ForbidTruncate(forbid) => self.disk.forbid_truncate(forbid),
        }
        self.check()
    }

    fn reopen(&mut self) -> Result<(), TestCaseError> {
        self.log = None;
        // A full disk does not keep an existing log from opening; one that does not sync does, until it does.
        while self.log.is_none() {
            let disk = Arc::new(self.disk.clone());
            match SegmentLog::open_on(disk, dir(), options(1_000), META) {
                Ok((log, _)) => self.log = Some(log),
                Err(error) => {
                    prop_assert!(matches!(error, SegmentError::Io { action: "sync", .. }), "{}", error)
                }
            }
        }
        let first = self.log().first_index();
        prop_assert!(self.durable.keys().next().is_none_or(|&at| first <= at));
        // What was written and never confirmed may be there all the same; from now on it counts.
        for (index, payload) in all(self.log()) {
            match self.durable.get(&index) {
                Some(known) => prop_assert_eq!(known, &payload),
                None => drop(self.durable.insert(index, payload)),
            }
        }
        prop_assert!(self.log().next_index() >= self.next, "an index would be given twice");
        self.next = self.log().next_index();
        Ok(())
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        let read: BTreeMap<_, _> = all(self.log()).into_iter().collect();
        prop_assert_eq!(&read, &self.durable);
        prop_assert_eq!(self.log().next_index(), self.next);
        for (first, last) in self.log().lost() {
            prop_assert_eq!(self.durable.range(first..=last).count(), 0);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn whatever_befalls_the_disk_what_was_called_durable_stays(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let disk = TestDisk::default();
        let log = Some(open(&disk).0);
        let mut world = World { disk, log, durable: BTreeMap::new(), next: 0, salt: 0 };
        for step in steps {
            world.run(step)?;
        }
    }
}
