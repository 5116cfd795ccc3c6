mod delivery;
mod derived;
mod live;
mod memory;
mod plant;
mod real;
mod rounds;
mod server;
