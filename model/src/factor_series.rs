//! Emission factors by interval: hourly, or as fine as a grid publishes them. Source: domain.md 4.1.
//!
//! A series is one piece without gaps, so that no time in it has a factor by guess.

use crate::time::{Interval, MINUTE_MS, Minute, Timestamp};
use std::fmt;

/// Rows that a series may have: five years of five minutes.
pub const MOST_ROWS: usize = 530_000;
/// Bytes that a text may have.
pub const MOST_BYTES: usize = 32 * 1024 * 1024;
/// Problems that are listed; the rest are counted.
const MOST_PROBLEMS: usize = 20;
/// No electricity gives off more, kg/kWh: a greater number is in another unit.
const MOST_KG_PER_KWH: f64 = 3.0;

/// Factors of consecutive intervals of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct FactorSeries {
    from: Minute,
    step_minutes: i64,
    kg_per_kwh: Vec<f64>,
}

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
    fn new() -> SeriesProblems {
        SeriesProblems { problems: Vec::new(), more: 0 }
    }

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

impl FactorSeries {
    /// Reads a CSV text: a header `time,kg_per_kwh` or `time,g_per_kwh`, then a row for each interval with its start
    /// (RFC 3339, on a whole minute) and its factor. The first two rows give the length of all intervals.
    ///
    /// # Errors
    /// All gaps, duplicates and values that cannot be, with their lines.
    pub fn parse(text: &str) -> Result<FactorSeries, SeriesProblems> {
        if text.len() > MOST_BYTES {
            let many = format!("the text has {} bytes; at most {MOST_BYTES} are read", text.len());
            return Err(SeriesProblems::one(1, many));
        }
        let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        let per_kg = match lines.next().map(|(_, header)| header.trim()) {
            Some("time,kg_per_kwh" | "time,kg/kWh") => 1.0,
            Some("time,g_per_kwh" | "time,g/kWh") => 1_000.0,
            _ => {
                return Err(SeriesProblems::one(
                    1,
                    "the header is not `time,kg_per_kwh` or `time,g_per_kwh`",
                ));
            }
        };
        let mut reader = Reader::new(per_kg);
        for (at, line) in lines {
            if !line.trim().is_empty() {
                reader.row(at + 1, line);
            }
        }
        reader.finish()
    }

    /// Factors of intervals of `step_minutes` from a minute on, kg/kWh; `None` where there are none, too
    /// many, the length is not positive, or a value cannot be.
    pub fn from_values(from: Minute, step_minutes: i64, kg_per_kwh: Vec<f64>) -> Option<FactorSeries> {
        let fits = step_minutes > 0 && (1..=MOST_ROWS).contains(&kg_per_kwh.len());
        let length = step_minutes.checked_mul(i64::try_from(kg_per_kwh.len()).ok()?)?;
        from.0.checked_add(length)?;
        let is_believed = kg_per_kwh.iter().all(|value| is_factor(*value));
        (fits && is_believed).then_some(FactorSeries { from, step_minutes, kg_per_kwh })
    }

    /// The factor of the interval that contains a minute, kg/kWh; `None` outside the series.
    pub fn at(&self, minute: Minute) -> Option<f64> {
        self.kg_per_kwh.get(self.index(minute)?).copied()
    }

    /// All the time that the series says something of.
    pub fn covers(&self) -> Interval {
        let minutes = self.step_minutes * self.kg_per_kwh.len() as i64;
        Interval::new(self.from, Minute(self.from.0 + minutes))
    }

    /// The length of its intervals, minutes.
    pub fn step_minutes(&self) -> i64 {
        self.step_minutes
    }

    /// Whether all of an interval has one factor of the series.
    pub fn is_one_step(&self, interval: Interval) -> bool {
        let first = self.index(interval.from);
        let last = self.index(Minute(interval.to.0.saturating_sub(1)));
        !interval.is_empty() && first == last && self.covers().intersect(interval) == interval
    }

    /// The mean over time, for people: an amount of carbon is never made with it. `None` unless the series covers all
    /// of the interval.
    pub fn mean(&self, interval: Interval) -> Option<f64> {
        if interval.is_empty() || self.covers().intersect(interval) != interval {
            return None;
        }
        let (first, last) = (self.index(interval.from)?, self.index(Minute(interval.to.0 - 1))?);
        let mut sum = 0.0;
        for at in first..=last {
            let from = self.from.0 + at as i64 * self.step_minutes;
            let step = Interval::new(Minute(from), Minute(from + self.step_minutes));
            sum += self.kg_per_kwh[at] * step.intersect(interval).minutes() as f64;
        }
        Some(sum / interval.minutes() as f64)
    }

