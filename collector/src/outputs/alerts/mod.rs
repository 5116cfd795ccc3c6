//! Alerts: conditions with thresholds, raised and cleared each after a time of its own.
//!
//! What a condition sees of its subjects at a minute ([`conditions`]) goes into the state of each ([`decide`]); what
//! turns there is committed together with the states, as an [`alarm`], so a crash neither loses nor repeats a
//! decision. What derives from a source that is silent is not told of beside it ([`causes`]). Messages wait in the
//! outbox until their channel has taken them: at least once, in order, each under a key by which a receiver can tell
//! repetitions. A dead channel holds up neither the others nor the judging. Source: domain.md 7.

pub mod alarm;
mod alertmanager;
mod causes;
mod changed;
mod channels;
mod check;
pub(crate) mod conditions;
pub mod decide;
mod deliver;
mod dispatch;
pub mod formulas;
mod group;
mod judge;
mod kept;
pub mod listing;
mod mail;
mod message;
mod notify;
mod outbox;
mod post;
mod replay;
mod run;
mod sign;
mod tell;
mod template;
mod told;
mod watch;
mod webhook;
mod words;

#[cfg(test)]
mod tests;

pub use channels::Channels;
pub use check::check_channels;
pub use decide::{Event, State, Turn};
pub use group::Group;
pub use message::Message;
pub use replay::{Replayed, replay, unjudged};
pub use run::Alerting;
