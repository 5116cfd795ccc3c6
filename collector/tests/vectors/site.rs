//! A site from its configuration's text: what is declared there is compiled as the collector compiles it, readings go
//! through a real engine, and sums come from its ledger.

use super::bench::Bench;
use super::case::reading;
use std::convert::Infallible;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::indicators::claim::{Claim, OnSite, claims};
use wattledger_collector::indicators::{Account, Accounts, Figure, Indicator, Pair, Reader, Term};
use wattledger_collector::store::{self, Layout};
use wattledger_collector::topology::{self, Facility, FuelSum, Topology};
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, Minute, Timestamp};

/// When windows begin: in a year of which all factors are published.
const START: &str = "2023-06-01T00:00:00Z";

fn start() -> Minute {
    Timestamp::from_rfc3339(START).expect("a time").minute()
}

/// A meter, and what it measures in each hour.
pub(crate) struct Metered {
    name: String,
    declared: String,
    unit: String,
    by_hour: Vec<f64>,
}

impl Metered {
    fn register(name: &str, lines: &str, unit: &str, amount: f64) -> Metered {
        // Registers are read by the hour, so that the step from one reading to the next is no long one.
        let declared =
            format!("kind = \"register\"\nunit = \"{unit}\"\nnominal_interval = \"1h\"\n{lines}\n");
        Metered { name: name.to_owned(), declared, unit: unit.to_owned(), by_hour: vec![amount] }
    }

    /// A register in no role.
    pub(crate) fn alone(name: &str, unit: &str, amount: f64) -> Metered {
        Metered::register(name, "", unit, amount)
    }

    pub(crate) fn of_role(name: &str, role: &str, unit: &str, amount: f64) -> Metered {
        Metered::register(name, &format!("facility = \"f\"\nrole = \"{role}\""), unit, amount)
    }

    pub(crate) fn of_fuel(name: &str, role: &str, carrier: &str, unit: &str, amount: f64) -> Metered {
        let lines = format!("facility = \"f\"\nrole = \"{role}\"\ncarrier = \"{carrier}\"");
        Metered::register(name, &lines, unit, amount)
    }

    /// A register in kWh of the zone `room`.
    pub(crate) fn of_zone(name: &str, role: &str, amount: f64) -> Metered {
        let lines = format!("[[meter.claim]]\nzone = \"room\"\nrole = \"{role}\"");
        Metered::register(name, &lines, "kWh", amount)
    }

    /// An instant power meter in no role, read by the minute.
    pub(crate) fn power(name: &str) -> Metered {
        let declared = "kind = \"power\"\nunit = \"kW\"\nform = \"instant\"\nnominal_interval = \"60s\"\n";
        Metered {
            name: name.to_owned(),
            declared: declared.to_owned(),
            unit: "kW".to_owned(),
            by_hour: Vec::new(),
        }
    }

    /// The same with other amounts, hour by hour.
    pub(crate) fn by_hour(self, by_hour: &[f64]) -> Metered {
        Metered { by_hour: by_hour.to_vec(), ..self }
    }
}

/// A certificate of the first hours of the window, retired a year later.
pub(crate) fn certificate(kind: &str, hours: usize, lines: &str) -> String {
    let to = Minute(start().0 + 60 * hours as i64);
    format!(
        "[[facility.certificate]]\nkind = \"{kind}\"\nfrom = \"{START}\"\nto = \"{to}\"\nretired = 2024-06-01\n{lines}\n"
    )
}

pub(crate) struct Site {
    bench: Bench,
    pub(crate) topology: Topology,
    pub(crate) window: Interval,
}

impl Site {
    /// A facility `f` with its lines and tables, and meters that showed their amounts over the window.
    pub(crate) fn metering(facility: &str, meters: &[Metered]) -> Site {
        let given: Vec<(&str, Vec<Reading>)> =
            meters.iter().map(|meter| (meter.name.as_str(), registered(meter))).collect();
        let hours = meters.iter().map(|meter| meter.by_hour.len()).max().unwrap_or(1);
        Site::reading(facility, meters, &given, hours)
    }

