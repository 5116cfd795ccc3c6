//! What happens to a meter and is worth a word, once: a reset, a rollover, a jump or an exchange of its register,
//! and readings that contradict each other. Raised on the local day on which it is known, cleared on the next.
//! Source: domain.md 5.3, 7.1.
//!
//! Steps are read from the ledger. Conflicts are no content of the ledger: only the collector that met them has
//! counted them, since the store was made; what is new of that count on a day is that day's.

use super::{About, Around, Recall, Sighting, meters};
use crate::config::AlertRule;
use crate::store::StoreError;
use std::collections::BTreeMap;
use wattledger_model::calendar;
use wattledger_model::meter::Kind;
use wattledger_model::minute::{Step, StepClass};
use wattledger_model::time::{DAY_MINUTES, Interval, Minute};

/// A step that is longer than this is not looked for.
const LONGEST_STEP: i64 = 31 * DAY_MINUTES;
/// More than none, and none: numbers are whole.
const BETWEEN: f64 = 0.5;
/// What is remembered: the day that is counted, the counts with which it began, and the latest ones.
const DAY: &str = "day";
const BEGAN: &str = "began ";
const LATEST: &str = "latest ";

/// What is told of a meter's register, in the order of domain.md 7.1.
const TOLD: [(StepClass, &str); 4] = [
    (StepClass::Reset, "reset of the register"),
    (StepClass::Rollover, "rollover of the register"),
    (StepClass::Jump, "jump of the register"),
    (StepClass::Exchange, "exchange of the instrument"),
];

pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    // What happened at midnight is still of the day that ends.
    let last = Minute(around.at.0 - 1);
    let day = calendar::day(around.zone(), calendar::date_of(around.zone(), last));
    let topology = around.topology();
    let watched = meters(&topology, around.facility, rule);
    let mut sightings = Vec::new();
    for known in watched.iter().filter(|known| known.declared.kind == Kind::Register) {
        let looked = Interval::new(Minute(day.from.0 - LONGEST_STEP), around.at);
        let steps = around.view.steps(known.id, looked)?;
        for (class, what) in TOLD {
            let of_class: Vec<&Step> = steps.iter().filter(|step| step.class == class).collect();
            // One of an earlier day is looked at still: that is what clears it.
            if of_class.is_empty() {
                continue;
            }
            let today = |step: &&&Step| day.from.start() < step.to && step.to <= around.at.start();
            let counted: Vec<&&Step> = of_class.iter().filter(today).collect();
            let cause = counted.last().map_or_else(String::new, |step| {
                format!("between its readings of {} and {}", step.from, step.to)
            });
            let meter = known.declared.key.meter.as_str();
            sightings.push(sighting(rule, around, (meter, class.word(), what), counted.len(), cause));
        }
    }
    sightings.extend(conflicts(rule, around, day));
    Ok(sightings)
}

fn sighting(
    rule: &AlertRule,
    around: &Around<'_>,
    (meter, word, what): (&str, &str, &str),
    count: usize,
    cause: String,
) -> Sighting {
    let about = About::Happening { meter: meter.to_owned(), what: word.to_owned() };
    Sighting {
        subject: around.subject(about),
        value: Some(count as f64),
        coverage: 1.0,
        thresholds: rule.thresholds(BETWEEN, BETWEEN),
        what: what.to_owned(),
        unit: "1",
        derives_from: Vec::new(),
        cause,
    }
}

/// Readings for an instant that had another value already, since the day began.
fn conflicts(rule: &AlertRule, around: &mut Around<'_>, day: Interval) -> Vec<Sighting> {
    let Some(live) = around.live else { return Vec::new() };
    let topology = around.topology();
    let site = around.of().site.to_string();
    let counts: BTreeMap<&str, i64> = live
        .meters
        .iter()
        .filter(|meter| meter.site == site)
        .map(|meter| (meter.meter.as_str(), i64::try_from(meter.conflicts).unwrap_or(i64::MAX)))
        .collect();
    let is_new_day = around.recall.insert(DAY.to_owned(), day.from.0) != Some(day.from.0);
    let mut sightings = Vec::new();
    for known in meters(&topology, around.facility, rule) {
        let meter = known.declared.key.meter.as_str();
        let Some(count) = counts.get(meter) else { continue };
        let since = since_began(around.recall, meter, *count, is_new_day);
        let cause = match since {
            0 => String::new(),
            _ => "readings of it came again with another value; the one with precedence counts".to_owned(),
        };
        let told = (meter, "conflict", "conflict of readings");
        sightings.push(sighting(rule, around, told, usize::try_from(since).unwrap_or(0), cause));
    }
    sightings
}

/// How much a count has grown since the day began. What it came to before the first look is no news.
fn since_began(recall: &mut Recall, meter: &str, count: i64, is_new_day: bool) -> i64 {
    let (began, latest) = (format!("{BEGAN}{meter}"), format!("{LATEST}{meter}"));
    let before = recall.insert(latest, count);
    let base = match (recall.get(&began), before) {
        (Some(base), _) if !is_new_day && *base <= count => *base,
        // What came between the last look at the old day and now is of the new one.
        (Some(_), Some(before)) if before <= count => before,
        _ => count,
    };
    recall.insert(began, base);
    count - base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_counted_from_the_first_look_and_anew_each_day() {
        let mut recall = Recall::new();
        let mut since = |count, is_new_day| since_began(&mut recall, "main", count, is_new_day);
        assert_eq!(since(40, true), 0, "what was before is no news");
        assert_eq!((since(41, false), since(43, false)), (1, 3));
        assert_eq!(since(44, true), 1, "between the last look of the old day and the first of the new");
        assert_eq!(since(44, true), 0);
        assert_eq!(since(2, false), 0, "another store counts from the start");
        assert_eq!(since(3, false), 1);
    }
}
