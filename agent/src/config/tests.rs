use super::*;
use crate::map::Rule;
use crate::map::UnitRule;

const FULL: &str = r#"
[agent]
name = "hall-agent"
site = "hall"
collector = "campus"
data_dir = "/var/lib/wattledger-agent"

[link]
broker = "mqtt://127.0.0.1:1883"
username = "hall-agent"
password_file = "/etc/wattledger/link.password"

[spool]
limit = "64 MiB"

[batch]
max_readings = 100
linger = "2s"

[[source.mqtt]]
name = "floor"
broker = "mqtt://sensors:1884"

[[source.mqtt.rule]]
topic = "sensors/{building}/{meter}/SENSOR"
meter = "{building}-{meter}"
value = "/ENERGY/Total"
time = "/Time"
time_zone = "Europe/Berlin"
unit = "kWh"
kind = "register"
serial_path = "/Serial"
boots_path = "/Boots"

[[source.mqtt.rule]]
topic = "power/+/#"
meter = "utility-a"
unit_path = "/unit"
interval = "15m"

[[source.mqtt]]
name = "roof"

[[source.mqtt.rule]]
topic = "roof/t"
meter = "roof-temperature"

[source.host]
interval = "30s"
meter = "{zone}-of-{hostname}"
rapl = true
rapl_zones = ["package", "psys"]
rapl_max_power = "0.4 kW"
hwmon = true
hwmon_chips = ["k10temp"]
nvidia = true
nvidia_library = "/opt/libnvidia-ml.so.1"
sysfs = "/host/sys"

[[source.nut]]
name = "room"
address = "[::1]:13493"
ups = ["rack1", "rack2"]
variables = ["ups.realpower", "input.*"]
interval = "5s"
meter = "{ups}"
username = "agent"
password_file = "/etc/wattledger/nut.password"

[[source.replay]]
name = "pzem"
file = "pzem.csv"
time_column = "datetime"
time_format = "%Y-%m-%d %H:%M:%S"
speed = "60x"

[[source.replay.column]]
column = "energy_wh"
meter = "pzem"
unit = "Wh"
"#;

#[test]
fn a_full_configuration_is_read() {
    let config = AgentConfig::parse("agent.toml", FULL).expect("valid");
    assert_eq!(config.agent.to_string(), "hall/hall-agent");
    assert_eq!((config.spool_limit_bytes, config.batch.max_readings), (64 << 20, 100));
    assert_eq!(config.batch.linger, Duration::from_secs(2));
    let [floor, roof] = &config.mqtt[..] else { panic!("two sources") };
    assert_eq!((floor.broker.broker.host.as_str(), floor.broker.broker.port), ("sensors", 1884));
    assert_eq!(floor.broker.broker.username, None);
    assert_eq!(roof.broker, config.link);
    assert_eq!(floor.rules[0].topic.filter(), "sensors/+/+/SENSOR");
    assert_eq!(floor.rules[1].interval_ms, Some(900_000));
    assert!(matches!(floor.rules[1].unit, UnitRule::InPayload { .. }));
    let says = |rule: &Rule| (rule.evidence.serial.is_some(), rule.evidence.boots.is_some());
    assert_eq!((says(&floor.rules[0]), says(&floor.rules[1])), ((true, true), (false, false)));
    assert_eq!(roof.rules[0].unit, UnitRule::Unsaid);
    let host = config.host.expect("host");
    let meter = host.meter.name(&[("hostname", "n1"), ("zone", "package-0")]);
    assert_eq!((host.interval, meter.as_str()), (Duration::from_secs(30), "package-0-of-n1"));
    assert_eq!(host.rapl.into_iter().collect::<Vec<_>>(), [RaplZone::Package, RaplZone::Psys]);
    assert_eq!((host.rapl_max_watts, host.hwmon, host.nvidia), (400.0, true, true));
    assert_eq!((host.hwmon_chips, host.roots.sys), (vec!["k10temp".to_owned()], "/host/sys".into()));
    let [nut] = &config.nut[..] else { panic!("one daemon") };
    assert_eq!((nut.host.as_str(), nut.port, nut.ups.len(), nut.variables.len()), ("::1", 13_493, 2, 2));
    let meter = nut.meter.name(&[("ups", "rack1"), ("variable", "input.L1.current")]);
    assert_eq!(meter.as_str(), "rack1-input-l1-current");
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    assert_eq!(config.replays[0].speed, Speed::Times(60));
}

