//! Payloads of many shapes: lists, states, times that may be missing, units in a device's own spelling.

use super::*;

fn each(path_text: &str) -> Each {
    Each { path: path(path_text), name: None, id: None, names: Vec::new() }
}

fn rule_each(topic: &str, meter: &str, each: Each) -> Rule {
    let topic: TopicPattern = topic.parse().expect(topic);
    let meter = MeterTemplate::parse_each(meter, &topic).expect(meter);
    Rule { each: Some(each), value: Some(path("@.kwh")), ..Rule::new(topic, meter) }
}

fn told(mapped: &[Mapped]) -> Vec<String> {
    let line = |mapped: &Mapped| match mapped {
        Mapped::Reading { meter, reading } => format!("{meter} {}", reading.value),
        Mapped::Refused(refused) => format!("{}: {}", refused.cause.word(), refused.detail),
    };
    mapped.iter().map(line).collect()
}

const PHASES: &str = r#"{"ts":"2026-03-02T09:58:00Z","unit":"kWh","phases":[
    {"id":"L1","kwh":"230.10"},{"id":"L2","kwh":9007199254740993},{"id":"L3","kwh":null}]}"#;

#[test]
fn one_rule_reads_every_element_of_a_list_and_names_it() {
    let by_name = Each { name: Some(path("@.id")), ..each("$.phases[*]") };
    let by_place = Each { names: vec!["a".to_owned(), "b".to_owned()], ..each("/phases") };
    for (each, names) in
        [(by_name, ["l1", "l2", "l3"]), (each("$.phases[*]"), ["0", "1", "2"]), (by_place, ["a", "b", "2"])]
    {
        let rule = rule_each("s/{meter}", "{meter}-{element}", each);
        let rule = Rule {
            meter: rule.meter.folding(),
            time: Some(TimeAt { path: path("$.ts"), rule: TimeRule::default(), optional: false }),
            unit: UnitRule::InPayload { path: path("/unit"), spellings: Vec::new() },
            ..rule
        };
        let mapped = map_one(&[rule], "s/m", PHASES);
        assert_eq!(
            told(&mapped),
            [
                format!("m-{} 230.10", names[0]),
                format!("m-{} 9007199254740993", names[1]),
                "payload: @.kwh is null, not a number".to_owned(),
            ],
            "one bad element harms only its meter"
        );
        let (_, first) = reading(&mapped[0]);
        assert_eq!((first.at.to_string().as_str(), first.unit), ("2026-03-02T09:58:00Z", Some(unit("kWh"))));
        assert_eq!(
            refusal(&mapped[2]).meter.as_ref().map(|name| name.to_string()),
            Some(format!("m-{}", names[2]))
        );
    }
}

#[test]
fn elements_can_be_picked_by_what_they_say() {
    let rule = rule_each("s", "m-{element}", each("$.data[?@.type == 'active'].x"));
    let payload = r#"{"data":[{"type":"active","x":{"kwh":1.50}},{"type":"old","x":{"kwh":2}}]}"#;
    assert_eq!(told(&map_one(&[rule], "s", payload)), ["m-x 1.50"]);
}

#[test]
fn elements_that_cannot_be_told_apart_are_refused() {
    let twice = Each { name: Some(path("@.id")), ..each("$[*]") };
    let rule = rule_each("s", "m-{element}", twice);
    let payload = r#"[{"id":"a","kwh":1},{"id":"a","kwh":2},{"kwh":3},{"id":"b","kwh":4}]"#;
    let said = told(&map_one(&[rule], "s", payload));
    for first_or_not in &said[..2] {
        assert!(first_or_not.starts_with("name: 2 elements of the message are `m-a`; say with"), "{said:?}");
    }
    assert!(said[2].starts_with("name: @.id gives no name for element 2"), "{said:?}");
    assert_eq!(said[3], "m-b 4");
}

#[test]
fn elements_of_one_name_are_told_apart_by_their_id() {
    let by_id = Each { name: Some(path("@.type")), id: Some(path("@.id")), ..each("$[*]") };
    let rule = rule_each("s", "m-{element}", by_id);
    let rule = Rule { meter: rule.meter.folding(), ..rule };
    let payload = r#"[{"type":"gas_meter","id":"G4","kwh":1},{"type":"gas_meter","id":7,"kwh":2},{"type":"x","kwh":3}]"#;
    let said = told(&map_one(&[rule], "s", payload));
    assert_eq!(said, ["m-gas-meter-g4 1", "m-gas-meter-7 2", "name: @.id gives no id for element 2"]);
}

/// What becomes of messages on these topics, one after the other.
fn told_among(rules: &[Rule], topics: &[&str]) -> Vec<String> {
    let mut claims = Claims::default();
    let read = |topic: &&str| {
        let message = Message { topic, payload: b"1", retained: false, arrived: ARRIVED };
        told(&map_among(rules, &mut claims, &message).mapped)
    };
    topics.iter().flat_map(read).collect()
}

