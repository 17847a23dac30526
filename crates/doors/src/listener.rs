//! Accepting: each new socket goes to the lane with the fewest.

use crate::http::{self, Config};
use runtime::Lanes;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// A bound address.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// Binds `address` and listens, so that the port is known (0: any) and taken before anything else starts.
///
/// # Errors
/// The operating system's: the address is in use, or not this machine's.
pub fn bind(address: SocketAddr) -> io::Result<Listener> {
    /// Connections that may wait to be accepted: a whole site reconnecting at once.
    const BACKLOG: i32 = 4096;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let socket = TcpListener::from(socket);
    let address = socket.local_addr()?;
    Ok(Listener { socket, address })
}

impl Listener {
    /// The address with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bound socket.
    pub(crate) fn into_socket(self) -> TcpListener {
        self.socket
    }

    /// Accepts until it is dropped.
    ///
    /// # Errors
    /// When the socket cannot be watched at all; failing accepts are logged and tried again.
    pub async fn run(self, lanes: Lanes, config: Arc<Config>) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.socket)?;
        loop {
            match listener.accept().await {
                Ok((socket, _)) => {
                    if let Err(error) = hand_over(socket, &lanes, &config) {
                        tracing::debug!(%error, "a connection was gone before it was served");
                    }
                }
                // Out of file descriptors, as a rule: without a pause this would spin.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

fn hand_over(socket: tokio::net::TcpStream, lanes: &Lanes, config: &Arc<Config>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket2::SockRef::from(&socket).set_send_buffer_size(config.limits.socket_bytes_max)?;
    let (socket, config, lanes_for_doors) = (socket.into_std()?, config.clone(), lanes.clone());
    lanes.hand_over(move |lane, arrival| http::serve(lane, socket, arrival, lanes_for_doors, config));
    Ok(())
}
