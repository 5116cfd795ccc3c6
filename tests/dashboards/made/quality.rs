//! Meters: which are heard, how much of their time is known and how, and whether their sums add up.

use super::ask::{JUST_NOW, LATEST, RANGE, places, select, select_from};
use super::dashboard::{Dashboard, QUALITY, Variable};
use super::panel::{Panel, mappings, rows, series, thresholds};
use super::{COVERAGE_STEPS, NO_EVENT};
use serde_json::{Value, json};

/// The chosen meters.
const METERS: &str = "\"site\" =~ /^${site:regex}$/ AND \"meter\" =~ /^${meter:regex}$/";
/// The chosen meters that feed others; the names of feeds that are balanced together are joined.
const PARENTS: &str = "\"site\" =~ /^${site:regex}$/ AND \"facility\" =~ /^${facility:regex}$/ AND \
                       \"meter\" =~ /(^|\\+)${meter:regex}(\\+|$)/";
const BY_METER: &str = "GROUP BY \"site\", \"meter\"";

pub(crate) fn dashboard() -> Value {
    let mut variables = places(true);
    variables.push(Variable {
        name: "meter",
        label: "Meter",
        query: "SHOW TAG VALUES FROM \"wl_meter\" WITH KEY = \"meter\" WHERE \"site\" =~ /^${site:regex}$/",
        many: true,
    });
    Dashboard::new(QUALITY, "now-7d", "1m")
        .variables(variables)
        .row("Now")
        .panel(heard())
        .panel(quarantined())
        .panel(meters())
        .row("Coverage and provenance")
        .panel(coverage())
        .panel(provenance())
        .panel(steps())
        .row("Balances")
        .panel(balances())
        .panel(residuals())
        .row("Quarantine and changes")
        .panel(quarantine())
        .panel(events())
        .row("Readings")
        .panel(power())
        .panel(gauges())
        .json()
}

fn heard() -> Panel {
    let latest = select("last(\"live\") AS \"live\"", "wl_meter_state", &[METERS, JUST_NOW], BY_METER);
    Panel::figures(
        "Meters that are heard, and that are silent",
        "Of the chosen meters, at the end of the time range. A meter is silent when its newest reading is older than \
         three times its nominal interval, and three minutes at least. Source: domain.md 7.1.",
    )
    .ask(series(&select_from("sum(\"live\")", &latest, ""), "heard"))
    .ask(series(&select_from("count(\"live\") - sum(\"live\")", &latest, ""), "silent"))
    .unit("short")
    .decimals(0)
    .field("silent", &[("thresholds", thresholds("green", &[("red", 1.0)]))])
    .size(4, 10)
}

fn quarantined() -> Panel {
    let latest = select(
        "last(\"held\") AS \"held\", last(\"count\") AS \"count\"",
        "wl_quarantine",
        &[JUST_NOW],
        "GROUP BY \"cause\"",
    );
    Panel::figures(
        "Quarantine",
        "What was refused so far, of all sites, and how much of it is held and can be admitted. Source: domain.md \
         5.1, 5.7.",
    )
    .ask(series(&select_from("sum(\"held\")", &latest, ""), "held"))
    .ask(series(&select_from("sum(\"count\")", &latest, ""), "refused in all"))
    .unit("short")
    .decimals(0)
    .thresholds("green", &[("yellow", 1.0)])
    .empty(NO_EVENT)
    .size(4, 10)
}

