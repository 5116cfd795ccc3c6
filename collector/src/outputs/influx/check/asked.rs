//! What is asked for: which output, which time, which series.

use super::error::{CheckError, hint};
use super::parsed::Identity;
use crate::admin::instant;
use crate::config::{CollectorConfig, InfluxOutput};
use crate::outputs::influx::catalog::{self, Measurement};
use crate::outputs::influx::database::quoted;
use wattledger_model::calendar::{Period, Tz};
use wattledger_model::meter::MeterKey;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Timestamp};

/// What is looked at where nothing else is asked for: the last so many days.
pub const USUAL_DAYS: i64 = 31;

/// What is asked for, as people write it.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The output; may be left out where there is one.
    pub output: Option<String>,
    /// As for reports: `2026`, `2026-Q4`, `2026-10`, `2026-10-03`, or FROM..TO.
    pub period: Option<String>,
    /// Begin: an RFC 3339 instant, or local date and time.
    pub from: Option<String>,
    /// End, the first instant left out.
    pub to: Option<String>,
    /// Measurements; all that are made from the ledger where none is named.
    pub measurements: Vec<String>,
    /// Only series with this facility.
    pub facility: Option<String>,
    /// Only series with this meter, SITE/METER.
    pub meter: Option<String>,
    /// What an InfluxDB 2 calls the bucket towards clients of version 1, where that is not its name.
    pub database: Option<String>,
}

/// What is asked for, understood.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) output: InfluxOutput,
    /// Times of points from here on, ms.
    pub(super) from_ms: i64,
    /// Up to here, not inside; `None` for whatever there is.
    pub(super) to_ms: Option<i64>,
    pub(super) measurements: Vec<&'static Measurement>,
    pub(super) series: SeriesFilter,
    pub(super) mapped: Option<String>,
}

/// Which series: all, or those that bear the facility or the meter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SeriesFilter {
    pub(super) facility: Option<String>,
    pub(super) meter: Option<MeterKey>,
}

impl Asked {
    /// Understands what is asked for.
    ///
    /// # Errors
    /// [`CheckError`] with what is not known and how to write it.
    pub(super) fn scope(&self, config: &CollectorConfig, now: Timestamp) -> Result<Scope, CheckError> {
        let output = self.output(config)?.clone();
        let series = self.series(config)?;
        let measurements = self.measurements(&series)?;
        let (from_ms, to_ms) = self.time(config, &series, now)?;
        Ok(Scope { output, from_ms, to_ms, measurements, series, mapped: self.database.clone() })
    }

    fn output<'c>(&self, config: &'c CollectorConfig) -> Result<&'c InfluxOutput, CheckError> {
        let names = || config.influx.iter().map(|output| output.name.as_str());
        match (&self.output, config.influx.as_slice()) {
            (_, []) => Err(CheckError::NoOutput),
            (None, [one]) => Ok(one),
            (None, _) => Err(CheckError::WhichOutput(names().collect::<Vec<_>>().join(", "))),
            (Some(name), all) => all
                .iter()
                .find(|output| output.name.as_str() == name)
                .ok_or_else(|| CheckError::UnknownOutput { name: shown(name), hint: hint(name, names()) }),
        }
    }

    fn series(&self, config: &CollectorConfig) -> Result<SeriesFilter, CheckError> {
        let facility = match &self.facility {
            Some(name) if !config.facilities.iter().any(|of| of.name.as_str() == name) => {
                let known = config.facilities.iter().map(|of| of.name.as_str());
                return Err(unknown("facility", name, hint(name, known)));
            }
            facility => facility.clone(),
        };
        let meter = self.meter.as_ref().map(|name| {
            let found = config.meters.iter().find(|meter| meter.key.to_string() == *name);
            found.map(|meter| meter.key.clone()).ok_or_else(|| {
                let known: Vec<String> = config.meters.iter().map(|meter| meter.key.to_string()).collect();
                unknown("meter", name, hint(name, known.iter().map(String::as_str)))
            })
        });
        Ok(SeriesFilter { facility, meter: meter.transpose()? })
    }

    fn measurements(&self, series: &SeriesFilter) -> Result<Vec<&'static Measurement>, CheckError> {
        let all = catalog::DERIVED.iter().copied();
        let mut asked: Vec<&'static Measurement> = Vec::new();
        for name in &self.measurements {
            let found = catalog::ALL.iter().copied().find(|measurement| measurement.name == name);
            let found = found.ok_or_else(|| CheckError::UnknownMeasurement {
                name: shown(name),
                hint: hint(name, catalog::DERIVED.iter().map(|measurement| measurement.name)),
            })?;
            if !all.clone().any(|derived| derived.name == found.name) {
                return Err(CheckError::Live(found.name));
            }
            asked.push(found);
        }
        if asked.is_empty() {
            asked.extend(all);
        }
        asked.retain(|measurement| series.may_be_in(measurement));
        match (asked.is_empty(), &series.facility) {
            (true, Some(_)) => Err(CheckError::NothingInCommon("facility")),
            (true, None) => Err(CheckError::NothingInCommon("meter")),
            (false, _) => Ok(asked),
        }
    }

    fn time(
        &self,
        config: &CollectorConfig,
        series: &SeriesFilter,
        now: Timestamp,
    ) -> Result<(i64, Option<i64>), CheckError> {
        let zone = zone(config, series);
        let read = |text: &String| instant::parse(text, zone).map_err(|why| time(&why, zone));
        let (from, to) = match (&self.period, &self.from, &self.to) {
            (Some(text), None, None) => {
                let period = Period::parse(text, zone.unwrap_or(Tz::UTC))
                    .map_err(|error| CheckError::Time(error.to_string()))?;
                if zone.is_none() && !text.contains('Z') {
                    return Err(time(&format!("`{}` is in local dates", shown(text)), zone));
                }
                (period.interval.from.start(), Some(period.interval.to.start()))
            }
            (Some(_), ..) => {
                return Err(CheckError::Time("say --period, or --from and --to, not both".to_owned()));
            }
            (None, from, to) => {
                let from = from.as_ref().map(read).transpose()?;
                let to = to.as_ref().map(read).transpose()?;
                let usual = Timestamp(to.unwrap_or(now).0 - USUAL_DAYS * DAY_MINUTES * MINUTE_MS);
                (from.unwrap_or(usual), to)
            }
        };
        if to.is_some_and(|to| to <= from) {
            return Err(CheckError::Time(
                "the time ends before it begins; --to must be after --from".to_owned(),
            ));
        }
        Ok((from.0, to.map(|to| to.0)))
    }
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn unknown(what: &'static str, name: &str, hint: String) -> CheckError {
    CheckError::Unknown { what, name: shown(name), hint }
}

