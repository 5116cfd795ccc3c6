//! The collector and its agents.

use super::NO_EVENT;
use super::ask::{JUST_NOW, RANGE, select};
use super::dashboard::{Dashboard, Events, ITSELF, Variable};
use super::panel::{Panel, mappings, rows, series, thresholds};
use serde_json::{Value, json};

const COLLECTOR: &str = "\"collector\" =~ /^${collector:regex}$/";
const AGENTS: &str = "\"agent\" =~ /^${agent:regex}$/";
const BY_AGENT: &str = "GROUP BY time($__interval), \"site\", \"agent\" fill(none)";

pub(crate) fn dashboard() -> Value {
    let variables = vec![
        Variable {
            name: "collector",
            label: "Collector",
            query: "SHOW TAG VALUES FROM \"wl_collector\" WITH KEY = \"collector\"",
            many: true,
        },
        Variable {
            name: "agent",
            label: "Agent",
            query: "SHOW TAG VALUES FROM \"wl_agent\" WITH KEY = \"agent\"",
            many: true,
        },
    ];
    Dashboard::new(ITSELF, "now-6h", "30s")
        .variables(variables)
        .events(Events::All)
        .row("Now")
        .panel(collector_now())
        .panel(outputs_now())
        .panel(agents_now())
        .row("Intake")
        .panel(readings())
        .panel(lag())
        .panel(commits())
        .panel(horizons())
        .row("Agents and their spools")
        .panel(agents())
        .panel(spools())
        .panel(unacknowledged())
        .panel(losses())
        .row("Outputs and channels")
        .panel(behind())
        .panel(points())
        .panel(channels())
        .row("Resources and events")
        .panel(memory())
        .panel(store())
        .panel(events())
        .json()
}

fn collector_now() -> Panel {
    let what = "last(\"problems\") AS \"Problems\", last(\"uptime_s\") AS \"Uptime\", last(\"lag_s\") AS \"Lag\", \
                last(\"memory_bytes\") AS \"Memory\", last(\"store_bytes\") AS \"Store\"";
    Panel::table(
        "Collectors",
        "Each collector at the end of the time range: health problems, time since its start, how long a reading \
         waits from arrival until it is durable, resident memory, size of its store. `/healthz` names the problems. \
         Source: wl_collector.",
    )
    .ask(rows(&select(what, "wl_collector", &[COLLECTOR, JUST_NOW], "GROUP BY \"collector\"")))
    .columns(&["collector"])
    .unit("short")
    .field(
        "Problems",
        &[
            ("decimals", json!(0)),
            ("thresholds", thresholds("green", &[("red", 1.0)])),
            ("custom.cellOptions", json!({ "type": "color-text" })),
        ],
    )
    .field("Uptime", &[("unit", json!("s"))])
    .field("Lag", &[("unit", json!("s")), ("decimals", json!(2))])
    .field("Memory", &[("unit", json!("bytes"))])
    .field("Store", &[("unit", json!("bytes"))])
    .empty("No collector has written in the last quarter of an hour")
    .size(10, 6)
}

fn outputs_now() -> Panel {
    let what =
        "last(\"ok\") AS \"State\", last(\"behind\") AS \"Behind\", last(\"refused_points\") AS \"Refused\"";
    let query = select(what, "wl_output", &[COLLECTOR, JUST_NOW], "GROUP BY \"collector\", \"output\"");
    Panel::table(
        "Outputs",
        "Each output at the end of the time range: whether it keeps up, how many changes are not written yet, how \
         many points the database refused for good. What you read here came through one of them. Source: \
         wl_output.",
    )
    .ask(rows(&query))
    .columns(&["collector", "output"])
    .unit("short")
    .decimals(0)
    .field("State", &state())
    .size(7, 6)
}

