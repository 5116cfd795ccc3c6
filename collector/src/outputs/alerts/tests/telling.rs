//! Who is told of what, and when.

use crate::config::Channel;
use crate::desk::silence::{Ack, Silence};
use crate::outputs::alerts::alarm::{self, Alarm};
use crate::outputs::alerts::decide::Turn;
use crate::outputs::alerts::group::Parcel;
use crate::outputs::alerts::message::Message;
use crate::outputs::alerts::notify::{ChannelSettings, Due, due};
use crate::outputs::alerts::told::Told;
use std::collections::BTreeSet;
use wattledger_model::time::{MINUTE_MS, Timestamp};

/// So many minutes into the story.
pub(super) fn at(minutes: i64) -> Timestamp {
    Timestamp(1_780_000_020_000 + minutes * MINUTE_MS)
}

pub(super) const HOUR: i64 = 60;
pub(super) const DAY: i64 = 24 * HOUR;

/// An alert of a rule that is up, judged last at a minute.
pub(super) fn up(rule: &str, raised: i64, judged: i64) -> Alarm {
    let id = format!("{rule}-{raised}");
    let message = |as_of: i64, value: f64| Message {
        version: 1,
        id: id.clone(),
        key: format!("{id}-raised"),
        event: Turn::Raised,
        state: Turn::Raised,
        rule: rule.to_owned(),
        facility: "hall-1".to_owned(),
        subject: "hall-1".to_owned(),
        severity: "warning".to_owned(),
        as_of: at(as_of).to_string(),
        value,
        ..Message::default()
    };
    Alarm {
        id: id.clone(),
        rule: rule.to_owned(),
        facility: "hall-1".to_owned(),
        subject: "hall-1".to_owned(),
        raised_ms: at(raised).0,
        cleared_ms: None,
        judged_ms: at(judged).0,
        raised: message(raised, 1.4),
        latest: message(judged, 1.5),
        cleared: None,
    }
}

/// The same, cleared.
pub(super) fn over(rule: &str, raised: i64, cleared: i64) -> Alarm {
    let alarm = up(rule, raised, cleared);
    let end = Message {
        key: format!("{}-cleared", alarm.id),
        event: Turn::Cleared,
        state: Turn::Cleared,
        ..alarm.latest.clone()
    };
    Alarm { cleared_ms: Some(at(cleared).0), cleared: Some(end), ..alarm }
}

pub(super) fn silence(matcher: &str, from: i64, until: i64) -> Silence {
    Silence {
        id: format!("s{from}"),
        matchers: vec![matcher.parse().expect("a matcher")],
        from: at(from),
        until: at(until),
        by: "ana".to_owned(),
        reason: "service".to_owned(),
        ended: None,
    }
}

fn ack(alarm: &Alarm, minute: i64) -> Ack {
    Ack { alarm: alarm.id.clone(), at: at(minute), by: "ana".to_owned(), note: "looking".to_owned() }
}

/// A channel of the rules `pue` and `stale`, told again every four hours.
fn ops() -> ChannelSettings {
    ChannelSettings {
        name: "ops".to_owned(),
        rules: BTreeSet::from(["pue".to_owned(), "stale".to_owned()]),
        repeat_ms: Some(4 * HOUR * MINUTE_MS),
        send_resolved: true,
        group_by: vec!["facility".to_owned()],
        group_wait_ms: 0,
    }
}

/// People, channels and what they were told.
struct Story {
    told: Told,
    silences: Vec<Silence>,
    acks: Vec<Ack>,
    channels: Vec<ChannelSettings>,
}

impl Story {
    fn of(channels: Vec<ChannelSettings>) -> Story {
        Story { told: Told::default(), silences: Vec::new(), acks: Vec::new(), channels }
    }

    fn due(&self, alarms: &[Alarm], minute: i64) -> Due {
        due(alarms, &self.told, &self.silences, &self.acks, &self.channels, at(minute))
    }

