//! The command line: exit codes, and errors that say what is wrong, where, and the mend.

use std::path::Path;
use std::process::{Command, Output};

fn wattledger(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_wattledger");
    Command::new(program).args(arguments).output().expect("the program runs")
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

fn example(name: &str) -> String {
    format!("{}/config/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn help_names_every_command_and_what_is_unknown_is_called_wrongly() {
    let help = wattledger(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for command in
        ["demo", "agent", "collector", "check", "report", "explain", "rebuild", "ledger", "influx", "alerts"]
    {
        assert!(told(&help).contains(command), "{command}");
    }
    for wrong in [&["frobnicate"][..], &["report"], &["check"], &["ledger"], &["collector"], &["agent"]] {
        assert_eq!(wattledger(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn the_profiles_of_agents_are_listed() {
    let listed = wattledger(&["agent", "profiles"]);
    assert_eq!(listed.status.code(), Some(0), "{}", told(&listed));
    assert!(told(&listed).lines().any(|line| line.starts_with("tasmota: ")), "{}", told(&listed));
}

#[test]
fn the_examples_are_accepted() {
    let output = wattledger(&["check", &example("agent.toml"), &example("collector.toml")]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches(": ok").count(), 2);
}

#[test]
fn every_problem_is_told_at_once_with_its_place_and_the_nearest_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = r#"[collector]
name = "campus"
dta_dir = "x"

[link]
broker = "mqtt://127.0.0.1:1883"

[[site]]
name = "hall"
time_zone = "Europe/Berlinn"

[[facility]]
name = "hall-1"
site = "hal"

[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
unit = "kwhh"
"#;
    let file = write(dir.path(), "collector.toml", text);
    let output = wattledger(&["check", &file, &example("agent.toml")]);
    assert_eq!(output.status.code(), Some(1));
    let told = told(&output);
    for (place, near) in [("3:1", "data_dir"), ("10:13", "Europe/Berlin"), ("14:8", "hall"), ("20:8", "kWh")]
    {
        let line = told.lines().find(|line| line.starts_with(&format!("{file}:{place}:")));
        let line = line.unwrap_or_else(|| panic!("nothing at {place} in\n{told}"));
        assert!(line.contains(near), "{line}");
    }
    assert!(told.contains("agent.toml: ok"), "the other file is checked all the same\n{told}");

    let started = wattledger(&["collector", &file]);
    assert_eq!(started.status.code(), Some(1), "the same at the start");
    assert!(self::told(&started).contains("did you mean `data_dir`"));
}

#[test]
fn what_is_not_there_is_said_with_the_mend() {
    let dir = tempfile::tempdir().expect("a directory");
    let none = dir.path().join("none.toml").display().to_string();
    let output = wattledger(&["check", &none]);
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains(&none));

    let neither = write(dir.path(), "neither.toml", "[something]\n");
    assert!(told(&wattledger(&["check", &neither])).contains("no [agent] and no [collector]"));

    let text = format!(
        "[collector]\nname = \"campus\"\ndata_dir = \"{}\"\n[link]\nbroker = \"mqtt://127.0.0.1:1\"\n",
        dir.path().join("data").display()
    );
    let config = write(dir.path(), "collector.toml", &text);
    for command in [
        vec!["ledger", "digest", "--config", &config],
        vec!["rebuild", "--config", &config],
        vec!["report", "--config", &config, "--facility", "f", "--period", "2025"],
    ] {
        let output = wattledger(&command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(told(&output).contains("there is no ledger in"), "{command:?}: {}", told(&output));
    }
}

/// A store with two days of two registers, made as a collector makes it, and its configuration.
fn a_small_hall(dir: &Path) -> String {
    use wattledger_collector::config::CollectorConfig;
    use wattledger_collector::engine::Arrival;
    use wattledger_collector::journal::PayloadForm;
    let text = format!(
        r#"[collector]
name = "campus"
data_dir = "{}"
[link]
broker = "mqtt://127.0.0.1:1"
[[site]]
name = "hall"
time_zone = "Europe/Berlin"
[[facility]]
name = "hall-1"
site = "hall"
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[meter]]
name = "pdu"
facility = "hall-1"
role = "pdu-output"
kind = "register"
unit = "kWh"
gap_limit = "1h"
"#,
        dir.join("data").display()
    );
    let file = write(dir, "collector.toml", &text);
    let config = CollectorConfig::parse(&file, &text).unwrap_or_else(|problems| panic!("{problems}"));
    let now = "2026-10-05T00:00:00Z";
    let at = |text: &str| wattledger_model::time::Timestamp::from_rfc3339(text).expect("a time");
    let begin = at("2026-09-30T22:00:00Z");
    let mut entries = Vec::new();
    for hour in 0..=48 {
        let time = wattledger_model::time::Timestamp(begin.0 + hour * 3_600_000);
        // 130 kWh an hour on the first day, 120 on the second.
        let main = 1_000 + hour * 130 - (hour - 24).max(0) * 10;
        for (meter, value) in [("main", main), ("pdu", hour * 100)] {
            entries.push(format!(r#"{{"meter":"{meter}","at":"{time}","value":{value},"unit":"kWh"}}"#));
        }
    }
    let payload = format!(r#"{{"readings":[{}]}}"#, entries.join(",")).into_bytes();
    let agent = wattledger_model::batch::AgentKey {
        site: "hall".parse().expect("a name"),
        agent: "hand".parse().expect("a name"),
    };
    let mut engine = wattledger_collector::open_engine(&config, at(now)).expect("a new store");
    engine.take(&[Arrival { agent, form: PayloadForm::Json, payload }], at(now)).expect("taken");
    engine.compact().expect("moved");
    file
}

#[test]
fn numbers_are_explained_from_the_store_without_a_collector() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = a_small_hall(dir.path());
    let explain = |arguments: &[&str]| {
        let output = wattledger(&[&["explain"], arguments, &["--config", &config]].concat());
        (output.status.code(), told(&output))
    };
    let (code, meter) = explain(&["meter", "hall/main", "--period", "2026-10-01"]);
    assert_eq!(code, Some(0), "{meter}");
    for words in [
        "in all                   3 120.000 kWh",
        "the ledger holds the same",
        "24 steps, each a normal step",
    ] {
        assert!(meter.contains(words), "`{words}` is missing in\n{meter}");
    }
    let (code, each) = explain(&[
        "meter",
        "hall/main",
        "--from",
        "2026-10-01 00:00",
        "--to",
        "2026-10-01 03:00",
        "--all",
        "--json",
    ]);
    assert_eq!(code, Some(0), "{each}");
    let each: serde_json::Value = serde_json::from_str(&each).expect("JSON");
    assert_eq!((each["steps"].as_array().map(Vec::len), &each["booked"]["total"]), (Some(3), &390.into()));

    let (code, figure) = explain(&["figure", "hall-1", "2026-10-01"]);
    assert_eq!(code, Some(0), "{figure}");
    for words in
        ["iPUE2 (2026-10-01:2026-10-01) = 1.30", "utility  hall/main", "Outside the common support: nothing"]
    {
        assert!(figure.contains(words), "`{words}` is missing in\n{figure}");
    }
    let (code, change) = explain(&["--compare", "2026-10-01", "2026-10-02", "hall-1"]);
    assert_eq!(code, Some(0), "{change}");
    for words in ["change             -0.1000", "unattributed     -0.1000"] {
        assert!(change.contains(words), "`{words}` is missing in\n{change}");
    }

    let (code, unknown) = explain(&["meter", "hall/mian", "--period", "2026-10-01"]);
    assert!(code == Some(1) && unknown.contains("did you mean `hall/main`?"), "{unknown}");
    let (code, ahead) = explain(&["figure", "hall-1", "2150"]);
    assert!(code == Some(1) && ahead.contains("ask for an earlier period"), "{ahead}");
    for wrong in
        [&["meter", "hall/main"][..], &["figure", "hall-1"], &["--compare", "2026-10-01", "2026-10-02"], &[]]
    {
        let (code, told) = explain(wrong);
        assert_eq!(code, Some(2), "{wrong:?}: {told}");
    }
}

#[test]
fn a_report_is_handed_over_in_every_format_and_in_both_languages() {
    let dir = tempfile::tempdir().expect("a directory");
    let printers = format!("{}/collector/src/outputs/reports/tests/printers", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(a_small_hall(dir.path())).expect("it was written");
    let with_printer = |name: &str| {
        let text = format!("{text}[reports]\nprinter = \"{printers}/{name}\"\n");
        write(dir.path(), &format!("{name}.toml"), &text)
    };
    let config = with_printer("echo.sh");
    let report = |config: &str, arguments: &[&str]| {
        let asked = ["report", "--config", config, "--facility", "hall-1", "--period", "2026-10-01"];
        wattledger(&[&asked, arguments].concat())
    };
    let written = |file: &str, arguments: &[&str]| {
        let path = dir.path().join(file).display().to_string();
        let output = report(&config, &[&["--output", &path], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{file}: {}", told(&output));
        std::fs::read(&path).expect("a file")
    };
    let page = String::from_utf8(written("a.html", &["--lang", "zh"])).expect("UTF-8");
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"zh\">") && page.contains("= 1.30"), "{page}");
    assert!(written("a.xlsx", &[]).starts_with(b"PK"), "a workbook is a zip file");
    assert!(written("a.csv", &[]).starts_with(b"facility,figure,"));
    assert!(written("a.data", &["--format", "json"]).starts_with(b"{"), "the word goes before the ending");
    assert!(
        written("a", &[]).starts_with(b"hall-1 (hall-1), 2026-10-01"),
        "text where nothing says otherwise"
    );

    // This printer hands back what it was given.
    let printed = String::from_utf8(written("a.pdf", &["--lang", "zh"])).expect("UTF-8");
    let job = printed.lines().nth(2).expect("what it was given");
    let job: serde_json::Value = serde_json::from_str(job).expect("JSON");
    assert_eq!(
        (&job["document"]["lang"], &job["attachments"][0]["name"]),
        (&"zh".into(), &"report.json".into())
    );

    let piped = report(&config, &["--format", "xlsx"]);
    assert!(piped.stdout.starts_with(b"PK"), "a pipe is no terminal: {}", told(&piped));
    for (name, arguments, words) in [
        ("refuse.sh", &["--format", "pdf"][..], "no font has the letters"),
        ("nowhere", &["--format", "pdf"], "cargo build --release -p wattledger-print"),
        ("echo.sh", &["--format", "csv", "--lang", "zh"], "ask for html, xlsx or pdf"),
        ("echo.sh", &["--format", "html", "--form", "frm"], "no form `frm`"),
    ] {
        let output = report(&with_printer(name), arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(
            output.stdout.is_empty() && told(&output).contains(words),
            "{arguments:?}: {}",
            told(&output)
        );
    }
    for wrong in [["--format", "docx"], ["--lang", "de"]] {
        let output = report(&config, &wrong);
        assert!(output.status.code() == Some(2) && told(&output).contains(wrong[1]), "{}", told(&output));
    }
}

#[test]
fn what_is_handed_over_is_described_without_a_configuration_and_with_nothing_beside_it() {
    for (word, shape) in [
        ("report", "wattledger/report/v2"),
        ("portfolio", "wattledger/portfolio/v1"),
        ("issued", "wattledger/issue/v1"),
        ("evidence", "wattledger/evidence/v1"),
        ("document", "wattledger/document/v1"),
    ] {
        let output = wattledger(&["report", "--schema", word]);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let constants = schema["properties"].as_object().expect("fields").values();
        assert_eq!(constants.filter(|field| field["const"] == shape).count(), 1, "{word}");
    }
    let columns = wattledger(&["report", "--schema", "csv"]);
    assert!(columns.status.success() && told(&columns).contains("| `facility` |"), "{}", told(&columns));

    let (config, period) = (example("collector.toml"), ["--period", "2025"]);
    for beside in
        [&["--config", config.as_str()][..], &period, &["--format", "json"], &["--issued"], &["-o", "a.json"]]
    {
        let output = wattledger(&[&["report", "--schema", "report"], beside].concat());
        assert!(
            output.status.code() == Some(2) && output.stdout.is_empty() && told(&output).contains("--schema"),
            "{beside:?}: {}",
            told(&output)
        );
    }
    let unknown = wattledger(&["report", "--schema", "xlsx"]);
    assert!(unknown.status.code() == Some(2) && told(&unknown).contains("portfolio"), "{}", told(&unknown));
    let without = wattledger(&["report", "--facility", "hall-1", "--period", "2025"]);
    assert!(without.status.code() == Some(2) && told(&without).contains("--config"), "{}", told(&without));
}

#[test]
fn a_database_that_cannot_be_compared_says_why_and_what_mends_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = a_small_hall(dir.path());
    let influx = |config: &str, arguments: &[&str]| {
        let output = wattledger(&[&["influx"], arguments, &["--config", config]].concat());
        (output.status.code(), told(&output))
    };
    let (code, none) = influx(&config, &["verify"]);
    assert!(code == Some(2) && none.contains("no [[output.influx]]"), "{none}");

    let output = "[[output.influx]]\nname = \"history\"\nurl = \"http://127.0.0.1:9\"\napi = \"v1\"\ndatabase = \"wl\"\n";
    let text = std::fs::read_to_string(&config).expect("it was written") + output;
    let config = write(dir.path(), "with-output.toml", &text);
    for (arguments, words) in [
        (&["verify"][..], "output `history` cannot be read"),
        (&["verify"], "start it, or check `url` of the output"),
        (
            &["backfill", "--from", "2026-10-01", "--to", "2026-10-02"],
            "start it, or check `url` of the output",
        ),
        (&["verify", "--output", "histroy"], "did you mean `history`?"),
        (&["verify", "--facility", "hall1"], "did you mean `hall-1`?"),
        (&["verify", "--meter", "hall/mian"], "did you mean `hall/main`?"),
        (&["verify", "--measurement", "wl_meters"], "did you mean `wl_meter`?"),
        (
            &["backfill", "--period", "2026-10", "--measurement", "wl_agent"],
            "records what was shown at the time",
        ),
        (&["verify", "--from", "yesterday"], "write it like 2026-03-02T09:58:00Z"),
        (&["verify", "--from", "2026-10-02", "--to", "2026-10-01"], "--to must be after --from"),
    ] {
        let (code, told) = influx(&config, arguments);
        assert!(code == Some(2) && told.contains(words), "{arguments:?}: {code:?} {told}");
    }
    for wrong in [
        &[][..],
        &["backfill"],
        &["backfill", "--from", "2026-10-01"],
        &["verify", "--period", "2026", "--from", "2026"],
    ] {
        let (code, told) = influx(&config, wrong);
        assert!(code == Some(2) && told.contains("Usage: "), "{wrong:?}: {told}");
    }

    let elsewhere = text.replace("data\"", "nothing-here\"");
    let config = write(dir.path(), "elsewhere.toml", &elsewhere);
    let (code, told) = influx(&config, &["verify"]);
    assert!(code == Some(2) && told.contains("there is no ledger in"), "{told}");
}

/// Adds a rule to the small hall: PUE over an hour, held for 5 minutes on each side.
fn with_rule(config: &str, keys: &str) {
    let rule = format!(
        "[[alert]]\nname = \"high\"\nfacility = \"hall-1\"\nindicator = \"pue\"\nwindow = \"1h\"\n{keys}"
    );
    let text = std::fs::read_to_string(config).expect("it was written") + &rule;
    std::fs::write(config, text).expect("written");
}

#[test]
fn a_rule_is_tried_on_the_past_with_its_own_thresholds_and_with_others() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = a_small_hall(dir.path());
    // PUE is 1.3 on the first day of October, 1.2 on the second.
    with_rule(&config, "raise_above = 1.25\nraise_after = \"5m\"\nclear_after = \"5m\"\n");
    let test = |arguments: &[&str]| {
        let output = wattledger(&[&["alerts", "test"], arguments, &["--config", &config]].concat());
        (output.status.code(), told(&output))
    };
    let (code, told) = test(&["high", "--from", "2026-10-01", "--to", "2026-10-04"]);
    assert_eq!(code, Some(0), "{told}");
    // The first day begins at 22:00 UTC, and an hour of it must be known; on the second half an hour is enough to come
    // below 1.25.
    for words in [
        "2026-09-30T22:00:00Z to 2026-10-03T22:00:00Z, 3 d",
        "raised   hall-1  high, warning, lasts 23 h 3",
        "value 1.300, limit 1.250, coverage",
        "2026-10-01T22:3",
        "cleared  hall-1  high",
        "high: fired 1 time, up for 23 h 3",
        "Could not be judged:",
        "facility hall-1: nothing is known yet after 2026-10-02T2",
    ] {
        assert!(told.contains(words), "`{words}` is missing in\n{told}");
    }
    let (code, told) = test(&["high", "--from", "2026-10-01", "--raise-above", "1.35"]);
    assert!(code == Some(0) && told.contains("high: fired 0 times\n"), "{told}");
    let (code, told) = test(&[
        "high",
        "--from",
        "2026-10-01 12:00",
        "--raise-above",
        "1.1",
        "--set",
        "severity=\"critical\"",
        "--json",
    ]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}"));
    assert_eq!((code, &told["turns"][0]["severity"]), (Some(0), &"critical".into()));
    assert_eq!((&told["rules"][0]["fired"], &told["rules"][0]["still_up"]), (&1.into(), &1.into()));
    assert_eq!(told["turns"][0]["lasts_minutes"], serde_json::Value::Null);
    let (code, all) = test(&["--all", "--from", "2026-10-01"]);
    assert!(code == Some(0) && all.contains("high: fired 1 time"), "{all}");

    for (arguments, words) in [
        (&["hihg", "--from", "2026-10-01"][..], "did you mean `high`?"),
        (&["high", "--from", "yesterday"], "write it like 2026-03-02T09:58:00Z"),
        (&["high", "--from", "2026-10-02", "--to", "2026-10-01"], "must be after --from"),
        (&["high", "--from", "2026-10-01", "--raise-after", "soon"], "raise_after"),
        (
            &["high", "--from", "2026-10-01", "--raise-above", "1.2", "--clear-below", "1.3"],
            "would be cleared at 1.3",
        ),
        (&["high", "--from", "2026-10-01", "--set", "limt=1"], "unknown key `limt`"),
    ] {
        let (code, told) = test(arguments);
        assert!(code == Some(1) && told.contains(words), "{arguments:?}: {code:?} {told}");
    }
    for wrong in [&["--from", "2026-10-01"][..], &["high"], &["high", "--all", "--from", "2026-10-01"]] {
        assert_eq!(test(wrong).0, Some(2), "{wrong:?}");
    }
}

/// A collector of the small hall as a process of its own; killed when dropped.
struct Collector(std::process::Child);

impl Collector {
    fn start(config: &str) -> Collector {
        let program = env!("CARGO_BIN_EXE_wattledger");
        let mut child = Command::new(program)
            .args(["collector", config])
            .env("RUST_LOG", "info")
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut log = std::io::BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("the collector is running") {
            line.clear();
            let read = std::io::BufRead::read_line(&mut log, &mut line).expect("a log");
            assert!(read > 0, "the collector has ended before it ran");
        }
        // What it says later must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Collector(child)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn silences_are_said_beside_a_collector_and_without_one_and_survive_its_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = a_small_hall(dir.path());
    with_rule(&config, "raise_above = 1.25\n[web]\nenabled = false\n");
    let alerts = |arguments: &[&str]| {
        let output = wattledger(&[&["alerts"], arguments, &["--config", &config]].concat());
        (output.status.code(), told(&output))
    };
    let service = ["silence", "facility=hall-1", "rule=hi*", "--for", "4h", "--reason", "chiller service"];
    let (code, none) = alerts(&service);
    assert!(code == Some(1) && none.contains("no collector has run in"), "{none}");

    let collector = Collector::start(&config);
    let (code, first) = alerts(&service);
    assert!(code == Some(0) && first.starts_with("s1 in force for 4 h, until"), "{first}");
    let (code, listed) = alerts(&["list"]);
    assert_eq!(code, Some(0), "{listed}");
    for words in ["no alert is up", "facility=hall-1 rule=hi*", "(uid ", "chiller service", "h 59 min left"] {
        assert!(listed.contains(words), "`{words}` is missing in\n{listed}");
    }
    assert!(!listed.contains("does not run"), "{listed}");
    drop(collector);

    let (code, listed) = alerts(&["silence", "--list"]);
    assert!(code == Some(0) && listed.contains("facility=hall-1 rule=hi*"), "after the kill: {listed}");
    let (code, second) = alerts(&["silence", "severity=info", "--for", "1d", "--reason", "known", "--json"]);
    assert!(code == Some(0) && second.contains("\"id\": \"s2\""), "{second}");
    assert!(second.contains("The collector does not run"), "{second}");
    let (code, listed) = alerts(&["list", "--all"]);
    assert!(code == Some(0) && listed.contains("The collector does not run: nothing is judged"), "{listed}");
    assert!(listed.contains("no alert was up in that time"), "{listed}");

    let _collector = Collector::start(&config);
    let (code, ended) = alerts(&["silence", "--end", "s1"]);
    assert!(code == Some(0) && ended.starts_with("s1 ended at"), "{ended}");
    let (_, listed) = alerts(&["list"]);
    assert!(!listed.contains("hi*") && listed.contains("severity=info"), "{listed}");
    for (arguments, words) in [
        (&["silence", "--end", "s1"][..], "no silence `s1` is in force"),
        (&["silence", "rule=x", "--for", "400d", "--reason", "long"], "from 1 minute to 366 days"),
        (&["silence", "rule=x", "--for", "1h", "--reason", ""], "the reason has 0 letters"),
        (&["ack", "high-20261001t0000z", "--note", "mine"], "no alert `high-20261001t0000z` is up"),
    ] {
        let (code, told) = alerts(arguments);
        assert!(code == Some(1) && told.contains(words), "{arguments:?}: {code:?} {told}");
    }
    for wrong in [
        &["silence", "hall-1", "--for", "1h", "--reason", "why"][..],
        &["silence", "rule=x", "--for", "1h"],
        &["silence", "rule=x", "--for", "soon", "--reason", "why"],
        &["silence", "rule=x", "--list"],
        &["silence"],
        &["ack", "a"],
    ] {
        assert_eq!(alerts(wrong).0, Some(2), "{wrong:?}");
    }
}
