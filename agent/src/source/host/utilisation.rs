//! How busy the machine is: processor and memory in percent, as gauges. They are never turned into energy.

use super::probe::{Look, Probe, Sensed};
use crate::source::trouble::Trouble;
use sysinfo::System;
use wattledger_model::decimal::Decimal;

/// Processor and memory. Only what is used is refreshed: two files of procfs a look.
#[derive(Debug)]
pub(super) struct Utilisation {
    system: Option<System>,
}

impl Utilisation {
    pub(super) fn new() -> Utilisation {
        Utilisation { system: None }
    }
}

impl Probe for Utilisation {
    fn name(&self) -> &'static str {
        "utilisation"
    }

    fn look(&mut self) -> Look {
        // Processor time is a difference: the first look only sets its beginning.
        let is_first = self.system.is_none();
        let system = match self.system.take().map_or_else(System::new, Ok) {
            Ok(system) => self.system.insert(system),
            Err(error) => {
                return Look { troubles: vec![Trouble::new("", error.to_string())], ..Look::default() };
            }
        };
        system.refresh_cpu_usage();
        system.refresh_memory();
        let used = system.total_memory().saturating_sub(system.available_memory());
        let share = used as f64 / system.total_memory() as f64 * 100.0;
        let busy = (!is_first).then(|| percent("cpu", f64::from(system.global_cpu_usage()))).flatten();
        let sensed = busy.into_iter().chain(percent("memory", share)).collect();
        Look { sensed, reads: "cpu and memory".to_owned(), ..Look::default() }
    }
}

/// A tenth of a percent is as fine as it means anything. `None` for what is no number.
fn percent(zone: &str, percent: f64) -> Option<Sensed> {
    let tenths = percent.is_finite().then(|| (percent * 10.0).round() as i64)?;
    Some(Sensed::now(zone, Decimal::new(tenths, -1), "%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_read_in_percent() {
        let mut utilisation = Utilisation::new();
        let zones = |look: &Look| look.sensed.iter().map(|s| s.zone.clone()).collect::<Vec<_>>();
        assert_eq!(zones(&utilisation.look()), ["memory"], "the first look begins the processor's time");
        let look = utilisation.look();
        assert_eq!(zones(&look), ["cpu", "memory"]);
        let [busy, used] = &look.sensed[..] else { panic!("{look:?}") };
        assert!((0.0..=100.0).contains(&busy.value.to_f64()), "{}", busy.value);
        assert!((0.1..=100.0).contains(&used.value.to_f64()), "{}", used.value);
        assert_eq!((used.unit.symbol(), percent("cpu", f64::NAN)), ("%", None));
    }
}
