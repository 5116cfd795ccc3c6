//! One hall over two years: what flowed through it to the watt-hour, and what befell it.
//!
//! IT load, weather and lighting are those of the demo's large hall. The cooling is another: an older plant with
//! cold water and so with little free cooling, two chillers of which the first carries two thirds, and events.

use wattledger_agent::source::simulated::{Shown, Simulation, sites};
use wattledger_model::time::Timestamp;

/// Of the demo's world. Another has other weather, and with it another forecast.
const SEED: u64 = 7;
/// Midnight at the start of 2024 and at the end of the first of January 2026, local.
pub(crate) const BEGINS: &str = "2024-01-01T00:00:00+01:00";
pub(crate) const ENDS: &str = "2026-01-02T00:00:00+01:00";

/// The first chiller loses refrigerant: it draws half as much again for the same cold.
pub(crate) const FAILS: &str = "2025-06-17T10:45:00+02:00";
/// It is switched off. The second carries everything, far above its best load.
pub(crate) const SWITCHED_OFF: &str = "2025-06-18T11:15:00+02:00";
/// It is mended.
pub(crate) const MENDED: &str = "2025-06-21T16:30:00+02:00";
/// The first and the last hour of a heat wave.
pub(crate) const HEAT: [&str; 2] = ["2025-07-08T06:00:00+02:00", "2025-07-18T18:00:00+02:00"];
/// Between these the IT meter of the second UPS says nothing. Its register counts on.
pub(crate) const SILENT: [&str; 2] = ["2025-08-12T09:20:00+02:00", "2025-08-15T14:05:00+02:00"];

/// Step of the world. Powers are the same all through it.
const QUARTER_MS: i64 = 900_000;
const HOUR_MS: f64 = 3_600_000.0;

/// What is metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    MainA,
    MainB,
    UpsIn1,
    UpsIn2,
    Ups1,
    Ups2,
    /// Two distribution boards that hang on the second UPS.
    Rows3,
    Rows4,
    Chiller1,
    Chiller2,
    /// Pumps, and the fans of the dry coolers.
    Pumps,
    AirHandlers,
    Lighting,
}

const FLOWS: usize = 13;
/// What the mains feed.
pub(crate) const BELOW_MAINS: [Flow; 7] = [
    Flow::UpsIn1,
    Flow::UpsIn2,
    Flow::Chiller1,
    Flow::Chiller2,
    Flow::Pumps,
    Flow::AirHandlers,
    Flow::Lighting,
];

/// Energy of each flow, Wh.
type Energies = [i64; FLOWS];

pub(crate) fn at(text: &str) -> i64 {
    Timestamp::from_rfc3339(text).unwrap_or_else(|| panic!("{text} is no time")).0
}

pub(crate) struct World {
    begins: i64,
    /// What had flowed by each quarter-hour.
    totals: Vec<Energies>,
    /// Outdoor temperature at each, tenths of a degree.
    outdoor: Vec<i64>,
}

impl World {
    pub(crate) fn new() -> World {
        let site = sites().iter().find(|site| site.name == "hamburg").expect("the demo's site");
        let (begins, ends) = (at(BEGINS), at(ENDS));
        let mut demo = Simulation::new(site, SEED, Timestamp(begins)).expect("the demo's tables are right");
        let mut world = World { begins, totals: vec![[0; FLOWS]], outdoor: Vec::new() };
        let events = Events::new();
        let mut before: Option<Seen> = None;
        for now in (begins..=ends).step_by(QUARTER_MS as usize) {
            let seen = Seen::of(&demo.shown(Timestamp(now), Timestamp(now - QUARTER_MS), true));
            if let Some(before) = before {
                let from = now - QUARTER_MS;
                let outdoor_c = before.outdoor_c + events.warmer_by(from);
                let used = seen.less(&before);
                let spent = quarter(&used, outdoor_c, events.chillers(from));
                let last = *world.totals.last().expect("the first total");
                world.totals.push(std::array::from_fn(|flow| last[flow] + spent[flow]));
            }
            world.outdoor.push(((seen.outdoor_c + events.warmer_by(now)) * 10.0).round() as i64);
            before = Some(seen);
        }
        world
    }

