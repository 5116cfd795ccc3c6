//! A replay is the same judgement: it finds what the watch found.

use super::{RULE, START, after, alarms, hall, judge, take_minutes, turns, watch};
use crate::outputs::alerts::{replay, unjudged};
use proptest::prelude::*;
use wattledger_model::time::Minute;

const RULES: &str = "[[alert]]\nname = \"pue\"\ncondition = \"pue-excursion\"\nraise_after = \"5m\"\n\
                     [[alert]]\nname = \"drift\"\nindicator = \"pue\"\nwindow = \"24h\"\nraise_above = 1.31\n\
                     [[alert]]\nname = \"clocks\"\ncondition = \"clock\"\n";

fn rules() -> String {
    format!("{}{RULES}", RULE.replace("channels = [\"ops\"]\n", ""))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_replay_finds_what_was_told_then(
        parts in prop::collection::vec((prop_oneof![Just(Some(1.2)), Just(Some(1.5)), Just(None)], 5..40_usize), 5..15),
    ) {
        let mut hall = hall(&rules());
        take_minutes(&mut hall, Minute(START.0 - 90), &[Some(1.25); 90]);
        let mut watch = watch(&hall, after(0));
        judge(&mut watch, after(0));
        let story: Vec<Option<f64>> = parts.iter().flat_map(|(pue, times)| vec![*pue; *times]).collect();
        take_minutes(&mut hall, START, &story);
        let end = i64::try_from(story.len()).expect("short");
        judge(&mut watch, after(end));
        let replayed = replay(&mut hall.view(), &hall.config.alerts, START, Minute(START.0 + end)).expect("replayed");
        let mut told: Vec<(i64, String)> = replayed
            .iter()
            .map(|turn| {
                let at = wattledger_model::time::Timestamp::from_rfc3339(&turn.at).expect("an instant").minute().0;
                let sign = if turn.turn.word() == "raised" { '+' } else { '-' };
                (at - START.0, format!("{sign}{} {}", turn.rule, turn.subject))
            })
            .collect();
        prop_assert!(told.windows(2).all(|pair| pair[0].0 <= pair[1].0), "in the order of time");
        told.sort();
        prop_assert_eq!(told, turns(&hall));
        // Nothing is kept of it.
        let kept = alarms(&hall);
        replay(&mut hall.view(), &hall.config.alerts, START, Minute(START.0 + end)).expect("replayed");
        prop_assert_eq!(alarms(&hall), kept);
    }
}

#[test]
fn what_cannot_be_replayed_is_named() {
    let hall = hall(&rules());
    assert_eq!(unjudged(&hall.config.alerts), ["clocks"]);
}
