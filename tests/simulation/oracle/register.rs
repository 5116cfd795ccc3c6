//! Registers: outside the steps that the ledger itself calls undecided, what is booked is what the meter
//! counted, to the last unit; and only what the readings leave undecided is called so.
//!
//! This is no second implementation of the rules: it knows the truth behind each reading. It asks for exactness
//! wherever the readings decide, in words of its own, what happened; elsewhere it asks for less.

use super::rules::Rules;
use super::{Booked, Counted};
use crate::meter::{Exchange, Meter, Register, Truth};
use wattledger_model::minute::{Provenance, Step, StepClass};

const MINUTE: i64 = 60_000;
/// So many good readings on either side make a fault stand alone.
const ALONE: usize = 5;

/// What is known of the clock that stamped the readings.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    pub jumped: bool,
    pub set_back: bool,
}

/// The readings with the signed-off registers between them, where an exchange was declared: one of the old and
/// one of the new instrument, at one instant.
pub fn with_exchanges<'e>(
    readings: &[Counted],
    exchanges: impl Iterator<Item = &'e Exchange>,
) -> Vec<Counted> {
    let mut all = readings.to_vec();
    for exchange in exchanges {
        let next = all.partition_point(|reading| reading.at < exchange.at);
        let (Some(before), Some(after)) = (next.checked_sub(1).map(|at| all[at]), all.get(next).copied())
        else {
            continue;
        };
        let signed = |of: Counted, shown| {
            let truth =
                Truth { at: before.truth.at, counts: exchange.counts, shown, is_bogus: false, ..of.truth };
            Counted { at: exchange.at, truth }
        };
        let both = [signed(before, exchange.last), signed(after, exchange.first)];
        all.splice(next..next, both);
    }
    all
}

/// Judges a register. Gives whether its readings decide everything.
pub fn judge(
    meter: &Meter,
    register: &Register,
    clocks: Clocks,
    readings: &[Counted],
    booked: &Booked,
) -> Result<bool, String> {
    let rules = Rules { meter, register };
    check_frame(&rules, readings, booked)?;
    check_silences(&rules, readings, booked)?;
    if clocks.set_back && readings.windows(2).any(|pair| pair[1].truth.at < pair[0].truth.at) {
        return Ok(false);
    }
    let Some(kept) = kept(&rules, readings) else { return Ok(false) };
    // Without a rating, a register that wavers around its modulus seems to have gone far forward.
    if register.rated.is_none() && kept.windows(2).any(|pair| goes_back_over(register, &pair[0], &pair[1])) {
        return Ok(false);
    }
    if !restarts_are_plain(&rules, &kept) {
        return Ok(false);
    }
    let undecided: Vec<&Step> = booked.steps.iter().filter(|step| is_undecided(step)).collect();
    check_causes(&rules, clocks, &kept, &undecided)?;
    let segments = segments(&kept, &undecided)?;
    check_amounts(&rules, &kept, &segments, booked)?;
    Ok(true)
}

fn is_undecided(step: &Step) -> bool {
    matches!(step.class, StepClass::Reset | StepClass::Jump | StepClass::Undecidable)
}

