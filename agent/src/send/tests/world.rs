//! A sender, a broker that loses what it likes, and a collector that crashes, is restored and replaced.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeSet, VecDeque};

#[derive(Debug, Clone)]
enum Act {
    /// The spool grows by so many batches.
    Grow(u8),
    /// So many messages are delivered, each way.
    Deliver(u8),
    /// The broker loses everything on its way; the agent reconnects or does not notice.
    Lose { noticed: bool },
    /// Time passes.
    Wait(u8),
    /// The collector restarts with what it has committed.
    Restart,
    /// The collector comes back from a backup that knows less, or with an empty store.
    Restore { keeps: u8, same_store: bool },
    /// The agent is killed and starts again with what it last wrote down.
    KillAgent,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (1_u8..20).prop_map(Act::Grow),
        6 => (1_u8..60).prop_map(Act::Deliver),
        2 => any::<bool>().prop_map(|noticed| Act::Lose { noticed }),
        2 => (1_u8..90).prop_map(Act::Wait),
        1 => Just(Act::Restart),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(keeps, same_store)| Act::Restore { keeps, same_store }),
        1 => Just(Act::KillAgent),
    ];
    prop::collection::vec(act, 1..80)
}

enum Up {
    Status,
    Batch(u64),
}

struct World {
    bench: Bench,
    up: VecDeque<Up>,
    down: VecDeque<(&'static str, Vec<u8>)>,
    store: u64,
    stores_made: u64,
    started: i64,
    committed: BTreeSet<u64>,
    written_down: Option<Standing>,
}

impl World {
    fn new() -> World {
        let mut world = World {
            bench: Bench::new(0),
            up: VecDeque::new(),
            down: VecDeque::new(),
            store: 1,
            stores_made: 1,
            started: 1,
            committed: BTreeSet::new(),
            written_down: None,
        };
        let effects = world.bench.step(Event::Connected);
        world.take(effects);
        world
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::SendStatus => self.up.push_back(Up::Status),
                Effect::SendBatch(sequence) => self.up.push_back(Up::Batch(sequence)),
                Effect::NewStore { .. } => self.written_down = self.bench.sender.standing(),
                Effect::Distrusted(why) => panic!("a genuine word was not believed: {why}"),
                Effect::Acknowledged | Effect::CollectorSilent | Effect::CollectorAnswers => {}
            }
        }
    }

    fn acknowledge(&mut self) {
        let mut set = RangeSet::default();
        for sequence in &self.committed {
            set.insert(*sequence);
        }
        let said = Acknowledgement {
            store_id: self.store,
            ranges: set.ranges().collect(),
            ..word(set.floor(), &[])
        };
        let bytes = wire::encode_acknowledgement(&said);
        self.down.push_back(("wattledger/v1/agent/hall/a1/ack/campus", bytes));
    }

    fn announce(&mut self) {
        self.started += 1;
        let status = CollectorStatus {
            collector: name("campus"),
            store_id: self.store,
            at: Timestamp(self.started),
            started: Timestamp(self.started),
            version: "1".to_owned(),
        };
        let bytes = wire::encode_collector_status(&status);
        self.down.push_back(("wattledger/v1/collector/campus/status", bytes));
    }

    fn deliver(&mut self) -> bool {
        let mut moved = false;
        if let Some(message) = self.up.pop_front() {
            if let Up::Batch(sequence) = message {
                self.committed.insert(sequence);
            }
            self.acknowledge();
            moved = true;
        }
        if let Some((topic, payload)) = self.down.pop_front() {
            let effects = self.bench.hear_on(topic, &payload);
            self.take(effects);
            moved = true;
        }
        moved
    }

    fn reconnect(&mut self) {
        self.up.clear();
        self.down.clear();
        self.bench.step(Event::Disconnected);
        let effects = self.bench.step(Event::Connected);
        self.take(effects);
    }

    fn wait(&mut self, wait: Duration) {
        let effects = self.bench.look_after(wait);
        self.take(effects);
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Grow(batches) => {
                self.bench.next += u64::from(*batches);
                self.wait(Duration::ZERO);
            }
            Act::Deliver(messages) => {
                for _ in 0..*messages {
                    self.deliver();
                }
            }
            Act::Lose { noticed: true } => self.reconnect(),
            Act::Lose { noticed: false } => {
                self.up.clear();
                self.down.clear();
            }
            Act::Wait(seconds) => self.wait(Duration::from_secs(u64::from(*seconds))),
            Act::Restart => self.announce(),
            Act::Restore { keeps, same_store } => {
                let kept = if *same_store { usize::from(*keeps) } else { 0 };
                self.committed = self.committed.iter().copied().take(kept).collect();
                if !same_store {
                    self.stores_made += 1;
                    self.store = self.stores_made;
                }
                // What the old one said is no longer true, and a restore takes the link down.
                self.reconnect();
                self.announce();
            }
            Act::KillAgent => {
                let next = self.bench.next;
                let standing = self.written_down.as_ref();
                self.bench.sender = Sender::new(agent(), name("campus"), incarnation(), standing, next, 1);
                self.reconnect();
            }
        }
    }

    /// Nothing counts as settled that the collector does not hold.
    fn check(&self) {
        let acknowledged = self.bench.sender.acknowledged();
        let settled = (0..self.bench.next).filter(|sequence| acknowledged.contains(*sequence));
        for sequence in settled {
            assert!(self.committed.contains(&sequence), "{sequence} was freed and is nowhere");
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_freed_that_the_collector_lacks_and_everything_arrives_in_the_end(acts in acts()) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
            // A standing written down before a restore may claim what was lost since; the next word corrects it.
            if !matches!(act, Act::KillAgent | Act::Restore { .. }) && world.bench.sender.is_sending() {
                world.check();
            }
        }
        for _ in 0..200 {
            while world.deliver() {}
            world.wait(Duration::from_secs(30));
        }
        world.check();
        prop_assert_eq!(world.committed.len() as u64, world.bench.next);
        prop_assert_eq!(world.bench.sender.acknowledged().floor(), world.bench.next);
    }
}
