//! Replies for who speaks RESP2: arrays within one another as Redis has them there.
//!
//! Commands answer in the types of RESP3. What a type becomes in RESP2 follows from the type (a map is its keys and values in
//! turn, a double is its text) and is said where replies are encoded. A few commands have a shape of their own in
//! RESP2, which their names and options tell: those are here.

use bytes::Bytes;
use model::Reply;

/// The reply to this command line in the shape that it has in RESP2, still in the types of RESP3.
pub fn reshaped(line: &[Bytes], reply: Reply) -> Reply {
    match (reply, line.split_first()) {
        (Reply::Array(items), Some((name, args))) if items.iter().any(is_array) && gives_pairs(name, args) => {
            flat(items)
        }
        (Reply::Map(pairs), Some((name, _))) if is_any(name, &["xread", "xreadgroup"]) => {
            Reply::Array(pairs.into_iter().map(|(key, entries)| Reply::Array(vec![key, entries])).collect())
        }
        (reply, _) => reply,
    }
}

/// Whether the command answers pairs as arrays in RESP3, and flat in RESP2.
fn gives_pairs(name: &[u8], args: &[Bytes]) -> bool {
    const WITH_SCORES: [&str; 8] =
        ["zrange", "zrevrange", "zrangebyscore", "zrevrangebyscore", "zunion", "zinter", "zdiff", "zrandmember"];
    let has = |option: &str| args.iter().any(|word| word.eq_ignore_ascii_case(option.as_bytes()));
    is_any(name, &WITH_SCORES) && has("WITHSCORES")
        || is_any(name, &["hrandfield"]) && has("WITHVALUES")
        || is_any(name, &["zpopmin", "zpopmax"]) && args.len() > 1
}

fn is_any(name: &[u8], names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

fn is_array(reply: &Reply) -> bool {
    matches!(reply, Reply::Array(_))
}

/// Arrays within an array are joined.
fn flat(items: Vec<Reply>) -> Reply {
    let inner = |item| match item {
        Reply::Array(inner) => inner,
        other => vec![other],
    };
    Reply::Array(items.into_iter().flat_map(inner).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<Bytes> {
        text.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
    }

    #[test]
    fn pairs_are_joined_where_redis_joins_them() {
        let pair = |member: &str| Reply::Array(vec![Reply::bulk(member), Reply::Double(2.0)]);
        let pairs = || Reply::Array(vec![pair("a"), pair("b")]);
        let flat = ["a", "b"].iter().flat_map(|member| [Reply::bulk(member), Reply::Double(2.0)]).collect();
        assert_eq!(reshaped(&line("ZRANGE z 0 -1 withscores"), pairs()), Reply::Array(flat));
        assert_eq!(reshaped(&line("ZMPOP 1 z MIN"), pairs()), pairs());
        let read = Reply::Map(vec![(Reply::bulk("s"), Reply::Array(vec![]))]);
        let streams = Reply::Array(vec![Reply::Array(vec![Reply::bulk("s"), Reply::Array(vec![])])]);
        assert_eq!(reshaped(&line("XREAD STREAMS s 0"), read.clone()), streams);
        assert_eq!(reshaped(&line("HGETALL h"), read.clone()), read, "what follows from the type is not done here");
    }
}
