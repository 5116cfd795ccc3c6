use super::*;

mod alerts;
mod channels;
mod conditions;
mod counting;
mod facilities;
mod instruments;
mod points;
mod registered;
mod reports;
mod schedules;

use wattledger_link::session::Tls;
use wattledger_model::calendar::Window;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::{Form, Kind};
use wattledger_model::role::Role;

const EXAMPLE: &str = include_str!("../../../config/collector.toml");
const CAMPUS: &str = include_str!("../../../config/campus.toml");

/// The least that is a configuration, with one facility that has a PUE.
const LEAST: &str = "\
[collector]
name = \"c\"
data_dir = \"/d\"
[link]
broker = \"mqtt://127.0.0.1:1883\"
[[site]]
name = \"s\"
time_zone = \"UTC\"
[[facility]]
name = \"f\"
site = \"s\"
[[meter]]
name = \"in\"
facility = \"f\"
role = \"utility\"
kind = \"power\"
unit = \"kW\"
[[meter]]
name = \"it\"
facility = \"f\"
role = \"ups-output\"
kind = \"power\"
unit = \"kW\"
";

fn good(text: &str) -> CollectorConfig {
    CollectorConfig::parse("c.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The messages, errors and warnings, for the least configuration followed by `more`.
fn after_least(more: &str) -> Vec<String> {
    messages(&format!("{LEAST}{more}"))
}

/// The messages for a meter of facility `f` with these lines.
fn of_meter(lines: &str) -> Vec<String> {
    after_least(&format!("[[meter]]\nname = \"m\"\nfacility = \"f\"\n{lines}\n"))
}

fn messages(text: &str) -> Vec<String> {
    let problems = match CollectorConfig::parse("c.toml", text) {
        Ok(config) => config.warnings,
        Err(problems) => problems,
    };
    let shown = |problem: &document::Problem| match problem.severity {
        document::Severity::Error => problem.message.clone(),
        document::Severity::Warning => format!("warning: {}", problem.message),
    };
    problems.all().iter().map(shown).collect()
}

#[track_caller]
fn says(messages: &[String], expected: &[&str]) {
    assert_eq!(messages.len(), expected.len(), "{messages:#?}");
    for (message, expected) in messages.iter().zip(expected) {
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    }
}

#[test]
fn the_example_is_read_whole_and_without_a_warning() {
    let config = good(EXAMPLE);
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    assert_eq!(config.name.as_str(), "campus");
    assert_eq!((config.link.broker.host.as_str(), config.link.broker.port), ("127.0.0.1", 1883));
    assert_eq!(config.retention_raw, Duration::from_secs(400 * 86_400));
    assert!(config.web.is_some_and(|web| web.listen.ip().is_loopback()));
    assert_eq!(config.sites[0].time_zone.name(), "Europe/Berlin");
    let hall = &config.facilities[0];
    assert_eq!(hall.targets.iter().map(|target| target.id.as_str()).collect::<Vec<_>>(), ["D130"]);
    assert!(matches!(&hall.carbon, Some(Carbon::Constant { year: Some(2024), .. })));
    let utility = &config.meters[0];
    assert_eq!(utility.key.to_string(), "hall/utility-a");
    assert_eq!((utility.role, utility.kind), (Some(Role::Utility), Kind::Register));
    assert_eq!(utility.modulus, Some(Decimal::new(1_000_000, 0)));
    assert_eq!((utility.nominal_interval_ms, utility.gap_limit_ms), (Some(60_000), Some(900_000)));
    assert_eq!(utility.rated_power.map(|rated| rated.to_string()), Some("2 MW".to_string()));
    assert_eq!(config.meters[1].form, Some(Form::Instant));
    let rule = &config.alerts[0];
    let (of, limits) = (&rule.condition, rule.thresholds(0.0, 0.0));
    assert_eq!(*of, Condition::Indicator { indicator: Indicator::Pue, window: Window::Hour });
    assert_eq!((limits.side, limits.raise, limits.clear), (Side::Above, 1.35, 1.32));
    assert_eq!(config.channels.len(), 2);
    assert_eq!(config.influx.len(), 1);
}

#[test]
fn the_campus_is_read_whole_and_without_a_warning() {
    let config = good(CAMPUS);
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    assert_eq!((config.sites.len(), config.facilities.len()), (2, 4));
    let claims: Vec<&Claim> = config.meters.iter().flat_map(|meter| &meter.claims).collect();
    for role in Role::ALL {
        assert!(claims.iter().any(|claim| claim.role == *role), "{role} has an example");
    }
    let building = config.facility(&"beijing-1".parse().expect("a name")).expect("declared");
    assert_eq!(building.carbon, Some(Carbon::Grid("cn-beijing".to_string())));
    let targets = |at: usize| -> Vec<&str> {
        config.facilities[at].targets.iter().map(|target| target.id.as_str()).collect()
    };
    assert_eq!(
        (targets(1), targets(3)),
        (vec!["D130"], vec!["D130", "D125"]),
        "the fourth is in a cold region"
    );
    let Some(Carbon::Constant { kg_per_kwh, .. }) = &config.facilities[2].carbon else {
        panic!("a constant")
    };
    assert_eq!(kg_per_kwh.to_string(), "0.363", "from g/kWh");
    assert!(config.meters.iter().any(|meter| meter.facility.is_none()), "a spare one");
    assert_eq!(config.meters_of(&building.name).count(), 11);
}

#[test]
fn the_commented_settings_of_the_example_are_settings() {
    // Every commented line that looks like a setting is switched on; what it switches on must exist.
    let on: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with("[[") || rest.contains(" = ") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert_ne!(on, EXAMPLE);
    let config = good(&on);
    assert_eq!(config.influx.len(), 3);
    assert_eq!(config.facilities[0].it_energy, Some(Role::UpsOutput));
}

#[test]
fn the_least_configuration_has_the_documented_defaults() {
    let config = good(LEAST);
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    assert_eq!(config.retention_raw, Duration::from_secs(400 * 86_400));
    assert_eq!(config.web.map(|web| web.listen.to_string()), Some("127.0.0.1:8080".to_string()));
    assert_eq!(config.meters[0].key.site.as_str(), "s", "the facility tells the site");
    assert_eq!(config.meters[0].scale, Decimal::new(1, 0));
    assert_eq!(config.facilities[0].title, "f");
    assert_eq!(good(&format!("{LEAST}[web]\nenabled = false\n")).web, None);
}

#[test]
fn an_empty_file_names_the_tables_it_needs() {
    says(
        &messages(""),
        &[
            "the table [collector] is missing; it needs `name`",
            "the table [link] is missing; it needs `broker`",
        ],
    );
}

#[test]
fn every_dangling_name_is_found_at_once_with_the_nearest_one() {
    let more = "\
[[meter]]
name = \"a\"
facility = \"ff\"
role = \"utility\"
kind = \"power\"
[[meter]]
name = \"b\"
site = \"ss\"
kind = \"power\"
[[alert]]
name = \"x\"
facility = \"fg\"
indicator = \"pue\"
window = \"1h\"
raise_above = 1.4
channels = [\"opps\"]
[[channel.mqtt]]
name = \"ops\"
";
    says(
        &after_least(more),
        &[
            "there is no facility `ff`; did you mean `f`?",
            "there is no site `ss`; did you mean `s`?",
            "there is no facility `fg`; did you mean `f`?",
            "there is no channel `opps`; did you mean `ops`?",
        ],
    );
    let text = LEAST.replace(
        "site = \"s\"",
        "site = \"s\"\ntargets = [\"D131\", \"D130\", \"D130\"]\ngrid = \"cn-bejing\"",
    );
    says(
        &messages(&text),
        &[
            "there is no target `D131`; did you mean `D130`?",
            "target `D130` is named twice",
            "there is no grid `cn-bejing`; did you mean `cn-beijing`?",
        ],
    );
}

#[test]
fn each_name_is_declared_once() {
    let more = "\
[[site]]
name = \"s\"
time_zone = \"UTC\"
[[facility]]
name = \"f\"
site = \"s\"
[[meter]]
name = \"in\"
site = \"s\"
kind = \"gauge\"
[[channel.mqtt]]
name = \"x\"
[[channel.webhook]]
name = \"x\"
url = \"http://h\"
";
    let found = after_least(more);
    says(
        &found,
        &[
            "site `s` is declared already, in line 7",
            "facility `f` is declared already, in line 10",
            "meter `s/in` is declared already, in line 12",
            "channel `x` is declared already, in line",
        ],
    );
}

#[test]
fn a_meter_needs_a_site_where_there_are_several() {
    let second = "[[site]]\nname = \"t\"\ntime_zone = \"UTC\"\n";
    let meter = "[[meter]]\nname = \"m\"\nkind = \"gauge\"\n";
    says(&after_least(meter), &[]);
    says(&after_least(&format!("{second}{meter}")), &["`site` is missing"]);
    let elsewhere = format!("{second}{meter}site = \"t\"\nfacility = \"f\"\n");
    says(&after_least(&elsewhere), &["facility `f` is in site `s`, not in `t`"]);
}

#[test]
fn unit_kind_and_role_must_agree() {
    says(
        &of_meter("kind = \"register\"\nunit = \"kW\""),
        &["no `rated_power`", "kW is a unit of a power; a register needs another (such as kWh)"],
    );
    says(&of_meter("unit = \"kWh\"\nrated_power = \"1 MW\""), &[]);
    says(&of_meter(""), &["`kind` is missing"]);
    says(
        &of_meter("role = \"water\"\nkind = \"power\"\nunit = \"kW\""),
        &["a meter in the role water is a register of volume or a flow, not a power"],
    );
    says(
        &of_meter("role = \"cooling\"\nkind = \"register\"\nunit = \"m3\"\nrated_flow = \"1 m3/h\""),
        &["m3 is no unit of that"],
    );
    says(&of_meter("role = \"outdoor\"\nkind = \"gauge\"\nunit = \"°C\""), &[]);
    says(&of_meter("unit = \"kwhh\""), &["`kwhh` is not a unit that is understood; did you mean `kWh`?"]);
    says(
        &after_least("[[meter]]\nname = \"m\"\nrole = \"cooling\"\nunit = \"kW\"\n"),
        &["a role needs the `facility`"],
    );
}

#[test]
fn registers_have_modulus_resolution_and_rating_that_make_sense() {
    let register = "kind = \"register\"\nunit = \"kWh\"\nrated_power = \"1 MW\"\n";
    let with = |more: &str| of_meter(&format!("{register}{more}"));
    says(&with("modulus = 0"), &["`modulus`: must be above zero"]);
    says(&with("resolution = \"-1\""), &["`resolution`: must be above zero"]);
    says(&with("scale = 0"), &["`scale`: must be above zero"]);
    says(
        &with("modulus = 10\nresolution = 10"),
        &["passes its `modulus` between two readings", "must be smaller than `modulus`"],
    );
    says(&with("modulus = 1000\nnominal_interval = \"1h\""), &["passes its `modulus` between two readings"]);
    says(&with("modulus = 1000\nscale = 100\nnominal_interval = \"1h\""), &[]);
    says(&with("form = \"instant\""), &["a register has no `form`"]);
    says(&of_meter("kind = \"register\"\nunit = \"kWh\""), &["warning: no `rated_power`"]);
    says(&of_meter("kind = \"register\"\nmodulus = 5"), &["is in the unit of the register: give its `unit`"]);
    says(&of_meter("kind = \"register\"\nunit = \"m3\""), &["warning: no `rated_flow`"]);
    says(&of_meter("kind = \"register\"\nunit = \"m3\"\nrated_power = \"1 kW\""), &["is its `rated_flow`"]);
    says(
        &of_meter("kind = \"register\"\nunit = \"kWh\"\nrated_power = \"1 kWh\""),
        &["`rated_power` is a power such as \"2 MW\", not 1 kWh"],
    );
    says(
        &of_meter("kind = \"register\"\nunit = \"kWh\"\nrated_power = \"0 kW\""),
        &["`rated_power` must be above zero"],
    );
    says(
        &of_meter("kind = \"power\"\nmodulus = 5\nresolution = 1"),
        &["only a register has a `modulus`", "only a register has a `resolution`"],
    );
}

#[test]
fn instantaneous_power_is_not_integrated_across_hours() {
    let power = |more: &str| of_meter(&format!("kind = \"power\"\nunit = \"kW\"\n{more}"));
    says(&power("gap_limit = \"3h\""), &[]);
    says(&power("gap_limit = \"4h\""), &["across at most \"3h\""]);
    says(&power("nominal_interval = \"2h\""), &["across at most \"3h\""]);
    says(&power("nominal_interval = \"1h\"\ngap_limit = \"4h\"\nform = \"interval-mean\""), &[]);
    says(&power("form = \"on-change\""), &["on-change values need a heartbeat"]);
    says(&power("form = \"on-change\"\nnominal_interval = \"6h\""), &[]);
    says(
        &power("nominal_interval = \"10m\"\ngap_limit = \"1m\""),
        &["warning: `gap_limit` is shorter than `nominal_interval`"],
    );
    says(&power("nominal_interval = \"0s\""), &["`nominal_interval`: must be above zero"]);
}

#[test]
fn a_facility_without_supply_or_it_energy_is_a_warning_and_two_it_levels_are_an_error() {
    let empty = "[[facility]]\nname = \"g\"\nsite = \"s\"\n";
    says(
        &after_least(empty),
        &[
            "warning: facility `g` has no meter of what enters it",
            "warning: facility `g` has no IT energy meter",
        ],
    );
    let pdu = "[[meter]]\nname = \"pdu\"\nfacility = \"f\"\nrole = \"pdu-output\"\nkind = \"power\"\n";
    says(
        &after_least(pdu),
        &["at several points (ups-output, pdu-output); say which counts: it_energy = \"pdu-output\""],
    );
    let said =
        |word: &str| LEAST.replace("site = \"s\"\n", &format!("site = \"s\"\nit_energy = \"{word}\"\n"));
    says(&messages(&format!("{}{pdu}", said("ups-output"))), &[]);
    says(&messages(&said("it-input")), &["warning: no meter of facility `f` has the role it-input"]);
    says(
        &messages(&said("cooling")),
        &["`it_energy`: `cooling` is not known; use one of \"ups-output\", \"pdu-output\", \"it-input\""],
    );
}

#[test]
fn carbon_comes_from_one_place() {
    let with = |more: &str| messages(&LEAST.replace("site = \"s\"\n", &format!("site = \"s\"\n{more}\n")));
    says(&with("grid = \"cn\"\nemission_factor = \"0.5 kg/kWh\""), &["exclude each other"]);
    says(&with("grid = \"cn-excluding-traded\""), &["is no location-based factor"]);
    says(&with("emission_factor_year = 2024"), &["belongs to an `emission_factor`"]);
    says(&with("emission_factor = \"555.4 kg/kWh\""), &["warning: 555.4 kg/kWh is more than any grid emits"]);
    says(&with("emission_factor = \"0.5\""), &["needs a factor such as"]);
    says(&with("emission_factor = \"-0.5 kg/kWh\""), &["must not be negative"]);
    says(&with("emission_factor = \"0 t/MWh\""), &[]);
}

#[test]
fn contradicting_thresholds_are_refused() {
    let rule = |more: &str| {
        let head = "[[alert]]\nname = \"x\"\nfacility = \"f\"\nindicator = \"pue\"\nwindow = \"1h\"\n";
        after_least(&format!("{head}{more}\n"))
    };
    says(&rule("raise_above = 1.3\nclear_below = 1.3"), &[]);
    says(
        &rule("raise_above = 1.3\nclear_below = 1.4"),
        &["would be cleared at 1.4 while it is raised at 1.3"],
    );
    says(&rule("raise_below = 1.0\nclear_above = 0.9"), &["would be cleared at 0.9"]);
    says(&rule("raise_above = 1.3\nclear_above = 1.2"), &["this rule is cleared with `clear_below`"]);
    says(&rule("raise_above = 1.3\nraise_below = 1.2"), &["exclude each other"]);
    says(&rule(""), &["`raise_above` or `raise_below` is missing"]);
    says(&rule("raise_above = 0.9"), &["warning: a PUE is never below 1"]);
    says(&rule("raise_above = 1.3\nmin_coverage = 90"), &["is a share from 0 to 1, not 90"]);
    says(&rule("raise_above = 1.3\nwindow2 = \"1h\""), &["unknown key `window2`"]);
    let missing = rule("raise_above = 1.3").len();
    assert_eq!(missing, 0, "hold times, coverage and severity have defaults");
}

#[test]
fn outputs_take_the_keys_of_their_api() {
    let output = |more: &str| {
        after_least(&format!("[[output.influx]]\nname = \"h\"\nurl = \"http://h:8086\"\n{more}\n"))
    };
    says(&output("api = \"v1\"\ndatabase = \"d\""), &[]);
    says(&output("api = \"v2\"\norg = \"o\"\nbucket = \"b\""), &[]);
    says(&output("api = \"v1\""), &["`database` is missing"]);
    says(
        &output("api = \"v2\"\norg = \"o\"\nbucket = \"b\"\ndatabase = \"d\""),
        &["`database`: belongs to api = \"v1\" or \"v3\""],
    );
    says(&output("api = \"v3\"\ndatabase = \"d\"\ntoken_file = \"/t\""), &[]);
    says(&output("api = \"v3\"\ndatabase = \"d\"\nbucket = \"b\""), &["`bucket`: belongs to api = \"v2\""]);
    says(
        &output("api = \"v1\"\ndatabase = \"d\"\ntoken_file = \"/t\""),
        &["`token_file`: belongs to api = \"v2\" or \"v3\""],
    );
    says(&output("api = \"v4\"\ndatabase = \"d\""), &["`api`: `v4` is not known; did you mean `v1`?"]);
    says(
        &output("api = \"v1\"\ndatabase = \"d\"\npassword_file = \"/p\""),
        &["`password_file` needs a `username`"],
    );
}

#[test]
fn outputs_say_how_lines_are_sent_and_whom_they_trust() {
    let output = |more: &str| {
        format!(
            "[[output.influx]]\nname = \"h\"\nurl = \"https://h\"\napi = \"v3\"\ndatabase = \"d\"\n{more}\n"
        )
    };
    let usual = good(&format!("{LEAST}{}", output(""))).influx.remove(0);
    assert_eq!(usual.sending, Sending::default());
    assert_eq!((usual.sending.requests, usual.sending.batch_bytes), (4, 1 << 20));
    assert_eq!(usual.tls, Some(Tls::default()), "those that the machine trusts");
    let said = "requests = 8\nbatch_size = \"4 MiB\"\nbatch_age = \"2s\"\nca_file = \"/ca.pem\"";
    let said = good(&format!("{LEAST}{}", output(said))).influx.remove(0);
    let sending =
        Sending { requests: 8, batch_bytes: 4 << 20, batch_age: Duration::from_secs(2), gzip: true };
    assert_eq!(said.sending, sending);
    assert_eq!(said.tls.and_then(|tls| tls.ca_file), Some("/ca.pem".into()));
    for (url, gzip) in [
        ("http://127.0.0.1:8086", false),
        ("http://localhost", false),
        ("http://[::1]:8086/x", false),
        ("https://localhost:8086", true),
        ("http://192.0.2.7:8086", true),
        ("http://localhost.example", true),
    ] {
        let plain = output("").replace("https://h", url);
        assert_eq!(good(&format!("{LEAST}{plain}")).influx[0].sending.gzip, gzip, "{url}");
        let said = good(&format!("{LEAST}{plain}gzip = {}\n", !gzip));
        assert_eq!(said.influx[0].sending.gzip, !gzip, "{url}");
    }
    says(&after_least(&output("requests = 0")), &["`requests`: is not between 1 and 64"]);
    says(
        &after_least(&output("batch_size = \"1 GiB\"")),
        &["`batch_size`: is not between 4096 and 67108864"],
    );
    says(&after_least(&output("batch_age = \"1h\"")), &["`batch_age`: is longer than 10 minutes"]);
    let plain = output("ca_file = \"/ca.pem\"").replace("https", "http");
    says(&after_least(&plain), &["`ca_file`: is for TLS; write `url` as https://HOST"]);
}

#[test]
fn addresses_carry_no_secrets_and_are_never_printed_whole() {
    let hook = |url: &str| format!("[[channel.webhook]]\nname = \"w\"\nurl = \"{url}\"\n");
    for (url, why) in [
        ("ftp://h", "write http://HOST:PORT"),
        ("http://", "has no host"),
        ("http://:80/x", "has no host"),
        ("http://h:99999/", "has no valid port"),
        ("http://h/a b", "must not contain spaces"),
        ("http://user:hunter2@h/", "must not carry a user name or a password"),
    ] {
        let found = after_least(&hook(url));
        says(&found, &[why]);
        assert!(!found[0].contains("hunter2"));
    }
    let config = good(&format!("{LEAST}{}", hook("https://[::1]:8443/hooks/T0K3N/")));
    assert!(!format!("{config:?}").contains("T0K3N"));
    let Some(Channel { kind: ChannelKind::Webhook(hook), .. }) = config.channels.first() else {
        panic!("a webhook")
    };
    assert_eq!(
        (hook.url.as_str(), hook.url.origin()),
        ("https://[::1]:8443/hooks/T0K3N", "https://[::1]:8443")
    );
    let broker = LEAST.replace("mqtt://127", "mqtt://u:hunter2@127");
    let found = messages(&broker);
    says(&found, &["`broker`: must not carry a user name or a password"]);
}

#[test]
fn a_page_for_other_machines_is_a_warning() {
    says(&after_least("[web]\nlisten = \"0.0.0.0:8080\"\n"), &["warning: the page has no password"]);
    says(&after_least("[web]\nlisten = \"8080\"\n"), &["`8080` is not an address with a port"]);
    says(&after_least("[retention]\nraw = \"1d\"\n"), &["at least \"7d\""]);
}

#[test]
fn unusable_secret_files_are_found_before_the_start_and_all_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str, content: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).expect("written");
        path.display().to_string()
    };
    let (ok, empty, long) =
        (file("ok", " pass word \n"), file("empty", "\n"), file("long", &"x\n".repeat(40_000)));
    let missing = dir.path().join("missing").display().to_string();
    let link = format!("broker = \"mqtt://h\"\nusername = \"u\"\npassword_file = \"{ok}\"");
    let text = LEAST.replace("broker = \"mqtt://127.0.0.1:1883\"", &link);
    let hook = |name: &str, path: &str| {
        format!("[[channel.webhook]]\nname = \"{name}\"\nurl = \"http://h\"\ntoken_file = \"{path}\"\n")
    };
    let config = good(&format!("{text}{}{}{}", hook("a", &empty), hook("b", &missing), hook("c", &long)));
    let problems = config.check_secrets();
    let found: Vec<_> = problems.all().iter().map(|problem| problem.to_string()).collect();
    says(&found, &["is empty", "cannot read the secret file", "has 80000 bytes"]);
    assert!(found[0].starts_with("c.toml:29:14: the secret file "), "{}", found[0]);
    let broker = config.link.with_password().expect("readable");
    assert_eq!(broker.password.as_ref().map(|secret| secret.reveal()), Some("pass word"));
    assert!(!format!("{broker:?}").contains("pass word"));
}

