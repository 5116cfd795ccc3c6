mod world;

use super::*;
use wattledger_model::batch::CollectorStatus;

const STORE: u64 = 77;

fn agent() -> AgentKey {
    AgentKey { site: "hall".parse().expect("name"), agent: "a1".parse().expect("name") }
}

fn name(text: &str) -> Name {
    text.parse().expect(text)
}

fn incarnation() -> Incarnation {
    Incarnation { started: Timestamp(5), id: 6 }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn word(floor: u64, ranges: &[(u64, u64)]) -> Acknowledgement {
    let (collector, incarnation) = (name("campus"), incarnation());
    Acknowledgement { collector, store_id: STORE, incarnation, floor, ranges: ranges.to_vec() }
}

/// A sender with a spool that holds `0..next`.
struct Bench {
    sender: Sender,
    unreadable: RangeSet,
    from: u64,
    next: u64,
    now: Duration,
}

impl Bench {
    fn new(next: u64) -> Bench {
        let sender = Sender::new(agent(), name("campus"), incarnation(), None, next, 1);
        Bench { sender, unreadable: RangeSet::default(), from: 0, next, now: Duration::ZERO }
    }

    /// Connected, and the collector has answered that it holds nothing.
    fn sending(next: u64) -> (Bench, Vec<Effect>) {
        let mut bench = Bench::new(next);
        bench.step(Event::Connected);
        let effects = bench.hear(&word(0, &[]));
        (bench, effects)
    }

    fn step(&mut self, event: Event<'_>) -> Vec<Effect> {
        let held = Held { from: self.from, next: self.next, unreadable: &self.unreadable };
        self.sender.step(self.now, held, event)
    }

    fn hear(&mut self, said: &Acknowledgement) -> Vec<Effect> {
        self.hear_on("wattledger/v1/agent/hall/a1/ack/campus", &wire::encode_acknowledgement(said))
    }

    fn hear_on(&mut self, topic: &str, payload: &[u8]) -> Vec<Effect> {
        self.step(Event::Message { topic, payload })
    }

    fn hear_collector(&mut self, started: i64) -> Vec<Effect> {
        let status = CollectorStatus {
            collector: name("campus"),
            store_id: STORE,
            at: Timestamp(started),
            started: Timestamp(started),
            version: "1".to_owned(),
        };
        self.hear_on("wattledger/v1/collector/campus/status", &wire::encode_collector_status(&status))
    }

    fn look_after(&mut self, wait: Duration) -> Vec<Effect> {
        self.now += wait;
        self.step(Event::Look)
    }
}

fn sent(effects: &[Effect]) -> Vec<u64> {
    let batch = |effect: &Effect| match effect {
        Effect::SendBatch(sequence) => Some(*sequence),
        _ => None,
    };
    effects.iter().filter_map(batch).collect()
}

#[test]
fn the_status_goes_first_and_no_batch_before_the_collector_has_answered() {
    let mut bench = Bench::new(3);
    assert_eq!(bench.step(Event::Look), []);
    assert_eq!(bench.step(Event::Connected), [Effect::SendStatus]);
    assert_eq!(bench.step(Event::Published), []);
    assert_eq!(bench.step(Event::Look), []);
    let effects = bench.hear(&word(0, &[]));
    assert!(effects.contains(&Effect::CollectorAnswers));
    assert_eq!(sent(&effects), [0, 1, 2]);
}

#[test]
fn a_question_without_answer_is_asked_again_ever_more_slowly() {
    let mut bench = Bench::new(3);
    bench.step(Event::Connected);
    let mut asked = Vec::new();
    while asked.len() < 12 {
        let at = bench.sender.look_at().expect("connected");
        assert!(at > bench.now);
        let effects = bench.look_after(at - bench.now);
        assert!(sent(&effects).is_empty());
        asked.extend(effects.contains(&Effect::SendStatus).then_some(bench.now));
    }
    let waits: Vec<Duration> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        waits[0] <= seconds(4) && waits[10] >= seconds(30) && waits.iter().all(|w| *w <= seconds(60)),
        "{waits:?}"
    );
}

