//! Reading replies: fields of maps that RESP2 sends as flat arrays, texts, and what an error means for whoever asked.

use crate::interface::Address;
use bytes::Bytes;
use model::Reply;

/// What an error reply means beside its words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    /// The whole server cannot serve now (`LOADING`, `MASTERDOWN`, `BUSY`).
    NotReady,
    /// This cannot be served now (`TRYAGAIN`, `CLUSTERDOWN`).
    TryAgain,
    /// The server is no master (any more).
    ReadOnly,
    /// The connection is not logged in any more.
    NoAuth,
    /// The slot has another owner.
    Moved(u16, Option<Address>),
    /// The slot is on its way to another owner.
    Ask(Address),
}

/// What the error means; none for other errors and for replies that are none.
pub(crate) fn trouble(reply: &Reply) -> Option<Trouble> {
    let Reply::Error(text) = reply else { return None };
    let text = std::str::from_utf8(text).ok()?;
    let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
    match code {
        "LOADING" | "MASTERDOWN" | "BUSY" => Some(Trouble::NotReady),
        "TRYAGAIN" | "CLUSTERDOWN" => Some(Trouble::TryAgain),
        "READONLY" => Some(Trouble::ReadOnly),
        "NOAUTH" => Some(Trouble::NoAuth),
        "MOVED" => {
            let (slot, address) = rest.split_once(' ')?;
            Some(Trouble::Moved(slot.parse().ok()?, parse_address(address)))
        }
        "ASK" => Some(Trouble::Ask(parse_address(rest.split_once(' ')?.1)?)),
        _ => None,
    }
}

/// `host:port`, as redirections write it; the host may be an IPv6 number. None without a host.
fn parse_address(text: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then_some(Address::Tcp { host: host.to_owned(), port: port.parse().ok()? })
}

/// The words of an error.
pub(crate) fn error_text(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Error(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    }
}

/// The bytes of anything that is a string.
pub(crate) fn bytes(reply: &Reply) -> Option<&Bytes> {
    match reply {
        Reply::Bulk(bytes) | Reply::Simple(bytes) | Reply::Verbatim { text: bytes, .. } => Some(bytes),
        _ => None,
    }
}

/// The text of anything that is a string.
pub(crate) fn text(reply: &Reply) -> Option<String> {
    bytes(reply).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// A number, or a string that is one.
pub(crate) fn int(reply: &Reply) -> Option<i64> {
    match reply {
        Reply::Int(number) => Some(*number),
        _ => std::str::from_utf8(bytes(reply)?).ok()?.parse().ok(),
    }
}

/// The elements of an array or a set.
pub(crate) fn items(reply: &Reply) -> Option<&[Reply]> {
    match reply {
        Reply::Array(items) | Reply::Set(items) => Some(items),
        _ => None,
    }
}

/// What a map, or an array of names and values, has under a name.
pub(crate) fn field<'a>(reply: &'a Reply, name: &str) -> Option<&'a Reply> {
    let is_named = |key: &Reply| bytes(key).is_some_and(|bytes| bytes.eq_ignore_ascii_case(name.as_bytes()));
    match reply {
        Reply::Map(pairs) => pairs.iter().find(|(key, _)| is_named(key)).map(|(_, value)| value),
        _ => items(reply)?.chunks_exact(2).find(|pair| is_named(&pair[0])).map(|pair| &pair[1]),
    }
}

/// Whether the answer to `ROLE` is a master's; none if it is no such answer.
pub(crate) fn is_master(reply: &Reply) -> Option<bool> {
    Some(&bytes(items(reply)?.first()?)?[..] == b"master")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Option<Trouble> {
        trouble(&Reply::error(text))
    }

    #[test]
    fn errors_that_mean_more_than_they_say() {
        let tcp = |host: &str, port| Address::Tcp { host: host.to_owned(), port };
        assert_eq!(error("LOADING Redis is loading the dataset in memory"), Some(Trouble::NotReady));
        assert_eq!(error("TRYAGAIN Multiple keys request during rehashing of slot"), Some(Trouble::TryAgain));
        assert_eq!(error("MOVED 12182 10.0.0.1:6381"), Some(Trouble::Moved(12182, Some(tcp("10.0.0.1", 6381)))));
        assert_eq!(error("MOVED 1 ::1:6381"), Some(Trouble::Moved(1, Some(tcp("::1", 6381)))));
        assert_eq!(
            error("MOVED 1 :6381"),
            Some(Trouble::Moved(1, None)),
            "the node that was asked does not know its host"
        );
        assert_eq!(error("ASK 1 h:2"), Some(Trouble::Ask(tcp("h", 2))));
        assert_eq!(error("WRONGTYPE Operation"), None);
        assert_eq!(error("MOVED"), None);
        assert_eq!(trouble(&Reply::bulk("MOVED 1 h:1")), None);
    }

    #[test]
    fn fields_are_found_in_maps_and_in_flat_arrays() {
        let pair = (Reply::bulk("Length"), Reply::Int(3));
        assert_eq!(field(&Reply::Map(vec![pair.clone()]), "length"), Some(&Reply::Int(3)));
        assert_eq!(field(&Reply::Array(vec![pair.0, pair.1]), "length"), Some(&Reply::Int(3)));
        assert_eq!(field(&Reply::Null, "length"), None);
        assert_eq!(is_master(&Reply::Array(vec![Reply::bulk("slave"), Reply::Int(1)])), Some(false));
        assert_eq!(is_master(&Reply::error("NOPERM")), None);
    }
}
