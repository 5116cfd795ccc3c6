//! Snapshots as a real site would give them on a mixed day: for looking at the page and for its tests.

use futures_util::future::BoxFuture;
use std::sync::Arc;
use tokio::sync::watch;
use wattledger_collector::desk::silence::{Ack, Silence};
use wattledger_collector::outputs::snapshot::*;
use wattledger_collector::outputs::web::{
    FacilityOutlook, FileView, IssuedView, MailView, Outlooks, ReportFile, ReportList, ReportShelf,
    ReportView, ScheduleView, SeriesError, SeriesPoint, SeriesRequest, SeriesSource, ShelfError,
};
use wattledger_collector::targets::{Budget, Expected, Outlook, State};
use wattledger_model::time::{MINUTE_MS, Timestamp};

const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

fn before(now: Timestamp, ms: i64) -> Timestamp {
    Timestamp(now.0 - ms)
}

/// What each facility of the site is like.
struct Shape {
    name: &'static str,
    title: &'static str,
    it_kw: f64,
    pue: f64,
    zone: &'static str,
}

const WINDOWS: [(&str, &str, bool, f64); 12] = [
    ("1m", "1 minute", true, 1.0 / 60.0),
    ("15m", "15 minutes", true, 0.25),
    ("1h", "1 hour", true, 1.0),
    ("24h", "24 hours", true, 24.0),
    ("7d", "7 days", true, 168.0),
    ("30d", "30 days", true, 720.0),
    ("12mo", "12 months", true, 8760.0),
    ("day", "today", false, 14.0),
    ("week", "this week", false, 110.0),
    ("month", "this month", false, 494.0),
    ("quarter", "this quarter", false, 1238.0),
    ("year", "this year", false, 7790.0),
];

fn targets() -> Vec<TargetView> {
    [("D130", 1.3), ("D125", 1.25)]
        .map(|(id, limit)| TargetView { id: id.to_owned(), limit, operator: "<=".to_owned() })
        .to_vec()
}

/// A ratio's figure; `coverage` decides whether it is provisional.
fn figure(value: f64, denominator: f64, coverage: f64, notation: &str) -> Figure {
    Figure {
        value: Some(value),
        notation: notation.to_owned(),
        status: if coverage < 0.9 { FigureStatus::Provisional } else { FigureStatus::Ok },
        numerator: Some(value * denominator),
        denominator: Some(denominator),
        expanded: Some(value * 0.0097),
        resolved: Some(true),
        coverage,
        interpolated: if coverage < 0.999 { 0.0132 } else { 0.0 },
        estimated: 0.0,
        verdicts: Vec::new(),
    }
}

fn no_data(notation: &str) -> Figure {
    Figure {
        value: None,
        notation: notation.to_owned(),
        status: FigureStatus::NoData,
        numerator: None,
        denominator: None,
        expanded: None,
        resolved: None,
        coverage: 0.0,
        interpolated: 0.0,
        estimated: 0.0,
        verdicts: Vec::new(),
    }
}

fn verdicts(window: &str, figure: &Figure) -> Vec<VerdictView> {
    let judge = |target: TargetView| {
        let mut reasons = Vec::new();
        if window != "12mo" {
            reasons.push("the period is shorter than 12 months".to_owned());
        }
        if figure.coverage < 0.99 {
            reasons.push(format!(
                "{:.1} % of the period is covered; a verdict needs 99 %",
                figure.coverage * 100.0
            ));
        }
        let verdict = match figure.value {
            Some(value) if reasons.is_empty() && value <= target.limit => Verdict::PassUnguarded,
            Some(_) if reasons.is_empty() => Verdict::FailUnguarded,
            _ => Verdict::NotAssessable,
        };
        VerdictView { target: target.id, limit: target.limit, verdict, reasons }
    };
    targets().into_iter().map(judge).collect()
}

