//! The hub's promises, each with clients that read at their own pace.

use super::*;
use proptest::prelude::*;

/// Room for ten small frames.
const LIMIT: usize = 10 * ITEM_BYTES + 100;
const FEED: FeedId = FeedId(7);

fn tell(format: Format, _: FeedId, missed: u64) -> Result<Bytes, CloseCode> {
    match format {
        Format::Raw => Err(CloseCode::TooSlow),
        _ => Ok(format!("<missed {missed}>").into()),
    }
}

fn hub() -> Hub {
    Hub::new(Config { outbox_bytes_max: LIMIT, outbox_total_bytes_max: 10 * LIMIT, tell_missed: tell })
}

fn read_all(hub: &mut Hub, conn: ConnId) -> String {
    let mut text = Vec::new();
    while let Some(chunk) = hub.take(conn) {
        text.extend_from_slice(&chunk);
    }
    String::from_utf8(text).unwrap()
}

fn subscribed(hub: &mut Hub, class: Class, place: Place) -> ConnId {
    let conn = hub.add_client();
    hub.subscribe(conn, FEED, Format::Native, class, place);
    conn
}

fn publish(hub: &mut Hub, text: &str, end: u64) {
    hub.publish(FEED, Format::Native, Bytes::copy_from_slice(text.as_bytes()), EntryId::new(end, 0));
}

fn caught_up(hub: &mut Hub, conn: ConnId, after: u64, text: &str, end: u64) {
    let (after, end) = (EntryId::new(after, 0), EntryId::new(end, 0));
    let answer = CaughtUp { after, frame: Bytes::copy_from_slice(text.as_bytes()), end, at_end: true };
    hub.caught_up(conn, FEED, Format::Native, answer);
}

#[test]
fn frames_of_one_turn_are_one_chunk_for_everybody() {
    let mut hub = hub();
    let (a, b) = (
        subscribed(&mut hub, Class::Events, Place::Current(EntryId::MIN)),
        subscribed(&mut hub, Class::Events, Place::Current(EntryId::MIN)),
    );
    publish(&mut hub, "one ", 0);
    publish(&mut hub, "two ", 0);
    hub.end_turn();
    let mut chunks = Vec::new();
    hub.chunks(a, 9, |chunk| chunks.push(chunk.to_vec()));
    assert_eq!(chunks, [b"one two ".to_vec()]);
    assert_eq!([hub.next_dirty(), hub.next_dirty(), hub.next_dirty()], [Some(a), Some(b), None]);
}

#[test]
fn who_joins_in_the_middle_of_a_turn_hears_only_what_comes_after() {
    let mut hub = hub();
    let early = subscribed(&mut hub, Class::State, Place::Current(EntryId::MIN));
    publish(&mut hub, "before ", 0);
    let late = subscribed(&mut hub, Class::State, Place::Current(EntryId::MIN));
    publish(&mut hub, "after ", 0);
    hub.unsubscribe(early, FEED, Format::Native);
    publish(&mut hub, "last ", 0);
    hub.end_turn();
    assert_eq!(read_all(&mut hub, early), "before after ");
    assert_eq!(read_all(&mut hub, late), "after last ");
}

#[test]
fn what_was_lost_on_the_way_here_is_told_behind_what_came_before_it() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::Events, Place::Current(EntryId::MIN));
    publish(&mut hub, "one ", 0);
    hub.add_missed(FEED, Format::Native, 2);
    publish(&mut hub, "four ", 0);
    hub.end_turn();
    assert_eq!(read_all(&mut hub, conn), "one <missed 2>four ");
    hub.add_missed(FEED, Format::Native, 1);
    hub.add_missed(FEED, Format::Native, 1);
    assert_eq!(read_all(&mut hub, conn), "<missed 2>");
}

#[test]
fn a_query_whose_frames_were_all_dropped_is_asked_for_at_once() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::State, Place::Current(EntryId::MIN));
    while hub.counters().conflations == 0 {
        publish(&mut hub, "revision ", 0);
        hub.end_turn();
    }
    assert_eq!(hub.queued_bytes(conn), 0, "there is nothing to write, and so nothing to wait for");
    assert_eq!(hub.next_output(), Some(Output::Resync { conn, feed: FEED, format: Format::Native }));
}

#[test]
fn nothing_comes_behind_the_last_word() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::Events, Place::Current(EntryId::MIN));
    hub.finish(conn, false, Some(Bytes::from_static(b"bye")));
    hub.add_missed(FEED, Format::Native, 2);
    publish(&mut hub, "message ", 0);
    hub.end_turn();
    assert_eq!(read_all(&mut hub, conn), "bye");
}

