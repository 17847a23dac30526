//! The command table: what Redis says of each command, and what a command line touches.
//!
//! One text table, made from a real server's `COMMAND` reply, feeds everything that must know commands without running
//! them: arity errors, ACL categories, key extraction, which reads can be live. A Redis backend can replace it by the
//! connected server's own answer.
