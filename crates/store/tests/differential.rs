//! The data types against real servers: random scripts, family by family. See `support` for how.

mod support;

use model::Reply;
use support::compare::Difference;
use support::differ::check;
use support::grammar::Family;
use support::server::Kind;

/// Where the store does not do as one of the servers does, and why.
const REDIS: &[Kind] = &[Kind::Redis70];
const VALKEY: &[Kind] = &[Kind::Valkey9];
const BOTH: &[Kind] = &[Kind::Redis70, Kind::Valkey9];

const DIFFERENCES: &[Difference] = &[
    Difference {
        servers: BOTH,
        reason: "a set remembers that it held other members than numbers; and since 7.2 small ones are listpacks",
        applies: |line, ours, _| {
            line.words[0] == "OBJECT" && matches!(ours, Reply::Bulk(b) if b == "intset" || b == "listpack")
        },
    },
    Difference {
        servers: REDIS,
        reason: "7.0 negates the least integer as a rank; 7.2 refuses it",
        applies: |line, ours, _| line.words[0] == "LPOS" && text(ours).contains("value must between"),
    },
    Difference {
        servers: REDIS,
        reason: "7.0 writes scores with 17 digits, 7.2 with as many as it takes",
        applies: |line, ours, theirs| {
            line.words[0] == "ZSCAN" && numbers(ours).is_some_and(|ours| Some(ours) == numbers(theirs))
        },
    },
    Difference {
        servers: BOTH,
        reason: "PFCOUNT keeps its count in the value, which is a write of a read; here it does not",
        applies: |line, ours, theirs| match &line.words[..] {
            [get, _] if get == "GET" => without_count(ours).is_some_and(|ours| Some(ours) == without_count(theirs)),
            [.., key] => key == "bad" && *theirs == Reply::bulk("raw"),
            [] => false,
        },
    },
    Difference {
        servers: REDIS,
        reason: "since 7.2 BITCOUNT and BITPOS look at their arguments before they look at the key",
        applies: |line, ours, _| {
            let is_one = line.words[0] == "BITCOUNT" || line.words[0] == "BITPOS";
            is_one && (text(ours).contains("not an integer") || text(ours).contains("syntax"))
        },
    },
    Difference {
        servers: VALKEY,
        reason: "Valkey 8 lets BITCOUNT have a start without an end, and looks at units first",
        applies: |line, ours, theirs| {
            line.words[0].starts_with(b"BIT") && is_error(ours) && (line.words.len() == 3 || is_error(theirs))
        },
    },
    Difference {
        servers: VALKEY,
        reason: "Valkey 9 reads no hexadecimal floats, no nan(…), and its own way of spaces and of numbers out of range",
        applies: |_, _, theirs| text(theirs).contains("float") || text(theirs).contains("numeric"),
    },
    Difference {
        servers: VALKEY,
        reason: "Valkey 9 looks at a deadline before it looks at the key",
        applies: |line, _, theirs| line.words[0] == "GETEX" && is_error(theirs),
    },
    Difference {
        servers: VALKEY,
        reason: "Valkey 9 refuses the least integer where its positive counterpart is needed, as Redis does only for some",
        applies: |_, _, theirs| text(theirs).contains("value must between"),
    },
    Difference {
        servers: VALKEY,
        reason: "Valkey 9 cuts an index of a short list to 32 bits",
        applies: |line, ours, _| {
            (line.words[0] == "LSET" || line.words[0] == "LINDEX") && (is_error(ours) || *ours == Reply::Null)
        },
    },
    Difference {
        servers: VALKEY,
        reason: "Valkey 9 has polygons",
        applies: |_, _, theirs| text(theirs).contains("BYPOLYGON"),
    },
    Difference {
        servers: VALKEY,
        reason: "Valkey 9 names the member that is missing",
        applies: |_, ours, _| text(ours).contains("could not decode requested zset member"),
    },
    Difference {
        servers: VALKEY,
        reason: "Valkey takes no sign before a cursor, nor nothing as one, but takes spaces",
        applies: |_, ours, theirs| [ours, theirs].iter().any(|reply| text(reply).contains("invalid cursor")),
    },
    Difference {
        servers: VALKEY,
        reason: "Valkey 9 embeds longer strings than Redis",
        applies: |line, ours, theirs| {
            line.words[0] == "OBJECT" && *ours == Reply::bulk("raw") && *theirs == Reply::bulk("embstr")
        },
    },
    Difference {
        servers: REDIS,
        reason: "since 7.2 there is ZRANK WITHSCORE",
        applies: |line, _, theirs| line.words[0].ends_with(b"RANK") && text(theirs).contains("number of arguments"),
    },
    Difference {
        servers: BOTH,
        reason: "a cursor means something only to the server that gave it, and each pauses where it likes",
        applies: |line, ours, theirs| {
            let goes_on = |reply: &Reply| matches!(reply, Reply::Array(parts) if parts[0] != Reply::bulk("0"));
            line.words[0].ends_with(b"SCAN")
                && (line.words.get(2).is_none_or(|cursor| cursor != "0") || goes_on(ours) || goes_on(theirs))
                && matches!((ours, theirs), (Reply::Array(_), Reply::Array(_)))
        },
    },
];

