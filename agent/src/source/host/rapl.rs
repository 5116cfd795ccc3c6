//! Energy registers of processors and their memory (RAPL), from `/sys/class/powercap`.
//!
//! A zone's register counts µJ up to `max_energy_range_uj` and starts again from zero, after minutes where
//! the processor works hard. The agent hands in the register as it stands, in J with six decimals, with the
//! boot as evidence: a fall within a boot is a rollover, a fall between boots a restart. What it must take
//! care of is to read often enough that the register cannot go round unseen; what the register's modulus
//! is, is declared at the collector, and said here when a zone is found. Source: domain.md 5.2, 5.3.

use super::probe::{Garbled, Look, Probe, Search, Sensed};
use super::sysfs::{self, Roots};
use crate::source::trouble::Trouble;
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::Evidence;

/// The control type. `intel-rapl-mmio` shows the same packages a second time.
const ZONES: &str = "intel-rapl:";
/// Looks within the time that a register takes to go round at the greatest power: two may come late.
const LOOKS_A_ROUND: u32 = 3;
/// A step is taken for consumption up to so much of the greatest power. Source: domain.md 5.3.
const MARGIN: f64 = 1.2;
/// No look more often than this, whatever a zone says of itself.
const SHORTEST: Duration = Duration::from_millis(100);
const MEND: &str = "only root may read it. Give the agent `AmbientCapabilities=CAP_DAC_READ_SEARCH` in its systemd \
                    unit (and the same as `CapabilityBoundingSet=`), or its group the file by a udev rule: \
                    SUBSYSTEM==\"powercap\", ACTION==\"add\", \
                    RUN+=\"/bin/sh -c 'chgrp wattledger /sys%p/energy_uj; chmod g+r /sys%p/energy_uj'\"";

/// A kind of zone. `package` and `dram` do not overlap; `core` and `uncore` are parts of `package`, and
/// `psys` has all of them in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RaplZone {
    /// A processor package, or a die of one.
    Package,
    /// The memory of a package.
    Dram,
    /// The cores of a package.
    Core,
    /// The graphics of a package.
    Uncore,
    /// The whole platform, on machines that have it.
    Psys,
}

impl RaplZone {
    /// The zones that do not overlap.
    pub const DEFAULT: [RaplZone; 2] = [RaplZone::Package, RaplZone::Dram];

    /// Each kind with its word in the configuration and in the kernel.
    pub const WORDS: [(&'static str, RaplZone); 5] = [
        ("package", RaplZone::Package),
        ("dram", RaplZone::Dram),
        ("core", RaplZone::Core),
        ("uncore", RaplZone::Uncore),
        ("psys", RaplZone::Psys),
    ];
}

impl FromStr for RaplZone {
    type Err = String;

    /// From the name that the kernel gives a zone, such as `package-0` or `dram`.
    fn from_str(name: &str) -> Result<RaplZone, String> {
        let fits = |word: &str| name == word || (word == "package" && name.starts_with("package-"));
        let found = RaplZone::WORDS.iter().find(|(word, _)| fits(word));
        found.map(|(_, kind)| *kind).ok_or_else(|| format!("`{name}` is not a kind of zone"))
    }
}

/// One register.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Zone {
    /// `package-0`, `package-0-dram`.
    id: String,
    folder: PathBuf,
    /// The largest value it shows, in µJ, where it says.
    range_uj: Option<i64>,
}

/// All zones of the kinds that are wanted.
#[derive(Debug)]
pub(super) struct Rapl {
    roots: Roots,
    wanted: BTreeSet<RaplZone>,
    max_watts: f64,
    /// How often it is asked where nothing presses.
    interval: Duration,
    search: Search,
    boot: Option<u32>,
    zones: Vec<Zone>,
    /// What the last search could not have.
    missing: Vec<Trouble>,
    told: BTreeSet<String>,
}

impl Rapl {
    pub(super) fn new(roots: Roots, wanted: BTreeSet<RaplZone>, max_watts: f64, interval: Duration) -> Rapl {
        let (search, zones, missing, told) = (Search::default(), Vec::new(), Vec::new(), BTreeSet::new());
        let boot = roots.boot();
        Rapl { roots, wanted, max_watts, interval, search, boot, zones, missing, told }
    }

    fn search(&mut self) {
        self.zones.clear();
        self.missing.clear();
        let class = self.roots.sys.join("class/powercap");
        let names = sysfs::names_in(&class).unwrap_or_default();
        let folders: Vec<&String> = names.iter().filter(|name| address(name).is_some()).collect();
        if folders.is_empty() {
            let says = format!("{} has no {ZONES} zones; virtual machines have none", class.display());
            self.missing.push(Trouble::new("", says));
        }
        let mut denied = Vec::new();
        for folder in folders {
            let Some(zone) = self.zone(&class.join(folder), folder) else { continue };
            match sysfs::bytes(&zone.folder.join("energy_uj")) {
                Ok(_) => self.zones.push(zone),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => denied.push(zone.id),
                Err(error) => self.missing.push(Trouble::new(zone.id, error.to_string())),
            }
        }
        let is_there = |id: &String| self.zones.iter().any(|zone| zone.id == *id);
        let accounted: BTreeSet<String> =
            self.missing.iter().map(|trouble| trouble.what.clone()).chain(denied.iter().cloned()).collect();
        for gone in self.told.iter().filter(|id| !is_there(id) && !accounted.contains(*id)) {
            self.missing.push(Trouble::new(gone, "was here and is not any more"));
        }
        if !denied.is_empty() {
            self.missing.push(Trouble::new(format!("energy_uj of {}", denied.join(", ")), MEND));
        }
    }

