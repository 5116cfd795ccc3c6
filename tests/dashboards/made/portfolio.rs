//! All sites together. A portfolio's PUE is the sum of its energies over the sum of its IT energies.

use super::ask::{LATEST, PLACE, POINTS, RANGE, RATIO, limits, of, places, select, select_from};
use super::dashboard::{Dashboard, FACILITY, PORTFOLIO};
use super::panel::{Panel, rows, series, thresholds};
use super::{ENERGY_STEPS, NO_EVENT, PUE_STEPS};
use serde_json::{Value, json};

const BY_FACILITY: &str = "GROUP BY \"site\", \"facility\"";

/// What is over its limit: a value at the limit meets it.
const LEAST_OVER: f64 = 1e-9;

/// The latest energies of each facility, to be summed before they are divided.
fn latest_energies(window: &str) -> String {
    select(
        "last(\"numerator\") AS \"numerator\", last(\"denominator\") AS \"denominator\"",
        "wl_indicator",
        &[&of("pue", window), PLACE, LATEST],
        BY_FACILITY,
    )
}

pub(crate) fn dashboard() -> Value {
    Dashboard::new(PORTFOLIO, "now-30d", "5m")
        .variables(places(true))
        .row("All chosen facilities together")
        .panel(pue())
        .panel(energy())
        .panel(carbon())
        .panel(coverage())
        .row("Facility by facility")
        .panel(facilities())
        .row("Course")
        .panel(course())
        .panel(course_of_energy())
        .panel(course_of_carbon())
        .panel(course_of_coverage())
        .row("What is raised")
        .panel(alerts())
        .json()
}

fn pue() -> Panel {
    let of_window =
        |window: &str, name: &str| series(&select_from(RATIO, &latest_energies(window), ""), name);
    Panel::figures(
        "PUE of the portfolio",
        "Sum of all facilities' energies over the sum of their IT energies in each rolling window, as of the end of \
         the time range; never a mean of PUEs. Each facility counts at its own horizon. Windows shorter than 12 \
         months are iPUE. Colours: the default targets D125 and D130. Source: ISO/IEC 30134-2; domain.md 5.9.",
    )
    .ask(of_window("24h", "24 h"))
    .ask(of_window("30d", "30 d"))
    .ask(of_window("12mo", "12 mo"))
    .decimals(3)
    .thresholds("green", PUE_STEPS)
    .size(9, 5)
}

fn energy() -> Panel {
    let sum = |component: &str| {
        let when = [&format!("\"component\" = '{component}'"), PLACE, RANGE];
        series(&select("sum(\"energy_kwh\")", "wl_energy_hour", &when, ""), component)
    };
    Panel::figures(
        "Energy in the time range",
        "Energy that entered all chosen facilities (E_DC) and energy of their IT (E_IT): sums of hours, interpolated \
         and estimated energy included. Source: ISO/IEC 30134-2; domain.md 5.4.",
    )
    .ask(sum("total"))
    .ask(sum("it"))
    .unit("kwatth")
    .decimals(1)
    .color("palette-classic")
    .size(6, 5)
}

fn carbon() -> Panel {
    let query = select("sum(\"numerator\")", "wl_indicator", &[&of("carbon", "1m"), PLACE, RANGE], "");
    Panel::figures(
        "CO₂ in the time range",
        "Scope 2, location-based: each interval's energy times the factor of its grid and time, summed over all \
         chosen facilities. Source: GHG Protocol Scope 2; domain.md 4.1.",
    )
    .ask(series(&query, "CO₂, location-based"))
    .unit("masskg")
    .decimals(1)
    .color("palette-classic")
    .size(5, 5)
}

fn coverage() -> Panel {
    let each = select(
        "last(\"coverage\") AS \"coverage\"",
        "wl_indicator",
        &["\"indicator\" = 'pue'", "\"window\" =~ /^(24h|30d)$/", PLACE, LATEST],
        "GROUP BY \"site\", \"facility\", \"window\"",
    );
    Panel::figures(
        "Least coverage",
        "Share of the window that both sides of the PUE cover, of the facility that has least of it. A verdict needs \
         95 % of a day and 99 % of a month or year. Source: domain.md 5.4.",
    )
    .ask(series(&select_from("min(\"coverage\")", &each, "GROUP BY \"window\""), "$tag_window"))
    .unit("percentunit")
    .decimals(1)
    .thresholds("red", &[("yellow", 0.95), ("green", 0.99)])
    .size(4, 5)
}

