//! The configuration files of the demo's collector and agents, written from the simulator's own tables.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use wattledger_agent::source::simulated::{FacilitySpec, Grid, MeterSpec, SiteSpec, sites};

/// The collector that every agent of the demo names as its own.
const COLLECTOR: &str = "campus";
/// Every agent's name; it is unique in its site.
const AGENT: &str = "floor";

/// The configuration of one site's agent.
pub(crate) fn agent(site: &SiteSpec, dir: &Path, broker: SocketAddr) -> String {
    let data = quoted(&dir.join(format!("agent-{}", site.name)).to_string_lossy());
    format!(
        "# Written by `wattledger demo` at each start; its simulated source is added by the program.\n\n\
         [agent]\nname = \"{AGENT}\"\nsite = \"{}\"\ncollector = \"{COLLECTOR}\"\ndata_dir = {data}\n\n\
         [link]\nbroker = \"mqtt://{broker}\"\n",
        site.name
    )
}

/// The collector's configuration: sites, facilities, meters, one alert rule for each facility.
pub(crate) fn collector(dir: &Path, broker: SocketAddr, listen: SocketAddr) -> String {
    let data = quoted(&dir.join("collector").to_string_lossy());
    let mut text = format!(
        "# Written by `wattledger demo` at each start.\n\n\
         [collector]\nname = \"{COLLECTOR}\"\ndata_dir = {data}\n\n\
         [link]\nbroker = \"mqtt://{broker}\"\n\n\
         [web]\nlisten = \"{listen}\"\n"
    );
    for site in sites() {
        let _ = write!(
            text,
            "\n[[site]]\nname = \"{}\"\ntitle = {}\ntime_zone = \"{}\"\n",
            site.name,
            quoted(site.title),
            site.time_zone
        );
    }
    for site in sites() {
        for facility in site.facilities {
            write_facility(&mut text, site, facility);
            for meter in facility.meters {
                write_meter(&mut text, site, facility, meter);
            }
        }
    }
    text.push_str("\n[[channel.mqtt]]\nname = \"bus\"\n");
    text
}

fn write_facility(text: &mut String, site: &SiteSpec, facility: &FacilitySpec) {
    let targets: Vec<String> = facility.targets.iter().map(|id| quoted(id)).collect();
    let _ = write!(
        text,
        "\n[[facility]]\nname = \"{}\"\nsite = \"{}\"\ntitle = {}\nit_energy = \"{}\"\ntargets = [{}]\n",
        facility.name,
        site.name,
        quoted(facility.title),
        facility.it_energy,
        targets.join(", ")
    );
    let _ = match facility.grid {
        Grid::Region(region) => writeln!(text, "grid = \"{region}\""),
        Grid::Constant { kg_per_kwh, year, source } => write!(
            text,
            "emission_factor = \"{kg_per_kwh} kg/kWh\"\nemission_factor_year = {year}\nemission_factor_source = {}\n",
            quoted(source)
        ),
    };
    let _ = write!(
        text,
        "\n[[alert]]\nname = \"{0}-pue-high\"\nfacility = \"{0}\"\nindicator = \"pue\"\nwindow = \"1h\"\n\
         raise_above = {1}\nraise_after = \"15m\"\nclear_below = {2}\nclear_after = \"15m\"\nmin_coverage = 0.9\n\
         severity = \"warning\"\nchannels = [\"bus\"]\n",
        facility.name, 1.35, 1.32,
    );
}

fn write_meter(text: &mut String, site: &SiteSpec, facility: &FacilitySpec, meter: &MeterSpec) {
    let _ = write!(
        text,
        "\n[[meter]]\nname = \"{}\"\nsite = \"{}\"\nfacility = \"{}\"\ntitle = {}\nrole = \"{}\"\nkind = \"{}\"\n\
         unit = \"{}\"\nnominal_interval = \"15m\"\ngap_limit = \"1h\"\n",
        meter.name,
        site.name,
        facility.name,
        quoted(meter.title),
        meter.role,
        meter.kind(),
        meter.unit,
    );
    if meter.kind() == "register" {
        let _ = writeln!(
            text,
            "resolution = \"{:.*}\"",
            usize::from(meter.digits),
            0.1_f64.powi(meter.digits.into())
        );
    }
    if meter.kind() == "power" {
        text.push_str("form = \"interval-mean\"\n");
    }
    if let Some(modulus) = meter.modulus {
        let _ = writeln!(text, "modulus = \"{modulus}\"");
    }
    if let Some(watts) = meter.rated_watts {
        let rated = if watts % 1_000 == 0 { format!("{} kW", watts / 1_000) } else { format!("{watts} W") };
        let _ = writeln!(text, "rated_power = \"{rated}\"");
        // The edge site's papers were lost: what nobody declares is unknown, and its verdicts say so.
        if facility.name != "hamburg-edge" {
            write_instrument(text, meter);
        }
    }
    if let Some(flow) = meter.rated_flow {
        let _ = writeln!(text, "rated_flow = \"{flow}\"");
    }
}

/// The instrument at a meter: one make at what enters the boundary, another at all else.
fn write_instrument(text: &mut String, meter: &MeterSpec) {
    let enters = matches!(meter.role, "utility" | "generator" | "on-site-renewable" | "export");
    let (make, class) = if enters { ("North E700", "0.2S") } else { ("South P200", "0.5S") };
    let _ = writeln!(
        text,
        "serial = \"{}-1\"\nmake = \"{make}\"\nclass = \"{class}\"\nct_class = \"0.5S\"",
        meter.name
    );
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_agent::config::AgentConfig;
    use wattledger_collector::config::CollectorConfig;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn every_meter_of_every_facility_is_declared() {
        let text = collector(Path::new("/data/\"odd\"\\dir"), address(1883), address(8080));
        let parsed: toml::Table = text.parse().expect("valid TOML");
        assert_eq!(parsed["collector"]["data_dir"].as_str(), Some("/data/\"odd\"\\dir/collector"));
        assert_eq!(parsed["meter"].as_array().map(Vec::len), Some(30));
        assert_eq!(parsed["facility"].as_array().map(Vec::len), Some(3));
        let pumps = parsed["meter"]
            .as_array()
            .and_then(|meters| meters.iter().find(|meter| meter["name"].as_str() == Some("hall-pumps")));
        let pumps = pumps.expect("declared");
        assert_eq!(pumps["modulus"].as_str(), Some("1000000"));
        assert_eq!(pumps["resolution"].as_str(), Some("0.1"));
    }

    #[test]
    fn agents_and_collector_take_what_is_written_without_a_word() {
        let dir = Path::new("/data");
        let text = collector(dir, address(1883), address(8080));
        let config =
            CollectorConfig::parse("collector.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(config.warnings.is_empty(), "{}", config.warnings);
        for site in sites() {
            let text = agent(site, dir, address(1883));
            let config =
                AgentConfig::parse("agent.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
            assert!(config.warnings.is_empty(), "{}", config.warnings);
        }
    }

    #[test]
    fn agents_name_their_site_and_collector() {
        for site in sites() {
            let parsed: toml::Table =
                agent(site, Path::new("/data"), address(1)).parse().expect("valid TOML");
            assert_eq!(parsed["agent"]["site"].as_str(), Some(site.name));
            assert_eq!(parsed["agent"]["collector"].as_str(), Some(COLLECTOR));
        }
    }
}
