use super::payload::{Properties, Property, Said};
use super::*;
use crate::map::{MeterTemplate, TopicPattern};

const START: i64 = 1_790_000_000_000;
const SEC: i64 = 1_000;

fn config() -> SparkplugConfig {
    let rule = |metric: &str, meter: &str, unit: Option<&str>| {
        let pattern: TopicPattern = format!("{{group}}/{{edge}}/{{device}}/{metric}").parse().expect(metric);
        MetricRule {
            group: Some("hall".to_owned()),
            edge: None,
            meter: MeterTemplate::parse(meter, &pattern).expect(meter),
            pattern,
            unit: unit.map(|unit| unit.parse().expect(unit)),
            spellings: Vec::new(),
            kind: None,
            states: None,
            interval_ms: None,
        }
    };
    SparkplugConfig {
        asks_rebirth: true,
        metrics: vec![
            rule("Energy/{circuit}", "{device}-{circuit}", Some("kWh")),
            rule("Power", "{device}-power", None),
        ],
    }
}

fn metric(name: Option<&str>, alias: Option<u64>, value: Value) -> Metric {
    Metric { name: name.map(str::to_owned), alias, value: Some(value), ..Metric::default() }
}

fn born(name: &str, alias: u64, value: f64) -> Metric {
    metric(Some(name), Some(alias), Value::Double(value))
}

fn aliased(alias: u64, value: f64) -> Metric {
    metric(None, Some(alias), Value::Double(value))
}

fn message(seq: u64, metrics: Vec<Metric>) -> Payload {
    Payload { timestamp: Some(START as u64), metrics, seq: Some(seq), uuid: None }
}

/// A birth of these metrics, as bytes.
pub(crate) fn birth(seq: u64, metrics: &[(&str, f64)]) -> Vec<u8> {
    let metrics = metrics.iter().enumerate().map(|(at, (name, value))| born(name, at as u64, *value));
    message(seq, metrics.collect()).encode_to_vec()
}

fn number(number: u64) -> Metric {
    metric(Some("bdSeq"), None, Value::Long(number))
}

/// A host that has heard a node's birth (1) and a device's.
struct World {
    host: Sparkplug,
    now: i64,
}

impl World {
    fn silent() -> World {
        World { host: Sparkplug::new(config()), now: START }
    }

    fn born() -> World {
        let mut world = World::silent();
        world.birth(1, 7);
        world
    }

    /// A node's birth and its device's, with the energy under this alias.
    fn birth(&mut self, bd: u64, alias: u64) -> Vec<String> {
        let mut said = self.hear("NBIRTH/gw", &message(0, vec![number(bd)])).0;
        let energy = born("Energy/main", alias, 100.5);
        let other = born("Uptime", alias + 1, 3.0);
        said.extend(self.hear("DBIRTH/gw/pm", &message(1, vec![energy, other])).0);
        said
    }

    /// What a message gave: lines for people, and how many requests.
    fn hear(&mut self, topic: &str, payload: &Payload) -> (Vec<String>, usize) {
        let answer = self.answer(topic, payload, false);
        let line = |mapped: &Mapped| match mapped {
            Mapped::Reading { meter, reading } => format!("{meter} {}", reading.value),
            Mapped::Refused(refused) => {
                format!("{} x{}: {}", refused.cause.word(), refused.count, refused.detail)
            }
        };
        (answer.mapped.iter().map(line).collect(), answer.requests.len())
    }

    fn answer(&mut self, topic: &str, payload: &Payload, retained: bool) -> Answer {
        let (verb, rest) = topic.split_once('/').expect("a topic");
        let topic = format!("spBv1.0/hall/{verb}/{rest}");
        let payload = payload.encode_to_vec();
        let arrived = Timestamp(self.now);
        self.host.take(&Message { topic: &topic, payload: &payload, retained, arrived })
    }
}

#[test]
fn a_birth_tells_names_and_values_and_data_follow_by_alias() {
    let mut world = World::silent();
    assert_eq!(world.birth(1, 7), ["pm-main 100.5"]);
    let data = message(2, vec![aliased(7, 101.25), aliased(8, 4.0)]);
    assert_eq!(world.hear("DDATA/gw/pm", &data), (vec!["pm-main 101.25".to_owned()], 0));
    assert_eq!(world.host.told(), "Sparkplug nodes: 1 live, 0 dead, 0 awaited");
}

