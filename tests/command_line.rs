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
    for command in ["demo", "agent", "collector", "check", "report", "rebuild", "ledger"] {
        assert!(told(&help).contains(command), "{command}");
    }
    for wrong in [&["frobnicate"][..], &["report"], &["check"], &["ledger"], &["collector"]] {
        assert_eq!(wattledger(wrong).status.code(), Some(2), "{wrong:?}");
    }
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
