//! Where Redis is, as one URL: `redis://user:password@host:6379/0` and its relatives.
//!
//! | scheme | what is there |
//! |---|---|
//! | `redis://HOST[:PORT][/DB]` | one server |
//! | `redis+unix:///PATH[?db=DB]`, `unix://` | one server, by a socket of this machine |
//! | `redis-sentinel://HOST[:PORT],HOST…[/DB]?master=NAME` | Sentinels, which name the primary |
//! | `redis-cluster://HOST[:PORT],HOST…` | some nodes of a cluster |
//!
//! `valkey` may stand for `redis`, and `rediss`, `valkeys` speak TLS (`rediss://`, `rediss-cluster://`, …).
//!
//! No error repeats what stands before the `@`, and what is shown of a URL has its password replaced: both may end up in
//! a log.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use upstream::{Address, Credentials, Topology};

/// The port of a server that names none.
const REDIS_PORT: u16 = 6379;
/// The port of a Sentinel that names none.
const SENTINEL_PORT: u16 = 26379;
/// Stands for a password.
const HIDDEN: &str = "***";

/// A parsed URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// Where to connect first.
    pub topology: Topology,
    /// The ACL user; none: the default one.
    pub user: Option<String>,
    /// The password, where the URL has one.
    pub password: Option<String>,
    /// The database that is shown.
    pub database: u32,
    /// Whether connections are encrypted.
    pub tls: bool,
}

impl Url {
    /// What to say at `AUTH`, as far as the URL knows.
    pub fn credentials(&self) -> Option<Credentials> {
        let password = self.password.clone()?;
        Some(Credentials { user: self.user.clone(), password })
    }
}

impl fmt::Display for Url {
    /// The URL with its password replaced by `***`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, addresses): (_, &[Address]) = match &self.topology {
            Topology::Standalone(address @ Address::Unix(_)) => ("+unix", std::slice::from_ref(address)),
            Topology::Standalone(address) => ("", std::slice::from_ref(address)),
            Topology::Sentinel { sentinels, .. } => ("-sentinel", sentinels),
            Topology::Cluster { seeds } => ("-cluster", seeds),
        };
        write!(f, "redis{}{kind}://", if self.tls { "s" } else { "" })?;
        match (&self.user, &self.password) {
            (user, Some(_)) => write!(f, "{}:{HIDDEN}@", user.as_deref().unwrap_or(""))?,
            (Some(user), None) => write!(f, "{user}@")?,
            (None, None) => {}
        }
        for (at, address) in addresses.iter().enumerate() {
            write!(f, "{}{address}", if at == 0 { "" } else { "," })?;
        }
        match &self.topology {
            Topology::Standalone(Address::Unix(_)) if self.database > 0 => write!(f, "?db={}", self.database),
            Topology::Sentinel { master, .. } => write!(f, "/{}?master={master}", self.database),
            Topology::Standalone(Address::Tcp { .. }) => write!(f, "/{}", self.database),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

/// What is wrong with a URL: the end of a sentence that begins with where it was given. Repeats no password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UrlError(String);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UrlError {}

fn wrong<T>(what: impl Into<String>) -> Result<T, UrlError> {
    Err(UrlError(what.into()))
}

/// `text` as it may be shown: what stands where a URL has its password is replaced, whether it is a URL or not.
pub fn redacted(text: &str) -> String {
    let Some((before, rest)) = text.split_once("://") else { return text.to_owned() };
    // The last one: a password with an @ that should have been encoded is a password all the same.
    let Some((secret, after)) = rest.rsplit_once('@') else { return text.to_owned() };
    let user = secret.split_once(':').map_or(secret, |(user, _)| user);
    let hidden = if secret.contains(':') { format!(":{HIDDEN}") } else { String::new() };
    format!("{before}://{user}{hidden}@{after}")
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Url, UrlError> {
        const EXAMPLE: &str = "this is no URL such as redis://127.0.0.1:6379/0 or redis+unix:///run/redis.sock";
        let Some((scheme, rest)) = text.trim().split_once("://") else { return wrong(EXAMPLE) };
        let (tls, kind) = scheme_of(scheme)?;
        let (secret, rest) = match rest.rsplit_once('@') {
            Some((secret, rest)) => (Some(secret), rest),
            None => (None, rest),
        };
        let (user, password) = secret.map_or(Ok((None, None)), user_and_password)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let options = Options::parse(query)?;
        let (topology, database) = kind.place(place, &options)?;
        if options.master.is_some() && !matches!(topology, Topology::Sentinel { .. }) {
            return wrong("master=… belongs to redis-sentinel://");
        }
        if tls && matches!(topology, Topology::Standalone(Address::Unix(_))) {
            return wrong("a Unix socket needs no TLS: redis+unix://");
        }
        Ok(Url { topology, user, password, database, tls })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Server,
    Unix,
    Sentinel,
    Cluster,
}

/// Whether the scheme is encrypted, and what it leads to.
fn scheme_of(scheme: &str) -> Result<(bool, Kind), UrlError> {
    const KNOWN: &str = "redis, rediss (TLS), redis+unix, redis-sentinel, redis-cluster, or valkey in place of redis";
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "unix" {
        return Ok((false, Kind::Unix));
    }
    let rest = scheme.strip_prefix("redis").or_else(|| scheme.strip_prefix("valkey"));
    let Some(rest) = rest else { return wrong(format!("{scheme:?} is no scheme known here: {KNOWN}")) };
    let (tls, kind) = rest.strip_prefix('s').map_or((false, rest), |kind| (true, kind));
    let kind = match kind {
        "" => Kind::Server,
        "+unix" => Kind::Unix,
        "-sentinel" => Kind::Sentinel,
        "-cluster" => Kind::Cluster,
        _ => return wrong(format!("{scheme:?} is no scheme known here: {KNOWN}")),
    };
    Ok((tls, kind))
}

fn user_and_password(secret: &str) -> Result<(Option<String>, Option<String>), UrlError> {
    if secret.contains(['/', '?', '#', '@']) {
        return wrong("before the @, write the characters / ? # @ as %2F %3F %23 %40");
    }
    let (user, password) = secret.split_once(':').map_or((secret, None), |(user, password)| (user, Some(password)));
    let decoded = |text: &str, what: &str| {
        decode(text).ok_or_else(|| UrlError(format!("the {what} is badly encoded: write % as %25")))
    };
    let user = Some(decoded(user, "user")?).filter(|user| !user.is_empty());
    Ok((user, password.map(|password| decoded(password, "password")).transpose()?))
}

/// Undoes percent-encoding; none if it is none, or hides no UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
        bytes.push((digit(0)? * 16 + digit(1)?) as u8);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

#[derive(Default)]
struct Options {
    master: Option<String>,
    database: Option<u32>,
}

impl Options {
    fn parse(query: &str) -> Result<Options, UrlError> {
        let mut options = Options::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value).ok_or_else(|| UrlError(format!("the option {name} is badly encoded")))?;
            match name {
                "master" if !value.is_empty() => options.master = Some(value),
                "db" => options.database = Some(database_of(&value)?),
                "ca" | "cert" | "key" | "insecure" | "ssl_cert_reqs" => {
                    return wrong("TLS is set by redis_ca, redis_cert, redis_key and redis_tls_verify, not in the URL");
                }
                _ => return wrong(format!("{name:?} is no option known here: master=NAME, db=NUMBER")),
            }
        }
        Ok(options)
    }
}

