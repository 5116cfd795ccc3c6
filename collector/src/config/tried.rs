//! A configuration with some keys of one alert rule replaced, to try what would have been with them.

use super::CollectorConfig;
use wattledger_model::document::{self, Problems};

/// Keys that exclude each other: who tries one has left the others.
const EITHER: [(&str, [&str; 2]); 4] = [
    ("raise_above", ["raise_below", "clear_above"]),
    ("clear_below", ["raise_below", "clear_above"]),
    ("raise_below", ["raise_above", "clear_below"]),
    ("clear_above", ["raise_above", "clear_below"]),
];

/// Why a rule cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TriedError {
    /// The configuration, as it is or with what is tried.
    #[error("{}", .0.to_string().trim_end())]
    Configuration(Problems),
    /// There is no such rule.
    #[error("no [[alert]] is named `{rule}`{near}")]
    Unknown {
        /// What was asked for.
        rule: String,
        /// What may be meant.
        near: String,
    },
    /// What is tried is no value.
    #[error("`{value}` is no value for `{key}`; write it as in the configuration, texts in quotes")]
    Value {
        /// The key.
        key: String,
        /// What was given for it.
        value: String,
    },
    /// The configuration cannot be written anew.
    #[error("the configuration cannot be read as TOML: {0}")]
    Toml(String),
}

impl CollectorConfig {
    /// Reads a configuration in which the rule of that name has these keys, each with its value as TOML.
    ///
    /// # Errors
    /// [`TriedError`] where the rule, or what is tried, cannot be used.
    pub fn parse_trying(
        file: &str,
        text: &str,
        rule: &str,
        tried: &[(String, String)],
    ) -> Result<CollectorConfig, TriedError> {
        let config = CollectorConfig::parse(file, text).map_err(TriedError::Configuration)?;
        let mut names = config.alerts.iter().map(|alert| alert.name.as_str());
        if !names.clone().any(|name| name == rule) {
            let near = document::did_you_mean(rule, names.by_ref());
            return Err(TriedError::Unknown { rule: rule.chars().take(60).collect(), near });
        }
        if tried.is_empty() {
            return Ok(config);
        }
        let written = replaced(text, rule, tried)?;
        CollectorConfig::parse(&format!("{file}, with what is tried"), &written)
            .map_err(TriedError::Configuration)
    }
}

/// The text with the keys of that rule replaced.
fn replaced(text: &str, rule: &str, tried: &[(String, String)]) -> Result<String, TriedError> {
    let unreadable = |error: &dyn std::fmt::Display| TriedError::Toml(error.to_string());
    let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| unreadable(&error))?;
    let rules = table.get_mut("alert").and_then(toml::Value::as_array_mut).into_iter().flatten();
    let is_meant = |table: &&mut toml::Table| table.get("name").and_then(toml::Value::as_str) == Some(rule);
    let found = rules.filter_map(toml::Value::as_table_mut).find(is_meant);
    let found = found.ok_or_else(|| TriedError::Unknown { rule: rule.to_owned(), near: String::new() })?;
    for (key, value) in tried {
        let wrong = || TriedError::Value { key: key.clone(), value: value.clone() };
        let mut parsed: toml::Table = format!("value = {value}").parse().map_err(|_| wrong())?;
        let one = parsed.remove("value").filter(|_| parsed.is_empty()).ok_or_else(wrong)?;
        for (either, others) in EITHER {
            if either == key {
                others.iter().for_each(|other| drop(found.remove(*other)));
            }
        }
        found.insert(key.clone(), one);
    }
    toml::to_string(&table).map_err(|error| unreadable(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"[collector]
name = "campus"
data_dir = "/d"
[link]
broker = "mqtt://127.0.0.1:1883"
[[site]]
name = "hall"
time_zone = "Europe/Berlin"
[[facility]]
name = "hall-1"
site = "hall"
[[alert]]
name = "high"
facility = "hall-1"
indicator = "pue"
window = "1h"
raise_above = 1.35
clear_below = 1.32
[[alert]]
name = "low"
facility = "hall-1"
indicator = "pue"
window = "1h"
raise_below = 1.1
"#;

    fn trying(rule: &str, tried: &[(&str, &str)]) -> Result<CollectorConfig, TriedError> {
        let tried: Vec<_> =
            tried.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        CollectorConfig::parse_trying("c.toml", TEXT, rule, &tried)
    }

    #[test]
    fn what_is_tried_replaces_the_keys_of_that_rule_alone() {
        let plain = trying("high", &[]).expect("usable");
        let tried =
            trying("high", &[("raise_above", "1.5"), ("clear_below", "1.4"), ("raise_after", "\"3m\"")]);
        let tried = tried.expect("usable");
        let written = TEXT.replace("1.35", "1.5").replace("1.32", "1.4\nraise_after = \"3m\"");
        let by_hand = CollectorConfig::parse("c.toml", &written).expect("usable");
        let of = |config: &CollectorConfig, at: usize| {
            let mut rule = config.alerts[at].clone();
            rule.place = document::Place::default();
            rule
        };
        assert_eq!(of(&tried, 0), of(&by_hand, 0));
        assert_ne!(of(&tried, 0), of(&plain, 0));
        assert_eq!(of(&tried, 1), of(&plain, 1), "the other rule is as it was");
        // The other side is left, with its own clear threshold.
        let turned = trying("high", &[("raise_below", "1.05")]).expect("usable");
        let written = TEXT.replace("raise_above = 1.35\nclear_below = 1.32", "raise_below = 1.05");
        assert_eq!(of(&turned, 0), of(&CollectorConfig::parse("c.toml", &written).expect("usable"), 0));
    }

    #[test]
    fn what_cannot_be_tried_is_said_with_the_mend() {
        let said = |rule: &str, tried: &[(&str, &str)]| trying(rule, tried).expect_err("refused").to_string();
        assert!(said("hihg", &[]).contains("no [[alert]] is named `hihg`; did you mean `high`?"));
        assert!(said("high", &[("raise_after", "3m")]).contains("texts in quotes"));
        assert!(
            said("high", &[("raise_above", "1.3\nname = 'x'")]).contains("is no value for `raise_above`")
        );
        let flapping = said("high", &[("raise_above", "1.2")]);
        assert!(flapping.contains("would be cleared at 1.32 while it is raised at 1.2"), "{flapping}");
        assert!(said("high", &[("rise_above", "1.2")]).contains("unknown key `rise_above`"));
    }
}
