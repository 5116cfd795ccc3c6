//! Sums over any interval are what adding up minute by minute gives, whatever is cached by day and hour,
//! whenever meters join and leave a sum, and whatever changed in between.

use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use wattledger_collector::engine::{Arrival, Engine, EngineConfig};
use wattledger_collector::indicators::account::ALWAYS;
use wattledger_collector::indicators::{Account, Accounts, Pair, Reader, Term, Weight, support};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::ledger::fold::{Minutes, fold};
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_collector::store::{self, Layout, MeterId};
use wattledger_model::batch::{AgentKey, Batch, Lineage};
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::MeterKey;
use wattledger_model::minute::Minute as Booked;
use wattledger_model::reading::{Incarnation, Intake, Quality, Reading};
use wattledger_model::time::{Interval, MINUTE_MS, Minute, Timestamp};
use wattledger_model::wire;

/// A midnight, so that whole days are summed too.
const START: i64 = 1_767_225_600_000;
const DAYS: i64 = 3;
const METERS: usize = 3;

fn key(meter: usize) -> MeterKey {
    let name = format!("m-{meter}");
    MeterKey { site: "hall".parse().expect("name"), meter: name.parse().expect("name") }
}

fn interpretation() -> Interpretation {
    Interpretation::unclaimed("Wh".parse().ok())
}

/// One meter's readings: every minute or quarter of an hour, with holes, a little past the minute.
fn series(meter: usize) -> impl Strategy<Value = Vec<Reading>> {
    let hole = (0..DAYS * 1_440, 5..900_i64);
    (prop::collection::vec(hole, 0..4), 0..2_i64, 0..30_000_i64, 1..40_i64).prop_map(
        move |(holes, slow, late, rate)| {
            let every = if slow == 1 { 15 } else { 1 };
            let is_there = |at: &i64| !holes.iter().any(|(from, long)| (*from..from + long).contains(at));
            let minutes = (0..=DAYS * 1_440).step_by(every as usize).filter(is_there);
            let reading = |minute: i64| {
                let at = Timestamp(START + minute * MINUTE_MS + late * i64::from(minute % 7 == 0));
                let number = (meter as i64 * 100_000 + minute) as u64;
                let incarnation = Incarnation { started: Timestamp(START), id: 1 };
                Reading {
                    at,
                    arrived: at,
                    value: Decimal::new(1_000 + minute * rate + minute % 3, 0),
                    unit: "Wh".parse().ok(),
                    interval_ms: None,
                    evidence: None,
                    quality: Quality::Good,
                    intake: Some(Intake { incarnation, number }),
                }
            };
            minutes.map(reading).collect()
        },
    )
}

fn during() -> impl Strategy<Value = Interval> {
    let first = Timestamp(START).minute().0;
    let within = (0..DAYS * 1_440, 1..DAYS * 1_440)
        .prop_map(move |(from, long)| Interval::new(Minute(first + from), Minute(first + from + long)));
    prop_oneof![3 => Just(ALWAYS), 1 => within]
}

fn terms(least: usize) -> impl Strategy<Value = Vec<(usize, i64, Interval)>> {
    let term = (0..METERS, prop::sample::select(vec![1_000_000, -1_000_000, 350_000]), during());
    prop::collection::vec(term, least..4)
}

fn take(engine: &mut Engine, sequence: u64, meter: usize, readings: &[Reading]) {
    let agent = AgentKey { site: "hall".parse().expect("name"), agent: "a".parse().expect("name") };
    let batch = Batch {
        agent: agent.clone(),
        incarnation: Incarnation { started: Timestamp(START), id: 1 },
        sequence,
        meters: vec![key(meter).meter],
        readings: readings.iter().map(|reading| (0, *reading)).collect(),
        refused: Vec::new(),
        losses: Vec::new(),
        lineage: Lineage::default(),
    };
    let arrival = Arrival { agent, form: PayloadForm::Batch, payload: wire::encode_batch(&batch) };
    engine.take(&[arrival], Timestamp(START + DAYS * 86_400_000)).expect("taken");
    engine.flush().expect("flushed");
}

/// What adding up minute by minute gives, from the readings alone.
struct Plain {
    minutes: HashMap<MeterId, BTreeMap<i64, Booked>>,
    spans: HashMap<MeterId, Vec<Interval>>,
}

impl Plain {
    fn of(series: &[(MeterId, &[Reading])]) -> Plain {
        let mut plain = Plain { minutes: HashMap::new(), spans: HashMap::new() };
        for (meter, readings) in series {
            let folded = fold(readings, &interpretation());
            let Minutes::Sums(minutes) = folded.minutes else { panic!("registers") };
            plain.minutes.insert(*meter, minutes.into_iter().collect());
            let long: Vec<_> =
                folded.steps.iter().filter(|step| step.is_long()).map(|step| (step.from, step.to)).collect();
            plain.spans.insert(*meter, support::spans(&long));
        }
        plain
    }

