//! The wire under any bytes: decoded or refused, never a panic, and what was understood survives being
//! sent on.

#[path = "../../tests/property/explore.rs"]
mod explore;
#[path = "../../tests/property/mutated.rs"]
mod mutated;

use explore::explore;
use mutated::mutated;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wattledger_model::batch::{
    Acknowledgement, AgentKey, AgentStatus, Batch, CollectorStatus, Lineage, Loss, LossCause, SourceStatus,
};
use wattledger_model::decimal::Decimal;
use wattledger_model::name::Name;
use wattledger_model::reading::{Cause, Evidence, Incarnation, Intake, Quality, Reading, Refused, Serial};
use wattledger_model::time::Timestamp;
use wattledger_model::topic::Topic;
use wattledger_model::unit::Unit;
use wattledger_model::wire;

fn name(text: &str) -> Name {
    text.parse().expect(text)
}

/// Instants, counts and digits: ordinary ones, and the ends of their type.
fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 1_700_000_000_000..1_700_000_900_000_i64,
        2 => -10..10_i64,
        1 => select(&[i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX][..]),
        1 => any::<i64>(),
    ]
}

fn reading(incarnation: Incarnation) -> impl Strategy<Value = Reading> {
    let units: Vec<&str> = Unit::spellings().collect();
    let unit = prop::option::of(select(units));
    let times = (number(), number());
    let value = (number(), -100..=100_i8);
    let interval = prop::option::of(1..=u32::MAX);
    let intake = prop::option::of(prop_oneof![0..100_u64, any::<u64>().prop_map(|n| n.min(u64::MAX - 1))]);
    (times, value, unit, interval, any::<bool>(), intake).prop_map(
        move |((at, arrived), (mantissa, exponent), unit, interval_ms, good, number)| Reading {
            at: Timestamp(at),
            arrived: Timestamp(arrived),
            value: Decimal::new(mantissa, exponent),
            unit: unit.map(|unit| unit.parse().expect("a spelling")),
            interval_ms,
            quality: if good { Quality::Good } else { Quality::Suspect },
            intake: number.map(|number| Intake { incarnation, number }),
            evidence: number
                .and_then(|n| Evidence::of(Serial::from_digest(n % 3), (n % 5 == 0).then_some(n as u32))),
        },
    )
}

fn refused() -> impl Strategy<Value = Refused> {
    (number(), select(Cause::ALL), ".{0,30}", ".{0,30}", vec(any::<u8>(), 0..40), any::<u64>()).prop_map(
        |(at, cause, origin, detail, sample, count)| Refused {
            at: Timestamp(at),
            cause,
            origin,
            meter: sample.first().map(|byte| name(&format!("m-{byte}"))),
            detail,
            sample,
            count,
        },
    )
}

fn batch() -> impl Strategy<Value = Batch> {
    let incarnation =
        (number(), any::<u64>()).prop_map(|(started, id)| Incarnation { started: Timestamp(started), id });
    (incarnation, 1..5_u32, any::<u64>()).prop_flat_map(|(incarnation, meters, sequence)| {
        let loss = (number(), number(), any::<u64>()).prop_map(|(from, to, readings)| Loss {
            from: Timestamp(from),
            to: Timestamp(to),
            readings,
            meter: (readings % 2 == 0).then(|| name("meter-0")),
            cause: LossCause::ALL[(readings % 3) as usize],
        });
        let readings = vec((0..meters, reading(incarnation)), 0..20);
        (readings, vec(refused(), 0..3), vec(loss, 0..3)).prop_map(move |(readings, refused, losses)| Batch {
            agent: AgentKey { site: name("hall"), agent: name("floor") },
            incarnation,
            sequence,
            meters: (0..meters).map(|at| name(&format!("meter-{at}"))).collect(),
            readings,
            refused,
            losses,
            lineage: Lineage {
                floor: sequence / 3,
                replaces: (sequence > 4).then_some((1, 3)).into_iter().collect(),
                again: (sequence > 4).then_some(sequence - 1).into_iter().collect(),
            },
        })
    })
}

