//! The RESP port: whoever speaks Redis' protocol talks to the backend's own [`Service`](runtime::Service), as to a Redis.
//!
//! ```text
//!  accept ─► Desk (one, on the backend's thread)
//!            ├─ Client ◄── task: reads, decodes, has commands carried out (`connection`)
//!            └─ Client     what waits to be written, and since when (`client`)
//! ```
//!
//! A connection's task runs on the thread that the backend lives on and calls it: no command changes threads. A task
//! takes what its socket has, up to a slice, and lets the others go on; replies gather until the turn, in which each
//! connection is written once. So a pipeline costs one read and one write, and whoever is slow costs only itself:
//!
//! * A command's words are parts of the read buffer, which all connections share. What has not come whole is the
//!   connection's own and is bounded by `client-query-buffer-limit`.
//! * Replies to a reader that stopped are bounded as `client-output-buffer-limit` says (the connection is closed) and, for
//!   all together, by `output_total_bytes_max` (it is not read from until it has taken what there is).

mod client;
mod connection;
mod desk;
#[cfg(test)]
mod panic_tests;

use crate::listener::Listener;
use desk::Desk;
use runtime::Lanes;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;

/// What the door is made with. What clients may take is said by the service, since they may change it.
#[derive(Clone, Copy, Debug)]
pub struct RespConfig {
    /// What may wait to be written to all clients together, in bytes: over it, those for whom most waits are not
    /// read from.
    pub output_total_bytes_max: usize,
}

/// Serves Redis' protocol on these listeners as long as the node runs; once per node.
pub fn serve_resp(listeners: Vec<Listener>, lanes: &Lanes, config: RespConfig) {
    lanes.run_beside_backend(move |lane| {
        let desk = Rc::new(Desk::new(lane.clone(), config));
        lane.set_desk(desk.clone());
        for listener in listeners {
            tokio::task::spawn_local(accept(listener, desk.clone()));
        }
        tokio::task::spawn_local(desk::sweep(desk));
    });
}

async fn accept(listener: Listener, desk: Rc<Desk>) {
    let Some(socket) = listener.into_tcp() else { return tracing::error!("the RESP port is served on TCP only") };
    let listener = match tokio::net::TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the RESP port cannot be watched"),
    };
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                if let Err(error) = welcome(socket, &desk) {
                    tracing::debug!(%error, "a RESP connection was gone before it was served");
                }
            }
            // Out of file descriptors, as a rule: without a pause this would spin.
            Err(error) => {
                tracing::warn!(%error, "cannot accept on the RESP port");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn welcome(socket: TcpStream, desk: &Rc<Desk>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    /// As Redis' `tcp-keepalive`.
    const KEEPALIVE: Duration = Duration::from_secs(300);
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3).with_retries(3);
    socket2::SockRef::from(&socket).set_tcp_keepalive(&keepalive)?;
    match desk.connect(socket)? {
        Some(client) => drop(tokio::task::spawn_local(connection::run(client, desk.clone()))),
        None => tracing::debug!("a RESP connection was refused: maxclients is reached"),
    }
    Ok(())
}
