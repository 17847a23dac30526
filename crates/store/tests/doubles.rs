//! Scores as a client that speaks RESP2 is sent them, here and by a real server.
//!
//! There a double is text, so what counts is the text. Redis 7.0 writes 17 digits where newer ones write as few as read
//! back as the same; where those 17 end in zeros, or are that few, the two must be the same text.

mod support;

use bytes::Bytes;
use model::Reply;
use model::double::DoubleText;
use store::random::Random;
use store::{Config, Output, Peer, Store};
use support::server::{Kind, Server};

/// At the limits of each form, and one on either side.
const EDGES: [f64; 24] = [
    0.0,
    1.0,
    -17.0,
    0.5,
    -1234.5625,
    9007199254740991.0,
    9007199254740992.0,
    1e15,
    1e16,
    -1e16,
    99999999999999984.0,
    1e17,
    1.5e17,
    4611686018427387904.0,
    9.22e18,
    1e19,
    1.7e25,
    1e100,
    1.7976931348623157e308,
    0.0001220703125,
    0.000030517578125,
    1e-7,
    5e-324,
    f64::NEG_INFINITY,
];

#[test]
fn scores_are_the_same_text_in_resp2() {
    for (kind, program) in Kind::all() {
        let server = Server::start(&program, &[]);
        let mut theirs = server.connect_plain();
        let mut ours = Store::new(Config::default());
        let client = ours.connect(Peer::default(), 1);
        let mut same = 0;
        for score in scores() {
            let lines = [format!("ZADD z {score:e} m"), "ZSCORE z m".into(), "ZRANGE z 0 -1 WITHSCORES".into()];
            let lines = lines.map(|line| line.split(' ').map(|word| word.to_owned().into()).collect::<Vec<Bytes>>());
            let answers: Vec<String> = theirs.pipeline(&lines).iter().map(text).collect();
            let mut replies = Vec::new();
            lines.iter().for_each(|line| ours.handle_command(client, line, 1));
            ours.drain_outputs(|output| {
                if let Output::Reply { reply, .. } = output {
                    replies.push(text(&reply));
                }
            });
            let (number, their_number) = (replies[1].parse::<f64>().unwrap(), answers[1].parse::<f64>().unwrap());
            assert_eq!(number.to_bits(), their_number.to_bits(), "{score:e} {kind:?}: {} {}", replies[1], answers[1]);
            // From 10^17 on newer servers write zeros where 7.0 has an exponent.
            let same_form = replies[1].contains('e') == answers[1].contains('e');
            if same_form && replies[1].len() == answers[1].len() || score.fract() == 0.0 && score.abs() < 1e17 {
                assert_eq!(replies[1..], answers[1..], "{score:e} {kind:?}");
                same += 1;
            }
        }
        assert!(same > 100, "{same}");
    }
}

/// The edges, and numbers of all sizes.
fn scores() -> impl Iterator<Item = f64> {
    let random = Random::new(5);
    let any = move |at: usize| {
        let magnitude = random.below(1 << 40) as f64 * 2_f64.powi(random.below(120) as i32 - 60);
        if at.is_multiple_of(2) { magnitude } else { -magnitude.trunc() + 0.0 }
    };
    EDGES.into_iter().chain((0..400).map(any))
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Reply::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        Reply::Double(score) => String::from_utf8_lossy(DoubleText::new(*score).as_bytes()).into_owned(),
        other => format!("{other:?}"),
    }
}
