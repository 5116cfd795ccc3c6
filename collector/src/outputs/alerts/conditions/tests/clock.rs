//! Clocks of agents.

use super::*;

const RULE: &str = "[[alert]]\nname = \"clocks\"\ncondition = \"clock\"\n";

fn plant() -> Hall {
    let mut hall = hall(RULE);
    let all = minutes("2026-06-01T10:00:00Z", "2026-06-01T10:05:00Z");
    let readings: Vec<_> = all.iter().map(|at| ("main", *at, 50.0, "kW")).collect();
    hall.take_by("hall-agent", &readings);
    hall
}

#[test]
fn an_agents_clock_is_held_against_the_collectors() {
    let now = "2026-06-01T10:06:00Z";
    let live =
        snapshot(now, &[("hall-agent", "2026-06-01T10:05:40Z", Some(-7_200)), ("new", now, Some(900))]);
    let then = seen(&plant(), now, Some(&live));
    assert_eq!(then.len(), 2, "one that brings nothing yet is told of with the first facility of its site");
    let off = of(&then, About::Agent("hall-agent".to_owned()));
    assert_eq!((off.value, off.thresholds.raise, off.thresholds.clear), (Some(7.2), 5.0, 1.0));
    assert_eq!(off.cause, "the agent's clock is 7.2 s behind the collector's");
    assert_eq!(of(&then, About::Agent("new".to_owned())).value, Some(0.9));
}

#[test]
fn what_a_silent_agent_said_last_is_no_skew_of_now() {
    let now = "2026-06-01T12:00:00Z";
    let silent = snapshot(now, &[("hall-agent", "2026-06-01T10:05:40Z", Some(60_000))]);
    let agent = || About::Agent("hall-agent".to_owned());
    assert_eq!(of(&seen(&plant(), now, Some(&silent)), agent()).value, None);
    let unheard = snapshot(now, &[("hall-agent", now, None)]);
    assert_eq!(of(&seen(&plant(), now, Some(&unheard)), agent()).value, None);
    assert_eq!(seen(&plant(), now, None), [], "nothing of it is kept");
}
