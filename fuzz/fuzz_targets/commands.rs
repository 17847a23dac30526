//! Command lines as clients of the embedded store may send them: whatever they are, the answer is within the limit of a reply
//! and is one whole reply in both versions of the protocol. The first byte of each line says who sends it, and how much
//! time has passed.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use model::{Frame, Reply};
use std::sync::OnceLock;
use store::{ClientId, Config, Output, Peer, Store};
use wire::resp::{Protocol, ReplyDecoder, ReplyLimits, encode_reply};

const REPLY_BYTES_MAX: usize = 1 << 16;
const CLIENTS: usize = 3;
/// Words that most commands know; a byte from 128 on stands for one.
const WORDS: &str = "a b c l s z h x 0 1 -1 2 5 100 1.5 -inf +inf * ( [ - + $ > = ~ # EX PX NX XX GT LT CH INCR GET KEEPTTL COUNT MATCH \
    LIMIT BYSCORE BYLEX REV WITHSCORES WITHVALUES WEIGHTS AGGREGATE SUM MIN MAX LEFT RIGHT BEFORE AFTER STREAMS GROUP g BLOCK NOACK \
    MAXLEN MINID IDLE FORCE JUSTID MKSTREAM ENTRIESREAD STORE DESC ALPHA BY FROMLONLAT BYRADIUS km ASC WITHDIST u8 i5 OVERFLOW SAT ID TYPE";

fuzz_target!(|data: &[u8]| {
    let config = Config { seed: 1, client_reply_bytes_max: REPLY_BYTES_MAX, ..Config::default() };
    let mut store = Store::new(config);
    let clients: Vec<ClientId> = (0..CLIENTS).map(|_| store.connect(Peer::default(), 1)).collect();
    let mut now_ms = 1;
    for text in data.split(|byte| *byte == b'\n') {
        let Some((first, text)) = text.split_first() else { continue };
        let line: Vec<Bytes> =
            text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).flat_map(words).collect();
        let is_harmless = |name: &Bytes| !name.eq_ignore_ascii_case(b"DEBUG");
        now_ms += u64::from(*first);
        match (line.first(), clients.get(usize::from(*first) % (CLIENTS + 1))) {
            (Some(name), Some(client)) if is_harmless(name) && !store.is_waiting(*client) => {
                store.handle_command(*client, &line, now_ms);
            }
            (Some(name), None) if is_harmless(name) => _ = store.execute(&line, now_ms),
            _ => _ = store.handle_timeout(now_ms, 10),
        }
        store.drain_outputs(|output| {
            if let Output::Reply { reply, .. } = output {
                check(&reply, data.len());
            }
        });
        store.drain_changes(drop);
        store.drain_published(drop);
    }
});

/// A word as it is, or what its bytes stand for: a command's name, or one of [`WORDS`].
fn words(text: &[u8]) -> Vec<Bytes> {
    static KNOWN: OnceLock<(Vec<&'static str>, Vec<&'static str>)> = OnceLock::new();
    let (names, words) = KNOWN.get_or_init(|| (store::implemented().collect(), WORDS.split(' ').collect()));
    let known = match text {
        [high @ 128..=255, low] => names.get(usize::from(high - 128) * 256 + usize::from(*low)),
        [byte @ 128..=255] => words.get(usize::from(byte - 128)),
        _ => None,
    };
    match known {
        // A subcommand has its container's name in front.
        Some(known) => known.split('|').map(|part| Bytes::from_static(part.as_bytes())).collect(),
        None => vec![Bytes::copy_from_slice(text)],
    }
}

/// `sent`: how many bytes the commands had, as small replies are given in any case.
fn check(reply: &Reply, sent: usize) {
    const SMALL: usize = 300;
    assert!(reply.size() <= REPLY_BYTES_MAX + sent * SMALL, "{} bytes", reply.size());
    let read = |protocol| {
        let mut out = BytesMut::new();
        encode_reply(reply, protocol, &mut out);
        let frame = ReplyDecoder::new(ReplyLimits::default()).decode(&mut out).expect("what an encoder wrote");
        assert!(out.is_empty(), "{reply:?}");
        frame
    };
    assert!(matches!(read(Protocol::Resp2), Some(Frame::Reply(_))), "{reply:?}");
    assert!(matches!(read(Protocol::Resp3), Some(Frame::Reply(_))), "{reply:?}");
}