fn meters() -> Panel {
    let latest = |field: &str, column: &str| format!("last(\"{field}\") AS \"{column}\"");
    let what = [
        latest("live", "Heard"),
        latest("age_s", "Age"),
        latest("coverage_24h", "Coverage 24 h"),
        latest("resets", "Resets"),
        latest("pending", "Pending"),
        latest("duplicates", "Duplicates"),
        latest("conflicts", "Conflicts"),
        latest("refused", "Refused"),
    ];
    Panel::table(
        "Meters",
        "Each chosen meter at the end of the time range: whether it is heard, the age of its newest reading, the \
         share of the last 24 hours that is covered, and counts: resets, jumps and falls that later readings may \
         still decide otherwise, readings that came twice, instants with several values, refused readings. Source: \
         domain.md 5.1, 5.3, 5.4.",
    )
    .ask(rows(&select(&what.join(", "), "wl_meter_state", &[METERS, JUST_NOW], BY_METER)))
    .columns(&["site", "meter"])
    .unit("short")
    .decimals(0)
    .field("site", &[("displayName", json!("Site"))])
    .field("meter", &[("displayName", json!("Meter"))])
    .field(
        "Heard",
        &[
            ("mappings", mappings(&[("0", "silent", "red"), ("1", "heard", "green")])),
            ("custom.cellOptions", json!({ "type": "color-text" })),
        ],
    )
    .field("Age", &[("unit", json!("s"))])
    .field(
        "Coverage 24 h",
        &[
            ("unit", json!("percentunit")),
            ("decimals", json!(1)),
            ("thresholds", thresholds("red", COVERAGE_STEPS)),
            ("custom.cellOptions", json!({ "type": "color-text" })),
        ],
    )
    .size(16, 10)
}

fn coverage() -> Panel {
    let query = select("\"coverage\"", "wl_meter_day", &[METERS, RANGE], BY_METER);
    Panel::history(
        "Coverage of each day",
        "Share of each local date that is measured, or inside a long step that lies wholly in it. Green from 99 %, \
         yellow from 95 %. Source: domain.md 5.4.",
    )
    .ask(series(&query, "$tag_meter"))
    .empty("No day is over yet")
    .unit("percentunit")
    .decimals(1)
    .min(0.0)
    .max(1.0)
    .thresholds("red", COVERAGE_STEPS)
    .option("perPage", json!(40))
    .size(24, 10)
}

fn provenance() -> Panel {
    let day = |what: &str| select(what, "wl_meter_day", &[METERS, RANGE], "GROUP BY time(1d) fill(none)");
    let missing = "count(\"coverage\") - sum(\"measured\") - sum(\"interpolated\") - sum(\"estimated\")";
    Panel::bars(
        "How the days of the meters are known, in meter-days",
        "Days of the chosen meters, added up: measured, inside long steps (the split is interpolated, the total is \
         measured), estimated, and missing. Each local date at the UTC day in which it begins. Source: domain.md \
         5.4.",
    )
    .ask(series(&day("sum(\"measured\")"), "measured"))
    .ask(series(&day("sum(\"interpolated\")"), "interpolated"))
    .ask(series(&day("sum(\"estimated\")"), "estimated"))
    .ask(series(&day(missing), "missing"))
    .empty("No day is over yet")
    .unit("short")
    .decimals(2)
    .min(0.0)
    .field("measured", &[("color", fixed("green"))])
    .field("interpolated", &[("color", fixed("yellow"))])
    .field("estimated", &[("color", fixed("orange"))])
    .field("missing", &[("color", fixed("red"))])
    .size(12, 9)
}

fn fixed(color: &str) -> Value {
    json!({ "mode": "fixed", "fixedColor": color })
}

fn steps() -> Panel {
    let count = |class: &str| {
        let what = format!("sum(\"{class}\")");
        select(&what, "wl_meter_day", &[METERS, RANGE], "GROUP BY time(1d) fill(none)")
    };
    let mut panel = Panel::bars(
        "Steps that are not simply forward, or long",
        "How many began on each day, of all chosen registers: resets, rollovers of registers with a modulus, exchanged \
         instruments, implausible jumps, small falls of which nothing is booked, steps in which more could have \
         passed than the modulus, and steps forward that are longer than the gap limit. Source: domain.md 5.3, 5.4.",
    );
    for (class, name) in [
        ("resets", "resets"),
        ("rollovers", "rollovers"),
        ("exchanges", "exchanges"),
        ("jumps", "jumps"),
        ("undecidable", "undecidable"),
        ("long_steps", "long steps"),
    ] {
        panel = panel.ask(series(&count(class), name));
    }
    panel.empty(NO_EVENT).unit("short").decimals(0).min(0.0).size(12, 9)
}