    fn booked(&self, meter: MeterId, minute: i64) -> Booked {
        self.minutes[&meter].get(&minute).copied().unwrap_or_default()
    }

    /// `(numerator, denominator, weighted)` in millionths of one minute, of the provenances that `counts` picks.
    fn minute(&self, pair: &Pair, minute: i64, counts: &[usize]) -> (i128, i128, f64) {
        let side = |terms: &[Term]| -> i128 {
            let here = terms.iter().filter(|term| term.during.contains(Minute(minute)));
            here.map(|term| {
                let amount: i64 =
                    counts.iter().map(|p| self.booked(term.meter, minute).parts[*p].amount).sum();
                i128::from(term.millionths) * i128::from(amount)
            })
            .sum()
        };
        let above = side(&pair.numerator);
        let weight = pair.weight.as_ref().map_or(0.0, |weight| weight.at(Minute(minute)));
        let own = pair.own.iter().map(|(term, weight)| weight * side(std::slice::from_ref(term)) as f64);
        (above, side(&pair.denominator), weight * above as f64 + own.sum::<f64>())
    }

    fn knows(&self, pair: &Pair, minute: i64, counts: &[usize]) -> bool {
        let own: Vec<Term> = pair.own.iter().map(|(term, _)| *term).collect();
        [&pair.numerator, &pair.denominator, &own].into_iter().filter(|side| !side.is_empty()).all(|side| {
            let mut here = side.iter().filter(|term| term.during.contains(Minute(minute))).peekable();
            here.peek().is_some()
                && here.all(|term| {
                    let parts = self.booked(term.meter, minute).parts;
                    counts.iter().map(|p| i64::from(parts[*p].ms)).sum::<i64>() == MINUTE_MS
                })
        })
    }

    fn account(&self, pair: &Pair, interval: Interval) -> (Account, f64) {
        let mut sum = Account::default();
        let mut add = |minute: i64, counts: &[usize]| {
            let (above, below, weighted) = self.minute(pair, minute, counts);
            sum.minutes += 1;
            sum.numerator += above;
            sum.denominator += below;
            sum.weighted += weighted;
        };
        for minute in interval.from.0..interval.to.0 {
            if self.knows(pair, minute, &[0]) {
                add(minute, &[0]);
            }
        }
        for span in self.blocks(pair) {
            if interval.from <= span.from && span.to <= interval.to {
                (span.from.0..span.to.0).for_each(|minute| add(minute, &[0, 1]));
            }
        }
        let all = |provenance| -> i128 {
            (interval.from.0..interval.to.0).map(|minute| self.minute(pair, minute, &[provenance]).0).sum()
        };
        sum.all_numerator = [all(0), all(1), all(2)];
        let weighted =
            (interval.from.0..interval.to.0).map(|minute| self.minute(pair, minute, &[0, 1, 2]).2).sum();
        (sum, weighted)
    }

