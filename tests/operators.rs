//! What operators do on the command line, on a stopped collector and on a running one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::Arrival;
use wattledger_collector::journal::PayloadForm;
use wattledger_model::batch::{AgentKey, Batch, Lineage};
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Incarnation, Quality, Reading};
use wattledger_model::time::Timestamp;
use wattledger_model::wire;

const PROGRAM: &str = env!("CARGO_BIN_EXE_wattledger");

fn now() -> Timestamp {
    wattledger_collector::clock::now()
}

/// An hour of a register two days ago, then nothing; one reading that came from a clock ahead, one long ago.
fn fill(config: &CollectorConfig) -> i64 {
    let start = (now().0 - 48 * 3_600_000).div_euclid(3_600_000) * 3_600_000;
    let reading = |at: i64, value: i64| Reading {
        at: Timestamp(at),
        arrived: Timestamp(at),
        value: Decimal::new(value, -1),
        unit: "kWh".parse().ok(),
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    };
    let mut readings: Vec<Reading> =
        (0..=60).map(|minute| reading(start + minute * 60_000, 1_000 + minute)).collect();
    readings.push(Reading { arrived: Timestamp(start), ..reading(start + 3_660_000, 1_061) });
    readings.push(reading(start - 500 * 86_400_000, 7));
    let agent = AgentKey { site: "hall".parse().expect("name"), agent: "a".parse().expect("name") };
    let batch = Batch {
        agent: agent.clone(),
        incarnation: Incarnation { started: Timestamp(start), id: 1 },
        sequence: 0,
        meters: vec!["main".parse().expect("name")],
        readings: readings.into_iter().map(|reading| (0, reading)).collect(),
        refused: Vec::new(),
        losses: Vec::new(),
        lineage: Lineage::default(),
    };
    let arrival = Arrival { agent, form: PayloadForm::Batch, payload: wire::encode_batch(&batch) };
    let mut engine = wattledger_collector::open_engine(config, now()).expect("opens");
    engine.take(&[arrival], now()).expect("taken");
    engine.compact().expect("compacted");
    start
}

struct World {
    dir: TempDir,
    config: String,
    start: i64,
}

fn world() -> World {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let text = format!(
        "[collector]\nname = \"campus\"\ndata_dir = \"{}\"\n[link]\nbroker = \"mqtt://127.0.0.1:1\"\n\
         [web]\nenabled = false\n[[site]]\nname = \"hall\"\ntime_zone = \"Europe/Berlin\"\n\
         [[facility]]\nname = \"hall-1\"\nsite = \"hall\"\n\
         [[meter]]\nname = \"main\"\nfacility = \"hall-1\"\nrole = \"utility\"\nunit = \"kWh\"\n\
         rated_power = \"1 MW\"\n[[meter]]\nname = \"it\"\nfacility = \"hall-1\"\nrole = \"ups-output\"\nunit = \"kWh\"\n\
         rated_power = \"1 MW\"\n",
        data.display()
    );
    let file = dir.path().join("collector.toml");
    std::fs::write(&file, &text).expect("written");
    let config = file.display().to_string();
    let parsed = CollectorConfig::parse(&config, &text).unwrap_or_else(|problems| panic!("{problems}"));
    let start = fill(&parsed);
    World { dir, config, start }
}

impl World {
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM).args(arguments).args(["--config", &self.config]).output().expect("it runs")
    }

    /// What a command prints that must work.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", told(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What a command says that must not.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", told(&output));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn at(&self, hours: i64) -> String {
        Timestamp(self.start + hours * 3_600_000).to_string()
    }

    /// Starts the collector and waits until it says that it runs.
    fn collector(&self) -> Running {
        let mut child = Command::new(PROGRAM)
            .args(["collector", &self.config])
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let runs = lines.by_ref().map_while(Result::ok).any(|line| line.contains("the collector is running"));
        assert!(runs, "it did not start");
        // The rest is read on, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Running(child)
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Killed when dropped, as a power cut would.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("gone");
    }
}

