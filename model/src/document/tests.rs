use super::*;
use crate::decimal::Decimal;
use crate::meter::Kind;
use proptest::prelude::*;
use std::time::Duration;

/// What a small fictitious program makes of its file.
#[derive(Debug, PartialEq)]
struct Plan {
    hall: String,
    wait: Duration,
    racks: Vec<(String, u32)>,
}

fn read(text: &str) -> Result<(Plan, Problems), Problems> {
    let document = Document::parse("plan.toml", text);
    let plan = plan(&document);
    document.conclude(plan)
}

fn plan(document: &Document<'_>) -> Option<Plan> {
    let mut root = document.root();
    let mut hall_table = root.table("hall");
    let hall = hall_table.required("name", string);
    let wait = hall_table.optional("wait", duration).map_or(Duration::from_secs(10), |wait| wait.value);
    let kind = hall_table.optional("kind", choice(Kind::ALL.iter().map(|kind| (kind.word(), *kind))));
    let mut racks = Vec::new();
    for mut rack in root.tables("rack") {
        let name = rack.required("name", string);
        let units = rack.required("units", integer::<u32>);
        if let (Some(name), Some(units)) = (name, units) {
            racks.push((name.value, units.value));
        }
    }
    if let Some(first) = root.optional("first", string)
        && !racks.iter().any(|(name, _)| *name == *first)
    {
        document.dangling(first.place, "rack", &first, racks.iter().map(|(name, _)| name.as_str()));
    }
    if kind.is_some_and(|kind| kind.value == Kind::Gauge) {
        document.warning(hall_table.place(), "a hall is rarely a gauge");
    }
    Some(Plan { hall: hall?.value, wait, racks })
}

fn problems(text: &str) -> Vec<String> {
    match read(text) {
        Ok((_, warnings)) => warnings.to_string().lines().map(str::to_string).collect(),
        Err(problems) => problems.to_string().lines().map(str::to_string).collect(),
    }
}

#[test]
fn a_good_file_is_read_whole() {
    let text =
        "first = \"r1\"\n[hall]\nname = \"h\"\nwait = \"1m30s\"\n[[rack]]\nname = \"r1\"\nunits = 42\n";
    let (plan, warnings) = read(text).expect("good");
    let racks = vec![("r1".to_string(), 42)];
    assert_eq!(plan, Plan { hall: "h".into(), wait: Duration::from_secs(90), racks });
    assert!(warnings.is_empty());
}

#[test]
fn every_problem_is_reported_at_once_in_the_order_of_the_file() {
    let text = "\
first = \"r-11\"
frist = \"x\"
[hall]
nmae = \"h\"
wait = 10
kind = \"regster\"
[[rack]]
name = \"r-1\"
units = 42
  [[rack]]
  nom = 1
  units = -1
";
    assert_eq!(
        problems(text),
        [
            "plan.toml:1:9: there is no rack `r-11`; did you mean `r-1`?",
            "plan.toml:2:1: unknown key `frist`",
            "plan.toml:3:1: `name` is missing",
            "plan.toml:4:1: unknown key `nmae`; did you mean `name`?",
            "plan.toml:5:8: `wait`: needs a duration such as \"10s\", \"15m\", \"1h\" or \"400d\", not the number 10",
            "plan.toml:6:8: `kind`: `regster` is not known; did you mean `register`?",
            "plan.toml:10:3: `name` is missing",
            "plan.toml:11:3: unknown key `nom`",
            "plan.toml:12:11: `units`: -1 is out of range",
        ]
    );
}

#[test]
fn syntax_errors_are_problems_too_and_the_rest_is_still_read() {
    let text = "[hall]\nname = \nwait = \"soon\"\nname2 = 1\nkind = gauge\n[hall]\n";
    assert_eq!(
        problems(text),
        [
            "plan.toml:2:8: string values must be quoted, expected literal string",
            "plan.toml:3:8: `wait`: needs a duration such as \"10s\", \"15m\", \"1h\" or \"400d\", not the text \"soon\"",
            "plan.toml:4:1: unknown key `name2`",
            "plan.toml:5:8: string values must be quoted, expected literal string: `gauge`",
            "plan.toml:6:2: duplicate key: `hall`",
        ]
    );
}

