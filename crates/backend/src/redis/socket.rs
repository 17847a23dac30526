//! A socket to a server, of whichever kind: read and written without waiting, waited for when there is nothing to do.

use super::tls::{TlsConfig, TlsStream, interest};
use bytes::BytesMut;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};
use upstream::Address;

/// A peer that is gone without a word is noticed after this and three probes; silence while an answer is owed is noticed
/// much earlier, elsewhere.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBE: Duration = Duration::from_secs(5);
/// Where a name has several addresses, each but the last gets so long.
const ADDRESS_TIME: Duration = Duration::from_millis(1000);

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream>),
    /// A Unix socket.
    Unix(UnixStream),
}

impl Socket {
    /// Connects, with TLS if `tls` says how.
    ///
    /// # Errors
    /// Why not: no such name, refused, a certificate that is not to be trusted. Waits as long as the network makes it: who
    /// calls gives up.
    pub async fn connect(address: &Address, tls: Option<&TlsConfig>) -> io::Result<Socket> {
        let (host, port) = match address {
            Address::Unix(path) => return Ok(Socket::Unix(UnixStream::connect(path).await?)),
            Address::Tcp { host, port } => (host.as_str(), *port),
        };
        let tcp = connect_tcp(host, port).await?;
        tcp.set_nodelay(true)?;
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_PROBE).with_retries(3);
        SockRef::from(&tcp).set_tcp_keepalive(&keepalive)?;
        let Some(tls) = tls.cloned() else { return Ok(Socket::Tcp(tcp)) };
        let config = tokio::task::spawn_blocking(move || tls.read()).await.map_err(io::Error::other)?;
        let stream = TlsStream::connect(tcp, host, config.map_err(io::Error::other)?).await?;
        Ok(Socket::Tls(Box::new(stream)))
    }

    /// Reads what there is, as far as `into` has room (grown a little); 0: the server has closed the connection.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; else the connection is of no more use.
    pub fn try_read(&self, into: &mut BytesMut) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.try_read_buf(into),
            Socket::Tls(socket) => socket.try_read(into),
            Socket::Unix(socket) => socket.try_read_buf(into),
        }
    }

    /// A read that did not fill the room it had has emptied the socket: [`Socket::ready`] waits for more, and no further
    /// read is needed to find that nothing is there. Whether that holds of this socket; with TLS it does not. (The event loop
    /// runs on this thread, so it cannot have told of more between that read and this.)
    pub fn is_emptied(&self) -> bool {
        let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        match self {
            Socket::Tcp(socket) => drop(socket.try_io(Interest::READABLE, nothing)),
            Socket::Tls(_) => return false,
            Socket::Unix(socket) => drop(socket.try_io(Interest::READABLE, nothing)),
        }
        true
    }

    /// Writes what the socket takes now.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing; else the connection is of no more use.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.try_write(bytes),
            Socket::Tls(socket) => socket.try_write(bytes),
            Socket::Unix(socket) => socket.try_write(bytes),
        }
    }

    /// Writes what a layer of its own still holds. Whether nothing is left.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub fn try_flush(&self) -> io::Result<bool> {
        let Socket::Tls(socket) = self else { return Ok(true) };
        match socket.write_out() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            written => written.map(|()| true),
        }
    }

    /// Whether a layer of its own holds bytes to write, be it only because of what was read.
    pub fn wants_write(&self) -> bool {
        matches!(self, Socket::Tls(socket) if socket.wants_write())
    }

    /// Waits until there may be something to read, or with `write` until something may be written. Who waits for both must
    /// try both, or it does not wait the next time.
    ///
    /// # Errors
    /// The event loop ends.
    pub async fn ready(&self, write: bool) -> io::Result<()> {
        self.wait(interest(write || self.wants_write())).await
    }

    /// Waits until something may be written.
    ///
    /// # Errors
    /// The event loop ends.
    pub async fn writable(&self) -> io::Result<()> {
        self.wait(Interest::WRITABLE).await
    }

    async fn wait(&self, interest: Interest) -> io::Result<()> {
        match self {
            Socket::Tcp(socket) => socket.ready(interest).await.map(drop),
            Socket::Tls(socket) => socket.tcp().ready(interest).await.map(drop),
            Socket::Unix(socket) => socket.ready(interest).await.map(drop),
        }
    }
}

/// Connects to the first address of a name that takes the connection.
async fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    let Some((last, others)) = addresses.split_last() else {
        return Err(io::Error::other(format!("the name {host} has no address")));
    };
    for address in others {
        if let Ok(Ok(socket)) = tokio::time::timeout(ADDRESS_TIME, TcpStream::connect(address)).await {
            return Ok(socket);
        }
    }
    TcpStream::connect(last).await
}