#[test]
fn secrets_may_come_by_the_environment_or_from_systemd() {
    let link = "broker = \"mqtt://h\"\nusername = \"u\"\npassword_credential = \"link\"";
    let text = LEAST.replace("broker = \"mqtt://127.0.0.1:1883\"", link);
    let hook =
        "[[channel.webhook]]\nname = \"a\"\nurl = \"http://h\"\ntoken_env = \"WATTLEDGER_TEST_NEVER_SET\"\n";
    let problems = good(&format!("{text}{hook}")).check_secrets();
    let found: Vec<_> = problems.all().iter().map(|problem| problem.to_string()).collect();
    says(
        &found,
        &["no credential `link`: $CREDENTIALS_DIRECTORY is not set", "WATTLEDGER_TEST_NEVER_SET, which is"],
    );
    let both = hook.replace("token_env", "token_file = \"/t\"\ntoken_env");
    says(
        &messages(&format!("{text}{both}")),
        &["`token_file`, `token_env` and `token_credential` are answers to one"],
    );
}

#[test]
fn one_bad_meter_is_reported_and_does_not_accuse_its_facility() {
    let text = LEAST.replace("role = \"ups-output\"", "role = \"ups-outptu\"");
    says(&messages(&text), &["`role`: `ups-outptu` is not known; did you mean `ups-output`?"]);
}

#[test]
fn no_mutilated_file_panics_and_none_of_its_problems_lies_outside_it() {
    let lines: Vec<&str> = CAMPUS.lines().collect();
    for at in 0..lines.len() {
        let without = [&lines[..at], &lines[at + 1..]].concat().join("\n");
        let cut = format!("{}\n{}", lines[..at].join("\n"), &lines[at][..lines[at].len() / 2]);
        for text in [without, cut, lines[at..].join("\n")] {
            let Err(problems) = CollectorConfig::parse("c.toml", &text) else { continue };
            let count = text.split('\n').count();
            assert!(problems.has_errors());
            assert!(
                problems.all().iter().all(|problem| (1..=count).contains(&(problem.place.line as usize)))
            );
        }
    }
}
