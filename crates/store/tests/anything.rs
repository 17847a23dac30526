//! A bounded, seeded share of fuzzing for every test run: whatever clients and the owner send, nothing panics, and no reply is
//! over its limit. The long runs are in `fuzz/`.

use bytes::Bytes;
use model::Reply;
use store::random::Random;
use store::{ClientId, Config, Output, Peer, Store};

const REPLY_BYTES_MAX: usize = 1 << 14;
const LINES: usize = 400;
const SCRIPTS: u64 = 60;
/// Words that many commands know, keys, and what is none of these.
const WORDS: &str = "a b c l s z h x 0 1 -1 2 5 100 1.5 -inf +inf * ( [a - + $ > = ~ # EX PX NX XX GT LT CH INCR GET KEEPTTL COUNT MATCH \
    LIMIT BYSCORE BYLEX REV WITHSCORES WITHVALUES WEIGHTS AGGREGATE SUM LEFT RIGHT BEFORE STREAMS GROUP g BLOCK NOACK MAXLEN MINID \
    IDLE FORCE JUSTID MKSTREAM STORE DESC ALPHA BY FROMLONLAT BYRADIUS km WITHDIST u8 i5 OVERFLOW SAT ID TYPE 1-1 5-* -500 1e400";

#[test]
fn nothing_that_is_sent_is_too_much() {
    let names: Vec<&str> = store::implemented().filter(|name| !name.starts_with("debug")).collect();
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    for seed in 1..=SCRIPTS {
        let random = Random::new(seed);
        let config = Config { seed, client_reply_bytes_max: REPLY_BYTES_MAX, ..Config::default() };
        let mut store = Store::new(config);
        let clients: Vec<ClientId> = (0..3).map(|_| store.connect(Peer::default(), 1)).collect();
        for now_ms in 1..=LINES as u64 {
            let name = names[random.below(names.len())].split('|');
            let args = (0..random.below(8)).map(|_| words[random.below(words.len())]);
            let line: Vec<Bytes> = name.chain(args).map(|word| Bytes::from_static(word.as_bytes())).collect();
            match clients.get(random.below(4)) {
                Some(client) if store.is_waiting(*client) => _ = store.handle_timeout(now_ms, 10),
                Some(client) => store.handle_command(*client, &line, now_ms),
                None => _ = store.execute(&line, now_ms),
            }
            store.drain_outputs(|output| {
                if let Output::Reply { reply, .. } = output {
                    check(&reply, &line);
                }
            });
            store.drain_changes(drop);
            store.drain_published(drop);
        }
    }
}

fn check(reply: &Reply, line: &[Bytes]) {
    /// Small replies are given in any case, and a transaction may have many.
    const SMALL_BYTES: usize = LINES * 300;
    assert!(reply.size() <= REPLY_BYTES_MAX + SMALL_BYTES, "{line:?}: {} bytes", reply.size());
}
