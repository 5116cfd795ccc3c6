//! A collector that comes back from a backup asks its agents again for what it has no more, and gets what they
//! still hold; what nobody has any more is counted.

use crate::collector::configured;
use crate::disk::WorldDisk;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use wattledger_agent::config::AgentConfig;
use wattledger_agent::post::{Outside, Post};
use wattledger_agent::send::Event;
use wattledger_agent::source::{HandedIn, Mapped, Ticket};
use wattledger_collector::engine::service::Durable;
use wattledger_collector::engine::{Arrival, Engine};
use wattledger_collector::receive::Agents;
use wattledger_collector::receive::desk::{Asked, Desk, Speaker};
use wattledger_link::disk::{Disk, LocalDisk};
use wattledger_link::session::{Publish, PublishError};
use wattledger_model::batch::SourceStatus;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Incarnation, Quality, Reading};
use wattledger_model::time::Timestamp;

#[derive(Default)]
struct Line(Vec<Publish>);

impl Outside for Line {
    fn publish(&mut self, message: Publish) -> Result<(), PublishError> {
        self.0.push(message);
        Ok(())
    }
    fn clock(&self) -> Timestamp {
        Timestamp(crate::START)
    }
    fn sources(&self) -> Vec<SourceStatus> {
        Vec::new()
    }
    fn made_durable(&mut self, _: usize, _: Ticket) {}
}

/// An agent and its collector with a line between them that loses nothing.
struct Pair {
    post: Post,
    line: Line,
    now: Duration,
    engine: Engine,
    desk: Desk<u64>,
    starts: i64,
}

fn agent_config() -> AgentConfig {
    let text = "[agent]\nname='east'\nsite='hall'\ncollector='campus'\ndata_dir='/east'\n[link]\nbroker='mqtt://h'\n";
    let mut config = AgentConfig::parse("agent.toml", text).expect("valid");
    config.spool_limit_bytes = 256 << 10;
    config
}

fn engine(dir: &Path) -> Engine {
    let mut engine = Engine::open_on(Arc::new(LocalDisk), configured(dir, ""), 77).expect("opens");
    engine.tell_time(Timestamp(crate::START));
    engine
}

impl Pair {
    fn new(dir: &Path) -> Pair {
        let fresh = Incarnation { started: Timestamp(crate::START), id: 3 };
        let disk: Arc<dyn Disk> = Arc::new(WorldDisk::default());
        let post = Post::open(disk, &agent_config(), fresh).expect("opens");
        let engine = engine(dir);
        let desk = desk(&engine, 0);
        Pair { post, line: Line::default(), now: Duration::ZERO, engine, desk, starts: 0 }
    }

    /// The agent takes readings in, a batch of them at a time.
    fn read(&mut self, batches: i64) {
        for _ in 0..batches {
            self.now += Duration::from_secs(1);
            let first = self.now.as_secs() as i64 * 100;
            let mapped = (first..first + 100).map(|value| {
                let at = Timestamp(crate::START + value * 10);
                let reading = Reading {
                    at,
                    arrived: at,
                    value: Decimal::new(value, 0),
                    unit: "kWh".parse().ok(),
                    interval_ms: None,
                    quality: Quality::Good,
                    intake: None,
                    evidence: None,
                };
                Mapped::Reading { meter: "m".parse().expect("name"), reading }
            });
            let (source, ticket) = (0, Ticket(self.now.as_secs()));
            self.post.take(self.now, HandedIn { source, ticket, awaited: false, mapped: mapped.collect() });
            self.post.write(self.now, true, &mut self.line);
            self.post.attend(self.now, &mut self.line);
            self.exchange();
        }
    }

    /// Lets everything that is said arrive, until nobody says anything more.
    fn exchange(&mut self) {
        while !self.line.0.is_empty() {
            for message in std::mem::take(&mut self.line.0) {
                let (mut payload, now) = (message.payload, Timestamp(crate::START));
                let (asked, _) = self.desk.sort(&message.topic, &mut payload, message.retain, 0, now);
                match asked {
                    Asked::Take(tag, arrival) => self.take(tag, arrival),
                    Asked::Heard(status) => {
                        self.engine.hear(&status);
                        let of = (status.agent, status.incarnation);
                        let mut durable = Durable::default();
                        durable.answered.committed.insert(of.clone(), self.engine.committed_of(&of));
                        self.desk.answer(durable);
                    }
                    Asked::Nothing => {}
                }
            }
            self.answer();
        }
    }

