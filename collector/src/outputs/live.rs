//! The live snapshot: what is known now, for the page and for whoever reads it.

use super::snapshot::{
    AgentState, AgentView, AlertView, Category, ChannelView, EnergyView, FacilityView, Figure as FigureView,
    FigureStatus, LastDayView, MeterState, MeterView, OutputView, PowerView, QuarantineView, ReceiptView,
    Snapshot, SourceView, TargetView, Verdict as VerdictWord, VerdictView, WindowView, WorkView,
};
use crate::engine::Overlap;
use crate::engine::receipts::Receipt;
use crate::engine::service::{MeterTelemetry, Telemetry};
use crate::indicators::figure::UWH_PER_KWH;
use crate::indicators::notation::notation;
use crate::indicators::verdict::{Circumstances, DecisionRule, Judgement, Verdict, is_guarded, judge};
use crate::indicators::{Account, Figure, Indicator, Status};
use crate::receive::HeardAgent;
use crate::store::StoreError;
use crate::view::{Component, MeterHour, Uncertain, View};
use std::collections::BTreeMap;
use wattledger_model::batch::AgentKey;
use wattledger_model::calendar::{self, Window};
use wattledger_model::meter::Kind;
use wattledger_model::time::{Interval, Minute, Timestamp};
use wattledger_model::unit::Quantity;

/// An agent unheard for this long is silent: it speaks every minute.
const AGENT_SILENT_MS: i64 = 180_000;
/// Power is the mean over this long.
const POWER_MINUTES: i64 = 15;
/// Minutes looked back for power where the last quarter of an hour is not covered.
const POWER_LOOK_BACK: i64 = 60;

/// What the snapshot is made of beside the view.
pub struct Surroundings<'a> {
    /// Name of the collector.
    pub collector: &'a str,
    /// When it started.
    pub started: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// What the engine counts.
    pub telemetry: &'a Telemetry,
    /// Agents that were heard.
    pub agents: &'a BTreeMap<AgentKey, HeardAgent>,
    /// Outputs.
    pub outputs: Vec<OutputView>,
    /// Raised alerts.
    pub alerts: Vec<AlertView>,
    /// Channels of alerts.
    pub channels: Vec<ChannelView>,
    /// Things that are wrong now.
    pub problems: usize,
    /// Bytes of the files in the data directory.
    pub store_bytes: Option<u64>,
    /// Resident memory of the process, bytes.
    pub memory_bytes: Option<u64>,
}

/// Makes the snapshot of now. The view must be in a round.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn snapshot(view: &mut View, around: Surroundings<'_>) -> Result<Snapshot, StoreError> {
    let facilities = (0..view.topology().facilities.len())
        .map(|facility| facility_view(view, facility, around.now))
        .collect::<Result<_, _>>()?;
    let meters = around
        .telemetry
        .meters
        .iter()
        .map(|meter| meter_view(view, meter, around.now))
        .collect::<Result<_, _>>()?;
    let work = work_view(&around);
    Ok(Snapshot {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        collector: around.collector.to_owned(),
        generated_at: around.now,
        uptime_s: u64::try_from((around.now.0 - around.started.0) / 1_000).unwrap_or(0),
        facilities,
        agents: around
            .agents
            .iter()
            .map(|(key, heard)| agent_view(key, heard, around.telemetry, around.now))
            .collect(),
        meters,
        quarantine: quarantine_views(around.telemetry),
        outputs: around.outputs,
        alerts: around.alerts,
        channels: around.channels,
        work,
    })
}

fn work_view(around: &Surroundings<'_>) -> WorkView {
    let work = around.telemetry.work;
    WorkView {
        started: Some(around.started),
        readings: work.readings,
        batches: work.batches,
        duplicate_batches: work.duplicate_batches,
        commits: work.flushes,
        flush_total_s: work.flushing.as_secs_f64(),
        flush_s: work.latest_flush.map(|took| took.as_secs_f64()),
        lag_total_s: work.waiting.as_secs_f64(),
        lag_s: work.longest_wait.map(|wait| wait.as_secs_f64()),
        change: around.telemetry.change,
        store_bytes: around.store_bytes,
        memory_bytes: around.memory_bytes,
        problems: around.problems as u64,
    }
}

