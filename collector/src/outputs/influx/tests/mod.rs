mod delivery;
mod derived;
mod live;
pub(super) mod memory;
pub(super) mod plant;
mod real;
mod rounds;
pub(super) mod server;
