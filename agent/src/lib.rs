//! From sensors to the link: sources are mapped to readings, readings are kept in a durable spool, and
//! batches are sent until this agent's own collector has acknowledged them.

mod check;
pub mod clock;
mod clock_watch;
pub mod command;
pub mod config;
mod discover;
mod events;
pub mod instant;
mod listen;
mod making;
pub mod map;
pub mod pipeline;
pub mod post;
pub mod profile;
mod reload;
pub mod send;
mod sent;
pub mod source;
pub mod sparkplug;
pub mod spool;
pub mod standing;

pub use config::AgentConfig;
pub use making::BatchConfig;
pub use pipeline::{AgentError, run, run_with_sources};
pub use reload::run_file;
