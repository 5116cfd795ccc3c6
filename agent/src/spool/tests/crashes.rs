//! Crashes at any operation on the disk, told by an oracle that only believes what returned.

use super::faulty::{Crash, FaultyDisk};
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Act {
    /// Append batches of so many readings.
    Append(Vec<usize>),
    /// The collector has this share (in 256ths) of what is held.
    Acknowledge(u8),
    /// The disk fails after so many operations; then the machine restarts like this.
    Crash(u32, Crash),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let crash = prop_oneof![Just(Crash::Killed), any::<u8>().prop_map(Crash::PowerCut)];
    let act = prop_oneof![
        6 => prop::collection::vec(1_usize..400, 1..4).prop_map(Act::Append),
        1 => any::<u8>().prop_map(Act::Acknowledge),
        2 => (0_u32..30, crash).prop_map(|(after, crash)| Act::Crash(after, crash)),
    ];
    prop::collection::vec(act, 1..120)
}

/// What must be true, whatever the disk does.
#[derive(Default)]
struct Oracle {
    /// Every batch that was ever readable: sent or not, it may never be another.
    seen: BTreeMap<u64, Vec<u8>>,
    /// Readings whose append has returned, by intake number.
    durable: u64,
    /// Sequences the collector was said to hold.
    acknowledged: u64,
    next_value: i64,
    /// Sequences that other batches stand for.
    replaced: RangeSet,
}

impl Oracle {
    fn check(&mut self, spool: &mut Spool) {
        assert!(spool.taken_in() >= self.durable, "{} durable, {} there", self.durable, spool.taken_in());
        self.durable = spool.taken_in();
        let (from, next) = (spool.oldest_sequence(), spool.next_sequence());
        assert_eq!(spool.unreadable(), RangeSet::default(), "nothing durable may become unreadable");
        assert!(self.seen.last_key_value().is_none_or(|(last, _)| *last < next), "a sequence is given again");
        let (mut there, mut told) = (0, 0);
        for sequence in from..next {
            let bytes = spool.batch(sequence).expect("disk").expect("held").to_vec();
            let batch = wire::decode_batch(&bytes).expect("our own");
            assert_eq!((batch.sequence, batch.incarnation), (sequence, fresh(1)));
            assert_eq!(self.seen.entry(sequence).or_insert_with(|| bytes.clone()), &bytes, "immutable");
            for (first, last) in &batch.lineage.replaces {
                self.replaced.insert_range(*first, *last);
            }
            let mut number = None;
            for (_, reading) in &batch.readings {
                let next = reading.intake.expect("numbered").number;
                assert!(number.is_none_or(|before| before < next), "intake numbers ascend");
                number = Some(next);
            }
            if sequence >= self.acknowledged {
                there += batch.readings.len() as u64;
                told += batch.losses.iter().map(|loss| loss.readings).sum::<u64>();
            }
        }
        // What the collector has, what is still here, and what is told as lost.
        let settled: u64 = self
            .seen
            .range(..self.acknowledged)
            .filter(|(sequence, _)| !self.replaced.contains(**sequence))
            .map(|(_, bytes)| {
                let batch = wire::decode_batch(bytes).expect("our own");
                batch.readings.len() as u64 + batch.losses.iter().map(|loss| loss.readings).sum::<u64>()
            })
            .sum();
        assert_eq!(settled + there + told, spool.taken_in(), "every reading is somewhere");
        assert_eq!(spool.waiting().expect("disk"), there);
    }
}

fn open(disk: &FaultyDisk) -> Result<Spool, SpoolError> {
    let dir = std::path::Path::new("/spool");
    let small = SpoolConfig { limit_bytes: 300 << 10, ..config(dir) };
    let (mut spool, _) = Spool::open_on(Arc::new(disk.clone()), small, fresh(1))?;
    spool.may_have_sent(RangeSet::default());
    spool.answer_for_damage()?;
    Ok(spool)
}

fn play(acts: Vec<Act>) {
    let disk = FaultyDisk::default();
    let mut oracle = Oracle::default();
    let mut spool = open(&disk).expect("a healthy disk");
    for act in acts {
        match act {
            Act::Append(sizes) => {
                for size in sizes {
                    append_all(&mut spool, &[contents(oracle.next_value, size)]).expect("a healthy disk");
                    oracle.next_value += size as i64;
                }
            }
            Act::Acknowledge(share) => {
                let (from, next) = (spool.oldest_sequence(), spool.next_sequence());
                let upto = from + (next - from) * u64::from(share) / 256;
                oracle.acknowledged = oracle.acknowledged.max(upto);
                spool.acknowledge(&RangeSet::below(oracle.acknowledged));
            }
            Act::Crash(after, crash) => {
                disk.fail_after(after);
                for size in [50, 500, 50] {
                    let value = oracle.next_value;
                    oracle.next_value += size;
                    if append_all(&mut spool, &[contents(value, size as usize)]).is_ok() {
                        oracle.durable += size as u64;
                    }
                }
                drop(spool);
                // The opening may crash as well.
                disk.restart(crash);
                disk.fail_after(after / 2);
                drop(open(&disk));
                disk.restart(crash);
                spool = open(&disk).expect("a healthy disk");
                spool.acknowledge(&RangeSet::below(oracle.acknowledged));
            }
        }
        oracle.check(&mut spool);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_at_any_operation_takes_nothing_back_and_gives_no_number_twice(acts in acts()) {
        play(acts);
    }
}