/// The elements of a scan's reply, numbers read as such, in an order of their own.
fn numbers(reply: &Reply) -> Option<Vec<String>> {
    let Reply::Array(parts) = reply else { return None };
    let Some(Reply::Array(found)) = parts.get(1) else { return None };
    let read = |item: &Reply| match item {
        Reply::Bulk(text) => store::number::parse_double(text).map_or_else(|| format!("{text:?}"), |n| n.to_string()),
        other => format!("{other:?}"),
    };
    let mut pairs: Vec<String> = found.chunks(2).map(|pair| pair.iter().map(read).collect()).collect();
    pairs.sort();
    Some(pairs)
}

/// A HyperLogLog without the count that is kept in it.
fn without_count(reply: &Reply) -> Option<Vec<u8>> {
    let Reply::Bulk(bytes) = reply else { return None };
    (bytes.starts_with(b"HYLL") && bytes.len() > 16).then(|| [&bytes[..8], &bytes[16..]].concat())
}

fn is_error(reply: &Reply) -> bool {
    matches!(reply, Reply::Error(_))
}

/// The text of an error.
fn text(reply: &Reply) -> &str {
    match reply {
        Reply::Error(text) => std::str::from_utf8(text).unwrap_or(""),
        _ => "",
    }
}

const SET: Family = Family {
    name: "sets",
    setup: &[
        "SET wrong:string x",
        "RPUSH wrong:list 1 2",
        "HSET wrong:hash f v",
        "ZADD wrong:zset 1 m",
        "SADD long <1..140> a b",
        "SADD ints <1..520>",
    ],
    pools: &[("big", "long ints"), ("member", "a b c d 1 2 3 -7 9223372036854775807 \\e \\x00\\xff a\\sb")],
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
        "3*(SADD | SREM) <big> (<member>)+",
        "2*~sort (SINTER | SUNION | SDIFF) (<key> | <big>)+",
        "2*(SINTERSTORE | SUNIONSTORE | SDIFFSTORE) <key> (<key> | <big>)+",
        "~shape SRANDMEMBER <big> [(<small> | 100 | -100 | 1000)]",
        "~take SPOP <big> [(<small> | 100)]",
        "DEL <key>",
    ],
    scripts: 1000,
};

const STRING: Family = Family {
    name: "strings",
    setup: &["RPUSH wrong:list 1 2", "HSET wrong:hash f v", "SADD wrong:set 1 x", "ZADD wrong:zset 1 m"],
    pools: &[],
    commands: &[
        "6*SET <key> <value> {(NX | XX) ; GET ; (EX <ttl> | PX <ttl> | EXAT <ttl> | PXAT <ttl> | KEEPTTL)}",
        "3*SET <key> (<int> | <float>)",
        "SETNX <key> <value>",
        "SETEX <key> <ttl> <value>",
        "PSETEX <key> <ttl> <value>",
        "GET <key>",
        "GETSET <key> <value>",
        "GETDEL <key>",
        "GETEX <key> [(EX <ttl> | PX <ttl> | EXAT <ttl> | PXAT <ttl> | PERSIST)]",
        "MSET (<key> <value>)+",
        "MSETNX (<key> <value>)+",
        "MGET (<key>)+",
        "STRLEN <key>",
        "APPEND <key> <value>",
        "GETRANGE <key> (<small> | <int>) (<small> | <int>)",
        "SUBSTR <key> <small> <small>",
        "SETRANGE <key> (<small> | <int>) <value>",
        "INCR <key>",
        "DECR <key>",
        "2*INCRBY <key> <int>",
        "2*DECRBY <key> <int>",
        "6*INCRBYFLOAT <key> <float>",
        "LCS <key> <key> {LEN ; IDX ; MINMATCHLEN <small> ; WITHMATCHLEN}",
        "DEL <key>",
    ],
    scripts: 1500,
};

