//! Whether a target applies to a facility, and why. What the facility does not say of itself is asked for by its key.

use crate::facility::{Attributes, Scale, Stage};
use crate::target::{Conditions, Target};
use chrono::{Months, NaiveDate};
use std::collections::BTreeSet;
use std::fmt::Display;

/// What is known of a facility on a date.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What it says of itself.
    pub attributes: &'a Attributes,
    /// Its scale, where its standard racks are declared.
    pub scale: Option<Scale>,
    /// The date.
    pub on: NaiveDate,
}

/// Whether a target applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applicability {
    /// It does, for this reason.
    Applies(String),
    /// It does not, for this reason.
    DoesNot(String),
    /// That cannot be said before these keys of the facility are declared.
    Unknown(Vec<&'static str>),
}

impl Applicability {
    /// Whether it surely applies.
    pub fn is_certain(&self) -> bool {
        matches!(self, Applicability::Applies(_))
    }
}

/// What one alternative's conditions come to.
#[derive(Default)]
struct Checked {
    met: Vec<String>,
    unmet: Option<String>,
    unsaid: BTreeSet<&'static str>,
}

impl Checked {
    fn ask(&mut self, holds: bool, met: impl Display, unmet: impl Display) {
        if holds {
            self.met.push(met.to_string());
        } else if self.unmet.is_none() {
            self.unmet = Some(unmet.to_string());
        }
    }

    fn outcome(self) -> Applicability {
        match (self.unmet, self.unsaid.is_empty()) {
            (Some(why), _) => Applicability::DoesNot(why),
            (None, false) => Applicability::Unknown(self.unsaid.into_iter().collect()),
            (None, true) => Applicability::Applies(self.met.join(", ")),
        }
    }
}

/// Whether a target applies to a facility. Whether its horizon has passed is another question.
pub fn applies(target: &Target, subject: Subject<'_>) -> Applicability {
    let mut country = Checked::default();
    if !target.countries.is_empty() {
        match subject.attributes.country {
            None => drop(country.unsaid.insert("country")),
            Some(own) => country.ask(target.countries.contains(&own), own, format!("it is in {own}")),
        }
    }
    if country.unmet.is_some() {
        return country.outcome();
    }
    let anywhere = [Conditions::default()];
    let alternatives = if target.applies.is_empty() { &anywhere[..] } else { &target.applies };
    let mut unsaid = BTreeSet::new();
    let mut why_not = Vec::new();
    for conditions in alternatives {
        let mut checked = check(conditions, target, subject);
        checked.met.splice(0..0, country.met.iter().cloned());
        checked.unsaid.extend(&country.unsaid);
        match checked.outcome() {
            Applicability::Applies(why) if why.is_empty() => {
                return Applicability::Applies("it is for any facility".to_owned());
            }
            Applicability::Applies(why) => return Applicability::Applies(why),
            Applicability::Unknown(keys) => unsaid.extend(keys),
            Applicability::DoesNot(why) => why_not.push(why),
        }
    }
    if unsaid.is_empty() {
        Applicability::DoesNot(why_not.join("; "))
    } else {
        Applicability::Unknown(unsaid.into_iter().collect())
    }
}

fn check(conditions: &Conditions, target: &Target, subject: Subject<'_>) -> Checked {
    let mut checked = Checked::default();
    let own = subject.attributes;
    stage(conditions, target, own, &mut checked);
    one_of(&conditions.scales, subject.scale, Scale::word, "standard_racks", &mut checked);
    one_of(&conditions.climates, own.climate, |climate| climate.word(), "climate", &mut checked);
    flag(conditions.hub_node, own.hub_node, "in a national hub node", &mut checked);
    flag(conditions.western, own.western, "in the western region", &mut checked);
    flag(conditions.edge, own.edge, "an edge data centre", &mut checked);
    flag(conditions.cloud, own.cloud, "a cloud data centre", &mut checked);
    if conditions.a_year_old {
        match own.in_service {
            None => drop(checked.unsaid.insert("in_service")),
            Some(since) => {
                let is_old = since.checked_add_months(Months::new(12)).is_some_and(|old| old <= subject.on);
                let said = format!("in service since {since}");
                checked.ask(is_old, &said, format!("{said}, for less than a year"));
            }
        }
    }
    checked
}

