//! Where emission factors of electricity come from: by location, hour by hour, and by contract.
//! Source: domain.md 4.1.

use std::path::PathBuf;
use std::sync::Arc;
use wattledger_model::decimal::Decimal;
use wattledger_model::document::{self, Document, Placed, Table, Value};
use wattledger_model::factor::{Basis, FactorTable};
use wattledger_model::name::Name;

/// Where a facility's location-based emission factors come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carbon {
    /// A region of the factor table, with a factor for each year.
    Grid(String),
    /// One factor for all years.
    Constant {
        /// Kilograms of CO₂ per kilowatt-hour.
        kg_per_kwh: Decimal,
        /// The generation year it stands for.
        year: Option<i32>,
        /// Where it comes from.
        source: Option<String>,
    },
}

impl Carbon {
    /// The region of the factor table.
    pub fn region(&self) -> Option<&str> {
        match self {
            Carbon::Grid(region) => Some(region),
            Carbon::Constant { .. } => None,
        }
    }
}

pub(super) fn read(table: &mut Table<'_>) -> Option<Carbon> {
    let grid = table.optional("grid", document::string);
    let constant = table.optional("emission_factor", emission_factor);
    let year = table.optional("emission_factor_year", document::integer::<i32>);
    let source = table.optional("emission_factor_source", document::string);
    let document = table.document();
    let detail = year.as_ref().map(|year| year.place).or(source.as_ref().map(|source| source.place));
    match (grid, constant) {
        (Some(_), Some(constant)) => {
            document.error(constant.place, "`grid` and `emission_factor` exclude each other; leave one out");
            None
        }
        (None, Some(constant)) => {
            if constant.cmp_value(Decimal::new(2, 0)).is_gt() {
                let message =
                    format!("{} kg/kWh is more than any grid emits; is it in g/kWh?", constant.value);
                document.warning(constant.place, message);
            }
            let (year, source) = (year.map(|year| year.value), source.map(|source| source.value));
            Some(Carbon::Constant { kg_per_kwh: constant.value, year, source })
        }
        (grid, None) => {
            if let Some(place) = detail.filter(|_| !table.has("emission_factor")) {
                document.error(place, "belongs to an `emission_factor`, which is not there");
            }
            grid.and_then(|grid| read_grid(document, grid))
        }
    }
}

fn read_grid(document: &Document<'_>, grid: Placed<String>) -> Option<Carbon> {
    let factors = FactorTable::embedded();
    match factors.region(&grid) {
        Some(region) if region.basis == Basis::Location => Some(Carbon::Grid(grid.value)),
        Some(region) => {
            let message = format!("`{}` ({}) is no location-based factor", region.id, region.title);
            document.error(grid.place, message);
            None
        }
        None => {
            let regions = factors.regions.iter().filter(|region| region.basis == Basis::Location);
            document.dangling(grid.place, "grid", &grid, regions.map(|region| region.id.as_str()));
            None
        }
    }
}

/// `0.5554 kg/kWh`, `555.4 g/kWh` or `0.5554 t/MWh`, as kg/kWh.
fn emission_factor(value: &Value<'_>) -> Result<Decimal, String> {
    let wrong = || format!("needs a factor such as \"0.5554 kg/kWh\", not {}", value.described());
    let text = value.as_str().ok_or_else(wrong)?;
    let (number, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let factor: Decimal = number.parse().map_err(|_| wrong())?;
    let factor = match unit.trim() {
        "kg/kWh" | "t/MWh" => factor,
        "g/kWh" | "kg/MWh" => {
            let exponent = factor.exponent.checked_sub(3).ok_or_else(wrong)?;
            Decimal::new(factor.mantissa, exponent)
        }
        _ => return Err(wrong()),
    };
    if factor.mantissa < 0 { Err("must not be negative".to_string()) } else { Ok(factor) }
}

/// Location-based factors finer than a year. Where they have none, those of the year stand in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hourly {
    /// A CSV file with a factor from each of its instants on.
    Series(Placed<PathBuf>),
    /// Such a file whose text is at hand, so that nothing is read: of a report that was issued with it.
    Kept {
        /// The file that was named.
        named: PathBuf,
        /// Its text.
        text: Arc<str>,
    },
    /// A gauge in kg/kWh or g/kWh at the facility's site, whose hours in the ledger are factors.
    Meter(Placed<Name>),
}

