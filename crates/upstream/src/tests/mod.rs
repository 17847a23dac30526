//! The machine in small worlds, in every order, and by scripts of what real servers do.

mod double;
mod explore;
mod interleavings;
mod world;
