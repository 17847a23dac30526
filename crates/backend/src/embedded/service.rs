//! What the store does for clients that speak Redis' protocol to it: their commands, and the limits they live under.
//!
//! The limits are Redis' settings by Redis' names, so that `CONFIG SET` changes them as an administrator expects.

use super::Embedded;
use crate::files::Files;
use bytes::Bytes;
use runtime::{ClientLimits, ClientNumber, ClientOutput, Moment, OutputClass, OutputLimit, Peer, Service};
use store::{ClientId, Output, OwnerRequest, Settings, Store};

/// Room for words that is kept from command to command.
const WORDS_KEPT_MAX: usize = 1024;

impl Service for Embedded {
    fn connect(&mut self, peer: &Peer, now: Moment) -> ClientNumber {
        let Peer { address, local_address, fd } = peer;
        let peer =
            store::Peer { address: address.as_str().into(), local_address: local_address.as_str().into(), fd: *fd };
        self.store.connect(peer, now.unix_ms).0
    }

    fn disconnect(&mut self, client: ClientNumber) {
        self.store.disconnect(ClientId(client));
    }

    fn command(&mut self, client: ClientNumber, line: &[Bytes], now: Moment, each: &mut dyn FnMut(ClientOutput)) {
        self.now = now;
        let Embedded { store, wants_end, manners, words, clock, files, .. } = self;
        let manner = manners.of(line);
        let line = if manner.keeps_words { own(line, words) } else { line };
        let id = ClientId(client);
        let begun = clock.filter(|_| manner.may_take_long).map(|clock| (clock, clock.now()));
        store.handle_command(id, line, now.unix_ms);
        if let Some((clock, begun)) = begun {
            let micros = u64::try_from(clock.now().since(begun).as_micros()).unwrap_or(u64::MAX);
            store.note_duration(Some(id), line, micros, now.unix_ms);
        }
        drain(store, (wants_end, files), each);
        if may_change_limits(line) {
            self.limits = limits(self.store.settings());
        }
        self.words.clear();
        self.words.shrink_to(WORDS_KEPT_MAX);
    }

    fn is_waiting(&self, client: ClientNumber) -> bool {
        self.store.is_waiting(ClientId(client))
    }

    fn is_authenticated(&self, client: ClientNumber) -> bool {
        self.store.is_authenticated(ClientId(client))
    }

    fn class(&self, client: ClientNumber) -> OutputClass {
        let client = ClientId(client);
        match () {
            () if self.store.is_monitor(client) => OutputClass::Monitor,
            // What it is told of keys comes unasked as well.
            () if self.store.is_subscribed(client) || self.store.is_told_of_keys(client) => OutputClass::Pubsub,
            () => OutputClass::Normal,
        }
    }

    fn take_outputs(&mut self, each: &mut dyn FnMut(ClientOutput)) {
        self.outputs.drain(..).for_each(each);
    }

    fn commit(&mut self) -> bool {
        self.commit_files();
        !std::mem::take(&mut self.is_unkept)
    }

    fn limits(&self) -> ClientLimits {
        self.limits
    }
}

impl Embedded {
    /// Keeps what was brought about for clients by others than them.
    pub(super) fn take_outputs_of_store(&mut self) {
        let Embedded { store, wants_end, outputs, files, .. } = self;
        drain(store, (wants_end, files), &mut |output| outputs.push(output));
    }
}

/// Shows the store's outputs.
fn drain(store: &mut Store, (wants_end, files): (&mut bool, &mut Option<Files>), each: &mut dyn FnMut(ClientOutput)) {
    store.drain_outputs(|output| {
        each(match output {
            Output::Reply { client, reply } => ClientOutput::Reply { client: client.0, reply },
            Output::Push { client, message } => ClientOutput::Push { client: client.0, message },
            Output::Line { client, text } => ClientOutput::Line { client: client.0, text },
            Output::Protocol { client, resp } => ClientOutput::Protocol { client: client.0, version: resp },
            Output::Close { client } => ClientOutput::Close { client: client.0 },
            Output::Request(OwnerRequest::Shutdown { .. }) => return *wants_end = true,
            Output::Request(OwnerRequest::AbortShutdown) => return *wants_end = false,
            Output::Request(OwnerRequest::Save) => return files.iter_mut().for_each(Files::save),
            Output::Request(OwnerRequest::RewriteLog) => return files.iter_mut().for_each(Files::rewrite),
        });
    });
}

