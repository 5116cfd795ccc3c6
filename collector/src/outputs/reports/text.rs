//! The report for a terminal: the verdict first, then what it rests on.

use super::amount::Amount;
use super::basis;
use super::content::{BoundaryMeter, Carbon, Figure, Report, Verdict};
use std::fmt::{self, Write};

/// The report as text for people, with a line end.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    write_all(report, &mut out).expect("writing to a string cannot fail");
    out
}

fn write_all(report: &Report, out: &mut String) -> fmt::Result {
    headline(report, out)?;
    period(report, out)?;
    if let Some(budget) = &report.budget {
        basis::budget(budget, out)?;
    }
    energies(report, out)?;
    basis::parts(report, out)?;
    components(report, out)?;
    months(report, out)?;
    basis::shares(report, out)?;
    gaps(report, out)?;
    others(report, out)?;
    basis::corrections(report, out)?;
    meters(report, out)?;
    instruments(report, out)?;
    colophon(report, out)
}

fn headline(report: &Report, out: &mut String) -> fmt::Result {
    let (facility, pue) = (&report.facility, &report.pue);
    writeln!(
        out,
        "{} ({}), {}: {}",
        facility.title,
        facility.name,
        report.period.text,
        verdict_line(report)
    )?;
    writeln!(out)?;
    writeln!(out, "  {}", named(pue))?;
    if let Some(value) = pue.value {
        writeln!(out, "  unrounded {value}")?;
    }
    if let Some(stated) = &report.uncertainty.stated {
        writeln!(out, "  with its uncertainty {stated}")?;
    }
    if report.uncertainty.resolved == Some(false) {
        let longer =
            report.uncertainty.shortest_resolved.map_or(String::new(), |w| format!("; {w} would do"));
        writeln!(out, "  not resolved: the uncertainty is more than 5 % of the value{longer}")?;
    }
    writeln!(out, "  {}", known(pue))?;
    if let Some(problem) = &facility.problem {
        writeln!(out, "  no PUE: {problem}")?;
    }
    writeln!(out)?;
    for verdict in &report.verdicts {
        write_verdict(verdict, out)?;
    }
    if report.verdicts.is_empty() {
        writeln!(out, "  no targets are set for this facility")?;
    }
    Ok(())
}

/// All verdicts in one line: what someone asks who reads no further.
fn verdict_line(report: &Report) -> String {
    if report.verdicts.is_empty() {
        return "no target".to_owned();
    }
    let words: Vec<String> = report
        .verdicts
        .iter()
        .map(|verdict| match verdict.verdict {
            "compliant" | "pass_unguarded" => format!("meets {}", verdict.target),
            "non_compliant" | "fail_unguarded" => format!("fails {}", verdict.target),
            "conditional_pass" => format!("meets {} within uncertainty", verdict.target),
            "conditional_fail" => format!("fails {} within uncertainty", verdict.target),
            _ => format!("{} cannot be assessed", verdict.target),
        })
        .collect();
    words.join(", ")
}

fn named(figure: &Figure) -> String {
    let unit = if figure.unit.is_empty() { String::new() } else { format!(" {}", figure.unit) };
    match &figure.rounded {
        Some(rounded) => format!("{} = {rounded}{unit}", figure.notation),
        None => format!("{}: {}", figure.notation, figure.status),
    }
}

fn known(figure: &Figure) -> String {
    format!(
        "{}: coverage {} (at least {} is needed), interpolated {}, estimated {}",
        figure.status,
        percent(figure.coverage),
        percent(figure.coverage_needed),
        percent(figure.interpolated),
        percent(figure.estimated)
    )
}

/// Two decimals; what is less than all is not printed as all, nor what is more than nothing as nothing.
pub(super) fn percent(share: f64) -> String {
    match format!("{:.2}", share * 100.0).as_str() {
        "100.00" if share < 1.0 => "99.99 %".to_owned(),
        "0.00" if share > 0.0 => "< 0.01 %".to_owned(),
        rounded => format!("{rounded} %"),
    }
}

fn write_verdict(verdict: &Verdict, out: &mut String) -> fmt::Result {
    let limit = format!("{} {} {}", verdict.indicator.to_uppercase(), verdict.operator, verdict.limit);
    writeln!(out, "  {}  {limit}  {}", verdict.target, verdict.verdict)?;
    for reason in &verdict.reasons {
        writeln!(out, "        {reason}")?;
    }
    let aspirational = if verdict.aspirational { ", aspirational" } else { "" };
    writeln!(out, "        for {} ({}{aspirational}), {}", verdict.scope, verdict.kind, verdict.horizon)?;
    writeln!(out, "        {}", verdict.document)?;
    if let Some(quote) = &verdict.quote {
        writeln!(out, "        \"{quote}\"")?;
    }
    Ok(())
}

