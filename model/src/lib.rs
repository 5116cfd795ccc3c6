//! The vocabulary of Wattledger: quantities, readings, meters, time, the wire format and the topics.
//!
//! Everything here is plain data and arithmetic. Nothing reads a clock, a file or a socket, so both
//! ends of the link, and every test, mean the same thing by the same word.

pub mod applicability;
pub mod batch;
pub mod calendar;
pub mod carrier;
pub mod correction;
pub mod decimal;
pub mod document;
pub mod facility;
pub mod factor;
pub mod factor_series;
pub mod instrument;
pub mod meter;
pub mod minute;
pub mod name;
pub mod reading;
pub mod role;
pub mod target;
pub mod time;
pub mod topic;
pub mod unit;
pub mod wire;
