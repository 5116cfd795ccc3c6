//! Queries: InfluxQL that InfluxDB 1.x, 2.x and 3.x answer.

use super::dashboard::Variable;

/// The chosen sites and facilities.
pub(crate) const PLACE: &str = "\"site\" =~ /^${site:regex}$/ AND \"facility\" =~ /^${facility:regex}$/";
/// The chosen time range.
pub(crate) const RANGE: &str = "$timeFilter";
/// The three days up to the range's end: what was published last, of what is published once a day at least.
pub(crate) const LATEST: &str = "time > ${__to}ms - 3d AND time <= ${__to}ms";
/// The year up to the range's end: calendar windows stand at their first instant.
pub(crate) const THIS_YEAR: &str = "time > ${__to}ms - 367d AND time <= ${__to}ms";
/// The last quarter of an hour of the range: what is published each minute at least.
pub(crate) const JUST_NOW: &str = "time > ${__to}ms - 15m AND time <= ${__to}ms";
/// The last day of the range: what is published when it turns.
pub(crate) const TURNED: &str = "time > ${__to}ms - 1d AND time <= ${__to}ms";
/// One group for each point of a chart.
pub(crate) const POINTS: &str = "GROUP BY time($__interval) fill(none)";
/// PUE, WUE or CUE of what is summed: energies first, one division then. Source: domain.md 5.9.
pub(crate) const RATIO: &str = "sum(\"numerator\") / sum(\"denominator\")";

/// A query.
pub(crate) fn select(what: &str, from: &str, when: &[&str], tail: &str) -> String {
    format!("SELECT {what} FROM \"{from}\" WHERE {} {tail}", when.join(" AND ")).trim_end().to_owned()
}

/// A query of another's answer.
pub(crate) fn select_from(what: &str, inner: &str, tail: &str) -> String {
    format!("SELECT {what} FROM ({inner}) {tail}").trim_end().to_owned()
}

/// The condition on one indicator in one window.
pub(crate) fn of(indicator: &str, window: &str) -> String {
    format!("\"indicator\" = '{indicator}' AND \"window\" = '{window}'")
}

/// The limits of the targets of the chosen facilities, as lines.
pub(crate) fn limits() -> String {
    select(
        "last(\"limit\")",
        "wl_target",
        &["\"window\" = '30d'", PLACE, RANGE],
        "GROUP BY time($__interval), \"target\" fill(none)",
    )
}

/// The strictest limit of the targets of the chosen facilities, as the column `limit`.
pub(crate) fn strictest() -> String {
    let each = select(
        "last(\"limit\") AS \"limit\"",
        "wl_target",
        &["\"window\" = '30d'", PLACE, LATEST],
        "GROUP BY \"facility\", \"target\"",
    );
    select_from("min(\"limit\") AS \"limit\"", &each, "")
}

/// Sites and their facilities.
pub(crate) fn places(many: bool) -> Vec<Variable> {
    vec![
        Variable {
            name: "site",
            label: "Site",
            query: "SHOW TAG VALUES FROM \"wl_indicator\" WITH KEY = \"site\"",
            many,
        },
        Variable {
            name: "facility",
            label: "Facility",
            query: "SHOW TAG VALUES FROM \"wl_indicator\" WITH KEY = \"facility\" WHERE \"site\" =~ /^${site:regex}$/",
            many,
        },
    ]
}