#[test]
fn after_a_gap_aliases_are_refused_until_the_rebirth_that_is_asked_for() {
    let mut world = World::born();
    let (said, requests) = world.hear("DDATA/gw/pm", &message(3, vec![aliased(7, 1.0), aliased(8, 1.0)]));
    assert_eq!(requests, 1);
    assert!(said[0].starts_with("payload x2: a message of the node was missed"), "{said:?}");
    let (said, requests) = world.hear("DDATA/gw/pm", &message(4, vec![aliased(7, 1.0)]));
    assert_eq!((said.len(), requests), (1, 0), "asked a moment ago");
    // The rebirth gives the alias to another metric: nothing of the time between was booked wrongly.
    assert_eq!(world.birth(1, 8), ["pm-main 100.5"]);
    assert_eq!(world.hear("DDATA/gw/pm", &message(2, vec![aliased(8, 102.0)])).0, ["pm-main 102"]);
}

#[test]
fn sequences_go_round_at_256() {
    let mut world = World::born();
    for seq in (2..600_u64).map(|seq| seq % 256) {
        let (said, requests) = world.hear("DDATA/gw/pm", &message(seq, vec![aliased(7, 1.0)]));
        assert_eq!((said.len(), requests), (1, 0), "{seq}");
        assert_eq!(said[0], "pm-main 1");
    }
}

#[test]
fn requests_to_a_node_that_does_not_answer_become_rare() {
    let mut world = World::silent();
    let mut asked = Vec::new();
    for second in 0..3_600 {
        world.now = START + second * SEC;
        if world.hear("NDATA/gw", &message(0, vec![aliased(7, 1.0)])).1 == 1 {
            asked.push(second);
        }
    }
    assert_eq!(asked[..5], [0, 10, 30, 70, 150]);
    let waits: Vec<i64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!((waits.iter().max(), asked.len()), (Some(&600), 11));
    world.now = START - 86_400 * SEC;
    assert_eq!(world.hear("NDATA/gw", &message(0, vec![aliased(7, 1.0)])).1, 1, "the clock was put back");
}

#[test]
fn a_node_that_counts_otherwise_is_not_asked_for_a_birth_at_every_message() {
    let mut world = World::silent();
    let mut asked = 0;
    for second in 0..3_600 {
        world.now = START + second * SEC;
        world.birth(1, 7);
        asked += world.hear("DDATA/gw/pm", &message(99, vec![aliased(7, 1.0)])).1;
    }
    assert_eq!(asked, 11);
    // An hour without a fault, and it is asked at once when there is one.
    world.now += 3_600 * SEC;
    world.birth(1, 7);
    assert_eq!(world.hear("DDATA/gw/pm", &message(99, vec![aliased(7, 1.0)])).1, 1);
}

#[test]
fn the_request_is_the_command_that_nodes_know() {
    let mut world = World::silent();
    let answer = world.answer("NDATA/gw", &message(9, vec![]), false);
    let [request] = &answer.requests[..] else { panic!("one request") };
    assert_eq!(request.topic, "spBv1.0/hall/NCMD/gw");
    let asked = Payload::read(&request.payload).expect("valid");
    let [metric] = &asked.metrics[..] else { panic!("one metric") };
    assert_eq!((metric.name.as_deref(), metric.datatype), (Some("Node Control/Rebirth"), Some(11)));
    assert_eq!((&metric.value, asked.seq), (&Some(Value::Boolean(true)), None));
}

#[test]
fn nobody_is_asked_where_the_configuration_forbids_it() {
    let mut world = World::silent();
    world.host.config.asks_rebirth = false;
    let (said, requests) = world.hear("NDATA/gw", &message(0, vec![aliased(7, 1.0)]));
    assert_eq!(requests, 0);
    assert!(said[0].contains("rebirth = false"), "{said:?}");
}

