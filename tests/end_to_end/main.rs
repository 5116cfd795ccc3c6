//! The whole product as people run it: the real broker, the real database and the real binaries, as processes
//! on loopback that can be killed and started again.
//!
//! Without mosquitto or InfluxDB on the machine these tests say so and do nothing; with `CI=true` they fail.

mod bad_input;
mod chain;
mod chance;
mod dashboards;
mod esif;
mod influx;
mod killed;
mod mosquitto;
mod processes;
mod publish;
mod spool;
mod wait;
mod year;