    /// Decides at a minute, notes what was told, and gives its keys.
    fn tell(&mut self, alarms: &[Alarm], minute: i64) -> Vec<String> {
        let due = self.due(alarms, minute);
        for one in &due.notifications {
            for (alarm, turn) in &one.turns {
                self.told.tell(&one.channel, alarm, *turn, &one.key, at(minute));
            }
        }
        for (channel, alarm, turn) in &due.noticed {
            self.told.notice(channel, alarm, *turn, at(minute));
        }
        for (channel, alarm) in &due.settled {
            self.told.tell(channel, alarm, Turn::Cleared, "", at(minute));
        }
        due.notifications.into_iter().map(|one| one.key).collect()
    }
}

#[test]
fn a_raise_is_told_once_a_clear_once_and_what_lasts_every_four_hours() {
    let mut story = Story::of(vec![ops()]);
    assert_eq!(story.tell(&[up("pue", 0, 0)], 1), ["pue-0-raised"]);
    for minute in [1, 2, 60, 240] {
        assert!(story.tell(&[up("pue", 0, minute)], minute).is_empty(), "{minute}");
    }
    let due = story.due(&[up("pue", 0, 240)], 240);
    assert_eq!(due.next, Some(at(241)), "four hours after it was told");
    let again = story.tell(&[up("pue", 0, 241)], 241);
    assert_eq!(again, [format!("pue-0-raised-{}", at(241).to_utc().format("%Y%m%dt%H%M%Sz"))]);
    assert!(story.tell(&[up("pue", 0, 242)], 242).is_empty());
    assert_eq!(story.tell(&[over("pue", 0, 243)], 244), ["pue-0-cleared"]);
    assert!(story.tell(&[over("pue", 0, 243)], 245).is_empty());
}

#[test]
fn a_reminder_has_the_figures_of_now_and_says_how_often_it_was_told() {
    let mut story = Story::of(vec![ops()]);
    let first = story.due(&[up("pue", 0, 0)], 0).notifications.remove(0).parcel;
    assert_eq!((first.alerts[0].value, first.repeated), (1.4, 0));
    story.tell(&[up("pue", 0, 0)], 0);
    let again = story.due(&[up("pue", 0, 240)], 240).notifications.remove(0);
    assert_eq!((again.parcel.alerts[0].value, again.parcel.repeated), (1.5, 1));
    assert_eq!(again.key, again.parcel.alerts[0].key);
    let body = again.parcel.body(&again.key);
    assert!(body.ends_with(",\"repeated\":1}"), "{body}");
    assert_eq!(Parcel::read(&body).expect("read"), again.parcel);
}

#[test]
fn raised_and_cleared_between_two_looks_is_told_of_in_order_unless_it_is_over_for_a_day() {
    let mut story = Story::of(vec![ops()]);
    assert_eq!(story.tell(&[over("pue", 0, 5)], 6), ["pue-0-raised", "pue-0-cleared"]);
    assert_eq!(story.tell(&[over("stale", 0, 5)], 5 + DAY), ["stale-0-raised", "stale-0-cleared"]);
    assert!(Story::of(vec![ops()]).tell(&[over("pue", 0, 5)], 6 + DAY).is_empty());
    // Days of the past are read in: what is up then need not be up today.
    assert!(Story::of(vec![ops()]).tell(&[up("pue", 0, 10)], 11 + DAY).is_empty());
    // What was raised days ago and is up today is told with the figures of today.
    let due = Story::of(vec![ops()]).due(&[up("pue", 0, 3 * DAY)], 3 * DAY);
    assert_eq!(
        (due.notifications[0].key.as_str(), due.notifications[0].parcel.alerts[0].value),
        ("pue-0-raised", 1.5)
    );
}

