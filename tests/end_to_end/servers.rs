//! The servers of a whole chain.

use crate::chance::say;
use crate::mosquitto::MOSQUITTO;
use crate::processes::installed;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program that scrapes, and what it is called in words.
pub(crate) const PROMETHEUS: (&str, &str) = ("prometheus", "Prometheus (Debian: prometheus)");
/// The program that checks what is made for it.
pub(crate) const PROMTOOL: (&str, &str) = ("promtool", "promtool (Debian: prometheus)");

/// The servers that a chain needs.
pub(crate) struct Servers {
    pub(crate) mosquitto: PathBuf,
    pub(crate) influxd: PathBuf,
}

impl Servers {
    /// `None`, said loudly, where a server is not installed; with `CI=true` that is a failure.
    pub(crate) fn find(test: &str) -> Option<Servers> {
        let influx = "InfluxDB 1.x (Debian: influxdb)";
        let [mosquitto, influxd] = installed(test, [MOSQUITTO, ("influxd", influx)])?;
        if speaks_version_1(&influxd) {
            return Some(Servers { mosquitto, influxd });
        }
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{test}: not installed: {influx}");
        say(&format!("!!!! {test} is SKIPPED: not installed: {influx}"));
        None
    }
}

fn speaks_version_1(influxd: &Path) -> bool {
    let output = Command::new(influxd).arg("version").stdin(Stdio::null()).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("v1."))
}
