//! The PUE of each month: a mark as wide as its month, on a grey band of its uncertainty, against dashed targets.

use super::super::content::Report;
use super::months::on_axis;
use super::svg::{PLOTTED_TEXT, TEXT};
use super::words::Words;
use super::{Drawn, Failed, WIDTH};
use crate::indicators::Indicator;
use plotters::prelude::*;
use plotters::series::DashedLineSeries;

const HEIGHT: u32 = 340;
/// Of more months than these only the first of each quarter is named.
const MOST_NAMED: usize = 13;
/// Half the width of a mark, in months.
const HALF: f64 = 0.42;
const BAND: RGBColor = RGBColor(205, 205, 205);
const MARK: RGBColor = RGBColor(22, 48, 92);

/// A month with a figure.
struct Month {
    /// Its place, the first is 1.
    at: f64,
    value: f64,
    expanded: f64,
    is_provisional: bool,
}

pub(super) fn draw(report: &Report, words: &Words) -> Result<Option<Drawn>, Failed> {
    let place = |at: usize| at as f64 + 1.0;
    let months: Vec<Month> = report
        .months
        .iter()
        .enumerate()
        .filter_map(|(at, row)| {
            let value = row.pue.value.filter(|value| value.is_finite())?;
            let is_provisional = row.pue.status != "ok";
            Some(Month { at: place(at), value, expanded: row.expanded.unwrap_or(0.0), is_provisional })
        })
        .collect();
    let Some((low, high)) = range(&months, report) else { return Ok(None) };
    let months_of: Vec<String> = report.months.iter().map(|row| row.month.clone()).collect();
    let names = on_axis(&months_of, MOST_NAMED);
    let places = if high - low < 0.1 { 3 } else { 2 };
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(8)
            .margin_right(12)
            .x_label_area_size(44)
            .y_label_area_size(62)
            .build_cartesian_2d(0.5..names.len() as f64 + 0.5, low..high)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.15))
            .x_labels(names.len() + 1)
            .y_labels(8)
            .x_label_formatter(&|at| label(*at, &names))
            .y_label_formatter(&|value| format!("{value:.places$}"))
            .x_desc(words.month_axis)
            .y_desc(words.pue_axis)
            .label_style(("sans-serif", PLOTTED_TEXT))
            .axis_desc_style(("sans-serif", PLOTTED_TEXT))
            .draw()?;
        let box_of = |month: &Month, half: f64, up: f64, down: f64| {
            [(month.at - half, month.value + up), (month.at + half, month.value - down)]
        };
        let bands = months.iter().filter(|month| month.expanded > 0.0);
        chart.draw_series(bands.map(|month| {
            Rectangle::new(box_of(month, 0.5, month.expanded, month.expanded), BAND.filled())
        }))?;
        let thick = (high - low) * 0.008;
        chart.draw_series(months.iter().map(|month| {
            let style = if month.is_provisional { MARK.stroke_width(1) } else { MARK.filled() };
            Rectangle::new(box_of(month, HALF, thick, thick), style)
        }))?;
        let limits = targets(report);
        let mut taken: Vec<Taken> = months.iter().map(|month| Taken::by_mark(month, thick)).collect();
        for month in &months {
            let place = beside(month, thick, &limits);
            let at = (month.at - HALF, place.above);
            let text = Text::new(format!("{:.2}", month.value), at, ("sans-serif", PLOTTED_TEXT));
            chart.draw_series(std::iter::once(text))?;
            taken.push(place);
        }
        for (limit, name) in limits {
            let ends = [(0.5, limit), (names.len() as f64 + 0.5, limit)];
            chart.draw_series(DashedLineSeries::new(ends, 7, 4, BLACK.stroke_width(1)))?;
            let place = along(limit, name.chars().count(), names.len(), thick, &taken);
            let at = (place.from, place.above);
            chart.draw_series(std::iter::once(Text::new(name, at, ("sans-serif", PLOTTED_TEXT))))?;
            taken.push(place);
        }
        root.present()?;
    }
    let shown = |value: Option<f64>| value.map_or(String::new(), |value| Indicator::Pue.shown(value));
    let least = months.iter().map(|month| month.value).min_by(f64::total_cmp);
    let greatest = months.iter().map(|month| month.value).max_by(f64::total_cmp);
    Ok(Some(Drawn { svg, told: [shown(least), shown(greatest)], left_out: 0 }))
}