/// The words in memory of their own: what the store keeps of them must not keep a whole read buffer alive.
fn own<'a>(line: &[Bytes], words: &'a mut Vec<Bytes>) -> &'a [Bytes] {
    // A large word came in pieces and has its own memory already.
    let shared = |word: &&Bytes| !word.is_unique();
    let mut copy = Vec::with_capacity(line.iter().filter(shared).map(Bytes::len).sum());
    line.iter().filter(shared).for_each(|word| copy.extend_from_slice(word));
    let mut copy = Bytes::from(copy);
    words.extend(line.iter().map(|word| if shared(&word) { copy.split_to(word.len()) } else { word.clone() }));
    words
}

/// Whether the command may be one that sets limits: `CONFIG SET`, or an `EXEC` with one in it.
fn may_change_limits(line: &[Bytes]) -> bool {
    ["config", "exec"].iter().any(|name| line[0].eq_ignore_ascii_case(name.as_bytes()))
}

/// The limits that these settings say.
pub(super) fn limits(settings: &Settings) -> ClientLimits {
    let number = |name: &str| settings.get(name).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
    let size = |name: &str| usize::try_from(number(name)).unwrap_or(usize::MAX);
    ClientLimits {
        clients_max: size("maxclients"),
        query_bytes_max: size("client-query-buffer-limit"),
        bulk_bytes_max: size("proto-max-bulk-len"),
        idle_ms: number("timeout").saturating_mul(1000),
        output: output_limits(settings.get("client-output-buffer-limit").unwrap_or_default()),
    }
}

/// `class hard soft seconds`, any number of times; what is not understood limits nothing.
fn output_limits(text: &str) -> [OutputLimit; 3] {
    let mut limits = [OutputLimit::default(); 3];
    let words: Vec<&str> = text.split_whitespace().collect();
    for group in words.chunks_exact(4) {
        let class = match group[0].to_ascii_lowercase().as_str() {
            "normal" => OutputClass::Normal,
            // `MONITOR` counts as a replica in Redis.
            "slave" | "replica" => OutputClass::Monitor,
            "pubsub" => OutputClass::Pubsub,
            _ => continue,
        };
        let seconds: u64 = group[3].parse().unwrap_or(0);
        limits[class as usize] = OutputLimit {
            hard_bytes: bytes(group[1]),
            soft_bytes: bytes(group[2]),
            soft_ms: seconds.saturating_mul(1000),
        };
    }
    limits
}

