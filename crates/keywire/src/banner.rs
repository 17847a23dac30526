//! What a person sees when the server starts: what listens where, and what to try next.

use doors::Endpoint;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What there is to tell.
pub struct Banner<'a> {
    /// Where it really listens (a port that was given as 0 has its number).
    pub listening: &'a [Endpoint],
    /// The same for Redis' own protocol.
    pub resp: &'a [SocketAddr],
    /// The path before every endpoint's.
    pub prefix: &'a str,
    /// The node's name.
    pub node: &'a str,
    /// Threads that serve connections.
    pub lanes: usize,
    /// One word or two for where the data is.
    pub backend: &'a str,
    /// What becomes of the data when the process ends, where that is this process's business.
    pub kept: Option<&'a str>,
    /// Whether the demo's pages are served.
    pub demo: bool,
    /// What clients without a token may do; empty: nothing.
    pub anonymous: &'a [String],
}

impl Banner<'_> {
    /// The text; with `colour` for a terminal, plain otherwise.
    pub fn text(&self, colour: bool) -> String {
        let (bold, dim, off) = if colour { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
        let (version, lanes) = (env!("CARGO_PKG_VERSION"), plural(self.lanes, "lane"));
        let mut text = format!("{bold}keywire {version}{off} · node {} · {lanes} · {}\n\n", self.node, self.backend);
        for endpoint in self.listening {
            let page = if self.demo { "demo      " } else { "HTTP      " };
            match endpoint {
                Endpoint::Tcp { address, tls } => {
                    let (base, s) = (self.base(*address), if *tls { "s" } else { "" });
                    line(&mut text, page, &format!("{bold}http{s}://{base}/{off}"));
                    line(&mut text, "WebSocket ", &format!("ws{s}://{base}/ws"));
                }
                Endpoint::Unix(path) => line(&mut text, "Unix      ", &path.display().to_string()),
            }
        }
        for address in self.resp {
            line(&mut text, "RESP      ", &format!("redis://{}", reachable(*address)));
        }
        if let Some(kept) = self.kept {
            line(&mut text, "data      ", kept);
        }
        if self.anonymous.is_empty() {
            line(&mut text, "anonymous ", "nothing: clients need a token");
        } else {
            line(&mut text, "anonymous ", &self.anonymous.join(" "));
        }
        let plain = self.listening.iter().find_map(|endpoint| match endpoint {
            Endpoint::Tcp { address, tls: false } => Some(*address),
            _ => None,
        });
        if let Some(address) = plain {
            let base = self.base(address);
            let _ = writeln!(text, "\n{dim}Watch a key, change it, see it move:{off}");
            let commands = [
                format!("curl -N 'http://{base}/sse?live=GET%20greeting'"),
                format!(
                    "curl http://{base}/command -H 'content-type: application/json' -d '[\"SET\",\"greeting\",\"hello\"]'"
                ),
                format!("npx wscat -c 'ws://{base}/raw?live=GET%20greeting'"),
                format!("curl http://{base}/metrics"),
            ];
            let redis_cli = self.resp.first().map(|address| {
                let address = reachable(*address);
                format!("redis-cli -h {} -p {} SET greeting hello", address.ip(), address.port())
            });
            for command in commands.into_iter().chain(redis_cli) {
                let _ = writeln!(text, "  {command}");
            }
        }
        text.push('\n');
        text
    }

    /// Host, port and prefix by which this machine reaches the address.
    fn base(&self, address: SocketAddr) -> String {
        format!("{}{}", reachable(address), self.prefix)
    }
}

/// The address by which this machine reaches what listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn line(text: &mut String, what: &str, value: &str) {
    let _ = writeln!(text, "  {what}  {value}");
}

fn plural(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(listening: &[SocketAddr], demo: bool, colour: bool) -> String {
        let tcp_or_tls = |address: &SocketAddr| Endpoint::Tcp { address: *address, tls: address.port() == 443 };
        let anonymous = ["~*".to_owned(), "+@all".to_owned()];
        let (backend, resp) = ("embedded store", &["0.0.0.0:6380".parse().unwrap()]);
        let (listening, kept) = (
            &listening.iter().map(tcp_or_tls).chain([Endpoint::Unix("/run/k.sock".into())]).collect::<Vec<_>>(),
            Some("nothing is kept"),
        );
        Banner { listening, resp, prefix: "/live", node: "n1", lanes: 2, backend, kept, demo, anonymous: &anonymous }
            .text(colour)
    }

    #[test]
    fn every_listener_is_told_by_an_address_that_can_be_opened() {
        let text = banner(&["0.0.0.0:80".parse().unwrap(), "[::1]:81".parse().unwrap()], true, false);
        assert!(text.contains("demo        http://127.0.0.1:80/live/\n"), "{text}");
        assert!(text.contains("ws://[::1]:81/live/ws\n") && text.contains("  /run/k.sock\n"), "{text}");
        assert!(text.contains("2 lanes") && text.contains("~* +@all"), "{text}");
        assert!(text.contains("redis://127.0.0.1:6380\n"), "{text}");
        assert!(text.contains("data        nothing is kept\n"), "{text}");
        assert!(text.contains("redis-cli -h 127.0.0.1 -p 6380 SET greeting hello\n"), "{text}");
        assert!(text.contains("curl -N 'http://127.0.0.1:80/live/sse?live=GET%20greeting'"), "{text}");
    }

    #[test]
    fn tls_is_told_by_its_scheme_and_examples_are_for_what_is_plain() {
        let text = banner(&["127.0.0.1:443".parse().unwrap(), "127.0.0.1:81".parse().unwrap()], false, false);
        assert!(text.contains("wss://127.0.0.1:443/live/ws") && text.contains("curl http://127.0.0.1:81"), "{text}");
        assert!(!banner(&["127.0.0.1:443".parse().unwrap()], false, false).contains("curl"));
    }

    #[test]
    fn no_escapes_but_on_a_terminal() {
        let listening = ["127.0.0.1:7700".parse().unwrap()];
        assert!(!banner(&listening, false, false).contains('\x1b'));
        assert!(banner(&listening, false, true).contains('\x1b'));
    }
}