fn facility_view(view: &mut View, at: usize, now: Timestamp) -> Result<FacilityView, StoreError> {
    let horizon = view.horizon(at);
    let mut windows = Vec::new();
    let mut power = PowerView::default();
    let mut last_day = LastDayView::default();
    if let Some(horizon) = horizon {
        for window in Window::ALL {
            windows.push(window_view(view, at, *window, horizon)?);
        }
        power = PowerView {
            total_w: power_of(view, at, Component::Total, horizon)?,
            it_w: power_of(view, at, Component::It, horizon)?,
        };
        let day = Interval::new(Minute(horizon.0 - 24 * 60), horizon);
        let account = view.energies(at, day)?;
        let energy = energy_view(&account);
        last_day = LastDayView {
            total_kwh: energy.total_kwh,
            it_kwh: energy.it_kwh,
            coverage: account.minutes as f64 / day.minutes() as f64,
        };
    }
    let facility = &view.topology().facilities[at];
    Ok(FacilityView {
        name: facility.name.to_string(),
        title: facility.title.clone(),
        site: facility.site.to_string(),
        time_zone: facility.zone.name().to_owned(),
        as_of: horizon.map(Minute::start),
        lag_s: horizon.map(|horizon| (now.0 - horizon.start().0) as f64 / 1_000.0),
        category: match facility.category {
            Some(1) => Some(Category::Pue1),
            Some(2) => Some(Category::Pue2),
            Some(3) => Some(Category::Pue3),
            _ => None,
        },
        problem: facility.problem.map(|problem| problem.to_string()),
        power,
        last_day,
        targets: facility
            .targets
            .iter()
            .map(|target| TargetView {
                id: target.id.clone(),
                limit: target.limit.value,
                operator: target.limit.operator.word().to_owned(),
            })
            .collect(),
        windows,
    })
}

/// Energies with everything that is booked; unknown where nothing is.
fn energy_view(account: &Account) -> EnergyView {
    let sum = |parts: [i128; 3]| {
        parts.iter().any(|part| *part != 0).then(|| parts.iter().sum::<i128>() as f64 / UWH_PER_KWH)
    };
    let known = |parts| sum(parts).or_else(|| (account.minutes > 0).then_some(0.0));
    EnergyView { total_kwh: known(account.all_numerator), it_kwh: known(account.all_denominator) }
}

/// Mean power of a component in W over the latest covered quarter of an hour before the horizon.
fn power_of(
    view: &mut View,
    at: usize,
    component: Component,
    horizon: Minute,
) -> Result<Option<f64>, StoreError> {
    let mut end = horizon.0;
    while end > horizon.0 - POWER_LOOK_BACK {
        let account =
            view.component(at, component, Interval::new(Minute(end - POWER_MINUTES), Minute(end)))?;
        if account.minutes > 0 {
            // µWh over minutes, to µW, to W.
            return Ok(Some(account.numerator as f64 / account.minutes as f64 * 60.0 / 1e6));
        }
        end -= POWER_MINUTES;
    }
    Ok(None)
}

fn window_view(
    view: &mut View,
    at: usize,
    window: Window,
    horizon: Minute,
) -> Result<WindowView, StoreError> {
    let zone = view.topology().facilities[at].zone;
    let interval = calendar::interval(window, zone, horizon);
    let complete = calendar::full_interval(window, zone, horizon) == interval;
    let mut figure = |indicator| -> Result<Option<FigureView>, StoreError> {
        let Some(figure) = view.figure(at, indicator, interval)? else { return Ok(None) };
        let uncertain = view.uncertain(at, &figure)?;
        Ok(Some(figure_view(view, at, &figure, uncertain, complete)))
    };
    let (pue, wue, cue) = (figure(Indicator::Pue)?, figure(Indicator::Wue)?, figure(Indicator::Cue)?);
    let carbon_kg = figure(Indicator::Carbon)?;
    let energy = energy_view(&view.energies(at, interval)?);
    let none = Figure::of(Indicator::Pue, interval, &Account::default());
    Ok(WindowView {
        window: window.word().to_owned(),
        label: window.label().to_owned(),
        rolling: window.is_rolling(),
        from: interval.from.start(),
        to: interval.to.start(),
        pue: pue.unwrap_or_else(|| figure_view(view, at, &none, Uncertain::default(), complete)),
        wue,
        cue,
        carbon_kg,
        energy,
    })
}

