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
