//! What panels say: what they are about, in which unit, in which colours, and where they lead.

use crate::made::dashboard::ALL;
use crate::read::{dashboards, list, panels, questions, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Panel types that come with Grafana.
const TYPES: &[&str] =
    &["row", "timeseries", "stat", "table", "barchart", "xychart", "state-timeline", "status-history"];
/// Ids of Grafana's list of units that are used here; what begins with `suffix:` is shown as it is.
const UNITS: &[&str] =
    &["none", "short", "string", "percentunit", "watt", "kwatth", "masskg", "litre", "bytes", "s", "d"];
/// Names of Grafana's palette: each has a shade for the light theme and one for the dark.
const COLORS: &[&str] = &[
    "green",
    "semi-dark-green",
    "yellow",
    "orange",
    "semi-dark-orange",
    "red",
    "blue",
    "semi-dark-blue",
    "purple",
    "text",
];

/// Every value under a key, however deep.
fn all<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get(key));
            map.values().for_each(|value| all(value, key, found));
        }
        Value::Array(list) => list.iter().for_each(|value| all(value, key, found)),
        _ => {}
    }
}

#[test]
fn every_panel_says_what_it_shows_and_by_which_rule() {
    for (file, dashboard) in dashboards() {
        assert!(text(&dashboard, "description").ends_with('.'), "{file}: no description");
        let mut ids = BTreeSet::new();
        let mut titles = BTreeSet::new();
        for panel in panels(&dashboard) {
            let title = text(panel, "title");
            let place = format!("{file}: panel `{title}`");
            assert!(ids.insert(panel["id"].as_i64().unwrap_or_default()), "{place}: id occurs twice");
            assert!(!title.is_empty() && titles.insert(title), "{place}: no title of its own");
            assert!(TYPES.contains(&text(panel, "type")), "{place}: type");
            if text(panel, "type") == "row" {
                continue;
            }
            let description = text(panel, "description");
            assert!(description.ends_with('.') && description.contains(" Source: "), "{place}: description");
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(!text(defaults, "noValue").is_empty(), "{place}: says nothing where it is empty");
            assert!(!text(defaults, "unit").is_empty(), "{place}: no unit");
        }
    }
}

#[test]
fn units_and_colors_are_grafanas_own() {
    for (file, dashboard) in dashboards() {
        let mut units = Vec::new();
        all(&dashboard, "unit", &mut units);
        for panel in panels(&dashboard) {
            for one in list(&panel["fieldConfig"], "overrides").iter().flat_map(|o| list(o, "properties")) {
                if text(one, "id") == "unit" {
                    units.push(&one["value"]);
                }
            }
        }
        for unit in units.iter().filter_map(|unit| unit.as_str()) {
            assert!(UNITS.contains(&unit) || unit.starts_with("suffix: "), "{file}: unit `{unit}`");
        }
        let mut colors = Vec::new();
        for key in ["color", "fixedColor", "iconColor"] {
            all(&dashboard, key, &mut colors);
        }
        for color in colors.iter().filter_map(|color| color.as_str()) {
            assert!(COLORS.contains(&color), "{file}: `{color}` may be unreadable in one of the themes");
        }
    }
}

#[test]
fn queries_are_raw_and_each_has_its_letter() {
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard).into_iter().filter(|panel| text(panel, "type") != "row") {
            let place = format!("{file}: panel `{}`", text(panel, "title"));
            let targets = list(panel, "targets");
            assert!(!targets.is_empty(), "{place}: no query");
            let refs: BTreeSet<&str> = targets.iter().map(|target| text(target, "refId")).collect();
            assert!(refs.len() == targets.len() && !refs.contains(""), "{place}: refIds {refs:?}");
            assert_eq!(text(&panel["datasource"], "uid"), "${datasource}", "{place}");
            for target in targets {
                assert_eq!(target["rawQuery"], Value::Bool(true), "{place}: not a raw query");
                assert_eq!(text(&target["datasource"], "uid"), "${datasource}", "{place}");
            }
        }
    }
}