fn time(why: &str, zone: Option<Tz>) -> CheckError {
    match zone {
        Some(_) => CheckError::Time(why.to_owned()),
        // The reason would speak of the one site that there is not.
        None => CheckError::Time(format!(
            "{}; the sites have different time zones: write instants like 2026-03-02T09:58:00Z, or name a \
             --facility or --meter",
            why.split(" has no offset").next().unwrap_or(why)
        )),
    }
}

/// The zone of local times: of the facility or meter that is asked for, else that of all sites if it is one.
fn zone(config: &CollectorConfig, series: &SeriesFilter) -> Option<Tz> {
    let facility = series.facility.as_ref();
    let facility = facility.and_then(|name| config.facilities.iter().find(|of| of.name.as_str() == name));
    let named = facility.map(|of| &of.site).or(series.meter.as_ref().map(|meter| &meter.site));
    let mut zones = config.sites.iter().filter(|site| named.is_none_or(|named| *named == site.name));
    let first = zones.next()?.time_zone;
    zones.all(|site| site.time_zone == first).then_some(first)
}

impl SeriesFilter {
    fn is_all(&self) -> bool {
        *self == SeriesFilter::default()
    }

    /// Whether a measurement has any series that are asked for.
    fn may_be_in(&self, measurement: &Measurement) -> bool {
        let has = |tag| measurement.tags.contains(&tag);
        self.is_all()
            || self.facility.is_some() && has("facility")
            || self.meter.is_some() && has("meter") && has("site")
    }

    /// Whether a series is asked for.
    pub(super) fn takes(&self, of: &Identity) -> bool {
        let tag = |name: &str| of.tags.iter().find(|(tag, _)| tag == name).map(|(_, value)| value.as_str());
        self.is_all()
            || self.facility.is_some() && tag("facility") == self.facility.as_deref()
            || self.meter.as_ref().is_some_and(|meter| {
                tag("meter") == Some(meter.meter.as_str()) && tag("site") == Some(meter.site.as_str())
            })
    }

