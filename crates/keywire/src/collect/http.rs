//! As much of HTTP as the collector needs of a keywire: one request, one connection, one answer.

use anyhow::{Context, anyhow, bail, ensure};
use model::Args;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// What an answer may be long.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Where a keywire is: `http://HOST[:PORT][/PREFIX]`.
#[derive(Clone, Debug)]
pub struct Server {
    /// `HOST[:PORT]`.
    host: String,
    prefix: String,
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Server, String> {
        let rest = text.strip_prefix("http://").ok_or("a URL that begins with http:// is wanted")?;
        let (host, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if host.is_empty() {
            return Err("the URL names no host".to_owned());
        }
        Ok(Server { host: host.to_owned(), prefix: prefix.trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.host, self.prefix)
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

    async fn request(&self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let answer = tokio::time::timeout(TIMEOUT, self.exchange(method, path, body)).await;
        let answer = answer.map_err(|_| anyhow!("no answer within {} s", TIMEOUT.as_secs()))??;
        let (head, body) = answer.split_once("\r\n\r\n").context("the answer is no HTTP")?;
        let status = head.lines().next().unwrap_or("");
        if !status.starts_with("HTTP/1.1 200") {
            bail!("{method} {path}: {status}: {}", body.trim());
        }
        Ok(body.to_owned())
    }

    async fn exchange(&self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let has_port = self.host.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let address = if has_port { self.host.clone() } else { format!("{}:80", self.host) };
        let mut stream = TcpStream::connect(address).await?;
        let request = format!(
            "{method} {}{path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.prefix,
            self.host,
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await?;
        ensure!(!answer.is_empty(), "the server closed the connection");
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let server: Server = "http://[::1]:7700/live/".parse().unwrap();
        assert_eq!((server.host.as_str(), server.prefix.as_str()), ("[::1]:7700", "/live"));
        assert_eq!(server.to_string(), "http://[::1]:7700/live");
        assert!("ws://a".parse::<Server>().is_err() && "http:///x".parse::<Server>().is_err());
    }
}
