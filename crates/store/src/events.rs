//! Keyspace notifications: which event a command's write of a key is, by the command's name.
//!
//! Commands do not say what they did; the store sees which keys they touched and how, and this table gives the event
//! its name and class (<https://redis.io/docs/latest/develop/use/keyspace-notifications/>). Few commands need more than their
//! name: those that write several keys in different ways.

use crate::client::Touch;
use bytes::Bytes;
use smallvec::SmallVec;

/// Classes of events, as `notify-keyspace-events` chooses them; one bit each, and two for where they are published.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Classes(u16);

/// The letters of the classes, in the order of the bits. The first two say where, the others what.
const LETTERS: &[u8] = b"KEg$lshzxetdnm";
/// `A`: all that a write of a key can be, but neither new keys nor misses.
const ALL: u16 = 0b1111_1111_1100;

impl Classes {
    /// `K`: published to `__keyspace@0__:key`.
    pub const KEYSPACE: Classes = Classes(1);
    /// `E`: published to `__keyevent@0__:event`.
    pub const KEYEVENT: Classes = Classes(1 << 1);
    /// `g`
    pub const GENERIC: Classes = Classes(1 << 2);
    /// `$`
    pub const STRING: Classes = Classes(1 << 3);
    /// `l`
    pub const LIST: Classes = Classes(1 << 4);
    /// `s`
    pub const SET: Classes = Classes(1 << 5);
    /// `h`
    pub const HASH: Classes = Classes(1 << 6);
    /// `z`
    pub const ZSET: Classes = Classes(1 << 7);
    /// `x`
    pub const EXPIRED: Classes = Classes(1 << 8);
    /// `e`
    pub const EVICTED: Classes = Classes(1 << 9);
    /// `t`
    pub const STREAM: Classes = Classes(1 << 10);
    /// `n`
    pub const NEW: Classes = Classes(1 << 12);
    /// `m`
    pub const MISS: Classes = Classes(1 << 13);

    /// From the letters; `None` if one is none.
    pub fn parse(letters: &[u8]) -> Option<Classes> {
        letters.iter().try_fold(Classes(0), |all, letter| match letter {
            b'A' => Some(Classes(all.0 | ALL)),
            _ => LETTERS.iter().position(|l| l == letter).map(|at| Classes(all.0 | 1 << at)),
        })
    }

    /// The letters, as `CONFIG GET` answers them.
    pub fn letters(self) -> String {
        let letter = |at: usize| (self.0 >> at & 1 == 1).then(|| char::from(LETTERS[at]));
        let mut text = String::new();
        match self.0 & ALL == ALL {
            true => text.push('A'),
            false => text.extend((2..12).filter_map(letter)),
        }
        text.extend([0, 1, 13, 12].into_iter().filter_map(letter));
        text
    }

    /// Whether any of these is chosen.
    pub fn has(self, class: Classes) -> bool {
        self.0 & class.0 != 0
    }

    /// Whether no event at all can be told.
    pub fn is_off(self) -> bool {
        self.0 == 0
    }
}

