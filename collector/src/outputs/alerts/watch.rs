//! Judges new minutes by the rules and commits what comes of it: synchronous, on one thread.
//!
//! States, alarms and turns are written in one transaction. Who is told of them is decided elsewhere, from the alarms
//! alone.

use super::alarm::{self, Alarm};
use super::causes::Causes;
use super::decide::Turn;
use super::judge::{self, Suppressed, Turning, Watched};
use super::kept::{self, Progress, Rows};
use super::listing::shown;
use crate::config::{AlertRule, Clock};
use crate::outputs::snapshot::{AlertView, Snapshot};
use crate::outputs::turns::{self, Turned};
use crate::store::{Layout, StoreError};
use crate::view::View;
use rusqlite::{Connection, Transaction};
use wattledger_model::time::{Minute, Timestamp};

/// Looks at the ledger in one round at most, so that rounds stay short while months are read in.
const JUDGED_A_ROUND: i64 = 4_000;

/// The rules over one view, with what they have seen.
pub(super) struct Watch {
    view: View,
    connection: Connection,
    path: std::path::PathBuf,
    rules: Vec<Watched>,
}

/// What a round came to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Round {
    /// Whether there is more to judge already.
    pub(super) more: bool,
    /// Alarms that were raised or cleared.
    pub(super) turned: usize,
    /// Alerts that are raised after it.
    pub(super) active: Vec<AlertView>,
}

impl Watch {
    /// Takes up the rules where they were left. Alarms of rules that are gone, or that now look at something else, are
    /// cleared.
    ///
    /// # Errors
    /// [`StoreError`] where what was kept cannot be read or written.
    pub(super) fn open(
        view: View,
        connection: Connection,
        layout: &Layout,
        rules: &[AlertRule],
        now: Timestamp,
    ) -> Result<Watch, StoreError> {
        let path = layout.outputs();
        let rules = Watched::all(rules, &view);
        let mut watch = Watch { view, connection, path, rules };
        watch.take_up(now).map_err(|source| watch.failed(source))?;
        Ok(watch)
    }

    fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Sqlite { path: self.path.clone(), source }
    }

    fn take_up(&mut self, now: Timestamp) -> rusqlite::Result<()> {
        let all = kept::load(&self.connection)?;
        let transaction = self.connection.unchecked_transaction()?;
        for ((rule, facility), rows) in all {
            let mine = self
                .rules
                .iter_mut()
                .find(|watched| watched.rule.name.as_str() == rule && watched.name.as_str() == facility);
            take_up_rows(&transaction, (&rule, &facility), rows, mine, now)?;
        }
        transaction.commit()
    }

    /// Judges what became known since the last round, and by the collector's clock if a minute has passed, and commits
    /// all of it together.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was decided then, and the next round judges the same minutes.
    pub(super) fn round(&mut self, now: Timestamp, live: Option<&Snapshot>) -> Result<Round, StoreError> {
        self.view.begin()?;
        let judged = self.judge_all(now, live);
        self.view.end()?;
        let (mut rules, more) = judged?;
        let turned = self.commit(&mut rules, now).map_err(|source| self.failed(source))?;
        for watched in &mut rules {
            watched.changed = false;
            watched.touched.clear();
            watched.turned.clear();
        }
        self.rules = rules;
        let turned = turned
            + super::thin::pass_on(&self.connection, &self.rules, now)
                .map_err(|source| self.failed(source))?;
        Ok(Round { more, turned, active: self.active() })
    }

    fn judge_all(
        &mut self,
        now: Timestamp,
        live: Option<&Snapshot>,
    ) -> Result<(Vec<Watched>, bool), StoreError> {
        let mut rules = self.rules.clone();
        let mut suppressed = Vec::new();
        // Causes first, so that what derives from them finds them.
        if let Some(live) = live {
            for at in 0..rules.len() {
                if rules[at].clock() == Clock::Wall {
                    let causes = Causes::of(&rules);
                    rules[at].judge_now(&mut self.view, now.minute(), live, &causes, &mut suppressed)?;
                }
            }
        }
        let causes = Causes::of(&rules);
        let by_ledger = rules.iter().filter(|watched| watched.clock() == Clock::Ledger).count();
        let share = (JUDGED_A_ROUND / i64::try_from(by_ledger).unwrap_or(i64::MAX).max(1)).max(1);
        let mut more = false;
        for watched in rules.iter_mut().filter(|watched| watched.clock() == Clock::Ledger) {
            let Some(horizon) = self.view.horizon(watched.facility) else { continue };
            more |= catch_up(watched, &mut self.view, horizon, share, live, &causes, &mut suppressed)?;
        }
        note(&mut rules, &suppressed);
        Ok((rules, more))
    }

    fn commit(&self, rules: &mut [Watched], now: Timestamp) -> rusqlite::Result<usize> {
        if rules.iter().all(|watched| !watched.changed) {
            return Ok(0);
        }
        let transaction = self.connection.unchecked_transaction()?;
        let mut turned = 0;
        for watched in rules.iter_mut().filter(|watched| watched.changed) {
            turned += watched.turned.len();
            write(&transaction, watched)?;
        }
        if turned > 0 {
            alarm::forget_old(&transaction, now)?;
        }
        transaction.commit()?;
        Ok(turned)
    }

    fn active(&self) -> Vec<AlertView> {
        let of = |watched: &Watched| -> Vec<AlertView> {
            watched.kept.values().filter_map(|kept| Some(shown(&watched.latest(kept)?))).collect()
        };
        self.rules.iter().flat_map(of).collect()
    }
}