#[test]
fn a_brokers_word_frees_nothing() {
    let (mut bench, effects) = Bench::sending(100);
    assert_eq!(sent(&effects).len(), WINDOW);
    for _ in 0..100 {
        assert_eq!(bench.step(Event::Published), []);
    }
    assert_eq!(*bench.sender.acknowledged(), RangeSet::default());
    assert_eq!(sent(&bench.hear(&word(2, &[(5, 6)]))), [24, 25, 26, 27]);
    assert_eq!(*bench.sender.acknowledged(), RangeSet::from_parts(2, [(5, 6)]));
}

#[test]
fn forged_and_misdirected_acknowledgements_free_nothing() {
    let ours = "wattledger/v1/agent/hall/a1/ack/campus";
    let genuine = word(3, &[]);
    let incarnation = Incarnation { id: 7, ..incarnation() };
    for (topic, said, why) in [
        ("wattledger/v1/agent/hall/a1/ack/other", genuine.clone(), Distrust::Topic),
        ("wattledger/v1/agent/hall/a2/ack/campus", genuine.clone(), Distrust::Topic),
        ("wattledger/v1/agent/roof/a1/ack/campus", genuine.clone(), Distrust::Topic),
        (ours, Acknowledgement { collector: name("other"), ..genuine.clone() }, Distrust::Collector),
        (ours, Acknowledgement { incarnation, ..genuine.clone() }, Distrust::Incarnation),
        (ours, word(1_000, &[]), Distrust::NeverSent),
        (ours, word(1, &[(9, 9)]), Distrust::NeverSent),
        (ours, word(u64::MAX, &[]), Distrust::NeverSent),
    ] {
        // Before the collector has answered, and after batches are on their way.
        let mut asking = Bench::new(3);
        asking.step(Event::Connected);
        let (sending, _) = Bench::sending(3);
        for mut bench in [asking, sending] {
            let effects = bench.hear_on(topic, &wire::encode_acknowledgement(&said));
            assert_eq!(effects, [Effect::Distrusted(why)], "{topic} {said:?}");
            assert_eq!(*bench.sender.acknowledged(), RangeSet::default(), "{topic} {said:?}");
        }
    }
    let (mut bench, _) = Bench::sending(3);
    assert_eq!(bench.hear_on(ours, b"\xff\x00"), [Effect::Distrusted(Distrust::Undecodable)]);
    assert!(bench.hear(&genuine).contains(&Effect::Acknowledged), "the genuine one does");
    assert_eq!(*bench.sender.acknowledged(), RangeSet::below(3));
}

#[test]
fn after_an_outage_new_batches_do_not_wait_behind_the_backlog_and_both_go_on() {
    let (mut bench, effects) = Bench::sending(1_000);
    let backlog = (WINDOW - LIVE_SHARE) as u64;
    assert_eq!(
        sent(&effects),
        (992..1_000).chain(0..backlog).collect::<Vec<_>>(),
        "the latest, then the oldest"
    );
    let mut waited = 0;
    let mut held = RangeSet::default();
    let mut on_the_way: std::collections::VecDeque<u64> = sent(&effects).into();
    // Each round a new batch is made, and the collector takes four: a quarter goes into new ones.
    for round in 0..300 {
        bench.next += 1;
        let effects = bench.step(Event::Look);
        on_the_way.extend(sent(&effects));
        waited = waited.max(on_the_way.iter().filter(|s| **s >= 1_000).count());
        for _ in 0..4 {
            held.insert(on_the_way.pop_front().expect("the window is full"));
        }
        let said = word(held.floor(), &held.ranges().collect::<Vec<_>>());
        on_the_way.extend(sent(&bench.hear(&said)));
        // All but what is on its way and what was made just now.
        let newest = (1_000..bench.next).filter(|s| !held.contains(*s)).count();
        assert!(newest <= WINDOW, "round {round}: {newest} new batches wait");
    }
    assert!(held.floor() >= 800 && waited <= LIVE_SHARE + 1, "floor {}, {waited} waited", held.floor());
}