fn figure_view(view: &View, at: usize, figure: &Figure, uncertain: Uncertain, complete: bool) -> FigureView {
    let facility = &view.topology().facilities[at];
    let circumstances = Circumstances {
        category: facility.category,
        complete,
        gaps: &[],
        expanded: uncertain.expanded.filter(|_| is_guarded(figure.interval)),
        rule: DecisionRule::default(),
        on: calendar::date_of(facility.zone, figure.interval.to),
    };
    let verdicts = facility
        .targets
        .iter()
        .filter(|target| target.indicator == figure.indicator.word())
        .map(|target| {
            let Judgement { verdict, reasons, .. } = judge(figure, target, circumstances);
            let verdict = match verdict {
                Verdict::Compliant => VerdictWord::Compliant,
                Verdict::ConditionalPass => VerdictWord::ConditionalPass,
                Verdict::ConditionalFail => VerdictWord::ConditionalFail,
                Verdict::NonCompliant => VerdictWord::NonCompliant,
                Verdict::PassUnguarded => VerdictWord::PassUnguarded,
                Verdict::FailUnguarded => VerdictWord::FailUnguarded,
                Verdict::NotAssessable => VerdictWord::NotAssessable,
            };
            let reasons = reasons.iter().map(ToString::to_string).collect();
            VerdictView { target: target.id.clone(), limit: target.limit.value, verdict, reasons }
        })
        .collect();
    let known = figure.status != Status::NoData;
    FigureView {
        value: figure.value,
        notation: notation(figure.indicator, facility.category, figure.interval, facility.zone),
        status: match figure.status {
            Status::Ok => FigureStatus::Ok,
            Status::Provisional => FigureStatus::Provisional,
            Status::Undefined => FigureStatus::Undefined,
            Status::Implausible => FigureStatus::Implausible,
            Status::NoData => FigureStatus::NoData,
        },
        numerator: known.then_some(figure.numerator),
        denominator: (known && figure.indicator.is_ratio()).then_some(figure.denominator),
        expanded: uncertain.expanded,
        resolved: uncertain.resolved,
        coverage: figure.coverage,
        interpolated: figure.interpolated,
        estimated: figure.estimated,
        verdicts,
    }
}

fn receipt_view(receipt: &Receipt) -> ReceiptView {
    ReceiptView {
        waiting: receipt.waiting,
        thinned: receipt.thinned,
        committed: receipt.committed,
        duplicated: receipt.duplicated,
        quarantined: receipt.quarantined,
        unaccounted: receipt.unaccounted().clamp(i64::MIN.into(), i64::MAX.into()) as i64,
        missing_batches: receipt.missing_batches,
        overlapping_batches: 0,
    }
}

fn agent_view(key: &AgentKey, heard: &HeardAgent, telemetry: &Telemetry, now: Timestamp) -> AgentView {
    let status = heard.status.as_ref();
    let receipt = status.and_then(|status| telemetry.receipts.get(&(key.clone(), status.incarnation)));
    let number = |of: fn(&wattledger_model::batch::AgentStatus) -> u64| status.map_or(0, of);
    AgentView {
        site: key.site.to_string(),
        agent: key.agent.to_string(),
        state: if now.0 - heard.last_seen.0 <= AGENT_SILENT_MS {
            AgentState::Live
        } else {
            AgentState::Silent
        },
        last_seen: Some(heard.last_seen),
        version: status.map_or(String::new(), |status| status.version.clone()),
        unacknowledged: number(|status| status.unacknowledged),
        spool_bytes: number(|status| status.spool_bytes),
        spool_limit_bytes: number(|status| status.spool_limit_bytes),
        taken_in: number(|status| status.taken_in),
        refused: number(|status| status.refused),
        lost: number(|status| status.lost),
        receipt: ReceiptView {
            overlapping_batches: [Overlap::LeftOut, Overlap::TakenIn]
                .iter()
                .filter_map(|overlap| telemetry.overlaps.get(&(key.clone(), *overlap)))
                .sum(),
            ..receipt.map(receipt_view).unwrap_or_default()
        },
        held_back: number(|status| status.held_back),
        spool_trouble: status.map_or(String::new(), |status| status.spool_trouble.clone()),
        clock_jumps: number(|status| status.clock_jumps),
        clock_jumped_ms: status.map_or(0, |status| status.clock_jumped_ms),
        clock_skew_ms: heard.skew.ms(),
        sources: status.map_or(Vec::new(), |status| {
            let views = status.sources.iter().map(|source| SourceView {
                name: source.name.clone(),
                healthy: source.healthy,
                detail: source.detail.clone(),
            });
            views.collect()
        }),
    }
}

