//! As much of HTTP as the collector needs of a keywire: one request, one connection, one answer. With TLS where the URL says
//! so, as a proxy before keywire ends it; the sockets are those that lead to a Redis.

use anyhow::{Context, anyhow, bail, ensure};
use backend::redis::{Socket, TlsConfig};
use bytes::BytesMut;
use model::Args;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use upstream::Address;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// What an answer may be long.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Where a keywire is: `http://HOST[:PORT][/PREFIX]`, or with `https`. `ws` and `wss` mean the same.
#[derive(Clone, Debug)]
pub struct Server {
    host: String,
    port: u16,
    prefix: String,
    /// How to speak TLS, if at all.
    tls: Option<TlsConfig>,
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Server, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let (tls, usual_port) = match scheme {
            "http" | "ws" => (None, 80),
            "https" | "wss" => (Some(TlsConfig::default()), 443),
            _ => return Err("a URL that begins with http:// or https:// is wanted".to_owned()),
        };
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // An IPv6 address has colons of its own, inside brackets.
        let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| format!("{port:?} is no port"))?),
            None => (authority, usual_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err("the URL names no host".to_owned());
        }
        if host.contains(['@', '?', '#']) || prefix.contains(['?', '#']) {
            return Err("the URL may have a host, a port and a path".to_owned());
        }
        Ok(Server { host, port, prefix: prefix.trim_end_matches('/').to_owned(), tls })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

impl Server {
    /// The body of the page at `path`.
    ///
    /// # Errors
    /// A server that cannot be reached, or whose answer is not 200.
    pub async fn get(&self, path: &str) -> anyhow::Result<String> {
        self.request("GET", path, "").await
    }

    /// Carries the commands out, as one pipeline.
    ///
    /// # Errors
    /// As [`Server::get`], and the first command that was refused.
    pub async fn commands(&self, commands: &[Args]) -> anyhow::Result<()> {
        let words =
            |args: &Args| args.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>();
        let body = serde_json::to_string(&commands.iter().map(words).collect::<Vec<_>>())?;
        let answers: Vec<serde_json::Value> = serde_json::from_str(&self.request("POST", "/command", &body).await?)?;
        match answers.iter().find_map(|answer| answer.get("error")) {
            Some(error) => Err(anyhow!("refused: {error}")),
            None => Ok(()),
        }
    }

    /// Trusts the certificates in this file, in PEM, in place of those that this machine trusts.
    ///
    /// # Errors
    /// A server that is not spoken to with TLS.
    pub fn trust(&mut self, ca: PathBuf) -> anyhow::Result<()> {
        let tls = self.tls.as_mut().context("--ca is for a URL that begins with https://")?;
        tls.ca = Some(ca);
        Ok(())
    }

    fn authority(&self) -> String {
        Address::Tcp { host: self.host.clone(), port: self.port }.to_string()
    }

    async fn request(&self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let answer = tokio::time::timeout(TIMEOUT, self.exchange(method, path, body)).await;
        let answer = answer.map_err(|_| anyhow!("no answer within {} s", TIMEOUT.as_secs()))??;
        let (head, body) = answer.split_once("\r\n\r\n").context("the answer is no HTTP")?;
        let status = head.lines().next().unwrap_or("");
        if !status.starts_with("HTTP/1.") || status.split(' ').nth(1) != Some("200") {
            bail!("{method} {path}: {status}: {}", body.trim());
        }
        Ok(body.to_owned())
    }

    /// HTTP/1.0: the answer ends with the connection, whoever sends it on.
    async fn exchange(&self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let address = Address::Tcp { host: self.host.clone(), port: self.port };
        let socket = Socket::connect(&address, self.tls.as_ref()).await?;
        let request = format!(
            "{method} {}{path} HTTP/1.0\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.prefix,
            self.authority(),
            body.len()
        );
        send(&socket, request.as_bytes()).await?;
        let answer = receive(&socket).await?;
        ensure!(!answer.is_empty(), "the server closed the connection");
        Ok(String::from_utf8(answer.into())?)
    }
}

async fn send(socket: &Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match socket.try_write(bytes) {
            Ok(taken) => bytes = &bytes[taken..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => socket.writable().await?,
            Err(error) => return Err(error),
        }
    }
    while !socket.try_flush()? {
        socket.writable().await?;
    }
    Ok(())
}

/// All that comes until the server closes the connection.
async fn receive(socket: &Socket) -> io::Result<BytesMut> {
    let mut answer = BytesMut::with_capacity(4096);
    loop {
        match socket.try_read(&mut answer) {
            Ok(0) => return Ok(answer),
            Ok(_) if answer.len() > ANSWER_BYTES_MAX => return Err(io::Error::other("the answer is too long")),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => socket.ready(false).await?,
            // Some end TLS without saying so. What is cut off is no JSON, or lacks its last line.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && !answer.is_empty() => return Ok(answer),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let told = |text: &str| text.parse::<Server>().map(|server| (server.to_string(), server.tls.is_some()));
        for (text, shown, tls) in [
            ("http://[::1]:7700/live/", "http://[::1]:7700/live", false),
            ("http://example.com", "http://example.com:80", false),
            ("ws://127.0.0.1:7700", "http://127.0.0.1:7700", false),
            ("https://[::1]", "https://[::1]:443", true),
            ("wss://example.com:8443/a/b", "https://example.com:8443/a/b", true),
        ] {
            assert_eq!(told(text), Ok((shown.to_owned(), tls)), "{text}");
        }
        for (text, problem) in [
            ("redis://a", "http:// or https://"),
            ("127.0.0.1:7700", "http:// or https://"),
            ("http:///x", "no host"),
            ("http://a:x", "no port"),
            ("http://a:70000", "no port"),
            ("http://me@a", "a host, a port and a path"),
            ("https://a/b?c", "a host, a port and a path"),
        ] {
            assert!(told(text).is_err_and(|error| error.contains(problem)), "{text}: {:?}", told(text));
        }
    }
}
