//! How the messages of each channel fare, counted since the start: for whoever looks at the page.

use crate::config::Channel;
use crate::outputs::snapshot::{ChannelView, OutputState};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wattledger_model::name::Name;

/// The channels' counts, shared by those who deliver and those who show.
#[derive(Debug, Clone, Default)]
pub struct Channels(Arc<Mutex<BTreeMap<Name, ChannelView>>>);

impl Channels {
    /// Nothing is delivered yet.
    pub fn new(channels: &[Channel]) -> Channels {
        let view = |channel: &Channel| {
            let view = ChannelView {
                name: channel.name.to_string(),
                kind: channel.kind.word().to_owned(),
                state: OutputState::Ok,
                delivered: 0,
                failed: 0,
                given_up: 0,
                last_error: None,
            };
            (channel.name.clone(), view)
        };
        Channels(Arc::new(Mutex::new(channels.iter().map(view).collect())))
    }

    /// What there is to show, by name.
    pub fn views(&self) -> Vec<ChannelView> {
        self.all().values().cloned().collect()
    }

    /// Messages were taken; none where only what is known already was repeated.
    pub(super) fn delivered(&self, channel: &Name, messages: u64) {
        if let Some(view) = self.all().get_mut(channel) {
            view.delivered += messages;
            (view.state, view.last_error) = (OutputState::Ok, None);
        }
    }

    /// A delivery failed, and so many messages were given up with it.
    pub(super) fn failed(&self, channel: &Name, reason: &str, given_up: u64) {
        if let Some(view) = self.all().get_mut(channel) {
            view.failed += 1;
            view.given_up += given_up;
            (view.state, view.last_error) = (OutputState::Down, Some(reason.to_owned()));
        }
    }

    /// Whether its last delivery was taken.
    pub(super) fn is_up(&self, channel: &Name) -> bool {
        self.all().get(channel).is_some_and(|view| view.state == OutputState::Ok)
    }

    /// Nothing here panics while it holds the lock; if it did, the counts would still be whole.
    fn all(&self) -> MutexGuard<'_, BTreeMap<Name, ChannelView>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