fn window(
    now: Timestamp,
    shape: &Shape,
    (name, label, rolling, hours): (&str, &str, bool, f64),
    drift: f64,
    coverage: f64,
) -> WindowView {
    let it_kwh = shape.it_kw * hours;
    let value = shape.pue + drift;
    let mut pue =
        figure(value, it_kwh * coverage, coverage, &format!("iPUE1 ({label} to 2026-11-21T13:58Z)"));
    if name == "12mo" && coverage > 0.99 {
        pue.notation = "PUE1 (2026-11-20)".to_owned();
    }
    pue.verdicts = verdicts(name, &pue);
    WindowView {
        window: name.to_owned(),
        label: label.to_owned(),
        rolling,
        from: before(now, (hours * HOUR_MS as f64) as i64),
        to: before(now, 40_000),
        wue: Some(figure(0.412 + drift, it_kwh, coverage, "WUE2")),
        cue: Some(figure(value * 0.5554, it_kwh, coverage, "CUE")),
        carbon_kg: Some(Figure {
            value: Some(it_kwh * value * 0.5554),
            ..figure(1.0, it_kwh, coverage, "carbon")
        }),
        energy: EnergyView { total_kwh: Some(it_kwh * value), it_kwh: Some(it_kwh) },
        pue,
    }
}

fn facility(now: Timestamp, shape: &Shape, drifts: [f64; 12], coverages: [f64; 12]) -> FacilityView {
    let horizon = Timestamp(before(now, 20_000).0 / MINUTE_MS * MINUTE_MS);
    let all = WINDOWS.into_iter().zip(drifts).zip(coverages);
    FacilityView {
        name: shape.name.to_owned(),
        title: shape.title.to_owned(),
        site: "campus-north".to_owned(),
        time_zone: shape.zone.to_owned(),
        as_of: Some(horizon),
        lag_s: Some((now.0 - horizon.0) as f64 / 1000.0),
        category: Some(Category::Pue1),
        problem: None,
        power: PowerView {
            total_w: Some(shape.it_kw * shape.pue * 1000.0),
            it_w: Some(shape.it_kw * 1000.0),
        },
        last_day: LastDayView {
            total_kwh: Some(shape.it_kw * 24.0 * shape.pue),
            it_kwh: Some(shape.it_kw * 24.0),
            coverage: coverages[3],
        },
        targets: targets(),
        windows: all.map(|((which, drift), coverage)| window(now, shape, which, drift, coverage)).collect(),
    }
}

fn good_hall(now: Timestamp) -> FacilityView {
    let shape = Shape { name: "hall-1", title: "Hall 1", it_kw: 812.4, pue: 1.2412, zone: "Europe/Berlin" };
    let drifts = [0.0081, 0.0042, 0.002, 0.0, 0.011, 0.024, 0.0377, -0.002, 0.006, 0.019, 0.022, 0.0411];
    let coverages = [1.0, 1.0, 1.0, 0.9998, 0.998, 0.9951, 0.9932, 1.0, 0.999, 0.9946, 0.994, 0.9928];
    facility(now, &shape, drifts, coverages)
}

fn troubled_hall(now: Timestamp) -> FacilityView {
    let shape = Shape {
        name: "hall-2",
        title: "Hall 2, north wing",
        it_kw: 287.9,
        pue: 1.3627,
        zone: "Asia/Shanghai",
    };
    let drifts = [-0.412, 0.071, 0.0493, 0.0, -0.014, -0.031, -0.044, 0.013, -0.004, -0.021, -0.0627, -0.052];
    let coverages = [1.0, 0.933, 0.917, 0.861, 0.742, 0.934, 0.8619, 0.71, 0.79, 0.921, 0.952, 0.88];
    let mut hall = facility(now, &shape, drifts, coverages);
    hall.windows[0].pue.status = FigureStatus::Implausible;
    hall.windows[3].pue.estimated = 0.0042;
    hall.windows[3].wue = None;
    hall
}

fn empty_annex(now: Timestamp) -> FacilityView {
    let shape = Shape { name: "annex", title: "Annex", it_kw: 0.0, pue: 1.0, zone: "Europe/Berlin" };
    let mut annex = facility(now, &shape, [0.0; 12], [0.0; 12]);
    annex.as_of = None;
    annex.lag_s = None;
    annex.category = None;
    annex.problem = Some("no IT energy meter".to_owned());
    annex.power = PowerView { total_w: Some(41_300.0), it_w: None };
    annex.last_day = LastDayView { total_kwh: Some(987.4), it_kwh: None, coverage: 0.0 };
    for window in &mut annex.windows {
        window.pue = no_data("iPUE");
        window.pue.verdicts = verdicts(&window.window, &window.pue);
        (window.wue, window.cue, window.carbon_kg) = (None, None, None);
        window.energy = EnergyView::default();
    }
    annex
}

