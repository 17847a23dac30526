//! Which pages' scripts may use the doors: those of the same origin, and those the settings name.
//!
//! Browsers send `Origin` with every WebSocket handshake and every cross-origin request; programs send none as a rule,
//! and it is not this check that keeps them out.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Whether a request with these headers may use the doors.
pub fn is_allowed(headers: &HeaderMap, origins: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    is_same(origin, headers) || is_listed(origin, origins)
}

/// The origin if the settings list it: cross-origin answers name it (`Access-Control-Allow-Origin`).
pub fn listed<'h>(headers: &'h HeaderMap, origins: &[String]) -> Option<&'h str> {
    let origin = headers.get(ORIGIN)?.to_str().ok()?;
    is_listed(origin, origins).then_some(origin)
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
    origins.iter().any(|o| o == "*" || o.trim_end_matches('/').eq_ignore_ascii_case(origin))
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
}
