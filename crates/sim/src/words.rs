//! The names that everybody in a run uses, and random commands over them.
//!
//! What begins with `pub:` all may see; what begins with `sec:` is a secret, and so is everything written there, which
//! bears the word [`SECRET`]. Every write carries a *mark* (`m:` and a number that never comes twice), by which the
//! checks find it again.

use fastrand::Rng;

/// Every value written to a secret key, and every message of a secret channel, contains it.
pub const SECRET: &str = "SECRET";

/// Channels.
pub const CHANNELS: [&str; 3] = ["pub:c1", "sec:c2", "pub:c3"];
/// Patterns over them.
pub const PATTERNS: [&str; 3] = ["pub:*", "sec:*", "*c[12]"];
/// Streams.
pub const STREAMS: [&str; 2] = ["pub:x1", "sec:x2"];

const STRINGS: [&str; 3] = ["pub:s1", "pub:s2", "sec:s3"];
const DOCUMENTS: [&str; 2] = ["pub:j1", "sec:j2"];
const COUNTERS: [&str; 2] = ["pub:n1", "sec:n2"];
const HASHES: [&str; 2] = ["pub:h1", "sec:h2"];
const LISTS: [&str; 2] = ["pub:l1", "sec:l2"];
const ZSETS: [&str; 2] = ["pub:z1", "sec:z2"];
const SETS: [&str; 2] = ["pub:t1", "sec:t2"];
const FIELDS: [&str; 5] = ["a", "b", "c", "d", "e/~f"];

/// Every key there can be.
pub fn keys() -> impl Iterator<Item = &'static str> {
    [&STRINGS[..], &DOCUMENTS, &COUNTERS, &HASHES, &LISTS, &ZSETS, &SETS, &STREAMS].into_iter().flatten().copied()
}

/// Whether a client of the restricted lane may use this name.
pub fn is_public(name: &str) -> bool {
    name.starts_with("pub:")
}

fn pick<'a>(rng: &mut Rng, names: &[&'a str]) -> &'a str {
    names[rng.usize(0..names.len())]
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A live query: the command, its pace, whether JSON is parsed.
pub fn query(rng: &mut Rng) -> (Vec<String>, Option<u64>, bool) {
    let json = rng.u8(0..3) == 0;
    let every = [None, Some(0), Some(0), Some(16), Some(50), Some(100), Some(250)][rng.usize(0..7)];
    let command = match rng.u8(0..17) {
        0 | 1 => words(&["GET", pick(rng, &STRINGS)]),
        2 | 3 => return (words(&["GET", pick(rng, &DOCUMENTS)]), every, rng.u8(0..4) > 0),
        4 => words(&["GET", pick(rng, &COUNTERS)]),
        5 | 6 => words(&["HGETALL", pick(rng, &HASHES)]),
        7 => words(&["HGET", pick(rng, &HASHES), pick(rng, &FIELDS)]),
        8 => words(&["LRANGE", pick(rng, &LISTS), "0", "-1"]),
        9 | 10 => words(&["ZRANGE", pick(rng, &ZSETS), "0", "4", "REV", "WITHSCORES"]),
        11 => words(&["SMEMBERS", pick(rng, &SETS)]),
        12 => words(&["MGET", pick(rng, &STRINGS), pick(rng, &DOCUMENTS)]),
        13 => words(&["HKEYS", pick(rng, &HASHES)]),
        14 => words(&["XLEN", pick(rng, &STREAMS)]),
        15 => words(&["EXISTS", pick(rng, &LISTS), pick(rng, &HASHES)]),
        _ => return (words(&["DBSIZE"]), Some([100, 250][rng.usize(0..2)]), false),
    };
    (command, every, json)
}

/// The names that a command over these words uses.
pub fn names(command: &[String]) -> impl Iterator<Item = &String> {
    command.iter().filter(|word| word.starts_with("pub:") || word.starts_with("sec:"))
}

/// Writes commands.
#[derive(Debug)]
pub struct Author {
    /// Who: part of every mark.
    name: String,
    marks: u64,
    is_large: bool,
}

impl Author {
    /// An author; `is_large`: some values of some kilobytes.
    pub fn new(name: impl Into<String>, is_large: bool) -> Author {
        Author { name: name.into(), marks: 0, is_large }
    }

    /// A mark that never came before.
    pub fn mark(&mut self) -> String {
        self.marks += 1;
        format!("m:{}:{}", self.name, self.marks)
    }

    /// A value for this key: a mark, the secret if it is one, sometimes a lot of padding.
    fn value(&mut self, rng: &mut Rng, key: &str) -> String {
        let mut value = self.mark();
        if !is_public(key) {
            value = value + "-" + SECRET;
        }
        if self.is_large && rng.u8(0..12) == 0 {
            value.push('-');
            value.extend(std::iter::repeat_n('x', rng.usize(200..2500)));
        }
        value
    }

