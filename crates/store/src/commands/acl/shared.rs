//! Errors of more than one subcommand.

use crate::errors;
use model::Error;

/// For `ACL LOAD` and `ACL SAVE`: users are what clients made them since the start.
pub fn no_file() -> Error {
    errors::custom(
        "This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER \
         command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users \
         in the Redis configuration.",
    )
}

/// For too many words.
pub fn wrong_usage(subcommand: &str) -> Error {
    errors::custom(format!("unknown subcommand or wrong number of arguments for '{subcommand}'. Try ACL HELP."))
}
