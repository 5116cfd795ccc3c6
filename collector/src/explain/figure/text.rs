//! The explanation of a figure for a terminal.

use super::super::local;
use super::content::{FigureExplanation, MeterRow, Side};
use super::make;
use std::fmt::{self, Write};
use wattledger_model::calendar::Tz;

impl FigureExplanation {
    /// The explanation as text for people, with a line end.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let zone = make::zone(&self.period);
        Text { told: self, zone }.write(&mut out).expect("writing to a string cannot fail");
        out
    }
}

/// Estimated steps of one meter that are shown; the JSON holds them all.
const STEPS: usize = 20;

struct Text<'t> {
    told: &'t FigureExplanation,
    zone: Tz,
}

/// A share with two decimals; what is less than all is not printed as all.
fn percent(part: i64, all: i64) -> String {
    let share = if all == 0 { 0.0 } else { part as f64 / all as f64 * 100.0 };
    let rounded = format!("{share:.2}");
    if rounded == "100.00" && part < all { "99.99 %".to_owned() } else { format!("{rounded} %") }
}

impl Text<'_> {
    fn write(&self, out: &mut String) -> fmt::Result {
        let told = self.told;
        let at = |at| local::minute(at, self.zone);
        let figure = &told.figure;
        writeln!(out, "{} ({}), {}", told.title, told.facility, told.period.text)?;
        let (from, to) = (at(told.period.from.minute()), at(told.period.to.minute()));
        writeln!(out, "  {from} to {to}, {}", told.period.time_zone)?;
        if let Some(cut) = &told.period.cut {
            writeln!(out, "  {cut}")?;
        }
        let unit = if figure.unit.is_empty() { String::new() } else { format!(" {}", figure.unit) };
        match (&figure.rounded, figure.value) {
            (Some(rounded), Some(value)) => {
                writeln!(out, "\n  {} = {rounded}{unit}, unrounded {value}", figure.notation)?;
            }
            _ => writeln!(out, "\n  {}: {}", figure.notation, figure.status)?,
        }
        writeln!(out, "  {} ({})", told.formula, told.source)?;
        writeln!(
            out,
            "  {}: coverage {} (at least {} % is needed)",
            figure.status,
            percent(told.coverage.supported, told.coverage.minutes),
            figure.coverage_needed * 100.0
        )?;
        if let Some(category) = &told.category {
            writeln!(out, "  {category}")?;
        }
        for side in &told.sides {
            self.side(side, out)?;
        }
        self.extras(out)?;
        self.coverage(out)?;
        match &told.next {
            Some(next) => writeln!(out, "\nLook next at the meter that costs most coverage:\n  {next}"),
            None => Ok(()),
        }
    }

    fn side(&self, side: &Side, out: &mut String) -> fmt::Result {
        let (name, unit) = (side.side, side.unit);
        writeln!(out, "\n{}{}, {unit}", name[..1].to_uppercase(), &name[1..])?;
        writeln!(out, "  {:<44}{:>20}", "over the common support", side.supported.grouped())?;
        if let Some(kg) = side.supported_kg {
            writeln!(out, "  {:<44}{kg:>20.3}", "  weighted by the emission factor, kg")?;
        }
        writeln!(out, "  {:<44}{:>20}", "all that is booked", side.booked.total.grouped())?;
        if let Some(kg) = side.booked_kg {
            writeln!(out, "  {:<44}{kg:>20.3}", "  weighted by the emission factor, kg")?;
        }
        for row in self.told.meters.iter().filter(|row| row.side == name) {
            self.row(row, out)?;
        }
        Ok(())
    }

    fn row(&self, row: &MeterRow, out: &mut String) -> fmt::Result {
        let role = row.role.unwrap_or("-");
        let factor = if row.coefficient == "1" { String::new() } else { format!(" x {}", row.coefficient) };
        let name = format!("{role}  {}{factor}", row.meter);
        writeln!(out, "    {name:<42}{:>20}", row.adds.total.grouped())?;
        let mut words = Vec::new();
        let parts = [
            ("measured", row.adds.measured),
            ("interpolated", row.adds.interpolated),
            ("estimated", row.adds.estimated),
        ];
        words.extend(
            parts
                .iter()
                .filter(|(_, amount)| amount.to_string() != "0")
                .map(|(word, amount)| format!("{word} {}", amount.grouped())),
        );
        words.extend(
            (row.supported != row.adds.total)
                .then(|| format!("{} in the common support", row.supported.grouped())),
        );
        words.extend(row.through.as_ref().map(|through| format!("through {through}")));
        words.extend(row.from.map(|from| format!("from {}", local::minute(from.minute(), self.zone))));
        words.extend(row.to.map(|to| format!("until {}", local::minute(to.minute(), self.zone))));
        words.extend(row.steps.iter().map(|step| format!("{} {}", step.count, step.class)));
        if row.takes.minutes > 0 {
            words.push(format!(
                "takes {} min from the support, {} of them alone",
                row.takes.minutes, row.takes.alone
            ));
        }
        if !words.is_empty() {
            writeln!(out, "        {}", words.join(", "))?;
        }
        for step in row.estimated.iter().take(STEPS) {
            let (from, to) = (local::shown(step.from, self.zone), local::shown(step.to, self.zone));
            let adds = step.adds.map_or_else(String::new, |adds| format!(", {}", adds.grouped()));
            writeln!(out, "        estimated: {} from {from} to {to}{adds}", step.class)?;
        }
        match row.estimated.len().saturating_sub(STEPS) {
            0 => Ok(()),
            more => writeln!(out, "        ... {more} more; --json shows them"),
        }
    }

    fn extras(&self, out: &mut String) -> fmt::Result {
        let told = self.told;
        let list = |heading: &str, lines: &[String], out: &mut String| {
            if lines.is_empty() {
                return Ok(());
            }
            writeln!(out, "\n{heading}")?;
            lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
        };
        list("Conversions", &told.conversions, out)?;
        list("Emission factor", told.factor.as_slice(), out)?;
        list("Certificates", &told.certificates, out)
    }

    fn coverage(&self, out: &mut String) -> fmt::Result {
        let coverage = &self.told.coverage;
        if coverage.gaps == 0 {
            return writeln!(out, "\nOutside the common support: nothing");
        }
        let minutes = coverage.minutes - coverage.supported;
        let count = local::count(coverage.gaps, "gap", "gaps");
        writeln!(out, "\nOutside the common support: {minutes} min in {count}; the longest")?;
        for gap in &coverage.longest {
            let at = |at| local::minute(at, self.zone);
            let because: Vec<String> =
                gap.because.iter().map(|meter| format!("{} {} min", meter.meter, meter.minutes)).collect();
            let because =
                if because.is_empty() { "no meter belongs to a side".to_owned() } else { because.join(", ") };
            let (from, to) = (at(gap.from.minute()), at(gap.to.minute()));
            writeln!(out, "  {from} to {to}{:>8} min  {because}", gap.minutes)?;
        }
        if coverage.no_meter > 0 {
            writeln!(out, "  {} min in which a side has no meter", coverage.no_meter)?;
        }
        Ok(())
    }
}
