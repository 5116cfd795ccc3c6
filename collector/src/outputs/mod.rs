//! Views over the ledger for people and databases. Outputs do not know each other.

pub mod alerts;
#[cfg(test)]
#[path = "../../../link/tests/session/authority.rs"]
pub(crate) mod authority;
#[cfg(test)]
pub(crate) mod hall;
pub mod influx;
pub mod live;
pub mod mqtt;
pub mod remembered;
pub mod reports;
pub mod snapshot;
mod turns;
pub mod web;
