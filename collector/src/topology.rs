//! Which meters make up each facility's sums: the configuration, compiled for the store at hand.

use crate::config::{Carbon, CollectorConfig, Facility as Declared, Meter};
use crate::indicators::Weight;
use crate::indicators::account::{ALWAYS, MILLIONTHS};
use crate::indicators::figure::UWH_PER_KWH;
use crate::indicators::{Pair, Term};
use crate::ledger::interpret::{DEFAULT_INTERVAL_MS, Interpretation, RATE_PER_BASE};
use crate::store::MeterId;
use chrono::NaiveDate;
use std::collections::{BTreeMap, HashMap};
use wattledger_model::calendar::{self, Tz};
use wattledger_model::decimal::Decimal;
use wattledger_model::factor::FactorTable;
use wattledger_model::meter::{Form, Kind, MeterKey};
use wattledger_model::name::Name;
use wattledger_model::role::Role;
use wattledger_model::target::Target;

/// How a declared meter is read.
pub fn interpretation(meter: &Meter) -> Interpretation {
    let rated = meter.rated_power.as_ref().and_then(|measure| {
        let limit =
            Interpretation { kind: measure.unit.kind(), ..Interpretation::unclaimed(Some(measure.unit)) };
        limit.rate_of(measure.unit, measure.value).map(|rate| rate / RATE_PER_BASE)
    });
    Interpretation {
        kind: meter.kind,
        unit: meter.unit,
        scale: meter.scale,
        modulus: meter.modulus,
        resolution: meter.resolution.unwrap_or(Decimal::ZERO),
        rated,
        nominal_interval_ms: meter.nominal_interval_ms.unwrap_or(DEFAULT_INTERVAL_MS),
        gap_limit_ms: meter.gap_limit_ms,
        form: meter.form.unwrap_or(Form::Instant),
        is_binary32: false,
        is_bidirectional: false,
        later: Vec::new(),
        corrections: Vec::new(),
    }
}

/// All declared meters' interpretations.
pub fn interpretations(config: &CollectorConfig) -> BTreeMap<MeterKey, Interpretation> {
    config.meters.iter().map(|meter| (meter.key.clone(), interpretation(meter))).collect()
}

/// A facility, ready to be computed.
pub struct Facility {
    /// Its name.
    pub name: Name,
    /// Its name for people.
    pub title: String,
    /// The site it is in.
    pub site: Name,
    /// The site's time zone.
    pub zone: Tz,
    /// Targets it is judged by.
    pub targets: Vec<Target>,
    /// 1 to 3 by where IT energy is measured; `None` where it is not.
    pub category: Option<u8>,
    /// Why no PUE can be computed.
    pub problem: Option<String>,
    /// `E_DC`: what enters minus what leaves.
    pub total: Vec<Term>,
    /// `E_IT`, at the measuring point of the category.
    pub it: Vec<Term>,
    /// Water that enters.
    pub water: Vec<Term>,
    /// Electricity from the grid.
    pub grid: Vec<Term>,
    /// Meters by role, for sums by component.
    pub components: Vec<(Role, Vec<Term>)>,
    /// Emission factor by minute, kg per µWh; `None` where none is declared.
    pub factor: Option<Weight>,
    /// What the emission factor is, in words, with year and source.
    pub factor_note: Option<String>,
    /// Meters of numerator and denominator with how long the horizon waits for each, ms.
    pub patience: Vec<(MeterId, i64)>,
}

/// A declared meter in the store.
#[derive(Debug, Clone)]
pub struct KnownMeter {
    /// Its number in the store.
    pub id: MeterId,
    /// Its declaration.
    pub declared: Meter,
    /// How it is read.
    pub interpretation: Interpretation,
}

/// The facilities and meters of a configuration.
pub struct Topology {
    /// In the order of the configuration.
    pub facilities: Vec<Facility>,
    /// Declared meters by number.
    pub meters: HashMap<MeterId, KnownMeter>,
    /// Time zone and title of each site.
    pub sites: BTreeMap<Name, (Tz, String)>,
}

impl Topology {
    /// Compiles a configuration; `number` gives a meter's number in the store.
    pub fn compile(config: &CollectorConfig, number: impl Fn(&MeterKey) -> Option<MeterId>) -> Topology {
        let mut meters = HashMap::new();
        for meter in &config.meters {
            if let Some(id) = number(&meter.key) {
                let known = KnownMeter { id, declared: meter.clone(), interpretation: interpretation(meter) };
                meters.insert(id, known);
            }
        }
        let sites = config
            .sites
            .iter()
            .map(|site| (site.name.clone(), (site.time_zone, site.title.clone())))
            .collect();
        let mut topology = Topology { facilities: Vec::new(), meters, sites };
        topology.facilities = config.facilities.iter().map(|facility| topology.facility(facility)).collect();
        topology
    }

