use super::*;
use proptest::prelude::*;
use wattledger_model::time::Timestamp;

const KWH: i128 = 1_000_000_000;

fn stated(make: Option<&str>, expanded_percent: f64) -> Instrument {
    Instrument {
        from: Timestamp(0),
        serial: None,
        make: make.map(str::to_owned),
        accuracy: Some(Accuracy::ChannelPercent(expanded_percent)),
        current: None,
        rated_load: None,
        voltage_transformer: None,
        calibrated: None,
    }
}

fn metered<'a>(instrument: &'a Instrument, amount: i128) -> Metered<'a> {
    Metered {
        meter: "m",
        instrument: Some(instrument),
        amount,
        estimated: 0,
        loaded_ms: 3_600_000,
        resolution: 0,
        differences: 1,
        cut: &[],
    }
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.expect("known");
    assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1e-3), "{found}, expected {expected}");
}

#[test]
fn one_make_adds_up_and_different_makes_do_not() {
    let (a, b, none) = (stated(Some("a"), 2.0), stated(Some("b"), 2.0), stated(None, 2.0));
    let sum = |one, other| total(&[metered(one, 100), metered(other, 100)], &[(0, 1.0), (1, 1.0)]).standard();
    near(sum(&a, &a), 2.0);
    near(sum(&none, &none), 2.0);
    near(sum(&a, &b), 2.0_f64.sqrt());
    near(sum(&a, &none), 2.0_f64.sqrt());
}

#[test]
fn a_difference_within_one_make_does_not_cancel() {
    let a = stated(Some("a"), 2.0);
    let budget = total(&[metered(&a, 100), metered(&a, 90)], &[(0, 1.0), (1, -1.0)]);
    assert_eq!(budget.value, Some(10.0));
    near(budget.standard(), 1.0_f64.hypot(0.9));
}

#[test]
fn a_meter_on_both_sides_has_one_error() {
    let a = stated(Some("a"), 2.0);
    let meters = [metered(&a, 100)];
    let budget = quotient(&meters, &[(0, 1.0)], &[(0, 1.0)], 1.0, 0.0);
    assert_eq!((budget.value, budget.standard()), (Some(1.0), Some(0.0)), "E/E is 1, however wrong E is");
}

/// The figure of domain.md 6.1: ±49 % for a minute of 100 kW by a register of 1 kWh.
#[test]
fn a_coarse_register_does_not_resolve_a_minute_but_an_hour() {
    let exact = stated(Some("a"), 0.0);
    let coarse = |minutes: i128| Metered { resolution: KWH, ..metered(&exact, 100 * KWH * minutes / 60) };
    let minute = total(&[coarse(1)], &[(0, 1.0)]);
    let share = minute.expanded().expect("known") / minute.value.expect("a value");
    assert!((share - 0.49).abs() < 0.001, "{share}");
    assert_eq!(minute.is_resolved(), Some(false));
    let shortest = minute.shortest_resolved(1).expect("one");
    assert_eq!(shortest, Window::QuarterHour);
    let minutes = i128::from(shortest.elapsed_minutes().expect("fixed"));
    assert_eq!(total(&[coarse(minutes)], &[(0, 1.0)]).is_resolved(), Some(true), "as was said");
}

#[test]
fn estimates_and_cut_steps_add_their_own() {
    let exact = stated(Some("a"), 0.0);
    let estimated = Metered { estimated: 40, ..metered(&exact, 100) };
    near(total(&[estimated], &[(0, 1.0)]).standard(), 20.0);
    let cut = Metered { cut: &[60, 60], ..metered(&exact, 100) };
    near(total(&[cut], &[(0, 1.0)]).standard(), (2.0 * 900.0 / 3.0_f64).sqrt());
    let twice = Metered { resolution: 6, differences: 2, ..metered(&exact, 100) };
    near(total(&[twice], &[(0, 1.0)]).standard(), (2.0 * 36.0 / 6.0_f64).sqrt());
}