fn long_named(now: Timestamp) -> FacilityView {
    let shape = Shape {
        name: "rechenzentrum-sued-ost-gebaeude-17-untergeschoss-2-abschnitt-c",
        title: "Rechenzentrum Süd-Ost, Gebäude 17, Untergeschoss 2, Abschnitt C (Hochleistungsrechnen und Langzeitarchivierung)",
        it_kw: 4_310.0,
        pue: 1.2996,
        zone: "America/Argentina/Buenos_Aires",
    };
    let drifts = [0.0; 12];
    facility(now, &shape, drifts, [1.0; 12])
}

fn agents(now: Timestamp) -> Vec<AgentView> {
    let source = |name: &str, healthy: bool, detail: &str| SourceView {
        name: name.to_owned(),
        healthy,
        detail: detail.to_owned(),
    };
    let agent = |name: &str, state, seen_ms: Option<i64>, sources| AgentView {
        site: "campus-north".to_owned(),
        agent: name.to_owned(),
        state,
        last_seen: seen_ms.map(|ms| before(now, ms)),
        version: if seen_ms.is_some() { "0.1.0".to_owned() } else { String::new() },
        unacknowledged: 0,
        spool_bytes: 48 << 20,
        spool_limit_bytes: 256 << 20,
        taken_in: 18_204_117,
        refused: 0,
        lost: 0,
        receipt: ReceiptView { committed: 18_204_117, ..ReceiptView::default() },
        held_back: 0,
        spool_trouble: String::new(),
        clock_jumps: 0,
        clock_jumped_ms: 0,
        clock_skew_ms: None,
        sources,
    };
    let live = agent(
        "hall-agent",
        AgentState::Live,
        Some(4_000),
        vec![
            source("floor", true, "mqtt://127.0.0.1:1883, 214 topics, 38 messages/s"),
            source("host", true, "every 10 s"),
        ],
    );
    let mut silent = agent(
        "north-wing-agent",
        AgentState::Silent,
        Some(2_820_000),
        vec![source("pdus", false, "mqtt://10.4.0.9:1883 refused the connection: not authorised")],
    );
    silent.unacknowledged = 1_204;
    silent.spool_bytes = 229 << 20;
    silent.refused = 311;
    silent.lost = 18_442;
    let mut never = agent("annex-agent", AgentState::Never, None, Vec::new());
    (never.spool_bytes, never.taken_in) = (0, 0);
    vec![live, silent, never]
}

fn meters(now: Timestamp) -> Vec<MeterView> {
    let meter =
        |facility: &str, name: &str, title: &str, role: &str, unit: &str, value: &str, power: Option<f64>| {
            MeterView {
                site: "campus-north".to_owned(),
                meter: name.to_owned(),
                title: title.to_owned(),
                facility: Some(facility.to_owned()),
                role: Some(role.to_owned()),
                kind: "register".to_owned(),
                unit: unit.to_owned(),
                state: MeterState::Fresh,
                assigned: true,
                last_at: Some(before(now, 7_000)),
                age_s: Some(7.0),
                last_value: Some(value.to_owned()),
                power_w: power,
                coverage_24h: 0.9998,
                resets: 0,
                pending: 0,
                duplicates: 0,
                conflicts: 0,
                refused: 0,
            }
        };
    let mut all = vec![
        meter("hall-1", "main-feed-a", "Main feed A", "utility", "kWh", "10442817.31", Some(508_200.0)),
        meter("hall-1", "main-feed-b", "Main feed B", "utility", "kWh", "9981204.07", Some(500_100.0)),
        meter("hall-1", "ups-1-output", "UPS 1 output", "ups-output", "kWh", "8001923.5", Some(406_900.0)),
        meter("hall-1", "ups-2-output", "UPS 2 output", "ups-output", "kWh", "7994011.2", Some(405_500.0)),
        meter("hall-1", "make-up-water", "Cooling tower make-up", "water", "m³", "48211.72", None),
        meter("hall-2", "hv-incomer", "HV incomer", "utility", "MWh", "20418.6031", Some(392_300.0)),
    ];
    all.extend((1..=64).map(|n| {
        let mut pdu = meter(
            "hall-1",
            &format!("r{n:02}-pdu-a"),
            "",
            "pdu-output",
            "Wh",
            "0",
            Some(5_210.0 + f64::from(n) * 37.0),
        );
        pdu.last_value = Some(format!("{}", 81_004_112 + n * 7_919));
        pdu
    }));
    let mut stale = meter("hall-2", "ups-n-output", "UPS N output", "ups-output", "kWh", "2210443.8", None);
    (stale.state, stale.age_s, stale.coverage_24h, stale.resets) =
        (MeterState::Stale, Some(2_826.0), 0.861, 1);
    stale.last_at = Some(before(now, 2_826_000));
    let mut never = meter("annex", "annex-main", "", "utility", "kWh", "", None);
    (never.state, never.age_s, never.last_at, never.last_value) = (MeterState::Never, None, None, None);
    never.coverage_24h = 0.0;
    let mut unassigned = meter("", "tasmota-4F21", "", "", "Wh", "12.5", Some(61.0));
    (unassigned.facility, unassigned.role, unassigned.assigned, unassigned.refused) = (None, None, false, 12);
    all.extend([stale, never, unassigned]);
    all
}

