//! The listing for people: what applies first with its verdict, then what cannot be said, then what does not apply.

use super::listing::{Listing, Row};
use super::outlook::{Expected, Outlook};
use std::fmt::{self, Display, Write};

impl Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = self
            .facility
            .as_ref()
            .map_or("the group of all facilities".to_owned(), |name| format!("facility {name}"));
        writeln!(f, "Targets of {whose}, {}", self.period)?;
        let tables: Vec<String> =
            self.tables.iter().map(|(name, version)| format!("{name} {version}")).collect();
        writeln!(f, "Tables: {}", tables.join(", "))?;
        let of = |applies: &'static str| {
            self.rows.iter().filter(move |row| row.applies == applies || (applies == "yes" && row.in_use))
        };
        writeln!(f)?;
        let mut any = false;
        for row in of("yes") {
            any = true;
            applying(f, row)?;
        }
        if !any {
            writeln!(f, "No target applies.")?;
        }
        if !self.key_figures.is_empty() {
            let figures: Vec<String> =
                self.key_figures.iter().map(|(figure, table)| format!("{figure} ({table})")).collect();
            writeln!(f, "\nTo be reported without a limit: {}", figures.join(", "))?;
        }
        let unknown: Vec<&Row> = of("unknown").filter(|row| !row.in_use).collect();
        if !unknown.is_empty() {
            writeln!(f, "\nCannot be said before the facility declares:")?;
            for row in unknown {
                writeln!(f, "  {:<6} {} ({})", row.id, row.why, row.scope)?;
            }
        }
        let not: Vec<&Row> = of("no").filter(|row| !row.in_use).collect();
        if !not.is_empty() {
            writeln!(f, "\nDo not apply:")?;
            for row in not {
                let why = if row.why.is_empty() { "it applies to no facility" } else { &row.why };
                writeln!(f, "  {:<6} {why}", row.id)?;
            }
        }
        Ok(())
    }
}

fn applying(f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
    let mut head = format!("{:<6} {} {} {}", row.id, row.indicator, row.operator, row.limit);
    if row.aspirational {
        head.push_str(" (aspired to)");
    }
    let verdict = row.verdict.unwrap_or(match row.kind {
        "average" => "judged on the group: wattledger targets --group",
        _ => "not judged",
    });
    writeln!(f, "{head:<38} {verdict}")?;
    if let Some(value) = row.value {
        let mut figure = format!("{value:.4}");
        if let Some(expanded) = row.expanded {
            write!(figure, " ± {expanded:.4}")?;
        }
        if let Some(coverage) = row.coverage {
            write!(figure, ", coverage {:.2} %", coverage * 100.0)?;
        }
        writeln!(f, "         {figure}")?;
    }
    for reason in &row.reasons {
        writeln!(f, "         {reason}")?;
    }
    let horizon = match (&row.from, &row.until) {
        (_, Some(until)) if row.horizon_passed => format!("until {until}, which has passed"),
        (_, Some(until)) => format!("until {until}"),
        (Some(from), None) => format!("from {from}, open"),
        (None, None) => "open".to_owned(),
    };
    let applies = match row.applies {
        "yes" => format!("applies: {}", row.why),
        // Named in the configuration although it is not known to apply.
        "unknown" => format!("named by the facility; whether it applies is decided by {}", row.why),
        _ => format!("named by the facility, although {}", row.why),
    };
    writeln!(f, "         {applies}; {horizon}")?;
    writeln!(f, "         {}: {}", row.kind, row.scope)?;
    writeln!(f, "         {}", row.document)
}

/// Kilowatt-hours with the thousands apart.
fn kwh(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < -0.5 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outlook { facility, year, now, days_left, .. } = self;
        writeln!(f, "Budget of facility {facility}, {year} before {now}: {days_left} days are left")?;
        let coverage = self.coverage * 100.0;
        match self.value {
            Some(value) => writeln!(
                f,
                "Year to date  {value:.4} = {} / {} kWh, coverage {coverage:.2} %",
                kwh(self.total_kwh),
                kwh(self.it_kwh)
            )?,
            None => writeln!(f, "Year to date  no IT energy, coverage {coverage:.2} %")?,
        }
        match &self.forecast {
            Some(Expected { method, value, low, high, naive, remaining_pue, .. }) => {
                writeln!(f, "Whole year    {value:.4}, nine times in ten between {low:.4} and {high:.4}")?;
                writeln!(
                    f,
                    "              the rest at {remaining_pue:.4}, by {}; if the last 30 days went on: {naive:.4}",
                    explained(method)
                )?;
            }
            None if *days_left == 0 => writeln!(f, "Whole year    it is over")?,
            None => writeln!(f, "Whole year    too little is known of the last 30 days")?,
        }
        if let Some(best) = self.best_month {
            writeln!(f, "Best month    {best:.4} over 30 days of the last twelve months")?;
        }
        if self.targets.is_empty() {
            return writeln!(f, "\nNo target limits its PUE.");
        }
        writeln!(
            f,
            "\n{:<16} {:>9} {:>16} {:>8}  {:<23} {:>7}  STATE",
            "TARGET", "PERMITTED", "OVERHEAD LEFT", "LASTS", "BURN RATE Y 30D 7D 1D", "BREACH"
        )?;
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        for of in &self.targets {
            let name = format!("{} {} {}", of.target, of.operator, of.limit);
            let rates: Vec<String> =
                of.burn_rates.iter().map(|rate| or_dash(rate.map(|rate| format!("{rate:.2}")))).collect();
            writeln!(
                f,
                "{name:<16} {:>9} {:>16} {:>8}  {:<23} {:>7}  {}",
                or_dash(of.permitted.map(|pue| format!("{pue:.4}"))),
                or_dash(of.overhead_left_kwh.map(|left| format!("{} kWh", kwh(left)))),
                or_dash(of.lasts_days.map(|days| format!("{days:.0} d"))),
                rates.join("  "),
                or_dash(of.breach_probability.map(|share| format!("{:.0} %", share * 100.0))),
                of.state.word()
            )?;
        }
        Ok(())
    }
}

fn explained(method: &str) -> &str {
    match method {
        "weather" => "how the overhead answers to outdoor temperature, and last year's temperatures",
        "season" => "last year's season, and how this year differed from it so far",
        "mirrored" => "the other side of this year's summer",
        _ => "the last 30 days",
    }
}
