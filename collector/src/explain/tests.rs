//! Explanations of ledgers that an engine made.

use super::{Asked, Detail, ExplainError, FigureExplanation, Source, change, figure, json, meter};
use crate::audit::Who;
use crate::config::CollectorConfig;
use crate::engine::{Arrival, By, Engine, EngineConfig};
use crate::indicators::Indicator;
use crate::journal::PayloadForm;
use crate::store::Layout;
use crate::topology;
use serde_json::json;
use tempfile::TempDir;
use wattledger_model::batch::{AgentKey, Batch, Lineage, Loss, LossCause};
use wattledger_model::correction::Correction;
use wattledger_model::meter::MeterKey;
use wattledger_model::reading::Incarnation;
use wattledger_model::time::Timestamp;
use wattledger_model::wire;

const HALL: &str = r#"
[collector]
name = "campus"
data_dir = "unused"
[link]
broker = "mqtt://127.0.0.1:1883"
[[site]]
name = "hall"
time_zone = "Europe/Berlin"
[[facility]]
name = "hall-1"
title = "Hall one"
site = "hall"
[[meter]]
name = "main"
title = "Main feed"
facility = "hall-1"
role = "utility"
kind = "register"
unit = "kWh"
rated_power = "500 kW"
resolution = 1
gap_limit = "1h"
[[meter]]
name = "main-2"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[meter.claim]]
facility = "hall-1"
role = "utility"
from = "2025-10-01"
[[meter]]
name = "pdu"
facility = "hall-1"
role = "pdu-output"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[meter]]
name = "chiller"
facility = "hall-1"
role = "cooling"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[virtual]]
name = "half"
sum = ["0.5 * pdu"]
"#;

/// 2025-08-31T22:00:00Z: September in Berlin.
const SEPTEMBER: i64 = 1_756_677_600_000;
const HOUR: i64 = 3_600_000;
/// Hours of September, and of September and October: the one has 30 days, the other an hour more than 31.
const HOURS: [i64; 2] = [720, 720 + 745];

fn now() -> Timestamp {
    Timestamp(SEPTEMBER + 2_000 * HOUR)
}

fn hour(number: i64) -> Timestamp {
    Timestamp(SEPTEMBER + number * HOUR)
}

struct Hall {
    layout: Layout,
    config: CollectorConfig,
    engine: Engine,
    _dir: TempDir,
}

impl Hall {
    fn empty() -> Hall {
        let config =
            CollectorConfig::parse("hall.toml", HALL).unwrap_or_else(|problems| panic!("{problems}"));
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::new(dir.path());
        let engine = Engine::open(EngineConfig {
            layout: layout.clone(),
            raw_kept_ms: 400 * 24 * HOUR,
            meters: topology::interpretations(&config),
        })
        .expect("a new store");
        Hall { layout, config, engine, _dir: dir }
    }

    fn take(&mut self, readings: &[(&str, Timestamp, i64)]) {
        self.take_at(now(), readings);
    }

    fn take_at(&mut self, now: Timestamp, readings: &[(&str, Timestamp, i64)]) {
        let entries: Vec<_> = readings
            .iter()
            .map(|(meter, at, value)| json!({ "meter": meter, "at": at.to_string(), "value": value, "unit": "kWh" }))
            .collect();
        let agent = AgentKey { site: "hall".parse().expect("name"), agent: "hand".parse().expect("name") };
        let payload = json!({ "readings": entries }).to_string().into_bytes();
        self.engine.take(&[Arrival { agent, form: PayloadForm::Json, payload }], now).expect("taken");
    }

    /// A register with a reading every hour of `[from, to]`, which counts `rate` kWh an hour.
    fn hourly(&mut self, meter: &str, from: i64, to: i64, first: i64, rate: i64) {
        let all: Vec<_> =
            (from..=to).map(|number| (meter, hour(number), first + (number - from) * rate)).collect();
        self.take(&all);
    }

    /// September and October; in October a second feed, and more cooling.
    fn autumn() -> Hall {
        let mut hall = Hall::empty();
        hall.hourly("main", 0, HOURS[0], 1_000, 130);
        hall.hourly("main", HOURS[0], HOURS[1], 1_000 + 720 * 130, 150);
        hall.hourly("main-2", HOURS[0], HOURS[1], 0, 5);
        hall.hourly("pdu", 0, HOURS[1], 7_000, 100);
        hall.hourly("chiller", 0, HOURS[0], 0, 20);
        hall.hourly("chiller", HOURS[0], HOURS[1], 720 * 20, 30);
        hall.engine.compact().expect("moved");
        hall
    }

