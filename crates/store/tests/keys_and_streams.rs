//! Keys of any type, and streams with their groups, against real servers: random scripts. See `support` for how.

mod support;

use model::Reply;
use support::compare::Difference;
use support::differ::check;
use support::grammar::Family;
use support::server::Kind;
use support::sessions::quoted;

const KEYS: Family = Family {
    name: "keys",
    setup: &[
        "SET a 1",
        "RPUSH l 3 1 2 10",
        "SADD s 5 4 30",
        "ZADD z 1 b 2 a 3 c",
        "HSET h f 9 g x",
        "MSET w_1 3 w_2 1 w_3 2 w_10 0 o_1 one o_2 two",
        "RPUSH texts banana Apple cherry \\e",
    ],
    pools: &[
        ("k", "a b l s z h texts none"),
        ("db", "0 1 15 16 -1 abc"),
        ("pattern", "w_* o_* h->f h* nosort # *->f w_*->f"),
        ("type", "string list set zset hash stream nosuch"),
    ],
    commands: &[
        "DEL (<k>)+",
        "UNLINK (<k>)+",
        "EXISTS (<k>)+",
        "TOUCH (<k>)+",
        "TYPE <k>",
        "2*(EXPIRE | PEXPIRE) <k> <ttl> [(NX | XX | GT | LT)]",
        "(EXPIREAT | PEXPIREAT) <k> <ttl> {NX ; XX ; GT ; LT}",
        "~near (TTL | PTTL) <k>",
        "~near (EXPIRETIME | PEXPIRETIME) <k>",
        "PERSIST <k>",
        "~sort KEYS <glob>",
        "~sort SCAN 0 COUNT 1000 {MATCH <glob> ; TYPE <type>}",
        "2*RENAME <k> <k>",
        "2*RENAMENX <k> <k>",
        "2*COPY <k> <k> {DB <db> ; REPLACE}",
        "2*MOVE <k> <db>",
        "DBSIZE",
        "OBJECT REFCOUNT <k>",
        "OBJECT FREQ <k>",
        "~skip OBJECT IDLETIME <k>",
        "3*SORT <k> {BY <pattern> ; LIMIT <small> <small> ; GET <pattern> ; (ASC | DESC) ; ALPHA}",
        "3*SORT <k> {LIMIT <small> <small> ; GET <pattern> ; (ASC | DESC) ; ALPHA ; STORE <k>}",
        "3*SORT_RO <k> {BY <pattern> ; LIMIT <small> <small> ; GET <pattern> ; DESC ; ALPHA}",
        "SWAPDB 0 0",
        "SWAPDB <db> <db>",
        "SET <k> <value>",
    ],
    scripts: 800,
};

const KEY_DIFFERENCES: &[Difference] = &[
    Difference {
        servers: &[Kind::Redis70],
        reason: "a cursor means something only to the server that gave it",
        applies: |line, ours, theirs| {
            line.words[0] == "SCAN"
                && line.words.get(1).is_none_or(|cursor| cursor != "0")
                && matches!((ours, theirs), (Reply::Array(_), Reply::Array(_)))
        },
    },
    Difference {
        servers: &[Kind::Redis70],
        reason: "errors are text here, and quote what is none in their own way",
        applies: quoted,
    },
    Difference {
        servers: &[Kind::Redis70],
        reason: "a set has no order, and equal texts have none that is said",
        applies: |line, ours, theirs| {
            line.words[0].starts_with(b"SORT")
                && line.words[2..].iter().any(|word| word.eq_ignore_ascii_case(b"BY"))
                && matches!((ours, theirs), (Reply::Array(a), Reply::Array(b)) if a.len() == b.len())
        },
    },
    Difference {
        servers: &[Kind::Redis70],
        reason: "small numbers and shared strings are shared objects in Redis",
        applies: |line, _, _| line.words.len() > 1 && line.words[1].eq_ignore_ascii_case(b"REFCOUNT"),
    },
    Difference {
        servers: &[Kind::Redis70],
        reason: "a set remembers that it held other members than numbers; and since 7.2 small ones are listpacks",
        applies: |line, ours, _| {
            line.words[0] == "OBJECT" && matches!(ours, Reply::Bulk(b) if b == "intset" || b == "listpack")
        },
    },
];

#[test]
fn keys() {
    check(&KEYS, KEY_DIFFERENCES);
}

