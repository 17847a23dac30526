//! What one end of a RESP connection writes the other reads, in both protocols, however the bytes are cut.

use bytes::{Bytes, BytesMut};
use model::{Frame, Reply};
use proptest::prelude::*;
use wire::resp::{
    Protocol, ReplyDecoder, ReplyLimits, RequestDecoder, RequestLimits, encode_command, encode_push, encode_reply,
};

fn text() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..12).prop_map(Bytes::from)
}

/// A text of one line.
fn line() -> impl Strategy<Value = Bytes> {
    text().prop_map(|text| text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }).collect())
}

fn reply() -> impl Strategy<Value = Reply> {
    let leaf = prop_oneof![
        Just(Reply::Null),
        Just(Reply::OK),
        line().prop_map(Reply::Simple),
        line().prop_map(Reply::Error),
        any::<i64>().prop_map(Reply::Int),
        any::<f64>().prop_filter("equal to itself", |double| !double.is_nan()).prop_map(Reply::Double),
        any::<bool>().prop_map(Reply::Bool),
        text().prop_map(Reply::Bulk),
        (any::<[u8; 3]>(), text()).prop_map(|(format, text)| Reply::Verbatim { format, text }),
        any::<i128>().prop_map(|number| Reply::BigNumber(number.to_string().into())),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Reply::Array),
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Reply::Set),
            proptest::collection::vec((inner.clone(), inner), 0..4).prop_map(Reply::Map),
        ]
    })
}

/// What a reply is once it went through RESP2.
fn downgraded(reply: Reply) -> Reply {
    match reply {
        Reply::Bool(value) => Reply::Int(value.into()),
        Reply::Verbatim { text, .. } => Reply::Bulk(text),
        Reply::BigNumber(digits) => Reply::Bulk(digits),
        Reply::Array(items) | Reply::Set(items) => Reply::Array(items.into_iter().map(downgraded).collect()),
        Reply::Map(pairs) => {
            Reply::Array(pairs.into_iter().flat_map(|(k, v)| [downgraded(k), downgraded(v)]).collect())
        }
        other => other,
    }
}

/// Doubles as what they are, since their text has more than one form.
fn with_doubles_read(reply: Reply, written: &Reply) -> Reply {
    match (reply, written) {
        (Reply::Bulk(text), Reply::Double(double)) => {
            let read: f64 = String::from_utf8_lossy(&text).parse().expect("a double in RESP2 is its text");
            assert_eq!(read.to_bits(), double.to_bits());
            Reply::Double(read)
        }
        (Reply::Array(items), Reply::Array(written)) if items.len() == written.len() => Reply::Array(
            items.into_iter().zip(written).map(|(item, written)| with_doubles_read(item, written)).collect(),
        ),
        (other, _) => other,
    }
}

/// Feeds the bytes in pieces of the given lengths, over and over; the frames.
fn frames(bytes: &[u8], cuts: &[usize], limits: ReplyLimits) -> Vec<Frame> {
    let (mut decoder, mut input) = (ReplyDecoder::new(limits), BytesMut::new());
    let (mut frames, mut rest) = (Vec::new(), bytes);
    for cut in cuts.iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(*cut));
        input.extend_from_slice(piece);
        while let Some(frame) = decoder.decode(&mut input).expect("what an encoder wrote") {
            frames.push(frame);
        }
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    assert!(input.is_empty() && decoder.held_bytes() == 0);
    frames
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1..30_usize, 1..6)
}

fn encoded(replies: &[Reply], protocol: Protocol) -> BytesMut {
    let mut out = BytesMut::new();
    replies.iter().for_each(|reply| encode_reply(reply, protocol, &mut out));
    out
}

proptest! {
    #[test]
    fn resp3_comes_back(replies in proptest::collection::vec(reply(), 1..4), cuts in cuts()) {
        let frames = frames(&encoded(&replies, Protocol::Resp3), &cuts, ReplyLimits::default());
        prop_assert_eq!(frames, replies.into_iter().map(Frame::Reply).collect::<Vec<_>>());
    }

    #[test]
    fn resp2_comes_back_with_its_fewer_types(replies in proptest::collection::vec(reply(), 1..4), cuts in cuts()) {
        let frames = frames(&encoded(&replies, Protocol::Resp2), &cuts, ReplyLimits::default());
        prop_assert_eq!(frames.len(), replies.len());
        for (frame, reply) in frames.into_iter().zip(replies) {
            let Frame::Reply(read) = frame else { panic!("{frame:?}") };
            let expected = downgraded(reply);
            prop_assert_eq!(with_doubles_read(read, &expected), expected);
        }
    }

    #[test]
    fn pushes_come_back(before in reply(), items in proptest::collection::vec(reply(), 0..5), cuts in cuts()) {
        let mut out = encoded(std::slice::from_ref(&before), Protocol::Resp3);
        encode_push(&items, Protocol::Resp3, &mut out);
        let frames = frames(&out, &cuts, ReplyLimits::default());
        prop_assert_eq!(frames, vec![Frame::Reply(before), Frame::Push(items)]);
    }

    /// Over the limit or not is a matter of the frame's length alone, and the next frame is whole.
    #[test]
    fn a_frame_over_the_limit_is_skipped(reply in reply(), push in any::<bool>(), max in 1..200_u64, cuts in cuts()) {
        let items = std::slice::from_ref(&reply);
        let mut out = BytesMut::new();
        if push { encode_push(items, Protocol::Resp3, &mut out) } else { out = encoded(items, Protocol::Resp3) }
        let length = out.len() as u64;
        out.extend_from_slice(b":7\r\n");
        let limits = ReplyLimits { frame_bytes_max: max.max(4), ..ReplyLimits::default() };
        let frames = frames(&out, &cuts, limits);
        prop_assert_eq!(frames.len(), 2);
        prop_assert_eq!(&frames[1], &Frame::Reply(Reply::Int(7)));
        match &frames[0] {
            Frame::Oversize { push: skipped, bytes, head } => {
                prop_assert!(length > max.max(4));
                prop_assert_eq!((*skipped, *bytes), (push, length));
                prop_assert!(encoded(head, Protocol::Resp3).len() as u64 <= max.max(4));
            }
            whole => prop_assert!(length <= max.max(4), "{:?}", whole),
        }
    }

    #[test]
    fn commands_come_back(
        commands in proptest::collection::vec(proptest::collection::vec(text(), 1..5), 1..5),
        cuts in cuts(),
    ) {
        let mut out = BytesMut::new();
        commands.iter().for_each(|command| encode_command(command, &mut out));
        let (mut decoder, mut input) = (RequestDecoder::new(RequestLimits::default()), BytesMut::new());
        let (mut read, mut rest) = (Vec::new(), &out[..]);
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(*cut));
            input.extend_from_slice(piece);
            while let Some(command) = decoder.decode(&mut input).expect("what an encoder wrote") {
                read.push(command.to_vec());
            }
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(read, commands);
        prop_assert!(input.is_empty());
    }
}