#[test]
fn frames_of_one_turn_do_not_become_a_chunk_over_the_limit() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::Events, Place::Current(EntryId::MIN));
    for n in 0..50 {
        publish(&mut hub, &format!("message{n:02} "), 0);
    }
    hub.end_turn();
    assert!(hub.queued_bytes(conn) <= LIMIT);
    assert!(read_all(&mut hub, conn).ends_with("message49 "));
}

#[test]
fn who_leaves_a_channel_gets_no_more_of_it() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::Events, Place::Current(EntryId::MIN));
    publish(&mut hub, "one ", 0);
    hub.end_turn();
    hub.wrote(conn, 2);
    publish(&mut hub, "two ", 0);
    hub.unsubscribe(conn, FEED, Format::Native);
    assert_eq!(read_all(&mut hub, conn), "one ", "what is half written goes to its end");
    assert_eq!(hub.total_queued_bytes(), 0);
}

#[test]
fn a_feed_opened_once_more_is_answered_behind_its_frames() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::State, Place::Current(EntryId::MIN));
    publish(&mut hub, "rev 2 ", 0);
    hub.rejoined(conn, FEED, Format::Native, Bytes::from_static(b"opened at 2 "));
    publish(&mut hub, "rev 3 ", 0);
    hub.end_turn();
    assert_eq!(read_all(&mut hub, conn), "rev 2 opened at 2 rev 3 ");
}

#[test]
fn a_client_behind_that_opens_its_feed_once_more_is_not_behind() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::State, Place::Current(EntryId::MIN));
    hub.set_all_behind(FEED, Format::Native);
    hub.rejoined(conn, FEED, Format::Native, Bytes::from_static(b"opened at 2 "));
    publish(&mut hub, "rev 3 ", 0);
    hub.resynced(conn, FEED, Format::Native, Bytes::from_static(b"rev 2 "));
    hub.end_turn();
    assert_eq!(read_all(&mut hub, conn), "opened at 2 rev 3 ");
}

#[test]
fn a_gap_without_entries_does_not_set_a_follower_back() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::Entries, Place::Current(EntryId::new(5, 0)));
    publish(&mut hub, "gap ", 0);
    hub.end_turn();
    assert_eq!(read_all(&mut hub, conn), "gap ");
    hub.set_all_behind(FEED, Format::Native);
    let after = EntryId::new(5, 0);
    assert_eq!(hub.next_output(), Some(Output::CatchUp { conn, feed: FEED, format: Format::Native, after }));
}

#[test]
fn a_slow_reader_of_a_channel_is_told_how_many_it_missed_and_where() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::Events, Place::Current(EntryId::MIN));
    hub.send(conn, Bytes::from_static(b"reply "));
    for n in 0..20 {
        publish(&mut hub, &format!("message{n:02} "), 0);
        hub.end_turn();
    }
    let text = read_all(&mut hub, conn);
    assert!(text.starts_with("reply <missed 11>message11 "), "{text}");
    assert!(text.ends_with("message19 "), "{text}");
    assert_eq!(hub.counters().messages_dropped, 11);
}

#[test]
fn a_half_written_message_is_never_dropped() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::Events, Place::Current(EntryId::MIN));
    publish(&mut hub, "first-------------------", 0);
    hub.end_turn();
    assert!(hub.wrote(conn, 5));
    for _ in 0..9 {
        publish(&mut hub, "later-------------------", 0);
        hub.end_turn();
    }
    let mut text = Vec::new();
    hub.chunks(conn, 99, |chunk| text.extend_from_slice(chunk));
    let start = format!("-------------------<missed {}>later", 10 - LIMIT / (ITEM_BYTES + 24));
    assert!(text.starts_with(start.as_bytes()), "{}", String::from_utf8_lossy(&text));
    let whole = text.len();
    assert!(!hub.wrote(conn, whole));
    assert_eq!(hub.total_queued_bytes(), 0);
}

#[test]
fn a_format_that_cannot_tell_of_a_loss_is_closed() {
    let mut hub = hub();
    let conn = hub.add_client();
    hub.subscribe(conn, FEED, Format::Raw, Class::Events, Place::Current(EntryId::MIN));
    for _ in 0..20 {
        hub.publish(FEED, Format::Raw, Bytes::from_static(b"0123456789"), EntryId::MIN);
        hub.end_turn();
    }
    assert_eq!(hub.next_output(), Some(Output::Close { conn, code: CloseCode::TooSlow }));
    assert_eq!(hub.next_output(), None);
}

