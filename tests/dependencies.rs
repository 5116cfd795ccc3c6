//! The policy of `deny.toml`, enforced without cargo-deny: bans, licences and sources.
//! Advisories need their database and remain the business of `cargo deny check advisories`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn table(file: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn texts<'a>(list: &'a toml::Value, key: &str) -> Vec<&'a str> {
    let entries = list.as_array().expect("a list");
    entries.iter().filter_map(|entry| entry.get(key).unwrap_or(entry).as_str()).collect()
}

#[test]
fn nothing_banned_is_locked() {
    let lock = table("Cargo.lock");
    let names = texts(&lock["package"], "name");
    assert!(names.len() > 100, "Cargo.lock lists only {} packages", names.len());
    for entry in table("deny.toml")["bans"]["deny"].as_array().expect("a list") {
        let banned = entry["crate"].as_str().expect("a name");
        let wrappers = entry.get("wrappers").map(|wrappers| texts(wrappers, "")).unwrap_or_default();
        let users = users(&lock, banned);
        assert!(
            wrappers.is_empty() || !users.is_empty(),
            "{banned} is gone: drop its wrappers from deny.toml"
        );
        assert!(
            names.contains(&banned) != wrappers.is_empty()
                && users.iter().all(|user| wrappers.contains(user)),
            "{banned} is in Cargo.lock for {users:?}; find out why with `cargo tree -i {banned}`"
        );
    }
    for package in lock["package"].as_array().expect("a list") {
        let source = package.get("source").and_then(toml::Value::as_str);
        assert!(source.is_none_or(|source| source == REGISTRY), "{} comes from {source:?}", package["name"]);
    }
}

/// The packages that depend on another of this name.
fn users<'a>(lock: &'a toml::Table, name: &str) -> Vec<&'a str> {
    let packages = lock["package"].as_array().expect("a list").iter();
    let uses = |package: &toml::Value| {
        let dependencies = package.get("dependencies").map(|list| texts(list, "")).unwrap_or_default();
        dependencies.iter().any(|dependency| dependency.split(' ').next() == Some(name))
    };
    packages.filter(|package| uses(package)).filter_map(|package| package["name"].as_str()).collect()
}

#[test]
fn every_exception_says_why_and_is_still_needed() {
    let deny = table("deny.toml");
    for ignored in deny["advisories"]["ignore"].as_array().expect("a list") {
        let reason = ignored.get("reason").and_then(toml::Value::as_str).unwrap_or_default();
        assert!(reason.contains("Ends when"), "{ignored} does not say what ends it");
    }
    let lock = table("Cargo.lock");
    let locked = |name: &str, version: &str| {
        lock["package"].as_array().expect("a list").iter().any(|package| {
            package["name"].as_str() == Some(name)
                && package["version"].as_str().is_some_and(|own| own.starts_with(version))
        })
    };
    assert!(locked("h2", "0.3."), "h2 0.3 is gone: drop RUSTSEC-2026-0258 from deny.toml");
    assert!(
        locked("rustls-webpki", "0.102."),
        "rustls-webpki 0.102 is gone: drop its exceptions from deny.toml"
    );
    assert!(locked("rustls-pemfile", ""), "rustls-pemfile is gone: drop RUSTSEC-2025-0134 from deny.toml");
    for (name, version, id) in [
        ("quick-xml", "0.38.", "RUSTSEC-2026-0194 and -0195"),
        ("bincode", "1.", "RUSTSEC-2025-0141"),
        ("yaml-rust", "", "RUSTSEC-2024-0320"),
        ("paste", "", "RUSTSEC-2024-0436"),
        ("ttf-parser", "", "RUSTSEC-2026-0192"),
        ("rustybuzz", "", "RUSTSEC-2026-0206"),
    ] {
        assert!(locked(name, version), "{name} {version} is gone: drop {id} from deny.toml");
    }
    assert!(locked("instant", ""), "instant is gone: drop RUSTSEC-2024-0384 from deny.toml");
}

/// The target triple of this machine's compiler.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

#[test]
fn every_licence_is_allowed() {
    let deny = table("deny.toml");
    let allowed: BTreeSet<&str> = texts(&deny["licenses"]["allow"], "license").into_iter().collect();
    // Only what this machine builds: the rest may not have been downloaded, and cargo-deny sees it all.
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--all-features", "--locked", "--offline"])
        .args(["--filter-platform", &host()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    for package in metadata["packages"].as_array().expect("a list of packages") {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(
            is_satisfied(licence, &allowed),
            "{} {} is under `{licence}`, which deny.toml does not allow",
            package["name"],
            package["version"]
        );
    }
}

/// Whether an SPDX expression can be met with the allowed licences alone. `/` is the old spelling of `OR`.
fn is_satisfied(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut tokens: Vec<String> = Vec::new();
    for token in spaced.split_whitespace() {
        match tokens.last_mut() {
            // `X WITH exception` is one licence.
            Some(last) if token == "WITH" || last.ends_with(" WITH") => *last = format!("{last} {token}"),
            _ => tokens.push(token.to_owned()),
        }
    }
    let mut rest = tokens.as_slice();
    either(&mut rest, allowed) && rest.is_empty()
}

fn either(rest: &mut &[String], allowed: &BTreeSet<&str>) -> bool {
    let mut met = both(rest, allowed);
    while rest.first().is_some_and(|token| token == "OR") {
        *rest = &rest[1..];
        met |= both(rest, allowed);
    }
    met
}

fn both(rest: &mut &[String], allowed: &BTreeSet<&str>) -> bool {
    let mut met = single(rest, allowed);
    while rest.first().is_some_and(|token| token == "AND") {
        *rest = &rest[1..];
        met &= single(rest, allowed);
    }
    met
}

fn single(rest: &mut &[String], allowed: &BTreeSet<&str>) -> bool {
    let Some((first, after)) = rest.split_first() else { return false };
    *rest = after;
    if first != "(" {
        return allowed.contains(first.as_str());
    }
    let met = either(rest, allowed);
    let closed = rest.first().is_some_and(|token| token == ")");
    if closed {
        *rest = &rest[1..];
    }
    met && closed
}

#[test]
fn licence_expressions_are_read_as_spdx_says() {
    let allowed = BTreeSet::from(["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-3-Clause"]);
    for good in [
        "MIT",
        "MIT OR GPL-3.0-only",
        "GPL-3.0-only/MIT",
        "MIT AND BSD-3-Clause",
        "(Apache-2.0 OR Unlicense) AND BSD-3-Clause",
        "Apache-2.0 WITH LLVM-exception OR LGPL-2.1-or-later",
    ] {
        assert!(is_satisfied(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "(MIT OR Zlib",
        "AGPL-3.0 WITH LLVM-exception",
        "MIT MIT",
    ] {
        assert!(!is_satisfied(bad, &allowed), "{bad}");
    }
}
