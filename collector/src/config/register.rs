//! What forms ask of a facility that neither meters nor targets need: `[facility.register]`. Source: domain.md 3.

use super::rating;
use wattledger_model::decimal::Decimal;
use wattledger_model::document::{self, Measure, Table, Value};
use wattledger_model::meter::Kind;
use wattledger_model::unit::Unit;

/// Whom a data centre works for. Source: EU 2024/1364 Annex I.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CentreKind {
    /// Its owner.
    Enterprise,
    /// Customers who bring their own equipment.
    Colocation,
    /// Customers who share the equipment of one.
    CoHosting,
}

impl CentreKind {
    const WORDS: [(&'static str, CentreKind); 3] = [
        ("enterprise", CentreKind::Enterprise),
        ("colocation", CentreKind::Colocation),
        ("co-hosting", CentreKind::CoHosting),
    ];
}

/// What is declared for forms. What is `None` is missing in them, and they say so.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Register {
    /// Who owns it.
    pub owner: Option<String>,
    /// Who operates it.
    pub operator: Option<String>,
    /// Where it is.
    pub address: Option<String>,
    /// What its boundary takes in, in words.
    pub boundary: Option<String>,
    /// Whom it works for.
    pub kind: Option<CentreKind>,
    /// Whether its building is used for other things, too.
    pub mixed_use: Option<bool>,
    /// Redundancy of its power supply, such as `N+1`.
    pub electrical_redundancy: Option<String>,
    /// Redundancy of its cooling.
    pub cooling_redundancy: Option<String>,
    /// All its floor area, m².
    pub floor_area_m2: Option<Decimal>,
    /// The floor area of its computer rooms, m².
    pub computer_room_area_m2: Option<Decimal>,
    /// The refrigerants in its cooling; empty for none.
    pub refrigerants: Option<Vec<String>>,
    /// What is of one calendar year each, in the order of the file.
    pub years: Vec<RegisterYear>,
}

/// What is declared of one calendar year.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RegisterYear {
    /// The year.
    pub year: i32,
    /// Cooling degree days, K·d.
    pub cooling_degree_days: Option<Decimal>,
    /// Mean inlet set-point of the IT equipment, °C.
    pub inlet_celsius: Option<Decimal>,
    /// Mean temperature of the heat that is handed over, °C.
    pub reused_heat_celsius: Option<Decimal>,
    /// Mean battery capacity offered to the grid, µW.
    pub battery_offered_microwatts: Option<i128>,
    /// Services to the grid; empty for none.
    pub grid_functions: Option<Vec<String>>,
    /// Capacity of servers, with its unit.
    pub server_capacity: Option<String>,
    /// Capacity of storage, with its unit.
    pub storage_capacity: Option<String>,
    /// Bandwidth of incoming traffic, with its unit.
    pub bandwidth_in: Option<String>,
    /// Bandwidth of outgoing traffic, with its unit.
    pub bandwidth_out: Option<String>,
    /// Incoming data, with its unit.
    pub traffic_in: Option<String>,
    /// Outgoing data, with its unit.
    pub traffic_out: Option<String>,
}

/// Years that can be declared.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2199;

/// Longer words are no entry in a form.
const LONGEST_CHARS: usize = 400;

