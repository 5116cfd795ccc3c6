//! Bare numbers: their topics alone say what they are.

use super::heard::Heard;
use super::names::{self, Shape};
use super::profiles::{kept, role};
use super::proposal::{Proposal, named, quoted};
use super::words::{Meaning, meaning, words};
use std::collections::BTreeMap;
use wattledger_model::meter::Kind;

/// Topics that mean the same: so many levels, the level that says what is measured, its telling end, and the meaning.
type Key = (usize, usize, String, String);

/// Proposals for bare numbers on topics that no profile has.
pub(super) fn propose(heard: &Heard, is_taken: impl Fn(&str) -> bool) -> Vec<Proposal> {
    let mut found: BTreeMap<Key, (Meaning, Vec<&str>)> = BTreeMap::new();
    let numbers = heard
        .topics
        .iter()
        .filter(|(topic, heard)| heard.is_number() && names::is_plain(topic) && !is_taken(topic));
    for (topic, _) in numbers {
        if let Some((level, end, meaning)) = of_topic(topic) {
            let key = (topic.split('/').count(), level, end, format!("{meaning:?}"));
            found.entry(key).or_insert_with(|| (meaning, Vec::new())).1.push(topic);
        }
    }
    let mut made = Vec::new();
    for ((_, level, end, _), (meaning, topics)) in &found {
        for group in names::groups(topics) {
            let tail = Some((*level, end.as_str()));
            let joined = proposal(heard, &group, meaning, names::pattern(&group, tail));
            if joined.tried(heard).is_ok() {
                made.push(joined);
            } else {
                made.extend(
                    group.iter().map(|topic| proposal(heard, &[topic], meaning, names::literal(topic))),
                );
            }
        }
    }
    made
}

/// The last level that says what is measured: its position, the end of it that says so, and what.
fn of_topic(topic: &str) -> Option<(usize, String, Meaning)> {
    let levels: Vec<&str> = topic.split('/').collect();
    for (at, level) in levels.iter().enumerate().rev() {
        let others = levels.iter().enumerate().filter(|(other, _)| *other != at);
        let around: Vec<String> = others.flat_map(|(_, level)| words(level)).collect();
        if let Some(found) = meaning(level, &around, None) {
            return Some((at, telling_end(level, &around, &found), found));
        }
    }
    None
}

/// The shortest end of a level that means the same as all of it; empty where that is the whole level.
fn telling_end(level: &str, around: &[String], found: &Meaning) -> String {
    let is_same = |end: &str| match (meaning(end.trim_start_matches(['_', '-', ' ']), around, None), found) {
        (Some(Meaning::Known { unit, .. }), Meaning::Known { unit: of, .. }) => unit == *of,
        (Some(Meaning::Unsure { question }), Meaning::Unsure { question: of }) => question == *of,
        _ => false,
    };
    let mut ends = level.match_indices(['_', '-', ' ']).map(|(at, _)| &level[at..]);
    ends.rfind(|end| is_same(end)).unwrap_or_default().to_owned()
}

fn proposal(heard: &Heard, topics: &[&str], meaning: &Meaning, shape: Shape) -> Proposal {
    let count = if topics.len() == 1 {
        "1 topic with a bare number".to_owned()
    } else {
        format!("{} topics with bare numbers", topics.len())
    };
    let first = topics.first().copied().unwrap_or_default();
    let text = heard.topics.get(first).and_then(|heard| heard.text()).unwrap_or_default();
    let mut comments = vec![format!("{count}, such as {}: {}", named(first), text.trim())];
    let owned: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
    comments.extend(role(&owned));
    comments.extend(kept(heard, &owned));
    let mut rule = format!(
        "[[source.mqtt.rule]]\ntopic = {}\nmeter = {}\nfold_names = true\n",
        quoted(&shape.topic),
        quoted(&shape.meter)
    );
    rule.push_str(&meant(meaning));
    Proposal { comments, rules: vec![rule], topics: owned, is_exact: true }
}

/// The lines for what a number means; where that is not sure the question, and no unit.
pub(super) fn meant(meaning: &Meaning) -> String {
    match meaning {
        Meaning::Known { unit, why } => {
            let kind = if unit.kind() == Kind::Register { "kind = \"register\"\n" } else { "" };
            format!("unit = {}   # {why}\n{kind}", quoted(unit.symbol()))
        }
        Meaning::Unsure { question } => {
            format!(
                "# unit = \"?\"   # QUESTION: {question}\n# Without `unit` the collector's declaration of the meter must say it.\n"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::time::Timestamp;

    fn proposed(messages: &[(&str, &str)]) -> String {
        let mut heard = Heard::default();
        for (topic, payload) in messages {
            heard.take((*topic).to_owned(), payload.as_bytes(), false, Timestamp(1_790_000_000_000));
        }
        let made = propose(&heard, |_| false);
        for proposal in &made {
            proposal.tried(&heard).expect("reads what was heard");
        }
        made.iter().map(|proposal| proposal.text(None)).collect()
    }

    #[test]
    fn many_meters_are_one_rule_and_what_is_alike_only_by_name_is_not() {
        let text = proposed(&[
            ("bms/ups/1/output_kw", "12.5"),
            ("bms/ups/2/output_kw", "11"),
            ("rack_pdu/sensor/outlet_1_power/state", "231.5"),
            ("rack_pdu/sensor/outlet_2_power/state", "10"),
            ("rack_pdu/sensor/max_power/state", "900"),
            ("rack_pdu/sensor/uptime/state", "12345"),
        ]);
        assert!(text.contains("topic = \"bms/ups/{ups}/output_kw\"\nmeter = \"{ups}-output-kw\""), "{text}");
        assert!(text.contains("unit = \"kW\"   # `output_kw` ends with it"), "{text}");
        assert!(text.contains("perhaps: ups-output"), "{text}");
        // `{device}_power` would take the greatest power for one that is measured.
        assert!(text.contains(
            "topic = \"rack_pdu/sensor/outlet_1_power/state\"\nmeter = \"rack-pdu-outlet-1-power\""
        ));
        assert!(!text.contains("max_power") && !text.contains("uptime"), "{text}");
        assert!(text.contains("# unit = \"?\"   # QUESTION: the unit of this power: W or kW?"), "{text}");
    }

    #[test]
    fn a_register_is_never_made_of_what_may_be_none() {
        let text = proposed(&[("tank/level_m3", "3"), ("m/energy_today_kwh", "1"), ("m/import_kwh", "7")]);
        assert_eq!(text.matches("kind = \"register\"").count(), 1, "{text}");
        assert_eq!(text.matches("QUESTION").count(), 1, "{text}");
        assert!(!text.contains("today"), "what begins anew is not proposed\n{text}");
    }
}
