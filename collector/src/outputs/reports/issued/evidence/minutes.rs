//! Minutes and steps of a meter as CSV.
//!
//! Amounts are whole base units (µWh, mL, mg), lengths of time milliseconds, instants RFC 3339 in UTC; levels of gauges have
//! the shortest digits that give the same binary64. An hour of which nothing is known but that is there in the ledger has
//! one row of zeros.

use crate::ledger::block::{GaugeHour, Hour, MINUTES, decode_levels, decode_sums};
use crate::store::StoreError;
use std::fmt::Write as _;
use std::io::{BufRead, Read as _};
use wattledger_model::minute::{GaugeMinute, Minute, Part, Provenance, Step, StepClass};
use wattledger_model::time::{HOUR_MINUTES, Minute as At, Timestamp};

/// The heading of minutes of a summed quantity.
pub(super) const SUMS: &str =
    "minute,measured,measured_ms,interpolated,interpolated_ms,estimated,estimated_ms";
/// The heading of minutes of a gauge.
pub(super) const LEVELS: &str = "minute,mean,least,greatest,ms";
/// The heading of steps.
pub(super) const STEPS: &str = "from,to,class,amount,provenance";

/// The rows of one hour's block, after which heading they belong.
pub(super) fn rows(hour: i64, block: &[u8], text: &mut String) -> Result<&'static str, StoreError> {
    let start = hour * HOUR_MINUTES;
    let at = |position: usize| At(start + position as i64).start();
    let before = text.len();
    if let Ok(levels) = decode_levels(block) {
        for (position, level) in
            levels.iter().enumerate().filter(|(_, level)| **level != GaugeMinute::default())
        {
            put_level(text, at(position), level);
        }
        if text.len() == before {
            put_level(text, at(0), &GaugeMinute::default());
        }
        return Ok(LEVELS);
    }
    let sums = decode_sums(block)
        .map_err(|source| StoreError::Block { what: format!("minutes of hour {hour}"), source })?;
    for (position, sums) in sums.iter().enumerate().filter(|(_, sums)| !sums.is_missing()) {
        put_sums(text, at(position), sums);
    }
    if text.len() == before {
        put_sums(text, at(0), &Minute::default());
    }
    Ok(SUMS)
}

fn put_sums(text: &mut String, at: Timestamp, minute: &Minute) {
    let [m, i, e] = minute.parts;
    writeln!(text, "{at},{},{},{},{},{},{}", m.amount, m.ms, i.amount, i.ms, e.amount, e.ms)
        .expect("writing to a text does not fail");
}

fn put_level(text: &mut String, at: Timestamp, minute: &GaugeMinute) {
    let GaugeMinute { mean, min, max, ms } = minute;
    writeln!(text, "{at},{mean:?},{min:?},{max:?},{ms}").expect("writing to a text does not fail");
}

/// The row of a step.
pub(super) fn put_step(text: &mut String, step: &Step) {
    let Step { from, to, class, amount, provenance } = step;
    let amount = amount.map_or_else(String::new, |amount| amount.to_string());
    let provenance = provenance.map_or("", Provenance::word);
    writeln!(text, "{from},{to},{},{amount},{provenance}", class.word())
        .expect("writing to a text does not fail");
}

/// Why rows are not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// They are not what they should be.
    Rows(String),
    /// Whoever took the hours says no.
    Taken(StoreError),
}

/// Bytes of a row, at most.
const LONGEST_ROW: u64 = 400;

/// Reads minutes of a summed quantity back, and gives each hour to `each`.
pub(super) fn sums(
    from: impl BufRead,
    each: impl FnMut(i64, &Hour) -> Result<(), StoreError>,
) -> Result<(), Unread> {
    let read = |fields: &[&str]| {
        let part = |at: usize| {
            let part = Part { amount: fields[at].parse().ok()?, ms: fields[at + 1].parse().ok()? };
            (i64::from(part.ms) <= wattledger_model::time::MINUTE_MS).then_some(part)
        };
        Some(Minute { parts: [part(1)?, part(3)?, part(5)?] })
    };
    hours(from, SUMS, read, each)
}

