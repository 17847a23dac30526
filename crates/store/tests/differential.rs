//! The data types against real servers: random scripts, family by family. See `support` for how.

mod support;

use model::Reply;
use support::compare::Difference;
use support::differ::check;
use support::grammar::Family;
use support::server::Kind;

/// Where the store does not do as one of the servers does, and why.
const DIFFERENCES: &[Difference] = &[
    Difference {
        server: Kind::Redis70,
        reason: "a set remembers that it held other members than numbers; and since 7.2 small ones are listpacks",
        applies: |line, ours, _| {
            line.words[0] == "OBJECT" && matches!(ours, Reply::Bulk(b) if b == "intset" || b == "listpack")
        },
    },
    Difference {
        server: Kind::Redis70,
        reason: "a cursor means something only to the server that gave it",
        applies: |line, ours, theirs| {
            line.words[0].ends_with(b"SCAN")
                && line.words.get(2).is_none_or(|cursor| cursor != "0")
                && matches!((ours, theirs), (Reply::Array(_), Reply::Array(_)))
        },
    },
];

const SET: Family = Family {
    name: "sets",
    setup: &["SET wrong:string x", "RPUSH wrong:list 1 2", "HSET wrong:hash f v", "ZADD wrong:zset 1 m"],
    pools: &[("member", "a b c d 1 2 3 -7 9223372036854775807 \\e \\x00\\xff a\\sb")],
    commands: &[
        "8*SADD <key> (<member>)+",
        "2*SREM <key> (<member>)+",
        "SCARD <key>",
        "SISMEMBER <key> <member>",
        "SMISMEMBER <key> (<member>)+",
        "SMEMBERS <key>",
        "2*SMOVE <key> <key> <member>",
        "~shape SRANDMEMBER <key> [(<small> | <int>)]",
        "~take SPOP <key> [(<small> | <int>)]",
        "2*~sort (SINTER | SUNION | SDIFF) (<key>)+",
        "3*(SINTERSTORE | SUNIONSTORE | SDIFFSTORE) <key> (<key>)+",
        "2*SINTERCARD <small> (<key>)+ {LIMIT <small>}",
        "~sort SSCAN <key> 0 {MATCH <glob> ; COUNT 1000}",
        "DEL <key>",
    ],
    scripts: 1000,
};

#[test]
fn sets() {
    check(&SET, DIFFERENCES);
}
