//! `/admin`: who is connected, what they hear, and ending one. Behind a permission of its own, off by default.

use crate::address::{Network, is_proxy};
use crate::listener::Doors;
use crate::{host, origin};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode};
use lane::Event;
use model::{CloseCode, ConnId, FeedId, LaneId};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr;

/// Who may use it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Admin {
    /// Nobody: it is not there.
    #[default]
    Off,
    /// Who has this secret.
    Secret(String),
    /// Who is on this machine, as far as that can be told.
    Loopback,
}

/// What is answered at most at once.
const LIMIT_MAX: usize = 10_000;
const LIMIT_DEFAULT: usize = 100;

impl Admin {
    /// Whether this request may pass. `peer`: who connected; none: by a Unix socket.
    ///
    /// # Errors
    /// The status to refuse it with.
    pub fn check(&self, headers: &HeaderMap, peer: Option<IpAddr>, proxies: &[Network]) -> Result<(), StatusCode> {
        let may = match self {
            Admin::Off => return Err(StatusCode::NOT_FOUND),
            // No page but this server's own, whatever `origins` says.
            _ if !origin::is_allowed(headers, &[]) => return Err(StatusCode::FORBIDDEN),
            Admin::Secret(secret) => {
                let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
                given.is_some_and(|given| is_same(given, secret.as_bytes()))
            }
            Admin::Loopback => is_here(headers, peer, proxies),
        };
        match (may, self) {
            (true, _) => Ok(()),
            (false, Admin::Secret(_)) => Err(StatusCode::UNAUTHORIZED),
            (false, _) => Err(StatusCode::FORBIDDEN),
        }
    }
}

/// Whether the one who asks is on this machine. A proxy is on it too, and speaks for the world: so it may not be one that is
/// known as such, nor come by a Unix socket, which is there for proxies, nor say that it forwards, nor for whom.
fn is_here(headers: &HeaderMap, peer: Option<IpAddr>, proxies: &[Network]) -> bool {
    let forwarded = ["x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via"];
    peer.is_some_and(|peer| peer.to_canonical().is_loopback())
        && !is_proxy(peer, proxies)
        && !forwarded.iter().any(|name| headers.contains_key(*name))
        && host::is_this_machine(headers)
}

/// Compares in a time that tells nothing but the length.
fn is_same(given: &[u8], secret: &[u8]) -> bool {
    given.len() == secret.len() && given.iter().zip(secret).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// Carries out what is asked; `path` stands behind `/admin/`. Gives a status and JSON.
pub async fn respond(doors: &Doors, method: &Method, path: &str, query: &str) -> (StatusCode, Value) {
    let page = match Page::parse(query) {
        Ok(page) => page,
        Err(what) => return (StatusCode::BAD_REQUEST, json!({ "error": what })),
    };
    match (method, path, path.strip_prefix("connections/")) {
        (&Method::GET, "connections", _) => (StatusCode::OK, connections(doors, &page).await),
        (&Method::GET, "feeds", _) => (StatusCode::OK, feeds(doors, &page).await),
        (&Method::DELETE, _, Some(id)) => end(doors, id).await,
        (_, "connections" | "feeds", _) | (_, _, Some(_)) => {
            (StatusCode::METHOD_NOT_ALLOWED, json!({ "error": "GET of a list, or DELETE of one connection" }))
        }
        _ => (StatusCode::NOT_FOUND, json!({ "error": "there are connections and feeds" })),
    }
}

/// Which part of a list is wanted.
struct Page {
    limit: usize,
    after: Option<Id>,
}

impl Page {
    fn parse(query: &str) -> Result<Page, &'static str> {
        let mut page = Page { limit: LIMIT_DEFAULT, after: None };
        for (name, value) in query.split('&').filter_map(|part| part.split_once('=')) {
            match name {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    page.limit = limit.ok_or("limit: 1 to 10000 is wanted")?;
                }
                "after" => page.after = Some(value.parse().map_err(|()| "after: the id of a connection is wanted")?),
                _ => return Err("there are limit and after"),
            }
        }
        Ok(page)
    }
}

/// A connection's name beyond its lane: as the log writes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Id(LaneId, ConnId);

impl FromStr for Id {
    type Err = ();

    fn from_str(text: &str) -> Result<Id, ()> {
        let mut parts = text.splitn(3, '-').map(str::parse::<u32>);
        let mut next = || parts.next().and_then(Result::ok).ok_or(());
        let lane = u16::try_from(next()?).map_err(drop)?;
        Ok(Id(LaneId(lane), ConnId { slot: next()?, generation: next()? }))
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.0.0, self.1.slot, self.1.generation)
    }
}

/// By lane and slot, so that a list can be read in parts while connections come and go.
async fn connections(doors: &Doors, page: &Page) -> Value {
    let (after, limit) = (page.after, page.limit);
    let clients = doors.lanes.ask_all(move |lane| {
        let from = match after {
            Some(Id(id, _)) if lane.id() < id => u32::MAX,
            Some(Id(id, conn)) if lane.id() == id => conn.slot.saturating_add(1),
            _ => 0,
        };
        (lane.id(), lane.clock().now(), lane.clients(from, limit + 1))
    });
    let clients = clients.await.into_iter();
    let mut all = clients.flat_map(|(lane, now, clients)| clients.into_iter().map(move |client| (lane, now, client)));
    let shown: Vec<_> = all.by_ref().take(limit).collect();
    let next =
        shown.last().filter(|_| all.next().is_some()).map(|(lane, _, (info, _))| Id(*lane, info.conn).to_string());
    let shown = shown.into_iter().map(|(lane, now, (info, address))| {
        json!({
            "id": Id(lane, info.conn).to_string(),
            "user": info.user.as_deref(),
            "address": address.map(|address| address.to_string()),
            "format": format!("{:?}", info.format.plain()).to_lowercase(),
            "deflate": info.format.is_deflated(),
            "age_ms": now.since(info.since).as_millis() as u64,
            "feeds": info.feeds.iter().map(|feed| feed.0).collect::<Vec<_>>(),
            "requests_under_way": info.under_way,
            "queued_bytes": info.queued_bytes,
            "closing": info.is_closing,
        })
    });
    json!({ "connections": shown.collect::<Vec<_>>(), "total": doors.lanes.connections(), "next": next })
}

