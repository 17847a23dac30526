//! What is between clients, against real servers: transactions, waits, subscriptions, tracking. See `support::sessions`.

mod support;

use model::Reply;
use support::compare::Difference;
use support::grammar::Family;
use support::server::Kind;
use support::sessions::check;

const TRANSACTIONS: Family = Family {
    name: "transactions",
    setup: &["SET a 1", "RPUSH wrong:list 1"],
    pools: &[("db", "0 0 1")],
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
        "RESET",
    ],
    scripts: 150,
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
    server: Kind::Redis70,
    reason: "the order in which all subscriptions end is that of a hash table",
    applies: |line, _, theirs| {
        line.words.len() == 1 && line.words[0].ends_with(b"UNSUBSCRIBE") && matches!(theirs, Reply::Array(_))
    },
}];

#[test]
fn messages() {
    check(&MESSAGES, &[], UNORDERED);
}
