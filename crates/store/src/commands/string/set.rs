//! `SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]`
//! (<https://redis.io/docs/latest/commands/set/>).

use super::shared::deadline;
use crate::commands::args::{is, text_or_null, value};
use crate::commands::units::Unit;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Deadline, Txn};
use crate::errors;
use crate::types::{Text, Value};
use bytes::Bytes;
use model::{Error, Reply};

/// Sets a string.
pub const COMMAND: Command = Command::write("set", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, value) = (&args[0], &args[1]);
    let options = Options::parse(&args[2..])?;
    let deadline = match options.deadline {
        None => Deadline::Never,
        Some(Ttl::Keep) => Deadline::Keep,
        Some(Ttl::New(unit, number)) => Deadline::At(deadline(unit, number, txn.now_ms(), "set")?),
    };
    let old = if options.get { Some(text_or_null(txn.read::<Text>(key)?)) } else { None };
    if options.only_if.is_some_and(|exists| exists != txn.exists(key)) {
        return Ok(old.unwrap_or(Reply::Null));
    }
    txn.set(key, Value::Str(Text::new(value)), deadline);
    Ok(old.unwrap_or(Reply::OK))
}

#[derive(Default)]
struct Options<'a> {
    /// `XX`: only if the key exists; `NX`: only if it does not.
    only_if: Option<bool>,
    /// Answer what was there.
    get: bool,
    deadline: Option<Ttl<'a>>,
}

enum Ttl<'a> {
    Keep,
    New(Unit, &'a Bytes),
}

impl Ttl<'_> {
    fn is(&self, unit: Unit) -> bool {
        matches!(self, Ttl::New(other, _) if *other == unit)
    }
}

impl<'a> Options<'a> {
    fn parse(args: &'a [Bytes]) -> Result<Options<'a>, Error> {
        let mut options = Options::default();
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            match option {
                o if is(o, "NX") && options.only_if != Some(true) => options.only_if = Some(false),
                o if is(o, "XX") && options.only_if != Some(false) => options.only_if = Some(true),
                o if is(o, "GET") => options.get = true,
                o if is(o, "KEEPTTL") && !matches!(options.deadline, Some(Ttl::New(..))) => {
                    options.deadline = Some(Ttl::Keep);
                }
                o => {
                    let unit = Unit::of_option(o).ok_or(errors::SYNTAX)?;
                    // The same unit may come again, and the last one counts.
                    if options.deadline.as_ref().is_some_and(|old| !old.is(unit)) {
                        return Err(errors::SYNTAX);
                    }
                    options.deadline = Some(Ttl::New(unit, value(&mut rest)?));
                }
            }
        }
        Ok(options)
    }
}
