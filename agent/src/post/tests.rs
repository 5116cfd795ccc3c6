mod corrupted;

use super::*;
use crate::spool::tests::faulty::FaultyDisk;
use wattledger_model::batch::{Acknowledgement, CollectorStatus};
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Quality, Reading};

const SECOND: Duration = Duration::from_secs(1);

/// What the agent publishes goes into a list; the clock stands where it is put.
#[derive(Default)]
struct Surroundings {
    clock: i64,
    out: Vec<Publish>,
    durable: Vec<Ticket>,
}

impl Outside for Surroundings {
    fn publish(&mut self, message: Publish) -> Result<(), PublishError> {
        self.out.push(message);
        Ok(())
    }

    fn clock(&self) -> Timestamp {
        Timestamp(1_790_000_000_000 + self.clock)
    }

    fn sources(&self) -> Vec<SourceStatus> {
        Vec::new()
    }

    fn made_durable(&mut self, _: usize, ticket: Ticket) {
        self.durable.push(ticket);
    }
}

impl Surroundings {
    fn status(&self) -> AgentStatus {
        let mut statuses = self.out.iter().rev().filter(|message| message.topic.ends_with("/status"));
        let last = statuses.next().expect("a status was said");
        wire::decode_agent_status(&last.payload).expect("our own")
    }

    /// The sequences of batches published, in their order.
    fn sent(&self) -> Vec<u64> {
        let batches = self.out.iter().filter(|message| message.topic.ends_with("/readings"));
        batches.map(|batch| wire::decode_batch(&batch.payload).expect("our own").sequence).collect()
    }
}

fn config() -> AgentConfig {
    let text = "[agent]\nname='a'\nsite='hall'\ncollector='campus'\ndata_dir='/d'\n[link]\nbroker='mqtt://h'\n\
                [batch]\nlinger='1s'\n";
    let mut config = AgentConfig::parse("agent.toml", text).expect("valid");
    config.spool_limit_bytes = 1 << 20;
    config
}

fn open(disk: &FaultyDisk) -> Post {
    let fresh = Incarnation { started: Timestamp(5), id: 6 };
    Post::open(Arc::new(disk.clone()), &config(), fresh).expect("opens")
}

/// A reading that is stamped by its arrival.
fn handed_in(ticket: u64, arrived: Timestamp) -> HandedIn {
    let reading = Reading {
        at: arrived,
        arrived,
        value: Decimal::new(arrived.0, 0),
        unit: None,
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    };
    let meter = "m".parse().expect("name");
    HandedIn {
        source: 0,
        ticket: Ticket(ticket),
        awaited: false,
        mapped: vec![Mapped::Reading { meter, reading }],
    }
}

fn acknowledge(post: &mut Post, now: Duration, floor: u64, around: &mut Surroundings) {
    let said = Acknowledgement {
        collector: "campus".parse().expect("name"),
        store_id: 1,
        incarnation: post.spool().incarnation(),
        floor,
        ranges: Vec::new(),
    };
    let payload = wire::encode_acknowledgement(&said);
    post.step(
        now,
        Event::Message { topic: "wattledger/v1/agent/hall/a/ack/campus", payload: &payload },
        around,
    );
}

#[test]
fn a_full_disk_is_said_with_what_waits_and_mends_itself() {
    let (disk, mut around) = (FaultyDisk::default(), Surroundings::default());
    let mut post = open(&disk);
    post.step(SECOND, Event::Connected, &mut around);
    assert_eq!(around.status().spool_trouble, "");
    disk.fill_up_at(Some(disk.bytes()));
    let arrived = around.clock();
    post.take(2 * SECOND, handed_in(1, arrived));
    post.take(2 * SECOND, handed_in(2, arrived));
    around.clock = 4_000;
    post.attend(4 * SECOND, &mut around);
    assert!(post.is_stuck() && around.durable.is_empty());
    let status = around.status();
    assert!(status.spool_trouble.contains("no space left"), "{status:?}");
    assert_eq!((status.held_back, status.taken_in), (2, 0));
    disk.fill_up_at(None);
    around.clock = 6_000;
    post.attend(6 * SECOND, &mut around);
    assert_eq!(around.durable, [Ticket(2)]);
    // The good news is not held back for long either.
    around.clock = 8_000;
    post.attend(8 * SECOND, &mut around);
    let status = around.status();
    assert_eq!((status.spool_trouble.as_str(), status.held_back, status.taken_in), ("", 0, 2));
}

#[test]
fn a_clock_that_is_set_is_seen_and_what_it_stamped_is_marked() {
    let (disk, mut around) = (FaultyDisk::default(), Surroundings::default());
    let mut post = open(&disk);
    for second in 1..4_u32 {
        around.clock = i64::from(second) * 1_000;
        post.take(second * SECOND, handed_in(second.into(), around.clock()));
        post.attend(second * SECOND, &mut around);
    }
    around.clock = 4_000 + 3_600_000;
    post.take(4 * SECOND, handed_in(4, around.clock()));
    post.attend(4 * SECOND, &mut around);
    around.clock += 1_000;
    post.take(5 * SECOND, handed_in(5, around.clock()));
    post.write(5 * SECOND, true, &mut around);
    post.step(5 * SECOND, Event::Connected, &mut around);
    let status = around.status();
    assert_eq!((status.clock_jumps, status.clock_jumped_ms), (1, 3_600_000));
    let mut qualities = Vec::new();
    for sequence in 0..post.spool().next_sequence() {
        let bytes = post.batch(sequence).expect("disk").expect("held").to_vec();
        let batch = wire::decode_batch(&bytes).expect("our own");
        qualities.extend(batch.readings.iter().map(|(_, reading)| reading.quality));
    }
    let good = Quality::Good;
    assert_eq!(qualities, [good, good, good, Quality::Suspect, good]);
}