/// The limits of the targets that hold by default, from the table of targets.
fn default_limits() -> Vec<f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/targets/default.toml");
    let table: toml::Table =
        std::fs::read_to_string(path).expect("the table is text").parse().expect("the table is TOML");
    let targets = table["target"].as_array().expect("targets");
    let mut limits: Vec<f64> = targets
        .iter()
        .filter(|target| ["D125", "D130"].contains(&target["id"].as_str().expect("an id")))
        .map(|target| target["limit"].as_str().expect("a limit").parse().expect("a number"))
        .collect();
    limits.sort_by(f64::total_cmp);
    limits
}

#[test]
fn a_pue_is_coloured_by_the_targets() {
    let limits = default_limits();
    assert_eq!(limits.len(), 2);
    let mut judged = 0;
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let place = format!("{file}: panel `{}`", text(panel, "title"));
            let shows = list(panel, "targets").iter().any(|target| {
                let query = text(target, "query");
                query.contains("'pue'")
                    && (query.contains("\"value\"")
                        || query.contains("sum(\"numerator\") / sum(\"denominator\")"))
            });
            if !shows {
                continue;
            }
            let steps = |thresholds: &Value| -> Vec<f64> {
                list(thresholds, "steps").iter().filter_map(|step| step["value"].as_f64()).collect()
            };
            let of_fields =
                list(&panel["fieldConfig"], "overrides").iter().flat_map(|o| list(o, "properties"));
            let of_fields = of_fields.filter(|one| text(one, "id") == "thresholds").map(|one| &one["value"]);
            let mut any = of_fields.chain([&panel["fieldConfig"]["defaults"]["thresholds"]]);
            assert!(any.any(|thresholds| steps(thresholds) == limits), "{place}: thresholds");
            judged += 1;
        }
    }
    assert!(judged > 5, "only {judged} panels show a PUE");
}

/// The names that the fields of a panel can have: aliases of series, columns and tags of tables.
fn field_names(panel: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for target in list(panel, "targets") {
        names.insert(text(target, "alias").to_owned());
        let quoted: Vec<&str> = text(target, "query").split('"').skip(1).step_by(2).collect();
        if text(target, "resultFormat") == "table" {
            names.extend(quoted.into_iter().map(str::to_owned));
        }
    }
    for transformation in list(panel, "transformations") {
        names.insert(text(&transformation["options"], "alias").to_owned());
    }
    names.remove("");
    names
}

