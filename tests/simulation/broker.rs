//! A broker between agents and collector: it keeps what MQTT 3.1.1 at QoS 1 lets it promise, and takes every
//! liberty that real ones take. It forgets, repeats and reorders; the collector's session is persistent, the
//! agents' are not.

use crate::dice::Dice;
use std::collections::{BTreeMap, VecDeque};
use wattledger_link::session::Publish;

/// Messages that the broker lets the collector leave unacknowledged.
const IN_FLIGHT: usize = 20;

/// What travels from the broker to a client.
#[derive(Debug, Clone)]
pub enum Down {
    Message {
        topic: String,
        payload: Vec<u8>,
        retain: bool,
        delivery: u64,
    },
    /// The broker has taken a message.
    Puback,
}

/// How the broker misbehaves: each in one of so many messages, never where 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct Temper {
    pub loses: u64,
    pub repeats: u64,
    pub reorders: u64,
}

#[derive(Debug)]
pub struct Broker {
    dice: Dice,
    pub temper: Temper,
    /// The agents' acknowledgement topics begin so, in the order of the clients; the collector comes after.
    agents: Vec<String>,
    connected: Vec<bool>,
    retained: BTreeMap<String, Vec<u8>>,
    /// The collector's session: whether there is one, what waits in it, and what is delivered and not
    /// acknowledged.
    subscribed: bool,
    queue: VecDeque<(String, Vec<u8>)>,
    limit: usize,
    in_flight: BTreeMap<u64, (String, Vec<u8>)>,
    next: u64,
    /// Messages that were lost one way or another.
    pub lost: u64,
}

impl Broker {
    pub fn new(dice: Dice, agents: Vec<String>, temper: Temper, limit: usize) -> Broker {
        let connected = vec![false; agents.len() + 1];
        Broker {
            dice,
            temper,
            agents,
            connected,
            retained: BTreeMap::new(),
            subscribed: false,
            queue: VecDeque::new(),
            limit,
            in_flight: BTreeMap::new(),
            next: 0,
            lost: 0,
        }
    }

    fn collector(&self) -> usize {
        self.agents.len()
    }

    fn strikes(&mut self, one_in: u64) -> bool {
        one_in > 0 && self.dice.one_in(one_in)
    }

    /// A client connects and subscribes.
    pub fn connect(&mut self, client: usize) -> Vec<(usize, Down)> {
        self.connected[client] = true;
        if client == self.collector() {
            self.subscribed = true;
            return self.deliver();
        }
        let retained = self.retained.iter().map(|(topic, payload)| {
            let (topic, payload) = (topic.clone(), payload.clone());
            (client, Down::Message { topic, payload, retain: true, delivery: 0 })
        });
        retained.collect()
    }

    /// A client's connection is gone. What it had not acknowledged is delivered first the next time.
    pub fn disconnect(&mut self, client: usize) {
        self.connected[client] = false;
        if client == self.collector() {
            while let Some((_, message)) = self.in_flight.pop_last() {
                self.queue.push_front(message);
            }
        }
    }

    /// The broker dies and starts again; what it had in memory may be gone.
    pub fn restart(&mut self, forgets: bool) {
        for client in 0..self.connected.len() {
            self.disconnect(client);
        }
        if forgets {
            self.lost += self.queue.len() as u64;
            self.queue.clear();
            self.retained.clear();
            self.subscribed = false;
        }
    }

    /// Takes a message of a client.
    pub fn publish(&mut self, from: usize, message: Publish) -> Vec<(usize, Down)> {
        let mut down = vec![(from, Down::Puback)];
        let Publish { topic, payload, retain, .. } = message;
        if retain {
            self.retained.insert(topic.clone(), payload.clone());
        }
        let to_agents: Vec<usize> = (0..self.agents.len())
            .filter(|agent| {
                let of_collector = topic.starts_with("wattledger/v1/collector/");
                self.connected[*agent] && (of_collector || topic.starts_with(&self.agents[*agent]))
            })
            .collect();
        if topic.contains("/ack/") || topic.starts_with("wattledger/v1/collector/") {
            for agent in to_agents {
                let copies = if self.strikes(self.temper.loses) {
                    self.lost += 1;
                    0
                } else {
                    1 + usize::from(self.strikes(self.temper.repeats))
                };
                for _ in 0..copies {
                    let (topic, payload) = (topic.clone(), payload.clone());
                    down.push((agent, Down::Message { topic, payload, retain: false, delivery: 0 }));
                }
            }
            return down;
        }
        self.enqueue(topic, payload);
        down.extend(self.deliver());
        down
    }

    fn enqueue(&mut self, topic: String, payload: Vec<u8>) {
        if !self.subscribed || self.queue.len() >= self.limit || self.strikes(self.temper.loses) {
            self.lost += 1;
            return;
        }
        if self.strikes(self.temper.repeats) {
            self.queue.push_back((topic.clone(), payload.clone()));
        }
        let at = match self.queue.len() {
            waiting if waiting > 0 && self.strikes(self.temper.reorders) => {
                self.dice.below(waiting as u64) as usize
            }
            waiting => waiting,
        };
        self.queue.insert(at, (topic, payload));
    }

    fn deliver(&mut self) -> Vec<(usize, Down)> {
        let mut down = Vec::new();
        while self.connected[self.collector()] && self.in_flight.len() < IN_FLIGHT {
            let Some((topic, payload)) = self.queue.pop_front() else { break };
            self.next += 1;
            self.in_flight.insert(self.next, (topic.clone(), payload.clone()));
            let message = Down::Message { topic, payload, retain: false, delivery: self.next };
            down.push((self.collector(), message));
        }
        down
    }

    /// The collector has acknowledged a delivery: it is gone for good.
    pub fn acknowledge(&mut self, delivery: u64) -> Vec<(usize, Down)> {
        self.in_flight.remove(&delivery);
        self.deliver()
    }

    /// Whether nothing waits for the collector.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_empty()
    }
}
