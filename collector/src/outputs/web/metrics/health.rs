//! How agents, meters, outputs, alerts and the collector itself do.

use super::exposition::{Exposition, Labels};
use crate::outputs::snapshot::{
    AgentState, AgentView, ChannelView, MeterState, MeterView, OutputState, OutputView, QuarantineView,
    Snapshot,
};
use wattledger_model::time::Timestamp;

/// Meters that have series of their own; those of facilities come first.
const METERS: usize = 10_000;

fn seconds(at: Timestamp) -> f64 {
    at.0 as f64 / 1_000.0
}

/// What runs here, and since when.
pub(super) fn build(snapshot: &Snapshot, text: &mut Exposition) {
    text.gauge("wattledger_build_info", "Version of the collector, and its name.")
        .sample(&[("collector", &snapshot.collector), ("version", &snapshot.version)], 1.0);
    text.gauge(
        "wattledger_snapshot_timestamp_seconds",
        "When these figures were made, by the collector's clock.",
    )
    .sample(&[], seconds(snapshot.generated_at));
    text.gauge("process_start_time_seconds", "When the collector started.")
        .sample(&[], snapshot.work.started.map(seconds));
    text.gauge("process_resident_memory_bytes", "Resident memory of the collector.")
        .sample(&[], snapshot.work.memory_bytes.map(|bytes| bytes as f64));
}

/// What was taken in and written.
pub(super) fn work(snapshot: &Snapshot, text: &mut Exposition) {
    let work = &snapshot.work;
    text.counter("wattledger_readings_total", "Readings taken in, those that came again among them.")
        .count(&[], work.readings);
    text.counter("wattledger_batches_total", "Payloads that became durable or were refused.")
        .count(&[], work.batches);
    text.counter("wattledger_duplicate_batches_total", "Batches that came again.")
        .count(&[], work.duplicate_batches);
    text.summary("wattledger_durable_wait_seconds", "Time from a payload's arrival until it was durable.")
        .sum_and_count(&[], work.lag_total_s, work.batches);
    let help =
        "Longest time from a payload's arrival until it was durable, in the last ten to twenty seconds.";
    text.gauge("wattledger_durable_wait_longest_seconds", help).sample(&[], work.lag_s);
    text.summary("wattledger_flush_duration_seconds", "Duration of flushes to the ledger.").sum_and_count(
        &[],
        work.flush_total_s,
        work.commits,
    );
    text.gauge("wattledger_ledger_change", "The ledger's change number.").count(&[], work.change);
    text.gauge("wattledger_store_bytes", "Bytes of the files in the data directory.")
        .sample(&[], work.store_bytes.map(|bytes| bytes as f64));
    text.gauge("wattledger_problems", "Things that are wrong now, as /healthz tells them.")
        .count(&[], work.problems);
}

/// A number of an agent: its name, what it says, whether it only grows, and which.
type OfAgent = (&'static str, &'static str, bool, fn(&AgentView) -> u64);

/// What an agent says of itself.
const SAID: &[OfAgent] = &[
    (
        "wattledger_agent_unacknowledged_batches",
        "Batches in the agent's spool that are not acknowledged.",
        false,
        |a| a.unacknowledged,
    ),
    ("wattledger_agent_spool_bytes", "Bytes in the agent's spool.", false, |a| a.spool_bytes),
    ("wattledger_agent_spool_limit_bytes", "Bytes that the agent's spool may hold.", false, |a| {
        a.spool_limit_bytes
    }),
    (
        "wattledger_agent_held_back_readings",
        "Readings that wait in the agent's memory because its spool cannot be written.",
        false,
        |a| a.held_back,
    ),
    (
        "wattledger_agent_taken_in_readings_total",
        "Readings that the agent took in since its spool was made.",
        true,
        |a| a.taken_in,
    ),
    (
        "wattledger_agent_refused_payloads_total",
        "Messages or values that the agent refused since it started.",
        true,
        |a| a.refused,
    ),
    (
        "wattledger_agent_lost_readings_total",
        "Readings dropped because the agent's spool was full, or damaged on its disk, since the spool was made.",
        true,
        |a| a.lost,
    ),
    (
        "wattledger_agent_thinned_readings_total",
        "Readings thinned away because the agent's spool was full, since the spool was made.",
        true,
        |a| a.receipt.thinned,
    ),
];