#[test]
fn what_is_set_for_one_field_has_that_field() {
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let place = format!("{file}: panel `{}`", text(panel, "title"));
            let names = field_names(panel);
            for one in list(&panel["fieldConfig"], "overrides") {
                let wanted = text(&one["matcher"], "options");
                let found = match text(&one["matcher"], "id") {
                    "byName" => names.contains(wanted),
                    "byRegexp" => wanted.split('|').all(|word| {
                        let word = word.replace(".*", "");
                        names.iter().any(|name| name.contains(&word) || name.starts_with("$tag"))
                    }),
                    _ => false,
                };
                assert!(found, "{place}: no field `{wanted}` among {names:?}");
                for property in list(one, "properties") {
                    if text(property, "id") == "custom.fillBelowTo" {
                        assert!(names.contains(text(property, "value")), "{place}: fills below nothing");
                    }
                }
            }
            let mut matchers = Vec::new();
            all(&panel["options"], "matcher", &mut matchers);
            for matcher in matchers.into_iter().filter(|matcher| text(matcher, "id") == "byName") {
                assert!(names.contains(text(matcher, "options")), "{place}: {matcher}");
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

/// The uid in a link to a dashboard.
fn linked(url: &str) -> Option<&str> {
    url.strip_prefix("/d/")?.split('?').next()
}

#[test]
fn links_lead_to_the_other_dashboards_and_keep_what_was_chosen() {
    let dashboards = dashboards();
    for (file, dashboard) in &dashboards {
        let links = list(dashboard, "links");
        let mut led: Vec<&str> = links.iter().filter_map(|link| linked(text(link, "url"))).collect();
        led.push(text(dashboard, "uid"));
        led.sort_unstable();
        let mut uids: Vec<&str> = ALL.iter().map(|named| named.uid).collect();
        uids.sort_unstable();
        assert_eq!(led, uids, "{file}: links");
        for link in links {
            assert!(link["includeVars"] == true && link["keepTime"] == true, "{file}: {link}");
        }
        let mut urls = Vec::new();
        panels(dashboard).into_iter().for_each(|panel| all(panel, "url", &mut urls));
        for url in urls.iter().filter_map(|url| url.as_str()) {
            assert!(
                url.contains("${__url_time_range}") && url.contains("var-datasource=${datasource}"),
                "{url}"
            );
            let uid = linked(url).unwrap_or_else(|| panic!("{file}: {url} leads to no dashboard"));
            let found = dashboards.iter().find(|(_, other)| text(other, "uid") == uid);
            let (_, other) = found.unwrap_or_else(|| panic!("{file}: {url} leads nowhere"));
            let variables: Vec<&str> =
                list(&other["templating"], "list").iter().map(|v| text(v, "name")).collect();
            for set in url.split("var-").skip(1).filter_map(|rest| rest.split('=').next()) {
                assert!(variables.contains(&set), "{file}: {url} sets `{set}`");
            }
        }
    }
}

/// The words behind `$` and within `${}`, without their format.
fn variables_in(words: &str) -> Vec<String> {
    words
        .match_indices('$')
        .map(|(at, _)| {
            let rest = words[at + 1..].trim_start_matches('{');
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect()
}

#[test]
fn variables_that_are_used_exist_and_those_that_exist_are_used() {
    const GRAFANAS: &[&str] =
        &["timeFilter", "__interval", "__interval_ms", "__to", "__url_time_range", "__data"];
    for (file, dashboard) in dashboards() {
        let own: BTreeSet<&str> =
            list(&dashboard["templating"], "list").iter().map(|v| text(v, "name")).collect();
        let mut used = BTreeSet::new();
        for name in variables_in(&dashboard.to_string()) {
            let known = own.contains(name.as_str())
                || GRAFANAS.contains(&name.as_str())
                || name.starts_with("tag_")
                || name == "__all";
            assert!(known, "{file}: `${name}` is no variable");
            used.insert(name);
        }
        for name in own {
            assert!(used.contains(name), "{file}: nothing asks for `{name}`");
        }
        // A tag that names series is one that the query groups by.
        for panel in panels(&dashboard) {
            for target in list(panel, "targets") {
                for tag in variables_in(text(target, "alias")) {
                    let tag = tag.trim_start_matches("tag_");
                    let query = text(target, "query");
                    let groups = query.rsplit("GROUP BY").next().unwrap_or_default();
                    assert!(groups.contains(&format!("\"{tag}\"")), "{file}: `{tag}` in {query}");
                }
            }
        }
    }
}

#[test]
fn alerts_and_corrections_are_marked_in_every_dashboard() {
    for (file, dashboard) in dashboards() {
        let annotations = list(&dashboard["annotations"], "list");
        let names: Vec<&str> = annotations.iter().map(|annotation| text(annotation, "name")).collect();
        assert_eq!(names, ["Alerts", "Corrections", "Configuration"], "{file}");
        for annotation in annotations {
            let target = &annotation["target"];
            assert_eq!(annotation["enable"], Value::Bool(true), "{file}");
            for column in ["titleColumn", "textColumn", "tagsColumn"] {
                for column in text(target, column).split(',') {
                    assert!(text(target, "query").contains(&format!("\"{column}\"")), "{file}: {column}");
                }
            }
        }
        let asked = questions(&file, &dashboard);
        assert_eq!(asked.iter().filter(|q| q.place.contains("annotation")).count(), 3, "{file}");
    }
}
