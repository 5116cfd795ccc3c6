//! Figures by window: indicators of a facility and partial PUEs of its zones.

use super::{LONGEST_DAY_MS, Numbering, Points, set, targets};
use crate::indicators::{Figure, Indicator, pairs};
use crate::outputs::influx::catalog::{self, FieldSet, Measurement, indicator};
use crate::outputs::influx::line::Series;
use crate::store::StoreError;
use crate::topology::Facility;
use crate::view::{View, expanded};
use std::sync::Arc;
use wattledger_model::calendar::{Stamp, Window};
use wattledger_model::target::Target;
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS};

/// Windows of the indicators that are not looked at minute by minute: many are made of much, and say little of an hour.
pub(crate) const FEWER: &[Window] = &[
    Window::Hours24,
    Window::Days30,
    Window::Months12,
    Window::Day,
    Window::Week,
    Window::Month,
    Window::Quarter,
    Window::Year,
];

/// Windows of zones.
pub(crate) const OF_ZONES: &[Window] =
    &[Window::Hours24, Window::Days30, Window::Months12, Window::Day, Window::Month, Window::Year];

/// Two points of a window that are no further apart have none between them.
pub(super) const fn at_most_ms(window: Window) -> i64 {
    match window {
        Window::Minute | Window::QuarterHour | Window::Hour => MINUTE_MS,
        Window::Hours24 => 15 * MINUTE_MS,
        Window::Days7 | Window::Days30 => HOUR_MINUTES * MINUTE_MS,
        Window::Day | Window::Months12 => LONGEST_DAY_MS,
        Window::Week | Window::Month | Window::Quarter | Window::Year => 0,
    }
}

/// Whether figures of a window have an uncertainty: an hour's is mostly that of its registers' resolution.
const fn is_a_day_or_more(window: Window) -> bool {
    !matches!(window, Window::Minute | Window::QuarterHour | Window::Hour)
}

/// The indicators that have figures in all windows, of those that a facility has meters for.
pub(crate) fn indicators(facility: &Facility) -> Vec<Indicator> {
    let has = |indicator: &Indicator| match indicator {
        Indicator::Pue => facility.problem.is_none(),
        Indicator::Wue | Indicator::Cue | Indicator::Carbon => pairs::pair(facility, *indicator).is_some(),
        _ => false,
    };
    Indicator::ALL.iter().copied().filter(has).collect()
}

/// One figure's series in one window.
struct FigurePoints {
    indicator: Indicator,
    series: Arc<Series>,
}

/// One zone's series in one window.
struct ZonePoints {
    /// Its place among the facility's zones.
    zone: usize,
    series: Arc<Series>,
}

/// All figures of one window of a facility.
pub(super) struct WindowPoints {
    figures: Vec<FigurePoints>,
    zones: Vec<ZonePoints>,
    targets: Vec<(Target, Arc<Series>)>,
}

/// The fields that figures of an indicator can have in a window.
fn figure_fields(indicator: Indicator, is_uncertain: bool) -> FieldSet {
    let shares = [indicator::COVERAGE, indicator::INTERPOLATED, indicator::ESTIMATED];
    let ratio = if indicator.is_ratio() { FieldSet::of(indicator::DENOMINATOR) } else { FieldSet::default() };
    let expanded = if is_uncertain { FieldSet::of(indicator::EXPANDED) } else { FieldSet::default() };
    set(&shares) | set(&[indicator::VALUE, indicator::NUMERATOR]) | ratio | expanded
}

fn series_of(
    measurement: &'static Measurement,
    tags: Vec<String>,
    fields: FieldSet,
    window: Window,
) -> Series {
    let mut series = Series::new(measurement, tags, fields);
    if is_a_day_or_more(window) {
        series.once = FieldSet::of(indicator::EXPANDED);
    }
    series
}