const HASH: Family = Family {
    name: "hashes",
    setup: &[
        "SET wrong:string x",
        "RPUSH wrong:list 1 2",
        "SADD wrong:set 1 x",
        "ZADD wrong:zset 1 m",
        "HSET long <1..140,a>",
    ],
    pools: &[("field", "f g h f1 1 \\e \\x00\\xff a\\sb"), ("hash", "a a b c long")],
    commands: &[
        "8*HSET (<key> | <hash>) (<field> (<value> | <int> | <float>))+",
        "HMSET (<key> | <hash>) (<field> <value>)+",
        "HSETNX (<key> | <hash>) <field> <value>",
        "HGET (<key> | <hash>) <field>",
        "HMGET (<key> | <hash>) (<field>)+",
        "HGETALL (<key> | <hash>)",
        "~sort HKEYS (<key> | <hash>)",
        "~sort HVALS (<key> | <hash>)",
        "HLEN (<key> | <hash>)",
        "HSTRLEN (<key> | <hash>) <field>",
        "HEXISTS (<key> | <hash>) <field>",
        "3*HDEL (<key> | <hash>) (<field>)+",
        "3*HINCRBY (<key> | <hash>) <field> <int>",
        "6*HINCRBYFLOAT (<key> | <hash>) <field> <float>",
        "2*~shape HRANDFIELD (<key> | <hash>) [(<small> | <int>) [WITHVALUES]]",
        "~sort HSCAN <key> 0 {MATCH <glob> ; COUNT (<small> | <int>)}",
        "DEL (<key> | <hash>)",
    ],
    scripts: 1500,
};

const LIST: Family = Family {
    name: "lists",
    setup: &[
        "SET wrong:string x",
        "HSET wrong:hash f v",
        "SADD wrong:set 1 x",
        "ZADD wrong:zset 1 m",
        "RPUSH long <1..300> a b c",
    ],
    pools: &[
        ("el", "a b c a b 1 10 \\e \\x00\\xff a\\sb"),
        ("list", "a a b c long"),
        ("end", "LEFT RIGHT left Right"),
        // Valkey cuts greater ones to 32 bits.
        ("index", "0 1 2 5 -1 -2 -5 100 -100 2147483647 -2147483648 abc 1.5 01 -0 \\e"),
    ],
    commands: &[
        "4*RPUSH (<key> | <list>) (<el>)+",
        "4*LPUSH (<key> | <list>) (<el> | <value>)+",
        "RPUSHX (<key> | <list>) (<el>)+",
        "LPUSHX (<key> | <list>) (<el>)+",
        "LPOP (<key> | <list>) [<small> | <int>]",
        "RPOP (<key> | <list>) [<small> | <int>]",
        "LLEN (<key> | <list>)",
        "2*LINDEX (<key> | <list>) (<small> | <index>)",
        "3*LINSERT (<key> | <list>) (BEFORE | AFTER | before) <el> <el>",
        "3*LSET (<key> | <list>) (<small> | <index>) <el>",
        "3*LRANGE (<key> | <list>) (<small> | <int>) (<small> | <int>)",
        "3*LREM (<key> | <list>) (<small> | <int>) <el>",
        "LTRIM (<key> | <list>) (<small> | <int>) (<small> | <int>)",
        "4*LPOS (<key> | <list>) <el> {RANK (<small> | <int>) ; COUNT (<small> | <int>) ; MAXLEN (<small> | <int>)}",
        "3*LMOVE (<key> | <list>) (<key> | <list>) <end> <end>",
        "2*RPOPLPUSH (<key> | <list>) (<key> | <list>)",
        "2*LMPOP <small> (<key> | <list>)+ <end> {COUNT (<small> | <int>)}",
        "DEL (<key> | <list>)",
    ],
    scripts: 1500,
};

