//! The reference page of what is written to databases, made of the code's own catalogue.

use crate::made::blessed;
use crate::read::folder;
use std::fmt::Write;
use std::fs;
use wattledger_collector::indicators::Indicator;
use wattledger_collector::outputs::influx::catalog::{self, FieldKind, Measurement};
use wattledger_model::calendar::Window;

/// A sum of products, each factor with what it counts.
type Sum = &'static [&'static [(u64, &'static str)]];

/// How often a measurement is written, and how much that makes in the example.
struct Pace {
    name: &'static str,
    when: &'static str,
    series: Sum,
    points_a_day: Sum,
}

const METERS: (u64, &str) = (100, "meters");
const FACILITIES: (u64, &str) = (4, "facilities");
const MINUTES: (u64, &str) = (1_440, "minutes");
const TEN_SECONDS: (u64, &str) = (8_640, "times 10 s");
const COMPONENTS: (u64, &str) = (8, "components");
const FIRST: (u64, &str) = (4, "indicators (pue, wue, cue, carbon)");
const OTHERS: (u64, &str) = (12, "other indicators");
const TARGETS: (u64, &str) = (2, "targets");
const ZONES: (u64, &str) = (2, "zones");
const GAUGES: (u64, &str) = (2, "outdoor gauges");
const PARENTS: (u64, &str) = (10, "parent meters");
const CAUSES: (u64, &str) = (10, "causes");
const AGENTS: (u64, &str) = (4, "agents");
const OUTPUTS: (u64, &str) = (2, "outputs");
const CHANNELS: (u64, &str) = (2, "channels");

#[rustfmt::skip]
const PACES: &[Pace] = &[
    Pace { name: "wl_meter", when: "each minute that a flush changed",
        series: &[&[METERS]], points_a_day: &[&[METERS, MINUTES]] },
    Pace { name: "wl_component", when: "each minute, once the horizon has passed it",
        series: &[&[FACILITIES, COMPONENTS]], points_a_day: &[&[FACILITIES, COMPONENTS, MINUTES]] },
    Pace { name: "wl_energy_hour", when: "each hour, once the horizon has passed its end",
        series: &[&[FACILITIES, COMPONENTS]], points_a_day: &[&[FACILITIES, COMPONENTS, (24, "hours")]] },
    Pace { name: "wl_energy_day", when: "each local date, once the horizon has passed its end",
        series: &[&[FACILITIES, COMPONENTS]], points_a_day: &[&[FACILITIES, COMPONENTS, (1, "date")]] },
    Pace { name: "wl_indicator",
        when: "1m, 15m, 1h each minute; 24h each quarter of an hour; 7d, 30d each hour; 12mo and calendar windows each \
               local midnight. Other indicators than pue, wue, cue, carbon: 24h, 30d, 12mo and calendar windows alone",
        series: &[&[FACILITIES, FIRST, (12, "windows")], &[FACILITIES, OTHERS, (8, "windows")]],
        points_a_day: &[
            &[FACILITIES, FIRST, (4_470, "stamps (3 × 1,440 + 96 + 2 × 24 + 6)")],
            &[FACILITIES, OTHERS, (126, "stamps (96 + 24 + 6)")],
        ] },
    Pace { name: "wl_zone", when: "as wl_indicator, in 24h, 30d, 12mo, day, month, year",
        series: &[&[FACILITIES, ZONES, (6, "windows")]],
        points_a_day: &[&[FACILITIES, ZONES, (124, "stamps (96 + 24 + 4)")]] },
    Pace { name: "wl_target", when: "as wl_indicator, in 24h, 7d, 30d, 12mo, month, quarter, year",
        series: &[&[FACILITIES, TARGETS, (7, "windows")]],
        points_a_day: &[&[FACILITIES, TARGETS, (148, "stamps (96 + 2 × 24 + 4)")]] },
    Pace { name: "wl_budget", when: "each local date, restated until it is over",
        series: &[&[FACILITIES, TARGETS]], points_a_day: &[&[FACILITIES, TARGETS, (1, "date")]] },
    Pace { name: "wl_balance", when: "each local date, once the horizon has passed its end",
        series: &[&[PARENTS]], points_a_day: &[&[PARENTS, (1, "date")]] },
    Pace { name: "wl_meter_day", when: "each local date, once the horizon has passed its end",
        series: &[&[METERS]], points_a_day: &[&[METERS, (1, "date")]] },
    Pace { name: "wl_weather", when: "each hour, once the horizon has passed its end",
        series: &[&[FACILITIES, GAUGES]], points_a_day: &[&[FACILITIES, GAUGES, (24, "hours")]] },
    Pace { name: "wl_now", when: "whenever the horizon or the ledger moved, every 5 seconds at most; here each minute",
        series: &[&[FACILITIES, FIRST, (12, "windows")]],
        points_a_day: &[&[FACILITIES, FIRST, (12, "windows"), MINUTES]] },
    Pace { name: "wl_meter_state", when: "each minute",
        series: &[&[METERS]], points_a_day: &[&[METERS, MINUTES]] },
    Pace { name: "wl_horizon", when: "every 10 seconds",
        series: &[&[FACILITIES]], points_a_day: &[&[FACILITIES, TEN_SECONDS]] },
    Pace { name: "wl_alert", when: "at each change, and each minute while it is raised",
        series: &[&[FACILITIES, (2, "rules")]], points_a_day: &[&[FACILITIES, (2, "rules"), (60, "raised minutes")]] },
    Pace { name: "wl_event", when: "when it happens",
        series: &[&[FACILITIES, (6, "kinds")], &[(3, "kinds without a facility")]],
        points_a_day: &[&[(20, "events")]] },
    Pace { name: "wl_quarantine", when: "each minute",
        series: &[&[CAUSES]], points_a_day: &[&[CAUSES, MINUTES]] },
    Pace { name: "wl_collector", when: "every 10 seconds",
        series: &[&[(1, "collector")]], points_a_day: &[&[(1, "collector"), TEN_SECONDS]] },
    Pace { name: "wl_output", when: "every 10 seconds",
        series: &[&[OUTPUTS]], points_a_day: &[&[OUTPUTS, TEN_SECONDS]] },
    Pace { name: "wl_channel", when: "each minute",
        series: &[&[CHANNELS]], points_a_day: &[&[CHANNELS, MINUTES]] },
    Pace { name: "wl_agent", when: "every 5 seconds at most",
        series: &[&[AGENTS]], points_a_day: &[&[AGENTS, (17_280, "times 5 s")]] },
];

fn total(sum: Sum) -> u64 {
    sum.iter().map(|product| product.iter().map(|(number, _)| number).product::<u64>()).sum()
}

/// A number with separators.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The sum, and how it comes about.
fn reckoned(sum: Sum) -> String {
    let product = |product: &&[(u64, &str)]| {
        let factors = product.iter().map(|(number, what)| format!("{} {what}", grouped(*number)));
        factors.collect::<Vec<_>>().join(" × ")
    };
    let products: Vec<String> = sum.iter().map(product).collect();
    format!("{} = {}", products.join(" + "), grouped(total(sum)))
}

const HEAD: &str = "\
# What is written to InfluxDB

This page is made of the catalogue in the code, `collector/src/outputs/influx/catalog.rs`, and a test keeps it so:
`WATTLEDGER_BLESS=1 cargo test --test dashboards` writes it anew. The dashboards ask for nothing else.

- Tags are identities: they never change and are never used for something else. `-` stands where an event has no facility
  or no site.
- A field keeps its name and its type for ever. Floats are always floats. An absent field was undefined or not known; it
  is never 0.
- What follows from the ledger is written again when the ledger changes, over the same point. What was shown live is
  never restated.
- Times are UTC in the database. Rolling windows stand at their end, calendar windows and dates at their first instant.
- A ratio over another interval is sum(numerator) / sum(denominator) of the window `1m`, or of dates of the window `day`:
  never the mean of `value`, and never a sum over windows that overlap.
";

const VERSIONS: &str = "\
## Versions

The collector remembers beside its place in the ledger which version of the catalogue it has written. Where that is an
earlier one, everything is written again from the first reading on: the points of before overwrite themselves, and what
is new is there for the past as well. Nothing has to be done, and nothing that was there goes. Live measurements begin
with the version.

| version | what came |
| ---: | --- |
| 1 | `wl_meter`, `wl_component`, `wl_energy_hour`, `wl_energy_day`, `wl_indicator`, `wl_target`, `wl_now`, `wl_agent` |
| 2 | `expanded` and more indicators in `wl_indicator`; `wl_zone`, `wl_budget`, `wl_balance`, `wl_meter_day`, `wl_weather`, `wl_meter_state`, `wl_horizon`, `wl_alert`, `wl_event`, `wl_quarantine`, `wl_collector`, `wl_output`, `wl_channel` |
";

const EXAMPLE: &str = "\
## How much that is

Of a campus with 100 meters, 4 facilities of 8 components, 2 targets, 2 zones and 2 outdoor gauges each, 10 meters that
feed others, 4 agents, 2 outputs, 2 channels. Series are bounded by the configuration: no tag holds what a device sends,
and the causes of refusal are a list in the code.

| measurement | series | points a day |
| --- | --- | --- |
";

fn pace(measurement: &Measurement) -> &'static Pace {
    PACES
        .iter()
        .find(|pace| pace.name == measurement.name)
        .unwrap_or_else(|| panic!("tests/dashboards/reference.rs has no pace of {}", measurement.name))
}

fn section(page: &mut String, measurement: &Measurement) {
    let kind = |kind: FieldKind| match kind {
        FieldKind::Float => "float",
        FieldKind::Integer => "integer",
        FieldKind::Text => "text",
    };
    let tags: Vec<String> = measurement.tags.iter().map(|tag| format!("`{tag}`")).collect();
    let _ = write!(
        page,
        "\n### {}\n\n{}\n\nTags: {}. Written: {}.\n\n| field | type | unit | meaning |\n| --- | --- | --- | --- |\n",
        measurement.name,
        measurement.about,
        tags.join(", "),
        pace(measurement).when
    );
    for field in measurement.fields {
        let _ =
            writeln!(page, "| `{}` | {} | {} | {} |", field.name, kind(field.kind), field.unit, field.about);
    }
}

fn indicators(page: &mut String) {
    page.push_str("\n## Values of the tag `indicator`\n\n| value | what | unit | formula | source |\n");
    page.push_str("| --- | --- | --- | --- | --- |\n");
    for indicator in Indicator::ALL {
        let meaning = indicator.meaning();
        let unit = if meaning.unit.is_empty() { "1" } else { meaning.unit };
        let _ = writeln!(
            page,
            "| `{}` | {} | {unit} | {} | {} |",
            meaning.word, meaning.title, meaning.formula, meaning.source
        );
    }
    page.push_str(
        "\nA facility has those that it has meters and facts for.\n\n## Values of the tag `window`\n\n",
    );
    let words = |rolling: bool| {
        let of = Window::ALL.iter().filter(|window| window.is_rolling() == rolling);
        of.map(|window| format!("`{}`", window.word())).collect::<Vec<_>>().join(", ")
    };
    let _ =
        writeln!(page, "Rolling: {}. Calendar, in the facility's time zone: {}.", words(true), words(false));
}

fn page() -> String {
    let mut page =
        format!("{HEAD}\nVersion of the catalogue: {}.\n\n{VERSIONS}\n## Measurements\n", catalog::VERSION);
    catalog::ALL.iter().for_each(|measurement| section(&mut page, measurement));
    indicators(&mut page);
    page.push('\n');
    page.push_str(EXAMPLE);
    let (mut series, mut points) = (0, 0);
    for measurement in catalog::ALL {
        let pace = pace(measurement);
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            measurement.name,
            reckoned(pace.series),
            reckoned(pace.points_a_day)
        );
        series += total(pace.series);
        points += total(pace.points_a_day);
    }
    let _ = writeln!(page, "| all | {} | {} |", grouped(series), grouped(points));
    page
}

#[test]
fn the_reference_is_that_of_the_catalogue() {
    let path = folder().join("MEASUREMENTS.md");
    let page = page();
    if blessed(&path, &page) {
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    for (line, (kept, new)) in kept.lines().zip(page.lines()).enumerate() {
        assert_eq!(
            kept,
            new,
            "{}:{}: run WATTLEDGER_BLESS=1 cargo test --test dashboards",
            path.display(),
            line + 1
        );
    }
    assert!(kept == page, "{} is not whole", path.display());
}

#[test]
fn every_measurement_has_its_pace_and_no_other_has() {
    let mut of: Vec<&str> = PACES.iter().map(|pace| pace.name).collect();
    let mut written: Vec<&str> = catalog::ALL.iter().map(|measurement| measurement.name).collect();
    of.sort_unstable();
    written.sort_unstable();
    assert_eq!(of, written);
}
