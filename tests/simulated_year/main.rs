//! Two years of one hall, booked by the real engine and judged by the rules that an operator would write: a chiller
//! that fails in June, a heat wave in July, an IT meter that is dead for days in August.

mod alerts;
mod booked;
mod hall;
mod meters;
mod world;
