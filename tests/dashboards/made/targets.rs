//! The year against its targets.

use super::PUE_STEPS;
use super::ask::{LATEST, PLACE, RANGE, THIS_YEAR, of, places, select};
use super::dashboard::{Dashboard, TARGETS, Variable};
use super::panel::{Panel, mappings, rows, series, thresholds};
use serde_json::{Value, json};

const TARGET: &str = "\"target\" =~ /^${target:regex}$/";
const BY_TARGET: &str = "GROUP BY \"site\", \"facility\", \"target\"";
const COURSES: &str = "GROUP BY time($__interval), \"facility\", \"target\" fill(none)";
const NO_TARGET: &str = "No upper limit of PUE among the targets, or no day of the year is over yet";
/// Verdicts as they are written, as they are read, and their colours. Source: domain.md 6.3.
const VERDICTS: &[(&str, &str, &str)] = &[
    ("compliant", "compliant", "green"),
    ("conditional_pass", "conditional pass", "semi-dark-green"),
    ("conditional_fail", "conditional fail", "orange"),
    ("non_compliant", "not compliant", "red"),
    ("pass_unguarded", "pass, unguarded", "semi-dark-green"),
    ("fail_unguarded", "fail, unguarded", "orange"),
    ("not_assessable", "not assessable", "text"),
];

pub(crate) fn dashboard() -> Value {
    let mut variables = places(true);
    variables.push(Variable {
        name: "target",
        label: "Target",
        query: "SHOW TAG VALUES FROM \"wl_target\" WITH KEY = \"target\" WHERE \"facility\" =~ /^${facility:regex}$/",
        many: true,
    });
    Dashboard::new(TARGETS, "now/y", "15m")
        .variables(variables)
        .row("The year to date")
        .panel(budgets())
        .row("Course of the year")
        .panel(course())
        .panel(permitted())
        .panel(overhead_left())
        .panel(burn_rates())
        .row("Months and verdicts")
        .panel(months())
        .panel(verdicts())
        .json()
}

fn budgets() -> Panel {
    let latest = |field: &str, column: &str| format!("last(\"{field}\") AS \"{column}\"");
    let what = [
        latest("limit", "Limit"),
        latest("value", "Year to date"),
        latest("forecast", "Forecast"),
        latest("permitted", "Permitted for the rest"),
        latest("overhead_left_kwh", "Overhead left"),
        latest("days_left", "Days left"),
        latest("burn_rate", "Burn rate"),
        latest("burn_rate_30d", "Burn rate 30 d"),
    ];
    let budget = select(&what.join(", "), "wl_budget", &[PLACE, TARGET, LATEST], BY_TARGET);
    let verdict = ["\"window\" = 'year'", PLACE, TARGET, THIS_YEAR];
    let verdict = select("last(\"verdict\") AS \"Verdict\"", "wl_target", &verdict, BY_TARGET);
    let columns = [
        "site",
        "facility",
        "target",
        "Verdict",
        "Limit",
        "Year to date",
        "Forecast",
        "Permitted for the rest",
        "Overhead left",
        "Days left",
        "Burn rate",
        "Burn rate 30 d",
    ];
    Panel::table(
        "Targets of the year",
        "As of the last local date before the end of the time range. Limit L; PUE of the year to date T/I; forecast \
         (T + PUE·R)/(I + R) and permitted PUE for the rest (L·(I + R) − T)/R, R being the IT energy that the rest \
         of the year needs at the pace of the last 30 days; overhead left (L − 1)·(I + R) − (T − I); how many days \
         that lasts; burn rate (T − I)/((L − 1)·I), over 1 overspends. A permitted PUE below 1 cannot be met. The \
         verdict is on the year to date. Source: domain.md 6.3, 7.2.",
    )
    .ask(rows(&budget))
    .ask(rows(&verdict))
    .joined(&columns)
    .empty(NO_TARGET)
    .decimals(3)
    .field("site", &[("displayName", json!("Site"))])
    .field("facility", &[("displayName", json!("Facility"))])
    .field("target", &[("displayName", json!("Target"))])
    .field(
        "Verdict",
        &[("mappings", mappings(VERDICTS)), ("custom.cellOptions", json!({ "type": "color-text" }))],
    )
    .field(
        "Permitted for the rest",
        &[
            ("thresholds", thresholds("red", &[("text", 1.0)])),
            ("custom.cellOptions", json!({ "type": "color-text" })),
        ],
    )
    .field(
        "Overhead left",
        &[
            ("unit", json!("kwatth")),
            ("decimals", json!(1)),
            ("thresholds", thresholds("red", &[("text", 0.0)])),
            ("custom.cellOptions", json!({ "type": "color-text" })),
        ],
    )
    .field("Days left", &[("unit", json!("d")), ("decimals", json!(0))])
    .fields(
        "Burn rate.*",
        &[
            ("decimals", json!(2)),
            ("thresholds", thresholds("green", &[("red", 1.0)])),
            ("custom.cellOptions", json!({ "type": "color-text" })),
        ],
    )
    .size(24, 8)
}