    /// The same as a condition of InfluxQL; empty for all.
    pub(super) fn condition(&self, measurement: &Measurement) -> String {
        let equals = |tag: &str, value: &str| format!("\"{tag}\" = {}", quoted(value, '\''));
        let has = |tag| measurement.tags.contains(&tag);
        let mut any = Vec::new();
        if let Some(facility) = self.facility.as_ref().filter(|_| has("facility")) {
            any.push(equals("facility", facility));
        }
        if let Some(meter) = self.meter.as_ref().filter(|_| has("meter") && has("site")) {
            any.push(format!(
                "({} AND {})",
                equals("meter", meter.meter.as_str()),
                equals("site", meter.site.as_str())
            ));
        }
        if any.is_empty() { String::new() } else { format!(" AND ({})", any.join(" OR ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"
[collector]
name = "campus"
data_dir = "/nowhere"
[link]
broker = "mqtt://127.0.0.1:1883"
[[site]]
name = "north"
time_zone = "Europe/Berlin"
[[site]]
name = "south"
time_zone = "America/Denver"
[[facility]]
name = "hall"
site = "north"
[[facility]]
name = "annex"
site = "south"
[[meter]]
name = "main"
facility = "hall"
role = "utility"
kind = "register"
unit = "kWh"
[[output.influx]]
name = "history"
url = "http://127.0.0.1:8086"
api = "v1"
database = "wl"
"#;

    fn scope(asked: &Asked) -> Result<Scope, String> {
        let config = CollectorConfig::parse("c.toml", TWO).unwrap_or_else(|problems| panic!("{problems}"));
        asked.scope(&config, at("2026-11-21T12:00:00Z")).map_err(|error| error.to_string())
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_rfc3339(text).expect("a time")
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn nothing_asked_for_is_the_last_31_days_of_all_that_is_made_from_the_ledger() {
        let all = scope(&Asked::default()).expect("there is one output");
        assert_eq!((all.from_ms, all.to_ms), (at("2026-10-21T12:00:00Z").0, None));
        assert_eq!(all.measurements.len(), catalog::DERIVED.len());
        assert!(all.measurements.iter().all(|measurement| all.series.condition(measurement).is_empty()));
    }

    #[test]
    fn what_is_unknown_is_named_with_what_there_is() {
        let wrong = |asked: Asked| scope(&asked).expect_err("it is wrong");
        let asked = Asked::default();
        let output = wrong(Asked { output: some("histry"), ..asked.clone() });
        assert!(output.contains("did you mean `history`?"), "{output}");
        let facility = wrong(Asked { facility: some("hal"), ..asked.clone() });
        assert!(facility.contains("did you mean `hall`?"), "{facility}");
        let meter = wrong(Asked { meter: some("north/mian"), ..asked.clone() });
        assert!(meter.contains("did you mean `north/main`?"), "{meter}");
        let measurement = wrong(Asked { measurements: vec!["wl_metre".to_owned()], ..asked.clone() });
        assert!(measurement.contains("did you mean `wl_meter`?"), "{measurement}");
        let live = wrong(Asked { measurements: vec!["wl_now".to_owned()], ..asked.clone() });
        assert!(live.contains("records what was shown at the time"), "{live}");
        let measurements = vec!["wl_meter".to_owned()];
        let neither = wrong(Asked { measurements, facility: some("hall"), ..asked.clone() });
        assert!(neither.contains("of a facility"), "{neither}");
        let backwards =
            wrong(Asked { from: some("2026-10-02T00:00:00Z"), to: some("2026-10-01T00:00:00Z"), ..asked });
        assert!(backwards.contains("--to must be after --from"), "{backwards}");
    }

    #[test]
    fn local_times_are_those_of_the_site_that_is_asked_for() {
        let local = Asked { from: some("2026-10-01"), to: some("2026-10-02 06:00"), ..Asked::default() };
        let both = scope(&local).expect_err("two zones");
        assert!(both.contains("different time zones") && both.contains("2026-10-01"), "{both}");
        let hall = scope(&Asked { facility: some("hall"), ..local.clone() }).expect("one zone");
        assert_eq!(hall.from_ms, at("2026-09-30T22:00:00Z").0);
        let annex = scope(&Asked { facility: some("annex"), ..local }).expect("one zone");
        assert_eq!(annex.to_ms, Some(at("2026-10-02T12:00:00Z").0));
        let month = Asked { period: some("2026-10"), meter: some("north/main"), ..Asked::default() };
        let month = scope(&month).expect("one zone");
        assert_eq!(month.to_ms, Some(at("2026-10-31T23:00:00Z").0));
    }

    #[test]
    fn the_filter_is_the_same_here_and_there() {
        let of = |key: &str| Identity::of(key);
        let meter =
            MeterKey { site: "north".parse().expect("a name"), meter: "main".parse().expect("a name") };
        let filter = SeriesFilter { facility: some("hall"), meter: Some(meter) };
        for (key, taken) in [
            ("wl_meter,meter=main,site=north", true),
            ("wl_meter,meter=main,site=south", false),
            ("wl_component,component=it,facility=hall,site=north", true),
            ("wl_component,component=it,facility=annex,site=south", false),
        ] {
            assert_eq!(filter.takes(&of(key)), taken, "{key}");
        }
        assert_eq!(filter.condition(&catalog::COMPONENT), " AND (\"facility\" = 'hall')");
        let condition = " AND ((\"meter\" = 'main' AND \"site\" = 'north'))";
        assert_eq!(filter.condition(&catalog::METER), condition);
    }
}
