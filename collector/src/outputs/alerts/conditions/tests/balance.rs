//! Nodes of the tree of meters.

use super::*;

const RULE: &str = "[[alert]]\nname = \"losses\"\ncondition = \"balance\"\n";

fn tables(class: &str) -> String {
    let below = |name: &str| {
        format!(
            "[[meter]]\nname = \"{name}\"\nsite = \"hall\"\nfed_by = [\"main\"]\nkind = \"power\"\nunit = \"kW\"\nform = \
             \"interval-mean\"\nnominal_interval = \"15m\"\nrated_power = \"100 kW\"\n{class}"
        )
    };
    format!(
        "[[facility]]\nname = \"hall-1\"\nsite = \"hall\"\n[[meter]]\nname = \"main\"\nfacility = \"hall-1\"\nrole = \
         \"utility\"\nkind = \"power\"\nunit = \"kW\"\nform = \"interval-mean\"\nnominal_interval = \"15m\"\nrated_power = \
         \"200 kW\"\n{class}{}{}{RULE}",
        below("sub-1"),
        below("sub-2")
    )
}

/// From a time to another 100 kW flow in, and these below.
fn flows(hall: &mut Hall, below: [f64; 2], from: &str, to: &str) {
    let all = every(15, from, to).into_iter();
    let readings: Vec<_> = all
        .flat_map(|at| {
            [("main", 100.0), ("sub-1", below[0]), ("sub-2", below[1])]
                .map(|(meter, kw)| (meter, at, kw, "kW", Some(900)))
        })
        .collect();
    hall.take(&readings);
}

/// A week, in which 20 kW are not measured below for four days.
fn week(class: &str) -> Hall {
    let mut hall = Hall::new(&tables(class));
    flows(&mut hall, [60.0, 40.0], "2026-06-01T00:15:00Z", "2026-06-03T00:00:00Z");
    flows(&mut hall, [40.0, 40.0], "2026-06-03T00:15:00Z", "2026-06-07T00:00:00Z");
    flows(&mut hall, [60.0, 40.0], "2026-06-07T00:15:00Z", "2026-06-11T00:00:00Z");
    hall
}

const CLASS: &str = "class = \"0.5\"\nct = \"none\"\n";

#[test]
fn what_is_not_measured_below_for_a_day_beyond_the_uncertainty_is_told_until_it_is_for_a_day() {
    let hall = week(CLASS);
    let story = turns(&hall, "2026-06-01T00:00:00Z", "2026-06-11T00:00:00Z");
    let turned: Vec<_> = story.iter().map(|(_, turn, subject)| (*turn, subject.as_str())).collect();
    assert_eq!(turned, [("raised", "hall-1 node main"), ("cleared", "hall-1 node main")]);
    let within = |at: &str, from: &str, to: &str| from < at && at < to;
    // The difference of a day goes through the uncertainty some time after it began and before it is whole.
    assert!(within(&story[0].0, "2026-06-04T00:00:00Z", "2026-06-04T06:00:00Z"), "{story:?}");
    assert!(within(&story[1].0, "2026-06-08T18:00:00Z", "2026-06-09T00:15:00Z"), "{story:?}");
    let node = About::Node("main".to_owned());
    let then = seen(&hall, "2026-06-05T00:00:00Z", None);
    let found = of(&then, node.clone());
    assert!((found.value.expect("known") - 480.0).abs() < 1e-6 && found.coverage == 1.0);
    assert!((5.0..60.0).contains(&found.thresholds.raise), "{found:?}");
    assert!(found.cause.starts_with(
        "main shows 2400.0 kWh, sub-1+sub-2 1920.0 kWh: 480.0 kWh are lost or have no meter; U (k = 2)"
    ));
    assert_eq!(found.derives_from, ["main", "sub-1", "sub-2"]);
    let quiet = seen(&hall, "2026-06-02T12:00:00Z", None);
    assert_eq!(of(&quiet, node).value, Some(0.0));
}

#[test]
fn more_below_than_flows_in_is_a_wrong_meter() {
    let mut hall = Hall::new(&tables(CLASS));
    flows(&mut hall, [80.0, 40.0], "2026-06-01T00:15:00Z", "2026-06-02T00:00:00Z");
    let then = seen(&hall, "2026-06-02T00:00:00Z", None);
    let found = of(&then, About::Node("main".to_owned()));
    assert!((found.value.expect("known") - 480.0).abs() < 1e-6);
    assert!(
        found.cause.contains("more than flows in") && found.cause.ends_with("so a meter is wrong"),
        "{found:?}"
    );
}

#[test]
fn where_nobody_says_how_exact_the_meters_are_nothing_is_too_much() {
    let hall = week("");
    assert_eq!(turns(&hall, "2026-06-01T00:00:00Z", "2026-06-11T00:00:00Z"), []);
    let then = seen(&hall, "2026-06-05T00:00:00Z", None);
    let found = of(&then, About::Node("main".to_owned()));
    assert_eq!(found.value, None);
    assert!(found.cause.ends_with("how exact these meters are is not declared"));
}

#[test]
fn a_day_that_is_thinly_covered_is_no_difference() {
    let mut hall = Hall::new(&tables(CLASS));
    flows(&mut hall, [40.0, 40.0], "2026-06-01T00:15:00Z", "2026-06-01T12:00:00Z");
    let then = seen(&hall, "2026-06-02T00:00:00Z", None);
    let found = of(&then, About::Node("main".to_owned()));
    assert_eq!(found.coverage, 0.5);
    assert!(found.coverage < found.thresholds.min_coverage);
}
