//! When a report is due: over clocks, their changes, outages and failures.

use super::super::due::{Before, Decision, Known, Standing, Times, decide};
use super::super::slot::Slot;
use crate::config::Every;
use std::collections::BTreeMap;
use wattledger_model::calendar::Tz;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Timestamp};

const DAY_MS: i64 = DAY_MINUTES * MINUTE_MS;

fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).expect("a time")
}

fn known(zone: Tz, horizon: &str) -> Known {
    Known { zone, horizon: Some(at(horizon).minute()), first: Some(at("2020-01-01T00:00:00Z").minute()) }
}

/// Two days after the end of the period, by a collector that started long ago.
fn times(now: &str) -> Times {
    Times { now: at(now), started: at("2020-01-01T00:00:00Z"), after_ms: 2 * DAY_MS }
}

fn since(every: Every, text: &str, periods: &[(&str, Standing)]) -> Before {
    Before {
        since: Some(Slot::parse(every, text).expect("a period")),
        periods: periods.iter().map(|(text, standing)| ((*text).to_owned(), *standing)).collect(),
    }
}

fn texts(slots: &[Slot]) -> Vec<String> {
    slots.iter().map(|slot| slot.text()).collect()
}

fn monthly(known: &[Known], before: &Before, times: Times) -> Decision {
    decide(Every::Month, known, before, times).expect("something is known")
}

#[test]
fn a_month_is_due_when_it_is_over_by_local_clocks_and_its_time_has_passed() {
    // Midnight that ends the month, in UTC; in Berlin the clocks changed in March and in October.
    for (zone, month, end) in [
        (Tz::UTC, "2026-10", "2026-11-01T00:00:00Z"),
        (Tz::Europe__Berlin, "2026-03", "2026-03-31T22:00:00Z"),
        (Tz::Europe__Berlin, "2026-10", "2026-10-31T23:00:00Z"),
        (Tz::Asia__Kathmandu, "2026-10", "2026-10-31T18:15:00Z"),
        (Tz::America__New_York, "2026-10", "2026-11-01T04:00:00Z"),
    ] {
        let due = Timestamp(at(end).0 + 2 * DAY_MS);
        let of = [known(zone, &due.to_string())];
        let before = since(Every::Month, month, &[]);
        let early = monthly(&of, &before, Times { now: Timestamp(due.0 - 1), ..times(end) });
        assert_eq!((texts(&early.due), early.next.0.text(), early.next.1), (vec![], month.to_owned(), due));
        let now = monthly(&of, &before, Times { now: due, ..times(end) });
        assert_eq!(texts(&now.due), [month], "{zone}");
    }
}

#[test]
fn a_year_is_due_after_its_last_local_day() {
    let of = [known(Tz::Asia__Shanghai, "2027-01-02T16:00:00Z")];
    let decide = |now: &str| decide(Every::Year, &of, &since(Every::Year, "2026", &[]), times(now));
    assert_eq!(texts(&decide("2027-01-02T15:59:59Z").expect("known").due), Vec::<String>::new());
    let due = decide("2027-01-02T16:00:00Z").expect("known");
    assert_eq!((texts(&due.due), due.next.0.text()), (vec!["2026".to_owned()], "2027".to_owned()));
    assert_eq!(due.next.1, at("2028-01-02T16:00:00Z"));
}

#[test]
fn a_report_over_several_facilities_waits_for_the_last_clock_and_the_last_horizon() {
    let (east, west) = (Tz::Asia__Shanghai, Tz::America__Los_Angeles);
    let before = since(Every::Month, "2026-10", &[]);
    let due = |west_known: &str, now: &str| {
        let of = [known(east, now), known(west, west_known)];
        texts(&monthly(&of, &before, times(now)).due)
    };
    // October ends in Los Angeles at 07:00 UTC on 1 November.
    let none = Vec::<String>::new();
    assert_eq!(due("2026-11-03T06:59:00Z", "2026-11-03T06:59:00Z"), none);
    assert_eq!(due("2026-11-03T07:00:00Z", "2026-11-03T07:00:00Z"), ["2026-10"]);
    assert_eq!(due("2026-10-31T12:00:00Z", "2026-11-03T06:59:59Z"), none, "the west is silent");
    assert_eq!(due("2026-10-31T12:00:00Z", "2026-11-03T07:00:00Z"), ["2026-10"], "not for ever");
}

#[test]
fn who_is_silent_is_waited_for_a_day_at_least() {
    let before = since(Every::Month, "2026-10", &[]);
    let due = |horizon: &str, now: &str| {
        let times = Times { after_ms: 0, ..times(now) };
        texts(&monthly(&[known(Tz::UTC, horizon)], &before, times).due)
    };
    assert_eq!(due("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"), ["2026-10"]);
    assert_eq!(due("2026-10-31T23:59:00Z", "2026-11-01T23:59:59Z"), Vec::<String>::new());
    assert_eq!(due("2026-10-31T23:59:00Z", "2026-11-02T00:00:00Z"), ["2026-10"]);
}