/// A PUE excursion that somebody looks after, and a stale meter that is silenced.
fn alerts(now: Timestamp) -> Vec<AlertView> {
    let excursion = AlertView {
        id: "pue-excursion-20261121t1326z".to_owned(),
        rule: "pue-excursion".to_owned(),
        condition: "pue-excursion".to_owned(),
        facility: "hall-2".to_owned(),
        subject: "hall-2".to_owned(),
        severity: "critical".to_owned(),
        since: before(now, 1_980_000),
        raised_at: Some(before(now, 1_080_000)),
        what: "PUE over 1 hour".to_owned(),
        value: 1.4120,
        limit: 1.35,
        unit: "1".to_owned(),
        window: "1h".to_owned(),
        coverage: 0.917,
        reason: "PUE over 1 hour was above 1.35 for 15 minutes".to_owned(),
        cause: "406.5 kWh of 287.9 kWh IT energy; the limit is that of D130, 1.3".to_owned(),
        changed: vec![
            "cooling adds 0.081: chiller-2 takes 31.4 kW where it took 8.1 kW".to_owned(),
            "IT energy fell by 4.2 %, which adds 0.014".to_owned(),
        ],
        suppresses: vec!["hall-2 coverage".to_owned()],
        look_at: "wattledger explain figure hall-2 2026-11-21 --indicator pue --config FILE".to_owned(),
        labels: [("rule", "pue-excursion"), ("subject", "hall-2"), ("team", "cooling")]
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .into(),
        annotations: [("runbook", "look at the chillers' staging first")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        silenced_by: None,
        acknowledged: Some(Ack {
            alarm: "pue-excursion-20261121t1326z".to_owned(),
            at: before(now, 300_000),
            by: "ben (page)".to_owned(),
            note: "on my way".to_owned(),
        }),
        as_of: Some(before(now, 60_000)),
    };
    let stale = AlertView {
        id: "stale-hall-2-meter-ups-n-20261121t1315z".to_owned(),
        rule: "stale".to_owned(),
        condition: "stale".to_owned(),
        subject: "hall-2 meter ups-n-output".to_owned(),
        severity: "warning".to_owned(),
        since: before(now, 2_820_000),
        raised_at: Some(before(now, 2_640_000)),
        what: "age of the newest reading".to_owned(),
        value: 2_820.0,
        limit: 180.0,
        unit: "s".to_owned(),
        window: String::new(),
        coverage: 1.0,
        reason: "meter ups-n-output: age of the newest reading was above 180 s for 2 minutes".to_owned(),
        cause: String::new(),
        changed: Vec::new(),
        suppresses: Vec::new(),
        annotations: Default::default(),
        silenced_by: Some(Silence {
            id: "s3".to_owned(),
            matchers: Vec::new(),
            from: before(now, HOUR_MS),
            until: before(now, -HOUR_MS),
            by: "ana (uid 1000)".to_owned(),
            reason: "cabling".to_owned(),
            ended: None,
        }),
        acknowledged: None,
        ..excursion.clone()
    };
    vec![excursion, stale]
}

/// What one target permits: the state goes with how near the year is to it.
fn budget(target: &str, limit: f64, foreseen: f64, state: State) -> Budget {
    let near = state == State::OnCourse;
    Budget {
        target: target.to_owned(),
        operator: "<=",
        limit,
        permitted: Some(if near { 1.3712 } else { 1.1408 }),
        overhead_left_kwh: Some(if near { 301_422.7 } else { 38_207.1 }),
        lasts_days: near.then_some(61.4),
        burn_rates: [Some((foreseen - 1.0) / (limit - 1.0)), Some(0.91), Some(0.874), None],
        breach_probability: Some(if near { 0.004 } else { 0.9712 }),
        state,
    }
}

/// The year of each facility: on course, in trouble, unknown.
pub(crate) fn outlooks() -> watch::Receiver<Arc<Outlooks>> {
    let year = |facility: &str, value: f64, foreseen: f64, state: State| {
        let outlook = Outlook {
            facility: facility.to_owned(),
            year: 2026,
            now: "2026-11-21".to_owned(),
            days_left: 41,
            coverage: 0.9937,
            total_kwh: value * 6_320_400.0,
            it_kwh: 6_320_400.0,
            value: Some(value),
            forecast: Some(Expected {
                method: "weather",
                remaining_it_kwh: 799_401.0,
                remaining_pue: foreseen - 0.02,
                value: foreseen,
                low: foreseen - 0.0042,
                high: foreseen + 0.0042,
                naive: foreseen + 0.0051,
            }),
            best_month: Some(value - 0.061),
            targets: vec![budget("D130", 1.3, foreseen, state), budget("D125", 1.25, foreseen, State::Lost)],
        };
        FacilityOutlook { facility: facility.to_owned(), outlook: Some(outlook), why: None }
    };
    let unknown = |facility: &str| FacilityOutlook {
        facility: facility.to_owned(),
        outlook: None,
        why: Some("nothing is known yet of that facility: look again once its meters were read".to_owned()),
    };
    let facilities = vec![
        year("hall-1", 1.2823, 1.2791, State::OnCourse),
        year("hall-2", 1.3107, 1.3112, State::Critical),
        unknown("annex"),
        unknown("rechenzentrum-sued-ost-gebaeude-17-untergeschoss-2-abschnitt-c"),
    ];
    watch::channel(Arc::new(Outlooks { made_at: Some("2026-11-21T13:00:00Z".to_owned()), facilities })).1
}

/// Four facilities: one good, one in trouble, one without data, one with long names.
pub(crate) fn rich(now: Timestamp) -> Snapshot {
    let quarantine = |cause: &str, (count, held), ago, origin: &str, detail: &str| QuarantineView {
        cause: cause.to_owned(),
        count,
        held,
        last_at: before(now, ago),
        origin: origin.to_owned(),
        detail: detail.to_owned(),
    };
    let output = |name: &str, state, cursor, last_error: Option<&str>| OutputView {
        name: name.to_owned(),
        kind: "influx".to_owned(),
        state,
        cursor,
        head: 482_117,
        points: 31_204_880,
        refused_points: 0,
        last_error: last_error.map(str::to_owned),
    };
    Snapshot {
        version: "0.1.0".to_owned(),
        collector: "campus".to_owned(),
        generated_at: now,
        uptime_s: 1_038_211,
        facilities: vec![good_hall(now), troubled_hall(now), empty_annex(now), long_named(now)],
        agents: agents(now),
        meters: meters(now),
        quarantine: vec![
            quarantine(
                "clock-skew",
                (311, 300),
                2_900_000,
                "campus-north/north-wing-agent, meter ups-n-output",
                "the reading is 7 min 12 s ahead of its agent's clock; set the sensor's clock",
            ),
            quarantine(
                "payload",
                (12, 0),
                61_000,
                "sensors/n/tasmota-4F21/SENSOR",
                "no number at /ENERGY/Total: found \"NaN\"",
            ),
        ],
        outputs: vec![
            output("grafana", OutputState::Ok, 482_117, None),
            output(
                "archive",
                OutputState::Down,
                479_204,
                Some("cannot reach http://10.4.0.20:8086: connection refused; tried again in 30 s"),
            ),
        ],
        alerts: alerts(now),
        channels: vec![ChannelView {
            name: "on-call".to_owned(),
            kind: "webhook".to_owned(),
            state: OutputState::Down,
            delivered: 41,
            failed: 7,
            given_up: 1,
            last_error: Some("the receiver answered 503".to_owned()),
        }],
        work: WorkView {
            started: Some(before(now, 1_038_211_000)),
            readings: 91_204_117,
            batches: 1_204_551,
            duplicate_batches: 17,
            commits: 1_904_233,
            flush_total_s: 11_411.25,
            flush_s: Some(0.006_125),
            lag_total_s: 3_802.5,
            lag_s: Some(0.004_5),
            change: 482_117,
            store_bytes: Some(9_204_117_504),
            memory_bytes: Some(187_695_104),
            problems: 1,
        },
    }
}

/// A collector that was just started.
pub(crate) fn empty(now: Timestamp) -> Snapshot {
    let base = rich(now);
    Snapshot {
        facilities: Vec::new(),
        agents: Vec::new(),
        meters: Vec::new(),
        quarantine: Vec::new(),
        outputs: Vec::new(),
        alerts: Vec::new(),
        channels: Vec::new(),
        work: WorkView::default(),
        uptime_s: 12,
        ..base
    }
}

/// A history with a daily cycle, a gap, thin hours and one wild value.
pub(crate) struct History(pub(crate) Timestamp);

impl SeriesSource for History {
    fn series(&self, request: SeriesRequest) -> BoxFuture<'static, Result<Vec<SeriesPoint>, SeriesError>> {
        let last = self.0.0 / HOUR_MS * HOUR_MS;
        let base = match request.facility.as_str() {
            "hall-1" => Some(1.245),
            "hall-2" => Some(1.318),
            "annex" => None,
            name if name.starts_with("rechenzentrum") => Some(1.2996),
            name => {
                let error = SeriesError::UnknownFacility(name.to_owned());
                return Box::pin(async { Err(error) });
            }
        };
        let hours = i64::from(request.hours);
        let points =
            (0..hours).map(|index| point(base, last - (hours - 1 - index) * HOUR_MS, index)).collect();
        Box::pin(async { Ok(points) })
    }
}