/// What holds of any readings: nothing negative, nothing outside them, every ms of between accounted for, and
/// estimates as large as the step table says.
fn check_frame(rules: &Rules<'_>, readings: &[Counted], booked: &Booked) -> Result<(), String> {
    let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
        return if booked.minutes.is_empty() { Ok(()) } else { Err("minutes without a reading".to_owned()) };
    };
    for (minute, content) in &booked.minutes {
        if content.parts.iter().any(|part| part.amount < 0) {
            return Err(format!("minute {minute} is negative: {content:?}"));
        }
        if (minute + 1) * MINUTE <= first.at - first.at.rem_euclid(MINUTE) || last.at < minute * MINUTE {
            return Err(format!("minute {minute} lies outside the readings"));
        }
    }
    let missing: i64 =
        booked.steps.iter().filter(|s| s.provenance.is_none()).map(|s| s.to.0 - s.from.0).sum();
    let known: i64 = booked.totals().iter().map(|(_, ms)| ms).sum();
    if known + missing != last.at - first.at {
        return Err(format!("{known} ms known and {missing} missing are not {}", last.at - first.at));
    }
    let estimated = booked.steps.iter().filter(|step| step.provenance == Some(Provenance::Estimated));
    let (amount, ms) = estimated.fold((0, 0), |(amount, ms), step| {
        (amount + step.amount.unwrap_or_default(), ms + step.to.0 - step.from.0)
    });
    if booked.totals()[2] != (amount, ms) {
        return Err(format!("{:?} is estimated, and the steps say {amount} in {ms} ms", booked.totals()[2]));
    }
    let unnamed = |step: &&Step| !is_undecided(step) && step.provenance == Some(Provenance::Estimated);
    if let Some(step) = booked.steps.iter().find(unnamed) {
        return Err(format!("{step:?} is estimated without a cause"));
    }
    let long = |step: &&Step| step.is_long() && step.to.0 - step.from.0 <= rules.meter.gap();
    booked.steps.iter().find(long).map_or(Ok(()), |step| Err(format!("{step:?} is not long")))
}

/// Where nothing was read for longer than the limit, nothing counts as measured.
fn check_silences(rules: &Rules<'_>, readings: &[Counted], booked: &Booked) -> Result<(), String> {
    let mut minutes = booked.minutes.iter().peekable();
    for pair in readings.windows(2).filter(|pair| pair[1].at - pair[0].at > rules.meter.gap()) {
        while let Some((minute, content)) = minutes.next_if(|(minute, _)| (minute + 1) * MINUTE <= pair[1].at)
        {
            if pair[0].at <= minute * MINUTE && content.parts[0].ms + content.parts[0].amount as u32 > 0 {
                return Err(format!("minute {minute} is measured in a silence: {content:?}"));
            }
        }
    }
    Ok(())
}

/// The readings that must count, without the failed reads that must be recognised; `None` where what failed
/// and what is true cannot be told apart by what was read.
fn kept(rules: &Rules<'_>, readings: &[Counted]) -> Option<Vec<Counted>> {
    let mut kept = Vec::with_capacity(readings.len());
    let mut at = 0;
    while at < readings.len() {
        let length = readings[at..].iter().take_while(|reading| reading.truth.is_bogus).count();
        if length == 0 {
            kept.push(readings[at]);
            at += 1;
            continue;
        }
        let (run, rest) = (&readings[at..at + length], &readings[at + length..]);
        let before = kept.get(kept.len().checked_sub(ALONE)?..)?;
        let after = rest.get(..ALONE)?;
        let flanks = [before, after].concat();
        let alone = flanks.iter().all(|reading| !reading.truth.is_bogus)
            && flanks
                .windows(2)
                .all(|pair| rules.is_plain(&pair[0], &pair[1]) && same_run(&pair[0], &pair[1]));
        let (entry, out) = (&before[ALONE - 1], &after[0]);
        let all_zero = run.iter().all(|reading| reading.truth.shown == 0);
        if !alone || !rules.is_break(entry, &run[0]) {
            return None;
        }
        if length <= 3 {
            let is_told = match rules.register.rated {
                Some(_) => all_zero || rules.is_break(&run[length - 1], out),
                None => run[0].truth.shown < entry.truth.shown,
            };
            if !is_told {
                return None;
            }
        } else {
            // Too long to be a failed read: the ledger must say that it does not know, on the way in and out.
            if !all_zero || !rules.is_break(&run[length - 1], out) {
                return None;
            }
            kept.extend(run);
        }
        at += length;
    }
    Some(kept)
}

/// Whether the register wavered back over its modulus.
fn goes_back_over(register: &Register, from: &Counted, to: &Counted) -> bool {
    same_run(from, to)
        && from.truth.instrument == to.truth.instrument
        && register.modulus.is_some_and(|modulus| to.truth.counts / modulus < from.truth.counts / modulus)
}

