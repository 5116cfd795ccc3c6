//! What a year's targets still permit.

use super::*;

const BOTH: &str = "[[alert]]\nname = \"budget\"\ncondition = \"budget\"\n[[alert]]\nname = \"lost\"\ncondition = \
                    \"budget-critical\"\nseverity = \"critical\"\n";

/// A facility that is read once a day, with this target.
fn facility(target: &str) -> Hall {
    let meter = |name: &str, role: &str| {
        format!(
            "[[meter]]\nname = \"{name}\"\nfacility = \"hall-1\"\nrole = \"{role}\"\nkind = \"register\"\nunit = \"kWh\"\n\
             rated_power = \"1 MW\"\ngap_limit = \"25h\"\n"
        )
    };
    Hall::new(&format!(
        "[[facility]]\nname = \"hall-1\"\nsite = \"hall\"\ntargets = [\"{target}\"]\n{}{}{BOTH}",
        meter("utility", "utility"),
        meter("ups", "ups-output")
    ))
}

/// The days from one time to another, each with the PUE it comes to.
fn days(hall: &mut Hall, from: &str, to: &str, pue: impl Fn(&str) -> f64) {
    let (mut total, mut it) = (0.0, 0.0);
    let mut readings = Vec::new();
    for instant in every(24 * 60, from, to) {
        readings.push(("utility", instant, total, "kWh", None));
        readings.push(("ups", instant, it, "kWh", None));
        it += 1_000.0;
        total += 1_000.0 * pue(&instant.to_string()[..10]);
    }
    hall.take(&readings);
}

/// Midnight in Berlin.
const FIRST: &str = "2025-05-31T22:00:00Z";

fn d130() -> About {
    About::Target("D130".to_owned())
}

#[test]
fn a_drift_is_told_once_it_lasts_for_two_days_and_one_hot_day_is_not() {
    let drift = |date: &str| match date {
        "2026-03-15" => 1.6,
        date if date >= "2026-05-01" => 1.45,
        _ => 1.25,
    };
    let mut hall = facility("D130");
    days(&mut hall, FIRST, "2026-07-01T22:00:00Z", drift);
    let hot = seen(&hall, "2026-03-17T12:00:00Z", None);
    let hot = of(&hot, d130());
    assert!(hot.value.expect("a forecast") < 1.3, "{hot:?}");
    let story = turns(&hall, "2026-01-02T00:00:00Z", "2026-07-01T22:00:00Z");
    let (at, turn, subject) = &story[0];
    assert_eq!((*turn, subject.as_str()), ("raised", "hall-1 target D130"), "{story:?}");
    assert!(("2026-05-03".."2026-06-15").contains(&at.as_str()), "{story:?}");
    let then = seen(&hall, at, None);
    let found = of(&then, d130());
    assert!(found.value.expect("a forecast") > 1.3 && found.coverage > 0.99);
    assert_eq!((found.thresholds.raise, found.thresholds.clear), (1.3, 1.295));
    for words in [
        "2026 to date has a PUE of 1.",
        "days left",
        "(1 day)",
        "(7 days)",
        "(30 days)",
        "with a probability of",
    ] {
        assert!(found.cause.contains(words), "{words:?} is not in {:?}", found.cause);
    }
}

#[test]
fn it_is_critical_when_the_rest_would_have_to_be_better_than_the_best_month() {
    let mut hall = facility("D130");
    days(&mut hall, FIRST, "2026-12-01T23:00:00Z", |date| if date >= "2026-04-01" { 1.4 } else { 1.25 });
    let story = turns(&hall, "2026-01-02T00:00:00Z", "2026-12-01T23:00:00Z");
    let found = replay(
        &mut hall.view(),
        &hall.config.alerts,
        at("2026-01-02T00:00:00Z").minute(),
        at("2026-12-01T23:00:00Z").minute(),
    )
    .expect("the ledger is readable");
    let raised: Vec<&str> =
        found.iter().filter(|turn| turn.turn.word() == "raised").map(|turn| turn.rule.as_str()).collect();
    assert_eq!(
        raised,
        ["budget", "lost"],
        "the forecast warns before the best month is not enough: {story:?}"
    );
    let critical = &found[1];
    assert_eq!(critical.severity, "critical");
    assert!(critical.value < critical.limit && (critical.limit - 1.25).abs() < 2e-3, "{critical:?}");
    // 90 days at 1.25 and more than two thirds of the year at 1.4: less than 1 is left for the rest.
    let late = found.iter().find(|turn| turn.rule == "budget").expect("raised");
    assert!(late.at < critical.at);
    let mut hall = facility("D130");
    days(&mut hall, FIRST, "2026-12-01T23:00:00Z", |_| 1.6);
    let lost = seen(&hall, "2026-12-01T12:00:00Z", None);
    assert!(of(&lost, d130()).cause.contains("the target is lost"), "{lost:?}");
}

#[test]
fn before_a_week_is_known_nothing_is_foreseen() {
    let mut hall = facility("D130");
    days(&mut hall, "2026-02-28T23:00:00Z", "2026-03-03T23:00:00Z", |_| 1.6);
    let then = seen(&hall, "2026-03-03T12:00:00Z", None);
    let found = of(&then, d130());
    assert_eq!(found.value, None);
    assert!(found.coverage < found.thresholds.min_coverage);
    assert_eq!(seen(&facility("D130"), "2026-03-03T12:00:00Z", None), []);
}

#[test]
fn a_year_on_course_is_not_told_of() {
    let mut hall = facility("D130");
    days(&mut hall, FIRST, "2026-12-01T23:00:00Z", |date| {
        if ("04".."10").contains(&&date[5..7]) { 1.32 } else { 1.2 }
    });
    assert_eq!(turns(&hall, "2026-01-02T00:00:00Z", "2026-12-01T23:00:00Z"), []);
}
