//! The explanation of a meter for a terminal.

use super::super::{local, pending};
use super::content::{Booked, CorrectionTold, Epoch, Known, LossTold, MeterExplanation, ReadingTold, Run};
use crate::outputs::reports::Amount;
use std::fmt::{self, Write};
use wattledger_model::calendar::Tz;

/// Lines of one list that are shown; the JSON holds them all.
const LINES: usize = 400;

impl MeterExplanation {
    /// The explanation as text for people, with a line end.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let zone = self.period.time_zone.parse().unwrap_or(Tz::UTC);
        Text { told: self, zone }.write(&mut out).expect("writing to a string cannot fail");
        out
    }
}

struct Text<'t> {
    told: &'t MeterExplanation,
    zone: Tz,
}

fn seconds(seconds: f64) -> String {
    local::length((seconds * 1_000.0).round() as i64)
}

impl Text<'_> {
    fn write(&self, out: &mut String) -> fmt::Result {
        let told = self.told;
        let at = |at| local::minute(at, self.zone);
        let title = if told.title == told.meter { String::new() } else { format!(" ({})", told.title) };
        writeln!(out, "{}{title}, {}", told.meter, told.period.text)?;
        writeln!(
            out,
            "  {} to {}, {}",
            at(told.period.from.minute()),
            at(told.period.to.minute()),
            told.period.time_zone
        )?;
        if let Some(cut) = &told.period.cut {
            writeln!(out, "  {cut}")?;
        }
        for note in &told.notes {
            writeln!(out, "  note: {note}")?;
        }
        writeln!(out)?;
        self.booked(&told.booked, out)?;
        self.check(out)?;
        self.pending(out)?;
        self.deleted(out)?;
        self.readings(out)?;
        if !told.steps.is_empty() {
            writeln!(out, "\nWhat lies between them, and the {} here", unit_or_time(told.unit))?;
            self.runs(&told.steps, out)?;
        }
        self.corrections(out)?;
        self.read(out)?;
        self.quarantine(out)?;
        self.losses(out)
    }

    fn amount(&self, amount: Option<Amount>) -> String {
        amount.map_or_else(String::new, |amount| format!("{} {}", amount.grouped(), self.told.unit))
    }

    fn booked(&self, booked: &Booked, out: &mut String) -> fmt::Result {
        if booked.total.is_some() {
            writeln!(out, "  {:<14}{:>24}", "in all", self.amount(booked.total))?;
        }
        let parts = [
            ("measured", booked.measured),
            ("interpolated", booked.interpolated),
            ("estimated", booked.estimated),
        ];
        for (word, Known { amount, seconds: time }) in parts {
            if time > 0.0 || amount.is_some_and(|amount| amount.to_string() != "0") {
                writeln!(out, "  {word:<14}{:>24}  for {}", self.amount(amount), seconds(time))?;
            }
        }
        if booked.missing_s > 0.0 {
            writeln!(out, "  {:<14}{:>24}  for {}", "not known", "", seconds(booked.missing_s))?;
        }
        Ok(())
    }

    fn check(&self, out: &mut String) -> fmt::Result {
        let check = &self.told.ledger;
        match (check.same, &check.holds) {
            (Some(true), _) => writeln!(out, "  the ledger holds the same, to the last digit"),
            (Some(false), Some(holds)) => {
                writeln!(out, "  the ledger holds something else:")?;
                self.booked(holds, out)?;
                writeln!(out, "  {}", check.why.as_deref().unwrap_or_default())
            }
            _ => Ok(()),
        }
    }

    fn deleted(&self, out: &mut String) -> fmt::Result {
        let Some(deleted) = &self.told.deleted else { return Ok(()) };
        let before = local::shown(deleted.before, self.zone);
        writeln!(
            out,
            "\nBefore {before} raw readings were deleted with age; the minutes made of them remain"
        )?;
        self.booked(&deleted.booked, out)?;
        self.runs(&deleted.steps, out)
    }

    fn readings(&self, out: &mut String) -> fmt::Result {
        let readings = &self.told.readings;
        writeln!(out, "\nReadings")?;
        let used = local::count(readings.used, "reading", "readings");
        match (readings.first, readings.last) {
            (Some(first), Some(last)) => {
                let at = |at| local::shown(at, self.zone);
                writeln!(out, "  {used} used, from {} to {}", at(first), at(last))?;
            }
            _ => writeln!(out, "  none used")?,
        }
        let unused = readings.told.iter().filter(|reading| !reading.used).count();
        if unused > 0 {
            writeln!(out, "  {} not used", local::count(unused, "reading", "readings"))?;
        }
        self.limited(&readings.told, out, |reading: &ReadingTold, out| {
            let unit = reading.unit.map_or_else(String::new, |unit| format!(" {unit}"));
            let doubt = if reading.suspect { ", the device doubts it" } else { "" };
            let at = local::shown(reading.at, self.zone);
            writeln!(out, "    {at}  {}{unit}  {}{doubt}", reading.value, reading.fate)
        })?;
        self.again(out)
    }

    fn pending(&self, out: &mut String) -> fmt::Result {
        if !self.told.pending.is_empty() {
            writeln!(out, "\nNot decided yet, and so provisional")?;
        }
        for one in &self.told.pending {
            writeln!(out, "  {}", pending::line(one, self.told.unit, self.zone))?;
            writeln!(out, "    decided by {}", one.decides)?;
        }
        Ok(())
    }

    /// What came for instants that had a reading.
    fn again(&self, out: &mut String) -> fmt::Result {
        let again = &self.told.again;
        if again.duplicates == 0 && again.conflicts == 0 {
            return Ok(());
        }
        let number = |of: u64, one, many| local::count(usize::try_from(of).unwrap_or(usize::MAX), one, many);
        writeln!(
            out,
            "  of all the meter's time {} and {} with another value for one instant",
            number(again.duplicates, "reading came again", "readings came again"),
            number(again.conflicts, "came", "came")
        )?;
        writeln!(out, "    {}", again.rule)
    }

    fn limited<T>(
        &self,
        all: &[T],
        out: &mut String,
        line: impl Fn(&T, &mut String) -> fmt::Result,
    ) -> fmt::Result {
        all.iter().take(LINES).try_for_each(|one| line(one, out))?;
        match all.len().saturating_sub(LINES) {
            0 => Ok(()),
            more => writeln!(out, "    ... {more} more; --json shows them"),
        }
    }

    fn runs(&self, runs: &[Run], out: &mut String) -> fmt::Result {
        self.limited(runs, out, |run: &Run, out| {
            let (from, to) = (local::shown(run.from, self.zone), local::shown(run.to, self.zone));
            let known = run.provenance.unwrap_or("missing");
            writeln!(out, "  {from} to {to}")?;
            let here = self.amount(run.inside.or(run.amount));
            writeln!(out, "    {:<12}{known:<13}{here:>20}  {}", run.class, run.rule)?;
            match (run.amount, run.inside) {
                (Some(all), Some(inside)) if all != inside => {
                    writeln!(
                        out,
                        "    {:<25}{:>20}  in all, the rest of it outside the period",
                        "",
                        self.amount(Some(all))
                    )
                }
                _ => Ok(()),
            }
        })
    }

    fn corrections(&self, out: &mut String) -> fmt::Result {
        let corrections = &self.told.corrections;
        if corrections.is_empty() {
            return writeln!(out, "\nCorrections: none");
        }
        writeln!(out, "\nCorrections")?;
        self.limited(corrections, out, |one: &CorrectionTold, out| {
            let number = one.number.map_or_else(|| "declared".to_owned(), |number| number.to_string());
            writeln!(out, "  {number:>6}  {}", one.says)?;
            if let (Some(at), Some(who)) = (one.at, &one.who) {
                let reason = one.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
                writeln!(out, "          by {who}, {}{reason}", local::shown(at, self.zone))?;
            }
            let withdrawn = one.withdrawn_by.map_or_else(String::new, |by| format!(", by entry {by}"));
            writeln!(out, "          effect: {}{withdrawn}", one.effect)
        })
    }

    fn read(&self, out: &mut String) -> fmt::Result {
        let read = &self.told.read;
        writeln!(out, "\nHow it is read")?;
        let form = read.form.map_or_else(String::new, |form| format!(", {form}"));
        let both = if read.both_directions { ", counts both directions" } else { "" };
        writeln!(
            out,
            "  {}{form}{both}, every {} s, gap limit {}",
            read.kind,
            read.nominal_interval_s,
            seconds(read.gap_limit_s)
        )?;
        for epoch in &read.epochs {
            writeln!(out, "  {}", self.epoch(epoch))?;
        }
        for claim in &self.told.claims {
            writeln!(out, "  counts as {claim}")?;
        }
        if self.told.claims.is_empty() && read.declared {
            writeln!(out, "  counts nowhere")?;
        }
        Ok(())
    }

    fn epoch(&self, epoch: &Epoch) -> String {
        let since = epoch.from.map_or_else(
            || "from the first".to_owned(),
            |from| format!("from {}", local::shown(from, self.zone)),
        );
        let unit = epoch.unit.unwrap_or("the unit each reading has");
        let mut words = vec![format!("{since}: in {unit}")];
        words.extend((epoch.scale != "1").then(|| format!("x {}", epoch.scale)));
        words.extend(epoch.modulus.as_ref().map(|modulus| format!("modulus {modulus}")));
        words.extend(epoch.resolution.as_ref().map(|resolution| format!("resolution {resolution}")));
        words.extend(epoch.rated.as_ref().map(|rated| format!("rated {rated}")));
        words.extend(epoch.binary32.then(|| "sent as binary32".to_owned()));
        words.extend(epoch.instrument.clone());
        words.extend(epoch.joins.clone());
        words.join(", ")
    }

    fn quarantine(&self, out: &mut String) -> fmt::Result {
        let (held, more) = (&self.told.quarantine, self.told.quarantine_more);
        if held.is_empty() {
            return writeln!(out, "\nQuarantine: nothing of this meter and time");
        }
        writeln!(out, "\nQuarantine: refused, and so not in the figure")?;
        for one in held {
            let at = local::shown(one.at, self.zone);
            let value = one.value.as_deref().unwrap_or("no reading");
            writeln!(out, "  {:>6}  {at}  {value}  {}: {}", one.id, one.cause, one.detail)?;
        }
        if more > 0 {
            writeln!(
                out,
                "  ... {more} more; `wattledger quarantine list --meter {}` shows them",
                self.told.meter
            )?;
        }
        Ok(())
    }

    fn losses(&self, out: &mut String) -> fmt::Result {
        let losses = &self.told.losses;
        if losses.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nTaken in by an agent and not sent whole, by day")?;
        self.limited(losses, out, |one: &LossTold, out| {
            let (from, to) = (local::shown(one.from, self.zone), local::shown(one.to, self.zone));
            let count = usize::try_from(one.readings).unwrap_or(usize::MAX);
            let readings = local::count(count, "reading", "readings");
            let whose = if one.of_meter { "" } else { ", of meters that are not known" };
            writeln!(out, "  {}: {readings} {}{whose}, {from} to {to}", one.agent, one.cause)
        })
    }
}

fn unit_or_time(unit: &str) -> &str {
    if unit.is_empty() { "time" } else { unit }
}
