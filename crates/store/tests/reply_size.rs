//! What one reply may hold: at the limit it is given, over it there is an error, and whatever was to be done is done.

use bytes::Bytes;
use model::Reply;
use store::{ClientId, Config, Output, Peer, Store};

const NOW_MS: u64 = 1_800_000_000_000;

struct World {
    store: Store,
    client: ClientId,
}

impl World {
    /// Replies to the client hold at most so much, those to the owner anything.
    fn limited_to(bytes_max: usize) -> World {
        let config =
            Config { client_reply_bytes_max: bytes_max, owner_reply_bytes_max: usize::MAX, ..Config::default() };
        let mut store = Store::new(config);
        let client = store.connect(Peer::default(), NOW_MS);
        let mut world = World { store, client };
        // What is flat in RESP2 is less.
        world.say("HELLO 3");
        world
    }

    fn owner(&mut self, line: &str) -> Reply {
        self.store.execute(&words(line), NOW_MS)
    }

    fn say(&mut self, line: &str) -> Reply {
        self.store.handle_command(self.client, &words(line), NOW_MS);
        let mut replies = Vec::new();
        self.store.drain_outputs(|output| {
            if let Output::Reply { reply, .. } = output {
                replies.push(reply);
            }
        });
        replies.pop().unwrap_or_else(|| panic!("{line} is answered"))
    }
}

fn words(line: &str) -> Vec<Bytes> {
    line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}

fn is_too_big(reply: &Reply) -> bool {
    matches!(reply, Reply::Error(text) if text.starts_with(b"TOOBIG the reply would be"))
}

/// Collections of a hundred elements, and a long string.
fn setup() -> Vec<String> {
    let each = |part: fn(usize) -> String| (0..100).map(part).collect::<Vec<_>>().join(" ");
    let mut lines = vec![
        format!("RPUSH list {}", each(|n| format!("element:{n}"))),
        format!("SADD set {}", each(|n| format!("element:{n}"))),
        format!("HSET hash {}", each(|n| format!("field:{n} value:{n}"))),
        format!("ZADD zset {}", each(|n| format!("{n} member:{n}"))),
        format!("GEOADD geo {}", each(|n| format!("{n} {} member:{n}", n / 2))),
        format!("SET text {}", "x".repeat(1000)),
        "XGROUP CREATE stream group 0 MKSTREAM".to_owned(),
    ];
    lines.extend((1..=100).map(|n| format!("XADD stream {n}-0 field value:{n}")));
    lines.extend((0..100).map(|n| format!("SET of:element:{n} {n}")));
    lines
}

#[test]
fn every_command_that_can_answer_much_is_bounded_at_the_byte() {
    let lines = [
        "LRANGE list 0 -1",
        "SMEMBERS set",
        "SRANDMEMBER set -500",
        "SUNION set set",
        "HGETALL hash",
        "HKEYS hash",
        "HVALS hash",
        "HRANDFIELD hash -500",
        "HRANDFIELD hash -500 WITHVALUES",
        &format!("HMGET hash{}", " field:1".repeat(100)),
        "ZRANGE zset 0 -1",
        "ZRANGE zset 0 -1 WITHSCORES",
        "ZREVRANGEBYSCORE zset +inf -inf WITHSCORES",
        "ZRANDMEMBER zset -500",
        "ZRANDMEMBER zset -500 WITHSCORES",
        "ZUNION 2 zset zset",
        &format!("GEOPOS geo{}", " member:1".repeat(100)),
        "GEOSEARCH geo FROMLONLAT 15 20 BYRADIUS 20000 km WITHCOORD WITHDIST",
        "MGET text text text",
        "KEYS *",
        "SCAN 0 COUNT 1000",
        "HSCAN hash 0 COUNT 1000",
        "SORT list BY nosort GET of:* GET of:* GET #",
        "SORT_RO set ALPHA",
        "XRANGE stream - +",
        "XREAD STREAMS stream stream stream 0 0 0",
        "XINFO STREAM stream FULL COUNT 0",
        "COMMAND INFO get set get set",
        "COMMAND DOCS get set get set",
        "GET text",
    ];
    let mut unbounded = World::limited_to(usize::MAX);
    setup().iter().for_each(|line| _ = unbounded.owner(line));
    for line in lines {
        let size = unbounded.say(line).size();
        assert!(size > 300, "{line}: {size}");
        // Random members are not always as long.
        let (above, below) = if line.contains("RAND") { (2 * size, size / 2) } else { (size, size - 1) };
        for (bytes_max, fits) in [(above, true), (below, false)] {
            unbounded.store.limit_replies(usize::MAX, bytes_max);
            let reply = unbounded.say(line);
            assert_eq!(!is_too_big(&reply), fits, "{line}: {size} bytes where {bytes_max} may be");
        }
        unbounded.store.limit_replies(usize::MAX, usize::MAX);
    }
}