#[test]
fn a_death_ends_the_aliases_and_is_no_reading_of_zero() {
    let mut world = World::born();
    assert_eq!(world.hear("DDEATH/gw/pm", &message(2, vec![])), (vec![], 0));
    let (said, requests) = world.hear("DDATA/gw/pm", &message(3, vec![aliased(7, 1.0)]));
    assert_eq!((said.len(), requests), (1, 1), "a device that speaks before its birth");

    let mut world = World::born();
    let will = Payload { seq: None, ..message(0, vec![number(1)]) };
    assert_eq!(world.hear("NDEATH/gw", &will), (vec![], 0), "the dead are not asked");
    assert_eq!(world.host.told(), "Sparkplug nodes: 0 live, 1 dead, 0 awaited");
    assert_eq!(world.hear("NDATA/gw", &message(0, vec![])).1, 1, "it speaks: its birth was missed");
}

#[test]
fn the_late_death_of_an_earlier_connection_is_passed_over() {
    let mut world = World::silent();
    world.birth(2, 7);
    let will = Payload { seq: None, ..message(0, vec![number(1)]) };
    world.hear("NDEATH/gw", &will);
    assert_eq!(world.hear("DDATA/gw/pm", &message(2, vec![aliased(7, 5.0)])).0, ["pm-main 5"]);
}

#[test]
fn historical_values_have_their_own_time_and_nulls_are_no_zeros() {
    let mut world = World::born();
    let mut old = aliased(7, 90.0);
    old.timestamp = Some((START - 3_600 * SEC) as u64);
    old.is_historical = Some(true);
    let null = Metric { is_null: Some(true), value: None, ..aliased(7, 0.0) };
    let transient = Metric { is_transient: Some(true), ..aliased(7, 1.0) };
    let answer = world.answer("DDATA/gw/pm", &message(2, vec![old, null, transient]), false);
    let [Mapped::Reading { reading, .. }] = &answer.mapped[..] else { panic!("{answer:?}") };
    assert_eq!((reading.at, reading.arrived), (Timestamp(START - 3_600 * SEC), Timestamp(START)));
    assert_eq!((reading.value.to_string().as_str(), reading.quality), ("90", Quality::Good));
}

#[test]
fn units_and_quality_are_taken_from_properties() {
    let mut world = World::born();
    let property = |value| Property { value: Some(value) };
    let properties = Properties {
        keys: vec!["engUnit".to_owned(), "Quality".to_owned()],
        values: vec![property(Said::Text("kW".to_owned())), property(Said::Int(500))],
    };
    let power = Metric { properties: Some(properties), ..born("Power", 20, 12.5) };
    let answer = world.answer("DBIRTH/gw/pm2", &message(2, vec![power]), false);
    let [Mapped::Reading { meter, reading }] = &answer.mapped[..] else { panic!("{answer:?}") };
    assert_eq!(meter.as_str(), "pm2-power");
    assert_eq!(reading.unit.map(|unit| unit.to_string()).as_deref(), Some("kW"));
    assert_eq!(reading.quality, Quality::Suspect, "stale, says the node");
    let answer = world.answer("DDATA/gw/pm2", &message(3, vec![aliased(20, 13.0)]), false);
    let [Mapped::Reading { reading, .. }] = &answer.mapped[..] else { panic!("{answer:?}") };
    assert_eq!(reading.unit.map(|unit| unit.to_string()).as_deref(), Some("kW"), "as the birth said");
}

#[test]
fn integers_are_read_by_the_data_type_of_the_birth() {
    let mut world = World::born();
    let mut power = metric(Some("Power"), Some(30), Value::Int(5));
    power.datatype = Some(datatype::INT16);
    world.hear("DBIRTH/gw/pm3", &message(2, vec![power]));
    let negative = metric(None, Some(30), Value::Int(65_531));
    assert_eq!(world.hear("DDATA/gw/pm3", &message(3, vec![negative])).0, ["pm3-power -5"]);
}

#[test]
fn one_bad_metric_harms_only_itself_and_a_bad_payload_only_its_message() {
    let mut world = World::born();
    let bad = [
        metric(Some("Energy/a"), None, Value::Double(f64::NAN)),
        metric(Some("Energy/b"), None, Value::Boolean(true)),
        metric(Some("Energy/c"), None, Value::DataSet(vec![])),
        metric(Some("Energy/D D"), None, Value::Double(1.0)),
        metric(Some("Energy/e"), None, Value::Text("12.50".to_owned())),
    ];
    let (said, requests) = world.hear("DDATA/gw/pm", &message(2, bad.to_vec()));
    let causes: Vec<&str> =
        said.iter().map(|line| line.split([' ', ':']).next().unwrap_or_default()).collect();
    assert_eq!((causes, requests), (vec!["not-finite", "payload", "payload", "name", "pm-e"], 0));
    let garbage = Message {
        topic: "spBv1.0/hall/DDATA/gw/pm",
        payload: b"\xff",
        retained: false,
        arrived: Timestamp(START),
    };
    assert_eq!(world.host.take(&garbage).mapped.len(), 1);
    assert_eq!(world.hear("DDATA/gw/pm", &message(3, vec![aliased(7, 6.0)])).0, ["pm-main 6"]);
}

