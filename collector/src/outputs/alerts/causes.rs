//! What explains something else away: a source that is silent is told of once, and what derives from it is not told
//! of beside it. Source: domain.md 7.1.

use super::conditions::{About, Sighting, Subject};
use super::judge::Watched;
use super::kept::{Source, Spell};
use crate::config::Condition;
use std::collections::HashMap;
use wattledger_model::time::{Interval, Minute};

/// Silence that took less of a window than this does not explain what is seen of it.
const LEAST_SHARE: f64 = 0.05;

/// Silent sources, by site and name.
#[derive(Debug, Default)]
pub(super) struct Causes(HashMap<(String, String), Vec<(Source, Spell)>>);

/// The name by which others say that they derive from a source.
fn name(subject: &Subject) -> Option<String> {
    match &subject.about {
        About::Meter(name) => Some(name.clone()),
        About::Agent(name) => Some(format!("agent {name}")),
        _ => None,
    }
}

impl Causes {
    /// The silent sources among what the rules have seen.
    pub(super) fn of<'w>(watched: impl IntoIterator<Item = &'w Watched>) -> Causes {
        let mut all: HashMap<(String, String), Vec<(Source, Spell)>> = HashMap::new();
        for one in watched.into_iter().filter(|one| matches!(one.rule.condition, Condition::Stale)) {
            for (subject, kept) in &one.kept {
                let Some(name) = name(subject).filter(|_| !kept.spells.is_empty()) else { continue };
                let own = Source { rule: one.rule.name.to_string(), subject: subject.clone() };
                let spells = kept.spells.iter();
                let told =
                    spells.map(|spell| (spell.by.clone().unwrap_or_else(|| own.clone()), spell.clone()));
                all.entry((one.site.to_string(), name)).or_default().extend(told);
            }
        }
        Causes(all)
    }

    /// What explains a sighting of `window_minutes` up to a minute: a source that is silent then, or that was for long
    /// enough of the window.
    pub(super) fn behind(
        &self,
        site: &str,
        sighting: &Sighting,
        at: Minute,
        window_minutes: i64,
    ) -> Option<&Source> {
        if self.0.is_empty() {
            return None;
        }
        let window = Interval::new(Minute(at.0 - window_minutes), at);
        let (mut silent, mut longest): (i64, Option<(i64, &Source)>) = (0, None);
        for name in &sighting.derives_from {
            for (source, spell) in self.0.get(&(site.to_owned(), name.clone())).into_iter().flatten() {
                if source.subject == sighting.subject {
                    continue;
                }
                if spell.from < at.0 && spell.to.is_none_or(|to| to >= at.0) {
                    return Some(source);
                }
                let of_window = window
                    .intersect(Interval::new(Minute(spell.from), Minute(spell.to.unwrap_or(i64::MAX / 2))));
                let minutes = of_window.minutes();
                silent += minutes;
                if minutes > longest.map_or(0, |(longest, _)| longest) {
                    longest = Some((minutes, source));
                }
            }
        }
        let is_enough = silent as f64 > LEAST_SHARE * window_minutes as f64;
        longest.filter(|_| is_enough).map(|(_, source)| source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Side, Thresholds};
    use std::time::Duration;

    fn subject(about: About) -> Subject {
        Subject { facility: "hall-1".to_owned(), about }
    }

    fn sighting(derives_from: &[&str]) -> Sighting {
        let after = Duration::ZERO;
        let thresholds = Thresholds {
            side: Side::Above,
            raise: 1.3,
            clear: 1.3,
            raise_after: after,
            clear_after: after,
            min_coverage: 0.9,
        };
        Sighting {
            subject: subject(About::Facility),
            value: Some(1.5),
            coverage: 1.0,
            thresholds,
            what: String::new(),
            unit: "1",
            derives_from: derives_from.iter().map(|name| (*name).to_owned()).collect(),
            cause: String::new(),
        }
    }

    fn causes(spells: &[(&str, i64, Option<i64>)]) -> Causes {
        let mut all: HashMap<(String, String), Vec<(Source, Spell)>> = HashMap::new();
        for (meter, from, to) in spells {
            let source =
                Source { rule: "stale".to_owned(), subject: subject(About::Meter((*meter).to_owned())) };
            let spell = Spell { from: *from, to: *to, by: None };
            all.entry(("hall".to_owned(), (*meter).to_owned())).or_default().push((source, spell));
        }
        Causes(all)
    }

    #[test]
    fn what_is_silent_explains_what_derives_from_it_from_then_on() {
        let causes = causes(&[("main", 100, None)]);
        let behind = |from: &[&str], at| causes.behind("hall", &sighting(from), Minute(at), 60).is_some();
        assert!(behind(&["main", "ups"], 101) && behind(&["main"], 100_000));
        assert!(!behind(&["ups"], 101) && !behind(&["main"], 100));
        assert!(causes.behind("annex", &sighting(&["main"]), Minute(101), 60).is_none(), "of another site");
    }

    #[test]
    fn what_was_silent_explains_a_window_as_long_as_it_is_much_of_it() {
        let causes = causes(&[("main", 100, Some(110)), ("ups", 112, Some(114))]);
        let behind = |from: &[&str], at, window| {
            causes
                .behind("hall", &sighting(from), Minute(at), window)
                .map(|source| source.subject.to_string())
        };
        let main = Some("hall-1 meter main".to_owned());
        assert_eq!(behind(&["main"], 111, 60), main);
        assert_eq!(behind(&["main"], 166, 60), main, "four minutes of it are in the hour");
        assert_eq!(behind(&["main"], 167, 60), None, "three are not enough");
        assert_eq!(behind(&["main", "ups"], 167, 60), main, "together they are");
        assert_eq!(behind(&["main"], 120, 1_440), None, "ten minutes explain nothing of a day");
    }
}
