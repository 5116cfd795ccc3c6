//! Topic patterns such as `sensors/{building}/{meter}/SENSOR`, and meter names made from their parts.

use super::quoted;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
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
    /// A named part of a level, with what stands before and after it.
    Named {
        before: String,
        name: String,
        after: String,
    },
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
                _ => level_of(level)?,
            };
            if levels.last() == Some(&Level::Rest) {
                return Err("# can only be the last level".to_owned());
            }
            if let Level::Named { name, .. } = &level
                && levels.iter().any(|other| matches!(other, Level::Named { name: same, .. } if same == name))
            {
                return Err(format!("`{text}` names two levels alike"));
            }
            levels.push(level);
        }
        Ok(TopicPattern { levels })
    }
}

fn level_of(level: &str) -> Result<Level, String> {
    let Some((before, rest)) = level.split_once('{') else {
        if level.contains(['}', '+', '#']) {
            return Err(format!(
                "`{level}`: + and # stand for a whole level, {{name}} for one or a part of one"
            ));
        }
        return Ok(Level::Literal(level.to_owned()));
    };
    let (name, after) =
        rest.split_once('}').ok_or_else(|| format!("`{level}` opens a {{ and does not close it"))?;
    if !is_placeholder(name) {
        return Err(format!("`{{{name}}}`: a placeholder is named with a-z, 0-9 and _"));
    }
    if [before, after].iter().any(|text| text.contains(['{', '}', '+', '#'])) {
        return Err(format!("`{level}`: a level has one {{name}}, and + and # stand for a whole level"));
    }
    Ok(Level::Named { before: before.to_owned(), name: name.to_owned(), after: after.to_owned() })
}

fn is_placeholder(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

impl fmt::Display for TopicPattern {
    /// As it is written in a configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, level) in self.levels.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "/" })?;
            match level {
                Level::Literal(text) => f.write_str(text)?,
                Level::Named { before, name, after } => write!(f, "{before}{{{name}}}{after}")?,
                Level::Any => f.write_str("+")?,
                Level::Rest => f.write_str("#")?,
            }
        }
        Ok(())
    }
}

impl TopicPattern {
    /// The subscription that brings these topics.
    pub fn filter(&self) -> String {
        let level = |level: &Level| match level {
            Level::Literal(text) => text.clone(),
            Level::Named { .. } | Level::Any => "+".to_owned(),
            Level::Rest => "#".to_owned(),
        };
        self.levels.iter().map(level).collect::<Vec<_>>().join("/")
    }

    /// Whether some topic is brought both by this pattern's subscription and by that filter.
    pub(crate) fn overlaps(&self, filter: &str) -> bool {
        let mut others = filter.split('/');
        for level in &self.levels {
            // What follows a # may be nothing.
            let other = others.next();
            match (level, other) {
                (_, Some("#")) | (Level::Rest, _) => return true,
                (_, None) => return false,
                (Level::Literal(text), Some(other)) if other != "+" && other != text => return false,
                _ => {}
            }
        }
        matches!(others.next(), None | Some("#"))
    }

    /// The names of the levels that have one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.levels.iter().filter_map(|level| match level {
            Level::Named { name, .. } => Some(name.as_str()),
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
                Level::Named { before, after, .. } => {
                    let named = rest.next()?.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
                    let is_whole = before.is_empty() && after.is_empty();
                    captured.push(Some(named).filter(|named| is_whole || !named.is_empty())?);
                }
            }
        }
        rest.next().is_none().then_some(captured)
    }
}

/// The placeholder of a meter's template that stands for the element of a rule with `each`.
pub(crate) const ELEMENT: &str = "element";

/// How a meter is named: a constant, or made from the named levels of its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterTemplate {
    parts: Arc<[Part]>,
    folds: bool,
}

