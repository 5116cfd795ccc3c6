//! What goes wrong, and how it is mended.

use super::{Event, Outcome, World};
use crate::broker::{Down, Temper};
use crate::disk::WorldDisk;
use crate::meter::Meter;
use crate::plan::Fault;
use wattledger_link::session::{Publish, Qos};
use wattledger_model::batch::Acknowledgement;
use wattledger_model::name::Name;
use wattledger_model::reading::Incarnation;
use wattledger_model::topic::Topic;
use wattledger_model::wire;

impl World<'_> {
    pub(super) fn start(&mut self, machine: usize) -> Outcome {
        let is_agent = machine < self.agents.len();
        if if is_agent { self.agents[machine].is_up() } else { self.collector.is_up() } {
            return Ok(());
        }
        let started =
            if is_agent { self.agents[machine].start(self.now)? } else { self.collector.start(self.now)? };
        self.trace.note("start", machine as i64, i64::from(started));
        let down =
            if is_agent { self.agents[machine].disk().is_down() } else { self.collector.disk().is_down() };
        if down {
            return self.die(machine, true, 5_000);
        }
        if !started {
            self.schedule(self.now + 30_000, Event::Start(machine));
            return Ok(());
        }
        self.check_what_is_durable()?;
        self.schedule(self.now + 100, Event::Connect(machine));
        if is_agent {
            self.look_at[machine] = self.agents[machine].look_at(self.now);
        }
        Ok(())
    }

    pub(super) fn die(&mut self, machine: usize, by_power_cut: bool, lasts: i64) -> Outcome {
        self.trace.note("dies", machine as i64, i64::from(by_power_cut));
        if machine < self.agents.len() {
            self.agents[machine].die(by_power_cut);
            self.look_at[machine] = i64::MAX;
        } else {
            self.collector.die(by_power_cut);
            self.work_at = None;
        }
        self.links[machine].is_open = false;
        self.links[machine].epoch += 1;
        self.broker.disconnect(machine);
        self.schedule(self.now + lasts, Event::Start(machine));
        Ok(())
    }

    pub(super) fn disk_of(&self, machine: usize) -> &WorldDisk {
        if machine < self.agents.len() { self.agents[machine].disk() } else { self.collector.disk() }
    }

    pub(super) fn go_wrong(&mut self, fault: Fault) -> Outcome {
        self.trace.note_more("fault", 0, 0, || format!("{fault:?}"));
        match fault {
            Fault::Die { machine, by_power_cut, lasts } => return self.die(machine, by_power_cut, lasts),
            Fault::DieWriting { machine, changes } => self.disk_of(machine).fail_after(changes),
            Fault::Full { machine, room, lasts } => {
                self.disk_of(machine).leave_room(Some(room));
                self.schedule(self.now + lasts, Event::Heal(fault));
            }
            Fault::Cut { client, lasts } => {
                self.links[client].cuts += 1;
                self.sever(client);
                self.schedule(self.now + lasts, Event::Heal(fault));
            }
            Fault::BrokerDies { forgets, lasts } => {
                self.broker.restart(forgets);
                for client in 0..self.links.len() {
                    self.links[client].cuts += 1;
                    self.sever(client);
                }
                self.schedule(self.now + lasts, Event::Heal(fault));
            }
            Fault::Silence { meter, lasts } => self.silent_until[meter] = self.now + lasts,
            Fault::Misreads { meter } => {
                let fails = self.meters[meter].fail();
                self.trace.note("misreads", meter as i64, i64::from(fails));
            }
            Fault::Restart { meter } => {
                let restarts = self.meters[meter].restart(self.now);
                self.trace.note("restarts", meter as i64, i64::from(restarts));
            }
            Fault::Exchange { meter } => {
                let clock = self.agents[self.meters[meter].agent].clock(self.now).0 - crate::START;
                let exchange = self.meters[meter].exchange(self.now, clock);
                self.trace.note("exchanges", meter as i64, i64::from(exchange.is_some()));
                self.exchanges.extend(exchange.map(|exchange| (meter, exchange)));
            }
            Fault::DeviceClock { meter, by } => self.meters[meter].set_clock(by),
            Fault::AgentClock { agent, by } => self.agents[agent].set_clock(by),
            Fault::Garbage { agent } => {
                let topic = Topic::Readings(self.agents[agent].key.clone()).to_string();
                let payload = b"nonsense".to_vec();
                let down = self
                    .broker
                    .publish(agent, Publish { topic, payload, qos: Qos::AtLeastOnce, retain: false });
                self.send_down(down.into_iter().filter(|(to, _)| *to != agent).collect());
                let out = self.agents[agent].hear_garbage(self.now)?;
                return self.after_agent(agent, out);
            }
        }
        Ok(())
    }

    /// Somebody else acknowledges everything, on topics that are nearly right.
    pub(super) fn forge(&mut self, agent: usize) -> Outcome {
        let Some(incarnation) = self.agents[agent].incarnation else { return Ok(()) };
        let other: Name = "other".parse().expect("name");
        let ours: Name = "campus".parse().expect("name");
        for (on, by, id) in [(&ours, &other, 0), (&other, &ours, 0), (&ours, &ours, 1)] {
            let said = Acknowledgement {
                collector: by.clone(),
                store_id: self.collector.store_id(),
                incarnation: Incarnation { id: incarnation.id ^ id, ..incarnation },
                floor: self.agents[agent].promised(),
                ranges: Vec::new(),
            };
            let topic =
                Topic::Acknowledgement { agent: self.agents[agent].key.clone(), collector: on.clone() };
            let down = Down::Message {
                topic: topic.to_string(),
                payload: wire::encode_acknowledgement(&said),
                retain: false,
                delivery: 0,
            };
            let out = self.agents[agent].hear(self.now, &down)?;
            self.after_agent(agent, out)?;
        }
        Ok(())
    }

    pub(super) fn heal(&mut self, fault: Fault) -> Outcome {
        match fault {
            Fault::Full { machine, .. } => self.disk_of(machine).leave_room(None),
            Fault::Cut { client, .. } => self.mend_link(client),
            Fault::BrokerDies { .. } => (0..self.links.len()).for_each(|client| self.mend_link(client)),
            _ => {}
        }
        Ok(())
    }

    /// From here on nothing goes wrong any more.
    pub(super) fn quiet_down(&mut self) -> Outcome {
        self.trace.note("quiet", 0, 0);
        self.broker.temper = Temper::default();
        self.silent_until.fill(0);
        self.meters.iter_mut().for_each(Meter::mend);
        for machine in 0..self.links.len() {
            self.disk_of(machine).leave_room(None);
            self.disk_of(machine).mend();
            if self.links[machine].cuts > 0 {
                self.links[machine].cuts = 1;
                self.mend_link(machine);
            }
        }
        self.check_what_is_durable()
    }
}
