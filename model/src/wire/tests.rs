use super::*;
use crate::decimal::Decimal;
use crate::reading::{Evidence, Intake, Quality, Reading, Serial};
use crate::unit::Unit;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn name(text: &str) -> Name {
    text.parse().expect(text)
}

fn incarnation() -> impl Strategy<Value = Incarnation> {
    (any::<i64>(), any::<u64>()).prop_map(|(at, id)| Incarnation { started: Timestamp(at), id })
}

fn names() -> impl Strategy<Value = Name> {
    "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?".prop_map(|text| name(&text))
}

fn reading(incarnation: Incarnation) -> impl Strategy<Value = Reading> {
    let units: Vec<&str> = Unit::spellings().collect();
    (
        prop_oneof![any::<i64>(), 1_700_000_000_000..1_700_000_100_000_i64],
        any::<i64>(),
        prop_oneof![any::<i64>(), -5..5_i64],
        -100..=100_i8,
        prop::option::of(prop::sample::select(units)),
        prop::option::of(1..=u32::MAX),
        prop::bool::weighted(0.9),
        prop::option::of(0..u64::MAX),
        (prop::option::of("[A-Z][0-9]"), prop::option::of(any::<u32>())),
    )
        .prop_map(move |(at, arrived, mantissa, exponent, unit, interval_ms, good, number, evidence)| {
            Reading {
                at: Timestamp(at),
                arrived: Timestamp(arrived),
                value: Decimal { mantissa, exponent },
                unit: unit.map(|unit| unit.parse().expect("a spelling")),
                interval_ms,
                quality: if good { Quality::Good } else { Quality::Suspect },
                intake: number.map(|number| Intake { incarnation, number }),
                evidence: Evidence::of(evidence.0.and_then(|serial| Serial::of(&serial)), evidence.1),
            }
        })
}

fn refused() -> impl Strategy<Value = Refused> {
    (
        any::<i64>(),
        prop::sample::select(Cause::ALL),
        ".{0,40}",
        prop::option::of(names()),
        ".{0,40}",
        prop::collection::vec(any::<u8>(), 0..100),
        any::<u64>(),
    )
        .prop_map(|(at, cause, origin, meter, detail, sample, count)| Refused {
            at: Timestamp(at),
            cause,
            origin,
            meter,
            detail,
            sample,
            count,
        })
}

fn loss() -> impl Strategy<Value = Loss> {
    let meter = prop::option::of(names());
    (any::<(i64, i64, u64)>(), meter, prop::sample::select(&LossCause::ALL[..])).prop_map(
        |((from, to, readings), meter, cause)| Loss {
            from: Timestamp(from),
            to: Timestamp(to),
            readings,
            meter,
            cause,
        },
    )
}

/// What a batch of this sequence may stand for.
fn lineage(sequence: u64) -> impl Strategy<Value = Lineage> {
    let below = 0..sequence.max(1);
    let replaces = prop::collection::vec((below.clone(), below.clone()), 0..4);
    (any::<u64>(), replaces, prop::collection::vec(below, 0..4)).prop_map(move |(floor, replaces, again)| {
        let ranges = replaces.into_iter().map(|(a, b): (u64, u64)| (a.min(b), a.max(b)));
        let some = |_: &_| sequence > 0;
        let replaces = ranges.filter(|range| some(range)).collect();
        Lineage { floor, replaces, again: again.into_iter().filter(|_| sequence > 0).collect() }
    })
}

fn batch() -> impl Strategy<Value = Batch> {
    (incarnation(), prop::collection::vec(names(), 1..6)).prop_flat_map(|(incarnation, meters)| {
        let position = 0..meters.len() as u32;
        (
            (names(), names(), any::<u64>().prop_flat_map(|sequence| (Just(sequence), lineage(sequence)))),
            prop::collection::vec((position, reading(incarnation)), 0..30),
            prop::collection::vec(refused(), 0..4),
            prop::collection::vec(loss(), 0..4),
        )
            .prop_map(move |((site, agent, (sequence, lineage)), readings, refused, losses)| Batch {
                agent: AgentKey { site, agent },
                incarnation,
                sequence,
                meters: meters.clone(),
                readings,
                refused,
                losses,
                lineage,
            })
    })
}

fn acknowledgement() -> impl Strategy<Value = Acknowledgement> {
    let ranges = prop::collection::vec((2..1_000_u64, 0..1_000_u64), 0..20);
    (names(), any::<u64>(), incarnation(), 0..1_u64 << 60, ranges).prop_map(
        |(collector, store_id, incarnation, floor, steps)| {
            let mut end = floor;
            let ranges = steps
                .into_iter()
                .map(|(gap, more)| {
                    let first = end + gap;
                    end = first + more;
                    (first, end)
                })
                .collect();
            Acknowledgement { collector, store_id, incarnation, floor, ranges }
        },
    )
}

