//! Deliberate breaks: for each promise, a way to break it, and the test that notices.
//!
//! `tests/breaks/breaks.toml` lists them. Here each one is checked to fit the code. `tests/run --breaks` makes
//! them, one at a time, in a copy of the project, and fails if the named test does not.

use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[derive(Deserialize)]
struct Breaks {
    #[serde(rename = "break")]
    breaks: Vec<Break>,
}

/// One deliberate break.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Break {
    /// What goes wrong, in a few words.
    name: String,
    /// The file that is changed.
    file: PathBuf,
    /// What stands there, once.
    find: String,
    /// What is put in its place.
    replace: String,
    /// The arguments of `cargo test` that choose a package and a target.
    target: Vec<String>,
    /// The test that must fail.
    test: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn breaks() -> Vec<Break> {
    let text = fs::read_to_string(root().join("tests/breaks/breaks.toml")).expect("the list of breaks");
    toml::from_str::<Breaks>(&text).expect("the list of breaks is well formed").breaks
}

/// The text of the file with the break made.
fn broken(of: &Break, below: &Path) -> String {
    let path = below.join(&of.file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", of.file.display()));
    let found = text.matches(&of.find).count();
    assert_eq!(found, 1, "break \"{}\": {} has its text {found} times", of.name, of.file.display());
    assert_ne!(of.find, of.replace, "break \"{}\" changes nothing", of.name);
    text.replacen(&of.find, &of.replace, 1)
}

#[test]
fn every_break_fits_the_code() {
    let breaks = breaks();
    assert!(breaks.len() >= 10, "{} breaks are too few", breaks.len());
    let sources = sources(root());
    for of in &breaks {
        broken(of, root());
        let name = of.test.rsplit("::").next().unwrap_or(&of.test);
        let test = format!("fn {name}(");
        assert!(sources.iter().any(|text| text.contains(&test)), "break \"{}\": no test {name}", of.name);
    }
}

/// The text of every source file.
fn sources(below: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut folders = vec![below.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be listed") {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                all.push(fs::read_to_string(&path).expect("a source file is text"));
            }
        }
    }
    all
}

/// A copy of what is checked in or about to be, without what was built.
fn copy(to: &Path) {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files of the project");
    let listed = String::from_utf8(listed.stdout).expect("names are text");
    for name in listed.split_terminator('\0').filter(|name| root().join(name).is_file()) {
        let target = to.join(name);
        fs::create_dir_all(target.parent().expect("a file is in a folder")).expect("a folder can be made");
        let text = fs::read(root().join(name)).expect("a listed file can be read");
        // A file that is the same keeps its time, so that a second run builds little.
        if fs::read(&target).ok().as_ref() != Some(&text) {
            fs::write(&target, text).expect("a file can be copied");
        }
    }
}

fn cargo_test(of: &Break, tree: &Path, built: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .arg("test")
        .args(&of.target)
        .args(more)
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", built)
        .env_remove("WATTLEDGER_BREAKS")
        .output()
        .expect("cargo runs")
}

/// Whether the test ran and passed; `None` where it was not even there.
fn passes(output: &Output, test: &str) -> Option<bool> {
    let told = String::from_utf8_lossy(&output.stdout);
    let line = told.lines().find(|line| line.starts_with(&format!("test {test} ... ")))?;
    // What a test prints may stand between its name and its verdict.
    Some(line.ends_with("ok") && output.status.success())
}

fn passes_unbroken(of: &Break, tree: &Path, built: &Path) -> bool {
    passes(&cargo_test(of, tree, built, &["--", "--exact", &of.test]), &of.test) == Some(true)
}

/// What is wrong with one break; `None` where its test noticed it.
fn unnoticed(of: &Break, tree: &Path, built: &Path) -> Option<String> {
    let only = ["--", "--exact", &of.test];
    let path = tree.join(&of.file);
    let whole = fs::read_to_string(&path).expect("the file can be read");
    fs::write(&path, broken(of, tree)).expect("the break can be made");
    let builds = cargo_test(of, tree, built, &["--no-run"]);
    let outcome = if builds.status.success() {
        match passes(&cargo_test(of, tree, built, &only), &of.test) {
            Some(false) => None,
            Some(true) => Some(format!("{} passes all the same", of.test)),
            None => Some(format!("{} was not run", of.test)),
        }
    } else {
        Some(format!("it does not build: {}", String::from_utf8_lossy(&builds.stderr)))
    };
    fs::write(&path, whole).expect("the break can be mended");
    outcome
}

#[test]
fn every_break_is_noticed() {
    let Some(words) = std::env::var_os("WATTLEDGER_BREAKS") else {
        println!("not made: tests/run --breaks makes them");
        return;
    };
    let words = words.into_string().expect("the words of a name are text");
    let is_chosen = |of: &Break| words.split('|').any(|words| of.name.contains(words));
    let chosen: Vec<Break> = breaks().into_iter().filter(is_chosen).collect();
    assert!(!chosen.is_empty(), "no break is called \"{words}\"");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("breaks");
    let (tree, built) = (place.join("tree"), place.join("target"));
    copy(&tree);
    // First all of them on the whole code, which is built once for all.
    let mut failed = Vec::new();
    for of in &chosen {
        assert!(passes_unbroken(of, &tree, &built), "{} does not pass unbroken", of.test);
    }
    for of in chosen {
        let outcome = unnoticed(&of, &tree, &built);
        match &outcome {
            None => eprintln!("noticed: {} (by {})", of.name, of.test),
            Some(why) => eprintln!("NOT NOTICED: {}: {why}", of.name),
        }
        failed.extend(outcome.map(|_| of.name));
    }
    assert!(failed.is_empty(), "not noticed: {failed:?}");
}
