use super::read::MOST_PROBLEMS;
use super::*;
use crate::time::Timestamp;
use proptest::prelude::*;

fn minute(text: &str) -> Minute {
    Timestamp::from_rfc3339(text).expect("a time").minute()
}

fn parse(text: &str) -> Result<FactorSeries, SeriesProblems> {
    FactorSeries::parse(text, "Europe/Paris".parse().expect("a zone"))
}

#[test]
fn a_factor_holds_until_the_next_and_the_last_for_as_long_as_usual() {
    // The second row is the first one's time plus an hour, by the clocks of Paris and in UTC.
    let text = "time,g/kWh\n2020-01-01 00:00,56\n2020-01-01T00:00:00Z,60\n2020-01-01 02:00:00,44.5\n";
    let series = parse(text).expect("a series");
    assert_eq!(series.step_minutes(), 60);
    assert_eq!(series.at(minute("2019-12-31T22:59:00Z")), None, "before it");
    assert_eq!(series.at(minute("2019-12-31T23:59:00Z")), Some(0.056));
    assert_eq!(series.at(minute("2020-01-01T00:00:00Z")), Some(0.06));
    assert_eq!(series.at(minute("2020-01-01T01:59:00Z")), Some(0.0445));
    assert_eq!(series.at(minute("2020-01-01T02:00:00Z")), None, "after it");
    assert_eq!(series.at(Minute(i64::MIN)), None);
    assert_eq!(series.covers().to_string(), "[2019-12-31T23:00:00Z, 2020-01-01T02:00:00Z)");
    assert!(series.holes().is_empty());
}

#[test]
fn a_hole_is_not_filled_with_what_was_before_it() {
    let rows = ["00", "01", "02", "04", "12", "13"].map(|hour| format!("2020-01-01T{hour}:00:00Z,0.5\n"));
    let series = parse(&format!("time,kg/kWh\n{}", rows.concat())).expect("a series");
    let hours = |interval: &Interval| [interval.from, interval.to].map(|at| at.0 % 1_440 / 60);
    assert_eq!(series.holes().iter().map(hours).collect::<Vec<_>>(), [[3, 4], [5, 12]]);
    assert_eq!(series.at(minute("2020-01-01T02:59:00Z")), Some(0.5));
    assert_eq!(series.at(minute("2020-01-01T03:00:00Z")), None, "one row that is missing is a hole");
    let told: Vec<_> =
        series.steps().iter().map(|(minute, factor)| (minute.0 % 1_440 / 60, factor.is_some())).collect();
    let expected = [
        (0, true),
        (1, true),
        (2, true),
        (3, false),
        (4, true),
        (5, false),
        (12, true),
        (13, true),
        (14, false),
    ];
    assert_eq!(told, expected);
    assert_eq!(series.mean(series.covers()), None);
}

#[test]
fn local_days_of_any_length_follow_each_other_without_a_hole() {
    let days = ["2026-10-24", "2026-10-25", "2026-10-26", "2026-10-27"].map(|day| format!("{day},100\n"));
    let series = parse(&format!("time,g/kWh\n{}", days.concat())).expect("a series");
    assert!(series.holes().is_empty(), "the 25th has 25 hours");
    assert_eq!(series.covers().minutes(), 4 * 1_440 + 60);
    let twice = parse("time,g/kWh\n2026-10-25 01:00,1\n2026-10-25 02:30,1\n").expect_err("ambiguous");
    assert!(twice.to_string().contains("line 3: clocks of Europe/Paris show"), "{twice}");
}

#[test]
fn the_mean_is_over_time() {
    let text =
        "time,g_per_kwh\n2026-01-01T00:00:00Z,600\n2026-01-01T01:00:00Z,500\n2026-01-01T03:00:00+01:00,200\n";
    let series = parse(text).expect("a series");
    let over = |from, to| series.mean(Interval::new(minute(from), minute(to)));
    let mean = over("2026-01-01T00:30:00Z", "2026-01-01T03:00:00Z").expect("covered");
    assert!((mean - (0.3 + 0.5 + 0.2) / 2.5).abs() < 1e-15);
    assert_eq!(over("2026-01-01T00:30:00Z", "2026-01-01T03:01:00Z"), None);
    assert_eq!(over("2025-12-31T23:59:00Z", "2026-01-01T01:00:00Z"), None);
}

