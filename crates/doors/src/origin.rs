//! Which pages' scripts may use the doors: those of the same origin, and those the settings name.
//!
//! Browsers send `Origin` with every WebSocket handshake and every cross-origin request; programs send none as a rule,
//! and it is not this check that keeps them out.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, AUTHORIZATION,
    COOKIE, HOST, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};

/// Whether a request with these headers may use the doors.
pub fn is_allowed(headers: &HeaderMap, origins: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    is_same(origin, headers) || is_listed(origin, origins)
}

/// Takes away what a browser sends by itself, cookies and passwords, unless the page is of the same origin or of one that is
/// listed by name: where `*` lets every page in, a page of others would speak for whoever looks at it. CORS does not keep it
/// from that: a WebSocket's handshake knows none. A bearer's token no browser sends by itself.
pub fn drop_credentials(headers: &mut HeaderMap, origins: &[String]) {
    let Some(origin) = headers.get(ORIGIN) else { return };
    if origin.to_str().is_ok_and(|origin| is_same(origin, headers) || is_named(origin, origins)) {
        return;
    }
    headers.remove(COOKIE);
    let is_bearer = |value: &HeaderValue| value.as_bytes().get(..7).is_some_and(|b| b.eq_ignore_ascii_case(b"bearer "));
    if !headers.get_all(AUTHORIZATION).iter().all(is_bearer) {
        headers.remove(AUTHORIZATION);
    }
}

/// What a page of another origin is told of an answer (the Fetch standard's CORS protocol).
pub struct Share {
    /// The page's origin, if the settings list it.
    origin: Option<HeaderValue>,
    /// It is listed by name: only then may a page use the cookies of this server.
    by_name: bool,
    /// Answers differ by `Origin`: caches have to know.
    varies: bool,
}

impl Share {
    /// For a request with these headers.
    pub fn of(headers: &HeaderMap, origins: &[String]) -> Share {
        let origin = headers.get(ORIGIN).filter(|o| o.to_str().is_ok_and(|origin| is_listed(origin, origins)));
        let named = |origin: &HeaderValue| is_named(origin.to_str().unwrap_or(""), origins);
        Share { by_name: origin.is_some_and(named), origin: origin.cloned(), varies: !origins.is_empty() }
    }

    /// Whether the answer is for a page of another origin.
    pub fn is_cross_origin(&self) -> bool {
        self.origin.is_some()
    }

    /// Says so in the answer's headers.
    pub fn tell(&self, headers: &mut HeaderMap) {
        if self.varies {
            headers.insert(VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = &self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
        if self.by_name {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

/// RFC 6454: scheme, host and port. The scheme is that of whatever stands before this server, so `Host` decides.
fn is_same(origin: &str, headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|h| h.to_str().ok()) else { return false };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |authority: &str| authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
    bare(authority) == bare(host)
}

fn is_listed(origin: &str, origins: &[String]) -> bool {
    origins.iter().any(|o| o == "*" || is(o, origin))
}

fn is_named(origin: &str, origins: &[String]) -> bool {
    origins.iter().any(|o| o != "*" && is(o, origin))
}

fn is(listed: &str, origin: &str) -> bool {
    listed.trim_end_matches('/').eq_ignore_ascii_case(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: Option<&str>, host: &str, origins: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        is_allowed(&headers, &origins.iter().map(|o| o.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn pages_of_the_same_origin_and_listed_ones_may_and_no_others() {
        assert!(allowed(None, "a.example", &[]));
        assert!(allowed(Some("http://a.example"), "a.example", &[]));
        assert!(allowed(Some("https://a.example"), "a.example:443", &[]));
        assert!(allowed(Some("http://localhost:7700"), "LOCALHOST:7700", &[]));
        assert!(allowed(Some("https://b.example"), "a.example", &["https://b.example/"]));
        assert!(allowed(Some("https://b.example"), "a.example", &["*"]));
        for foreign in ["http://b.example", "http://a.example:81", "null", "file://", "http://a.example.evil", ""] {
            assert!(!allowed(Some(foreign), "a.example", &["https://c.example"]), "{foreign}");
        }
        assert!(!allowed(Some("https://a.example"), "a.example:80", &[]));
    }

    #[test]
    fn what_a_browser_sends_by_itself_is_believed_of_pages_that_are_known() {
        let kept = |origin: Option<&'static str>, authorization: &'static str, origins: &[&str]| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("a.example"));
            headers.insert(COOKIE, HeaderValue::from_static("kw=1"));
            headers.insert(AUTHORIZATION, HeaderValue::from_static(authorization));
            origin.map(|origin| headers.insert(ORIGIN, HeaderValue::from_static(origin)));
            drop_credentials(&mut headers, &origins.iter().map(|o| o.to_string()).collect::<Vec<_>>());
            [COOKIE, AUTHORIZATION].map(|name| headers.contains_key(name))
        };
        assert_eq!(kept(None, "Basic eA==", &["*"]), [true, true], "no browser's page");
        assert_eq!(kept(Some("https://a.example"), "Basic eA==", &["*"]), [true, true], "the same origin");
        assert_eq!(kept(Some("https://b.example"), "Basic eA==", &["*", "https://b.example"]), [true, true]);
        assert_eq!(kept(Some("https://evil.example"), "Basic eA==", &["*", "https://b.example"]), [false, false]);
        assert_eq!(kept(Some("null"), "bearer a.b.c", &["*"]), [false, true], "a script must have had the token");
    }

    #[test]
    fn cookies_are_for_origins_that_are_named_and_not_for_any() {
        let told = |origins: &[&str]| {
            let asked = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("https://b.example"))]);
            let mut headers = HeaderMap::new();
            Share::of(&asked, &origins.iter().map(|o| o.to_string()).collect::<Vec<_>>()).tell(&mut headers);
            [ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_ALLOW_CREDENTIALS, VARY].map(|name| headers.contains_key(name))
        };
        assert_eq!(told(&["https://b.example"]), [true, true, true]);
        assert_eq!(told(&["*"]), [true, false, true]);
        assert_eq!(told(&["https://c.example"]), [false, false, true]);
        assert_eq!(told(&[]), [false, false, false]);
    }
}
