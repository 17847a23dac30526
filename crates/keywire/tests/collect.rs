//! `keywire collect` over HTTPS, as a proxy before keywire ends it; and what it says where that cannot be.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../backend/tests/common/mod.rs"]
mod common;
mod gateway;

use common::make_certificates;
use gateway::Gateway;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn figures_arrive_through_a_proxy_that_ends_tls() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path(), &[("server", &["localhost"])]);
    let gateway = Gateway::start(&[], &[]);
    let url = format!("https://localhost:{}", serve_tls(folder.path(), gateway.port()));
    let _collector = Collector::start(&["--url", &url, "--name", "box", "--ca", &path(folder.path(), "ca.pem")]);
    gateway
        .until(|| gateway.command(r#"["EXISTS","demo:monitoring:box","demo:monitoring:box:1s"]"#) == r#"{"result":2}"#);
}

#[test]
fn whoever_is_not_trusted_is_not_written_to_and_it_is_said_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path(), &[("server", &["localhost"])]);
    let gateway = Gateway::start(&[], &[]);
    let url = format!("https://localhost:{}", serve_tls(folder.path(), gateway.port()));
    // Another authority than the one that signed.
    let other = tempfile::tempdir().unwrap();
    make_certificates(other.path(), &[]);
    let mut collector = Collector::start(&["--url", &url, "--name", "box", "--ca", &path(other.path(), "ca.pem")]);
    let said = collector.says();
    assert!(said.contains("--ca") && said.contains("trying on"), "{said}");
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(gateway.command(r#"["EXISTS","demo:monitoring:box"]"#), r#"{"result":0}"#);

    // Plain HTTP where TLS is expected, and a certificate where there is no TLS.
    let mut collector = Collector::start(&["--url", &format!("https://localhost:{}", gateway.port()), "--name", "box"]);
    let said = collector.says();
    assert!(said.contains("does this port speak TLS?") || said.contains("no trusted certificates"), "{said}");
    let refused = Command::new(env!("CARGO_BIN_EXE_keywire")).args(["collect", "--ca", "x"]).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--ca is for a URL that begins with https://"));
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// A collector that ends with its value.
struct Collector(Child);

impl Collector {
    fn start(arguments: &[&str]) -> Collector {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keywire"));
        command.arg("collect").args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
        Collector(command.spawn().unwrap())
    }

    /// The first line of what it complains of.
    fn says(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stderr.take().unwrap()).read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ends TLS before `port`: one request and its answer per connection. Gives its own port; it serves as long as the test.
fn serve_tls(folder: &Path, port: u16) -> u16 {
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own_port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let session = ServerConnection::new(config.clone()).unwrap();
            // Who does not trust this goes away during the handshake.
            let _ = pass_on(StreamOwned::new(session, socket.unwrap()), port);
        }
    });
    own_port
}

fn pass_on(mut outside: StreamOwned<ServerConnection, TcpStream>, port: u16) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !is_whole(&request) {
        let mut part = [0; 4096];
        let read = outside.read(&mut part)?;
        request.extend_from_slice(&part[..read]);
    }
    let mut inside = TcpStream::connect(("127.0.0.1", port))?;
    inside.write_all(&request)?;
    let mut answer = Vec::new();
    inside.read_to_end(&mut answer)?;
    outside.write_all(&answer)?;
    outside.conn.send_close_notify();
    outside.flush()
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    body.len() >= length.parse().unwrap()
}
