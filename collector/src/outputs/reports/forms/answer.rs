//! What each value is, from a report and what stands beside it.

use super::super::content::Report;
use super::super::document::Lang;
use super::gather::{Beside, Sum};
use super::number::{Number, percent};
use super::value::Value;
use super::words::{self, COMMA, NONE, SEMICOLON, Words};
use crate::indicators::figure::{UWH_PER_KWH, needed_coverage};
use crate::indicators::gb40879::Grade;
use crate::indicators::notation::is_twelve_months;
use crate::indicators::{Figure, Known, Status, coal};
use wattledger_model::calendar;
use wattledger_model::decimal::Decimal;
use wattledger_model::role::Role;
use wattledger_model::target::TargetTable;
use wattledger_model::time::Minute;

/// What a form is filled from.
#[derive(Clone, Copy)]
pub(super) struct Source<'s> {
    pub(super) report: &'s Report,
    pub(super) beside: &'s Beside,
    pub(super) lang: Lang,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Is {
    /// The program does not have it.
    Missing,
    /// Words, in the form's language where they are the program's.
    Text(String),
    /// A number in its dimension's own unit.
    Number(Number),
    /// Yes or no.
    Flag(bool),
}

/// What a value rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Basis {
    /// Meters, known this well.
    Metered(Known),
    /// What the operator declares.
    Declared,
    /// The report's own period, method or configuration of meters.
    Report,
    /// A value held against a row of the tables of targets.
    Held(&'static str),
}

/// A value with what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) is: Is,
    pub(super) basis: Basis,
    /// What has to be said with it.
    pub(super) remark: Option<String>,
}

impl Answer {
    fn of(is: Option<Is>, basis: Basis) -> Answer {
        Answer { is: is.unwrap_or(Is::Missing), basis, remark: None }
    }

    fn remarked(self, remark: Option<String>) -> Answer {
        Answer { remark, ..self }
    }
}

/// What is declared.
fn declared(is: Option<Is>) -> Answer {
    Answer::of(is, Basis::Declared)
}

fn text(of: &Option<String>) -> Option<Is> {
    of.clone().map(Is::Text)
}

fn decimal(of: Option<Decimal>) -> Option<Is> {
    of.map(|of| Is::Number(Number::Float(of.to_f64())))
}

fn count(of: Option<u32>) -> Option<Is> {
    of.map(|of| Is::Number(Number::count(of)))
}

fn microwatts(of: Option<i128>) -> Option<Is> {
    of.map(|base| Is::Number(Number::Exact { base, digits: 9 }))
}

/// A figure, where it has a value.
fn figure(of: Option<&Figure>) -> Answer {
    let known = of.map_or(NOTHING, |figure| Known {
        coverage: figure.coverage,
        interpolated: figure.interpolated,
        estimated: figure.estimated,
    });
    let value = of.filter(|figure| figure.status != Status::NoData).and_then(|figure| figure.value);
    Answer::of(value.map(|value| Is::Number(Number::Float(value))), Basis::Metered(known))
}

const NOTHING: Known = Known { coverage: 0.0, interpolated: 0.0, estimated: 0.0 };

/// A sum of the ledger; of which nothing is known is missing, never zero.
fn sum(of: Option<Sum>, digits: u32) -> Answer {
    let known = of.map_or(NOTHING, |sum| sum.known);
    let sum = of.filter(|sum| !sum.is_unknown());
    Answer::of(sum.map(|sum| Is::Number(Number::Exact { base: sum.base, digits })), Basis::Metered(known))
}

const ENERGY: u32 = 9;
const VOLUME: u32 = 3;