/// Judges minutes of the ledger up to the horizon, at most `share` of them. Gives whether there are more.
fn catch_up(
    watched: &mut Watched,
    view: &mut View,
    horizon: Minute,
    share: i64,
    live: Option<&Snapshot>,
    causes: &Causes,
    suppressed: &mut Vec<Suppressed>,
) -> Result<bool, StoreError> {
    let Some(last) = watched.last else {
        watched.begin(horizon);
        return Ok(false);
    };
    let cadence = watched.rule.condition.cadence_minutes();
    let mut at = next(last, cadence);
    for _ in 0..share {
        if at > horizon.0 {
            return Ok(false);
        }
        watched.judge(view, Minute(at), live, causes, suppressed)?;
        at = next(at, cadence);
    }
    Ok(at <= horizon.0)
}

/// The first minute after another at which a rule of this cadence is judged.
pub(super) fn next(last: i64, cadence: i64) -> i64 {
    (last.div_euclid(cadence) + 1) * cadence
}

/// Notes with each cause what it explains.
pub(super) fn note(rules: &mut [Watched], suppressed: &[Suppressed]) {
    for (source, what) in suppressed {
        let of = rules.iter_mut().filter(|watched| {
            watched.rule.name.as_str() == source.rule && watched.name.as_str() == source.subject.facility
        });
        for watched in of {
            watched.changed |= watched.suppresses(&source.subject, what);
        }
    }
}

