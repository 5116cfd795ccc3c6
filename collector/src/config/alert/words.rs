//! Texts of an alert's author: templates over the message, tried when the configuration is read.

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use std::collections::BTreeMap;

/// A template that is known to render over a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(String);

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template `{template}` cannot be rendered: {why}")]
pub struct WordsError {
    /// The template.
    pub template: String,
    /// What is wrong with it.
    pub why: String,
}

impl Words {
    /// A template, tried over a sample message with these labels.
    ///
    /// # Errors
    /// [`WordsError`] where it is no template, or names what no message has.
    pub fn new(template: &str, labels: &BTreeMap<String, String>) -> Result<Words, WordsError> {
        let words = Words(template.to_owned());
        words.render(&sample(labels)).map(|_| words)
    }

    /// The text for one message.
    ///
    /// # Errors
    /// [`WordsError`] where it names what the message does not have.
    pub fn render(&self, message: &impl Serialize) -> Result<String, WordsError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.render_str(&self.0, message).map_err(|error| WordsError {
            template: self.0.clone(),
            // The source's line and place stand in the alternate form's tail, which is of no use in one line.
            why: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
        })
    }
}

/// A message with every field that one has: templates are tried over it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sample {
    version: u8,
    id: &'static str,
    key: &'static str,
    event: &'static str,
    state: &'static str,
    rule: &'static str,
    facility: &'static str,
    severity: &'static str,
    indicator: &'static str,
    value: f64,
    limit: f64,
    window: &'static str,
    coverage: f64,
    since: &'static str,
    as_of: &'static str,
    reason: &'static str,
    condition: &'static str,
    subject: &'static str,
    what: &'static str,
    unit: &'static str,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    cause: &'static str,
    changed: [&'static str; 1],
    suppresses: [&'static str; 1],
    look_at: &'static str,
    raised_at: &'static str,
}

/// The sample, with these labels of the rule.
pub(crate) fn sample(labels: &BTreeMap<String, String>) -> Sample {
    Sample {
        version: 1,
        id: "pue-20260610t0815z",
        key: "pue-20260610t0815z-raised",
        event: "raised",
        state: "raised",
        rule: "pue",
        facility: "hall-1",
        severity: "warning",
        indicator: "pue",
        value: 1.412,
        limit: 1.35,
        window: "1h",
        coverage: 0.99,
        since: "2026-06-10T08:00:00Z",
        as_of: "2026-06-10T08:15:00Z",
        reason: "PUE over 1 hour is above 1.35 for 15 minutes: 1.412",
        condition: "pue-excursion",
        subject: "hall-1",
        what: "PUE over 1 hour",
        unit: "1",
        labels: labels.clone(),
        annotations: BTreeMap::new(),
        cause: "the facility takes 1412 kW, its IT equipment 1000 kW",
        changed: ["cooling adds +0.0621: 312 kW, 250 kW a day before"],
        suppresses: ["coverage hall-1"],
        look_at: "wattledger explain figure hall-1 2026-06-10 --config FILE",
        raised_at: "2026-06-10T08:15:00Z",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_tried_before_it_is_needed() {
        let labels = BTreeMap::from([("team".to_owned(), "cooling".to_owned())]);
        let good = Words::new(
            "{{ facility }}: {{ value|round(2) }} {% if cause %}({{ cause }}){% endif %}",
            &labels,
        );
        let text = good.expect("it renders").render(&sample(&labels)).expect("it renders");
        assert_eq!(text, "hall-1: 1.41 (the facility takes 1412 kW, its IT equipment 1000 kW)");
        for bad in ["{{ facilty }}", "{{ facility", "{% if %}", "{{ labels.tean }}", "{{ value|nosuch }}"] {
            let error = Words::new(bad, &labels).expect_err(bad);
            assert_eq!(error.template, bad);
        }
        Words::new("{{ labels.team }}", &labels).expect("the rule has that label");
    }
}
