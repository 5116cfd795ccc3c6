//! Views over the ledger for people and databases. Outputs do not know each other.

pub mod influx;
pub mod snapshot;
pub mod web;
pub mod remembered;
pub mod live;
