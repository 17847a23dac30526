//! The query strings of `/raw` and `/sse`: which feed a connection without a protocol wants.

use bytes::Bytes;
use model::error::BADREQUEST;
use model::feed::Tag;
use model::request::From;
use model::{EntryId, Error, Verb};

/// The feed that a query string asks for; none if it asks for none.
///
/// `subscribe=CH`, `psubscribe=P`, `live=COMMAND LINE` (with `every=MS`, `json=true`), `follow=STREAM` (with `from=ID`).
/// `last_event_id` is where an `EventSource` was when it lost its connection.
///
/// # Errors
/// `BADREQUEST` for two feeds, unknown parameters or values that are none.
pub fn feed(query: &str, last_event_id: Option<&str>) -> Result<Option<Verb>, Error> {
    let mut verb = None;
    let (mut every_ms, mut json, mut from) = (None, false, None);
    for (name, value) in pairs(query) {
        let text = || std::str::from_utf8(&value).map_err(|_| bad(format!("{name}: not UTF-8")));
        let new = match name.as_str() {
            "subscribe" => Verb::Subscribe(value),
            "psubscribe" => Verb::Psubscribe(value),
            "live" => {
                let command = wire::line::command(&value)?;
                let have = last_event_id.and_then(Tag::parse);
                Verb::Live { command, every_ms: None, json: false, have }
            }
            "follow" => Verb::Follow { stream: value, from: From::End },
            // Who asks is looked at elsewhere.
            "token" => continue,
            "every" => {
                every_ms = Some(text()?.parse().map_err(|_| bad("every: a number of milliseconds is wanted"))?);
                continue;
            }
            "json" => {
                json = match text()? {
                    "true" | "1" | "" => true,
                    "false" | "0" => false,
                    _ => return Err(bad("json: true or false is wanted")),
                };
                continue;
            }
            "from" => {
                from = Some(place(text()?)?);
                continue;
            }
            _ => return Err(bad(format!("unknown parameter {name:?}"))),
        };
        if verb.replace(new).is_some() {
            return Err(bad("one of subscribe, psubscribe, live, follow is wanted, not two"));
        }
    }
    match &mut verb {
        Some(Verb::Live { every_ms: every, json: parse, .. }) => (*every, *parse) = (every_ms.take(), json),
        Some(Verb::Follow { from: begin, .. }) => {
            let resumed = last_event_id.and_then(|id| id.parse().ok()).map(From::After);
            *begin = resumed.or(from.take()).unwrap_or(From::End);
        }
        _ => {}
    }
    if every_ms.is_some() || from.is_some() {
        return Err(bad("every belongs to live, from to follow"));
    }
    Ok(verb)
}

fn place(text: &str) -> Result<From, Error> {
    match text {
        "$" => Ok(From::End),
        id => id.parse::<EntryId>().map(From::After).map_err(|_| bad("from: an entry id, 0 or $ is wanted")),
    }
}

/// Names and values, percent-decoded, `+` as a space (application/x-www-form-urlencoded).
fn pairs(query: &str) -> impl Iterator<Item = (String, Bytes)> + '_ {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (String::from_utf8_lossy(&decode(name)).into_owned(), decode(value).into())
    })
}

fn decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |n: u8| (n as char).to_digit(16).map(|d| d as u8);
        rest = match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                after
            }
            (b'+', _) => {
                out.push(b' ');
                tail
            }
            _ => {
                out.push(*first);
                tail
            }
        };
    }
    out
}

fn bad(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(BADREQUEST, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> model::Args {
        words.iter().map(|w| Bytes::copy_from_slice(w.as_bytes())).collect()
    }

    #[test]
    fn queries_ask_for_one_feed() {
        let live = Verb::Live { command: args(&["GET", "a b"]), every_ms: Some(50), json: true, have: None };
        assert_eq!(feed("live=GET%20%22a+b%22&every=50&json=true", None), Ok(Some(live)));
        assert_eq!(feed("subscribe=%ff", None), Ok(Some(Verb::Subscribe(Bytes::from_static(b"\xff")))));
        let follow = |from| Ok(Some(Verb::Follow { stream: Bytes::from_static(b"s"), from }));
        assert_eq!(feed("follow=s", None), follow(From::End));
        assert_eq!(feed("follow=s&from=0", None), follow(From::After(EntryId::MIN)));
        assert_eq!(feed("follow=s&from=0", Some("5-1")), follow(From::After(EntryId::new(5, 1))));
        assert_eq!((feed("", None), feed("token=a.b.c", None)), (Ok(None), Ok(None)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for query in [
            "subscribe=a&live=GET+b",
            "nosuch=1",
            "live=%22",
            "follow=s&from=x",
            "subscribe=a&every=5",
            "live=GET+a&every=x",
        ] {
            assert!(feed(query, None).is_err(), "{query}");
        }
    }
}
