//! What a redis-server 7.0.15 really sent, decoded and written again.
//!
//! (Doubles are the ones that every version writes alike.)

use super::{Protocol, ReplyDecoder, ReplyLimits, encode_push, encode_reply};
use bytes::BytesMut;
use model::{Frame, Reply};

fn decode(text: &str) -> Vec<Frame> {
    let (mut decoder, mut input) = (ReplyDecoder::new(ReplyLimits::default()), BytesMut::new());
    let mut frames = Vec::new();
    for byte in text.bytes() {
        input.extend_from_slice(&[byte]);
        frames.extend(decoder.decode(&mut input).unwrap());
    }
    assert!(input.is_empty());
    frames
}

fn reply(text: &str) -> Reply {
    match &decode(text)[..] {
        [Frame::Reply(reply)] => reply.clone(),
        other => panic!("{text:?}: {other:?}"),
    }
}

fn write(reply: &Reply, protocol: Protocol) -> String {
    let mut out = BytesMut::new();
    encode_reply(reply, protocol, &mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

/// The server's bytes in RESP3 and in RESP2 for the same command.
fn check(resp2: &str, resp3: &str) -> Reply {
    let reply = reply(resp3);
    assert_eq!(write(&reply, Protocol::Resp3), resp3);
    assert_eq!(write(&reply, Protocol::Resp2), resp2);
    reply
}

fn bulks(words: &[&str]) -> Vec<Reply> {
    words.iter().map(Reply::bulk).collect()
}

#[test]
fn hello() {
    let text = "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:62\r\n\
                $4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n";
    let Reply::Map(pairs) = reply(text) else { panic!("a map") };
    assert_eq!(pairs.len(), 7);
    assert_eq!(pairs[1], (Reply::bulk("version"), Reply::bulk("7.0.15")));
    assert_eq!(pairs[2], (Reply::bulk("proto"), Reply::Int(3)));
    assert_eq!(pairs[6], (Reply::bulk("modules"), Reply::Array(vec![])));
    assert_eq!(write(&Reply::Map(pairs), Protocol::Resp3), text);
}

#[test]
fn collections() {
    // HGETALL h
    let resp2 = "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n";
    let hash = check(resp2, "%2\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n");
    assert!(matches!(&hash, Reply::Map(pairs) if pairs[1] == (Reply::bulk("b"), Reply::bulk("2"))));
    assert_eq!(reply(resp2), Reply::Array(bulks(&["a", "1", "b", "2"])));
    // SMEMBERS s
    let set = check("*2\r\n$1\r\na\r\n$1\r\nb\r\n", "~2\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_eq!(set, Reply::Set(bulks(&["a", "b"])));
    // ZRANGE z 0 -1 WITHSCORES
    let text = "*5\r\n*2\r\n$4\r\nfour\r\n,-inf\r\n*2\r\n$3\r\nsix\r\n,1e-10\r\n*2\r\n$3\r\ntwo\r\n,1.5\r\n\
                *2\r\n$4\r\nfive\r\n,1e+20\r\n*2\r\n$5\r\nthree\r\n,inf\r\n";
    let scores = reply(text);
    assert_eq!(write(&scores, Protocol::Resp3), text);
    let Reply::Array(members) = scores else { panic!("an array") };
    assert_eq!(members[3], Reply::Array(vec![Reply::bulk("five"), Reply::Double(1e20)]));
}

#[test]
fn scalars() {
    // GET nokey, LPOP nolist 2, GEOPOS nokey a, ZMSCORE z one no, ZSCORE z five
    check("$-1\r\n", "_\r\n");
    for (resp2, resp3, kept) in
        [("*-1\r\n", "_\r\n", Reply::NullArray), ("*1\r\n*-1\r\n", "*1\r\n_\r\n", Reply::Array(vec![Reply::NullArray]))]
    {
        assert_eq!((write(&kept, Protocol::Resp2), write(&kept, Protocol::Resp3)), (resp2.into(), resp3.into()));
        assert_eq!(reply(resp2), reply(resp3), "whoever reads them sees no difference");
    }
    check("*2\r\n$1\r\n1\r\n$-1\r\n", "*2\r\n,1\r\n_\r\n");
    check("$5\r\n1e+20\r\n", ",1e+20\r\n");
    // DEBUG PROTOCOL double, true, false, map, verbatim, bignum
    check("$5\r\n3.141\r\n", ",3.141\r\n");
    check(":1\r\n", "#t\r\n");
    check(":0\r\n", "#f\r\n");
    let map = "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n";
    check("*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n", map);
    check("$25\r\nThis is a verbatim\nstring\r\n", "=29\r\ntxt:This is a verbatim\nstring\r\n");
    let digits = "1234567999999999999999999999999999999\r\n";
    check(&format!("$37\r\n{digits}"), &format!("({digits}"));
}

#[test]
fn attributes() {
    // DEBUG PROTOCOL attrib
    let text = "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n$39\r\nSome real reply following the attribute\r\n";
    assert_eq!(reply(text), Reply::bulk("Some real reply following the attribute"));
}

#[test]
fn a_connection_with_pushes() {
    // CLIENT TRACKING ON, GET k, SET k w, FLUSHALL, SUBSCRIBE ch, PUBLISH ch m
    let text = "+OK\r\n$1\r\nv\r\n+OK\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n+OK\r\n>2\r\n$10\r\ninvalidate\r\n_\r\n\
                >3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nm\r\n:1\r\n";
    let frames = decode(text);
    let expected = [
        Frame::Reply(Reply::OK),
        Frame::Reply(Reply::bulk("v")),
        Frame::Reply(Reply::OK),
        Frame::Push(vec![Reply::bulk("invalidate"), Reply::Array(bulks(&["k"]))]),
        Frame::Reply(Reply::OK),
        Frame::Push(vec![Reply::bulk("invalidate"), Reply::Null]),
        Frame::Push(vec![Reply::bulk("subscribe"), Reply::bulk("ch"), Reply::Int(1)]),
        Frame::Push(bulks(&["message", "ch", "m"])),
        Frame::Reply(Reply::Int(1)),
    ];
    assert_eq!(frames, expected);
    let mut out = BytesMut::new();
    for frame in &frames {
        match frame {
            Frame::Reply(reply) => encode_reply(reply, Protocol::Resp3, &mut out),
            Frame::Push(items) => encode_push(items, Protocol::Resp3, &mut out),
            Frame::Oversize { .. } => panic!("{frame:?}"),
        }
    }
    assert_eq!(&out[..], text.as_bytes());
}

#[test]
fn a_subscriber_of_resp2() {
    // SUBSCRIBE ch, PING, UNSUBSCRIBE
    let text = "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n*3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:0\r\n";
    let mut out = BytesMut::new();
    for frame in decode(text) {
        let Frame::Reply(Reply::Array(items)) = frame else { panic!("{frame:?}") };
        encode_push(&items, Protocol::Resp2, &mut out);
    }
    assert_eq!(&out[..], text.as_bytes());
}
