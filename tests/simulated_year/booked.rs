//! What is booked is what flowed, and the figures of the year are those of the world.

use crate::hall::Hall;
use crate::meters::REGISTERS;
use crate::world::{BEGINS, FAILS, HEAT, MENDED, SILENT, at};
use chrono::NaiveDate;
use chrono_tz::Europe::Berlin;
use wattledger_collector::targets::State;
use wattledger_model::calendar;
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::time::{Interval, MINUTE_MS, Timestamp};

/// One step of a register, in Wh.
const STEP_WH: i64 = 100;

fn months() -> impl Iterator<Item = (NaiveDate, Interval)> {
    let date = |year, month| NaiveDate::from_ymd_opt(year, month, 1).expect("a date");
    let all = [2024, 2025].into_iter().flat_map(move |year| (1..=12).map(move |month| date(year, month)));
    all.map(|first| (first, calendar::month(Berlin, first)))
}

fn between(from: &str, to: &str) -> Interval {
    Interval::new(Timestamp(at(from)).minute(), Timestamp(at(to)).minute())
}

#[test]
fn each_month_of_each_meter_is_booked_as_it_flowed() {
    let hall = Hall::shared();
    let view = hall.view();
    let silent = between(SILENT[0], SILENT[1]);
    for register in &REGISTERS {
        for (first, month) in months() {
            let [measured, interpolated, estimated] =
                view.booked(hall.meter(register.name), month).expect("the store can be read");
            let told = format!("{} in {first}", register.name);
            let (from, to) = (month.from.start().0, month.to.start().0);
            let flowed = hall.world.between(register.flow, from, to);
            let off = (measured.0 + interpolated.0) / 1_000_000 - i128::from(flowed);
            assert!(off.abs() <= i128::from(STEP_WH), "{told} is off by {off} Wh");
            assert_eq!(estimated, (0, 0), "{told}");
            let unheard = if register.name == "ups-2" { silent.intersect(month).minutes() } else { 0 };
            // From the last reading before the silence, five minutes earlier, to the first after it.
            let unheard = if unheard > 0 { unheard + 5 } else { 0 };
            assert_eq!(interpolated.1, unheard * MINUTE_MS, "{told}");
            assert_eq!(measured.1 + interpolated.1, month.minutes() * MINUTE_MS, "{told}");
        }
    }
}

#[test]
fn the_dead_meter_leaves_one_long_step_with_all_that_flowed() {
    let hall = Hall::shared();
    let view = hall.view();
    let all = between(BEGINS, "2026-01-01T00:00:00+01:00");
    let mut found = Vec::new();
    for register in &REGISTERS {
        let steps = view.steps(hall.meter(register.name), all).expect("the store can be read");
        found.extend(steps.into_iter().map(|step| (register, step)));
    }
    let [(register, step)] = found.as_slice() else { panic!("one step, not {}", found.len()) };
    assert_eq!(register.name, "ups-2");
    assert_eq!((step.from.0, step.to.0), (at(SILENT[0]) - 5 * MINUTE_MS, at(SILENT[1])));
    assert_eq!((step.class, step.provenance), (StepClass::Normal, Some(Provenance::Interpolated)));
    let flowed = hall.world.between(register.flow, step.from.0, step.to.0);
    let off = step.amount.expect("an amount") / 1_000_000 - i128::from(flowed);
    assert!(off.abs() <= i128::from(STEP_WH), "{off} Wh");
}

#[test]
fn the_pue_of_each_month_is_that_of_the_world() {
    let hall = Hall::shared();
    let mut view = hall.view();
    for (first, month) in months() {
        let sums = view.energies(0, month).expect("the store can be read");
        let pue = sums.numerator as f64 / sums.denominator as f64;
        let of_the_world = hall.world.pue(month.from.start().0, month.to.start().0);
        assert!((pue - of_the_world).abs() < 1e-5, "{first}: {pue}, and in the world {of_the_world}");
        assert_eq!(sums.minutes, month.minutes(), "{first}: the step over the silence is whole");
    }
}

#[test]
fn cold_months_are_cheap_and_only_what_befell_the_hall_is_beyond_the_limit_for_days() {
    let hall = Hall::shared();
    let pue = |from: &str, to: &str| hall.world.pue(at(from), at(to));
    let january = pue("2025-01-01T00:00:00+01:00", "2025-02-01T00:00:00+01:00");
    assert!((1.20..1.26).contains(&january), "{january}");
    let may = pue("2025-05-01T00:00:00+02:00", "2025-06-01T00:00:00+02:00");
    assert!((1.30..1.33).contains(&may), "{may}");
    let failing = pue(FAILS, MENDED);
    assert!(failing > 1.40, "{failing}");
    let hot = pue("2025-07-13T12:00:00+02:00", "2025-07-13T20:00:00+02:00");
    assert!(hot > 1.45, "{hot}");
    let [year_before, year] = [("2024", "2025"), ("2025", "2026")].map(|(from, to)| {
        pue(&format!("{from}-01-01T00:00:00+01:00"), &format!("{to}-01-01T00:00:00+01:00"))
    });
    assert!(year_before < 1.30 && year > 1.30, "{year_before}, {year}");
}

#[test]
fn the_forecast_passes_the_limit_with_the_chiller_and_stays_beyond_it() {
    let hall = Hall::shared();
    let state = |on: &str| {
        let outlook = hall.outlook(on);
        let forecast = outlook.forecast.expect("a forecast");
        assert_eq!(forecast.method, "weather", "{on}: the overhead follows the outdoor temperature");
        let expected = forecast.value;
        let [budget] = outlook.targets.as_slice() else { panic!("one target") };
        (budget.state, expected)
    };
    for on in ["2025-02-01", "2025-04-01", "2025-05-20", "2025-06-10", "2025-06-17"] {
        assert_eq!(state(on).0, State::OnCourse, "{on}: {:.5}", state(on).1);
    }
    for on in ["2025-06-22", "2025-07-08", "2025-07-19", "2025-09-15", "2025-11-15", "2025-12-31"] {
        assert_ne!(state(on).0, State::OnCourse, "{on}: {:.5}", state(on).1);
    }
    assert!(state(&HEAT[1][..10]).1 > state(&HEAT[0][..10]).1 + 0.0005, "the heat wave costs more");
}
