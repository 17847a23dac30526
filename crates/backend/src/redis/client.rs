//! One connection for one caller, one command at a time: what `keywire doctor` and tests ask a server with. The backend
//! itself does not use it.

use super::socket::Socket;
use super::tls::TlsConfig;
use bytes::{Buf, BytesMut};
use model::{Frame, Reply};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use upstream::{Address, Credentials};
use wire::resp::{ReplyDecoder, ReplyLimits, encode_command};

/// What is read at once at most.
const READ_BYTES: usize = 32 << 10;

/// A connection to one server.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    decoder: ReplyDecoder,
    buffer: BytesMut,
    /// Pushes that came while a reply was waited for.
    pushes: VecDeque<Vec<Reply>>,
}

impl Client {
    /// Connects; nothing is said yet.
    ///
    /// # Errors
    /// As [`Socket::connect`].
    pub async fn connect(address: &Address, tls: Option<&TlsConfig>) -> io::Result<Client> {
        Ok(Client {
            socket: Socket::connect(address, tls).await?,
            decoder: ReplyDecoder::new(ReplyLimits::default()),
            buffer: BytesMut::new(),
            pushes: VecDeque::new(),
        })
    }

    /// Greets in RESP3 and logs in; the reply may be an error.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub async fn hello(&mut self, credentials: Option<&Credentials>) -> io::Result<Reply> {
        match credentials {
            None => self.call(&["HELLO", "3"]).await,
            Some(credentials) => {
                let user = credentials.user.as_deref().unwrap_or("default");
                self.call(&["HELLO", "3", "AUTH", user, &credentials.password]).await
            }
        }
    }

    /// Sends a command and waits for its reply, which may be an error.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub async fn call<A: AsRef<[u8]>>(&mut self, command: &[A]) -> io::Result<Reply> {
        self.send(command).await?;
        loop {
            match self.next_frame().await? {
                Frame::Reply(reply) => return Ok(reply),
                Frame::Push(push) => self.pushes.push_back(push),
                Frame::Oversize { bytes, .. } => return Err(io::Error::other(format!("a reply of {bytes} bytes"))),
            }
        }
    }

    /// Sends a command whose answer is a push, such as `SUBSCRIBE`.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub async fn send<A: AsRef<[u8]>>(&mut self, command: &[A]) -> io::Result<()> {
        let mut unwritten = BytesMut::new();
        encode_command(command, &mut unwritten);
        while !unwritten.is_empty() || !self.socket.try_flush()? {
            match self.socket.try_write(&unwritten) {
                Ok(written) => unwritten.advance(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.socket.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next push; an error reply to a command that was only sent ends the wait with its text.
    ///
    /// # Errors
    /// The connection is of no more use, or such an error reply came.
    pub async fn next_push(&mut self) -> io::Result<Vec<Reply>> {
        if let Some(push) = self.pushes.pop_front() {
            return Ok(push);
        }
        loop {
            match self.next_frame().await? {
                Frame::Push(push) => return Ok(push),
                Frame::Reply(Reply::Error(text)) => {
                    return Err(io::Error::other(String::from_utf8_lossy(&text).into_owned()));
                }
                Frame::Reply(_) | Frame::Oversize { .. } => {}
            }
        }
    }

    async fn next_frame(&mut self) -> io::Result<Frame> {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.buffer).map_err(io::Error::other)? {
                return Ok(frame);
            }
            self.buffer.reserve(READ_BYTES);
            match self.socket.try_read(&mut self.buffer) {
                Ok(0) => return Err(io::Error::other("it closed the connection")),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.socket.ready(false).await?,
                Err(error) => return Err(error),
            }
        }
    }
}