/// One message of each kind.
fn examples() -> Vec<Vec<u8>> {
    let agent = AgentKey { site: name("hall"), agent: name("floor") };
    let incarnation = Incarnation { started: Timestamp(1_700_000_000_000), id: 0xfeed };
    let reading = |i: i64| Reading {
        at: Timestamp(1_700_000_000_000 + i * 10_000),
        arrived: Timestamp(1_700_000_000_040 + i * 10_000),
        value: Decimal::new(81_234_567 + i, -3),
        unit: Some("kWh".parse().expect("a unit")),
        interval_ms: (i % 3 == 0).then_some(900_000),
        quality: Quality::Good,
        intake: Some(Intake { incarnation, number: i as u64 }),
        evidence: None,
    };
    let refused = Refused {
        at: Timestamp(0),
        cause: Cause::Unit,
        origin: "topic".to_owned(),
        meter: Some(name("m")),
        detail: "no unit".to_owned(),
        sample: b"{}".to_vec(),
        count: 3,
    };
    let batch = Batch {
        agent: agent.clone(),
        incarnation,
        sequence: 7,
        meters: vec![name("main"), name("it")],
        readings: (0..12).map(|i| ((i % 2) as u32, reading(i))).collect(),
        refused: vec![refused],
        losses: vec![Loss {
            from: Timestamp(1),
            to: Timestamp(2),
            readings: 3,
            meter: Some(name("main")),
            cause: LossCause::Thinned,
        }],
        lineage: Lineage { floor: 2, replaces: vec![(0, 3), (5, 5)], again: vec![4] },
    };
    let acknowledgement = Acknowledgement {
        collector: name("campus"),
        store_id: 5,
        incarnation,
        floor: 10,
        ranges: vec![(12, 14), (20, 20)],
    };
    let source = SourceStatus { name: "bus".to_owned(), healthy: true, detail: "reads".to_owned() };
    let status = AgentStatus {
        agent,
        incarnation,
        at: Timestamp(1),
        version: "0.1.0".to_owned(),
        oldest_sequence: 1,
        next_sequence: 2,
        unacknowledged: 3,
        spool_bytes: 4,
        spool_limit_bytes: 5,
        taken_in: 6,
        refused: 7,
        lost: 8,
        thinned: 9,
        waiting: 10,
        sent: 11,
        held_back: 12,
        spool_trouble: "full".to_owned(),
        clock_jumps: 13,
        clock_jumped_ms: -14,
        sources: vec![source],
    };
    let collector = CollectorStatus {
        collector: name("campus"),
        store_id: 9,
        at: Timestamp(1),
        started: Timestamp(2),
        version: String::new(),
    };
    vec![
        wire::encode_batch(&batch),
        wire::encode_acknowledgement(&acknowledgement),
        wire::encode_agent_status(&status),
        wire::encode_collector_status(&collector),
    ]
}

/// The payload of an envelope in a new one with a true checksum, so that changes reach the inside.
fn sealed(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x08, wire::VERSION as u8, 0x10, kind, 0x1d];
    bytes.extend(crc32fast::hash(payload).to_le_bytes());
    bytes.push(0x22);
    let mut length = payload.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(payload);
    bytes
}

/// The payload in an envelope of ours: after version, kind, checksum, tag and length.
fn payload(envelope: &[u8]) -> Vec<u8> {
    let length = 1 + envelope[10..].iter().take_while(|byte| **byte & 0x80 != 0).count();
    envelope[10 + length..].to_vec()
}

