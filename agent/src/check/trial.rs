//! The rules of one broker tried on messages, each rule for itself, without handing anything on.

use super::report::{Row, State};
use crate::config::{MqttConfig, RuleOrigin};
use crate::map::{Message, Rule, map};
use crate::source::Mapped;
use crate::sparkplug::{Sparkplug, SparkplugConfig};
use std::collections::{BTreeMap, BTreeSet};

/// Rows at most: a rule may take any number of topics.
const MOST_ROWS: usize = 10_000;

/// One rule, or one metric of Sparkplug nodes.
#[derive(Debug)]
struct Tried<'c> {
    label: String,
    /// The rule of the configuration that it is from; rules of one profile share it.
    number: usize,
    reading: Option<&'c str>,
    filter: String,
    what: What<'c>,
    heard: u64,
    absent: u64,
    stale: u64,
    /// Messages of nodes whose birth was not heard.
    unborn: u64,
    /// What it read last, by meter or, where that is not known, by topic.
    rows: BTreeMap<String, Row>,
}

#[derive(Debug)]
enum What<'c> {
    Rule(&'c Rule),
    Metric(Sparkplug),
}

/// All rules of one broker.
#[derive(Debug)]
pub(super) struct Trial<'c> {
    tried: Vec<Tried<'c>>,
    rows: usize,
    /// Rows that there was no room for.
    beyond: u64,
}

impl<'c> Trial<'c> {
    pub(super) fn new(config: &'c MqttConfig) -> Trial<'c> {
        let rules =
            config.rules.iter().zip(&config.origins).map(|(rule, origin)| Tried::of_rule(rule, origin));
        let metrics = config.sparkplug.iter().flat_map(|sparkplug| sparkplug.metrics.iter().enumerate());
        let metrics = metrics.map(|(at, metric)| {
            // A rebirth is the running agent's to ask for.
            let alone = SparkplugConfig { asks_rebirth: false, metrics: vec![metric.clone()] };
            let filter = format!("{}, metric {}", alone.filter(), metric.pattern);
            let what = What::Metric(Sparkplug::new(alone));
            Tried::new(format!("metric {}", at + 1), usize::MAX - at, None, filter, what)
        });
        Trial { tried: rules.chain(metrics).collect(), rows: 0, beyond: 0 }
    }

    /// Tries every rule on a message; whether any takes its topic.
    pub(super) fn take(&mut self, message: &Message<'_>) -> bool {
        let mut taken = false;
        for tried in &mut self.tried {
            let mapped = match &mut tried.what {
                What::Rule(rule) if rule.topic.matched(message.topic).is_some() => {
                    let outcome = map(std::slice::from_ref(rule), message);
                    tried.absent += outcome.absent;
                    tried.stale += outcome.stale;
                    outcome.mapped
                }
                What::Metric(sparkplug) if Sparkplug::takes(message.topic) => sparkplug.take(message).mapped,
                _ => continue,
            };
            taken = true;
            tried.heard += 1;
            for mapped in mapped {
                tried.keep(mapped, message.topic, &mut self.rows, &mut self.beyond);
            }
        }
        taken
    }

    /// Whether nothing more can come that would change what is known: each rule is for one topic, and has read it.
    pub(super) fn is_settled(&self) -> bool {
        let is_settled = |tried: &Tried<'_>| match &tried.what {
            What::Rule(rule) => {
                rule.each.is_none()
                    && !tried.filter.contains(['+', '#'])
                    && tried.rows.values().any(|row| row.state != State::Wrong)
            }
            What::Metric(_) => false,
        };
        self.tried.iter().all(is_settled)
    }

    /// A row for each meter that was read, for each refusal, and for each rule that was not heard.
    pub(super) fn rows(self, listened: &str) -> Vec<Row> {
        let numbers: BTreeSet<usize> =
            self.tried.iter().filter(|tried| tried.heard > 0).map(|t| t.number).collect();
        let mut rows = Vec::new();
        let mut silent: BTreeSet<usize> = BTreeSet::new();
        let mut unsent: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for tried in &self.tried {
            if !tried.rows.is_empty() {
                rows.extend(tried.rows.values().cloned());
            } else if let (Some(reading), true) = (tried.reading, numbers.contains(&tried.number)) {
                // A profile has rules for more than any one device sends.
                unsent.entry(tried.number).or_default().push(reading);
            } else if tried.heard > 0 || silent.insert(tried.number) {
                rows.push(tried.without(listened));
            }
        }
        rows.extend(unsent.into_iter().map(|(number, readings)| {
            let why = format!("of the profile, not sent by what was heard: {}", readings.join(", "));
            Row::without(&number.to_string(), "-", State::Note, "absent", why)
        }));
        if self.beyond > 0 {
            let why = format!("{} more are not shown", self.beyond);
            rows.push(Row::without("-", "-", State::Note, "cut", why));
        }
        rows
    }
}

