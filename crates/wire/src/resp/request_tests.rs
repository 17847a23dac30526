use super::*;

fn decode_in(pieces: usize, bytes: &[u8], mut decoder: RequestDecoder) -> (Vec<Args>, Option<RequestError>) {
    let (mut input, mut requests) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(pieces) {
        input.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(request)) => requests.push(request),
                Ok(None) => break,
                Err(error) => return (requests, Some(error)),
            }
        }
    }
    (requests, None)
}

/// The same, without words of their own.
fn decode_shared_in(pieces: usize, bytes: &[u8], mut decoder: RequestDecoder) -> (Vec<Args>, Option<RequestError>) {
    let (mut rest, mut words, mut requests) = (Bytes::new(), Vec::new(), Vec::new());
    for piece in bytes.chunks(pieces) {
        let mut input = Bytes::from([&rest[..], piece].concat());
        loop {
            match decoder.decode_shared(&mut input, &mut words) {
                Ok(true) => requests.push(words.iter().cloned().collect()),
                Ok(false) => break,
                Err(error) => return (requests, Some(error)),
            }
        }
        assert!(decoder.args.iter().all(Bytes::is_unique), "what waits for its rest keeps no input alive");
        rest = input;
    }
    (requests, None)
}

/// The requests, each as its words with spaces between, and the error's text. At once and byte by byte it is the same.
fn decode_by(bytes: &[u8], decoder: impl Fn() -> RequestDecoder) -> (Vec<String>, String) {
    let decoded = decode_in(usize::MAX, bytes, decoder());
    for pieces in [1, 3, 4096] {
        if pieces > 3 || bytes.len() < 100_000 {
            let shown = bytes[..bytes.len().min(99)].escape_ascii();
            assert_eq!(decode_in(pieces, bytes, decoder()), decoded, "{shown}");
            assert_eq!(decode_shared_in(pieces, bytes, decoder()), decoded, "{shown}, shared");
        }
    }
    let words = |args: Args| args.iter().map(|arg| arg.escape_ascii().to_string()).collect::<Vec<_>>().join(" ");
    let error = decoded.1.map(|error| match error.reply() {
        Reply::Error(text) => text.escape_ascii().to_string(),
        other => panic!("{other:?}"),
    });
    (decoded.0.into_iter().map(words).collect(), error.unwrap_or_default())
}

fn decode(bytes: &[u8]) -> (Vec<String>, String) {
    decode_by(bytes, || RequestDecoder::new(RequestLimits::default()))
}

fn error(bytes: &[u8]) -> String {
    decode(bytes).1
}

