//! What is between clients, against real servers: transactions, waits, subscriptions, tracking. See `support::sessions`.

mod support;

use model::Reply;
use support::compare::Difference;
use support::grammar::Family;
use support::server::Kind;
use support::sessions::check;

const TRANSACTIONS: Family = Family {
    name: "transactions",
    setup: &["SET a 1", "RPUSH wrong:list 1", "ZADD z 1 m", "XADD x 1-1 f v", "XGROUP CREATE x g 0"],
    pools: &[("db", "0 0 1"), ("any", "a z x none wrong:list")],
    commands: &[
        "4*MULTI",
        "4*EXEC",
        "DISCARD",
        "3*WATCH (<key>)+",
        "UNWATCH",
        "SELECT <db>",
        "4*SET <key> <value>",
        "3*GET <key>",
        "INCR <key>",
        "DEL <key>",
        "EXPIRE <key> <far>",
        "RENAME <key> <key>",
        "FLUSHDB",
        "SWAPDB 0 1",
        "NOSUCH",
        "GET",
        "LPUSH <key> x",
        "(LPOP | RPOP) <any> [2]",
        "(GEOPOS | GEOHASH | ZMSCORE) <any> m nobody",
        "(LMPOP 2 none <any> LEFT | ZMPOP 2 none <any> MIN)",
        "(BLPOP | BZPOPMIN) <any> 0",
        "(BLMPOP 0 1 <any> LEFT | BZMPOP 0 1 <any> MIN)",
        "(BLMOVE <any> none LEFT LEFT 0 | BRPOPLPUSH <any> none 0)",
        "!(ZRANK <any> m | ZPOPMIN <any> | ZRANDMEMBER <any> | ZRANGE <any> 0 -1 WITHSCORES)",
        "XREAD [BLOCK 0] STREAMS x ($ | 0)",
        "XREADGROUP GROUP g c STREAMS x (> | 0)",
        "XRANGE <any> - + COUNT 0",
        "XPENDING <any> g",
        "XDEL x 1-1",
        "!COMMAND INFO nosuch",
        "RESET",
    ],
    scripts: 200,
};

#[test]
fn transactions() {
    check(&TRANSACTIONS, &[], &[]);
}

const MESSAGES: Family = Family {
    name: "messages",
    setup: &[],
    pools: &[("channel", "news sport n x"), ("pattern", "n* *s ? news")],
    commands: &[
        "3*SUBSCRIBE (<channel>)+",
        "2*PSUBSCRIBE (<pattern>)+",
        "2*SSUBSCRIBE (<channel>)+",
        "UNSUBSCRIBE [(<channel>)+]",
        "PUNSUBSCRIBE [(<pattern>)+]",
        "SUNSUBSCRIBE [(<channel>)+]",
        "4*PUBLISH <channel> <value>",
        "2*SPUBLISH <channel> <value>",
        "~sort PUBSUB CHANNELS [<pattern>]",
        "PUBSUB NUMSUB (<channel>)+",
        "PUBSUB NUMPAT",
        "~sort PUBSUB SHARDCHANNELS",
        "PUBSUB SHARDNUMSUB (<channel>)+",
        "PING",
        "PING hello",
        "GET a",
        "RESET",
    ],
    scripts: 100,
};

/// Which of its names a client leaves first when it leaves all is not said.
const UNORDERED: &[Difference] = &[Difference {
    servers: &[Kind::Redis70],
    reason: "the order in which all subscriptions end is that of a hash table",
    applies: |line, _, theirs| {
        line.words.len() == 1 && line.words[0].ends_with(b"UNSUBSCRIBE") && matches!(theirs, Reply::Array(_))
    },
}];

#[test]
fn messages() {
    check(&MESSAGES, &[], UNORDERED);
}

const WAITS: Family = Family {
    name: "waits",
    setup: &["XADD s 1-1 a 1", "XGROUP CREATE s g $"],
    pools: &[("l", "a b c"), ("z", "y z"), ("end", "LEFT RIGHT"), ("c", "alice bob")],
    commands: &[
        "3*(BLPOP | BRPOP) (<l>)+ 0",
        "2*BLMOVE <l> <l> <end> <end> 0",
        "BRPOPLPUSH <l> <l> 0",
        "2*BLMPOP 0 2 <l> <l> <end> [COUNT 2]",
        "2*(BZPOPMIN | BZPOPMAX) (<z>)+ 0",
        "2*BZMPOP 0 2 <z> <z> (MIN | MAX) [COUNT 2]",
        "2*XREAD BLOCK 0 STREAMS s ($ | 0 | 5)",
        "2*XREADGROUP GROUP g <c> BLOCK 0 STREAMS s >",
        "4*(LPUSH | RPUSH) <l> (<value>)+",
        "3*ZADD <z> <small> (x | y)",
        "2*XADD s * f v",
        "DEL <l>",
        "XGROUP DESTROY s g",
        "XGROUP CREATE s g $",
        "RENAME <l> <l>",
        "2*MULTI",
        "2*EXEC",
        "LLEN <l>",
        "WAIT 0 0",
        "FLUSHDB",
    ],
    scripts: 150,
};