fn agent_status() -> impl Strategy<Value = AgentStatus> {
    let source = (".{0,20}", any::<bool>(), ".{0,60}").prop_map(|(name, healthy, detail)| SourceStatus {
        name,
        healthy,
        detail,
    });
    let texts = (".{0,20}", ".{0,60}");
    (
        names(),
        incarnation(),
        any::<[i64; 2]>(),
        texts,
        any::<[u64; 13]>(),
        prop::collection::vec(source, 0..4),
    )
        .prop_map(|(site, incarnation, times, (version, spool_trouble), counts, sources)| AgentStatus {
            agent: AgentKey { site, agent: name("a") },
            incarnation,
            at: Timestamp(times[0]),
            version,
            oldest_sequence: counts[0],
            next_sequence: counts[1],
            unacknowledged: counts[2],
            spool_bytes: counts[3],
            spool_limit_bytes: counts[4],
            taken_in: counts[5],
            refused: counts[6],
            lost: counts[7],
            thinned: counts[8],
            waiting: counts[9],
            sent: counts[10],
            held_back: counts[11],
            spool_trouble,
            clock_jumps: counts[12],
            clock_jumped_ms: times[1],
            sources,
        })
}

/// A batch as a floor of meters sends it: registers that advance, every ten seconds.
fn ordinary_batch(readings: u64) -> Batch {
    let incarnation = Incarnation { started: Timestamp(1_790_000_000_000), id: 0xfeed_beef };
    let meters: Vec<Name> = (0..50).map(|i| name(&format!("floor-2-pdu-{i}"))).collect();
    let readings = (0..readings)
        .map(|i| {
            let at = 1_790_000_100_000 + (i / 50) as i64 * 10_000 + (i % 7) as i64;
            let reading = Reading {
                at: Timestamp(at),
                arrived: Timestamp(at + 40),
                value: Decimal::new(81_234_567 + (i * i) as i64, -3),
                unit: Some("kWh".parse().expect("unit")),
                interval_ms: None,
                quality: Quality::Good,
                intake: Some(Intake { incarnation, number: 1_000 + i }),
                evidence: None,
            };
            ((i % 50) as u32, reading)
        })
        .collect();
    Batch {
        agent: AgentKey { site: name("hall"), agent: name("a-1") },
        incarnation,
        sequence: 7,
        meters,
        readings,
        refused: vec![],
        losses: vec![],
        lineage: Lineage::default(),
    }
}

/// Tries all four decoders: on any bytes they give a value or an error.
fn decode_every_way(bytes: &[u8]) -> usize {
    usize::from(decode_batch(bytes).is_ok())
        + usize::from(decode_acknowledgement(bytes).is_ok())
        + usize::from(decode_agent_status(bytes).is_ok())
        + usize::from(decode_collector_status(bytes).is_ok())
}

