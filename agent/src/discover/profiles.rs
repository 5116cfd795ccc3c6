//! Which of what was heard a profile reads: on the topics that its devices have as they are shipped, on these behind a
//! prefix, or anywhere, where the payload has the profile's signs.

use super::heard::{Heard, Topic};
use super::names::{self, Shape};
use super::proposal::{Proposal, configured, named, quoted};
use super::words;
use super::zone::Zone;
use crate::map::{Format, Message, Rule, UnitRule, map};
use crate::profile::{self, Profile};
use crate::source::Mapped;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Levels that somebody may have put before the usual topics.
const MOST_PREFIX: usize = 4;
/// Ways in which times may be written, where a profile leaves it open.
const TIME_FORMATS: [Option<&str>; 3] = [None, Some("epoch-ms"), Some("epoch-s")];

/// What the name of a reading ends in that names each meter by its id.
const BY_ID: &str = "-by-id";

/// A zone that were wrong would put times further off, in minutes: zones differ by quarters of an hour.
const NEAR_MIN: i64 = 5;

/// A profile with its rules as they are by themselves.
struct Family {
    profile: Profile,
    time_format: Option<&'static str>,
    rules: Vec<Rule>,
}

/// How messages are a profile's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Usual,
    /// Behind these levels.
    Prefixed(String),
    /// By their payload alone, on topics of so many levels.
    Signs(usize),
}

/// What a family reads of a message.
#[derive(Debug, Default)]
struct Read {
    usual: BTreeSet<String>,
    extra: BTreeSet<String>,
    /// Usual readings in whose place another is usual here, which tells several meters of one type apart.
    replaced: BTreeSet<String>,
    /// How far the times are from their arrivals, at most, in ms; negative behind.
    skew_ms: i64,
}

impl Read {
    fn add(&mut self, more: Read) {
        self.usual.extend(more.usual);
        self.extra.extend(more.extra);
        self.replaced.extend(more.replaced);
        self.skewed(more.skew_ms);
    }

    fn skewed(&mut self, ms: i64) {
        if ms.abs() > self.skew_ms.abs() {
            self.skew_ms = ms;
        }
    }
}

/// What one rule of a profile would be for.
#[derive(Debug, Default)]
struct Found {
    topics: Vec<String>,
    read: Read,
}

/// Proposals for all that profiles read.
pub(super) fn propose(heard: &Heard, zone: &Zone) -> Vec<Proposal> {
    let families: Vec<Family> = profile::names()
        .filter_map(profile::named)
        .flat_map(|profile| TIME_FORMATS.map(|format| family(&profile, format, zone)))
        .flatten()
        .collect();
    let mut found: BTreeMap<(usize, How), Found> = BTreeMap::new();
    for (topic, message) in heard.topics.iter().filter(|(topic, _)| names::is_plain(topic)) {
        if let Some((family, how, read)) = best(&families, topic, message) {
            let of = found.entry((family, how)).or_default();
            of.topics.push(topic.clone());
            of.read.add(read);
        }
    }
    let made = found.into_iter().flat_map(|((family, how), found)| {
        let family = &families[family];
        match how {
            How::Usual => vec![family.proposal(heard, zone, found, None)],
            How::Prefixed(prefix) => {
                let topic = format!("{prefix}/{}", family.profile.topic);
                let shape = Shape { topic, meter: family.profile.meter.clone() };
                vec![family.proposal(heard, zone, found, Some(shape))]
            }
            How::Signs(_) => by_signs(family, heard, zone, &found),
        }
    });
    made.collect()
}

/// The rules of a profile, all its readings but those whose unit only the device's owner knows.
fn family(profile: &Profile, time_format: Option<&'static str>, zone: &Zone) -> Option<Family> {
    let ids: Vec<String> = profile.readings.iter().map(|reading| quoted(&reading.id)).collect();
    let zone = if profile.local_time {
        format!("time_zone = {}\n", quoted(zone.zone.name()))
    } else {
        String::new()
    };
    let format = time_format.map(|format| format!("time_format = \"{format}\"\n")).unwrap_or_default();
    let text = format!(
        "[[source.mqtt.rule]]\nprofile = {}\nreadings = [{}]\n{zone}{format}",
        quoted(&profile.name),
        ids.join(", ")
    );
    let rules: Vec<Rule> = configured(&text).ok()?.mqtt.into_iter().flat_map(|source| source.rules).collect();
    // A profile without times has one way to write them.
    let has_time = rules.iter().any(|rule| rule.time.is_some());
    (time_format.is_none() || has_time).then(|| Family { profile: profile.clone(), time_format, rules })
}

