//! The explanation of a change for a terminal.

use super::super::local;
use super::content::{ChangeExplanation, Energies, Told};
use std::fmt::{self, Write};
use wattledger_model::calendar::Tz;

impl ChangeExplanation {
    /// The explanation as text for people, with a line end.
    pub fn text(&self) -> String {
        let mut out = String::new();
        write(self, &mut out).expect("writing to a string cannot fail");
        out
    }
}

fn write(told: &ChangeExplanation, out: &mut String) -> fmt::Result {
    let (a, b) = (&told.a, &told.b);
    writeln!(out, "{} ({}): PUE from {} to {}\n", told.title, told.facility, a.period.text, b.period.text)?;
    period("A", a, out)?;
    period("B", b, out)?;
    writeln!(out, "\n  {:<16}{:>10}", "change", told.change_rounded)?;
    for part in &told.parts {
        writeln!(out, "    {:<14}{:>10}  {}", part.cause, part.rounded, part.because)?;
    }
    writeln!(out, "\nEnergies, kWh, over the time in which all that is told apart is known")?;
    energies("A", &a.compared, out)?;
    energies("B", &b.compared, out)?;
    if let Some(as_other) = &a.as_other {
        energies("A by the boundary of B", as_other, out)?;
    }
    if let Some(as_other) = &b.as_other {
        energies("B by the boundary of A", as_other, out)?;
    }
    list("Boundary", &told.boundary_changes, out)?;
    list("Notes", &told.notes, out)
}

fn period(name: &str, told: &Told, out: &mut String) -> fmt::Result {
    let zone = told.period.time_zone.parse().unwrap_or(Tz::UTC);
    let at = |at: wattledger_model::time::Timestamp| local::minute(at.minute(), zone);
    writeln!(out, "  {name}  {} = {}", told.notation, told.pue_rounded)?;
    writeln!(
        out,
        "     {} to {}, {}, coverage {:.2} %",
        at(told.period.from),
        at(told.period.to),
        told.period.time_zone,
        told.coverage * 100.0
    )?;
    let published = &told.published;
    let (total, it) = (published.facility_kwh.grouped(), published.it_kwh.grouped());
    writeln!(out, "     E_DC {total} kWh over E_IT {it} kWh")?;
    match &told.period.cut {
        Some(cut) => writeln!(out, "     {cut}"),
        None => Ok(()),
    }
}

fn energies(name: &str, told: &Energies, out: &mut String) -> fmt::Result {
    writeln!(out, "  {name}, {}", local::length(told.minutes * 60_000))?;
    let mut row = |word: &str, amount: String| writeln!(out, "    {word:<16}{amount:>20}");
    row("facility", told.facility_kwh.grouped())?;
    row("IT", told.it_kwh.grouped())?;
    for overhead in &told.overhead {
        row(overhead.role, overhead.kwh.grouped())?;
    }
    told.unattributed_kwh.map_or(Ok(()), |amount| row("unattributed", amount.grouped()))
}

fn list(heading: &str, lines: &[String], out: &mut String) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{heading}")?;
    lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
}
