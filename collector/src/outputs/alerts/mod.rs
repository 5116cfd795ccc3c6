//! Alerts: conditions with thresholds, raised and cleared each after a time of its own.
//!
//! What a condition sees of its subjects at a minute ([`conditions`]) goes into the state of each ([`decide`]); what
//! turns there is committed together with the states, as an [`alarm`], so a crash neither loses nor repeats a
//! decision. What derives from a source that is silent is not told of beside it ([`causes`]). Messages wait in the
//! outbox until their channel has taken them: at least once, in order, each under a key by which a receiver can tell
//! repetitions. A dead channel holds up neither the others nor the judging. Source: domain.md 7.

pub mod alarm;
mod causes;
mod changed;
mod channels;
pub(crate) mod conditions;
pub mod decide;
mod deliver;
pub mod desk;
pub mod formulas;
mod judge;
mod kept;
pub mod listing;
mod message;
mod outbox;
mod replay;
mod run;
pub mod silence;
mod thin;
mod watch;
mod webhook;

#[cfg(test)]
mod tests;

pub use channels::Channels;
pub use decide::{Event, State, Turn};
pub use message::Message;
pub use replay::{Replayed, replay, unjudged};
pub use run::Alerting;