    /// The same over so many hours, with other readings.
    pub(crate) fn reading(
        facility: &str,
        meters: &[Metered],
        given: &[(&str, Vec<Reading>)],
        hours: usize,
    ) -> Site {
        let text = text(facility, meters);
        let config = CollectorConfig::parse("site.toml", &text)
            .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        let mut bench = Bench::new(topology::interpretations(&config));
        for (meter, readings) in given {
            bench.give(meter, readings);
        }
        let topology = Topology::compile(&config, |key| bench.engine.meters().id(key));
        let window = Interval::new(start(), Minute(start().0 + 60 * hours as i64));
        Site { bench, topology, window }
    }

    /// When windows begin.
    pub(crate) fn start() -> Minute {
        start()
    }

    pub(crate) fn facility(&self) -> &Facility {
        &self.topology.facilities[0]
    }

    fn account(&self, pair: Pair, interval: Interval) -> Account {
        let ledger = Reader::new(store::open_reader(&Layout::new(self.bench.dir.path())).expect("opens"));
        Accounts::new(pair).account(&ledger, interval).expect("read")
    }

    /// What terms came to in an interval, base units.
    pub(crate) fn sum_over(&self, terms: &[Term], interval: Interval) -> i128 {
        self.account(Pair::alone(terms), interval).all_numerator.iter().sum()
    }

    /// What terms came to over the window, base units.
    pub(crate) fn sum(&self, terms: &[Term]) -> i128 {
        self.sum_over(terms, self.window)
    }

    /// What terms came to in each hour of the window.
    pub(crate) fn hours(&self, terms: &[Term]) -> Vec<(Interval, i128)> {
        let hours = (self.window.from.0..self.window.to.0).step_by(60);
        hours
            .map(|from| Interval::new(Minute(from), Minute(from + 60)))
            .map(|hour| (hour, self.sum_over(terms, hour)))
            .collect()
    }

    /// The figure of a pair over the window.
    pub(crate) fn value(&self, indicator: Indicator, pair: Pair) -> f64 {
        let account = self.account(pair, self.window);
        Figure::of(indicator, self.window, &account).value.expect("defined")
    }

    /// Minutes of the window in which terms are known throughout, and the gaps between.
    pub(crate) fn support(&self, terms: &[Term]) -> (i64, Vec<Interval>) {
        let ledger = Reader::new(store::open_reader(&Layout::new(self.bench.dir.path())).expect("opens"));
        let gaps = Accounts::new(Pair::alone(terms)).gaps(&ledger, self.window).expect("read");
        (self.account(Pair::alone(terms), self.window).minutes, gaps)
    }

    /// Each fuel with what was used of it.
    pub(crate) fn fuels(&self) -> Vec<(&FuelSum, i128)> {
        self.facility().fuels.iter().map(|fuel| (fuel, self.sum(&fuel.terms))).collect()
    }

    /// The claims of the facility's certificates, once they are retired.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        let facility = self.facility();
        let on_site = |interval| {
            let sums = OnSite {
                generated_uwh: self.sum_over(&facility.on_site_renewable, interval),
                exported_uwh: self.sum_over(&facility.export, interval),
            };
            Ok::<_, Infallible>((!facility.on_site_renewable.is_empty()).then_some(sums))
        };
        let as_of = "2024-06-01".parse().expect("a date");
        claims(&facility.certificates, self.window, as_of, on_site).unwrap_or_else(|never| match never {})
    }
}

/// A register's readings, an hour apart.
fn registered(meter: &Metered) -> Vec<Reading> {
    let hour = |at: i64| Timestamp(start().start().0 + at * 3_600_000);
    let mut total = 0.0;
    let mut readings = vec![reading(hour(0), Decimal::ZERO, &meter.unit)];
    for (amount, at) in meter.by_hour.iter().zip(1..) {
        total += amount;
        readings.push(reading(hour(at), Decimal::from_f64(total).expect("finite"), &meter.unit));
    }
    readings
}

fn text(facility: &str, meters: &[Metered]) -> String {
    let head = "[collector]\nname = \"c\"\ndata_dir = \"/d\"\n[link]\nbroker = \"mqtt://127.0.0.1:1883\"\n\
                [[site]]\nname = \"s\"\ntime_zone = \"UTC\"\n[[facility]]\nname = \"f\"\nsite = \"s\"\n";
    let declared = |meter: &Metered| format!("[[meter]]\nname = \"{}\"\n{}", meter.name, meter.declared);
    format!("{head}{facility}\n{}", meters.iter().map(declared).collect::<String>())
}
