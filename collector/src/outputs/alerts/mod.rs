//! Alerts: a threshold on an indicator and a window, raised and cleared each after a time of its own.
//!
//! Every minute that becomes known is judged once ([`decide`]); what is decided is committed together with the
//! messages it gives rise to, so a crash neither loses nor repeats a decision. Messages wait in the outbox until
//! their channel has taken them: at least once, in order, each under a key by which a receiver can tell
//! repetitions. A dead channel holds up neither the others nor the judging. Source: domain.md 7.

mod channels;
pub mod decide;
mod deliver;
pub mod desk;
mod kept;
pub mod listing;
mod message;
mod outbox;
mod run;
pub mod silence;
mod watch;
mod webhook;

#[cfg(test)]
mod tests;

pub use channels::Channels;
pub use decide::{Event, State, Turn};
pub use message::Message;
pub use run::Alerting;
