//! What is known of a facility without a meter: what it is, and what changes by date.

use super::{rating, span};
use crate::indicators::utilisation::rack_utilisation;
use chrono::NaiveDate;
use wattledger_model::calendar::Tz;
use wattledger_model::document::{self, Measure, Place, Table, Value};
use wattledger_model::meter::Kind;
use wattledger_model::time::Timestamp;

/// The climate that a facility is built for. Source: domain.md 1 (T15, D125).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Climate {
    /// Severe cold (严寒).
    SevereCold,
    /// Cold (寒冷).
    Cold,
    /// Hot summer, cold winter (夏热冬冷).
    HotSummerColdWinter,
    /// Hot summer, warm winter (夏热冬暖).
    HotSummerWarmWinter,
    /// Mild (温和).
    Mild,
}

impl Climate {
    const WORDS: [(&'static str, Climate); 5] = [
        ("severe-cold", Climate::SevereCold),
        ("cold", Climate::Cold),
        ("hot-summer-cold-winter", Climate::HotSummerColdWinter),
        ("hot-summer-warm-winter", Climate::HotSummerWarmWinter),
        ("mild", Climate::Mild),
    ];

    /// The word used in configuration and reports.
    pub fn word(self) -> &'static str {
        Climate::WORDS.iter().find(|(_, climate)| *climate == self).map_or("", |(word, _)| word)
    }
}

/// Which of the documents' classes a facility is in. They do not define "new": the deciding date stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// New.
    New,
    /// Existing.
    Existing,
    /// Retrofitted.
    Retrofitted,
}

impl Stage {
    const WORDS: [(&'static str, Stage); 3] =
        [("new", Stage::New), ("existing", Stage::Existing), ("retrofitted", Stage::Retrofitted)];

    /// The word used in configuration and reports.
    pub fn word(self) -> &'static str {
        Stage::WORDS.iter().find(|(_, stage)| *stage == self).map_or("", |(word, _)| word)
    }
}

/// What decides which targets apply. Source: domain.md 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Whether it is in a national hub node.
    pub hub_node: bool,
    /// The climate it is built for.
    pub climate: Option<Climate>,
    /// When it came into service.
    pub in_service: Option<NaiveDate>,
    /// New, existing or retrofitted.
    pub stage: Option<Stage>,
    /// Whether it is an edge data centre.
    pub edge: bool,
}

impl Attributes {
    /// Whether the stricter of the two default targets applies.
    pub fn is_in_hub_node_or_cold_region(&self) -> bool {
        self.hub_node || matches!(self.climate, Some(Climate::SevereCold | Climate::Cold))
    }
}

/// How large a facility is. Source: domain.md 1; the thresholds are to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scale {
    /// Below 3 000 standard racks.
    Smaller,
    /// 3 000 to 9 999.
    Large,
    /// 10 000 and more.
    Hyperscale,
}

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
        self.standard_racks.map(|racks| match racks {
            0..3_000 => Scale::Smaller,
            3_000..10_000 => Scale::Large,
            _ => Scale::Hyperscale,
        })
    }

    /// Racks in use over all racks, 0 to 1, where both are declared. Source: domain.md 2.5.
    pub fn rack_utilisation(&self) -> Option<f64> {
        let percent = rack_utilisation(self.racks_in_use?, self.racks?).ok()?;
        Some(percent / 100.0)
    }
}

pub(super) fn read_attributes(table: &mut Table<'_>) -> Attributes {
    let hub_node = table.optional("hub_node", document::boolean);
    let climate = table.optional("climate", document::choice(Climate::WORDS));
    let in_service = table.optional("in_service", document::date);
    let stage = table.optional("stage", document::choice(Stage::WORDS));
    let edge = table.optional("edge", document::boolean);
    Attributes {
        hub_node: hub_node.is_some_and(|hub| hub.value),
        climate: climate.map(|climate| climate.value),
        in_service: in_service.map(|date| date.value),
        stage: stage.map(|stage| stage.value),
        edge: edge.is_some_and(|edge| edge.value),
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