#[test]
fn a_missing_table_is_reported_once() {
    assert_eq!(problems(""), ["plan.toml:1:1: the table [hall] is missing; it needs `name`"]);
    assert_eq!(problems("hall = 3"), ["plan.toml:1:8: `hall` is a table: write [hall], not the number 3"]);
    assert_eq!(problems("[[hall]]"), ["plan.toml:1:1: `hall` occurs once: write [hall]"]);
    assert_eq!(
        problems("[hall]\nname=\"h\"\n[rack]"),
        ["plan.toml:3:1: `rack` may occur several times: write [[rack]]"]
    );
    assert_eq!(
        problems("rack = [1]\n[hall]\nname=\"h\"\n"),
        ["plan.toml:1:9: `rack` is a table: write [[rack]], not the number 1"]
    );
}

#[test]
fn columns_count_characters_also_after_carriage_returns_and_wide_ones() {
    assert_eq!(problems("[hall]\r\nname = \"数据中心\" \r\nx = 1"), ["plan.toml:3:1: unknown key `x`"]);
    let inline = "hall = { name = \"数据中心\", wart = 1 }";
    assert_eq!(problems(inline), ["plan.toml:1:25: unknown key `wart`; did you mean `wait`?"]);
}

#[test]
fn warnings_do_not_stand_in_the_way() {
    let (_, warnings) = read("[hall]\nname = \"h\"\nkind = \"gauge\"\n").expect("usable");
    assert_eq!(warnings.to_string(), "plan.toml:1:1: warning: a hall is rarely a gauge\n");
    let refused = read("[hall]\nname = \"h\"\nkind = \"gauge\"\nx = 1").expect_err("unknown key");
    assert_eq!((refused.errors().count(), refused.warnings().count()), (1, 1));
}

#[test]
fn a_value_is_not_shown_whole_nor_over_several_lines() {
    let text = format!("[hall]\nname = \"h\"\nkind = \"a\\nb{}\"\n", "x".repeat(500));
    let problem = problems(&text).join("|");
    assert!(problem.starts_with("plan.toml:3:8: `kind`: `a bxxx"), "{problem}");
    assert!(problem.len() < 250, "{problem}");
}

#[test]
fn a_file_of_rubbish_gives_a_bounded_list() {
    let text: String = (0..2_000).map(|n| format!("k{n} = 1\n")).collect();
    let problems = problems(&text);
    assert_eq!(problems.len(), 501);
    assert_eq!(problems[500], "plan.toml: and 1501 more");
}

