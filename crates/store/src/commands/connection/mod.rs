//! Connections (<https://redis.io/docs/latest/commands/?group=connection>).

mod auth;
mod client_caching;
mod client_getname;
mod client_getredir;
mod client_help;
mod client_id;
mod client_info;
mod client_kill;
mod client_list;
mod client_no_evict;
mod client_no_touch;
mod client_pause;
mod client_reply;
mod client_setinfo;
mod client_setname;
mod client_tracking;
mod client_trackinginfo;
mod client_unblock;
mod client_unpause;
mod echo;
mod hello;
mod ping;
mod quit;
mod reset;
mod select;
mod shared;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &auth::COMMAND,
    &client_caching::COMMAND,
    &client_getname::COMMAND,
    &client_getredir::COMMAND,
    &client_help::COMMAND,
    &client_id::COMMAND,
    &client_info::COMMAND,
    &client_kill::COMMAND,
    &client_list::COMMAND,
    &client_no_evict::COMMAND,
    &client_no_touch::COMMAND,
    &client_pause::COMMAND,
    &client_reply::COMMAND,
    &client_setinfo::COMMAND,
    &client_setname::COMMAND,
    &client_tracking::COMMAND,
    &client_trackinginfo::COMMAND,
    &client_unblock::COMMAND,
    &client_unpause::COMMAND,
    &echo::COMMAND,
    &hello::COMMAND,
    &ping::COMMAND,
    &quit::COMMAND,
    &reset::COMMAND,
    &select::COMMAND,
];
