//! Rules that are proposed, with the reasons, and the proof that they read what was heard.

use super::heard::Heard;
use super::payload::shown_on;
use crate::config::AgentConfig;
use crate::map::{Rule, map};
use crate::source::Mapped;
use std::collections::BTreeSet;

/// An agent around a source that is tried.
const HEAD: &str = "[agent]\nname='a'\nsite='s'\ncollector='c'\ndata_dir='d'\n[link]\nbroker='mqtt://h'\n";

/// Rules that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Proposal {
    /// What to know of them, a line each.
    pub(super) comments: Vec<String>,
    /// Each rule, whole, as TOML.
    pub(super) rules: Vec<String>,
    /// The topics that they explain.
    pub(super) topics: Vec<String>,
    /// Whether their topics may only be these.
    pub(super) is_exact: bool,
}

/// A configuration with this source.
pub(super) fn configured(source: &str) -> Result<AgentConfig, String> {
    AgentConfig::parse("proposed", &format!("{HEAD}[[source.mqtt]]\nname='m'\n{source}"))
        .map_err(|problems| problems.to_string())
}

impl Proposal {
    /// The rules as they would be read.
    fn parsed(&self) -> Result<Vec<Rule>, String> {
        let config = configured(&self.rules.concat())?;
        Ok(config.mqtt.into_iter().flat_map(|source| source.rules).collect())
    }

    /// The meters that the rules read of what was heard, each with its topic.
    ///
    /// # Errors
    /// Why the rules are no good: they are none, read what they should not, refuse something, or read nothing.
    pub(super) fn tried(&self, heard: &Heard) -> Result<Vec<(String, String)>, String> {
        let rules = self.parsed()?;
        let explained: BTreeSet<&str> = self.topics.iter().map(String::as_str).collect();
        let (mut read, mut meters) = (Vec::new(), BTreeSet::new());
        for message in heard.messages() {
            if !rules.iter().any(|rule| rule.topic.matched(message.topic).is_some()) {
                continue;
            }
            if self.is_exact && !explained.contains(message.topic) {
                return Err(format!("its topics take {} too", message.topic));
            }
            for mapped in map(&rules, &message).mapped {
                match mapped {
                    Mapped::Reading { meter, .. } => {
                        if !meters.insert(meter.clone()) {
                            return Err(format!("two values would be meter {meter}"));
                        }
                        read.push((message.topic.to_owned(), meter.to_string()));
                    }
                    Mapped::Refused(refused) => {
                        return Err(format!("{}: {}", message.topic, refused.detail));
                    }
                }
            }
        }
        if read.is_empty() { Err("it reads nothing of what was heard".to_owned()) } else { Ok(read) }
    }

    /// The text: comments, then the rules; all in comments where there is a reason to leave them out.
    pub(super) fn text(&self, left_out: Option<&str>) -> String {
        let mut text: String = self.comments.iter().map(|line| comment(line)).collect();
        match left_out {
            None => text.push_str(&self.rules.concat()),
            Some(why) => {
                text.push_str(&comment(&format!("LEFT OUT: {why}")));
                text.extend(self.rules.concat().lines().map(|line| format!("# {line}\n")));
            }
        }
        text
    }
}

/// Lines of a comment, broken where they grow long.
pub(super) fn comment(text: &str) -> String {
    const WIDTH: usize = 110;
    let mut lines = String::new();
    let mut line = "#".to_owned();
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > 3 {
            lines.push_str(&format!("{}\n", line.trim_end()));
            line = "#  ".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push_str(&format!("{}\n", line.trim_end()));
    lines
}

/// A text in TOML.
pub(super) fn quoted(text: &str) -> String {
    // What JSON escapes TOML escapes alike; control characters do not come here.
    serde_json::Value::from(text).to_string()
}

/// A topic in a comment.
pub(super) fn named(topic: &str) -> String {
    topic.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A line of what was not understood.
pub(super) fn not_understood(topic: &str, heard: &super::heard::Topic) -> String {
    let times = if heard.messages == 1 { "once".to_owned() } else { format!("{} times", heard.messages) };
    let kept = if heard.is_kept { ", kept" } else { "" };
    format!("#   {} ({times}{kept}): {}\n", named(topic), shown_on(topic, &heard.payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::time::Timestamp;

    #[test]
    fn rules_that_do_not_hold_are_left_out_with_the_reason() {
        let mut heard = Heard::default();
        for (topic, payload) in [("a/1", "1"), ("a/2", "x"), ("b/A_1", "3"), ("b/a-1", "4")] {
            heard.take(topic.to_owned(), payload.as_bytes(), false, Timestamp(0));
        }
        let rule = |topic: &str| Proposal {
            rules: vec![format!(
                "[[source.mqtt.rule]]\ntopic = \"{topic}\"\nmeter = \"m-{{x}}\"\nfold_names = true\n"
            )],
            topics: vec!["b/a-1".to_owned()],
            is_exact: topic.starts_with("b/a"),
            ..Proposal::default()
        };
        for (topic, says) in [
            ("a/{x}", "a/2: `x` is not a finite decimal number"),
            ("b/{x}", "two values would be meter m-a-1"),
            ("c/{x}", "reads nothing"),
            ("{x", "opens a {"),
        ] {
            let why = rule(topic).tried(&heard).expect_err(topic);
            assert!(why.contains(says), "{topic}: {why}");
        }
        assert_eq!(rule("b/a{x}").tried(&heard), Ok(vec![("b/a-1".to_owned(), "m-1".to_owned())]));
        let text = rule("a/{x}").text(Some("no"));
        assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
    }
}
