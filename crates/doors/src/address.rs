//! Who a client is on the network: the peer of its socket or, behind proxies that the settings name, whom they speak for.

use http::{HeaderMap, HeaderName};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A block of addresses: `10.0.0.0/8`, `::1`, or `unix` for whoever comes by a Unix socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// So many leading bits of an address; IPv4 as mapped into IPv6.
    Block(u128, u8),
    /// Unix sockets.
    Unix,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let wrong = || format!("{text:?} is not an address, a block such as 10.0.0.0/8, or unix");
        if text == "unix" {
            return Ok(Network::Unix);
        }
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length: u8 = length.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        match length <= most {
            true => Ok(Network::Block(bits(address), length + (128 - most))),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Network::Unix => f.write_str("unix"),
            Network::Block(bits, length) => write!(f, "{}/{length}", Ipv6Addr::from(*bits)),
        }
    }
}

impl Network {
    fn holds(&self, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Network::Unix, address) => address.is_none(),
            (Network::Block(block, length), Some(address)) => {
                let shift = 128 - u32::from(*length);
                shift == 128 || bits(address) >> shift == block >> shift
            }
            _ => false,
        }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Whether this peer (none: a Unix socket) is a proxy that may say for whom it speaks.
pub fn is_proxy(peer: Option<IpAddr>, proxies: &[Network]) -> bool {
    proxies.iter().any(|proxy| proxy.holds(peer))
}

/// The client's address: read from the end of `X-Forwarded-For`, where each proxy adds its own peer, up to the first that
/// is no proxy of ours. What stands before that anybody can have written.
pub fn of_client(peer: Option<IpAddr>, headers: &HeaderMap, proxies: &[Network]) -> Option<IpAddr> {
    let mut client = peer;
    let listed = headers.get_all(FORWARDED_FOR).iter().rev();
    for entry in listed.flat_map(|line| line.to_str().unwrap_or("?").rsplit(',')) {
        if !is_proxy(client, proxies) {
            break;
        }
        let Some(address) = parse(entry.trim()) else { break };
        client = Some(address);
    }
    client.map(|address| address.to_canonical())
}

/// An address, as some proxies write it with its port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.split_once(']')).map_or(text, |(address, _)| address);
    bare.parse().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|a| a.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let proxies: Vec<Network> = proxies.iter().map(|p| p.parse().unwrap()).collect();
        of_client(peer.parse().ok(), &headers, &proxies).map_or("unix".into(), |a| a.to_string())
    }

    #[test]
    fn only_proxies_of_ours_are_believed_and_only_what_they_add() {
        assert_eq!(client("9.9.9.9", &["1.1.1.1"], &[]), "9.9.9.9");
        assert_eq!(client("10.0.0.1", &["1.1.1.1"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 1.1.1.1"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.9.9.9"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "1.1.1.1"], &["10.0.0.1"]), "1.1.1.1");
        assert_eq!(client("10.0.0.1", &["nonsense"], &["10.0.0.1"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, "], &["10.0.0.1"]), "10.0.0.1");
        assert_eq!(client("::ffff:10.0.0.1", &["[2001:db8::1]:443"], &["10.0.0.1"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &["1.1.1.1:99"], &["0.0.0.0/0"]), "1.1.1.1");
        assert_eq!(client("unix", &["1.1.1.1"], &["unix"]), "1.1.1.1");
        assert_eq!(client("unix", &["1.1.1.1"], &["::/0"]), "unix");
    }

    #[test]
    fn blocks_are_parsed_strictly() {
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "a.example", "10.0.0.0/-1"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
        assert!(!"10.0.0.0/9".parse::<Network>().unwrap().holds("10.128.0.0".parse().ok()));
        assert!("2001:db8::/32".parse::<Network>().unwrap().holds("2001:db8:1::".parse().ok()));
    }
}