#[test]
fn a_slow_reader_of_a_query_gets_the_newest_value_when_it_reads_again() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::State, Place::Current(EntryId::MIN));
    let reply = "r".repeat(LIMIT - ITEM_BYTES);
    hub.send(conn, Bytes::copy_from_slice(reply.as_bytes()));
    for n in 0..5 {
        publish(&mut hub, &format!("patch-number-{n} "), 0);
        hub.end_turn();
    }
    assert_eq!(hub.next_output(), None, "no room yet");
    assert_eq!(read_all(&mut hub, conn), reply);
    assert_eq!(hub.next_output(), Some(Output::Resync { conn, feed: FEED, format: Format::Native }));
    publish(&mut hub, "not for one that waits", 0);
    hub.resynced(conn, FEED, Format::Native, Bytes::from_static(b"newest "));
    publish(&mut hub, "next ", 0);
    hub.end_turn();
    assert_eq!(read_all(&mut hub, conn), "newest next ");
}

#[test]
fn replies_that_nobody_reads_close_the_client() {
    let mut hub = hub();
    let conn = hub.add_client();
    for _ in 0..5 {
        hub.send(conn, Bytes::from(vec![b'r'; LIMIT / 4]));
    }
    assert_eq!(hub.next_output(), Some(Output::Close { conn, code: CloseCode::TooSlow }));
    assert!(hub.queued_bytes(conn) <= LIMIT);
}

#[test]
fn many_small_frames_cost_their_places_too() {
    let mut hub = hub();
    let conn = hub.add_client();
    for _ in 0..=LIMIT / ITEM_BYTES {
        hub.send(conn, Bytes::from_static(b"!"));
    }
    assert_eq!(hub.next_output(), Some(Output::Close { conn, code: CloseCode::TooSlow }));
}

#[test]
fn all_together_over_the_limit_closes_the_one_with_the_most() {
    let mut hub =
        Hub::new(Config { outbox_bytes_max: LIMIT, outbox_total_bytes_max: 3 * ITEM_BYTES + 150, tell_missed: tell });
    let (small, large) = (hub.add_client(), hub.add_client());
    hub.send(small, Bytes::from(vec![b's'; 60]));
    hub.send(large, Bytes::from(vec![b'l'; 90 + ITEM_BYTES]));
    hub.end_turn();
    assert_eq!(hub.next_output(), None);
    hub.send(small, Bytes::from_static(b"!"));
    hub.end_turn();
    assert_eq!(hub.next_output(), Some(Output::Close { conn: large, code: CloseCode::TooSlow }));
}

#[test]
fn far_over_the_limit_as_many_are_closed_as_it_takes_and_no_more() {
    let mut hub =
        Hub::new(Config { outbox_bytes_max: LIMIT, outbox_total_bytes_max: 2 * ITEM_BYTES + 150, tell_missed: tell });
    let conns: Vec<ConnId> = (0..5).map(|_| hub.add_client()).collect();
    for (conn, size) in conns.iter().zip([60, 61, 62, 63, 64]) {
        hub.send(*conn, Bytes::from(vec![b'x'; size]));
    }
    hub.end_turn();
    let closed: Vec<ConnId> = std::iter::from_fn(|| hub.next_output())
        .map(|output| match output {
            Output::Close { conn, .. } => conn,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(closed, [conns[4], conns[3], conns[2]]);
    closed.iter().for_each(|conn| hub.finish(*conn, false, None));
    assert_eq!(hub.total_queued_bytes(), 121 + 2 * ITEM_BYTES);
}

#[test]
fn a_frame_without_entries_does_not_move_a_follower_back() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::Entries, Place::Current(EntryId::MIN));
    publish(&mut hub, "1-5;", 5);
    hub.end_turn();
    hub.publish(FEED, Format::Native, Bytes::from_static(b"gap;"), EntryId::MIN);
    hub.end_turn();
    publish(&mut hub, &"x".repeat(LIMIT), 6);
    hub.end_turn();
    assert_eq!(read_all(&mut hub, conn), "1-5;gap;");
    let after = EntryId::new(5, 0);
    assert_eq!(hub.next_output(), Some(Output::CatchUp { conn, feed: FEED, format: Format::Native, after }));
}

#[test]
fn an_answer_to_a_follower_that_has_begun_anew_is_not_taken_for_its_own() {
    let mut hub = hub();
    let conn = subscribed(&mut hub, Class::Entries, Place::Behind(EntryId::new(1, 0)));
    assert!(matches!(hub.next_output(), Some(Output::CatchUp { .. })));
    hub.unsubscribe(conn, FEED, Format::Native);
    hub.subscribe(conn, FEED, Format::Native, Class::Entries, Place::Behind(EntryId::new(7, 0)));
    caught_up(&mut hub, conn, 1, "2;3;4;5;6;7;8;", 8);
    caught_up(&mut hub, conn, 7, "8;", 8);
    assert_eq!(read_all(&mut hub, conn), "8;");
}

