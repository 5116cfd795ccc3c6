//! From topics to one pattern for all of them, and to names of meters.

use std::collections::{BTreeMap, BTreeSet};

/// Levels that say what kind of message it is, and nothing of the meter.
const GENERIC: [&str; 16] = [
    "sensor",
    "sensors",
    "state",
    "value",
    "status",
    "data",
    "json",
    "telemetry",
    "tele",
    "stat",
    "reading",
    "readings",
    "mqtt",
    "measurement",
    "events",
    "telegram",
];
/// A name's longest, less room for what a field adds. Source: `wattledger_model::name`.
const NAME_CHARS: usize = 40;

/// A pattern for topics, and what meters there are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) topic: String,
    /// The beginning of the meters' names, or the whole of it.
    pub(super) meter: String,
}

/// The level whose end says what is measured: its position, and that end.
pub(super) type Tail<'t> = Option<(usize, &'t str)>;

/// Whether a topic can stand in a rule as it is.
pub(super) fn is_plain(topic: &str) -> bool {
    !topic.is_empty()
        && topic.len() <= 512
        && !topic.contains(['{', '}', '+', '#'])
        && !topic.contains(char::is_control)
}

/// A text as a meter's name: small letters, digits and, between them, `-`.
pub(super) fn fold(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// One topic as it is.
pub(super) fn literal(topic: &str) -> Shape {
    let levels: Vec<&str> = topic.split('/').collect();
    let mut telling: Vec<&str> =
        levels.iter().copied().filter(|level| !GENERIC.contains(&fold(level).as_str())).collect();
    if telling.iter().all(|level| fold(level).is_empty()) {
        telling = levels;
    }
    let name = fold(&telling.join("/"));
    // The end tells more than the beginning.
    let from = name.len().saturating_sub(NAME_CHARS);
    let name = name[from..].trim_matches('-').to_owned();
    let name = if name.is_empty() { "unnamed".to_owned() } else { name };
    Shape { topic: topic.to_owned(), meter: name }
}

/// One pattern for topics of as many levels: a level that is the same in all stays, one that differs is named.
pub(super) fn pattern(topics: &[&str], tail: Tail<'_>) -> Shape {
    if let [topic] = topics {
        return literal(topic);
    }
    let split: Vec<Vec<&str>> = topics.iter().map(|topic| topic.split('/').collect()).collect();
    let count = split.first().map_or(0, Vec::len);
    let (mut levels, mut names, mut before) = (Vec::new(), Vec::new(), "");
    for at in 0..count {
        let texts: BTreeSet<&str> = split.iter().filter_map(|levels| levels.get(at).copied()).collect();
        let first = texts.first().copied().unwrap_or_default();
        if texts.len() == 1 {
            levels.push(first.to_owned());
            before = first;
            continue;
        }
        let name = placeholder(before, &names);
        let end = tail.filter(|(level, _)| *level == at).map_or("", |(_, end)| end);
        levels.push(format!("{{{name}}}{end}"));
        names.push(name);
        before = "";
    }
    let mut meter = names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join("-");
    if let Some((at, end)) = tail {
        // What is measured, so that the power and the energy of one device are two meters.
        let same = levels.get(at).filter(|level| !level.contains('{'));
        let measured = fold(same.map_or(end, String::as_str));
        if !measured.is_empty() {
            meter.push_str(&format!("-{measured}"));
        }
    }
    Shape { topic: levels.join("/"), meter }
}

/// A level that differs is called after the one before it: `pdu/{pdu}`, `rooms/{room}`.
fn placeholder(before: &str, taken: &[String]) -> String {
    let small = before.to_ascii_lowercase();
    let single = small.strip_suffix('s').filter(|single| single.len() > 2).unwrap_or(&small);
    let is_word = single.len() > 1 && single.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_free = |name: &str| !taken.iter().any(|taken| taken == name);
    if is_word && !GENERIC.contains(&small.as_str()) && is_free(single) {
        single.to_owned()
    } else if is_free("device") {
        "device".to_owned()
    } else {
        format!("part{}", taken.len() + 1)
    }
}

/// Topics that one pattern may stand for: as many levels, and some level the same in all. Others stand alone.
pub(super) fn groups<'t>(topics: &[&'t str]) -> Vec<Vec<&'t str>> {
    let has_common = |topics: &[&str]| {
        let mut levels = topics.iter().map(|topic| topic.split('/').collect::<Vec<_>>());
        let Some(first) = levels.next() else { return false };
        let rest: Vec<Vec<&str>> = levels.collect();
        rest.iter().all(|other| other.len() == first.len())
            && (0..first.len()).any(|at| rest.iter().all(|other| other[at] == first[at]))
    };
    if topics.len() < 2 || has_common(topics) {
        return vec![topics.to_vec()];
    }
    let mut by_end: BTreeMap<(usize, &str), Vec<&str>> = BTreeMap::new();
    for topic in topics {
        let end = topic.rsplit('/').next().unwrap_or_default();
        by_end.entry((topic.split('/').count(), end)).or_default().push(topic);
    }
    let alone = |group: Vec<&'t str>| {
        if has_common(&group) { vec![group] } else { group.into_iter().map(|topic| vec![topic]).collect() }
    };
    by_end.into_values().flat_map(alone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_after_what_stands_before_it() {
        for (topics, tail, topic, meter) in [
            (&["hall/pdus/7/power_w", "hall/pdus/8/power_w"][..], None, "hall/pdus/{pdu}/power_w", "{pdu}"),
            (&["s/1/a/SENSOR", "s/2/b/SENSOR"], None, "s/{device}/{part2}/SENSOR", "{device}-{part2}"),
            (&["x/out_1_power", "x/out_2_power"], Some((1, "_power")), "x/{device}_power", "{device}-power"),
            (&["ups/1/out_kw", "ups/2/out_kw"], Some((2, "_kw")), "ups/{ups}/out_kw", "{ups}-out-kw"),
            (&["sensors/Hall 1/state"], None, "sensors/Hall 1/state", "hall-1"),
            (&["state"], None, "state", "state"),
            (&["é"], None, "é", "unnamed"),
        ] {
            let shape = pattern(topics, tail);
            assert_eq!((shape.topic.as_str(), shape.meter.as_str()), (topic, meter));
        }
        assert!(literal(&"long/level/".repeat(20)).meter.len() <= NAME_CHARS);
    }

    #[test]
    fn topics_with_nothing_in_common_are_not_joined() {
        assert_eq!(groups(&["a/x", "b/x"]), [["a/x", "b/x"]]);
        assert_eq!(groups(&["a", "b"]), [["a"], ["b"]]);
        assert_eq!(groups(&["a/x", "b/x", "c/y"]), [vec!["a/x", "b/x"], vec!["c/y"]]);
    }
}
