//! Replies for who speaks RESP2: the same content in the shapes that Redis gives it there.
//!
//! Commands answer in the types of RESP3. For RESP2 most of it is mechanical (a map is its keys and values in turn, a
//! set is an array, a double is its text), and a few commands have a shape of their own in RESP2, which their
//! names and options tell.

use bytes::Bytes;
use model::Reply;
use model::double::DoubleText;

/// The reply to this command line as RESP2 has it: of nulls, errors, simple and byte strings, integers and arrays only.
pub fn downgraded(line: &[Bytes], reply: Reply) -> Reply {
    if is_scalar(&reply) {
        return reply;
    }
    plain(reshaped(line, reply))
}

/// Whether the null that answers this command line is written as an array (`*-1`) and not as a byte string (`$-1`).
/// Clients show both alike; Redis differs between them.
pub fn null_is_array(line: &[Bytes]) -> bool {
    const NAMES: [&str; 15] = [
        "exec",
        "blpop",
        "brpop",
        "blmpop",
        "bzpopmin",
        "bzpopmax",
        "bzmpop",
        "lmpop",
        "zmpop",
        "xread",
        "xreadgroup",
        "xrange",
        "xrevrange",
        "zrank",
        "zrevrank",
    ];
    let Some(name) = line.first() else { return false };
    let counted_pop = ["lpop", "rpop"].iter().any(|pop| name.eq_ignore_ascii_case(pop.as_bytes())) && line.len() > 2;
    let rank = ["zrank", "zrevrank"].iter().any(|rank| name.eq_ignore_ascii_case(rank.as_bytes()));
    if rank {
        return line.len() > 3;
    }
    counted_pop || NAMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// The commands whose RESP2 shape does not follow from the types.
fn reshaped(line: &[Bytes], reply: Reply) -> Reply {
    let Some(name) = line.first() else { return reply };
    let name = name.to_ascii_lowercase();
    let has = |option: &str| line[1..].iter().any(|word| word.eq_ignore_ascii_case(option.as_bytes()));
    match &name[..] {
        b"xread" | b"xreadgroup" => match reply {
            Reply::Map(pairs) => {
                Reply::Array(pairs.into_iter().map(|(key, entries)| Reply::Array(vec![key, entries])).collect())
            }
            other => other,
        },
        b"zrange" | b"zrevrange" | b"zrangebyscore" | b"zrevrangebyscore" | b"zunion" | b"zinter" | b"zdiff"
        | b"zrandmember"
            if has("WITHSCORES") =>
        {
            flat(reply)
        }
        b"hrandfield" if has("WITHVALUES") => flat(reply),
        b"zpopmin" | b"zpopmax" if line.len() > 2 => flat(reply),
        _ => reply,
    }
}

/// Arrays within an array are joined.
fn flat(reply: Reply) -> Reply {
    let Reply::Array(items) = reply else { return reply };
    let inner = |item| match item {
        Reply::Array(inner) => inner,
        other => vec![other],
    };
    Reply::Array(items.into_iter().flat_map(inner).collect())
}

/// Whether the reply is the same in RESP2 and has no parts.
fn is_scalar(reply: &Reply) -> bool {
    matches!(reply, Reply::Simple(_) | Reply::Bulk(_) | Reply::Int(_) | Reply::Error(_) | Reply::Null)
}

/// Only the types of RESP2.
fn plain(reply: Reply) -> Reply {
    match reply {
        Reply::Map(pairs) => Reply::Array(pairs.into_iter().flat_map(|(k, v)| [plain(k), plain(v)]).collect()),
        Reply::Array(items) | Reply::Set(items) if items.iter().all(is_scalar) => Reply::Array(items),
        Reply::Array(items) | Reply::Set(items) => Reply::Array(items.into_iter().map(plain).collect()),
        Reply::Double(double) => Reply::Bulk(double_text(double)),
        Reply::Bool(yes) => Reply::Int(yes.into()),
        Reply::Verbatim { text, .. } => Reply::Bulk(text),
        Reply::BigNumber(digits) => Reply::Bulk(digits),
        same => same,
    }
}

/// The text of a double.
pub(crate) fn double_text(double: f64) -> Bytes {
    Bytes::copy_from_slice(DoubleText::new(double).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<Bytes> {
        text.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
    }

    #[test]
    fn types_become_those_of_resp2() {
        let map = Reply::Map(vec![(Reply::bulk("a"), Reply::Double(1.5)), (Reply::bulk("b"), Reply::Bool(true))]);
        let flat = Reply::Array(vec![Reply::bulk("a"), Reply::bulk("1.5"), Reply::bulk("b"), Reply::Int(1)]);
        assert_eq!(downgraded(&line("HGETALL h"), map), flat);
    }

    #[test]
    fn pairs_are_joined_where_redis_joins_them() {
        let pair = |member: &str| Reply::Array(vec![Reply::bulk(member), Reply::Double(2.0)]);
        let pairs = || Reply::Array(vec![pair("a"), pair("b")]);
        let texts = ["a", "2", "b", "2"].map(Reply::bulk).to_vec();
        assert_eq!(downgraded(&line("ZRANGE z 0 -1 withscores"), pairs()), Reply::Array(texts));
        let Reply::Array(nested) = downgraded(&line("ZMPOP 1 z MIN"), pairs()) else { panic!("an array") };
        assert_eq!(nested.len(), 2);
        let read = Reply::Map(vec![(Reply::bulk("s"), Reply::Array(vec![]))]);
        let pairs = Reply::Array(vec![Reply::Array(vec![Reply::bulk("s"), Reply::Array(vec![])])]);
        assert_eq!(downgraded(&line("XREAD STREAMS s 0"), read), pairs);
    }

    #[test]
    fn a_null_is_an_array_where_redis_has_it_so() {
        for (text, is_array) in
            [("EXEC", true), ("LPOP l", false), ("LPOP l 2", true), ("GET k", false), ("ZRANK z m", false)]
        {
            assert_eq!(null_is_array(&line(text)), is_array, "{text}");
        }
    }
}