#[test]
fn a_slot_used_again_is_another_client() {
    let mut hub = hub();
    let old = subscribed(&mut hub, Class::Events, Place::Current(EntryId::MIN));
    let mut left = Vec::new();
    hub.remove_client(old, |feed, format| left.push((feed, format)));
    assert_eq!(left, [(FEED, Format::Native)]);
    let new = hub.add_client();
    assert_eq!(new.slot, old.slot);
    hub.send(old, Bytes::from_static(b"for the old one"));
    assert!(!hub.has_client(old) && read_all(&mut hub, new).is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Publish,
    Write(usize),
    Answer,
    EndTurn,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Publish),
        2 => (1usize..40).prop_map(Step::Write),
        2 => Just(Step::Answer),
        2 => Just(Step::EndTurn),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    /// A follower whose socket takes any number of bytes at any time gets every entry once and in order.
    #[test]
    fn a_stream_follower_loses_nothing(steps in steps()) {
        let mut hub = hub();
        let conn = subscribed(&mut hub, Class::Entries, Place::Current(EntryId::MIN));
        let (mut last, mut asked, mut wire) = (0u64, None, Vec::new());
        let entry = |n: u64| format!("{n};");
        let drain = |hub: &mut Hub, asked: &mut Option<u64>| while let Some(output) = hub.next_output() {
            match output {
                Output::CatchUp { after, .. } => *asked = Some(after.ms),
                other => panic!("{other:?}"),
            }
        };
        let write = |hub: &mut Hub, wire: &mut Vec<u8>, most: usize| {
            let mut chunk = Vec::new();
            hub.chunks(conn, 8, |bytes| chunk.extend_from_slice(bytes));
            chunk.truncate(most);
            hub.wrote(conn, chunk.len());
            wire.extend(chunk);
        };
        for step in steps.into_iter().chain([Step::EndTurn]) {
            match step {
                Step::Publish => { last += 1; publish(&mut hub, &entry(last), last); }
                Step::Write(most) => write(&mut hub, &mut wire, most),
                Step::EndTurn => hub.end_turn(),
                Step::Answer => if let Some(after) = asked.take() {
                    let text: String = (after + 1..=last).map(entry).collect();
                    caught_up(&mut hub, conn, after, &text, last);
                },
            }
            drain(&mut hub, &mut asked);
            prop_assert!(hub.queued_bytes(conn) <= LIMIT || wire.is_empty());
        }
        for _ in 0..1000 {
            write(&mut hub, &mut wire, usize::MAX);
            drain(&mut hub, &mut asked);
            if let Some(after) = asked.take() {
                let text: String = (after + 1..=last).map(entry).collect();
                caught_up(&mut hub, conn, after, &text, last);
            }
        }
        let expected: String = (1..=last).map(entry).collect();
        prop_assert_eq!(String::from_utf8(wire).unwrap(), expected);
    }

    /// Clients that come and go in any order leave no subscription behind and disturb nobody's.
    #[test]
    fn subscriptions_stay_consistent(choices in prop::collection::vec((0usize..6, 0u64..4), 1..120)) {
        let mut hub = hub();
        let mut conns: Vec<(ConnId, Vec<u64>)> = (0..3).map(|_| (hub.add_client(), vec![])).collect();
        for (what, feed) in choices {
            let (conn, feeds) = &mut conns[what % 3];
            if what < 3 {
                if !feeds.contains(&feed) {
                    hub.subscribe(*conn, FeedId(feed), Format::Native, Class::Events, Place::Current(EntryId::MIN));
                    feeds.push(feed);
                }
            } else {
                prop_assert_eq!(hub.unsubscribe(*conn, FeedId(feed), Format::Native), feeds.contains(&feed));
                feeds.retain(|f| *f != feed);
            }
        }
        for feed in 0..4 {
            hub.publish(FeedId(feed), Format::Native, Bytes::from(format!("{feed};")), EntryId::MIN);
        }
        hub.end_turn();
        for (conn, feeds) in &mut conns {
            let text = read_all(&mut hub, *conn);
            let mut heard: Vec<u64> = text.split(';').filter(|t| !t.is_empty()).map(|t| t.parse().unwrap()).collect();
            heard.sort();
            feeds.sort();
            prop_assert_eq!(&heard, &*feeds);
            let mut left = 0;
            hub.remove_client(*conn, |_, _| left += 1);
            prop_assert_eq!(left, feeds.len());
        }
        prop_assert!(hub.topics.is_empty() && hub.by_feed.is_empty());
    }
}
