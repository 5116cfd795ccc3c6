//! What both ends of the link need to keep one promise: acknowledged means durable.
//!
//! [`session`] is the one adapter around the MQTT client; [`segment`] keeps records on disk for the
//! agent's spool and the collector's journal. [`ranges`] and [`backoff`] are the plain arithmetic
//! both ends share. Nothing here knows what a reading means.

pub mod backoff;
pub mod disk;
pub mod ranges;
pub mod segment;
pub mod session;
pub mod small_file;
