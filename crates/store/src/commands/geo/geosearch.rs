//! `GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude BYRADIUS radius unit | BYBOX width height unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT n [ANY]] [ASC | DESC]`
//! (<https://redis.io/docs/latest/commands/geosearch/>).

use super::shared::{Form, search};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// The members around a place.
pub const COMMAND: Command = Command::read("geosearch", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    search(txn, args, Form::Search)
}