#[test]
fn a_flood_of_new_batches_leaves_the_backlog_its_share() {
    let (mut bench, effects) = Bench::sending(1_000);
    bench.next += 1_000;
    let mut held = RangeSet::default();
    let mut on_the_way: std::collections::VecDeque<u64> = sent(&effects).into();
    for _ in 0..400 {
        held.insert(on_the_way.pop_front().expect("the window is full"));
        on_the_way.extend(sent(&bench.hear(&word(held.floor(), &held.ranges().collect::<Vec<_>>()))));
    }
    assert!(held.floor() >= 400 * BACKLOG_SHARE as u64 / WINDOW as u64, "{held:?}");
}

#[test]
fn a_batch_that_the_broker_lost_is_sent_again_while_others_arrive() {
    let (mut bench, effects) = Bench::sending(3);
    assert_eq!(sent(&effects), [0, 1, 2]);
    let mut again = Vec::new();
    // Batch 1 is lost; a new batch every second is not.
    for second in 3..=15 {
        bench.now += seconds(1);
        bench.next = second + 1;
        again.extend(sent(&bench.step(Event::Look)));
        bench.hear(&word(1, &[(2, second)]));
    }
    assert_eq!(again.iter().filter(|sequence| **sequence == 1).count(), 1, "{again:?}");
    let standing = bench.sender.standing().expect("spoken");
    assert!(standing.caught_up);
    // It comes at last.
    bench.hear(&word(16, &[]));
    assert_eq!(bench.sender.look_at(), Some(seconds(60)));
}

#[test]
fn another_store_frees_nothing_and_is_offered_everything() {
    let (mut bench, _) = Bench::sending(5);
    bench.hear(&word(5, &[]));
    assert!(bench.sender.standing().expect("known").caught_up);
    let other = Acknowledgement { store_id: 78, ..word(5, &[]) };
    let effects = bench.hear(&other);
    assert!(effects.contains(&Effect::NewStore { before: Some(STORE), now: 78 }));
    assert_eq!(*bench.sender.acknowledged(), RangeSet::default());
    assert_eq!(sent(&effects), [0, 1, 2, 3, 4]);
    // Had it been a forgery, the true store's next word would start the same again, and lose nothing.
    let effects = bench.hear(&word(5, &[]));
    assert!(effects.contains(&Effect::NewStore { before: Some(78), now: STORE }));
    assert_eq!(sent(&effects), [0, 1, 2, 3, 4]);
    bench.hear(&word(5, &[]));
    assert_eq!(*bench.sender.acknowledged(), RangeSet::below(5));
}

#[test]
fn a_restored_collector_gets_again_what_it_has_no_more() {
    let (mut bench, _) = Bench::sending(9);
    bench.hear(&word(9, &[]));
    assert_eq!(sent(&bench.hear(&word(4, &[(6, 7)]))), [4, 5, 8]);
}

#[test]
fn silence_makes_the_agent_ask_and_then_send_again() {
    let (mut bench, _) = Bench::sending(3);
    bench.hear(&word(1, &[]));
    assert_eq!(bench.look_after(seconds(9)), []);
    assert_eq!(bench.look_after(seconds(1)), [Effect::CollectorSilent, Effect::SendStatus]);
    bench.next = 5;
    assert_eq!(bench.step(Event::Look), [], "nothing is sent to nobody");
    assert_eq!(sent(&bench.hear(&word(1, &[]))), [1, 2, 3, 4]);
}

#[test]
fn after_a_reconnect_only_what_is_missing_is_sent_again() {
    let (mut bench, _) = Bench::sending(6);
    assert_eq!(bench.step(Event::Disconnected), []);
    assert_eq!(bench.step(Event::Connected), [Effect::SendStatus]);
    assert_eq!(sent(&bench.hear(&word(2, &[(4, 4)]))), [2, 3, 5]);
}

#[test]
fn the_status_is_repeated_every_minute() {
    let (mut bench, _) = Bench::sending(0);
    assert_eq!(bench.sender.look_at(), Some(seconds(60)));
    assert_eq!(bench.look_after(seconds(59)), []);
    assert_eq!(bench.look_after(seconds(1)), [Effect::SendStatus]);
    assert_eq!(bench.look_after(seconds(59)), []);
}

