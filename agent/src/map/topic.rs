//! Topic patterns such as `sensors/{building}/{meter}/SENSOR`, and meter names made from their parts.

use std::str::FromStr;
use wattledger_model::document::did_you_mean;
use wattledger_model::name::{Name, NameError};

/// Which topics a rule takes, with names for some of their levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPattern {
    levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Level {
    Literal(String),
    Named(String),
    Any,
    Rest,
}

impl FromStr for TopicPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<TopicPattern, String> {
        if text.is_empty() || text.len() > 1_024 || text.contains('\0') {
            return Err("is not a topic of 1 to 1024 bytes".to_owned());
        }
        let mut levels: Vec<Level> = Vec::new();
        for level in text.split('/') {
            let level = match level {
                "+" => Level::Any,
                "#" => Level::Rest,
                _ => match level.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                    Some(name) if is_placeholder(name) => Level::Named(name.to_owned()),
                    Some(name) => {
                        return Err(format!("`{{{name}}}`: a placeholder is named with a-z, 0-9 and _"));
                    }
                    None if level.contains(['{', '}', '+', '#']) => {
                        return Err(format!("`{level}`: {{name}}, + and # stand for a whole level"));
                    }
                    None => Level::Literal(level.to_owned()),
                },
            };
            if levels.last() == Some(&Level::Rest) {
                return Err("# can only be the last level".to_owned());
            }
            if matches!(level, Level::Named(_)) && levels.contains(&level) {
                return Err(format!("`{text}` names two levels alike"));
            }
            levels.push(level);
        }
        Ok(TopicPattern { levels })
    }
}

fn is_placeholder(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

impl TopicPattern {
    /// The subscription that brings these topics.
    pub fn filter(&self) -> String {
        let level = |level: &Level| match level {
            Level::Literal(text) => text.clone(),
            Level::Named(_) | Level::Any => "+".to_owned(),
            Level::Rest => "#".to_owned(),
        };
        self.levels.iter().map(level).collect::<Vec<_>>().join("/")
    }

    /// The names of the levels that have one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.levels.iter().filter_map(|level| match level {
            Level::Named(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The named levels of a topic, in order; `None` if the pattern does not take it.
    pub fn matched<'t>(&self, topic: &'t str) -> Option<Vec<&'t str>> {
        let mut captured = Vec::new();
        let mut rest = topic.split('/');
        for level in &self.levels {
            match level {
                // "a/#" takes "a" as well: what follows may be nothing.
                Level::Rest => return Some(captured),
                Level::Literal(text) => {
                    if rest.next()? != text {
                        return None;
                    }
                }
                Level::Any => {
                    rest.next()?;
                }
                Level::Named(_) => captured.push(rest.next()?),
            }
        }
        rest.next().is_none().then_some(captured)
    }
}

/// How a meter is named: a constant, or made from the named levels of its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterTemplate {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// Position among the names of the pattern.
    Level(usize),
}

impl MeterTemplate {
    /// Reads `{building}-{meter}`; every placeholder must be a level of the pattern.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str, pattern: &TopicPattern) -> Result<MeterTemplate, String> {
        let names: Vec<&str> = pattern.names().collect();
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) =
                after.split_once('}').ok_or_else(|| format!("`{text}` opens a {{ and does not close it"))?;
            let position = names.iter().position(|known| *known == name).ok_or_else(|| {
                let near = did_you_mean(name, names.iter().copied());
                format!("the topic has no level `{{{name}}}`{near}")
            })?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Level(position));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let template = MeterTemplate { parts };
        // Whatever a sensor is called, the fixed letters around it must leave a valid name possible.
        template.name(&vec!["x"; names.len()]).map_err(|error| error.to_string())?;
        Ok(template)
    }

    /// The meter's name for the levels captured from a topic.
    ///
    /// # Errors
    /// What was made, if it is no name.
    pub fn name(&self, captured: &[&str]) -> Result<Name, NameError> {
        let mut made = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => made.push_str(text),
                Part::Level(position) => made.push_str(captured.get(*position).copied().unwrap_or_default()),
            }
        }
        made.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TopicPattern {
        text.parse().expect(text)
    }

    #[test]
    fn names_and_wildcards_take_whole_levels() {
        let sensors = pattern("sensors/{building}/{meter}/SENSOR");
        assert_eq!(sensors.filter(), "sensors/+/+/SENSOR");
        assert_eq!(sensors.matched("sensors/a/b/SENSOR"), Some(vec!["a", "b"]));
        assert_eq!(sensors.matched("sensors/a//SENSOR"), Some(vec!["a", ""]));
        for other in
            ["sensors/a/SENSOR", "sensors/a/b/c/SENSOR", "Sensors/a/b/SENSOR", "sensors/a/b/SENSOR/x", ""]
        {
            assert_eq!(sensors.matched(other), None, "{other}");
        }
        assert_eq!(pattern("a/#").matched("a"), Some(vec![]));
        assert_eq!(pattern("a/#").matched("a/b/c"), Some(vec![]));
        assert_eq!(pattern("+/{x}").matched("a/b"), Some(vec!["b"]));
    }

    #[test]
    fn patterns_that_a_broker_would_refuse_are_refused_at_once() {
        for bad in ["", "a/#/b", "a+/b", "a/{x", "a/x{y}", "a/{}", "a/{X}", "{a}/{a}"] {
            assert!(bad.parse::<TopicPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_template_is_checked_against_its_topic() {
        let topic = pattern("s/{building}/{meter}");
        let template = MeterTemplate::parse("{building}-{meter}-total", &topic).expect("fits");
        assert_eq!(template.name(&["hall", "m1"]).expect("name").as_str(), "hall-m1-total");
        assert!(template.name(&["Hall", "m1"]).is_err());
        assert!(template.name(&["", "m1"]).is_err());
        let wrong = MeterTemplate::parse("{bulding}", &topic).expect_err("no such level");
        assert!(wrong.contains("did you mean `building`?"), "{wrong}");
        for bad in ["Hall-{meter}", "{meter", "", "{meter}-"] {
            assert!(MeterTemplate::parse(bad, &topic).is_err(), "{bad}");
        }
        assert!(MeterTemplate::parse("utility-a", &pattern("a/+/#")).is_ok());
    }
}
