//! What an emission factor is: as data, so that each language has its own words. Source: domain.md 4.1.

use super::Origin;
use std::fmt;
use wattledger_model::decimal::Decimal;

/// What an emission factor is, with year and source. `Display` is the English of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// What is finer than a year, where something is.
    pub finer: Option<Finer>,
    /// The factor by year, which stands in where nothing finer is known.
    pub years: Years,
}

/// An emission factor by year.
#[derive(Debug, Clone, PartialEq)]
pub enum Years {
    /// One factor for all years.
    Constant {
        /// kg of CO₂ per kWh.
        kg_per_kwh: Decimal,
        /// The generation year that it stands for.
        year: Option<i32>,
        /// Where it comes from.
        source: Option<String>,
    },
    /// A region of a factor table.
    Grid {
        /// The region.
        region: String,
        /// The table's name.
        table: String,
        /// The table's version.
        version: String,
    },
}

/// Emission factors that are finer than a year.
#[derive(Debug, Clone, PartialEq)]
pub enum Finer {
    /// A series in a file.
    Series {
        /// The file.
        file: String,
        /// What it says something of; `None` where it says nothing.
        of: Option<Extent>,
    },
    /// A series that cannot be used.
    Unusable {
        /// Why.
        why: String,
    },
    /// A gauge.
    Gauge {
        /// Its meter.
        meter: String,
        /// Its unit.
        unit: &'static str,
        /// The length of its intervals, minutes.
        step_minutes: i64,
        /// What it has said; `None` where that was not asked.
        said: Option<Said>,
    },
}

/// What a gauge has said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Of which time; `None` where it has said nothing yet.
    pub of: Option<Extent>,
    /// Minutes that are left out: no electricity gives off what it said of them.
    pub unbelieved_minutes: i64,
}

/// The time that steps say something of, by local clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Begin.
    pub from: String,
    /// End.
    pub to: String,
    /// What they leave out between.
    pub holes: Option<Holes>,
}

/// Time in an extent of which nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holes {
    /// How many there are.
    pub count: usize,
    /// Their minutes altogether.
    pub minutes: i64,
    /// Since when the first of them is, by local clocks.
    pub first: String,
}

/// What an emission factor is, and from where it came for how much of an interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Noted {
    /// What it is.
    pub note: Note,
    /// Minutes by origin, where it is finer than a year; nothing where it is not.
    pub over: Vec<(Origin, i64)>,
}

impl fmt::Display for Years {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Years::Constant { kg_per_kwh, year, source } => {
                write!(f, "{kg_per_kwh} kg/kWh")?;
                if let Some(year) = year {
                    write!(f, ", year {year}")?;
                }
                match source {
                    Some(source) => write!(f, ", {source}"),
                    None => Ok(()),
                }
            }
            Years::Grid { region, table, version } => write!(f, "grid {region}, {table} {version}"),
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)?;
        let Some(Holes { count, minutes, first }) = &self.holes else { return Ok(()) };
        let holes = if *count == 1 { "hole" } else { "holes" };
        write!(f, " without {minutes} min in {count} {holes}, from {first} on")
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.of {
            Some(extent) => write!(f, "{extent}")?,
            None => f.write_str("nothing yet")?,
        }
        match self.unbelieved_minutes {
            0 => Ok(()),
            minutes => write!(f, "; {minutes} min left out, whose values no electricity gives off"),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.finer {
            None => return self.years.fmt(f),
            Some(Finer::Unusable { why }) => return write!(f, "{} ({why})", self.years),
            Some(Finer::Series { file, of }) => {
                write!(f, "series {file} (")?;
                if let Some(extent) = of {
                    write!(f, "{extent}")?;
                }
                f.write_str(")")?;
            }
            Some(Finer::Gauge { meter, unit, step_minutes, said }) => {
                write!(f, "gauge {meter} in {unit} by {step_minutes} min")?;
                if let Some(said) = said {
                    write!(f, " ({said})")?;
                }
            }
        }
        write!(f, ", else {}", self.years)
    }
}

impl fmt::Display for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)?;
        for (at, (origin, minutes)) in self.over.iter().enumerate() {
            f.write_str(if at == 0 { "; of this period " } else { ", " })?;
            match origin {
                Origin::Series => write!(f, "{minutes} min have a factor of their own")?,
                Origin::Year { year: Some(year), .. } => write!(f, "{minutes} min that of {year}")?,
                Origin::Year { year: None, .. } => write!(f, "{minutes} min the constant one")?,
            }
        }
        Ok(())
    }
}