    /// What has flowed by an instant since the world began, Wh.
    pub(crate) fn by(&self, flow: Flow, at: i64) -> i64 {
        let into = at - self.begins;
        let (number, way) = (into.div_euclid(QUARTER_MS) as usize, into.rem_euclid(QUARTER_MS));
        let from = self.totals[number][flow as usize];
        if way == 0 {
            return from;
        }
        from + (self.totals[number + 1][flow as usize] - from) * way / QUARTER_MS
    }

    /// What flowed between two instants, Wh.
    pub(crate) fn between(&self, flow: Flow, from: i64, to: i64) -> i64 {
        self.by(flow, to) - self.by(flow, from)
    }

    /// Energy of the facility by that of its IT.
    pub(crate) fn pue(&self, from: i64, to: i64) -> f64 {
        let sum = |flows: &[Flow]| flows.iter().map(|flow| self.between(*flow, from, to)).sum::<i64>() as f64;
        sum(&[Flow::MainA, Flow::MainB]) / sum(&[Flow::Ups1, Flow::Ups2])
    }

    /// Outdoor temperature at a quarter-hour, tenths of a degree Celsius.
    pub(crate) fn outdoor(&self, at: i64) -> i64 {
        self.outdoor[(at - self.begins).div_euclid(QUARTER_MS) as usize]
    }
}

/// What is taken over from the demo's hall. Energies in Wh.
struct Seen {
    it: [i64; 2],
    lighting: i64,
    outdoor_c: f64,
}

impl Seen {
    fn of(shown: &[Shown]) -> Seen {
        let value = |meter: &str| {
            let one = shown.iter().find(|shown| shown.meter.as_str() == meter);
            one.unwrap_or_else(|| panic!("{meter} is silent")).value
        };
        let energy = |meter: &str| {
            let kwh = value(meter);
            kwh.mantissa * 10_i64.pow((3 + kwh.exponent) as u32)
        };
        Seen {
            it: [energy("hall-pdu-a"), energy("hall-pdu-b")],
            lighting: energy("hall-lighting"),
            outdoor_c: value("outdoor-temperature").to_f64(),
        }
    }

    fn less(&self, before: &Seen) -> Seen {
        Seen {
            it: std::array::from_fn(|feed| self.it[feed] - before.it[feed]),
            lighting: self.lighting - before.lighting,
            outdoor_c: before.outdoor_c,
        }
    }
}

/// Losses of the UPSs by what they deliver.
const UPS_LOSS: f64 = 0.045;
const AIR_HANDLERS_WATTS: f64 = 46_500.0;
/// Pumps by the heat that they move, and fans of the dry coolers by what they blow off.
const PUMPS: f64 = 0.024;
const FANS: f64 = 0.008;
/// Up to the first outdoor temperature no compressor runs, from the second on all heat passes one.
const FREE_COOLING_C: [f64; 2] = [-6.0, 5.0];
/// Heat moved by each unit of work up to 12 °C, what each kelvin above takes off it, and each above 27 °C besides.
const PERFORMANCE: [f64; 3] = [6.6, 0.045, 0.26];

/// Where all energy of a quarter-hour went.
fn quarter(used: &Seen, outdoor_c: f64, chillers: [Chiller; 2]) -> Energies {
    let it = used.it.map(|wh| wh as f64);
    let ups_in = it.map(|wh| wh * (1.0 + UPS_LOSS));
    let air_handlers = AIR_HANDLERS_WATTS * QUARTER_MS as f64 / HOUR_MS;
    let heat = ups_in[0] + ups_in[1] + air_handlers;
    let [all_free, none_free] = FREE_COOLING_C;
    let compressed = heat * ((outdoor_c - all_free) / (none_free - all_free)).clamp(0.0, 1.0);
    let [best, per_kelvin, strained] = PERFORMANCE;
    let performance =
        best - per_kelvin * (outdoor_c - 12.0).max(0.0) - strained * (outdoor_c - 27.0).max(0.0);
    let work = chillers.map(|chiller| compressed * chiller.share / (performance * chiller.performance));
    let strain = ((outdoor_c - 5.0) / 15.0).clamp(0.0, 2.0);
    let pumps = heat * PUMPS + (heat + work[0] + work[1]) * FANS * (1.0 + strain);
    let whole = |wh: f64| wh.round() as i64;
    let mut spent = [0; FLOWS];
    let mut put = |flow: Flow, wh: i64| spent[flow as usize] = wh;
    put(Flow::Ups1, used.it[0]);
    put(Flow::Ups2, used.it[1]);
    put(Flow::Rows3, used.it[1] * 3 / 5);
    put(Flow::Rows4, used.it[1] - used.it[1] * 3 / 5);
    put(Flow::UpsIn1, whole(ups_in[0]));
    put(Flow::UpsIn2, whole(ups_in[1]));
    put(Flow::Chiller1, whole(work[0]));
    put(Flow::Chiller2, whole(work[1]));
    put(Flow::Pumps, whole(pumps));
    put(Flow::AirHandlers, whole(air_handlers));
    put(Flow::Lighting, used.lighting);
    let drawn: i64 = BELOW_MAINS.iter().map(|flow| spent[*flow as usize]).sum();
    spent[Flow::MainA as usize] = drawn * 53 / 100;
    spent[Flow::MainB as usize] = drawn - drawn * 53 / 100;
    spent
}