impl<'c> Tried<'c> {
    fn new(
        label: String,
        number: usize,
        reading: Option<&'c str>,
        filter: String,
        what: What<'c>,
    ) -> Tried<'c> {
        let (heard, absent, stale, unborn, rows) = (0, 0, 0, 0, BTreeMap::new());
        Tried { label, number, reading, filter, what, heard, absent, stale, unborn, rows }
    }

    fn of_rule(rule: &'c Rule, origin: &'c RuleOrigin) -> Tried<'c> {
        let RuleOrigin { number, reading } = origin;
        let label =
            reading.as_ref().map_or_else(|| number.to_string(), |reading| format!("{number} {reading}"));
        Tried::new(label, *number, reading.as_deref(), rule.topic.to_string(), What::Rule(rule))
    }

    fn keep(&mut self, mapped: Mapped, topic: &str, rows: &mut usize, beyond: &mut u64) {
        let is_state = matches!(&self.what, What::Rule(rule) if rule.states.is_some());
        let (key, row) = match mapped {
            Mapped::Reading { meter, reading } => {
                (meter.to_string(), Row::read(&self.label, topic, meter, &reading, is_state))
            }
            // Only a node that is born anew says what its aliases mean.
            Mapped::Refused(refused) if refused.detail.contains("an alias may mean another metric") => {
                self.unborn += refused.count;
                return;
            }
            Mapped::Refused(refused) => {
                // Beside the readings of its meter: one message of many may be bad.
                let of = refused.meter.as_ref().map_or(topic, |meter| meter.as_str());
                (format!("{of} refused"), Row::refused(&self.label, topic, &refused))
            }
        };
        if self.rows.contains_key(&key) || *rows < MOST_ROWS {
            *rows += usize::from(self.rows.insert(key, row).is_none());
        } else {
            *beyond += 1;
        }
    }

    fn without(&self, listened: &str) -> Row {
        let (state, status, why) = if self.unborn > 0 {
            let why = "nodes were heard, their births were not, so what is behind an alias is not known; a running agent \
                       asks for a rebirth";
            (State::Note, "unborn", why.to_owned())
        } else if self.stale > 0 {
            let why = "only what the broker had kept, without a time, so not of now: it is not read; nothing new was heard";
            (State::Wrong, "silent", format!("{why} within {listened}"))
        } else if self.absent > 0 {
            (State::Note, "absent", "heard, and the value is not in it, which the rule allows".to_owned())
        } else if self.heard > 0 {
            (State::Note, "absent", "nodes were heard, and the metric is none of theirs so far".to_owned())
        } else {
            let why = format!(
                "nothing was heard within {listened}: does it send more seldom (--listen), on this topic, to this broker, \
                 and may this user read it? A broker need not say what its access list keeps back"
            );
            (State::Wrong, "silent", why)
        };
        let label = if self.heard == 0 && self.reading.is_some() {
            self.number.to_string()
        } else {
            self.label.clone()
        };
        Row::without(&label, &self.filter, state, status, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AgentConfig;
    use wattledger_model::time::Timestamp;

    const ARRIVED: Timestamp = Timestamp(1_790_000_000_000);

    fn told(rules: &str, messages: &[(&str, &str, bool)]) -> Vec<String> {
        let head = "[agent]\nname='a'\nsite='s'\ncollector='c'\ndata_dir='d'\n[link]\nbroker='mqtt://h'\n";
        let text = format!("{head}[[source.mqtt]]\nname='m'\n{rules}");
        let config = AgentConfig::parse("agent.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        let mut trial = Trial::new(&config.mqtt[0]);
        for (topic, payload, retained) in messages {
            let (payload, retained) = (payload.as_bytes(), *retained);
            trial.take(&Message { topic, payload, retained, arrived: ARRIVED });
        }
        let row = |row: Row| {
            let meter = row.meter.map(|meter| meter.to_string()).unwrap_or_default();
            let value = row.value.unwrap_or_default();
            format!("{}|{meter}|{value}|{}|{}", row.rule, row.converted.unwrap_or_default(), row.status)
        };
        trial.rows("1s").into_iter().map(row).collect()
    }

    const BARE: &str = "[[source.mqtt.rule]]\ntopic='p/{m}'\nmeter='{m}'\nunit='W'\n\
                        [[source.mqtt.rule]]\ntopic='q/x'\nmeter='x'\nvalue='/v'\noptional=true\n";

    #[test]
    fn each_meter_has_its_last_reading_and_each_refusal_its_row() {
        let heard = [("p/a", "1", false), ("p/a", "2000", false), ("p/b", "?", false), ("q/x", "{}", false)];
        assert_eq!(
            told(BARE, &heard),
            ["1|a|2000|2 kW|ok", "1|b|||refused", "2||||absent"],
            "what was not there is told"
        );
        assert_eq!(told(BARE, &[("p/a", "1", true)]), ["1||||silent", "2||||silent"], "kept, not fresh");
    }

    #[test]
    fn a_profile_is_silent_as_a_whole_or_lacks_single_readings() {
        let profile = "[[source.mqtt.rule]]\nprofile='tasmota'\ntime_zone='UTC'\n";
        assert_eq!(told(profile, &[]), ["1||||silent"]);
        let payload = r#"{"Time":"2026-09-21T14:13:20","ENERGY":{"Total":1.5,"Power":"?"}}"#;
        let rows = told(profile, &[("tele/p/SENSOR", payload, false)]);
        let expected = ["1 energy|p-energy|1.5|1.5 kWh|ok", "1 power|p-power|||refused", "1||||absent"];
        assert_eq!(rows, expected);
    }

    #[test]
    fn clocks_that_are_far_off_are_told() {
        let rule = "[[source.mqtt.rule]]\ntopic='t'\nmeter='t'\nvalue='/v'\ntime='/t'\n";
        for (time, status) in [("2026-09-21T15:00:00Z", "ahead"), ("2026-09-01T00:00:00Z", "old")] {
            let rows = told(rule, &[("t", &format!(r#"{{"v":1,"t":"{time}"}}"#), false)]);
            assert_eq!(rows, [format!("1|t|1||{status}")]);
        }
    }
}
