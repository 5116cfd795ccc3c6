//! Reports that are frozen, on the command line: issued, listed, restated, and verified from the ledger and from a bundle.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::{Arrival, Engine};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::{clock, engine_config};
use wattledger_model::batch::AgentKey;
use wattledger_model::time::{Minute, Timestamp};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wattledger");
const DAY_MS: i64 = 86_400_000;

struct World {
    dir: TempDir,
    config: PathBuf,
    /// The UTC date that is reported.
    date: String,
}

/// Three days of two registers, the last of them yesterday; the day before that is reported.
fn world() -> World {
    let dir = tempfile::tempdir().expect("a directory");
    let text = format!(
        "[collector]\nname = \"campus\"\ndata_dir = \"{}\"\n[link]\nbroker = \"mqtt://127.0.0.1:1\"\n\
         [web]\nenabled = false\n[[site]]\nname = \"hall\"\ntime_zone = \"UTC\"\n\
         [[facility]]\nname = \"hall-1\"\nsite = \"hall\"\ntargets = [\"D130\"]\n\
         [[meter]]\nname = \"main\"\nfacility = \"hall-1\"\nrole = \"utility\"\nunit = \"kWh\"\nclass = \"0.5S\"\n\
         [[meter]]\nname = \"it\"\nfacility = \"hall-1\"\nrole = \"ups-output\"\nunit = \"kWh\"\nclass = \"0.5S\"\n",
        dir.path().join("data").display()
    );
    let config = dir.path().join("collector.toml");
    std::fs::write(&config, &text).expect("written");
    let parsed = CollectorConfig::parse(&config.display().to_string(), &text)
        .unwrap_or_else(|problems| panic!("{problems}"));
    let today = clock::now().0.div_euclid(DAY_MS) * DAY_MS;
    let start = Timestamp(today - 4 * DAY_MS);
    let mut engine =
        Engine::open_at(engine_config(&parsed), Some(start), Some(&parsed.version)).expect("opens");
    let readings: Vec<String> = (0..=3 * 1_440)
        .flat_map(|minute| {
            let at = Timestamp(start.0 + minute * 60_000);
            [("main", minute * 13), ("it", minute * 10)].map(|(meter, value)| {
                format!("{{\"meter\":\"{meter}\",\"at\":\"{at}\",\"value\":{value},\"unit\":\"kWh\"}}")
            })
        })
        .collect();
    let agent = AgentKey { site: "hall".parse().expect("name"), agent: "a".parse().expect("name") };
    let payload = format!("{{\"readings\":[{}]}}", readings.join(",")).into_bytes();
    let arrival = Arrival { agent, form: PayloadForm::Json, payload };
    engine.take(&[arrival], Timestamp(start.0 + 3 * DAY_MS)).expect("taken");
    engine.compact().expect("compacted");
    let date = Minute((start.0 + DAY_MS) / 60_000).start().to_string()[..10].to_owned();
    World { dir, config, date }
}

impl World {
    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let config = self.config.display().to_string();
        Command::new(PROGRAM).args(arguments).args(["--config", &config]).output().expect("it runs")
    }

    fn done(&self, arguments: &[&str]) -> String {
        is(&self.run(arguments), 0)
    }
}

/// What a command printed that ended so.
fn is(output: &Output, code: i32) -> String {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{error}");
    if code == 0 || !out.is_empty() { out.into_owned() } else { error.into_owned() }
}

fn verify(bundle: &Path, report: &str) -> Output {
    let bundle = bundle.display().to_string();
    Command::new(PROGRAM).args(["verify", report, "--evidence", &bundle]).output().expect("it runs")
}

#[test]
fn a_report_is_issued_restated_and_verified_on_the_command_line() {
    let world = world();
    let first = format!("hall-1_{}_1", world.date);
    let of = ["report", "--facility", "hall-1", "--period", &world.date];
    let evidence = world.path("evidence");
    let said = world.done(&[&of[..], &["--issue", "--format", "csv", "--evidence", &evidence]].concat());
    assert!(said.starts_with(&first) && said.contains("D130") && said.contains("report.csv"), "{said}");
    let again = is(&world.run(&[&of[..], &["--issue"]].concat()), 1);
    assert!(again.contains(&format!("--restate {first}")), "{again}");
    let verified = world.done(&["verify", &first]);
    assert!(verified.starts_with(&format!("{first}: verified")), "from the ledger: {verified}");
    assert!(
        verified.contains("note: the report is not signed") && verified.contains("the audit chain up to ")
    );
    let report = world.path(&format!("data/issued/{first}/report.json"));
    assert!(world.done(&["verify", &report]).contains(&first), "from the ledger, by a file");
    // On another machine there is the bundle alone.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let bundle = elsewhere.path().join("bundle");
    std::fs::rename(&evidence, &bundle).expect("moved");
    let copy = bundle.join("report.json").display().to_string();
    assert!(is(&verify(&bundle, &copy), 0).contains("verified"));
    let text = std::fs::read_to_string(&copy).expect("read");
    let changed = elsewhere.path().join("changed.json").display().to_string();
    std::fs::write(&changed, text.replacen("\"rounded\": \"1.30\"", "\"rounded\": \"1.20\"", 1))
        .expect("written");
    let found = is(&verify(&bundle, &changed), 1);
    assert!(found.contains("NOT verified") && found.contains("pue.rounded: 1.30 -> 1.20"), "{found}");

    // What cannot be looked at is neither.
    let unknown = is(&world.run(&["verify", "hall-1_2020_1"]), 2);
    assert!(unknown.contains("report --issued"), "{unknown}");
    assert!(is(&verify(&elsewhere.path().join("nowhere"), &copy), 2).contains("nowhere"));
    std::fs::remove_file(bundle.join("manifest.json")).expect("removed");
    assert!(is(&verify(&bundle, &copy), 2).contains("manifest.json"));
    let folder = world.path(&format!("data/issued/{first}"));
    let away = world.path("away");
    std::fs::rename(&folder, &away).expect("moved");
    let gone = is(&world.run(&["verify", &first]), 1);
    assert!(gone.contains("its files are not in"), "{gone}");
    // As a kill leaves it after the entry: whoever opens the store next ends it.
    std::fs::rename(&away, world.path(&format!("data/issued/.{first}.partial"))).expect("moved back");
    world.done(&["ledger", "digest"]);
    assert!(world.done(&["verify", &first]).contains(": verified"));

    let unchanged = is(&world.run(&["report", "--restate", &first, "--reason", "to see"]), 1);
    assert!(unchanged.contains("nothing is other"), "{unchanged}");
    let listed = world.done(&["report", "--issued"]);
    assert!(listed.contains(&first) && listed.contains("not signed"), "{listed}");
    assert_eq!(world.run(&["report"]).status.code(), Some(2), "a report of what?");
    assert_eq!(world.run(&["report", "--restate", &first, "--period", "2025"]).status.code(), Some(2));
    assert!(world.done(&["audit", "list", "--kind", "issue"]).contains(&first));
}
