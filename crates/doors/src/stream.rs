//! A client's socket: TCP or Unix, plain or with TLS; read and written without ever waiting.
//!
//! The same type serves the handshake, HTTP and WebSocket. The pump writes from outside of any task, so a write must not
//! wait: TLS is a state machine beside the socket, and what it could not hand to the kernel is [`Stream::wants_write`].

use rustls::{ServerConfig, ServerConnection};
use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// An accepted socket on its way to its lane's thread.
pub enum Accepted {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// Unix.
    Unix(std::os::unix::net::UnixStream),
}

impl Accepted {
    /// Bounds what the kernel holds for the client.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub fn set_send_buffer(&self, bytes: usize) -> io::Result<()> {
        match self {
            Accepted::Tcp(stream) => socket2::SockRef::from(stream).set_send_buffer_size(bytes),
            Accepted::Unix(stream) => socket2::SockRef::from(stream).set_send_buffer_size(bytes),
        }
    }
}

/// A socket, watched by this thread's event loop.
#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A client's socket with its TLS, if there is any.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    tls: Option<Box<RefCell<ServerConnection>>>,
}

/// Calls the same method of either kind of socket.
macro_rules! either {
    ($socket:expr, $stream:ident => $call:expr) => {
        match $socket {
            Socket::Tcp($stream) => $call,
            Socket::Unix($stream) => $call,
        }
    };
}

impl Socket {
    fn register(socket: Accepted) -> io::Result<Socket> {
        Ok(match socket {
            Accepted::Tcp(stream) => Socket::Tcp(TcpStream::from_std(stream)?),
            Accepted::Unix(stream) => Socket::Unix(UnixStream::from_std(stream)?),
        })
    }

    fn sock(&self) -> socket2::SockRef<'_> {
        either!(self, stream => socket2::SockRef::from(stream))
    }

    /// What one call to `io` gives; that it would block is remembered by the event loop.
    fn try_io<R>(&self, interest: Interest, io: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        either!(self, stream => stream.try_io(interest, io))
    }

    fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || (&*self.sock()).read(into))
    }
}

impl Stream {
    /// An accepted socket, served by this thread's event loop from now on.
    ///
    /// # Errors
    /// When the event loop takes no more sockets, or the TLS settings make no session.
    pub fn new(socket: Accepted, tls: Option<Arc<ServerConfig>>) -> io::Result<Stream> {
        let session = |config| ServerConnection::new(config).map(|s| Box::new(RefCell::new(s)));
        let tls = tls.map(session).transpose().map_err(io::Error::other)?;
        Ok(Stream { socket: Socket::register(socket)?, tls })
    }

    /// The same socket registered anew: it lets go of finished tasks that its old registration refers to.
    ///
    /// # Errors
    /// When the event loop takes no more sockets.
    pub fn registered_anew(self) -> io::Result<Stream> {
        let socket = match self.socket {
            Socket::Tcp(stream) => Accepted::Tcp(stream.into_std()?),
            Socket::Unix(stream) => Accepted::Unix(stream.into_std()?),
        };
        Ok(Stream { socket: Socket::register(socket)?, tls: self.tls })
    }

