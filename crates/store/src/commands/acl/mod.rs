//! Users and what they may do (<https://redis.io/docs/latest/commands/?group=server>): the rules are those of the crate `acl`.

mod acl_cat;
mod acl_deluser;
mod acl_dryrun;
mod acl_genpass;
mod acl_getuser;
mod acl_help;
mod acl_list;
mod acl_load;
mod acl_log;
mod acl_save;
mod acl_setuser;
mod acl_users;
mod acl_whoami;
mod shared;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &acl_cat::COMMAND,
    &acl_deluser::COMMAND,
    &acl_dryrun::COMMAND,
    &acl_genpass::COMMAND,
    &acl_getuser::COMMAND,
    &acl_help::COMMAND,
    &acl_list::COMMAND,
    &acl_load::COMMAND,
    &acl_log::COMMAND,
    &acl_save::COMMAND,
    &acl_setuser::COMMAND,
    &acl_users::COMMAND,
    &acl_whoami::COMMAND,
];