    fn source(&self) -> Source<'_> {
        Source::open(&self.layout, &self.config).expect("a store")
    }

    fn correct(&mut self, name: &str, correction: Correction) -> u64 {
        let key = MeterKey { site: "hall".parse().expect("name"), meter: name.parse().expect("name") };
        let id = self.engine.meters().id(&key).expect("known");
        let who = Who::user(Some(4_294_900_001));
        let by = By { who: &who, reason: "read from a photograph", now: now() };
        self.engine.correct(id, correction, by).expect("made").sequence
    }
}

fn period(text: &str) -> Asked {
    Asked { period: Some(text.to_owned()), ..Asked::default() }
}

#[test]
fn a_month_of_plain_readings_is_told_in_one_line_and_is_what_the_ledger_holds() {
    let hall = Hall::autumn();
    let told = meter(&hall.source(), "hall/main", &period("2025-10"), Detail::Summary, now()).expect("told");
    assert_eq!(told.booked.total.map(|amount| amount.to_string()).as_deref(), Some("111750"));
    assert_eq!((told.booked.missing_s, told.ledger.same), (0.0, Some(true)));
    assert_eq!((told.readings.used, told.readings.told.len(), told.steps.len()), (746, 0, 1));
    let text = told.text();
    for line in [
        "hall/main (Main feed), 2025-10",
        "  2025-10-01 00:00 CEST to 2025-11-01 00:00 CET, Europe/Berlin",
        "  in all                 111 750.000 kWh",
        "  measured               111 750.000 kWh  for 31 d 1 h",
        "  the ledger holds the same, to the last digit",
        "  746 readings used, from 2025-10-01 00:00:00 CEST to 2025-11-01 00:00:00 CET",
        "745 steps, each a normal step of at most 1 h",
        "Corrections: none",
        "  from the first: in kWh, resolution 1, rated 500 kW",
        "  counts as utility of facility `hall-1`",
        "Quarantine: nothing of this meter and time",
    ] {
        assert!(text.contains(line), "`{line}` is missing in\n{text}");
    }
    let all = meter(&hall.source(), "hall/main", &period("2025-10"), Detail::All, now()).expect("told");
    assert_eq!((all.readings.told.len(), all.steps.len()), (746, 745));
    assert!(all.steps[0].rule.starts_with("forward by 150 kWh, within E_max"), "{}", all.steps[0].rule);
    let parsed: serde_json::Value = serde_json::from_str(&json(&all)).expect("JSON");
    assert_eq!(parsed["explanation"], "wattledger/explain-meter/v1");
    assert_eq!(parsed["steps"][0]["provenance"], "measured");
    assert_eq!(parsed["period"]["from"], "2025-09-30T22:00:00Z");
}

#[test]
fn what_does_not_count_is_told_with_why_and_by_whom() {
    let mut hall = Hall::empty();
    hall.hourly("main", 0, 30, 1_000, 100);
    // A failed read between two good ones, a gap, and a reading that is too old to be booked.
    hall.take(&[("main", Timestamp(hour(10).0 + HOUR / 2), 0)]);
    hall.hourly("main", 36, 60, 4_600, 100);
    hall.take(&[("main", Timestamp(hour(40).0 - 500 * 24 * HOUR), 1)]);
    let exclude = Correction::Exclude { from: hour(20), to: Timestamp(hour(20).0 + 1) };
    let number = hall.correct("main", exclude);
    hall.engine.compact().expect("moved");
    let asked = Asked {
        from: Some("2025-09-01 00:00".to_owned()),
        to: Some("2025-09-03".to_owned()),
        ..Asked::default()
    };
    let told = meter(&hall.source(), "hall/main", &asked, Detail::Summary, now()).expect("told");
    let fates: Vec<&str> = told.readings.told.iter().map(|reading| reading.fate.as_str()).collect();
    assert_eq!(fates.len(), 2, "{fates:?}");
    assert!(fates[0].starts_with("dropped as a failed read"), "{fates:?}");
    assert_eq!(fates[1], "excluded by an operator");
    assert_eq!(told.ledger.same, Some(true));
    assert_eq!(told.booked.total.map(|amount| amount.to_string()).as_deref(), Some("4800"));
    // Six hours without a reading, and the two around the one that was excluded.
    assert_eq!(told.booked.interpolated.seconds, 8.0 * 3_600.0);
    let one = &told.corrections[0];
    assert_eq!((one.number, one.who.as_deref()), (Some(number), Some("uid 4294900001")));
    assert_eq!(one.reason.as_deref(), Some("read from a photograph"));
    assert_eq!(one.effect, "1 of the readings do not count");
    let text = told.text();
    assert!(text.contains("exclude: readings from 2025-09-01 20:00:00 CEST"), "{text}");
    assert!(text.contains("by uid 4294900001"), "{text}");
    let old = period("2024");
    let told = meter(&hall.source(), "hall/main", &old, Detail::Summary, now()).expect("told");
    assert_eq!((told.quarantine.len(), told.quarantine[0].cause), (1, "too-late"));
    assert_eq!(told.booked.measured.seconds, 0.0);
}

