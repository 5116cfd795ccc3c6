//! A spool that is too small on purpose, while the link is down for long and the agent is killed: what is thinned
//! changes no quarter of an hour, and what is dropped is counted.

use crate::chance::{Chance, say};
use crate::pair::{Pair, Readings};
use crate::publish::{Message, publish};
use crate::rig::{LONG, Reads, Rig, asked, check_printed_receipt};
use crate::wait::{turn, until};
use std::collections::BTreeMap;
use std::time::Duration;
use wattledger_collector::clock;
use wattledger_collector::engine::receipts::Receipt;
use wattledger_collector::store::read::SeriesReader;
use wattledger_collector::store::{self, MeterId};

const METERS: i64 = 60;
/// A day, every ten seconds.
const TICKS: i64 = 8_640;
/// The instants before the link goes down.
const BEFORE: i64 = 400;
const STEP_MS: i64 = 10_000;
const HOUR_MS: i64 = 3_600_000;
const QUARTER_MINUTES: i64 = 15;

/// All registers in one message. Without a unit nothing can be thinned.
fn reads(unit: &str) -> Reads {
    let rules = format!(
        r#"
[[source.mqtt.rule]]
topic = "hall/registers"
each = "$.energy[*]"
meter = "{{element}}"
value = "@"
time = "$.time"
time_format = "epoch-ms"
{unit}
"#
    );
    let meter = |at: i64| {
        let role = if at == 0 { "utility" } else { "it-input" };
        format!(
            "[[meter]]\nname = \"m{at}\"\nsite = \"hall\"\nfacility = \"hall-1\"\nrole = \"{role}\"\n\
             kind = \"register\"\nunit = \"Wh\"\nnominal_interval = \"10s\"\n"
        )
    };
    let limits = "[spool]\nlimit = \"4 MiB\"\n";
    Reads { rules, meters: (0..METERS).map(meter).collect(), filter: "hall/registers", limits }
}

/// What a register shows: some begin at zero again, some falter for one reading, some move in jerks. So many digits
/// take their place in the spool.
fn shown(meter: i64, tick: i64) -> String {
    let whole = match meter % 10 {
        0 => (tick % 3_000) * (30 + meter),
        1 if tick % 1_911 == 500 => 0,
        2 => tick / 45 * 1_800,
        _ => 1_000_000 + tick * (30 + meter) + (tick * tick + meter) % 23,
    };
    // The same digits while a register stands still.
    format!("{whole}.{:05}7", whole * 7_919 % 100_000)
}

struct Registers {
    begin_ms: i64,
    known: Readings,
}

impl Registers {
    fn new() -> Registers {
        let begin_ms = (clock::now().0 - 48 * HOUR_MS).div_euclid(HOUR_MS) * HOUR_MS;
        Registers { begin_ms, known: Readings::new() }
    }

    fn messages(&mut self, ticks: std::ops::Range<i64>) -> Vec<Message> {
        let message = |tick: i64| {
            let at = self.begin_ms + tick * STEP_MS;
            let energy = (0..METERS).map(|meter| {
                let value = shown(meter, tick);
                let shown = format!("\"m{meter}\":{value}");
                self.known.insert((format!("m{meter}"), at), value);
                shown
            });
            let energy: Vec<String> = energy.collect();
            Message::new("hall/registers", format!("{{\"time\":{at},\"energy\":{{{}}}}}", energy.join(",")))
        };
        ticks.map(message).collect()
    }
}

/// Some readings, then a day of them without a link and with the agent killed in the middle, then the link again.
/// Gives everything that was read, and how it was in the end.
async fn starved(rig: &mut Rig, chance: &mut Chance) -> (Readings, Receipt) {
    let port = rig.sensors.port;
    let mut registers = Registers::new();
    publish(port, registers.messages(0..BEFORE)).await;
    rig.of_agent.refuse(true);
    let mut from = BEFORE;
    for kill in 1..=3 {
        let to = if kill == 3 { TICKS } else { chance.among(from as usize + 1..TICKS as usize) as i64 };
        publish(port, registers.messages(from..to)).await;
        say(&format!("small spool: agent killed after {to} of {TICKS} instants"));
        rig.kill_agent(Duration::from_millis(chance.among(0..1_000) as u64)).await;
        from = to;
    }
    // Whoever reads this has read everything before it.
    publish(port, vec![Message::new("hall/registers", "the end")]).await;
    until("the agent has read everything", LONG, async || {
        rig.struck.agent.expect_running()?;
        if rig.struck.agent.printed().contains("input refused") {
            Ok(())
        } else {
            Err("it has not".to_owned())
        }
    })
    .await;
    rig.of_agent.refuse(false);
    rig.settle(registers.known.len()).await;
    let receipt = rig.struck.receipt().expect("settled");
    say(&format!("small spool: {} readings: {receipt:?}", registers.known.len()));
    check_printed_receipt(&rig.struck).await;
    rig.stop().await;
    (registers.known, receipt)
}