/// Whatever is understood of the bytes means the same once it was sent on.
fn understood_or_refused(bytes: &[u8]) -> Result<usize, TestCaseError> {
    let mut understood = 0;
    if let Ok(batch) = wire::decode_batch(bytes) {
        prop_assert!(batch.readings.iter().all(|(at, _)| (*at as usize) < batch.meters.len()));
        let again = wire::decode_batch(&wire::encode_batch(&batch));
        prop_assert_eq!(again.as_ref(), Ok(&batch));
        understood += 1;
    }
    if let Ok(message) = wire::decode_acknowledgement(bytes) {
        let again = wire::decode_acknowledgement(&wire::encode_acknowledgement(&message));
        prop_assert_eq!(again.as_ref(), Ok(&message));
        understood += 1;
    }
    if let Ok(message) = wire::decode_agent_status(bytes) {
        let again = wire::decode_agent_status(&wire::encode_agent_status(&message));
        prop_assert_eq!(again.as_ref(), Ok(&message));
        understood += 1;
    }
    if let Ok(message) = wire::decode_collector_status(bytes) {
        let again = wire::decode_collector_status(&wire::encode_collector_status(&message));
        prop_assert_eq!(again.as_ref(), Ok(&message));
        understood += 1;
    }
    Ok(understood)
}

#[test]
fn examples_are_sealed_as_the_encoder_seals_them() {
    for (bytes, kind) in examples().iter().zip(1..) {
        assert_eq!(&sealed(kind, &payload(bytes)), bytes);
        assert_eq!(understood_or_refused(bytes).expect("an example is understood"), 1);
    }
}

#[test]
fn any_bytes_are_understood_or_refused() {
    let bytes = prop_oneof![vec(any::<u8>(), 0..400), mutated(examples(), &["kWh", "hall", "\u{0}"])];
    explore("wire, bytes", 50_000, bytes, |bytes| understood_or_refused(&bytes).map(drop));
}

#[test]
fn any_payload_under_a_true_checksum_is_understood_or_refused() {
    let payloads: Vec<Vec<u8>> = examples().iter().map(|bytes| payload(bytes)).collect();
    let words = &["kWh", "hall", "furlong", "Main Meter", "\u{7f}\u{7f}", "\u{ff}"];
    let inside = (0..6_u8, prop_oneof![1 => vec(any::<u8>(), 0..200), 4 => mutated(payloads, words)]);
    explore("wire, payloads", 50_000, inside, |(kind, payload)| {
        understood_or_refused(&sealed(kind, &payload)).map(drop)
    });
}

#[test]
fn any_batch_comes_back_as_it_went() {
    explore("wire, batches", 5_000, batch(), |batch| {
        prop_assert_eq!(wire::decode_batch(&wire::encode_batch(&batch)), Ok(batch));
        Ok(())
    });
}

#[test]
fn any_text_is_a_topic_a_name_a_number_a_unit_or_refused() {
    let corpus: Vec<Vec<u8>> = [
        "wattledger/v1/agent/hall/floor/readings",
        "wattledger/v1/agent/hall/floor/ack/campus",
        "wattledger/v1/facility/hall-1/indicators/pue",
        "14.68738",
        "-1.5e-100",
        "9223372036854775807e100",
        "2026-03-02T09:58:00Z",
        "kWh",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    let words = &["9223372036854775808", "e2147483647", "e-2147483648", "000000000000", "+", "#", "//", "µ"];
    explore("texts", 50_000, mutated(corpus, words), |bytes| {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(number) = text.parse::<Decimal>() {
            // What is printed reads back as the same value.
            let printed: Decimal = number.to_string().parse().expect("printed numbers are numbers");
            prop_assert!(printed.cmp_value(number).is_eq(), "{number} is printed as {printed}");
            prop_assert!(number.to_f64().is_finite());
            prop_assert!(number.normalized().cmp_value(number).is_eq());
        }
        if let Ok(topic) = text.parse::<Topic>() {
            prop_assert_eq!(topic.to_string(), text.as_ref());
        } else if let Ok(unit) = text.parse::<Unit>() {
            prop_assert_eq!(unit.symbol().parse(), Ok(unit));
        }
        let _ = (text.parse::<Name>(), Timestamp::from_rfc3339(&text));
        Ok(())
    });
}