fn database_of(text: &str) -> Result<u32, UrlError> {
    match text.parse() {
        Ok(database) => Ok(database),
        Err(_) => wrong("a database is a number, as in redis://host:6379/0"),
    }
}

impl Kind {
    /// What stands between the credentials and the options.
    fn place(self, place: &str, options: &Options) -> Result<(Topology, u32), UrlError> {
        if self == Kind::Unix {
            return unix(place, options);
        }
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        let database = match (path, options.database) {
            ("", database) => database.unwrap_or(0),
            (path, None) => database_of(path)?,
            _ => return wrong("the database is given twice"),
        };
        let port = if self == Kind::Sentinel { SENTINEL_PORT } else { REDIS_PORT };
        let addresses = hosts.split(',').map(|host| address(host, port)).collect::<Result<Vec<_>, _>>()?;
        let topology = match self {
            Kind::Sentinel => {
                let Some(master) = options.master.clone() else {
                    return wrong("Sentinels must be asked for a name: redis-sentinel://host/0?master=mymaster");
                };
                Topology::Sentinel { sentinels: addresses, master }
            }
            Kind::Cluster if database != 0 => return wrong("a cluster has only database 0"),
            Kind::Cluster => Topology::Cluster { seeds: addresses },
            _ => match <[Address; 1]>::try_from(addresses) {
                Ok([address]) => Topology::Standalone(address),
                Err(_) => return wrong("several hosts are redis-cluster:// or redis-sentinel://, not redis://"),
            },
        };
        Ok((topology, database))
    }
}

fn unix(place: &str, options: &Options) -> Result<(Topology, u32), UrlError> {
    let Some(path) = decode(place).filter(|path| path.starts_with('/')) else {
        return wrong("a Unix socket is an absolute path, as in redis+unix:///run/redis/redis.sock?db=0");
    };
    Ok((Topology::Standalone(Address::Unix(PathBuf::from(path))), options.database.unwrap_or(0)))
}