/// Agents.
pub(super) fn agents(snapshot: &Snapshot, text: &mut Exposition) {
    fn of(agent: &AgentView) -> [(&'static str, &str); 2] {
        [("agent", &agent.agent), ("site", &agent.site)]
    }
    let mut up = text.gauge("wattledger_agent_up", "1 while the agent is heard, else 0.");
    for agent in &snapshot.agents {
        up.flag(&of(agent), agent.state == AgentState::Live);
    }
    let mut seen =
        text.gauge("wattledger_agent_last_seen_timestamp_seconds", "When the agent was last heard.");
    for agent in &snapshot.agents {
        seen.sample(&of(agent), agent.last_seen.map(seconds));
    }
    for (name, help, only_grows, number) in SAID {
        let mut family = if *only_grows { text.counter(name, help) } else { text.gauge(name, help) };
        // An agent without a version has not said anything of itself yet.
        for agent in snapshot.agents.iter().filter(|agent| !agent.version.is_empty()) {
            family.count(&of(agent), number(agent));
        }
    }
}

/// Meters: how many do how, and each of the first ten thousand.
pub(super) fn meters(snapshot: &Snapshot, text: &mut Exposition) {
    let mut counts =
        text.gauge("wattledger_meters", "Meters that are configured or were ever heard, by state.");
    let states = [(MeterState::Fresh, "fresh"), (MeterState::Stale, "stale"), (MeterState::Never, "never")];
    for (state, word) in states {
        let count = snapshot.meters.iter().filter(|meter| meter.state == state).count();
        counts.count(&[("state", word)], count as u64);
    }
    let (assigned, others): (Vec<&MeterView>, Vec<&MeterView>) =
        snapshot.meters.iter().partition(|meter| meter.assigned);
    text.gauge("wattledger_meters_unassigned", "Meters that belong to no facility.")
        .count(&[], others.len() as u64);
    let shown: Vec<&MeterView> = assigned.into_iter().chain(others).take(METERS).collect();
    text.gauge("wattledger_meters_without_series", "Meters that are too many to have series of their own.")
        .count(&[], (snapshot.meters.len() - shown.len()) as u64);
    fn of(meter: &MeterView) -> [(&'static str, &str); 2] {
        [("meter", &meter.meter), ("site", &meter.site)]
    }
    let mut ages = text.gauge("wattledger_meter_age_seconds", "Time since the meter's latest reading.");
    for meter in &shown {
        ages.sample(&of(meter), meter.age_s);
    }
    let help = "Share of the last 24 hours that the meter covers.";
    let mut coverages = text.gauge("wattledger_meter_coverage_ratio", help);
    for meter in &shown {
        coverages.sample(&of(meter), meter.coverage_24h);
    }
    let sum = |of: fn(&MeterView) -> u64| snapshot.meters.iter().map(of).fold(0_u64, u64::saturating_add);
    let help = "Readings that came again with the same value, since the store was made.";
    text.counter("wattledger_duplicate_readings_total", help).count(&[], sum(|meter| meter.duplicates));
    let help = "Readings for an instant that had another value, since the store was made.";
    text.counter("wattledger_conflicting_readings_total", help).count(&[], sum(|meter| meter.conflicts));
}

/// What was refused.
pub(super) fn quarantine(snapshot: &Snapshot, text: &mut Exposition) {
    fn of(refused: &QuarantineView) -> [(&'static str, &str); 1] {
        [("cause", &refused.cause)]
    }
    let help = "Readings and payloads refused since the store was made, by cause.";
    let mut counts = text.counter("wattledger_quarantined_total", help);
    for refused in &snapshot.quarantine {
        counts.count(&of(refused), refused.count);
    }
    let mut held =
        text.gauge("wattledger_quarantine_held", "Refused things that wait for a decision, by cause.");
    for refused in &snapshot.quarantine {
        held.count(&of(refused), refused.held);
    }
}

/// Outputs, and channels of alerts.
pub(super) fn outputs(snapshot: &Snapshot, text: &mut Exposition) {
    fn of(output: &OutputView) -> [(&'static str, &str); 2] {
        [("kind", &output.kind), ("output", &output.name)]
    }
    let all = &snapshot.outputs;
    let mut up = text.gauge("wattledger_output_up", "1 while the output can write, else 0.");
    for output in all {
        up.flag(&of(output), output.state != OutputState::Down);
    }
    let mut behind =
        text.gauge("wattledger_output_behind_changes", "Change numbers that are not written yet.");
    for output in all {
        behind.count(&of(output), output.head.saturating_sub(output.cursor));
    }
    let mut points = text.counter("wattledger_output_points_total", "Points written.");
    for output in all {
        points.count(&of(output), output.points);
    }
    let help = "Points that the database refused for good.";
    let mut refused = text.counter("wattledger_output_refused_points_total", help);
    for output in all {
        refused.count(&of(output), output.refused_points);
    }
    channels(&snapshot.channels, text);
}

fn channels(all: &[ChannelView], text: &mut Exposition) {
    fn of(channel: &ChannelView) -> [(&'static str, &str); 2] {
        [("channel", &channel.name), ("kind", &channel.kind)]
    }
    let help = "0 from a delivery of alerts that failed until one that is taken, else 1.";
    let mut up = text.gauge("wattledger_channel_up", help);
    for channel in all {
        up.flag(&of(channel), channel.state != OutputState::Down);
    }
    let mut delivered =
        text.counter("wattledger_channel_delivered_messages_total", "Messages that were taken.");
    for channel in all {
        delivered.count(&of(channel), channel.delivered);
    }
    let help = "Deliveries that failed, each attempt counted.";
    let mut failed = text.counter("wattledger_channel_failed_deliveries_total", help);
    for channel in all {
        failed.count(&of(channel), channel.failed);
    }
    let mut given_up = text.counter("wattledger_channel_given_up_messages_total", "Messages given up.");
    for channel in all {
        given_up.count(&of(channel), channel.given_up);
    }
}

/// Alerts that are raised.
pub(super) fn alerts(snapshot: &Snapshot, text: &mut Exposition) {
    let all = &snapshot.alerts;
    text.gauge("wattledger_alerts", "Alerts that are raised now.").count(&[], all.len() as u64);
    let mut raised = text.gauge("wattledger_alert_raised", "1 for each alert that is raised now.");
    for alert in all {
        let labels: Labels<'_> =
            &[("facility", &alert.facility), ("rule", &alert.rule), ("severity", &alert.severity)];
        raised.flag(labels, true);
    }
}