#[test]
fn a_collector_that_restarts_gets_what_it_lost_without_waiting() {
    let (disk, mut around) = (FaultyDisk::default(), Surroundings::default());
    let mut post = open(&disk);
    for second in 1..6_u32 {
        post.take(second * SECOND, handed_in(second.into(), around.clock()));
        post.write(second * SECOND, true, &mut around);
    }
    let now = 6 * SECOND;
    post.step(now, Event::Connected, &mut around);
    acknowledge(&mut post, now, 0, &mut around);
    assert_eq!(around.sent(), [0, 1, 2, 3, 4]);
    let topic = "wattledger/v1/collector/campus/status";
    let hear = |started: i64, post: &mut Post, around: &mut Surroundings| {
        let status = CollectorStatus {
            collector: "campus".parse().expect("name"),
            store_id: 1,
            at: Timestamp(started),
            started: Timestamp(started),
            version: String::new(),
        };
        let payload = wire::encode_collector_status(&status);
        post.step(now, Event::Message { topic, payload: &payload }, around);
    };
    hear(1, &mut post, &mut around);
    assert_eq!(around.sent().len(), 5);
    // It had one of them when it went down. No time passes.
    hear(2, &mut post, &mut around);
    acknowledge(&mut post, now, 1, &mut around);
    assert_eq!(around.sent(), [0, 1, 2, 3, 4, 1, 2, 3, 4]);
    acknowledge(&mut post, now, 5, &mut around);
    post.step(now + 61 * SECOND, Event::Look, &mut around);
    let status = around.status();
    assert_eq!((status.taken_in, status.waiting, status.sent), (5, 0, 9));
}

#[test]
fn over_a_restart_it_is_known_what_was_never_sent() {
    let (disk, mut around) = (FaultyDisk::default(), Surroundings::default());
    let mut post = open(&disk);
    for second in 1..6_u32 {
        post.take(second * SECOND, handed_in(second.into(), around.clock()));
        post.write(second * SECOND, true, &mut around);
    }
    drop(post);
    let mut post = open(&disk);
    assert_eq!(*post.spool().sent(), RangeSet::default());
    post.step(SECOND, Event::Connected, &mut around);
    acknowledge(&mut post, SECOND, 0, &mut around);
    assert_eq!(around.sent().len(), 5);
    assert_eq!(*post.spool().sent(), RangeSet::below(5));
    // It dies at once: what it wrote down before it sent anything covers all of that.
    drop(post);
    let mut post = open(&disk);
    assert_eq!(*post.spool().sent(), RangeSet::below(5));
    post.take(SECOND, handed_in(9, around.clock()));
    post.write(SECOND, true, &mut around);
    post.attend(70 * SECOND, &mut around);
    drop(post);
    assert!(!open(&disk).spool().sent().contains(5), "what was taken in without a link was not sent");
    // Without the file, all of it may have been.
    disk.remove(std::path::Path::new("/d/sent")).expect("there");
    assert_eq!(*open(&disk).spool().sent(), RangeSet::below(6));
}

/// Takes a reading and writes it, once for each batch.
fn fill(post: &mut Post, batches: u32, around: &mut Surroundings) {
    for second in 1..=batches {
        post.take(second * SECOND, handed_in(second.into(), around.clock()));
        around.clock += 1_000;
        post.write(second * SECOND, true, around);
    }
}

#[test]
fn nothing_is_sent_while_it_cannot_be_written_down_that_it_was() {
    let (disk, mut around) = (FaultyDisk::default(), Surroundings::default());
    let mut post = open(&disk);
    fill(&mut post, 3, &mut around);
    disk.refuse(Some(std::path::Path::new("/d/sent")));
    post.step(4 * SECOND, Event::Connected, &mut around);
    acknowledge(&mut post, 4 * SECOND, 0, &mut around);
    post.attend(15 * SECOND, &mut around);
    assert_eq!(around.sent(), [0_u64; 0]);
    // What a crash would leave says that nothing was sent, and so it is.
    assert_eq!(
        sent::load(&disk, std::path::Path::new("/d/sent"), post.spool().incarnation()),
        Some(RangeSet::default())
    );
    disk.refuse(None);
    post.attend(70 * SECOND, &mut around);
    assert_eq!(around.sent(), [0, 1, 2]);
}

#[test]
fn what_could_not_be_written_is_carried_over() {
    let (disk, mut around) = (FaultyDisk::default(), Surroundings::default());
    let mut post = open(&disk);
    disk.fill_up_at(Some(disk.bytes()));
    fill(&mut post, 2, &mut around);
    post.take(5 * SECOND, handed_in(3, around.clock()));
    assert!(post.is_stuck() && around.durable.is_empty());
    let held_back = post.into_held_back();
    let mut post = open(&disk);
    post.take_over(SECOND, held_back);
    post.take(SECOND, handed_in(1, around.clock()));
    post.step(SECOND, Event::Connected, &mut around);
    assert_eq!((around.status().held_back, around.status().taken_in), (3, 0));
    disk.fill_up_at(None);
    post.write(2 * SECOND, true, &mut around);
    assert!(!post.is_stuck() && around.durable.is_empty(), "no source waits for these any more");
    post.write(2 * SECOND, true, &mut around);
    assert_eq!((post.spool().taken_in(), &around.durable[..]), (4, &[Ticket(1)][..]));
}