#[test]
fn the_end_is_told_to_those_who_know_of_the_beginning_however_late_and_to_nobody_else() {
    let mut story = Story::of(vec![ops()]);
    story.tell(&[up("pue", 0, 0)], 0);
    // Meanwhile the rule sends to another channel, and is not sent to this one.
    story.channels[0].rules.clear();
    let other = ChannelSettings { name: "other".to_owned(), ..ops() };
    story.channels.push(other);
    let due = story.due(&[over("pue", 0, 5)], 5 + 3 * DAY);
    let to: Vec<&str> = due.notifications.iter().map(|one| one.channel.as_str()).collect();
    assert_eq!(to, ["ops"]);
    assert_eq!(story.tell(&[over("pue", 0, 5)], 5 + 3 * DAY), ["pue-0-cleared"]);
}

#[test]
fn a_channel_that_wants_no_ends_gets_none_then_or_later() {
    let mut story = Story::of(vec![ChannelSettings { send_resolved: false, ..ops() }]);
    assert_eq!(story.tell(&[up("pue", 0, 0)], 0), ["pue-0-raised"]);
    assert!(story.tell(&[over("pue", 0, 5)], 6).is_empty());
    story.channels[0].send_resolved = true;
    assert!(story.tell(&[over("pue", 0, 5)], 7).is_empty(), "that one is settled");
}

#[test]
fn a_silence_hides_and_its_end_tells() {
    let mut story = Story::of(vec![ops()]);
    story.silences = vec![silence("rule=pue", 0, 60)];
    let alarms = [up("pue", 10, 20), up("stale", 10, 20)];
    assert_eq!(story.tell(&alarms, 20), ["stale-10-raised"], "only what it names");
    assert_eq!(story.due(&alarms, 20).next, Some(at(60)), "its end is waited for");
    assert!(story.tell(&[up("pue", 10, 59)], 59).is_empty());
    assert_eq!(story.tell(&[up("pue", 10, 60)], 60), ["pue-10-raised"]);
    // Told before, silenced, and still up at its end: told again then, not after four hours.
    story.silences.push(silence("rule=pue", 70, 120));
    assert!(story.tell(&[up("pue", 10, 110)], 110).is_empty());
    assert_eq!(story.tell(&[up("pue", 10, 120)], 121).len(), 1);
    assert!(story.tell(&[up("pue", 10, 122)], 122).is_empty());
}

#[test]
fn what_came_and_went_under_a_silence_is_never_told_and_the_end_of_what_was_known_is() {
    let mut story = Story::of(vec![ops()]);
    story.tell(&[up("stale", 0, 0)], 0);
    story.silences = vec![silence("facility=hall-1", 5, 60)];
    let alarms = [over("pue", 10, 20), over("stale", 0, 20)];
    assert_eq!(story.tell(&alarms, 21), ["stale-0-cleared"]);
    assert!(story.tell(&alarms, 61).is_empty());
}

#[test]
fn a_silence_that_is_ended_by_hand_ends_then() {
    let mut story = Story::of(vec![ops()]);
    story.silences = vec![silence("rule=pue", 0, 600)];
    assert!(story.tell(&[up("pue", 10, 30)], 30).is_empty());
    story.silences[0].ended = Some(at(31));
    assert_eq!(story.tell(&[up("pue", 10, 31)], 31), ["pue-10-raised"]);
}

#[test]
fn what_somebody_looks_after_is_not_repeated_and_its_end_is_told() {
    let mut story = Story::of(vec![ops()]);
    let alarm = up("pue", 0, 0);
    story.tell(std::slice::from_ref(&alarm), 0);
    story.acks = vec![ack(&alarm, 5)];
    assert!(story.tell(&[up("pue", 0, 10 * HOUR)], 10 * HOUR).is_empty());
    assert_eq!(story.tell(&[over("pue", 0, 11 * HOUR)], 11 * HOUR), ["pue-0-cleared"]);
    assert_eq!(story.tell(&[up("pue", 12 * HOUR, 12 * HOUR)], 12 * HOUR).len(), 1, "the next is another");
}