/// The facilities, each a row.
fn facilities() -> Panel {
    let window = |window: &str, column: &str| {
        let what = format!("last(\"value\") AS \"{column}\"");
        rows(&select(&what, "wl_indicator", &[&of("pue", window), PLACE, LATEST], BY_FACILITY))
    };
    let target = |what: &str, window: &str| {
        let when = [&format!("\"window\" = '{window}'"), PLACE, LATEST];
        select(what, "wl_target", &when, "GROUP BY \"site\", \"facility\", \"target\"")
    };
    let limits = target("last(\"limit\") AS \"limit\"", "30d");
    let strictest = select_from("min(\"limit\") AS \"Target\"", &limits, BY_FACILITY);
    let over = target("last(\"value\") - last(\"limit\") AS \"over\"", "12mo");
    let over = select_from("max(\"over\") AS \"12 mo − target\"", &over, BY_FACILITY);
    let energy = ["\"component\" = 'total'", PLACE, RANGE];
    let energy = select("sum(\"energy_kwh\") AS \"Energy\"", "wl_energy_hour", &energy, BY_FACILITY);
    let carbon = [&of("carbon", "1m"), PLACE, RANGE];
    let carbon = select("sum(\"numerator\") AS \"CO₂\"", "wl_indicator", &carbon, BY_FACILITY);
    let coverage = [&of("pue", "30d"), PLACE, LATEST];
    let coverage = select("last(\"coverage\") AS \"Coverage 30 d\"", "wl_indicator", &coverage, BY_FACILITY);
    let columns = [
        "site",
        "facility",
        "PUE 24 h",
        "PUE 30 d",
        "PUE 12 mo",
        "Target",
        "12 mo − target",
        "Coverage 30 d",
        "Energy",
        "CO₂",
    ];
    Panel::table(
        "Facilities",
        "PUE of rolling windows as of the end of the time range, the strictest of each facility's targets, how far \
         the 12 months are over it (below 0 they meet it), and energy and CO₂ of the time range. A row leads to its \
         facility. Source: ISO/IEC 30134-2; domain.md 6.3.",
    )
    .ask(window("24h", "PUE 24 h"))
    .ask(window("30d", "PUE 30 d"))
    .ask(window("12mo", "PUE 12 mo"))
    .ask(rows(&strictest))
    .ask(rows(&over))
    .ask(rows(&coverage))
    .ask(rows(&energy))
    .ask(rows(&carbon))
    .joined(&columns)
    .decimals(3)
    .fields(
        "PUE .*",
        &[
            ("thresholds", thresholds("green", PUE_STEPS)),
            ("custom.cellOptions", json!({ "type": "color-text" })),
        ],
    )
    .field("site", &[("displayName", json!("Site"))])
    .field(
        "facility",
        &[
            ("displayName", json!("Facility")),
            (
                "links",
                json!([{
                    "title": "Open the facility",
                    "url": format!(
                        "/d/{}?${{__url_time_range}}&var-datasource=${{datasource}}&var-site=${{__data.fields.site}}\
                         &var-facility=${{__data.fields.facility}}",
                        FACILITY.uid
                    ),
                    "targetBlank": false,
                }]),
            ),
        ],
    )
    .field(
        "12 mo − target",
        &[
            ("thresholds", thresholds("green", &[("red", LEAST_OVER)])),
            ("custom.cellOptions", json!({ "type": "color-text" })),
        ],
    )
    .field("Coverage 30 d", &[("unit", json!("percentunit")), ("decimals", json!(1))])
    .field("Energy", &[("unit", json!("kwatth")), ("decimals", json!(1))])
    .field("CO₂", &[("unit", json!("masskg")), ("decimals", json!(1))])
    .size(24, 9)
}

