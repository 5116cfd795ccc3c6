//! The rows of a text, and what is wrong with them.

use super::{MOST_BYTES, MOST_KG_PER_KWH, MOST_ROWS, is_factor};
use crate::calendar::Tz;
use crate::document::Moment;
use crate::time::{MINUTE_MS, Minute};
use std::fmt;

/// Problems that are listed; the rest are counted.
pub(super) const MOST_PROBLEMS: usize = 20;

/// What is wrong in a text, by line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SeriesProblems {
    /// Line, counted from 1, and what is wrong there.
    pub problems: Vec<(usize, String)>,
    /// How many more there are.
    pub more: usize,
}

impl fmt::Display for SeriesProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (line, problem)) in self.problems.iter().enumerate() {
            write!(f, "{}line {line}: {problem}", if at > 0 { "; " } else { "" })?;
        }
        if self.more > 0 { write!(f, "; and {} more", self.more) } else { Ok(()) }
    }
}

impl SeriesProblems {
    fn add(&mut self, line: usize, problem: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push((line, problem));
        } else {
            self.more += 1;
        }
    }

    fn one(line: usize, problem: impl Into<String>) -> SeriesProblems {
        SeriesProblems { problems: vec![(line, problem.into())], more: 0 }
    }
}

/// The rows of a text, in order.
pub(super) fn parse(text: &str, zone: Tz) -> Result<Vec<(Minute, f64)>, SeriesProblems> {
    if text.len() > MOST_BYTES {
        let many = format!("the text has {} bytes; at most {MOST_BYTES} are read", text.len());
        return Err(SeriesProblems::one(1, many));
    }
    let mut lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    let header = lines.next().map_or("", |(header, _)| header.trim());
    let per_kg = match header {
        "time,kg/kWh" | "time,kg_per_kwh" => 1.0,
        "time,g/kWh" | "time,g_per_kwh" => 1_000.0,
        _ => {
            let wrong =
                format!("the header is `{}`; it must be `time,kg/kWh` or `time,g/kWh`", shortened(header));
            return Err(SeriesProblems::one(1, wrong));
        }
    };
    let problems = SeriesProblems { problems: Vec::new(), more: 0 };
    let mut reader = Reader { per_kg, zone, rows: Vec::new(), count: 0, problems };
    let mut last_line = 1;
    for (row, line) in lines.filter(|(row, _)| !row.trim().is_empty()) {
        last_line = line;
        reader.count += 1;
        if reader.count > MOST_ROWS {
            reader.problems.add(line, format!("more than {MOST_ROWS} rows; split the series"));
            break;
        }
        reader.row(line, row);
    }
    if reader.problems.problems.is_empty() && reader.rows.len() < 2 {
        let few = "a series needs two rows at least, which say how long its intervals are";
        return Err(SeriesProblems::one(last_line, few));
    }
    if reader.problems.problems.is_empty() { Ok(reader.rows) } else { Err(reader.problems) }
}

/// Reads rows and keeps what is wrong with them.
struct Reader {
    per_kg: f64,
    zone: Tz,
    rows: Vec<(Minute, f64)>,
    count: usize,
    problems: SeriesProblems,
}

impl Reader {
    fn row(&mut self, line: usize, text: &str) {
        let Some((time, value)) = text.split_once(',') else {
            let wrong = format!("`{}` needs a time and a factor with a comma between", shortened(text));
            return self.problems.add(line, wrong);
        };
        let value = self.factor(value.trim());
        let minute = self.minute(time.trim());
        let follows = minute.clone().and_then(|minute| self.follows(minute));
        for problem in [value.as_ref().err(), follows.as_ref().err()].into_iter().flatten() {
            self.problems.add(line, problem.clone());
        }
        // A row with a wrong value still says when it is, for those below it.
        if let (Ok(minute), Ok(())) = (minute, follows) {
            self.rows.push((minute, value.unwrap_or(0.0)));
        }
    }

    fn factor(&self, text: &str) -> Result<f64, String> {
        match text.parse::<f64>().map(|value| value / self.per_kg) {
            Ok(value) if is_factor(value) => Ok(value),
            Ok(value) if value > MOST_KG_PER_KWH => Err(format!(
                "{value} kg/kWh is more than any electricity gives off; is the header's unit right?"
            )),
            _ => Err(format!("`{}` is not a factor", shortened(text))),
        }
    }

    fn minute(&self, text: &str) -> Result<Minute, String> {
        let at = text.parse::<Moment>()?.at(self.zone)?;
        if at.0 % MINUTE_MS == 0 { Ok(at.minute()) } else { Err(format!("{at} is not on a whole minute")) }
    }

    /// Whether a row comes after the one before.
    fn follows(&self, minute: Minute) -> Result<(), String> {
        match self.rows.last().map(|(before, _)| minute.cmp(before)) {
            Some(std::cmp::Ordering::Equal) => Err(format!("{minute} stands here a second time")),
            Some(std::cmp::Ordering::Less) => Err(format!("{minute} lies before the row above it")),
            _ => Ok(()),
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
