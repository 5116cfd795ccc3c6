//! The disk: whether the spool's directory can be written, and how much room there is. The spool itself is not opened:
//! that would be a start of the agent.

use super::report::{Finding, State};
use crate::config::AgentConfig;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

const PART: &str = "spool";
/// With less than this an agent soon has to drop readings.
const LITTLE_BYTES: u64 = 64 << 20;
/// A disk of the network that does not answer must not hold up the check.
const PATIENCE: Duration = Duration::from_secs(3);

/// Looks at the directory of the spool.
pub(super) fn look(config: &AgentConfig) -> Vec<Finding> {
    let dir = &config.data_dir;
    let found = |state, says: String| Finding::new(PART, state, says);
    let is_there = |dir: &&Path| dir.as_os_str().is_empty() || dir.exists();
    let Some(there) = dir.ancestors().find(is_there) else {
        return vec![found(State::Wrong, format!("{} is nowhere", dir.display()))];
    };
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let shown = dir.display();
    let mut findings = vec![match write(there) {
        Err(error) => {
            let mend = "the user of the agent must be able to write there";
            found(State::Wrong, format!("cannot write in {}: {error}; {mend}", there.display()))
        }
        Ok(()) if there != dir => {
            found(State::Note, format!("{shown} is not there yet; the agent makes it in {}", there.display()))
        }
        Ok(()) => {
            let (files, bytes) = size(&config.spool_dir());
            let limit = shown_bytes(config.spool_limit_bytes);
            found(
                State::Ok,
                format!("{shown} can be written; {files} files of {} of {limit}", shown_bytes(bytes)),
            )
        }
    }];
    if there == dir {
        findings.extend(other_user(dir));
    }
    findings.push(match free_bytes(there) {
        Ok(free) => {
            let missing = config.spool_limit_bytes.saturating_sub(size(&config.spool_dir()).1);
            let says = format!("{} free on its disk", shown_bytes(free));
            if free < LITTLE_BYTES {
                found(State::Wrong, format!("{says}: too little for an outage of any length"))
            } else if free < missing {
                found(
                    State::Note,
                    format!("{says}, less than the spool's limit: the disk will be full before it"),
                )
            } else {
                found(State::Ok, says)
            }
        }
        Err(why) => found(State::Note, format!("how much is free on its disk is not known: {why}")),
    });
    findings
}

/// Makes a file beside the spool and removes it: nothing else tells for sure.
fn write(dir: &Path) -> io::Result<()> {
    let path = probe(dir);
    OpenOptions::new().write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)
}

fn probe(dir: &Path) -> std::path::PathBuf {
    dir.join(format!(".wattledger-check-{}", std::process::id()))
}

/// Whoever checks as another user than the agent's learns little of what the agent may do.
fn other_user(dir: &Path) -> Option<Finding> {
    let ours = fs::metadata("/proc/self").ok()?.uid();
    let theirs = fs::metadata(dir).ok()?.uid();
    (ours != theirs).then(|| {
        let says = format!(
            "this was tried as user {ours}, and {} belongs to user {theirs}: check as that user (sudo -u)",
            dir.display()
        );
        Finding::new(PART, State::Note, says)
    })
}

fn size(dir: &Path) -> (usize, u64) {
    let lengths =
        fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()));
    lengths.fold((0, 0), |(files, bytes), length| (files + 1, bytes + length))
}

/// What `df` says: the system's call for it cannot be made from safe code, and `df` is on every system.
fn free_bytes(dir: &Path) -> Result<u64, String> {
    let (told, tells) = channel();
    let dir = dir.to_owned();
    std::thread::spawn(move || {
        let df = Command::new("df").arg("-Pk").arg("--").arg(dir).stdin(Stdio::null()).output();
        // Nobody may be waiting any more.
        let _ = told.send(df);
    });
    let output = tells.recv_timeout(PATIENCE).map_err(|_| "the disk does not answer".to_owned())?;
    let output = output.map_err(|error| format!("df: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let kib = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    kib.map(|kib| kib.saturating_mul(1_024)).ok_or_else(|| "df says nothing of it".to_owned())
}

fn shown_bytes(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) if bytes.is_multiple_of(*size) => format!("{} {unit}", bytes / size),
        Some((unit, size)) => format!("{:.1} {unit}", bytes as f64 / *size as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(data_dir: &Path) -> String {
        let text = format!(
            "[agent]\nname='a'\nsite='s'\ncollector='c'\ndata_dir='{}'\n[link]\nbroker='mqtt://h'\n",
            data_dir.display()
        );
        let config = AgentConfig::parse("agent.toml", &text).expect("valid");
        look(&config).into_iter().map(|f| format!("{} {}\n", f.state.word(), f.says)).collect()
    }

    #[test]
    fn a_directory_is_tried_and_left_as_it_was() {
        let dir = tempfile::tempdir().expect("dir");
        let data = dir.path().join("data");
        let says = told(&data);
        assert!(
            says.starts_with("note") && says.contains("is not there yet") && says.contains(" free on"),
            "{says}"
        );
        assert!(!data.exists(), "a check makes nothing");
        fs::create_dir_all(data.join("spool")).expect("disk");
        fs::write(data.join("spool/1.seg"), [0; 2_048]).expect("disk");
        let says = told(&data);
        assert!(says.contains("can be written; 1 files of 2 KiB of 1 GiB"), "{says}");
        assert_eq!(fs::read_dir(&data).expect("disk").count(), 1, "nothing is left behind");
        let says = told(Path::new("/proc/self/nowhere"));
        assert!(says.starts_with("WRONG cannot write in /proc/self"), "{says}");
    }
}