    fn blocks(&self, pair: &Pair) -> Vec<Interval> {
        let own = pair.own.iter().map(|(term, _)| term);
        let terms: Vec<&Term> = pair.numerator.iter().chain(&pair.denominator).chain(own).collect();
        let spans = terms.iter().flat_map(|term| {
            self.spans[&term.meter].iter().filter(|span| term.touches(**span)).copied().collect::<Vec<_>>()
        });
        let whole = |span: &Interval| {
            let cuts = |edge: Minute, meter: &MeterId| {
                self.spans[meter].iter().any(|own| own.from < edge && edge < own.to)
            };
            let is_cut = terms.iter().any(|term| {
                let inside = term.during.intersect(*span);
                !inside.is_empty()
                    && [(inside.from, span.from), (inside.to, span.to)]
                        .iter()
                        .any(|(edge, outer)| edge != outer && cuts(*edge, &term.meter))
            });
            !span.is_empty() && !is_cut && (span.from.0..span.to.0).all(|m| self.knows(pair, m, &[0, 1]))
        };
        let trimmed = |span: Interval| {
            [(0, 0), (1, 0), (0, 1), (1, 1)]
                .map(|(a, b)| Interval::new(Minute(span.from.0 + a), Minute(span.to.0 - b)))
                .into_iter()
                .find(whole)
        };
        support::join(spans.collect()).into_iter().filter_map(trimmed).collect()
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (a.abs() + b.abs()).max(1.0)
}

fn reader(directory: &Path) -> Reader {
    Reader::new(store::open_reader(&Layout::new(directory)).expect("opens"))
}

fn check(
    accounts: &mut Accounts,
    plain: &Plain,
    ledger: &Reader,
    directory: &Path,
    intervals: &[(i64, i64)],
) -> Result<(), TestCaseError> {
    let pair = accounts.pair().clone();
    let first = Timestamp(START).minute().0;
    for (from, long) in intervals {
        let interval = Interval::new(Minute(first + from), Minute(first + from + long));
        let found = accounts.account(ledger, interval).expect("read");
        let afresh = Accounts::new(pair.clone()).account(&reader(directory), interval).expect("read");
        prop_assert_eq!(found, afresh, "what was read before changes no bit of {}", interval);
        let (expected, weighted) = plain.account(&pair, interval);
        let rounded = |millionths: i128| (millionths as f64 / 1e6).round_ties_even() as i128;
        prop_assert_eq!(found.minutes, expected.minutes, "minutes of {}", interval);
        prop_assert_eq!(found.numerator, rounded(expected.numerator), "numerator of {}", interval);
        prop_assert_eq!(found.denominator, rounded(expected.denominator), "denominator of {}", interval);
        prop_assert_eq!(found.all_numerator, expected.all_numerator.map(rounded));
        prop_assert!(near(found.weighted, expected.weighted / 1e6), "weighted {}", interval);
        prop_assert!(near(found.all_weighted, weighted / 1e6), "all weighted {}", interval);
        let gaps: i64 = accounts.gaps(ledger, interval).expect("read").iter().map(|gap| gap.minutes()).sum();
        prop_assert_eq!(gaps + found.minutes, *long, "what is not in the support is a gap");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn an_account_is_the_sum_of_its_minutes(
        all in (series(0), series(1), series(2)),
        above in terms(1),
        below in terms(0),
        own in terms(0),
        weights in prop::collection::vec((0..DAYS * 1_440, 0..9_u8), 0..4),
        intervals in prop::collection::vec((-100..DAYS * 1_440, 1..DAYS * 1_440 + 200), 1..12),
        late in 0..METERS,
        ahead in any::<bool>(),
    ) {
        let all = [all.0, all.1, all.2];
        let directory = tempfile::tempdir().expect("a directory");
        let meters = (0..METERS).map(|meter| (key(meter), interpretation())).collect();
        let layout = Layout::new(directory.path());
        let mut engine =
            Engine::open(EngineConfig { layout, raw_kept_ms: 400 * 86_400_000, meters }).expect("opens");
        let id = |engine: &Engine, meter: usize| engine.meters().id(&key(meter)).expect("declared");
        // One meter's second half comes later, after sums were made without it.
        let half = all[late].len() / 2;
        for (meter, readings) in all.iter().enumerate() {
            let known = if meter == late { &readings[..half] } else { &readings[..] };
            take(&mut engine, meter as u64, meter, known);
        }
        let term = |(meter, millionths, during): &(usize, i64, Interval)| {
            Term { meter: id(&engine, *meter), millionths: *millionths, during: *during }
        };
        let first = Timestamp(START).minute().0;
        let steps = weights.iter().map(|(at, weight)| (Minute(first + at), f64::from(*weight))).collect();
        let pair = Pair {
            numerator: above.iter().map(term).collect(),
            denominator: below.iter().map(term).collect(),
            weight: (!weights.is_empty()).then(|| Weight::steps(steps)),
            own: own.iter().map(|of| (term(of), 0.25)).collect(),
        };
        let mut accounts = Accounts::new(pair);
        let given = |upto: usize| -> Vec<(MeterId, &[Reading])> {
            let of = |meter: usize| if meter == late { &all[meter][..upto] } else { &all[meter][..] };
            (0..METERS).map(|meter| (id(&engine, meter), of(meter))).collect()
        };
        let ledger = reader(directory.path());
        // Hours are asked for before days that hold them, and after.
        if ahead {
            let all = Interval::new(Minute(first), Minute(first + DAYS * 1_440));
            accounts.hourly(&ledger, all).expect("read");
        }
        check(&mut accounts, &Plain::of(&given(half)), &ledger, directory.path(), &intervals)?;
        let before = engine.change().expect("change");
        let whole = Plain::of(&given(all[late].len()));
        let late_id = id(&engine, late);
        take(&mut engine, METERS as u64, late, &all[late][half..]);
        let changed: Vec<i64> = ledger
            .prepare("SELECT hour FROM hour WHERE change > ?1")
            .and_then(|mut s| s.query_map([before as i64], |row| row.get(0))?.collect())
            .expect("read");
        changed.iter().for_each(|hour| ledger.forget(late_id, *hour));
        if accounts.concerns(late_id) {
            changed.into_iter().for_each(|hour| accounts.invalidate(late_id, hour));
        }
        check(&mut accounts, &whole, &ledger, directory.path(), &intervals)?;
    }
}
