//! Power and temperature sensors of the kernel, from `/sys/class/hwmon`: power in µW, as a mean where the
//! chip gives one and of the instant else, and temperature in thousandths of a degree Celsius.
//!
//! The kernel numbers chips anew at each boot, so meters are named by the chip, the device that it is
//! of, and the sensor's label or file.

use super::probe::{Garbled, Look, Probe, Search, Sensed};
use super::sysfs::{self, Roots};
use crate::source::names::part;
use crate::source::trouble::Trouble;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use wattledger_model::decimal::Decimal;

/// Sensors that are read at most.
const SENSORS: usize = 1_000;

/// What a sensor measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Quantity {
    Power,
    Temperature,
}

/// One file that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sensor {
    id: String,
    quantity: Quantity,
    file: PathBuf,
    /// Where the chip says that the sensor is broken, if it can say so.
    fault: Option<PathBuf>,
}

/// All sensors of the chips that are wanted.
#[derive(Debug)]
pub(super) struct Hwmon {
    roots: Roots,
    /// Names of chips; empty for all.
    chips: Vec<String>,
    search: Search,
    sensors: Vec<Sensor>,
    missing: Vec<Trouble>,
    /// What was once there.
    seen: BTreeSet<String>,
}

impl Hwmon {
    pub(super) fn new(roots: Roots, chips: Vec<String>) -> Hwmon {
        let (search, sensors, missing) = (Search::default(), Vec::new(), Vec::new());
        Hwmon { roots, chips, search, sensors, missing, seen: BTreeSet::new() }
    }

    fn search(&mut self) {
        self.sensors.clear();
        self.missing.clear();
        let class = self.roots.sys.join("class/hwmon");
        let folders = sysfs::names_in(&class).unwrap_or_default();
        let chips = folders.iter().filter_map(|folder| self.chip(&class.join(folder)));
        // Which of two chips of one name comes first must not depend on the kernel's numbers.
        let mut found: Vec<(String, Vec<Sensor>)> = chips.collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let mut taken = BTreeSet::new();
        for mut sensor in found.into_iter().flat_map(|(_, sensors)| sensors).take(SENSORS) {
            sensor.id = free(&taken, &sensor);
            taken.insert(sensor.id.clone());
            self.sensors.push(sensor);
        }
        if self.sensors.is_empty() {
            let says = format!("{} has no power or temperature sensor that is asked for", class.display());
            self.missing.push(Trouble::new("", says));
        }
        for gone in self.seen.difference(&taken) {
            self.missing.push(Trouble::new(gone, "was here and is not any more"));
        }
        self.seen.extend(taken);
    }

    /// A chip and its sensors, where it is wanted.
    fn chip(&self, folder: &Path) -> Option<(String, Vec<Sensor>)> {
        let name = sysfs::text(&folder.join("name")).ok().filter(|name| !name.is_empty())?;
        if !self.chips.is_empty() && !self.chips.contains(&name) {
            return None;
        }
        let device = fs::canonicalize(folder.join("device")).ok();
        let device =
            device.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let chip = match device.map(|device| part(&device)) {
            // `coretemp` on `coretemp.0`, `nvme` on `nvme0`.
            Some(device) if device.starts_with(&part(&name)) => device,
            Some(device) => format!("{}-{device}", part(&name)),
            None => part(&name),
        };
        let files = sysfs::names_in(folder).unwrap_or_default();
        let chosen = chosen(&files);
        let sensors = chosen.into_iter().map(|((quantity, number), file)| {
            let stem = stem(quantity, number);
            let label = sysfs::text(&folder.join(format!("{stem}_label"))).unwrap_or_default();
            let sensor = if label.is_empty() { stem.clone() } else { label };
            let fault = format!("{stem}_fault");
            let fault = files.contains(&fault).then(|| folder.join(fault));
            Sensor { id: format!("{chip}-{}", part(&sensor)), quantity, file: folder.join(file), fault }
        });
        let sensors = sensors.collect();
        Some((chip, sensors))
    }
}

fn stem(quantity: Quantity, number: u32) -> String {
    match quantity {
        Quantity::Power => format!("power{number}"),
        Quantity::Temperature => format!("temp{number}"),
    }
}

/// The file of each sensor: of power, the mean where there is one.
fn chosen(files: &[String]) -> BTreeMap<(Quantity, u32), &str> {
    let mut chosen = BTreeMap::new();
    for file in files {
        let Some((stem, kind)) = file.split_once('_') else { continue };
        let sensor = match stem.strip_prefix("power").map(str::parse) {
            Some(Ok(number)) if kind == "average" => (Quantity::Power, number),
            Some(Ok(number)) if kind == "input" && !files.contains(&format!("{stem}_average")) => {
                (Quantity::Power, number)
            }
            _ => match stem.strip_prefix("temp").map(str::parse) {
                Some(Ok(number)) if kind == "input" => (Quantity::Temperature, number),
                _ => continue,
            },
        };
        chosen.insert(sensor, file.as_str());
    }
    chosen
}

/// An id that no other sensor has: its own, or its own with its file, or with a number too.
fn free(taken: &BTreeSet<String>, sensor: &Sensor) -> String {
    let file = sensor.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let with_file = format!("{}-{}", sensor.id, file.split('_').next().unwrap_or_default());
    let numbered = (2..).map(|number| format!("{with_file}-{number}"));
    let mut tries = [sensor.id.clone(), with_file.clone()].into_iter().chain(numbered);
    tries.find(|id| !taken.contains(id)).unwrap_or(with_file)
}

impl Probe for Hwmon {
    fn name(&self) -> &'static str {
        "hwmon"
    }

    fn look(&mut self) -> Look {
        if self.search.is_due() {
            self.search();
        }
        let mut look = Look { troubles: self.missing.clone(), ..Look::default() };
        for sensor in &self.sensors {
            if sensor.fault.as_deref().and_then(sysfs::number_at) == Some(1) {
                look.troubles.push(Trouble::new(&sensor.id, "the chip says that this sensor is broken"));
                continue;
            }
            let said = match sysfs::bytes(&sensor.file) {
                Ok(said) => said,
                Err(error) => {
                    look.troubles.push(Trouble::new(&sensor.id, why(&error)));
                    continue;
                }
            };
            match (sysfs::number(&said), sensor.quantity) {
                (Ok(uw), Quantity::Power) => {
                    look.sensed.push(Sensed::now(&sensor.id, Decimal::new(uw, 0), "uW"));
                }
                (Ok(millidegrees), Quantity::Temperature) => {
                    look.sensed.push(Sensed::now(&sensor.id, Decimal::new(millidegrees, -3), "Cel"));
                }
                (Err(detail), _) => look.garbled.push(Garbled { zone: sensor.id.clone(), detail, said }),
            }
        }
        if !self.sensors.is_empty() {
            look.reads = format!("{} hwmon sensors", self.sensors.len());
        }
        look
    }
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "the agent may not read it; give it `AmbientCapabilities=CAP_DAC_READ_SEARCH`".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