pub(super) fn heading(out: &mut String, words: &str) -> fmt::Result {
    writeln!(out, "\n{words}")
}

fn period(report: &Report, out: &mut String) -> fmt::Result {
    let period = &report.period;
    heading(out, "Period")?;
    writeln!(out, "  {} to {}, {}", period.from_local, period.to_local, period.time_zone)?;
    writeln!(out, "  {} to {}, {} h", period.from, period.to, period.hours)?;
    if let Some(cut) = &period.cut {
        writeln!(out, "  cut: {}; it ends at {}", cut.reason, cut.would_end)?;
    }
    let point = match (report.facility.category, report.facility.measuring_point) {
        (Some(category), Some(point)) => format!("category {category}, IT energy measured at {point}"),
        _ => "no category: IT energy is not measured".to_owned(),
    };
    writeln!(out, "  {point}; site {}", report.facility.site)
}

fn energies(report: &Report, out: &mut String) -> fmt::Result {
    let (facility, it) = (&report.energies.facility, &report.energies.it);
    heading(out, "Energy, kWh                      facility (E_DC)               IT (E_IT)")?;
    let mut row = |words: &str, facility: Amount, it: Amount| {
        writeln!(out, "  {words:<22}{:>24}{:>24}", facility.grouped(), it.grouped())
    };
    row("both covered", facility.common, it.common)?;
    row("all that is booked", facility.total, it.total)?;
    row("  measured", facility.measured, it.measured)?;
    row("  interpolated", facility.interpolated, it.interpolated)?;
    row("  estimated", facility.estimated, it.estimated)?;
    writeln!(out, "  both covered for {} h of {} h", report.energies.common_hours, report.period.hours)
}

fn components(report: &Report, out: &mut String) -> fmt::Result {
    if report.components.is_empty() {
        return Ok(());
    }
    heading(out, "Components                          all booked    coverage")?;
    for component in &report.components {
        let total = component.total.grouped();
        let coverage = percent(component.coverage);
        writeln!(out, "  {:<20}{total:>20} {:<4}{coverage:>10}", component.role, component.unit)?;
    }
    Ok(())
}

fn months(report: &Report, out: &mut String) -> fmt::Result {
    if report.months.is_empty() {
        return Ok(());
    }
    heading(out, "Months        h     facility kWh           IT kWh    coverage     PUE  status")?;
    for month in &report.months {
        let pue = month.pue.rounded.as_deref().unwrap_or("-");
        let kwh = |amount: Amount| if month.pue.coverage > 0.0 { amount.grouped() } else { "-".to_owned() };
        writeln!(
            out,
            "  {}{:>7}{:>17}{:>17}{:>12}{pue:>8}  {}",
            month.month,
            month.hours,
            kwh(month.facility_kwh),
            kwh(month.it_kwh),
            percent(month.pue.coverage),
            month.pue.status
        )?;
    }
    Ok(())
}

fn gaps(report: &Report, out: &mut String) -> fmt::Result {
    let gaps = &report.gaps;
    if gaps.count == 0 {
        return heading(out, "Gaps: none");
    }
    heading(out, &format!("Gaps: {}, together {} min; the longest", gaps.count, gaps.minutes))?;
    for gap in &gaps.longest {
        writeln!(out, "  {} to {}{:>9} min  not known: {}", gap.from, gap.to, gap.minutes, gap.unknown)?;
    }
    Ok(())
}

fn others(report: &Report, out: &mut String) -> fmt::Result {
    let figures: Vec<&Figure> = report.wue.iter().chain(&report.cue).chain(&report.indicators).collect();
    let carbon: Vec<&Carbon> = report.carbon.iter().chain(&report.market).collect();
    if figures.is_empty() && carbon.is_empty() {
        return Ok(());
    }
    heading(out, "Other indicators")?;
    for figure in figures {
        writeln!(out, "  {}\n    {}", named(figure), known(figure))?;
    }
    carbon.into_iter().try_for_each(|carbon| write_carbon(carbon, out))
}

fn write_carbon(carbon: &Carbon, out: &mut String) -> fmt::Result {
    writeln!(out, "  {}\n    {}", named(&carbon.figure), known(&carbon.figure))?;
    writeln!(out, "    {}: {}", carbon.basis, carbon.method)?;
    if let Some(note) = &carbon.note {
        writeln!(out, "    factor: {note}")?;
    }
    for factor in &carbon.factors {
        let of = factor.factor_year.map_or(String::new(), |year| format!(", of {year}"));
        let substitute =
            if factor.substitute { ", standing in until that of the year is published" } else { "" };
        let unconfirmed = if factor.unconfirmed { ", unconfirmed" } else { "" };
        let source = factor.source.as_ref().map_or(String::new(), |source| format!("; {source}"));
        writeln!(
            out,
            "    {}: {} kg/kWh{of}{substitute}{unconfirmed}{source}",
            factor.year, factor.kg_per_kwh
        )?;
    }
    basis::claims(carbon, out)
}

