//! The MQTT topics of the link, printed and parsed. Their names are a border: they never change within `v1`.

use crate::batch::AgentKey;
use crate::name::Name;
use std::fmt;
use std::str::FromStr;

/// A topic of ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// An agent's batches.
    Readings(AgentKey),
    /// Readings written by hand, as JSON.
    ReadingsJson(AgentKey),
    /// What an agent says of itself.
    AgentStatus(AgentKey),
    /// A collector's word to one agent on what it holds durably.
    Acknowledgement {
        /// The agent it is for.
        agent: AgentKey,
        /// The collector that speaks.
        collector: Name,
    },
    /// What a collector says of itself; retained.
    CollectorStatus(Name),
    /// A figure of a facility.
    Indicator {
        /// The facility.
        facility: Name,
        /// The indicator, such as `pue`.
        indicator: Name,
    },
    /// An alert of a facility.
    Alert {
        /// The facility.
        facility: Name,
        /// The alert's id.
        id: Name,
    },
}

/// Why a text is no [`Topic`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a topic of wattledger/v1")]
pub struct TopicError(String);

impl Topic {
    /// Filter for the batches of every agent.
    pub const ALL_READINGS: &'static str = "wattledger/v1/agent/+/+/readings";
    /// Filter for the hand-written readings of every agent.
    pub const ALL_READINGS_JSON: &'static str = "wattledger/v1/agent/+/+/readings-json";
    /// Filter for the status of every agent.
    pub const ALL_AGENT_STATUS: &'static str = "wattledger/v1/agent/+/+/status";
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wattledger/v1/")?;
        match self {
            Topic::Readings(AgentKey { site, agent }) => write!(f, "agent/{site}/{agent}/readings"),
            Topic::ReadingsJson(AgentKey { site, agent }) => write!(f, "agent/{site}/{agent}/readings-json"),
            Topic::AgentStatus(AgentKey { site, agent }) => write!(f, "agent/{site}/{agent}/status"),
            Topic::Acknowledgement { agent: AgentKey { site, agent }, collector } => {
                write!(f, "agent/{site}/{agent}/ack/{collector}")
            }
            Topic::CollectorStatus(collector) => write!(f, "collector/{collector}/status"),
            Topic::Indicator { facility, indicator } => {
                write!(f, "facility/{facility}/indicators/{indicator}")
            }
            Topic::Alert { facility, id } => write!(f, "facility/{facility}/alerts/{id}"),
        }
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Topic, TopicError> {
        parse(text).ok_or_else(|| TopicError(text.chars().take(120).collect()))
    }
}

fn parse(text: &str) -> Option<Topic> {
    let rest = text.strip_prefix("wattledger/v1/")?;
    let mut levels = [""; 5];
    let mut count = 0;
    for level in rest.split('/') {
        *levels.get_mut(count)? = level;
        count += 1;
    }
    let name = |text: &str| text.parse::<Name>().ok();
    let agent = |site, agent| Some(AgentKey { site: name(site)?, agent: name(agent)? });
    Some(match &levels[..count] {
        ["agent", site, by, "readings"] => Topic::Readings(agent(site, by)?),
        ["agent", site, by, "readings-json"] => Topic::ReadingsJson(agent(site, by)?),
        ["agent", site, by, "status"] => Topic::AgentStatus(agent(site, by)?),
        ["agent", site, by, "ack", collector] => {
            Topic::Acknowledgement { agent: agent(site, by)?, collector: name(collector)? }
        }
        ["collector", collector, "status"] => Topic::CollectorStatus(name(collector)?),
        ["facility", facility, "indicators", indicator] => {
            Topic::Indicator { facility: name(facility)?, indicator: name(indicator)? }
        }
        ["facility", facility, "alerts", id] => Topic::Alert { facility: name(facility)?, id: name(id)? },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_names_at_the_border_stay() {
        let topics = [
            "wattledger/v1/agent/hall/a-1/readings",
            "wattledger/v1/agent/hall/a-1/readings-json",
            "wattledger/v1/agent/hall/a-1/status",
            "wattledger/v1/agent/hall/a-1/ack/campus",
            "wattledger/v1/collector/campus/status",
            "wattledger/v1/facility/hall-1/indicators/pue",
            "wattledger/v1/facility/hall-1/alerts/7",
        ];
        for text in topics {
            assert_eq!(text.parse::<Topic>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for text in [
            "",
            "wattledger/v1/",
            "wattledger/v2/agent/hall/a/readings",
            "wattledger/v1/agent/hall/a",
            "wattledger/v1/agent/hall/a/readings/",
            "wattledger/v1/agent/hall/a/readings/more/and/more",
            "wattledger/v1/agent/Hall/a/readings",
            "wattledger/v1/agent/+/+/readings",
            "wattledger/v1/agent//a/status",
            "/wattledger/v1/agent/hall/a/status",
        ] {
            assert!(text.parse::<Topic>().is_err(), "{text}");
        }
    }

    #[test]
    fn filters_are_the_topics_with_wildcards() {
        let agent = AgentKey { site: "s".parse().expect("name"), agent: "a".parse().expect("name") };
        let wild = |topic: Topic| topic.to_string().replace("/s/a/", "/+/+/");
        assert_eq!(wild(Topic::Readings(agent.clone())), Topic::ALL_READINGS);
        assert_eq!(wild(Topic::ReadingsJson(agent.clone())), Topic::ALL_READINGS_JSON);
        assert_eq!(wild(Topic::AgentStatus(agent)), Topic::ALL_AGENT_STATUS);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(wattledger/v1/)?[a-z/+#é-]{0,60}") {
            if let Ok(topic) = text.parse::<Topic>() {
                prop_assert_eq!(topic.to_string(), text);
            }
        }
    }
}
