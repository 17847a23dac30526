//! Where a request carries its token.
//!
//! In this order: `Authorization: Bearer`, the subprotocol `bearer.TOKEN` (browsers cannot set headers on a WebSocket),
//! `?token=`, the configured cookie. A cookie comes by itself, also with a request that a page of others made; the doors
//! look at `Origin` before anything here is asked, and take such a cookie away.

use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, Uri};
use std::borrow::Cow;
use std::net::IpAddr;

/// What a request brings with it.
#[derive(Clone, Copy, Debug)]
pub struct Carried<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its path and query.
    pub uri: &'a Uri,
    /// Where the client is, as far as that is known.
    pub address: Option<IpAddr>,
}

/// What begins a subprotocol that is a token.
const BEARER: &str = "bearer.";

/// Whether a subprotocol is a token, and none to be spoken.
pub fn has_bearer(protocol: &str) -> bool {
    protocol.starts_with(BEARER)
}

impl<'a> Carried<'a> {
    /// The token, if there is one.
    pub fn token(&self, cookie: Option<&str>) -> Option<Cow<'a, str>> {
        let borrowed = self.authorization().or_else(|| self.subprotocol()).map(Cow::Borrowed);
        let borrowed = borrowed.or_else(|| self.parameter());
        borrowed.or_else(|| cookie.and_then(|name| self.cookie(name)).map(Cow::Borrowed))
    }

    fn authorization(&self) -> Option<&'a str> {
        let (scheme, token) = self.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    fn subprotocol(&self) -> Option<&'a str> {
        let values = self.headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(',').map(str::trim))
            .find_map(|protocol| protocol.strip_prefix(BEARER))
    }

    /// A token has no character that would be written otherwise in a URL, so nothing is decoded but what could be one.
    fn parameter(&self) -> Option<Cow<'a, str>> {
        let token = self.uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))?;
        Some(if token.contains('%') {
            Cow::Owned(token.replace("%2E", ".").replace("%2e", "."))
        } else {
            Cow::Borrowed(token)
        })
    }

    fn cookie(&self, name: &str) -> Option<&'a str> {
        let values = self.headers.get_all(COOKIE).into_iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';').map(str::trim))
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches('"'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn token(headers: &[(&str, &str)], uri: &str) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let uri: Uri = uri.parse().unwrap();
        Carried { headers: &map, uri: &uri, address: None }.token(Some("kw")).map(Cow::into_owned)
    }

    #[test]
    fn a_token_is_found_wherever_it_may_be() {
        for (headers, uri, found) in [
            (&[][..], "/ws", None),
            (&[("authorization", "Bearer a.b.c")], "/ws", Some("a.b.c")),
            (&[("authorization", "bearer  a.b.c ")], "/ws", Some("a.b.c")),
            (&[("authorization", "Basic eA==")], "/ws", None),
            (&[("sec-websocket-protocol", "keywire.v1.json, bearer.a.b.c")], "/ws", Some("a.b.c")),
            (&[("sec-websocket-protocol", "x"), ("sec-websocket-protocol", "bearer.t")], "/ws", Some("t")),
            (&[], "/raw?live=GET%20a&token=a.b.c", Some("a.b.c")),
            (&[], "/raw?token=a%2Eb%2ec", Some("a.b.c")),
            (&[], "/raw?mytoken=a", None),
            (&[("cookie", "x=1; kw=a.b.c; y=2")], "/ws", Some("a.b.c")),
            (&[("cookie", "xkw=a; kw=\"t\"")], "/ws", Some("t")),
            (&[("cookie", "kwx=a")], "/ws", None),
            (&[("cookie", "kw=cookie"), ("authorization", "Bearer header")], "/ws?token=query", Some("header")),
        ] {
            assert_eq!(token(headers, uri).as_deref(), found, "{headers:?} {uri}");
        }
    }
}
