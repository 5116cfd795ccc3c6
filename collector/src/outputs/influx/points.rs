//! From the ledger to points: what each measurement says of a meter's hour or of a facility's stamp.

use super::catalog::{self, FieldSet, indicator, meter, sum, target};
use super::line::{Fields, Lines, Series};
use super::plan::Task;
use super::written::{Before, Written};
use crate::indicators::figure::{ML_PER_LITRE, UWH_PER_KWH, needed_coverage};
use crate::indicators::verdict::{Circumstances, DecisionRule, is_guarded, judge};
use crate::indicators::{Account, Figure, Indicator, pairs};
use crate::store::StoreError;
use crate::topology::{Facility, KnownMeter};
use crate::view::{Component, MeterHour, View};
use std::collections::HashMap;
use std::sync::Arc;
use wattledger_model::calendar::{self, Stamp, Window, full_interval};
use wattledger_model::meter::Kind;
use wattledger_model::minute::{GaugeMinute, Minute as Booked, Provenance};
use wattledger_model::target::Target;
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS, Minute};
use wattledger_model::unit::Quantity;

/// Points of one series that must go before others are written: a field that is no more cannot be
/// overwritten, only deleted with its point.
#[derive(Debug, Clone)]
pub(crate) struct Erasure {
    pub(crate) series: Arc<Series>,
    /// Time of the first point.
    pub(crate) from_ms: i64,
    /// Time of the last point.
    pub(crate) to_ms: i64,
}

/// Points in the making.
#[derive(Debug, Default)]
pub(crate) struct Points {
    pub(crate) lines: Lines,
    erasures: Vec<Erasure>,
    /// The place of each series' latest erasure.
    latest: HashMap<u32, usize>,
    pub(crate) written: Written,
    pub(crate) fields: Fields,
}

impl Points {
    /// Ends the point whose fields were made. It is written unless it is known to be there as it is; where
    /// it may be there with fields that it has no more, it is erased first.
    pub(crate) fn finish(&mut self, series: &Arc<Series>, at_ms: i64, may_repeat: bool) {
        let set = self.fields.set();
        let digest = Written::digest(self.fields.text());
        let stale = match self.written.put(series.number, at_ms, set, digest) {
            Before::Known(before, digest_before) if before == set && digest_before == digest => return,
            Before::Known(before, _) => before.exceeds(set),
            Before::Unknown => may_repeat && series.fields.exceeds(set),
        };
        if stale {
            self.erase(series, at_ms);
        }
        if set != FieldSet::default() {
            self.lines.add(series, &self.fields, at_ms);
        }
    }

    fn erase(&mut self, series: &Arc<Series>, at_ms: i64) {
        let next = self.erasures.len();
        let at = self.latest.entry(series.number).or_insert(next);
        match self.erasures.get_mut(*at) {
            // Only points that follow each other at once: nothing that stays lies between them.
            Some(last) if last.to_ms < at_ms && at_ms <= last.to_ms + series.at_most_ms => last.to_ms = at_ms,
            _ => {
                *at = next;
                self.erasures.push(Erasure { series: Arc::clone(series), from_ms: at_ms, to_ms: at_ms });
            }
        }
    }

    /// Takes out what is to be deleted.
    pub(crate) fn take_erasures(&mut self) -> Vec<Erasure> {
        self.latest.clear();
        std::mem::take(&mut self.erasures)
    }
}

/// Numbers series.
#[derive(Debug, Default)]
pub(crate) struct Numbering(u32);

impl Numbering {
    fn add(&mut self, mut series: Series, at_most_ms: i64) -> Arc<Series> {
        series.at_most_ms = at_most_ms;
        series.number = self.0;
        self.0 += 1;
        Arc::new(series)
    }
}

fn set(fields: &[usize]) -> FieldSet {
    fields.iter().fold(FieldSet::default(), |set, field| set | FieldSet::of(*field))
}

/// The series of a meter.
#[derive(Debug)]
pub(crate) struct MeterPoints {
    series: Arc<Series>,
    quantity: Quantity,
}

/// Whether points of an hour may have been written before, and up to which instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repeated {
    /// Whether an earlier run, or this one before it forgot, may have written the hour.
    pub(crate) possible: bool,
    /// Minutes after the newest reading cannot have been written.
    pub(crate) newest: Minute,
}

