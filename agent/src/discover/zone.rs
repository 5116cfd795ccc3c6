//! The zone of devices that send local times.

use chrono_tz::Tz;
use std::path::Path;

/// A zone, and whether somebody has said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) zone: Tz,
    /// Where it is from, unless it was said.
    pub(super) guessed: Option<&'static str>,
}

/// The zone that was said, or that of this machine, or UTC.
pub(super) fn of(said: Option<Tz>) -> Zone {
    if let Some(zone) = said {
        return Zone { zone, guessed: None };
    }
    let by_variable = std::env::var("TZ").ok().and_then(|name| name.trim_start_matches(':').parse().ok());
    let by_link = || {
        let target = std::fs::read_link("/etc/localtime").ok()?;
        in_database(&target)
    };
    match by_variable.or_else(by_link) {
        Some(zone) => Zone { zone, guessed: Some("the zone of this machine") },
        None => Zone { zone: Tz::UTC, guessed: Some("nothing says which") },
    }
}

fn in_database(path: &Path) -> Option<Tz> {
    let (_, name) = path.to_str()?.split_once("zoneinfo/")?;
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_the_end_of_its_path() {
        assert_eq!(in_database(Path::new("/usr/share/zoneinfo/Europe/Berlin")), Some(Tz::Europe__Berlin));
        assert_eq!(in_database(Path::new("../usr/share/zoneinfo/Etc/UTC")), Some(Tz::Etc__UTC));
        assert_eq!(in_database(Path::new("/etc/localtime")), None);
        assert_eq!(of(Some(Tz::Asia__Shanghai)).guessed, None);
    }
}
