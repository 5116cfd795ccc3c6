//! The ways between clients and broker: packets take their time, connections break, and whoever uses one finds
//! out later.

use super::{Event, Outcome, Up, World};
use crate::broker::Down;
use wattledger_link::session::Publish;

/// A client notices a dead connection after this at the latest, ms.
const KEEP_ALIVE: u64 = 23_000;

impl World<'_> {
    pub(super) fn send(&mut self, client: usize, out: Vec<Publish>) {
        for message in out {
            self.trace.note("send", client as i64, message.payload.len() as i64);
            let (at, epoch) = self.way_up(client);
            self.schedule(at, Event::Up(client, epoch, Up::Publish(message)));
        }
    }

    pub(super) fn way_up(&mut self, client: usize) -> (i64, u64) {
        let takes = 1 + self.dice.below(self.plan.latency as u64) as i64;
        let link = &mut self.links[client];
        link.up_at = link.up_at.max(self.now + takes);
        (link.up_at, link.epoch)
    }

    pub(super) fn send_down(&mut self, all: Vec<(usize, Down)>) {
        for (client, down) in all {
            let takes = 1 + self.dice.below(self.plan.latency as u64) as i64;
            let link = &mut self.links[client];
            link.down_at = link.down_at.max(self.now + takes);
            let (at, epoch) = (link.down_at, link.epoch);
            self.schedule(at, Event::Down(client, epoch, down));
        }
    }

    /// A packet arrives at the broker, if its connection still passes anything.
    pub(super) fn up(&mut self, client: usize, epoch: u64, up: Up) -> Outcome {
        let link = &self.links[client];
        let is_current = link.epoch == epoch;
        if link.cuts > 0 {
            return Ok(());
        }
        match up {
            // What a dead process had sent may still be on its way.
            Up::Publish(message) if is_current || self.dice.one_in(2) => {
                let down = self.broker.publish(client, message);
                let down = down.into_iter().filter(|(to, _)| is_current || *to != client).collect();
                self.send_down(down);
            }
            Up::Acknowledge(delivery) if is_current => {
                let down = self.broker.acknowledge(delivery);
                self.send_down(down);
            }
            Up::Publish(_) | Up::Acknowledge(_) => {}
        }
        Ok(())
    }

    pub(super) fn down(&mut self, client: usize, epoch: u64, down: &Down) -> Outcome {
        if self.links[client].epoch != epoch || self.links[client].cuts > 0 {
            return Ok(());
        }
        if client < self.agents.len() {
            let out = self.agents[client].hear(self.now, down)?;
            self.after_agent(client, out)?;
            return if self.dice.one_in(self.plan.forges) { self.forge(client) } else { Ok(()) };
        }
        if let Down::Message { topic, payload, retain, delivery } = down {
            let said = self.collector.hear(self.now, (topic, payload, *retain), *delivery)?;
            self.after_collector(said);
            let wait = 1 + self.dice.below(30) as i64;
            self.work_soon(wait);
        }
        Ok(())
    }

    pub(super) fn connect(&mut self, client: usize) -> Outcome {
        let is_up =
            if client < self.agents.len() { self.agents[client].is_up() } else { self.collector.is_up() };
        if !is_up || self.links[client].is_open {
            return Ok(());
        }
        if self.links[client].cuts > 0 {
            let wait = 1_000 + self.dice.below(60_000) as i64;
            self.schedule(self.now + wait, Event::Connect(client));
            return Ok(());
        }
        let link = &mut self.links[client];
        link.is_open = true;
        link.epoch += 1;
        let epoch = link.epoch;
        // A connection of before that the broker still has is taken over.
        self.broker.disconnect(client);
        let takes = 1 + self.dice.below(self.plan.latency as u64) as i64;
        self.links[client].down_at = self.now + takes;
        self.schedule(self.now + takes, Event::Opened(client, epoch));
        let down = self.broker.connect(client);
        self.send_down(down);
        Ok(())
    }

    pub(super) fn opened(&mut self, client: usize, epoch: u64) -> Outcome {
        if self.links[client].epoch != epoch || self.links[client].cuts > 0 {
            return Ok(());
        }
        self.trace.note("connected", client as i64, epoch as i64);
        if client < self.agents.len() {
            let out = self.agents[client].connected(self.now)?;
            return self.after_agent(client, out);
        }
        let said = self.collector.connected(self.now)?;
        self.after_collector(said);
        Ok(())
    }

    /// Nothing passes a link any more; the client finds out after a while.
    pub(super) fn sever(&mut self, client: usize) {
        self.broker.disconnect(client);
        let link = &self.links[client];
        if link.is_open {
            let epoch = link.epoch;
            let wait = self.dice.below(KEEP_ALIVE) as i64;
            self.schedule(self.now + wait, Event::Noticed(client, epoch));
        }
    }

    pub(super) fn noticed(&mut self, client: usize, epoch: u64) -> Outcome {
        if self.links[client].epoch != epoch || !self.links[client].is_open {
            return Ok(());
        }
        self.trace.note("disconnected", client as i64, epoch as i64);
        self.links[client].is_open = false;
        self.links[client].epoch += 1;
        self.broker.disconnect(client);
        let wait = 500 + self.dice.below(5_000) as i64;
        self.schedule(self.now + wait, Event::Connect(client));
        if client < self.agents.len() {
            let out = self.agents[client].disconnected(self.now)?;
            return self.after_agent(client, out);
        }
        self.collector.disconnected();
        Ok(())
    }

    pub(super) fn mend_link(&mut self, client: usize) {
        // Quiet may have mended it before.
        self.links[client].cuts = self.links[client].cuts.saturating_sub(1);
        // What was on its way through the cut is gone: the old connection does not come back to life.
        if self.links[client].cuts == 0 && self.links[client].is_open {
            let epoch = self.links[client].epoch;
            self.schedule(self.now, Event::Noticed(client, epoch));
        }
    }
}
