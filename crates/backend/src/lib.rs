//! Where the data is: the embedded store here, real servers in their own modules later.
//!
//! A backend is a pair of message types ([`model::backend`]); which one a node has is decided where it is assembled.
//! Nothing here knows sessions, topics or doors.

mod embedded;

pub use embedded::Embedded;