fn each_meter(pair: &Pair) -> Vec<(String, MeterId)> {
    let connection = store::open_reader(&pair.store).expect("a store");
    let meters = store::meters(&connection).expect("meters");
    meters.into_iter().map(|(key, id)| (key.meter.to_string(), id)).collect()
}

/// What was booked of each meter in each quarter of an hour, µWh.
fn quarters(pair: &Pair) -> BTreeMap<(String, i64), i64> {
    let reader = SeriesReader::open(&pair.store).expect("a store");
    let mut sums = BTreeMap::new();
    for (name, id) in each_meter(pair) {
        for (minute, booked) in reader.minutes(id).expect("readable") {
            let quarter = (name.clone(), minute.div_euclid(QUARTER_MINUTES));
            *sums.entry(quarter).or_default() += booked.amount();
        }
    }
    sums
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thinned_in_a_long_outage_every_quarter_of_an_hour_keeps_its_amount() {
    let _turn = turn().await;
    let Some(mut rig) = Rig::started("thinned", reads("unit = \"Wh\"")).await else { return };
    let mut chance = Chance::seeded("thinned");
    let (known, receipt) = starved(&mut rig, &mut chance).await;
    assert!(receipt.told_thinned > 50_000 && receipt.told_lost == 0, "{receipt:?}");
    assert_eq!(
        (receipt.unaccounted(), receipt.missing_batches, receipt.quarantined),
        (0, 0, 0),
        "{receipt:?}"
    );
    let (calm, struck) = (rig.calm.readings(), rig.struck.readings());
    assert_eq!(calm, known);
    assert!(
        struck.iter().all(|(of, value)| known.get(of) == Some(value)),
        "thinning makes no register readings"
    );
    let (expected, found) = (quarters(&rig.calm), quarters(&rig.struck));
    assert!(expected.len() as i64 >= METERS * 95, "{} quarters of an hour", expected.len());
    let differing: Vec<_> =
        expected.iter().filter(|(quarter, amount)| found.get(quarter) != Some(amount)).collect();
    assert!(differing.is_empty(), "{} of {}: {differing:?}", differing.len(), expected.len());
    assert_eq!(found.len(), expected.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_in_a_long_outage_every_reading_that_is_missing_is_told_of() {
    let _turn = turn().await;
    let Some(mut rig) = Rig::started("dropped", reads("")).await else { return };
    let mut chance = Chance::seeded("dropped");
    let (known, receipt) = starved(&mut rig, &mut chance).await;
    assert!(receipt.told_lost > 10_000 && receipt.told_thinned == 0, "{receipt:?}");
    assert_eq!((receipt.missing_batches, receipt.quarantined), (0, 0), "{receipt:?}");
    let found = rig.struck.readings();
    assert!(found.iter().all(|(of, value)| known.get(of) == Some(value)), "a reading was made up");
    // What the agent read twice, because it was killed before it could say so, may have been dropped twice.
    let twice = receipt.taken_in - known.len() as u64;
    let missing = (known.len() - found.len()) as u64;
    assert!((missing..=missing + twice).contains(&receipt.told_lost), "{missing} are missing: {receipt:?}");
    let losses = asked(&rig.struck, &["receipts", "--losses", "--json"]).await;
    let losses: serde_json::Value = serde_json::from_str(&losses).expect("JSON");
    let losses = losses.as_array().expect("a list");
    let told: u64 = losses.iter().filter_map(|loss| loss["readings"].as_u64()).sum();
    assert_eq!(told, receipt.told_lost);
    let meters: std::collections::BTreeSet<_> =
        losses.iter().filter_map(|loss| loss["meter"].as_str()).collect();
    assert_eq!(meters.len() as i64, METERS, "{losses:?}");
}