/// What electricity without a certificate carries in the market-based figure: the supplier's factor, else the
/// residual mix, else the location factor. Source: domain.md 4.1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Market {
    /// What the supplier states.
    pub supplier: Option<Carbon>,
    /// What is left of the grid's generation once traded claims are taken off.
    pub residual: Option<Carbon>,
}

/// `factor_series` or `factor_meter`.
pub(super) fn read_hourly(table: &mut Table<'_>) -> Option<Hourly> {
    let series = table.optional("factor_series", document::string);
    let meter = table.optional("factor_meter", document::name);
    if let (Some(_), Some(meter)) = (&series, &meter) {
        let message = "`factor_series` and `factor_meter` exclude each other; leave one out";
        table.document().error(meter.place, message);
    }
    let series = series.map(|file| Hourly::Series(Placed { value: file.value.into(), place: file.place }));
    series.or(meter.map(Hourly::Meter))
}

/// Hours without a factor of their own need one nevertheless: a missing factor is not zero.
pub(super) fn check_hourly(table: &mut Table<'_>, hourly: Option<&Hourly>) {
    let (key, place) = match hourly {
        Some(Hourly::Series(file)) => ("factor_series", file.place),
        Some(Hourly::Meter(name)) => ("factor_meter", name.place),
        // What was checked when it was kept.
        Some(Hourly::Kept { .. }) | None => return,
    };
    if !table.has("grid") && !table.has("emission_factor") {
        let message =
            format!("`{key}` needs a `grid` or an `emission_factor` beside it, for hours without a value");
        table.document().missing(place, message);
    }
}

/// `supplier_factor` and `residual_mix` or `residual_factor`, each with its year and source.
pub(super) fn read_market(table: &mut Table<'_>, location: Option<&Carbon>) -> Market {
    let supplier = constant(table, ["supplier_factor", "supplier_factor_year", "supplier_factor_source"]);
    let mix = table.optional("residual_mix", document::string);
    let own = constant(table, ["residual_factor", "residual_factor_year", "residual_factor_source"]);
    if let (Some(mix), Some(_)) = (&mix, &own) {
        let message = "`residual_mix` and `residual_factor` exclude each other; leave one out";
        table.document().error(mix.place, message);
    }
    let residual = match mix {
        Some(mix) => read_mix(table.document(), &mix),
        // The national factor without market-traded non-fossil electricity is China's residual mix.
        None => match location {
            Some(Carbon::Grid(grid)) if grid == "cn" || grid.starts_with("cn-") => {
                Some(Carbon::Grid("cn-excluding-traded".to_owned()))
            }
            _ => None,
        },
    };
    Market { supplier, residual: own.or(residual) }
}

fn read_mix(document: &Document<'_>, mix: &Placed<String>) -> Option<Carbon> {
    let factors = FactorTable::embedded();
    match factors.region(mix) {
        Some(region) if region.basis == Basis::Residual => Some(Carbon::Grid(mix.value.clone())),
        Some(region) => {
            let message = format!("`{}` ({}) is no residual mix", region.id, region.title);
            document.error(mix.place, message);
            None
        }
        None => {
            let mixes = factors.regions.iter().filter(|region| region.basis == Basis::Residual);
            document.dangling(mix.place, "residual mix", mix, mixes.map(|region| region.id.as_str()));
            None
        }
    }
}

/// A factor for all years under its three keys.
fn constant(table: &mut Table<'_>, [key, year_key, source_key]: [&'static str; 3]) -> Option<Carbon> {
    let factor = table.optional(key, emission_factor);
    let year = table.optional(year_key, document::integer::<i32>);
    let source = table.optional(source_key, document::string);
    let detail = year.as_ref().map(|year| year.place).or(source.as_ref().map(|source| source.place));
    if let Some(place) = detail.filter(|_| !table.has(key)) {
        table.document().error(place, format!("belongs to a `{key}`, which is not there"));
    }
    let factor = factor?;
    if source.is_none() {
        table.document().warning(factor.place, format!("`{key}` has no `{source_key}`: who says so?"));
    }
    let (year, source) = (year.map(|year| year.value), source.map(|source| source.value));
    Some(Carbon::Constant { kg_per_kwh: factor.value, year, source })
}
