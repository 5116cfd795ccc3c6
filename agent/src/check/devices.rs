//! The host, UPSs and files: read by the very sources of a running agent, into nothing.

use super::report::{Finding, Row, SourceReport, State};
use crate::config::{AgentConfig, HostConfig, Speed};
use crate::source::host::{HostSource, NAME as HOST};
use crate::source::nut::NutSource;
use crate::source::replay::ReplaySource;
use crate::source::{Intake, Mapped, Source, SourceError};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use wattledger_model::batch::SourceStatus;

/// Between two looks at the host: the processor's utilisation is a difference.
const BETWEEN: Duration = Duration::from_secs(1);
/// For two looks at the host, and what a slow driver takes.
const HOST_LIMIT: Duration = Duration::from_secs(4);
/// How long a source may take to end.
const ENDING: Duration = Duration::from_secs(1);

/// Asks the host, each daemon with UPSs, and looks into each file.
pub(super) async fn ask(config: &AgentConfig, until: Instant) -> Vec<SourceReport> {
    let mut reports = Vec::new();
    if let Some(host) = &config.host {
        let until = until.min(Instant::now() + HOST_LIMIT);
        let quick = HostConfig { interval: host.interval.min(BETWEEN), ..host.clone() };
        let has_utilisation = |mapped: &[Mapped]| {
            let of = |end: &str| {
                mapped
                    .iter()
                    .any(|m| matches!(m, Mapped::Reading { meter, .. } if meter.as_str().ends_with(end)))
            };
            of("-cpu") && of("-memory")
        };
        let heard = hear(Box::new(HostSource::new(quick)), until, has_utilisation).await;
        reports.push(heard.report(format!("{HOST}, this machine"), "host"));
    }
    for nut in &config.nut {
        let heard = hear(Box::new(NutSource::new(nut.clone())), until, |mapped| !mapped.is_empty()).await;
        reports.push(heard.report(format!("{} at upsd {}:{}", nut.name, nut.host, nut.port), "upsd"));
    }
    for replay in &config.replays {
        let mut replay = replay.clone();
        replay.speed = Speed::Max;
        let name = format!("{}, file {}", replay.name, replay.file.display());
        let heard = hear(Box::new(ReplaySource::new(replay)), until, |mapped| !mapped.is_empty()).await;
        reports.push(heard.report(name, "file"));
    }
    reports
}

/// What a source gave.
struct Heard {
    mapped: Vec<Mapped>,
    status: Option<SourceStatus>,
    failed: Option<SourceError>,
}

/// Runs a source until it has given enough, or it is too late.
async fn hear(source: Box<dyn Source>, until: Instant, is_enough: impl Fn(&[Mapped]) -> bool) -> Heard {
    let mut intake = Intake::new();
    let sender = intake.sender(&*source);
    intake.close();
    let (stop, stopped) = watch::channel(false);
    let mut running = tokio::spawn(source.run(sender, stopped));
    let mut mapped = Vec::new();
    let listening = async {
        while let Some(handed_in) = intake.next(true).await {
            mapped.extend(handed_in.mapped);
            if is_enough(&mapped) {
                break;
            }
        }
    };
    // Too late is no failure: what came until then is told.
    let _ = timeout_at(until, listening).await;
    let status = intake.statuses().pop();
    stop.send_replace(true);
    // Whoever waits to hand in more is told that nobody listens.
    drop(intake);
    let failed = match timeout(ENDING, &mut running).await {
        Ok(Ok(Err(SourceError::Failed(why)))) => Some(SourceError::Failed(why)),
        Ok(Ok(Ok(()) | Err(SourceError::IntakeClosed))) => None,
        Ok(Err(panicked)) => Some(SourceError::Failed(panicked.to_string())),
        Err(_) => {
            running.abort();
            None
        }
    };
    Heard { mapped, status, failed }
}

impl Heard {
    fn report(self, name: String, part: &'static str) -> SourceReport {
        let mut last: BTreeMap<String, Row> = BTreeMap::new();
        for mapped in self.mapped {
            let (key, row) = match mapped {
                Mapped::Reading { meter, reading } => {
                    (meter.to_string(), Row::read("-", part, meter, &reading, false))
                }
                Mapped::Refused(refused) => {
                    (format!("{} refused", refused.origin), Row::refused("-", part, &refused))
                }
            };
            last.insert(key, row);
        }
        let finding = match (self.failed, self.status) {
            (Some(error), _) => Finding::new(part, State::Wrong, error.to_string()),
            (None, Some(status)) => {
                let state = match status.healthy && !last.is_empty() {
                    // Behind the semicolon stands what is absent.
                    true if status.detail.contains("; ") => State::Note,
                    true => State::Ok,
                    false => State::Wrong,
                };
                Finding::new(part, state, without_pace(&status.detail))
            }
            (None, None) => Finding::new(part, State::Wrong, "it said nothing of itself"),
        };
        SourceReport { name, findings: vec![finding], rows: last.into_values().collect() }
    }
}

/// The detail of the host begins with how often it is read, which a check does oftener.
fn without_pace(detail: &str) -> &str {
    detail.strip_prefix("every ").and_then(|rest| rest.split_once(": ")).map_or(detail, |(_, rest)| rest)
}
