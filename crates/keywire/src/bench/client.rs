//! One WebSocket connection of the crowd. All connections of the thread read into one buffer; a connection keeps
//! bytes of its own only while a frame is not whole, so ten thousand of them cost little.

use super::codec::{self, Opcode};
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
    /// The beginning of a frame that is not whole.
    partial: Vec<u8>,
    /// The beginning of a message that is not whole.
    message: Vec<u8>,
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
        stream.write_all(&codec::request(&url.host, &url.path)).await?;
        let mut answer = Vec::with_capacity(512);
        let end = loop {
            ensure!(stream.read_buf(&mut answer).await? > 0, "the server closed the connection during the handshake");
            if let Some(end) = codec::accepted(&answer)? {
                break end;
            }
        };
        let partial = answer[end..].to_vec();
        Ok(Client { stream, scratch, partial, message: Vec::new(), pongs: Vec::new() })
    }

    /// Sends one text message.
    pub async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        let mut frame = Vec::with_capacity(text.len() + 16);
        codec::encode(Opcode::Text, text.as_bytes(), &mut frame);
        Ok(self.stream.write_all(&frame).await?)
    }

    /// Waits for bytes, and gives each whole message to `on_message` with the size of its frame. An error is the end
    /// of the connection.
    pub async fn receive(&mut self, mut on_message: impl FnMut(&[u8], usize)) -> anyhow::Result<()> {
        poll_fn(|cx| {
            let Client { stream, scratch, partial, .. } = &mut *self;
            let scratch = scratch.clone();
            let mut buffer = scratch.borrow_mut();
            let had = partial.len();
            if buffer.len() < 2 * had {
                buffer.resize(4 * had, 0);
            }
            buffer[..had].copy_from_slice(partial);
            let mut read = ReadBuf::new(&mut buffer[had..]);
            ready!(Pin::new(stream).poll_read(cx, &mut read))?;
            let end = had + read.filled().len();
            if end == had {
                return Poll::Ready(Err(anyhow!("the server closed the connection without a close frame")));
            }
            let used = self.frames(&buffer[..end], &mut on_message);
            Poll::Ready(used.map(|used| self.keep(&buffer[used..end])))
        })
        .await?;
        if !self.pongs.is_empty() {
            self.stream.write_all(&std::mem::take(&mut self.pongs)).await?;
        }
        Ok(())
    }

    /// Waits for the first message that `wanted` says something of.
    pub async fn wait<T>(&mut self, mut wanted: impl FnMut(&[u8]) -> Option<T>) -> anyhow::Result<T> {
        let mut found = None;
        // Messages that came with the handshake's answer are in `partial`, and no read tells of them.
        let early = std::mem::take(&mut self.partial);
        let used = self.frames(&early, &mut |message, _| found = found.take().or_else(|| wanted(message)))?;
        self.keep(&early[used..]);
        while found.is_none() {
            self.receive(|message, _| found = found.take().or_else(|| wanted(message))).await?;
        }
        found.context("the loop ends only with something found")
    }

    fn keep(&mut self, rest: &[u8]) {
        self.partial.clear();
        if rest.is_empty() && self.partial.capacity() > 4096 {
            self.partial = Vec::new();
        }
        self.partial.extend_from_slice(rest);
    }

    /// Handles all whole frames of `bytes`; says how many bytes they were.
    fn frames(&mut self, bytes: &[u8], on_message: &mut impl FnMut(&[u8], usize)) -> anyhow::Result<usize> {
        let mut used = 0;
        while let Some(header) = codec::header(&bytes[used..])? {
            let start = used + header.header_len;
            let Some(payload) = bytes.get(start..start + header.payload_len) else { break };
            used = start + header.payload_len;
            match header.opcode {
                Opcode::Text | Opcode::Binary if header.fin => on_message(payload, header.header_len + payload.len()),
                Opcode::Text | Opcode::Binary | Opcode::Continuation => {
                    self.message.extend_from_slice(payload);
                    if header.fin {
                        let whole = std::mem::take(&mut self.message);
                        on_message(&whole, header.header_len + whole.len());
                    }
                }
                Opcode::Ping => codec::encode(Opcode::Pong, payload, &mut self.pongs),
                Opcode::Pong => {}
                Opcode::Close => bail!(closed(payload)),
            }
        }
        Ok(used)
    }
}

/// A sentence for the payload of the server's close frame.
pub fn closed(payload: &[u8]) -> String {
    match payload.split_first_chunk::<2>() {
        Some((code, reason)) => {
            format!("the server closed with {}: {}", u16::from_be_bytes(*code), String::from_utf8_lossy(reason))
        }
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
        assert_eq!(closed(b"\x10\x05slow"), "the server closed with 4101: slow");
        assert_eq!(closed(b""), "the server closed");
    }
}