/// Why the named levels of a topic give no meter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnnamedError {
    /// What was made of them is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Folding would leave letters out, and what is left may be the name of another device.
    #[error(
        "`{0}` has letters that no name has, and without them it could be another device; give it a rule of its own"
    )]
    Letters(String),
    /// Folding would leave nothing.
    #[error("`{0}` has nothing in it that a name can be made of; give it a rule of its own")]
    Nothing(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
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
        MeterTemplate::of(text, &names)
    }

    /// The same for a rule with `each`: `{element}` must be there and is captured last.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse_each(text: &str, pattern: &TopicPattern) -> Result<MeterTemplate, String> {
        let names: Vec<&str> = pattern.names().chain([ELEMENT]).collect();
        let template = MeterTemplate::of(text, &names)?;
        if !template.parts.contains(&Part::Level(names.len() - 1)) {
            return Err(format!("with `each` there are several readings: put {{{ELEMENT}}} into `{text}`"));
        }
        Ok(template)
    }

    fn of(text: &str, names: &[&str]) -> Result<MeterTemplate, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) =
                after.split_once('}').ok_or_else(|| format!("`{text}` opens a {{ and does not close it"))?;
            let position = names.iter().position(|known| *known == name).ok_or_else(|| {
                let near = did_you_mean(name, names.iter().copied());
                let each = if name == ELEMENT { ", which a rule with `each` has" } else { &near };
                format!("the topic has no level `{{{name}}}`{each}")
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
        let template = MeterTemplate { parts: parts.into(), folds: false };
        // Whatever a sensor is called, the fixed letters around it must leave a valid name possible.
        template.name(&vec!["x"; names.len()]).map_err(|error| error.to_string())?;
        Ok(template)
    }

    /// The same template, folding what it takes from topics and messages to what a name may have: lower
    /// case, and `-` for what is neither letter nor digit. Letters that no name has are not left out: a
    /// text that has some gives no name.
    pub fn folding(mut self) -> MeterTemplate {
        self.folds = true;
        self
    }

    /// The meter's name for the levels captured from a topic.
    ///
    /// # Errors
    /// [`UnnamedError`] with what was found or made.
    pub fn name(&self, captured: &[&str]) -> Result<Name, UnnamedError> {
        let mut made = String::new();
        for part in &*self.parts {
            match part {
                Part::Text(text) => made.push_str(text),
                Part::Level(position) if self.folds => fold_onto(&mut made, level(captured, *position))?,
                Part::Level(position) => made.push_str(level(captured, *position)),
            }
        }
        Ok(made.parse::<Name>()?)
    }

    /// The same before anything is folded: what people call the thing.
    pub(super) fn spelled(&self, captured: &[&str]) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Level(position) => level(captured, *position).to_owned(),
        };
        self.parts.iter().map(part).collect()
    }

    /// Whether different levels can give one name: by folding, or where several are put together.
    pub(super) fn can_coincide(&self) -> bool {
        let levels = self.levels().count();
        levels > 1 || levels == 1 && self.folds
    }

    /// The positions of the levels that it is made of.
    pub(super) fn levels(&self) -> impl Iterator<Item = usize> + Clone {
        self.parts.iter().filter_map(|part| if let Part::Level(at) = part { Some(*at) } else { None })
    }

    /// Its parts, which it shares with its clones.
    pub(super) fn parts(&self) -> &Arc<[Part]> {
        &self.parts
    }
}

/// What was captured at a position; nothing where a topic ended before it.
pub(super) fn level<'c>(captured: &[&'c str], position: usize) -> &'c str {
    captured.get(position).copied().unwrap_or_default()
}

/// Adds the words of a level with `-` between them.
fn fold_onto(made: &mut String, level: &str) -> Result<(), UnnamedError> {
    if level.chars().any(is_lost_letter) {
        return Err(UnnamedError::Letters(quoted(level).into_owned()));
    }
    let before = made.len();
    for word in level.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if made.len() > before {
            made.push('-');
        }
        made.extend(word.chars().map(|c| c.to_ascii_lowercase()));
    }
    if made.len() == before {
        return Err(UnnamedError::Nothing(quoted(level).into_owned()));
    }
    Ok(())
}

