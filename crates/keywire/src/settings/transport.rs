//! The settings of how clients reach the server: TLS, Unix sockets, names, proxies, compression.

use super::deflate::Deflate;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How clients reach the server, beside plain TCP.
#[derive(Clone, Debug, PartialEq)]
pub struct Transport {
    /// Where HTTPS and `wss` are served, with `tls.certificate` and `tls.key`; beside `listen`.
    pub listen_tls: Vec<SocketAddr>,
    /// Unix sockets to serve HTTP and WebSocket on, for proxies on the same machine. A dead one is replaced.
    pub listen_unix: Vec<String>,
    /// Who may connect to the Unix sockets: their permissions, in octal.
    pub listen_unix_mode: String,
    /// Names by which browsers reach this server: `live.example.com`, `*.example.com`, or `*` for any. A request whose
    /// `Host` is none of them, nor `localhost`, nor an address, is refused with 421, so that no page can have a name of its
    /// own point here (DNS rebinding). Health checks are not concerned.
    pub hosts: Vec<String>,
    /// Proxies that are believed when they say for whom they speak (`X-Forwarded-For`): addresses, blocks such as
    /// `10.0.0.0/8`, or `unix` for those that come by a Unix socket. What others say there is ignored.
    pub trusted_proxies: Vec<String>,
    /// TLS for clients.
    pub tls: Tls,
    /// Compression of WebSocket messages.
    pub deflate: Deflate,
}

/// TLS for clients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tls {
    /// The server's certificate and its chain (PEM), for `listen_tls`. The files of TLS are looked at every second: a new
    /// certificate is for connections that come from then on, the others keep theirs.
    pub certificate: Option<PathBuf>,
    /// The key of `tls.certificate` (PEM).
    pub key: Option<PathBuf>,
    /// Certificates (PEM) of those who may have signed the clients'. With it, a client without a certificate is refused.
    pub client_ca: Option<PathBuf>,
}

impl Default for Transport {
    fn default() -> Transport {
        Transport {
            listen_tls: Vec::new(),
            listen_unix: Vec::new(),
            listen_unix_mode: "660".to_owned(),
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            tls: Tls::default(),
            deflate: Deflate::default(),
        }
    }
}
