//! The agent's benchmarks: `cargo bench -p wattledger-agent`. Sensors' messages through the rules into
//! the durable spool; nothing fails by being slow.

#[path = "../../../benches/measure/mod.rs"]
mod measure;

use measure::{Bar, Row, asked, by_turns, machine, print, processor_time};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wattledger_agent::AgentConfig;
use wattledger_agent::map::{Message, Rule, map};
use wattledger_agent::source::Mapped;
use wattledger_agent::spool::{Contents, Spool, SpoolConfig};
use wattledger_model::reading::Incarnation;
use wattledger_model::time::Timestamp;

/// Values in a message, and devices that send one a second.
const VALUES: usize = 5;
const DEVICES: usize = 100;
/// Messages after which brokers wait for an acknowledgement, and readings of a full batch.
const AWAITED: usize = 10;
const BATCH: usize = 500;
const START: i64 = 1_790_000_000_000;

fn rules() -> Vec<Rule> {
    let head = "[agent]\nname = \"floor\"\nsite = \"hall\"\ncollector = \"campus\"\ndata_dir = \"/nowhere\"\n\n\
                [link]\nbroker = \"mqtt://127.0.0.1:1883\"\n\n[[source.mqtt]]\nname = \"sensors\"\n\n";
    let rule = |(path, meter, unit): (&str, &str, &str)| {
        format!(
            "[[source.mqtt.rule]]\ntopic = \"sensors/{{building}}/{{device}}/SENSOR\"\nmeter = \"{{building}}-{{device}}{meter}\"\n\
             value = \"{path}\"\ntime = \"/Time\"\nunit = \"{unit}\"\n\n"
        )
    };
    let values: [(&str, &str, &str); VALUES] = [
        ("/ENERGY/Total", "", "kWh"),
        ("/ENERGY/Power", "-power", "W"),
        ("/ENERGY/Voltage", "-voltage", "V"),
        ("/ENERGY/Current", "-current", "A"),
        ("/Temperature", "-inlet", "Cel"),
    ];
    let text = head.to_owned() + &values.map(rule).concat();
    let config = AgentConfig::parse("bench.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    config.mqtt.into_iter().flat_map(|source| source.rules).collect()
}

/// What the devices send in so many seconds.
fn messages(seconds: usize) -> Vec<(String, String)> {
    let message = |second: usize, device: usize| {
        let at = Timestamp(START + second as i64 * 1_000);
        let topic = format!("sensors/1/pdu-{device}/SENSOR");
        let payload = format!(
            "{{\"Time\":\"{at}\",\"ENERGY\":{{\"Total\":{}.{:03},\"Power\":{},\"Voltage\":229.4,\"Current\":{}.{:02}}},\"Temperature\":21.5}}",
            81_234 + second / 30,
            (second * 33 + device) % 1_000,
            7_300 + second % 90,
            31 + device % 3,
            second % 100
        );
        (topic, payload)
    };
    (0..seconds).flat_map(|second| (0..DEVICES).map(move |device| message(second, device))).collect()
}

fn mapped(rules: &[Rule], (topic, payload): &(String, String)) -> Contents {
    let message = Message { topic, payload: payload.as_bytes(), retained: false, arrived: Timestamp(START) };
    let mut contents = Contents::default();
    for mapped in map(rules, &message).mapped {
        match mapped {
            Mapped::Reading { meter, reading } => contents.readings.push((meter, reading)),
            Mapped::Refused(refused) => contents.refused.push(refused),
        }
    }
    assert_eq!((contents.readings.len(), contents.refused.len()), (VALUES, 0));
    contents
}

fn only_mapped(rules: &[Rule], messages: &[(String, String)]) -> Duration {
    let start = Instant::now();
    let readings: usize = messages.iter().map(|message| mapped(rules, message).readings.len()).sum();
    assert_eq!(readings, messages.len() * VALUES);
    start.elapsed()
}

/// Mapped, and made durable in batches of so many messages.
fn spooled(rules: &[Rule], messages: &[(String, String)], batch: usize) -> Duration {
    let dir = tempfile::tempdir_in(directory()).expect("a directory");
    let config = SpoolConfig {
        dir: dir.path().to_owned(),
        agent: wattledger_model::batch::AgentKey {
            site: "hall".parse().expect("a name"),
            agent: "floor".parse().expect("a name"),
        },
        limit_bytes: 1 << 30,
    };
    let (mut spool, _) =
        Spool::open(config, Incarnation { started: Timestamp(START), id: 7 }).expect("opens");
    let start = Instant::now();
    for some in messages.chunks(batch) {
        let mut contents = Contents::default();
        for message in some {
            contents.readings.extend(mapped(rules, message).readings);
        }
        spool.append(&[contents]).expect("appended");
    }
    let time = start.elapsed();
    assert_eq!(spool.taken_in(), (messages.len() * VALUES) as u64);
    time
}

fn directory() -> PathBuf {
    std::env::var_os("WATTLEDGER_BENCH_DIR")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).to_path_buf(), PathBuf::from)
}

fn main() {
    let seconds = asked("WATTLEDGER_BENCH_SECONDS", 60);
    println!("{}", machine(&directory()));
    let (rules, messages) = (rules(), messages(seconds));
    let times = by_turns(
        5,
        &mut [
            Box::new(|| only_mapped(&rules, &messages)),
            Box::new(|| spooled(&rules, &messages, BATCH / VALUES)),
            Box::new(|| spooled(&rules, &messages, AWAITED)),
        ],
    );
    let before = processor_time();
    spooled(&rules, &messages, AWAITED);
    let share = (processor_time() - before).as_secs_f64() / seconds as f64;
    let readings = (messages.len() * VALUES) as f64;
    let rate = |time: Duration| readings / time.as_secs_f64();
    let rows = [
        Row::new("mapping alone, five values of a message", rate(times[0]), "readings/s", Bar::None),
        Row::new("mapped and durable, batches of 500", rate(times[1]), "readings/s", Bar::None),
        Row::new(
            "mapped and durable, ten messages at a time",
            rate(times[2]),
            "readings/s",
            Bar::AtLeast((DEVICES * VALUES) as f64),
        ),
        Row::new(
            format!("processor for {} sensors in {DEVICES} messages/s, ten at a time", DEVICES * VALUES),
            share * 100.0,
            "% of a core",
            Bar::Below(1.0),
        ),
    ];
    print("Mapping and spool", &rows);
}
