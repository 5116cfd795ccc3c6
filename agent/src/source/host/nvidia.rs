//! NVIDIA GPUs through the driver's own library (NVML), which is loaded when it is there: power, energy,
//! utilisation, temperature.
//!
//! The energy register counts mJ since the driver was loaded. A GPU's UUID tells another GPU in its place;
//! the boot and the load of the driver's module tell that the register began again. While a machine's NVML
//! is open its driver cannot be unloaded.

use super::probe::{Look, Probe, Search, Sensed};
use super::sysfs::{self, Roots};
use crate::source::trouble::Trouble;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Evidence, Serial};

/// GPUs that are read at most.
const GPUS: u32 = 64;

/// The GPUs of this machine.
#[derive(Debug)]
pub(super) struct Nvidia {
    roots: Roots,
    library: Option<PathBuf>,
    search: Search,
    nvml: Option<Nvml>,
    missing: Option<Trouble>,
}

impl Nvidia {
    pub(super) fn new(roots: Roots, library: Option<PathBuf>) -> Nvidia {
        Nvidia { roots, library, search: Search::default(), nvml: None, missing: None }
    }

    fn search(&mut self) {
        let library: Option<OsString> = self.library.clone().map(PathBuf::into_os_string);
        let mut builder = Nvml::builder();
        if let Some(library) = &library {
            builder.lib_path(library);
        }
        match builder.init() {
            Ok(nvml) => (self.nvml, self.missing) = (Some(nvml), None),
            Err(error) => self.missing = Some(Trouble::new("", self.why_not(&error))),
        }
    }

    fn why_not(&self, error: &NvmlError) -> String {
        let says = match error {
            NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => {
                "no NVIDIA driver here (libnvidia-ml.so.1 is not found)"
            }
            // The library says the same of devices that are hidden from this process.
            NvmlError::DriverNotLoaded if self.roots.sys.join("module/nvidia").exists() => {
                "the NVIDIA driver is loaded, and /dev/nvidia* cannot be opened. Give the agent `PrivateDevices=no` \
                 and `DeviceAllow=char-nvidia* rw` in its systemd unit"
            }
            NvmlError::DriverNotLoaded => "the NVIDIA driver is installed and not loaded",
            NvmlError::LibRmVersionMismatch => {
                "the loaded NVIDIA driver is of another version than its library; reboot, or load it again"
            }
            NvmlError::NoPermission => {
                "the agent may not use /dev/nvidia*; give it the group of these and, in its systemd unit, \
                 `DeviceAllow=char-nvidia* rw`"
            }
            error => return error.to_string(),
        };
        says.to_owned()
    }

    /// A number that differs where the energy registers have begun again: the boot, and the load of the
    /// module, whose folder in sysfs has another inode each time.
    fn epoch(&self) -> Option<u32> {
        let module = fs::metadata(self.roots.sys.join("module/nvidia")).map(|found| found.ino()).ok();
        match (self.roots.boot(), module) {
            (None, None) => None,
            told => sysfs::mark(&format!("{told:?}")),
        }
    }

    /// What all GPUs say; an error where the driver as a whole does not answer any more.
    fn read(&self, nvml: &Nvml, look: &mut Look) -> Result<(), NvmlError> {
        let count = nvml.device_count()?.min(GPUS);
        let boots = self.epoch();
        for index in 0..count {
            let zone = format!("gpu{index}");
            match nvml.device_by_index(index) {
                Ok(device) => read_one(&device, &zone, boots, look)?,
                Err(error) if is_over(&error) => return Err(error),
                Err(error) => look.troubles.push(Trouble::new(zone, error.to_string())),
            }
        }
        look.reads = format!("{count} GPUs");
        if count == 0 {
            look.troubles.push(Trouble::new("", "the driver has no GPU"));
        }
        Ok(())
    }
}

/// Each value that the GPU has; what it has not is said.
fn read_one(device: &Device<'_>, gpu: &str, boots: Option<u32>, look: &mut Look) -> Result<(), NvmlError> {
    let serial = device.uuid().ok().and_then(|uuid| Serial::of(&uuid));
    let evidence = Evidence::of(serial, boots);
    let energy = device.total_energy_consumption().map(|mj| (i64::try_from(mj).ok(), -3, "J"));
    let power = device.power_usage().map(|mw| (Some(i64::from(mw)), 0, "mW"));
    let busy = device.utilization_rates().map(|rates| (Some(i64::from(rates.gpu)), 0, "%"));
    let warm = device.temperature(TemperatureSensor::Gpu).map(|degrees| (Some(i64::from(degrees)), 0, "Cel"));
    for (what, read) in [("energy", energy), ("power", power), ("utilisation", busy), ("temperature", warm)] {
        let zone = format!("{gpu}-{what}");
        match read {
            Ok((Some(value), exponent, unit)) => {
                let sensed = Sensed::now(zone, Decimal::new(value, exponent), unit);
                look.sensed.push(Sensed { evidence, ..sensed });
            }
            Ok((None, ..)) => look.troubles.push(Trouble::new(zone, "more than 2⁶³ is no energy in mJ")),
            Err(error) if is_over(&error) => return Err(error),
            Err(NvmlError::NotSupported) => {
                look.troubles.push(Trouble::new(zone, "this GPU does not tell it"));
            }
            Err(error) => look.troubles.push(Trouble::new(zone, error.to_string())),
        }
    }
    Ok(())
}

/// Whether the library must be opened anew before anything can be read again.
fn is_over(error: &NvmlError) -> bool {
    matches!(error, NvmlError::Uninitialized | NvmlError::DriverNotLoaded | NvmlError::LibRmVersionMismatch)
}

impl Probe for Nvidia {
    fn name(&self) -> &'static str {
        "nvidia"
    }

    fn look(&mut self) -> Look {
        if self.nvml.is_none() && self.search.is_due() {
            self.search();
        }
        let mut look = Look::default();
        if let Some(nvml) = self.nvml.take() {
            match self.read(&nvml, &mut look) {
                Ok(()) => self.nvml = Some(nvml),
                // Closed here, so that another driver can be loaded; searched again in a while.
                Err(error) => {
                    look.reads.clear();
                    self.missing = Some(Trouble::new("", self.why_not(&error)));
                }
            }
        }
        look.troubles.extend(self.missing.clone());
        look
    }
}

#[cfg(test)]
mod tests;