    fn index(&self, minute: Minute) -> Option<usize> {
        let at = minute.0.checked_sub(self.from.0)?.div_euclid(self.step_minutes);
        usize::try_from(at).ok().filter(|at| *at < self.kg_per_kwh.len())
    }
}

fn is_factor(kg_per_kwh: f64) -> bool {
    (0.0..=MOST_KG_PER_KWH).contains(&kg_per_kwh)
}

/// Reads rows and keeps what is wrong with them.
struct Reader {
    per_kg: f64,
    rows: Vec<(Minute, f64)>,
    count: usize,
    last_line: usize,
    step_minutes: Option<i64>,
    problems: SeriesProblems,
}

impl Reader {
    fn new(per_kg: f64) -> Reader {
        let problems = SeriesProblems::new();
        Reader { per_kg, rows: Vec::new(), count: 0, last_line: 1, step_minutes: None, problems }
    }

    fn row(&mut self, line: usize, text: &str) {
        self.last_line = line;
        self.count += 1;
        if self.count > MOST_ROWS {
            if self.count == MOST_ROWS + 1 {
                self.problems.add(line, format!("more than {MOST_ROWS} rows; split the series"));
            }
            return;
        }
        let Some((time, value)) = text.split_once(',') else {
            return self.problems.add(line, format!("`{}` is not a time and a factor", shortened(text)));
        };
        let value = self.value(line, value.trim());
        let minute = self.minute(line, time.trim());
        if let (Some(minute), Some(value)) = (minute, value) {
            self.follow(line, minute);
            self.rows.push((minute, value));
        }
    }

    fn value(&mut self, line: usize, text: &str) -> Option<f64> {
        let value = text.parse::<f64>().ok().map(|value| value / self.per_kg);
        let problem = match value {
            Some(value) if is_factor(value) => return Some(value),
            Some(value) if value > MOST_KG_PER_KWH => {
                format!("{value} kg/kWh is more than any electricity gives off; is the header's unit right?")
            }
            _ => format!("`{}` is not a factor", shortened(text)),
        };
        self.problems.add(line, problem);
        None
    }

    fn minute(&mut self, line: usize, text: &str) -> Option<Minute> {
        let Some(at) = Timestamp::from_rfc3339(text).filter(|at| at.is_believable()) else {
            self.problems.add(line, format!("`{}` is not an RFC 3339 time with its zone", shortened(text)));
            return None;
        };
        if at.0 % MINUTE_MS != 0 {
            self.problems.add(line, format!("{at} is not on a whole minute"));
            return None;
        }
        Some(at.minute())
    }

    /// Whether a row follows the one before.
    fn follow(&mut self, line: usize, minute: Minute) {
        let Some((before, _)) = self.rows.last().copied() else { return };
        let passed = minute.0 - before.0;
        let problem = match self.step_minutes {
            _ if passed == 0 => format!("{minute} stands here a second time"),
            _ if passed < 0 => format!("{minute} lies before the row above it"),
            None => {
                self.step_minutes = Some(passed);
                return;
            }
            Some(step) if passed == step => return,
            Some(step) => {
                format!(
                    "{minute} does not follow {before} by {step} minutes, like the rows before: there is a gap"
                )
            }
        };
        self.problems.add(line, problem);
    }