const ZSET: Family = Family {
    name: "sorted sets",
    setup: &[
        "SET wrong:string x",
        "SET text x",
        "HSET wrong:hash f v",
        "RPUSH wrong:list 1",
        "SADD set 1 a b x",
        "SADD set2 a c",
        "ZADD long <1..140,=>",
    ],
    pools: &[
        ("m", "a b c d e f 1 \\e \\x00\\xff a\\sb"),
        ("score", "0 1 1 2 2 3 -1 0.5 1.5 100 inf -inf 1e5 1e16 -1e16 1e300 3.3333333333333335"),
        ("bound", "0 1 2 3 -1 (0 (1 (2 (3 -inf +inf inf ( (inf (-inf 1.5 \\e (nan 1e400 -1e400 0x2 \\s1 1\\s (\\s1"),
        ("lex", "- + [a (a [b (b [c (d [\\e ( [ [a\\sb a \\e [zz -a +a"),
        ("set", "set set2 a b c long"),
        // Ranges by member mean something only where all scores are equal.
        ("_flat", "l1 l1 l2 missing text"),
    ],
    commands: &[
        "10*ZADD <key> {(NX | XX) ; (GT | LT) ; CH} (<score> <m>)+",
        "3*ZADD <key> {(NX | XX) ; (GT | LT) ; CH ; INCR} (<float> <m>)+",
        "2*ZADD <key> {(NX | XX) ; (GT | LT) ; CH} INCR <score> <m>",
        "3*ZINCRBY <key> (<score> | <float>) <m>",
        "2*ZREM <key> (<m>)+",
        "ZCARD <key>",
        "ZSCORE <key> <m>",
        "ZMSCORE <key> (<m>)+",
        "ZRANK <key> <m>",
        "ZREVRANK <key> <m>",
        "2*ZCOUNT <key> <bound> <bound>",
        "2*ZLEXCOUNT <_flat> <lex> <lex>",
        "2*ZRANGE <key> (<small> | <int>) (<small> | <int>) {REV ; WITHSCORES}",
        "2*ZRANGE <key> <bound> <bound> BYSCORE {REV ; WITHSCORES ; LIMIT <small> <small>}",
        "2*ZRANGE <_flat> <lex> <lex> BYLEX {REV ; LIMIT <small> (<small> | <int>)}",
        "2*ZRANGESTORE <key> <key> (<small> <small> {REV} | <bound> <bound> BYSCORE {REV ; LIMIT <small> <small>})",
        "2*ZRANGESTORE <key> <_flat> <lex> <lex> BYLEX {REV ; LIMIT <small> <small>}",
        "5*!ZADD <_flat> (0 <m>)+",
        "ZREVRANGE <key> <small> <small> [WITHSCORES]",
        "ZRANGEBYSCORE <key> <bound> <bound> {WITHSCORES ; LIMIT <small> <small>}",
        "ZREVRANGEBYSCORE <key> <bound> <bound> {WITHSCORES ; LIMIT <small> <small>}",
        "ZRANGEBYLEX <_flat> <lex> <lex> {LIMIT <small> <small>}",
        "ZREVRANGEBYLEX <_flat> <lex> <lex> {LIMIT <small> <small>}",
        "ZREMRANGEBYSCORE <key> <bound> <bound>",
        "ZREMRANGEBYRANK <key> <small> <small>",
        "ZREMRANGEBYLEX <_flat> <lex> <lex>",
        "ZPOPMIN <key> [<small> | <int>]",
        "ZPOPMAX <key> [<small> | <int>]",
        "2*ZMPOP <small> (<key>)+ (MIN | MAX) {COUNT (<small> | <int>)}",
        "2*~shape ZRANDMEMBER <key> [(<small> | <int>) [WITHSCORES]]",
        "3*(ZUNION | ZINTER) 2 (<key> | <set>) (<key> | <set>) {WEIGHTS (<score> | <float>) (<score> | <float>) ; AGGREGATE (SUM | MIN | MAX) ; WITHSCORES}",
        "(ZUNION | ZINTER | ZDIFF) <small> (<key> | <set>)+ {WEIGHTS (<score>)+ ; AGGREGATE (SUM | MIN | MAX) ; WITHSCORES}",
        "3*(ZUNIONSTORE | ZINTERSTORE) <key> 2 (<key> | <set>) (<key> | <set>) {WEIGHTS <score> <float> ; AGGREGATE (sum | min | max)}",
        "2*ZDIFFSTORE <key> 2 (<key> | <set>) (<key> | <set>)",
        "ZDIFF <small> (<key> | <set>)+ [WITHSCORES]",
        "2*ZINTERCARD <small> (<key> | <set>)+ {LIMIT (<small> | <int>)}",
        "~sort ZSCAN <key> 0 {MATCH <glob> ; COUNT (<small> | <int>)}",
        "3*ZADD long {(NX | XX) ; (GT | LT) ; CH} (<score> (<m> | <small>))+",
        "ZINCRBY long (<score> | <float>) (<m> | <small>)",
        "(ZRANK | ZREVRANK | ZSCORE) long (<m> | <small>)",
        "ZREM long (<m> | <small>)+",
        "ZRANGE long (<small> | <int>) (<small> | <int>) {REV ; WITHSCORES}",
        "ZRANGE long <bound> <bound> BYSCORE {REV ; WITHSCORES ; LIMIT <small> <small>}",
        "(ZCOUNT | ZREMRANGEBYSCORE) long <bound> <bound>",
        "ZREMRANGEBYRANK long <small> <small>",
        "(ZPOPMIN | ZPOPMAX) long [<small>]",
        "~shape ZRANDMEMBER long [(<small> | 100 | 1000) [WITHSCORES]]",
        "DEL <key>",
    ],
    scripts: 2000,
};