#[test]
fn alerts_of_a_group_wait_for_each_other_and_come_as_one() {
    let grouped = ChannelSettings { group_wait_ms: 5 * MINUTE_MS, ..ops() };
    let mut story = Story::of(vec![grouped]);
    assert!(story.tell(&[up("pue", 0, 0)], 1).is_empty());
    let due = story.due(&[up("pue", 0, 2), up("stale", 2, 2)], 3);
    assert_eq!((due.notifications.len(), due.next), (0, Some(at(6))));
    story.tell(&[up("pue", 0, 2), up("stale", 2, 2)], 3);
    let due = story.due(&[up("pue", 0, 6), up("stale", 2, 6)], 6);
    let [one] = due.notifications.as_slice() else { panic!("{due:?}") };
    let rules: Vec<&str> = one.parcel.alerts.iter().map(|alert| alert.rule.as_str()).collect();
    assert_eq!(rules, ["pue", "stale"]);
    assert!(due.noticed.is_empty());
    let body: serde_json::Value = serde_json::from_str(&one.parcel.body(&one.key)).expect("JSON");
    assert_eq!((&body["state"], &body["group"]["facility"]), (&"raised".into(), &"hall-1".into()));
    assert_eq!((&body["key"], &body["alerts"][1]["id"]), (&one.key.as_str().into(), &"stale-2".into()));
    assert_eq!(Parcel::read(&one.parcel.body(&one.key)).expect("read"), one.parcel);
    story.tell(&[up("pue", 0, 6), up("stale", 2, 6)], 6);
    assert!(story.tell(&[up("pue", 0, 7), up("stale", 2, 7)], 60).is_empty());
    // What lasts is told again together.
    let again = story.due(&[up("pue", 0, 246), up("stale", 2, 246)], 246);
    assert_eq!(again.notifications.len(), 1);
    assert_eq!(again.notifications[0].parcel.repeated, 1);
    assert_ne!(again.notifications[0].key, one.key);
}

#[test]
fn a_clock_that_was_set_back_keeps_no_group_waiting() {
    let mut story = Story::of(vec![ChannelSettings { group_wait_ms: 5 * MINUTE_MS, ..ops() }]);
    story.tell(&[up("pue", 0, 0)], 600);
    assert_eq!(story.tell(&[up("pue", 0, 0)], 10).len(), 1);
}

#[test]
fn a_rule_sends_to_its_channels_and_a_channel_is_told_what_it_asks_for() {
    let text = "[[channel.webhook]]\nname = \"ops\"\nurl = \"http://h\"\nrepeat_interval = \"1h\"\n\
                group_wait = \"30s\"\ngroup_by = [\"rule\"]\nsend_resolved = false\n[[channel.mqtt]]\nname = \"bus\"\n";
    let hall = super::hall(&format!("{}{text}", super::RULE));
    let channels: Vec<Channel> = hall.config.channels.clone();
    let settings = ChannelSettings::of(&channels, &hall.config.alerts);
    assert_eq!(settings[0].rules, BTreeSet::from(["hall-1-pue".to_owned()]));
    assert_eq!((settings[0].repeat_ms, settings[0].group_wait_ms), (Some(HOUR * MINUTE_MS), 30_000));
    assert_eq!(
        (settings[0].group_by.as_slice(), settings[0].send_resolved),
        (&["rule".to_owned()][..], false)
    );
    assert!(settings[1].rules.is_empty() && settings[1].repeat_ms.is_none() && settings[1].send_resolved);
    // Alerts are read back as they were written.
    let connection = crate::outputs::remembered::open(&hall.layout).expect("the outputs' file");
    let transaction = connection.unchecked_transaction().expect("a transaction");
    alarm::put(&transaction, &over("pue", 0, 5)).expect("written");
    transaction.commit().expect("committed");
    assert_eq!(alarm::find(&connection, "pue-0").expect("read"), Some(over("pue", 0, 5)));
}