fn meter_view(view: &View, meter: &MeterTelemetry, now: Timestamp) -> Result<MeterView, StoreError> {
    let topology = view.topology();
    let known = topology.meters.get(&meter.id);
    let newest = meter.tally.newest.as_ref();
    let age_ms = newest.map(|newest| now.0 - newest.at.0);
    let hour = now.minute().hour();
    let day_ms = view.known_ms(meter.id, hour - 23, hour + 1)?;
    // Of the running hour only what has passed can be known.
    let day_length_ms = 23 * 3_600_000 + now.0 - hour * 3_600_000;
    let sent = newest.and_then(|newest| newest.unit);
    let unit = known.and_then(|known| known.declared.unit).or(sent);
    let counts = view.step_counts(meter.id)?;
    Ok(MeterView {
        site: meter.key.site.to_string(),
        meter: meter.key.meter.to_string(),
        title: known.map_or(String::new(), |known| known.declared.title.clone()),
        facility: known.and_then(|known| known.declared.facility.as_ref()).map(ToString::to_string),
        role: known.and_then(|known| known.declared.role).map(|role| role.word().to_owned()),
        kind: meter.kind.word().to_owned(),
        unit: unit.map_or(String::new(), |unit| unit.symbol().to_owned()),
        state: match age_ms {
            None => MeterState::Never,
            Some(age) if age <= meter.stale_after_ms => MeterState::Fresh,
            Some(_) => MeterState::Stale,
        },
        assigned: known.is_some_and(|known| known.declared.facility.is_some()),
        last_at: newest.map(|newest| newest.at),
        age_s: age_ms.map(|age| age as f64 / 1_000.0),
        last_value: newest.map(|newest| newest.value.to_string()),
        power_w: meter_power(view, meter)?,
        coverage_24h: (day_ms as f64 / day_length_ms as f64).min(1.0),
        resets: counts.get("reset").copied().unwrap_or(0),
        pending: meter.undecided.iter().filter(|until| now < **until).count() as u64,
        duplicates: meter.tally.again.duplicates,
        conflicts: meter.tally.again.conflicts,
        refused: meter.tally.unusable,
    })
}

/// Mean power in W over the known minutes of the latest quarter of an hour that the meter has.
fn meter_power(view: &View, meter: &MeterTelemetry) -> Result<Option<f64>, StoreError> {
    let Some(newest) = &meter.tally.newest else { return Ok(None) };
    let interpretation_is_energy = view
        .topology()
        .meters
        .get(&meter.id)
        .and_then(|known| known.declared.unit)
        .map(|unit| unit.quantity() == Quantity::Energy)
        .or_else(|| Some(newest.unit?.quantity() == Quantity::Energy));
    if meter.kind == Kind::Gauge || interpretation_is_energy != Some(true) {
        return Ok(None);
    }
    let end = newest.at.minute().0;
    let (mut amount, mut ms) = (0_i128, 0_i64);
    for hour in [Minute(end - POWER_MINUTES).hour(), Minute(end).hour()] {
        if hour == Minute(end).hour() && ms > 0 && Minute(end - POWER_MINUTES).hour() == hour {
            break;
        }
        if let Some(MeterHour::Sums(minutes)) = view.meter_hour(meter.id, hour)? {
            for (minute, booked) in (hour * 60..).zip(minutes.iter()) {
                if (end - POWER_MINUTES..end).contains(&minute) {
                    amount += i128::from(booked.amount());
                    ms += booked.parts.iter().map(|part| i64::from(part.ms)).sum::<i64>();
                }
            }
        }
    }
    Ok((ms > 0).then(|| amount as f64 / ms as f64 * 3_600_000.0 / 1e6))
}

fn quarantine_views(telemetry: &Telemetry) -> Vec<QuarantineView> {
    let mut by_cause: BTreeMap<&str, QuarantineView> = BTreeMap::new();
    for ((cause, _, origin), counted) in &telemetry.quarantine {
        let fresh = || QuarantineView {
            cause: cause.word().to_owned(),
            count: 0,
            held: telemetry.held.get(cause).copied().unwrap_or(0),
            last_at: counted.last,
            origin: origin.clone(),
            detail: counted.detail.clone(),
        };
        let view = by_cause.entry(cause.word()).or_insert_with(fresh);
        view.count += counted.count;
        if counted.last >= view.last_at {
            *view = QuarantineView { count: view.count, ..fresh() };
        }
    }
    by_cause.into_values().collect()
}