impl MeterPoints {
    pub(crate) fn new(known: &KnownMeter, numbering: &mut Numbering) -> MeterPoints {
        let declared = &known.declared;
        let quantity = match (declared.kind, declared.role, known.interpretation.unit) {
            (Kind::Gauge, ..) => Quantity::Gauge,
            (_, _, Some(unit)) => unit.quantity(),
            (_, Some(role), None) => role.quantity(),
            (Kind::Flow, None, None) => Quantity::Volume,
            (_, None, None) => Quantity::Energy,
        };
        let shares = [meter::COVERAGE, meter::MEASURED, meter::INTERPOLATED, meter::ESTIMATED];
        let own: &[usize] = match quantity {
            Quantity::Gauge => &[meter::MEAN, meter::MIN, meter::MAX],
            Quantity::Energy => &[meter::AMOUNT, meter::POWER],
            Quantity::Volume | Quantity::Mass => &[meter::AMOUNT],
        };
        let tags = vec![declared.key.meter.to_string(), declared.key.site.to_string()];
        let series = Series::new(&catalog::METER, tags, set(&shares) | set(own));
        MeterPoints { series: numbering.add(series, MINUTE_MS), quantity }
    }

    /// The points of one hour.
    pub(crate) fn hour(&self, hour: i64, minutes: &MeterHour, repeated: Repeated, points: &mut Points) {
        let first = hour * HOUR_MINUTES;
        for at in 0..HOUR_MINUTES as usize {
            let minute = Minute(first + at as i64);
            points.fields.clear();
            match minutes {
                MeterHour::Sums(sums) => self.sum(&sums[at], &mut points.fields),
                MeterHour::Levels(levels) => level(&levels[at], &mut points.fields),
            }
            let may_repeat = repeated.possible && minute <= repeated.newest;
            points.finish(&self.series, minute.start().0, may_repeat);
        }
    }

    fn sum(&self, minute: &Booked, fields: &mut Fields) {
        if minute.is_missing() {
            return;
        }
        let m = &catalog::METER;
        let amount = minute.amount() as f64;
        let size = match self.quantity {
            Quantity::Volume => ML_PER_LITRE,
            Quantity::Mass => MG_PER_KG,
            Quantity::Energy | Quantity::Gauge => UWH_PER_KWH,
        };
        fields.float(m, meter::AMOUNT, amount / size);
        let ms: i64 = minute.parts.iter().map(|part| i64::from(part.ms)).sum();
        if self.quantity == Quantity::Energy && ms > 0 {
            fields.float(m, meter::POWER, amount * W_PER_UWH_A_MS / ms as f64);
        }
        let share = |provenance| f64::from(minute.part(provenance).ms) / MINUTE_MS as f64;
        let (measured, interpolated) = (share(Provenance::Measured), share(Provenance::Interpolated));
        fields.float(m, meter::COVERAGE, measured + interpolated);
        fields.float(m, meter::MEASURED, measured);
        fields.float(m, meter::INTERPOLATED, interpolated);
        fields.float(m, meter::ESTIMATED, share(Provenance::Estimated));
    }
}

const MG_PER_KG: f64 = 1e6;
/// One microwatt-hour is 3.6 mJ, so that much in one millisecond is 3.6 W.
const W_PER_UWH_A_MS: f64 = 3.6;

fn level(minute: &GaugeMinute, fields: &mut Fields) {
    if minute.ms == 0 {
        return;
    }
    let m = &catalog::METER;
    let share = f64::from(minute.ms) / MINUTE_MS as f64;
    fields.float(m, meter::MEAN, minute.mean);
    fields.float(m, meter::MIN, minute.min);
    fields.float(m, meter::MAX, minute.max);
    fields.float(m, meter::COVERAGE, share);
    fields.float(m, meter::MEASURED, share);
    fields.float(m, meter::INTERPOLATED, 0.0);
    fields.float(m, meter::ESTIMATED, 0.0);
}

/// One component of a facility, with its series.
struct ComponentPoints {
    component: Component,
    is_energy: bool,
    minute: Arc<Series>,
    hour: Arc<Series>,
    day: Arc<Series>,
}

/// Windows in which a figure is held against targets.
const JUDGED: &[Window] = &[
    Window::Hours24,
    Window::Days7,
    Window::Days30,
    Window::Months12,
    Window::Month,
    Window::Quarter,
    Window::Year,
];

/// The series of a facility.
pub(crate) struct FacilityPoints {
    /// The facility's place in the topology.
    at: usize,
    components: Vec<ComponentPoints>,
    figures: HashMap<Window, Vec<(Indicator, Arc<Series>)>>,
    targets: HashMap<Window, Vec<(Target, Arc<Series>)>>,
}

