//! CO₂, water, renewable and reused energy.

use super::ask::{LATEST, PLACE, POINTS, RANGE, RATIO, of, places, select, select_from};
use super::dashboard::{CARBON, Dashboard};
use super::panel::{Panel, mappings, rows, series};
use serde_json::{Value, json};

const KG_PER_KWH: &str = "suffix: kg/kWh";
const L_PER_KWH: &str = "suffix: L/kWh";
const BY_FACILITY: &str = "GROUP BY time($__interval), \"facility\" fill(none)";

pub(crate) fn dashboard() -> Value {
    Dashboard::new(CARBON, "now-30d", "5m")
        .variables(places(true))
        .row("Of the time range")
        .panel(of_the_range())
        .panel(effectiveness())
        .row("CO₂")
        .panel(course_of_carbon())
        .panel(both_methods())
        .panel(cue())
        .panel(intensity())
        .row("Water")
        .panel(water())
        .panel(wue())
        .row("Renewable, reused and removed energy")
        .panel(sources())
        .panel(indicators())
        .json()
}

fn days(indicator: &str) -> String {
    let when = [&of(indicator, "day"), PLACE, RANGE];
    select("sum(\"numerator\")", "wl_indicator", &when, "")
}

fn of_the_range() -> Panel {
    Panel::figures(
        "CO₂ of the days in the time range",
        "Sums of the local dates that are over: Scope 2 by location (energy times the factor of its grid and time), \
         Scope 2 by market (certificates and contracts first), Scope 1 of fuel burnt on site. Both methods are to be \
         reported. Source: GHG Protocol; domain.md 4.1, 4.2.",
    )
    .ask(series(&days("carbon"), "Scope 2, location-based"))
    .ask(series(&days("carbon-market"), "Scope 2, market-based"))
    .ask(series(&days("scope1"), "Scope 1"))
    .unit("masskg")
    .decimals(1)
    .color("palette-classic")
    .empty("No emission factor, or no day is over yet")
    .size(14, 5)
}

/// WUE and CUE of what is chosen, each summed over the facilities before it is divided.
fn effectiveness() -> Panel {
    let latest = |indicator: &str| {
        let each = select(
            "last(\"numerator\") AS \"numerator\", last(\"denominator\") AS \"denominator\"",
            "wl_indicator",
            &[&of(indicator, "30d"), PLACE, LATEST],
            "GROUP BY \"site\", \"facility\"",
        );
        select_from(RATIO, &each, "")
    };
    Panel::figures(
        "CUE and WUE of 30 days",
        "CO₂ and water of the 30 days before the end of the time range over the IT energy of the same time, of all \
         chosen facilities that know both: sums first, one division then. Source: ISO/IEC 30134-8, 30134-9; \
         domain.md 2.4, 4.3.",
    )
    .ask(series(&latest("cue"), "CUE"))
    .ask(series(&latest("wue"), "WUE"))
    .decimals(3)
    .color("palette-classic")
    .field("CUE", &[("unit", json!(KG_PER_KWH))])
    .field("WUE", &[("unit", json!(L_PER_KWH))])
    .size(10, 5)
}

fn course_of_carbon() -> Panel {
    let when = [&of("carbon", "1m"), PLACE, RANGE];
    Panel::bars(
        "CO₂ of each interval, location-based",
        "Scope 2 of each facility by interval: each interval's energy times the factor of its grid and time. Source: \
         GHG Protocol Scope 2; domain.md 4.1.",
    )
    .ask(series(&select("sum(\"numerator\")", "wl_indicator", &when, BY_FACILITY), "$tag_facility"))
    .unit("masskg")
    .min(0.0)
    .interval("1h")
    .at_most(80)
}

fn both_methods() -> Panel {
    let by_day = |indicator: &str| {
        let when = [&of(indicator, "day"), PLACE, RANGE];
        select("sum(\"numerator\")", "wl_indicator", &when, "GROUP BY time(1d) fill(none)")
    };
    Panel::lines(
        "CO₂ of each day, by method and scope",
        "Local dates that are over, each at the UTC day in which it begins. The two methods of Scope 2 are two \
         answers to one question and are never added. Source: GHG Protocol; domain.md 4.1, 4.2.",
    )
    .ask(series(&by_day("carbon"), "Scope 2, location-based"))
    .ask(series(&by_day("carbon-market"), "Scope 2, market-based"))
    .ask(series(&by_day("scope1"), "Scope 1"))
    .custom("lineInterpolation", json!("stepAfter"))
    .custom("showPoints", json!("always"))
    .unit("masskg")
    .min(0.0)
    .interval("1d")
}

fn cue() -> Panel {
    let course = select(RATIO, "wl_indicator", &[&of("cue", "1m"), PLACE, RANGE], BY_FACILITY);
    let market = [&of("cue-market", "30d"), PLACE, RANGE];
    let market = select("last(\"value\")", "wl_indicator", &market, BY_FACILITY);
    Panel::lines(
        "CUE",
        "CO₂ over IT energy. Of each interval, location-based: sums first, one division then. Market-based: the 30 \
         days before each point, since claims are settled over long times. Source: ISO/IEC 30134-8; domain.md 4.3.",
    )
    .ask(series(&course, "$tag_facility"))
    .ask(series(&market, "$tag_facility, market-based, 30 d"))
    .unit(KG_PER_KWH)
    .decimals(3)
    .interval("1h")
}