/// Reads minutes of a gauge back, and gives each hour to `each`.
pub(super) fn levels(
    from: impl BufRead,
    each: impl FnMut(i64, &GaugeHour) -> Result<(), StoreError>,
) -> Result<(), Unread> {
    let read = |fields: &[&str]| {
        let (mean, min, max) = (fields[1].parse().ok()?, fields[2].parse().ok()?, fields[3].parse().ok()?);
        let ms: u32 = fields[4].parse().ok()?;
        (i64::from(ms) <= wattledger_model::time::MINUTE_MS).then_some(GaugeMinute { mean, min, max, ms })
    };
    hours(from, LEVELS, read, each)
}

/// Hour by hour, so that no file is ever held as a whole.
fn hours<M: Copy + Default>(
    mut from: impl BufRead,
    heading: &str,
    read: impl Fn(&[&str]) -> Option<M>,
    mut each: impl FnMut(i64, &[M; MINUTES]) -> Result<(), StoreError>,
) -> Result<(), Unread> {
    let rows = Unread::Rows;
    if next_row(&mut from)?.as_deref() != Some(heading) {
        return Err(rows(format!("the first line is not `{heading}`")));
    }
    let mut last: Option<At> = None;
    let mut hour = [M::default(); MINUTES];
    for line in 2_u64.. {
        let Some(row) = next_row(&mut from)? else { break };
        let fields: Vec<&str> = row.split(',').collect();
        let count = heading.split(',').count();
        let at = fields.first().and_then(|at| Timestamp::from_rfc3339(at)).filter(|_| fields.len() == count);
        let found = at.filter(|at| at.minute().start() == *at).zip(read_if(&fields, count, &read));
        let Some((at, minute)) = found else { return Err(rows(format!("line {line} is no minute"))) };
        let at = at.minute();
        if last.is_some_and(|last| last >= at) {
            return Err(rows(format!("line {line} is not after the one before it")));
        }
        if let Some(before) = last.filter(|last| last.hour() != at.hour()) {
            each(before.hour(), &hour).map_err(Unread::Taken)?;
            hour = [M::default(); MINUTES];
        }
        last = Some(at);
        hour[(at.0 - at.hour() * HOUR_MINUTES) as usize] = minute;
    }
    match last {
        Some(last) => each(last.hour(), &hour).map_err(Unread::Taken),
        None => Ok(()),
    }
}

/// The next row without its line end; `None` after the last.
fn next_row(from: &mut impl BufRead) -> Result<Option<String>, Unread> {
    let mut row = String::new();
    let read = from.take(LONGEST_ROW).read_line(&mut row);
    let read = read.map_err(|error| Unread::Rows(format!("it cannot be unpacked: {error}")))?;
    if read as u64 == LONGEST_ROW && !row.ends_with('\n') {
        return Err(Unread::Rows("a line is too long to be a row".to_owned()));
    }
    let row = row.strip_suffix('\n').map_or(row.as_str(), |row| row.strip_suffix('\r').unwrap_or(row));
    Ok((read > 0).then(|| row.to_owned()))
}

fn read_if<M>(fields: &[&str], count: usize, read: impl Fn(&[&str]) -> Option<M>) -> Option<M> {
    if fields.len() == count { read(fields) } else { None }
}

/// Reads steps back.
pub(super) fn steps(text: &str) -> Result<Vec<Step>, String> {
    let read = |row: &str| {
        let fields: Vec<&str> = row.split(',').collect();
        let [from, to, class, amount, provenance] = fields[..] else { return None };
        let amount = if amount.is_empty() { None } else { Some(amount.parse::<i64>().ok()?.into()) };
        let provenance = match provenance {
            "" => None,
            word => Some(Provenance::ALL.into_iter().find(|provenance| provenance.word() == word)?),
        };
        Some(Step {
            from: Timestamp::from_rfc3339(from)?,
            to: Timestamp::from_rfc3339(to)?,
            class: StepClass::from_word(class)?,
            amount,
            provenance,
        })
    };
    let of = |(line, row)| read(row).ok_or_else(|| format!("line {line} is no step"));
    lines(text, STEPS)?.map(of).collect()
}

