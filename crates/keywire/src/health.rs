//! `keywire health`: asks a server on this machine whether it is ready, for images that have no other program to ask with.

use crate::settings::Settings;
use anyhow::{Context, bail};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the first plain listener of these settings. Where there is none, that TLS's port takes connections is enough.
///
/// # Errors
/// Why the server is not ready.
pub fn ask(settings: &Settings) -> anyhow::Result<()> {
    let path = format!("{}/readyz", settings.prefix);
    if let Some(address) = settings.listen.first() {
        let socket = connect(*address)?;
        return judge(exchange(socket, &path).with_context(|| address.to_string())?);
    }
    if let Some(file) = settings.transport.listen_unix.first() {
        let socket = UnixStream::connect(file).with_context(|| file.clone())?;
        socket.set_read_timeout(Some(PATIENCE))?;
        return judge(exchange(socket, &path).with_context(|| file.clone())?);
    }
    match settings.transport.listen_tls.first() {
        Some(address) => connect(*address).map(drop),
        None => bail!("these settings listen nowhere"),
    }
}

fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, address.port());
    let socket = TcpStream::connect_timeout(&address, PATIENCE).with_context(|| address.to_string())?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn exchange(mut socket: impl Read + Write, path: &str) -> anyhow::Result<String> {
    const ANSWER_BYTES_MAX: u64 = 4096;
    write!(socket, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

fn judge(answer: String) -> anyhow::Result<()> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => bail!("not ready: {}", if body.is_empty() { head } else { body }.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_200_is_ready() {
        assert!(judge("HTTP/1.1 200 OK\r\n\r\nok\n".into()).is_ok());
        let not = judge("HTTP/1.1 503 Service Unavailable\r\n\r\ndraining\n".into()).unwrap_err();
        assert_eq!(not.to_string(), "not ready: draining");
        assert!(judge(String::new()).is_err());
    }
}
