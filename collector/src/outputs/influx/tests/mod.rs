mod delivery;
mod memory;
mod plant;
mod real;
mod rounds;
mod server;
