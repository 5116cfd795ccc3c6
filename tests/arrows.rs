//! Who may import whom: the arrows of ARCHITECTURE.md, read from the manifests and the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// Every crate of the workspace with what it may import of ours.
const ARROWS: &[(&str, &str, &[&str])] = &[
    ("wattledger-model", "model", &[]),
    ("wattledger-link", "link", &["wattledger-model"]),
    ("wattledger-agent", "agent", &["wattledger-model", "wattledger-link"]),
    ("wattledger-collector", "collector", &["wattledger-model", "wattledger-link"]),
    ("wattledger-print", "collector/print", &[]),
    ("wattledger", ".", &["wattledger-model", "wattledger-link", "wattledger-agent", "wattledger-collector"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `(section, crate)` of everything a manifest depends on, whatever the section or target.
fn dependencies(manifest: &toml::Table) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut tables = vec![(String::new(), manifest)];
    while let Some((at, table)) = tables.pop() {
        for (key, value) in table {
            let Some(inner) = value.as_table() else { continue };
            if key.ends_with("dependencies") {
                for (name, how) in inner {
                    let package = how.get("package").and_then(toml::Value::as_str).unwrap_or(name);
                    found.push((format!("{at}{key}"), package.to_owned()));
                }
            } else if matches!(key.as_str(), "target" | "workspace") || at.starts_with("target.") {
                tables.push((format!("{at}{key}."), inner));
            }
        }
    }
    found
}

/// Every `.rs` file below a folder, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a source folder can be listed") {
            let path = entry.expect("a source folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no source files");
    found
}

/// What the crate itself runs: the text before its tests, without comments.
fn code(text: &str) -> String {
    let own = text.split("#[cfg(test)]").next().unwrap_or(text);
    own.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_crate_is_on_the_map() {
    let workspace = manifest(".");
    let members: Vec<&str> = workspace["workspace"]["members"]
        .as_array()
        .expect("members is a list")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    for member in members {
        assert!(
            ARROWS.iter().any(|(_, folder, _)| *folder == member),
            "`{member}` is not in ARROWS: may it import anything?"
        );
    }
    for (name, folder, _) in ARROWS {
        assert_eq!(manifest(folder)["package"]["name"].as_str(), Some(*name));
    }
}

#[test]
fn crates_import_along_the_arrows_only() {
    for (name, folder, allowed) in ARROWS {
        for (section, dependency) in dependencies(&manifest(folder)) {
            let ours = ARROWS.iter().any(|(ours, _, _)| *ours == dependency);
            let listed_only = section.starts_with("workspace.");
            assert!(
                !ours || listed_only || allowed.contains(&dependency.as_str()),
                "{name} may not import {dependency} ([{section}] of {folder}/Cargo.toml)"
            );
        }
    }
}

#[test]
fn only_the_link_speaks_mqtt() {
    for (name, folder, _) in ARROWS {
        for (section, dependency) in dependencies(&manifest(folder)) {
            assert!(
                dependency != "rumqttc"
                    || *name == "wattledger-link"
                    || section.ends_with("dev-dependencies")
                    || section.starts_with("workspace."),
                "{name} names rumqttc in [{section}]; only link does, and tests"
            );
        }
    }
    for (path, text) in sources("link/src") {
        let adapter = path
            .strip_prefix(root().join("link/src"))
            .is_ok_and(|inner| inner.starts_with("session") || inner == Path::new("session.rs"));
        assert!(
            adapter || !code(&text).contains("rumqttc::"),
            "{} names rumqttc; the adapter is link/src/session",
            path.display()
        );
    }
}

#[test]
fn only_the_printer_sets_type() {
    for (name, folder, _) in ARROWS {
        for (section, dependency) in dependencies(&manifest(folder)) {
            let sets = dependency.starts_with("typst") || dependency == "usvg";
            assert!(
                !sets || *name == "wattledger-print" || section.starts_with("workspace."),
                "{name} names {dependency} in [{section}]; only the printer does, which is a program of its own"
            );
        }
    }
}

#[test]
fn the_model_knows_no_disk_no_socket_and_no_clock() {
    const FORBIDDEN: &[&str] = &[
        "std::fs",
        "std::net",
        "std::process",
        "SystemTime::now",
        "Instant::now",
        "Utc::now",
        "Local::now",
        "async fn",
    ];
    for (path, text) in sources("model/src") {
        let code = code(&text);
        for forbidden in FORBIDDEN {
            assert!(!code.contains(forbidden), "{} uses {forbidden}", path.display());
        }
    }
    let outside = ["tokio", "futures-util", "reqwest", "hyper", "axum", "rusqlite", "tracing"];
    for (section, dependency) in dependencies(&manifest("model")) {
        assert!(
            !outside.contains(&dependency.as_str()),
            "wattledger-model imports {dependency} in [{section}]"
        );
    }
}

#[test]
fn outputs_do_not_know_each_other() {
    let outputs = root().join("collector/src/outputs");
    let rooms: Vec<String> = fs::read_dir(&outputs)
        .expect("outputs can be listed")
        .map(|entry| entry.expect("outputs can be listed"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    for room in &rooms {
        for (path, text) in sources(&format!("collector/src/outputs/{room}")) {
            let code = code(&text);
            for other in rooms.iter().filter(|other| *other != room) {
                for form in [format!("outputs::{other}::"), format!("super::super::{other}::")] {
                    assert!(!code.contains(&form), "{} imports {form}", path.display());
                }
            }
        }
    }
}