#[test]
fn two_devices_that_fold_to_one_name_are_never_one_meter() {
    let folding = rule("s/{device}", "hall-{device}");
    let folding = Rule { meter: folding.meter.folding(), ..folding };
    let said = told_among(&[folding], &["s/Rack_1", "s/rack-1", "s/Rack_1", "s/rack-2"]);
    assert_eq!(
        (said[0].as_str(), said[2].as_str(), said[3].as_str()),
        ("hall-rack-1 1", "hall-rack-1 1", "hall-rack-2 1")
    );
    let expected =
        "name: the meter of `hall-rack-1` would be `hall-rack-1`, which is that of `hall-Rack_1` already";
    assert!(said[1].starts_with(expected), "{said:?}");
}

#[test]
fn two_devices_whose_levels_run_together_are_never_one_meter() {
    let rules = [rule("s/{hall}/{device}", "{hall}-{device}")];
    let said = told_among(&rules, &["s/a/b-c", "s/a-b/c", "s/a/b-c"]);
    assert_eq!((said[0].as_str(), said[2].as_str()), ("a-b-c 1", "a-b-c 1"));
    assert!(said[1].starts_with("name: the meter of `a-b-c` would be"), "{said:?}");
}

#[test]
fn one_device_may_speak_on_several_topics_and_where_the_rule_says_so_many_may_be_one_meter() {
    let folding = |topic: &str, meter: &str| {
        let rule = rule(topic, meter);
        Rule { meter: rule.meter.folding(), ..rule }
    };
    let rules = [
        folding("tele/{device}", "{device}-w"),
        folding("stat/{name}/{x}", "{name}-w"),
        rule("bms/+", "ups"),
    ];
    let said = told_among(&rules, &["tele/Plug_1", "stat/Plug_1/a", "stat/Plug_1/b", "bms/1", "bms/2"]);
    assert_eq!(said, ["plug-1-w 1", "plug-1-w 1", "plug-1-w 1", "ups 1", "ups 1"]);
}

