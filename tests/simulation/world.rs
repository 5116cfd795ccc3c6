//! The world: one thread, virtual time, and one queue of events that decides what happens next.

mod faults;
mod network;

use crate::agent::Agent;
use crate::broker::{Broker, Down};
use crate::collector::{Collector, Said, configured};
use crate::dice::Dice;
use crate::meter::{Exchange, Meter, decimal};
use crate::plan::{Fault, Plan};
use crate::trace::Trace;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use wattledger_collector::engine::EngineConfig;
use wattledger_link::session::Publish;
use wattledger_model::correction::Correction;
use wattledger_model::time::Timestamp;
use wattledger_model::topic::Topic;

/// How long everything may take to arrive once nothing goes wrong any more, ms.
const DRAIN: i64 = 6 * 3_600_000;
/// Between two tries of the engine while its disk refuses, ms.
const RETRY: i64 = 1_000;

#[derive(Debug)]
enum Event {
    Read(usize),
    Fault(usize),
    /// A fault is over.
    Heal(Fault),
    /// A client tries to connect, has connected, or notices that its connection is dead.
    Connect(usize),
    Opened(usize, u64),
    Noticed(usize, u64),
    /// A packet arrives at the broker, or at a client.
    Up(usize, u64, Up),
    Down(usize, u64, Down),
    Start(usize),
    Work,
    Flush,
    Status,
    Quiet,
}

#[derive(Debug)]
enum Up {
    Publish(Publish),
    Acknowledge(u64),
}

/// A client's way to the broker.
#[derive(Debug, Default)]
struct Link {
    /// Reasons for which nothing passes.
    cuts: u32,
    /// Counts connections; what belongs to an earlier one does not arrive.
    epoch: u64,
    /// The client believes that it is connected, or is becoming so.
    is_open: bool,
    /// Packets do not overtake each other.
    up_at: i64,
    down_at: i64,
}

pub struct World<'t> {
    now: i64,
    dice: Dice,
    plan: Plan,
    pub meters: Vec<Meter>,
    silent_until: Vec<i64>,
    pub agents: Vec<Agent>,
    pub collector: Collector,
    broker: Broker,
    links: Vec<Link>,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    events: std::collections::BTreeMap<u64, Event>,
    scheduled: u64,
    look_at: Vec<i64>,
    work_at: Option<i64>,
    flushes: u64,
    /// Declared exchanges, by meter; the collector is told of them in the end.
    pub exchanges: Vec<(usize, Exchange)>,
    trace: &'t mut Trace,
}

type Outcome = Result<(), String>;

