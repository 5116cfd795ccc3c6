//! The whole text: a source with every rule that holds, and comments with the rest.

use super::heard::Heard;
use super::proposal::{Proposal, comment, not_understood, quoted};
use super::zone::Zone;
use super::{fields, plain, profiles, sparkplug};
use crate::config::BrokerConfig;
use crate::sparkplug::Sparkplug;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use wattledger_link::session::SecretKeys;

/// Topics that are shown of those that were not understood.
const SHOWN: usize = 60;

/// The head of the source that is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    address: String,
    head: String,
}

impl Source {
    /// A source behind this broker. Where its password is kept is said, the password is not.
    pub(super) fn of_broker(name: &str, config: &BrokerConfig) -> Source {
        let broker = &config.broker;
        let mut head =
            format!("[[source.mqtt]]\nname = {}\nbroker = {}\n", quoted(name), quoted(&broker.to_string()));
        let mut say = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                head.push_str(&format!("{key} = {}\n", quoted(&value)));
            }
        };
        let path = |path: &std::path::PathBuf| path.display().to_string();
        say("username", broker.username.clone());
        if let Some(password) = &config.password {
            say(SecretKeys::PASSWORD.of(&password.value), Some(password.value.name()));
        }
        let identity = broker.tls.as_ref().and_then(|tls| tls.identity.as_ref());
        say("ca_file", broker.tls.as_ref().and_then(|tls| tls.ca_file.as_ref()).map(path));
        say("certificate_file", identity.map(|identity| path(&identity.certificate_file)));
        say("key_file", identity.map(|identity| path(&identity.key_file)));
        Source { address: broker.to_string(), head }
    }
}

/// Everything that is proposed for what was heard.
pub(super) fn text(
    heard: &Heard,
    source: &Source,
    filters: &[String],
    listen: Duration,
    zone: &Zone,
) -> String {
    let mut proposals = profiles::propose(heard, zone);
    let explained = |proposals: &[Proposal]| {
        proposals.iter().flat_map(|proposal| proposal.topics.iter().cloned()).collect::<BTreeSet<String>>()
    };
    let by_profiles = explained(&proposals);
    let is_taken = |topic: &str| by_profiles.contains(topic) || Sparkplug::takes(topic);
    proposals.extend(plain::propose(heard, is_taken));
    proposals.extend(fields::propose(heard, is_taken));
    let of_all = explained(&proposals);
    let nodes = sparkplug::told(heard);

    let mut meters: BTreeMap<String, String> = BTreeMap::new();
    let (mut body, mut rules) = (String::new(), nodes.as_ref().map_or(0, |told| told.metrics));
    for proposal in &proposals {
        let left_out = why_not(proposal, heard, &mut meters);
        rules += if left_out.is_none() { proposal.rules.len() } else { 0 };
        body.push_str(&format!("\n{}", proposal.text(left_out.as_deref())));
    }
    // A table of its own comes after all rules.
    if let Some(told) = nodes {
        body.push_str(&format!("\n{}", told.text));
    }
    let head = heading(heard, source, filters, listen, rules);
    let table = match rules {
        0 => source.head.lines().map(|line| format!("# {line}\n")).collect(),
        _ => source.head.clone(),
    };
    format!("{head}\n{table}{body}{}", rest(heard, &of_all))
}

/// Why a proposal cannot stand beside those before it.
fn why_not(proposal: &Proposal, heard: &Heard, meters: &mut BTreeMap<String, String>) -> Option<String> {
    let read = match proposal.tried(heard) {
        Ok(read) => read,
        Err(why) => return Some(why),
    };
    for (topic, meter) in &read {
        if let Some(other) = meters.get(meter) {
            return Some(format!(
                "meter {meter} would be {topic} and {other}; give it another name in `meter`"
            ));
        }
    }
    meters.extend(read.into_iter().map(|(topic, meter)| (meter, topic)));
    None
}

fn heading(heard: &Heard, source: &Source, filters: &[String], listen: Duration, rules: usize) -> String {
    let mut text = comment(&format!(
        "Heard on {} in {listen:?} on {}: {} messages on {} topics.",
        source.address,
        filters.join(" "),
        heard.messages,
        heard.topics.len()
    ));
    if heard.beyond > 0 {
        text.push_str(&comment(&format!(
            "{} messages were on still more topics: listen to fewer with --topic",
            heard.beyond
        )));
    }
    for filter in &heard.not_granted {
        text.push_str(&comment(&format!("the broker refused {filter}")));
    }
    text.push_str(&comment(match rules {
        0 => "No rule is proposed; what was heard is below.",
        _ => {
            "Every rule below has read what was heard. Paste into the agent's configuration what is right, answer the \
             QUESTIONs, and see what it reads: wattledger agent check --live agent.toml"
        }
    }));
    text
}

/// What was not understood.
fn rest(heard: &Heard, explained: &BTreeSet<String>) -> String {
    let is_rest = |topic: &str| !explained.contains(topic) && !Sparkplug::takes(topic);
    let rest: Vec<_> = heard.topics.iter().filter(|(topic, _)| is_rest(topic)).collect();
    if rest.is_empty() {
        return String::new();
    }
    let mut text = format!("\n# NOT understood: {} topics\n", rest.len());
    text.extend(rest.iter().take(SHOWN).map(|(topic, heard)| not_understood(topic, heard)));
    if rest.len() > SHOWN {
        text.push_str(&format!("#   and {} more\n", rest.len() - SHOWN));
    }
    text
}