#[test]
fn a_withdrawn_correction_is_told_to_have_no_effect() {
    let mut hall = Hall::empty();
    hall.hourly("main", 0, 30, 1_000, 100);
    let number =
        hall.correct("main", Correction::Entry { from: hour(31), to: hour(33), amount: 5_000_000_000 });
    let who = Who::user(Some(4_294_900_001));
    let by = By { who: &who, reason: "the wrong meter", now: now() };
    let taken_back = hall.engine.withdraw(number, by).expect("withdrawn").sequence;
    hall.engine.compact().expect("moved");
    let told =
        meter(&hall.source(), "hall/main", &period("2025-09-02"), Detail::Summary, now()).expect("told");
    let one = &told.corrections[0];
    assert_eq!((one.number, one.withdrawn_by), (Some(number), Some(taken_back)));
    assert_eq!(told.booked.estimated.seconds, 0.0);
    assert!(told.text().contains("effect: none: it was withdrawn, by entry 2"), "{}", told.text());
}

#[test]
fn what_is_only_in_the_journal_is_said_and_the_ledger_shows_the_difference() {
    let mut hall = Hall::empty();
    hall.hourly("main", 0, 30, 1_000, 100);
    hall.engine.compact().expect("moved");
    hall.hourly("main", 31, 60, 4_100, 100);
    hall.engine.flush().expect("booked");
    let told =
        meter(&hall.source(), "hall/main", &period("2025-09-02"), Detail::Summary, now()).expect("told");
    assert_eq!(told.ledger.same, Some(false));
    assert!(
        told.ledger.why.as_deref().is_some_and(|why| why.contains("newer readings")),
        "{:?}",
        told.ledger
    );
    let note =
        "as of the last move to the raw store: the last one in the raw store is of 2025-09-02 06:00:00 CEST";
    assert!(told.notes[0].starts_with(note), "{:?}", told.notes);
    let before =
        meter(&hall.source(), "hall/main", &period("2025-09-01"), Detail::Summary, now()).expect("told");
    assert_eq!((before.ledger.same, before.notes.len()), (Some(true), 0), "{:?}", before.notes);
    assert!(!before.text().contains("interpolated"), "{}", before.text());
}