/// Takes up what is kept of one rule at one facility, if that still looks at the same; clears it otherwise.
fn take_up_rows(
    within: &Transaction<'_>,
    (rule, facility): (&str, &str),
    rows: Rows,
    mut mine: Option<&mut Watched>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let watches = mine.as_ref().map(|watched| kept::watches(&watched.rule));
    if let (Some(watched), Some(progress)) = (&mut mine, &rows.progress)
        && Some(&progress.watches) == watches.as_ref()
    {
        watched.last = progress.last;
        watched.recall = progress.recall.clone();
    }
    for (subject, kept) in rows.subjects {
        let Some(mut kept) = kept else {
            tracing::error!(rule, subject, "the alert's state cannot be read; it begins anew");
            kept::forget(within, rule, facility, &subject)?;
            continue;
        };
        match (&mut mine, kept.subject.clone()) {
            (Some(watched), Some(of)) if Some(&kept.watches) == watches.as_ref() => {
                let reached = kept.state.last().map(|last| last.0).max(watched.last);
                watched.last = reached;
                kept.sighted = reached.unwrap_or(0);
                watched.kept.insert(of, kept);
            }
            _ => {
                let reached = kept.state.last().map_or(0, |last| last.0 + 1);
                let at = Minute(now.minute_ceil().0.max(reached));
                let reason = "the rule was changed or taken out of the configuration";
                if let Some(turning) = judge::end(rule, &mut kept, at, reason) {
                    let id = &turning.message.id;
                    tracing::info!(rule, facility, id, "alert cleared: its rule was changed or taken out");
                    tell(within, &turning)?;
                }
                kept::forget(within, rule, facility, &subject)?;
            }
        }
    }
    let Some(watched) = mine else { return kept::forget(within, rule, facility, "") };
    if let Some(reached) = watched.last.map(Minute) {
        watched.kept.values_mut().for_each(|kept| kept.state.reach(reached));
        // What was while nobody looked is not known.
        if watched.clock() == Clock::Wall {
            watched.resume(reached);
        }
    }
    Ok(())
}

/// Writes what one rule has seen, and what turned.
fn write(within: &Transaction<'_>, watched: &mut Watched) -> rusqlite::Result<()> {
    let (rule, facility) = (watched.rule.name.to_string(), watched.name.to_string());
    let progress = Progress {
        watches: kept::watches(&watched.rule),
        last: watched.last,
        recall: watched.recall.clone(),
    };
    kept::save(within, (&rule, &facility, ""), &progress)?;
    for turning in &watched.turned {
        let message = &turning.message;
        tracing::info!(
            rule,
            subject = message.subject,
            id = message.id,
            turn = message.event.word(),
            at = message.as_of,
            value = message.value,
            "alert"
        );
        tell(within, turning)?;
    }
    let open: Vec<_> = watched
        .kept
        .iter()
        .filter(|(_, kept)| kept.open.is_some())
        .filter_map(|(subject, kept)| Some((subject.clone(), watched.latest(kept)?)))
        .collect();
    for (subject, latest) in open {
        let Some(kept) = watched.kept.get_mut(&subject) else { continue };
        if let Some(open) = kept.open.as_mut().filter(|open| open.raised.is_none()) {
            open.raised = Some(Box::new(latest.clone()));
            watched.touched.insert(subject.clone());
        }
        if let Some(alarm) = kept.alarm(&rule, latest) {
            alarm::put(within, &alarm)?;
        }
    }
    for subject in &watched.touched {
        let words = subject.to_string();
        match watched.kept.get(subject) {
            Some(kept) => kept::save(within, (&rule, &facility, &words), kept)?,
            None => kept::forget(within, &rule, &facility, &words)?,
        }
    }
    Ok(())
}

/// Keeps a turn: in the alarm, and for those outputs that tell of each.
fn tell(within: &Transaction<'_>, turning: &Turning) -> rusqlite::Result<()> {
    let Turning { message, raised } = turning;
    let ms = |text: &str| Timestamp::from_rfc3339(text).unwrap_or_default().0;
    let is_raised = message.event == Turn::Raised;
    let at_ms = ms(&message.as_of);
    alarm::put(
        within,
        &Alarm {
            id: message.id.clone(),
            rule: message.rule.clone(),
            facility: message.facility.clone(),
            subject: message.subject.clone(),
            raised_ms: ms(&raised.raised_at),
            cleared_ms: (!is_raised).then_some(at_ms),
            judged_ms: at_ms,
            raised: raised.clone(),
            latest: message.clone(),
            cleared: (!is_raised).then(|| message.clone()),
        },
    )?;
    turns::keep(
        within,
        &Turned {
            rule: message.rule.clone(),
            facility: message.facility.clone(),
            raised_as: Some(raised.severity.clone()).filter(|severity| *severity != message.severity),
            severity: message.severity.clone(),
            is_raised,
            at_ms,
            value: message.value,
            limit: message.limit,
            coverage: message.coverage,
            reason: message.reason.clone(),
        },
    )
}
