//! Segment files under any damage: whatever a disk did to them, opening never panics, no record comes
//! back other than it went in, and the log goes on with numbers that nobody had before.

#[path = "../../tests/property/explore.rs"]
mod explore;
#[path = "../../tests/property/mutated.rs"]
mod mutated;

use explore::explore;
use mutated::mutated;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use wattledger_link::segment::{SegmentError, SegmentLog, SegmentOptions};

const META: &[u8] = b"who I am";

fn open(dir: &Path) -> Result<SegmentLog, SegmentError> {
    SegmentLog::open(dir, SegmentOptions { segment_bytes: 700 }, META).map(|(log, _)| log)
}

/// Payloads of many lengths, one with a record's marker in it, one empty.
fn payload(index: u64) -> Vec<u8> {
    let mut bytes = format!("record {index} WLSEGMT1").into_bytes();
    bytes.resize((index as usize * 53) % 190, index as u8);
    bytes
}

/// A log of two runs in several segments, as files by name.
fn written() -> BTreeMap<String, Vec<u8>> {
    let dir = tempfile::tempdir().expect("a directory");
    for run in 0..2 {
        let mut log = open(dir.path()).expect("opens");
        for index in run * 9..run * 9 + 9 {
            assert_eq!(log.append(&[&payload(index)]).expect("appended"), index);
        }
        if run == 1 {
            log.remove_before(4).expect("removed");
        }
    }
    let files = fs::read_dir(dir.path()).expect("listed").map(|entry| entry.expect("listed"));
    files
        .map(|entry| {
            let name = entry.file_name().into_string().expect("plain names");
            (name, fs::read(entry.path()).expect("read"))
        })
        .collect()
}

/// What happens to the files of a log.
#[derive(Debug, Clone)]
enum Damage {
    /// One file's bytes are these now.
    Bytes(Index, Vec<u8>),
    /// One file is gone.
    Gone(Index),
    /// One file has another's bytes.
    Copied(Index, Index),
    /// One file has another's name beside its own, with a later generation.
    Twice(Index),
}

fn damage(files: &BTreeMap<String, Vec<u8>>) -> impl Strategy<Value = Vec<Damage>> {
    let contents: Vec<Vec<u8>> = files.values().cloned().collect();
    let one = prop_oneof![
        6 => (any::<Index>(), mutated(contents, &["WLSEGMT1", "\u{0}\u{0}", "record"])).prop_map(|(at, bytes)| Damage::Bytes(at, bytes)),
        1 => any::<Index>().prop_map(Damage::Gone),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(to, from)| Damage::Copied(to, from)),
        1 => any::<Index>().prop_map(Damage::Twice),
    ];
    vec(one, 1..4)
}

fn apply(files: &mut BTreeMap<String, Vec<u8>>, damage: &Damage) {
    if files.is_empty() {
        return;
    }
    let named = |at: &Index| files.keys().nth(at.index(files.len())).cloned().unwrap_or_default();
    match damage {
        Damage::Bytes(at, bytes) => drop(files.insert(named(at), bytes.clone())),
        Damage::Gone(at) => drop(files.remove(&named(at))),
        Damage::Copied(to, from) => {
            let bytes = files[&named(from)].clone();
            files.insert(named(to), bytes);
        }
        Damage::Twice(at) => {
            let name = named(at);
            let bytes = files[&name].clone();
            files.insert(name.replace("-0000", "-0100"), bytes);
        }
    }
}

/// Opens the files, reads everything, appends, and opens once more.
fn survives(files: &BTreeMap<String, Vec<u8>>) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).expect("written");
    }
    // Refused with a reason, such as a lost identity, is an answer too.
    let Ok(mut log) = open(dir.path()) else { return Ok(()) };
    let next = log.next_index();
    let all = log.read(0, usize::MAX).expect("readable");
    let genuine = |(index, bytes): &(u64, Vec<u8>)| *bytes == payload(*index);
    prop_assert!(all.iter().all(genuine), "a record came back other than it went in: {all:?}");
    prop_assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0), "ascending");
    prop_assert!(all.iter().all(|(index, _)| *index < next));
    let lost = log.lost();
    for index in log.first_index()..next.min(log.first_index() + 100) {
        let there = all.iter().any(|(at, _)| *at == index);
        let missing = lost.iter().any(|(first, last)| (*first..=*last).contains(&index));
        prop_assert!(there != missing, "record {index} is either there or answered for");
    }
    let last = all.last().map_or(0, |(index, _)| index + 1);
    prop_assert!(next >= last, "a number is given once");
    if next < u64::MAX - 2 {
        prop_assert_eq!(log.append(&[b"more"]).expect("appended"), next);
        drop(log);
        let log = open(dir.path()).expect("what was opened and written opens again");
        prop_assert_eq!(log.next_index(), next + 1);
        prop_assert_eq!(log.read(next, 1).expect("readable"), vec![(next, b"more".to_vec())]);
    }
    Ok(())
}

#[test]
fn the_files_survive_as_they_were_written() {
    let files = written();
    assert!(files.len() > 4, "{:?}", files.keys());
    survives(&files).expect("nothing is damaged");
}

#[test]
fn what_once_failed_survives() {
    // A number that none follows, as index and as generation.
    let last = format!("{0:020}-{0:08}.seg", u64::MAX);
    survives(&BTreeMap::from([(last, Vec::new())])).expect("a file that is none of ours");
}

#[test]
fn whatever_a_disk_did_to_the_files_the_log_goes_on() {
    let files = written();
    explore("segment files", 300, damage(&files), |all| {
        let mut files = files.clone();
        all.iter().for_each(|damage| apply(&mut files, damage));
        survives(&files)
    });
}

#[test]
fn a_directory_of_any_bytes_is_opened_or_refused() {
    let names = prop::sample::select(vec![
        "state".to_owned(),
        "lock".to_owned(),
        format!("{:020}-{:08}.seg", 0, 0),
        format!("{:020}-{:08}.seg", 7, 1),
        format!("{:020}-{:08}.seg", u64::MAX, u64::MAX),
        "a.seg".to_owned(),
    ]);
    let files = vec((names, vec(any::<u8>(), 0..600)), 0..4);
    explore("any files", 300, files, |files| survives(&files.into_iter().collect()));
}