fn same_run(from: &Counted, to: &Counted) -> bool {
    from.truth.epoch == to.truth.epoch && from.truth.is_bogus == to.truth.is_bogus
}

/// Whether each restart of the register shows in what was read, and stands alone.
fn restarts_are_plain(rules: &Rules<'_>, kept: &[Counted]) -> bool {
    let mut before: Option<usize> = None;
    for (at, pair) in kept.windows(2).enumerate() {
        if same_run(&pair[0], &pair[1]) && pair[0].truth.instrument != pair[1].truth.instrument {
            // Between two signed-off registers nothing needs to be told; between others, something is out of order.
            if pair[0].at != pair[1].at {
                return false;
            }
            continue;
        }
        if same_run(&pair[0], &pair[1]) {
            continue;
        }
        let unseen = rules.may_wrap_unseen(pair[1].at - pair[0].at);
        let crowded = before.is_some_and(|before| at - before < ALONE) || kept.len() - at < ALONE + 1;
        // Without a rating a fall that is soon made up again is taken for a failed read.
        if crowded && !pair[1].truth.is_bogus && !pair[0].truth.is_bogus
            || !unseen && !rules.is_break(&pair[0], &pair[1])
        {
            return false;
        }
        before = Some(at);
    }
    true
}

/// Whatever the ledger calls undecided has a cause that is really there.
fn check_causes(
    rules: &Rules<'_>,
    clocks: Clocks,
    kept: &[Counted],
    undecided: &[&Step],
) -> Result<(), String> {
    for step in undecided {
        let from = kept.binary_search_by_key(&step.from.0, |reading| reading.at);
        let to = kept.binary_search_by_key(&step.to.0, |reading| reading.at);
        let (Ok(from), Ok(to)) = (from, to) else {
            // A register that wavers around its modulus jumps, and its readings may be dropped for that.
            if rules.register.jitters > 0 && rules.register.modulus.is_some() {
                continue;
            }
            return Err(format!("{step:?} is not between two good readings"));
        };
        let (from, to) = (&kept[from], &kept[to]);
        let elapsed = to.at - from.at;
        let unrated_rollover = rules.register.rated.is_none()
            && rules
                .register
                .modulus
                .is_some_and(|modulus| from.truth.counts / modulus != to.truth.counts / modulus);
        let has_cause = match step.class {
            StepClass::Undecidable => rules.may_wrap_unseen(elapsed),
            _ => !same_run(from, to) || unrated_rollover || clocks.jumped || rules.register.jitters > 0,
        };
        if !has_cause {
            return Err(format!("{step:?} has no cause: from {from:?} to {to:?}"));
        }
    }
    Ok(())
}

/// Cuts the kept readings where the ledger is undecided: `(first, last)` of each part.
fn segments(kept: &[Counted], undecided: &[&Step]) -> Result<Vec<(usize, usize)>, String> {
    let mut segments = Vec::new();
    let mut first = 0;
    let place = |at: i64, or: &str| {
        kept.binary_search_by_key(&at, |reading| reading.at)
            .map_err(|_| format!("{or} {at} is no good reading"))
    };
    for step in undecided {
        segments.push((first, place(step.from.0, "the begin")?));
        first = place(step.to.0, "the end")?;
    }
    segments.push((first, kept.len().saturating_sub(1)));
    for (first, last) in &segments {
        let part = kept.get(*first..=*last).unwrap_or_default();
        if let Some(pair) = part.windows(2).find(|pair| !same_run(&pair[0], &pair[1])) {
            return Err(format!("a break that no step tells of: {pair:?}"));
        }
    }
    Ok(segments)
}

fn half_even(ninths: i128) -> i128 {
    // Ninths never lie in the middle.
    (2 * ninths + 9).div_euclid(18)
}