    fn document(&mut self, rng: &mut Rng, key: &str) -> String {
        let (mark, n) = (self.value(rng, key), rng.u8(0..4));
        let list: Vec<String> = (0..rng.u8(0..4)).map(|_| rng.u8(0..3).to_string()).collect();
        match rng.u8(0..8) {
            0 => format!("[{n},\"{mark}\"]"),
            1 => format!("{{not json {mark}"),
            2 => mark,
            _ => {
                format!("{{\"n\":{n},\"deep\":{{\"list\":[{}],\"on\":{}}},\"mark\":\"{mark}\"}}", list.join(","), n > 1)
            }
        }
    }

    /// A message for a channel.
    pub fn publish(&mut self, rng: &mut Rng) -> Vec<String> {
        let channel = pick(rng, &CHANNELS);
        let message = self.value(rng, channel);
        words(&["PUBLISH", channel, &message])
    }

    /// An entry for a stream.
    pub fn add_entry(&mut self, rng: &mut Rng) -> Vec<String> {
        let stream = pick(rng, &STREAMS);
        let value = self.value(rng, stream);
        words(&["XADD", stream, "*", "m", &value])
    }

    /// A write to any key.
    pub fn write(&mut self, rng: &mut Rng) -> Vec<String> {
        match rng.u8(0..44) {
            0..4 => self.on(rng, &STRINGS, |key, value| words(&["SET", key, value])),
            4..8 => {
                let key = pick(rng, &DOCUMENTS);
                let document = self.document(rng, key);
                words(&["SET", key, &document])
            }
            8..10 => words(&["INCR", pick(rng, &COUNTERS)]),
            10..14 => {
                let field = pick(rng, &FIELDS);
                self.on(rng, &HASHES, |key, value| words(&["HSET", key, field, value]))
            }
            14 => {
                let (key, field) = (pick(rng, &HASHES), pick(rng, &FIELDS));
                let document = self.document(rng, key);
                words(&["HSET", key, field, &document])
            }
            15 => words(&["HDEL", pick(rng, &HASHES), pick(rng, &FIELDS)]),
            16..19 => {
                let side = pick(rng, &["LPUSH", "RPUSH"]);
                self.on(rng, &LISTS, |key, value| words(&[side, key, value]))
            }
            19 => words(&["LTRIM", pick(rng, &LISTS), "0", "5"]),
            20 => words(&[pick(rng, &["LPOP", "RPOP"]), pick(rng, &LISTS)]),
            21 => self.on(rng, &LISTS, |key, value| words(&["LSET", key, "0", value])),
            22..26 => {
                let (score, member) = (rng.u8(0..40).to_string(), format!("-{}", rng.u8(0..9)));
                let key = pick(rng, &ZSETS);
                let member = if is_public(key) { member } else { SECRET.to_owned() + &member };
                words(&["ZADD", key, &score, &member])
            }
            26 => words(&["ZINCRBY", ZSETS[0], "2.5", "-1"]),
            27 => words(&["ZREM", pick(rng, &ZSETS), &format!("-{}", rng.u8(0..9))]),
            28..30 => {
                let member = format!("{SECRET}-{}", rng.u8(0..9));
                words(&["SADD", SETS[1], &member])
            }
            30 => words(&["SADD", SETS[0], &format!("-{}", rng.u8(0..9))]),
            31 => words(&["SREM", SETS[0], &format!("-{}", rng.u8(0..9))]),
            _ => self.manage(rng),
        }
    }

    /// A write that is about keys rather than values: deadlines, deletions, other types, trims; and more entries.
    fn manage(&mut self, rng: &mut Rng) -> Vec<String> {
        match rng.u8(0..12) {
            0 => {
                let ms = rng.u16(5..600).to_string();
                self.on(rng, &STRINGS, |key, value| words(&["SET", key, value, "PX", &ms]))
            }
            1 | 2 => words(&["PEXPIRE", any(rng), &rng.u16(1..900).to_string()]),
            3 => words(&["PERSIST", any(rng)]),
            4 | 5 => words(&["XTRIM", pick(rng, &STREAMS), "MAXLEN", &rng.u8(0..9).to_string()]),
            6 => words(&["DEL", any(rng)]),
            7 => {
                let (public, secret) = (self.value(rng, "pub:"), self.value(rng, "sec:"));
                words(&["MSET", "pub:s1", &public, "sec:s3", &secret])
            }
            8 => {
                let mut key = any(rng);
                while !is_public(key) {
                    key = any(rng);
                }
                let mark = self.mark();
                words(&["SET", key, &mark])
            }
            9 => words(&["DEL", pick(rng, &STREAMS)]),
            _ => self.add_entry(rng),
        }
    }

    fn on(&mut self, rng: &mut Rng, keys: &[&str], command: impl FnOnce(&str, &str) -> Vec<String>) -> Vec<String> {
        let key = pick(rng, keys);
        let value = self.value(rng, key);
        command(key, &value)
    }
}

fn any(rng: &mut Rng) -> &'static str {
    let at = rng.usize(0..keys().count());
    keys().nth(at).expect("the index is below the count")
}
