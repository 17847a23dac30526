//! `GEOSEARCHSTORE destination key FROMMEMBER … BYRADIUS … [COUNT n [ANY]] [ASC | DESC] [STOREDIST]`
//! (<https://redis.io/docs/latest/commands/geosearchstore/>).

use super::shared::{Form, search_or_store};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Stores what `GEOSEARCH` finds; how many members that are.
pub const COMMAND: Command = Command::write("geosearchstore", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    search_or_store(txn, args, Form::SearchStore)
}