/// The documents do not define "new": the date of service decides where it is declared, else the declared word does.
fn stage(conditions: &Conditions, target: &Target, own: &Attributes, checked: &mut Checked) {
    let wanted = &conditions.stages;
    if wanted.is_empty() {
        return;
    }
    let before = own.in_service.zip(target.from).filter(|(since, from)| since < from);
    let too_old =
        before.map(|(since, from)| format!("in service since {since}, before the document's {from}"));
    match (own.stage, own.in_service) {
        (Some(Stage::New), _) if wanted.contains(&Stage::New) => match too_old {
            Some(why) => checked.ask(false, "", why),
            None => checked.met.push(Stage::New.word().to_owned()),
        },
        (Some(stage), _) => {
            let words: Vec<&str> = wanted.iter().map(|stage| stage.word()).collect();
            let unmet = format!("it is {}, not {}", stage.word(), words.join(" or "));
            checked.ask(wanted.contains(&stage), stage.word(), unmet);
        }
        (None, Some(since)) if wanted.contains(&Stage::New) && too_old.is_none() && target.from.is_some() => {
            checked.met.push(format!("in service since {since}"));
        }
        (None, Some(_)) if wanted[..] == [Stage::New] && too_old.is_some() => {
            checked.ask(false, "", too_old.unwrap_or_default());
        }
        (None, _) => drop(checked.unsaid.insert("stage")),
    }
}

fn one_of<T: Copy + PartialEq>(
    wanted: &[T],
    own: Option<T>,
    word: impl Fn(T) -> &'static str,
    key: &'static str,
    checked: &mut Checked,
) {
    if wanted.is_empty() {
        return;
    }
    match own {
        None => drop(checked.unsaid.insert(key)),
        Some(own) => {
            let words: Vec<&str> = wanted.iter().map(|one| word(*one)).collect();
            let unmet = format!("{key}: {}, not {}", word(own), words.join(" or "));
            checked.ask(wanted.contains(&own), word(own), unmet);
        }
    }
}

