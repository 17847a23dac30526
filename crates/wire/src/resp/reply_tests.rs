use super::*;

/// All frames of some bytes that come in pieces of this size, then the error that ended them.
fn frames_in(pieces: usize, bytes: &[u8], limits: ReplyLimits) -> (Vec<Frame>, Option<ProtocolError>) {
    let (mut decoder, mut input, mut frames) = (ReplyDecoder::new(limits), BytesMut::new(), Vec::new());
    for piece in bytes.chunks(pieces) {
        input.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// At once and byte by byte it must be the same.
fn decode(bytes: &[u8], limits: ReplyLimits) -> (Vec<Frame>, Option<ProtocolError>) {
    let frames = frames_in(usize::MAX, bytes, limits);
    for pieces in [1, 2, 7] {
        assert_eq!(frames_in(pieces, bytes, limits), frames, "{}", bytes.escape_ascii());
    }
    frames
}

/// In the texts of these tests, `|` is CRLF and `^` stands for the mark of an attribute.
fn bytes_of(text: &str) -> String {
    text.replace('|', "\r\n").replace('^', "|")
}

fn replies(text: &str) -> Vec<Reply> {
    let (frames, error) = decode(bytes_of(text).as_bytes(), ReplyLimits::default());
    assert_eq!(error, None, "{text}");
    let reply = |frame| match frame {
        Frame::Reply(reply) => reply,
        other => panic!("{other:?}"),
    };
    frames.into_iter().map(reply).collect()
}

fn limited(bytes: &str, limits: ReplyLimits) -> Vec<Frame> {
    let (frames, error) = decode(bytes_of(bytes).as_bytes(), limits);
    assert_eq!(error, None, "{bytes}");
    frames
}

fn bytes_max(frame_bytes_max: u64) -> ReplyLimits {
    ReplyLimits { frame_bytes_max, ..ReplyLimits::default() }
}

fn bulk(text: &str) -> Reply {
    Reply::bulk(text)
}

fn pong() -> Frame {
    Frame::Reply(Reply::Simple("PONG".into()))
}

#[test]
fn each_type() {
    let cases = [
        ("_|", Reply::Null),
        ("$-1|", Reply::Null),
        ("*-1|", Reply::Null),
        ("+OK|", Reply::OK),
        ("+|", Reply::Simple("".into())),
        ("-ERR no|", Reply::error("ERR no")),
        ("!5|a|\0b|", Reply::error("a\r\n\0b")),
        (":0|", Reply::Int(0)),
        (":-9223372036854775808|", Reply::Int(i64::MIN)),
        (":+5|", Reply::Int(5)),
        ("$0||", bulk("")),
        ("$5|a|\nb|", bulk("a\r\n\nb")),
        ("=7|txt:abc|", Reply::Verbatim { format: *b"txt", text: "abc".into() }),
        ("=4|mkd:|", Reply::Verbatim { format: *b"mkd", text: "".into() }),
        ("#t|", Reply::Bool(true)),
        ("#f|", Reply::Bool(false)),
        (",1.25|", Reply::Double(1.25)),
        (",-10|", Reply::Double(-10.0)),
        (",1e+20|", Reply::Double(1e20)),
        (",inf|", Reply::Double(f64::INFINITY)),
        (",-inf|", Reply::Double(f64::NEG_INFINITY)),
        ("(-3492890328409238509324850943850943825024385|", {
            Reply::BigNumber("-3492890328409238509324850943850943825024385".into())
        }),
        ("*0|", Reply::Array(vec![])),
        ("*2|*1|:1|*0|", Reply::Array(vec![Reply::Array(vec![Reply::Int(1)]), Reply::Array(vec![])])),
        ("~2|:1|#t|", Reply::Set(vec![Reply::Int(1), Reply::Bool(true)])),
        ("%0|", Reply::Map(vec![])),
        ("%2|+a|:1|+b|*1|_|", {
            let list = Reply::Array(vec![Reply::Null]);
            Reply::Map(vec![(Reply::Simple("a".into()), Reply::Int(1)), (Reply::Simple("b".into()), list)])
        }),
    ];
    for (text, expected) in cases {
        assert_eq!(replies(text), [expected], "{text}");
    }
    for text in [",nan|", ",-nan|"] {
        assert!(matches!(replies_of_nan(text)[..], [Frame::Reply(Reply::Double(value))] if value.is_nan()));
    }
}

fn replies_of_nan(text: &str) -> Vec<Frame> {
    frames_in(1, bytes_of(text).as_bytes(), ReplyLimits::default()).0
}

#[test]
fn attributes_are_passed_over() {
    let of = |items: &[i64]| Reply::Array(items.iter().map(|&n| Reply::Int(n)).collect());
    assert_eq!(replies("^1|+ttl|:5|:1|:2|"), [Reply::Int(1), Reply::Int(2)]);
    assert_eq!(replies("*2|:1|^1|+ttl|*2|:3|:4|:2|"), [of(&[1, 2])], "no element of the array");
    assert_eq!(replies("*2|:1|:2|^1|+a|+b|*1|:3|"), [of(&[1, 2]), of(&[3])]);
    assert_eq!(replies("^0|:1|"), [Reply::Int(1)]);
    assert_eq!(replies("^1|^1|+a|+b|+c|+d|:1|"), [Reply::Int(1)], "an attribute of an attribute");
    assert_eq!(limited("^1|+a|+b|>1|+x|", ReplyLimits::default()), [Frame::Push(vec![Reply::Simple("x".into())])]);
}

#[test]
fn pushes_come_in_order() {
    let invalidate = |keys| Frame::Push(vec![bulk("invalidate"), keys]);
    let frames = limited("$1|v|>2|$10|invalidate|*1|$1|k|+PONG|>2|$10|invalidate|_|>0|+PONG|", ReplyLimits::default());
    let keys = Reply::Array(vec![bulk("k")]);
    let expected =
        [Frame::Reply(bulk("v")), invalidate(keys), pong(), invalidate(Reply::Null), Frame::Push(vec![]), pong()];
    assert_eq!(frames, expected);
}

#[test]
fn what_is_not_resp_is_told() {
    use ProtocolError as E;
    let cases = [
        ("x", E::Type(b'x')),
        ("HTTP/1.1 400|", E::Type(b'H')),
        ("\r\n", E::Type(b'\r')),
        (":|", E::Integer),
        (":1a|", E::Integer),
        (":9223372036854775808|", E::Integer),
        (":1\rx", E::Integer),
        ("$-2|", E::Length),
        ("$a|", E::Length),
        ("*-2|", E::Length),
        ("%-1|", E::Length),
        ("~-1|", E::Length),
        (">-1|", E::Length),
        ("=-1|", E::Length),
        ("!-1|", E::Length),
        ("*9223372036854775808|", E::Length),
        (",|", E::Double),
        (",1.2.3|", E::Double),
        (",1\rx", E::LineEnd),
        ("#x|", E::Bool),
        ("#tt", E::Bool),
        ("_x|", E::Null),
        ("(|", E::BigNumber),
        ("(12a|", E::BigNumber),
        ("=3|txt|", E::Verbatim),
        ("=7|text:ab|", E::Verbatim),
        ("+a\rb|", E::LineEnd),
        ("$1|ab|", E::BlobEnd),
        ("$1|a\rb", E::BlobEnd),
        ("*1|>1|+a|", E::InnerPush),
        ("^1|>0|", E::InnerPush),
        ("$?|", E::Streamed),
        ("*?|", E::Streamed),
        (";4|", E::Streamed),
        (".|", E::Streamed),
    ];
    for (text, expected) in cases {
        let text = bytes_of(&format!("+PONG|{text}"));
        assert_eq!(decode(text.as_bytes(), ReplyLimits::default()), (vec![pong()], Some(expected)), "{text:?}");
        assert!(!expected.to_string().is_empty());
    }
    let endless = ",".to_owned() + &"1".repeat(200);
    assert_eq!(decode(endless.as_bytes(), ReplyLimits::default()).1, Some(E::Double));
}

#[test]
fn a_frame_at_the_limit_passes_and_one_over_it_is_skipped() {
    let frames = [
        "$10|0123456789|",
        "+0123456789|",
        "-0123456789|",
        "(0123456789|",
        ":123456789|",
        "!10|0123456789|",
        "=10|txt:456789|",
        "*2|$3|abc|:1|",
        "%1|+a|*1|:1|",
        "~1|+abc|",
        "*1|*1|*0|",
        "^1|+a|+b|:1|",
        "*1|^1|+a|+b|:1|",
        "*2|:1|^1|+a|$6|abcdef|:1|",
    ];
    for text in frames {
        let length = bytes_of(text).len() as u64;
        let bytes = bytes_of(text) + "+PONG\r\n";
        let (whole, error) = decode(bytes.as_bytes(), bytes_max(length));
        assert_eq!((whole.len(), error), (2, None), "{bytes:?}");
        assert!(matches!(&whole[0], Frame::Reply(_)), "{whole:?}");
        let (over, error) = decode(bytes.as_bytes(), bytes_max(length - 1));
        assert_eq!(error, None);
        let [Frame::Oversize { push: false, bytes: skipped, .. }, after] = &over[..] else { panic!("{over:?}") };
        assert_eq!((*skipped, after), (length, &pong()), "{bytes:?}");
    }
}

#[test]
fn a_head_is_what_was_whole_before_the_limit() {
    let value = "x".repeat(100);
    let text = format!(">3|+message|+channel|$100|{value}|+PONG|");
    let frames = limited(&text, bytes_max(100));
    let head = ["message", "channel"].map(|text| Reply::Simple(text.into())).to_vec();
    assert_eq!(frames, [Frame::Oversize { push: true, bytes: 132, head }, pong()]);

    let frames = limited(&format!("*3|:1|*2|:2|$100|{value}|:3|+PONG|"), bytes_max(100));
    assert_eq!(frames, [Frame::Oversize { push: false, bytes: 128, head: vec![Reply::Int(1)] }, pong()]);

    let frames = limited(&format!("*2|:1|^1|+k|$100|{value}|:2|+PONG|"), bytes_max(100));
    let passed_inside_an_attribute = Frame::Oversize { push: false, bytes: 128, head: vec![Reply::Int(1)] };
    assert_eq!(frames, [passed_inside_an_attribute, pong()]);

    for text in [format!("%1|+k|$100|{value}|+PONG|"), format!("$100|{value}|+PONG|"), format!("+{value}|+PONG|")] {
        let frames = limited(&text, bytes_max(100));
        assert!(matches!(&frames[..], [Frame::Oversize { push: false, head, .. }, _] if head.is_empty()), "{frames:?}");
    }
}

#[test]
fn elements_and_depth_are_limited() {
    let limits = ReplyLimits { elements_max: 4, depth_max: 3, ..ReplyLimits::default() };
    let oversize = |text: &str| {
        let frames = limited(&format!("{text}+PONG|"), limits);
        assert_eq!((frames.len(), frames.last()), (2, Some(&pong())), "{text}");
        matches!(frames[0], Frame::Oversize { .. })
    };
    assert!(!oversize("*4|:1|:2|:3|:4|"));
    assert!(!limited("*3|:1|:2|:3|*3|:1|:2|:3|", limits).iter().any(|frame| matches!(frame, Frame::Oversize { .. })));
    assert!(oversize("*5|:1|:2|:3|:4|:5|"));
    assert!(!oversize("%2|:1|:2|:3|:4|"));
    assert!(oversize("%3|:1|:2|:3|:4|:5|:6|"));
    assert!(!oversize("*2|*2|:1|:2|*0|"));
    assert!(oversize("*2|*2|:1|:2|*1|:1|"));
    assert!(!oversize("*1|*1|*1|:1|"));
    assert!(oversize("*1|*1|*1|*1|:1|"));
    assert!(oversize("*1|*1|*1|*0|"));

    let deep = |depth: usize| "*1\r\n".repeat(depth) + ":1\r\n";
    let (frames, error) = frames_in(4096, deep(SKIP_DEPTH_MAX).as_bytes(), limits);
    assert_eq!((frames.len(), error), (1, None));
    let (frames, error) = frames_in(4096, deep(SKIP_DEPTH_MAX + 1).as_bytes(), limits);
    assert_eq!((frames.len(), error), (0, Some(ProtocolError::Depth)));
}

/// A reply that is far over a limit of 1 MiB, read in pieces: its frame, and the most that was held on the way.
fn flood(begin: &str, piece: &[u8], times: usize, end: &str) -> (Frame, usize) {
    let (mut decoder, mut input) = (ReplyDecoder::new(bytes_max(1 << 20)), BytesMut::from(begin.as_bytes()));
    let mut held = 0;
    for _ in 0..times {
        input.extend_from_slice(piece);
        assert!(matches!(decoder.decode(&mut input), Ok(None)), "the frame has not ended");
        held = held.max(decoder.held_bytes() + input.len());
        assert!(input.capacity() < 2 << 20, "the read buffer grew to {}", input.capacity());
    }
    input.extend_from_slice(format!("{end}+PONG\r\n").as_bytes());
    let frame = decoder.decode(&mut input).unwrap().unwrap();
    assert_eq!(decoder.decode(&mut input), Ok(Some(pong())));
    assert_eq!((input.len(), decoder.held_bytes()), (0, 0));
    (frame, held)
}

#[test]
fn what_is_skipped_takes_no_memory() {
    let piece = vec![b'x'; 64 << 10];
    let total = 1000 * piece.len();
    let (frame, held) = flood(&format!("${total}\r\n"), &piece, 1000, "\r\n");
    assert!(matches!(frame, Frame::Oversize { bytes, .. } if bytes == total as u64 + 13));
    assert!(held < 200, "{held}");

    let (frame, held) = flood("+", &piece, 1000, "\r\n");
    assert!(matches!(frame, Frame::Oversize { bytes, .. } if bytes == total as u64 + 3));
    assert!(held <= (1 << 20) + piece.len(), "{held}");

    // Elements that came before the limit was known to be passed are held, and no more.
    let element = b"$1000\r\n".iter().chain(&piece[..1000]).chain(b"\r\n").copied().collect::<Vec<u8>>();
    let (frame, held) = flood("*20001\r\n", &element, 20_000, "+\r\n");
    assert!(matches!(&frame, Frame::Oversize { head, .. } if head.len() < 1100), "a head of the limit's size");
    assert!(held < (1 << 20) + (64 << 10), "{held}");
}

#[test]
fn an_announced_length_takes_no_memory() {
    let limits = ReplyLimits { frame_bytes_max: 1 << 40, elements_max: 1 << 40, ..ReplyLimits::default() };
    for text in
        ["$500000000000\r\nabc", "*100000000000\r\n", "%100000000000\r\n", "*1000000\r\n*1000000\r\n*1000000\r\n"]
    {
        let (mut decoder, mut input) = (ReplyDecoder::new(limits), BytesMut::from(text.as_bytes()));
        assert_eq!(decoder.decode(&mut input), Ok(None));
        assert!(decoder.held_bytes() < 100_000, "{text:?}: {}", decoder.held_bytes());
    }
}

#[test]
fn nothing_is_read_twice() {
    // After each piece, what is left in the input is the line that has not ended: all else is never looked at again.
    let text = format!("*100000\r\n{}", "$3\r\nabc\r\n:12345\r\n".repeat(50_000));
    let (mut decoder, mut input) = (ReplyDecoder::new(ReplyLimits::default()), BytesMut::new());
    let mut frames = 0;
    for piece in text.as_bytes().chunks(5) {
        input.extend_from_slice(piece);
        frames += usize::from(decoder.decode(&mut input).unwrap().is_some());
        assert!(input.len() < 8, "{} bytes are left", input.len());
    }
    assert_eq!(frames, 1);
}

#[test]
fn strings_pin_no_buffer() {
    let mut input = BytesMut::with_capacity(1 << 16);
    let mut decoder = ReplyDecoder::new(ReplyLimits::default());
    let mut kept = Vec::new();
    let block = input.as_ptr();
    for _ in 0..10_000 {
        input.extend_from_slice(b"*2\r\n$3\r\nabc\r\n+def\r\n");
        kept.push(decoder.decode(&mut input).unwrap());
        input.reserve(64);
        input.clear();
    }
    assert_eq!(kept.len(), 10_000);
    input.reserve(1 << 16);
    assert_eq!(input.as_ptr(), block, "the same block was used all the time");
}