#[test]
fn after_a_downtime_what_was_missed_is_made_once_the_outage_was_caught_up_with() {
    let before = since(Every::Month, "2026-06", &[("2026-06", Standing::Done)]);
    let started = at("2026-11-10T08:00:00Z");
    let decide = |horizon: &str, now: &str| {
        let times = Times { now: at(now), started, after_ms: 2 * DAY_MS };
        monthly(&[known(Tz::UTC, horizon)], &before, times)
    };
    // The agents still send what they kept: nothing yet, then what they have come past.
    let first = decide("2026-07-10T00:00:00Z", "2026-11-10T09:00:00Z");
    assert_eq!((texts(&first.due), first.next.0.text()), (vec![], "2026-07".to_owned()));
    assert_eq!(first.next.1, at("2026-11-12T08:00:00Z"));
    let catching_up = decide("2026-09-03T00:00:00Z", "2026-11-10T09:30:00Z");
    assert_eq!(texts(&catching_up.due), ["2026-07", "2026-08"]);
    let caught_up = decide("2026-11-10T09:59:00Z", "2026-11-10T10:00:00Z");
    assert_eq!(texts(&caught_up.due), ["2026-07", "2026-08", "2026-09", "2026-10"]);
    // And if nobody sends anything any more, what is missing is missing.
    let given_up = decide("2026-07-10T00:00:00Z", "2026-11-12T08:00:00Z");
    assert_eq!(texts(&given_up.due), ["2026-07", "2026-08", "2026-09", "2026-10"]);
}

#[test]
fn right_after_a_start_nothing_is_made() {
    let before = since(Every::Month, "2026-10", &[]);
    let started = at("2026-11-10T08:00:00Z");
    let decide = |now: &str| {
        let times = Times { now: at(now), started, after_ms: 0 };
        texts(&monthly(&[known(Tz::UTC, now)], &before, times).due)
    };
    assert_eq!(decide("2026-11-10T08:09:59Z"), Vec::<String>::new());
    assert_eq!(decide("2026-11-10T08:10:00Z"), ["2026-10"]);
}

#[test]
fn of_many_that_were_missed_the_latest_twelve_are_made_and_the_others_left_out_once() {
    let mut before = since(Every::Month, "2024-11", &[("2024-11", Standing::Done)]);
    let of = [known(Tz::UTC, "2026-11-10T00:00:00Z")];
    let missed = monthly(&of, &before, times("2026-11-10T00:00:00Z"));
    assert_eq!((missed.due.len(), texts(&missed.due)[0].as_str()), (12, "2025-11"));
    assert_eq!((missed.left_out.len(), texts(&missed.left_out)[0].as_str()), (11, "2024-12"));
    let all = missed.due.iter().chain(&missed.left_out);
    before.periods.extend(all.map(|slot| (slot.text(), Standing::Done)));
    let after = monthly(&of, &before, times("2026-11-10T00:01:00Z"));
    assert_eq!((after.due, after.left_out), (vec![], vec![]), "made once, left out once");
    assert_eq!(
        after.next,
        (Slot::parse(Every::Month, "2026-11").expect("a month"), at("2026-12-03T00:00:00Z"))
    );
}

#[test]
fn a_new_schedule_begins_with_the_latest_period_of_which_anything_is_known() {
    let nothing = Before { since: None, periods: BTreeMap::new() };
    let begun = |first: &str| {
        let of = Known { first: Some(at(first).minute()), ..known(Tz::UTC, "2026-11-22T00:00:00Z") };
        let decision = monthly(&[of], &nothing, times("2026-11-22T00:00:00Z"));
        (decision.since.text(), texts(&decision.due))
    };
    let october = ("2026-10".to_owned(), vec!["2026-10".to_owned()]);
    assert_eq!(begun("2025-03-01T00:00:00Z"), october, "not the year before it, too");
    assert_eq!(begun("2026-10-30T00:00:00Z"), october);
    assert_eq!(begun("2026-11-02T00:00:00Z"), ("2026-11".to_owned(), vec![]), "nothing is known of October");
    let silent = Known { zone: Tz::UTC, horizon: None, first: None };
    assert_eq!(decide(Every::Month, &[silent], &nothing, times("2026-11-22T00:00:00Z")), None);
    assert_eq!(decide(Every::Month, &[], &nothing, times("2026-11-22T00:00:00Z")), None);
}

#[test]
fn what_failed_waits_its_time_and_holds_up_no_later_one() {
    let again = at("2026-11-04T06:00:00Z");
    let before = since(Every::Month, "2026-09", &[("2026-09", Standing::Again(again))]);
    let of = [known(Tz::UTC, "2026-11-05T00:00:00Z")];
    let waiting = monthly(&of, &before, times("2026-11-04T05:59:59Z"));
    assert_eq!(texts(&waiting.due), ["2026-10"]);
    assert_eq!((waiting.next.0.text(), waiting.next.1), ("2026-09".to_owned(), again));
    assert_eq!(texts(&monthly(&of, &before, times("2026-11-04T06:00:00Z")).due), ["2026-09", "2026-10"]);
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_anew() {
    let before = since(Every::Month, "2026-09", &[("2026-09", Standing::Done)]);
    let decision = monthly(&[known(Tz::UTC, "2026-10-05T00:00:00Z")], &before, times("2026-03-05T00:00:00Z"));
    assert_eq!(
        (decision.due, decision.left_out, decision.since.text().as_str()),
        (vec![], vec![], "2026-09")
    );
}

#[test]
fn a_text_that_is_no_period_of_the_schedule_is_none() {
    for text in ["2026-1", "2026-13", "2026", "26-01", "2026-01-01", ""] {
        assert_eq!(Slot::parse(Every::Month, text), None, "{text}");
    }
    assert_eq!(Slot::parse(Every::Year, "2026-01"), None);
}