#[test]
fn a_fall_that_the_next_readings_decide_is_told_as_pending() {
    let mut hall = Hall::empty();
    let ten_minutes = |number: i64| Timestamp(hour(30).0 + number * HOUR / 6);
    let early = ten_minutes(3);
    let steady: Vec<_> = (0..30)
        .flat_map(|at| [("main", hour(at), 1_000 + at * 100), ("pdu", hour(at), 7_000 + at * 90)])
        .chain([("main", hour(30), 10), ("pdu", hour(30), 9_700)])
        .collect();
    hall.take_at(early, &steady);
    hall.engine.flush().expect("booked");
    let key = MeterKey { site: "hall".parse().expect("name"), meter: "main".parse().expect("name") };
    let id = hall.engine.meters().id(&key).expect("known");
    assert_eq!(hall.engine.undecided(id), [hour(31)], "before anything is in the raw store");
    hall.engine.compact().expect("moved");
    let told = |hall: &Hall, now| {
        meter(&hall.source(), "hall/main", &period("2025-09-02"), Detail::Summary, now).expect("told")
    };
    let first = told(&hall, early);
    let one = &first.pending[0];
    assert_eq!((one.from, one.to, one.class, one.readings), (hour(29), hour(30), "reset", 3));
    assert_eq!((one.amount.map(|amount| amount.to_string()).as_deref(), one.until), (Some("100"), hour(31)));
    let text = first.text();
    for words in [
        "pending: reset from 2025-09-02 05:00:00 CEST to 2025-09-02 06:00:00 CEST, 100.000 kWh are booked for it",
        "decided by 3 more readings, or none until 2025-09-02 07:00:00 CEST: if the register is back by then",
        "else it stays a reset",
    ] {
        assert!(text.contains(words), "`{words}` is missing in\n{text}");
    }
    let figure = figure(&hall.source(), "hall-1", Indicator::Pue, None, "2025-09-02", early).expect("told");
    let of_main = figure.meters.iter().find(|row| row.meter == "hall/main").expect("a row");
    assert_eq!(of_main.pending, first.pending);
    assert!(figure.meters.iter().all(|row| row.meter == "hall/main" || row.pending.is_empty()));
    assert!(figure.text().contains("pending: reset from 2025-09-02 05:00:00 CEST"), "{}", figure.text());
    assert_eq!(told(&hall, hour(31)).pending, [], "the gap limit has passed");

    // Two of the three that settle it.
    hall.take_at(early, &[("main", ten_minutes(1), 27), ("main", ten_minutes(2), 44)]);
    hall.engine.compact().expect("moved");
    let second = told(&hall, early);
    assert_eq!(second.pending.iter().map(|one| one.readings).collect::<Vec<_>>(), [1]);
    let hour_before = meter(&hall.source(), "hall/main", &period("2025-09-01"), Detail::Summary, early);
    assert_eq!(hour_before.expect("told").pending, [], "it lies in another period");
    hall.take_at(early, &[("main", ten_minutes(3), 60)]);
    hall.engine.compact().expect("moved");
    assert_eq!(told(&hall, early).pending, []);
    assert_eq!(hall.engine.undecided(id), []);
}

#[test]
fn a_fall_that_is_back_was_a_failed_read_and_an_operator_leaves_nothing_pending() {
    let late = Timestamp(hour(5).0 + HOUR / 6);
    let fallen = || {
        let mut hall = Hall::empty();
        let steady: Vec<_> = (0..5).map(|at| ("main", hour(at), 1_000 + at * 100)).collect();
        hall.take_at(late, &steady);
        hall.take_at(late, &[("main", hour(5), 10)]);
        hall
    };
    let pending = |hall: &mut Hall| {
        hall.engine.compact().expect("moved");
        let told = meter(&hall.source(), "hall/main", &period("2025-09-01"), Detail::Summary, late);
        told.expect("told").pending.len()
    };
    let mut back = fallen();
    back.take_at(late, &[("main", Timestamp(hour(5).0 + HOUR / 12), 1_540)]);
    assert_eq!(pending(&mut back), 0);
    let mut settled = fallen();
    assert_eq!(pending(&mut settled), 1);
    settled.correct("main", Correction::Settle { from: hour(4), to: hour(5), amount: 90_000_000_000 });
    assert_eq!(pending(&mut settled), 0);
}

