//! Who may do what: the one function that every door asks.

use crate::deny::DenyCommands;
use crate::rules::{Access, ChannelDemand, KeyDemand, Refusal, Rules};
use crate::verbs::Usage;
use bytes::Bytes;
use model::Error;
use model::command::{Categories, CommandSpec, CommandTable};
use model::error::NOPERM;

/// A command line that may be run.
#[derive(Clone, Debug)]
pub struct Authorised<'t> {
    /// What is known of its command.
    pub spec: &'t CommandSpec,
    /// Its keys.
    pub keys: KeyDemand,
}

/// Whether a client with these rules may run this command line.
///
/// First comes what Redis says of commands that it does not know or that have a wrong number of arguments, though not to
/// those who may do nothing at all; then what the configuration denies to everybody; then the rules. Beyond what Redis
/// demands, commands that show names of keys or channels without regard to patterns need all of them, and scripts need
/// everything, since they run as the gateway's own user. To load or change a script needs as much as to run it: somebody
/// who may do everything might run it.
pub fn authorise<'t>(
    table: &'t CommandTable,
    rules: &Rules,
    deny: &DenyCommands,
    command: &[Bytes],
) -> Result<Authorised<'t>, Error> {
    authorise_for(Usage::Command, table, rules, deny, command)
}

/// The same for a command line that is wanted for this.
pub fn authorise_for<'t>(
    usage: Usage,
    table: &'t CommandTable,
    rules: &Rules,
    deny: &DenyCommands,
    command: &[Bytes],
) -> Result<Authorised<'t>, Error> {
    if rules.allow_nothing() {
        return Err(Error::new(NOPERM, "this user has no permissions to run any command"));
    }
    let spec = table.resolve(command)?;
    if deny.denies(spec, command) {
        return Err(Error::new(NOPERM, format!("the '{}' command is denied on this server", spec.name)));
    }
    let access = demand(usage, spec, command);
    rules.check(&access).map_err(|denied| denied.error(&spec.name))?;
    Ok(Authorised { spec, keys: access.keys })
}

/// Whether these rules allow this command line of `spec`, and if not, what of it they refuse: the part of [`authorise`] that
/// is about rules, for who knows the command already.
pub fn permit(rules: &Rules, spec: &CommandSpec, command: &[Bytes]) -> Result<(), Refusal> {
    rules.examine(&demand(Usage::Command, spec, command))
}

/// What a command line demands, Redis' demands and keywire's.
fn demand<'a>(usage: Usage, spec: &'a CommandSpec, command: &'a [Bytes]) -> Access<'a> {
    let mut access = Access { usage, ..Access::of(spec, command) };
    match &*spec.name {
        "keys" | "scan" | "randomkey" | "dbsize" | "clusterscan" => access.keys = KeyDemand::All,
        "cluster|getkeysinslot" | "cluster|countkeysinslot" => access.keys = KeyDemand::All,
        // It is told the names of all keys that change.
        "client|tracking" if command.iter().any(|word| word.eq_ignore_ascii_case(b"BCAST")) => {
            access.keys = KeyDemand::All;
        }
        "pubsub|channels" | "pubsub|shardchannels" => access.channels = ChannelDemand::All,
        _ => access.everything = spec.categories.contains(Categories::SCRIPTING),
    }
    access
}