const STREAMS: Family = Family {
    name: "streams",
    setup: &["XADD s 1-1 a 1", "XADD s 2-1 b 2 c 3", "XADD s 3-3 a 1", "XGROUP CREATE s g 0"],
    pools: &[
        ("k", "s s s s t wrong:list"),
        ("id", "0 1 1-1 2 2-1 3-3 4-0 5-5 - + $ > 0-0 (1-1 (2 x 18446744073709551615-18446744073709551615"),
        ("new", "4-1 4-* 5-0 6-2 7 7-* 8-1 9-9 10 11 12 1-1 0-0 *x 99-1"),
        ("g", "g g g h"),
        ("c", "alice bob eve"),
    ],
    commands: &[
        "8*XADD <k> {NOMKSTREAM ; (MAXLEN | MINID) [(= | ~)] <small> [LIMIT <small>]} <new> (<value> <value>)+",
        "2*XDEL <k> (<id>)+",
        "XLEN <k>",
        "2*XRANGE <k> <id> <id> [COUNT <small>]",
        "2*XREVRANGE <k> <id> <id> [COUNT <small>]",
        "2*XREAD [COUNT <small>] STREAMS <k> <id>",
        "XREAD [COUNT <small>] STREAMS <k> <k> <id> <id>",
        "XTRIM <k> (MAXLEN | MINID) [(= | ~)] <small> [LIMIT <small>]",
        "XSETID <k> <id> {ENTRIESADDED <int> ; MAXDELETEDID <id>}",
        "2*XGROUP CREATE <k> <g> <id> {MKSTREAM ; ENTRIESREAD <int>}",
        "XGROUP SETID <k> <g> <id> {ENTRIESREAD <int>}",
        "XGROUP DESTROY <k> <g>",
        "XGROUP CREATECONSUMER <k> <g> <c>",
        "XGROUP DELCONSUMER <k> <g> <c>",
        "8*XREADGROUP GROUP <g> <c> [COUNT <small>] [NOACK] STREAMS <k> >",
        "2*XREADGROUP GROUP <g> <c> [COUNT <small>] [NOACK] STREAMS <k> <id>",
        "2*XREADGROUP GROUP <g> <c> STREAMS <k> <k> <id> >",
        "3*XACK <k> <g> (<id>)+",
        "2*XPENDING <k> <g>",
        "XPENDING <k> <g> [IDLE 0] <id> <id> <small> [<c>]",
        "3*XCLAIM <k> <g> <c> 0 (<id>)+ {IDLE <int> ; TIME 0 ; RETRYCOUNT <small> ; FORCE ; JUSTID ; LASTID <id>}",
        "3*XAUTOCLAIM <k> <g> <c> 0 <id> {COUNT <small> ; JUSTID}",
        "3*XINFO GROUPS <k>",
        "~shape XINFO CONSUMERS <k> <g>",
        "XINFO STREAM <k>",
        "DEL t",
    ],
    scripts: 800,
};

const STREAM_DIFFERENCES: &[Difference] = &[
    Difference {
        servers: &[Kind::Redis70],
        reason: "errors are text here, and quote what is none in their own way",
        applies: quoted,
    },
    Difference {
        servers: &[Kind::Redis70],
        reason: "what is idle depends on the moment; `inactive` came with 7.2, and consumers are made before they are \
                 given anything since then",
        applies: |line, ours, theirs| {
            let pending = line.words[0] == "XPENDING" && line.words.len() > 3;
            let consumers = line.words.len() > 1 && line.words[0] == "XINFO" && line.words[1] == "CONSUMERS";
            let groups = line.words.len() > 1 && line.words[0] == "XINFO" && line.words[1] == "GROUPS";
            let made =
                ["CREATECONSUMER", "DELCONSUMER"].iter().any(|sub| line.words.len() > 1 && line.words[1] == *sub);
            let times = (pending || consumers) && matches!((ours, theirs), (Reply::Array(_), Reply::Array(_)));
            times
                || made && matches!((ours, theirs), (Reply::Int(_), Reply::Int(_)))
                || groups && but_consumers(ours, theirs)
        },
    },
    Difference {
        servers: &[Kind::Redis70],
        reason: "how the entries lie in memory is not told",
        applies: |line, ours, theirs| {
            let nodes = |reply: &Reply| {
                let Reply::Map(pairs) = reply else { return None };
                let told = pairs.iter().filter(|(name, _)| !format!("{name:?}").contains("radix"));
                Some(told.cloned().collect::<Vec<_>>())
            };
            line.words[0] == "XINFO" && nodes(ours).is_some() && nodes(ours) == nodes(theirs)
        },
    },
];

/// The groups are the same but for how many consumers they have.
fn but_consumers(ours: &Reply, theirs: &Reply) -> bool {
    let told = |reply: &Reply| {
        let Reply::Array(groups) = reply else { return None };
        let group = |group: &Reply| match group {
            Reply::Map(pairs) => {
                pairs.iter().filter(|(name, _)| *name != Reply::bulk("consumers")).cloned().collect::<Vec<_>>()
            }
            _ => Vec::new(),
        };
        Some(groups.iter().map(group).collect::<Vec<_>>())
    };
    told(ours).is_some() && told(ours) == told(theirs)
}

#[test]
fn streams() {
    check(&STREAMS, STREAM_DIFFERENCES);
}