#[test]
fn what_came_again_is_counted_for_good_and_the_rule_is_named() {
    let mut hall = Hall::empty();
    hall.hourly("main", 0, 30, 1_000, 100);
    hall.take(&[("main", hour(4), 1_400), ("main", hour(5), 1_499)]);
    hall.engine.compact().expect("moved");
    let told = |hall: &Hall| {
        let told = meter(&hall.source(), "hall/main", &period("2025-09-01"), Detail::Summary, now());
        told.expect("told")
    };
    assert_eq!((told(&hall).again.duplicates, told(&hall).again.conflicts), (1, 1));
    // The raw store has these already.
    hall.take(&[("main", hour(4), 1_400), ("main", hour(6), 1_599)]);
    hall.engine.compact().expect("moved");
    hall.engine.compact().expect("nothing more");
    let Hall { layout, config, engine, _dir } = hall;
    drop(engine);
    let engine = Engine::open(EngineConfig {
        layout: layout.clone(),
        raw_kept_ms: 400 * 24 * HOUR,
        meters: topology::interpretations(&config),
    });
    let mut hall = Hall { layout, config, engine: engine.expect("opens again"), _dir };
    hall.take(&[("main", hour(7), 1_700)]);
    hall.engine.compact().expect("moved");
    let last = told(&hall);
    assert_eq!((last.again.duplicates, last.again.conflicts), (3, 2));
    let text = last.text();
    assert!(text.contains("3 readings came again and 2 came with another value for one instant"), "{text}");
    assert!(text.contains("of one instant the reading of the best quality counts"), "{text}");
    let other = meter(&hall.source(), "hall/pdu", &period("2025-09-01"), Detail::Summary, now());
    assert!(other.is_err(), "nothing was ever read of it");
}

#[test]
fn what_an_agent_thinned_or_lost_is_told_of_its_meter_and_time() {
    let mut hall = Hall::autumn();
    let agent = AgentKey { site: "hall".parse().expect("name"), agent: "roof".parse().expect("name") };
    let loss = |meter: &str, from: i64, readings, cause| Loss {
        from: hour(from),
        to: hour(from + 2),
        readings,
        meter: meter.parse().ok(),
        cause,
    };
    let batch = Batch {
        agent: agent.clone(),
        incarnation: Incarnation { started: hour(0), id: 1 },
        sequence: 0,
        meters: Vec::new(),
        readings: Vec::new(),
        refused: Vec::new(),
        losses: vec![
            loss("main", 5, 700, LossCause::Thinned),
            loss("main", 6, 20, LossCause::Dropped),
            loss("main", 100, 9, LossCause::Dropped),
            loss("pdu", 5, 4, LossCause::Dropped),
            loss("", 7, 1, LossCause::Damaged),
        ],
        lineage: Lineage::default(),
    };
    let arrival = Arrival { agent, form: PayloadForm::Batch, payload: wire::encode_batch(&batch) };
    hall.engine.take(&[arrival], now()).expect("taken");
    hall.engine.compact().expect("moved");
    let told =
        meter(&hall.source(), "hall/main", &period("2025-09-01"), Detail::Summary, now()).expect("told");
    let losses: Vec<_> = told.losses.iter().map(|one| (one.cause, one.readings, one.of_meter)).collect();
    assert_eq!(losses, [("dropped", 20, true), ("thinned", 700, true), ("damaged", 1, false)]);
    let text = told.text();
    assert!(
        text.contains(
            "  hall/roof: 20 readings dropped, 2025-09-01 06:00:00 CEST to 2025-09-01 08:00:00 CEST"
        ),
        "{text}"
    );
    assert!(text.contains("1 reading damaged, of meters that are not known"), "{text}");
    let later =
        meter(&hall.source(), "hall/main", &period("2025-09-03"), Detail::Summary, now()).expect("told");
    assert!(later.losses.is_empty() && !later.text().contains("hall/roof"));
}

#[test]
fn deleted_readings_leave_their_minutes() {
    let mut hall = Hall::autumn();
    let edge = hour(HOURS[0] + 240);
    assert!(hall.engine.forget_raw_before(edge).expect("deleted") > 0);
    let told = meter(&hall.source(), "hall/main", &period("2025-09..2025-11-01"), Detail::Summary, now());
    assert!(matches!(told, Err(ExplainError::Period(_))), "{told:?}");
    let whole = period("2025-09-01..2025-11-01");
    let told = meter(&hall.source(), "hall/main", &whole, Detail::Summary, now()).expect("told");
    let deleted = told.deleted.as_ref().expect("a part");
    assert_eq!(deleted.before.to_string(), "2025-10-10T00:00:00Z");
    assert_eq!(told.booked.total.map(|amount| amount.to_string()).as_deref(), Some("205350"));
    assert_eq!(told.ledger.same, Some(true), "{:?}", told.ledger);
    assert!(told.text().contains("raw readings were deleted with age; the minutes made of them remain"));
    let early =
        meter(&hall.source(), "hall/main", &period("2025-09-01"), Detail::Summary, now()).expect("told");
    assert_eq!(early.booked.total.map(|amount| amount.to_string()).as_deref(), Some("3120"));
    assert_eq!((early.readings.used, early.steps.len(), early.ledger.same), (0, 0, None));
}