#[test]
fn what_is_not_said_has_a_default() {
    let text = "[agent]\nname='a'\nsite='s'\ncollector='c'\ndata_dir='d'\n[link]\nbroker='mqtt://h'\n";
    let config = AgentConfig::parse("agent.toml", text).expect("valid");
    assert_eq!(config.link.broker.port, 1883);
    assert_eq!((config.spool_limit_bytes, config.batch.max_readings), (1 << 30, 500));
    assert!(config.host.is_none() && config.mqtt.is_empty() && config.replays.is_empty());
    let off =
        AgentConfig::parse("agent.toml", &format!("{text}[source.host]\nenabled=false\n")).expect("valid");
    assert!(off.host.is_none());
}

/// The problems of the full configuration after a change.
fn problems(from: &str, to: &str) -> String {
    assert!(FULL.contains(from), "{from}");
    AgentConfig::parse("agent.toml", &FULL.replacen(from, to, 1)).expect_err(to).to_string()
}

#[test]
fn every_problem_is_found_at_its_place() {
    for (from, to, says) in [
        (
            "name = \"hall-agent\"",
            "name = \"Hall Agent\"",
            "agent.toml:3:8: `name`: `Hall Agent` is not a name",
        ),
        ("collector = \"campus\"", "colector = \"campus\"", "did you mean `collector`?"),
        ("limit = \"64 MiB\"", "limit = \"64 KiB\"", "allow at least 4 MiB"),
        ("max_readings = 100", "max_readings = 0", "0 is not within 1 to 5000"),
        ("mqtt://sensors:1884", "http://sensors:1884", "`broker`: "),
        ("username = \"hall-agent\"\n", "", "`password_file` needs a `username`"),
        ("/ENERGY/Total", "ENERGY.Total", "is not a path such as"),
        ("{building}-{meter}", "{buildng}-{meter}", "did you mean `building`?"),
        ("sensors/{building}", "sensors/{x}{building}", "a level has one {name}"),
        ("unit = \"kWh\"", "unit = \"kwhh\"", "`unit`: `kwhh` is not a unit"),
        ("kind = \"register\"", "kind = \"power\"", "is a unit of register, and `kind` says power"),
        ("kind = \"register\"", "interval = \"1h\"", "a register is no mean"),
        ("kind = \"register\"", "unit_path = \"/u\"", "keep one"),
        ("kind = \"register\"", "units = { kwhs = \"kWh\" }", "`unit_path` says where"),
        ("kind = \"register\"", "optional = 1", "needs true or false"),
        ("kind = \"register\"", "format = \"p1\"", "`p1` is not known"),
        ("kind = \"register\"", "states = { ON = 1 }", "needs `kind = \"state\"`"),
        ("kind = \"register\"", "elements = [\"l1\"]", "say `each`"),
        ("kind = \"register\"", "each = \"$.a[*]\"", "put {element} into"),
        ("unit = \"kWh\"\nkind = \"register\"", "kind = \"state\"", "states = { ON = 1, OFF = 0 }"),
        ("\"/ENERGY/Total\"", "\"@.Total\"", "the rule has no `each`"),
        ("\"/ENERGY/Total\"", "\"$.a[\"", "is not a JSONPath"),
        ("time = \"/Time\"\n", "", "no `time` says where"),
        ("Europe/Berlin", "Europe/Berlim", "did you mean `Europe/Berlin`?"),
        ("name = \"roof\"", "name = \"floor\"", "another source named `floor`"),
        ("speed = \"60x\"", "speed = \"fast\"", "is not a speed"),
        ("time_format = \"%Y-%m-%d %H:%M:%S\"", "time_format = \"%Q\"", "not a time pattern"),
        ("interval = \"30s\"", "interval = \"0s\"", "must be above zero"),
        ("{zone}-of-{hostname}", "{zone}-of-{host}", "there are {hostname}, {zone}"),
        ("\"psys\"", "\"psis\"", "`rapl_zones`: "),
        ("0.4 kW", "0.4 kWh", "not a unit of power"),
        ("0.4 kW", "0.4 W", "is not within 1 W to 1 MW"),
        ("\"[::1]:13493\"", "\"upsd:0\"", "is not an address such as 127.0.0.1:3493"),
        ("\"[::1]:13493\"", "\"[::1:13493\"", "is not an address"),
        ("\"rack2\"", "\"rack 2\"", "has white space in it"),
        ("meter = \"{ups}\"", "meter = \"ups\"", "no two may have one meter"),
        ("username = \"agent\"\n", "", "`password_file` needs a `username`"),
        ("name = \"room\"", "name = \"host\"", "another source named `host`"),
    ] {
        let found = problems(from, to);
        assert!(found.contains(says), "{to}: {found}");
        assert_eq!(found.lines().count(), if to.contains("colector") { 2 } else { 1 }, "{found}");
    }
}

