//! What a world is like, decided from its seed before it begins: how long it lasts, who is in it, and what
//! goes wrong when.

use crate::broker::Temper;
use crate::dice::Dice;
use crate::meter::Meter;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Something that goes wrong. Clients are the agents in their order, then the collector; machines likewise.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// A machine dies for a while; by a power cut or by a kill.
    Die { machine: usize, by_power_cut: bool, lasts: i64 },
    /// A machine goes down after so many further changes of its disk, in the middle of the last one.
    DieWriting { machine: usize, changes: u64 },
    /// A machine's disk has so little room left for a while.
    Full { machine: usize, room: usize, lasts: i64 },
    /// A client cannot reach the broker.
    Cut { client: usize, lasts: i64 },
    /// The broker restarts, and may forget what it had.
    BrokerDies { forgets: bool, lasts: i64 },
    /// A meter says nothing.
    Silence { meter: usize, lasts: i64 },
    /// A meter's next reads fail.
    Misreads { meter: usize },
    /// A meter's register restarts, or the instrument is exchanged and nobody declares it.
    Restart { meter: usize },
    /// The instrument is exchanged, and the exchange declared.
    Exchange { meter: usize },
    /// A device's clock is set.
    DeviceClock { meter: usize, by: i64 },
    /// An agent's clock is set.
    AgentClock { agent: usize, by: i64 },
    /// Somebody publishes nonsense.
    Garbage { agent: usize },
}

#[derive(Debug)]
pub struct Plan {
    /// Until then things go wrong, ms.
    pub length: i64,
    /// Until then meters are read, without further faults.
    pub reads_until: i64,
    pub agents: usize,
    pub meters: Vec<Meter>,
    /// Ascending in time.
    pub faults: Vec<(i64, Fault)>,
    pub temper: Temper,
    /// Messages that the broker keeps for the collector.
    pub queue: usize,
    /// Bytes of an agent's spool.
    pub spool: u64,
    /// The agents' `[batch]`.
    pub batch: String,
    /// The longest journey of a packet, ms.
    pub latency: i64,
    pub flush_every: i64,
    /// Every so many flushes, readings move to the raw store.
    pub compact_every: u64,
    /// In one of so many flushes the collector goes down, now or soon after.
    pub dies_flushing: u64,
    /// After one in so many messages to an agent, somebody else acknowledges everything.
    pub forges: u64,
    pub status_every: i64,
    /// A meter whose scale is declared wrongly at first, and mended in the end.
    pub mistaken: Option<usize>,
    pub dice: Dice,
}

/// How long a world lasts and how often its meters are read.
struct Scale {
    length: i64,
    intervals: &'static [i64],
    /// The agents' links are down but for an hour now and then.
    is_dialled: bool,
}

fn scale(dice: &mut Dice) -> Scale {
    match dice.below(5) {
        0 | 1 => Scale {
            length: dice.between(HOUR, 5 * HOUR),
            intervals: &[20 * SECOND, MINUTE, 5 * MINUTE],
            is_dialled: false,
        },
        2 | 3 => Scale {
            length: dice.between(8 * HOUR, 30 * HOUR),
            intervals: &[2 * MINUTE, 5 * MINUTE, 15 * MINUTE],
            is_dialled: false,
        },
        _ => Scale {
            length: dice.between(4 * DAY, 22 * DAY),
            intervals: &[20 * MINUTE, HOUR, 4 * HOUR],
            is_dialled: true,
        },
    }
}