    fn finish(mut self) -> Result<FactorSeries, SeriesProblems> {
        let first = self.rows.first().map(|(minute, _)| *minute);
        if let (Some(from), Some(step_minutes)) = (first, self.step_minutes)
            && self.problems.problems.is_empty()
        {
            let kg_per_kwh = self.rows.into_iter().map(|(_, value)| value).collect();
            return Ok(FactorSeries { from, step_minutes, kg_per_kwh });
        }
        if self.problems.problems.is_empty() {
            let few = "a series needs two rows at least, which say how long its intervals are".to_owned();
            self.problems.add(self.last_line, few);
        }
        Err(self.problems)
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn minute(text: &str) -> Minute {
        Timestamp::from_rfc3339(text).expect("a time").minute()
    }

    fn series() -> FactorSeries {
        let text = "time,g_per_kwh\n2026-01-01T00:00:00Z,600\n2026-01-01T01:00:00Z,500\n2026-01-01T03:00:00+01:00,200\n";
        FactorSeries::parse(text).expect("a series")
    }

    #[test]
    fn the_factor_is_that_of_the_interval_and_of_no_time_outside() {
        let series = series();
        assert_eq!(series.step_minutes(), 60);
        assert_eq!(series.at(minute("2026-01-01T00:59:00Z")), Some(0.6));
        assert_eq!(series.at(minute("2026-01-01T01:00:00Z")), Some(0.5));
        assert_eq!(series.at(minute("2026-01-01T02:59:00Z")), Some(0.2));
        assert_eq!(series.at(minute("2026-01-01T03:00:00Z")), None);
        assert_eq!(series.at(minute("2025-12-31T23:59:00Z")), None);
        assert_eq!(series.at(Minute(i64::MIN)), None);
    }

    #[test]
    fn the_mean_is_over_time() {
        let series = series();
        let over = |from, to| series.mean(Interval::new(minute(from), minute(to)));
        let mean = over("2026-01-01T00:30:00Z", "2026-01-01T03:00:00Z").expect("covered");
        assert!((mean - (0.3 + 0.5 + 0.2) / 2.5).abs() < 1e-15);
        assert_eq!(over("2026-01-01T00:30:00Z", "2026-01-01T03:01:00Z"), None);
        let one = |from, to| series.is_one_step(Interval::new(minute(from), minute(to)));
        assert!(one("2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"));
        assert!(!one("2026-01-01T01:30:00Z", "2026-01-01T02:30:00Z"));
        assert!(!one("2026-01-01T02:30:00Z", "2026-01-01T03:30:00Z"));
    }

    #[test]
    fn gaps_duplicates_and_wrong_units_are_named_with_their_lines() {
        let text = "time,kg_per_kwh\n2026-01-01T00:00:00Z,0.5\n2026-01-01T01:00:00Z,0.5\n2026-01-01T03:00:00Z,0.5\n\
                    2026-01-01T03:00:00Z,0.5\n2026-01-01T02:00:00Z,0.5\n2026-01-01 04:00,0.5\n2026-01-01T05:00:00Z,500\n\
                    2026-01-01T05:00:30Z,0.5\nwhat\n2026-01-01T06:00:00Z,NaN\n2026-01-01T06:00:00Z,-1\n";
        let problems = FactorSeries::parse(text).expect_err("many");
        let lines: Vec<usize> = problems.problems.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [4, 5, 6, 7, 8, 9, 10, 11, 12], "{problems}");
        assert!(problems.to_string().contains("line 8: 500 kg/kWh is more than any electricity gives off"));
    }

    #[test]
    fn a_text_without_unit_or_with_one_row_is_refused() {
        for text in ["", "time,factor\n", "time,kg_per_kwh\n", "time,kg_per_kwh\n2026-01-01T00:00:00Z,0.5\n"]
        {
            assert!(FactorSeries::parse(text).is_err(), "{text}");
        }
        assert!(FactorSeries::from_values(Minute(0), 60, vec![]).is_none());
        assert!(FactorSeries::from_values(Minute(0), 0, vec![0.5]).is_none());
        assert!(FactorSeries::from_values(Minute(0), 60, vec![f64::NAN]).is_none());
        assert!(FactorSeries::from_values(Minute(i64::MAX), 60, vec![0.5]).is_none());
    }

    #[test]
    fn problems_are_listed_within_a_limit() {
        let text = format!("time,kg_per_kwh\n{}", "x\n".repeat(100));
        let problems = FactorSeries::parse(&text).expect_err("many");
        assert_eq!((problems.problems.len(), problems.more), (MOST_PROBLEMS, 100 - MOST_PROBLEMS));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(time,kg_per_kwh\n)?(([0-9T:Z+-]{0,25}),([0-9.eE+-]{0,8})\n){0,20}") {
            if let Ok(series) = FactorSeries::parse(&text) {
                prop_assert!(series.mean(series.covers()).is_some());
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            step in 1_i64..=1_440,
            start in 20_000_000_i64..30_000_000,
            values in proptest::collection::vec(0_u32..=3_000, 2..50),
        ) {
            let mut text = "time,g_per_kwh\n".to_owned();
            for (value, at) in values.iter().zip(0_i64..) {
                text.push_str(&format!("{},{value}\n", Minute(start + at * step)));
            }
            let series = FactorSeries::parse(&text).expect("a series");
            let expected = values.iter().map(|value| f64::from(*value) / 1_000.0).collect();
            prop_assert_eq!(Some(series), FactorSeries::from_values(Minute(start), step, expected));
        }
    }
}