fn meters(report: &Report, out: &mut String) -> fmt::Result {
    heading(out, "Boundary: meters by role")?;
    for meter in &report.meters {
        writeln!(out, "  {:<20}{:<20}{}", meter.role.unwrap_or("-"), meter.meter, described(meter))?;
    }
    Ok(())
}

fn instruments(report: &Report, out: &mut String) -> fmt::Result {
    let rows = &report.uncertainty.meters;
    if rows.iter().all(|row| row.accuracy.is_none()) {
        return Ok(());
    }
    heading(out, "Uncertainty: instruments")?;
    for row in rows {
        let percent =
            |share: Option<f64>| share.map_or("?".to_owned(), |share| format!("{:.1} %", share * 100.0));
        let u = row.u_percent.map_or("?".to_owned(), |u| format!("{u:.3} %"));
        let calibrated = row.calibrated.as_ref().map_or(String::new(), |date| format!(", calibrated {date}"));
        let serial = row.serial.as_ref().map_or(String::new(), |serial| format!(", serial {serial}"));
        let accuracy = row.accuracy.map_or("?".to_owned(), |accuracy| accuracy.to_string());
        let current = row.current.map_or("?".to_owned(), |current| current.to_string());
        writeln!(
            out,
            "  {:<20}{accuracy}, {current}, load {}, u {u}, share {}{calibrated}{serial}",
            row.meter,
            percent(row.load),
            percent(row.share)
        )?;
    }
    Ok(())
}

fn described(meter: &BoundaryMeter) -> String {
    let mut words = vec![match meter.unit {
        Some(unit) => format!("{} in {unit}", meter.kind),
        None => meter.kind.to_owned(),
    }];
    words.extend((meter.scale != "1").then(|| format!("x {}", meter.scale)));
    words.extend(meter.form.map(str::to_owned));
    words.extend(meter.rated.as_ref().map(|rated| format!("rated {rated}")));
    words.push(format!("every {} s", meter.nominal_interval_s));
    words.push(format!("gap limit {} s", meter.gap_limit_s));
    words.extend(meter.steps.iter().map(|step| format!("{} {}", step.count, step.class)));
    words.extend((meter.pending > 0).then(|| format!("{} of them pending", meter.pending)));
    words.join(", ")
}

fn colophon(report: &Report, out: &mut String) -> fmt::Result {
    let (methods, versions) = (&report.methods, &report.versions);
    heading(out, "Method")?;
    writeln!(out, "  ratios         {}", methods.ratio)?;
    writeln!(out, "  non-electric   {}", methods.non_electric)?;
    writeln!(out, "  uncertainty    {}", methods.uncertainty)?;
    writeln!(out, "  decision rule  {}", methods.decision_rule)?;
    if let Some(seal) = &report.seal {
        heading(out, "Issued")?;
        writeln!(out, "  as {} by {}", seal.id, seal.who)?;
        writeln!(out, "  Merkle root of the ledger {} over {} blocks", seal.merkle_root, seal.merkle_leaves)?;
        match &seal.public_key {
            Some(key) => writeln!(out, "  signed (Ed25519), public key {key}")?,
            None => writeln!(out, "  not signed")?,
        }
    }
    heading(out, "Made from")?;
    writeln!(out, "  ledger change {}, digest {}", versions.change, versions.ledger_digest)?;
    writeln!(out, "  of {} minutes and {} steps", versions.ledger_minutes, versions.ledger_steps)?;
    writeln!(out, "  audit chain of {} entries, head {}", report.audit.entries, report.audit.hash)?;
    let factors = &versions.factors;
    let targets: Vec<String> =
        versions.targets.iter().map(|table| format!("{} {}", table.name, table.version)).collect();
    writeln!(
        out,
        "  wattledger {}, targets {}, factors {} {}",
        versions.engine,
        targets.join(", "),
        factors.name,
        factors.version
    )?;
    if let Some(known_at) = versions.known_at {
        writeln!(out, "  as it was known at {known_at}, by the configuration then in force")?;
    }
    writeln!(out, "  at {}", versions.generated_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_all_is_not_all_and_nearly_nothing_is_not_nothing() {
        let shown: Vec<String> =
            [1.0, 0.999_999, 0.861_872, 0.000_001, 0.0].into_iter().map(percent).collect();
        assert_eq!(shown, ["100.00 %", "99.99 %", "86.19 %", "< 0.01 %", "0.00 %"]);
    }
}
