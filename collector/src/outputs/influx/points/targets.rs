//! Figures held against targets.

use super::figures::at_most_ms;
use super::{Numbering, Points, set};
use crate::indicators::figure::needed_coverage;
use crate::indicators::verdict::{Circumstances, DecisionRule, is_guarded, judge};
use crate::indicators::{Figure, Indicator};
use crate::outputs::influx::catalog::{self, target};
use crate::outputs::influx::line::Series;
use crate::store::StoreError;
use crate::topology::Facility;
use crate::view::View;
use std::sync::Arc;
use wattledger_model::calendar::{self, Window, full_interval};
use wattledger_model::target::Target;

/// Windows in which a figure is held against targets.
pub(crate) const JUDGED: &[Window] = &[
    Window::Hours24,
    Window::Days7,
    Window::Days30,
    Window::Months12,
    Window::Month,
    Window::Quarter,
    Window::Year,
];

/// The targets for the PUE of a facility, with the series of one window; none where there is no verdict.
pub(super) fn series(
    facility: &Facility,
    window: Window,
    numbering: &mut Numbering,
) -> Vec<(Target, Arc<Series>)> {
    if !JUDGED.contains(&window) || facility.problem.is_some() {
        return Vec::new();
    }
    let fields = set(&[target::LIMIT, target::VALUE, target::COVERAGE, target::MEETS, target::VERDICT]);
    let (name, site) = (facility.name.to_string(), facility.site.to_string());
    let judged = facility.targets.iter().filter(|target| target.indicator == Indicator::Pue.word());
    let series = |target: &Target| {
        let tags = vec![name.clone(), site.clone(), target.id.clone(), window.word().to_owned()];
        (target.clone(), numbering.add(Series::new(&catalog::TARGET, tags, fields), at_most_ms(window)))
    };
    judged.map(series).collect()
}

/// Writes a figure against each target. `expanded` is its uncertainty, where that is known.
pub(super) fn write(
    (at, targets): (usize, &[(Target, Arc<Series>)]),
    window: Window,
    (figure, expanded): (&Figure, Option<f64>),
    (at_ms, may_repeat): (i64, bool),
    view: &mut View,
    points: &mut Points,
) -> Result<(), StoreError> {
    let topology = Arc::clone(view.topology());
    let facility = &topology.facilities[at];
    let whole = full_interval(window, facility.zone, figure.interval.to);
    // Gaps only matter where everything else allows a verdict.
    let yearly = matches!(window, Window::Year | Window::Months12);
    let partly = figure.coverage < 1.0 && figure.coverage >= needed_coverage(figure.interval);
    let gaps = if yearly && partly { view.gaps(at, figure.interval)? } else { Vec::new() };
    let gaps = view.unexplained(at, gaps)?;
    // Only where there is a verdict at all, and a guard band.
    let assessable = figure.interval == whole && figure.coverage >= needed_coverage(figure.interval);
    let circumstances = Circumstances {
        category: facility.category,
        complete: figure.interval == whole,
        gaps: &gaps,
        expanded: expanded.filter(|_| assessable && is_guarded(figure.interval)),
        rule: DecisionRule::default(),
        on: calendar::date_of(facility.zone, figure.interval.to),
    };
    for (target, series) in targets {
        let verdict = judge(figure, target, circumstances).verdict;
        let (m, fields) = (&catalog::TARGET, &mut points.fields);
        fields.clear();
        fields.float(m, target::LIMIT, target.limit.value);
        if let Some(value) = figure.value {
            fields.float(m, target::VALUE, value);
        }
        fields.float(m, target::COVERAGE, figure.coverage);
        if let Some(meets) = verdict.meets() {
            fields.integer(m, target::MEETS, i64::from(meets));
        }
        fields.word(m, target::VERDICT, verdict.word());
        points.finish(series, at_ms, may_repeat);
    }
    Ok(())
}