/// A rectangle of the drawing in which something stands: in months, and in values of PUE.
struct Taken {
    from: f64,
    to: f64,
    above: f64,
    below: f64,
}

impl Taken {
    /// By a month's mark and its band.
    fn by_mark(month: &Month, thick: f64) -> Taken {
        let tall = month.expanded.max(thick);
        Taken {
            from: month.at - 0.5,
            to: month.at + 0.5,
            above: month.value + tall,
            below: month.value - tall,
        }
    }

    fn touches(&self, other: &Taken) -> bool {
        self.from < other.to && other.from < self.to && self.below < other.above && other.below < self.above
    }
}

/// How tall a line of text is, in halves of a mark's thickness.
const TALL: f64 = 5.5;

/// Where a month's value is written: above its mark, or below where a target's line would go through it.
fn beside(month: &Month, thick: f64, limits: &[(f64, String)]) -> Taken {
    let tall = TALL * thick;
    let at = |above: f64| Taken { from: month.at - HALF, to: month.at + HALF, above, below: above - tall };
    let reach = month.expanded.max(thick);
    let over = at(month.value + reach + tall);
    let is_crossed =
        |place: &Taken| limits.iter().any(|(limit, _)| (place.below..=place.above).contains(limit));
    if !is_crossed(&over) {
        return over;
    }
    let under = at(month.value - reach - 0.5 * thick);
    if is_crossed(&under) { over } else { under }
}

/// Where the name of a target is written: on its line or under it, from the first month on at which it touches nothing.
fn along(limit: f64, letters: usize, months: usize, thick: f64, taken: &[Taken]) -> Taken {
    let tall = TALL * thick;
    let wide = letters as f64 * 0.58 * f64::from(TEXT) * months as f64 / f64::from(WIDTH - 82);
    let places = |above: f64| {
        (0..months).map(move |month| {
            let from = month as f64 + 0.55;
            Taken { from, to: from + wide, above, below: above - tall }
        })
    };
    let is_inside = |place: &Taken| place.to <= months as f64 + 0.5;
    places(limit + tall)
        .chain(places(limit - 0.5 * thick))
        .find(|place| is_inside(place) && !taken.iter().any(|other| place.touches(other)))
        .unwrap_or(Taken { from: 0.55, to: 0.55 + wide, above: limit + tall, below: limit })
}

/// The limits from above on the PUE of a single facility, each once, with the targets that set it. What limits the
/// average of a group is held against no one of them. Source: domain.md 1.
fn targets(report: &Report) -> Vec<(f64, String)> {
    let mut limits: Vec<(f64, String)> = Vec::new();
    for verdict in &report.verdicts {
        let operator = match verdict.operator {
            "<=" => "≤",
            "<" => "<",
            _ => continue,
        };
        if verdict.indicator != Indicator::Pue.word() || verdict.kind != "facility" {
            continue;
        }
        let name = format!("{} {operator} {}", verdict.target, verdict.limit);
        match limits.iter_mut().find(|(limit, _)| *limit == verdict.limit) {
            Some((_, names)) => *names = format!("{names}, {name}"),
            None => limits.push((verdict.limit, name)),
        }
    }
    limits
}

/// What the drawing spans: all months with their bands, and all targets, with room for their names.
fn range(months: &[Month], report: &Report) -> Option<(f64, f64)> {
    months.first()?;
    let ends = months.iter().flat_map(|month| [month.value - month.expanded, month.value + month.expanded]);
    let all: Vec<f64> = ends.chain(targets(report).into_iter().map(|(limit, _)| limit)).collect();
    let (low, high) =
        (all.iter().copied().fold(f64::MAX, f64::min), all.iter().copied().fold(f64::MIN, f64::max));
    let room = (0.12 * (high - low)).max(0.01);
    Some((low - room, high + room))
}

/// The name at a place of the axis.
fn label(at: f64, names: &[String]) -> String {
    let is_month = (at - at.round()).abs() < 1e-6;
    names.get((at.round() as usize).wrapping_sub(1)).filter(|_| is_month).cloned().unwrap_or_default()
}