    /// The server's side of the TLS handshake; nothing to do without TLS.
    ///
    /// # Errors
    /// Whatever ends it: the client's alert, bytes that are no TLS, a certificate that is missing.
    pub async fn shake_hands(&self) -> io::Result<()> {
        let Some(session) = &self.tls else { return Ok(()) };
        loop {
            self.try_flush().or_else(ignore_would_block)?;
            if !session.borrow().is_handshaking() {
                return Ok(());
            }
            let wants_write = session.borrow().wants_write();
            let interest = if wants_write { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            either!(&self.socket, stream => stream.ready(interest).await)?;
            match self.read_tls(session) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) => ignore_would_block(error)?,
            }
        }
    }

    /// Reads what there is.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; else the connection is of no more use.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        let Some(session) = &self.tls else { return self.socket.recv(into) };
        loop {
            match session.borrow_mut().reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Cut off without TLS's own goodbye: WebSocket and HTTP say themselves where a message ends.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            if self.read_tls(session)? == 0 {
                return Ok(0);
            }
        }
    }

    /// Whether a read that filled less than it was given has emptied the socket: TLS may hold back what came with it.
    pub fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// Appends what TLS has decrypted and nobody has read: the event loop does not tell of it.
    pub fn take_decrypted(&self, into: &mut Vec<u8>) {
        if let Some(session) = &self.tls {
            // It ends with `WouldBlock`, and what came before that is there.
            let _ = session.borrow_mut().reader().read_to_end(into);
        }
    }

    /// Writes what the socket takes. With TLS, what was taken may still wait for the socket: [`Stream::wants_write`].
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing now; else the connection is of no more use.
    pub fn try_write(&self, chunks: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(session) = &self.tls else {
            // Straight to the kernel: the event loop's own bookkeeping is only needed once the socket takes nothing.
            let sock = self.socket.sock();
            return match chunks {
                [one] => sock.send(one),
                several => sock.send_vectored(several),
            };
        };
        self.try_flush()?;
        let taken = session.borrow_mut().writer().write_vectored(chunks)?;
        self.try_flush().or_else(ignore_would_block)?;
        // The buffer of the session was empty, so nothing taken means that nothing was given.
        Ok(taken)
    }

    /// Whether encrypted bytes wait for the socket.
    pub fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|session| session.borrow().wants_write())
    }

    /// Hands encrypted bytes to the kernel until none are left.
    ///
    /// # Errors
    /// `WouldBlock` when some are left; else the connection is of no more use.
    pub fn try_flush(&self) -> io::Result<()> {
        let Some(session) = &self.tls else { return Ok(()) };
        let mut session = session.borrow_mut();
        while session.wants_write() {
            session.write_tls(&mut Kernel(&self.socket))?;
        }
        Ok(())
    }

    /// Nothing more will be written.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub fn shutdown(&self) -> io::Result<()> {
        if let Some(session) = &self.tls {
            session.borrow_mut().send_close_notify();
            self.try_flush()?;
        }
        self.socket.sock().shutdown(Shutdown::Write)
    }

    /// Tells the event loop that the socket was found not ready. It is edge triggered: what changes from now on is told.
    pub fn not_ready(&self, interest: Interest) {
        let _ = self.socket.try_io(interest, || Err::<(), _>(ErrorKind::WouldBlock.into()));
    }

    /// Ready when there may be something to read.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&self.socket, stream => stream.poll_read_ready(cx))
    }

    /// Ready when the socket may take something.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&self.socket, stream => stream.poll_write_ready(cx))
    }

    fn read_tls(&self, session: &RefCell<ServerConnection>) -> io::Result<usize> {
        let mut session = session.borrow_mut();
        let read = session.read_tls(&mut Kernel(&self.socket))?;
        let processed = session.process_new_packets().map_err(|error| io::Error::other(format!("TLS: {error}")));
        if processed.is_err() {
            // What the client should hear of it; it may be gone already.
            let _ = session.write_tls(&mut Kernel(&self.socket));
        }
        processed.map(|_| read)
    }

    /// Writes once the socket takes something.
    fn poll_write_chunks(&self, cx: &mut Context<'_>, chunks: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(chunks) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.not_ready(Interest::WRITABLE),
                written => return Poll::Ready(written),
            }
            ready!(self.poll_write_ready(cx))?;
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) => ignore_would_block(error)?,
            }
            ready!(self.poll_read_ready(cx))?;
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_chunks(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        chunks: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_chunks(cx, chunks)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.try_flush() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.not_ready(Interest::WRITABLE),
                flushed => return Poll::Ready(flushed),
            }
            ready!(self.poll_write_ready(cx))?;
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(session) = &self.tls {
            session.borrow_mut().send_close_notify();
        }
        ready!(self.as_mut().poll_flush(cx))?;
        Poll::Ready(self.socket.sock().shutdown(Shutdown::Write))
    }
}

/// The socket as rustls reads and writes it.
struct Kernel<'a>(&'a Socket);

impl Read for Kernel<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.recv(into)
    }
}

impl Write for Kernel<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_io(Interest::WRITABLE, || self.0.sock().send(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ignore_would_block(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::WouldBlock { Ok(()) } else { Err(error) }
}