#[test]
fn requests_in_both_forms() {
    let cases: [(&[u8], &[&str]); 16] = [
        (b"*1\r\n$4\r\nPING\r\n", &["PING"]),
        (b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", &["ECHO "]),
        (b"*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\0\xff\r\n*1\r\n$1\r\na\r\n", &[r"ECHO \r\n\x00\xff", "a"]),
        (b"*-1\r\nPING\r\n", &["PING"]),
        (b"*0\r\n*-5\r\nPING\r\n", &["PING"]),
        (b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPONG\r\n", &["PING", "PONG"]),
        (b"*1\rx$4\rxPINGxx", &["PING"]),
        (b"*1\r\n$0\r\n\r\nPING\r\n", &["", "PING"]),
        (b"PING\n", &["PING"]),
        (b"\r\n\n   \nPING\r\nGET  k\r\n", &["PING", "GET k"]),
        (b"PING \"\\x41 b\" 'c d'\r\n", &["PING A b c d"]),
        (b"PING\rPING\r\n", &["PING PING"]),
        (b"\"\"\r\n", &[""]),
        (b"*1\n$4\nPING\n", &[]),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhell", &[]),
        (b"", &[]),
    ];
    for (bytes, expected) in cases {
        let (requests, error) = decode(bytes);
        assert_eq!((&requests[..], &*error), (&expected.map_str()[..], ""), "{}", bytes.escape_ascii());
    }
}

trait MapStr {
    fn map_str(&self) -> Vec<String>;
}

impl MapStr for &[&str] {
    fn map_str(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

/// Each text is what redis-server 7.0.15 answered to these bytes before it closed the connection.
#[test]
fn errors_have_the_texts_of_redis() {
    let multibulk = "ERR Protocol error: invalid multibulk length";
    let bulk = "ERR Protocol error: invalid bulk length";
    let cases: [(&[u8], &str); 25] = [
        (b"*3a\r\n", multibulk),
        (b"*\r\n", multibulk),
        (b"*+1\r\n$4\r\nPING\r\n", multibulk),
        (b"*01\r\n$4\r\nPING\r\n", multibulk),
        (b"* 1\r\n$4\r\nPING\r\n", multibulk),
        (b"*2147483648\r\n", multibulk),
        (b"*9223372036854775808\r\n", multibulk),
        (b"*1\n$4\r\nPING\r\n", multibulk),
        (b"*1\r\nPING\r\n", "ERR Protocol error: expected '$', got 'P'"),
        (b"*1\r\n:1\r\n", "ERR Protocol error: expected '$', got ':'"),
        (b"*1\r\n\r\n", "ERR Protocol error: expected '$', got ' '"),
        (b"*1\r\n\n\r\n", "ERR Protocol error: expected '$', got ' '"),
        (b"*1\r\n\xff\r\n", "ERR Protocol error: expected '$', got '\\xff'"),
        (b"*1\r\n$-1\r\n", bulk),
        (b"*1\r\n$a\r\n", bulk),
        (b"*1\r\n$\r\n", bulk),
        (b"*1\r\n$04\r\nPING\r\n", bulk),
        (b"*1\r\n$+4\r\nPING\r\n", bulk),
        (b"*1\r\n$536870913\r\n", bulk),
        (b"*1\r\n$9223372036854775808\r\n", bulk),
        (b"PING \"a\r\n", "ERR Protocol error: unbalanced quotes in request"),
        (b"PING 'a\r\n", "ERR Protocol error: unbalanced quotes in request"),
        (b"PING \"a\"b\r\n", "ERR Protocol error: unbalanced quotes in request"),
        // A real server waits for more here.
        (b"ECHO a\0b\r\n", "ERR Protocol error: NUL byte in inline request"),
        (b"*1\0\r\n$4\r\nPING\r\n", multibulk),
    ];
    for (bytes, expected) in cases {
        let expected = expected.replace('\'', "\\'");
        assert_eq!(error(bytes), expected, "{}", bytes.escape_ascii());
        let (requests, error) = decode(&[b"*1\r\n$4\r\nPING\r\n", bytes].concat());
        assert_eq!((&*requests.concat(), error), ("PING", expected), "what came before is carried out");
    }
}

#[test]
fn lines_are_limited_as_in_redis() {
    let line = |begin: &str, fill: &str, length: usize| (begin.to_owned() + &fill.repeat(length)).into_bytes();
    let cases = [
        ("", "x", "too big inline request"),
        ("*", "1", "too big mbulk count string"),
        ("*1\r\n$", "1", "too big bulk count string"),
        ("*1\r\n", "x", "too big bulk count string"),
    ];
    for (begin, fill, text) in cases {
        let mark = begin.rsplit('\n').next().unwrap_or_default().len();
        assert_eq!(error(&line(begin, fill, 65536 - mark)), "", "a line of 65536 bytes may still end: {text}");
        assert_eq!(error(&line(begin, fill, 65537 - mark)), format!("ERR Protocol error: {text}"));
    }
    let mut longest = line("ECHO ", "x", 65530);
    longest.extend_from_slice(b"\r\n");
    assert_eq!(decode(&longest).0.len(), 1);
    longest.insert(5, b'x');
    assert_eq!(error(&longest), "ERR Protocol error: too big inline request");
}

#[test]
fn elements_and_bytes_are_limited() {
    assert_eq!(error(b"*1048576\r\n"), "");
    assert_eq!(error(b"*1048577\r\n"), "ERR Protocol error: invalid multibulk length");
    assert_eq!(error(b"*1\r\n$536870912\r\n"), "");
    let limits =
        RequestLimits { bulk_bytes_max: 10, elements_max: 3, request_bytes_max: 20, ..RequestLimits::default() };
    let decode = |text: &str| decode_by(text.as_bytes(), || RequestDecoder::new(limits));
    let args = |lengths: &[usize]| {
        let bulk = |length: &usize| format!("${length}\r\n{}\r\n", "x".repeat(*length));
        format!("*{}\r\n{}", lengths.len(), lengths.iter().map(bulk).collect::<String>())
    };
    assert_eq!(decode(&args(&[10, 10, 0])).0.len(), 1);
    assert_eq!(decode(&args(&[10, 11])).1, "ERR Protocol error: invalid bulk length");
    assert_eq!(decode(&args(&[1, 1, 1, 1])).1, "ERR Protocol error: invalid multibulk length");
    assert_eq!(decode(&args(&[10, 10, 1])).1, "ERR Protocol error: request over client-query-buffer-limit");
    assert_eq!(decode(&args(&[10, 10]).repeat(9)).0.len(), 9, "each request has its own");
}

#[test]
fn less_is_taken_before_authentication() {
    let anonymous = || {
        let mut decoder = RequestDecoder::new(RequestLimits::default());
        decoder.set_authenticated(false);
        decoder
    };
    let error = |text: &str| decode_by(text.as_bytes(), anonymous).1;
    assert_eq!(error("*10\r\n"), "");
    assert_eq!(error("*11\r\n"), "ERR Protocol error: unauthenticated multibulk length");
    assert_eq!(error("*1\r\n$16384\r\n"), "");
    assert_eq!(error("*1\r\n$16385\r\n"), "ERR Protocol error: unauthenticated bulk length");
    assert_eq!(decode_by(b"a b c d e f g h i j k l m\r\n", anonymous).0.len(), 1, "a line is bounded anyway");

    let mut decoder = anonymous();
    let mut input = BytesMut::from(&b"*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n*11\r\n"[..]);
    assert_eq!(decoder.decode(&mut input).unwrap().unwrap().len(), 2);
    decoder.set_authenticated(true);
    assert_eq!(decoder.decode(&mut input), Ok(None));
}

#[test]
fn an_announced_length_takes_no_memory() {
    for text in ["*2\r\n$3\r\nSET\r\n$536870912\r\nabc", "*1048576\r\n", "*1048576\r\n$100\r\n"] {
        let mut decoder = RequestDecoder::new(RequestLimits::default());
        let mut input = BytesMut::from(text.as_bytes());
        assert_eq!(decoder.decode(&mut input), Ok(None));
        assert!(decoder.held_bytes() < 70_000, "{text:?}: {}", decoder.held_bytes());
        assert!(input.is_empty());
    }
}

#[test]
fn a_long_request_leaves_nothing_behind() {
    let mut decoder = RequestDecoder::new(RequestLimits::default());
    let mut input = BytesMut::from(format!("*100000\r\n{}", "$1\r\nx\r\n".repeat(99_999)).as_bytes());
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert!(decoder.held_bytes() > 99_999 && input.is_empty());
    input.extend_from_slice(b"$1\r\nx\r\n");
    assert_eq!(decoder.decode(&mut input).unwrap().unwrap().len(), 100_000);
    assert_eq!(decoder.held_bytes(), 0);
}
