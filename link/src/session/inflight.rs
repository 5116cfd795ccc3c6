//! Which publish awaits which acknowledgement, in both directions. Plain bookkeeping for one connection.
//!
//! The MQTT client gives no token for a publish. But on a fresh connection it numbers publishes in the
//! order in which it takes them, so that the n-th it reports as written is the n-th it was given.

use super::PublishId;
use std::collections::VecDeque;

/// Publishes on their way to the broker.
#[derive(Debug)]
pub(super) struct Window {
    limit: usize,
    /// QoS 1 publishes from the oldest unanswered on. A gap of answered ones is kept until the oldest is
    /// answered too: packet ids go round in order, and must not meet one that is still out.
    awaiting: VecDeque<Awaiting>,
    /// How many QoS 1 publishes have left the front.
    left: u64,
    /// What the client was given and has not written yet: the number of a QoS 1 publish, or none for QoS 0.
    given: VecDeque<Option<u64>>,
}

#[derive(Debug)]
struct Awaiting {
    id: PublishId,
    packet: Option<u16>,
    answered: bool,
}

impl Window {
    pub(super) fn new(limit: u16) -> Window {
        let limit = usize::from(limit);
        Window { limit, awaiting: VecDeque::new(), left: 0, given: VecDeque::new() }
    }

    /// Whether a QoS 1 publish may be given to the client.
    pub(super) fn has_room(&self) -> bool {
        self.awaiting.len() < self.limit
    }

    /// How many QoS 1 publishes there is room for in all.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// What the client was given and has not written.
    pub(super) fn unwritten(&self) -> usize {
        self.given.len()
    }

    /// Whether nothing is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.awaiting.is_empty() && self.given.is_empty()
    }

    /// The client was given a QoS 1 publish.
    pub(super) fn gave(&mut self, id: PublishId) {
        self.given.push_back(Some(self.left + self.awaiting.len() as u64));
        self.awaiting.push_back(Awaiting { id, packet: None, answered: false });
    }

    /// The client was given a QoS 0 publish.
    pub(super) fn gave_unconfirmed(&mut self) {
        self.given.push_back(None);
    }

    /// The client has written the next publish under this packet id.
    pub(super) fn written(&mut self, packet: u16) {
        if let Some(Some(number)) = self.given.pop_front()
            && let Some(at) = number.checked_sub(self.left)
            && let Some(awaiting) = self.awaiting.get_mut(at as usize)
        {
            awaiting.packet = Some(packet);
        }
    }

    /// The broker answered the packet id; which publish that was.
    pub(super) fn answered(&mut self, packet: u16) -> Option<PublishId> {
        let awaiting = self.awaiting.iter_mut().find(|a| a.packet == Some(packet) && !a.answered)?;
        awaiting.answered = true;
        let id = awaiting.id;
        while self.awaiting.pop_front_if(|front| front.answered).is_some() {
            self.left += 1;
        }
        Some(id)
    }
}

/// Messages that came and want an acknowledgement, which must be sent in the order of their coming.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    waiting: VecDeque<Waiting>,
    /// How many have left the front.
    left: u64,
}

#[derive(Debug)]
struct Waiting {
    packet: u16,
    acknowledged: bool,
}

impl Receipts {
    /// A message came; its number among them.
    pub(super) fn arrived(&mut self, packet: u16) -> u64 {
        self.waiting.push_back(Waiting { packet, acknowledged: false });
        self.left + self.waiting.len() as u64 - 1
    }

    /// The message is dealt with.
    pub(super) fn acknowledge(&mut self, number: u64) {
        let at = number.checked_sub(self.left).and_then(|at| usize::try_from(at).ok());
        if let Some(waiting) = at.and_then(|at| self.waiting.get_mut(at)) {
            waiting.acknowledged = true;
        }
    }

    /// The packet id to acknowledge next, if its turn has come.
    pub(super) fn due(&self) -> Option<u16> {
        self.waiting.front().filter(|front| front.acknowledged).map(|front| front.packet)
    }

    /// The one that was due is on its way.
    pub(super) fn sent(&mut self) {
        if self.waiting.pop_front().is_some() {
            self.left += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> PublishId {
        PublishId(number)
    }

    #[test]
    fn the_nth_written_is_the_nth_given() {
        let mut window = Window::new(10);
        window.gave(id(1));
        window.gave_unconfirmed();
        window.gave(id(2));
        window.written(5);
        window.written(0);
        assert_eq!(window.unwritten(), 1);
        window.written(6);
        assert_eq!(window.answered(6), Some(id(2)));
        assert_eq!(window.answered(6), None, "answered once");
        assert_eq!(window.answered(5), Some(id(1)));
        assert!(window.is_empty());
    }

    #[test]
    fn the_window_counts_from_the_oldest_unanswered() {
        let mut window = Window::new(3);
        for number in 1..=3 {
            window.gave(id(number));
            window.written(number as u16);
        }
        assert!(!window.has_room());
        // The second and third are answered, but the first packet id is still out.
        assert_eq!((window.answered(2), window.answered(3)), (Some(id(2)), Some(id(3))));
        assert!(!window.has_room());
        assert_eq!(window.answered(1), Some(id(1)));
        assert!(window.has_room() && window.is_empty());
        // The packet ids come round again.
        window.gave(id(4));
        window.written(1);
        assert_eq!(window.answered(1), Some(id(4)));
    }

    #[test]
    fn acknowledgements_go_out_in_the_order_of_arrival() {
        let mut receipts = Receipts::default();
        let numbers: Vec<u64> = [7, 8, 9].into_iter().map(|packet| receipts.arrived(packet)).collect();
        receipts.acknowledge(numbers[2]);
        receipts.acknowledge(numbers[1]);
        assert_eq!(receipts.due(), None, "the first is not dealt with");
        receipts.acknowledge(numbers[0]);
        receipts.acknowledge(numbers[0]);
        let mut sent = Vec::new();
        while let Some(packet) = receipts.due() {
            sent.push(packet);
            receipts.sent();
        }
        assert_eq!(sent, [7, 8, 9]);
        receipts.acknowledge(numbers[1]);
        receipts.acknowledge(u64::MAX);
        assert_eq!((receipts.arrived(7), receipts.due()), (3, None));
    }
}
