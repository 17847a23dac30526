//! One WebSocket connection of the crowd. All connections of the thread read into one buffer, and [`Decoder`] keeps
//! bytes only while a message is not whole, so ten thousand of them cost little.

use super::handshake;
use anyhow::{Context as _, anyhow, bail, ensure};
use std::cell::RefCell;
use std::future::poll_fn;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::rc::Rc;
use std::str::FromStr;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use wire::ws::{self, Decoder, Message, Opcode, Role};

/// Connecting and the handshake together take at most so long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// `ws://HOST[:PORT]/PATH`, resolved.
#[derive(Clone, Debug)]
pub struct Url {
    text: String,
    /// `HOST[:PORT]`, as it goes into the `Host` header.
    pub host: String,
    /// Path and query.
    pub path: String,
    /// Where it is.
    pub address: SocketAddr,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Url, String> {
        let rest = text.strip_prefix("ws://").ok_or("a URL that begins with ws:// is wanted")?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let with_port = if host.rsplit(']').next().is_some_and(|end| end.contains(':')) {
            host.into()
        } else {
            format!("{host}:80")
        };
        let mut addresses = with_port.to_socket_addrs().map_err(|error| format!("{host}: {error}"))?;
        let address = addresses.next().ok_or_else(|| format!("{host} has no address"))?;
        let path = if path.is_empty() { "/" } else { path };
        Ok(Url { text: text.to_owned(), host: host.to_owned(), path: path.to_owned(), address })
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The buffer that all clients of a thread read into.
pub type Scratch = Rc<RefCell<Vec<u8>>>;

/// A scratch buffer of the usual size.
pub fn scratch() -> Scratch {
    Rc::new(RefCell::new(vec![0; 256 << 10]))
}

/// An open connection.
pub struct Client {
    stream: TcpStream,
    scratch: Scratch,
    decoder: Decoder,
    /// What came in one piece with the handshake's answer and is not decoded yet.
    early: Vec<u8>,
    /// Answers to pings that are not written yet.
    pongs: Vec<u8>,
}

impl Client {
    /// Connects and opens a WebSocket.
    pub async fn connect(url: &Url, scratch: Scratch) -> anyhow::Result<Client> {
        let opened = tokio::time::timeout(CONNECT_TIMEOUT, Client::open(url, scratch)).await;
        let opened = opened.unwrap_or_else(|_| Err(anyhow!("no answer within {} s", CONNECT_TIMEOUT.as_secs())));
        opened.with_context(|| format!("{url}"))
    }

    async fn open(url: &Url, scratch: Scratch) -> anyhow::Result<Client> {
        let mut stream = TcpStream::connect(url.address).await.map_err(|error| connect_error(&error))?;
        stream.set_nodelay(true)?;
        stream.write_all(&handshake::request(&url.host, &url.path)).await?;
        let mut answer = Vec::with_capacity(512);
        let end = loop {
            ensure!(stream.read_buf(&mut answer).await? > 0, "the server closed the connection during the handshake");
            if let Some(end) = handshake::accepted(&answer)? {
                break end;
            }
        };
        let early = answer[end..].to_vec();
        Ok(Client { stream, scratch, decoder: Decoder::new(Role::Client), early, pongs: Vec::new() })
    }

    /// Sends one text message.
    pub async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        let mut frame = Vec::with_capacity(text.len() + 16);
        client_frame(Opcode::Text, text.as_bytes(), &mut frame);
        Ok(self.stream.write_all(&frame).await?)
    }

    /// Waits for bytes, and gives each whole message to `on_message` with the size of its frame. An error is the end
    /// of the connection.
    pub async fn receive(&mut self, mut on_message: impl FnMut(&[u8], usize)) -> anyhow::Result<()> {
        let mut early = std::mem::take(&mut self.early);
        match early.is_empty() {
            true => self.read(&mut on_message).await?,
            false => self.decode(&mut early, &mut on_message)?,
        }
        if !self.pongs.is_empty() {
            self.stream.write_all(&std::mem::take(&mut self.pongs)).await?;
        }
        Ok(())
    }

    /// Waits for the first message that `wanted` says something of.
    pub async fn wait<T>(&mut self, mut wanted: impl FnMut(&[u8]) -> Option<T>) -> anyhow::Result<T> {
        loop {
            let mut found = None;
            self.receive(|message, _| found = found.take().or_else(|| wanted(message))).await?;
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    /// One read of the socket. The shared buffer is borrowed only while there is something to read.
    async fn read(&mut self, on_message: &mut impl FnMut(&[u8], usize)) -> anyhow::Result<()> {
        poll_fn(|cx| {
            let scratch = self.scratch.clone();
            let mut buffer = scratch.borrow_mut();
            let mut read = ReadBuf::new(&mut buffer);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            Poll::Ready(match read.filled_mut() {
                [] => Err(anyhow!("the server closed the connection without a close frame")),
                bytes => self.decode(bytes, on_message),
            })
        })
        .await
    }

    fn decode(&mut self, mut bytes: &mut [u8], on_message: &mut impl FnMut(&[u8], usize)) -> anyhow::Result<()> {
        while let Some(message) = self.decoder.decode(&mut bytes, usize::MAX).context("the server's WebSocket")? {
            match message {
                Message::Text(text) => on_message(text.as_bytes(), frame_len(text.len())),
                Message::Binary(payload) => on_message(payload, frame_len(payload.len())),
                Message::Ping(payload) => client_frame(Opcode::Pong, payload, &mut self.pongs),
                Message::Pong(_) => {}
                Message::Close { code, reason } => bail!(closed(code, reason)),
            }
        }
        Ok(())
    }
}

/// Appends a client's frame. The masking key is zero, which is a key like any other and spares the server nothing.
pub fn client_frame(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    ws::client_frame(opcode, payload, [0; 4], out);
}

/// Bytes of a server's frame with a payload of `len` bytes.
fn frame_len(len: usize) -> usize {
    match len {
        0..=125 => 2 + len,
        126..=0xffff => 4 + len,
        _ => 10 + len,
    }
}

/// A sentence for the server's close frame.
pub fn closed(code: Option<u16>, reason: &str) -> String {
    match code {
        Some(code) => format!("the server closed with {code}: {reason}"),
        None => "the server closed".to_owned(),
    }
}

/// A sentence for what went wrong when connecting.
pub fn connect_error(error: &std::io::Error) -> anyhow::Error {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => anyhow!("connection refused: is the server running there?"),
        std::io::ErrorKind::AddrNotAvailable => {
            anyhow!("no local port is left for another connection to this address (about 28,000 are)")
        }
        _ => anyhow!("cannot connect: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let url: Url = "ws://127.0.0.1:7700/ws".parse().unwrap();
        assert_eq!((url.host.as_str(), url.path.as_str()), ("127.0.0.1:7700", "/ws"));
        assert_eq!(url.address, "127.0.0.1:7700".parse().unwrap());
        assert_eq!("ws://[::1]".parse::<Url>().unwrap().address, "[::1]:80".parse().unwrap());
        for bad in ["http://127.0.0.1/", "ws://", "ws://127.0.0.1:x/", "127.0.0.1:1"] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_close_frame_is_told_with_its_code() {
        assert_eq!(closed(Some(4101), "slow"), "the server closed with 4101: slow");
        assert_eq!(closed(None, ""), "the server closed");
    }
}