/// The indicators that a facility has meters for.
pub(crate) fn indicators(facility: &Facility) -> Vec<Indicator> {
    let has = |indicator: &Indicator| match indicator {
        Indicator::Pue => facility.problem.is_none(),
        Indicator::Wue | Indicator::Cue | Indicator::Carbon => pairs::pair(facility, *indicator).is_some(),
        _ => false,
    };
    Indicator::ALL.iter().copied().filter(has).collect()
}

/// The fields that figures of an indicator can have.
fn figure_fields(indicator: Indicator) -> FieldSet {
    let shares = [indicator::COVERAGE, indicator::INTERPOLATED, indicator::ESTIMATED];
    let ratio = if indicator.is_ratio() { FieldSet::of(indicator::DENOMINATOR) } else { FieldSet::default() };
    set(&shares) | set(&[indicator::VALUE, indicator::NUMERATOR]) | ratio
}

impl FacilityPoints {
    pub(crate) fn new(at: usize, view: &View, numbering: &mut Numbering) -> FacilityPoints {
        let facility = &view.topology().facilities[at];
        let (name, site) = (facility.name.to_string(), facility.site.to_string());
        let components = view.components(at).into_iter().map(|component| {
            let tags = || vec![component.word().to_owned(), name.clone(), site.clone()];
            let is_energy =
                !matches!(component, Component::Role(role) if role.quantity() != Quantity::Energy);
            let summed = set(&[if is_energy { sum::ENERGY } else { sum::VOLUME }, sum::COVERAGE]);
            let minute = if is_energy { summed | FieldSet::of(sum::POWER) } else { summed };
            ComponentPoints {
                component,
                is_energy,
                minute: numbering.add(Series::new(&catalog::COMPONENT, tags(), minute), MINUTE_MS),
                hour: numbering
                    .add(Series::new(&catalog::ENERGY_HOUR, tags(), summed), HOUR_MINUTES * MINUTE_MS),
                day: numbering.add(Series::new(&catalog::ENERGY_DAY, tags(), summed), LONGEST_DAY_MS),
            }
        });
        let components = components.collect();
        let mut figures = HashMap::new();
        let mut targets = HashMap::new();
        for window in Window::ALL {
            let word = window.word().to_owned();
            let mut series = |indicator: Indicator| {
                let tags = vec![name.clone(), indicator.word().to_owned(), site.clone(), word.clone()];
                let series = Series::new(&catalog::INDICATOR, tags, figure_fields(indicator));
                (indicator, numbering.add(series, at_most_ms(*window)))
            };
            figures.insert(*window, indicators(facility).into_iter().map(&mut series).collect());
            if !JUDGED.contains(window) || facility.problem.is_some() {
                continue;
            }
            let fields =
                set(&[target::LIMIT, target::VALUE, target::COVERAGE, target::MEETS, target::VERDICT]);
            let judged = facility.targets.iter().filter(|target| target.indicator == Indicator::Pue.word());
            let judged = judged.map(|target| {
                let tags = vec![name.clone(), site.clone(), target.id.clone(), word.clone()];
                let series = Series::new(&catalog::TARGET, tags, fields);
                (target.clone(), numbering.add(series, at_most_ms(*window)))
            });
            targets.insert(*window, judged.collect());
        }
        FacilityPoints { at, components, figures, targets }
    }

    /// Writes what one task asks for.
    pub(crate) fn write(
        &self,
        task: Task,
        may_repeat: bool,
        view: &mut View,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        match task {
            Task::Window(window, stamp) => self.window(window, stamp, may_repeat, view, points),
            Task::Minute(minute) => {
                let interval = Interval::new(minute, Minute(minute.0 + 1));
                self.sums(interval, may_repeat, view, points, |of| &of.minute)
            }
            Task::Hour(hour) => {
                let interval = Interval::new(Minute(hour * HOUR_MINUTES), Minute((hour + 1) * HOUR_MINUTES));
                self.sums(interval, may_repeat, view, points, |of| &of.hour)
            }
            Task::Day(day) => self.sums(day, may_repeat, view, points, |of| &of.day),
        }
    }

    fn sums(
        &self,
        interval: Interval,
        may_repeat: bool,
        view: &mut View,
        points: &mut Points,
        series: impl Fn(&ComponentPoints) -> &Arc<Series>,
    ) -> Result<(), StoreError> {
        for of in &self.components {
            let account = view.component(self.at, of.component, interval)?;
            points.fields.clear();
            let series = series(of);
            sum_of(&account, interval, of.is_energy, series, &mut points.fields);
            points.finish(series, interval.from.start().0, may_repeat);
        }
        Ok(())
    }

