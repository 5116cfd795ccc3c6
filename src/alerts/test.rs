//! `wattledger alerts test`: what a rule would have raised, so that a threshold is chosen on evidence.

use super::{Configured, span, value};
use crate::files;
use anyhow::{Context, Result, anyhow, bail};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use wattledger_collector::admin::instant;
use wattledger_collector::config::{AlertRule, CollectorConfig, Condition};
use wattledger_collector::explain::Source;
use wattledger_collector::outputs::alerts::{Replayed, Turn, replay, unjudged};
use wattledger_collector::store::Layout;
use wattledger_collector::view::View;
use wattledger_model::calendar::Tz;
use wattledger_model::name::Name;
use wattledger_model::time::{Interval, MINUTE_MS, Minute, Timestamp};

/// What `wattledger alerts test` is called with.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wattledger alerts test hall-1-pue --config collector.toml --from 2026-06-01 --to 2026-07-01\n  \
    wattledger alerts test hall-1-pue --config collector.toml --from 2026-06-01 --raise-above 1.4 --clear-below 1.37\n  \
    wattledger alerts test --all --config collector.toml --from 2026-01-01 --json\n\n\
    What is tried replaces the rule's own keys in this run alone. Nothing is written and nobody is told.")]
pub(super) struct TestArgs {
    /// A rule of the configuration
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    rule: Option<String>,
    /// Every rule
    #[arg(long)]
    all: bool,
    /// Begin: RFC 3339, or local to the site, such as 2026-06-01 or "2026-06-01 08:00"
    #[arg(long)]
    from: String,
    /// End [default: what is known]
    #[arg(long)]
    to: Option<String>,
    #[command(flatten)]
    tried: Tried,
    #[command(flatten)]
    configured: Configured,
}

/// Keys of the rule that are tried.
#[derive(Debug, clap::Args)]
struct Tried {
    /// Raise above this
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["all", "raise_below"], allow_negative_numbers = true)]
    raise_above: Option<f64>,
    /// Raise below this
    #[arg(long, value_name = "NUMBER", conflicts_with = "all", allow_negative_numbers = true)]
    raise_below: Option<f64>,
    /// Clear below this
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["all", "clear_above"], allow_negative_numbers = true)]
    clear_below: Option<f64>,
    /// Clear above this
    #[arg(long, value_name = "NUMBER", conflicts_with = "all", allow_negative_numbers = true)]
    clear_above: Option<f64>,
    /// How long it must last before it is raised, such as 15m
    #[arg(long, value_name = "DURATION", conflicts_with = "all")]
    raise_after: Option<String>,
    /// How long it must be over before it is cleared
    #[arg(long, value_name = "DURATION", conflicts_with = "all")]
    clear_after: Option<String>,
    /// The least coverage of a value that counts, 0 to 1
    #[arg(long, value_name = "SHARE", conflicts_with = "all")]
    min_coverage: Option<f64>,
    /// Any other key, as in the configuration: limit=1.3, window='"24h"'
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "all")]
    others: Vec<String>,
}