const BITMAP: Family = Family {
    name: "bitmaps",
    setup: &["RPUSH wrong:list 1 2", "HSET wrong:hash f v", "SADD wrong:set 1 x", "ZADD wrong:zset 1 m"],
    pools: &[
        (
            "bits",
            "\\xff\\xf0\\x00 \\x00\\x00\\x0f abc foobar \\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff \\x00 \\e 12",
        ),
        ("bitkey", "a b c a b c d wrong:list"),
        ("offset", "0 1 2 7 8 9 15 16 23 100 -1 4294967296 #1 abc \\e 0001"),
        ("field", "u1 i1 u8 i8 u4 i5 i16 u31 u63 i63 i64 i32 u64 i65 i0 x8 u"),
        ("place", "0 1 3 7 8 #0 #1 #2 100 -1 # #-1 abc 4294967296"),
        ("amount", "0 1 -1 100 -100 255 127 -128 9223372036854775807 -9223372036854775808 abc"),
    ],
    commands: &[
        "5*SET <bitkey> <bits>",
        "5*SETBIT <bitkey> <offset> (<bool> | <small>)",
        "2*GETBIT <bitkey> <offset>",
        "5*BITCOUNT <bitkey> [(<small> | <int>) (<small> | <int>) [BYTE | BIT | bit | x]]",
        "5*BITPOS <bitkey> (<bool> | <small>) [<small> [<small> [BYTE | BIT]]]",
        "2*BITPOS <bitkey> <bool> (<small> | <int>) (<small> | <int>) (BYTE | BIT)",
        "4*BITOP (AND | OR | XOR | and) <bitkey> (<bitkey>)+",
        "2*BITOP (NOT | x) <bitkey> <bitkey>",
        "6*BITFIELD <bitkey> (GET <field> <place> | SET <field> <place> <amount> | INCRBY <field> <place> <amount> | OVERFLOW (WRAP | SAT | FAIL | x))+",
        "6*BITFIELD <bitkey> OVERFLOW (WRAP | SAT | FAIL) (SET <field> <place> <amount> | INCRBY <field> <place> <amount>)+",
        "BITFIELD_RO <bitkey> (GET <field> <place> | GET <field> <place> | SET u8 0 1)+",
        "GET <bitkey>",
        "DEL <bitkey>",
    ],
    scripts: 1500,
};

const HYPERLOGLOG: Family = Family {
    name: "hyperloglogs",
    setup: &[
        "RPUSH wrong:list 1 2",
        "SET text x",
        "SET bad HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x82",
    ],
    pools: &[
        ("hll", "a b c a b c d a b c d a b c text wrong:list bad"),
        (
            "n",
            "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 \\e \\x00\\xff",
        ),
        (
            "longer",
            "aaaaaaaaa1 aaaaaaaaa2 aaaaaaaaa3 bbbbbbbbbbbbbbbb1 bbbbbbbbbbbbbbbb2 ccccccccccccccccccccccccccccccccccccccccccccccccc",
        ),
    ],
    commands: &[
        "6*PFADD <hll> (<n> | <longer> | <n> <n> <n> <n> <n>)+",
        "PFADD <hll>",
        "2*PFCOUNT (<hll>)+",
        "2*PFMERGE <hll> (<hll>)+",
        "2*GET <hll>",
        "DEL <hll>",
    ],
    scripts: 1000,
};