/// A number of bytes, with one of Redis' units or without.
fn bytes(text: &str) -> usize {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor = match text[split..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return 0,
    };
    text[..split].parse::<usize>().unwrap_or(0).saturating_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_in_memory_of_its_own() {
        let buffer = Bytes::from_static(b"SETkeyvalue").to_vec();
        let buffer = Bytes::from(buffer);
        let line = [buffer.slice(..3), buffer.slice(3..6), buffer.slice(6..), Bytes::from(b"large".to_vec())];
        let mut words = Vec::new();
        assert_eq!(own(&line, &mut words), line);
        let inside = |word: &Bytes| buffer.as_ptr_range().contains(&word.as_ptr());
        assert!(!words.iter().any(inside));
        assert_eq!(words[3].as_ptr(), line[3].as_ptr(), "what has memory of its own is not copied");
    }

    #[test]
    fn no_command_keeps_the_buffer_alive_that_its_words_are_parts_of() {
        let lines = "SET s v|SET s $|APPEND s $|SETRANGE s 3 $|GETSET s $|MSET a $ b 1|SETEX e 100 $|INCRBY n 5|SETBIT b 9 1\
            |HSET h f v|HSET h $ $|HINCRBYFLOAT h x 1.5|RPUSH l a $|LSET l 0 $|LINSERT l BEFORE $ b|LMOVE l m LEFT RIGHT\
            |SADD t a $|SADD i 1 2|SMOVE t u $|ZADD z 1 a 2 $|ZINCRBY z 5 $|PFADD p $|GEOADD g 13.3 38.1 $|RENAME s $|COPY $ s\
            |EXPIRE s 100|PERSIST s|SORT l ALPHA STORE d|OBJECT ENCODING s|DEL a|XADD x * f $|XGROUP CREATE x g 0\
            |XREADGROUP GROUP g c STREAMS x >|SUBSCRIBE c|CLIENT SETNAME me|CLIENT TRACKING ON|GET s|HGETALL h|CONFIG SET dbfilename $\
            |WATCH s|MULTI|SET s $|EXEC|NOSUCH a b|GET|BLPOP none 0";
        let mut store = Embedded::new(1, 1);
        let now = Moment { time: model::Time(1), unix_ms: 1 };
        let client = store.connect(&Peer::default(), now);
        store.command(client, &["HELLO".into(), "3".into()], now, &mut |_| {});
        for line in lines.split('|') {
            let text = line.replace('$', &"x".repeat(300));
            let buffer = Bytes::from(text.into_bytes());
            let words: Vec<Bytes> = buffer.split(|byte| *byte == b' ').map(|word| buffer.slice_ref(word)).collect();
            store.command(client, &words, now, &mut drop);
            runtime::Backend::take_changes(&mut store, &mut Vec::new());
            store.take_outputs(&mut drop);
            drop(words);
            assert!(buffer.is_unique(), "{line}");
        }
    }

    #[test]
    fn who_is_told_of_keys_has_the_limits_of_subscribers() {
        let mut store = Embedded::new(1, 1);
        let now = Moment { time: model::Time(1), unix_ms: 1 };
        let [tracks, receives, redirects] = [(); 3].map(|()| store.connect(&Peer::default(), now));
        let mut say = |client, line: &str| {
            let words: Vec<Bytes> = line.split(' ').map(|word| word.to_owned().into()).collect();
            store.command(client, &words, now, &mut drop);
        };
        [tracks, receives, redirects].into_iter().for_each(|client| say(client, "HELLO 3"));
        say(tracks, "CLIENT TRACKING ON");
        say(redirects, &format!("CLIENT TRACKING ON REDIRECT {receives}"));
        assert_eq!(store.class(tracks), OutputClass::Pubsub);
        assert_eq!(store.class(receives), OutputClass::Pubsub);
        let plain = store.connect(&Peer::default(), now);
        assert_eq!(store.class(plain), OutputClass::Normal);
        store.command(tracks, &["CLIENT".into(), "TRACKING".into(), "OFF".into()], now, &mut drop);
        assert_eq!(store.class(tracks), OutputClass::Normal);
    }

    #[test]
    fn limits_are_those_of_redis_until_they_are_set() {
        let mut store = Embedded::new(1, 1);
        let limits = store.limits();
        assert_eq!((limits.clients_max, limits.query_bytes_max), (10_000, 1 << 30));
        assert_eq!((limits.bulk_bytes_max, limits.idle_ms), (512 << 20, 0));
        assert_eq!(limits.output[OutputClass::Normal as usize], OutputLimit::default());
        let pubsub = OutputLimit { hard_bytes: 32 << 20, soft_bytes: 8 << 20, soft_ms: 60_000 };
        assert_eq!(limits.output[OutputClass::Pubsub as usize], pubsub);
        store.set([("maxclients", "3"), ("timeout", "2"), ("client-output-buffer-limit", "normal 1mb 1k 5 odd 1 1 1")]);
        let limits = store.limits();
        assert_eq!((limits.clients_max, limits.idle_ms), (3, 2000));
        assert_eq!(limits.output[0], OutputLimit { hard_bytes: 1 << 20, soft_bytes: 1000, soft_ms: 5000 });
        store.set([("client-output-buffer-limit", "normal 1 1 18446744073709551615")]);
        assert_eq!(store.limits().output[0].soft_ms, u64::MAX, "a limit without an end, and no overflow");
    }
}