fn one<T>(value: &str, reader: impl Fn(&Value<'_>) -> Result<T, String>) -> Result<T, String> {
    let text = format!("v = {value}");
    let document = Document::parse("v.toml", &text);
    let read = document.root().optional("v", reader);
    let read = read.map(|read| read.value);
    document.conclude(read).map(|(value, _)| value).map_err(|problems| problems.to_string())
}

#[test]
fn durations_and_sizes_need_their_unit() {
    let ms = |text: &str| one(text, duration).ok().map(|length| length.as_millis());
    assert_eq!(ms("\"10s\""), Some(10_000));
    assert_eq!(ms("\"500 ms\""), Some(500));
    assert_eq!(ms("\"1h 30m\""), Some(5_400_000));
    assert_eq!(ms("\"400d\""), Some(400 * 86_400_000));
    assert_eq!(ms("\"2w\""), Some(14 * 86_400_000));
    for bad in [
        "10",
        "\"\"",
        "\"10\"",
        "\"s\"",
        "\"-1s\"",
        "\"1.5h\"",
        "\"1y\"",
        "\"99999999999999999999s\"",
        "\"9999999999w\"",
    ] {
        assert_eq!(ms(bad), None, "{bad}");
    }
    assert!(one("\"0s\"", positive_duration).is_err());
    let size = |text: &str| one(text, bytes).ok();
    assert_eq!(size("\"256 MiB\""), Some(256 << 20));
    assert_eq!(size("\"10GB\""), Some(10_000_000_000));
    assert_eq!(size("4096"), Some(4_096));
    for bad in ["-1", "\"1 mib\"", "\"MiB\"", "\"9999999999 GiB\"", "\"1.5 GiB\"", "true"] {
        assert_eq!(size(bad), None, "{bad}");
    }
    let hint = one("\"1 mib\"", bytes).expect_err("mib");
    assert!(hint.contains("did you mean `MiB`?"), "{hint}");
}

#[test]
fn decimals_keep_their_digits() {
    assert_eq!(one("0.10", decimal), Ok(Decimal::new(10, -2)));
    assert_eq!(one("\"0.10\"", decimal), Ok(Decimal::new(10, -2)));
    assert_eq!(one("1_000", decimal), Ok(Decimal::new(1_000, 0)));
    assert_eq!(one("4294967296", positive(decimal)), Ok(Decimal::new(1 << 32, 0)));
    for bad in ["inf", "nan", "0x10", "\"many\"", "true"] {
        assert!(one(bad, decimal).is_err(), "{bad}");
    }
    assert!(one("0", positive(decimal)).is_err());
    assert!(one("-1", positive(decimal)).is_err());
    assert!(one("inf", float).is_err());
    assert_eq!(one("1e400", float).ok(), None);
    assert_eq!(one("2", float), Ok(2.0));
}

#[test]
fn units_measures_and_zones_name_the_nearest() {
    let shown = |measured: Measure| measured.to_string();
    assert_eq!(one("\"2 MW\"", measure).map(shown), Ok("2 MW".to_string()));
    assert_eq!(one("\"0.50kWh\"", measure).map(shown), Ok("0.50 kWh".to_string()));
    for bad in ["\"2\"", "\"MW\"", "\"2 MX\"", "\"1e3 W\"", "2"] {
        assert!(one(bad, measure).is_err(), "{bad}");
    }
    let kwhh = one("\"kWhh\"", unit).expect_err("no unit");
    assert!(kwhh.ends_with("did you mean `kWh`?\n"), "{kwhh}");
    let berlin = one("\"Europe/Berln\"", time_zone).expect_err("no zone");
    assert!(berlin.ends_with("did you mean `Europe/Berlin`?\n"), "{berlin}");
    assert!(one("\"Asia/Shanghai\"", time_zone).is_ok());
}

#[test]
fn lists_report_each_item_at_its_place() {
    let document = Document::parse("l.toml", "t = [\"a\",\n 1, \"b\", true]\nu = 3\n");
    let mut root = document.root();
    let texts = root.values("t", string);
    assert_eq!(texts.iter().map(|text| text.value.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(root.values("u", string).is_empty());
    assert!(root.values("absent", string).is_empty());
    drop(root);
    let problems = document.conclude(Some(())).expect_err("two items are no texts").to_string();
    assert_eq!(
        problems,
        "l.toml:2:2: `t`: needs a text in quotes, not the number 1\n\
         l.toml:2:10: `t`: needs a text in quotes, not true\n\
         l.toml:3:5: `u`: needs a list such as [\"…\"], not the number 3\n"
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn no_text_that_is_nearly_right_panics(
        lines in proptest::collection::vec(
            prop_oneof![
                Just("[hall]".to_string()), Just("[[rack]]".to_string()), Just("[hall.x]".to_string()),
                Just("name = \"h\"".to_string()), Just("hall.name = \"\"\"".to_string()),
                Just("rack = [{name=\"ä\", units = 0x".to_string()),
                "(name|wait|kind|units|first|rack) ?= ?[\"'\\[{]?[0-9a-z.é:-]{0,8}[\"'\\]}]?",
                "[\\[\\]{}=\"'#.,\\\\ä€\r\t0-9a-z-]{0,20}",
            ],
            0..12,
        )
    ) {
        if let Err(problems) = read(&lines.join("\n")) {
            prop_assert!(problems.has_errors());
            for problem in problems.all() {
                let line = lines.join("\n").split('\n').nth(problem.place.line as usize - 1).map(|line| line.chars().count());
                prop_assert!(line.is_some_and(|length| problem.place.column as usize <= length + 1), "{problem}");
            }
        }
    }
}

#[test]
fn tables_of_words_are_read_whole_or_told_which_word_is_wrong() {
    let read = |text: &str| {
        let written = format!("states = {text}\n");
        let document = Document::parse("s.toml", &written);
        let found = document.root().optional("states", entries(decimal)).map(|found| found.value);
        document.conclude(Some(found)).map(|(found, _)| found).map_err(|problems| problems.to_string())
    };
    let states = read("{ ON = 1, \"off \" = 0.50 }").expect("valid").expect("there");
    let states: Vec<String> = states.iter().map(|(word, number)| format!("{word}={number}")).collect();
    assert_eq!(states.len(), 2);
    assert!(states.contains(&"ON=1".to_string()) && states.contains(&"off =0.50".to_string()), "{states:?}");
    let wrong = read("{ ON = 1, OFF = true }").expect_err("no number");
    assert!(wrong.starts_with("s.toml:1:10: `states`: `OFF`: ") && wrong.contains("true"), "{wrong}");
    assert!(read("[1, 0]").expect_err("a list").contains("a table such as { ON = 1, OFF = 0 }"));
}