/// A letter or digit beyond those of names, or an accent that stands beside its letter.
fn is_lost_letter(c: char) -> bool {
    !c.is_ascii() && c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c)
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
        for text in ["sensors/{building}/{meter}/SENSOR", "+/a_{x}_b//#"] {
            assert_eq!(pattern(text).to_string(), text);
        }
        assert_eq!(sensors.filter(), "sensors/+/+/SENSOR");
        assert_eq!(sensors.matched("sensors/a/b/SENSOR"), Some(vec!["a", "b"]));
        assert_eq!(sensors.matched("sensors/a//SENSOR"), Some(vec!["a", ""]));
        for other in
            ["sensors/a/SENSOR", "sensors/a/b/c/SENSOR", "Sensors/a/b/SENSOR", "sensors/a/b/SENSOR/x", ""]
        {
            assert_eq!(sensors.matched(other), None, "{other}");
        }
        let part = pattern("{device}/sensor/{sensor}_power/state");
        assert_eq!(part.filter(), "+/sensor/+/state");
        assert_eq!(part.matched("d/sensor/rack_1_power/state"), Some(vec!["d", "rack_1"]));
        assert_eq!(part.matched("d/sensor/_power/state"), None);
        assert_eq!(part.matched("d/sensor/rack_energy/state"), None);
        assert_eq!(pattern("x{a}x").matched("x"), None);
        assert_eq!(pattern("a/#").matched("a"), Some(vec![]));
        assert_eq!(pattern("a/#").matched("a/b/c"), Some(vec![]));
        assert_eq!(pattern("+/{x}").matched("a/b"), Some(vec!["b"]));
    }

    #[test]
    fn patterns_that_a_broker_would_refuse_are_refused_at_once() {
        for bad in ["", "a/#/b", "a+/b", "a/{x", "a/{x}{y}", "a/x}", "a/{x}+", "a/{}", "a/{X}", "{a}/x{a}"] {
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
        let each = MeterTemplate::parse_each("{meter}-{element}", &topic).expect("fits");
        assert_eq!(each.name(&["hall", "m1", "l1"]).expect("name").as_str(), "m1-l1");
        let without = MeterTemplate::parse_each("{meter}", &topic).expect_err("one meter for all");
        assert!(without.contains("put {element} into"), "{without}");
        let alone = MeterTemplate::parse("{element}", &topic).expect_err("no each");
        assert!(alone.contains("a rule with `each` has"), "{alone}");
    }

    #[test]
    fn folding_makes_names_of_what_devices_are_called() {
        let topic = pattern("s/{device}");
        let template = MeterTemplate::parse("{device}-power", &topic).expect("fits").folding();
        for (device, name) in [
            ("tasmota_A1B2", Some("tasmota-a1b2-power")),
            ("Rack 3 (left)", Some("rack-3-left-power")),
            ("switch:0", Some("switch-0-power")),
            ("0x00158D", Some("0x00158d-power")),
            ("+3.3 °C", Some("3-3-c-power")),
            ("", None),
        ] {
            assert_eq!(template.name(&[device]).ok().as_ref().map(Name::as_str), name, "{device}");
        }
    }

    #[test]
    fn folding_leaves_no_letter_out() {
        let topic = pattern("s/{device}");
        let template = MeterTemplate::parse("hall-{device}-power", &topic).expect("fits").folding();
        for device in ["é", "Küche", "Ku\u{308}che", "機架1", "rack١", "m³"] {
            let error = template.name(&[device]).expect_err(device);
            assert_eq!(error, UnnamedError::Letters(device.to_owned()));
        }
        // Without this they would all be `hall--power`.
        for device in ["", "-", "***", "°"] {
            assert_eq!(template.name(&[device]), Err(UnnamedError::Nothing(device.to_owned())));
        }
    }

    #[test]
    fn filters_overlap_where_a_topic_fits_both() {
        for (ours, other, overlap) in [
            ("spBv1.0/#", "spBv1.0/+/+/+/#", true),
            ("#", "spBv1.0/hall/+/+/#", true),
            ("+/{a}/#", "spBv1.0/hall/+/+/#", true),
            ("{device}/sensor/{sensor}/state", "spBv1.0/+/+/+/#", true),
            ("{device}/sensor/{sensor}/state", "spBv1.0/hall/+/+/#", false),
            ("{device}/events/rpc", "spBv1.0/+/+/+/#", false),
            ("tele/{device}/SENSOR", "spBv1.0/+/+/+/#", false),
            ("spBv1.0/a/NDATA/gw", "spBv1.0/+/+/gw/#", true),
            ("spBv1.0/a/NDATA/gw", "spBv1.0/+/+/other/#", false),
            ("spBv1.0/a/NDATA/gw/pm", "spBv1.0/+/+/gw/#", true),
            ("a/b/#", "a/b", true),
            ("a/b", "a/b/c", false),
        ] {
            assert_eq!(pattern(ours).overlaps(other), overlap, "{ours} and {other}");
        }
    }
}
