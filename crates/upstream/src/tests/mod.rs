//! The machine in small worlds, in every order, and by scripts of what real servers do.

mod double;
mod failover;
mod greeting;
mod interleavings;
mod outages;
mod reading;
mod resharding;
mod script;
mod world;
