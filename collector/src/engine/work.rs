//! What the engine's thread has done since it started: how much it took in, and how long that took.

use std::time::{Duration, Instant};

/// The longest wait is told of the last ten to twenty seconds.
const RECENT: Duration = Duration::from_secs(10);

/// Counts since the start. Telemetry, never content.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Work {
    /// Readings taken in, those that came again among them.
    pub readings: u64,
    /// Payloads that became durable or were refused: batches, and readings sent by hand.
    pub batches: u64,
    /// Batches that came again.
    pub duplicate_batches: u64,
    /// Flushes: commits to the ledger.
    pub flushes: u64,
    /// How long all flushes took.
    pub flushing: Duration,
    /// How long the latest flush took; `None` before the first.
    pub latest_flush: Option<Duration>,
    /// How long all payloads waited from their arrival until they were durable.
    pub waiting: Duration,
    /// The longest of those waits of late, or that of a payload that waits still; `None` where nothing came.
    pub longest_wait: Option<Duration>,
}

/// Counts the work.
#[derive(Debug)]
pub(super) struct Workbook {
    work: Work,
    /// Readings that the store had at the start.
    readings_before: u64,
    began: Instant,
    /// Which stretch of [`RECENT`] since the beginning `longest` is of; its second place is the stretch before.
    stretch: u64,
    longest: [Option<Duration>; 2],
}

impl Workbook {
    /// Nothing done yet, on a store that has so many readings.
    pub(super) fn new(readings_before: u64, now: Instant) -> Workbook {
        Workbook { work: Work::default(), readings_before, began: now, stretch: 0, longest: [None; 2] }
    }

    /// Payloads that arrived at these instants were made durable.
    pub(super) fn made_durable(&mut self, arrived: &[Instant], now: Instant) {
        for at in arrived {
            let wait = now.saturating_duration_since(*at);
            self.work.batches += 1;
            self.work.waiting += wait;
            self.note(wait, now);
        }
    }

    /// A payload that arrived then is not durable yet.
    pub(super) fn waits(&mut self, arrived: Instant, now: Instant) {
        self.note(now.saturating_duration_since(arrived), now);
    }

    /// A flush succeeded and took so long.
    pub(super) fn flushed(&mut self, took: Duration) {
        self.work.flushes += 1;
        self.work.flushing += took;
        self.work.latest_flush = Some(took);
    }

    /// The counts as of now; the store's own come in.
    pub(super) fn told(&mut self, readings: u64, duplicate_batches: u64, now: Instant) -> Work {
        self.move_on(now);
        Work {
            readings: readings.saturating_sub(self.readings_before),
            duplicate_batches,
            longest_wait: self.longest.into_iter().flatten().max(),
            ..self.work
        }
    }

    fn note(&mut self, wait: Duration, now: Instant) {
        self.move_on(now);
        self.longest[0] = self.longest[0].max(Some(wait));
    }

    fn move_on(&mut self, now: Instant) {
        let stretch = now.saturating_duration_since(self.began).as_secs() / RECENT.as_secs();
        match stretch.saturating_sub(self.stretch) {
            0 => {}
            1 => self.longest = [None, self.longest[0]],
            _ => self.longest = [None; 2],
        }
        self.stretch = self.stretch.max(stretch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_is_told_for_ten_to_twenty_seconds_and_then_nothing_is_known() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let mut book = Workbook::new(100, began);
        assert_eq!(book.told(100, 0, at(0)).longest_wait, None, "nothing came");
        book.made_durable(&[at(1_000), at(1_400)], at(1_500));
        book.made_durable(&[at(2_000)], at(2_010));
        let longest = |book: &mut Workbook, ms| book.told(103, 1, at(ms)).longest_wait;
        assert_eq!(longest(&mut book, 3_000), Some(Duration::from_millis(500)));
        assert_eq!(longest(&mut book, 19_999), Some(Duration::from_millis(500)));
        assert_eq!(longest(&mut book, 20_000), None);
        book.waits(at(21_000), at(28_000));
        assert_eq!(longest(&mut book, 28_000), Some(Duration::from_secs(7)), "what waits still counts");
        assert_eq!(longest(&mut book, 90_000), None);
        book.flushed(Duration::from_millis(3));
        book.flushed(Duration::from_millis(5));
        let told = book.told(103, 1, at(90_000));
        assert_eq!((told.readings, told.batches, told.duplicate_batches, told.flushes), (3, 3, 1, 2));
        assert_eq!(told.waiting, Duration::from_millis(610));
        assert_eq!((told.flushing.as_millis(), told.latest_flush), (8, Some(Duration::from_millis(5))));
    }
}
