//! What a register shows and what an installation can carry.

use wattledger_model::carrier::Fraction;
use wattledger_model::decimal::Decimal;
use wattledger_model::document::{self, Measure, Placed, Table};
use wattledger_model::meter::Kind;
use wattledger_model::unit::{Quantity, Unit};

/// A measure in base units (of a rate: an hour), to the nearest; `None` beyond what fits.
pub(super) fn base_per_hour(measure: Measure) -> Option<i128> {
    let (numerator, denominator) = measure.unit.size();
    let size = Fraction::new(numerator.into(), denominator.into());
    Some(Fraction::of(measure.value)?.times(size)?.rounded())
}

/// Modulus and resolution.
pub(super) fn read_register(
    table: &mut Table<'_>,
    kind: Option<Kind>,
    unit: Option<Unit>,
) -> (Option<Decimal>, Option<Decimal>) {
    let modulus = table.optional("modulus", document::positive(document::decimal));
    let resolution = table.optional("resolution", document::positive(document::decimal));
    let document = table.document();
    for (key, value) in [("modulus", &modulus), ("resolution", &resolution)] {
        if let (Some(value), Some(kind)) = (value, kind)
            && kind != Kind::Register
        {
            document.error(value.place, format!("only a register has a `{key}`, not a {kind}"));
        }
    }
    if let (Some(modulus), Some(resolution)) = (&modulus, &resolution)
        && resolution.cmp_value(modulus.value).is_ge()
    {
        document.error(resolution.place, "`resolution` must be smaller than `modulus`");
    }
    for (key, value) in [("modulus", &modulus), ("resolution", &resolution)] {
        if let (Some(value), None, Some(Kind::Register)) = (value, unit, kind) {
            document.error(value.place, format!("`{key}` is in the unit of the register: give its `unit`"));
        }
    }
    (modulus.map(|modulus| modulus.value), resolution.map(|resolution| resolution.value))
}

/// `rated_power`, or `rated_flow` of a meter of volume; a register without one is warned of.
pub(super) fn read(table: &mut Table<'_>, kind: Option<Kind>, quantity: Option<Quantity>) -> Option<Measure> {
    let rating = read_measures(table, quantity);
    let summed = matches!(quantity, Some(Quantity::Energy | Quantity::Volume));
    let written = table.has("rated_power") || table.has("rated_flow");
    if kind == Some(Kind::Register) && summed && !written {
        let fits = key(quantity);
        let message =
            format!("no `{fits}`: without it a jump of this register cannot be told from consumption");
        table.document().warning(table.place(), message);
    }
    rating
}

const fn key(quantity: Option<Quantity>) -> &'static str {
    match quantity {
        Some(Quantity::Volume) => "rated_flow",
        _ => "rated_power",
    }
}

/// `rated_power` or `rated_flow`, whichever fits the quantity.
pub(super) fn read_measures(table: &mut Table<'_>, quantity: Option<Quantity>) -> Option<Measure> {
    let power = table.optional("rated_power", document::measure);
    let flow = table.optional("rated_flow", document::measure);
    check_measure(table, "rated_power", power.as_ref(), Kind::Power);
    check_measure(table, "rated_flow", flow.as_ref(), Kind::Flow);
    let other = if key(quantity) == "rated_flow" { power.as_ref() } else { flow.as_ref() };
    if let Some(other) = other {
        table.document().error(other.place, format!("what this meter can carry is its `{}`", key(quantity)));
    }
    power.or(flow).map(|rating| rating.value)
}

fn check_measure(table: &Table<'_>, key: &str, rating: Option<&Placed<Measure>>, needed: Kind) {
    let Some(rating) = rating else { return };
    let document = table.document();
    if rating.unit.kind() != needed {
        let usual = if needed == Kind::Power { "2 MW" } else { "20 m3/h" };
        let message = format!("`{key}` is a {needed} such as \"{usual}\", not {}", rating.value);
        document.error(rating.place, message);
    } else if rating.value.value.mantissa <= 0 {
        document.error(rating.place, format!("`{key}` must be above zero"));
    }
}
