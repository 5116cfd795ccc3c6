//! The agent's benchmarks: `cargo bench -p wattledger-agent [-- SECTION...]`, sections `spool` (sensors' messages
//! through the rules into the durable spool) and `field` (the agent as a process, with a real mosquitto).
//! Nothing fails by being slow. `WATTLEDGER_BENCH_SECONDS` (60) says how much traffic.

#[path = "../../../benches/measure/mod.rs"]
mod measure;

mod field;

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

/// The source that reads what [`message`] says.
fn sources() -> String {
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
    "[[source.mqtt]]\nname = \"sensors\"\n\n".to_owned() + &values.map(rule).concat()
}

fn rules() -> Vec<Rule> {
    let head = "[agent]\nname = \"floor\"\nsite = \"hall\"\ncollector = \"campus\"\ndata_dir = \"/nowhere\"\n\n\
                [link]\nbroker = \"mqtt://127.0.0.1:1883\"\n\n";
    let text = head.to_owned() + &sources();
    let config = AgentConfig::parse("bench.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    config.mqtt.into_iter().flat_map(|source| source.rules).collect()
}

/// The messages of all devices, in turn.
fn message(number: usize, at: Timestamp) -> (String, String) {
    let (round, device) = (number / DEVICES, number % DEVICES);
    let topic = format!("sensors/1/pdu-{device}/SENSOR");
    let payload = format!(
        "{{\"Time\":\"{at}\",\"ENERGY\":{{\"Total\":{}.{:03},\"Power\":{},\"Voltage\":229.4,\"Current\":{}.{:02}}},\"Temperature\":21.5}}",
        81_234 + round / 30,
        (round * 33 + device) % 1_000,
        7_300 + round % 90,
        31 + device % 3,
        round % 100
    );
    (topic, payload)
}

/// What the devices send in so many seconds.
fn messages(seconds: usize) -> Vec<(String, String)> {
    let at = |number: usize| Timestamp(START + (number / DEVICES) as i64 * 1_000);
    (0..seconds * DEVICES).map(|number| message(number, at(number))).collect()
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
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let wanted = |section: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == section);
    println!("{}", machine(&directory()));
    if wanted("spool") {
        print("Mapping and spool", &spool_rows(seconds));
    }
    if wanted("field") {
        let rows = field::rows(&sources(), VALUES, &[DEVICES, DEVICES * 5], seconds, &directory(), message);
        print(&format!("The agent as a process, {} sensors", DEVICES * VALUES), &rows);
    }
}

fn spool_rows(seconds: usize) -> Vec<Row> {
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
    vec![
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
    ]
}