/// One instrument's readings in one part: its register is rounded where it begins and where it ends.
struct Run {
    /// What was booked before.
    before: i128,
    /// Counts that the register shows less than were counted.
    offset: i128,
    start: i128,
    highest: i128,
}

impl Run {
    fn new(rules: &Rules<'_>, first: &Counted, before: i128) -> Run {
        let shown = rules.ninths(first.truth.shown);
        let counts = if first.truth.is_bogus { first.truth.shown } else { first.truth.counts };
        Run { before, offset: counts - first.truth.shown, start: shown, highest: shown }
    }

    /// What is booked up to a reading.
    fn up_to(&mut self, rules: &Rules<'_>, reading: &Counted) -> i128 {
        let counts = if reading.truth.is_bogus { reading.truth.shown } else { reading.truth.counts };
        self.highest = self.highest.max(rules.ninths(counts - self.offset));
        self.before + half_even(self.highest) - half_even(self.start)
    }
}

/// Booked is what was counted: in all, by provenance, and at every minute edge.
fn check_amounts(
    rules: &Rules<'_>,
    kept: &[Counted],
    segments: &[(usize, usize)],
    booked: &Booked,
) -> Result<(), String> {
    // What is booked by each kept reading: the counts run up to it, the highest so far of each part.
    let mut by = vec![0_i128; kept.len()];
    let (mut total, mut expected, mut known) = (0, [0_i128; 2], [0_i64; 2]);
    for (first, last) in segments {
        let Some(start) = kept.get(*first) else { continue };
        let mut run = Run::new(rules, start, total);
        by[*first] = total;
        for at in first + 1..=*last {
            let (reading, before) = (&kept[at], by[at - 1]);
            if reading.truth.instrument != kept[at - 1].truth.instrument {
                run = Run::new(rules, reading, before);
            }
            by[at] = run.up_to(rules, reading);
            let elapsed = reading.at - kept[at - 1].at;
            let long = usize::from(elapsed > rules.meter.gap());
            expected[long] += by[at] - before;
            known[long] += elapsed;
        }
        total = by[*last];
    }
    let [measured, interpolated, _] = booked.totals();
    if measured.0 + interpolated.0 != total {
        return Err(format!(
            "{} is booked as measured, and {total} was counted",
            measured.0 + interpolated.0
        ));
    }
    // A register that wavers around its modulus has readings dropped, which makes steps longer.
    let steady = !(rules.register.jitters > 0 && rules.register.modulus.is_some());
    // Where a count is no whole number of base units, provenances share its rounding.
    let exact = rules.ninths(1) % 9 == 0;
    if steady && (measured.1, interpolated.1) != (known[0], known[1]) {
        return Err(format!("{measured:?} and {interpolated:?} are known, and {known:?} ms were"));
    }
    if steady && exact && [measured.0, interpolated.0] != expected {
        return Err(format!("{measured:?} and {interpolated:?} are booked, and {expected:?} was counted"));
    }
    // A unit of slack where counts are no whole units, and some counts where readings may have been dropped.
    let slack = if steady { 1 } else { half_even(rules.ninths(3)) };
    check_edges(kept, &by, slack, booked)
}

/// At every minute edge, what is booked so far lies between what the readings around it say.
fn check_edges(kept: &[Counted], by: &[i128], slack: i128, booked: &Booked) -> Result<(), String> {
    let mut sum = 0;
    let mut next = 0;
    for (minute, content) in &booked.minutes {
        sum += i128::from(content.parts[0].amount) + i128::from(content.parts[1].amount);
        let edge = (minute + 1) * MINUTE;
        while next < kept.len() && kept[next].at <= edge {
            next += 1;
        }
        let low = next.checked_sub(1).map_or(0, |before| by[before]);
        let high = by.get(next).copied().unwrap_or(by[by.len() - 1]);
        if sum < low - slack || high + slack < sum {
            return Err(format!("until the end of minute {minute} {sum} is booked, not {low} to {high}"));
        }
    }
    Ok(())
}