impl Plan {
    pub fn new(seed: u64) -> Plan {
        let mut dice = Dice::new(seed);
        let scale = scale(&mut dice);
        let agents = 1 + dice.below(2) as usize;
        let count = dice.between(3, 8) as usize;
        // A meter is read often enough to be interesting, and not so often that worlds take long.
        let intervals: Vec<i64> = (0..count)
            .map(|_| (*dice.pick(scale.intervals)).max(scale.length / 350 / SECOND * SECOND))
            .collect();
        let longest = intervals.iter().copied().max().unwrap_or(MINUTE);
        let reads_until = scale.length + 16 * longest + 5 * MINUTE;
        let meters = intervals.iter().enumerate().map(|(at, interval)| {
            let agent = dice.below(agents as u64) as usize;
            Meter::new(dice.of(100 + at as u64), format!("meter-{at}"), agent, *interval, reads_until + HOUR)
        });
        let meters: Vec<Meter> = meters.collect();
        let one_in = |dice: &mut Dice, cases: &[u64]| *dice.pick(cases);
        let temper = Temper {
            loses: one_in(&mut dice, &[0, 0, 100, 20]),
            repeats: one_in(&mut dice, &[0, 50, 10]),
            reorders: one_in(&mut dice, &[0, 50, 5]),
        };
        let mut plan = Plan {
            length: scale.length,
            reads_until,
            agents,
            faults: Vec::new(),
            temper,
            queue: *dice.pick(&[10, 100, 1_000]),
            spool: *dice.pick(&[64 << 10, 80 << 10, 160 << 10, 8 << 20]),
            batch: format!(
                "max_readings = {}\nlinger = \"{}s\"",
                dice.pick(&[1, 5, 50, 500]),
                dice.pick(&[1, 10, 60])
            ),
            latency: *dice.pick(&[5, 100, 2_000]),
            flush_every: scale.length / *dice.pick(&[6, 12, 25, 50, 150]),
            forges: *dice.pick(&[20, 1_000_000]),
            dies_flushing: *dice.pick(&[8, 30, 1_000_000]),
            compact_every: dice.below(6) + 1,
            status_every: if scale.is_dialled { 15 * MINUTE } else { MINUTE },
            mistaken: dice.one_in(4).then(|| dice.below(meters.len() as u64) as usize),
            meters,
            dice: dice.of(2),
        };
        plan.faults = plan.draw_faults(&mut dice.of(3), scale.is_dialled);
        plan
    }

    fn draw_faults(&self, dice: &mut Dice, is_dialled: bool) -> Vec<(i64, Fault)> {
        let mut faults = Vec::new();
        // Some worlds are calm: what then goes wrong has few causes.
        let roughness = *dice.pick(&[0, 4, 10, 25]);
        for _ in 0..roughness {
            let at = dice.between(0, self.length);
            let fault = self.draw_fault(dice);
            faults.push((at, fault));
        }
        if is_dialled {
            for client in 0..self.agents {
                let mut at = dice.between(0, HOUR);
                while at < self.length {
                    let lasts = dice.between(4 * HOUR, 40 * HOUR);
                    faults.push((at, Fault::Cut { client, lasts }));
                    at += lasts + dice.between(10 * MINUTE, 90 * MINUTE);
                }
            }
        }
        faults.sort_by_key(|(at, _)| *at);
        faults
    }

    fn draw_fault(&self, dice: &mut Dice) -> Fault {
        let agent = dice.below(self.agents as u64) as usize;
        let machine = dice.below(self.agents as u64 + 1) as usize;
        let meter = dice.below(self.meters.len() as u64) as usize;
        let interval = self.meters[meter].interval;
        // From seconds to most of the world.
        let most = self.length / *dice.pick(&[2, 6, 20, 100]);
        let lasts = dice.between(SECOND, most.max(2 * SECOND));
        match dice.below(24) {
            0..=2 => Fault::Die { machine, by_power_cut: dice.one_in(2), lasts: lasts.min(self.length / 8) },
            3 | 4 => Fault::DieWriting { machine, changes: dice.below(12) },
            5 | 6 => Fault::Full { machine, room: dice.below(3_000) as usize, lasts },
            7..=9 => Fault::Cut { client: machine, lasts },
            10 | 11 => Fault::BrokerDies { forgets: dice.one_in(2), lasts: lasts.min(self.length / 10) },
            12..=14 => Fault::Silence { meter, lasts },
            15 | 16 => Fault::Misreads { meter },
            17 => Fault::Restart { meter },
            18 => {
                let by = match dice.below(4) {
                    // Back by less than a read: the order stays.
                    0 => -dice.between(1, interval / 2),
                    1 => -dice.between(interval, 20 * interval),
                    _ => dice.between(1, 20 * interval),
                };
                Fault::DeviceClock { meter, by }
            }
            19 => {
                let by = if dice.one_in(3) { -dice.between(1, HOUR) } else { dice.between(1, HOUR) };
                Fault::AgentClock { agent, by }
            }
            20 | 21 => Fault::Garbage { agent },
            _ => Fault::Exchange { meter },
        }
    }
}