    fn facility(&self, declared: &Declared) -> Facility {
        let mut own: Vec<&KnownMeter> = self
            .meters
            .values()
            .filter(|meter| {
                meter.declared.facility.as_ref() == Some(&declared.name) && meter.declared.kind != Kind::Gauge
            })
            .collect();
        own.sort_by_key(|meter| meter.id);
        let with = |fits: &dyn Fn(Role) -> Option<i8>| -> Vec<Term> {
            own.iter()
                .filter_map(|meter| {
                    let millionths = i64::from(fits(meter.declared.role?)?) * MILLIONTHS;
                    Some(Term { meter: meter.id, millionths, during: ALWAYS })
                })
                .collect()
        };
        let zone = self.sites.get(&declared.site).map_or(Tz::UTC, |(zone, _)| *zone);
        // Where several levels are metered, the configuration says which one counts; it is checked there.
        let it_role = declared.it_energy.or_else(|| {
            own.iter().filter_map(|meter| meter.declared.role).find(|role| role.it_category().is_some())
        });
        let total = with(&|role| Some(role.facility_sign()).filter(|sign| *sign != 0));
        let it = with(&|role| (Some(role) == it_role).then_some(1));
        let problem = match (total.is_empty(), it.is_empty()) {
            (true, true) => Some("no meter of what enters the facility and none of its IT energy".to_owned()),
            (true, false) => {
                Some("no meter of what enters the facility; give one the role `utility`".to_owned())
            }
            (false, true) => Some(
                "no IT energy meter; give one the role `ups-output`, `pdu-output` or `it-input`".to_owned(),
            ),
            (false, false) => None,
        };
        let mut components: BTreeMap<Role, Vec<Term>> = BTreeMap::new();
        for meter in &own {
            if let Some(role) = meter.declared.role {
                components.entry(role).or_default().push(Term::all_of(meter.id));
            }
        }
        let factor = declared.carbon.as_ref().map(|carbon| factor(carbon, zone));
        let sides = total.iter().chain(&it);
        let patience =
            sides.map(|term| (term.meter, self.meters[&term.meter].interpretation.patience_ms())).collect();
        Facility {
            name: declared.name.clone(),
            title: declared.title.clone(),
            site: declared.site.clone(),
            zone,
            targets: declared.targets.clone(),
            category: it_role.and_then(Role::it_category).filter(|_| !it.is_empty()),
            problem,
            water: with(&|role| (role == Role::Water).then_some(1)),
            grid: with(&|role| (role == Role::Utility).then_some(1)),
            components: components.into_iter().collect(),
            factor_note: factor.as_ref().map(|(_, note)| note.clone()),
            factor: factor.map(|(weight, _)| weight),
            total,
            it,
            patience,
        }
    }
}

/// The years that readings can be of.
const YEARS: std::ops::Range<i32> = 2000..2200;

/// The emission factor by time and what it is. The year is that of local time, as factors are by year.
fn factor(carbon: &Carbon, zone: Tz) -> (Weight, String) {
    match carbon {
        Carbon::Constant { kg_per_kwh, year, source } => {
            let kg_per_uwh = kg_per_kwh.to_f64() / UWH_PER_KWH;
            let mut note = format!("{kg_per_kwh} kg/kWh");
            if let Some(year) = year {
                note.push_str(&format!(", year {year}"));
            }
            if let Some(source) = source {
                note.push_str(&format!(", {source}"));
            }
            (Weight::constant(kg_per_uwh), note)
        }
        Carbon::Grid(region) => {
            let table = FactorTable::embedded();
            let note = format!("grid {region}, {} {}", table.name, table.version);
            let of_year = |year| {
                let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
                let found = table.find(region, year)?;
                let since = calendar::day_start(zone, first);
                Some((since, found.factor.kg_per_kwh.to_f64() / UWH_PER_KWH))
            };
            let steps = YEARS.filter_map(of_year).collect();
            (Weight::steps(steps), note)
        }
    }
}

impl Facility {
    /// `E_DC` over `E_IT`.
    pub fn pue(&self) -> Pair {
        Pair::ratio(&self.total, &self.it)
    }

    /// Water over `E_IT`; `None` without a water meter.
    pub fn wue(&self) -> Option<Pair> {
        (!self.water.is_empty() && !self.it.is_empty()).then(|| Pair::ratio(&self.water, &self.it))
    }

    /// CO₂ over `E_IT`; `None` without grid meter or emission factor.
    pub fn cue(&self) -> Option<Pair> {
        let pair = Pair { denominator: self.it.clone(), ..self.carbon()? };
        (!self.it.is_empty()).then_some(pair)
    }

    /// Grid electricity weighted by its emission factor.
    pub fn carbon(&self) -> Option<Pair> {
        let pair =
            Pair { numerator: self.grid.clone(), denominator: Vec::new(), weight: self.factor.clone() };
        (!self.grid.is_empty() && self.factor.is_some()).then_some(pair)
    }
}
