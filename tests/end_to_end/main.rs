//! The whole product as people run it: the real broker, the real database and the real binaries, as processes
//! on loopback that can be killed and started again.
//!
//! Without its servers on the machine a test says so and does nothing; with `CI=true` it fails.

mod alerts;
#[path = "../../link/tests/session/authority.rs"]
mod authority;
mod bad_input;
mod chain;
mod chance;
mod dashboards;
mod esif;
#[path = "../dashboards/fill.rs"]
mod fill;
mod full_queue;
mod influx;
mod influx_verify;
mod killed;
mod load;
mod mosquitto;
mod other_brokers;
mod outage;
mod pair;
mod plant;
mod processes;
mod prometheus;
mod publish;
#[path = "../dashboards/read.rs"]
mod read;
mod servers;
mod spool;
mod wait;
mod year;