/// An event: its class and its name.
pub type Event = (Classes, &'static str);

const DEL: Event = (Classes::GENERIC, "del");

/// What is told of one touch of a key by a command with these arguments.
pub(crate) fn events(command: &str, args: &[Bytes], key: &[u8], touch: Touch) -> SmallVec<[Event; 3]> {
    let mut told = SmallVec::new();
    match touch {
        Touch::Expired => told.push((Classes::EXPIRED, "expired")),
        Touch::Evicted => told.push((Classes::EVICTED, "evicted")),
        Touch::Removed => told.push(match command {
            "rename" | "renamenx" => (Classes::GENERIC, "rename_from"),
            "move" => (Classes::GENERIC, "move_from"),
            _ => DEL,
        }),
        Touch::Created | Touch::Changed | Touch::Deadline | Touch::Emptied => {
            // These make room for what they bring by removing what is there.
            let replaces = touch == Touch::Changed && matches!(command, "copy" | "rename" | "restore");
            if touch == Touch::Created || replaces {
                told.push((Classes::NEW, "new"));
            }
            told.extend(written(command, args, key));
            if touch == Touch::Emptied {
                told.push(DEL);
            }
        }
    }
    told
}

/// The events of a write that leaves the key there, or takes its last element.
fn written(command: &str, args: &[Bytes], key: &[u8]) -> SmallVec<[Event; 2]> {
    let has = |option: &str| args.iter().any(|arg| arg.eq_ignore_ascii_case(option.as_bytes()));
    let is_first = args.first().is_some_and(|first| first == key);
    let mut told: SmallVec<[Event; 2]> = SmallVec::new();
    match command {
        "set" => {
            told.push((Classes::STRING, "set"));
            if args.len() > 3 && ["EX", "PX", "EXAT", "PXAT"].iter().any(|option| has(option)) {
                told.push((Classes::GENERIC, "expire"));
            }
        }
        "setex" | "psetex" => told.extend([(Classes::STRING, "set"), (Classes::GENERIC, "expire")]),
        "getex" => told.push((Classes::GENERIC, if has("PERSIST") { "persist" } else { "expire" })),
        "lmove" | "blmove" | "rpoplpush" | "brpoplpush" => {
            let from_left = args.get(2).is_some_and(|end| end.eq_ignore_ascii_case(b"LEFT"));
            let to_left =
                !command.ends_with("move") || args.get(3).is_some_and(|end| end.eq_ignore_ascii_case(b"LEFT"));
            if args.get(1).is_some_and(|destination| destination == key) {
                told.push((Classes::LIST, if to_left { "lpush" } else { "rpush" }));
            }
            if is_first {
                told.push((Classes::LIST, if from_left { "lpop" } else { "rpop" }));
            }
        }
        "lmpop" | "blmpop" => told.push((Classes::LIST, if has("LEFT") { "lpop" } else { "rpop" })),
        "zmpop" | "bzmpop" => told.push((Classes::ZSET, if has("MIN") { "zpopmin" } else { "zpopmax" })),
        "zadd" => told.push((Classes::ZSET, if has("INCR") { "zincr" } else { "zadd" })),
        "smove" => told.push((Classes::SET, if is_first { "srem" } else { "sadd" })),
        _ => told.extend(by_name(command)),
    }
    told
}

/// For commands whose every write is the same event.
fn by_name(command: &str) -> Option<Event> {
    use Classes as C;
    Some(match command {
        "setnx" | "getset" | "mset" | "msetnx" | "bitop" => (C::STRING, "set"),
        "append" => (C::STRING, "append"),
        "setrange" => (C::STRING, "setrange"),
        "incr" | "decr" | "incrby" | "decrby" => (C::STRING, "incrby"),
        "incrbyfloat" => (C::STRING, "incrbyfloat"),
        "setbit" | "bitfield" => (C::STRING, "setbit"),
        "pfadd" | "pfmerge" => (C::STRING, "pfadd"),
        "hset" | "hmset" | "hsetnx" => (C::HASH, "hset"),
        "hdel" => (C::HASH, "hdel"),
        "hincrby" => (C::HASH, "hincrby"),
        "hincrbyfloat" => (C::HASH, "hincrbyfloat"),
        "lpush" | "lpushx" => (C::LIST, "lpush"),
        "rpush" | "rpushx" => (C::LIST, "rpush"),
        "lpop" | "blpop" => (C::LIST, "lpop"),
        "rpop" | "brpop" => (C::LIST, "rpop"),
        "linsert" => (C::LIST, "linsert"),
        "lset" => (C::LIST, "lset"),
        "lrem" => (C::LIST, "lrem"),
        "ltrim" => (C::LIST, "ltrim"),
        "sort" => (C::LIST, "sortstore"),
        "sadd" => (C::SET, "sadd"),
        "srem" => (C::SET, "srem"),
        "spop" => (C::SET, "spop"),
        "sinterstore" => (C::SET, "sinterstore"),
        "sunionstore" => (C::SET, "sunionstore"),
        "sdiffstore" => (C::SET, "sdiffstore"),
        "geoadd" => (C::ZSET, "zadd"),
        "zincrby" => (C::ZSET, "zincr"),
        "zrem" => (C::ZSET, "zrem"),
        "zremrangebyscore" => (C::ZSET, "zremrangebyscore"),
        "zremrangebyrank" => (C::ZSET, "zremrangebyrank"),
        "zremrangebylex" => (C::ZSET, "zremrangebylex"),
        "zpopmin" | "bzpopmin" => (C::ZSET, "zpopmin"),
        "zpopmax" | "bzpopmax" => (C::ZSET, "zpopmax"),
        "zunionstore" => (C::ZSET, "zunionstore"),
        "zinterstore" => (C::ZSET, "zinterstore"),
        "zdiffstore" => (C::ZSET, "zdiffstore"),
        "zrangestore" => (C::ZSET, "zrangestore"),
        "geosearchstore" => (C::ZSET, "geosearchstore"),
        "georadius" | "georadiusbymember" => (C::ZSET, "georadiusstore"),
        "xadd" => (C::STREAM, "xadd"),
        "xdel" => (C::STREAM, "xdel"),
        "xtrim" => (C::STREAM, "xtrim"),
        "xsetid" => (C::STREAM, "xsetid"),
        "expire" | "pexpire" | "expireat" | "pexpireat" => (C::GENERIC, "expire"),
        "persist" => (C::GENERIC, "persist"),
        "rename" | "renamenx" => (C::GENERIC, "rename_to"),
        "move" => (C::GENERIC, "move_to"),
        "copy" => (C::GENERIC, "copy_to"),
        "restore" | "restore-asking" => (C::GENERIC, "restore"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_written_as_redis_writes_them() {
        for (given, shown) in [("", ""), ("KEA", "AKE"), ("EK$g", "g$KE"), ("AKEmn", "AKEmn"), ("Kg$lshzxetd", "AK")] {
            assert_eq!(Classes::parse(given.as_bytes()).unwrap().letters(), shown, "{given}");
        }
        assert_eq!(Classes::parse(b"Kq"), None);
    }

    #[test]
    fn a_write_is_the_event_of_its_command() {
        let words = |text: &str| text.split(' ').map(|w| Bytes::copy_from_slice(w.as_bytes())).collect::<Vec<_>>();
        let told = |command: &str, args: &str, key: &str, touch| {
            let told = events(command, &words(args), key.as_bytes(), touch);
            told.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told("set", "k v EX 10", "k", Touch::Created), "new set expire");
        assert_eq!(told("lpop", "k", "k", Touch::Emptied), "lpop del");
        assert_eq!(told("lmove", "a b LEFT RIGHT", "a", Touch::Changed), "lpop");
        assert_eq!(told("lmove", "a b LEFT RIGHT", "b", Touch::Created), "new rpush");
        assert_eq!(told("rename", "a b", "a", Touch::Removed), "rename_from");
        assert_eq!(told("incr", "a", "a", Touch::Expired), "expired");
        assert_eq!(told("sunionstore", "d a", "d", Touch::Removed), "del");
    }
}