const WAIT_DIFFERENCES: &[Difference] = &[
    Difference {
        servers: &[Kind::Redis70],
        reason: "a timeout beyond all numbers wraps there",
        applies: |_, ours, theirs| {
            let of_timeout = |reply: &Reply| matches!(reply, Reply::Error(text) if text.starts_with(b"ERR timeout is"));
            of_timeout(ours) && of_timeout(theirs)
        },
    },
    Difference {
        servers: &[Kind::Redis70],
        reason: "ids come from the clock",
        applies: |line, ours, theirs| {
            let text = format!("{ours:?} {theirs:?}");
            let of_streams = line.words[0].starts_with(b"X") || line.words[0] == "EXEC";
            of_streams && text.contains('-') && !matches!((ours, theirs), (Reply::Null, _) | (_, Reply::Null))
        },
    },
    Difference {
        servers: &[Kind::Redis70],
        reason: "since 7.2 a waiting command is carried out anew, with its own errors, and from its first key on",
        applies: |_, ours, theirs| {
            let gone = |reply: &Reply| matches!(reply, Reply::Error(text) if text.starts_with(b"NOGROUP") || text.starts_with(b"UNBLOCKED") || text.starts_with(b"WRONGTYPE"));
            gone(ours) && gone(theirs)
        },
    },
];

#[test]
fn waits() {
    check(&WAITS, &[], WAIT_DIFFERENCES);
}

const TRACKED: Family = Family {
    name: "tracking",
    setup: &["SET a 1", "RPUSH l 1 2", "HSET h f v"],
    pools: &[("k", "a b l h x"), ("on", "ON ON OFF"), ("yes", "YES NO")],
    commands: &[
        "4*CLIENT TRACKING <on>",
        "CLIENT TRACKING ON {NOLOOP ; (OPTIN | OPTOUT)}",
        "CLIENT TRACKING ON BCAST {PREFIX a ; PREFIX x ; NOLOOP}",
        "CLIENT CACHING <yes>",
        "CLIENT TRACKINGINFO",
        "CLIENT GETREDIR",
        "6*GET <k>",
        "2*MGET (<k>)+",
        "LRANGE <k> 0 -1",
        "HGETALL <k>",
        "TTL <k>",
        "EXISTS <k>",
        "~sort SORT_RO l BY w_*",
        "4*SET <k> <value>",
        "DEL (<k>)+",
        "EXPIRE <k> <far>",
        "RENAME <k> <k>",
        "COPY <k> <k>",
        "LPUSH <k> v",
        "SADD <k> v",
        "2*MULTI",
        "3*EXEC",
        "FLUSHDB",
        "SWAPDB 0 1",
        "SELECT 0",
        "RESET",
    ],
    scripts: 150,
};

#[test]
fn tracking() {
    check(&TRACKED, &[], &[]);
}

/// Without commands whose events Redis 7.0 writes into the middle of their own reply (`ZPOPMIN`).
const EVENTS: Family = Family {
    name: "keyspace events",
    setup: &[
        "CONFIG SET notify-keyspace-events KEA",
        "RPUSH l 1 2 3",
        "SADD s 1 2",
        "ZADD z 1 a 2 b",
        "HSET h f 1",
        "XADD x 1-1 a b",
    ],
    pools: &[
        ("k", "a b l s z h x n"),
        ("flags", "KEA AKE KEAn Kg$ Elx"),
        ("pattern", "__key*__:* __keyevent@0__:* __keyspace@0__:a"),
    ],
    commands: &[
        "3*PSUBSCRIBE <pattern>",
        "CONFIG SET notify-keyspace-events <flags>",
        "2*SET <k> <value> {EX 100 ; (NX | XX)}",
        "SETEX <k> 100 v",
        "GETEX <k> (PERSIST | EX 100)",
        "GETDEL <k>",
        "APPEND <k> v",
        "INCR <k>",
        "INCRBYFLOAT <k> 0.5",
        "SETRANGE <k> 1 x",
        "MSET <k> 1 <k> 2",
        "(LPUSH | RPUSH | LPUSHX) <k> v",
        "(LPOP | RPOP) <k>",
        "LMOVE l <k> (LEFT | RIGHT) (LEFT | RIGHT)",
        "LSET <k> 0 v",
        "LREM <k> 0 v",
        "LINSERT <k> BEFORE 1 v",
        "LMPOP 1 <k> (LEFT | RIGHT)",
        "SADD <k> (<value>)+",
        "SREM <k> 1 2",
        "SMOVE s <k> 1",
        "~shape SPOP s 10",
        "(SINTERSTORE | SUNIONSTORE | SDIFFSTORE) <k> s s",
        "ZADD <k> [INCR] 1 m",
        "ZINCRBY <k> 1 m",
        "ZREM <k> a b m",
        "ZREMRANGEBYRANK <k> 0 -1",
        "ZUNIONSTORE <k> 1 z",
        "ZRANGESTORE <k> z 0 0",
        "HSET <k> f v",
        "HDEL <k> f g",
        "HINCRBY <k> f 1",
        "HINCRBYFLOAT <k> f 1.5",
        "XADD <k> 5-5 f v",
        "XDEL <k> 1-1",
        "XGROUP CREATE <k> g 0 MKSTREAM",
        "XGROUP DESTROY <k> g",
        "DEL (<k>)+",
        "EXPIRE <k> (100 | -1)",
        "PERSIST <k>",
        "RENAME <k> <k>",
        "COPY <k> <k> [REPLACE]",
        "MOVE <k> 1",
        "SORT l STORE <k>",
        "FLUSHDB",
        "~sort GET <k>",
    ],
    scripts: 150,
};

const EVENT_DIFFERENCES: &[Difference] = &[Difference {
    servers: &[Kind::Redis70],
    reason: "members come in any order",
    applies: |line, ours, theirs| {
        line.words[0] == "SPOP"
            && matches!((ours, theirs), (Reply::Array(a) | Reply::Set(a), Reply::Array(b) | Reply::Set(b)) if a.len() == b.len())
    },
}];

#[test]
fn keyspace_events() {
    check(&EVENTS, &["--notify-keyspace-events", "KEA"], EVENT_DIFFERENCES);
}
