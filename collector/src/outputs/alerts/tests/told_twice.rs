//! The property of telling: over any alerts, silences and acknowledgements, with the collector killed between any two
//! steps, nobody is told twice of one turn, and nobody is left without the end of what they know.

use super::telling::{at, over, silence, up};
use crate::desk::silence::{Ack, Silence};
use crate::outputs::alerts::alarm::{self, Alarm};
use crate::outputs::alerts::tell::Notifier;
use crate::outputs::remembered;
use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};

/// Minutes between two looks.
const STEP: i64 = 10;
const STEPS: i64 = 72;

const CHANNELS: &str = r#"
[[alert]]
name = "r0"
facility = "hall-1"
indicator = "pue"
window = "1m"
raise_above = 1.35
channels = ["plain", "grouped", "curt", "bus"]
[[alert]]
name = "r1"
facility = "hall-1"
indicator = "pue"
window = "1m"
raise_above = 1.35
channels = ["plain"]
[[channel.webhook]]
name = "plain"
url = "http://h"
[[channel.webhook]]
name = "grouped"
url = "http://h"
group_wait = "15m"
repeat_interval = "2h"
[[channel.webhook]]
name = "curt"
url = "http://h"
send_resolved = false
repeat_interval = "0s"
[[channel.mqtt]]
name = "bus"
"#;

/// An alert's life in steps: rule, raise, and after how many it is cleared.
type Life = (u8, i64, i64);

#[derive(Debug, Clone)]
struct World {
    lives: Vec<Life>,
    /// What it names, from, for how long, and when somebody ends it.
    silences: Vec<(u8, i64, i64, i64)>,
    /// Which alert, and when.
    acks: Vec<(usize, i64)>,
    /// Steps after which the collector is killed and started again.
    kills: BTreeSet<i64>,
}

fn worlds() -> impl Strategy<Value = World> {
    let life = (0..2_u8, 0..STEPS - 1, 1..STEPS);
    let silence = (0..3_u8, 0..STEPS, 1..40_i64, 1..80_i64);
    let parts = (
        vec(life, 1..5),
        vec(silence, 0..4),
        vec((0..4_usize, 0..STEPS), 0..3),
        proptest::collection::btree_set(0..STEPS, 0..12),
    );
    parts.prop_map(|(lives, silences, acks, kills)| World { lives, silences, acks, kills })
}

impl World {
    fn alarm(&self, life: usize, step: i64) -> Option<Alarm> {
        let (rule, raised, lasts) = self.lives[life];
        let cleared = raised + lasts;
        // Two lives of one rule that begin at once would be one alert.
        let name = format!("r{rule}");
        let mut alarm = match step {
            _ if step < raised => return None,
            _ if step < cleared => up(&name, raised * STEP, step * STEP),
            _ => over(&name, raised * STEP, cleared * STEP),
        };
        let id = format!("{}-life{life}", alarm.id);
        for message in [Some(&mut alarm.raised), Some(&mut alarm.latest), alarm.cleared.as_mut()] {
            let Some(message) = message else { continue };
            message.id = id.clone();
        }
        alarm.id = id;
        Some(alarm)
    }

    fn silences(&self, step: i64) -> Vec<Silence> {
        let said = self.silences.iter().enumerate().filter(|(_, (_, from, _, _))| *from <= step);
        said.map(|(number, (what, from, lasts, ends))| {
            let matcher = ["rule=r0", "rule=r1", "facility=hall*"][usize::from(*what)];
            let mut silence = silence(matcher, from * STEP, (from + lasts) * STEP);
            silence.id = format!("s{number}");
            silence.ended = (from + ends <= step).then(|| at((from + ends) * STEP));
            silence
        })
        .collect()
    }

    fn acks(&self, step: i64) -> Vec<Ack> {
        let said = self.acks.iter().filter(|(_, when)| *when <= step);
        said.filter_map(|(life, when)| {
            let alarm = self.alarm(life % self.lives.len(), *when)?;
            Some(Ack { alarm: alarm.id, at: at(when * STEP), by: "ana".into(), note: "looking".into() })
        })
        .collect()
    }

    /// Writes what the others would have written by a step.
    fn write(&self, connection: &Connection, step: i64) {
        let transaction = connection.unchecked_transaction().expect("a transaction");
        for life in 0..self.lives.len() {
            if let Some(alarm) = self.alarm(life, step) {
                alarm::put(&transaction, &alarm).expect("written");
            }
        }
        for silence in self.silences(step) {
            let body = serde_json::to_string(&silence).expect("plain data");
            transaction
                .execute("INSERT OR REPLACE INTO silence VALUES (?1, ?2)", params![silence.id, body])
                .expect("written");
        }
        for ack in self.acks(step) {
            let body = serde_json::to_string(&ack).expect("plain data");
            transaction
                .execute("INSERT OR REPLACE INTO ack VALUES (?1, ?2)", params![ack.alarm, body])
                .expect("written");
        }
        transaction.commit().expect("committed");
    }
}

