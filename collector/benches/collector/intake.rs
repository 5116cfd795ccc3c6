//! From payloads to a durable ledger: the engine as its thread drives it, in groups with one sync each,
//! a flush every half second, and readings moved to the raw store as they come to many.

use crate::directory;
use crate::hall::{DAY_MS, Register, START, arrival, configuration, meter_name, name, reading};
use crate::measure::{Bar, Row, by_turns, median, processor_time};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wattledger_collector::engine::{Arrival, Engine};
use wattledger_collector::engine_config;
use wattledger_collector::journal::Record;
use wattledger_link::segment::{SegmentLog, SegmentOptions};
use wattledger_model::time::Timestamp;
use wattledger_model::wire;

const METERS: usize = 100;
/// Of each meter, every ten seconds: more than a day.
const READINGS: usize = 10_000;
/// Payloads that are made durable together at most, as in the engine's service.
const GROUP: usize = 512;
const FLUSH_EVERY: Duration = Duration::from_millis(500);
const ROUNDS: usize = 3;

/// The readings of all meters in the order of time, so many in a batch.
fn arrivals(readings_in_a_batch: usize) -> Vec<Arrival> {
    let mut registers: Vec<Register> = (0..METERS).map(|meter| Register::new(meter, 28)).collect();
    let meters: Vec<_> = (0..METERS).map(|meter| name(&meter_name(meter))).collect();
    let mut all = Vec::with_capacity(METERS * READINGS);
    for i in 0..READINGS as i64 {
        for (meter, register) in registers.iter_mut().enumerate() {
            let number = all.len() as u64;
            all.push((meter as u32, reading(START + i * 10_000 + meter as i64, register.next(), number)));
        }
    }
    let batches = (0..).zip(all.chunks(readings_in_a_batch));
    batches.map(|(sequence, some)| arrival(sequence, meters.clone(), some.to_vec())).collect()
}

fn folder() -> TempDir {
    tempfile::tempdir_in(directory()).expect("a directory")
}

/// Time in intake, and in flushes and compactions; and what of both the processor worked.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    take: Duration,
    flush: Duration,
    processor: Duration,
}

fn engine(arrivals: &[Arrival], dir: &Path) -> Spent {
    let config = configuration(dir, METERS, "10s");
    let mut engine = Engine::open(engine_config(&config)).expect("opens");
    let now = Timestamp(START + 3 * DAY_MS);
    let mut spent = Spent::default();
    let mut flush_at = Instant::now() + FLUSH_EVERY;
    let worked_before = processor_time();
    for group in arrivals.chunks(GROUP) {
        let start = Instant::now();
        engine.take(group, now).expect("taken");
        let taken = Instant::now();
        spent.take += taken - start;
        if taken >= flush_at {
            if engine.wants_compaction() {
                engine.compact().expect("moved to the raw store");
            } else {
                engine.flush().expect("flushed");
            }
            spent.flush += taken.elapsed();
            flush_at = Instant::now() + FLUSH_EVERY;
        }
    }
    let start = Instant::now();
    engine.compact().expect("moved to the raw store");
    spent.flush += start.elapsed();
    spent.processor = processor_time() - worked_before;
    assert_eq!(engine.tally().readings(), (METERS * READINGS) as u64);
    spent
}

fn decoded(arrivals: &[Arrival]) -> Duration {
    let start = Instant::now();
    let readings: usize = arrivals
        .iter()
        .map(|arrival| wire::decode_batch(&arrival.payload).map_or(0, |batch| batch.readings.len()))
        .sum();
    assert_eq!(readings, METERS * READINGS);
    start.elapsed()
}

fn journaled(arrivals: &[Arrival]) -> Duration {
    let dir = folder();
    let options = SegmentOptions { segment_bytes: 16 << 20 };
    let (mut log, _) = SegmentLog::open(dir.path(), options, b"bench").expect("opens");
    let start = Instant::now();
    for group in arrivals.chunks(GROUP) {
        let record = |arrival: &Arrival| Record {
            received: Timestamp(START),
            agent: arrival.agent.clone(),
            form: arrival.form,
            payload: arrival.payload.clone(),
        };
        let records: Vec<Vec<u8>> = group.iter().map(|arrival| record(arrival).encode()).collect();
        let slices: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        log.append(&slices).expect("appended");
    }
    start.elapsed()
}

pub(crate) fn rows() -> Vec<Row> {
    let (large, small) = (arrivals(500), arrivals(100));
    let mut stages = [Vec::new(), Vec::new(), Vec::new()];
    let mut times = by_turns(
        ROUNDS,
        &mut [
            Box::new(|| decoded(&large)),
            Box::new(|| journaled(&large)),
            Box::new(|| {
                let spent = engine(&large, folder().path());
                stages[0].push(spent.take);
                stages[1].push(spent.flush);
                stages[2].push(spent.processor);
                spent.take + spent.flush
            }),
            Box::new(|| {
                let spent = engine(&small, folder().path());
                spent.take + spent.flush
            }),
        ],
    );
    times.extend(stages.map(median));
    let all = (METERS * READINGS) as f64;
    let bytes: usize = large.iter().map(|arrival| arrival.payload.len()).sum();
    let per_reading = |time: Duration| time.as_secs_f64() * 1e9 / all;
    vec![
        Row::new("batches of 500, 100 meters", all / times[2].as_secs_f64(), "readings/s", Bar::AtLeast(1e6)),
        Row::new("the same in processor time", all / times[6].as_secs_f64(), "readings/s", Bar::AtLeast(1e6)),
        Row::new("batches of 100, 100 meters", all / times[3].as_secs_f64(), "readings/s", Bar::AtLeast(1e6)),
        Row::new(
            "of 500: in intake (decode, journal with sync, admit, insert)",
            per_reading(times[4]),
            "ns/reading",
            Bar::None,
        ),
        Row::new(
            "of 500: in flushes (fold, blocks, raw store, commit)",
            per_reading(times[5]),
            "ns/reading",
            Bar::None,
        ),
        Row::new("decoding alone", per_reading(times[0]), "ns/reading", Bar::None),
        Row::new("journal alone, with sync", per_reading(times[1]), "ns/reading", Bar::None),
        Row::new("on the wire, batches of 500", bytes as f64 / all, "bytes/reading", Bar::None),
    ]
}