/// The family that reads most of a message; the more usual its topic is the better.
fn best(families: &[Family], topic: &str, heard: &Topic) -> Option<(usize, How, Read)> {
    let document = heard.text().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let mut found: Option<(usize, How, Read)> = None;
    let mut offer = |at: usize, how: How, read: Read| {
        let rank =
            |how: &How, read: &Read| (std::cmp::Reverse(how_far(how)), read.usual.len(), read.extra.len());
        if found.as_ref().is_none_or(|(_, known, best)| rank(&how, &read) > rank(known, best)) {
            found = Some((at, how, read));
        }
    };
    for (at, family) in families.iter().enumerate() {
        if let Some(read) = family.read(topic, heard) {
            offer(at, How::Usual, read);
        }
        for (end, _) in topic.match_indices('/').take(MOST_PREFIX) {
            let (prefix, rest) = (&topic[..end], &topic[end + 1..]);
            if !prefix.is_empty()
                && let Some(read) = family.read(rest, heard)
            {
                offer(at, How::Prefixed(prefix.to_owned()), read);
            }
        }
        if family.has_signs(document.as_ref())
            && let Some(read) = family.read(&family.some_topic(), heard)
        {
            offer(at, How::Signs(topic.split('/').count()), read);
        }
    }
    found
}

fn how_far(how: &How) -> usize {
    match how {
        How::Usual => 0,
        How::Prefixed(prefix) => prefix.split('/').count(),
        How::Signs(_) => MOST_PREFIX + 1,
    }
}

impl Family {
    /// What is read of a message on this topic; nothing where a usual reading is refused.
    fn read(&self, topic: &str, heard: &Topic) -> Option<Read> {
        let message = Message { topic, ..heard.message(topic) };
        let mut read = Read::default();
        for (rule, reading) in self.rules.iter().zip(&self.profile.readings) {
            if rule.topic.matched(topic).is_none() || rule.unit == UnitRule::Unsaid && rule.states.is_none() {
                continue;
            }
            let mapped = map(std::slice::from_ref(rule), &message).mapped;
            for mapped in &mapped {
                if let Mapped::Reading { reading, .. } = mapped {
                    read.skewed(reading.skew_ms());
                }
            }
            if mapped.iter().any(|mapped| matches!(mapped, Mapped::Refused(_))) {
                if !reading.extra {
                    let by_id = format!("{}{BY_ID}", reading.id);
                    if !self.reads(&by_id, &message) {
                        return None;
                    }
                    read.replaced.insert(reading.id.clone());
                    read.usual.insert(by_id);
                }
            } else if !mapped.is_empty() {
                let ids = if reading.extra { &mut read.extra } else { &mut read.usual };
                ids.insert(reading.id.clone());
            }
        }
        read.extra.retain(|id| !read.usual.contains(id));
        (!read.usual.is_empty() || !read.extra.is_empty()).then_some(read)
    }

    /// Whether the profile has this reading, and it reads the message without refusing any of it.
    fn reads(&self, id: &str, message: &Message<'_>) -> bool {
        let of = self.rules.iter().zip(&self.profile.readings).find(|(_, reading)| reading.id == id);
        of.is_some_and(|(rule, _)| {
            let mapped = map(std::slice::from_ref(rule), message).mapped;
            !mapped.is_empty() && mapped.iter().all(|mapped| matches!(mapped, Mapped::Reading { .. }))
        })
    }

    /// The readings that a rule must name, where the usual ones are not what is wanted.
    fn to_choose(&self, read: &Read) -> Option<BTreeSet<String>> {
        if read.usual.is_empty() {
            return Some(read.extra.clone());
        }
        let is_usual = |reading: &&profile::Offered| !reading.extra && !read.replaced.contains(&reading.id);
        let usual = self.profile.readings.iter().filter(is_usual).map(|reading| reading.id.clone());
        (!read.replaced.is_empty()).then(|| usual.chain(read.usual.iter().cloned()).collect())
    }

    /// Whether a payload is this profile's, whatever its topic.
    fn has_signs(&self, document: Option<&Value>) -> bool {
        let is_telegram = self.rules.iter().all(|rule| rule.format == Format::Dsmr);
        let signs = &self.profile.signs;
        is_telegram
            || document.is_some_and(|document| {
                !signs.is_empty() && signs.iter().all(|sign| document.pointer(sign).is_some())
            })
    }

    /// A topic of its own.
    fn some_topic(&self) -> String {
        let level = |level: &str| if level.contains('{') { "x".to_owned() } else { level.to_owned() };
        self.profile.topic.split('/').map(level).collect::<Vec<_>>().join("/")
    }

