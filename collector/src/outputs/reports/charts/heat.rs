//! The PUE of each hour: a column a date, a row an hour of the local day.

use super::super::content::Report;
use super::levels::Levels;
use super::months::on_axis;
use super::svg::{Anchor, Svg};
use super::words::Words;
use super::{Drawn, WIDTH};
use chrono::{Datelike, NaiveDate, Timelike};
use std::collections::BTreeMap;
use std::fmt::Write;
use wattledger_model::calendar::{self, Tz};

/// More dates than these would be narrower than a line.
const MOST_DAYS: i64 = 400;
const HEIGHT: u32 = 360;
const LEFT: f64 = 64.0;
const TOP: f64 = 12.0;
const ROW: f64 = 11.0;
const HOURS: usize = 24;

/// The hours of one date by the local clock; of an hour that comes twice the later one that is covered.
type Column = [Option<f64>; HOURS];

pub(super) fn draw(report: &Report, words: &Words) -> Option<Drawn> {
    let hours = report.hours.as_ref()?;
    let zone: Tz = report.period.time_zone.parse().ok()?;
    let mut columns: BTreeMap<NaiveDate, Column> = BTreeMap::new();
    for (at, pue, _) in hours.iter() {
        // The first hour may begin before the period does, in another date.
        let shown = calendar::local(zone, at.max(report.period.from.minute()));
        let cell = &mut columns.entry(shown.date()).or_default()[shown.hour() as usize];
        *cell = pue.or(*cell);
    }
    let first = *columns.keys().next()?;
    let days = (*columns.keys().next_back()? - first).num_days() + 1;
    let levels = Levels::of(hours.pue.iter().flatten().copied()).filter(|_| days <= MOST_DAYS)?;
    let width = (f64::from(WIDTH) - LEFT - 12.0) / days as f64;
    let x = |date: NaiveDate| LEFT + (date - first).num_days() as f64 * width;

    let mut svg = Svg::new(WIDTH, HEIGHT);
    for level in 0..levels.count() {
        let mut path = String::new();
        for (date, column) in &columns {
            for (row, rows) in runs(column, |pue| levels.level(pue) == level) {
                let (y, height) = (TOP + row as f64 * ROW, rows as f64 * ROW);
                write!(path, "M{:.2} {y}h{width:.2}v{height}h-{width:.2}z", x(*date))
                    .expect("memory takes it");
            }
        }
        svg.area(&path, levels.shade(level));
    }
    axes(&mut svg, words, first, days, &x);
    legend(&mut svg, words, &levels);
    let covered = hours.pue.iter().flatten().count();
    Some(Drawn { svg: svg.done(), told: [covered.to_string(), hours.pue.len().to_string()], left_out: 0 })
}

/// Rows in a row that are drawn alike: the first, and how many.
fn runs(column: &Column, is_drawn: impl Fn(f64) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for row in (0..HOURS).filter(|row| column[*row].is_some_and(&is_drawn)) {
        match runs.last_mut() {
            Some((from, rows)) if *from + *rows == row => *rows += 1,
            _ => runs.push((row, 1)),
        }
    }
    runs
}

fn axes(svg: &mut Svg, words: &Words, first: NaiveDate, days: i64, x: &impl Fn(NaiveDate) -> f64) {
    let (right, bottom) = (f64::from(WIDTH) - 12.0, TOP + HOURS as f64 * ROW);
    for hour in (0..=HOURS).step_by(6) {
        let y = TOP + hour as f64 * ROW;
        svg.line(LEFT - 4.0, y, LEFT, y, "#000000");
        svg.text(LEFT - 7.0, y, Anchor::End, &format!("{hour:02}:00"));
    }
    svg.upright(14.0, TOP + HOURS as f64 * ROW / 2.0, words.hour_axis);
    for (date, words) in marks(first, days) {
        svg.line(x(date), bottom, x(date), bottom + 4.0, "#000000");
        let room = right - x(date) > 40.0;
        if room {
            svg.text(x(date) + 2.0, bottom + 12.0, Anchor::Start, &words);
        }
    }
    for (from, to) in [((LEFT, TOP), (right, TOP)), ((LEFT, bottom), (right, bottom))] {
        svg.line(from.0, from.1, to.0, to.1, "#000000");
    }
    svg.line(LEFT, TOP, LEFT, bottom, "#000000");
    svg.line(right, TOP, right, bottom, "#000000");
}

/// The dates that are marked, with their names: months of a long period, every fifth date of a short one.
fn marks(first: NaiveDate, days: i64) -> Vec<(NaiveDate, String)> {
    let dates = first.iter_days().take(days as usize);
    if days > 62 {
        let starts: Vec<NaiveDate> = dates.filter(|date| date.day() == 1).collect();
        let months: Vec<String> = starts.iter().map(|date| date.format("%Y-%m").to_string()).collect();
        return starts.into_iter().zip(on_axis(&months, usize::MAX)).collect();
    }
    let fifth = dates.filter(|date| date.day() % 5 == 1 && date.day() < 31);
    fifth.map(|date| (date, date.format("%m-%d").to_string())).collect()
}

/// A box for each level with the numbers between them, and one for what is not covered.
fn legend(svg: &mut Svg, words: &Words, levels: &Levels) {
    const BOX: f64 = 52.0;
    let y = f64::from(HEIGHT) - 40.0;
    svg.text(LEFT, y + 7.0, Anchor::Start, words.pue_axis);
    let from = LEFT + 64.0;
    for level in 0..levels.count() {
        svg.framed(from + level as f64 * BOX, y, BOX, 14.0, levels.shade(level));
    }
    for (at, edge) in (1..).zip(levels.edges()) {
        svg.text(from + f64::from(at) * BOX, y + 24.0, Anchor::Middle, &edge);
    }
    let blank = from + levels.count() as f64 * BOX + 24.0;
    svg.framed(blank, y, 24.0, 14.0, "#ffffff");
    svg.text(blank + 30.0, y + 7.0, Anchor::Start, words.not_covered);
}