fn source(rules: &str) -> Result<AgentConfig, Problems> {
    let head = "[agent]\nname='a'\nsite='s'\ncollector='c'\ndata_dir='d'\n[link]\nbroker='mqtt://h'\n";
    AgentConfig::parse("agent.toml", &format!("{head}[[source.mqtt]]\nname='m'\n{rules}"))
}

#[test]
fn a_profile_stands_for_its_rules() {
    let rule = "[[source.mqtt.rule]]\nprofile='tasmota'\ntime_zone='Europe/Berlin'\n";
    let all = source(rule).expect("valid").mqtt.remove(0).rules;
    assert!(all.iter().all(|rule| rule.topic.filter() == "tele/+/SENSOR"), "{all:?}");
    let more =
        format!("{rule}topic='{{hall}}/{{plug}}/tele'\nmeter='{{hall}}-{{plug}}'\nreadings=['energy']\n");
    let [energy] = &source(&more).expect("valid").mqtt.remove(0).rules[..] else { panic!("one is chosen") };
    assert_eq!(energy.topic.filter(), "+/+/tele");
    assert_eq!(energy.meter.name(&["h1", "Plug_2"]).expect("folded").as_str(), "h1-plug-2-energy");
    let esphome = "[[source.mqtt.rule]]\nprofile='esphome'\nunit='W'\n";
    let [sensor] = &source(esphome).expect("valid").mqtt.remove(0).rules[..] else { panic!("one") };
    assert_eq!(sensor.unit, UnitRule::Fixed("W".parse().expect("a unit")));
}

#[test]
fn what_is_wrong_with_a_profile_is_told_at_its_place() {
    for (rule, says) in [
        ("profile='tasmota'", "`tasmota` sends local times: say `time_zone`"),
        ("profile='tasmoto'", "there is no profile `tasmoto`; did you mean `tasmota`?"),
        ("profile='shelly-gen1'\nreadings=['relay-powr']", "did you mean `relay-power`?"),
        ("profile='shelly-gen1'\nunit='W'", "says the units of these readings itself"),
        ("profile='shelly-gen1'\ntopic='shellies/x'", "the topic has no level `{device}`"),
        ("profile='shelly-gen1'\ntopic='shellies/#'", "# can only be the last level"),
        ("profile='shelly-gen1'\nvalue='/x'", "unknown key `value`"),
    ] {
        let found = source(&format!("[[source.mqtt.rule]]\n{rule}\n")).expect_err(rule).to_string();
        assert!(found.contains(says), "{rule}: {found}");
        assert_eq!(found.lines().count(), 1, "{found}");
    }
}

#[test]
fn a_host_and_a_daemon_need_few_words() {
    let text = "[agent]\nname='a'\nsite='s'\ncollector='c'\ndata_dir='d'\n[link]\nbroker='mqtt://h'\n\
                [source.host]\nmeter='node-{hostname}'\n[[source.nut]]\nname='room'\n";
    let config = AgentConfig::parse("agent.toml", text).expect("valid");
    let host = config.host.expect("host");
    // A template without a zone is the beginning of the names.
    assert_eq!(host.meter.name(&[("hostname", "n1"), ("zone", "cpu")]).as_str(), "node-n1-cpu");
    assert!(host.rapl.is_empty() && !host.hwmon && !host.nvidia, "only what is asked for");
    let [nut] = &config.nut[..] else { panic!("one daemon") };
    assert_eq!((nut.host.as_str(), nut.port, nut.ups.is_empty()), ("127.0.0.1", 3_493, true));
    let values = [("source", "room"), ("ups", "Rack1"), ("variable", "ups.realpower")];
    assert_eq!(nut.meter.name(&values).as_str(), "room-rack1-ups-realpower");
}

#[test]
fn a_password_that_would_cross_the_network_in_plain_text_is_warned_of() {
    let text = FULL.replace("[::1]:13493", "ups.example.org");
    let config = AgentConfig::parse("agent.toml", &text).expect("valid");
    assert!(config.warnings.to_string().contains("as plain text"), "{}", config.warnings);
}