fn flag(wanted: Option<bool>, own: bool, what: &str, checked: &mut Checked) {
    match wanted {
        None => {}
        Some(true) => checked.ask(own, what, format!("it is not {what}")),
        Some(false) => checked.ask(!own, format!("not {what}"), format!("it is {what}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facility::Climate;
    use crate::target::TargetTable;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn of(id: &str, attributes: Attributes, racks: Option<u32>) -> Applicability {
        let (_, target) = TargetTable::find(id).expect(id);
        let subject =
            Subject { attributes: &attributes, scale: racks.map(Scale::of), on: date("2026-11-21") };
        applies(target, subject)
    }

    fn in_china() -> Attributes {
        Attributes { country: "CN".parse().ok(), ..Attributes::default() }
    }

    fn stage(stage: Stage) -> Attributes {
        Attributes { stage: Some(stage), ..in_china() }
    }

    /// What it says of itself, and its standard racks.
    type Facility = (Attributes, Option<u32>);

    /// For each target: a facility to which it applies, and one like it to which it does not.
    fn pairs() -> Vec<(&'static str, Facility, Facility)> {
        let (new, existing) = (stage(Stage::New), stage(Stage::Existing));
        let retrofitted = stage(Stage::Retrofitted);
        let cloud = Attributes { cloud: true, ..new };
        let (large, hyper, small) = (Some(5_000), Some(20_000), Some(900));
        let cold = Attributes { climate: Some(Climate::Cold), ..new };
        let mild = Attributes { climate: Some(Climate::Mild), ..new };
        let hub = Attributes { hub_node: true, ..new };
        let abroad = Attributes { country: "DE".parse().ok(), ..new };
        let since = |text| Attributes { in_service: Some(date(text)), ..in_china() };
        let mut pairs = vec![
            ("D125", (hub, None), (mild, None)),
            ("D125", (cold, None), (mild, None)),
            ("T01", (retrofitted, None), (new, None)),
            ("T04", (new, None), (existing, None)),
            ("T10", (existing, large), (existing, small)),
            ("T11", (retrofitted, hyper), (existing, hyper)),
            ("T12", (existing, large), (existing, small)),
            ("T15", (cold, large), (mild, large)),
            ("T16", (Attributes { edge: true, ..new }, None), (new, None)),
            ("T21", (hub, hyper), (new, hyper)),
            ("T24", (since("2025-11-21"), None), (since("2025-11-22"), None)),
            ("T25", (Attributes { western: true, ..new }, None), (new, None)),
            ("P24-3", (hub, small), (new, small)),
            ("P24-4", (stage(Stage::Extended), large), (existing, large)),
            ("P24-5", (Attributes { stage: Some(Stage::Extended), ..hub }, None), (new, None)),
            ("EU-1", (abroad, None), (new, None)),
        ];
        let cloudy = ["T02", "T03", "T05", "T06", "T07", "T08"];
        pairs.extend(cloudy.map(|id| (id, (cloud, large), (new, large))));
        let new_and_large = ["T09", "T13", "T14", "T19", "T20", "T22", "T28"];
        pairs.extend(new_and_large.map(|id| (id, (new, hyper), (new, small))));
        let chinese =
            ["T17", "T18", "T23", "T26", "T27", "P24-1", "P24-2", "S25-1", "S25-2", "S25-3", "S25-4"];
        pairs.extend(chinese.map(|id| (id, (new, None), (abroad, None))));
        let further = ["S25-5", "GB-1", "GB-2", "GB-3"];
        pairs.extend(further.map(|id| (id, (existing, None), (abroad, None))));
        pairs
    }

    #[test]
    fn each_target_applies_to_those_it_is_for_and_to_no_others() {
        let mut tried = BTreeSet::from(["D130"]);
        assert!(of("D130", Attributes::default(), None).is_certain(), "D130 is for any facility");
        for (id, (yes, racks), (no, other_racks)) in pairs() {
            let found = of(id, yes, racks);
            assert!(found.is_certain(), "{id}: {found:?}");
            let found = of(id, no, other_racks);
            assert!(matches!(found, Applicability::DoesNot(_)), "{id}: {found:?}");
            tried.insert(id);
        }
        let untried: Vec<&str> = TargetTable::ids().filter(|id| !tried.contains(id)).collect();
        assert!(untried.is_empty(), "{untried:?}");
    }

    #[test]
    fn what_is_not_declared_is_asked_for() {
        let unknown = |id: &str, own: Attributes| match of(id, own, None) {
            Applicability::Unknown(keys) => keys,
            other => panic!("{id}: {other:?}"),
        };
        assert_eq!(unknown("T22", Attributes::default()), ["country", "stage", "standard_racks"]);
        assert_eq!(unknown("T22", stage(Stage::New)), ["standard_racks"]);
        assert_eq!(unknown("D125", Attributes::default()), ["climate"]);
        assert_eq!(unknown("T24", in_china()), ["in_service"]);
        let existing = of("T22", stage(Stage::Existing), None);
        assert_eq!(existing, Applicability::DoesNot("it is existing, not new".to_owned()), "racks or not");
    }

    #[test]
    fn a_date_of_service_decides_what_is_new() {
        let with = |since: &str, stage| {
            of("T19", Attributes { in_service: Some(date(since)), stage, ..in_china() }, Some(3_000))
        };
        let said = |found: Applicability| match found {
            Applicability::Applies(why) | Applicability::DoesNot(why) => why,
            Applicability::Unknown(keys) => keys.join(" "),
        };
        assert_eq!(said(with("2021-11-01", Some(Stage::New))), "CN, new, large");
        assert_eq!(said(with("2021-11-01", None)), "CN, in service since 2021-11-01, large");
        let before = "in service since 2021-10-31, before the document's 2021-11-01";
        assert_eq!(said(with("2021-10-31", Some(Stage::New))), before);
        assert_eq!(said(with("2021-10-31", None)), before);
        assert!(!with("2021-10-31", Some(Stage::New)).is_certain());
        assert_eq!(said(with("2023-01-01", Some(Stage::Retrofitted))), "it is retrofitted, not new");
    }
}