fn operate(world: &World) {
    let (from, to) = (world.at(10), world.at(11));
    let entry = ["correct", "entry", "main", "--from", &from, "--to", &to, "--amount"];
    let with = |more: &[&str]| world.run(&[&entry[..], more].concat());
    let reasonless = with(&["12.5 kWh"]);
    assert_eq!(reasonless.status.code(), Some(2), "a reason is required: {}", told(&reasonless));
    let made = world.done(&[&entry[..], &["12.5 kWh", "--reason", "display was photographed"]].concat());
    assert!(made.contains("of hall/main is in force"), "{made}");
    let number = made.split_whitespace().nth(1).expect("a number").to_owned();
    let list = world.done(&["correct", "list"]);
    assert!(list.contains("12.5 kWh") && list.contains("display was photographed"), "{list}");
    for (arguments, says) in [
        (["correct", "entry", "mian", "--amount", "1 kWh"], "did you mean `main`?"),
        (["correct", "entry", "main", "--amount", "1 m3"], "write it like \"12.5 kWh\""),
        (["correct", "settle", "hall/main", "--amount", "1"], "has no unit"),
    ] {
        let error =
            world.refused(&[&arguments[..], &["--from", &from, "--to", &to, "--reason", "x"]].concat());
        assert!(error.contains(says), "{error}");
    }
    let withdrawn = world.done(&["correct", "withdraw", &number, "--reason", "wrong meter"]);
    assert!(withdrawn.contains("withdrawn"), "{withdrawn}");
    assert!(world.done(&["correct", "list"]).contains("withdrawn by entry"));
    assert!(world.refused(&["correct", "withdraw", &number, "--reason", "x"]).contains("withdrawn already"));

    let held = world.done(&["quarantine", "list", "--cause", "clock-skew"]);
    assert!(held.contains("hall/main") && held.contains("106.1 kWh"), "{held}");
    let id = held.split_whitespace().next().expect("a number").to_owned();
    let admitted = world.done(&["quarantine", "admit", &id, "--reason", "the clock was checked"]);
    assert!(
        admitted.contains("1 admitted") && admitted.contains("1 hour of the ledger changed"),
        "{admitted}"
    );
    assert!(world.refused(&["quarantine", "admit", &id, "--reason", "x"]).contains("is not in quarantine"));
    let error = world.refused(&["quarantine", "discard", "--reason", "x"]);
    assert!(error.contains("say which"), "{error}");
    let error = world.refused(&["quarantine", "list", "--cause", "late"]);
    assert!(error.contains("there are payload"), "{error}");
    let discarded =
        world.done(&["quarantine", "discard", "--all", "--cause", "too-late", "--reason", "a test meter"]);
    assert!(discarded.contains("1 discarded"), "{discarded}");
    assert_eq!(world.done(&["quarantine", "list"]), "nothing is in quarantine\n");

    let told = world.done(&["audit", "list"]);
    for what in ["configuration by collector", "correction by", "withdrawal by", "admission by", "discard by"]
    {
        assert!(told.contains(what), "{what} is missing in\n{told}");
    }
    let only = world.done(&["audit", "list", "--kind", "admission", "--json"]);
    let entry: serde_json::Value = serde_json::from_str(only.trim()).expect("one object");
    assert_eq!(entry["reason"], "the clock was checked");
    assert_eq!(entry["body"]["readings"][0]["meter"], "hall/main");
    let whole = world.done(&["audit", "verify"]);
    assert!(whole.contains("the chain holds: 5 entries"), "{whole}");
    let head = whole.trim().rsplit(' ').next().expect("the head");
    world.done(&["audit", "verify", "--expect", head]);
}

#[test]
fn on_a_stopped_collector_changes_are_made_on_the_store() {
    let world = world();
    operate(&world);
    let rebuilt = world.run(&["rebuild"]);
    assert!(told(&rebuilt).contains("nothing changed"), "{}", told(&rebuilt));
    assert!(world.done(&["audit", "list", "--kind", "rebuild"]).contains("rebuild by"));
}

#[test]
fn a_running_collector_makes_the_same_changes_and_a_kill_loses_none() {
    let world = world();
    let running = world.collector();
    operate(&world);
    drop(running);
    let whole = world.done(&["audit", "verify"]);
    assert!(whole.contains("5 entries"), "{whole}");
    let digest = world.done(&["ledger", "digest"]);
    world.run(&["rebuild"]);
    assert_eq!(world.done(&["ledger", "digest"]), digest);
}

#[test]
fn a_chain_that_was_tampered_with_fails_the_check_with_the_place() {
    let world = world();
    world.done(&["quarantine", "discard", "--all", "--reason", "a test meter"]);
    world.done(&["audit", "verify"]);
    replace_in(&world.dir.path().join("data/ledger.sqlite"), b"a test meter", b"a best meter");
    let broken = world.refused(&["audit", "verify"]);
    assert!(broken.contains("does not hold: entry 2 of"), "{broken}");
}

/// Edits bytes of the store, as with an editor.
fn replace_in(file: &Path, from: &[u8], to: &[u8]) {
    let mut bytes = std::fs::read(file).expect("read");
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert!(found > 0, "not in {}", file.display());
    std::fs::write(file, bytes).expect("written");
}

#[test]
fn a_report_can_be_made_as_it_was_known_and_says_where_that_was_not_noted() {
    let world = world();
    let month = Timestamp(world.start).to_utc().format("%Y-%m").to_string();
    let report = ["report", "--facility", "hall-1", "--period", &month, "--known-at"];
    let error = world.refused(&[&report[..], &["2020-01-01T00:00:00Z"]].concat());
    assert!(error.contains("was not noted"), "{error}");
    let ahead = Timestamp(now().0 + 86_400_000).to_string();
    let error = world.refused(&[&report[..], &[ahead.as_str()]].concat());
    assert!(error.contains("lies ahead"), "{error}");
    // Of now: nothing stood at the quarter-hour edge before the readings came.
    let current = now().to_string();
    let error = world.refused(&[&report[..], &[current.as_str()]].concat());
    assert!(error.contains("nothing has been read yet"), "{error}");
}