    fn proposal(&self, heard: &Heard, zone: &Zone, found: Found, shape: Option<Shape>) -> Proposal {
        let Found { topics, read } = found;
        let profile = &self.profile;
        let base = shape.as_ref().map_or(&profile.topic, |shape| &shape.topic);
        let count = if topics.len() == 1 { "1 topic".to_owned() } else { format!("{} topics", topics.len()) };
        let such = topics.first().map(|topic| named(topic)).unwrap_or_default();
        let mut comments = vec![format!("{count} of {}, such as {such}", profile.title)];
        let (chosen, rest) =
            if read.usual.is_empty() { (&read.extra, None) } else { (&read.usual, Some(&read.extra)) };
        let list = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(", ");
        comments.push(format!("why: topic and payload are as this profile has them; read: {}", list(chosen)));
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            comments.push(format!("also there, if `readings` chooses it: {}", list(rest)));
        }
        comments.extend(role(&topics));
        comments.extend(kept(heard, &topics));
        let mut rule = format!("[[source.mqtt.rule]]\nprofile = {}\n", quoted(&profile.name));
        if let Some(shape) = &shape {
            rule.push_str(&format!("topic = {}\n", quoted(base)));
            if shape.meter != profile.meter {
                rule.push_str(&format!("meter = {}\n", quoted(&shape.meter)));
            }
        }
        if let Some(ids) = self.to_choose(&read) {
            let ids: Vec<String> = ids.iter().map(|id| quoted(id)).collect();
            rule.push_str(&format!("readings = [{}]\n", ids.join(", ")));
        }
        if profile.local_time {
            rule.push_str(&format!(
                "time_zone = {}{}\n",
                quoted(zone.zone.name()),
                about_zone(zone, read.skew_ms)
            ));
        }
        if let Some(format) = self.time_format {
            rule.push_str(&format!("time_format = \"{format}\"\n"));
        }
        Proposal { comments, rules: vec![rule], topics, is_exact: false }
    }
}

/// Whether a zone that nobody has said is the right one: where times come as they are told, it is.
fn about_zone(zone: &Zone, skew_ms: i64) -> String {
    let Some(guessed) = zone.guessed else { return String::new() };
    let minutes = skew_ms.abs() / 60_000;
    if minutes < NEAR_MIN {
        return "   # with it their times are those of their arrival".to_owned();
    }
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let side = if skew_ms > 0 { "ahead of" } else { "behind" };
    format!(
        "   # QUESTION: is it their zone? It is {guessed}, and with it a time is {hours} h {minutes} min {side} its arrival"
    )
}

/// Rules for messages that a profile reads, on topics of whatever form.
fn by_signs(family: &Family, heard: &Heard, zone: &Zone, found: &Found) -> Vec<Proposal> {
    let topics: Vec<&str> = found.topics.iter().map(String::as_str).collect();
    let of = |topics: &[&str], shape: Shape| {
        let mut read = Read::default();
        for topic in topics {
            let some = family.some_topic();
            if let Some(more) = heard.topics.get(*topic).and_then(|heard| family.read(&some, heard)) {
                read.add(more);
            }
        }
        let found = Found { topics: topics.iter().map(|topic| (*topic).to_owned()).collect(), read };
        Proposal { is_exact: true, ..family.proposal(heard, zone, found, Some(shape)) }
    };
    let mut made = Vec::new();
    for group in names::groups(&topics) {
        let joined = of(&group, names::pattern(&group, None));
        if joined.tried(heard).is_ok() {
            made.push(joined);
        } else {
            made.extend(group.iter().map(|topic| of(&[topic], names::literal(topic))));
        }
    }
    made
}

/// The role that the meters may have at the collector.
pub(super) fn role(topics: &[String]) -> Option<String> {
    let found: BTreeSet<_> = topics.iter().map(|topic| words::role(&words::words(topic))).collect();
    let [Some((word, role))] = found.into_iter().collect::<Vec<_>>()[..] else { return None };
    Some(format!("role at the collector, perhaps: {} (`{word}` in the topic)", role.word()))
}

/// That nothing new was heard of these topics.
pub(super) fn kept(heard: &Heard, topics: &[String]) -> Option<String> {
    let all = topics.iter().all(|topic| heard.topics.get(topic).is_some_and(|heard| heard.is_kept));
    let says =
        "only what the broker had kept was heard: without a time in it, it is read when something new comes";
    all.then(|| says.to_owned())
}
