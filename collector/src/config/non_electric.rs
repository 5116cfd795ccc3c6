//! How fuel, delivered cooling and heat count: by which method, with which factors. Source: domain.md 2.2, 2.6.

use wattledger_model::carrier::{self, Carrier, CarrierTable, Cited, Fuel};
use wattledger_model::decimal::Decimal;
use wattledger_model::document::{self, Table, Value};
use wattledger_model::role::Role;
use wattledger_model::unit::Unit;

/// The method by which what is not electricity enters `E_DC`; never mixed within a facility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// Fuels by their energy content, delivered cooling and heat by the factor of the supplying system.
    #[default]
    EnIso,
    /// Energy content times The Green Grid's source weights.
    SourceWeighted,
}

impl Method {
    const WORDS: [(&'static str, Method); 2] =
        [("en-iso", Method::EnIso), ("source-weighted", Method::SourceWeighted)];

    /// The word used in configuration and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Method::EnIso => "en-iso",
            Method::SourceWeighted => "source-weighted",
        }
    }
}

/// What a kilowatt-hour of electricity is in coal. Source: domain.md 2.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CoalConvention {
    /// Its calorific value (当量值).
    #[default]
    Calorific,
    /// What its generation took (等价值).
    GenerationEquivalent,
}

impl CoalConvention {
    const WORDS: [(&'static str, CoalConvention); 2] = [
        ("calorific", CoalConvention::Calorific),
        ("generation-equivalent", CoalConvention::GenerationEquivalent),
    ];

    /// The word used in configuration and reports.
    pub const fn word(self) -> &'static str {
        match self {
            CoalConvention::Calorific => "calorific",
            CoalConvention::GenerationEquivalent => "generation-equivalent",
        }
    }
}

/// The factors of a facility: those of the table, but for what the operator names a source for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factors {
    /// How what is not electricity enters `E_DC`.
    pub method: Method,
    /// Which value of electricity counts in the coal equivalent.
    pub coal: CoalConvention,
    /// kgce in a kilowatt-hour of electricity, by that convention.
    pub electricity_coal: Cited,
    /// kWh that count for each kWh of cooling delivered; `None` where the supplier's is not declared.
    pub district_cooling: Option<Cited>,
    /// kWh that count for each kWh of heat delivered; `None` where the supplier's is not declared.
    pub district_heat: Option<Cited>,
    /// The fuels, all of them.
    pub fuels: Vec<Fuel>,
}

impl Factors {
    /// What is known of a fuel.
    pub fn fuel(&self, carrier: Carrier) -> &Fuel {
        let own = self.fuels.iter().find(|fuel| fuel.carrier == carrier);
        own.unwrap_or_else(|| CarrierTable::embedded().fuel(carrier))
    }

    /// kWh that count for each kWh that a role delivers; `None` of other roles, and where it is not declared.
    pub fn district(&self, role: Role) -> Option<&Cited> {
        match role {
            Role::DistrictCooling => self.district_cooling.as_ref(),
            Role::DistrictHeat => self.district_heat.as_ref(),
            _ => None,
        }
    }
}

/// Reads the method, the convention and `[facility.factors]`.
pub(super) fn read(table: &mut Table<'_>) -> Factors {
    let known = CarrierTable::embedded();
    let method = table.optional("non_electric", document::choice(Method::WORDS));
    let method = method.map_or(Method::EnIso, |method| method.value);
    let coal = table.optional("coal_equivalent", document::choice(CoalConvention::WORDS));
    let coal = coal.map_or(CoalConvention::Calorific, |coal| coal.value);
    let mut own = table.table("factors");
    let named = Named::read(&mut own);
    let district = |table: &mut Table<'_>, key| match method {
        Method::EnIso => named.value(table, key, carrier::weight),
        // One weight for all delivered energy.
        Method::SourceWeighted => {
            let own = named.value(table, key, carrier::weight);
            Some(own.unwrap_or_else(|| known.district_weight.clone()))
        }
    };
    let district_cooling = district(&mut own, "district_cooling");
    let district_heat = district(&mut own, "district_heat");
    let of_table = match coal {
        CoalConvention::Calorific => &known.electricity_calorific,
        CoalConvention::GenerationEquivalent => &known.electricity_generation_equivalent,
    };
    let electricity_coal = named.value(&mut own, "electricity_coal", electricity_coal);
    let fuels = known.fuels.iter().map(|fuel| read_fuel(&mut own, fuel, &named)).collect();
    Factors {
        method,
        coal,
        electricity_coal: electricity_coal.unwrap_or_else(|| of_table.clone()),
        district_cooling,
        district_heat,
        fuels,
    }
}

/// The source of operator's factors: of the table as a whole, or of one fuel.
struct Named {
    source: Option<String>,
    year: Option<i32>,
}

type Amount = (Decimal, &'static str, Option<Unit>);

impl Named {
    fn read(table: &mut Table<'_>) -> Named {
        let source = table.optional("source", document::string).map(|source| source.value);
        Named { source, year: table.optional("year", document::integer::<i32>).map(|year| year.value) }
    }

    fn value(
        &self,
        table: &mut Table<'_>,
        key: &'static str,
        read: fn(&Value<'_>) -> Result<Amount, String>,
    ) -> Option<Cited> {
        let read = table.optional(key, read)?;
        let (value, of, per) = read.value;
        let Some(source) = self.source.clone() else {
            table.document().missing(read.place, format!("`{key}` needs a `source`: who says so?"));
            return None;
        };
        Some(Cited { value, of, per, source, year: self.year, unconfirmed: false })
    }
}

fn electricity_coal(value: &Value<'_>) -> Result<Amount, String> {
    let read = carrier::coal(value)?;
    match read.2.map(Unit::symbol) {
        Some("kWh") => Ok(read),
        _ => Err("needs a value such as \"0.31 kgce/kWh\"".to_owned()),
    }
}

fn read_fuel(table: &mut Table<'_>, fuel: &Fuel, named: &Named) -> Fuel {
    let mut own = table.table(fuel.carrier.word());
    let here = Named::read(&mut own);
    let named =
        Named { source: here.source.or_else(|| named.source.clone()), year: here.year.or(named.year) };
    Fuel {
        carrier: fuel.carrier,
        title: fuel.title.clone(),
        content: named.value(&mut own, "content", carrier::content).unwrap_or_else(|| fuel.content.clone()),
        density: named.value(&mut own, "density", carrier::density).or_else(|| fuel.density.clone()),
        source_weight: named
            .value(&mut own, "source_weight", carrier::weight)
            .unwrap_or_else(|| fuel.source_weight.clone()),
        coal: named.value(&mut own, "coal", carrier::coal).or_else(|| fuel.coal.clone()),
        co2: named.value(&mut own, "co2", carrier::co2).or_else(|| fuel.co2.clone()),
    }
}
