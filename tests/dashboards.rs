//! The Grafana dashboards are well formed, honest about ratios, and ask only for what the collector writes.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A measurement that the collector writes, as queries may name it.
struct Measurement {
    name: &'static str,
    tags: &'static [&'static str],
    fields: &'static [&'static str],
}

/// What the collector writes to InfluxDB. The one list that every query is compared with.
const WRITTEN: &[Measurement] = &[
    Measurement {
        name: "wl_indicator",
        tags: &["site", "facility", "indicator", "window"],
        fields: &["value", "numerator", "denominator", "coverage", "interpolated", "estimated"],
    },
    Measurement {
        name: "wl_meter",
        tags: &["site", "meter"],
        fields: &["amount", "power_w", "coverage", "measured", "interpolated", "estimated"],
    },
    Measurement {
        name: "wl_component",
        tags: &["site", "facility", "component"],
        fields: &["energy_kwh", "power_w", "coverage"],
    },
    Measurement {
        name: "wl_target",
        tags: &["site", "facility", "target", "window"],
        fields: &["value", "limit"],
    },
    Measurement {
        name: "wl_energy_hour",
        tags: &["site", "facility", "component"],
        fields: &["energy_kwh", "coverage"],
    },
    Measurement {
        name: "wl_energy_day",
        tags: &["site", "facility", "component"],
        fields: &["energy_kwh", "coverage"],
    },
];

const INDICATORS: &[&str] = &["pue", "wue", "cue", "carbon"];
const WINDOWS: &[&str] =
    &["1m", "15m", "1h", "24h", "7d", "30d", "12mo", "day", "week", "month", "quarter", "year"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

fn dashboards() -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = fs::read_dir(folder().join("grafana"))
        .expect("dashboards/grafana can be listed")
        .map(|entry| entry.expect("dashboards/grafana can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a dashboard is text");
            let json =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_name().expect("a file has a name").to_string_lossy().into_owned(), json)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!found.is_empty(), "dashboards/grafana is empty");
    found
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Every panel, also those inside collapsed rows.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut rest: Vec<&Value> = list(dashboard, "panels").iter().collect();
    while let Some(panel) = rest.pop() {
        rest.extend(list(panel, "panels"));
        found.push(panel);
    }
    found
}

/// `(place, query)` of every panel and variable.
fn queries(file: &str, dashboard: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for panel in panels(dashboard) {
        for target in list(panel, "targets") {
            let place = format!("{file}: panel `{}`, query {}", text(panel, "title"), text(target, "refId"));
            found.push((place, text(target, "query").to_owned()));
        }
    }
    for variable in list(&dashboard["templating"], "list") {
        if text(variable, "type") == "query" {
            let place = format!("{file}: variable `{}`", text(variable, "name"));
            found.push((place, text(variable, "query").to_owned()));
        }
    }
    assert!(found.len() > 3, "{file} asks nothing");
    found
}

/// The names in double quotes, which InfluxQL takes for measurements, tags and fields.
fn quoted(query: &str) -> Vec<&str> {
    query.split('"').skip(1).step_by(2).collect()
}