proptest! {
    #[test]
    fn a_batch_comes_back_as_it_went(batch in batch()) {
        let bytes = encode_batch(&batch);
        prop_assert_eq!(decode_batch(&bytes).expect("own bytes"), batch);
        prop_assert_eq!(decode_every_way(&bytes), 1, "only as what it is");
    }

    #[test]
    fn an_acknowledgement_comes_back_as_it_went(acknowledgement in acknowledgement()) {
        let bytes = encode_acknowledgement(&acknowledgement);
        prop_assert_eq!(decode_acknowledgement(&bytes).expect("own bytes"), acknowledgement);
        prop_assert_eq!(decode_every_way(&bytes), 1);
    }

    #[test]
    fn statuses_come_back_as_they_went(status in agent_status(), id: u64, at: i64, started: i64) {
        let bytes = encode_agent_status(&status);
        prop_assert_eq!(decode_agent_status(&bytes).expect("own bytes"), status);
        prop_assert_eq!(decode_every_way(&bytes), 1);
        let status = CollectorStatus {
            collector: name("campus"),
            store_id: id,
            at: Timestamp(at),
            started: Timestamp(started),
            version: "0.1.0".into(),
        };
        let bytes = encode_collector_status(&status);
        prop_assert_eq!(decode_collector_status(&bytes).expect("own bytes"), status);
        prop_assert_eq!(decode_every_way(&bytes), 1);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode_every_way(&bytes);
        // And with a proper envelope around them, so that they reach the inside.
        for kind in 0..6 {
            let crc32 = crc32fast::hash(&bytes);
            let envelope = v1::Envelope { version: VERSION, kind, crc32, payload: bytes.clone() };
            decode_every_way(&envelope.encode_to_vec());
        }
    }

    #[test]
    fn no_columns_make_it_panic(
        meters in prop::collection::vec("[a-zA-Z]{0,3}", 0..4),
        units in prop::collection::vec(prop_oneof![Just("kWh".to_owned()), ".{0,3}"], 0..4),
        meter in prop::collection::vec(0..5_u32, 0..6),
        columns in prop::collection::vec(prop::collection::vec(any::<i64>(), 0..6), 4),
        small in prop::collection::vec(prop::collection::vec(0..5_u32, 0..6), 4),
        serials in prop::collection::vec(any::<u64>(), 0..4),
        boots in prop::collection::vec(any::<u64>(), 0..6),
        exponent in prop::collection::vec(any::<i32>(), 0..6),
    ) {
        let fit = |column: &[i64]| column.iter().copied().cycle().take(meter.len()).collect();
        let fit_boots = |boots: &[u64]| boots.iter().copied().cycle().take(meter.len()).collect();
        let message = v1::Batch {
            site: "s".into(),
            agent: "a".into(),
            at: fit(&columns[0]),
            arrived: columns[1].clone(),
            mantissa: fit(&columns[2]),
            number: fit(&columns[3]),
            unit: small[0].iter().copied().cycle().take(meter.len()).collect(),
            interval_ms: small[1].clone(),
            quality: small[2].clone(),
            serials,
            serial: small[3].iter().copied().cycle().take(meter.len()).collect(),
            boots: fit_boots(&boots),
            exponent: exponent.iter().copied().cycle().take(meter.len()).collect(),
            meters,
            units,
            meter: meter.clone(),
            ..v1::Batch::default()
        };
        if let Ok(batch) = decode_batch(&seal(v1::Kind::Batch, &message)) {
            let refused: u64 = batch.refused.iter().map(|refused| refused.count).sum();
            prop_assert_eq!(batch.readings.len() as u64 + refused, meter.len() as u64);
            prop_assert!(batch.readings.iter().all(|(at, _)| (*at as usize) < batch.meters.len()));
        }
    }

    #[test]
    fn no_ranges_make_it_panic(floor: u64, ranges in prop::collection::vec(any::<u64>(), 0..6)) {
        let message = v1::Acknowledgement { collector: "c".into(), floor, ranges, ..Default::default() };
        if let Ok(read) = decode_acknowledgement(&seal(v1::Kind::Acknowledgement, &message)) {
            let mut end = read.floor;
            for (first, last) in read.ranges {
                prop_assert!(end < first && first <= last);
                end = last;
            }
        }
    }
}

#[test]
fn cut_short_or_changed_it_is_an_error() {
    let bytes = encode_batch(&ordinary_batch(60));
    for length in 0..bytes.len() {
        assert!(decode_batch(&bytes[..length]).is_err(), "cut to {length}");
    }
    let mut changed = bytes.clone();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            changed[at] ^= 1 << bit;
            assert!(decode_batch(&changed).is_err(), "byte {at} bit {bit}");
            changed[at] = bytes[at];
        }
    }
    assert!(decode_batch(&bytes).is_ok());
}

#[test]
fn a_reading_takes_few_bytes() {
    let bytes = encode_batch(&ordinary_batch(500)).len();
    assert!(bytes < 500 * 20, "{bytes} bytes for 500 readings");
}

#[test]
fn an_unknown_unit_or_a_bad_name_costs_only_its_own_readings() {
    let batch = ordinary_batch(100);
    let mut message: v1::Batch = open(v1::Kind::Batch, "a batch", &encode_batch(&batch)).expect("own bytes");
    message.units.push("KW/h".into());
    message.unit[3] = 2;
    message.unit[53] = 2;
    message.unit[4] = 0;
    message.meters[5] = "Hall.5".into();
    message.exponent[6] = 1_000;

    let read = decode_batch(&seal(v1::Kind::Batch, &message)).expect("the batch stays");
    assert_eq!(read.meters.len(), 49);
    let mut expected = batch.readings.clone();
    expected[4].1.unit = None;
    // Readings 5 and 55 are of meter 5.
    for gone in [55, 53, 6, 5, 3] {
        expected.remove(gone);
    }
    let named = |batch: &Batch, readings: &[(u32, Reading)]| -> Vec<(Name, Reading)> {
        readings.iter().map(|(at, reading)| (batch.meters[*at as usize].clone(), *reading)).collect()
    };
    assert_eq!(named(&read, &read.readings), named(&batch, &expected));

    let told: BTreeSet<_> = read
        .refused
        .iter()
        .map(|r| (r.cause.word(), r.count, r.meter.as_ref().map_or("-", Name::as_str), r.detail.as_str()))
        .collect();
    assert_eq!(
        told.into_iter().collect::<Vec<_>>(),
        [
            ("name", 2, "-", "`Hall.5` is not a meter's name"),
            ("not-finite", 1, "floor-2-pdu-6", "an exponent of 1000 is beyond ±100"),
            ("unit", 2, "floor-2-pdu-3", "`KW/h` is not a unit that is understood"),
        ]
    );
    assert!(read.refused.iter().all(|refused| !refused.sample.is_empty()));
}

