//! How often which PUE went with which IT load: a square for each pair of load and PUE, darker the more hours it holds.

use super::super::content::Report;
use super::levels::at_share;
use super::svg::PLOTTED_TEXT;
use super::words::Words;
use super::{Drawn, Failed, WIDTH};
use plotters::prelude::*;
use std::collections::BTreeMap;

const HEIGHT: u32 = 360;
/// Squares from left to right, and from bottom to top.
const ACROSS: usize = 60;
const UP: usize = 36;
/// Fewer hours than these say nothing of a connection.
const LEAST_HOURS: usize = 48;
/// Shades for up to 1, 3, 10, 30 and more hours.
const SHADES: [(usize, u8); 5] = [(1, 205), (3, 165), (10, 115), (30, 65), (usize::MAX, 10)];

pub(super) fn draw(report: &Report, words: &Words) -> Result<Option<Drawn>, Failed> {
    let Some(hours) = &report.hours else { return Ok(None) };
    let both: Vec<(f64, f64)> = hours.iter().filter_map(|(_, pue, load)| Some((load?, pue?))).collect();
    if both.len() < LEAST_HOURS {
        return Ok(None);
    }
    // An hour of almost no load has any PUE; a few of them must not flatten all others.
    let (Some(x), Some(y)) = (range(both.iter().map(|pair| pair.0)), range(both.iter().map(|pair| pair.1)))
    else {
        return Ok(None);
    };
    let mut squares: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (load, pue) in &both {
        if let (Some(column), Some(row)) = (place(*load, x, ACROSS), place(*pue, y, UP)) {
            *squares.entry((column, row)).or_default() += 1;
        }
    }
    let left_out = both.len() - squares.values().sum::<usize>();
    let places = if x.1 - x.0 < 8.0 { 2 } else { 0 };
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(8)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(62)
            .build_cartesian_2d(x.0..x.1, y.0..y.1)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.15))
            .x_labels(10)
            .y_labels(8)
            .x_label_formatter(&|load| format!("{load:.places$}"))
            .y_label_formatter(&|pue| format!("{pue:.3}"))
            .x_desc(words.load_axis)
            .y_desc(words.pue_axis)
            .label_style(("sans-serif", PLOTTED_TEXT))
            .axis_desc_style(("sans-serif", PLOTTED_TEXT))
            .draw()?;
        let (width, height) = ((x.1 - x.0) / ACROSS as f64, (y.1 - y.0) / UP as f64);
        chart.draw_series(squares.iter().map(|((column, row), count)| {
            let (left, bottom) = (x.0 + *column as f64 * width, y.0 + *row as f64 * height);
            Rectangle::new([(left, bottom + height), (left + width, bottom)], shade(*count).filled())
        }))?;
        root.present()?;
    }
    let greatest = both.iter().map(|(load, _)| *load).fold(0.0, f64::max);
    let told = [both.len().to_string(), format!("{greatest:.0}")];
    Ok(Some(Drawn { svg, told, left_out }))
}

/// From the 0.5th to the 99.5th percent, with some room; wide enough to be drawn.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (at_share(&sorted, 0.005)?, at_share(&sorted, 0.995)?);
    let room = (0.06 * (high - low)).max(0.005 * high.abs()).max(1e-3);
    Some((low - room, high + room))
}

/// The square of a value; `None` outside the range.
fn place(value: f64, (low, high): (f64, f64), count: usize) -> Option<usize> {
    let at = ((value - low) / (high - low) * count as f64).floor();
    (at >= 0.0 && at < count as f64).then_some(at as usize)
}

fn shade(count: usize) -> RGBColor {
    let grey = SHADES.iter().find(|(most, _)| count <= *most).map_or(0, |(_, grey)| *grey);
    RGBColor(grey, grey, grey)
}