    /// The zone of a folder, where its kind is wanted.
    fn zone(&self, folder: &std::path::Path, name: &str) -> Option<Zone> {
        let (top, is_part) = address(name)?;
        let own = sysfs::text(&folder.join("name")).ok()?;
        let kind: RaplZone = own.parse().ok()?;
        let parent = folder.with_file_name(format!("{ZONES}{top}")).join("name");
        let id = match is_part {
            true => format!("{}-{own}", sysfs::text(&parent).unwrap_or_else(|_| format!("package-{top}"))),
            false => own,
        };
        // A platform of several sockets may show several zones of one name.
        let is_taken = self.zones.iter().any(|zone| zone.id == id);
        let id = if is_taken { format!("{id}-{}", name.trim_start_matches(ZONES)) } else { id };
        let range_uj = sysfs::number_at(&folder.join("max_energy_range_uj")).filter(|range| *range > 0);
        self.wanted.contains(&kind).then(|| Zone { id, folder: folder.to_owned(), range_uj })
    }

    /// How far the next look may be away: a part of the time that the fastest register takes to go round.
    fn within(&self) -> Option<Duration> {
        let least = self.zones.iter().filter_map(|zone| zone.range_uj).min()?;
        let seconds = least as f64 / 1e6 / (MARGIN * self.max_watts);
        let round = Duration::try_from_secs_f64(seconds).ok()?;
        Some((round / LOOKS_A_ROUND).max(SHORTEST))
    }

    fn notes(&mut self) -> Vec<(String, String)> {
        let period = self.within().map_or(self.interval, |within| within.min(self.interval));
        let new = self.zones.iter().filter(|zone| self.told.insert(zone.id.clone()));
        new.map(|zone| (zone.id.clone(), declaration(zone.range_uj, self.max_watts, period))).collect()
    }
}

/// The number of a zone, and whether it is a part of that one: `intel-rapl:0`, `intel-rapl:0:2`.
fn address(folder: &str) -> Option<(u32, bool)> {
    let numbers = folder.strip_prefix(ZONES)?;
    let (top, part) = numbers.split_once(':').map_or((numbers, None), |(top, part)| (top, Some(part)));
    let is_part = part.map(str::parse::<u32>).transpose().ok()?.is_some();
    Some((top.parse().ok()?, is_part))
}

/// Where the register starts again from zero, in µJ: one step beyond the largest value. The counter behind
/// it has 32 bits, and the largest value is 2³² − 1 of its steps.
fn modulus_uj(range_uj: i64) -> i64 {
    let steps = i128::from(u32::MAX);
    let step = (i128::from(range_uj) + steps / 2) / steps;
    range_uj.saturating_add(i64::try_from(step).unwrap_or(0))
}

/// What the collector must be told of the meter.
fn declaration(range_uj: Option<i64>, max_watts: f64, period: Duration) -> String {
    let known = range_uj.map(|range| format!("modulus = \"{}\", ", Decimal::new(modulus_uj(range), -6)));
    let modulus = known.unwrap_or_else(|| "no modulus (max_energy_range_uj does not say), ".to_owned());
    // Up to the next second: a collector that expects readings a little late is not misled.
    let seconds = period.as_millis().div_ceil(1_000);
    format!(
        "its meter at the collector needs: kind = \"register\", unit = \"J\", {modulus}rated_power = \"{max_watts} W\" \
         (rapl_max_power here), nominal_interval = \"{seconds}s\""
    )
}

impl Probe for Rapl {
    fn name(&self) -> &'static str {
        "rapl"
    }

    fn look(&mut self) -> Look {
        if self.search.is_due() {
            self.search();
        }
        let mut look = Look { troubles: self.missing.clone(), ..Look::default() };
        for zone in &self.zones {
            let said = match sysfs::bytes(&zone.folder.join("energy_uj")) {
                Ok(said) => said,
                Err(error) => {
                    look.troubles.push(Trouble::new(&zone.id, error.to_string()));
                    continue;
                }
            };
            let Zone { id, .. } = zone;
            match sysfs::number(&said) {
                Ok(energy) if energy >= 0 => {
                    let evidence = Evidence::of(None, self.boot);
                    look.sensed.push(Sensed { evidence, ..Sensed::now(id, Decimal::new(energy, -6), "J") });
                }
                Ok(_) => look.garbled.push(garbled(id, "a register cannot be negative", said)),
                Err(detail) => look.garbled.push(garbled(id, &detail, said)),
            }
        }
        look.notes = self.notes();
        look.within = self.within();
        if !self.zones.is_empty() {
            look.reads = format!("{} RAPL registers", self.zones.len());
        }
        look
    }
}

fn garbled(zone: &str, detail: &str, said: Vec<u8>) -> Garbled {
    Garbled { zone: zone.to_owned(), detail: format!("energy_uj: {detail}"), said }
}

#[cfg(test)]
mod tests;