/// The rows after the heading, with their numbers.
fn lines<'t>(text: &'t str, heading: &str) -> Result<impl Iterator<Item = (usize, &'t str)>, String> {
    let mut lines = (1..).zip(text.lines());
    match lines.next() {
        Some((_, first)) if first == heading => Ok(lines),
        _ => Err(format!("the first line is not `{heading}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::block::{encode_levels, encode_sums};

    #[test]
    fn minutes_come_back_byte_for_byte() {
        let mut sums_of = [Minute::default(); MINUTES];
        sums_of[3].parts =
            [Part { amount: -7, ms: 60_000 }, Part::default(), Part { amount: i64::MAX, ms: 1 }];
        sums_of[59].parts[1] = Part { amount: 12, ms: 30_000 };
        for hour in [sums_of, [Minute::default(); MINUTES]] {
            let (mut text, block) = (format!("{SUMS}\n"), encode_sums(&hour));
            assert_eq!(rows(490_000, &block, &mut text).expect("readable"), SUMS);
            let mut back = Vec::new();
            sums(text.as_bytes(), |hour, sums| {
                back.push((hour, encode_sums(sums)));
                Ok(())
            })
            .expect("read back");
            assert_eq!(back, [(490_000, block)], "{text}");
        }
        let mut levels_of = [GaugeMinute::default(); MINUTES];
        levels_of[0] = GaugeMinute { mean: 0.1 + 0.2, min: -1e-300, max: 1e22, ms: 59_999 };
        for hour in [levels_of, [GaugeMinute::default(); MINUTES]] {
            let (mut text, block) = (format!("{LEVELS}\n"), encode_levels(&hour));
            assert_eq!(rows(7, &block, &mut text).expect("readable"), LEVELS);
            let mut back = Vec::new();
            levels(text.as_bytes(), |hour, levels| {
                back.push((hour, encode_levels(levels)));
                Ok(())
            })
            .expect("read back");
            assert_eq!(back, [(7, block)], "{text}");
        }
    }

    #[test]
    fn steps_come_back_with_and_without_amount() {
        let all = [
            Step {
                from: Timestamp(1_000),
                to: Timestamp(61_001),
                class: StepClass::Normal,
                amount: Some(-12),
                provenance: Some(Provenance::Interpolated),
            },
            Step {
                from: Timestamp(61_001),
                to: Timestamp(70_000),
                class: StepClass::Reset,
                amount: None,
                provenance: None,
            },
        ];
        let mut text = format!("{STEPS}\n");
        all.iter().for_each(|step| put_step(&mut text, step));
        assert_eq!(steps(&text).expect("read back"), all);
    }

    #[test]
    fn what_is_no_row_is_told_with_its_line() {
        let row = "1970-01-01T00:00:00Z,1,60000,0,0,0,0";
        let wrong = [
            ("nothing\n".to_owned(), "the first line"),
            (format!("{SUMS}\n{row}\n{row}\n"), "line 3 is not after"),
            (format!("{SUMS}\n{row},0\n"), "line 2 is no minute"),
            (format!("{SUMS}\n{}", "7".repeat(1_000)), "too long"),
            (format!("{SUMS}\n{}\n", row.replace("60000", "60001")), "line 2 is no minute"),
            (format!("{SUMS}\n{}\n", row.replace(":00Z", ":01Z")), "line 2 is no minute"),
        ];
        for (text, says) in wrong {
            match sums(text.as_bytes(), |_, _| Ok(())).expect_err(&text) {
                Unread::Rows(error) => assert!(error.contains(says), "{error}"),
                taken @ Unread::Taken(_) => panic!("{text}: {taken:?}"),
            }
        }
    }

    #[test]
    fn hours_are_given_one_by_one_and_whole() {
        let row = |time: &str| format!("{time},1,60000,0,0,0,0\r\n");
        let times =
            ["1970-01-01T00:59:00Z", "1970-01-01T01:00:00Z", "1970-01-01T01:59:00Z", "1970-01-01T05:00:00Z"];
        let text = format!("{SUMS}\r\n{}", times.map(row).concat());
        let mut given = Vec::new();
        sums(text.as_bytes(), |hour, sums| {
            given.push((hour, sums.iter().filter(|minute| !minute.is_missing()).count()));
            Ok(())
        })
        .expect("read");
        assert_eq!(given, [(0, 1), (1, 2), (5, 1)]);
    }
}