/// The feeds that most clients hear.
async fn feeds(doors: &Doors, page: &Page) -> Value {
    let audiences = doors.lanes.ask_all(|lane| lane.with_lane(|lane| lane.audiences().collect::<Vec<_>>())).await;
    let mut clients: HashMap<FeedId, usize> = HashMap::new();
    audiences.into_iter().flatten().for_each(|(feed, _, count)| *clients.entry(feed).or_default() += count);
    let total = clients.len();
    let mut most: Vec<(FeedId, usize)> = clients.into_iter().collect();
    most.sort_unstable_by_key(|(feed, count)| (std::cmp::Reverse(*count), feed.0));
    most.truncate(page.limit);
    let wanted: Vec<FeedId> = most.iter().map(|(feed, _)| *feed).collect();
    let described = doors.lanes.ask_all(move |lane| lane.with_lane(|lane| lane.describe(&wanted))).await;
    let described: HashMap<FeedId, _> =
        described.into_iter().flatten().map(|(f, verb, words)| (f, (verb, words))).collect();
    let text = |word: &Bytes| String::from_utf8_lossy(word).into_owned();
    // One that ended meanwhile is left out.
    let shown = most.iter().filter_map(|(feed, clients)| {
        let (verb, words) = described.get(feed)?;
        Some(json!({ "feed": feed.0, "verb": verb, "of": words.iter().map(text).collect::<Vec<_>>(), "clients": clients }))
    });
    json!({ "feeds": shown.collect::<Vec<_>>(), "total": total })
}

async fn end(doors: &Doors, id: &str) -> (StatusCode, Value) {
    let Ok(Id(at, conn)) = id.parse() else {
        return (StatusCode::BAD_REQUEST, json!({ "error": "an id such as 0-17-3 is wanted" }));
    };
    let ended = doors.lanes.ask_all(move |lane| {
        let is_there = lane.id() == at && lane.with_lane(|lane| lane.has_client(conn));
        if is_there {
            lane.handle(Event::Close { conn, code: CloseCode::Ended });
        }
        is_there
    });
    match ended.await.contains(&true) {
        true => (StatusCode::OK, json!({ "ended": id })),
        false => (StatusCode::NOT_FOUND, json!({ "error": "no such connection" })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn checked(admin: &Admin, peer: &str, headers: &[(&'static str, &'static str)]) -> Option<u16> {
        let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), HeaderValue::from_static(v))).collect();
        let proxies = ["127.0.0.9".parse().unwrap()];
        admin.check(&headers, peer.parse().ok(), &proxies).err().map(|status| status.as_u16())
    }

    #[test]
    fn only_who_has_the_secret_or_is_here_and_no_page_of_another_site() {
        let secret = Admin::Secret("0123456789abcdef".into());
        assert_eq!(checked(&Admin::Off, "127.0.0.1", &[]), Some(404));
        assert_eq!(checked(&secret, "9.9.9.9", &[("authorization", "Bearer 0123456789abcdef")]), None);
        for wrong in ["Bearer 0123456789abcdeX", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef"] {
            assert_eq!(checked(&secret, "127.0.0.1", &[("authorization", wrong)]), Some(401), "{wrong}");
        }
        assert_eq!(checked(&secret, "127.0.0.1", &[]), Some(401));
        let page =
            [("authorization", "Bearer 0123456789abcdef"), ("host", "localhost"), ("origin", "http://a.example")];
        assert_eq!(checked(&secret, "127.0.0.1", &page), Some(403));
    }

    #[test]
    fn whoever_speaks_for_others_is_not_here() {
        let (admin, here) = (Admin::Loopback, ("host", "127.0.0.1:7700"));
        assert_eq!(checked(&admin, "::ffff:127.0.0.1", &[here]), None);
        assert_eq!(checked(&admin, "127.0.0.1", &[("host", "localhost")]), None);
        assert_eq!(checked(&admin, "10.0.0.1", &[here]), Some(403));
        assert_eq!(checked(&admin, "127.0.0.1", &[here, ("x-forwarded-for", "127.0.0.1")]), Some(403));
        assert_eq!(checked(&admin, "127.0.0.9", &[here]), Some(403), "a proxy of ours");
        assert_eq!(checked(&admin, "unix", &[here]), Some(403), "a proxy, as a rule");
        assert_eq!(checked(&admin, "127.0.0.1", &[("host", "live.example")]), Some(403), "a proxy that hands Host on");
        assert_eq!(checked(&admin, "127.0.0.1", &[]), Some(403));
    }

    #[test]
    fn ids_are_as_they_are_written() {
        let id = Id(LaneId(3), ConnId { slot: 17, generation: 4_000_000_000 });
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "1-2", "1-2-x", "70000-1-1", "-1-1-1", "1-2-3-4"] {
            assert_eq!(wrong.parse::<Id>(), Err(()), "{wrong}");
        }
    }
}