#[test]
fn what_is_not_ours_is_passed_over() {
    let mut world = World::born();
    assert_eq!(world.answer("DDATA/gw/pm", &message(9, vec![aliased(7, 1.0)]), true), Answer::default());
    for topic in ["NCMD/gw", "DCMD/gw/pm", "NDATA/gw/pm/x", "DDATA/gw"] {
        assert_eq!(world.hear(topic, &message(0, vec![aliased(7, 1.0)])), (vec![], 0), "{topic}");
    }
    let other = Message {
        topic: "spBv1.0/elsewhere/NDATA/gw",
        payload: &message(0, vec![aliased(7, 1.0)]).encode_to_vec(),
        retained: false,
        arrived: Timestamp(START),
    };
    assert_eq!(world.host.take(&other), Answer::default(), "no rule reads that group");
    assert_eq!(world.hear("DDATA/gw/pm", &message(2, vec![aliased(7, 6.0)])).0, ["pm-main 6"]);
    assert!(Sparkplug::takes("spBv1.0/a/STATE/x") && !Sparkplug::takes("spBv1.0x/a"));
}

#[test]
fn a_lost_connection_makes_every_birth_unknown() {
    let mut world = World::born();
    world.host.disconnected();
    let (said, requests) = world.hear("DDATA/gw/pm", &message(2, vec![aliased(7, 1.0)]));
    assert!(said[0].contains("its birth was not heard"), "{said:?}");
    assert_eq!(requests, 1);
}

#[test]
fn one_subscription_brings_all_that_is_read() {
    let mut config = config();
    assert_eq!(config.filter(), "spBv1.0/hall/+/+/#");
    config.metrics[0].edge = Some("gw".to_owned());
    assert_eq!(config.filter(), "spBv1.0/hall/+/+/#");
    config.metrics[1].edge = Some("gw".to_owned());
    config.metrics[1].group = None;
    assert_eq!(config.filter(), "spBv1.0/+/+/gw/#");
}

#[test]
fn births_beyond_all_measure_are_refused() {
    let mut world = World::silent();
    let many: Vec<Metric> = (0..MOST_METRICS as u64).map(|alias| aliased(alias, 0.0)).collect();
    let (said, _) = world.hear("NBIRTH/gw", &message(0, many));
    assert!(said[0].contains("name groups or nodes"), "{said:?}");
}

#[test]
fn a_rebirth_takes_the_place_of_the_birth_before_it() {
    let mut world = World::silent();
    let many: Vec<Metric> = (0..MOST_METRICS as u64 * 2 / 3).map(|alias| aliased(alias, 0.0)).collect();
    let many = message(0, many);
    for round in 0..3 {
        let payload = Payload { timestamp: Some(START as u64 + round), ..many.clone() };
        assert_eq!(world.hear("NBIRTH/gw", &payload), (vec![], 0));
    }
    let device = Payload { seq: Some(1), ..many };
    let (said, _) = world.hear("DBIRTH/gw/pm", &device);
    assert!(said[0].contains("name groups or nodes"), "two of them are too many: {said:?}");
    assert_eq!(
        world.hear("DDATA/gw/pm", &message(2, vec![aliased(7, 1.0)])).1,
        1,
        "its aliases are not known"
    );
}

