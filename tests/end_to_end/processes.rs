//! Programs as child processes: started, killed, stopped and started again, with their output in a file.

use crate::chance::say;
use crate::wait::until;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// A program that is a child of this test while it runs. It is killed when the test lets go of it.
pub(crate) struct Program {
    name: String,
    path: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    child: Option<Child>,
}

impl Program {
    /// A program that does not run yet; its output goes to `folder/name.log`.
    pub(crate) fn new(folder: &Path, name: &str, path: impl Into<PathBuf>, arguments: &[&str]) -> Program {
        Program {
            name: name.to_owned(),
            path: path.into(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            log: folder.join(format!("{name}.log")),
            child: None,
        }
    }

    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let output = |log: &Path| -> File {
            OpenOptions::new().create(true).append(true).open(log).expect("a log file can be opened")
        };
        let child = Command::new(&self.path)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(output(&self.log))
            .stderr(output(&self.log))
            .env("NO_COLOR", "1")
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.path.display()));
        self.child = Some(child);
    }

    /// `kill -9`, whatever the program is doing.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap_or_else(|| panic!("{} does not run", self.name));
        child.kill().expect("a child can be killed");
        child.wait().expect("a killed child ends");
    }

    /// Asks the program to end and waits for it.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap_or_else(|| panic!("{} does not run", self.name));
        let asked = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status();
        assert!(asked.expect("sh runs").success(), "{} has ended before it was asked to", self.name);
        let status = until(&format!("{} ends", self.name), Duration::from_secs(30), async || {
            child.try_wait().expect("a child can be asked").ok_or_else(|| "it runs".to_owned())
        })
        .await;
        say_if_failed(&self.name, status);
        status
    }

    /// Fails where the program has ended by itself.
    pub(crate) fn expect_running(&mut self) -> Result<(), String> {
        let child = self.child.as_mut().ok_or_else(|| format!("{} does not run", self.name))?;
        match child.try_wait().expect("a child can be asked") {
            None => Ok(()),
            Some(status) => panic!("{} ended with {status}", self.name),
        }
    }

    /// Everything that the program has printed since it was first started.
    pub(crate) fn printed(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

fn say_if_failed(name: &str, status: ExitStatus) {
    if !status.success() {
        say(&format!("{name} ended with {status} when asked to stop"));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; either way it does not outlive the test.
            drop(child.kill());
            drop(child.wait());
        }
        if std::thread::panicking() {
            let printed = self.printed();
            let lines: Vec<&str> = printed.lines().collect();
            println!("---- the last lines of {} ----", self.name);
            for line in &lines[lines.len().saturating_sub(60)..] {
                println!("{line}");
            }
        }
    }
}

/// Runs a program to its end; fails unless it ends well. Returns what it printed.
pub(crate) async fn run(path: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::null()).env("NO_COLOR", "1");
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("the call does not panic")
        .unwrap_or_else(|error| panic!("{} does not start: {error}", path.display()));
    assert!(
        output.status.success(),
        "{} {} ended with {}\n{}{}",
        path.display(),
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout).expect("programs print UTF-8")
}

/// The `wattledger` binary that was built together with this test.
pub(crate) fn wattledger() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_wattledger"))
}

/// A server program on this machine, also where only root has its folder on the path.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administrative = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(administrative)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Where these programs are, each given with what it is called in words. `None`, said loudly, where one is not
/// installed; with `CI=true` that is a failure.
pub(crate) fn installed<const N: usize>(test: &str, programs: [(&str, &str); N]) -> Option<[PathBuf; N]> {
    let found = programs.map(|(program, words)| find(program).ok_or(words));
    let missing: Vec<&str> = found.iter().filter_map(|found| found.as_ref().err().copied()).collect();
    if missing.is_empty() {
        return Some(found.map(|found| found.expect("nothing is missing")));
    }
    let missing = missing.join(" and ");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{test}: not installed: {missing}");
    say(&format!("!!!! {test} is SKIPPED: not installed: {missing}"));
    None
}

/// A loopback port that nobody listens on. It lies below the ports that systems give to outgoing connections,
/// so that a server which is killed finds it free when it comes back, and no two tests are given the same.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().expect("no test panics while it holds the lock");
    let first = 18_000 + (std::process::id() % 1_000) as u16 * 13;
    let free = (first..32_000)
        .chain(18_000..first)
        .find(|port| !given.contains(port) && TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port is free");
    given.insert(free);
    free
}
