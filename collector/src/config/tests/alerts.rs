//! Rules of every condition: their defaults, and what is wrong with them.

use super::{LEAST, after_least, good, says};
use crate::config::{AlertRule, Clock, Condition, Side};
use std::time::Duration;
use wattledger_model::time::Timestamp;

fn rule(lines: &str) -> AlertRule {
    let config = good(&format!("{LEAST}[[alert]]\nname = \"x\"\n{lines}\n"));
    config.alerts.into_iter().next().expect("one rule")
}

fn of_rule(lines: &str) -> Vec<String> {
    after_least(&format!("[[alert]]\nname = \"x\"\n{lines}\n"))
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[test]
fn a_condition_brings_its_thresholds_hold_times_and_coverage_along() {
    let excursion = rule("condition = \"pue-excursion\"");
    assert_eq!(excursion.condition, Condition::PueExcursion { limit: None, raise_by: 0.05, clear_by: 0.02 });
    assert_eq!((excursion.facility, excursion.condition.clock()), (None, Clock::Ledger));
    let limits = rule("condition = \"pue-excursion\"").thresholds(1.35, 1.32);
    assert_eq!((limits.raise, limits.clear, limits.min_coverage), (1.35, 1.32, 0.9));
    assert_eq!(
        (limits.raise_after, limits.clear_after, limits.side),
        (minutes(15), minutes(15), Side::Above)
    );
    let coverage = rule("condition = \"coverage\"\nfacility = \"f\"").thresholds(0.95, 0.97);
    assert_eq!((coverage.side, coverage.min_coverage), (Side::Below, 0.0));
    for word in ["stale", "occurrence", "frozen", "balance", "clock", "budget"] {
        assert_eq!(rule(&format!("condition = \"{word}\"")).condition.word(), word);
    }
    assert_eq!(rule("condition = \"stale\"\nmeters = [\"in\"]").condition.clock(), Clock::Wall);
}

#[test]
fn a_rule_that_moves_one_threshold_keeps_the_distance_to_the_other() {
    let raised = rule("condition = \"frozen\"\nraise_above = 1.3\nraise_after = \"1m\"");
    let limits = raised.thresholds(0.15, 0.1);
    assert_eq!((limits.raise, limits.clear, limits.raise_after), (1.3, 1.25, minutes(1)));
    let cleared = rule("condition = \"frozen\"\nclear_below = 0.05").thresholds(0.15, 0.1);
    assert_eq!((cleared.raise, cleared.clear), (0.15, 0.05));
    let beyond = rule("condition = \"frozen\"\nclear_below = 0.5").thresholds(0.15, 0.1);
    assert_eq!((beyond.raise, beyond.clear), (0.15, 0.15), "it would flap");
}

#[test]
fn what_no_rule_can_mean_is_refused() {
    says(&of_rule("condition = \"pue-excursions\""), &["did you mean `pue-excursion`?"]);
    says(&of_rule("condition = \"coverage\"\nraise_above = 0.9"), &["is raised with `raise_below`"]);
    says(
        &of_rule("condition = \"coverage\"\nmeters = [\"in\"]"),
        &["`meters` belongs to the conditions stale"],
    );
    says(&of_rule("condition = \"stale\"\nmeters = [\"inn\"]"), &["there is no meter `inn`"]);
    says(&of_rule("condition = \"pue-excursion\"\nlimit = 0.9"), &["no limit is 0.9"]);
    says(
        &of_rule("condition = \"pue-excursion\"\nclear_by = 0.1"),
        &["cleared 0.1 above the limit while it is raised 0.05 above it"],
    );
    says(&of_rule("condition = \"stale\"\nlimit = 1.3"), &["unknown key `limit`"]);
    let bare = after_least("[[alert]]\nname = \"x\"\ncondition = \"pue-excursion\"\nfacility = \"f\"\n");
    says(&bare, &[]);
    let untargeted = LEAST.replace("site = \"s\"", "site = \"s\"\ntargets = []");
    let text =
        format!("{untargeted}[[alert]]\nname = \"x\"\ncondition = \"pue-excursion\"\nfacility = \"f\"\n");
    says(&super::messages(&text), &["no target with an upper limit on PUE: give the rule a `limit`"]);
}

#[test]
fn labels_and_annotations_are_tried_when_the_file_is_read() {
    let good = rule(
        "condition = \"stale\"\nlabels = { team = \"cooling\" }\nannotations = { summary = \"{{ subject }}: \
         {{ labels.team }}\" }",
    );
    assert_eq!(good.labels["team"], "cooling");
    assert_eq!(good.annotations.len(), 1);
    says(&of_rule("condition = \"stale\"\nlabels = { severity = \"x\" }"), &["is given to every alert"]);
    says(&of_rule("condition = \"stale\"\nlabels = { \"a b\" = \"x\" }"), &["letters, digits and _"]);
    says(
        &of_rule("condition = \"stale\"\nannotations = { summary = \"{{ subjct }}\" }"),
        &["annotation `summary`: the template `{{ subjct }}` cannot be rendered"],
    );
}

#[test]
fn a_schedule_is_made_of_days_and_local_hours() {
    let working = rule(
        "condition = \"stale\"\nschedule = [{ days = [\"mon\", \"fri\"], from = \"08:00\", to = \"18:30\" }, {}]",
    );
    let hours: Vec<(usize, u32, u32)> =
        working.schedule.iter().map(|opening| (opening.days.len(), opening.from, opening.to)).collect();
    assert_eq!(hours, [(2, 480, 1_110), (7, 0, 1_440)]);
    for (wrong, why) in [
        ("{ days = [\"monday\"] }", "use one of \"mon\", \"tue\""),
        ("{ from = \"8:00\" }", "needs a time of day"),
        ("{ to = \"24:01\" }", "needs a time of day"),
        ("{ from = \"24:00\" }", "23:59 at the latest"),
        ("{ until = \"18:00\" }", "unknown key `until`"),
    ] {
        says(&of_rule(&format!("condition = \"stale\"\nschedule = [{wrong}]")), &[why]);
    }
}

#[test]
fn maintenance_reaches_the_rules_that_it_is_about() {
    let rules =
        "[[alert]]\nname = \"x\"\ncondition = \"stale\"\n[[alert]]\nname = \"y\"\ncondition = \"coverage\"\n";
    let work = |lines: &str| format!("{LEAST}{rules}[[maintenance]]\n{lines}\n");
    let whole = "facility = \"f\"\nfrom = \"2026-06-10 08:00\"\nto = \"2026-06-10 16:00\"";
    let all = good(&work(&format!("{whole}\nreason = \"chiller service\"")));
    assert_eq!(all.maintenance.len(), 1);
    assert_eq!(all.maintenance[0].during.from.start(), at("2026-06-10T08:00:00Z"));
    assert!(all.alerts.iter().all(|rule| rule.maintenance.len() == 1));
    let one = good(&work(&format!("{whole}\nrules = [\"y\"]\nmeters = [\"in\"]")));
    let reached: Vec<usize> = one.alerts.iter().map(|rule| rule.maintenance.len()).collect();
    assert_eq!(reached, [0, 1]);
    let says_of = |lines: &str, why: &[&str]| says(&super::messages(&work(lines)), why);
    says_of(&format!("{whole}\nrules = [\"z\"]"), &["there is no alert `z`"]);
    says_of(&format!("{whole}\nmeters = [\"out\"]"), &["there is no meter `out` in site s"]);
    says_of("facility = \"f\"\nfrom = \"2026-06-10\"", &["`to` is missing"]);
    says_of("facility = \"g\"\nfrom = \"2026-06-10\"\nto = \"2026-06-11\"", &["there is no facility `g`"]);
    says_of("facility = \"f\"\nfrom = \"2026-06-11\"\nto = \"2026-06-10\"", &["`to` must lie after `from`"]);
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).expect("an instant")
}

#[test]
fn time_in_maintenance_is_a_share_of_a_window() {
    use crate::config::Maintenance;
    use wattledger_model::document::Place;
    use wattledger_model::time::{Interval, Minute};
    let one = Maintenance {
        facility: "f".parse().expect("a name"),
        meters: Vec::new(),
        rules: Vec::new(),
        during: Interval::new(Minute(100), Minute(200)),
        reason: String::new(),
        place: Place::START,
    };
    assert_eq!(one.share(Minute(150), 60), 1.0);
    assert_eq!(one.share(Minute(230), 60), 0.5);
    assert_eq!(one.share(Minute(260), 60), 0.0);
    assert_eq!(one.share(Minute(100), 60), 0.0, "it begins then");
    assert_eq!((one.share(Minute(200), 0), one.share(Minute(201), 0)), (1.0, 0.0));
}