fn course() -> Panel {
    let when = [&of("pue", "1m"), PLACE, RANGE];
    let each = "GROUP BY time($__interval), \"facility\" fill(none)";
    Panel::lines(
        "PUE of each interval",
        "Energies of the minutes of each interval, summed and then divided once: of all facilities together, and of \
         each. Intervals are iPUE. Dashed: limits of the targets. Source: ISO/IEC 30134-2; domain.md 5.9.",
    )
    .ask(series(&select(RATIO, "wl_indicator", &when, POINTS), "portfolio"))
    .ask(series(&select(RATIO, "wl_indicator", &when, each), "$tag_facility"))
    .ask(series(&limits(), "limit $tag_target"))
    .decimals(3)
    .thresholds("green", PUE_STEPS)
    .field("portfolio", &[("custom.lineWidth", json!(3))])
    .limits("limit .*")
    .interval("1h")
}

fn course_of_energy() -> Panel {
    let when = ["\"component\" = 'total'", PLACE, RANGE];
    let tail = "GROUP BY time($__interval), \"facility\" fill(none)";
    Panel::bars(
        "Energy of each interval",
        "Energy that entered each facility, by interval: sums of hours. Source: ISO/IEC 30134-2; domain.md 5.2.",
    )
    .ask(series(&select("sum(\"energy_kwh\")", "wl_energy_hour", &when, tail), "$tag_facility"))
    .unit("kwatth")
    .min(0.0)
    .thresholds("green", ENERGY_STEPS)
    .interval("1h")
    .at_most(80)
}

fn course_of_carbon() -> Panel {
    let when = [&of("carbon", "1m"), PLACE, RANGE];
    let tail = "GROUP BY time($__interval), \"facility\" fill(none)";
    Panel::bars(
        "CO₂ of each interval",
        "Scope 2, location-based, of each facility by interval. Source: GHG Protocol Scope 2; domain.md 4.1.",
    )
    .ask(series(&select("sum(\"numerator\")", "wl_indicator", &when, tail), "$tag_facility"))
    .unit("masskg")
    .min(0.0)
    .interval("1h")
    .at_most(80)
}

fn course_of_coverage() -> Panel {
    let when = [&of("pue", "24h"), PLACE, RANGE];
    let tail = "GROUP BY time($__interval), \"facility\" fill(none)";
    Panel::lines(
        "Coverage of 24 hours",
        "Share of the 24 hours before each point that both sides of the PUE cover. Below 95 % no verdict on a day is \
         given. Source: domain.md 5.4.",
    )
    .ask(series(&select("min(\"coverage\")", "wl_indicator", &when, tail), "$tag_facility"))
    .unit("percentunit")
    .min(0.0)
    .max(1.0)
    .thresholds("red", &[("yellow", 0.95), ("green", 0.99)])
    .threshold_lines()
    .interval("15m")
}

fn alerts() -> Panel {
    let latest = select(
        "last(\"raised\") AS \"raised\", last(\"value\") AS \"value\", last(\"limit\") AS \"limit\", \
         last(\"coverage\") AS \"coverage\"",
        "wl_alert",
        &["\"facility\" =~ /^(-|${facility:regex})$/", super::ask::TURNED],
        "GROUP BY \"facility\", \"rule\", \"severity\"",
    );
    let raised = select_from(
        "\"raised\", \"value\", \"limit\", \"coverage\"",
        &latest,
        "WHERE \"raised\" = 1 GROUP BY \"facility\", \"rule\", \"severity\"",
    );
    Panel::table(
        "Alerts raised at the end of the time range",
        "Rules of the configuration whose alert is raised: the value that is judged, what it is held against, and \
         its coverage. Source: domain.md 7.1.",
    )
    .ask(rows(&raised))
    .empty(NO_EVENT)
    .decimals(3)
    .transform(
        "organize",
        json!({ "excludeByName": { "Time": true, "raised": true }, "indexByName": {}, "renameByName": {} }),
    )
    .field("coverage", &[("unit", json!("percentunit")), ("decimals", json!(1))])
    .size(24, 6)
}
