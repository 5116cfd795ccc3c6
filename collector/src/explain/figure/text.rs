//! The explanation of a figure for a terminal.

use super::super::{local, pending};
use super::beside::FactorTold;
use super::content::{Equation, FigureExplanation, MeterRow, Side};
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
fn percent(share: f64) -> String {
    let rounded = format!("{:.2}", share * 100.0);
    if rounded == "100.00" && share < 1.0 { "99.99 %".to_owned() } else { format!("{rounded} %") }
}

/// A number with what follows it, so that what has no unit has no space behind it.
fn with_unit(number: String, unit: &str) -> String {
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

/// A number for people: three decimals, or as many digits as it takes where it is very large or very small.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(0.001..1e12).contains(&size) { format!("{value:e}") } else { format!("{value:.3}") }
}

/// The equation in words: `1 + 20.000 kWh / 100.000 kWh`.
fn equation(equation: &Equation) -> String {
    let part = |value, unit| with_unit(number(value), unit);
    let above = part(equation.numerator, equation.numerator_unit);
    let mut text = match equation.denominator {
        Some(below) => format!("{above} / {}", part(below, equation.denominator_unit)),
        None => above,
    };
    if equation.scale != 1.0 {
        text = format!("{} x {text}", equation.scale);
    }
    if equation.offset == 0.0 { text } else { format!("{} + {text}", equation.offset) }
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
        match (&figure.rounded, figure.value) {
            (Some(rounded), Some(value)) => {
                let rounded = with_unit(rounded.clone(), figure.unit);
                writeln!(out, "\n  {} = {rounded}, unrounded {value}", figure.notation)?;
            }
            _ => writeln!(out, "\n  {}: {}", figure.notation, figure.status)?,
        }
        if figure.value.is_some() {
            writeln!(out, "    = {}", equation(&told.equation))?;
        }
        writeln!(out, "  {} ({})", told.formula, told.source)?;
        writeln!(
            out,
            "  {}: coverage {} (at least {} % is needed)",
            figure.status,
            percent(figure.coverage),
            figure.coverage_needed * 100.0
        )?;
        if let Some(category) = &told.category {
            writeln!(out, "  {category}")?;
        }
        told.notes.iter().try_for_each(|note| writeln!(out, "  note: {note}"))?;
        for side in &told.sides {
            self.side(side, out)?;
        }
        self.gauges(out)?;
        self.claims(out)?;
        self.extras(out)?;
        self.coverage(out)?;
        match &told.next {
            Some(next) => writeln!(out, "\nLook next at the meter that costs most coverage:\n  {next}"),
            None => Ok(()),
        }
    }

    fn side(&self, side: &Side, out: &mut String) -> fmt::Result {
        let (name, unit) = (side.side, side.unit);
        let of = side.of.as_ref().map_or_else(String::new, |of| format!(": {of}"));
        writeln!(out, "\n{}{}{of}, {unit}", name[..1].to_uppercase(), &name[1..])?;
        let kg = |kg: Option<f64>, out: &mut String| match kg {
            Some(kg) => writeln!(out, "  {:<44}{kg:>20.3}", "  weighted by its factor, kg"),
            None => Ok(()),
        };
        if side.counts != Some("booked") || side.supported != side.booked.total {
            writeln!(out, "  {:<44}{:>20}", "over the common support", side.supported.grouped())?;
            kg(side.supported_kg, out)?;
        }
        writeln!(out, "  {:<44}{:>20}", "all that is booked", side.booked.total.grouped())?;
        kg(side.booked_kg, out)?;
        for row in self.told.meters.iter().filter(|row| row.side == name && row.of == side.of) {
            self.row(row, unit, out)?;
        }
        Ok(())
    }

    fn row(&self, row: &MeterRow, unit: &str, out: &mut String) -> fmt::Result {
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
        words.extend(row.booked_kg.map(|kg| format!("{kg:.3} kg by its factor")));
        let minutes = |seconds: f64| (seconds / 60.0).round() as i64;
        let times: Vec<String> = ["measured", "interpolated", "estimated"]
            .into_iter()
            .zip(row.known_s)
            .filter(|(_, seconds)| *seconds > 0.0)
            .map(|(word, seconds)| format!("{} min {word}", minutes(seconds)))
            .collect();
        words.extend((!times.is_empty()).then(|| format!("for {}", times.join(" and "))));
        words.push(format!("coverage {}", percent(row.coverage)));
        words.extend(
            (row.estimated_share > 0.0).then(|| format!("{} estimated", percent(row.estimated_share))),
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
        let more = row.estimated.len().saturating_sub(STEPS);
        if more > 0 {
            writeln!(out, "        ... {more} more; --json shows them")?;
        }
        for one in &row.pending {
            writeln!(out, "        {}", pending::line(one, unit, self.zone))?;
            writeln!(out, "          decided by {}", one.decides)?;
        }
        Ok(())
    }

    fn gauges(&self, out: &mut String) -> fmt::Result {
        let told = self.told;
        if !told.gauges.is_empty() {
            writeln!(out, "\nGauges, by their time-weighted means")?;
        }
        for row in &told.gauges {
            let name = format!("{}  {}", row.role.unwrap_or("-"), row.meter);
            let mean = row.mean.map_or_else(|| "not known".to_owned(), |mean| format!("{mean:.3}"));
            writeln!(out, "    {name:<42}{mean:>20}")?;
            let share = if row.of_s > 0.0 { row.known_s / row.of_s } else { 0.0 };
            let through = row.through.as_ref().map_or_else(String::new, |name| format!(", through {name}"));
            let known = local::length((row.known_s * 1_000.0).round() as i64);
            writeln!(
                out,
                "        known for {known}, {} of its time; adds {:.3}{through}",
                percent(share),
                row.adds
            )?;
        }
        if !told.given.is_empty() {
            writeln!(out, "\nDeclared, not metered")?;
        }
        for given in &told.given {
            let (what, value) = (given.what, number(given.value));
            writeln!(out, "    {what:<42}{value:>20} {}  {}", given.unit, given.source)?;
        }
        Ok(())
    }

    fn claims(&self, out: &mut String) -> fmt::Result {
        let told = self.told;
        if !told.claims.is_empty() || !told.refused.is_empty() {
            writeln!(out, "\nClaims of renewable energy, kWh")?;
        }
        for claim in &told.claims {
            let name = format!("{}  {}", claim.kind, claim.lot);
            writeln!(out, "    {name:<42}{:>20}  counts", claim.counts.grouped())?;
        }
        for refused in &told.refused {
            let (lot, amount) = (&refused.lot, refused.amount.grouped());
            writeln!(out, "    {lot:<42}{amount:>20}  does not count: {}", refused.why)?;
        }
        if let Some(excess) = told.excess {
            let what = "more than the facility's energy, dropped";
            writeln!(out, "    {what:<42}{:>20}", excess.grouped())?;
        }
        match &told.rest {
            None => Ok(()),
            Some(rest) => {
                writeln!(out, "\nWhat nothing claims, kWh")?;
                let (name, amount) = (format!("by {}", rest.by), rest.amount.grouped());
                writeln!(out, "    {name:<42}{amount:>20}  {:.3} kg", rest.kg)?;
                rest.factor.iter().try_for_each(|factor| writeln!(out, "        {factor}"))
            }
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
        let factor =
            |one: &FactorTold| format!("{}: {} {}, from {}", one.of, one.value, one.unit, one.source);
        list("Factors", &told.factors.iter().map(factor).collect::<Vec<_>>(), out)?;
        list("Certificates", &told.certificates, out)
    }

    fn coverage(&self, out: &mut String) -> fmt::Result {
        let Some(coverage) = &self.told.coverage else { return Ok(()) };
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