impl Tried {
    /// Each key with its value as TOML.
    fn keys(&self) -> Result<Vec<(String, String)>> {
        let mut keys = Vec::new();
        for (key, number) in [
            ("raise_above", self.raise_above),
            ("raise_below", self.raise_below),
            ("clear_below", self.clear_below),
            ("clear_above", self.clear_above),
            ("min_coverage", self.min_coverage),
        ] {
            if let Some(number) = number {
                // As TOML wants it: 2 would be an integer, which is no other number to it.
                keys.push((key.to_owned(), format!("{number:?}")));
            }
        }
        for (key, text) in [("raise_after", &self.raise_after), ("clear_after", &self.clear_after)] {
            if let Some(text) = text {
                keys.push((key.to_owned(), serde_json::to_string(text)?));
            }
        }
        for other in &self.others {
            let (key, value) =
                other.split_once('=').with_context(|| format!("`{other}` is not KEY=VALUE"))?;
            if key.trim() == "name" {
                bail!("the name of a rule is not tried");
            }
            keys.push((key.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(keys)
    }
}

/// Replays and prints. Works beside a running collector, and without one.
pub(super) fn run(args: &TestArgs) -> Result<()> {
    let Configured { config: path, json } = &args.configured;
    let config = match &args.rule {
        None => files::collector(path)?,
        Some(rule) => {
            let file = path.display().to_string();
            CollectorConfig::parse_trying(&file, &files::read(path)?, rule, &args.tried.keys()?)?
        }
    };
    if config.alerts.is_empty() {
        bail!("there is no [[alert]] in {}", path.display());
    }
    let rules = chosen(&config, args.rule.as_deref());
    let zone = zone(&config, &rules);
    let mut view = Source::open(&Layout::new(&config.data_dir), &config)?.view()?;
    let known = Known::of(&mut view)?;
    let interval = asked(args, zone, &known)?;
    let found = replay(&mut view, &with_causes(&config, &rules), interval.from, interval.to)?;
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    let turns = found.into_iter().filter(|turn| names.contains(&turn.rule.as_str())).collect();
    let outcome = Outcome::of(&rules, interval, turns, &mut view, &known)?;
    files::print(&if *json {
        format!("{}\n", serde_json::to_string_pretty(&outcome)?)
    } else {
        outcome.text()
    })
}

/// The rules that are asked about.
fn chosen(config: &CollectorConfig, rule: Option<&str>) -> Vec<AlertRule> {
    let is_meant = |alert: &&AlertRule| rule.is_none_or(|rule| alert.name.as_str() == rule);
    config.alerts.iter().filter(is_meant).cloned().collect()
}

/// With them the rules about silent meters: what a silence explains is not raised.
fn with_causes(config: &CollectorConfig, rules: &[AlertRule]) -> Vec<AlertRule> {
    let mut all = rules.to_vec();
    let is_cause = |rule: &&AlertRule| matches!(rule.condition, Condition::Stale);
    let others = config
        .alerts
        .iter()
        .filter(is_cause)
        .filter(|cause| rules.iter().all(|rule| rule.name != cause.name));
    all.extend(others.cloned());
    all
}

/// The clocks of the rules' facilities, where they are the same.
fn zone(config: &CollectorConfig, rules: &[AlertRule]) -> Option<Tz> {
    let is_watched =
        |name: &Name| rules.iter().any(|rule| rule.facility.as_ref().is_none_or(|of| of == name));
    let watched = config.facilities.iter().filter(|facility| is_watched(&facility.name));
    let mut zones: Vec<Tz> = watched.map(|facility| config.time_zone(facility)).collect();
    zones.dedup();
    if let [zone] = zones[..] { Some(zone) } else { None }
}

/// What is known of each facility: from when until when.
struct Known(Vec<(String, Option<Interval>)>);

impl Known {
    fn of(view: &mut View) -> Result<Known> {
        view.begin()?;
        let names: Vec<String> =
            view.topology().facilities.iter().map(|facility| facility.name.to_string()).collect();
        let mut known = Vec::new();
        for (at, name) in names.into_iter().enumerate() {
            let first = view.first_hour(at)?;
            let interval = view.horizon(at).zip(first);
            known.push((name, interval.map(|(to, first)| Interval::new(Minute(first * 60), to))));
        }
        view.end()?;
        Ok(Known(known))
    }

    /// The end of what is known of any facility.
    fn end(&self) -> Option<Minute> {
        self.0.iter().filter_map(|(_, known)| known.map(|known| known.to)).max()
    }
}

/// Why a time was not understood; without a time zone to read it in, there are several.
fn spoken(why: String) -> anyhow::Error {
    match why.split_once(" has no offset") {
        Some((text, _)) => anyhow!(
            "{text} has no offset, and the rules watch sites in several time zones; write it like 2026-03-02T09:58:00Z, or name one rule"
        ),
        None => anyhow!(why),
    }
}

fn asked(args: &TestArgs, zone: Option<Tz>, known: &Known) -> Result<Interval> {
    let at = |text: &str| instant::parse(text, zone).map(|at| at.minute()).map_err(spoken);
    let end = known.end().context("nothing is known yet: there is nothing to be replayed")?;
    let from = at(&args.from)?;
    let to = args.to.as_deref().map(at).transpose()?.unwrap_or(end);
    let interval = Interval::new(from, to);
    if interval.is_empty() {
        bail!("--to ({to}) must be after --from ({from})");
    }
    Ok(interval)
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Outcome {
    from: String,
    to: String,
    minutes: i64,
    turns: Vec<Told>,
    rules: Vec<Summary>,
    /// What could not be judged, in words.
    unjudged: Vec<String>,
}

/// A turn, and for a raise how long the alert was up.
#[derive(Debug, Serialize)]
struct Told {
    #[serde(flatten)]
    turn: Replayed,
    /// Minutes until it was cleared; `None` for a clear, and for what is up at the end.
    lasts_minutes: Option<i64>,
}

/// One rule over the time.
#[derive(Debug, Serialize)]
struct Summary {
    rule: String,
    /// How often it was raised.
    fired: usize,
    /// For how many minutes an alert of it was up, those of several subjects added up.
    minutes_up: i64,
    /// The longest of them.
    longest_minutes: i64,
    /// How many are up at the end.
    still_up: usize,
}

impl Outcome {
    fn of(
        rules: &[AlertRule],
        interval: Interval,
        turns: Vec<Replayed>,
        view: &mut View,
        known: &Known,
    ) -> Result<Outcome> {
        let turns = with_lengths(turns);
        let not_kept = unjudged(rules).into_iter();
        let mut unjudged: Vec<String> = not_kept
            .map(|rule| format!("rule {rule}: what it looks at is not kept, and so cannot be replayed"))
            .collect();
        for (at, (facility, interval_known)) in known.0.iter().enumerate() {
            let is_watched =
                |rule: &AlertRule| rule.facility.as_ref().is_none_or(|of| of.as_str() == facility.as_str());
            if rules.iter().any(is_watched) {
                unjudged.extend(unknown(view, at, facility, *interval_known, interval)?);
            }
        }
        // Beyond what is known nothing was up.
        let end = known.end().map_or(interval.to, |end| end.min(interval.to));
        Ok(Outcome {
            from: interval.from.to_string(),
            to: interval.to.to_string(),
            minutes: interval.minutes(),
            rules: rules.iter().map(|rule| Summary::of(rule, &turns, end)).collect(),
            turns,
            unjudged,
        })
    }

    fn text(&self) -> String {
        let mut text = format!("{} to {}, {}\n", self.from, self.to, span(self.minutes * MINUTE_MS));
        for turn in &self.turns {
            text.push('\n');
            turn.tell(&mut text);
        }
        text.push('\n');
        for Summary { rule, fired, minutes_up, longest_minutes, still_up } in &self.rules {
            let share = *minutes_up as f64 / self.minutes.max(1) as f64 * 100.0;
            let times = if *fired == 1 { "time" } else { "times" };
            let _ = write!(text, "{rule}: fired {fired} {times}");
            if *fired > 0 {
                let up = span(minutes_up * MINUTE_MS);
                let longest = span(longest_minutes * MINUTE_MS);
                let _ =
                    write!(text, ", up for {up} in all ({share:.2} % of the time), the longest {longest}");
            }
            if *still_up > 0 {
                let _ = write!(text, "; {still_up} still up at the end");
            }
            text.push('\n');
        }
        if !self.unjudged.is_empty() {
            text.push_str("\nCould not be judged:\n");
            for what in &self.unjudged {
                let _ = writeln!(text, "  {what}");
            }
        }
        text
    }
}

impl Summary {
    fn of(rule: &AlertRule, turns: &[Told], end: Minute) -> Summary {
        let name = rule.name.as_str();
        let mut summary =
            Summary { rule: name.to_owned(), fired: 0, minutes_up: 0, longest_minutes: 0, still_up: 0 };
        let raises = turns.iter().filter(|told| told.turn.turn == Turn::Raised && told.turn.rule == name);
        for raise in raises {
            let up = raise.lasts_minutes.unwrap_or_else(|| end.0 - minute(&raise.turn).0);
            summary.fired += 1;
            summary.minutes_up += up;
            summary.longest_minutes = summary.longest_minutes.max(up);
            summary.still_up += usize::from(raise.lasts_minutes.is_none());
        }
        summary
    }
}

impl Told {
    fn tell(&self, text: &mut String) {
        const INDENT: &str = "                      ";
        let Replayed { rule, subject, severity, coverage, reason, cause, at, since, unit, .. } = &self.turn;
        if self.turn.turn == Turn::Cleared {
            let _ = writeln!(text, "{at}  cleared  {subject}  {rule}\n{INDENT}{reason}");
            return;
        }
        let lasts = match self.lasts_minutes {
            Some(minutes) => format!("lasts {}", span(minutes * MINUTE_MS)),
            None => "still up at the end".to_owned(),
        };
        let _ = writeln!(text, "{at}  raised   {subject}  {rule}, {severity}, {lasts}\n{INDENT}{reason}");
        let (value, limit) = (value(self.turn.value, unit), value(self.turn.limit, unit));
        let coverage = coverage * 100.0;
        let _ = writeln!(
            text,
            "{INDENT}value {value}, limit {limit}, coverage {coverage:.1} %, seen since {since}"
        );
        if !cause.is_empty() {
            let _ = writeln!(text, "{INDENT}because: {cause}");
        }
        for change in &self.turn.changed {
            let _ = writeln!(text, "{INDENT}changed: {change}");
        }
        if !self.turn.suppresses.is_empty() {
            let _ = writeln!(text, "{INDENT}explains, and keeps quiet: {}", self.turn.suppresses.join(", "));
        }
    }
}

/// The turns, each raise with how long it lasted.
fn with_lengths(turns: Vec<Replayed>) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    let mut up: BTreeMap<(String, String), usize> = BTreeMap::new();
    for turn in turns {
        let whose = (turn.rule.clone(), turn.subject.clone());
        match turn.turn {
            Turn::Raised => {
                up.insert(whose, told.len());
            }
            Turn::Cleared => {
                if let Some(raise) = up.remove(&whose).and_then(|at| told.get_mut(at)) {
                    raise.lasts_minutes = Some(minute(&turn).0 - minute(&raise.turn).0);
                }
            }
        }
        told.push(Told { turn, lasts_minutes: None });
    }
    told
}

/// The minute of a turn.
fn minute(turn: &Replayed) -> Minute {
    Timestamp::from_rfc3339(&turn.at).unwrap_or_default().minute()
}

/// What of the time is not known of a facility.
fn unknown(
    view: &mut View,
    at: usize,
    facility: &str,
    known: Option<Interval>,
    asked: Interval,
) -> Result<Vec<String>> {
    let Some(known) = known else {
        return Ok(vec![format!("facility {facility}: nothing is known of it yet")]);
    };
    let mut unjudged = Vec::new();
    if asked.from < known.from {
        unjudged.push(format!("facility {facility}: nothing is known before {}", known.from));
    }
    if known.to < asked.to {
        unjudged.push(format!("facility {facility}: nothing is known yet after {}", known.to));
    }
    let both = asked.intersect(known);
    if both.is_empty() {
        return Ok(unjudged);
    }
    view.begin()?;
    let covered = view.energies(at, both)?.minutes;
    view.end()?;
    let missing = both.minutes() - covered;
    if missing > 0 {
        unjudged.push(format!(
            "facility {facility}: total and IT energy are not both known for {} ({:.2} % of the time); what is not \
             known neither raises nor clears",
            span(missing * MINUTE_MS),
            missing as f64 / both.minutes() as f64 * 100.0
        ));
    }
    Ok(unjudged)
}
