//! By which names this server may be called: what keeps pages of other sites out that have their own name point here.
//!
//! A page of `evil.example` may have that name resolve to this server's address (DNS rebinding); for the browser it is
//! then of the same origin. The name is still in `Host`. An address is no name, and `localhost` is nobody's.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri, Version};
use std::net::{IpAddr, Ipv6Addr};

/// What is wrong with the `Host` of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// None where one is needed, more than one, or not a host at all.
    Malformed,
    /// Not a name of this server.
    Foreign,
}

/// The host that a request is for, and whether it is one of ours: an address, `localhost`, or one of `hosts` (`*`: any;
/// `*.example.com`: any below it).
///
/// # Errors
/// What is wrong with it.
pub fn check(version: Version, uri: &Uri, headers: &HeaderMap, hosts: &[String]) -> Result<(), Wrong> {
    let mut given = headers.get_all(HOST).iter();
    let (first, more) = (given.next(), given.next());
    let named = match (first, more) {
        (_, Some(_)) => return Err(Wrong::Malformed),
        // RFC 9112, 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that
        // lacks a Host header field". Older clients send none, and browsers are not among them.
        (None, None) if version < Version::HTTP_11 && uri.authority().is_none() => return Ok(()),
        (None, None) => return Err(Wrong::Malformed),
        (Some(host), None) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
    };
    let named = named.filter(|authority| !authority.as_str().contains('@')).ok_or(Wrong::Malformed)?;
    // RFC 9112, 3.2.2: "an origin server MUST ignore the received Host header field (if any) and instead replace it with
    // the host information of the request-target". Which of two names would be trusted is nothing to guess at.
    let named_twice = uri.authority().is_some_and(|target| target.host() != named.host());
    match !named_twice && is_ours(named.host(), hosts) {
        true => Ok(()),
        false => Err(Wrong::Foreign),
    }
}

/// Whether the one who asks calls this server by a name that only this machine has: `localhost`, or a loopback address.
pub fn is_this_machine(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(HOST).iter();
    let (Some(host), None) = (given.next(), given.next()) else { return false };
    let Some(named) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
    let host = named.host().to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn is_ours(host: &str, hosts: &[String]) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_address = host.parse::<IpAddr>().is_ok()
        || host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).is_some_and(|h| h.parse::<Ipv6Addr>().is_ok());
    is_address
        || host == "localhost"
        || host.ends_with(".localhost")
        || hosts.iter().any(|ours| match ours.strip_prefix('*') {
            Some("") => true,
            Some(below) => host.len() > below.len() && host.ends_with(&below.to_ascii_lowercase()),
            None => ours.eq_ignore_ascii_case(&host),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(host: &str, hosts: &[&str]) -> Result<(), Wrong> {
        let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
        let hosts: Vec<String> = hosts.iter().map(|h| h.to_string()).collect();
        check(Version::HTTP_11, &"/ws".parse().unwrap(), &headers, &hosts)
    }

    #[test]
    fn addresses_localhost_and_configured_names_are_ours_and_no_others() {
        for host in ["127.0.0.1:7700", "10.1.2.3", "[::1]:80", "LOCALHOST:7700", "app.localhost", "localhost.:80"] {
            assert_eq!(checked(host, &[]), Ok(()), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:7700", "127.0.0.1.evil.example", "notlocalhost", "keywire"]
        {
            assert_eq!(checked(host, &["live.example"]), Err(Wrong::Foreign), "{host}");
        }
        assert_eq!(checked("Live.Example:443", &["live.example"]), Ok(()));
        assert_eq!(checked("a.example", &["*.example"]), Ok(()));
        assert_eq!(checked(".example", &["*.example"]), Err(Wrong::Foreign));
        assert_eq!(checked("anything", &["*"]), Ok(()));
    }

    #[test]
    fn only_loopback_is_this_machine() {
        let is_this = |host: &str| is_this_machine(&HeaderMap::from_iter([(HOST, host.parse().unwrap())]));
        for host in ["127.0.0.1:7700", "127.9.9.9", "[::1]:80", "LOCALHOST:7700", "app.localhost", "localhost.:80"] {
            assert!(is_this(host), "{host}");
        }
        for host in ["10.1.2.3", "203.0.113.5:80", "[2001:db8::1]", "live.example", "notlocalhost", "", "127.0.0.1.x"] {
            assert!(!is_this(host), "{host}");
        }
        assert!(!is_this_machine(&HeaderMap::new()));
    }

    #[test]
    fn a_host_that_is_none_or_two_is_malformed() {
        for host in ["", "a b", "user@localhost", "[::1", "local/host"] {
            assert_eq!(checked(host, &["*"]), Err(Wrong::Malformed), "{host:?}");
        }
        let (none, uri) = (HeaderMap::new(), "/".parse().unwrap());
        assert_eq!(check(Version::HTTP_11, &uri, &none, &[]), Err(Wrong::Malformed));
        assert_eq!(check(Version::HTTP_10, &uri, &none, &[]), Ok(()));
        let mut two = HeaderMap::new();
        for host in ["localhost", "localhost"] {
            two.append(HOST, host.parse().unwrap());
        }
        assert_eq!(check(Version::HTTP_11, &uri, &two, &[]), Err(Wrong::Malformed));
    }

    #[test]
    fn a_target_with_another_host_is_foreign() {
        let headers = HeaderMap::from_iter([(HOST, "localhost".parse().unwrap())]);
        let checked = |uri: &str| check(Version::HTTP_11, &uri.parse().unwrap(), &headers, &[]);
        assert_eq!(checked("http://localhost/ws"), Ok(()));
        assert_eq!(checked("http://evil.example/ws"), Err(Wrong::Foreign));
    }
}