impl Source<'_> {
    /// What a value is here.
    pub(super) fn answer(&self, value: Value) -> Answer {
        match value {
            Value::FacilityTitle => self.plain(self.report.facility.title.clone()),
            Value::FacilityName => self.plain(self.report.facility.name.clone()),
            Value::PeriodFrom => self.plain(self.report.period.from_local.clone()),
            Value::PeriodTo => self.plain(self.report.period.to_local.clone()),
            Value::FirstDay => self.plain(self.date(self.beside.interval.from)),
            Value::LastDay => self.plain(self.date(Minute(self.beside.interval.to.0 - 1))),
            Value::Year => Answer::of(self.beside.year.map(|year| Is::Text(year.to_string())), Basis::Report),
            Value::TimeZone => self.plain(self.report.period.time_zone.to_owned()),
            Value::Hours => self.number(Some(Number::Float(self.report.period.hours))),
            Value::NonElectric => {
                self.said(words::non_electric(self.beside.method, self.beside.converts), Basis::Report)
            }
            Value::RatioMethod => self.said(words::RATIO_METHOD, Basis::Report),
            Value::PueName
            | Value::PueNotation
            | Value::PueCategory
            | Value::MeasuringPoint
            | Value::Pue
            | Value::PueStated
            | Value::Coverage
            | Value::Interpolated
            | Value::Estimated
            | Value::ReadingInterval => self.pue(value),
            Value::FacilityCommon
            | Value::ItCommon
            | Value::FacilityTotal
            | Value::ItTotal
            | Value::ItAtUps
            | Value::Generator
            | Value::HeatReused
            | Value::Water
            | Value::PotableWater
            | Value::CarbonLocation
            | Value::CarbonMarket => self.amount(value),
            Value::Renewable
            | Value::RenewableCertificates
            | Value::RenewableContracts
            | Value::RenewableOnSite => self.renewable(value),
            Value::RatioPue | Value::RatioWue | Value::RatioErf | Value::RatioRef => self.ratio(value),
            Value::RegisterDuty | Value::ReportDuty => self.duty(value),
            Value::Coal
            | Value::CoalConvention
            | Value::KeyEnergyUser
            | Value::EnergyRatio
            | Value::Grade => self.reckoned(value),
            Value::StandardRacks
            | Value::Racks
            | Value::RacksInUse
            | Value::RackUtilisation
            | Value::Scale
            | Value::ItRatedPower => self.fact(value),
            Value::InletTemperature
            | Value::ReusedHeatTemperature
            | Value::CoolingDegreeDays
            | Value::BatteryOffered
            | Value::GridFunctions
            | Value::ServerCapacity
            | Value::StorageCapacity
            | Value::BandwidthIn
            | Value::BandwidthOut
            | Value::TrafficIn
            | Value::TrafficOut => self.of_year(value),
            _ => self.registered(value),
        }
    }

    fn said(&self, words: Words, basis: Basis) -> Answer {
        Answer::of(Some(Is::Text(words.in_lang(self.lang).to_owned())), basis)
    }

    fn said_if_any(&self, words: Option<Words>) -> Option<Is> {
        words.map(|words| Is::Text(words.in_lang(self.lang).to_owned()))
    }

    fn plain(&self, text: String) -> Answer {
        Answer::of(Some(Is::Text(text)), Basis::Report)
    }

    fn number(&self, number: Option<Number>) -> Answer {
        Answer::of(number.map(Is::Number), Basis::Report)
    }

    fn date(&self, at: Minute) -> String {
        calendar::date_of(self.beside.zone, at).to_string()
    }

    /// The words of a list; what is declared empty is none.
    fn list(&self, of: &Option<Vec<String>>) -> Option<Is> {
        let words = of.as_ref()?;
        let none = || NONE.in_lang(self.lang).to_owned();
        Some(Is::Text(if words.is_empty() { none() } else { words.join(COMMA.in_lang(self.lang)) }))
    }

    fn pue(&self, value: Value) -> Answer {
        let (figure, beside) = (&self.report.pue, self.beside);
        let known = Basis::Metered(Known {
            coverage: figure.coverage,
            interpolated: figure.interpolated,
            estimated: figure.estimated,
        });
        let share = |share: f64| self.number(Some(Number::Float(share)));
        match value {
            Value::PueName => {
                let yearly = is_twelve_months(beside.interval, beside.zone);
                self.plain(if yearly { "PUE" } else { "iPUE" }.to_owned())
            }
            Value::PueNotation => self.plain(figure.notation.clone()),
            Value::PueCategory => {
                self.number(beside.category.map(|category| Number::count(u32::from(category))))
            }
            Value::MeasuringPoint => {
                Answer::of(self.said_if_any(beside.measuring_point.map(words::role)), Basis::Report)
            }
            Value::Pue => Answer::of(figure.value.map(|value| Is::Number(Number::Float(value))), known),
            Value::PueStated => Answer::of(text(&self.report.uncertainty.stated), known),
            Value::Coverage => share(figure.coverage),
            Value::Interpolated => share(figure.interpolated),
            Value::Estimated => share(figure.estimated),
            _ => {
                let of_it = |roles: &[Role]| beside.measuring_point.is_some_and(|it| roles.contains(&it));
                let points = beside.points.iter().filter(|point| of_it(&point.roles));
                let longest = points.map(|point| point.nominal_interval_ms).max();
                self.number(longest.map(|ms| Number::Float(ms as f64 / 60_000.0)))
            }
        }
    }

    fn amount(&self, value: Value) -> Answer {
        let (energies, beside) = (&self.report.energies, self.beside);
        let common = |amount: super::super::Amount| match self.pue(Value::Pue) {
            answer if energies.common_hours > 0.0 => {
                Answer { is: Is::Number(amount.into()), remark: None, ..answer }
            }
            answer => Answer { is: Is::Missing, ..answer },
        };
        match value {
            Value::FacilityCommon => common(energies.facility.common),
            Value::ItCommon => common(energies.it.common),
            Value::FacilityTotal => sum(Some(beside.facility), ENERGY),
            Value::ItTotal => sum(Some(beside.it), ENERGY),
            Value::ItAtUps => {
                let found = beside.it_at_ups();
                let elsewhere = found.filter(|(role, _)| *role != Role::UpsOutput).map(|(role, _)| {
                    let at = words::role(role).in_lang(self.lang);
                    match self.lang {
                        Lang::En => format!("no meter at the UPS output: measured at the {at}"),
                        Lang::Zh => format!("UPS 输出端无计量，取自{at}"),
                    }
                });
                sum(found.map(|(_, sum)| sum), ENERGY).remarked(elsewhere)
            }
            Value::Generator => sum(beside.roles.get(&Role::Generator).copied(), ENERGY),
            Value::HeatReused => sum(beside.roles.get(&Role::HeatReuse).copied(), ENERGY),
            Value::Water => sum(beside.water(), VOLUME),
            Value::PotableWater => sum(beside.roles.get(&Role::PotableWater).copied(), VOLUME),
            Value::CarbonMarket => figure(beside.carbon_market.as_ref()),
            _ => figure(beside.carbon_location.as_ref()),
        }
    }

    fn renewable(&self, value: Value) -> Answer {
        let Some(renewable) = &self.beside.renewable else { return declared(None) };
        let all = renewable.counted_uwh + renewable.excess_uwh;
        let base = match value {
            Value::RenewableCertificates => renewable.certificates_uwh,
            Value::RenewableContracts => renewable.contracts_uwh,
            Value::RenewableOnSite => renewable.on_site_uwh,
            _ => all,
        };
        let remark = (value == Value::Renewable && renewable.excess_uwh > 0).then(|| {
            let (_, excess) = Number::Exact { base: renewable.excess_uwh, digits: ENERGY }.shown(0, 0);
            match self.lang {
                Lang::En => {
                    format!("{excess} kWh of it are more than the facility used, and count in no share")
                }
                Lang::Zh => format!("其中{excess} kWh超出数据中心用能，不计入占比"),
            }
        });
        declared(Some(Is::Number(Number::Exact { base, digits: ENERGY }))).remarked(remark)
    }

    /// Quotients of the reported totals. Source: domain.md 3 (Annex III), 5.4.
    fn ratio(&self, value: Value) -> Answer {
        let beside = self.beside;
        let (facility, it) = (Some(beside.facility), beside.it_at_ups().map(|(_, sum)| sum));
        let (above, below, scale) = match value {
            Value::RatioPue => (facility, it, 1.0),
            // Millilitres by µWh, as litres by kWh.
            Value::RatioWue => (beside.water(), it, UWH_PER_KWH / 1e3),
            Value::RatioErf => (beside.roles.get(&Role::HeatReuse).copied(), facility, 1.0),
            _ => {
                let factor = beside.renewable.as_ref().and_then(|renewable| renewable.factor());
                let is = factor.map(|factor| Is::Number(Number::Float(factor)));
                return Answer::of(is, Basis::Metered(beside.facility.known));
            }
        };
        let sides = above.zip(below).filter(|(above, below)| !above.is_unknown() && !below.is_unknown());
        let known = sides.map_or(NOTHING, |(above, below)| above.known.worse_of(below.known));
        let quotient = sides
            .filter(|(_, below)| below.base > 0)
            .map(|(above, below)| above.base as f64 / below.base as f64 * scale);
        Answer::of(quotient.map(|value| Is::Number(Number::Float(value))), Basis::Metered(known))
    }

    /// Whether a duty follows from what is declared, by a row of the tables of targets.
    fn duty(&self, value: Value) -> Answer {
        const KW_PER_MICROWATT: f64 = 1e-9;
        let facts = self.beside.facts;
        let (id, measure) = match value {
            Value::RegisterDuty => ("T27", facts.and_then(|facts| facts.standard_racks).map(f64::from)),
            _ => {
                let power = facts.and_then(|facts| facts.it_rated_microwatts);
                ("EU-1", power.map(|power| power as f64 * KW_PER_MICROWATT))
            }
        };
        self.held(id, measure)
    }

    fn held(&self, id: &'static str, measure: Option<f64>) -> Answer {
        let limit = TargetTable::find(id).map(|(_, target)| target.limit);
        let meets = measure.zip(limit).map(|(measure, limit)| Is::Flag(limit.meets(measure)));
        Answer::of(meets, Basis::Held(id))
    }

    fn reckoned(&self, value: Value) -> Answer {
        let beside = self.beside;
        let yearly = is_twelve_months(beside.interval, beside.zone);
        match value {
            Value::Coal => {
                let convention = words::coal(beside.convention).in_lang(self.lang).to_owned();
                figure(beside.coal.as_ref()).remarked(Some(convention))
            }
            Value::CoalConvention => self.said(words::coal(beside.convention), Basis::Declared),
            Value::KeyEnergyUser => {
                let limit = coal::key_energy_user();
                let tce = beside.coal.as_ref().and_then(|coal| coal.value);
                // What is already over the line stays over it; a year that is not over, or of which too little is
                // known, may still come there.
                let is_whole = yearly && beside.coal.as_ref().is_some_and(|coal| coal.status == Status::Ok);
                let is =
                    tce.zip(limit).map(|(tce, limit)| limit.meets(tce)).filter(|meets| *meets || is_whole);
                Answer::of(is.map(Is::Flag), Basis::Held("T26"))
            }
            Value::EnergyRatio if yearly => self.pue(Value::Pue),
            Value::Grade if yearly => {
                // Below 1 a meter is missing or mislabelled: that is no grade 1.
                let ratio = self.report.pue.value.filter(|_| self.report.pue.status != "implausible");
                let grade = ratio.map(|ratio| match (Grade::of(ratio), self.lang) {
                    (Some(grade), Lang::En) => format!("grade {}", grade.number()),
                    (Some(grade), Lang::Zh) => format!("{}级", grade.number()),
                    (None, Lang::En) => "none: above the limit value of grade 3".to_owned(),
                    (None, Lang::Zh) => "无等级：超过3级限定值".to_owned(),
                });
                Answer { is: grade.map_or(Is::Missing, Is::Text), ..self.pue(Value::Pue) }
            }
            _ => Answer::of(None, Basis::Report),
        }
    }

    fn fact(&self, value: Value) -> Answer {
        let facts = self.beside.facts;
        match value {
            Value::StandardRacks => declared(count(facts.and_then(|facts| facts.standard_racks))),
            Value::Racks => declared(count(facts.and_then(|facts| facts.racks))),
            Value::RacksInUse if self.beside.gauges_racks => self.racks(|figure| figure.numerator),
            Value::RacksInUse => declared(count(facts.and_then(|facts| facts.racks_in_use))),
            // The indicator is in percent, the form's value a share.
            Value::RackUtilisation => self.racks(|figure| figure.value.unwrap_or_default() / 100.0),
            Value::Scale => {
                declared(self.said_if_any(facts.and_then(|facts| facts.scale()).map(words::scale)))
            }
            _ => declared(microwatts(facts.and_then(|facts| facts.it_rated_microwatts))),
        }
    }

    /// What the figure of rack utilisation has: by gauges where there are any, or else as it is declared.
    fn racks(&self, read: fn(&Figure) -> f64) -> Answer {
        let of = self.beside.rack_utilisation.as_ref();
        let found = figure(of);
        let number = of.filter(|_| found.is != Is::Missing).map(read);
        let basis = if self.beside.gauges_racks { found.basis } else { Basis::Declared };
        Answer::of(number.map(|number| Is::Number(Number::Float(number))), basis)
    }

    fn of_year(&self, value: Value) -> Answer {
        let Some(of) = self.beside.of_year() else { return declared(None) };
        declared(match value {
            Value::InletTemperature => decimal(of.inlet_celsius),
            Value::ReusedHeatTemperature => decimal(of.reused_heat_celsius),
            Value::CoolingDegreeDays => decimal(of.cooling_degree_days),
            Value::BatteryOffered => microwatts(of.battery_offered_microwatts),
            Value::GridFunctions => self.list(&of.grid_functions),
            Value::ServerCapacity => text(&of.server_capacity),
            Value::StorageCapacity => text(&of.storage_capacity),
            Value::BandwidthIn => text(&of.bandwidth_in),
            Value::BandwidthOut => text(&of.bandwidth_out),
            Value::TrafficIn => text(&of.traffic_in),
            _ => text(&of.traffic_out),
        })
    }

    /// What stands in the register and among the attributes of the facility.
    fn registered(&self, value: Value) -> Answer {
        let (register, attributes) = (&self.beside.register, &self.beside.attributes);
        declared(match value {
            Value::Owner => text(&register.owner),
            Value::Operator => text(&register.operator),
            Value::Address => text(&register.address),
            Value::Boundary => text(&register.boundary),
            Value::ElectricalRedundancy => text(&register.electrical_redundancy),
            Value::CoolingRedundancy => text(&register.cooling_redundancy),
            Value::Refrigerants => self.list(&register.refrigerants),
            Value::MixedUse => register.mixed_use.map(Is::Flag),
            Value::CentreKind => self.said_if_any(register.kind.map(words::centre)),
            Value::FloorArea => decimal(register.floor_area_m2),
            Value::ComputerRoomArea => decimal(register.computer_room_area_m2),
            Value::Country => attributes.country.map(|country| Is::Text(country.to_string())),
            Value::InService => attributes.in_service.map(|date| Is::Text(date.to_string())),
            Value::Stage => self.said_if_any(attributes.stage.map(words::stage)),
            Value::Climate => self.said_if_any(attributes.climate.map(words::climate)),
            Value::DesignPue => decimal(attributes.design_pue),
            Value::GreenGrade => attributes
                .green_grade
                .map(|grade| Is::Text(if grade == 1 { "A".to_owned() } else { format!("{grade}A") })),
            Value::Gbt44989 => count(attributes.gbt_44989_level.map(u32::from)),
            _ => None,
        })
    }

    /// What a value rests on, in words.
    pub(super) fn basis(&self, answer: &Answer) -> String {
        let lang = self.lang;
        let rests = match answer.basis {
            Basis::Declared => Words("declared", "申报").in_lang(lang).to_owned(),
            Basis::Report => String::new(),
            Basis::Held(id) => match lang {
                Lang::En => format!("held against {id}"),
                Lang::Zh => format!("对照{id}判定"),
            },
            Basis::Metered(known) => self.known(known),
        };
        match &answer.remark {
            Some(remark) if rests.is_empty() => remark.clone(),
            Some(remark) => format!("{rests}{}{remark}", SEMICOLON.in_lang(lang)),
            None => rests,
        }
    }

    fn known(&self, known: Known) -> String {
        let [covered, interpolated, estimated] =
            [known.coverage, known.interpolated, known.estimated].map(percent);
        let told = match self.lang {
            Lang::En => format!("covered {covered}, interpolated {interpolated}, estimated {estimated}"),
            Lang::Zh => format!("数据覆盖率{covered}，插值{interpolated}，估算{estimated}"),
        };
        if known.coverage >= needed_coverage(self.beside.interval) {
            return told;
        }
        let (_, provisional) = words::status("provisional");
        format!("{told}{}{}", SEMICOLON.in_lang(self.lang), provisional.in_lang(self.lang))
    }
}