fn intensity() -> Panel {
    let carbon =
        select("sum(\"numerator\") AS \"kg\"", "wl_indicator", &[&of("carbon", "1m"), PLACE, RANGE], POINTS);
    let energy = ["\"component\" = 'total'", PLACE, RANGE];
    let energy = select("sum(\"energy_kwh\") AS \"kWh\"", "wl_component", &energy, POINTS);
    Panel::lines(
        "CO₂ for each kWh that entered",
        "Location-based CO₂ of each interval over all energy that entered (E_DC) in it, of all chosen facilities: \
         the mean emission factor of what was used, on-site generation included. Source: GHG Protocol Scope 2; \
         domain.md 4.1.",
    )
    .ask(rows(&carbon))
    .ask(rows(&energy))
    .transform("joinByField", json!({ "byField": "Time", "mode": "inner" }))
    .transform(
        "calculateField",
        json!({
            "alias": "kg/kWh", "mode": "binary", "replaceFields": true,
            "binary": { "left": "kg", "operator": "/", "right": "kWh" },
        }),
    )
    .unit(KG_PER_KWH)
    .decimals(3)
    .min(0.0)
    .interval("1h")
}

fn water() -> Panel {
    let query = select(
        "sum(\"volume_l\")",
        "wl_energy_hour",
        &["\"component\" =~ /^(water|potable-water)$/", PLACE, RANGE],
        "GROUP BY time($__interval), \"facility\", \"component\" fill(none)",
    );
    Panel::lines(
        "Water of each interval",
        "Water that entered, by facility and by kind of meter: sums of hours. Potable water is a part of the water \
         where both are metered. Source: ISO/IEC 30134-9; domain.md 2.4.",
    )
    .ask(series(&query, "$tag_facility $tag_component"))
    .unit("litre")
    .min(0.0)
    .custom("fillOpacity", json!(15))
    .empty("No water meter")
    .interval("1h")
}

fn wue() -> Panel {
    let course = select(RATIO, "wl_indicator", &[&of("wue", "1m"), PLACE, RANGE], BY_FACILITY);
    let potable = [&of("wue-potable", "30d"), PLACE, RANGE];
    let potable = select("last(\"value\")", "wl_indicator", &potable, BY_FACILITY);
    Panel::lines(
        "WUE",
        "Water over IT energy. All water, of each interval: sums first, one division then. Potable water: the 30 \
         days before each point. Source: ISO/IEC 30134-9; domain.md 2.4.",
    )
    .ask(series(&course, "$tag_facility"))
    .ask(series(&potable, "$tag_facility, potable, 30 d"))
    .unit(L_PER_KWH)
    .decimals(2)
    .min(0.0)
    .empty("No water meter")
    .interval("1h")
}

fn sources() -> Panel {
    let query = select(
        "sum(\"energy_kwh\")",
        "wl_energy_hour",
        &["\"component\" =~ /^(utility|generator|on-site-renewable|export|heat-reuse)$/", PLACE, RANGE],
        "GROUP BY time($__interval), \"component\" fill(none)",
    );
    Panel::bars(
        "What enters and what leaves",
        "Energy from the grid, generators and on-site renewables, and what was exported or left as heat: sums of \
         hours of all chosen facilities. Export is never netted against import. Source: domain.md 2.3.",
    )
    .ask(series(&query, "$tag_component"))
    .unit("kwatth")
    .min(0.0)
    .fields(
        "export|heat-reuse",
        &[
            ("custom.stacking", json!({ "group": "leaves", "mode": "normal" })),
            ("custom.transform", json!("negative-Y")),
        ],
    )
    .interval("1h")
    .at_most(80)
}

fn indicators() -> Panel {
    let query = select(
        "last(\"value\") AS \"Value\", last(\"coverage\") AS \"Coverage\"",
        "wl_indicator",
        &[
            "\"indicator\" =~ /^(ref|erf|ere|cer|cue|cue-market|wue|wue-potable|coal-equivalent)$/",
            "\"window\" = '12mo'",
            PLACE,
            LATEST,
        ],
        "GROUP BY \"site\", \"facility\", \"indicator\"",
    );
    Panel::table(
        "Indicators of 12 months",
        "The annual key figures of each facility, of the 12 months before the end of the time range, with their \
         coverage. Source: ISO/IEC 30134-3 (REF), -6 (ERF), -7 (CER), -8 (CUE), -9 (WUE), GB/T 2589 (tce); \
         domain.md 2.4, 2.6.",
    )
    .ask(rows(&query))
    .columns(&["site", "facility", "indicator"])
    .empty("No day is over yet")
    .decimals(3)
    .field("Coverage", &[("unit", json!("percentunit")), ("decimals", json!(1))])
    .field(
        "indicator",
        &[(
            "mappings",
            mappings(&[
                ("ref", "REF, renewable", "text"),
                ("erf", "ERF, reused", "text"),
                ("ere", "ERE", "text"),
                ("cer", "CER, cooling", "text"),
                ("cue", "CUE, kg/kWh, location-based", "text"),
                ("cue-market", "CUE, kg/kWh, market-based", "text"),
                ("wue", "WUE, L/kWh", "text"),
                ("wue-potable", "WUE, L/kWh, potable", "text"),
                ("coal-equivalent", "coal equivalent, tce", "text"),
            ]),
        )],
    )
}