const GEO: Family = Family {
    name: "places",
    setup: &[
        "RPUSH wrong:list 1 2",
        "GEOADD a 13.361389 38.115556 p 15.087269 37.502669 q",
        "GEOADD b 0 0 p 0.1 0.1 q -0.1 -0.1 r",
        "ZADD plain 1 x 2 y 4503599627370495 z -5 n 1e300 big",
    ],
    pools: &[
        ("set", "a a a b b c missing plain wrong:list"),
        ("m", "p q r s t x y z \\e"),
        ("lon", "0 13.361389 15.087269 0.1 -0.1 179.9 -179.9 180 -180 180.1 12.5 abc nan 1e400"),
        ("lat", "0 38.115556 37.502669 0.1 -0.1 85 -85 85.05112878 86 37 abc"),
        ("dist", "0 1 10 100 200 500 1000 10000 100000 -1 abc 0.5 20000 inf"),
        ("unit", "m km ft mi KM x"),
    ],
    commands: &[
        "8*GEOADD <set> {(NX | XX) ; CH} (<lon> <lat> <m>)+",
        "GEOPOS <set> (<m>)+",
        "2*GEODIST <set> <m> <m> [<unit>]",
        "GEOHASH <set> (<m>)+",
        "6*GEOSEARCH <set> {FROMMEMBER <m> ; FROMLONLAT <lon> <lat> ; BYRADIUS <dist> <unit> ; BYBOX <dist> <dist> <unit> ; (ASC | DESC) ; COUNT <small> [ANY] ; WITHDIST ; WITHHASH ; WITHCOORD}",
        "6*GEOSEARCH <set> (FROMMEMBER <m> | FROMLONLAT <lon> <lat>) (BYRADIUS <dist> <unit> | BYBOX <dist> <dist> <unit>) {(ASC | DESC) ; COUNT <small> [ANY] ; WITHDIST ; WITHHASH ; WITHCOORD}",
        "4*GEOSEARCHSTORE <set> <set> (FROMMEMBER <m> | FROMLONLAT <lon> <lat>) (BYRADIUS <dist> <unit> | BYBOX <dist> <dist> <unit>) {(ASC | DESC) ; COUNT <small> [ANY] ; STOREDIST ; WITHDIST}",
        "4*GEORADIUS <set> <lon> <lat> <dist> <unit> {WITHCOORD ; WITHDIST ; WITHHASH ; COUNT <small> [ANY] ; (ASC | DESC) ; STORE <set> ; STOREDIST <set>}",
        "4*GEORADIUSBYMEMBER <set> <m> <dist> <unit> {WITHCOORD ; WITHDIST ; WITHHASH ; COUNT <small> [ANY] ; (ASC | DESC) ; STORE <set> ; STOREDIST <set>}",
        "2*(GEORADIUS_RO <set> <lon> <lat> <dist> <unit> | GEORADIUSBYMEMBER_RO <set> <m> <dist> <unit>) {WITHCOORD ; WITHDIST ; COUNT <small> ; (ASC | DESC) ; STORE <set>}",
        "ZREM <set> <m>",
        "DEL <set>",
    ],
    scripts: 1500,
};

#[test]
fn places() {
    check(&GEO, DIFFERENCES);
}

#[test]
fn bitmaps() {
    check(&BITMAP, DIFFERENCES);
}

#[test]
fn hyperloglogs() {
    check(&HYPERLOGLOG, DIFFERENCES);
}

#[test]
fn hashes() {
    check(&HASH, DIFFERENCES);
}

#[test]
fn lists() {
    check(&LIST, DIFFERENCES);
}

#[test]
fn sorted_sets() {
    check(&ZSET, DIFFERENCES);
}

#[test]
fn strings() {
    check(&STRING, DIFFERENCES);
}

#[test]
fn sets() {
    check(&SET, DIFFERENCES);
}