/// What a chiller does: its share of the heat, and how well by how it should.
#[derive(Debug, Clone, Copy)]
struct Chiller {
    share: f64,
    performance: f64,
}

struct Events {
    fails: i64,
    switched_off: i64,
    mended: i64,
    heat: [i64; 2],
}

impl Events {
    fn new() -> Events {
        Events { fails: at(FAILS), switched_off: at(SWITCHED_OFF), mended: at(MENDED), heat: HEAT.map(at) }
    }

    fn chillers(&self, now: i64) -> [Chiller; 2] {
        let chiller = |share, performance| Chiller { share, performance };
        if (self.fails..self.switched_off).contains(&now) {
            [chiller(2.0 / 3.0, 1.0 / 1.5), chiller(1.0 / 3.0, 1.0)]
        } else if (self.switched_off..self.mended).contains(&now) {
            [chiller(0.0, 1.0), chiller(1.0, 0.55)]
        } else {
            [chiller(2.0 / 3.0, 1.0), chiller(1.0 / 3.0, 1.0)]
        }
    }

    /// Kelvins that the heat wave adds: it comes within a day and a half and leaves with a thunderstorm.
    fn warmer_by(&self, now: i64) -> f64 {
        let hours = |ms: i64| ms as f64 / HOUR_MS;
        let [from, to] = self.heat;
        11.5 * (hours(now - from) / 36.0).clamp(0.0, 1.0) * (hours(to - now) / 18.0).clamp(0.0, 1.0)
    }
}

#[test]
fn nothing_is_lost_between_the_mains_and_what_they_feed() {
    let world = World::new();
    for day in 0..730 {
        let from = world.begins + day * 86_400_000;
        let sum = |flows: &[Flow]| -> i64 {
            flows.iter().map(|flow| world.between(*flow, from, from + 86_400_000)).sum()
        };
        assert_eq!(sum(&[Flow::MainA, Flow::MainB]), sum(&BELOW_MAINS), "day {day}");
        assert_eq!(sum(&[Flow::Ups2]), sum(&[Flow::Rows3, Flow::Rows4]), "day {day}");
    }
}

#[test]
fn the_failing_chiller_draws_half_as_much_again_then_nothing() {
    let world = World::new();
    let hour = HOUR_MS as i64;
    let draws = |flow, from: i64| world.between(flow, from, from + hour) as f64;
    let (fails, off, mended) = (at(FAILS), at(SWITCHED_OFF), at(MENDED));
    let more = draws(Flow::Chiller1, fails) / draws(Flow::Chiller1, fails - hour);
    assert!((1.45..1.6).contains(&more), "{more}");
    assert_eq!(world.between(Flow::Chiller1, off, mended), 0);
    let carried = draws(Flow::Chiller2, off) / draws(Flow::Chiller2, off - hour);
    assert!(carried > 4.0, "{carried}");
    let again = draws(Flow::Chiller1, mended) / draws(Flow::Chiller2, mended);
    assert!((1.9..2.1).contains(&again), "{again}");
}

#[test]
fn the_heat_wave_is_one_and_no_other_day_is_as_hot() {
    let world = World::new();
    let [from, to] = HEAT.map(at);
    let hottest = |days: &mut dyn Iterator<Item = i64>| days.map(|now| world.outdoor(now)).max();
    let within = |now: &i64| (from..to).contains(now);
    let quarters = || (at(BEGINS)..at(ENDS)).step_by(QUARTER_MS as usize);
    assert!(hottest(&mut quarters().filter(within)) > Some(350));
    assert!(hottest(&mut quarters().filter(|now| !within(now))) < Some(290));
}