#[test]
fn news_of_a_source_is_said_soon_and_not_too_often() {
    let (mut bench, _) = Bench::sending(0);
    bench.now = seconds(1);
    assert_eq!(bench.step(Event::SourceTurned), []);
    assert_eq!(bench.sender.look_at(), Some(seconds(2)));
    assert_eq!(bench.look_after(seconds(1)), [Effect::SendStatus]);
    assert_eq!(bench.sender.look_at(), Some(seconds(62)));
    bench.now = seconds(30);
    assert_eq!(bench.step(Event::SourceTurned), [Effect::SendStatus]);
}

#[test]
fn a_collector_that_has_restarted_is_asked_before_anything_more_is_sent() {
    let (mut bench, _) = Bench::sending(2);
    assert_eq!(bench.hear_collector(100), []);
    assert_eq!(bench.hear_collector(100), []);
    assert_eq!(bench.hear_collector(200), [Effect::SendStatus]);
    bench.next = 3;
    assert_eq!(bench.step(Event::Look), []);
    assert_eq!(sent(&bench.hear(&word(0, &[]))), [0, 1, 2]);
}

#[test]
fn a_full_link_is_tried_again_when_it_has_room() {
    let (mut bench, effects) = Bench::sending(3);
    assert_eq!(sent(&effects), [0, 1, 2]);
    assert_eq!(bench.step(Event::NotSent(Some(2))), []);
    assert_eq!(bench.step(Event::Look), []);
    assert_eq!(sent(&bench.step(Event::Published)), [2]);
}

#[test]
fn what_is_dropped_unreadable_or_too_large_holds_nothing_up() {
    let mut bench = Bench::new(8);
    bench.from = 2;
    bench.unreadable = RangeSet::from_parts(0, [(3, 4)]);
    bench.step(Event::Connected);
    assert_eq!(sent(&bench.hear(&word(0, &[]))), [2, 5, 6, 7]);
    bench.step(Event::Unsendable(6));
    // The collector counts what is no longer held as settled.
    assert_eq!(bench.hear(&word(3, &[(5, 5), (7, 7)])), [Effect::Acknowledged]);
    let held = Held { from: bench.from, next: bench.next, unreadable: &bench.unreadable };
    assert!(bench.sender.is_done(held));
}

#[test]
fn what_is_remembered_counts_only_for_the_same_collector_and_spool() {
    let (mut bench, _) = Bench::sending(4);
    bench.hear(&word(4, &[]));
    let standing = bench.sender.standing().expect("spoken");
    let again = |collector: &str, incarnation: Incarnation| {
        let sender = Sender::new(agent(), name(collector), incarnation, Some(&standing), 4, 1);
        sender.acknowledged().clone()
    };
    assert_eq!(again("campus", incarnation()), RangeSet::below(4));
    assert_eq!(again("other", incarnation()), RangeSet::default());
    assert_eq!(again("campus", Incarnation { id: 1, ..incarnation() }), RangeSet::default());
    // In the middle of offering everything to a new store, a restart begins that again.
    bench.hear(&Acknowledgement { store_id: 9, ..word(4, &[]) });
    bench.next = 100;
    let other = Acknowledgement { store_id: 10, ..word(0, &[]) };
    bench.hear(&other);
    let standing = bench.sender.standing().expect("spoken");
    assert!(!standing.caught_up);
    let mut sender = Sender::new(agent(), name("campus"), incarnation(), Some(&standing), 100, 1);
    let held = Held { from: 0, next: 100, unreadable: &RangeSet::default() };
    sender.step(Duration::ZERO, held, Event::Connected);
    let said = wire::encode_acknowledgement(&Acknowledgement { floor: 100, ..other });
    let topic = "wattledger/v1/agent/hall/a1/ack/campus";
    sender.step(Duration::ZERO, held, Event::Message { topic, payload: &said });
    assert_eq!(*sender.acknowledged(), RangeSet::default());
}