impl WindowPoints {
    pub(super) fn new(at: usize, window: Window, view: &View, numbering: &mut Numbering) -> WindowPoints {
        let facility = &view.topology().facilities[at];
        let (name, site) = (facility.name.to_string(), facility.site.to_string());
        let word = window.word().to_owned();
        let mut all = indicators(facility);
        if FEWER.contains(&window) {
            let more: Vec<Indicator> =
                view.indicators(at).into_iter().filter(|other| !all.contains(other)).collect();
            all.extend(more);
        }
        let is_uncertain = |indicator: Indicator| {
            let terms = view.pair(at, indicator).into_iter().flat_map(|pair| pair.terms());
            is_a_day_or_more(window) && view.says_how_exact(terms.map(|(term, _)| term))
        };
        let figures = all.into_iter().map(|indicator| {
            let tags = vec![name.clone(), indicator.word().to_owned(), site.clone(), word.clone()];
            let fields = figure_fields(indicator, is_uncertain(indicator));
            let series = series_of(&catalog::INDICATOR, tags, fields, window);
            FigurePoints { indicator, series: numbering.add(series, at_most_ms(window)) }
        });
        let figures = figures.collect();
        let of_zones = if OF_ZONES.contains(&window) { &facility.zones[..] } else { &[] };
        let zones = of_zones.iter().enumerate().map(|(zone, declared)| {
            let tags = vec![name.clone(), site.clone(), word.clone(), declared.name.to_string()];
            let is_uncertain = view.says_how_exact(declared.total.iter().chain(&declared.it).copied());
            let fields = figure_fields(Indicator::PpueZone, is_uncertain);
            let series = series_of(&catalog::ZONE, tags, fields, window);
            ZonePoints { zone, series: numbering.add(series, at_most_ms(window)) }
        });
        let zones = zones.collect();
        WindowPoints { figures, zones, targets: targets::series(facility, window, numbering) }
    }

    pub(super) fn write(
        &self,
        at: usize,
        (window, stamp): (Window, Stamp),
        may_repeat: bool,
        view: &mut View,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        let at_ms = stamp.at.start().0;
        for FigurePoints { indicator, series } in &self.figures {
            let Some(figure) = view.figure(at, *indicator, stamp.interval)? else { continue };
            let uncertain = series.fields.has(indicator::EXPANDED) && figure.value.is_some();
            let expanded = if uncertain { view.expanded(at, &figure)? } else { None };
            write_figure((&figure, expanded), series, (at_ms, may_repeat), points);
            if *indicator == Indicator::Pue && !self.targets.is_empty() {
                let judged = (at, &self.targets[..]);
                targets::write(judged, window, (&figure, expanded), (at_ms, may_repeat), view, points)?;
            }
        }
        for ZonePoints { zone, series } in &self.zones {
            let (figure, expanded) = zone_figure(at, *zone, stamp.interval, series, view)?;
            write_figure((&figure, expanded), series, (at_ms, may_repeat), points);
        }
        Ok(())
    }
}

fn zone_figure(
    at: usize,
    zone: usize,
    interval: Interval,
    series: &Series,
    view: &mut View,
) -> Result<(Figure, Option<f64>), StoreError> {
    let figure = view.zone(at, zone, interval)?;
    if !series.fields.has(indicator::EXPANDED) || figure.value.is_none() {
        return Ok((figure, None));
    }
    let budget = view.zone_budget(at, zone, interval)?;
    Ok((figure, expanded(&budget, &figure)))
}

fn write_figure(
    (figure, expanded): (&Figure, Option<f64>),
    series: &Arc<Series>,
    (at_ms, may_repeat): (i64, bool),
    points: &mut Points,
) {
    points.fields.clear();
    let expanded = expanded.map(|expanded| (indicator::EXPANDED, expanded));
    for (field, value) in figure_values(figure).chain(expanded) {
        points.fields.float(series.measurement, field, value);
    }
    points.finish(series, at_ms, may_repeat);
}

/// The fields of a figure, as numbers of [`catalog::INDICATOR`], but for its uncertainty.
pub(crate) fn figure_values(figure: &Figure) -> impl Iterator<Item = (usize, f64)> {
    let known = figure.coverage > 0.0 || figure.value.is_some();
    let ratio = figure.indicator.is_ratio();
    [
        figure.value.map(|value| (indicator::VALUE, value)),
        known.then_some((indicator::NUMERATOR, figure.numerator)),
        (known && ratio).then_some((indicator::DENOMINATOR, figure.denominator)),
        Some((indicator::COVERAGE, figure.coverage)),
        Some((indicator::INTERPOLATED, figure.interpolated)),
        Some((indicator::ESTIMATED, figure.estimated)),
    ]
    .into_iter()
    .flatten()
}