    fn window(
        &self,
        window: Window,
        stamp: Stamp,
        may_repeat: bool,
        view: &mut View,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        let at_ms = stamp.at.start().0;
        for (indicator, series) in &self.figures[&window] {
            let Some(figure) = view.figure(self.at, *indicator, stamp.interval)? else { continue };
            points.fields.clear();
            for (field, value) in figure_values(&figure) {
                points.fields.float(&catalog::INDICATOR, field, value);
            }
            points.finish(series, at_ms, may_repeat);
            if *indicator == Indicator::Pue
                && let Some(targets) = self.targets.get(&window).filter(|targets| !targets.is_empty())
            {
                self.judged(targets, window, &figure, (at_ms, may_repeat), view, points)?;
            }
        }
        Ok(())
    }

    fn judged(
        &self,
        targets: &[(Target, Arc<Series>)],
        window: Window,
        figure: &Figure,
        (at_ms, may_repeat): (i64, bool),
        view: &mut View,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        let facility = Arc::clone(view.topology());
        let facility = &facility.facilities[self.at];
        let whole = full_interval(window, facility.zone, figure.interval.to);
        // Gaps only matter where everything else allows a verdict.
        let yearly = matches!(window, Window::Year | Window::Months12);
        let partly = figure.coverage < 1.0 && figure.coverage >= needed_coverage(figure.interval);
        let gaps = if yearly && partly { view.gaps(self.at, figure.interval)? } else { Vec::new() };
        // Only where there is a verdict at all, and a guard band.
        let assessable = figure.interval == whole && figure.coverage >= needed_coverage(figure.interval);
        let expanded = match assessable && is_guarded(figure.interval) {
            true => view.expanded(self.at, figure)?,
            false => None,
        };
        let circumstances = Circumstances {
            category: facility.category,
            complete: figure.interval == whole,
            gaps: &gaps,
            expanded,
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
}

/// Local days last 21 to 27 hours.
const LONGEST_DAY_MS: i64 = 27 * HOUR_MINUTES * MINUTE_MS;

/// Two points of a window that are no further apart have none between them.
const fn at_most_ms(window: Window) -> i64 {
    match window {
        Window::Minute | Window::QuarterHour | Window::Hour => MINUTE_MS,
        Window::Hours24 => 15 * MINUTE_MS,
        Window::Days7 | Window::Days30 => HOUR_MINUTES * MINUTE_MS,
        Window::Day | Window::Months12 => LONGEST_DAY_MS,
        Window::Week | Window::Month | Window::Quarter | Window::Year => 0,
    }
}

fn sum_of(account: &Account, interval: Interval, is_energy: bool, series: &Series, fields: &mut Fields) {
    let m = series.measurement;
    if account.minutes > 0 || account.all_numerator.iter().any(|amount| *amount != 0) {
        let amount = account.all_numerator.iter().sum::<i128>() as f64;
        if is_energy {
            fields.float(m, sum::ENERGY, amount / UWH_PER_KWH);
        } else {
            fields.float(m, sum::VOLUME, amount / ML_PER_LITRE);
        }
        if series.fields.has(sum::POWER) && account.minutes == 1 {
            fields.float(m, sum::POWER, amount * W_PER_UWH_A_MS / MINUTE_MS as f64);
        }
    }
    fields.float(m, sum::COVERAGE, account.minutes as f64 / interval.minutes() as f64);
}

/// The fields of a figure, as numbers of [`catalog::INDICATOR`].
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_erased_together_and_nothing_between_strangers() {
        let mut numbering = Numbering::default();
        let mut series = |meter: &str| {
            let tags = vec![meter.to_owned(), "s".to_owned()];
            numbering.add(Series::new(&catalog::METER, tags, FieldSet::of(meter::AMOUNT)), MINUTE_MS)
        };
        let (one, other) = (series("a"), series("b"));
        let mut points = Points::default();
        for minute in [1, 2, 3, 5, 6, 9] {
            points.finish(&one, minute * MINUTE_MS, true);
            points.finish(&other, minute * MINUTE_MS, minute < 3);
        }
        let erased: Vec<(u32, i64, i64)> = points
            .take_erasures()
            .iter()
            .map(|e| (e.series.number, e.from_ms / MINUTE_MS, e.to_ms / MINUTE_MS))
            .collect();
        assert_eq!(erased, [(0, 1, 3), (1, 1, 2), (0, 5, 6), (0, 9, 9)]);
        points.finish(&one, 10 * MINUTE_MS, true);
        assert_eq!(points.take_erasures().len(), 1, "each round has its own");
        assert!(points.lines.take().is_empty(), "a point without fields is none");
    }
}
