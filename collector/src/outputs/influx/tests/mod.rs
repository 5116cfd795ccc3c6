mod delivery;
mod derived;
mod memory;
mod plant;
mod real;
mod rounds;
mod server;