#[test]
fn sparkplug_metrics_are_read_as_meters() {
    let sparkplug = "[source.mqtt.sparkplug]\nrebirth=false\n[[source.mqtt.sparkplug.metric]]\n\
        group='hall'\nmetric='Meters/{circuit}/Energy'\nmeter='{edge}-{circuit}'\nunits={kwhs='kWh'}\nkind='register'\n";
    let config = source(sparkplug).expect("valid").mqtt.remove(0);
    let read = config.sparkplug.expect("declared");
    assert_eq!(
        (read.filter().as_str(), read.asks_rebirth, config.rules.len()),
        ("spBv1.0/hall/+/+/#", false, 0)
    );
    for (from, to, says) in [
        ("group='hall'", "group='a/b'", "is not an identifier of Sparkplug"),
        ("metric='Meters", "metric='{edge}", "names two levels alike"),
        ("{edge}-{circuit}", "{edg}", "did you mean `edge`?"),
        ("kind='register'", "kind='register'\nunit='W'", "is a unit of power"),
        ("kind='register'", "value='/x'", "unknown key `value`"),
    ] {
        let found = source(&sparkplug.replace(from, to)).expect_err(to).to_string();
        assert!(found.contains(says), "{to}: {found}");
    }
    for (topic, overlaps) in
        [("#", true), ("spBv1.0/#", true), ("+/{a}/NDATA/#", true), ("tele/{a}/SENSOR", false)]
    {
        let rule = format!("[[source.mqtt.rule]]\ntopic='{topic}'\nmeter='m'\n");
        let found = source(&format!("{rule}{sparkplug}"));
        assert_eq!(found.is_err(), overlaps, "{topic}");
        let said = found.err().map(|problems| problems.to_string()).unwrap_or_default();
        assert!(!overlaps || said.contains("and `spBv1.0/hall/+/+/#` of Sparkplug overlap"), "{said}");
    }
    let without = source("[source.mqtt.sparkplug]\n").expect_err("no metric").to_string();
    assert!(without.contains("say which metrics are read"), "{without}");
}

#[test]
fn all_problems_are_told_at_once() {
    let text = FULL.replace("kWh", "kwhh").replace("linger = \"2s\"", "linger = 2").replace("60x", "0x");
    let found = AgentConfig::parse("agent.toml", &text).expect_err("three problems");
    assert_eq!(found.to_string().lines().count(), 3, "{found}");
}

#[test]
fn a_password_is_read_from_where_it_is_kept_and_never_printed() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("password");
    std::fs::write(&path, "correct horse\n").expect("disk");
    let text = FULL.replace("/etc/wattledger/link.password", path.to_str().expect("text"));
    let config = AgentConfig::parse("agent.toml", &text).expect("valid");
    let broker = config.link.resolve().expect("readable");
    assert_eq!(broker.password.as_ref().map(Secret::reveal), Some("correct horse"));
    assert!(!format!("{broker:?} {broker} {config:?}").contains("horse"));
    // That of upsd is not there, and is all that is told.
    let problems = config.check_secrets().to_string();
    assert!(problems.starts_with("agent.toml:68:17: cannot read the secret file /etc/"), "{problems}");
    assert_eq!(problems.lines().count(), 1, "{problems}");
}

#[test]
fn a_password_may_come_by_the_environment_or_from_systemd() {
    let with = |keys: &str| {
        let text = FULL.replace("password_file = \"/etc/wattledger/link.password\"", keys);
        AgentConfig::parse("agent.toml", &text)
    };
    let kept = |keys: &str| {
        let config = with(keys).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(
            config.mqtt[1].broker, config.link,
            "a source on the link's broker has the link's password"
        );
        config.link.password.expect("said").value
    };
    assert_eq!(kept("password_env = 'LINK_1'"), SecretSource::Environment("LINK_1".to_owned()));
    assert_eq!(kept("password_credential = 'link'"), SecretSource::Credential("link".to_owned()));
    let config = with("password_env = 'WATTLEDGER_TEST_NEVER_SET'").expect("valid");
    let error = config.link.resolve().expect_err("not set").to_string();
    assert!(error.contains("WATTLEDGER_TEST_NEVER_SET, which is to hold a secret, is not set"), "{error}");
    for (keys, says) in [
        ("password_env = 'A'\npassword_credential = 'a'", "are answers to one question; keep one"),
        ("password = 'correct horse'", "unknown key `password`"),
        ("password_env = 'correct horse'", "is not the name of an environment variable"),
    ] {
        let error = with(keys).expect_err(keys).to_string();
        assert!(error.contains(says) && !error.contains("horse"), "{error}");
    }
}

#[test]
fn the_example_is_what_it_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/agent.toml");
    let text = std::fs::read_to_string(path).expect("the example");
    let config =
        AgentConfig::parse("config/agent.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.warnings.is_empty(), "{}", config.warnings);
}
