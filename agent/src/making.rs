//! The batch in the making: what sources have handed in and the disk has not yet seen. Pure.

use crate::source::{HandedIn, Mapped, Ticket};
use crate::spool::Contents;
use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::time::Duration;
use wattledger_model::name::Name;
use wattledger_model::reading::{Cause, Quality, Refused};

/// Messages whose broker waits for an acknowledgement at which the batch is written: brokers keep few in
/// flight (20 is usual), so waiting for more would only make them wait.
const AWAITED: usize = 10;
/// Different refusals told in one batch; further ones are added up by cause.
const REFUSALS: usize = 100;
/// Bytes of samples kept in a minute. A flood of bad messages must not fill the spool.
const SAMPLE_BYTES_A_MINUTE: usize = 64 << 10;

/// When a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchConfig {
    /// Readings at which it is.
    pub max_readings: usize,
    /// How long the first reading may wait for company.
    pub linger: Duration,
}

/// A batch in the making.
#[derive(Debug)]
pub(crate) struct Making {
    config: BatchConfig,
    contents: Contents,
    refusals: HashMap<(Cause, String, Option<Name>), usize>,
    /// The latest hand-in of each source that is in here.
    tickets: BTreeMap<usize, Ticket>,
    awaited: usize,
    since: Option<Duration>,
    /// Readings before this one were taken by a clock that has been looked at since.
    looked_at: usize,
    samples: SampleBudget,
}

#[derive(Debug, Default)]
struct SampleBudget {
    minute: u64,
    bytes: usize,
}

impl Making {
    pub(crate) fn new(config: BatchConfig) -> Making {
        Making {
            config,
            contents: Contents::default(),
            refusals: HashMap::new(),
            tickets: BTreeMap::new(),
            awaited: 0,
            since: None,
            looked_at: 0,
            samples: SampleBudget::default(),
        }
    }

    /// Takes what a source handed in, at a time since the start.
    pub(crate) fn take(&mut self, now: Duration, handed_in: HandedIn) {
        self.since.get_or_insert(now);
        self.tickets.insert(handed_in.source, handed_in.ticket);
        self.awaited += usize::from(handed_in.awaited);
        for mapped in handed_in.mapped {
            match mapped {
                Mapped::Reading { meter, reading } => self.contents.readings.push((meter, reading)),
                Mapped::Refused(refused) => self.take_refused(now, refused),
            }
        }
    }

    fn take_refused(&mut self, now: Duration, mut refused: Refused) {
        let crowded = self.contents.refused.len() >= REFUSALS;
        let key = |refused: &Refused| (refused.cause, refused.origin.clone(), refused.meter.clone());
        if crowded && !self.refusals.contains_key(&key(&refused)) {
            refused.origin = "several".to_owned();
            refused.meter = None;
            refused.sample.clear();
        }
        if let Some(at) = self.refusals.get(&key(&refused)) {
            self.contents.refused[*at].count += refused.count;
            return;
        }
        if !self.samples.grants(now, refused.sample.len()) {
            refused.sample.clear();
        }
        self.refusals.insert(key(&refused), self.contents.refused.len());
        self.contents.refused.push(refused);
    }

    /// The clock was looked at, and had gone on as time does.
    pub(crate) fn trust_arrivals(&mut self) {
        self.looked_at = self.contents.readings.len();
    }

    /// The clock was set since it was last looked at: readings whose time is their arrival, and that arrived
    /// since, are of doubtful time. Source: domain.md 5.1, best quality first.
    pub(crate) fn doubt_arrivals(&mut self) -> u64 {
        let mut doubted = 0;
        for (_, reading) in &mut self.contents.readings[self.looked_at..] {
            if reading.at == reading.arrived {
                reading.quality = Quality::Suspect;
                doubted += 1;
            }
        }
        self.trust_arrivals();
        doubted
    }

    /// Whether it is to be written now.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.is_full() || self.due_at().is_some_and(|due| due <= now)
    }

    /// Whether nothing more should be taken before it is written.
    pub(crate) fn is_full(&self) -> bool {
        self.awaited >= AWAITED || self.contents.readings.len() >= self.config.max_readings
    }

    /// When it is to be written at the latest; `None` where nothing waits.
    pub(crate) fn due_at(&self) -> Option<Duration> {
        // Where there is nothing to write, there is nothing to wait for.
        let linger = if self.is_void() { Duration::ZERO } else { self.config.linger };
        self.since.map(|since| since + linger)
    }

    /// Moves everything out: the batches to write, and the hand-ins that are durable once they are.
    pub(crate) fn finish(&mut self) -> (Vec<Contents>, BTreeMap<usize, Ticket>) {
        self.awaited = 0;
        self.since = None;
        self.looked_at = 0;
        self.refusals.clear();
        let tickets = mem::take(&mut self.tickets);
        let mut contents = mem::take(&mut self.contents);
        let mut batches = Vec::new();
        while contents.readings.len() > self.config.max_readings {
            let rest = contents.readings.split_off(self.config.max_readings);
            batches.push(mem::replace(&mut contents, Contents { readings: rest, refused: Vec::new() }));
        }
        if !contents.readings.is_empty() || !contents.refused.is_empty() {
            batches.push(contents);
        }
        (batches, tickets)
    }

    fn is_void(&self) -> bool {
        self.contents.readings.is_empty() && self.contents.refused.is_empty()
    }
}