impl<'t> World<'t> {
    /// A world that keeps the collector's store in a directory.
    pub fn new(seed: u64, dir: &Path, trace: &'t mut Trace) -> World<'t> {
        let mut plan = Plan::new(seed);
        let dice = plan.dice.clone();
        let meters = std::mem::take(&mut plan.meters);
        let names = ["east", "west"];
        let agents: Vec<Agent> = (0..plan.agents)
            .map(|at| Agent::new(dice.of(10 + at as u64), names[at], plan.spool, &plan.batch))
            .collect();
        let topics = agents.iter().map(|agent| {
            let collector = "campus".parse().expect("name");
            Topic::Acknowledgement { agent: agent.key.clone(), collector }.to_string()
        });
        let broker = Broker::new(dice.of(20), topics.collect(), plan.temper, plan.queue);
        let collector = Collector::new(dice.of(21), configured(dir, &declarations(&meters, plan.mistaken)));
        let clients = plan.agents + 1;
        World {
            now: 0,
            dice: dice.of(22),
            silent_until: vec![0; meters.len()],
            meters,
            agents,
            collector,
            broker,
            links: (0..clients).map(|_| Link::default()).collect(),
            queue: BinaryHeap::new(),
            events: std::collections::BTreeMap::new(),
            scheduled: 0,
            look_at: vec![i64::MAX; plan.agents],
            work_at: None,
            flushes: 0,
            exchanges: Vec::new(),
            plan,
            trace,
        }
    }

    /// When the last meter was read.
    pub fn end(&self) -> i64 {
        self.now
    }

    /// The collector's configuration once everything in it is right: no meter is mistaken, and every exchange
    /// is declared.
    pub fn mended(&self, dir: &Path) -> EngineConfig {
        let mut config = configured(dir, &declarations(&self.meters, None));
        for (at, exchange) in &self.exchanges {
            let meter = &self.meters[*at];
            let exponent = meter.register().map_or(0, |register| register.exponent);
            let number = |counts: i128| decimal(counts, exponent).parse().expect("a number");
            let (at, last, first) = (Timestamp(exchange.at), number(exchange.last), number(exchange.first));
            if let Some(read) = config.meters.get_mut(&meter.key()) {
                read.corrections.push(Correction::Exchange { at, last, first });
            }
        }
        config
    }

    /// Notes the digest that the world came to.
    pub fn note_digest(&mut self, digest: &str) {
        let number = u64::from_str_radix(&digest[..digest.len().min(16)], 16).unwrap_or_default();
        self.trace.note("digest", number.cast_signed(), 0);
    }

    fn collector_client(&self) -> usize {
        self.agents.len()
    }

    fn schedule(&mut self, at: i64, event: Event) {
        self.scheduled += 1;
        self.queue.push(Reverse((at.max(self.now), self.scheduled)));
        self.events.insert(self.scheduled, event);
    }

    /// Lets everything happen, until nothing is under way any more.
    pub fn run(&mut self) -> Outcome {
        for meter in 0..self.meters.len() {
            let at = self.dice.between(0, self.meters[meter].interval);
            self.schedule(at, Event::Read(meter));
        }
        for at in 0..self.plan.faults.len() {
            self.schedule(self.plan.faults[at].0, Event::Fault(at));
        }
        for machine in 0..self.links.len() {
            self.schedule(0, Event::Start(machine));
        }
        self.schedule(self.plan.flush_every, Event::Flush);
        self.schedule(self.plan.status_every, Event::Status);
        self.schedule(self.plan.length, Event::Quiet);
        loop {
            if self.is_done() {
                return Ok(());
            }
            if self.now > self.plan.reads_until + DRAIN {
                return Err(self.describe_what_is_stuck());
            }
            self.step()?;
        }
    }

    fn is_done(&self) -> bool {
        self.now > self.plan.reads_until
            && self.agents.iter().all(Agent::is_done)
            && self.collector.is_idle()
            && self.collector.is_up()
            && self.broker.is_idle()
    }

    fn describe_what_is_stuck(&self) -> String {
        let agents: Vec<String> = self
            .agents
            .iter()
            .map(|agent| {
                format!(
                    "{}: up {}, connected {}, done {}",
                    agent.key,
                    agent.is_up(),
                    agent.is_connected(),
                    agent.is_done()
                )
            })
            .collect();
        let (up, idle, broker) = (self.collector.is_up(), self.collector.is_idle(), self.broker.is_idle());
        format!("not everything arrives: {agents:?}; collector up {up}, idle {idle}; broker idle {broker}")
    }

    fn step(&mut self) -> Outcome {
        let next_look = self.look_at.iter().copied().enumerate().min_by_key(|(_, at)| *at);
        let queued = self.queue.peek().map(|Reverse((at, _))| *at);
        if let Some((agent, at)) = next_look.filter(|(_, at)| queued.is_none_or(|queued| *at < queued))
            && at < i64::MAX
        {
            self.set_time(at);
            let out = self.agents[agent].look(at)?;
            return self.after_agent(agent, out);
        }
        let Some(Reverse((at, number))) = self.queue.pop() else {
            return Err("nothing is left to happen".to_owned());
        };
        self.set_time(at);
        match self.events.remove(&number) {
            Some(event) => self.happen(event),
            None => Ok(()),
        }
    }

    fn set_time(&mut self, now: i64) {
        self.now = now;
        self.trace.set_time(now);
    }

    fn happen(&mut self, event: Event) -> Outcome {
        match event {
            Event::Read(meter) => self.read(meter),
            Event::Fault(at) => self.go_wrong(self.plan.faults[at].1),
            Event::Heal(fault) => self.heal(fault),
            Event::Connect(client) => self.connect(client),
            Event::Opened(client, epoch) => self.opened(client, epoch),
            Event::Noticed(client, epoch) => self.noticed(client, epoch),
            Event::Up(client, epoch, up) => self.up(client, epoch, up),
            Event::Down(client, epoch, down) => self.down(client, epoch, &down),
            Event::Start(machine) => self.start(machine),
            Event::Work => self.work(),
            Event::Flush => self.flush(),
            Event::Status => {
                self.schedule(self.now + self.plan.status_every, Event::Status);
                let out = self.collector.say_status(self.now);
                self.send(self.collector_client(), out);
                Ok(())
            }
            Event::Quiet => self.quiet_down(),
        }
    }

    fn read(&mut self, meter: usize) -> Outcome {
        let interval = self.meters[meter].interval;
        let next = self.now + interval + self.dice.between(-interval / 50, interval / 50 + 1);
        if next <= self.plan.reads_until {
            self.schedule(next, Event::Read(meter));
        }
        if self.now < self.silent_until[meter] {
            return Ok(());
        }
        let agent = self.meters[meter].agent;
        if let Some(hasty) = self.meters[meter].read_hastily(self.now) {
            self.trace.note("hasty", meter as i64, hasty.1.shown as i64);
            let out = self.agents[agent].read(self.now, &self.meters[meter], hasty)?;
            self.after_agent(agent, out)?;
        }
        let said = self.meters[meter].read(self.now);
        self.trace.note("read", meter as i64, said.1.shown as i64);
        let out = self.agents[agent].read(self.now, &self.meters[meter], said)?;
        self.after_agent(agent, out)
    }

    /// Sends what an agent says, or takes note that its machine went down.
    fn after_agent(&mut self, agent: usize, out: Option<Vec<Publish>>) -> Outcome {
        match out {
            Some(out) => self.send(agent, out),
            None => self.die(agent, self.now % 2 == 0, 5_000)?,
        }
        self.look_at[agent] = self.agents[agent].look_at(self.now);
        self.check_what_is_believed(agent)
    }

    /// An agent takes nothing for acknowledged that its collector has not named.
    fn check_what_is_believed(&self, agent: usize) -> Outcome {
        let agent = &self.agents[agent];
        let Some(incarnation) = agent.incarnation else { return Ok(()) };
        let named = self.collector.named_of(&(agent.key.clone(), incarnation));
        let mut both = named.clone();
        both.merge(agent.acknowledged());
        if both == named {
            return Ok(());
        }
        let believed = agent.acknowledged();
        Err(format!("{} takes {believed:?} for acknowledged, and only {named:?} was", agent.key))
    }

    fn after_collector(&mut self, said: Said) {
        let client = self.collector_client();
        for delivery in said.done {
            let (at, epoch) = self.way_up(client);
            self.schedule(at, Event::Up(client, epoch, Up::Acknowledge(delivery)));
        }
        self.send(client, said.out);
    }

    fn work_soon(&mut self, wait: i64) {
        if self.work_at.is_none_or(|at| at <= self.now) && !self.collector.is_idle() {
            self.work_at = Some(self.now + wait);
            self.schedule(self.now + wait, Event::Work);
        }
    }

    fn work(&mut self) -> Outcome {
        self.work_at = None;
        match self.collector.work(self.now)? {
            Some(said) => {
                self.trace.note("durable", said.done.len() as i64, said.out.len() as i64);
                self.after_collector(said);
            }
            None if self.collector.disk().is_down() => {
                self.die(self.collector_client(), self.now % 2 == 0, 5_000)?;
            }
            None => {
                self.trace.note("journal refuses", 0, 0);
                self.work_soon(RETRY);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Outcome {
        let mut again = self.plan.flush_every;
        if self.collector.changed && self.collector.is_up() {
            self.flushes += 1;
            let compact = self.flushes.is_multiple_of(self.plan.compact_every);
            if self.now < self.plan.length && self.dice.one_in(self.plan.dies_flushing) {
                self.collector.disk().fail_after(self.dice.below(9));
            }
            let worked = self.collector.flush(compact);
            self.trace.note("flush", i64::from(compact), i64::from(worked));
            if self.collector.disk().is_down() {
                self.die(self.collector_client(), self.now % 2 == 0, 5_000)?;
            } else if !worked {
                again = again.min(60 * RETRY);
            }
        }
        self.schedule(self.now + again, Event::Flush);
        Ok(())
    }

    fn check_what_is_durable(&mut self) -> Outcome {
        for agent in &mut self.agents {
            if let Some(incarnation) = agent.incarnation {
                let with_collector = self.collector.named_of(&(agent.key.clone(), incarnation));
                agent.check_nothing_is_freed(&with_collector)?;
            }
        }
        Ok(())
    }
}

/// The meters' part of the collector's configuration; that of one may be mistaken.
pub fn declarations(meters: &[Meter], mistaken: Option<usize>) -> String {
    let claimed = meters.iter().enumerate().filter(|(_, meter)| meter.claimed);
    claimed.map(|(at, meter)| meter.declaration(if mistaken == Some(at) { 10 } else { 1 })).collect()
}
