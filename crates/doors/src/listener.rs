//! Accepting: each new socket goes to the lane with the fewest. What is over a limit ends here, before it costs anything.

use crate::address::is_proxy;
use crate::entrance::{Entrance, Refusal};
use crate::http::{self, Config, Socket};
use crate::stream::Accepted;
use runtime::Lanes;
use socket2::{Domain, Protocol, SockAddr, Type};
use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Connections that may wait to be accepted: a whole site reconnecting at once.
const BACKLOG: i32 = 4096;

/// What all doors of a node have in common.
#[derive(Clone)]
pub struct Doors {
    pub(crate) lanes: Lanes,
    pub(crate) entrance: Arc<Entrance>,
    config: watch::Receiver<Arc<Config>>,
}

impl Doors {
    /// The doors of a node; each request is served under the configuration that `config` has when it comes.
    pub fn new(lanes: Lanes, config: watch::Receiver<Arc<Config>>) -> Doors {
        let entrance = Arc::new(Entrance::new(lanes.clock()));
        Doors { lanes, entrance, config }
    }

    /// The configuration now.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.borrow().clone()
    }
}

/// A bound address, or a bound Unix socket.
pub struct Listener {
    bound: Bound,
}

enum Bound {
    Tcp { socket: TcpListener, address: SocketAddr, tls: bool },
    Unix { socket: UnixListener, path: SocketFile },
}

/// A Unix socket's file; removed when dropped.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody else may have removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Where a listener listens, as a person would write it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// An address with its real port; `tls`: TLS is spoken there.
    Tcp {
        /// The address.
        address: SocketAddr,
        /// Whether TLS is spoken.
        tls: bool,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp { address, .. } => address.fmt(f),
            Endpoint::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Binds `address` and listens, so that the port is known (0: any) and taken before anything else starts.
///
/// # Errors
/// The operating system's: the address is in use, or not this machine's.
pub fn bind(address: SocketAddr, tls: bool) -> io::Result<Listener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let socket = TcpListener::from(socket);
    let address = socket.local_addr()?;
    Ok(Listener { bound: Bound::Tcp { socket, address, tls } })
}

/// Binds a Unix socket with these permissions and listens. A socket that nobody serves any more is replaced.
///
/// # Errors
/// The operating system's: somebody serves the socket, or the file cannot be made.
pub fn bind_unix(path: &Path, mode: u32) -> io::Result<Listener> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let address = SockAddr::unix(path)?;
    match socket.bind(&address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
            std::fs::remove_file(path)?;
            socket.bind(&address)?;
        }
        bound => bound?,
    }
    let path = SocketFile(path.to_owned());
    // Before it listens: nobody can connect yet.
    std::fs::set_permissions(&path.0, std::fs::Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(Listener { bound: Bound::Unix { socket: UnixListener::from(socket), path } })
}

fn is_abandoned(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    is_socket && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

impl Listener {
    /// Where it listens.
    pub fn endpoint(&self) -> Endpoint {
        match &self.bound {
            Bound::Tcp { address, tls, .. } => Endpoint::Tcp { address: *address, tls: *tls },
            Bound::Unix { path, .. } => Endpoint::Unix(path.0.clone()),
        }
    }

    /// The bound socket, if it is one of TCP.
    pub(crate) fn into_tcp(self) -> Option<TcpListener> {
        match self.bound {
            Bound::Tcp { socket, .. } => Some(socket),
            Bound::Unix { .. } => None,
        }
    }

    /// Accepts until it is dropped.
    ///
    /// # Errors
    /// When the socket cannot be watched at all; failing accepts are logged and tried again.
    pub async fn run(self, doors: Doors) -> io::Result<()> {
        match self.bound {
            Bound::Tcp { socket, tls, .. } => {
                let listener = tokio::net::TcpListener::from_std(socket)?;
                loop {
                    if let Some((socket, peer)) = accepted(listener.accept().await).await {
                        let arrived = socket.into_std().and_then(|s| s.set_nodelay(true).map(|()| s));
                        hand_over(arrived.map(Accepted::Tcp), Some(peer.ip()), tls, &doors);
                    }
                }
            }
            Bound::Unix { socket, path: _path } => {
                let listener = tokio::net::UnixListener::from_std(socket)?;
                loop {
                    if let Some((socket, _)) = accepted(listener.accept().await).await {
                        hand_over(socket.into_std().map(Accepted::Unix), None, false, &doors);
                    }
                }
            }
        }
    }
}

/// Out of file descriptors, as a rule: without a pause this would spin.
async fn accepted<T>(result: io::Result<T>) -> Option<T> {
    match result {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            tracing::warn!(%error, "cannot accept");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

fn hand_over(socket: io::Result<Accepted>, peer: Option<IpAddr>, tls: bool, doors: &Doors) {
    let config = doors.config();
    let limits = &config.limits;
    let socket = socket.and_then(|s| s.set_send_buffer(limits.socket_bytes_max).map(|()| s));
    let socket = match socket {
        Ok(socket) => socket,
        Err(error) => return tracing::debug!(%error, "a connection was gone before it was served"),
    };
    // A proxy speaks for many; its clients are counted when it has said for whom.
    let most = if is_proxy(peer, &config.trusted_proxies) { 0 } else { limits.connections_per_address_max };
    let Some(place) = doors.entrance.addresses.take(peer, most) else {
        doors.entrance.refuse(Refusal::Address, peer, "if it is a proxy, name it in trusted_proxies");
        return turn_away(socket, tls, "429 Too Many Requests", "connections_per_address_max is reached");
    };
    let Some(http) = doors.entrance.enter(limits.http_connections_max) else {
        doors.entrance.refuse(Refusal::Http, peer, "");
        return turn_away(socket, tls, "503 Service Unavailable", "http_connections_max is reached, try later");
    };
    let tls = match (tls, &config.tls) {
        // Settings that hold do not come to this.
        (true, None) => return doors.entrance.refuse(Refusal::Tls, peer, "there is no certificate"),
        (tls, config) => config.clone().filter(|_| tls),
    };
    let doors = doors.clone();
    doors.lanes.clone().hand_over(move |lane, arrival| {
        http::serve(lane, Socket { socket, tls, peer, place, http, arrival }, doors);
    });
}

/// A word on the way out, if it can be had without waiting.
fn turn_away(socket: Accepted, tls: bool, status: &str, why: &str) {
    if !tls {
        let length = why.len() + 1;
        let text = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{why}\n"
        );
        let _ = match socket {
            Accepted::Tcp(mut socket) => socket.write(text.as_bytes()),
            Accepted::Unix(mut socket) => socket.write(text.as_bytes()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_socket_is_private_as_told_and_a_dead_one_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keywire.sock");
        let first = bind_unix(&path, 0o600).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(first.endpoint().to_string(), path.display().to_string());
        let error = bind_unix(&path, 0o600).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "somebody serves it");
        drop(first);
        assert!(!path.exists());
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists() && bind_unix(&path, 0o660).is_ok());
        std::fs::write(&path, "a file").unwrap();
        assert!(bind_unix(&path, 0o660).is_err() && std::fs::read_to_string(&path).unwrap() == "a file");
    }
}