    fn take(&mut self, tag: u64, arrival: Arrival) {
        let answered = self.engine.take(&[arrival], Timestamp(crate::START + 86_400_000)).expect("taken");
        self.desk.answer(Durable { tags: vec![tag], answered });
    }

    fn answer(&mut self) {
        let mut said = Vec::new();
        self.desk.send(|message| {
            said.push(message);
            Ok(())
        });
        for Publish { topic, payload, .. } in said {
            self.post.step(self.now, Event::Message { topic: &topic, payload: &payload }, &mut self.line);
        }
    }

    fn connect(&mut self) {
        self.post.step(self.now, Event::Disconnected, &mut self.line);
        self.line.0.clear();
        self.post.step(self.now, Event::Connected, &mut self.line);
        // The broker keeps the collector's status for whoever subscribes.
        self.desk.say_status(Timestamp(crate::START));
        self.answer();
        self.exchange();
    }

    /// The collector ends, and its data directory becomes what it was when it was copied.
    fn restore(self, copy: &Path, dir: &Path) -> Pair {
        let Pair { post, line, now, engine: before, starts, .. } = self;
        drop(before);
        std::fs::remove_dir_all(dir).expect("gone");
        copy_dir(copy, dir);
        let starts = starts + 1;
        let engine = engine(dir);
        let mut pair = Pair { post, line, now, desk: desk(&engine, starts), engine, starts };
        // The link stays up: the collector's status alone makes the agent ask, without any wait.
        pair.desk.connected(Timestamp(crate::START));
        pair.answer();
        pair.exchange();
        pair
    }
}

fn desk(engine: &Engine, starts: i64) -> Desk<u64> {
    let collector = "campus".parse().expect("name");
    let started = Timestamp(crate::START + starts);
    Desk::new(Speaker { collector, store_id: engine.store_id(), started }, Agents::default())
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("listed").map(|entry| entry.expect("listed")) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// A copy of the directory of a collector that does not run.
fn backup(pair: &mut Pair, dir: &Path, copy: &Path) {
    pair.engine.compact().expect("compacted");
    copy_dir(dir, copy);
}

#[test]
fn a_collector_restored_from_a_backup_gets_again_what_agents_still_hold() {
    let home = tempfile::tempdir_in(crate::home()).expect("a directory");
    let (dir, copy) = (home.path().join("store"), home.path().join("copy"));
    let mut pair = Pair::new(&dir);
    pair.connect();
    pair.read(20);
    backup(&mut pair, &dir, &copy);
    pair.read(30);
    let digest = pair.engine.digest().expect("readable");
    assert_eq!((pair.engine.tally().readings(), pair.post.spool().unacknowledged()), (5_000, 0));
    let mut pair = pair.restore(&copy, &dir);
    assert_eq!(pair.post.spool().unacknowledged(), 0, "sent again at once");
    let receipt = *pair.engine.tally().receipts().all().values().next().expect("one agent");
    assert_eq!((receipt.committed, receipt.missing_batches), (5_000, 0));
    assert_eq!(pair.engine.tally().readings(), 5_000);
    assert_eq!(pair.engine.digest().expect("readable"), digest);
}

#[test]
fn what_neither_the_backup_nor_the_agent_has_is_counted_as_missing() {
    let home = tempfile::tempdir_in(crate::home()).expect("a directory");
    let (dir, copy) = (home.path().join("store"), home.path().join("copy"));
    let mut pair = Pair::new(&dir);
    pair.connect();
    pair.read(20);
    backup(&mut pair, &dir, &copy);
    // So much that the spool has let go of the first of it.
    while pair.post.spool().oldest_sequence() < 40 {
        pair.read(50);
    }
    let (oldest, all) = (pair.post.spool().oldest_sequence(), pair.post.spool().taken_in());
    assert_eq!((pair.post.spool().lost(), pair.post.spool().thinned()), (0, 0));
    let mut pair = pair.restore(&copy, &dir);
    pair.read(1);
    let receipt = *pair.engine.tally().receipts().all().values().next().expect("one agent");
    assert_eq!(receipt.missing_batches, oldest - 20);
    assert_eq!(receipt.committed, all + 100 - (oldest - 20) * 100);
    // Said in every status, and in the receipt: so many are neither here nor anywhere.
    pair.connect();
    let receipt = *pair.engine.tally().receipts().all().values().next().expect("one agent");
    assert_eq!(receipt.unaccounted(), i128::from((oldest - 20) * 100));
}
