//! What is to be known of a command before the store carries it out: whether its words may be kept, and whether it is worth
//! timing. Asked for every command of every client, so the answers for commands that came lately are at hand.

use bytes::Bytes;
use model::command::{Categories, CommandSpec, CommandTable, Flags};
use std::sync::Arc;

/// How a command goes about its work.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Manner {
    /// The store may keep its words as they are. What it keeps as keys and values it copies into forms of its own.
    pub keeps_words: bool,
    /// It is worth knowing how long it takes. For the others, the clock would be a good part of it.
    pub may_take_long: bool,
}

/// The manners of all commands.
pub struct Manners {
    table: Arc<CommandTable>,
    /// By a few bits of the name as it was written: the name and its manner.
    lately: [(Name, Manner); PLACES],
}

/// A power of two.
const PLACES: usize = 32;
/// Longer names are looked up each time.
const NAME_BYTES_MAX: usize = 15;

/// A short name; empty for none.
#[derive(Clone, Copy, Default)]
struct Name {
    len: u8,
    bytes: [u8; NAME_BYTES_MAX],
}

impl Manners {
    /// Of Redis' commands.
    pub fn new() -> Manners {
        Manners { table: CommandTable::redis(), lately: Default::default() }
    }

    /// The manner of the command that a command line names.
    pub fn of(&mut self, line: &[Bytes]) -> Manner {
        let name = &line[0][..];
        let (Some(first), Some(last)) = (name.first(), name.last()) else { return UNKNOWN };
        let place = (name.len() + usize::from(*first) * 3 + usize::from(*last)) % PLACES;
        let (known, manner) = &self.lately[place];
        if known.bytes.get(..usize::from(known.len)) == Some(name) {
            return *manner;
        }
        let Some(spec) = self.table.find(line) else { return UNKNOWN };
        let manner = Manner::of(spec);
        // The name alone says nothing of a subcommand.
        if name.len() <= NAME_BYTES_MAX && spec.parent.is_none() && spec.subcommands.is_empty() {
            let mut bytes = [0; NAME_BYTES_MAX];
            bytes[..name.len()].copy_from_slice(name);
            self.lately[place] = (Name { len: name.len() as u8, bytes }, manner);
        }
        manner
    }
}

/// Of what is no command.
const UNKNOWN: Manner = Manner { keeps_words: true, may_take_long: false };

impl Manner {
    fn of(spec: &CommandSpec) -> Manner {
        const KEEPING: Categories = Categories::PUBSUB
            .union(Categories::CONNECTION)
            .union(Categories::TRANSACTION)
            .union(Categories::STREAM)
            .union(Categories::BLOCKING);
        Manner {
            keeps_words: spec.categories.intersects(KEEPING),
            may_take_long: !spec.flags.contains(Flags::FAST) && &*spec.name != "set",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manner_is_the_same_the_second_time_and_whatever_came_between() {
        let (mut manners, table) = (Manners::new(), CommandTable::redis());
        let line = |name: &str| name.split('|').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect::<Vec<_>>();
        for _ in 0..2 {
            for spec in table.iter() {
                for name in [spec.name.to_string(), spec.name.to_ascii_uppercase()] {
                    assert_eq!(manners.of(&line(&name)), Manner::of(spec), "{name}");
                }
            }
        }
        for unknown in ["", "NOSUCH", "a name that is longer than those of any commands"] {
            assert_eq!(manners.of(&line(unknown)), UNKNOWN, "{unknown}");
        }
        assert_eq!(manners.of(&line("SET")), Manner { keeps_words: false, may_take_long: false });
        assert_eq!(manners.of(&line("MSET")), Manner { keeps_words: false, may_take_long: true });
        assert_eq!(manners.of(&line("SUBSCRIBE")).keeps_words, manners.of(&line("CLIENT|SETNAME")).keeps_words);
    }
}