fn budget(what: &str) -> String {
    select(what, "wl_budget", &[PLACE, TARGET, RANGE], COURSES)
}

fn course() -> Panel {
    // The same against every target.
    let by_facility = "GROUP BY time($__interval), \"facility\" fill(none)";
    let to_date = select("last(\"value\")", "wl_budget", &[PLACE, TARGET, RANGE], by_facility);
    Panel::lines(
        "Year to date and forecast",
        "PUE of the year up to each local date, and what the year comes to if its rest is like the 30 days before \
         that date. Dashed: the limits. Cold months hide a summer's deficit. Source: domain.md 7.2.",
    )
    .ask(series(&to_date, "$tag_facility to date"))
    .ask(series(&budget("last(\"forecast\")"), "$tag_facility forecast ($tag_target)"))
    .ask(series(&budget("last(\"limit\")"), "limit $tag_target $tag_facility"))
    .empty(NO_TARGET)
    .decimals(3)
    .thresholds("green", PUE_STEPS)
    .limits("limit .*")
    .interval("1d")
}

fn permitted() -> Panel {
    Panel::lines(
        "Permitted PUE for the rest of the year",
        "The mean PUE that the rest of the year may have, p = (L·(I + R) − T)/R. Where it falls below 1 the target \
         can no longer be met; where the PUE is above it, the year will miss. Source: domain.md 7.2.",
    )
    .ask(series(&budget("last(\"permitted\")"), "$tag_facility $tag_target"))
    .empty(NO_TARGET)
    .decimals(3)
    .thresholds("red", &[("green", 1.0)])
    .threshold_lines()
    .interval("1d")
}

fn overhead_left() -> Panel {
    Panel::lines(
        "Overhead left",
        "Overhead that the limit still permits this year, (L − 1)·(I + R) − (T − I). At zero the budget is spent. \
         Source: domain.md 7.2.",
    )
    .ask(series(&budget("last(\"overhead_left_kwh\")"), "$tag_facility $tag_target"))
    .empty(NO_TARGET)
    .unit("kwatth")
    .decimals(1)
    .custom("fillOpacity", json!(15))
    .thresholds("red", &[("green", 0.0)])
    .threshold_lines()
    .interval("1d")
}

fn burn_rates() -> Panel {
    Panel::lines(
        "Burn rates",
        "Overhead by the overhead that the limit permits, (T − I)/((L − 1)·I), of one day, 7 and 30 days, and the \
         year to date. Over 1 overspends. Together, so that one hot day alarms nobody and a slow drift does. Source: \
         domain.md 7.2.",
    )
    .ask(series(&budget("last(\"burn_rate_1d\")"), "$tag_facility $tag_target 1 d"))
    .ask(series(&budget("last(\"burn_rate_7d\")"), "$tag_facility $tag_target 7 d"))
    .ask(series(&budget("last(\"burn_rate_30d\")"), "$tag_facility $tag_target 30 d"))
    .ask(series(&budget("last(\"burn_rate\")"), "$tag_facility $tag_target year to date"))
    .empty(NO_TARGET)
    .decimals(2)
    .min(0.0)
    .thresholds("green", &[("red", 1.0)])
    .threshold_lines()
    .interval("1d")
}

fn months() -> Panel {
    let query =
        select("\"value\"", "wl_indicator", &[&of("pue", "month"), PLACE, RANGE], "GROUP BY \"facility\"");
    Panel::lines(
        "PUE of each month",
        "Local months at their first instant, the running one to date, each of its own sums. The limits are those of \
         D125 and D130. Source: ISO/IEC 30134-2; domain.md 2.1.",
    )
    .ask(series(&query, "$tag_facility"))
    .custom("lineInterpolation", json!("stepAfter"))
    .custom("showPoints", json!("always"))
    .custom("pointSize", json!(8))
    .min(1.0)
    .empty("No month begins in this time range")
    .decimals(3)
    .thresholds("green", PUE_STEPS)
    .threshold_lines()
}

fn verdicts() -> Panel {
    let query =
        select("last(\"verdict\")", "wl_target", &["\"window\" = '30d'", PLACE, TARGET, RANGE], COURSES);
    Panel::states(
        "Verdict on 30 days",
        "Each target held against the 30 days before each point: compliant only where the value and its expanded \
         uncertainty meet the limit; unguarded where the uncertainty is not known; not assessable where less than 99 \
         % is covered, or the target is no limit for one facility. Source: JCGM 106; domain.md 6.3.",
    )
    .ask(series(&query, "$tag_facility $tag_target"))
    .words(VERDICTS)
    .unit("string")
    .empty("No target of PUE")
    .interval("1h")
}