pub(super) fn read(table: &mut Table<'_>) -> Register {
    let kind = table.optional("type", document::choice(CentreKind::WORDS));
    let floor = table.optional("floor_area_m2", document::positive(document::decimal));
    let rooms = table.optional("computer_room_area_m2", document::positive(document::decimal));
    if let (Some(floor), Some(rooms)) = (&floor, &rooms)
        && rooms.value.cmp_value(floor.value).is_gt()
    {
        let message = format!("{} m² of computer rooms are more than all {} m²", rooms.value, floor.value);
        table.document().error(rooms.place, message);
    }
    let mixed_use = table.optional("mixed_use", document::boolean);
    let mut years: Vec<RegisterYear> = Vec::new();
    for mut of in table.tables("year") {
        let Some(year) = read_year(&mut of) else { continue };
        if years.iter().any(|other| other.year == year.year) {
            of.document().error(of.place(), format!("the year {} stands here a second time", year.year));
        }
        years.push(year);
    }
    Register {
        owner: words(table, "owner"),
        operator: words(table, "operator"),
        address: words(table, "address"),
        boundary: words(table, "boundary"),
        kind: kind.map(|kind| kind.value),
        mixed_use: mixed_use.map(|flag| flag.value),
        electrical_redundancy: words(table, "electrical_redundancy"),
        cooling_redundancy: words(table, "cooling_redundancy"),
        floor_area_m2: floor.map(|area| area.value),
        computer_room_area_m2: rooms.map(|area| area.value),
        refrigerants: list(table, "refrigerants"),
        years,
    }
}

fn read_year(table: &mut Table<'_>) -> Option<RegisterYear> {
    let year = table.required("year", document::integer::<i32>);
    let degree_days = table.optional("cooling_degree_days", not_negative);
    let inlet = table.optional("inlet_temperature", celsius);
    let reused = table.optional("reused_heat_temperature", celsius);
    let battery = table.optional("battery_offered", power);
    let of = RegisterYear {
        year: 0,
        cooling_degree_days: degree_days.map(|days| days.value),
        inlet_celsius: inlet.map(|celsius| celsius.value),
        reused_heat_celsius: reused.map(|celsius| celsius.value),
        battery_offered_microwatts: battery.and_then(|power| rating::base_per_hour(power.value)),
        grid_functions: list(table, "grid_functions"),
        server_capacity: words(table, "server_capacity"),
        storage_capacity: words(table, "storage_capacity"),
        bandwidth_in: words(table, "bandwidth_in"),
        bandwidth_out: words(table, "bandwidth_out"),
        traffic_in: words(table, "traffic_in"),
        traffic_out: words(table, "traffic_out"),
    };
    let year = year?;
    if !YEARS.contains(&year.value) {
        table.document().error(year.place, format!("{} is not a year from 2000 to 2199", year.value));
    }
    Some(RegisterYear { year: year.value, ..of })
}

fn words(table: &mut Table<'_>, key: &'static str) -> Option<String> {
    table.optional(key, entry).map(|words| words.value)
}

/// A list that is there; an empty one says that there is nothing.
fn list(table: &mut Table<'_>, key: &'static str) -> Option<Vec<String>> {
    let values = table.has(key).then(|| table.values(key, entry))?;
    Some(values.into_iter().map(|words| words.value).collect())
}

fn entry(value: &Value<'_>) -> Result<String, String> {
    let words = document::string(value)?;
    if words.chars().count() > LONGEST_CHARS {
        return Err(format!("has more than {LONGEST_CHARS} letters"));
    }
    if words.trim().is_empty() || words.chars().any(char::is_control) {
        return Err("needs words on one line".to_owned());
    }
    Ok(words)
}

fn not_negative(value: &Value<'_>) -> Result<Decimal, String> {
    match document::decimal(value)? {
        number if number.mantissa >= 0 => Ok(number),
        number => Err(format!("cannot be below zero, as {number} is")),
    }
}

fn celsius(value: &Value<'_>) -> Result<Decimal, String> {
    let measure = document::measure(value)?;
    let is_believable = (-50.0..=150.0).contains(&measure.value.to_f64());
    if Some(measure.unit) == "°C".parse::<Unit>().ok() && is_believable {
        return Ok(measure.value);
    }
    Err(format!("is a temperature such as \"24 °C\", not {measure}"))
}

fn power(value: &Value<'_>) -> Result<Measure, String> {
    let measure = document::measure(value)?;
    if measure.unit.kind() != Kind::Power || measure.value.mantissa < 0 {
        return Err(format!("is a power such as \"200 kW\", not {measure}"));
    }
    Ok(measure)
}
