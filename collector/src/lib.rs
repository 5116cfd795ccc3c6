//! From the link to everything people see: the collector keeps the energy ledger and shows what follows from it.
//!
//! `receive` takes payloads from the link, `engine` makes them durable and folds them into the ledger,
//! `view` reads figures from a consistent state of it, and each of `outputs` follows at its own pace.

pub mod actions;
pub mod admin;
pub mod admit;
pub mod audit;
pub mod by_hand;
pub mod clock;
pub mod config;
pub mod desk;
pub mod engine;
pub mod explain;
mod foreseen;
pub mod health;
pub mod indicators;
pub mod journal;
pub mod ledger;
mod occupied;
pub mod outputs;
pub mod pipeline;
mod post;
pub mod receive;
pub mod stop;
pub mod store;
pub mod targets;
pub mod topology;
pub mod view;

pub use pipeline::{CollectorError, Handle, Running, engine_config, open_engine, start};
