//! Phases and feeds.

use super::*;

fn power(name: &str) -> String {
    format!(
        "[[meter]]\nname = \"{name}\"\nsite = \"hall\"\nkind = \"power\"\nunit = \"kW\"\nform = \"interval-mean\"\n\
         nominal_interval = \"1m\"\n"
    )
}

fn plant(meters: &[&str], rule: &str) -> Hall {
    let meters: String = meters.iter().map(|name| power(name)).collect();
    hall(&format!("{meters}[[alert]]\nname = \"ups-1\"\nfacility = \"hall-1\"\n{rule}"))
}

/// Means of each minute up to its end; both sides of the facility with them.
fn flows(hall: &mut Hall, powers: &[(&str, f64)], from: &str, to: &str) {
    let sides = [("main", 700.0), ("ups", 600.0)];
    let all = minutes(from, to).into_iter();
    let readings: Vec<_> = all
        .flat_map(|at| {
            let of = move |(meter, kw): &(&'static str, f64)| (*meter, at, *kw, "kW", Some(60));
            sides.iter().map(of).collect::<Vec<_>>()
        })
        .collect();
    hall.take(&readings);
    let all = minutes(from, to).into_iter();
    let readings: Vec<_> =
        all.flat_map(|at| powers.iter().map(move |(meter, kw)| (*meter, at, *kw, "kW", Some(60)))).collect();
    hall.take(&readings);
}

const PHASES: [&str; 3] = ["ups-1-l1", "ups-1-l2", "ups-1-l3"];
const IMBALANCE: &str =
    "condition = \"phase-imbalance\"\nphases = [\"ups-1-l1\", \"ups-1-l2\", \"ups-1-l3\"]\n";

fn phases(hall: &mut Hall, kw: [f64; 3], from: &str, to: &str) {
    let powers: Vec<_> = PHASES.into_iter().zip(kw).collect();
    flows(hall, &powers, from, to);
}

fn point() -> About {
    About::Point("ups-1".to_owned())
}

#[test]
fn phases_that_are_uneven_for_a_quarter_of_an_hour_are_told_until_they_are_even() {
    let mut hall = plant(&PHASES, IMBALANCE);
    phases(&mut hall, [44.0, 44.0, 44.0], "2026-06-01T10:01:00Z", "2026-06-01T11:00:00Z");
    phases(&mut hall, [42.0, 51.0, 39.0], "2026-06-01T11:01:00Z", "2026-06-01T12:00:00Z");
    phases(&mut hall, [43.0, 46.0, 43.0], "2026-06-01T12:01:00Z", "2026-06-01T13:00:00Z");
    let then = seen(&hall, "2026-06-01T11:30:00Z", None);
    let found = of(&then, point());
    assert!((found.value.expect("known") - 700.0 / 44.0).abs() < 1e-9, "{found:?}");
    assert_eq!((found.coverage, found.unit), (1.0, "%"));
    assert_eq!(found.cause, "ups-1-l1 42.0 kW, ups-1-l2 51.0 kW, ups-1-l3 39.0 kW");
    assert_eq!(found.derives_from, PHASES);
    // Above 15 % once all but 14 of 15 minutes are uneven, and for 15 minutes then.
    let story = turns(&hall, "2026-06-01T10:00:00Z", "2026-06-01T13:00:00Z");
    let turned: Vec<_> = story.iter().map(|(at, turn, _)| (at.as_str(), *turn)).collect();
    assert_eq!(turned, [("2026-06-01T11:30:00Z", "raised"), ("2026-06-01T12:24:00Z", "cleared")]);
}

#[test]
fn two_phases_of_three_have_no_imbalance() {
    let mut hall = plant(&PHASES, IMBALANCE);
    let two = [("ups-1-l1", 42.0), ("ups-1-l2", 51.0)];
    flows(&mut hall, &two, "2026-06-01T10:01:00Z", "2026-06-01T11:00:00Z");
    let then = seen(&hall, "2026-06-01T11:00:00Z", None);
    let found = of(&then, point());
    assert_eq!((found.value, found.coverage), (None, 0.0));
}

const FEEDS: [&str; 3] = ["feed-a", "feed-b1", "feed-b2"];
const REDUNDANCY: &str =
    "condition = \"redundancy\"\nfeeds = [[\"feed-a\"], [\"feed-b1\", \"feed-b2\"]]\ncapacity = \"400 kW\"\n";

fn feeds(hall: &mut Hall, kw: [f64; 3], from: &str, to: &str) {
    let powers: Vec<_> = FEEDS.into_iter().zip(kw).collect();
    flows(hall, &powers, from, to);
}

#[test]
fn redundancy_is_lost_while_one_feed_could_not_carry_both() {
    let mut hall = plant(&FEEDS, REDUNDANCY);
    feeds(&mut hall, [200.0, 100.0, 80.0], "2026-06-01T10:01:00Z", "2026-06-01T11:00:00Z");
    feeds(&mut hall, [230.0, 100.0, 80.0], "2026-06-01T11:01:00Z", "2026-06-01T12:00:00Z");
    feeds(&mut hall, [205.0, 100.0, 80.0], "2026-06-01T12:01:00Z", "2026-06-01T13:00:00Z");
    feeds(&mut hall, [190.0, 100.0, 80.0], "2026-06-01T13:01:00Z", "2026-06-01T14:00:00Z");
    let then = seen(&hall, "2026-06-01T11:30:00Z", None);
    let found = of(&then, point());
    assert!((found.value.expect("known") - 410.0 / 400.0).abs() < 1e-9, "{found:?}");
    assert_eq!(
        found.cause,
        "feed-a 230.0 kW, feed-b1+feed-b2 180.0 kW: 410.0 kW in all, one feed can carry 400.0 kW; the feeds are 12.2 % \
         from their mean"
    );
    let story = turns(&hall, "2026-06-01T10:00:00Z", "2026-06-01T14:00:00Z");
    let turned: Vec<_> = story.iter().map(|(at, turn, _)| (at.as_str(), *turn)).collect();
    // 30 kW more on a mean of 15 minutes; 385 kW are no more than the capacity, and not yet 95 % of it.
    assert_eq!(turned, [("2026-06-01T11:11:00Z", "raised"), ("2026-06-01T13:06:00Z", "cleared")]);
}

#[test]
fn without_one_feed_nothing_is_known_of_redundancy() {
    let mut hall = plant(&FEEDS, REDUNDANCY);
    let one = [("feed-a", 450.0), ("feed-b1", 50.0)];
    flows(&mut hall, &one, "2026-06-01T10:01:00Z", "2026-06-01T11:00:00Z");
    let then = seen(&hall, "2026-06-01T11:00:00Z", None);
    assert_eq!(of(&then, point()).value, None);
}