#[test]
fn a_later_agents_cause_is_kept_in_words() {
    let mut batch = ordinary_batch(0);
    batch.refused.push(Refused {
        at: Timestamp(1),
        cause: Cause::Time,
        origin: "x".repeat(3_000),
        meter: None,
        detail: "é".repeat(3_000),
        sample: vec![1; 3_000],
        count: 3,
    });
    let mut message: v1::Batch = open(v1::Kind::Batch, "a batch", &encode_batch(&batch)).expect("own bytes");
    assert_eq!(message.refused[0].sample.len(), MAX_SAMPLE_BYTES);
    message.refused[0].cause = "moonlight".into();
    let read = decode_batch(&seal(v1::Kind::Batch, &message)).expect("valid").refused.remove(0);
    assert_eq!((read.cause, read.count), (Cause::Payload, 3));
    assert!(read.detail.starts_with("moonlight: é") && read.detail.len() <= MAX_SAMPLE_BYTES);
}

#[test]
fn limits_on_counts_are_kept() {
    let sealed = |message: v1::Batch| seal(v1::Kind::Batch, &message);
    let base = || v1::Batch { site: "s".into(), agent: "a".into(), ..v1::Batch::default() };
    let too_many = [
        v1::Batch { meter: vec![0; MAX_READINGS + 1], meters: vec!["m".into()], ..base() },
        v1::Batch { meters: vec!["m".into(); MAX_METERS + 1], ..base() },
        v1::Batch { units: vec!["W".into(); MAX_UNITS + 1], ..base() },
        v1::Batch { refused: vec![v1::Refused::default(); MAX_REFUSED + 1], ..base() },
        v1::Batch { losses: vec![v1::Loss::default(); MAX_REFUSED + 1], ..base() },
    ];
    for message in too_many {
        assert!(matches!(decode_batch(&sealed(message)), Err(WireError::Count { .. })));
    }
    let long = v1::Batch { units: vec!["x".repeat(MAX_MESSAGE_BYTES)], ..base() };
    assert!(matches!(decode_batch(&sealed(long)), Err(WireError::TooLong { .. })));
    let uneven = v1::Batch { meter: vec![0, 0], meters: vec!["m".into()], at: vec![1], ..base() };
    assert!(matches!(decode_batch(&sealed(uneven)), Err(WireError::Columns { column: "at", .. })));
    let beyond = v1::Batch { meter: vec![1], meters: vec!["m".into()], ..base() };
    assert!(matches!(decode_batch(&sealed(beyond)), Err(WireError::Position { column: "meter", .. })));
    let nameless = v1::Batch { site: String::new(), ..base() };
    assert!(matches!(decode_batch(&sealed(nameless)), Err(WireError::Name { what: "site", .. })));
    assert_eq!(decode_batch(&sealed(v1::Batch::default())), Err(WireError::Checksum));

    let ranges = (0..20_000_u64).map(|i| (2 + 3 * i, 2 + 3 * i)).collect();
    let acknowledgement = Acknowledgement {
        collector: name("c"),
        store_id: 1,
        incarnation: Incarnation::default(),
        floor: 0,
        ranges,
    };
    let read = decode_acknowledgement(&encode_acknowledgement(&acknowledgement)).expect("cut, not refused");
    assert_eq!(read.ranges, acknowledgement.ranges[..MAX_RANGES]);
}

#[test]
fn the_oldest_bytes_are_still_read() {
    let mut batch = ordinary_batch(2);
    batch.meters.truncate(2);
    batch.losses.push(Loss {
        from: Timestamp(5),
        to: Timestamp(9),
        readings: 4,
        meter: None,
        cause: LossCause::Dropped,
    });
    let golden = "080110011d0253bd6222780a0468616c6c1203612d311a100880b083c5986811efbeedfe000000002007\
        2a0d666c6f6f722d322d7064752d302a0d666c6f6f722d322d7064752d3132036b57683a0200014207c0\
        ca8fc59868024a0790cb8fc598680252088eaabc4d90aabc4d5a020505620201017a03d20f028a010608\
        0a10121804";
    let bytes = encode_batch(&batch);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, golden);
    assert_eq!(decode_batch(&bytes).expect("golden"), batch);
}