#[test]
fn duplicates_disorder_and_wrong_units_are_named_with_their_lines() {
    let text = "time,kg_per_kwh\n2026-01-01T00:00:00Z,0.5\n2026-01-01T01:00:00Z,0.5\n\n2026-01-01T03:00:00Z,0.5\n\
                2026-01-01T03:00:00Z,0.5\n2026-01-01T02:00:00Z,0.5\n2026-01-01T05:00:00Z,500\n\
                2026-01-01T05:00:30Z,0.5\nwhat\n2026-01-01T06:00:00Z,NaN\n2026-01-01T07:00:00Z,-1\nnoon,0.5\n";
    let problems = parse(text).expect_err("many");
    let lines: Vec<usize> = problems.problems.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [6, 7, 8, 9, 10, 11, 12, 13], "{problems}");
    assert!(problems.to_string().contains("line 8: 500 kg/kWh is more than any electricity gives off"));
}

#[test]
fn a_text_without_unit_or_with_one_row_is_refused() {
    for text in
        ["", "time,factor\n", "hour;kg/kWh\n", "time,kg/kWh\n", "time,kg_per_kwh\n2026-01-01T00:00:00Z,0.5\n"]
    {
        assert!(parse(text).is_err(), "{text}");
    }
    for (step, values) in [(60, vec![0.5]), (0, vec![0.5; 2]), (60, vec![f64::NAN; 2])] {
        assert!(FactorSeries::from_values(Minute(0), step, values).is_none());
    }
    assert!(FactorSeries::from_values(Minute(i64::MAX), 60, vec![0.5; 2]).is_none());
}

#[test]
fn problems_and_rows_are_taken_within_a_limit() {
    let problems = parse(&format!("time,kg_per_kwh\n{}", "x\n".repeat(100))).expect_err("many");
    assert_eq!((problems.problems.len(), problems.more), (MOST_PROBLEMS, 100 - MOST_PROBLEMS));
    let rows: String = (0..=MOST_ROWS as i64).map(|at| format!("{},1\n", Minute(20_000_000 + at))).collect();
    let problems = parse(&format!("time,kg/kWh\n{rows}")).expect_err("one row too many");
    assert_eq!((problems.problems.len(), problems.problems[0].0), (1, MOST_ROWS + 2));
    let problems = parse(&" ".repeat(MOST_BYTES + 1)).expect_err("too long");
    assert!(problems.to_string().contains("bytes"), "{problems}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(time,kg_per_kwh\n)?(([0-9T:Z+-]{0,25}),([0-9.eE+-]{0,8})\n){0,20}") {
        if let Ok(series) = parse(&text) {
            prop_assert!(!series.steps().is_empty());
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        step in 1_i64..=1_440,
        start in 20_000_000_i64..30_000_000,
        values in proptest::collection::vec(0_u32..=3_000, 2..50),
    ) {
        let mut text = "time,g_per_kwh\n".to_owned();
        for (value, at) in values.iter().zip(0_i64..) {
            text.push_str(&format!("{},{value}\n", Minute(start + at * step)));
        }
        let series = parse(&text).expect("a series");
        let expected = values.iter().map(|value| f64::from(*value) / 1_000.0).collect();
        prop_assert_eq!(Some(series), FactorSeries::from_values(Minute(start), step, expected));
    }

    /// Steps, holes and single minutes tell the same.
    #[test]
    fn steps_say_what_each_minute_says(gaps in proptest::collection::vec(1_i64..9, 2..40)) {
        let mut at = 20_000_000;
        let mut rows = Vec::new();
        for (gap, value) in gaps.iter().zip(1_u32..) {
            rows.push((Minute(at), f64::from(value) / 100.0));
            at += gap;
        }
        let series = FactorSeries::of(rows);
        let (steps, holes, covers) = (series.steps(), series.holes(), series.covers());
        for minute in (covers.from.0 - 2..covers.to.0 + 2).map(Minute) {
            let after = steps.partition_point(|(since, _)| *since <= minute);
            let stepped = after.checked_sub(1).and_then(|at| steps[at].1);
            prop_assert_eq!(stepped, series.at(minute));
            let in_hole = holes.iter().any(|hole| hole.contains(minute));
            prop_assert_eq!(series.at(minute).is_none(), in_hole || !covers.contains(minute));
        }
    }
}
