//! One facility: how efficient, how well known, where the energy goes, and what moves it.

use super::ask::{LATEST, PLACE, POINTS, RANGE, RATIO, limits, of, places, select, strictest};
use super::dashboard::{Dashboard, FACILITY, Variable};
use super::panel::{Panel, rows, series};
use super::{COVERAGE_STEPS, PUE_STEPS};
use serde_json::{Value, json};

/// Minutes to watts: kWh a minute times this.
const WATTS: &str = "60000";

pub(crate) fn dashboard() -> Value {
    let mut variables = places(false);
    variables.push(Variable {
        name: "gauge",
        label: "Outdoor gauge",
        query: "SHOW TAG VALUES FROM \"wl_weather\" WITH KEY = \"meter\" WHERE \"facility\" =~ /^${facility:regex}$/",
        many: false,
    });
    Dashboard::new(FACILITY, "now-7d", "1m")
        .variables(variables)
        .row("PUE")
        .panel(by_window())
        .panel(coverage_by_window())
        .panel(of_each_interval())
        .panel(with_uncertainty())
        .row("Power and energy")
        .panel(power())
        .panel(days())
        .panel(by_role())
        .panel(overhead_by_role())
        .row("What moves it")
        .panel(load_and_pue())
        .panel(weather_and_pue())
        .panel(weather())
        .row("Partial PUE")
        .panel(partial())
        .panel(zones())
        .row("How well it is known")
        .panel(provenance())
        .panel(components_coverage())
        .json()
}

/// One query for each window, so that they stand in their order.
fn windows(panel: Panel, field: &str, windows: &[(&str, &str)]) -> Panel {
    let what = format!("last(\"{field}\")");
    windows.iter().fold(panel, |panel, (window, name)| {
        panel.ask(series(&select(&what, "wl_indicator", &[&of("pue", window), PLACE, LATEST], ""), name))
    })
}

fn by_window() -> Panel {
    let panel = Panel::figures(
        "PUE by window",
        "The latest figure of each rolling window as of the end of the time range, unrounded underneath. Windows \
         shorter than 12 months are iPUE. Red from the strictest target of this facility on. Source: ISO/IEC \
         30134-2; domain.md 2.1.",
    );
    let all = [("1h", "1 h"), ("24h", "24 h"), ("7d", "7 d"), ("30d", "30 d"), ("12mo", "12 mo")];
    windows(panel, "value", &all)
        .ask(rows(&strictest()))
        .judged_by("F")
        .decimals(3)
        .thresholds("green", PUE_STEPS)
        .size(16, 5)
}

fn coverage_by_window() -> Panel {
    let panel = Panel::figures(
        "Coverage by window",
        "Share of each window that both sides of the PUE cover. A verdict needs 95 % of a day and 99 % of a month or \
         year. Source: domain.md 5.4.",
    );
    windows(panel, "coverage", &[("24h", "24 h"), ("30d", "30 d"), ("12mo", "12 mo")])
        .unit("percentunit")
        .decimals(1)
        .thresholds("red", COVERAGE_STEPS)
        .size(8, 5)
}

fn of_each_interval() -> Panel {
    let query = select(RATIO, "wl_indicator", &[&of("pue", "1m"), PLACE, RANGE], POINTS);
    Panel::lines(
        "PUE of each interval",
        "Energies of the minutes of each interval, summed and then divided once. Short intervals of coarse registers \
         scatter; the panel beside this says by how much a day is uncertain. Dashed: limits of the targets. Source: \
         ISO/IEC 30134-2; domain.md 5.9.",
    )
    .ask(series(&query, "iPUE"))
    .ask(series(&limits(), "limit $tag_target"))
    .decimals(3)
    .thresholds("green", PUE_STEPS)
    .limits("limit .*")
    .interval("5m")
}