#[test]
fn devices_without_metrics_are_bounded_too() {
    let mut world = World::born();
    let name = "x".repeat(6_400);
    let mut seq = 2;
    let refused_at = (0..MOST_METRICS).find(|n| {
        let (said, _) = world.hear(&format!("DBIRTH/gw/{name}{n}"), &message(seq % 256, vec![]));
        seq += 1;
        said.first().is_some_and(|line| line.contains("name groups or nodes"))
    });
    assert!(refused_at.is_some_and(|count| (3_000..4_000).contains(&count)), "{refused_at:?}");
    // What dies makes room.
    world.birth(2, 7);
    assert_eq!(world.hear("DBIRTH/gw/one-more", &message(2, vec![])), (vec![], 0));
    for n in 0..2 * MOST_METRICS as u64 / 100 {
        let seq = 3 + 2 * n;
        assert_eq!(world.hear(&format!("DBIRTH/gw/{name}"), &message(seq % 256, vec![])), (vec![], 0));
        assert_eq!(world.hear(&format!("DDEATH/gw/{name}"), &message((seq + 1) % 256, vec![])), (vec![], 0));
    }
}

#[test]
fn a_message_that_comes_again_is_no_gap() {
    let mut world = World::silent();
    let node = message(0, vec![number(1)]);
    let device = message(1, vec![born("Energy/main", 7, 100.5)]);
    let data = |seq: u64| message(seq, vec![aliased(7, 100.0 + seq as f64)]);
    world.hear("NBIRTH/gw", &node);
    assert_eq!(world.hear("DBIRTH/gw/pm", &device).0, ["pm-main 100.5"]);
    assert_eq!(world.hear("DDATA/gw/pm", &data(2)).0, ["pm-main 102"]);
    for (topic, again) in [
        ("DDATA/gw/pm", &data(2)),
        ("DBIRTH/gw/pm", &device),
        ("NBIRTH/gw", &node),
        ("DDATA/gw/pm", &data(2)),
    ] {
        assert_eq!(world.hear(topic, again), (vec![], 0), "{topic}");
    }
    assert_eq!(world.hear("DDATA/gw/pm", &data(3)), (vec!["pm-main 103".to_owned()], 0));
    // The same number with another content is a gap all the same.
    let (said, requests) = world.hear("DDATA/gw/pm", &message(3, vec![aliased(7, 9.0)]));
    assert!(said[0].contains("was missed") && requests == 1, "{said:?}");
}

#[test]
fn a_birth_that_cannot_be_read_leaves_no_alias_believed() {
    for topic in ["spBv1.0/hall/NBIRTH/gw", "spBv1.0/hall/DBIRTH/gw/pm"] {
        let mut world = World::born();
        let arrived = Timestamp(START);
        let garbage = Message { topic, payload: b"\xff", retained: false, arrived };
        let answer = world.host.take(&garbage);
        assert_eq!((answer.mapped.len(), answer.turned), (1, true));
        // The sequence alone need not tell.
        let (said, requests) = world.hear("DDATA/gw/pm", &message(2, vec![aliased(7, 1.0)]));
        assert!(said[0].contains("an alias may mean another metric") && requests == 1, "{topic}: {said:?}");
    }
}

#[test]
fn a_link_that_comes_and_goes_does_not_ask_all_nodes_each_time() {
    let mut world = World::silent();
    let mut asked = 0;
    for second in 0..3_600 {
        world.now = START + second * SEC;
        world.host.disconnected();
        asked += world.hear("NDATA/gw", &message(second as u64 % 256, vec![aliased(7, 1.0)])).1;
        world.birth(1, 7);
    }
    assert_eq!(asked, 11, "as rarely as a node that does not answer");
}

#[test]
fn two_metrics_that_fold_to_one_name_are_never_one_meter() {
    let mut world = World::silent();
    let folding = world.host.config.metrics[0].meter.clone().folding();
    world.host.config.metrics[0].meter = folding;
    world.hear("NBIRTH/gw", &message(0, vec![]));
    let both = vec![born("Energy/A 1", 7, 1.0), born("Energy/a_1", 8, 2.0)];
    let (said, _) = world.hear("DBIRTH/gw/pm", &message(1, both));
    assert_eq!(said[0], "pm-a-1 1");
    assert!(
        said[1].starts_with("name x1: the meter of `pm-a_1` would be `pm-a-1`, which is that"),
        "{said:?}"
    );
    let (said, _) = world.hear("DDATA/gw/pm", &message(2, vec![aliased(8, 3.0), aliased(7, 1.5)]));
    assert!(said[0].starts_with("name x1") && said[1] == "pm-a-1 1.5", "{said:?}");
}