impl SampleBudget {
    fn grants(&mut self, now: Duration, bytes: usize) -> bool {
        let minute = now.as_secs() / 60;
        if self.minute != minute {
            *self = SampleBudget { minute, bytes: 0 };
        }
        self.bytes += bytes;
        self.bytes <= SAMPLE_BYTES_A_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::decimal::Decimal;
    use wattledger_model::reading::Reading;
    use wattledger_model::time::Timestamp;

    const START: Duration = Duration::from_secs(100);

    fn making() -> Making {
        Making::new(BatchConfig { max_readings: 3, linger: Duration::from_secs(1) })
    }

    fn reading(value: i64) -> Mapped {
        Mapped::Reading {
            meter: "m".parse().expect("name"),
            reading: Reading {
                at: Timestamp(value),
                arrived: Timestamp(value),
                value: Decimal::new(value, 0),
                unit: None,
                interval_ms: None,
                quality: Quality::Good,
                intake: None,
                evidence: None,
            },
        }
    }

    fn refused(origin: &str, sample: usize) -> Mapped {
        Mapped::Refused(Refused {
            at: Timestamp(0),
            cause: Cause::Payload,
            origin: origin.to_owned(),
            meter: None,
            detail: "no".to_owned(),
            sample: vec![b'x'; sample],
            count: 1,
        })
    }

    fn handed_in(ticket: u64, mapped: Vec<Mapped>) -> HandedIn {
        HandedIn { source: 0, ticket: Ticket(ticket), awaited: true, mapped }
    }

    #[test]
    fn it_is_written_when_full_or_lingered_or_long_awaited() {
        let mut making = making();
        assert_eq!(making.due_at(), None);
        making.take(START, handed_in(1, vec![reading(1)]));
        assert!(!making.is_due(START) && making.is_due(START + Duration::from_secs(1)));
        making.take(START, handed_in(2, vec![reading(2), reading(3), reading(4), reading(5)]));
        assert!(making.is_due(START));
        let (batches, tickets) = making.finish();
        assert_eq!(batches.iter().map(|b| b.readings.len()).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(tickets, BTreeMap::from([(0, Ticket(2))]));
        for ticket in 3..3 + AWAITED as u64 {
            assert!(!making.is_full());
            making.take(START, handed_in(ticket, vec![refused("t", 1)]));
        }
        assert!(making.is_due(START));
    }

    #[test]
    fn readings_stamped_by_a_clock_that_was_set_are_suspect_and_no_others() {
        let mut making = Making::new(BatchConfig { max_readings: 9, linger: Duration::from_secs(1) });
        making.take(START, handed_in(1, vec![reading(1)]));
        making.trust_arrivals();
        let Mapped::Reading { meter, reading: stamped } = reading(3) else { unreachable!("a reading") };
        let stamped = Reading { arrived: Timestamp(4), ..stamped };
        making.take(START, handed_in(2, vec![reading(2), Mapped::Reading { meter, reading: stamped }]));
        assert_eq!((making.doubt_arrivals(), making.doubt_arrivals()), (1, 0));
        let (batches, _) = making.finish();
        let qualities: Vec<Quality> = batches[0].readings.iter().map(|(_, r)| r.quality).collect();
        assert_eq!(qualities, [Quality::Good, Quality::Suspect, Quality::Good]);
        making.take(START, handed_in(3, vec![reading(5)]));
        assert_eq!(making.doubt_arrivals(), 1);
    }

    #[test]
    fn nothing_to_write_waits_for_nothing() {
        let mut making = making();
        making.take(START, handed_in(1, Vec::new()));
        assert!(making.is_due(START));
        assert_eq!(making.finish(), (Vec::new(), BTreeMap::from([(0, Ticket(1))])));
    }

    #[test]
    fn a_flood_of_bad_messages_is_counted_and_stays_small() {
        let mut making = making();
        for number in 0..10_000 {
            making.take(START, handed_in(number, vec![refused(&format!("t{}", number % 500), 1_024)]));
        }
        let (batches, _) = making.finish();
        let refused = &batches[0].refused;
        assert_eq!(refused.iter().map(|r| r.count).sum::<u64>(), 10_000);
        assert!(refused.len() <= REFUSALS + Cause::ALL.len());
        assert!(refused.iter().map(|r| r.sample.len()).sum::<usize>() <= SAMPLE_BYTES_A_MINUTE);
    }
}
