//! `wattledger alerts list`.

use super::{Configured, span, value};
use crate::{files, serve};
use anyhow::Result;
use std::fmt::Write;
use std::time::Duration;
use wattledger_collector::admin::alerts::AlertsQuestion;
use wattledger_collector::admin::client::{AdminClient, ClientError};
use wattledger_collector::clock;
use wattledger_collector::config::{CollectorConfig, Maintenance};
use wattledger_collector::desk::silence::Silence;
use wattledger_collector::outputs::alerts::listing::{self, Listing, PastAlert};
use wattledger_collector::outputs::snapshot::AlertView;
use wattledger_collector::store::Layout;
use wattledger_model::time::Timestamp;

/// What `wattledger alerts list` is called with.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wattledger alerts list --config collector.toml\n  \
    wattledger alerts list --config collector.toml --all --days 7")]
pub(super) struct ListArgs {
    #[command(flatten)]
    configured: Configured,
    /// Also those that are over, and silences that have ended
    #[arg(long)]
    all: bool,
    /// With --all: how far back, in days
    #[arg(long, requires = "all", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=400))]
    days: u32,
}

/// Lists, by the running collector or from its file.
pub(super) fn run(args: &ListArgs) -> Result<()> {
    let Configured { config, json } = &args.configured;
    let config = files::collector(config)?;
    let days = if args.all { args.days } else { 0 };
    let (listing, runs) = read(&config, days)?;
    if *json {
        return files::print(&format!("{}\n", serde_json::to_string_pretty(&listing)?));
    }
    let mut text = shown(&listing, &config.maintenance, args.all);
    if !runs {
        text.push_str("\nThe collector does not run: nothing is judged or told now.\n");
    }
    files::print(&text)
}

/// What there is, and whether the collector runs.
pub(super) fn read(config: &CollectorConfig, past_days: u32) -> Result<(Listing, bool)> {
    let client = AdminClient::of_data_dir(&config.data_dir);
    match serve::on_threads(async { Ok(client.alerts(AlertsQuestion { past_days }).await) })? {
        Ok(listing) => Ok((listing, true)),
        Err(ClientError::NotRunning { .. }) => {
            let past = (past_days > 0).then(|| Duration::from_secs(u64::from(past_days) * 86_400));
            let listing = listing::of_file(&Layout::new(&config.data_dir), clock::now(), past)?;
            Ok((listing, false))
        }
        Err(error) => Err(error.into()),
    }
}

fn shown(listing: &Listing, maintenance: &[Maintenance], all: bool) -> String {
    let mut text = String::new();
    for alert in &listing.up {
        text.push_str(&entry(alert, listing.at));
    }
    if listing.up.is_empty() {
        text.push_str("no alert is up\n");
    }
    let standing: Vec<&Silence> =
        listing.silences.iter().filter(|silence| all || listing.at < silence.over()).collect();
    if !standing.is_empty() {
        text.push_str("\nSilences\n");
        standing.iter().for_each(|silence| text.push_str(&silence_line(silence, listing.at)));
    }
    let now = listing.at.minute();
    for work in maintenance.iter().filter(|work| work.during.contains(now)) {
        let _ = writeln!(text, "\nMaintenance until {}: {}", work.during.to, of_maintenance(work));
    }
    if all {
        text.push_str(&past(&listing.past));
    }
    text
}

/// One alert that is up, in lines.
fn entry(alert: &AlertView, now: Timestamp) -> String {
    let mut text = String::new();
    let subject = if alert.subject.is_empty() { &alert.facility } else { &alert.subject };
    let lasts = span(now.0 - alert.since.0);
    let _ =
        writeln!(text, "{:<8}  {subject}  {}  since {} ({lasts})", alert.severity, alert.rule, alert.since);
    let _ = writeln!(text, "          {}", alert.id);
    let what = if alert.what.is_empty() { "value" } else { &alert.what };
    let _ = writeln!(
        text,
        "          {}; {what} now {}, limit {}, coverage {:.1} %",
        alert.reason,
        value(alert.value, &alert.unit),
        value(alert.limit, &alert.unit),
        alert.coverage * 100.0
    );
    if !alert.cause.is_empty() {
        let _ = writeln!(text, "          because: {}", alert.cause);
    }
    for change in &alert.changed {
        let _ = writeln!(text, "          changed: {change}");
    }
    if !alert.suppresses.is_empty() {
        let _ = writeln!(text, "          explains, and keeps quiet: {}", alert.suppresses.join(", "));
    }
    for (name, words) in &alert.annotations {
        let _ = writeln!(text, "          {name}: {}", words.replace('\n', " "));
    }
    if !alert.look_at.is_empty() {
        let _ = writeln!(text, "          look at: {}", alert.look_at);
    }
    if let Some(silence) = &alert.silenced_by {
        let Silence { id, until, by, reason, .. } = silence;
        let _ = writeln!(text, "          silenced by {id} until {until}, by {by}: {reason}");
    }
    if let Some(ack) = &alert.acknowledged {
        let _ = writeln!(text, "          acknowledged at {} by {}: {}", ack.at, ack.by, ack.note);
    }
    text
}

/// One silence, in two lines.
pub(super) fn silence_line(silence: &Silence, now: Timestamp) -> String {
    let matchers: Vec<String> = silence.matchers.iter().map(ToString::to_string).collect();
    let state = match (silence.ended, now < silence.over()) {
        (_, true) => format!("until {} ({} left)", silence.until, span(silence.over().0 - now.0)),
        (Some(ended), false) => format!("ended at {ended}"),
        (None, false) => format!("was over at {}", silence.until),
    };
    format!(
        "{:>6}  {}  {state}\n        by {}: {}\n",
        silence.id,
        matchers.join(" "),
        silence.by,
        silence.reason
    )
}

fn of_maintenance(work: &Maintenance) -> String {
    let names = |of: &[wattledger_model::name::Name]| {
        of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let mut text = work.facility.to_string();
    if !work.meters.is_empty() {
        let _ = write!(text, ", meters {}", names(&work.meters));
    }
    if !work.rules.is_empty() {
        let _ = write!(text, ", rules {}", names(&work.rules));
    }
    if !work.reason.is_empty() {
        let _ = write!(text, ": {}", work.reason);
    }
    text
}

fn past(alerts: &[PastAlert]) -> String {
    let mut text = String::from("\nOver\n");
    if alerts.is_empty() {
        text.push_str("no alert was up in that time\n");
        return text;
    }
    let subjects = alerts.iter().map(|alert| alert.subject.chars().count()).max().unwrap_or(0).max(7);
    let rules = alerts.iter().map(|alert| alert.rule.chars().count()).max().unwrap_or(0).max(4);
    let _ = writeln!(
        text,
        "{:<20}  {:>11}  {:<8}  {:<rules$}  {:<subjects$}  {:>12}  {:>12}  ID",
        "RAISED", "LASTED", "SEVERITY", "RULE", "SUBJECT", "VALUE", "LIMIT"
    );
    for alert in alerts {
        let _ = writeln!(
            text,
            "{:<20}  {:>11}  {:<8}  {:<rules$}  {:<subjects$}  {:>12}  {:>12}  {}",
            alert.raised_at.to_string(),
            span(alert.cleared_at.0 - alert.raised_at.0),
            alert.severity,
            alert.rule,
            alert.subject,
            value(alert.value, &alert.unit),
            value(alert.limit, &alert.unit),
            alert.id
        );
    }
    text
}
