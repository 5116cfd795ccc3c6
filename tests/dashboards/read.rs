//! The dashboards as they lie in their folder, and all that they ask of a database.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Points that a chart has room for, where its panel does not say.
pub(crate) const POINTS: i64 = 1_000;

/// `dashboards/`.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

/// Every dashboard, with its file's name.
pub(crate) fn dashboards() -> Vec<(String, Value)> {
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

/// The list under a key; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The text under a key; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Every panel, also those inside collapsed rows, in their order.
pub(crate) fn panels(dashboard: &Value) -> Vec<&Value> {
    list(dashboard, "panels")
        .iter()
        .flat_map(|panel| std::iter::once(panel).chain(list(panel, "panels")))
        .collect()
}

/// One query, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// File, and panel, variable or annotation.
    pub(crate) place: String,
    /// The query, with its variables.
    pub(crate) query: String,
    /// The least interval of its groups, as Grafana writes it; empty where none is set.
    pub(crate) interval: String,
    /// How many groups there are at most.
    pub(crate) points: i64,
}

/// Every query of panels, variables and annotations.
pub(crate) fn questions(file: &str, dashboard: &Value) -> Vec<Question> {
    let mut found = Vec::new();
    for panel in panels(dashboard) {
        for target in list(panel, "targets") {
            found.push(Question {
                place: format!("{file}: panel `{}`, query {}", text(panel, "title"), text(target, "refId")),
                query: text(target, "query").to_owned(),
                interval: text(panel, "interval").to_owned(),
                points: panel["maxDataPoints"].as_i64().unwrap_or(POINTS),
            });
        }
    }
    for variable in list(&dashboard["templating"], "list") {
        if text(variable, "type") == "query" {
            found.push(Question {
                place: format!("{file}: variable `{}`", text(variable, "name")),
                query: text(variable, "query").to_owned(),
                interval: String::new(),
                points: POINTS,
            });
        }
    }
    for annotation in list(&dashboard["annotations"], "list") {
        found.push(Question {
            place: format!("{file}: annotation `{}`", text(annotation, "name")),
            query: text(&annotation["target"], "query").to_owned(),
            interval: String::new(),
            points: POINTS,
        });
    }
    assert!(found.len() > 3, "{file} asks nothing");
    found
}
