//! Names of meters that a source makes from what it finds: a template, and for each thing found its name.
//! Whatever a machine, a chip or a UPS is called, the name is a valid one.

use std::collections::BTreeMap;
use wattledger_model::name::Name;

/// As much of one placeholder as goes into a name: host names are long where they are made by machines.
const PART_CHARS: usize = 40;
/// A name's longest. Source: `wattledger_model::name`.
const NAME_CHARS: usize = 64;
/// Things found that are given a name at most: a bound on memory, far beyond what one machine has.
const LIMIT: usize = 10_000;

/// A template such as `host-{hostname}-{zone}`, checked when the configuration is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate {
    text: String,
}

impl NameTemplate {
    /// A template with these placeholders; `last` is put at the end, after a `-`, where the text lacks it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str, known: &[&str], last: &str) -> Result<NameTemplate, String> {
        let mut rest = text;
        let mut plain = String::new();
        while let Some(open) = rest.find(['{', '}']) {
            let close = rest[open..].find('}').filter(|_| rest[open..].starts_with('{'));
            let Some(close) = close else {
                return Err(format!("`{text}` has a brace without its other half"));
            };
            let word = &rest[open + 1..open + close];
            if !known.contains(&word) {
                let known: Vec<String> = known.iter().map(|word| format!("{{{word}}}")).collect();
                return Err(format!("`{{{word}}}` is not known here; there are {}", known.join(", ")));
            }
            plain.push_str(&rest[..open]);
            plain.push('x');
            rest = &rest[open + close + 1..];
        }
        plain.push_str(rest);
        plain.parse::<Name>().map_err(|error| error.to_string())?;
        let placeholder = format!("{{{last}}}");
        let tail = if text.contains(&placeholder) { String::new() } else { format!("-{placeholder}") };
        Ok(NameTemplate { text: format!("{text}{tail}") })
    }

    /// Whether this placeholder occurs.
    pub fn has(&self, word: &str) -> bool {
        self.text.contains(&format!("{{{word}}}"))
    }

    /// The name with these values of the placeholders. Any values give a valid name.
    pub fn name(&self, values: &[(&str, &str)]) -> Name {
        let filled = values.iter().fold(self.text.clone(), |text, (word, value)| {
            text.replace(&format!("{{{word}}}"), &part(value))
        });
        let whole = part_of(&filled, usize::MAX);
        let fitting = if whole.len() <= NAME_CHARS { whole } else { shortened(&whole) };
        fitting.parse().expect("letters, digits and inner dashes, not too many")
    }
}

/// The beginning, and in place of the rest a digest of all, so that long names that differ stay different.
fn shortened(text: &str) -> String {
    let digest =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let head = text[..NAME_CHARS - 9].trim_end_matches('-');
    format!("{head}-{digest:08x}")
}

/// Any text as a part of a name: lower case, one `-` for all that a name cannot have.
pub(super) fn part(text: &str) -> String {
    part_of(text, PART_CHARS)
}

fn part_of(text: &str, limit: usize) -> String {
    let mut made = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            made.push(c);
        } else if !made.is_empty() && !made.ends_with('-') {
            made.push('-');
        }
        if made.len() >= limit {
            break;
        }
    }
    let made = made.trim_end_matches('-');
    if made.is_empty() { "unnamed".to_owned() } else { made.to_owned() }
}

/// The meters of one source: each thing has one name, and no two things have the same.
#[derive(Debug)]
pub(super) struct Meters {
    template: NameTemplate,
    /// The values that are the same for all.
    fixed: Vec<(&'static str, String)>,
    by_thing: BTreeMap<Vec<String>, Name>,
    taken: BTreeMap<Name, Vec<String>>,
}

impl Meters {
    pub(super) fn new(template: NameTemplate, fixed: Vec<(&'static str, String)>) -> Meters {
        Meters { template, fixed, by_thing: BTreeMap::new(), taken: BTreeMap::new() }
    }

    /// The meter of a thing.
    ///
    /// # Errors
    /// Whose name it is already, in words: two things are never booked as one.
    pub(super) fn of(&mut self, values: &[(&str, &str)]) -> Result<Name, String> {
        let thing: Vec<String> = values.iter().map(|(_, value)| (*value).to_owned()).collect();
        if let Some(name) = self.by_thing.get(&thing) {
            return Ok(name.clone());
        }
        let fixed = self.fixed.iter().map(|(word, value)| (*word, value.as_str()));
        let all: Vec<(&str, &str)> = fixed.chain(values.iter().copied()).collect();
        let name = self.template.name(&all);
        if let Some(other) = self.taken.get(&name) {
            return Err(format!(
                "its meter would be `{name}`, which is that of `{}` already",
                other.join(" ")
            ));
        }
        if self.by_thing.len() >= LIMIT {
            return Err(format!("{LIMIT} meters of one source have been named; no more are"));
        }
        self.taken.insert(name.clone(), thing.clone());
        self.by_thing.insert(thing, name.clone());
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Result<NameTemplate, String> {
        NameTemplate::parse(text, &["hostname", "zone"], "zone")
    }

    #[test]
    fn any_host_and_zone_make_a_name() {
        let template = template("host-{hostname}").expect("valid");
        let name = |host: &str, zone: &str| template.name(&[("hostname", host), ("zone", zone)]).to_string();
        assert_eq!(name("Rack12_Node3", "package-0"), "host-rack12-node3-package-0");
        assert_eq!(name("", "+3.3 V"), "host-unnamed-3-3-v");
        let long = "x".repeat(300);
        for host in ["", ".", "_", "-a-", "ünï", "{zone}", &long] {
            for zone in ["", "Tctl", "temp 1 °C", "{hostname}", &long] {
                assert!(name(host, zone).len() <= 64, "{host} {zone}");
            }
        }
        let zones = ["a".repeat(30) + "-left", "a".repeat(30) + "-right"];
        assert_ne!(name(&long, &zones[0]), name(&long, &zones[1]), "what is cut off still tells");
    }

    #[test]
    fn a_template_that_cannot_give_names_is_refused() {
        for (text, says) in [
            ("host_{hostname}", "is not a name"),
            ("host-{host}", "there are {hostname}, {zone}"),
            ("host-{hostname", "without its other half"),
            ("host-}{", "without its other half"),
            ("{hostname}-", "is not a name"),
            ("", "is not a name"),
        ] {
            let error = template(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
        assert_eq!(template("{zone}-of-{hostname}").expect("valid").text, "{zone}-of-{hostname}");
        assert_eq!(template("rack").expect("valid").text, "rack-{zone}");
    }

    #[test]
    fn two_things_are_never_one_meter() {
        let mut meters =
            Meters::new(template("{hostname}").expect("valid"), vec![("hostname", "h".to_owned())]);
        assert_eq!(meters.of(&[("zone", "temp 1")]).expect("free").as_str(), "h-temp-1");
        assert_eq!(meters.of(&[("zone", "temp 1")]).expect("its own").as_str(), "h-temp-1");
        let error = meters.of(&[("zone", "Temp+1")]).expect_err("taken");
        assert!(error.contains("`h-temp-1`") && error.contains("`temp 1`"), "{error}");
    }
}