#[test]
fn what_cannot_be_explained_is_said_with_the_mend() {
    let hall = Hall::autumn();
    let source = hall.source();
    let says = |name: &str, asked: &Asked| {
        meter(&source, name, asked, Detail::Summary, now()).expect_err("refused").to_string()
    };
    let october = period("2025-10");
    assert_eq!(says("hall/mian", &october), "meter `hall/mian` is not known; did you mean `hall/main`?");
    assert!(says("x", &october).contains("write SITE/METER; there are: "));
    assert_eq!(
        says("hall/half", &october),
        "`hall/half` is a virtual meter, made of 0.5 x hall/pdu; explain one of those"
    );
    assert!(says("hall/main", &period("2031")).contains("lies ahead"));
    assert!(says("hall/main", &Asked::default()).contains("say which time"));
    let half =
        |from: &str, to: &str| Asked { from: Some(from.into()), to: Some(to.into()), ..Asked::default() };
    assert!(says("hall/main", &half("2025-10-03T00:00:30Z", "2025-10-04")).contains("not at a full minute"));
    assert!(says("hall/main", &half("2025-10-04", "2025-10-03")).contains("ends before it begins"));
    let error =
        figure(&source, "hall-2", Indicator::Pue, None, "2025-10", now()).expect_err("unknown").to_string();
    assert!(error.contains("did you mean `hall-1`?"), "{error}");
    let error =
        figure(&source, "hall-1", Indicator::Wue, None, "2025-10", now()).expect_err("no water").to_string();
    assert!(error.ends_with("no meter is declared as water"), "{error}");
    let error = figure(&source, "hall-1", Indicator::Iteu, None, "2025-10", now()).expect_err("no gauge");
    assert!(error.to_string().ends_with("no meter is declared as it-load"), "{error}");
    let fresh = Hall::empty();
    let error =
        figure(&fresh.source(), "hall-1", Indicator::Pue, None, "2025-10", now()).expect_err("nothing");
    assert!(error.to_string().contains("nothing has been read yet"), "{error}");
    assert!(meter(&fresh.source(), "hall/main", &october, Detail::Summary, now()).is_err());
}

fn covered(told: &FigureExplanation) -> &super::figure::Coverage {
    told.coverage.as_ref().expect("meters are covered")
}

#[test]
fn a_figure_is_told_by_what_each_meter_adds_and_takes() {
    let mut hall = Hall::autumn();
    // The 3rd of October without the chiller does not matter; without the PDU meter it costs the day.
    let gap = Correction::Exclude { from: hour(HOURS[0] + 49), to: hour(HOURS[0] + 72) };
    hall.correct("pdu", gap);
    let jump = Correction::Settle { from: hour(0), to: hour(1), amount: 1 };
    hall.correct("pdu", jump);
    hall.engine.compact().expect("moved");
    let told = figure(&hall.source(), "hall-1", Indicator::Pue, None, "2025-10-03", now()).expect("told");
    let rows: Vec<_> = told
        .meters
        .iter()
        .map(|row| (row.side, row.meter.as_str(), row.role.unwrap_or(""), row.adds.total.to_string()))
        .collect();
    assert_eq!(
        rows,
        [
            ("numerator", "hall/main", "utility", "3600".to_owned()),
            ("numerator", "hall/main-2", "utility", "120".to_owned()),
            ("denominator", "hall/pdu", "pdu-output", "2400".to_owned()),
        ]
    );
    assert_eq!(told.meters[1].from.map(|at| at.to_string()).as_deref(), Some("2025-09-30T22:00:00Z"));
    assert_eq!((told.meters[2].adds.interpolated.to_string().as_str(), covered(&told).gaps), ("2400", 0));
    assert!(told.category.as_deref().is_some_and(|why| why.starts_with("category 2")), "{:?}", told.category);
    // A part of the long step: the meter takes the minutes, alone.
    let part = figure(&hall.source(), "hall-1", Indicator::Pue, None, "2025-10-02..2025-10-03", now())
        .expect("told");
    assert_eq!(covered(&part).gaps, 0);
    let cut = figure(
        &hall.source(),
        "hall-1",
        Indicator::Pue,
        None,
        "2025-10-02T22:00:00Z..2025-10-03T10:00:00Z",
        now(),
    )
    .expect("told");
    assert_eq!((covered(&cut).supported, covered(&cut).gaps), (0, 1));
    let pdu = &cut.meters[2];
    assert_eq!((pdu.takes.minutes, pdu.takes.long, pdu.takes.alone), (720, 720, 720));
    assert_eq!((pdu.supported.to_string().as_str(), pdu.adds.total.to_string().as_str()), ("0", "1200"));
    assert_eq!(cut.meters[0].supported.to_string(), "0");
    let next = cut.next.as_deref().expect("the meter");
    assert!(next.starts_with("wattledger explain meter hall/pdu --period 2025-10-02T22:00:00Z.."), "{next}");
    let text = cut.text();
    for words in
        ["Numerator, kWh", "takes 720 min from the support, 720 of them alone", "hall/pdu 720 min", next]
    {
        assert!(text.contains(words), "`{words}` is missing in\n{text}");
    }
    let sums = |side: &str, supported: bool| {
        let of = |row: &&super::figure::MeterRow| row.side == side;
        let amount = |row: &super::figure::MeterRow| if supported { row.supported } else { row.adds.total };
        let all: f64 =
            part.meters.iter().filter(of).map(|row| amount(row).to_string().parse::<f64>().expect("n")).sum();
        all
    };
    assert_eq!(sums("numerator", true).to_string(), part.sides[0].supported.to_string());
    assert_eq!(sums("denominator", false).to_string(), part.sides[1].booked.total.to_string());
}

