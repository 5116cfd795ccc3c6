//! Targets for the average of a group, on the group's energies: never a mean of PUEs, never a verdict on one facility.

use super::held::Held;
use crate::config;
use crate::indicators::Indicator;
use crate::indicators::figure::{Figure, needed_coverage};
use crate::indicators::uncertainty::COVERAGE_FACTOR;
use crate::indicators::verdict::{Verdict, decide, decide_unguarded};
use crate::store::StoreError;
use crate::view::View;
use wattledger_model::target::Target;
use wattledger_model::time::Interval;

/// One facility of a group.
pub(super) struct Member<'a> {
    pub(super) at: usize,
    pub(super) declared: &'a config::Facility,
    pub(super) interval: Interval,
    pub(super) is_over: bool,
}

/// What a group comes to.
#[derive(Debug, Default)]
struct Sum {
    numerator: f64,
    denominator: f64,
    /// The least coverage of a member.
    coverage: f64,
    /// Expanded uncertainty by the value; `None` where it is not known.
    relative: Option<f64>,
    reasons: Vec<String>,
}

/// Holds a target for the average of a group against its members.
///
/// PUE is `Σ E_DC / Σ E_IT`, and its expanded uncertainty that of this one quotient of all meters of the members. Rack
/// utilisation is racks in use by all racks. Source: domain.md 5.9, 6.2.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub(super) fn held(view: &mut View, members: &[Member<'_>], target: &Target) -> Result<Held, StoreError> {
    if members.is_empty() {
        let reasons = vec!["it applies to no facility".to_owned()];
        return Ok(Held { verdict: Verdict::NotAssessable.word(), reasons, ..Held::default() });
    }
    let mut sum = match target.indicator.parse() {
        Ok(Indicator::Pue) => energies(view, members)?,
        Ok(Indicator::RackUtilisation) => racks(members),
        _ => Sum { reasons: vec![format!("{} has no group figure", target.indicator)], ..Sum::default() },
    };
    if members.iter().any(|member| !member.is_over) {
        sum.reasons.push("the period is not over".to_owned());
    }
    let value = (sum.denominator > 0.0).then(|| sum.numerator / sum.denominator);
    let expanded = value.zip(sum.relative).map(|(value, relative)| relative * value.abs());
    let expanded = expanded.filter(|u| u.is_finite());
    let verdict = match (value, expanded) {
        (Some(value), Some(u)) if sum.reasons.is_empty() => decide(target.limit, value, u),
        (Some(value), None) if sum.reasons.is_empty() => {
            sum.reasons.push("simple acceptance: the uncertainty is not known".to_owned());
            decide_unguarded(target.limit, value)
        }
        _ => Verdict::NotAssessable,
    };
    let coverage = (sum.coverage > 0.0).then_some(sum.coverage);
    Ok(Held { value, expanded, coverage, verdict: verdict.word(), reasons: sum.reasons })
}

fn energies(view: &mut View, members: &[Member<'_>]) -> Result<Sum, StoreError> {
    let mut sum = Sum { coverage: 1.0, ..Sum::default() };
    let mut pooled = Vec::with_capacity(members.len());
    for member in members {
        let name = &member.declared.name;
        let figure: Option<Figure> = view.figure(member.at, Indicator::Pue, member.interval)?;
        let Some(figure) = figure.filter(|figure| figure.value.is_some()) else {
            sum.reasons.push(format!("`{name}` has no PUE over this time"));
            sum.coverage = 0.0;
            continue;
        };
        sum.numerator += figure.numerator;
        sum.denominator += figure.denominator;
        sum.coverage = sum.coverage.min(figure.coverage);
        let needed = needed_coverage(member.interval);
        if figure.coverage < needed {
            let (found, needed) = (figure.coverage * 100.0, needed * 100.0);
            sum.reasons.push(format!(
                "coverage {found:.2} % of `{name}` is below the {needed:.0} % that a verdict needs"
            ));
        }
        pooled.push((member.at, member.interval));
    }
    // The budget goes by all that is booked, the value by what both sides cover: its share of the value is taken for both.
    let relative = view.pooled_budget(&pooled)?.relative();
    Ok(Sum { relative: relative.map(|u| COVERAGE_FACTOR * u), ..sum })
}

fn racks(members: &[Member<'_>]) -> Sum {
    let mut sum = Sum { coverage: 1.0, ..Sum::default() };
    for member in members {
        let facts = member.declared.facts.last();
        match facts.and_then(|facts| Some((facts.racks_in_use?, facts.racks?))) {
            Some((used, all)) => {
                sum.numerator += f64::from(used);
                sum.denominator += f64::from(all);
            }
            None => {
                sum.reasons.push(format!("`{}` declares no racks and racks in use", member.declared.name))
            }
        }
    }
    sum
}