#[test]
fn a_batch_stands_only_for_what_was_before_it() {
    let base = || v1::Batch { site: "s".into(), agent: "a".into(), sequence: 9, ..v1::Batch::default() };
    let read = |message: v1::Batch| decode_batch(&seal(v1::Kind::Batch, &message));
    let good = read(v1::Batch { replaces: vec![0, 3, 8, 0], again: vec![8], ..base() }).expect("valid");
    assert_eq!(good.lineage, Lineage { floor: 0, replaces: vec![(0, 3), (8, 8)], again: vec![8] });
    for wrong in [
        v1::Batch { again: vec![9], ..base() },
        v1::Batch { replaces: vec![9, 0], ..base() },
        v1::Batch { replaces: vec![3, 6], ..base() },
        v1::Batch { replaces: vec![3, u64::MAX], ..base() },
        v1::Batch { replaces: vec![3], ..base() },
    ] {
        assert_eq!(read(wrong), Err(WireError::Replaces { sequence: 9 }));
    }
}

#[test]
fn what_a_device_says_of_itself_takes_few_bytes_and_a_wrong_place_for_it_is_an_error() {
    let mut batch = ordinary_batch(500);
    let bare = encode_batch(&batch).len();
    for (i, (_, reading)) in batch.readings.iter_mut().enumerate() {
        reading.evidence = Evidence::of(Serial::of(&format!("S{}", i % 50)), Some(u32::MAX - 1));
    }
    let bytes = encode_batch(&batch);
    assert_eq!(decode_batch(&bytes).expect("own bytes"), batch);
    assert!(bytes.len() < bare + 50 * 9 + 500 * 7, "{} after {bare}", bytes.len());

    let mut message: v1::Batch = open(v1::Kind::Batch, "a batch", &bytes).expect("own bytes");
    message.serial[7] = 51;
    let read = decode_batch(&seal(v1::Kind::Batch, &message));
    assert!(matches!(read, Err(WireError::Position { column: "serial", position: 51, entries: 50 })));
}

/// `(message, label and type, field, number)` of every field.
type Fields = BTreeSet<(String, String, String, String)>;

fn fields_of_proto(text: &str) -> Fields {
    let mut fields = Fields::new();
    let mut message = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("message ") {
            message = Some(name.trim_end_matches(" {").to_owned());
        } else if line == "}" {
            message = None;
        } else if let (Some(message), Some(field)) = (&message, line.strip_suffix(';')) {
            let (left, number) = field.split_once(" = ").expect(line);
            let (kind, name) = left.rsplit_once(' ').expect(line);
            fields.insert((message.clone(), kind.into(), name.into(), number.into()));
        }
    }
    fields
}

fn fields_of_code(text: &str) -> Fields {
    let mut fields = Fields::new();
    let mut message = String::new();
    let mut attribute = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("pub(super) struct ") {
            message = name.trim_end_matches(" {").to_owned();
        } else if let Some(inside) = line.strip_prefix("#[prost(") {
            attribute = inside;
        } else if let Some(field) = line.strip_prefix("pub(super) ").and_then(|l| l.strip_suffix(',')) {
            let (name, kind) = field.split_once(": ").expect(line);
            let parts: Vec<&str> = attribute.trim_end_matches(")]").split(", ").collect();
            let number = parts[parts.len() - 1].trim_start_matches("tag = ").trim_matches('"');
            let inner = kind.trim_start_matches("Vec<").trim_start_matches("Option<").trim_end_matches('>');
            let scalar = match parts[0] {
                "message" => inner,
                "enumeration = \"Kind\"" => "Kind",
                "bytes = \"vec\"" => "bytes",
                scalar => scalar,
            };
            let label = if parts.contains(&"repeated") { "repeated " } else { "" };
            fields.insert((message.clone(), format!("{label}{scalar}"), name.into(), number.into()));
        }
    }
    fields
}

#[test]
fn the_published_proto_is_what_the_code_speaks() {
    let proto = fields_of_proto(include_str!("../../proto/wattledger/v1/link.proto"));
    let code = fields_of_code(include_str!("v1.rs"));
    assert!(proto.len() > 50, "the fields were not found: {proto:?}");
    assert_eq!(proto, code);
}
