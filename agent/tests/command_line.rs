//! The binary as a person calls it.

use std::process::{Command, Output};

fn call(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattledger-agent")).args(arguments).output().expect("the binary")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_and_version_are_printed_and_a_wrong_call_is_told_apart() {
    let help = call(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for word in ["run", "check", "discover", "profiles", "Exit codes", "RUST_LOG"] {
        assert!(text(&help.stdout).contains(word), "{word}");
    }
    assert!(text(&call(&["--version"]).stdout).contains(env!("CARGO_PKG_VERSION")));
    for wrong in [
        &[][..],
        &["run"],
        &["frobnicate"],
        &["check", "a", "b"],
        &["check", "a", "--offline", "--live"],
        &["check", "a", "--listen", "soon"],
        &["discover"],
        &["discover", "a", "--broker", "mqtt://b"],
        &["discover", "--broker", "mqtt://b", "--password-file", "p"],
        &["discover", "--broker", "mqtt://b", "--time-zone", "Europe/Berlim"],
    ] {
        assert_eq!(call(wrong).status.code(), Some(2), "{wrong:?}");
    }
    let secret = call(&["discover", "--broker", "mqtt://me:hunter2@b"]);
    assert_eq!(secret.status.code(), Some(2));
    assert!(
        text(&secret.stderr).contains("must not hold a user name or password"),
        "{}",
        text(&secret.stderr)
    );
}

#[test]
fn check_tells_every_problem_with_its_place() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("agent.toml");
    let file = path.to_str().expect("text");
    let good = "[agent]\nname = 'a1'\nsite = 'hall'\ncollector = 'campus'\ndata_dir = 'data'\n\
                [link]\nbroker = 'mqtt://127.0.0.1'\n";
    std::fs::write(&path, good).expect("disk");
    let checked = call(&["check", file]);
    assert_eq!((checked.status.code(), text(&checked.stdout)), (Some(0), format!("{file}: ok\n")));
    assert!(
        text(&checked.stderr).contains("--live"),
        "a network that is down is no matter, and what else there is is told"
    );
    let offline = call(&["check", file, "--offline", "--json"]);
    assert_eq!((offline.status.code(), text(&offline.stderr)), (Some(0), String::new()));
    assert!(text(&offline.stdout).contains("\"well\": true"), "{}", text(&offline.stdout));

    let bad = good.replace("name = 'a1'", "name = 'A 1'\ncolour = 'red'");
    std::fs::write(&path, bad).expect("disk");
    for command in ["check", "run"] {
        let refused = call(&[command, file]);
        assert_eq!(refused.status.code(), Some(1));
        let said = text(&refused.stderr);
        assert!(said.contains(&format!("{file}:2:8: `name`: `A 1` is not a name")), "{said}");
        assert!(said.contains(&format!("{file}:3:1: unknown key `colour`")), "{said}");
    }
    let missing = call(&["run", "/nowhere/agent.toml"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("cannot read /nowhere/agent.toml"));
}

#[test]
fn profiles_are_listed_with_what_they_read() {
    let listed = call(&["profiles"]);
    assert_eq!(listed.status.code(), Some(0));
    let said = text(&listed.stdout);
    for line in
        ["shelly-gen1: ", "  relay-power ", "tasmota: Tasmota plugs and meters, telemetry; needs time_zone"]
    {
        assert!(said.lines().any(|told| told.starts_with(line)), "{line}\n{said}");
    }
}