fn point(base: Option<f64>, t: i64, index: i64) -> SeriesPoint {
    let troubled = base == Some(1.318);
    let none = SeriesPoint { t, value: None, coverage: 0.0 };
    let Some(base) = base else { return none };
    if troubled && (92..113).contains(&index) {
        return none;
    }
    let of_day = (t % DAY_MS) as f64 / DAY_MS as f64;
    let warm = (std::f64::consts::TAU * (of_day - 0.35)).sin() * 0.021;
    let rough = ((index * 7_919) % 101) as f64 / 101.0 * 0.012;
    let slow = (index as f64 / 31.0).sin() * 0.011;
    let thin = troubled && (index > 160 || (40..47).contains(&index));
    let wild = if troubled && index == 70 { 0.9 } else { 0.0 };
    SeriesPoint {
        t,
        value: Some(base + warm + rough + slow + wild),
        coverage: if thin { 0.62 } else { 0.9998 },
    }
}

/// Reports as a site with three schedules would have them after some months.
pub struct Shelf;

impl ReportShelf for Shelf {
    fn list(&self) -> BoxFuture<'static, Result<ReportList, ShelfError>> {
        Box::pin(async { Ok(report_list()) })
    }

    fn open(&self, id: String, file: String) -> BoxFuture<'static, Result<ReportFile, ShelfError>> {
        Box::pin(async move {
            let listed = report_list().reports.into_iter().find(|report| report.id == id);
            let is_there = listed.is_some_and(|report| report.files.iter().any(|one| one.name == file));
            if file.ends_with(".json") && is_there {
                return Err(ShelfError::Changed(format!("{file} was changed since it was made")));
            }
            let content_type = match file.rsplit_once('.').map(|(_, end)| end) {
                Some("html") => "text/html; charset=utf-8",
                Some("pdf") => "application/pdf",
                _ => "text/plain; charset=utf-8",
            };
            let page = "<!doctype html><title>r</title><style>p{color:red}</style><p>PUE</p>";
            let found = ReportFile { name: file.clone(), content_type, bytes: page.as_bytes().to_vec() };
            if is_there {
                Ok(found)
            } else {
                Err(ShelfError::NotFound(format!("no report has the file {file}")))
            }
        })
    }
}

