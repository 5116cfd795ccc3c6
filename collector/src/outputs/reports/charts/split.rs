//! Where the facility's energy went: a bar for IT, for each metered subsystem, and for the rest.

use super::super::amount::Amount;
use super::super::content::{Component, EnergyParts, Report};
use super::svg::{Anchor, Svg};
use super::words::Words;
use super::{Drawn, WIDTH};
use wattledger_model::role::Role;

const LEFT: f64 = 190.0;
/// Room for the longest bar; what is beside it is for its number.
const LONGEST: f64 = 330.0;
const ROW: f64 = 30.0;
const TOP: f64 = 10.0;
/// Overhead that is metered by itself.
const SUBSYSTEMS: [Role; 4] = [Role::Cooling, Role::PowerPath, Role::Lighting, Role::Other];

/// Energies whose booked times differ by more of the period than this are no shares of one another.
const ALIKE: f64 = 0.02;

struct Bar<'w> {
    name: &'w str,
    kwh: f64,
    shade: &'static str,
}

pub(super) fn draw(report: &Report, words: &Words) -> Option<Drawn> {
    let (all, it) = (report.energies.facility.total.to_f64(), report.energies.it.total.to_f64());
    if all <= 0.0 || it <= 0.0 || !are_of_one_time(report) {
        return None;
    }
    let mut bars = vec![Bar { name: words.it, kwh: it, shade: "#2a5588" }];
    for role in SUBSYSTEMS {
        let metered = report.components.iter().filter(|component| component.role == role.word());
        let kwh: f64 = metered.map(|component| component.total.to_f64()).sum();
        if kwh != 0.0 {
            bars.push(Bar { name: (words.subsystem)(role), kwh, shade: "#5b9fb6" });
        }
    }
    // Parts that come to more than the whole say that a meter is wrong; there is no rest then.
    let rest = all - bars.iter().map(|bar| bar.kwh).sum::<f64>();
    if rest > 0.0005 * all {
        bars.push(Bar { name: words.rest, kwh: rest, shade: "#e0e0e0" });
    }
    let most = bars.iter().map(|bar| bar.kwh).fold(0.0, f64::max);
    let height = (2.0 * TOP + bars.len() as f64 * ROW) as u32;
    let mut svg = Svg::new(WIDTH, height);
    for (row, bar) in bars.iter().enumerate() {
        let y = TOP + row as f64 * ROW;
        svg.text(LEFT - 10.0, y + ROW / 2.0, Anchor::End, bar.name);
        let length = (bar.kwh / most).max(0.0) * LONGEST;
        svg.framed(LEFT, y + 4.0, length, ROW - 8.0, bar.shade);
        let label = format!("{} kWh · {:.1} %", whole(bar.kwh), 100.0 * bar.kwh / all);
        svg.text(LEFT + length + 8.0, y + ROW / 2.0, Anchor::Start, &label);
    }
    svg.line(LEFT, TOP, LEFT, f64::from(height) - TOP, "#000000");
    let told = [format!("{:.1} %", 100.0 * it / all), format!("{} kWh", whole(all))];
    Some(Drawn { svg: svg.done(), told, left_out: 0 })
}

/// Whether what is drawn was booked over the same part of the period: of a year of IT energy half a year's facility energy
/// is no share.
fn are_of_one_time(report: &Report) -> bool {
    let side = |side: &EnergyParts| report.pue.coverage * side.total.to_f64() / side.common.to_f64();
    let subsystem =
        |component: &Component| component.coverage + component.estimated.to_f64() / component.total.to_f64();
    let facility = side(&report.energies.facility);
    let metered = report.components.iter().filter(|component| {
        SUBSYSTEMS.iter().any(|role| role.word() == component.role) && component.total.to_f64() != 0.0
    });
    // What is not a number is not alike.
    let is_alike = |booked: f64| (booked - facility).abs() <= ALIKE;
    is_alike(side(&report.energies.it)) && metered.map(subsystem).all(is_alike)
}

/// A whole number with the thousands apart.
fn whole(kwh: f64) -> String {
    let shown = Amount::kwh((kwh.round() as i128) * 1_000_000_000).grouped();
    shown.split('.').next().unwrap_or_default().replace(' ', "\u{202f}")
}