#[test]
fn a_large_value_named_often_is_not_copied_as_often() {
    let mut world = World::limited_to(1 << 20);
    world.owner(&format!("RPUSH list {}", "x".repeat(1 << 19)));
    world.owner(&format!("SADD set {}", "x".repeat(1 << 19)));
    assert!(is_too_big(&world.say("SRANDMEMBER set -1000000")));
    assert!(is_too_big(&world.say(&format!("SORT list BY nosort {}", "GET # ".repeat(100_000).trim_end()))));
    assert_eq!(world.say("LLEN list"), Reply::Int(1), "and the next one is answered");
}

#[test]
fn what_changes_something_is_done_whatever_it_answers() {
    let mut world = World::limited_to(1000);
    setup().iter().for_each(|line| _ = world.owner(line));
    let done = Reply::error("TOOBIG the reply is too large; the command was carried out");
    for (line, key_gone) in [("LPOP list 100", "list"), ("SPOP set 100", "set"), ("ZPOPMIN zset 100", "zset")] {
        assert_eq!(world.say(line), done, "{line}");
        assert_eq!(world.say(&format!("EXISTS {key_gone}")), Reply::Int(0), "{line}");
    }
    assert_eq!(world.say("GETSET text new"), done);
    assert_eq!(world.say("GET text"), Reply::bulk("new"));
    // Groups: what was not shown for lack of room is as if it had not been asked for.
    world.owner("COPY stream other");
    let line = "XREADGROUP GROUP group consumer STREAMS stream other > >";
    assert_eq!(world.say(line), done);
    let pending = |world: &mut World, key: &str| match world.owner(&format!("XPENDING {key} group")) {
        Reply::Array(summary) => summary[0].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((pending(&mut world, "stream"), pending(&mut world, "other")), (Reply::Int(100), Reply::Int(0)));
}

#[test]
fn a_transaction_has_one_limit_and_is_carried_out() {
    let mut world = World::limited_to(2500);
    world.owner(&format!("SET text {}", "x".repeat(1000)));
    for line in ["MULTI", "GET text", "GET text", "GET text", "INCR n", "GET text", "SET n 5"] {
        world.say(line);
    }
    let Reply::Array(replies) = world.say("EXEC") else { panic!("an array") };
    let too_big: Vec<bool> = replies.iter().map(is_too_big).collect();
    assert_eq!(too_big, [false, false, true, false, true, false]);
    assert_eq!(world.say("GET n"), Reply::bulk("5"));
    assert_eq!(world.say("GET text").size(), 1008, "the next one has the whole limit");
}

#[test]
fn a_log_is_loaded_whatever_its_commands_would_answer() {
    let mut world = World::limited_to(usize::MAX);
    world.store.keep_log(true);
    world.owner(setup().iter().find(|line| line.starts_with("RPUSH")).unwrap());
    world.owner("LPOP list 99");
    let mut log = Vec::new();
    world.store.take_log(&mut log);
    let mut again = Store::new(Config { owner_reply_bytes_max: 100, ..Config::default() });
    let mut loader = store::aof::Loader::new();
    assert_eq!(loader.load(&mut again, &log), Ok(log.len()));
    assert_eq!(loader.counts().1, 0, "none failed");
    assert_eq!(again.execute(&words("LLEN list"), NOW_MS), Reply::Int(1));
}

#[test]
fn the_owner_has_a_limit_of_its_own() {
    let mut world = World::limited_to(usize::MAX);
    setup().iter().for_each(|line| _ = world.owner(line));
    world.store.limit_replies(1000, usize::MAX);
    assert!(is_too_big(&world.owner("LRANGE list 0 -1")));
    assert!(!is_too_big(&world.say("LRANGE list 0 -1")));
    let lines: Vec<model::Args> = ["LRANGE list 0 20", "LRANGE list 0 90"].map(|line| words(line).into()).to_vec();
    let Reply::Array(replies) = world.store.transaction(&lines, NOW_MS) else { panic!("an array") };
    assert_eq!(replies.iter().map(is_too_big).collect::<Vec<_>>(), [false, true]);
}