#[test]
fn a_change_is_split_into_what_moved_it_and_the_parts_add_up_as_shown() {
    let hall = Hall::autumn();
    let told = change(&hall.source(), "hall-1", "2025-09", "2025-10", now()).expect("told");
    assert_eq!((told.a.pue_rounded.as_str(), told.b.pue_rounded.as_str()), ("1.3000", "1.5500"));
    let parts: Vec<_> = told.parts.iter().map(|part| (part.cause, part.rounded.as_str())).collect();
    assert_eq!(
        parts,
        [
            ("it-load", "0.0000"),
            ("cooling", "+0.1000"),
            ("unattributed", "+0.1000"),
            ("configuration", "+0.0500"),
            ("data-quality", "0.0000"),
        ]
    );
    assert_eq!(told.change_rounded, "+0.2500");
    assert!((told.parts.iter().map(|part| part.adds).sum::<f64>() - told.change).abs() < 1e-12);
    assert_eq!(told.boundary_changes, ["hall/main-2 counts as utility, from 2025-10-01 00:00 CEST"]);
    assert!(
        told.notes.iter().any(|note| note.contains("boundary of B cannot be applied to A")),
        "{:?}",
        told.notes
    );
    assert_eq!(told.b.as_other.as_ref().map(|as_a| as_a.facility_kwh.to_string()).as_deref(), Some("111750"));
    let text = told.text();
    for words in [
        "Hall one (hall-1): PUE from 2025-09 to 2025-10",
        "cooling          +0.1000",
        "B by the boundary of A",
    ] {
        assert!(text.contains(words), "`{words}` is missing in\n{text}");
    }
    let back = change(&hall.source(), "hall-1", "2025-10", "2025-09", now()).expect("told");
    assert_eq!(back.change_rounded, "-0.2500");
    assert_eq!(back.parts[3].rounded, "-0.0500");
}

#[test]
fn a_subsystem_that_is_hardly_known_is_left_unattributed() {
    let mut hall = Hall::empty();
    hall.hourly("main", 0, HOURS[0], 1_000, 130);
    hall.hourly("pdu", 0, HOURS[0], 7_000, 100);
    hall.hourly("chiller", 0, 30, 0, 20);
    hall.engine.compact().expect("moved");
    let told = change(&hall.source(), "hall-1", "2025-09-01", "2025-09-03", now()).expect("told");
    let causes: Vec<_> = told.parts.iter().map(|part| part.cause).collect();
    assert_eq!(causes, ["it-load", "unattributed", "configuration", "data-quality"]);
    assert!(told.notes[0].starts_with("cooling is not told apart"), "{:?}", told.notes);
    assert_eq!(told.change_rounded, "0.0000");
}