fn state() -> [(&'static str, Value); 2] {
    [
        ("mappings", mappings(&[("0", "behind", "red"), ("1", "ok", "green")])),
        ("custom.cellOptions", json!({ "type": "color-text" })),
    ]
}

fn agents_now() -> Panel {
    let what = "last(\"live\") AS \"State\", last(\"silent_s\") AS \"Silent\"";
    let query = select(what, "wl_agent", &[AGENTS, JUST_NOW], "GROUP BY \"site\", \"agent\"");
    Panel::table(
        "Agents",
        "Each agent at the end of the time range: whether it is heard, and since when not. Source: wl_agent.",
    )
    .ask(rows(&query))
    .columns(&["site", "agent"])
    .unit("s")
    .decimals(0)
    .field(
        "State",
        &[
            ("mappings", mappings(&[("0", "silent", "red"), ("1", "live", "green")])),
            ("custom.cellOptions", json!({ "type": "color-text" })),
        ],
    )
    .size(7, 6)
}

fn collector(what: &str) -> String {
    let tail = "GROUP BY time($__interval), \"collector\" fill(none)";
    select(what, "wl_collector", &[COLLECTOR, RANGE], tail)
}

fn readings() -> Panel {
    Panel::lines(
        "Readings taken in",
        "Readings a second that the collector took in: of the intervals shown, the busiest ten seconds of each. \
         Source: wl_collector.",
    )
    .ask(series(&collector("max(\"readings_per_s\")"), "$tag_collector"))
    .unit("suffix: /s")
    .min(0.0)
    .interval("10s")
}

fn lag() -> Panel {
    Panel::lines(
        "Intake lag and duration of flushes",
        "The longest of each interval: how long a reading waits from arrival until it is durable, and how long a \
         flush takes. A lag that grows is a disk or a core that does not keep up. Source: wl_collector.",
    )
    .ask(series(&collector("max(\"lag_s\")"), "$tag_collector lag"))
    .ask(series(&collector("max(\"flush_s\")"), "$tag_collector flush"))
    .unit("s")
    .min(0.0)
    .interval("10s")
}

fn commits() -> Panel {
    Panel::lines(
        "Commits and batches a minute",
        "How many flushes changed the ledger and how many batches came, for each minute. Source: wl_collector.",
    )
    .ask(series(&collector("non_negative_derivative(first(\"commits\"), 1m)"), "$tag_collector commits"))
    .ask(series(&collector("non_negative_derivative(first(\"batches\"), 1m)"), "$tag_collector batches"))
    .unit("suffix: /min")
    .min(0.0)
    .interval("10s")
}

fn horizons() -> Panel {
    let tail = "GROUP BY time($__interval), \"facility\" fill(none)";
    Panel::lines(
        "How far figures are behind",
        "The collector's clock less the horizon of each facility: the minute that all of its meters have passed. A \
         silent meter holds it back until its gap limit has gone by. Source: domain.md 5.8; wl_horizon.",
    )
    .ask(series(&select("max(\"lag_s\")", "wl_horizon", &[RANGE], tail), "$tag_facility"))
    .unit("s")
    .min(0.0)
    .interval("10s")
}

fn agents() -> Panel {
    Panel::states(
        "Agents that are heard",
        "Whether the collector hears each agent, by its status messages. Source: wl_agent.",
    )
    .ask(series(&select("min(\"live\")", "wl_agent", &[AGENTS, RANGE], BY_AGENT), "$tag_site $tag_agent"))
    .words(&[("0", "silent", "red"), ("1", "live", "green")])
    .decimals(0)
    .interval("1m")
}

fn spools() -> Panel {
    Panel::lines(
        "Fill of the spools",
        "Bytes in each agent's spool by the bytes it may hold. Acknowledged batches stay until the space is needed, \
         so a full spool is no fault; what waits stands beside this. Source: wl_agent.",
    )
    .ask(series(
        &select("last(\"spool_bytes\") / last(\"spool_limit_bytes\")", "wl_agent", &[AGENTS, RANGE], BY_AGENT),
        "$tag_site $tag_agent",
    ))
    .unit("percentunit")
    .min(0.0)
    .interval("1m")
}

fn unacknowledged() -> Panel {
    let query = select("max(\"unacknowledged\")", "wl_agent", &[AGENTS, RANGE], BY_AGENT);
    Panel::lines(
        "Batches that wait",
        "Batches in each agent's spool that its collector has not acknowledged; it grows while the link is down. \
         Source: wl_agent.",
    )
    .ask(series(&query, "$tag_site $tag_agent"))
    .unit("short")
    .decimals(0)
    .min(0.0)
    .interval("1m")
}

fn losses() -> Panel {
    let of = |field: &str| select(&format!("last(\"{field}\")"), "wl_agent", &[AGENTS, RANGE], BY_AGENT);
    Panel::lines(
        "Lost, thinned, refused",
        "Since each spool was made: readings dropped because the spool was full or damaged, readings thinned away \
         because it was full, payloads refused. Each is told; none is silent. Source: wl_agent.",
    )
    .ask(series(&of("lost"), "$tag_site $tag_agent lost"))
    .ask(series(&of("thinned"), "$tag_site $tag_agent thinned"))
    .ask(series(&of("refused"), "$tag_site $tag_agent refused"))
    .unit("short")
    .decimals(0)
    .min(0.0)
    .interval("1m")
}

fn output(what: &str) -> String {
    let tail = "GROUP BY time($__interval), \"output\" fill(none)";
    select(what, "wl_output", &[COLLECTOR, RANGE], tail)
}

fn behind() -> Panel {
    Panel::lines(
        "Changes not yet written",
        "Changes of the ledger that each output has still to write. Intake never waits for it: an output that was \
         down catches up. Source: wl_output.",
    )
    .ask(series(&output("max(\"behind\")"), "$tag_output"))
    .unit("short")
    .decimals(0)
    .min(0.0)
    .interval("10s")
    .size(8, 9)
}

fn points() -> Panel {
    Panel::lines(
        "Points written",
        "Points a second that each output wrote, and points that the database refused for good since the start. \
         Source: wl_output.",
    )
    .ask(series(&output("non_negative_derivative(first(\"points\"), 1s)"), "$tag_output"))
    .ask(series(&output("max(\"refused_points\")"), "$tag_output refused"))
    .unit("suffix: /s")
    .min(0.0)
    .fields(".* refused", &[("unit", json!("short")), ("custom.axisPlacement", json!("right"))])
    .interval("10s")
    .size(8, 9)
}

fn channels() -> Panel {
    let of = |field: &str| {
        let tail = "GROUP BY time($__interval), \"channel\" fill(none)";
        select(&format!("last(\"{field}\")"), "wl_channel", &[COLLECTOR, RANGE], tail)
    };
    Panel::lines(
        "Notices of alerts",
        "Notices that each channel delivered, attempts that failed, and notices that were given up, since the start. \
         Source: wl_channel.",
    )
    .ask(series(&of("delivered"), "$tag_channel delivered"))
    .ask(series(&of("failed"), "$tag_channel failed"))
    .ask(series(&of("given_up"), "$tag_channel given up"))
    .empty("No channel is configured")
    .unit("short")
    .decimals(0)
    .min(0.0)
    .interval("1m")
    .size(8, 9)
}

fn memory() -> Panel {
    Panel::lines(
        "Resident memory",
        "Resident memory of the collector, the most of each interval. Source: wl_collector.",
    )
    .ask(series(&collector("max(\"memory_bytes\")"), "$tag_collector"))
    .unit("bytes")
    .min(0.0)
    .interval("10s")
    .size(6, 9)
}

fn store() -> Panel {
    Panel::lines("Store", "Size of the collector's store on disk. Source: wl_collector.")
        .ask(series(&collector("max(\"store_bytes\")"), "$tag_collector"))
        .unit("bytes")
        .min(0.0)
        .interval("10s")
        .size(6, 9)
}

fn events() -> Panel {
    let what = "\"title\", \"text\", \"who\", \"kind\", \"facility\", \"site\"";
    Panel::table(
        "Events",
        "Alerts raised and cleared, corrections, admissions, exchanges, configurations: newest first. Source: \
         wl_event.",
    )
    .ask(rows(&select(what, "wl_event", &[RANGE], "ORDER BY time DESC LIMIT 200")))
    .empty(NO_EVENT)
    .size(12, 9)
}