/// `host`, `host:port`, `[::1]` or `[::1]:port`.
fn address(text: &str, default_port: u16) -> Result<Address, UrlError> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => (host, port),
        Some(_) => return wrong("between [ and ] stands an IPv6 address, as in redis://[::1]:6379"),
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    // Not repeated: where an @ was forgotten, it is the password.
    let port = match port.strip_prefix(':') {
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => port,
            _ => {
                return wrong(
                    "what stands behind the host's : is no port from 1 to 65535 (IPv6 addresses stand in [ ])",
                );
            }
        },
        None if port.is_empty() => default_port,
        None => return wrong("a port stands behind ], as in redis://[::1]:6379"),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    match !host.is_empty() && host.chars().all(is_name) {
        true => Ok(Address::Tcp { host: host.to_owned(), port }),
        false => wrong("a host is missing, or has characters that no host name has"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.into(), port }
    }

    fn parse(text: &str) -> Url {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn one_server() {
        for (text, host, port, database, tls) in [
            ("redis://localhost", "localhost", 6379, 0, false),
            ("redis://10.0.0.1:7000/3", "10.0.0.1", 7000, 3, false),
            ("redis://h?db=5", "h", 6379, 5, false),
            ("rediss://a-b.example.com:6380/0", "a-b.example.com", 6380, 0, true),
            ("valkeys://h/", "h", 6379, 0, true),
            ("VALKEY://[::1]/1", "::1", 6379, 1, false),
            ("redis://[2001:db8::7]:6400", "2001:db8::7", 6400, 0, false),
        ] {
            let url = parse(text);
            assert_eq!(url.topology, Topology::Standalone(tcp(host, port)), "{text}");
            assert_eq!((url.database, url.tls, url.user, url.password), (database, tls, None, None), "{text}");
        }
    }

    #[test]
    fn a_socket_of_this_machine() {
        for (text, database) in [("redis+unix:///run/r.sock", 0), ("unix:///run/r.sock?db=4", 4)] {
            let url = parse(text);
            assert_eq!(url.topology, Topology::Standalone(Address::Unix("/run/r.sock".into())));
            assert_eq!(url.database, database);
        }
        assert_eq!(parse("redis+unix://:pw@/run/r.sock").password.as_deref(), Some("pw"));
    }

    #[test]
    fn sentinels_and_clusters() {
        let url = parse("redis-sentinel://u:p@a,b:1,[::1]/2?master=main");
        let sentinels = vec![tcp("a", 26379), tcp("b", 1), tcp("::1", 26379)];
        assert_eq!(url.topology, Topology::Sentinel { sentinels, master: "main".into() });
        assert_eq!(url.database, 2);
        let url = parse("valkeys-cluster://a:7000,b");
        assert_eq!(url.topology, Topology::Cluster { seeds: vec![tcp("a", 7000), tcp("b", 6379)] });
        assert!(url.tls);
    }

    #[test]
    fn credentials_are_decoded() {
        let url = parse("redis://us%40er:p%2Fa%25ss%3A%F0%9F%94%91@h");
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("us@er"), Some("p/a%ss:🔑")));
        let url = parse("redis://:a:b@h");
        assert_eq!((url.user, url.password.as_deref()), (None, Some("a:b")));
        let url = parse("redis://user@h");
        assert_eq!((url.user.as_deref(), url.password), (Some("user"), None));
        let url = parse("redis://user:@h");
        assert_eq!(url.password.as_deref(), Some(""));
    }

    #[test]
    fn what_is_shown_can_be_read_again_but_for_the_password() {
        for text in [
            "redis://h:6379/0",
            "rediss://user:***@[::1]:1/3",
            "redis+unix:///run/r.sock?db=2",
            "redis-sentinel://:***@a:26379,b:1/0?master=m",
            "rediss-cluster://u@a:6379,b:6379",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
        let shown = format!("{:?} {0}", parse("redis://u:hunter2@h"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn mistakes_are_named_and_repeat_no_password() {
        for (text, says) in [
            ("hunter2", "no URL"),
            ("http://:hunter2@h", "no scheme"),
            ("redis-x://:hunter2@h", "no scheme"),
            ("redis://:hunter2/x@h", "%2F"),
            ("redis://:hunter2?x@h", "%3F"),
            ("redis://:hunter2@x@h", "%40"),
            ("redis://:hunter2%zz@h", "%25"),
            ("redis://:hunter2%f@h", "%25"),
            ("redis://:hunter2%ff@h", "%25"),
            ("redis://:hunter2", "no port"),
            ("redis://:hunter2@", "host is missing"),
            ("redis://:hunter2@h:0", "no port"),
            ("redis://:hunter2@h:65536", "no port"),
            ("redis://:hunter2@::1", "[ ]"),
            ("redis://:hunter2@[::g]", "IPv6"),
            ("redis://:hunter2@[::1]6379", "behind ]"),
            ("redis://:hunter2@h/zero", "a number"),
            ("redis://:hunter2@h/1?db=1", "twice"),
            ("redis://:hunter2@a,b", "several hosts"),
            ("redis://:hunter2@h?master=m", "redis-sentinel"),
            ("redis://:hunter2@h?ca=x", "redis_ca"),
            ("redis://:hunter2@h?colour=x", "\"colour\" is no option"),
            ("redis-sentinel://:hunter2@h", "?master="),
            ("redis-cluster://:hunter2@h/1", "database 0"),
            ("rediss+unix://:hunter2@/x", "no TLS"),
            ("unix://x", "absolute path"),
        ] {
            let error = text.parse::<Url>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn any_text_is_redacted() {
        for (text, shown) in [
            ("redis://u:hunter2@h:1/0", "redis://u:***@h:1/0"),
            ("redis://:hun@ter/2@h", "redis://:***@h"),
            ("--set redis=redis://:x@h", "--set redis=redis://:***@h"),
            ("redis://u@h", "redis://u@h"),
            ("lanes=3", "lanes=3"),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }
}
