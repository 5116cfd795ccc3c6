//! What is known of a facility without a meter: what it is, and what changes by date.

use super::{rating, span};
use crate::indicators::utilisation::rack_utilisation;
use wattledger_model::calendar::Tz;
use wattledger_model::decimal::Decimal;
use wattledger_model::document::{self, Measure, Place, Table, Value};
use wattledger_model::facility::{Attributes, Climate, Country, Scale, Stage};
use wattledger_model::meter::Kind;
use wattledger_model::time::Timestamp;

/// Facts that no meter shows, from a date until the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Since when; the first since ever.
    pub from: Timestamp,
    /// All racks.
    pub racks: Option<u32>,
    /// Racks in use, where no gauge counts them.
    pub racks_in_use: Option<u32>,
    /// Its scale in standard racks of 2.5 kW.
    pub standard_racks: Option<u32>,
    /// Computing capability, FP32 floating point operations a second. Source: domain.md 2.5.
    pub compute_fp32_flops: Option<f64>,
    /// Installed IT power demand, in µW. Source: domain.md 3 (PDIT).
    pub it_rated_microwatts: Option<i128>,
    /// Where it is declared.
    pub place: Place,
}

impl Facts {
    /// How large it is, where its standard racks are known.
    pub fn scale(&self) -> Option<Scale> {
        self.standard_racks.map(Scale::of)
    }

    /// Racks in use over all racks, 0 to 1, where both are declared. Source: domain.md 2.5.
    pub fn rack_utilisation(&self) -> Option<f64> {
        let percent = rack_utilisation(self.racks_in_use?, self.racks?).ok()?;
        Some(percent / 100.0)
    }
}

pub(super) fn read_attributes(table: &mut Table<'_>) -> Attributes {
    let mut flag = |key| table.optional(key, document::boolean).is_some_and(|flag| flag.value);
    let (hub_node, western, edge, cloud) = (flag("hub_node"), flag("western"), flag("edge"), flag("cloud"));
    let country = table.optional("country", document::parsed::<Country>);
    let climate = table.optional("climate", document::choice(Climate::WORDS));
    let in_service = table.optional("in_service", document::date);
    let stage = table.optional("stage", document::choice(Stage::WORDS));
    let design_pue = table.optional("design_pue", from_one);
    let green_grade = table.optional("green_grade", document::choice(GREEN_GRADES));
    let level = table.optional("gbt_44989_level", document::integer::<u8>);
    Attributes {
        country: country.map(|country| country.value),
        hub_node,
        western,
        climate: climate.map(|climate| climate.value),
        in_service: in_service.map(|date| date.value),
        stage: stage.map(|stage| stage.value),
        edge,
        cloud,
        design_pue: design_pue.map(|pue| pue.value),
        green_grade: green_grade.map(|grade| grade.value),
        gbt_44989_level: level.map(|level| level.value),
    }
}

/// Green low-carbon grades by their words. Source: domain.md 1 (T28).
const GREEN_GRADES: [(&str, u8); 5] = [("A", 1), ("2A", 2), ("3A", 3), ("4A", 4), ("5A", 5)];

fn from_one(value: &Value<'_>) -> Result<Decimal, String> {
    match document::decimal(value)? {
        pue if pue.to_f64() >= 1.0 => Ok(pue),
        pue => Err(format!("a PUE is 1 at least, not {pue}")),
    }
}

/// The facility's own facts, then those of each `since`, in the order of time. What a later one does not say
/// goes on.
pub(super) fn read_facts(table: &mut Table<'_>, zone: Tz) -> Vec<Facts> {
    let nothing = Facts {
        from: Timestamp(i64::MIN),
        racks: None,
        racks_in_use: None,
        standard_racks: None,
        compute_fp32_flops: None,
        it_rated_microwatts: None,
        place: table.place(),
    };
    let mut all = vec![read_one(table, &nothing)];
    for mut since in table.tables("since") {
        let from = since.required("from", document::moment);
        let before = *all.last().unwrap_or(&nothing);
        let mut facts = read_one(&mut since, &before);
        let Some(from) = from else { continue };
        let Some(at) = span::instant(since.document(), &from, zone) else { continue };
        if at <= before.from {
            since
                .document()
                .error(from.place, "write what changes in the order of time: this lies before the one above");
        }
        facts.from = at;
        all.push(facts);
    }
    all
}

fn read_one(table: &mut Table<'_>, before: &Facts) -> Facts {
    let racks = table.optional("racks", document::integer::<u32>);
    let in_use = table.optional("racks_in_use", document::integer::<u32>);
    let standard = table.optional("standard_racks", document::integer::<u32>);
    let compute = table.optional("compute_fp32_flops", above_zero);
    let power = table.optional("it_rated_power", power);
    let facts = Facts {
        from: before.from,
        racks: racks.map(|racks| racks.value).or(before.racks),
        racks_in_use: in_use.as_ref().map(|racks| racks.value).or(before.racks_in_use),
        standard_racks: standard.map(|racks| racks.value).or(before.standard_racks),
        compute_fp32_flops: compute.map(|compute| compute.value).or(before.compute_fp32_flops),
        it_rated_microwatts: power
            .and_then(|power| rating::base_per_hour(power.value))
            .or(before.it_rated_microwatts),
        place: table.place(),
    };
    if let (Some(all), Some(used)) = (facts.racks, facts.racks_in_use)
        && used > all
    {
        let place = in_use.map_or(table.place(), |racks| racks.place);
        table.document().error(place, format!("{used} racks in use are more than all {all}"));
    }
    facts
}

fn above_zero(value: &Value<'_>) -> Result<f64, String> {
    // Large numbers are written as 4.2e17, whole ones as they are.
    match document::float(value)? {
        number if number > 0.0 => Ok(number),
        _ => Err("must be above zero".to_owned()),
    }
}

fn power(value: &Value<'_>) -> Result<Measure, String> {
    let measure = document::measure(value)?;
    if measure.unit.kind() != Kind::Power || measure.value.mantissa <= 0 {
        return Err(format!("is a power above zero such as \"6 MW\", not {measure}"));
    }
    Ok(measure)
}