#[test]
fn an_unknown_channel_makes_the_figure_unknown_unless_it_adds_nothing() {
    let known = stated(Some("a"), 2.0);
    let unknown = Metered { instrument: None, meter: "feed-b", ..metered(&known, 10) };
    let budget = total(&[metered(&known, 100), unknown.clone()], &[(0, 1.0), (1, 1.0)]);
    assert_eq!((budget.standard(), budget.expanded(), budget.is_resolved()), (None, None, None));
    assert_eq!(budget.unknown(), ["feed-b: no instrument is declared"]);
    assert_eq!(budget.shortest_resolved(60), None);
    let idle = Metered { amount: 0, ..unknown.clone() };
    near(total(&[metered(&known, 100), idle], &[(0, 1.0), (1, 1.0)]).standard(), 1.0);
    near(total(&[metered(&known, 100), unknown], &[(0, 1.0)]).standard(), 1.0);
}

#[test]
fn no_it_energy_is_no_figure_and_no_uncertainty() {
    let a = stated(Some("a"), 2.0);
    let budget = quotient(&[metered(&a, 100), metered(&a, 0)], &[(0, 1.0)], &[(1, 1.0)], 1.0, 0.0);
    assert_eq!((budget.value, budget.standard(), budget.is_resolved()), (None, None, None));
}

#[test]
fn the_load_is_that_of_the_time_in_which_something_flowed() {
    let rated = Instrument { rated_load: Some(100 * KWH), ..stated(Some("a"), 1.0) };
    let hour_of_a_year = metered(&rated, 50 * KWH);
    assert_eq!(total(&[hour_of_a_year], &[(0, 1.0)]).lines[0].load, Some(0.5));
}

fn any_meter() -> impl Strategy<Value = (u8, f64, i128, i128)> {
    (0_u8..3, 0.0_f64..5.0, 1_i128..1_000_000, 0_i128..1_000)
}

proptest! {
    /// The rows of the table add up to the whole, and scaling all amounts changes no relative uncertainty.
    #[test]
    fn the_table_adds_up(
        rows in proptest::collection::vec((any_meter(), -1.0_f64..2.0, 0.0_f64..2.0), 1..8),
        scale in 1_i128..1_000,
    ) {
        let makes = [Some("a"), Some("b"), None];
        let instruments: Vec<Instrument> =
            rows.iter().map(|((make, percent, _, _), _, _)| stated(makes[usize::from(*make)], *percent)).collect();
        let of = |scale: i128| {
            let meters: Vec<Metered<'_>> = rows
                .iter()
                .zip(&instruments)
                .map(|(((_, _, amount, resolution), _, _), instrument)| Metered {
                    resolution: resolution * scale,
                    ..metered(instrument, amount * scale)
                })
                .collect();
            let above: Vec<(usize, f64)> = rows.iter().enumerate().map(|(at, (_, a, _))| (at, *a)).collect();
            let below: Vec<(usize, f64)> = rows.iter().enumerate().map(|(at, (_, _, b))| (at, *b)).collect();
            quotient(&meters, &above, &below, 1.0, 0.0)
        };
        let budget = of(1);
        if let Some(u) = budget.standard() {
            let sum: f64 = budget.lines.iter().map(|line| line.contribution).sum();
            prop_assert!((sum - u * u).abs() <= 1e-9 * (u * u) + 1e-18, "{sum} and {}", u * u);
            let scaled = of(scale).standard().expect("known");
            prop_assert!((scaled - u).abs() <= 1e-9 * u + 1e-12);
        }
    }

    /// Independent is never more than correlated.
    #[test]
    fn one_make_is_the_wider_choice(amounts in proptest::collection::vec(1_i128..1_000_000, 2..6)) {
        let u = |different: bool| {
            let instruments: Vec<Instrument> = (0..amounts.len())
                .map(|at| stated(Some(&if different { at.to_string() } else { "one".to_owned() }), 1.0))
                .collect();
            let meters: Vec<Metered<'_>> =
                amounts.iter().zip(&instruments).map(|(amount, instrument)| metered(instrument, *amount)).collect();
            let terms: Vec<(usize, f64)> = (0..amounts.len()).map(|at| (at, 1.0)).collect();
            total(&meters, &terms).standard().expect("known")
        };
        prop_assert!(u(true) <= u(false));
    }
}