fn with_uncertainty() -> Panel {
    let window = |what: &str| select(what, "wl_indicator", &[&of("pue", "24h"), PLACE, RANGE], POINTS);
    let band = |more: &[(&'static str, Value)]| -> Vec<(&'static str, Value)> {
        let mut all = vec![
            ("custom.lineWidth", json!(0)),
            ("custom.showPoints", json!("never")),
            ("color", json!({ "mode": "fixed", "fixedColor": "semi-dark-blue" })),
        ];
        all.extend_from_slice(more);
        all
    };
    Panel::lines(
        "PUE of 24 hours, with its uncertainty",
        "The 24 hours before each point, and the band of value ± expanded uncertainty (k = 2, about 95 %). No band \
         where the uncertainty of a meter is not known. Dashed: limits of the targets; what the band reaches over is \
         not decided. Source: GUM, JCGM 106; domain.md 6.",
    )
    .ask(series(&window("last(\"value\")"), "24 h"))
    .ask(series(&window("last(\"value\") - last(\"expanded\")"), "lower"))
    .ask(series(&window("last(\"value\") + last(\"expanded\")"), "upper"))
    .ask(series(&limits(), "limit $tag_target"))
    .decimals(3)
    .thresholds("green", PUE_STEPS)
    .field("24 h", &[("color", json!({ "mode": "fixed", "fixedColor": "blue" })), ("custom.lineWidth", json!(2))])
    .field("lower", &band(&[]))
    .field("upper", &band(&[("custom.fillBelowTo", json!("lower")), ("custom.fillOpacity", json!(25))]))
    .limits("limit .*")
    .interval("15m")
}

fn power() -> Panel {
    let mean = |energy: &str| {
        let what = format!("({energy}) / count(\"denominator\") * {WATTS}");
        select(&what, "wl_indicator", &[&of("pue", "1m"), PLACE, RANGE], POINTS)
    };
    Panel::lines(
        "Power: IT and overhead make the total",
        "Mean power of the minutes that both sides cover: energy of IT, and what is more than it, stacked; the line \
         is the total. Source: ISO/IEC 30134-2; domain.md 5.4.",
    )
    .ask(series(&mean("sum(\"denominator\")"), "IT"))
    .ask(series(&mean("sum(\"numerator\") - sum(\"denominator\")"), "overhead"))
    .ask(series(&mean("sum(\"numerator\")"), "total"))
    .unit("watt")
    .min(0.0)
    .custom("stacking", json!({ "group": "A", "mode": "normal" }))
    .custom("fillOpacity", json!(40))
    .field(
        "total",
        &[
            ("custom.stacking", json!({ "group": "total", "mode": "none" })),
            ("custom.fillOpacity", json!(0)),
            ("custom.lineWidth", json!(2)),
            ("color", json!({ "mode": "fixed", "fixedColor": "text" })),
        ],
    )
    .interval("1m")
}

fn days() -> Panel {
    let day = |what: &str| select(what, "wl_indicator", &[&of("pue", "day"), PLACE, RANGE], "");
    Panel::bars(
        "Energy of each day: IT and overhead",
        "Energy of the local dates that are over, in the time that both sides cover, each at its first instant. \
         Source: ISO/IEC 30134-2; domain.md 5.8.",
    )
    .ask(series(&day("\"denominator\""), "IT"))
    .ask(series(&day("\"numerator\" - \"denominator\""), "overhead"))
    .unit("kwatth")
    .min(0.0)
}

fn by_role() -> Panel {
    let what = "sum(\"energy_kwh\") AS \"Energy\"";
    let query = select(what, "wl_energy_hour", &[PLACE, RANGE], "GROUP BY \"component\"");
    Panel::bar_chart(
        "Where the energy goes, by role",
        "Energy of the time range by the role of its meters, largest first: total (E_DC), it (E_IT), what enters, \
         what leaves, and the parts of the overhead that have meters. Parts of one role may contain another's. \
         Source: domain.md 2.1, 2.3.",
        "component",
    )
    .ask(rows(&query))
    .transform("sortBy", json!({ "fields": {}, "sort": [{ "field": "Energy", "desc": true }] }))
    .unit("kwatth")
    .min(0.0)
    .option("legend", json!({ "calcs": [], "displayMode": "hidden", "placement": "bottom", "showLegend": false }))
}

fn overhead_by_role() -> Panel {
    let query = select(
        "last(\"value\") - 1 AS \"Overhead\"",
        "wl_indicator",
        &["\"indicator\" =~ /^(pue|ppue-.*)$/", "\"window\" = '30d'", PLACE, LATEST],
        "GROUP BY \"indicator\"",
    );
    Panel::bar_chart(
        "Overhead for each kWh of IT, by role",
        "What each subsystem adds to the PUE of 30 days: PUE − 1 (all overhead) and partial PUE − 1 of the roles, \
         from PUE = 1 + Σ E_sub / E_IT. What the roles leave of the first bar has no meter of its own. Bars, since \
         Grafana has no waterfall. Source: ISO/IEC 30134-2, partial PUE; domain.md 2.1.",
        "indicator",
    )
    .ask(rows(&query))
    .transform("sortBy", json!({ "fields": {}, "sort": [{ "field": "Overhead", "desc": true }] }))
    .decimals(3)
    .min(0.0)
    .thresholds("green", PUE_STEPS)
    .option("legend", json!({ "calcs": [], "displayMode": "hidden", "placement": "bottom", "showLegend": false }))
}

fn load_and_pue() -> Panel {
    let what = format!(
        "sum(\"denominator\") / count(\"denominator\") * {WATTS} AS \"IT power\", {RATIO} AS \"PUE\""
    );
    let query = select(&what, "wl_indicator", &[&of("pue", "1m"), PLACE, RANGE], POINTS);
    Panel::points(
        "Load against PUE",
        "One point an interval: mean IT power and PUE, both of its summed minutes. A PUE that falls with load is \
         overhead that does not follow the load. Source: domain.md 5.9.",
        "IT power",
        "PUE",
    )
    .ask(rows(&query))
    .decimals(3)
    .thresholds("green", PUE_STEPS)
    .field("IT power", &[("unit", json!("watt")), ("decimals", json!(1))])
    .interval("1h")
    .size(8, 9)
}

fn weather_and_pue() -> Panel {
    let pue = format!("{RATIO} AS \"PUE\"");
    let pue = select(&pue, "wl_indicator", &[&of("pue", "1m"), PLACE, RANGE], POINTS);
    let outside = [PLACE, "\"meter\" =~ /^${gauge:regex}$/", RANGE];
    let outside = select("mean(\"mean\") AS \"outside\"", "wl_weather", &outside, POINTS);
    Panel::points(
        "Weather against PUE",
        "One point an interval: the mean of the chosen outdoor gauge, in the gauge's own unit, and the PUE of the \
         same minutes. Where it turns upward, free cooling ends. Source: domain.md 5.5, 5.9.",
        "outside",
        "PUE",
    )
    .ask(rows(&pue))
    .ask(rows(&outside))
    .transform("joinByField", json!({ "byField": "Time", "mode": "inner" }))
    .empty("No outdoor gauge, or nothing of it in this time range")
    .decimals(3)
    .thresholds("green", PUE_STEPS)
    .field("outside", &[("decimals", json!(1))])
    .interval("1h")
    .size(8, 9)
}

fn weather() -> Panel {
    let ask =
        |what: &str| select(what, "wl_weather", &[PLACE, "\"meter\" =~ /^${gauge:regex}$/", RANGE], POINTS);
    Panel::lines(
        "Outdoor gauge",
        "The chosen gauge, in its own unit: time-weighted mean of each interval, in the band from the lowest to the \
         highest value. Source: domain.md 5.5.",
    )
    .ask(series(&ask("mean(\"mean\")"), "mean"))
    .ask(series(&ask("min(\"min\")"), "lowest"))
    .ask(series(&ask("max(\"max\")"), "highest"))
    .empty("No outdoor gauge, or nothing of it in this time range")
    .decimals(1)
    .field("lowest", &[("custom.lineWidth", json!(0)), ("custom.showPoints", json!("never"))])
    .field(
        "highest",
        &[
            ("custom.lineWidth", json!(0)),
            ("custom.showPoints", json!("never")),
            ("custom.fillBelowTo", json!("lowest")),
            ("custom.fillOpacity", json!(15)),
        ],
    )
    .interval("1h")
    .size(8, 9)
}

fn partial() -> Panel {
    let query = select(
        "last(\"value\")",
        "wl_indicator",
        &["\"indicator\" =~ /^ppue-.*$/", "\"window\" = '24h'", PLACE, RANGE],
        "GROUP BY time($__interval), \"indicator\" fill(none)",
    );
    Panel::lines(
        "Partial PUE of subsystems, 24 hours",
        "1 + E_sub / E_IT of each subsystem that has meters, over the 24 hours before each point. Source: ISO/IEC \
         30134-2, partial PUE; domain.md 2.1.",
    )
    .ask(series(&query, "$tag_indicator"))
    .empty("No meter of cooling, power path, lighting or other overhead")
    .decimals(3)
    .interval("15m")
}

fn zones() -> Panel {
    let query = select(
        "last(\"value\")",
        "wl_zone",
        &["\"window\" = '24h'", PLACE, RANGE],
        "GROUP BY time($__interval), \"zone\" fill(none)",
    );
    Panel::lines(
        "Partial PUE of zones, 24 hours",
        "Energy of the zone over energy of its IT, over the 24 hours before each point. Source: ISO/IEC 30134-2, \
         partial PUE; domain.md 2.1.",
    )
    .ask(series(&query, "$tag_zone"))
    .empty("No zone is declared for this facility")
    .decimals(3)
    .interval("15m")
}

fn provenance() -> Panel {
    let share = |field: &str| {
        let what = format!("last(\"{field}\")");
        select(&what, "wl_indicator", &[&of("pue", "24h"), PLACE, RANGE], POINTS)
    };
    Panel::lines(
        "How the PUE of 24 hours is known",
        "Share of the 24 hours that both sides cover, and shares of the booked energy that were spread over long \
         steps or estimated. Source: domain.md 5.4.",
    )
    .ask(series(&share("coverage"), "covered"))
    .ask(series(&share("interpolated"), "interpolated"))
    .ask(series(&share("estimated"), "estimated"))
    .unit("percentunit")
    .min(0.0)
    .max(1.0)
    .interval("15m")
}

fn components_coverage() -> Panel {
    let query = select(
        "sum(\"coverage\") * 60000 / $__interval_ms",
        "wl_component",
        &[PLACE, RANGE],
        "GROUP BY time($__interval), \"component\" fill(0)",
    );
    Panel::history(
        "Coverage of the components",
        "Share of each interval's minutes that all meters of a component cover; an interval without any is red. The \
         interval that has just begun is not over yet. Source: domain.md 5.4.",
    )
    .ask(series(&query, "$tag_component"))
    .unit("percentunit")
    .min(0.0)
    .max(1.0)
    .thresholds("red", COVERAGE_STEPS)
    .option("perPage", json!(30))
    .interval("1h")
}
