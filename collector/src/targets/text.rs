//! The listing for people: what applies first with its verdict, then what cannot be said, then what does not apply.

use super::listing::{Listing, Row};
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
