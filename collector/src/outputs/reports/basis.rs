//! For a terminal: what a report's figures are made of, what is not measured in them, and what people changed.

use super::budget::YearBudget;
use super::content::{Carbon, Report};
use super::text::{heading, percent};
use std::fmt::{self, Write};

/// What the running year still permits.
pub(super) fn budget(budget: &YearBudget, out: &mut String) -> fmt::Result {
    heading(out, &format!("Year {} up to {}, {} days left", budget.year, budget.as_of, budget.days_left))?;
    let value = budget.value.map_or("-".to_owned(), |value| format!("{value:.4}"));
    writeln!(out, "  PUE so far {value}, {} of it covered", percent(budget.coverage))?;
    match &budget.forecast {
        Some(of) => writeln!(
            out,
            "  foreseen for the year {:.4}, nineteen times in twenty {:.4} to {:.4} (by {})",
            of.value, of.low, of.high, of.method
        )?,
        None => writeln!(out, "  no forecast: too little is known of the last 30 days")?,
    }
    for target in &budget.targets {
        let permitted = match target.permitted {
            Some(permitted) if permitted < 1.0 => "it cannot be met any more".to_owned(),
            Some(permitted) => format!("the rest of the year may have {permitted:.4}"),
            None => "too little is known".to_owned(),
        };
        let missed = target
            .breach_probability
            .map_or(String::new(), |share| format!(", missed with a probability of {}", percent(share)));
        let state = target.state.word();
        writeln!(
            out,
            "  {}  {} {}  {state}: {permitted}{missed}",
            target.target, target.operator, target.limit
        )?;
    }
    Ok(())
}

/// What `E_DC` is made of, where that is more than one kind of energy.
pub(super) fn parts(report: &Report, out: &mut String) -> fmt::Result {
    if report.parts.len() < 2 {
        return Ok(());
    }
    heading(out, "E_DC is made of                        metered            counts, kWh")?;
    for part in &report.parts {
        let of = part.carrier.as_deref().unwrap_or(part.role);
        let (metered, unit, counted) = (part.metered.grouped(), part.unit, part.counted.grouped());
        let factor = part.factor.as_ref().map_or(String::new(), |factor| format!("  {factor}"));
        writeln!(out, "  {of:<20}{metered:>20} {unit:<4}{counted:>20}{factor}")?;
    }
    let (electricity, other) =
        (report.energies.electricity.grouped(), report.energies.non_electric.grouped());
    writeln!(out, "  electricity {electricity} kWh, other energy {other} kWh")
}

/// What is interpolated or estimated.
pub(super) fn shares(report: &Report, out: &mut String) -> fmt::Result {
    const MOST: usize = 20;
    if report.shares.is_empty() {
        return Ok(());
    }
    heading(out, "Not simply measured")?;
    for row in report.shares.iter().take(MOST) {
        let (amount, share) = (row.amount.grouped(), percent(row.share));
        let steps = if row.steps > 0 { format!(" in {} steps", row.steps) } else { String::new() };
        let (meter, how, why) = (&row.meter, row.provenance, row.reason);
        writeln!(out, "  {:<10}{meter:<20}{how}, {why}{steps}: {amount} kWh, {share}", row.sum)?;
    }
    match report.shares.len() {
        few if few <= MOST => Ok(()),
        many => writeln!(out, "  and {} more", many - MOST),
    }
}

/// What is claimed of the electricity of a market-based figure.
pub(super) fn claims(carbon: &Carbon, out: &mut String) -> fmt::Result {
    let Some(claims) = &carbon.claims else { return Ok(()) };
    for claim in &claims.counted {
        writeln!(out, "    claimed: {} kWh by {} ({})", claim.amount.grouped(), claim.lot, claim.kind)?;
    }
    for refused in &claims.refused {
        writeln!(
            out,
            "    not claimed: {} kWh of {}: {}",
            refused.amount.grouped(),
            refused.lot,
            refused.reason.words()
        )?;
    }
    writeln!(out, "    {} kWh of {} kWh are not claimed", claims.rest.grouped(), claims.electricity.grouped())
}

/// What people corrected.
pub(super) fn corrections(report: &Report, out: &mut String) -> fmt::Result {
    if report.corrections.is_empty() {
        return heading(out, "Corrections: none");
    }
    heading(out, "Corrections in force")?;
    for row in &report.corrections {
        let to = row.to.map_or(String::new(), |to| format!(" to {to}"));
        let amount =
            row.amount.map_or(String::new(), |amount| format!(", {} {}", amount.grouped(), row.unit));
        let registers =
            row.registers.as_ref().map_or(String::new(), |[last, first]| format!(", from {last} to {first}"));
        writeln!(out, "  {} {} of {}: {}{to}{amount}{registers}", row.id, row.kind, row.meter, row.from)?;
        writeln!(out, "        {} ({}, {})", row.reason, row.who, row.at)?;
    }
    Ok(())
}