fn report_files(stem: &str, ends: &[&str]) -> Vec<FileView> {
    let file = |(at, end): (usize, &&str)| FileView {
        name: format!("{stem}.{end}"),
        bytes: 48_213 * (at as u64 + 1),
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
    };
    ends.iter().enumerate().map(file).collect()
}

fn made_report(schedule: &str, about: &str, period: &str, at: &str, ends: &[&str]) -> ReportView {
    let id = format!("{schedule}_{period}");
    ReportView {
        files: report_files(&id, ends),
        id,
        about: format!("facility {about}"),
        period: period.to_owned(),
        schedule: Some(schedule.to_owned()),
        form: None,
        at: Some(at.to_owned()),
        issued: None,
        headline: None,
        verdicts: Vec::new(),
        mail: Some(MailView { sent: 3, ..MailView::default() }),
        problem: None,
        again_at: None,
    }
}

fn report_list() -> ReportList {
    let schedule = |name: &str, about: &str, every: &str, period: &str, at: &str| ScheduleView {
        name: name.to_owned(),
        about: about.to_owned(),
        every: every.to_owned(),
        next_period: Some(period.to_owned()),
        next_at: Some(at.to_owned()),
        problem: None,
    };
    let mut schedules = vec![
        schedule("hall-1-monthly", "facility hall-1", "month", "2026-11", "2026-12-02T23:00:00Z"),
        schedule("hall-2-monthly", "facility hall-2", "month", "2026-11", "2026-12-02T16:00:00Z"),
        schedule("register", "facility hall-1", "year", "2026", "2027-01-14T23:00:00Z"),
    ];
    schedules.push(ScheduleView {
        next_period: None,
        next_at: None,
        ..schedule("annex-monthly", "facility annex", "month", "", "")
    });
    let all = ["en.pdf", "zh.pdf", "en.xlsx", "zh.xlsx", "en.html", "csv", "json"];
    let mut failing = made_report("hall-2-monthly", "hall-2", "2026-10", "", &[]);
    failing.at = None;
    failing.mail = None;
    failing.problem = Some("`wattledger-print` is not installed; see the README on how to get it".to_owned());
    failing.again_at = Some("2026-11-21T15:20:00Z".to_owned());
    let mut october = made_report("hall-1-monthly", "hall-1", "2026-10", "2026-11-02T23:00:11Z", &all);
    october.mail = Some(MailView {
        sent: 2,
        waiting: 0,
        given_up: 1,
        problem: Some("mail server mail.example.org to gone@example.org: 550 5.1.1 no such user".to_owned()),
    });
    let mut year = made_report("register", "hall-1", "2025", "2026-01-15T23:00:20Z", &["en.pdf", "zh.pdf"]);
    year.form = Some("cn-register".to_owned());
    let issue = |id: &str| IssuedView { id: id.to_owned(), signed: None, restates: None, restated_by: None };
    year.issued = Some(issue("hall-1_2025_2"));
    let mut by_hand = made_report("hall-1", "hall-1", "2025", "2026-01-15T23:00:04Z", &["json", "en.pdf"]);
    by_hand.id = "hall-1_2025_2".to_owned();
    by_hand.schedule = None;
    by_hand.mail = None;
    by_hand.headline = Some("PUE1 (2025) = 1.238 ± 0.012".to_owned());
    by_hand.verdicts =
        vec![("D130".to_owned(), "compliant".to_owned()), ("D125".to_owned(), "conditional_pass".to_owned())];
    by_hand.issued = Some(IssuedView {
        signed: Some(true),
        restates: Some("hall-1_2025_1".to_owned()),
        ..issue("hall-1_2025_2")
    });
    let mut before = by_hand.clone();
    before.id = "hall-1_2025_1".to_owned();
    before.at = Some("2026-01-09T10:12:00Z".to_owned());
    before.issued = Some(IssuedView {
        signed: Some(true),
        restated_by: Some("hall-1_2025_2".to_owned()),
        ..issue("hall-1_2025_1")
    });
    let earlier = (1..=9).rev().map(|month| {
        let (period, at) = (format!("2026-{month:02}"), format!("2026-{:02}-02T23:00:10Z", month + 1));
        made_report("hall-1-monthly", "hall-1", &period, &at, &all)
    });
    let mut reports = vec![failing, october];
    reports.extend(earlier);
    reports.extend([year, by_hand, before]);
    ReportList { schedules, reports, left_off: 0 }
}
