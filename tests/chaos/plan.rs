//! What happens when, drawn from one seed.

use crate::chance::Chance;
use crate::proxy::Way;
use std::time::Duration;

/// Which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Between the agent and the sensors' broker.
    Sensors,
    /// Between the agent and the link's broker.
    Agent,
    /// Between the link's broker and the collector.
    Collector,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Event {
    /// Connections end, by a reset or in order.
    Cut {
        link: Link,
        by_reset: bool,
    },
    /// Connections end, and none can be made.
    Refuse {
        link: Link,
    },
    /// Each piece comes so much later.
    Delay {
        link: Link,
        by: Duration,
    },
    /// So many bytes a second.
    Throttle {
        link: Link,
        rate: u32,
    },
    /// Nothing goes one way, and nobody is told.
    Stall {
        link: Link,
        way: Way,
    },
    /// One way is closed.
    HalfClose {
        link: Link,
        way: Way,
    },
    /// `kill -9`.
    KillAgent,
    KillCollector,
    /// `kill -9`; it comes back with the state that it wrote last, which is not the newest.
    KillBroker,
    /// `kill -9`; it comes back without any state.
    LoseBroker,
}

/// One fault, some time after the one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    pub(crate) after: Duration,
    pub(crate) event: Event,
    /// How long it lasts, where it does.
    pub(crate) lasts: Duration,
}

impl Event {
    /// What it is counted as.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Event::Cut { .. } => "cut",
            Event::Refuse { .. } => "refused",
            Event::Delay { .. } => "delayed",
            Event::Throttle { .. } => "throttled",
            Event::Stall { .. } => "stalled",
            Event::HalfClose { .. } => "half-closed",
            Event::KillAgent => "agent killed",
            Event::KillCollector => "collector killed",
            Event::KillBroker => "broker killed",
            Event::LoseBroker => "broker killed and emptied",
        }
    }

    /// Whether time passes for everything else until it is over.
    fn is_awaited(self) -> bool {
        matches!(self, Event::KillAgent | Event::KillCollector | Event::KillBroker | Event::LoseBroker)
    }
}

fn milliseconds(chance: &mut Chance, from: usize, to: usize) -> Duration {
    Duration::from_millis(chance.among(from..to) as u64)
}

/// Every kind of fault, each on every link, and every process killed twice; in any order.
fn deck(chance: &mut Chance) -> Vec<Event> {
    let mut all = vec![Event::KillAgent, Event::KillAgent, Event::KillCollector, Event::KillCollector];
    all.extend([Event::KillBroker, Event::LoseBroker]);
    for link in [Link::Sensors, Link::Agent, Link::Collector] {
        let mut way = || if chance.share() < 0.5 { Way::ToBroker } else { Way::FromBroker };
        let (stalled, closed) = (way(), way());
        all.extend([
            Event::Cut { link, by_reset: chance.share() < 0.5 },
            Event::Refuse { link },
            Event::Delay { link, by: milliseconds(chance, 20, 1_500) },
            Event::Throttle { link, rate: chance.among(300..8_000) as u32 },
            Event::Stall { link, way: stalled },
            Event::HalfClose { link, way: closed },
        ]);
    }
    let order = chance.choose(all.len(), all.len());
    order.into_iter().map(|at| all[at]).collect()
}

/// Faults for so long: some close upon each other, then a while without any.
pub(crate) fn plan(chance: &mut Chance, long: Duration) -> Vec<Moment> {
    let mut moments: Vec<Moment> = Vec::new();
    let (mut left, mut together, mut passed) = (Vec::new(), 0, Duration::ZERO);
    while passed < long {
        let event = left.pop().unwrap_or_else(|| {
            left = deck(chance);
            left.pop().expect("a deck is not empty")
        });
        let after = if together == 0 {
            together = chance.among(2..6);
            milliseconds(chance, 3_000, 9_000)
        } else {
            milliseconds(chance, 0, 1_500)
        };
        together -= 1;
        let lasts = if event.is_awaited() {
            milliseconds(chance, 0, 3_000)
        } else {
            milliseconds(chance, 500, 8_000)
        };
        passed += after + if event.is_awaited() { lasts } else { Duration::ZERO };
        moments.push(Moment { after, event, lasts });
    }
    moments
}

#[test]
fn a_seed_makes_the_same_plan_again_and_a_minute_has_most_of_it() {
    let planned = |seed: u64| plan(&mut Chance::of(seed), Duration::from_secs(60));
    assert_eq!(planned(7), planned(7));
    assert_ne!(planned(7), planned(8));
    for seed in 0..50 {
        let planned = planned(seed);
        let kinds: std::collections::BTreeSet<&str> = planned.iter().map(|m| m.event.kind()).collect();
        assert!(planned.len() >= 15 && kinds.len() >= 7, "seed {seed}: {planned:?}");
    }
}