/// The values that a query compares a tag with, by `=` or by a pattern of alternatives.
fn compared(query: &str, tag: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in query.split(&format!("\"{tag}\" ")).skip(1) {
        if let Some(value) = rest.strip_prefix("= '") {
            found.extend(value.split('\'').next().map(str::to_owned));
        } else if let Some(pattern) = rest.strip_prefix("=~ /^(") {
            let alternatives = pattern.split(")$/").next().unwrap_or_default();
            found.extend(alternatives.split('|').map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_query_names_only_what_is_written() {
    for (file, dashboard) in dashboards() {
        for (place, query) in queries(&file, &dashboard) {
            let name =
                query.split("FROM \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            let measurement = WRITTEN
                .iter()
                .find(|measurement| measurement.name == name)
                .unwrap_or_else(|| panic!("{place}: nobody writes `{name}`"));
            for word in quoted(&query) {
                let known =
                    word == name || measurement.tags.contains(&word) || measurement.fields.contains(&word);
                assert!(known, "{place}: `{name}` has no `{word}`");
            }
            assert!(!query.contains("SELECT *"), "{place}: name the fields");
            for indicator in compared(&query, "indicator") {
                assert!(INDICATORS.contains(&indicator.as_str()), "{place}: no indicator `{indicator}`");
            }
            for window in compared(&query, "window") {
                assert!(WINDOWS.contains(&window.as_str()), "{place}: no window `{window}`");
            }
        }
    }
}

#[test]
fn no_query_averages_a_ratio() {
    const TAKES_ONE: &[&str] = &["last", "first", "max", "min"];
    for (file, dashboard) in dashboards() {
        for (place, query) in queries(&file, &dashboard) {
            // The figure of a window is shown as it is or not at all.
            for (at, _) in query.match_indices("(\"value\")") {
                let function = query[..at]
                    .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .next()
                    .unwrap_or_default();
                assert!(TAKES_ONE.contains(&function), "{place}: {function}(\"value\")");
            }
            if query.contains("FROM \"wl_indicator\"") && !query.contains("SHOW ") {
                assert!(!query.to_lowercase().contains("mean("), "{place}: mean() of an indicator");
                assert_eq!(compared(&query, "indicator").len(), 1, "{place}: one indicator a query");
                assert!(!compared(&query, "window").is_empty(), "{place}: windows overlap; choose some");
            }
            // Sums are of minutes: sums over overlapping windows count most of them many times.
            if query.contains("sum(\"numerator\")") {
                assert_eq!(compared(&query, "window"), ["1m"], "{place}: sum over overlapping windows");
            }
            for divided in query.split(" / ").skip(1) {
                let by = ["sum(\"denominator\")", "count(\"denominator\")", "$__interval_ms"];
                assert!(by.iter().any(|by| divided.starts_with(by)), "{place}: divides by {divided}");
            }
        }
    }
}

#[test]
fn every_query_is_about_the_chosen_site_and_facility() {
    for (file, dashboard) in dashboards() {
        let names: Vec<&str> =
            list(&dashboard["templating"], "list").iter().map(|v| text(v, "name")).collect();
        assert_eq!(names, ["datasource", "site", "facility"], "{file}: variables");
        for (place, query) in queries(&file, &dashboard) {
            if query.starts_with("SHOW ") {
                continue;
            }
            assert!(query.contains("\"site\" = '$site'"), "{place}: any site");
            assert!(query.contains("$timeFilter"), "{place}: any time");
            if !query.contains("FROM \"wl_meter\"") {
                assert!(query.contains("\"facility\" = '$facility'"), "{place}: any facility");
            }
        }
    }
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    for (file, dashboard) in dashboards() {
        let mut ids = BTreeSet::new();
        for panel in panels(&dashboard) {
            let place = format!("{file}: panel `{}`", text(panel, "title"));
            assert!(ids.insert(panel["id"].as_i64().unwrap_or_default()), "{place}: id occurs twice");
            assert!(!text(panel, "title").is_empty(), "{place}: no title");
            if text(panel, "type") == "row" {
                continue;
            }
            assert!(text(panel, "description").ends_with('.'), "{place}: no description");
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(!text(defaults, "unit").is_empty(), "{place}: no unit");
            let targets = list(panel, "targets");
            assert!(!targets.is_empty(), "{place}: no query");
            let refs: BTreeSet<&str> = targets.iter().map(|target| text(target, "refId")).collect();
            assert!(refs.len() == targets.len() && !refs.contains(""), "{place}: refIds {refs:?}");
            for target in targets {
                assert_eq!(target["rawQuery"], Value::Bool(true), "{place}: not a raw query");
                assert_eq!(text(&target["datasource"], "uid"), "${datasource}", "{place}");
            }
            assert_eq!(text(&panel["datasource"], "uid"), "${datasource}", "{place}");
            let judged = targets.iter().any(|target| {
                let query = text(target, "query");
                let shown = query.contains("\"value\"")
                    || query.contains("sum(\"numerator\") / sum(\"denominator\")");
                query.contains("'pue'") && shown
            });
            if judged {
                let steps: Vec<f64> = list(&defaults["thresholds"], "steps")
                    .iter()
                    .filter_map(|step| step["value"].as_f64())
                    .collect();
                assert_eq!(steps, [1.25, 1.3], "{place}: thresholds");
            }
        }
    }
}

#[test]
fn panels_stand_side_by_side() {
    for (file, dashboard) in dashboards() {
        let mut taken = BTreeSet::new();
        for panel in panels(&dashboard) {
            let cell = |key: &str| panel["gridPos"][key].as_i64().unwrap_or(-1);
            let (x, y, w, h) = (cell("x"), cell("y"), cell("w"), cell("h"));
            let place = format!("{file}: panel `{}`", text(panel, "title"));
            assert!(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 24, "{place}: outside the grid");
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{place}: overlaps another");
            }
        }
    }
}

#[test]
fn a_dashboard_can_be_mounted_as_it_is() {
    let mut uids = BTreeSet::new();
    for (file, dashboard) in dashboards() {
        let object = dashboard.as_object().expect("a dashboard is an object");
        for exported in ["__inputs", "__requires", "__elements", "id"] {
            assert!(
                !object.contains_key(exported),
                "{file}: `{exported}` keeps Grafana from loading the file"
            );
        }
        assert!(uids.insert(text(&dashboard, "uid").to_owned()), "{file}: uid occurs twice");
        assert!(text(&dashboard, "uid").starts_with("wattledger-"), "{file}: uid");
        assert_eq!(dashboard["editable"], Value::Bool(true), "{file}: people may copy it");
    }
}

#[test]
fn provisioning_covers_each_database_and_the_folder_of_the_readme() {
    let read = |name: &str| {
        let path = folder().join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let readme = read("README.md");
    for name in ["influxdb-1.yml", "influxdb-2-3.yml"] {
        let source = read(&format!("provisioning/datasources/{name}"));
        assert!(readme.contains(name), "README.md does not mention {name}");
        assert!(
            source.contains("type: influxdb") && source.contains("dbName: ${WATTLEDGER_INFLUX_DATABASE}")
        );
        assert!(
            !source.contains("version: Flux") && !source.contains("version: SQL"),
            "{name}: not InfluxQL"
        );
        for word in source.split("${").skip(1).filter_map(|rest| rest.split('}').next()) {
            assert!(word.starts_with("WATTLEDGER_INFLUX_"), "{name}: {word}");
        }
    }
    let provider = read("provisioning/dashboards/wattledger.yml");
    let path = provider.split("path: ").nth(1).and_then(|rest| rest.lines().next()).expect("a path");
    assert!(
        readme.contains(&format!("dashboards/grafana:{path}:ro")),
        "README.md mounts another folder than {path}"
    );
}