fn balances() -> Panel {
    let what = "last(\"parent_kwh\") AS \"Parent\", last(\"children_kwh\") AS \"Children\", \
                last(\"residual_kwh\") AS \"Residual\", last(\"allowed_kwh\") AS \"Allowed\", \
                last(\"coverage\") AS \"Coverage\"";
    let query = select(what, "wl_balance", &[PARENTS, LATEST], "GROUP BY \"facility\", \"meter\"");
    Panel::table(
        "Balance of the last day",
        "Each meter that feeds others, on the last local date that is over: its energy, that of its children, what \
         is left, and how much that may be by their combined expanded uncertainty (k = 2). A residual beyond it is a \
         meter that is wrong or one that is not there. Source: domain.md 5.6, 6.2, 7.1.",
    )
    .ask(rows(&query))
    .columns(&["facility", "meter"])
    .empty("No meter is declared to feed another")
    .unit("kwatth")
    .decimals(2)
    .field("Coverage", &[("unit", json!("percentunit")), ("decimals", json!(1))])
}

fn residuals() -> Panel {
    let day = |what: &str| select(what, "wl_balance", &[PARENTS, RANGE], "GROUP BY \"meter\"");
    Panel::lines(
        "Residual of each day",
        "Energy of each parent less that of its children on each local date. Dashed: how much it may be either way, \
         by their combined expanded uncertainty (k = 2). Source: domain.md 5.6, 7.1.",
    )
    .ask(series(&day("\"residual_kwh\""), "$tag_meter"))
    .ask(series(&day("\"allowed_kwh\""), "allowed $tag_meter"))
    .ask(series(&day("\"allowed_kwh\" * -1"), "allowed below $tag_meter"))
    .empty("No meter is declared to feed another")
    .unit("kwatth")
    .decimals(2)
    .limits("allowed .*")
}

fn quarantine() -> Panel {
    let what = "last(\"count\") AS \"Refused\", last(\"held\") AS \"Held\"";
    Panel::table(
        "Quarantine by cause",
        "What was refused so far, by cause, and how much of it is held: `wattledger quarantine list` shows it, \
         `wattledger quarantine admit` takes it in after all. Of all sites: what cannot be read has none. Source: \
         domain.md 5.1, 5.7.",
    )
    .ask(rows(&select(what, "wl_quarantine", &[JUST_NOW], "GROUP BY \"cause\"")))
    .columns(&["cause"])
    .empty(NO_EVENT)
    .unit("short")
    .decimals(0)
    .size(8, 9)
}

fn events() -> Panel {
    let query = select(
        "\"title\", \"text\", \"who\", \"kind\", \"facility\", \"site\"",
        "wl_event",
        &[
            "\"site\" =~ /^(-|${site:regex})$/",
            "\"facility\" =~ /^(-|${facility:regex})$/",
            "\"kind\" =~ /^(correction|admission|exchange|configuration)$/",
            RANGE,
        ],
        "ORDER BY time DESC LIMIT 200",
    );
    Panel::table(
        "Corrections, admissions, exchanges, configurations",
        "What people changed in the time range, newest first, from the audit chain: who and why. The same stands as \
         marks in the charts. Source: domain.md 5.7, 6.4.",
    )
    .ask(rows(&query))
    .empty("Nothing was changed in this time range")
    .size(16, 9)
}

fn power() -> Panel {
    let query = select(
        "mean(\"power_w\")",
        "wl_meter",
        &[METERS, RANGE],
        "GROUP BY time($__interval), \"meter\" fill(none)",
    );
    Panel::lines(
        "Power of the chosen meters",
        "Mean power of the minutes of each interval, of energy meters. Choose a few meters. Source: domain.md 5.2, \
         5.5.",
    )
    .ask(series(&query, "$tag_meter"))
    .unit("watt")
    .interval("1m")
}

fn gauges() -> Panel {
    let query = select(
        "mean(\"mean\")",
        "wl_meter",
        &[METERS, RANGE],
        "GROUP BY time($__interval), \"meter\" fill(none)",
    );
    Panel::lines(
        "Gauges among the chosen meters",
        "Mean of the minutes of each interval, each in its gauge's own unit. Source: domain.md 5.5.",
    )
    .ask(series(&query, "$tag_meter"))
    .empty("No gauge is chosen")
    .decimals(1)
    .interval("1m")
}