#[test]
fn what_is_not_read_of_a_device_claims_no_name() {
    let folding = rule("s/{device}", "{device}");
    let rules = [Rule { meter: folding.meter.folding(), value: Some(path("/v")), optional: true, ..folding }];
    let mut claims = Claims::default();
    let mut read = |topic: &str, payload: &str| {
        let message = Message { topic, payload: payload.as_bytes(), retained: false, arrived: ARRIVED };
        told(&map_among(&rules, &mut claims, &message).mapped)
    };
    assert!(read("s/A_1", "{}").is_empty() && read("s/A_1", r#"{"v":null}"#).is_empty());
    assert_eq!(read("s/a-1", r#"{"v":3}"#), ["a-1 3"]);
}

#[test]
fn no_element_and_too_many_are_refused_at_once() {
    let rule = rule_each("s", "m-{element}", each("$.list[*]"));
    let said = told(&map_one(std::slice::from_ref(&rule), "s", r#"{"list":[]}"#));
    assert_eq!(said, ["payload: no element at $.list[*]"]);
    let many = format!(r#"{{"list":[{}0]}}"#, "0,".repeat(1_000));
    let said = told(&map_one(std::slice::from_ref(&rule), "s", &many));
    assert_eq!(said, ["payload: $.list[*] gives 1001 elements; at most 1000 are taken"]);
    let outcome = map(
        &[Rule { optional: true, ..rule }],
        &Message { topic: "s", payload: b"{}", retained: false, arrived: ARRIVED },
    );
    assert_eq!((outcome.mapped, outcome.absent), (vec![], 1));
}

#[test]
fn a_path_to_several_values_says_how_to_read_them() {
    let rule = Rule { value: Some(path("$..kwh")), ..rule("s", "m") };
    let said = told(&map_one(&[rule], "s", PHASES));
    assert_eq!(said, ["payload: $..kwh gives 3 values; one rule reads several with `each`"]);
}

#[test]
fn an_optional_rule_says_nothing_of_what_is_not_there() {
    let rule = Rule { value: Some(path("/power")), optional: true, ..rule("s", "m") };
    let one = std::slice::from_ref(&rule);
    for payload in [r#"{}"#, r#"{"power":null}"#, r#"{"power":[1,2]}"#, r#"{"power":{"l1":1}}"#] {
        assert_eq!(map_one(one, "s", payload), [], "{payload}");
    }
    assert_eq!(told(&map_one(one, "s", r#"{"power":0}"#)), ["m 0"]);
    for bad in [r#"{"power":"high"}"#, r#"{"power":true}"#, "{"] {
        assert_eq!(refusal(&map_one(one, "s", bad)[0]).cause, Cause::Payload, "{bad}");
    }
}

#[test]
fn words_and_booleans_are_states_where_they_are_declared() {
    let number = |text: &str| text.parse::<Decimal>().expect(text);
    let words = [("on", "1"), ("off", "0"), ("true", "1"), ("false", "0"), ("ON", "2"), ("7", "0.5")];
    let states = States::new(words.map(|(word, value)| (word.to_owned(), number(value))).to_vec());
    let in_json = Rule { value: Some(path("/s")), states: Some(states.clone()), ..rule("s", "m") };
    for (payload, value) in [
        (r#"{"s":"on"}"#, "1"),
        (r#"{"s":"ON"}"#, "2"),
        (r#"{"s":" Off "}"#, "0"),
        (r#"{"s":true}"#, "1"),
        (r#"{"s":false}"#, "0"),
        (r#"{"s":7}"#, "0.5"),
    ] {
        let mapped = map_one(std::slice::from_ref(&in_json), "s", payload);
        assert_eq!(reading(&mapped[0]).1.value.to_string(), value, "{payload}");
    }
    let unknown = told(&map_one(std::slice::from_ref(&in_json), "s", r#"{"s":"stuck"}"#));
    assert_eq!(unknown, ["payload: `stuck` is none of the states on, off, true, false, ON, 7"]);
    let bare = Rule { states: Some(states), ..rule("s", "m") };
    assert_eq!(told(&map_one(&[bare], "s", "off\n")), ["m 0"]);
    let undeclared = Rule { value: Some(path("/s")), ..rule("s", "m") };
    let said = told(&map_one(&[undeclared], "s", r#"{"s":true}"#));
    assert!(said[0].contains("with kind = \"state\" it is a state"), "{said:?}");
}

#[test]
fn units_may_be_spelled_as_the_device_does() {
    let spellings = vec![("kilowatt".to_owned(), unit("kW")), ("W".to_owned(), unit("mW"))];
    let rule = Rule {
        value: Some(path("/v")),
        unit: UnitRule::InPayload { path: path("/u"), spellings },
        ..rule("s", "m")
    };
    for (spelled, meant) in [("kilowatt", "kW"), ("W", "mW"), (" kWh ", "kWh"), ("°C", "Cel")] {
        let mapped = map_one(std::slice::from_ref(&rule), "s", &format!(r#"{{"v":1,"u":"{spelled}"}}"#));
        assert_eq!(reading(&mapped[0]).1.unit, Some(unit(meant)), "{spelled}");
    }
}

#[test]
fn a_time_that_may_be_missing_is_the_arrival_but_never_that_of_a_retained_message() {
    let time = TimeAt { path: path("/t"), rule: TimeRule::default(), optional: true };
    let rules = [Rule { value: Some(path("/v")), time: Some(time), ..rule("s", "m") }];
    let heard = |payload: &str, retained| {
        map(&rules, &Message { topic: "s", payload: payload.as_bytes(), retained, arrived: ARRIVED })
    };
    for payload in [r#"{"v":1}"#, r#"{"v":1,"t":null}"#] {
        assert_eq!(reading(&heard(payload, false).mapped[0]).1.at, ARRIVED);
        let kept = heard(payload, true);
        assert_eq!((kept.mapped.len(), kept.stale), (0, 1), "{payload}");
    }
    let timed = r#"{"v":1,"t":"2023-11-14T22:00:00Z"}"#;
    for retained in [false, true] {
        assert_eq!(reading(&heard(timed, retained).mapped[0]).1.at.to_string(), "2023-11-14T22:00:00Z");
    }
    assert_eq!(refusal(&heard(r#"{"v":1,"t":"noon"}"#, false).mapped[0]).cause, Cause::Time);
}

#[test]
fn in_the_repeated_hour_a_retained_message_is_ambiguous_and_a_fresh_one_is_not() {
    let rule_of_time = TimeRule { format: TimeFormat::Rfc3339, zone: Some(Tz::Europe__Berlin) };
    let time = TimeAt { path: path("/t"), rule: rule_of_time, optional: false };
    let rules = [Rule { value: Some(path("/v")), time: Some(time), ..rule("s", "m") }];
    let arrived = Timestamp::from_rfc3339("2026-10-25T01:30:05Z").expect("a time");
    let heard = |written: &str, retained| {
        let payload = format!(r#"{{"v":1,"t":"2026-10-25T{written}"}}"#);
        map(&rules, &Message { topic: "s", payload: payload.as_bytes(), retained, arrived }).mapped.remove(0)
    };
    assert_eq!(reading(&heard("02:30:00", false)).1.at.to_string(), "2026-10-25T01:30:00Z");
    assert_eq!(refusal(&heard("02:30:00", true)).cause, Cause::AmbiguousTime);
    assert_eq!(reading(&heard("01:30:00", true)).1.at.to_string(), "2026-10-24T23:30:00Z");
}

#[test]
fn a_sensor_whose_clock_is_ahead_is_handed_on_with_both_times() {
    let payload = r#"{"value":1,"time":"2023-11-14T23:13:20Z","unit":"kWh"}"#;
    let mapped = map_one(&[full()], "s/m", payload);
    // Further ahead than five minutes is the collector's to refuse: by what the reading itself says.
    assert_eq!(reading(&mapped[0]).1.skew_ms(), 3_600_000);
}
