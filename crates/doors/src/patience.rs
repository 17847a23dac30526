//! A socket whose peer must read: an HTTP response that is not taken in time ends the connection.
//!
//! The lane pings WebSockets and closes those that do not answer; behind an HTTP response nobody can be asked. Without
//! this, a client that opens `/sse`, or asks for something large, and never reads would be held on to for ever.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// A socket that fails when a write has waited too long.
pub struct Patient<S> {
    socket: S,
    patience: Duration,
    /// Runs while the socket takes nothing.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    /// Waits up to `patience` for the peer to make room.
    pub fn new(socket: S, patience: Duration) -> Patient<S> {
        Patient { socket, patience, waiting: None }
    }

    /// The socket.
    pub fn into_inner(self) -> S {
        self.socket
    }

    fn watch(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.patience)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the response is not read")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.watch(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.watch(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const PATIENCE: Duration = Duration::from_millis(60);

    fn run<F: Future<Output = ()>>(test: F) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    #[test]
    fn who_reads_nothing_is_given_up() {
        run(async {
            let (near, _far) = duplex(4);
            let mut near = Patient::new(near, PATIENCE);
            let begun = Instant::now();
            let error = near.write_all(b"more than four").await.unwrap_err();
            assert!(error.kind() == ErrorKind::TimedOut && begun.elapsed() >= PATIENCE);
        });
    }

    #[test]
    fn who_reads_slowly_is_waited_for() {
        run(async {
            let (near, mut far) = duplex(1);
            let reader = async {
                let mut text = [0; 6];
                for byte in &mut text {
                    tokio::time::sleep(PATIENCE / 3).await;
                    *byte = far.read_u8().await.unwrap();
                }
                assert_eq!(&text, b"slowly");
            };
            let mut near = Patient::new(near, PATIENCE);
            let (written, ()) = tokio::join!(near.write_all(b"slowly"), reader);
            written.unwrap();
        });
    }
}