/// One message: at which step, to whom, its key, and the turns in it as `ALERT-TURN`.
type Sent = (i64, String, String, Vec<String>);

fn play(world: &World, kills: &BTreeSet<i64>) -> Vec<Sent> {
    let hall = super::hall(CHANNELS);
    let open = || {
        let connection = remembered::open(&hall.layout).expect("the outputs' file");
        connection.pragma_update(None, "synchronous", "off").expect("for speed");
        connection
    };
    let notifier = || Notifier::open(open(), &hall.config.alerts, &hall.config.channels).expect("opens");
    let mut others = open();
    let mut telling = notifier();
    let mut sent = Vec::new();
    for step in 0..STEPS {
        world.write(&others, step);
        telling.round(at(step * STEP)).expect("decided");
        sent.extend(taken(&mut others, step));
        if kills.contains(&step) {
            telling = notifier();
            telling.round(at(step * STEP)).expect("decided");
            assert!(taken(&mut others, step).is_empty(), "a restart tells nothing anew");
        }
    }
    sent
}

/// What was put into the outbox, as if it had been delivered.
fn taken(connection: &mut Connection, step: i64) -> Vec<Sent> {
    let sent = connection
        .prepare("SELECT channel, event, body FROM outbox ORDER BY id")
        .expect("prepared")
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)))
        .expect("queried")
        .map(|row| row.expect("a row"))
        .map(|(channel, key, body): (String, String, String)| {
            let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            let alerts = body["alerts"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
            let turn = |alert: &serde_json::Value| {
                format!(
                    "{} {}",
                    alert["id"].as_str().expect("an id"),
                    alert["state"].as_str().expect("a state")
                )
            };
            (step, channel, key, alerts.iter().map(turn).collect())
        })
        .collect();
    connection.execute("DELETE FROM outbox", []).expect("taken out");
    sent
}

fn check(world: &World, sent: &[Sent]) -> Result<(), TestCaseError> {
    let mut keys = BTreeSet::new();
    let mut first: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut ends: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for (step, channel, key, turns) in sent {
        prop_assert!(keys.insert((channel, key)), "{key} twice to {channel}");
        for turn in turns {
            let (alarm, word) = turn.rsplit_once(' ').expect("two words");
            if word == "raised" {
                prop_assert!(!ends.contains_key(&(channel, alarm)), "{alarm} raised after its end");
                first.entry((channel, alarm)).or_insert(*step);
            } else {
                prop_assert!(ends.insert((channel, alarm), *step).is_none(), "the end of {alarm} twice");
                prop_assert!(first.contains_key(&(channel, alarm)), "an end of what {channel} did not know");
                prop_assert!(channel != "curt", "it wants no ends");
            }
        }
    }
    for life in 0..world.lives.len() {
        let (rule, raised, lasts) = world.lives[life];
        let hidden = |step: i64| {
            let alarm = world.alarm(life, step).expect("it is there");
            let covered = world
                .silences(step)
                .iter()
                .any(|silence| silence.covers(&alarm.latest.all_labels(), at(step * STEP)));
            covered || world.acks(step).iter().any(|ack| ack.alarm == alarm.id)
        };
        let id = world.alarm(life, raised).expect("it is there").id;
        let end = raised + lasts;
        let seen = (raised..end.min(STEPS)).find(|step| !hidden(*step));
        let channels: &[&str] = if rule == 0 { &["plain", "curt", "bus"] } else { &["plain"] };
        for channel in channels {
            let told = first.get(&(*channel, id.as_str())).copied();
            match (seen, told) {
                (Some(seen), told) => prop_assert_eq!(told, Some(seen), "{} to {}", id, channel),
                // Cleared and told in one look, where nothing hid its end.
                (None, told) => prop_assert!(told.is_none_or(|told| told == end), "{} to {}", id, channel),
            }
            if told.is_some() && end < STEPS && *channel != "curt" {
                let told_end = ends.get(&(*channel, id.as_str())).copied();
                prop_assert_eq!(told_end, Some(end), "the end of {} to {}", id, channel);
            }
        }
        for (step, channel, _, turns) in sent {
            let is_up = *step < end && turns.iter().any(|turn| *turn == format!("{id} raised"));
            prop_assert!(!is_up || !hidden(*step), "{id} to {channel} though it was hidden");
        }
        // The group has it a quarter of an hour after it could first be told, or later for a silence.
        if let (0, Some(seen), Some(told)) = (rule, seen, first.get(&("grouped", id.as_str()))) {
            prop_assert!(*told >= seen, "{id} to the group before it was to be known");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn nobody_is_told_twice_and_nobody_is_left_without_the_end(world in worlds()) {
        let sent = play(&world, &world.kills);
        check(&world, &sent)?;
        prop_assert_eq!(play(&world, &BTreeSet::new()), sent, "a kill at any step changes nothing");
    }
}
